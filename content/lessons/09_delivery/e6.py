"""09-e6: who asks ECR for the image of a task. What a learner reads is in e6.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab
from ecrlab_course.authoring.staging import ask_registry

from .state import APP, CLUSTER, OLD, puller_seen, run_task

__all__ = ["puller_seen"]


def a_task(lab: Lab) -> None:
    """Run a task of the recipe, as the next cell does."""
    run_task(lab, APP)


def by_hand(lab: Lab) -> None:
    """Ask for the manifest as admin."""
    ask_registry(lab, APP, OLD)


TRIES = {"c": [a_task], "d": [by_hand]}


def reset(lab: Lab) -> None:
    """Stop what runs."""
    ecs = lab.client("ecs")
    for arn in ecs.list_tasks(cluster=CLUSTER)["taskArns"]:
        ecs.stop_task(cluster=CLUSTER, task=arn)
