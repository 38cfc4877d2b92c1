"""Lab 04: its checkpoints, each with so many milestones done. They write nothing into the learner's folder."""

from __future__ import annotations

from ecrlab_course.authoring import Lab

from .line import GATE, GOOD, LATEST, PINNED, keyless_role, narrow_execution
from .town import KEEP_THREE, NAME, history, lifecycle, old_pipeline, serve, start

RELEASES = {
    **KEEP_THREE,
    "description": "any image, keep a hundred",
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 100},
}

GONE = "AKIAIOSFODNN7EXAMPLE"
"""AWS's example of an access key's id."""


def build(lab: Lab, done: int) -> None:
    """Build the town with so many milestones done."""
    key = start(lab)
    files = ({}, {"pipeline.sh": LATEST}, {"pipeline.sh": PINNED}, {"pipeline.sh": GOOD, "gate.sh": GATE})[min(done, 3)]
    # A key that was deleted is none: the commits, and so the tags, are the same whenever this is built.
    commit = history(lab, old_pipeline(*(key if done == 0 else (GONE, "x" * 40))), files)
    ecr = lab.client("ecr")
    if done >= 1:
        keyless_role(lab)
    serve(lab, commit[:12] if done >= 2 else "latest", pinned=done >= 2)
    if done >= 2:
        ecr.put_image_tag_mutability(repositoryName=NAME, imageTagMutability="IMMUTABLE")
    if done >= 3:
        ecr.put_image_scanning_configuration(repositoryName=NAME, imageScanningConfiguration={"scanOnPush": True})
    if done >= 4:
        ecr.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=lifecycle(RELEASES))
    if done >= 5:
        narrow_execution(lab)


def fresh(lab: Lab) -> None:
    """The service runs, and the pipeline delivers with a key in its third line."""
    build(lab, 0)


def keyless(lab: Lab) -> None:
    """The pipeline comes in by its letter, and delivers `latest`; the robot has no key any more."""
    build(lab, 1)


def pinned(lab: Lab) -> None:
    """What runs is named by its digest, and its tag by its commit; nothing tests, and nothing is scanned."""
    build(lab, 2)


def gated(lab: Lab) -> None:
    """A test and a gate stand before the deployment; the lifecycle rule still keeps three images."""
    build(lab, 3)


def end(lab: Lab) -> None:
    """All five milestones are done."""
    build(lab, 5)


def gone(lab: Lab) -> None:
    """Empty the lab, and let its clock be real."""
    lab.control.reset()
    lab.clock.reset()


CHECKPOINTS = {"fresh": fresh, "keyless": keyless, "pinned": pinned, "gated": gated, "end": end}
