"""Lines as a picture, by matplotlib: the same bytes each time, for light and dark pages, with a text of its numbers.

Each picture is an `<img>` of an SVG, because JupyterLab reduces an inline SVG of an untrusted notebook to its words
(fact A176).
"""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from ecrlab_course.money.model import PLACES, Month, ecr_bill, over
from ecrlab_course.views.display import PANEL, escape, style

SERVERS = tuple(range(0, 4001, 500))
_SIZE = (7.2, 3.7)
_DASHES = ("-", "--", ":", "-.")
_PAPERS = {
    "light": ("#ffffff", "#1d2329", ("#0b5394", "#a3211b", "#17692f", "#6b4e00")),
    "dark": ("#16191c", "#e6e9ec", ("#8ec4ff", "#ff9f97", "#7fd694", "#f0cf74")),
}
"""The page's colours: paper, ink, and a colour for each line; they are those of the course's style sheet."""


@dataclass(frozen=True)
class Curve:
    """One line of a chart: a name that stands at its end, and the lowest and highest value at each place."""

    name: str
    low: tuple[float, ...]
    high: tuple[float, ...]


@dataclass(frozen=True)
class Chart:
    """Curves over the same places. A curve whose lowest and highest values differ is drawn as a band."""

    title: str
    along: str
    places: tuple[int, ...]
    curves: tuple[Curve, ...]

    @cached_property
    def text(self) -> str:
        """The numbers that are drawn, as a table of text."""
        head = [self.along, *(curve.name for curve in self.curves)]
        rows = [head]
        for index, place in enumerate(self.places):
            rows.append([f"{place:,}", *(_band(curve.low[index], curve.high[index]) for curve in self.curves)])
        widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
        lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        return "\n".join([f"{self.title}, in USD", *lines])

    def svg(self, paper: str) -> str:
        """Return the picture for a light or a dark page, as SVG: the same bytes for the same numbers."""
        # Drawing is half a second of imports: who draws nothing does not wait for it.
        import matplotlib
        from matplotlib.figure import Figure

        back, ink, colours = _PAPERS[paper]
        settings: Any = {
            "svg.hashsalt": "ecrlab",
            "svg.fonttype": "none",
            "font.family": "DejaVu Sans",
            "font.size": 12,
            "figure.facecolor": back,
            "axes.facecolor": back,
            "savefig.facecolor": back,
            "text.color": ink,
            "axes.labelcolor": ink,
            "axes.edgecolor": ink,
            "xtick.color": ink,
            "ytick.color": ink,
            "axes.spines.top": False,
            "axes.spines.right": False,
        }
        with matplotlib.rc_context(settings):
            figure = Figure(figsize=_SIZE)
            axes = figure.add_subplot()
            ends = _apart([(curve.low[-1] + curve.high[-1]) / 2 for curve in self.curves])
            for curve, dash, colour, end in zip(self.curves, _DASHES, colours, ends, strict=False):
                axes.plot(self.places, curve.high, dash, color=colour, linewidth=2.2)
                if curve.low != curve.high:
                    axes.plot(self.places, curve.low, dash, color=colour, linewidth=2.2)
                    axes.fill_between(self.places, curve.low, curve.high, color=colour, alpha=0.18, linewidth=0)
                axes.annotate(
                    curve.name,
                    (self.places[-1], end),
                    (6, 0),
                    textcoords="offset points",
                    va="center",
                    color=colour,
                    annotation_clip=False,
                )
            axes.set_xlabel(self.along)
            axes.set_ylabel("USD a month")
            axes.set_title(self.title, loc="left", fontsize=13)
            file = io.BytesIO()
            nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
            figure.savefig(file, format="svg", bbox_inches="tight", metadata=nothing)
        found = file.getvalue().decode()
        return re.sub(r"\s*<metadata>.*?</metadata>", "", found[found.index("<svg") :], flags=re.S)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        # Where the style is left out (an untrusted notebook), the light one alone is shown.
        pictures = "".join(
            f'<img class="ecr-{paper}" alt="{escape(self.text)}" style="max-width:100%{hidden}" '
            f'src="data:image/svg+xml;base64,{base64.b64encode(self.svg(paper).encode()).decode()}">'
            for paper, hidden in (("light", ""), ("dark", ";display:none"))
        )
        return {"text/plain": self.text, "text/html": f"{style()}{PANEL}{pictures}</div>"}

    def __repr__(self) -> str:
        return self.text


_NAMES = {
    "services": "services",
    "releases": "releases of each service",
    "kept": "versions kept of each service",
    "new_servers": "new servers",
    "known_servers": "servers that know the image",
    "regions": "Regions",
}


def _band(low: float, high: float) -> str:
    return f"{low:.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:.2f}-{high:.2f}"


def _apart(heights: Sequence[float]) -> list[float]:
    """Return where names are written: at their lines' ends, and never on top of each other."""
    least = max((*heights, 1.0)) / 14
    found = list(heights)
    below = float("-inf")
    for index in sorted(range(len(found)), key=found.__getitem__):
        found[index] = max(found[index], below + least)
        below = found[index]
    return found


def draw(month: Month | None = None, along: str = "new_servers", values: Sequence[int] = SERVERS) -> Chart:
    """Return ECR's bill of a month over one of its numbers: a line for each place that the images may be pulled to."""
    start = month if month is not None else Month()
    if along not in _NAMES:
        raise ValueError(f"along={along!r} is not a number of the month. Choose one of: {', '.join(_NAMES)}.")
    curves = []
    for place in PLACES:
        bills = [ecr_bill(each) for each in over(replace(start, leaves=place), along, values)]
        curves.append(Curve(place, tuple(bill.low for bill in bills), tuple(bill.high for bill in bills)))
    return Chart(f"A month of ECR over {_NAMES[along]}", _NAMES[along], tuple(values), tuple(curves))
