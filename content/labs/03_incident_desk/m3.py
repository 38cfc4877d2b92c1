"""Milestone 3: three tickets of the third desk, closed with their cause."""

from __future__ import annotations

from ecrlab_course.authoring import Lab

from . import state
from .state import Shift, tries_of

DESK = "third"


class Seen(Shift):
    """What was done at the third desk."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab, DESK)


def judge(seen: Seen) -> str:
    if not seen.dealt:
        return "untouched"
    if seen.closed >= seen.wanted:
        return "passed"
    if seen.all_closed >= seen.wanted:
        return "same-one"
    if seen.works:
        return "unnamed"
    if seen.understood:
        return "unfixed"
    return "some" if seen.closed else "open"


def reset(lab: Lab) -> None:
    """Forget the desk's tickets."""
    state.forget(lab, DESK)


TRIES = tries_of(DESK, "i16", "i20", "i22")
