"""A prediction: guess, say how sure, run, compare with what was observed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from ecrlab_course.documents.attempts import Attempt
from ecrlab_course.documents.option import Option, by_key
from ecrlab_course.documents.page import Page
from ecrlab_course.documents.verdict import Outcome, Verdict, untouched
from ecrlab_course.kinds.base import Exercise
from ecrlab_course.kinds.comparing import Observe, beside, is_known, keep_guess, kept, observed
from ecrlab_course.kinds.entry import Entry
from ecrlab_course.kinds.inputs import Inputs, confident
from ecrlab_course.kinds.options import (
    OptionInputs,
    accepted,
    call,
    check_key,
    chosen_of,
    named_apart,
    option_html,
    option_lines,
    rejected,
    said_of,
    wrong_options,
)
from ecrlab_course.messages import say
from ecrlab_course.progress import ExerciseRecord


@dataclass(frozen=True, kw_only=True)
class Predict(Exercise):
    """Guess with confidence (1 a guess, 2 fairly sure, 3 certain), run, compare with what was observed.

    `observe` returns the key of the option that really happened, or None while nothing happened since the guess.
    `lab.answer("04-e2", "b", confidence=2)`.
    """

    kind: ClassVar[str] = "predict"
    looked_at: ClassVar[bool] = True

    options: tuple[Option, ...]
    observe: Observe

    @classmethod
    def read(cls, page: Page) -> Predict:
        """Read # Options, `observe:` (a function of eN.py or state.py that returns an option's key) and `try:`.

        `try:` is what the lesson's next cell does; it shows the one option that has no misconception. Where other
        things can happen, TRIES of eN.py has them by option. Tried: every option in the first of these worlds; in
        each other one what happens there, and a guess that would have been right in the first.
        """
        options = page.options()
        observe, worlds = page.named_function("observe", wanted=True), page.worlds(options)
        accepts: list[Attempt] = []
        rejects: list[Attempt] = []
        for number, (key, acts) in enumerate(worlds):
            right, wrong = accepted(options, key, acts), rejected(options, key, acts, certain=number == 0)
            accepts += right if number == 0 else right[:1]
            rejects += wrong if number == 0 else [each for each in wrong if each.answer == worlds[0][0]]
        made = named_apart([*accepts, *rejects])
        return cls(
            **page.common(), hints=page.hints(), options=options, observe=observe or (lambda lab: None),
            accepts=made[: len(accepts)], rejects=made[len(accepts) :],
        )  # fmt: skip

    def seen(self, entry: Entry) -> str | None:
        """Return the key of what happened since the guess; None without a guess, and while nothing did."""
        return observed(entry, self.observe) if "answer" in entry.record else None

    def take(self, entry: Entry, answer: Any, confidence: int | None) -> str | None:
        """Keep the guess, unless its outcome is known; one that comes after its run is not kept."""
        if self._missed(entry.record):
            confident(confidence)
            check_key(self.id, self.options, answer)
            return None
        return keep_guess(self.id, entry, self.options, answer, confidence, is_known(lambda: self.seen(entry)))

    def is_late(self, entry: Entry) -> bool:
        """Tell whether it happened without a guess."""
        return "answer" not in entry.record and is_known(lambda: self.observe(entry.looking))

    @staticmethod
    def _missed(record: ExerciseRecord) -> bool:
        return bool(record.get("late")) and "answer" not in record

    def judged(self, entry: Entry) -> Verdict:
        """Compare the guess with what happened."""
        guess = chosen_of(self.options, entry)
        if guess is None:
            late = self._missed(entry.record)
            return untouched(say("predict.late", id=self.id) if late else say("predict.none"))
        truth = by_key(self.options).get(self.seen(entry) or "")
        if truth is None:
            return kept(entry, guess, how_sure=True)
        return beside(entry, guess, truth, recalled=False)

    def watches(self, record: ExerciseRecord) -> bool:
        """Tell whether the next cell decides."""
        return "answer" in record and not record.get("observed")

    def waits(self, record: ExerciseRecord) -> bool:
        """Tell whether a guess was made and nothing happened yet."""
        return "answer" in record and record.get("outcome", Outcome.UNTOUCHED) == Outcome.UNTOUCHED

    def state(self, entry: Entry) -> Any:
        """Return the answer, how sure it is, and what was observed."""
        return {**super().state(entry), "observed": self.seen(entry)}

    def lines(self, entry: Entry) -> list[str]:
        """Return the options."""
        return option_lines(self.options)

    def call(self) -> str:
        """Return the line that answers it."""
        return call(self.id, "KEY", how_sure=True)

    def html(self, entry: Entry) -> str:
        """Return the options."""
        return option_html(self.options)

    def inputs(self, entry: Entry, act: Callable[[Callable[[], Any]], None]) -> Inputs:
        """Return radio buttons, and how sure."""
        return OptionInputs(entry, self.options, say("predict.label"), True, lambda: "observed" in entry.record)

    def wrong(self) -> Iterator[tuple[str, str, str]]:
        """Yield the wrong options that no attempt tries."""
        yield from wrong_options(self.options, [attempt.answer for attempt in self.rejects])

    def said(self, attempt: Attempt) -> str:
        """Return the feedback of the option that an attempt chooses."""
        return said_of(self.options, attempt) or super().said(attempt)
