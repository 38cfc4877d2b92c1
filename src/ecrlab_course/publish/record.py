"""Record what a lesson's cells print where an engine is: `recorded.toml`, for computers that lack what a cell needs."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

from ecrlab_course.authoring.cells import read
from ecrlab_course.authoring.content import Source
from ecrlab_course.authoring.recorded import Recordings, mark
from ecrlab_course.publish.build import execute, pages

_ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def record(source: Source, where: str, today: date, tell: Callable[[str], None] = print) -> Recordings:
    """Run the lesson's solved pages and return what the cells printed that need something.

    `where` says what they ran on. Raises BuildError when a page does not run.
    """
    needing = {cell.id: cell for cell in read(source) if cell.needs}
    outputs: dict[str, str] = {}
    for page, book in pages(source, "solutions"):
        tell(f"running {page.solved}")
        for cell in execute(book, page.solved, tell).cells:
            if cell.id in needing:
                outputs[cell.id] = _ESCAPES.sub("", "".join(_text(output) for output in cell.outputs))
    marks = {key: mark(needing[key].text) for key in outputs}
    return Recordings(where, f"{today:%-d %B %Y}", outputs, marks)


def _text(output: Any) -> str:
    """Return what an output says that a program printed; not what a cell displays."""
    if output.output_type == "stream":
        return str(output.text)
    return f"{output.data['text/plain']}\n" if output.output_type == "execute_result" else ""
