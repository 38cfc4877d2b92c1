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
    NOT_YET = "not yet"
    UNTOUCHED = "untouched"
    UNKNOWN = "could not check"

    @property
    def words(self) -> str:
        """The outcome in a learner's words; its value is what files keep."""
        return say(f"outcome.{self.name.lower()}")


@dataclass(frozen=True)
class Verdict:
    """A judge's word: the outcome, what was seen (markdown), and the misconception that a miss shows.

    `name` is the section of the exercise's document that it stands in, "" where none has it.
    """

    outcome: Outcome
    message: str = ""
    misconception: str | None = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.misconception is not None:
            known(self.misconception)


def passed(message: str = "") -> Verdict:
    """Return the verdict of a right answer; the message says what was seen, or a remark."""
    return Verdict(Outcome.PASSED, message)


def not_yet(message: str, misconception: str | None = None) -> Verdict:
    """Return the verdict of a wrong attempt: what was seen, what it means, where to look. Never the command."""
    return Verdict(Outcome.NOT_YET, message, misconception)


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
