"""Lab 03: the town, and what its milestones find in the desk's file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from ecrlab_course.authoring import Lab
from ecrlab_course.desk.desk import NIGHT, Desk
from ecrlab_course.desk.ticket import Book, book_of
from ecrlab_course.desk.town import Town
from ecrlab_course.toolbox.lab import Lab as Whole

WANTED = 3
"""Tickets that a desk wants closed with their cause, and a night shift has."""


def town(lab: Lab) -> None:
    """The town of the desk, healthy: five repositories, and everybody does their work."""
    Town(cast(Whole, lab)).build()


def gone(lab: Lab) -> None:
    """Empty the lab."""
    lab.control.reset()


CHECKPOINTS = {"town": town}


def book(lab: Lab) -> Book:
    """Return the desk's file."""
    return book_of(lab.control.home)


class Shift:
    """What was done at one desk, as the desk's file has it."""

    def __init__(self, lab: Lab, desk: str) -> None:
        found = [each for each in book(lab).read()["tickets"].values() if each.get("desk") == desk]
        self.dealt = len(found)
        closed = [each for each in found if each.get("closed")]
        self.names = sorted({_name(each) for each in closed})
        self.closed = len(self.names)
        self.all_closed = len(closed)
        self.wanted = WANTED
        self.works = sum(each.get("state") == "works" for each in found)
        self.understood = sum(each.get("state") == "understood" for each in found)
        self.listed = ", ".join(self.names) or "none"
        self.nights = [each for each in found if each.get("night")]
        self.best = self._best()

    def _best(self) -> list[dict[str, Any]]:
        """Return the tickets of the night of which most are closed."""
        numbers = {each["night"] for each in self.nights}
        groups = [[each for each in self.nights if each["night"] == number] for number in sorted(numbers)]
        return max(groups, key=lambda group: len({_name(each) for each in group if each.get("closed")}), default=[])

    @property
    def of_night(self) -> int:
        """How many of the best night's tickets are closed."""
        return len({_name(each) for each in self.best if each.get("closed")})

    @property
    def alarm_open(self) -> bool:
        """Whether the best night's false alarm is the one that is open."""
        left = {each["incident"] for each in self.best} - {each["incident"] for each in self.best if each.get("closed")}
        return bool(left) and all(each.startswith("f") for each in left)


def _name(record: dict[str, Any]) -> str:
    """Return a ticket as people name it: 9-3."""
    identifier = str(record["incident"])
    return f"{identifier if identifier.startswith('f') else int(identifier[1:])}-{record['seed']}"


# What tries do --------------------------------------------------------------------------------------------------------


def at_the_desk(desk: str, times: int) -> Callable[[Lab], None]:
    """Return a step that deals so many tickets of a desk and closes each, as somebody does who knows how."""

    def act(lab: Lab) -> None:
        assert lab.folder is not None
        counter = Desk(lab.control.home, lab.folder)
        for _ in range(times):
            for ticket in counter.deal_desk(desk):
                counter.solve(ticket)

    return act


def on_file(*records: dict[str, Any], desk: str) -> Callable[[Lab], None]:
    """Return a step that leaves tickets of a desk in its file, as another day left them."""

    def act(lab: Lab) -> None:
        def edit(data: dict[str, Any]) -> None:
            first = 1 + max(map(int, data["tickets"]), default=0)
            for number, record in enumerate(records, first):
                data["tickets"][str(number)] = {"seed": 1, "desk": desk, **record}

        book(lab).change(edit)

    return act


def done(incident: str, seed: int = 1, **more: Any) -> dict[str, Any]:
    """Return the record of a ticket that was closed."""
    return {"incident": incident, "seed": seed, "state": "closed", "closed": "2026-11-28T03:40:00+00:00", **more}


def tries_of(desk: str, one: str, other: str, third: str) -> dict[str, Any]:
    """Return the tries of a desk's milestone; `one`, `other` and `third` are incidents that the desk deals."""
    return {
        "passed": {
            "three tickets": at_the_desk(desk, 3),
            "two of another day, and one": [on_file(done(one), done(other, 2), desk=desk), at_the_desk(desk, 1)],
        },
        "open": [on_file({"incident": one}, desk=desk)],
        "some": [on_file(done(one), done(third), desk=desk)],
        "same-one": [on_file(done(other), done(other), done(other), desk=desk)],
        "unnamed": [on_file(done(one), {"incident": other, "state": "works"}, desk=desk)],
        "unfixed": [on_file({"incident": one, "state": "understood"}, desk=desk)],
    }


def forget(lab: Lab, desk: str) -> None:
    """Take what was done at a desk out of its file, and put the town back."""

    def edit(data: dict[str, Any]) -> None:
        kept = {number: each for number, each in data["tickets"].items() if each.get("desk") != desk}
        if len(kept) != len(data["tickets"]):
            data["tickets"], data["open"] = kept, {}

    book(lab).change(edit)
    town(lab)


__all__ = ["CHECKPOINTS", "NIGHT", "Shift", "at_the_desk", "done", "forget", "gone", "on_file", "tries_of"]
