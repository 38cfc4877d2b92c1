"""The AWS side of the local cloud: wire protocols, signatures, identities, and one module per service."""
