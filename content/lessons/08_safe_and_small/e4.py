"""08-e4: a pull of an image with a critical finding. What a learner reads is in e4.md."""

from __future__ import annotations

from contextlib import suppress

from ecrlab_course.authoring import Lab

from .state import APP, e4_seen

__all__ = ["e4_seen"]


def pull(lab: Lab) -> None:
    """Remove the image from this computer and pull it, as the next cell does."""
    lab.sh(f'docker rmi -f "$REGISTRY/{APP}:2.0" >/dev/null; docker pull -q "$REGISTRY/{APP}:2.0" 2>&1')


def pull_what_is_gone(lab: Lab) -> None:
    """Delete the image, and pull it."""
    lab.client("ecr").batch_delete_image(repositoryName=APP, imageIds=[{"imageTag": "2.0"}])
    pull(lab)


def refused_pull(lab: Lab) -> None:
    """Let a Deny stop the pull."""
    deny = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"ecr:BatchGetImage"}}'
    lab.client("ecr").set_repository_policy(repositoryName=APP, policyText=deny)
    with suppress(RuntimeError):
        pull(lab)


# What really happened decides, whatever the page expects.
TRIES = {"a": [refused_pull], "c": [(pull, pull)], "d": [pull_what_is_gone]}


def reset(lab: Lab) -> None:
    """Nothing is left of it but an image on this computer."""
