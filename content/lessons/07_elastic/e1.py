"""07-e1: what is kept of a thousand versions. What a learner reads is in e1.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab
from ecrlab_course.authoring.staging import make_repository, put_image

from .state import BOOKING, clean, push_versions, pushed_to, season, sums

MOST, LEAST = 0.8, 2
"""From which share of the sum on all is kept; how many images are needed to tell."""


def e1_seen(lab: Lab) -> str | None:
    """Tell what is kept of the images that were pushed since the guess, beside what they add up to."""
    names = pushed_to(lab)
    if not names:
        return None
    there = lab.control.tree(repository=names[0], images=0)["shelves"]
    count = sum(int(shelf["sums"]["manifests"]) for shelf in there if shelf["registry"].endswith("us-east-1"))
    nominal, stored = sums(lab, names[0])
    if count < LEAST:
        return None
    return "a" if stored > MOST * nominal else "b"


def thirty_versions(lab: Lab) -> None:
    """Push some versions of the page, as the next cell pushes a thousand."""
    push_versions(lab, BOOKING, *(f"v{number:04d}" for number in range(1, 31)))


def strangers(lab: Lab) -> None:
    """Push images that have nothing in common."""
    make_repository(lab, BOOKING)
    for number in range(3):
        put_image(lab, BOOKING, f"v{number}", {"page": bytes([65 + number]) * 100 + str(hash(number)).encode() * 400})


TRIES = {"a": [strangers]}


def reset(lab: Lab) -> None:
    """Return to an empty registry."""
    clean(lab)
    season(lab)
