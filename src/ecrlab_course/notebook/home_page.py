"""The home page: the map of the course with the learner's own marks, where to go on, and how much is left."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Any

from ecrlab_course.authoring.content import Course, Sheet, Source
from ecrlab_course.authoring.course_plan import plan
from ecrlab_course.kinds.base import Exercise
from ecrlab_course.messages import say
from ecrlab_course.views.display import Shown, escape, markdown_inline


class State(StrEnum):
    """How a lesson or lab stands."""

    DONE = "done"
    BEGUN = "begun"
    OPEN = "not begun"
    UNWRITTEN = "not written yet"


ICONS = {State.DONE: "✓", State.BEGUN: "◐", State.OPEN: "○", State.UNWRITTEN: "·"}


@dataclass(frozen=True)
class Stop:
    """One place on the map: what the plan says, and where the learner stands. `notebook` is empty when unwritten."""

    id: str
    title: str
    after: str
    state: State
    notebook: str = ""
    minutes: int = 0
    done: int = 0
    total: int = 0
    verbs: tuple[str, ...] = field(default=(), repr=False)

    @property
    def name(self) -> str:
        """The name on the map: "lesson 04", "lab 01"."""
        return self.id.replace("-", " ") if self.after else say("home.lesson", id=self.id)

    @property
    def left(self) -> int:
        """Minutes left, as the share of the exercises that are not passed."""
        return math.ceil(self.minutes * (1 - self.done / self.total)) if self.total else 0

    @property
    def said(self) -> str:
        """The state in words: "begun, 3 of 11 exercises, about 44 minutes left"."""
        if self.state in (State.UNWRITTEN, State.DONE):
            return self.state.value
        rest = say("home.left", minutes=self.left) if self.done else say("home.minutes", minutes=self.minutes)
        passed = say("home.passed", done=self.done, total=self.total) + ", " if self.state is State.BEGUN else ""
        return f"{self.state.value}, {passed}{rest}"


@dataclass(frozen=True)
class Place:
    """Where to go on: the exercise, its lesson, and the cell that shows it.

    `begun` is false for a lesson that was never opened: one begins it at its top.
    """

    source: Source
    exercise: Exercise
    cell: str
    begun: bool = True

    @property
    def link(self) -> str:
        """The address of the cell, relative to the home page."""
        return f"{self.opens}#cell-id={self.cell}" if self.cell and self.begun else self.opens

    @property
    def opens(self) -> str:
        """The path of its page below work/."""
        return self.source.page_of(self.cell).opens if self.begun else self.source.opens

    @property
    def opening(self) -> str:
        """The link's words."""
        if not self.begun:
            return say("home.open_top", page=self.opens)
        return say("home.open_at", page=self.opens, id=self.exercise.id)

    @property
    def checkpoint(self) -> str:
        """The checkpoint to build: the exercise's own, else that of the section which shows it, else the first."""
        lesson = self.source.lesson
        return self.exercise.at or self.source.section_of(self.cell) or lesson.start

    @property
    def words(self) -> str:
        """The place in a sentence's words."""
        if not self.begun:
            lesson = self.source.lesson
            return say("home.place_top", lesson=lesson.called, title=lesson.title, page=self.opens)
        return say("home.place", id=self.exercise.id, kind=self.exercise.kind_words, page=self.opens)


def stops(course: Course, progress: Mapping[str, Any], engine: bool = True) -> list[Stop]:
    """Return every place of the course with its state, from the content of the progress file.

    `engine`: whether this computer has a container engine; what needs one does not count where there is none.
    """
    found = []
    for planned in plan(course.root):
        source = course.sources.get(planned.id)
        if source is None or not source.text.is_file():
            found.append(Stop(planned.id, planned.title, planned.after, State.UNWRITTEN))
            continue
        counted = possible(source, engine)
        done = sum(1 for key in counted if progress["exercises"].get(key, {}).get("passed"))
        touched = any(progress["exercises"].get(key, {}).get("tries") for key in source.exercises)
        begun = bool(progress["lessons"].get(planned.id)) or touched or done
        state = State.DONE if counted and done == len(counted) else State.BEGUN if begun else State.OPEN
        found.append(
            Stop(
                planned.id, planned.title, planned.after, state, source.opens, source.lesson.minutes, done,
                len(counted), source.lesson.verbs,
            )
        )  # fmt: skip
    return found


