"""AWS Identity and Access Management, one module per noun. Importing it registers the operations."""

from ecrlab.aws.iam import (
    account,
    attachments,
    boundaries,
    groups,
    inline,
    keys,
    oidc_providers,
    policies,
    roles,
    simulation,
    tagging,
    users,
)

__all__ = [
    "account",
    "attachments",
    "boundaries",
    "groups",
    "inline",
    "keys",
    "oidc_providers",
    "policies",
    "roles",
    "simulation",
    "tagging",
    "users",
]
