"""Read the error: a failure is made live, and the learner says which cause fits its text."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from ecrlab_course.documents.attempts import Attempt
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.option import Option
from ecrlab_course.documents.page import Page
from ecrlab_course.documents.verdict import Result, Verdict, passed, untouched
from ecrlab_course.kinds.base import Exercise, keys_of, twice
from ecrlab_course.kinds.entry import Entry
from ecrlab_course.kinds.inputs import Inputs, confident
from ecrlab_course.kinds.options import (
    OptionInputs,
    accepted,
    call,
    check_key,
    chosen_of,
    missed,
    option_html,
    option_lines,
    rejected,
    said_of,
    wrong_options,
)
from ecrlab_course.messages import say
from ecrlab_course.views.display import escape

FEWEST_CAUSES = 4


@dataclass(frozen=True, kw_only=True)
class ReadError(Exercise):
    """`cause` makes the failure, once, when the exercise is shown or answered first.

    It builds by itself what it needs, and what it returns is shown as command and output. `parts` reads the text piece
    by piece: (piece, meaning), shown after the right answer and with the solution. Four options or more; `correct` may
    be computed from live state. Hints are functions of {"answer", "confidence", "result": the failure, or None when it
    was not made yet}. `lab.answer("06-e4", "c", confidence=3)`.
    """

    kind: ClassVar[str] = "read-error"

    cause: Callable[[LabView], Result]
    options: tuple[Option, ...]
    correct: str | Callable[[LabView], str]
    parts: tuple[tuple[str, str], ...] = ()

    @classmethod
    def read(cls, page: Page) -> ReadError:
        """Read `right:`, # Options, # Parts (## piece, and what it means) and cause(lab) of eN.py.

        Tried: every cause, one of the wrong ones as certain, and the right one after a wrong one.
        """
        options = page.options()
        right = page.right_option(options)
        parts = tuple((part.title, part.text) for part in page.parts("Parts", wanted=False))
        return cls(
            **page.common(), hints=page.hints(), options=options, correct=right, accepts=accepted(options, right),
            rejects=rejected(options, right, certain=True), cause=page.coded("cause"), parts=parts,
        )  # fmt: skip

    def mistakes(self) -> list[str]:
        """Return what is wrong with the options."""
        found = twice("options", self.options)
        if len(self.options) < FEWEST_CAUSES:
            found.append(f"has {len(self.options)} causes to choose from; four or more are wanted")
        if isinstance(self.correct, str) and self.correct not in keys_of(self.options):
            found.append(f"has no option {self.correct!r}, which is to be the right one")
        return found

    def failure(self, entry: Entry) -> Result:
        """Return the failure; made when there is none yet, kept until the exercise's reset."""
        if entry.result is not None:
            return entry.result
        with entry.by_the_course():
            made = self.cause(entry.lab)
        return entry.keep_result(made)

    def take(self, entry: Entry, answer: Any, confidence: int | None) -> None:
        """Keep the chosen cause."""
        confident(confidence)
        check_key(self.id, self.options, answer)
        self.failure(entry)
        record = entry.record
        values: dict[str, Any] = {"answer": answer, "confidence": confidence, "fresh": answer != record.get("answer")}
        if "first_answer" not in record:
            values["first_answer"], values["first_confidence"] = answer, confidence
        entry.keep(**values)

    def judged(self, entry: Entry) -> Verdict:
        """Compare the chosen cause with the right one; the parts are read out once it is that one."""
        chosen = chosen_of(self.options, entry)
        if chosen is None:
            return untouched(say("read-error.none"))
        right = self.correct if isinstance(self.correct, str) else self.correct(entry.looking)
        if chosen.key == right:
            return passed("\n\n".join(text for text in (chosen.feedback, self.parts_read()) if text))
        return missed(chosen, entry.certain_miss)

    def parts_read(self) -> str:
        """Return the text piece by piece, each with its meaning (markdown); "" when it is not taken apart."""
        return "\n".join(f"* `{piece}`: {meaning}" for piece, meaning in self.parts)

    def state(self, entry: Entry) -> Any:
        """Return the answer, how sure it is, and the failure."""
        return {**super().state(entry), "result": entry.result}

    def solved(self) -> str:
        """Return the solution, and the text piece by piece."""
        return "\n\n".join(part for part in (self.solution, self.parts_read()) if part)

    def lines(self, entry: Entry) -> list[str]:
        """Return the failure, when it was made, and the options."""
        kept = entry.result
        shown = [f"$ {kept.command}", *kept.output.strip().splitlines(), ""] if kept else []
        return shown + option_lines(self.options)

    def call(self) -> str:
        """Return the line that answers it."""
        return call(self.id, "KEY", how_sure=True)

    def html(self, entry: Entry) -> str:
        """Return the failure, when it was made, and the options."""
        kept = entry.result
        shown = f"<pre>$ {escape(kept.command)}\n{escape(kept.output.strip())}</pre>" if kept else ""
        return shown + option_html(self.options)

    def inputs(self, entry: Entry, act: Callable[[Callable[[], Any]], None]) -> Inputs:
        """Return the failure, radio buttons, and how sure."""
        failure = self.failure(entry)
        above = f"<pre>{escape(f'$ {failure.command}')}\n{escape(failure.output.strip())}</pre>"
        return OptionInputs(entry, self.options, say("read-error.label"), how_sure=True, above=above)

    def wrong(self) -> Iterator[tuple[str, str, str]]:
        """Yield the wrong options that no attempt tries."""
        yield from wrong_options(self.options, [attempt.answer for attempt in self.rejects])

    def said(self, attempt: Attempt) -> str:
        """Return the feedback of the option that an attempt chooses."""
        return said_of(self.options, attempt) or super().said(attempt)
