"""What a learner fills in on a card: native inputs, each with a name of its own. Each kind has its own."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from ecrlab_course.kinds.entry import AnswerError, Entry
from ecrlab_course.messages import say

WIDE = {"description_width": "initial"}


@cache
def ui() -> Any:
    """Return ipywidgets, loaded when a card is first drawn; it carries no types that a strict check could use."""
    return import_module("ipywidgets")


def sure() -> dict[int, str]:
    """Return how sure a learner may be, in words: 1 to 3."""
    return {number: say(f"sure.{number}") for number in (1, 2, 3)}


def confident(confidence: int | None) -> int | None:
    """Return a confidence unchanged; raise AnswerError when it is none of 1 to 3."""
    if confidence is not None and confidence not in (1, 2, 3):
        raise AnswerError(say("sure.wanted", words=", ".join(f"{n} ({word})" for n, word in sure().items())))
    return confidence


class Inputs:
    """The inputs of one exercise: none for work that is done in the lab itself.

    `parts` are the widgets above the buttons, `after` those below; `read` returns the answer as `Session.answer` takes
    it.
    """

    def __init__(self, entry: Entry) -> None:
        self.entry = entry
        self.parts: list[Any] = []
        self.after: list[Any] = []
        self._sure: Any = None

    def read(self) -> Any:
        """Return what was filled in; raise AnswerError when something has to be filled in first."""
        raise AnswerError(say("live-check.no_answer"))

    def clear(self) -> None:
        """Show the inputs as they were at first."""
        if self._sure is not None:
            self._sure.value = None

    def refresh(self) -> None:
        """Follow what is kept now."""

    @property
    def confidence(self) -> int | None:
        """How sure the learner is, 1 to 3; None where that is not asked. Raises AnswerError before it is said."""
        if self._sure is None:
            return None
        if self._sure.value is None:
            raise AnswerError(say("sure.first"))
        return int(self._sure.value)

    def show_how_sure(self) -> None:
        """Show how sure the learner was when the answer was kept."""
        if self._sure is not None:
            self._sure.value = self.entry.record.get("confidence")

    def ask_how_sure(self) -> None:
        """Add the question how sure the learner is."""
        self._sure = ui().RadioButtons(
            options=[(word, number) for number, word in sure().items()],
            value=self.entry.record.get("confidence"),
            description=say("sure.question"),
            style=WIDE,
        )
        self._sure.add_class("ecr-sure")
        self.parts.append(self._sure)
