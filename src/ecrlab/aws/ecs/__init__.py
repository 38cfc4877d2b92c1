"""Amazon Elastic Container Service, one module per noun. Importing it registers the operations.

The one rule: the service acts as the learner's roles, through the same doors as everybody, and leaves the same rows.
"""

from ecrlab.aws.ecs import agent, clusters, definitions, deployments, rights, rollout, services, tags, tasks

__all__ = ["agent", "clusters", "definitions", "deployments", "rights", "rollout", "services", "tags", "tasks"]