def possible(source: Source, engine: bool) -> list[str]:
    """Return the ids of the exercises that count and can be passed on this computer, in order."""
    return [key for key, exercise in source.counted.items() if engine or not exercise.engine]


def place(course: Course, progress: Mapping[str, Any], engine: bool = True) -> Place | None:
    """Return where the learner stopped: the exercise after the last one that was tried, in the lesson used last.

    When that lesson is done: the first exercise that is not passed, from the next lesson on, then from the beginning.
    None when every exercise is passed. `engine`: whether this computer has one; what needs one is left out without.
    """
    records = progress["exercises"]
    sources = list(course.sources.values())
    # Two lessons of the same second: the later one.
    last = max(range(len(sources)), key=lambda n: (_used(sources[n], progress), n), default=0)
    if sources and not _used(sources[last], progress):
        last = 0
    for source in [*sources[last:], *sources[:last]]:
        keys = possible(source, engine)
        tried = [n for n, key in enumerate(keys) if records.get(key, {}).get("tries")]
        start = tried[-1] if tried else 0
        for key in [*keys[start:], *keys[:start]]:
            if not records.get(key, {}).get("passed"):
                return Place(source, source.exercises[key], source.cell_of(key), bool(_used(source, progress)))
    return None


def _used(source: Source, progress: Mapping[str, Any]) -> str:
    """Return the time at which the lesson was used last, as the progress file writes times; "" when it never was."""
    lesson = progress["lessons"].get(source.lesson.id, {})
    times = [str(lesson.get(key, "")) for key in ("begun", "opened")]
    for key in source.exercises:
        history = progress["exercises"].get(key, {}).get("history", [])
        times += [str(history[-1]["at"])] if history else []
    return max(times)


def from_here(folder: Path) -> str:
    """Return what leads from a notebook in this folder to the lessons' notebooks: labs lie one folder below."""
    return "../" if folder.name == "labs" else ""


@dataclass(frozen=True)
class Row:
    """One exercise in a page's summary: passed or open, and the link to its card."""

    passed: bool
    exercise: Exercise
    link: str


def after(course: Course, source: Source, page: Sheet) -> Sheet | None:
    """Return the page that follows one in the course: of its lesson, else the first of the next that is written."""
    if page.number < len(source.pages):
        return source.pages[page.number]
    written = [each for each in course.sources.values() if each.text.is_file()]
    behind = written[written.index(source) + 1 :]
    return behind[0].pages[0] if behind else None


def page_summary(rows: list[Row], following: Sheet | None, folder: str) -> Shown:
    """Return a page's summary: each exercise with its state, and where to go on. `folder` leads to the notebooks."""
    done = sum(1 for row in rows if row.passed)
    head = say("page.passed", done=done, total=len(rows))
    lines, items = [head], []
    for row in rows:
        icon = ICONS[State.DONE if row.passed else State.OPEN]
        state = say("page.done" if row.passed else "page.open")
        # What an open one is about could give its answer away.
        what = row.exercise.objective.rstrip(".") if row.passed else row.exercise.kind_words
        words = say("page.row", id=row.exercise.id, what=what)
        lines.append(f"{icon} {words}: {state}")
        items.append(f'<li>{icon} <a href="{escape(row.link)}">{markdown_inline(words)}</a>: {state}</li>')
    where = say("page.where", page=following.opens) if following else say("page.all_done")
    link = escape(where)
    if following:
        link = link.replace(
            escape(following.opens), f'<a href="{escape(folder + following.opens)}">{escape(following.opens)}</a>'
        )
    return Shown(
        "\n".join([*lines, where]),
        f'<div class="ecr-summary" role="status"><p><b>{escape(head)}</b></p>'
        f'<ul style="list-style: none; padding-left: 0">{"".join(items)}</ul><p>{link}</p></div>',
    )


