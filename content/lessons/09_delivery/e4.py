"""09-e4: in whose name a run pushes. What a learner reads is in e4.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab
from ecrlab_course.authoring.staging import made

from .state import APP, await_scan, pusher_seen

__all__ = ["pusher_seen"]


def a_run(lab: Lab) -> None:
    """Commit and push, as the next cell does."""
    made(lab, 'cd my-booking && git commit -q --allow-empty -m "Opening hours" && git push -q lab main 2>&1')


def by_hand(lab: Lab) -> None:
    """Push an image from this computer, as admin."""
    lab.push(APP, "by-hand")
    await_scan(lab, "by-hand")


def by_the_robot(lab: Lab) -> None:
    """Push an image with the robot's key."""
    lab.push(APP, "by-key", profile="ci")
    await_scan(lab, "by-key")


TRIES = {"a": [by_hand], "b": [by_the_robot], "c": [a_run]}


def reset(lab: Lab) -> None:
    """Remove what was pushed."""
    found = lab.client("ecr").list_images(repositoryName=APP)["imageIds"]
    pushed = [{"imageDigest": each["imageDigest"]} for each in found if each.get("imageTag") != "first"]
    if pushed:
        lab.client("ecr").batch_delete_image(repositoryName=APP, imageIds=pushed)
