"""The containers of ECS's tasks in the lab's engine."""

from ecrlab.containers.runner import Containers

__all__ = ["Containers"]