# Drawing --------------------------------------------------------------------------------------------------------------

_WIDTH, _COLUMNS = 780, 4
_STEP = _WIDTH / _COLUMNS
_RADIUS = 23
_LAB = 30
"""Height of a lab below its lesson."""


def drawn(
    stops: list[Stop], here: str = "", folder: str = "", pages: Mapping[str, str] = MappingProxyType({})
) -> Shown:
    """Return the map: each lesson a stop on the route with its progress as a ring, each lab a quay below its lesson.

    `here` is the id of the place to go on with, `folder` what leads from the page to the lessons' notebooks, `pages`
    the notebooks beside the route (drills, questions), by title.
    """
    lessons = [stop for stop in stops if not stop.after]
    labs = {stop.id: [lab for lab in stops if lab.after == stop.id] for stop in lessons}
    rows = [lessons[n : n + _COLUMNS] for n in range(0, len(lessons), _COLUMNS)]
    tops, top = [], 12
    for row in rows:
        tops.append(top)
        top += 112 + _LAB * max(len(labs[stop.id]) for stop in row)
    parts = [f'<path class="route" d="{_route(rows, tops)}"/>']
    links = []
    for row, y in zip(rows, tops, strict=True):
        for column, stop in enumerate(row):
            x = round(_STEP * (column + 0.5))
            parts.append(_lesson(stop, x, y, stop.id == here))
            links.append(_link(stop, x - 92, y, 184, 94, top, stop.id == here, folder))
            for number, lab in enumerate(labs[stop.id]):
                place = y + 98 + _LAB * number
                parts.append(_quay(lab, x, place, lab.id == here))
                links.append(_link(lab, x - 92, place, 184, _LAB - 4, top, lab.id == here, folder))
    drawing = "\n".join(parts)  # where a drawing is left out, its words still stand apart
    picture = (
        f'<svg aria-hidden="true" focusable="false" width="{_WIDTH}" height="{top}" viewBox="0 0 {_WIDTH} {top}" '
        f'xmlns="http://www.w3.org/2000/svg">{drawing}</svg>'
    )
    can = [f"{', '.join(stop.verbs)} ({stop.name})" for stop in lessons if stop.state is State.DONE]
    badge = f'<p class="ecr-soft"><b>{say("home.you_can")}</b> {escape("; ".join(can))}.</p>' if can else ""
    words = summary(stops)
    beside = "".join(
        f'<p>{say("home.beside")} <a href="{escape(folder + opens)}">{escape(title)}</a>, {say("home.a_day")}</p>'
        for title, opens in pages.items()
    )
    return Shown(
        "\n".join([text(stops, here), *(f"{say('home.beside')} {title}, {opens}" for title, opens in pages.items())]),
        f'<nav class="ecr-map" aria-label="{say("home.map")}">{picture}<ol>{"".join(links)}</ol></nav>'
        f"<p>{escape(words)}</p>{beside}{badge}",
    )


def summary(stops: list[Stop]) -> str:
    """Return one line: what is done, and the minutes left in what is written."""
    written = [stop for stop in stops if stop.state is not State.UNWRITTEN]
    done = sum(1 for stop in written if stop.state is State.DONE)
    left = sum(stop.left for stop in written)
    rest = say("home.left", minutes=left) if left else say("home.nothing_left")
    return say("home.summary", done=done, written=len(written), rest=rest, unwritten=len(stops) - len(written))


def text(stops: list[Stop], here: str = "") -> str:
    """Return the map as lines of text."""
    lines = []
    for stop in stops:
        indent = "   " if stop.after else ""
        mark = f"   <- {say('home.here')}" if stop.id == here else ""
        lines.append(f"{indent}{ICONS[stop.state]} {stop.id}  {stop.title}: {stop.said}{mark}")
    return "\n".join([*lines, summary(stops)])


