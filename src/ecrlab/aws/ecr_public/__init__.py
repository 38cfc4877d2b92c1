"""Amazon ECR Public, one module per noun. Importing it registers the operations."""

from ecrlab.aws.ecr_public import catalog, images, login, policies, registries, repositories

__all__ = ["catalog", "images", "login", "policies", "registries", "repositories"]
