"""The board's state: who reported what, kept by pseudonym. Pure: no network, no disk, time is given."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ecrlab_course.classroom.pseudonyms import label_for
from ecrlab_course.sharing.report import Report, is_done

OFFERS = 10
"""Offers to one learner that are kept."""


@dataclass
class Learner:
    """What the board knows of one learner. Moments are seconds since 1970 by the board's clock.

    `heard`: of the last report; `active`: when a cell ran last, 0 for never; `stepped`: of the last step forward, a
    pass or another lesson; `hand`: when it was raised, 0 while it is down; `records` by id, each with `at`, when it was
    judged last; `offers`: those that have not arrived; `muted`: what the instructor has seen, and until when.
    """

    id: str
    label: str
    joined: float
    heard: float = 0.0
    lesson: str = ""
    active: float = 0.0
    stepped: float = 0.0
    hand: float = 0.0
    seen: bool = False
    left: bool = False
    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    offers: list[dict[str, str]] = field(default_factory=list)
    muted: dict[str, float] = field(default_factory=dict)

    @property
    def current(self) -> str:
        """The exercise that was judged last, "" for none."""
        return max(self.records, key=lambda name: float(self.records[name]["at"]), default="")


class Board:
    """All learners of a class. `version` grows with every change."""

    def __init__(self, learners: Iterable[Learner] = ()) -> None:
        self.learners = {each.id: each for each in learners}
        self.version = 0
        self.changed: set[str] = set()
        """Whom to write to the disk."""
        self._labels = {each.label for each in self.learners.values()}

    def _touch(self, learner: str) -> None:
        self.version += 1
        self.changed.add(learner)

    def join(self, identifier: str, now: float) -> Learner:
        """Return the learner of a pseudonym, new on the board or not."""
        if identifier not in self.learners:
            label = label_for(identifier, self._labels)
            self._labels.add(label)
            self.learners[identifier] = Learner(identifier, label, now, stepped=now)
            self._touch(identifier)
        return self.learners[identifier]

    def take(self, identifier: str, report: Report, now: float) -> dict[str, Any]:
        """Take a report in, and return what is answered: how many records are held, offers, whether the hand was seen.

        A record replaces the one before it, so a report that comes twice changes nothing.
        """
        learner = self.join(identifier, now)
        learner.heard, learner.left = now, False
        learner.active = now - report.active if report.active is not None else 0.0
        if report.lesson != learner.lesson:
            learner.lesson, learner.stepped = report.lesson, now
        for name, record in report.records.items():
            before = learner.records.get(name, {})
            if is_done(record) and not is_done(before):
                learner.stepped = max(learner.stepped, now - report.age(record.get("passed", report.now.isoformat())))
            last = record.get("last")
            learner.records[name] = {**record, "at": now - report.age(last) if last else before.get("at", now)}
        if report.hand and not learner.hand:
            learner.hand, learner.seen = now, False
        if not report.hand:
            learner.hand, learner.seen = 0.0, False
        learner.offers = [each for each in learner.offers if each["id"] not in report.got]
        self._touch(identifier)
        return {
            "ok": True,
            "name": learner.label,
            "have": len(learner.records),
            "inbox": list(learner.offers),
            "seen": learner.seen,
        }

    def leave(self, identifier: str) -> None:
        """Note that the learner shares nothing any more; what was shared stays until they say *forget me*."""
        if identifier in self.learners:
            self.learners[identifier].left = True
            self.learners[identifier].hand = 0.0
            self._touch(identifier)

    def forget(self, identifier: str) -> bool:
        """Forget all of a learner; tell whether there was anything."""
        learner = self.learners.pop(identifier, None)
        if learner is not None:
            self._labels.discard(learner.label)
            self._touch(identifier)
        return learner is not None

    def mute(self, identifier: str, reason: str, until: float) -> None:
        """Note that the instructor has seen a reason; a raised hand is answered with that. KeyError for nobody."""
        learner = self.learners[identifier]
        learner.muted[reason] = until
        if reason == "hand":
            learner.seen = True
        self._touch(identifier)

    def offer(self, identifier: str, lesson: str) -> None:
        """Offer to build the state after a lesson; the learner decides. KeyError for nobody."""
        learner = self.learners[identifier]
        if all(each["lesson"] != lesson for each in learner.offers):
            learner.offers = [*learner.offers, {"id": secrets.token_hex(4), "lesson": lesson}][-OFFERS:]
        self._touch(identifier)

    def drop_before(self, moment: float) -> int:
        """Forget whoever was not heard from since a moment; return how many."""
        old = [each.id for each in self.learners.values() if max(each.heard, each.joined) < moment]
        for identifier in old:
            self.forget(identifier)
        return len(old)

    def rows(self) -> list[tuple[Learner, str, Mapping[str, Any]]]:
        """Return every record with its learner and id, in order: what the CSV holds."""
        learners = sorted(self.learners.values(), key=lambda each: each.label)
        return [(each, name, each.records[name]) for each in learners for name in sorted(each.records)]
