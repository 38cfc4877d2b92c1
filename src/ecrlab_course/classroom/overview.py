"""What the instructor sees of a board: who needs me, what the class believes, exercises by learners; and the CSV."""

from __future__ import annotations

import csv
import io
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ecrlab_course.classroom.board import Board, Learner
from ecrlab_course.classroom.catalogue import Catalogue
from ecrlab_course.documents.misconceptions import MISCONCEPTIONS
from ecrlab_course.progress import DONE
from ecrlab_course.sharing.report import is_done
from ecrlab_course.views.display import plain

REASONS = ("hand", "tries", "stuck", "silent", "idle")
"""Why somebody is shown first: a raised hand; many tries at one exercise; active without a step forward; not heard
from; nothing done for long. In this order."""
NEEDS, ROWS = 15, 60
"""At most this many who need the instructor, and rows of learners."""
TRIES, CHECKS = 3, 5
ACTIVE, SILENT, IDLE, AWAY = 120.0, 90.0, 600.0, 7200.0
"""Seconds: a cell ran this lately; a beat and more is missing; nothing ran for so long; gone home."""
FRESH = 1800.0
"""Seconds after which many tries at an exercise say nothing about now."""
MUTED = 600.0
"""Seconds for which a reason that the instructor has seen is not shown again."""


@dataclass(frozen=True)
class Asked:
    """What the page asks for: its group, whether with rows, whose names hold these letters, after how many minutes
    without a step somebody counts as stuck."""

    group: str = ""
    rows: bool = True
    name: str = ""
    minutes: float = 6.0


@dataclass(frozen=True)
class Need:
    """One learner who needs the instructor: why, since when, and with which exercise."""

    learner: Learner
    reason: str
    since: float
    exercise: str = ""

    @property
    def key(self) -> str:
        """What is muted when it was seen: another exercise is another reason."""
        return f"{self.reason}:{self.exercise}" if self.reason == "tries" else self.reason


def reason_of(learner: Learner, now: float, minutes: float = 6.0) -> Need | None:
    """Return the first reason, in order, why a learner needs the instructor; None where there is none."""
    for need in _reasons(learner, now, minutes):
        if learner.muted.get(need.key, 0.0) <= now:
            return need
    return None


def _reasons(learner: Learner, now: float, minutes: float) -> Iterable[Need]:
    heard = now - learner.heard
    if learner.left or not learner.heard or heard > AWAY:
        return
    current = learner.current
    if learner.hand:
        yield Need(learner, "hand", learner.hand, current)
    if heard > SILENT:
        yield Need(learner, "silent", learner.heard, current)
        return
    record = learner.records.get(current, {})
    many = record.get("tries", 0) >= TRIES or record.get("checks", 0) >= CHECKS
    if many and not is_done(record) and now - record["at"] < FRESH:
        yield Need(learner, "tries", record["at"], current)
    quiet = now - learner.active
    if learner.active and quiet < ACTIVE and now - learner.stepped > minutes * 60:
        yield Need(learner, "stuck", learner.stepped, current)
    if learner.active and quiet > IDLE:
        yield Need(learner, "idle", learner.active, current)


def needs(board: Board, now: float, minutes: float = 6.0) -> list[Need]:
    """Return who needs the instructor, by reason, who has waited longest first."""
    found = [need for each in board.learners.values() if (need := reason_of(each, now, minutes)) is not None]
    return sorted(found, key=lambda need: (REASONS.index(need.reason), need.since))


def is_here(learner: Learner, now: float) -> bool:
    """Tell whether a learner shares now."""
    return not learner.left and now - learner.heard <= SILENT


def overview(board: Board, catalogue: Catalogue, asked: Asked, now: float) -> dict[str, Any]:
    """Return what the page shows."""
    waiting = needs(board, now, asked.minutes)
    group = asked.group or _most_used(board, catalogue, now)
    shown: dict[str, Any] = {
        "group": group,
        "groups": catalogue.groups,
        "learners": sum(each.heard > 0 for each in board.learners.values()),
        "joined": len(board.learners),
        "here": sum(is_here(each, now) for each in board.learners.values()),
        "waiting": len(waiting),
        "beliefs": beliefs(board, catalogue),
        "columns": columns(board, catalogue, group),
    }
    if asked.rows:
        order = {need.learner.id: place for place, need in enumerate(waiting)}
        wanted = [each for each in board.learners.values() if each.heard and asked.name.lower() in each.label.lower()]
        wanted.sort(key=lambda each: (order.get(each.id, len(order)), each.label))
        shown["needs"] = [_need(need, catalogue, now) for need in waiting[:NEEDS]]
        shown["rows"] = [_row(each, catalogue, group, now) for each in wanted[:ROWS]]
        shown["matching"] = len(wanted)
    return shown


