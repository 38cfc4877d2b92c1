"""A report to the board: the fields of a record that leave this computer, and nothing else is taken on the other side.

A report says how things stand and not what happened: sent twice, it changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict, cast

from ecrlab_course.documents.misconceptions import MISCONCEPTIONS
from ecrlab_course.documents.verdict import Outcome
from ecrlab_course.progress import DONE, KeptFile, Progress, now

VERSION = 1
LARGEST = 64 * 1024
"""Bytes of a report."""
MOST = 1000
"""Records of a report; the course has about four hundred."""
_ID = re.compile(r"(?:lab-)?[0-9]{2}-[a-z][0-9]{1,2}|[a-z][0-9]{1,2}")
_LESSON = re.compile(r"(?:lab-)?[0-9]{2}|")
_OFFER = re.compile(r"[0-9a-f]{8}")
_OUTCOMES = tuple(outcome.value for outcome in Outcome if outcome.is_known)


class Shared(TypedDict, total=False):
    """What is shared of one exercise, drill or incident."""

    outcome: str
    first: str
    tries: int
    checks: int
    hints: int
    solution_seen: bool
    misconception: str
    """The belief that the last try showed: an id of `documents/misconceptions.py`."""
    begun: str
    last: str
    passed: str
    hinted: str
    """When the last hint was opened."""
    solution_at: str


class ReportError(ValueError):
    """A report is not of the form; the text names what is wrong and never what was sent."""


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 100_000


def _is_time(value: object) -> bool:
    if not isinstance(value, str) or len(value) > 40:
        return False
    try:
        return datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


FIELDS: Mapping[str, Callable[[Any], bool]] = {
    "outcome": lambda value: value in _OUTCOMES,
    "first": lambda value: value in _OUTCOMES,
    "tries": _is_count,
    "checks": _is_count,
    "hints": _is_count,
    "solution_seen": lambda value: isinstance(value, bool),
    "misconception": lambda value: isinstance(value, str) and value in MISCONCEPTIONS,
    "begun": _is_time,
    "last": _is_time,
    "passed": _is_time,
    "hinted": _is_time,
    "solution_at": _is_time,
}
"""The fields that are shared, each with what its value must be. A value of another kind is left out by the
sender, and again by the board."""


def _only(record: Mapping[str, Any]) -> Shared:
    found: dict[str, Any] = {}
    for name, fits in FIELDS.items():
        try:
            if record.get(name) is not None and fits(record[name]):
                found[name] = record[name]
        except TypeError:  # a list or a table: not a field's value
            continue
    return cast(Shared, found)


def of_exercise(record: Mapping[str, Any]) -> Shared:
    """Return what is shared of an exercise's or a guess's record in the progress file; empty before it was judged."""
    history = record.get("history") or []
    if not history:
        return (
            _only({name: record.get(name) for name in ("hints", "solution_seen")}) if record.get("hints") else Shared()
        )
    hinted = record.get("hinted") or [None]
    more = {
        "begun": history[0].get("at"),
        "last": record.get("last", history[-1].get("at")),
        "misconception": history[-1].get("misconception"),
        "hinted": hinted[-1],
        "checks": record.get("checks", record.get("tries")),
    }
    return _only({**record, **more})


def of_drill(record: Mapping[str, Any]) -> Shared:
    """Return what is shared of a drill's record in drills.json: what became of its evidence, never the answer."""
    reviews, begun = record.get("reviews") or [], record.get("open") or {}
    passed = [each for each in reviews if each.get("evidence") == "passed"]
    latest = begun or (reviews[-1] if reviews else {})
    if not latest:
        return Shared()
    done = latest.get("evidence") == "passed"
    tries = int(latest.get("refused", 0)) + done
    found = {
        "outcome": "passed" if done else "not yet" if tries or reviews else None,
        "tries": tries,
        "checks": tries,
        "hints": latest.get("hints", 0),
        "misconception": None if done else latest.get("misconception"),
        "begun": begun.get("began", reviews[0].get("at") if reviews else None),
        "last": begun.get("began", reviews[-1].get("at") if reviews else None),
        "passed": passed[0].get("at") if passed else None,
    }
    return _only(found) if found["outcome"] else Shared()


def of_incidents(tickets: Mapping[str, Mapping[str, Any]]) -> dict[str, Shared]:
    """Return what is shared of the desk's tickets, by incident: whether one was closed, and how often it was tried."""
    found: dict[str, Shared] = {}
    for record in sorted(tickets.values(), key=lambda each: str(each.get("at", ""))):
        name, checks = str(record.get("incident", "")), record.get("checks", 0)
        if not _ID.fullmatch(name) or not checks:
            continue
        before = found.get(name, Shared())
        closed, outcome = record.get("closed"), "passed" if record.get("closed") else "not yet"
        values = {
            "outcome": outcome,
            "first": before.get("first", outcome),
            "tries": checks + before.get("tries", 0),
            "checks": checks + before.get("checks", 0),
            "hints": record.get("read", 0),
            "solution_seen": bool(record.get("shown")) or before.get("solution_seen"),
            "begun": before.get("begun", record.get("at")),
            "last": closed or record.get("at"),
            "passed": before.get("passed", closed),
        }
        found[name] = _only(values)
    return found


