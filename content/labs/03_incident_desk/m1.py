"""Milestone 1: three tickets of the first desk, closed with their cause."""

from __future__ import annotations

from ecrlab_course.authoring import Lab

from . import state
from .state import Shift, tries_of

DESK = "first"


class Seen(Shift):
    """What was done at the first desk."""

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


TRIES = tries_of(DESK, "i01", "i02", "i03")
