"""How an author declares a lesson and its exercises: frozen dataclasses, functions for behaviour.

An exercise stands in `content/lessons/NN_name/exercises.py`, in the list `EXERCISES`; predictions that do not count
stand in `GUESSES`, the lesson's front matter in `LESSON`. This module needs neither a notebook nor a running lab; it
gives an author every name that a declaration uses.

The functions of a declaration get a `LabView`:

* `probe`, `observe`, `judge`, `correct`, `options` and hints *look*: what they ask is left out of the X-ray;
* `do`, `run`, `cause`, `reset` and checkpoints *act*, and their requests are recorded like a learner's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecrlab_course.declaration import (
    Attempt,
    Exercise,
    Hint,
    LabView,
    Option,
    Outcome,
    Result,
    Verdict,
    not_yet,
    passed,
    untouched,
)
from ecrlab_course.kinds import (
    Bin,
    BuildCommand,
    Choice,
    Field,
    FixFile,
    FollowUp,
    FreeAnswer,
    Guess,
    Item,
    LiveCheck,
    Match,
    Miss,
    Order,
    Point,
    Predict,
    ReadError,
    Step,
)


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """The front matter of a lesson, or of a lab (its id is then lab-NN).

    `checkpoints` maps a name to a function of the lab that builds that state in under five seconds, from whatever is
    there; `start` names the one an unbegun lesson starts from, `end` the one that the lesson leaves behind (default:
    the last). `verbs`: three things the learner can do afterwards.
    """

    id: str
    title: str
    minutes: int
    verbs: tuple[str, ...]
    checkpoints: Mapping[str, Callable[[Any], object]]
    words: Mapping[str, str] = field(default_factory=dict)
    needs: str = ""
    start: str = "fresh"
    end: str = ""
    follows: str = ""
    """A lab only: the id of the lesson that it comes after."""
    sticking: Mapping[str, str] = field(default_factory=dict)
    """Where people get stuck, and what helps: for the facilitator's page."""
    draft: bool = False
    """True while it is being written: what is still missing is listed, and is not a fault."""
    repositories: tuple[str, ...] = ()
    """Repositories that belong to the lesson: `lab.reset("04")` removes them."""
    users: tuple[str, ...] = ()
    """Users whose rights `lab.reset("04")` puts back to the seed's."""
    undo: Callable[[Any], object] | None = None
    """Takes away what else the lesson made, when it is reset: roles, groups, rights in another account."""
    undoes: str = ""
    """What `undo` takes away, in words that follow "This removes": the home page asks before."""

    def __post_init__(self) -> None:
        if (self.undo is None) is not (self.undoes == ""):
            raise ValueError(f"lesson {self.id}: undo and undoes go together")
        for name in (self.start, self.final):
            if name not in self.checkpoints:
                raise ValueError(f"lesson {self.id}: no checkpoint is called {name!r}")

    @property
    def final(self) -> str:
        """The checkpoint that stands for the state after the lesson."""
        return self.end or list(self.checkpoints)[-1]

    @property
    def called(self) -> str:
        """What a learner reads: "Lesson 04", "Lab 01"."""
        return f"Lab {self.id.removeprefix('lab-')}" if self.id.startswith("lab-") else f"Lesson {self.id}"


def by_id(items: Sequence[Exercise]) -> dict[str, Exercise]:
    """Return the exercises by id; raise ValueError when an id occurs twice."""
    found: dict[str, Exercise] = {}
    for item in items:
        if item.id in found:
            raise ValueError(f"two exercises are called {item.id}")
        found[item.id] = item
    return found


__all__ = [
    "Attempt",
    "Bin",
    "BuildCommand",
    "Choice",
    "Exercise",
    "Field",
    "FixFile",
    "FollowUp",
    "FreeAnswer",
    "Guess",
    "Hint",
    "Item",
    "LabView",
    "Lesson",
    "LiveCheck",
    "Match",
    "Miss",
    "Option",
    "Order",
    "Outcome",
    "Point",
    "Predict",
    "ReadError",
    "Result",
    "Step",
    "Verdict",
    "by_id",
    "not_yet",
    "passed",
    "untouched",
]
