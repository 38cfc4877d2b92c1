"""Recordings: what a lesson's cells printed where they could run, for computers that lack what a cell needs.

They lie in `recorded.toml` of the lesson's folder, which `ecrlab_course record NN` writes on a machine with an engine:
where and when they were made, and for each cell its output and a mark of its text, so that a recording of another text
is noticed.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ecrlab_course.authoring.cells import Cell, CellError


@dataclass(frozen=True)
class Recordings:
    """What was recorded: `where` and `date` in words; output and mark of each cell, by its id."""

    where: str = ""
    date: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, str] = field(default_factory=dict)

    def wrong(self, cells: Iterable[Cell]) -> list[str]:
        """Return which cells lack a recording of their text, and which recordings belong to no cell."""
        wanted = {cell.id: mark(cell.text) for cell in cells if cell.needs}
        found = [
            f"cell {key}: it needs something, and recorded.toml has nothing of it, or of another text of it"
            for key, own in wanted.items()
            if self.marks.get(key) != own
        ]
        return found + [f"recorded.toml: no cell {key} needs anything" for key in self.outputs if key not in wanted]


def path_of(folder: Path) -> Path:
    """Return where a lesson's recordings lie."""
    return folder / "recorded.toml"


def mark(text: str) -> str:
    """Return the mark of a cell's text: other text, other mark."""
    return hashlib.sha256(text.strip().encode()).hexdigest()[:12]


def recordings(folder: Path) -> Recordings:
    """Return the recordings in a lesson's folder; none where it has none. Raises CellError when unreadable."""
    path = path_of(folder)
    if not path.is_file():
        return Recordings()
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        cells = table["cells"]
        return Recordings(
            str(table["where"]),
            str(table["date"]),
            {key: str(cell["output"]) for key, cell in cells.items()},
            {key: str(cell["mark"]) for key, cell in cells.items()},
        )
    except (KeyError, TypeError, ValueError) as error:
        raise CellError(f"{folder.name}/{path.name}: {error}") from None


def written(found: Recordings) -> str:
    """Return recordings as the text of the file."""
    lines = [
        "# What the cells of this lesson printed where they could run: shown, marked as recorded, where they cannot.",
        "# Written by `ecrlab_course record`, on a machine with an engine; not by hand.",
        f"where = {json.dumps(found.where)}",
        f"date = {json.dumps(found.date)}",
    ]
    for key, output in found.outputs.items():
        quoted = json.dumps(output) if "'''" in output or "\r" in output else f"'''\n{output}'''"
        lines += ["", f"[cells.{json.dumps(key)}]", f"mark = {json.dumps(found.marks[key])}", f"output = {quoted}"]
    return "\n".join(lines) + "\n"
