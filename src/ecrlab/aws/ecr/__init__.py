"""Amazon Elastic Container Registry, a module a noun. Importing it registers the operations."""

from ecrlab.aws.ecr import backfill, images, layers, login, policies, registry, replication, repositories, templates

__all__ = [
    "backfill",
    "images",
    "layers",
    "login",
    "policies",
    "registry",
    "replication",
    "repositories",
    "templates",
]
