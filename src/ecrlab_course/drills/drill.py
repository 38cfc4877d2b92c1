"""How an author declares a drill: a situation, a question, key points, and evidence on live state.

A drill stands in a module of `content/drills/`, as `DRILL`. Its functions get a `DrillLab`:

* `prepare` *acts*: it builds a state in the drills' own account, from an empty one, in under two seconds;
* `evidence` *looks*: it judges real state and what was typed (`findings`), and changes nothing.
"""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ecrlab_course.checkout import ContentError, course_root
from ecrlab_course.documents.misconceptions import known
from ecrlab_course.documents.verdict import Verdict
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.kinds.free_answer import FollowUp, Point
from ecrlab_course.messages import say

LEVELS = ("J", "M", "S")
"""Junior, mid, senior."""
Findings = Mapping[str, str]


@dataclass(frozen=True)
class Finding:
    """Something to type beside the evidence: free text, or one of `options`."""

    key: str
    label: str
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attempt:
    """One attempt at the evidence, made by the tests: right (in `accepts`) or wrong (in `rejects`).

    `findings` may be a function of the lab, called after `do`. A rejected attempt names the misconception it shows, and
    `says`, a piece of the message that it must be answered with.
    """

    name: str
    do: Callable[[DrillLab], object] | None = None
    findings: Findings | Callable[[DrillLab], Findings] | None = None
    seed: str = ""
    misconception: str | None = None
    says: str = ""


@dataclass(frozen=True, kw_only=True)
class Drill:
    """One drill.

    `situation`, `question`, `model`, `weak` and `task` are markdown; `task` says what to show in the lab, in about
    `seconds`. `beyond` is the follow-up when no point was left out. `seeds` are the states that take turns. `lesson` is
    the lesson whose matter it is. The first of `misconceptions` is the one that the drill is about. `sources` name the
    pages its statements come from, read at `date`; fact ids stand in comments of the module.
    """

    id: str
    kind: str
    level: str
    lesson: str
    situation: str
    question: str
    points: tuple[Point, ...]
    beyond: FollowUp
    model: str
    weak: str
    task: str
    seconds: int
    hints: tuple[str, ...]
    misconceptions: tuple[str, ...]
    sources: tuple[str, ...]
    date: str
    prepare: Callable[[DrillLab], object]
    evidence: Callable[[DrillLab, Findings], Verdict]
    accepts: tuple[Attempt, ...]
    rejects: tuple[Attempt, ...]
    findings: tuple[Finding, ...] = ()
    seeds: tuple[str, ...] = ("",)
    people: tuple[str, ...] = ()
    """The profiles beside `admin` that `prepare` makes."""
    engine: bool = False
    """True when the evidence needs a container engine."""

    def __post_init__(self) -> None:
        problems = []
        if self.level not in LEVELS:
            problems.append(f"has the level {self.level!r}, not one of {', '.join(LEVELS)}")
        if not 60 <= self.seconds <= 180:
            problems.append(f"has evidence of {self.seconds} s; one to three minutes are wanted")
        if len(self.points) < 3 or len({point.key for point in self.points}) != len(self.points):
            problems.append("wants at least three points with keys of their own")
        if any(point.follow_up is None for point in self.points):
            problems.append("wants a follow-up question for each point")
        if not self.hints or not self.misconceptions or not self.sources or not self.seeds:
            problems.append("wants hints, misconceptions, sources and seeds")
        if len(self.accepts) < 2 or len(self.rejects) < 3:
            problems.append("wants two accepted attempts and three rejected ones, or more")
        problems += [
            f"the rejected attempt {attempt.name!r} needs a misconception and `says`"
            for attempt in self.rejects
            if not attempt.misconception or not attempt.says
        ]
        attempts = (*self.accepts, *self.rejects)
        problems += [
            f"{each.name!r} names no seed of it: {each.seed!r}"
            for each in attempts
            if each.seed and each.seed not in self.seeds
        ]
        if len({attempt.name for attempt in attempts}) != len(attempts):
            problems.append("has two attempts of the same name")
        if problems:
            raise ValueError(f"drill {self.id}: " + "; ".join(problems))
        for identifier in (*self.misconceptions, *(str(each.misconception) for each in self.rejects)):
            known(identifier)

    @property
    def level_words(self) -> str:
        """The level in a learner's words."""
        return say(f"drill.level_{self.level.lower()}")

    def point(self, key: str) -> Point:
        """Return the point of that key; raise KeyError when there is none."""
        return {point.key: point for point in self.points}[key]

    def follow_up(self, made: tuple[str, ...] | list[str]) -> FollowUp:
        """Return what is asked next: about the first point left out, or beyond the points when all were made."""
        missed = [point.follow_up for point in self.points if point.key not in made and point.follow_up]
        return missed[0] if missed else self.beyond

    @property
    def follow_ups(self) -> tuple[FollowUp, ...]:
        """Every question that may come next: one for each point, and the one beyond them."""
        return (*(point.follow_up for point in self.points if point.follow_up), self.beyond)


@cache
def drills(root: Path | None = None) -> dict[str, Drill]:
    """Return the drills of content/drills below `root` (default: the course's), by id, in order; cached.

    Raises ContentError when a module declares no DRILL, ValueError when a declaration is wrong or an id occurs twice.
    """
    found: dict[str, Drill] = {}
    for path in sorted(((root or course_root()) / "content" / "drills").glob("d[0-9]*.py")):
        name = f"ecrlab_drill_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            raise ContentError(f"{path} cannot be imported.")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
        drill = getattr(module, "DRILL", None)
        if not isinstance(drill, Drill):
            raise ContentError(f"{path} declares no DRILL.")
        if not path.stem.startswith(drill.id + "_"):
            raise ValueError(f"{path}: its drill is called {drill.id}")
        if drill.id in found:
            raise ValueError(f"two drills are called {drill.id}")
        found[drill.id] = drill
    return found
