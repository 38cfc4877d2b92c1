"""Amazon Elastic Container Registry, a module a noun. Importing it registers the operations."""

from ecrlab.aws.ecr import images, layers, login, policies, registry, repositories, templates

__all__ = ["images", "layers", "login", "policies", "registry", "repositories", "templates"]
