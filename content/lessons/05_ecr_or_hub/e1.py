"""05-e1: the same push to two registries. What a learner reads is in e1.md."""

from __future__ import annotations

from contextlib import suppress

from ecrlab_course.authoring import Lab, Refused
from ecrlab_course.authoring.staging import make_repository
from ecrlab_course.toolbox.hub_client import push as hub_push

from .state import AT_HUB, MAP


def both_pushes(lab: Lab) -> None:
    """Push with docker to both, as the next cell does."""
    lab.sh(f'docker push -q "$HUB/{AT_HUB}:1"; docker push -q "$REGISTRY/{MAP}:1"')
    lab.sh(f'docker push -q "$REGISTRY/{MAP}:1"')


def made_before(lab: Lab) -> None:
    """Make the repository at ECR first."""
    make_repository(lab, MAP)
    hub_push(lab.hub, AT_HUB, "1")
    lab.push(MAP, "1")


def elsewhere(lab: Lab) -> None:
    """Push under somebody else's name at the Hub."""
    with suppress(Refused):
        hub_push(lab.hub, f"dara/{MAP}", "1")
    with suppress(Refused):
        lab.push(MAP, "1")


TRIES = {"b": [both_pushes], "a": [made_before], "c": [elsewhere]}


def reset(lab: Lab) -> None:
    """Remove the repository from both."""
    lab.clear(MAP)
    lab.control.hub_remove(AT_HUB)
