"""What the tests try at an exercise, and what a hint is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from ecrlab_course.documents.lab_view import LabView

HINTS = 3
Hint: TypeAlias = str | Callable[[Any], str]
"""Markdown, or a function of what the kind's `state` returns."""


@dataclass(frozen=True)
class Attempt:
    """One attempt at an exercise, made by the tests: right (in `accepts`), wrong (`rejects`) or neither (`leaves`).

    `do` acts on the lab; `answer` is what `lab.answer` gets, or a function of the lab that returns it, called after
    `do` (for a prediction before); `first` is an answer given before that one. A rejected attempt names the
    misconception it shows, and the verdict that it must get: by its `verdict`, the name in the exercise's document, or
    by `says`, a piece of the message.
    """

    name: str
    do: Callable[[LabView], object] | None = None
    answer: Any = None
    confidence: int = 2
    misconception: str | None = None
    says: str = ""
    verdict: str = ""
    said: str = ""
    """The whole of what it is answered with, its gaps unfilled."""
    first: Any = None
    seed: str = ""
    """Of a drill: the state that is prepared; empty for its first."""