def _route(rows: list[list[Stop]], tops: list[int]) -> str:
    """Return the path through the lessons: along each row, then round the edge to the next one's beginning."""
    pieces = []
    for number, (row, top) in enumerate(zip(rows, tops, strict=True)):
        y = top + 30
        first, last = round(_STEP / 2), round(_STEP * (len(row) - 0.5))
        pieces.append(f"M{first} {y}H{last}")
        if number + 1 < len(rows):
            turn, below = tops[number + 1] - 8, tops[number + 1] + 30
            pieces.append(
                f"M{last} {y}H{_WIDTH - 26}q14 0 14 14V{turn - 14}q0 14 -14 14H28q-14 0 -14 14V{below - 14}"
                f"q0 14 14 14H{first}"
            )
    return "".join(pieces)


def _lesson(stop: Stop, x: int, top: int, here: bool) -> str:
    y = top + 30
    kind = stop.state.name.lower()
    parts = [f'<circle class="stop {kind}" cx="{x}" cy="{y}" r="{_RADIUS}"/>']
    share = stop.done / stop.total if stop.total else 0
    if 0 < share < 1:
        angle = 2 * math.pi * share
        end_x, end_y = x + _RADIUS * math.sin(angle), y - _RADIUS * math.cos(angle)
        large = 1 if share > 0.5 else 0
        parts.append(
            f'<path class="ring" d="M{x} {y - _RADIUS}A{_RADIUS} {_RADIUS} 0 {large} 1 {end_x:.1f} {end_y:.1f}"/>'
        )
    if here:
        parts.append(f'<circle class="here" cx="{x}" cy="{y}" r="{_RADIUS + 6}"/>')
    parts.append(f'<text class="number {kind}" x="{x}" y="{y + 6}">{stop.id}</text>')
    parts.append(f'<text class="name {kind}" x="{x}" y="{top + 74}">{escape(stop.title)}</text>')
    parts.append(f'<text class="soft" x="{x}" y="{top + 91}">{escape(_short(stop, here))}</text>')
    return "\n".join(parts)


def _short(stop: Stop, here: bool = False) -> str:
    icon = ICONS[stop.state]
    if stop.state is State.UNWRITTEN:
        return stop.state.value
    if stop.state is State.DONE:
        return f"{icon} {stop.state.value}"
    words = say("home.min", minutes=stop.minutes)
    if stop.state is State.BEGUN:
        words = say("home.min_left", done=stop.done, total=stop.total, minutes=stop.left)
    go_on = f" · {say('home.here')}" if here and stop.state is State.OPEN else ""
    return f"{icon} {words}{go_on}"


def _quay(lab: Stop, x: int, top: int, here: bool) -> str:
    kind = "here" if here else lab.state.name.lower()
    icon = "" if lab.state is State.UNWRITTEN else f"{ICONS[lab.state]} "
    return (
        f'<rect class="quay {kind}" x="{x - 92}" y="{top + 1}" width="184" height="{_LAB - 6}" rx="4"/>'
        f'<text class="lab {lab.state.name.lower()}" x="{x}" y="{top + 17}">{icon}{escape(lab.name)} '
        f"{escape(lab.title)}</text>"
    )


def _link(stop: Stop, x: int, y: int, width: int, height: int, total: int, here: bool, folder: str) -> str:
    """Return what lies over the drawing: a link, or words for a screen reader where there is nothing to open yet."""
    words = f"{stop.name}, {stop.title}: {stop.said}{', ' + say('home.here') if here else ''}"
    words = words[0].upper() + words[1:]
    place = (
        f"left:{100 * x / _WIDTH:.2f}%;top:{100 * y / total:.2f}%;width:{100 * width / _WIDTH:.2f}%;"
        f"height:{100 * height / total:.2f}%"
    )
    inner = f"<span>{escape(words)}</span>"
    if not stop.notebook:
        return f'<li style="{place}">{inner}</li>'
    return f'<li style="{place}"><a href="{escape(folder + stop.notebook)}" title="{escape(words)}">{inner}</a></li>'