def _most_used(board: Board, catalogue: Catalogue, now: float) -> str:
    """Return the group in which most of those here are; the course's first where nobody is."""
    seen = Counter(each.lesson for each in board.learners.values() if is_here(each, now) and each.lesson)
    known = [name for name, _ in seen.most_common() if name in catalogue.groups]
    return known[0] if known else next(iter(catalogue.groups))


def _minutes(seconds: float) -> int:
    return max(0, int(seconds // 60))


def _belief(record: Any) -> str:
    belief = MISCONCEPTIONS.get(record.get("misconception", ""))
    return plain(belief.belief) if belief and record.get("outcome") != "passed" else ""


def _need(need: Need, catalogue: Catalogue, now: float) -> dict[str, Any]:
    record = need.learner.records.get(need.exercise, {})
    return {
        "learner": need.learner.id,
        "label": need.learner.label,
        "reason": need.reason,
        "key": need.key,
        "minutes": _minutes(now - need.since),
        "exercise": need.exercise,
        "title": catalogue.title(need.exercise),
        "lesson": need.learner.lesson,
        "belief": _belief(record),
        "tries": record.get("tries", 0),
        "hints": record.get("hints", 0),
        "solution": bool(record.get("solution_seen")),
        "offered": [each["lesson"] for each in need.learner.offers],
    }


def beliefs(board: Board, catalogue: Catalogue) -> list[dict[str, Any]]:
    """Return the misconceptions that the class shows now, the commonest first, each with its exercises and a question.

    One counts for a learner while the last try at an exercise shows it and that exercise is not passed.
    """
    holders: dict[str, set[str]] = defaultdict(set)
    places: dict[str, Counter[str]] = defaultdict(Counter)
    for learner in board.learners.values():
        for name, record in learner.records.items():
            belief = record.get("misconception")
            if belief in MISCONCEPTIONS and record.get("outcome") != "passed":
                holders[belief].add(learner.id)
                places[belief][name] += 1
    found = []
    for belief in sorted(holders, key=lambda each: (-len(holders[each]), each))[:12]:
        names = [name for name, _ in sorted(places[belief].items(), key=lambda each: (-each[1], each[0]))]
        question = next((text for name in names if (text := catalogue.question(name))), "")
        found.append(
            {
                "id": belief,
                "belief": plain(MISCONCEPTIONS[belief].belief),
                "learners": len(holders[belief]),
                "exercises": names[:6],
                "question": question,
            }
        )
    return found


def columns(board: Board, catalogue: Catalogue, group: str) -> list[dict[str, Any]]:
    """Return a group's columns, each with how many have done it and how many have tried."""
    found = []
    for column in catalogue.columns(group):
        records = [each.records[column.id] for each in board.learners.values() if column.id in each.records]
        done, tried = sum(map(is_done, records)), sum("outcome" in record for record in records)
        found.append({"id": column.id, "short": column.short, "title": column.title, "done": done, "tried": tried})
    return found


def _row(learner: Learner, catalogue: Catalogue, group: str, now: float) -> dict[str, Any]:
    cells = {
        column.id: cell_of(learner.records[column.id])
        for column in catalogue.columns(group)
        if column.id in learner.records
    }
    need = reason_of(learner, now)
    return {
        "id": learner.id,
        "label": learner.label,
        "here": is_here(learner, now),
        "left": learner.left,
        "hand": bool(learner.hand),
        "lesson": learner.lesson,
        "reason": need.reason if need else "",
        "offered": [each["lesson"] for each in learner.offers],
        "cells": cells,
    }


def cell_of(record: Any) -> dict[str, Any]:
    """Return a cell: `state` (done, compared, open, help), tries, hints, and whether the solution was seen."""
    outcome = record.get("outcome")
    state = "done" if outcome == "passed" or is_done(record) else "open" if outcome else "help"
    if state == "done" and outcome == DONE[1]:
        state = "compared"
    return {
        "state": state,
        "tries": record.get("tries", 0),
        "hints": record.get("hints", 0),
        "solution": bool(record.get("solution_seen")),
    }


HEAD = ("learner", "exercise", "outcome", "first", "tries", "checks", "hints", "solution_seen", "misconception",
        "begun", "last", "passed")  # fmt: skip


def table(board: Board) -> str:
    """Return the CSV: a row per learner and thing tried, by pseudonym.

    No cell can begin with what a spreadsheet takes for a formula: each is an id, a count, a time or a word of ours.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(HEAD)
    for learner, name, record in board.rows():
        writer.writerow([learner.label, name, *(record.get(key, "") for key in HEAD[2:])])
    return out.getvalue()
