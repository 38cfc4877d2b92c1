"""What kinds have in common whose answer really runs: the run, its output and its verdict are kept together."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from ecrlab_course.causes.scene import Moment
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.verdict import Outcome, Result, Verdict, untouched
from ecrlab_course.failure import reason
from ecrlab_course.kinds.base import Exercise
from ecrlab_course.kinds.entry import Entry
from ecrlab_course.messages import say


@dataclass(frozen=True, kw_only=True)
class Executed(Exercise):
    """An exercise whose answer runs; a check says again what the run's verdict was."""

    runs: ClassVar[bool] = True

    @abstractmethod
    def first_step(self) -> str:
        """Return what is said while nothing was run yet."""

    def judged(self, entry: Entry) -> Verdict:
        """Return the verdict that the last run had."""
        kept = entry.record.get("verdict")
        if not kept:
            return untouched(self.first_step())
        return Verdict(Outcome(kept["outcome"]), kept["message"], kept["misconception"], kept.get("name", ""))

    def carry_out(
        self,
        entry: Entry,
        answer: Any,
        run: Callable[[], Result],
        judge: Callable[[LabView, Result], Verdict],
        attempt: bool = True,
    ) -> None:
        """Run an answer, keep what it did, judge that, and keep the verdict.

        What kept the client from the goal is said of an `attempt` only.
        """
        try:
            begun = Moment(entry.looking.last(), time.monotonic())
            verdict = judge(entry.looking, entry.keep_result(run()))
            if attempt:
                verdict = self.with_cause(verdict, entry.looking, begun)
        except Exception as error:
            verdict = Verdict(Outcome.UNKNOWN, reason(error))
        self.keep_verdict(entry, answer, verdict)

    def keep_verdict(self, entry: Entry, answer: Any, verdict: Verdict) -> None:
        """Keep an answer with the verdict that its run had."""
        kept = {"outcome": verdict.outcome.value, "message": verdict.message, "misconception": verdict.misconception}
        if verdict.name:
            kept["name"] = verdict.name
        entry.keep(answer=answer, fresh=True, draft=None, verdict=kept)

    def not_run(self, entry: Entry, answer: Any, why: str) -> None:
        """Keep an answer that lacks something, and say what."""
        self.keep_verdict(entry, answer, untouched(say("run.not_run", why=why)))
