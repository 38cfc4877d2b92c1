"""09-e10: a tag that moves while a service runs. What a learner reads is in e10.md."""

from __future__ import annotations

import time

from ecrlab_course.authoring import Lab

from .state import CLUSTER, LANDING, moved_tag_seen, put_page, register, serve, settle

__all__ = ["moved_tag_seen"]


def moved(lab: Lab) -> None:
    """Make the service, move the tag, and ask for a third task, as the next cell does."""
    serve(lab, LANDING, register(lab, LANDING, f"{LANDING}:live"))
    put_page(lab, LANDING, "live", "The landing stage, at night")
    ask_for_three(lab)


def forced(lab: Lab) -> None:
    """The same, and then a new deployment."""
    moved(lab)
    lab.client("ecs").update_service(cluster=CLUSTER, service=LANDING, forceNewDeployment=True)
    settle(lab, LANDING)


def ask_for_three(lab: Lab) -> None:
    """Ask for three tasks, and wait for them."""
    lab.client("ecs").update_service(cluster=CLUSTER, service=LANDING, desiredCount=3)
    deadline = time.monotonic() + 30
    while lab.service(LANDING, cluster=CLUSTER).running < 3 and time.monotonic() < deadline:
        time.sleep(0.1)
    settle(lab, LANDING)


TRIES = {"a": [moved], "c": [forced]}


def reset(lab: Lab) -> None:
    """Remove the service, and give the tag back to its first image."""
    ecs = lab.client("ecs")
    if LANDING in {arn.rpartition("/")[2] for arn in ecs.list_services(cluster=CLUSTER)["serviceArns"]}:
        ecs.delete_service(cluster=CLUSTER, service=LANDING, force=True)
    lab.clear(LANDING)
    lab.client("ecr").create_repository(repositoryName=LANDING)
    put_page(lab, LANDING, "live", "The landing stage")
