"""08-e1: a repository with nothing but a name. What a learner reads is in e1.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab

from .state import APP, e1_seen

__all__ = ["e1_seen"]


def only_a_name(lab: Lab) -> None:
    """Make the repository, as the next cell does."""
    lab.client("ecr").create_repository(repositoryName=APP)


def with_kms(lab: Lab) -> None:
    """Ask for KMS."""
    lab.client("ecr").create_repository(repositoryName=APP, encryptionConfiguration={"encryptionType": "KMS"})


TRIES = {"a": [with_kms], "b": [(only_a_name, lambda lab: lab.clear(APP), only_a_name)]}


def reset(lab: Lab) -> None:
    """Remove the repository."""
    lab.clear(APP)
