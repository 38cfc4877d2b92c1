"""The AWS side of the local cloud: wire protocols, signatures, identities, and one package per service."""
