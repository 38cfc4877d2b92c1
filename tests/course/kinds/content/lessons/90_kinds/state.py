"""A small lesson for the tests, no part of the course: one exercise of each kind that is more than a choice."""

from __future__ import annotations

from ecrlab_course.authoring import Lab

NAME = "kinds"
ARN = f"arn:aws:ecr:us-east-1:123456789012:repository/{NAME}"


def fresh(lab: Lab) -> None:
    """No repository, and ops with the permissions of the seed."""
    lab.clear(NAME)
    lab.user("ops")


def made(lab: Lab) -> None:
    """An empty repository."""
    fresh(lab)
    lab.client("ecr").create_repository(repositoryName=NAME)


CHECKPOINTS = {"fresh": fresh, "made": made}
