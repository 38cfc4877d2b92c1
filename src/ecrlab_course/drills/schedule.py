"""When a drill comes again: the library fsrs decides, from what the learner did; kept beside the progress file."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from fsrs import Card, Rating, Scheduler

from ecrlab_course.progress import KeptFile

NEW_A_DAY = 2
DUE_A_DAY = 5
LONGEST = 90
"""Days: nobody prepares for an interview for longer."""
REVIEWS_KEPT = 100

OBJECTIONS = 1
"""So many points may be the learner's word alone in what is rated easy."""
NOTHING, PASSED, MISSED = "left out", "passed", "missed"
"""What became of the evidence: not tried because no lab ran, given, or not given."""


def rating(
    made: int, points: int, hints: int, evidence: str, refused: int, objected: int = 0, followed: bool = True
) -> Rating:
    """Return the rating that behaviour earns.

    `made` of `points` key points were in the learner's own answer, heard or said; `objected` of them were not heard,
    and the learner says so. `hints` were opened; `evidence` is PASSED, MISSED or NOTHING; it was refused `refused`
    times before. `followed`: each next question was answered. Missed evidence, or less than half of the points: Again.
    A hint, or evidence refused more than once: Hard. All points, at most one of them by objection, each next question
    answered, and evidence at the first time: Easy. Otherwise: Good.
    """
    if evidence == MISSED or made * 2 < points:
        return Rating.Again
    if hints or refused > 1:
        return Rating.Hard
    if made == points and evidence == PASSED and not refused and objected <= OBJECTIONS and followed:
        return Rating.Easy
    return Rating.Good


@dataclass(frozen=True)
class Miss:
    """An exercise of a lesson that was answered wrong by somebody who was certain."""

    exercise: str
    misconception: str
    at: datetime


def confident_misses(exercises: Mapping[str, Any]) -> list[Miss]:
    """Return the confident misses in the progress file's exercises, the latest first."""
    found = []
    for identifier, record in exercises.items():
        for entry in record.get("history", ()) if isinstance(record, Mapping) else ():
            if (
                entry.get("outcome") in ("not yet", "compared")
                and entry.get("confidence") == 3
                and entry.get("misconception")
            ):
                at = datetime.fromisoformat(entry["at"])
                found.append(Miss(identifier, str(entry["misconception"]), at))
    return sorted(found, key=lambda miss: miss.at, reverse=True)


@dataclass(frozen=True)
class Due:
    """A drill in the queue: "begun", "missed" (an exercise was answered wrong, and certain), "due" or "new"."""

    id: str
    why: str
    at: datetime | None = None
    miss: Miss | None = None


def _table(table: dict[str, Any], key: str) -> dict[str, Any]:
    """Return the table at that key, made when there is none or something else stands there."""
    if not isinstance(table.get(key), dict):
        table[key] = {}
    found: dict[str, Any] = table[key]
    return found


