"""What the tests try at an exercise: steps and answers in eN.py become attempts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ecrlab_course.documents.lab_view import LabView

Act = Callable[[LabView], object]


class Sentence(str):
    """The name of an item of # Sentences: a gap that gets it is filled with that sentence."""


@dataclass(frozen=True)
class Try:
    """One try, where a plain value does not say it all.

    `answer` is what `lab.answer` gets, or a function of the lab that returns it; `do` acts on the lab before that;
    `first` is an answer given before this one. In a drill the answer is what is typed beside the evidence (a table, by
    the findings' names), and `seed` the state that is prepared.
    """

    answer: Any = None
    do: Act | tuple[Act, ...] = ()
    confidence: int = 2
    first: Any = None
    seed: str = ""


def as_try(value: Any, answered: bool) -> Try:
    """Return a value of TRIES as a Try: steps where the work is done in the lab, else an answer."""
    if isinstance(value, Try):
        return value
    return Try(answer=value) if answered else Try(do=value)


def named(verdict: str, tries: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the tries of a verdict with their names: those of a table, else the verdict's with a number."""
    if isinstance(tries, Mapping):
        yield from tries.items()
        return
    words = verdict.replace("-", " ")
    for number, each in enumerate(tries, 1):
        yield words if number == 1 else f"{words}, {number}", each


def acting(*steps: Act | Sequence[Act] | None) -> Act | None:
    """Return the steps as one; None when there are none."""
    flat: list[Act] = []
    for step in steps:
        if callable(step):
            flat.append(step)
        elif step:
            flat += step
    if not flat:
        return None

    def act(lab: LabView) -> None:
        for step in flat:
            step(lab)

    return act
