"""The table that fills itself, drawn: each cell opens to the request that proved it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Protocol

from ecrlab_course.messages import say
from ecrlab_course.views.display import Shown, breaking, escape
from ecrlab_course.views.xray import request, who


@cache
def style() -> str:
    """Return the style element of the table."""
    css = (files("ecrlab_course.views") / "proofs.css").read_text(encoding="utf-8")
    return f"<style>{' '.join(css.split())}</style>"


class Showing(Protocol):
    """One thing that a cell says (`learner.comparison.Shown`)."""

    @property
    def words(self) -> str:
        """What was shown."""

    @property
    def row(self) -> Mapping[str, Any]:
        """The request that showed it."""

    @property
    def day(self) -> str:
        """The real day, ISO 8601."""

    @property
    def here(self) -> bool:
        """Whether the X-ray still has the request."""

    @property
    def fresh(self) -> bool:
        """Whether it was shown by what ran last."""


class Box(Protocol):
    """One cell (`learner.comparison.Cell`)."""

    @property
    def state(self) -> str:
        """ "shown", "documented", "open" or "later"."""

    @property
    def shown(self) -> Sequence[Showing]:
        """What was shown, newest first."""

    @property
    def documented(self) -> str:
        """What a page says."""

    @property
    def facts(self) -> Sequence[str]:
        """The ids of the facts behind that."""

    @property
    def lesson(self) -> str:
        """Where an empty cell is filled."""


class Line(Protocol):
    """One row (`learner.comparison.Line`)."""

    @property
    def number(self) -> int:
        """Its place in the whole table, from 1."""

    @property
    def question(self) -> str:
        """What the row asks."""

    @property
    def cells(self) -> Sequence[Box]:
        """Docker Hub's and ECR's."""


def drawn(lines: Sequence[Line], lesson: str = "") -> Shown:
    """Return the table: as text one block for each row, as HTML a table whose proofs open.

    With `lesson` these are only the rows that it fills, and the foot says where the others are.
    """
    counts = dict.fromkeys(("shown", "documented", "open", "later"), 0)
    for line in lines:
        for cell in line.cells:
            counts[cell.state] += 1
    foot = say(
        "comparison.count",
        shown=counts["shown"],
        documented=counts["documented"],
        open=counts["open"] + counts["later"],
    )
    if lesson:
        foot = say("comparison.part", foot=foot)
    title, names = say("comparison.title"), (say("comparison.hub"), say("comparison.ecr"))
    text = [title]
    body = []
    for line in lines:
        number = line.number
        text.append(f"{number:2} {line.question}")
        text += [
            f"     {name:<11} {part}" for name, cell in zip(names, line.cells, strict=True) for part in _text(cell)
        ]
        cells = "".join(
            f"<td>{_html(cell, say('comparison.cell', number=number, side=name))}</td>"
            for name, cell in zip(names, line.cells, strict=True)
        )
        body.append(f'<tr><th scope="row">{number} · {escape(line.question)}</th>{cells}</tr>')
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in (say("comparison.question"), *names))
    fresh = [
        say("comparison.news", number=line.number, side=name, words=cell.shown[0].words)
        for line in lines
        for name, cell in zip(names, line.cells, strict=True)
        if cell.shown and cell.shown[0].fresh
    ]
    said = escape(say("comparison.new", news=" · ".join(fresh)))
    news = f'<p class="ecr-soft" role="status">{said}</p>' if fresh else ""
    return Shown(
        "\n".join([*text, foot]),
        f'{style()}<div class="ecr-title">{escape(title)}</div>'
        f'<table class="ecr-table ecr-proofs"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table>{news}<p><b>{escape(foot)}</b></p>",
    )


def proof(row: Mapping[str, Any]) -> str:
    """Return a request in a line: lab time, what was asked, the answer, who asked."""
    moment = str(row["time"])[11:16]
    at_registry = {**row, "service": "registry"} if row["service"] == "public" else row
    return f"{moment} {request(at_registry)} · {row['status']} · {who(row)}, {row['client']}"  # type: ignore[arg-type]


def _day(text: str) -> str:
    day = datetime.fromisoformat(text).astimezone()
    return f"{day.day} {day:%B %Y}"


def _text(cell: Box) -> list[str]:
    if cell.state == "documented":
        return [say("comparison.documented", words=cell.documented, facts=", ".join(cell.facts))]
    if cell.state != "shown":
        return [_empty(cell)]
    return [
        f"{each.words}  [{proof(each.row)}{'' if each.here else '; ' + say('comparison.seen', day=_day(each.day))}]"
        for each in cell.shown
    ]


def _empty(cell: Box) -> str:
    return say("comparison.later", lesson=cell.lesson) if cell.state == "later" else say("comparison.open")


def _html(cell: Box, name: str) -> str:
    if cell.state == "documented":
        words = say("comparison.documented", words=cell.documented, facts=", ".join(cell.facts))
        return f'<i class="ecr-soft">{escape(words)}</i>'
    if cell.state != "shown":
        return f'<span class="ecr-soft">{escape(_empty(cell))}</span>'
    return "".join(_opening(each, name) for each in cell.shown)


def _opening(each: Showing, name: str) -> str:
    """Return what was shown, with its request behind it: a details element, which Enter and Space open."""
    fields = [(say(f"comparison.field_{key}"), each.row.get(key)) for key in _FIELDS if each.row.get(key)]
    rows = "".join(f"<dt>{escape(label)}</dt><dd>{breaking(value)}</dd>" for label, value in fields)
    seen = (
        "" if each.here else f'<br><span class="ecr-soft">{escape(say("comparison.again", day=_day(each.day)))}</span>'
    )
    state = '<span class="ecr-ok"><span class="ecr-state" aria-hidden="true">✓</span></span> '
    return (
        f'<details class="{"ecr-fresh" if each.fresh else ""}">'
        f'<summary aria-label="{escape(name)}: {escape(each.words)}">'
        f'{state}{escape(each.words)}<br><span class="ecr-soft">{breaking(proof(each.row))}</span>{seen}</summary>'
        f"<dl>{rows}</dl></details>"
    )


_FIELDS = ("seq", "time", "client", "principal", "method", "path", "operation", "status", "said")
