"""Amazon Elastic Container Registry, a module a noun. Importing it registers the operations."""

from ecrlab.aws.ecr import (
    backfill,
    images,
    layers,
    lifecycle,
    login,
    policies,
    registry,
    replication,
    repositories,
    storage,
    templates,
)

__all__ = [
    "backfill",
    "images",
    "layers",
    "lifecycle",
    "login",
    "policies",
    "registry",
    "replication",
    "repositories",
    "storage",
    "templates",
]
