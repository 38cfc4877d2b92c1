"""Milestone 4: the three tickets of one night shift."""

from __future__ import annotations

from ecrlab_course.authoring import Lab

from . import state
from .state import NIGHT, Shift, at_the_desk, done, on_file


class Seen(Shift):
    """What was done in night shifts."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab, NIGHT)


def judge(seen: Seen) -> str:
    if not seen.dealt:
        return "untouched"
    if seen.of_night >= seen.wanted:
        return "passed"
    if seen.alarm_open:
        return "alarm-open"
    if seen.all_closed >= seen.wanted:
        return "two-nights"
    return "some" if seen.of_night else "open"


def reset(lab: Lab) -> None:
    """Forget the nights."""
    state.forget(lab, NIGHT)


def _open(incident: str, night: int = 1, **more: object) -> dict[str, object]:
    return {"incident": incident, "night": night, **more}


TRIES = {
    "passed": {
        "a night": at_the_desk(NIGHT, 1),
        "a night of another day": on_file(done("i02", night=1), done("i16", night=1), done("f4", night=1), desk=NIGHT),
    },
    "open": [on_file(_open("i02"), _open("i16"), _open("f4"), desk=NIGHT)],
    "some": [on_file(done("i02", night=1), _open("i16", state="works"), done("f4", night=1), desk=NIGHT)],
    "alarm-open": [on_file(done("i02", night=1), done("i16", night=1), _open("f4"), desk=NIGHT)],
    "two-nights": [
        on_file(
            done("i02", night=1), _open("i16"), done("f4", night=1),
            done("i07", night=2), _open("i16", 2), _open("f2", 2), desk=NIGHT,
        )
    ],
}  # fmt: skip
