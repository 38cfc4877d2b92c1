"""What a check found, and what a run did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ecrlab_course.documents.misconceptions import known
from ecrlab_course.messages import say


class Outcome(StrEnum):
    """What a check found."""

    PASSED = "passed"
    COMPARED = "compared"
    """A guess beside what happened, and that was something else: no error, and the prediction counts as made."""
    NOT_YET = "not yet"
    UNTOUCHED = "untouched"
    UNKNOWN = "could not check"

    @property
    def words(self) -> str:
        """The outcome in a learner's words; its value is what files keep."""
        return say(f"outcome.{self.name.lower()}")

    @property
    def counts(self) -> bool:
        """Tell whether the exercise is done: a strict run asks for that."""
        return self in (Outcome.PASSED, Outcome.COMPARED)

    @property
    def is_known(self) -> bool:
        """Tell whether something was there to judge, and was judged."""
        return self not in (Outcome.UNTOUCHED, Outcome.UNKNOWN)


@dataclass(frozen=True)
class Verdict:
    """A judge's word: the outcome, what was seen (markdown), and the misconception that a miss shows.

    `name` is the section of the exercise's document that it stands in, "" where none has it; `day` is that of an
    earlier pass, when the verdict is about that and not about now.
    """

    outcome: Outcome
    message: str = ""
    misconception: str | None = None
    name: str = ""
    day: str = ""

    @property
    def words(self) -> str:
        """The outcome in a learner's words, with the day where it is an earlier one's."""
        return say("card.passed_then", date=self.day) if self.day else self.outcome.words

    def __post_init__(self) -> None:
        if self.misconception is not None:
            known(self.misconception)


def passed(message: str = "") -> Verdict:
    """Return the verdict of a right answer; the message says what was seen, or a remark."""
    return Verdict(Outcome.PASSED, message)


def not_yet(message: str, misconception: str | None = None) -> Verdict:
    """Return the verdict of a wrong attempt: what was seen, what it means, where to look. Never the command."""
    return Verdict(Outcome.NOT_YET, message, misconception)


def compared(message: str, misconception: str | None = None) -> Verdict:
    """Return the verdict of a guess that something else came of: what was expected, what happened, what it means."""
    return Verdict(Outcome.COMPARED, message, misconception)


def untouched(message: str = "") -> Verdict:
    """Return the verdict when nothing was tried yet; the message says in one line what would be looked at."""
    return Verdict(Outcome.UNTOUCHED, message)


@dataclass(frozen=True)
class Result:
    """What a command did: the command line, its exit code, stdout and stderr in order, and anything the run noted."""

    command: str
    code: int
    output: str
    data: Mapping[str, Any] = field(default_factory=dict)


NOTHING = Result("", 0, "")
"""What a run did that was not made yet."""
