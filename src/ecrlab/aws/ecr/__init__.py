"""Amazon Elastic Container Registry, a module a noun. Importing it registers the operations."""

from ecrlab.aws.ecr import (
    backfill,
    exclusions,
    images,
    layers,
    lifecycle,
    login,
    policies,
    registry,
    replication,
    repositories,
    signing,
    storage,
    templates,
)

__all__ = [
    "backfill",
    "exclusions",
    "images",
    "layers",
    "lifecycle",
    "login",
    "policies",
    "registry",
    "replication",
    "repositories",
    "signing",
    "storage",
    "templates",
]
