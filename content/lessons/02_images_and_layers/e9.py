"""02-e9: what a pull without a tag brings. What a learner reads is in e9.md."""

from __future__ import annotations

from contextlib import suppress

from ecrlab_course.authoring import Lab, Refused
from ecrlab_course.authoring.staging import made, make_repository, name_again

from .state import MAPS, latest_pulled

__all__ = ["latest_pulled"]


def pull(lab: Lab) -> None:
    """Pull without a tag."""
    lab.sh(f'docker pull -q "$REGISTRY/{MAPS}"')


def first_without_a_tag(lab: Lab) -> None:
    """Push the first without a tag and the second as 2.0, and pull, as the next cell does."""
    make_repository(lab, MAPS)
    made(lab, f'docker tag ecrlab/base:1 "$REGISTRY/{MAPS}" && docker push -q "$REGISTRY/{MAPS}"')
    lab.push(MAPS, "2.0")
    pull(lab)


def moved_by_hand(lab: Lab) -> None:
    """Move `latest` as well."""
    make_repository(lab, MAPS)
    lab.push(MAPS, "2.0")
    name_again(lab, MAPS, "latest", imageTag="2.0")
    pull(lab)


def never_pushed(lab: Lab) -> None:
    """Push both with a tag."""
    make_repository(lab, MAPS)
    with suppress(Refused):
        lab.push(MAPS, "2.0")
    pull(lab)


TRIES = {"b": [moved_by_hand], "c": [never_pushed]}


def reset(lab: Lab) -> None:
    """Remove the repository and docker's names for it."""
    lab.clear(MAPS)
    lab.sh(f'docker rmi -f "$REGISTRY/{MAPS}" "$REGISTRY/{MAPS}:2.0" >/dev/null 2>&1 || true')
