"""AWS STS: sessions of roles, for callers, for bearers of identity tokens, and for services."""

from ecrlab.aws.sts import operations

__all__ = ["operations"]