class Schedule(KeptFile):
    """The drills' file: for each drill the card of fsrs, the reviews, and what is begun and not finished.

    It holds {"version": 1, "drills": {id: {"card", "reviews", "open"}}}. No reset of the lab touches it. `clock` is
    real time, never the lab's; `moved`: it is another one (`--today`), and reviews say so.
    """

    parts = ("drills",)

    def __init__(
        self, path: Any, clock: Callable[[], datetime] = lambda: datetime.now(UTC), moved: bool = False
    ) -> None:
        super().__init__(path)
        self.clock = clock
        self._moved = moved
        # Days, not minutes: a drill takes ten minutes, and nobody does the same one twice in an evening.
        self._scheduler = Scheduler(
            learning_steps=(), relearning_steps=(), maximum_interval=LONGEST, enable_fuzzing=False
        )

    def trouble(self) -> str:
        """Return in a sentence that the file cannot be read, and what is used in its place; "" when it can."""
        try:
            data = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return ""
        except ValueError:
            data = None
        if isinstance(data, dict) and isinstance(data.get("drills", {}), dict):
            return ""
        return (
            f"{self.path} cannot be read. The copy before its last change is used; the next change keeps the damaged "
            "file beside it, with the time in its name."
        )

    def record(self, identifier: str) -> dict[str, Any]:
        """Return what the file holds about a drill, empty when it was never begun."""
        found = self.read()["drills"].get(identifier, {})
        return found if isinstance(found, dict) else {}

    def card(self, identifier: str) -> Card | None:
        """Return the drill's card; None when it was never reviewed, or what the file holds is not a card."""
        try:
            return Card.from_dict(self.record(identifier)["card"])
        except (KeyError, TypeError, ValueError):
            return None

    def reviews(self, identifier: str) -> list[dict[str, Any]]:
        """Return the reviews of a drill, the oldest first."""
        found = self.record(identifier).get("reviews", [])
        return [each for each in found if isinstance(each, dict) and "at" in each] if isinstance(found, list) else []

    def opened(self, identifier: str) -> dict[str, Any]:
        """Return what is begun of a drill, empty when nothing is."""
        found = self.record(identifier).get("open", {})
        return found if isinstance(found, dict) else {}

    def note(self, identifier: str, **values: Any) -> dict[str, Any]:
        """Set values of what is begun of a drill, at once on the disk; None removes a value. Return it all."""

        def edit(data: dict[str, Any]) -> None:
            begun = _table(_table(data["drills"], identifier), "open")
            for key, value in values.items():
                if value is None:
                    begun.pop(key, None)
                else:
                    begun[key] = value

        return dict(self.change(edit)["drills"][identifier]["open"])

    def review(self, identifier: str, rated: Rating, **more: Any) -> datetime:
        """Record a review with its rating, close what was begun, and return when the drill is due again."""
        now = self.clock().astimezone(UTC)
        card = self.card(identifier) or Card(card_id=sum(identifier.encode()), due=now)
        card, _ = self._scheduler.review_card(card, rated, now)

        def edit(data: dict[str, Any]) -> None:
            record = _table(data["drills"], identifier)
            record["card"] = card.to_dict()
            entry = {"at": now.isoformat(timespec="seconds"), "rating": rated.name.lower(), **more}
            if self._moved:
                entry["clock"] = "moved"
            kept = record.get("reviews")
            record["reviews"] = [*(kept if isinstance(kept, list) else []), entry][-REVIEWS_KEPT:]
            record.pop("open", None)

        self.change(edit)
        return card.due

    def _today(self, at: str) -> bool:
        return datetime.fromisoformat(at).astimezone().date() == self.clock().astimezone().date()

    def done_today(self, identifiers: Iterable[str]) -> tuple[int, int]:
        """Return how many drills were done today for the first time, and how many again. A day is a local one."""
        new = again = 0
        for identifier in identifiers:
            reviews = self.reviews(identifier)
            today = [each for each in reviews if self._today(each["at"])]
            if today:
                first = len(today) == len(reviews)
                new += first
                again += not first
        return new, again

    def queue(
        self,
        about: Mapping[str, Sequence[str]],
        misses: Sequence[Miss] = (),
        new: int = NEW_A_DAY,
        due: int = DUE_A_DAY,
    ) -> list[Due]:
        """Return what is to be done today, the next one first.

        `about` gives the drills in order, with their misconceptions. What is begun comes first, whatever the limits
        say; then drills of which a lesson's exercise was missed with certainty since they were last done; then what is
        due, what was rated *again* last time first, then the longest waiting; then new ones. `new` and `due` limit a
        day's drills that were never done and that were done before; what was done today already counts.
        """
        now = self.clock()
        done_new, done_again = self.done_today(about)
        left = {"new": max(0, new - done_new), "due": max(0, due - done_again)}
        found: list[tuple[int, bool, datetime, Due]] = []
        for number, (identifier, misconceptions) in enumerate(about.items()):
            card, reviews = self.card(identifier), self.reviews(identifier)
            last = datetime.fromisoformat(reviews[-1]["at"]) if reviews else None
            miss = next(
                (each for each in misses if each.misconception in misconceptions and (last is None or each.at > last)),
                None,
            )
            order = now + timedelta(seconds=number)  # new ones in the order of the course
            if self.opened(identifier):
                found.append((0, False, order, Due(identifier, "begun", card.due if card else None)))
            elif miss is not None:
                found.append((1, False, miss.at, Due(identifier, "missed", card.due if card else None, miss)))
            elif card is None:
                found.append((3, False, order, Due(identifier, "new")))
            elif card.due <= now:
                well = bool(reviews) and reviews[-1].get("rating") != "again"
                found.append((2, well, card.due, Due(identifier, "due", card.due)))
        chosen = []
        for rank, _, _, item in sorted(found, key=lambda each: each[:3]):
            kind = "due" if self.reviews(item.id) else "new"
            if rank and not left[kind]:
                continue
            left[kind] -= 1 if rank else 0
            chosen.append(item)
        return chosen

    def waiting(self, about: Iterable[str]) -> int:
        """Return how many drills are due, whatever a day's limit says."""
        now = self.clock()
        return sum(card.due <= now for card in (self.card(identifier) for identifier in about) if card is not None)

    def next_day(self, about: Iterable[str]) -> datetime | None:
        """Return when the next drill is due, or None when none was ever done."""
        cards = [card for card in (self.card(identifier) for identifier in about) if card is not None]
        return min((card.due for card in cards), default=None)
