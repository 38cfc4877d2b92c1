"""The one room for causes: before a judge speaks, the last thing that the learner's client did is looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ecrlab_course.causes import client, clock, refusal, target, unknown, written
from ecrlab_course.causes.goal import Goal
from ecrlab_course.causes.scene import Finding, Moment, Scene
from ecrlab_course.documents.cause_words import cause_words
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.verdict import Outcome, Verdict

FAMILIES = (written, client, refusal, target, clock)
"""Each has find(scene, goal). Of what they find the later request counts, then the goals' order, then this one."""


@dataclass(frozen=True)
class Cause:
    """Why a goal was not reached: the cause's name, what is said of it (markdown), and the misconception it shows."""

    name: str
    message: str
    misconception: str


def find(lab: LabView, goals: Sequence[Goal], *, tried: bool = True, begun: Moment | None = None) -> Cause | None:
    """Return what kept the learner's client from the goals: of the last thing it did; None when nothing shows it.

    `lab` only looks, and its `rows()` begin at the exercise's mark; `begun` begins later. `tried` tells whether the
    exercise's own judge saw an attempt.
    """
    scene = Scene(lab, goals, tried, begun)
    found = _last(family.find(scene, goal) for goal in goals for family in FAMILIES)
    found = found or next((each for goal in goals if (each := unknown.find(scene, goal))), None)
    if found is None:
        return None
    words = cause_words()[found.name]
    return Cause(found.name, words.told(**found.gaps), words.misconception)


def _last(findings: Iterable[Finding | None]) -> Finding | None:
    return max((each for each in findings if each is not None), key=lambda each: each.at, default=None)


def explained(
    verdict: Verdict,
    lab: LabView,
    goals: Sequence[Goal],
    own: Sequence[str] = (),
    adds: Sequence[str] = (),
    begun: Moment | None = None,
) -> Verdict:
    """Return the verdict, or the cause in its place where the record shows one.

    A verdict that passed, one named in `own`, and an exercise without goals are left alone. The judge's own sentence
    follows the cause's when its verdict is named in `adds`.
    """
    if not goals or verdict.outcome in (Outcome.PASSED, Outcome.UNKNOWN) or verdict.name in own:
        return verdict
    cause = find(lab, goals, tried=verdict.outcome is Outcome.NOT_YET, begun=begun)
    if cause is None:
        return verdict
    message = f"{cause.message}\n\n{verdict.message}" if verdict.name in adds else cause.message
    return Verdict(Outcome.NOT_YET, message, cause.misconception, cause.name)
