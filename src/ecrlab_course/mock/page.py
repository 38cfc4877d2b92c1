"""A scorecard as one file, HTML or Markdown, and what was shown over time as a drawing: no script, no outside link."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path

from ecrlab.home import write_private
from ecrlab_course.messages import say
from ecrlab_course.mock.scorecard import Figures, Scorecard
from ecrlab_course.views.display import Shown, escape

WIDE, HIGH, EDGE = 200, 56, 8
"""The size of one small line, and its edge, in pixels."""


def drawing(found: Sequence[Figures]) -> str:
    """Return three small lines by date (points, evidence, flags) as an SVG with its description; "" for fewer than two.

    Mocks of another length than the last one are hollow dots beside the line: they are not compared.
    """
    if len(found) < 2:
        return ""
    lines = (
        ("points", [each.heard + each.said for each in found], [each.heard + each.said + each.left for each in found]),
        ("evidence", [each.given for each in found], [each.tasks for each in found]),
        ("flags", [each.flags for each in found], [max(each.flags for each in found)] * len(found)),
    )
    same = [each.minutes == found[-1].minutes for each in found]
    said = "; ".join(
        say("mock.drawn", name=say(f"mock.col_{name}"), values=", ".join(map(str, values))) for name, values, _ in lines
    )
    drawn = "".join(
        f'<g transform="translate({number * (WIDE + 24)} 0)">{_line(name, values, most, same)}</g>'
        for number, (name, values, most) in enumerate(lines)
    )
    width = 3 * WIDE + 2 * 24
    return (
        f'<svg class="ecr-trend" role="img" viewBox="0 0 {width} {HIGH + 24}" width="{width}" '
        f'style="max-width:100%;height:auto"><desc>{escape(said)}</desc>{drawn}</svg>'
    )


def _line(name: str, values: Sequence[int], most: Sequence[int], same: Sequence[bool]) -> str:
    top = max([*most, 1])
    step = (WIDE - 2 * EDGE) / (len(values) - 1)
    dots = [(EDGE + step * at, EDGE + (HIGH - 2 * EDGE) * (1 - value / top)) for at, value in enumerate(values)]
    line = " ".join(f"{x:.1f},{y:.1f}" for (x, y), counts in zip(dots, same, strict=True) if counts)
    circles = "".join(
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{"currentColor" if counts else "none"}" '
        'stroke="currentColor"/>'
        for (x, y), counts in zip(dots, same, strict=True)
    )
    words = say("mock.drawn_now", name=say(f"mock.col_{name}"), first=values[0], last=values[-1])
    return (
        f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-width="1.5"/>{circles}'
        f'<text x="{EDGE}" y="{HIGH + 16}" font-size="13" fill="currentColor">{escape(words)}</text>'
    )


def card_shown(card: Scorecard) -> Shown:
    """Return the scorecard as text and as HTML, with the drawing over time."""
    return Shown(card.text, f'<div class="ecr-scorecard" role="status">{card.html}{drawing(card.figures)}</div>')


def page(card: Scorecard) -> str:
    """Return the scorecard as a page of its own, readable on paper, in light and in dark."""
    css = (files("ecrlab_course.views") / "scorecard.css").read_text(encoding="utf-8")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(card.title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{" ".join(css.split())}</style></head>'
        f"<body><main><h1>{escape(card.title)}</h1>{_headed(card.html)}{drawing(card.figures)}</main></body></html>\n"
    )


def _headed(html: str) -> str:
    """Return the scorecard with headings: on a page of its own they have a level."""
    return re.sub(r'<div class="ecr-title">(.*?)</div>', r"<h2>\1</h2>", html)


def export(card: Scorecard, path: Path) -> None:
    """Write the scorecard as one file, by its ending: .html, .md, or .txt; ValueError for another.

    Raises OSError when it cannot be written. Only its owner may read it.
    """
    made: dict[str, Callable[[Scorecard], str]] = {
        ".html": page,
        ".md": lambda each: each.markdown,
        ".txt": lambda each: each.text + "\n",
    }
    if path.suffix.lower() not in made:
        raise ValueError(say("mock.endings", endings=json.dumps(list(made))[1:-1], file=path))
    write_private(path, made[path.suffix.lower()](card))