class _Drills(KeptFile):
    parts = ("drills",)


class _Tickets(KeptFile):
    parts = ("tickets",)


def shared(progress: Path) -> tuple[str, dict[str, Shared]]:
    """Return the lesson that was used last, "" for none, and what is shared of each thing that was tried.

    `progress` is the progress file; drills and tickets are read beside it.
    """
    data = Progress(progress).read()
    found = {name: of_exercise(record) for name, record in _tables(data["exercises"])}
    found |= {
        name: of_drill(record) for name, record in _tables(_Drills(progress.with_name("drills.json")).read()["drills"])
    }
    tickets = dict(_tables(_Tickets(progress.with_name("tickets.json")).read()["tickets"]))
    found |= of_incidents(tickets)
    lessons = dict(_tables(data["lessons"]))
    last = max(lessons, key=lambda name: str(lessons[name].get("opened", lessons[name].get("begun", ""))), default="")
    kept = {name: record for name, record in found.items() if record and _ID.fullmatch(name)}
    return (last if _LESSON.fullmatch(last) else ""), kept


def _tables(table: Mapping[str, Any]) -> Iterable[tuple[str, Mapping[str, Any]]]:
    return ((name, record) for name, record in table.items() if isinstance(record, Mapping))


@dataclass(frozen=True)
class Report:
    """A report as the board takes it.

    `now` is the sender's clock, which may be wrong: ages are counted from it. `active` is how many seconds ago a cell
    ran last, None where no kernel runs. `got` are the offers that have arrived.
    """

    now: datetime
    lesson: str = ""
    active: float | None = None
    hand: bool = False
    got: tuple[str, ...] = ()
    records: Mapping[str, Shared] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        """Return the report as it is sent."""
        return {
            "v": VERSION,
            "now": self.now.isoformat(timespec="seconds"),
            "lesson": self.lesson,
            "active": self.active,
            "hand": self.hand,
            "got": list(self.got),
            "records": dict(self.records),
        }

    def age(self, moment: str) -> float:
        """Return how many seconds ago something was, by the sender's own clock; never less than 0."""
        return max(0.0, (self.now - datetime.fromisoformat(moment)).total_seconds())


def made(progress: Path) -> Report:
    """Return a report of everything that is shared now, for a file."""
    lesson, records = shared(progress)
    return Report(datetime.fromisoformat(now()), lesson, records=records)


def accepted(body: object) -> Report:
    """Return the report that was received; raise ReportError where it is not of the form."""
    if not isinstance(body, dict) or body.get("v") != VERSION:
        raise ReportError(f"not a report of version {VERSION}")
    if not _is_time(body.get("now")):
        raise ReportError("now: not a time")
    lesson, active, hand, got = (body.get(name) for name in ("lesson", "active", "hand", "got"))
    if not isinstance(lesson, str) or not _LESSON.fullmatch(lesson):
        raise ReportError("lesson: not a lesson")
    if active is not None and not (
        isinstance(active, int | float) and not isinstance(active, bool) and 0 <= active < 1e9
    ):
        raise ReportError("active: not seconds")
    if not isinstance(hand, bool):
        raise ReportError("hand: not true or false")
    if (
        not isinstance(got, list)
        or len(got) > 50
        or not all(isinstance(each, str) and _OFFER.fullmatch(each) for each in got)
    ):
        raise ReportError("got: not a list of offers")
    records = body.get("records")
    if not isinstance(records, dict) or len(records) > MOST:
        raise ReportError(f"records: not a table of up to {MOST}")
    at = datetime.fromisoformat(str(body["now"])).astimezone(UTC)
    return Report(at, lesson, active, hand, tuple(got), {name: _accepted(name, each) for name, each in records.items()})


def _accepted(name: object, record: object) -> Shared:
    """Return what is kept of a record: its shared fields. Others are dropped: no sender can leave a text here."""
    if not isinstance(name, str) or not _ID.fullmatch(name) or not isinstance(record, dict):
        raise ReportError("records: not an exercise")
    return _only(record)


def is_done(record: Mapping[str, Any]) -> bool:
    """Tell whether an exercise, drill or incident was done, now or earlier."""
    return record.get("outcome") in DONE or bool(record.get("passed"))
