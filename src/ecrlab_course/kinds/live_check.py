"""A live check: the learner works in the lab, and the real state is looked at, not the commands."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from ecrlab_course.causes.scene import Moment
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.page import Page
from ecrlab_course.documents.verdict import Verdict
from ecrlab_course.kinds.base import Exercise
from ecrlab_course.kinds.entry import AnswerError, Entry
from ecrlab_course.messages import say


@dataclass(frozen=True, kw_only=True)
class LiveCheck(Exercise):
    """`probe` reads the state, `judge` (pure) says what it means; hints are functions of what the probe returned."""

    kind: ClassVar[str] = "live-check"
    answered: ClassVar[bool] = False
    looked_at: ClassVar[bool] = True

    probe: Callable[[LabView], Any]
    judge: Callable[[Any], Verdict]

    @classmethod
    def read(cls, page: Page) -> LiveCheck:
        """Read # Passed, # Untouched and # Not yet, and eN.py: class Seen(lab), judge(seen) -> name, TRIES."""
        read = page.judged(cls, lambda seen: lambda state: state)
        return cls(**page.common(), **read.attempts, hints=read.hints, probe=read.seen, judge=read.judge)

    def take(self, entry: Entry, answer: Any, confidence: int | None) -> None:
        """Refuse: the answer is the lab itself."""
        raise AnswerError(say("live-check.work_there", id=self.id))

    def judged(self, entry: Entry) -> Verdict:
        """Look and judge; what kept the learner's client from the goal is said first.

        What happened before the card was shown is not a try at it: the page's own cells, an exercise before.
        """
        begun = Moment(*entry.shown) if entry.shown else None
        return self.with_cause(self.judge(self.probe(entry.looking)), entry.looking, begun)

    def state(self, entry: Entry) -> Any:
        """Return what the probe returns."""
        return self.probe(entry.looking)

    def lines(self, entry: Entry) -> list[str]:
        """Return the line that says where to work."""
        return [say("live-check.any_way")]
