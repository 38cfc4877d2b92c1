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
from ecrlab_course.kinds.comparing import Observe, compared, keep_guess, observed
from ecrlab_course.kinds.entry import Entry
from ecrlab_course.kinds.inputs import Inputs
from ecrlab_course.kinds.options import (
    OptionInputs,
    accepted,
    call,
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
        things can happen, TRIES of eN.py has them by option. Tried in each of these worlds: every option.
        """
        options = page.options()
        observe, worlds = page.named_function("observe", wanted=True), page.worlds(options)
        accepts = [each for key, acts in worlds for each in accepted(options, key, acts)]
        rejects = [each for key, acts in worlds for each in rejected(options, key, acts, certain=True)]
        return cls(
            **page.common(), hints=page.hints(), options=options, observe=observe or (lambda lab: None),
            accepts=named_apart(accepts), rejects=named_apart(rejects),
        )  # fmt: skip

    def seen(self, entry: Entry) -> str | None:
        """Return the key of what happened since the guess; None without a guess, and while nothing did."""
        return observed(entry, self.observe) if "answer" in entry.record else None

    def take(self, entry: Entry, answer: Any, confidence: int | None) -> None:
        """Keep the guess."""
        keep_guess(self.id, entry, self.options, answer, confidence, lambda: self.seen(entry))

    def judged(self, entry: Entry) -> Verdict:
        """Compare the guess with what happened."""
        guess = chosen_of(self.options, entry)
        if guess is None:
            return untouched(say("predict.none"))
        truth = by_key(self.options).get(self.seen(entry) or "")
        if truth is None:
            return untouched(say("predict.kept", said=guess.text))
        return compared(entry, guess, truth, recalled=False)

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
        return OptionInputs(entry, self.options, say("predict.label"), how_sure=True)

    def wrong(self) -> Iterator[tuple[str, str, str]]:
        """Yield the wrong options that no attempt tries."""
        yield from wrong_options(self.options, [attempt.answer for attempt in self.rejects])

    def said(self, attempt: Attempt) -> str:
        """Return the feedback of the option that an attempt chooses."""
        return said_of(self.options, attempt) or super().said(attempt)
