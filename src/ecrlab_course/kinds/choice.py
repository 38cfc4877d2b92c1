"""A choice: one of several options is right, and each has its own feedback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar

from ecrlab_course.documents.attempts import Attempt
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.option import Option
from ecrlab_course.documents.page import Page
from ecrlab_course.documents.verdict import Verdict, passed, untouched
from ecrlab_course.kinds.base import Exercise
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


@dataclass(frozen=True, kw_only=True)
class Choice(Exercise):
    """`options` and `correct` may be functions of the lab, so that the key is computed from live state.

    `lab.answer("04-e2", "b")`.
    """

    kind: ClassVar[str] = "choice"

    options: tuple[Option, ...] | Callable[[LabView], tuple[Option, ...]]
    correct: str | Callable[[LabView], str]

    @classmethod
    def read(cls, page: Page) -> Choice:
        """Read `right:` and # Options. Tried: every option, and the right one after a wrong one."""
        options = page.options()
        right = page.right_option(options)
        return cls(
            **page.common(), hints=page.hints(), options=options, correct=right, accepts=accepted(options, right),
            rejects=rejected(options, right),
        )  # fmt: skip

    def offered(self, entry: Entry) -> tuple[Option, ...]:
        """Return the options, computed from live state where they are."""
        return self.options if isinstance(self.options, tuple) else self.options(entry.looking)

    def take(self, entry: Entry, answer: Any, confidence: int | None) -> None:
        """Keep the chosen key."""
        confident(confidence)
        check_key(self.id, self.offered(entry), answer)
        entry.keep(answer=answer, confidence=confidence, fresh=answer != entry.answer)

    def judged(self, entry: Entry) -> Verdict:
        """Compare the chosen option with the right one."""
        chosen = chosen_of(self.offered(entry), entry)
        if chosen is None:
            return untouched(say("choice.none"))
        right = self.correct if isinstance(self.correct, str) else self.correct(entry.looking)
        return passed(chosen.feedback) if chosen.key == right else missed(chosen, certain=False)

    def lines(self, entry: Entry) -> list[str]:
        """Return the options."""
        return option_lines(self.offered(entry))

    def call(self) -> str:
        """Return the line that answers it."""
        return call(self.id, "KEY")

    def html(self, entry: Entry) -> str:
        """Return the options."""
        return option_html(self.offered(entry))

    def inputs(self, entry: Entry, act: Callable[[Callable[[], Any]], None]) -> Inputs:
        """Return radio buttons."""
        return OptionInputs(entry, self.offered(entry), say("choice.label"), how_sure=False)

    def wrong(self) -> Iterator[tuple[str, str, str]]:
        """Yield the wrong options that no attempt tries."""
        if isinstance(self.options, tuple):
            yield from wrong_options(self.options, [attempt.answer for attempt in self.rejects])

    def said(self, attempt: Attempt) -> str:
        """Return the feedback of the option that an attempt chooses."""
        return said_of(self.options if isinstance(self.options, tuple) else (), attempt) or super().said(attempt)
