"""A guess: a prediction, a question from an earlier lesson or a first guess for a later one; it does not count."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from ecrlab_course.documents.option import Option, by_key
from ecrlab_course.documents.page import Page
from ecrlab_course.documents.verdict import Outcome, Verdict, compared, passed, untouched
from ecrlab_course.kinds.base import Question
from ecrlab_course.kinds.comparing import Observe, beside, is_known, keep_guess, kept, observed
from ecrlab_course.kinds.entry import Entry
from ecrlab_course.kinds.inputs import Inputs
from ecrlab_course.kinds.options import OptionInputs, call, certain_words, chosen_of, option_html, option_lines
from ecrlab_course.messages import say
from ecrlab_course.progress import ExerciseRecord


@dataclass(frozen=True, kw_only=True)
class Guess(Question):
    """Options, and the right key (`correct`) or a way to observe it."""

    kind: ClassVar[str] = "guess"
    helped: ClassVar[bool] = False

    options: tuple[Option, ...]
    correct: str | None = None
    observe: Observe | None = None
    confidence: bool = True
    """Ask how sure the learner is."""
    answered_in: str = ""
    """A first guess: the lesson whose `lab.look_back` answers it with what the learner thought. Wants `correct`."""
    counts: bool = False

    @classmethod
    def read(cls, page: Page) -> Guess:
        """Read # Options and `right:`, or `observe:`; `answered_in:` makes a first guess of it."""
        options = page.options()
        observe, later = page.named_function("observe"), page.word("answered_in")
        right = page.word("right", wanted=observe is None)
        if right and right not in by_key(options):
            page.fault(
                page.line("right"), f"right: no option is called {right!r}; there are: {', '.join(by_key(options))}"
            )
        return cls(
            id=page.id, prompt=page.prompt(), options=options, correct=right or None, observe=observe,
            confidence=page.flag("confidence", default=True), answered_in=later,
        )  # fmt: skip

    def seen(self, entry: Entry) -> str | None:
        """Return the key that is right, or that happened; None while nothing did."""
        if self.correct is not None:
            return self.correct
        return observed(entry, self.observe) if self.observe is not None else None

    def take(self, entry: Entry, answer: Any, confidence: int | None) -> str | None:
        """Keep the guess, unless its outcome is known."""
        return keep_guess(self.id, entry, self.options, answer, confidence, self._settled(entry))

    def _settled(self, entry: Entry) -> bool:
        """Tell whether the outcome is known: another guess changes nothing. A first guess waits for its lesson."""
        if self.answered_in:
            return "outcome" in entry.record
        return "answer" in entry.record and is_known(lambda: self.seen(entry))

    def _compared(self, entry: Entry) -> bool:
        """Tell whether the guess was compared, as far as is kept."""
        return bool({"outcome", "observed"} & set(entry.record))

    def judged(self, entry: Entry) -> Verdict:
        """Compare the guess with what is so or what happened; a first guess is only kept."""
        guess, options = chosen_of(self.options, entry), by_key(self.options)
        if self.answered_in:
            return untouched(say("guess.kept", lesson=self.answered_in) if guess else say("predict.none"))
        truth = options.get(self.seen(entry) or "")
        if guess is None:
            told = f" {say('guess.what_happened', truth=truth.text)}" if truth and self.correct is None else ""
            return untouched(say("predict.none") + told)
        if truth is None:
            return kept(entry, guess, self.confidence)
        return beside(entry, guess, truth, recalled=self.correct is not None)

    def look_back(self, record: ExerciseRecord) -> Verdict:
        """Judge a first guess when the lesson that answers it has come: what was said then, and what is so."""
        options = by_key(self.options)
        right = options[str(self.correct)]
        said = options.get(str(record.get("answer")))
        if said is None:
            return untouched(say("guess.unmade", truth=right.text, why=right.feedback).strip())
        confidence = record.get("confidence")
        how = say(f"guess.sure_{confidence}") if confidence else ""
        words = say("guess.then", said=said.text, sure=how, truth=right.text, why=right.feedback).strip()
        if said.key == right.key:
            return passed(words)
        return compared(words + (certain_words() if record.get("confidence") == 3 else ""), said.misconception)

    def watches(self, record: ExerciseRecord) -> bool:
        """Tell whether the next cell decides."""
        return self.observe is not None and "answer" in record and not record.get("observed")

    def waits(self, record: ExerciseRecord) -> bool:
        """Tell whether a guess was made and is not compared yet."""
        return "answer" in record and record.get("outcome", Outcome.UNTOUCHED) == Outcome.UNTOUCHED

    def hint(self, number: int, entry: Entry) -> str:
        """Say that there is none."""
        return say("guess.no_hints")

    def solved(self) -> str:
        """Return the right option, or where it is shown."""
        if self.answered_in:
            return say("guess.later", lesson=self.answered_in)
        return by_key(self.options)[self.correct].text if self.correct else say("guess.run")

    def lines(self, entry: Entry) -> list[str]:
        """Return the options."""
        return option_lines(self.options)

    def call(self) -> str:
        """Return the line that answers it."""
        return call(self.id, "KEY", self.confidence)

    def html(self, entry: Entry) -> str:
        """Return the options."""
        return option_html(self.options)

    def inputs(self, entry: Entry, act: Callable[[Callable[[], Any]], None]) -> Inputs:
        """Return radio buttons, and how sure where that is asked."""
        return OptionInputs(entry, self.options, say("predict.label"), self.confidence, lambda: self._compared(entry))
