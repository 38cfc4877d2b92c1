"""03-e6: the same layers pushed twice, without and with mounting. What a learner reads is in e6.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab
from ecrlab_course.authoring.staging import make_repository

from .state import OFF, ON, docker_pushes, mounting, travelled

__all__ = ["travelled"]


def off_then_on(lab: Lab) -> None:
    """Push to web/off, switch mounting on, push to web/on: as the next cell does."""
    docker_pushes(lab, OFF)
    mounting(lab, "ENABLED")
    docker_pushes(lab, ON)


def never_on(lab: Lab) -> None:
    """Push to both without the switch."""
    docker_pushes(lab, OFF, ON)


def always_on(lab: Lab) -> None:
    """Push to both with the switch on."""
    mounting(lab, "ENABLED")
    docker_pushes(lab, OFF, ON)


# Other worlds than the page's: what really happened decides.
TRIES = {"a": [always_on], "c": [never_on]}


def reset(lab: Lab) -> None:
    """Make both shelves empty again, and switch mounting off."""
    mounting(lab, "DISABLED")
    lab.clear(OFF, ON)
    lab.sh(f'docker rmi -f "$REGISTRY/{OFF}:1" "$REGISTRY/{ON}:1" >/dev/null 2>&1 || true')
    for name in (OFF, ON):
        make_repository(lab, name)
