"""What a mix takes into account of one learner: what was missed, is due, was seen, and what the last mocks asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ecrlab.home import Home
from ecrlab_course.desk.ticket import book_of as tickets_of
from ecrlab_course.drills.drill import Drill
from ecrlab_course.drills.drill_session import schedule_of
from ecrlab_course.drills.schedule import MISSED, confident_misses
from ecrlab_course.mock.book import Book, question_schedule
from ecrlab_course.mock.mix import History
from ecrlab_course.progress import Progress

DAYS = 14
"""A miss counts for so long, and so long is what was made unaided shown."""
LAST = 2
"""What so many mocks before this one asked is not asked again."""


def history(home: Home, drills: Mapping[str, Drill], book: Book, clock: Callable[[], datetime]) -> History:
    """Return what is known of the learner of that home at that moment."""
    now = clock()
    asked, done = question_schedule(home, clock=clock), schedule_of(home, clock)
    missed, due, seen = set[str](), set[str](), set[str]()
    today, last_seed = set[str](), dict[str, str]()
    for schedule in (asked, done):
        for identifier in schedule.read()["drills"]:
            reviews = schedule.reviews(identifier)
            if not reviews:
                continue
            seen.add(identifier)
            card = schedule.card(identifier)
            if card is not None and card.due <= now:
                due.add(identifier)
            if _is_missed(reviews[-1]) and is_recent(str(reviews[-1]["at"]), now):
                missed.add(identifier)
            if schedule is done and _day(str(reviews[-1]["at"])) == now.astimezone().date():
                today.add(identifier)
            last_seed[identifier] = str(reviews[-1].get("seed", ""))
    for miss in confident_misses(Progress(home.progress).read()["exercises"]):
        if now - miss.at <= timedelta(days=DAYS):
            missed |= {key for key, drill in drills.items() if miss.misconception in drill.misconceptions}
    for record in tickets_of(home).read()["tickets"].values():
        if isinstance(record, dict) and record.get("incident"):
            seen.add(str(record["incident"]))
            if not record.get("closed") and is_recent(str(record.get("at", "")), now):
                missed.add(str(record["incident"]))
    recent = {
        str(part.get("what", ""))
        for record in list(book.records().values())[-LAST:]
        for part in record.get("parts", ())
    }
    return History(
        frozenset(missed), frozenset(due), frozenset(seen), frozenset(recent), frozenset(today), last_seed
    )  # fmt: skip


def _is_missed(review: Mapping[str, Any]) -> bool:
    return review.get("rating") == "again" or review.get("evidence") == MISSED or bool(review.get("left"))


def is_recent(at: str, now: datetime) -> bool:
    """Tell whether a moment, as a file writes it, is of the last fourteen days."""
    try:
        return now - datetime.fromisoformat(at) <= timedelta(days=DAYS)
    except ValueError:
        return False


def _day(at: str) -> Any:
    return datetime.fromisoformat(at).astimezone().date()
