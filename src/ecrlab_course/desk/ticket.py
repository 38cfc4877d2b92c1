"""A ticket: its incident, its seed number, its causes to choose from; and the file that keeps all tickets.

What a number deals is the same on every machine.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecrlab.home import Home
from ecrlab_course.desk.incident import NONE, SEEDS, Incident
from ecrlab_course.messages import say
from ecrlab_course.progress import KeptFile

TIMES = ("03:10", "03:12", "03:25")
"""When the tickets of a night shift arrive."""


class Book(KeptFile):
    """The desk's file: every ticket that was dealt, and what is needed to judge those that are open.

    `tickets`: number to record. `open`: `tickets` (numbers, in order), `before` and `dealt` (two states of the town).
    """

    parts = ("tickets", "open")


def book_of(home: Home) -> Book:
    """Return the desk's file of a home: tickets.json, beside progress.json."""
    return Book(home.progress.with_name("tickets.json"))


@dataclass(frozen=True)
class Choice:
    """One cause to choose: the letter that is shown, the key that is kept, and its text (markdown)."""

    letter: str
    key: str
    text: str


@dataclass(frozen=True)
class Ticket:
    """One ticket: its incident, the seed number that people say (9-3), and what the file holds of it."""

    id: str
    incident: Incident
    number: int
    record: Mapping[str, Any]

    @property
    def dealt(self) -> tuple[str, int]:
        """The cause, and which of the two evidences."""
        return dealt(self.incident, self.number)

    @property
    def name(self) -> str:
        """What people say: 9-3. In a night shift its place, and of a false alarm no more than which ticket it is."""
        if self.record.get("night"):
            return say("desk.night_name", night=self.record["night"], place=TIMES.index(self.time) + 1)
        return self.id if self.incident.is_alarm else f"{self.incident.number}-{self.number}"

    @property
    def time(self) -> str:
        """When it arrived, by the story."""
        return str(self.record.get("time") or self.incident.time)

    @property
    def desk(self) -> str:
        """The desk that dealt it: first, second, third, night, or "" for a ticket asked for by its number."""
        return str(self.record.get("desk", ""))

    @property
    def is_closed(self) -> bool:
        """Whether it was closed with its cause."""
        return bool(self.record.get("closed"))

    @property
    def checks(self) -> int:
        """How often it was asked whether it is fixed."""
        return int(self.record.get("checks", 0))

    @property
    def hints(self) -> int:
        """How many hints were read: the first is passed over where everything was looked at."""
        return int(self.record.get("read", 0))

    @property
    def causes(self) -> int:
        """How many causes were named, one after the other, when it was asked whether it is fixed."""
        return len(self.record.get("tried", ()))

    @property
    def seconds(self) -> int:
        """How long it took, or takes: real time since the deal."""
        return int(self.record.get("seconds") or max(0.0, time.time() - float(self.record.get("begun", time.time()))))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def dealt(incident: Incident, number: int) -> tuple[str, int]:
    """Return the cause and the evidence that a seed number stands for; in every classroom the same.

    Numbers count from 1. Each run through all causes and evidences has each of them once, in an order of its own.
    """
    if number < 1:
        raise ValueError(say("desk.seed_wanted", seed=number))
    pairs = [(key, seed) for key in incident.keys for seed in SEEDS]
    turn, place = divmod(number - 1, len(pairs))
    pairs.sort(key=lambda pair: _hash(f"{incident.id} {turn} {pair[0]} {pair[1]}"))
    return pairs[place]


def choices(incident: Incident, number: int, known: Mapping[str, Incident]) -> list[Choice]:
    """Return the causes to choose from, in the ticket's own order; *nothing is wrong* is the last."""
    found = [(cause.key, cause.text) for cause in incident.causes if cause.key != NONE]
    key, other = incident.neighbour
    strange = known.get(f"i{int(other):02}") if other else None
    if strange is not None:
        found.append((f"{strange.id}-{key}", strange.cause(key).text))
    found.sort(key=lambda each: _hash(f"{incident.id} {number} {each[0]}"))
    found.append((NONE, say("desk.nothing_is_wrong")))
    return [Choice("abcdefghij"[place], key, text) for place, (key, text) in enumerate(found)]


def number_of(incident: Incident, cause: str, seed: int) -> int:
    """Return the first seed number that deals this cause with this evidence."""
    return next(number for number in range(1, 100) if dealt(incident, number) == (cause, seed))
