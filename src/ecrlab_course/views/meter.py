"""The meter as a learner sees it: a line for each Region and purpose, bytes in and out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ecrlab_course.documents.meter import Meter, Moved, read
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.messages import say
from ecrlab_course.views.display import Shown, sentence, table


class Reading(Meter):
    """A meter that shows itself as the value of a cell."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return shown(self)._repr_mimebundle_()

    def __repr__(self) -> str:
        return shown(self).text


def reading(rows: Iterable[Row]) -> Reading:
    """Return what moved with these requests of the X-ray."""
    return Reading(read(rows).lines)


def shown(meter: Meter) -> Shown:
    """Return what moved as a table, with the same numbers as text."""
    if not meter.lines:
        return sentence(say("meter.nothing"))
    numbers = [(f"{line.into:,}", f"{line.out:,}") for line in meter.lines]
    head = (say("meter.head_region"), say("meter.head_what"), say("meter.head_into"), say("meter.head_out"))
    widths = [max(len(each) for each in column) for column in zip(*numbers, head[2:], strict=True)]
    rows = [
        (line.region, _what(line), *(each.rjust(width) for each, width in zip(pair, widths, strict=True)))
        for line, pair in zip(meter.lines, numbers, strict=True)
    ]
    right = tuple(each.rjust(width) for each, width in zip(head[2:], widths, strict=True))
    return table((*head[:2], *right), rows, say("meter.title"))


def _what(line: Moved) -> str:
    if line.what == "replicated":
        return say("meter.copied_out" if line.out else "meter.copied_in", other=line.other)
    return say(f"meter.{line.what}")
