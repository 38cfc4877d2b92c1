"""The cells of a lesson's source, lesson.py: what each declares beside its text. A notebook's kernel asks, too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ecrlab_course.authoring.content import Source
from ecrlab_course.authoring.facts import FactError, fill
from ecrlab_course.authoring.percent import percent

TAGS = {
    "core", "stretch", "demo", "solution", "starter", "volatile", "fail", "run", "text", "picture", "guess", "exercise",
    "box", "recall", "interview", "summary", "policy", "reading",
}  # fmt: skip
READING = "reading"
"""A text that belongs to the code cell before it: the learner's notebook shows it when that cell has run."""
LONGEST_CELL = 12
NEEDS = ("engine", "node", "memory", "namespaces")
"""What a cell may need of this computer: a container engine; one with `ecrlab/node:1`; one that holds a container to
its memory; a Linux that lets its user make namespaces. Where it is missing, the cell runs nothing and shows its
recording (`recorded.py`)."""

_SHOWN = re.compile(r'lab\.(?:exercise|guess)\("([^"]+)"\)')
_CARD = re.compile(r"lab\.(?:exercise|guess|check|answer|hint|picture)\(.*\)")


class CellError(Exception):
    """A cell of a lesson's source is wrong; the text names the file and the cell."""


@dataclass(frozen=True)
class Cell:
    """One cell: its text as a notebook has it, and what the source declares of it.

    `fails`: words that its output ends with when it stops as expected, or the key of a refusal of refusals.toml.
    `needs`: one of NEEDS, or "".
    """

    id: str
    kind: str
    text: str
    tags: tuple[str, ...]
    fails: str = ""
    needs: str = ""
    more: Mapping[str, Any] = field(default_factory=dict)

    def belongs(self, kind: str) -> bool:
        """Tell whether the cell stands in that kind of notebook, "notebooks" or "solutions"."""
        absent = ("solution", READING) if kind == "notebooks" else ("starter",)
        return not set(absent) & set(self.tags)


def read(source: Source) -> list[Cell]:
    """Return the cells of a lesson's source, in order; raise CellError when one is wrong."""
    seen: set[tuple[str, str]] = set()
    found = []
    try:
        cells = list(percent(source.text.read_text(encoding="utf-8")))
    except ValueError as error:
        raise CellError(f"{source.folder.name}/{source.text.name}: the metadata of a cell: {error}") from None
    for number, (kind, text, metadata) in enumerate(cells, 1):
        where = f"{source.folder.name}/{source.text.name}, cell {number}"
        identifier = metadata.pop("id", None)
        if not identifier or not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", identifier):
            raise CellError(
                f'{where}: every cell has an id, as in # %% id="{source.lesson.id}-01"; seen {identifier!r}.'
            )
        where = f"{where} ({identifier})"
        cell = _cell(source, where, identifier, kind, text, metadata)
        for shelf in ("notebooks", "solutions"):
            if cell.belongs(shelf):
                if (shelf, identifier) in seen:
                    raise CellError(f"{where}: the id {identifier} occurs twice in {shelf}/.")
                seen.add((shelf, identifier))
        found.append(cell)
    return found


def _cell(source: Source, where: str, identifier: str, kind: str, text: str, metadata: dict[str, Any]) -> Cell:
    tags = tuple(metadata.pop("tags", ()))
    unknown = set(tags) - TAGS
    if unknown:
        raise CellError(f"{where}: unknown tags {', '.join(sorted(unknown))}.")
    fails = metadata.pop("fails", "")
    if fails and kind != "code":
        raise CellError(f"{where}: fails={fails!r} belongs to a code cell.")
    needs = metadata.pop("needs", "")
    if needs and (kind != "code" or needs not in NEEDS):
        raise CellError(f"{where}: needs={needs!r} belongs to a code cell, and is one of {', '.join(NEEDS)}.")
    if kind == "code":
        text = uncommented(text)
    else:
        try:
            text = fill(text, source.folder.parents[2])
        except FactError as error:
            raise CellError(f"{where}: {error}") from None
    lines = len([line for line in text.splitlines() if line.strip()])
    if kind == "code" and lines > LONGEST_CELL and "policy" not in tags:
        raise CellError(f"{where}: {lines} lines; a cell has at most {LONGEST_CELL}.")
    return Cell(identifier, kind, text, tags, str(fails), str(needs), metadata)


def uncommented(text: str) -> str:
    """Return a cell's text without the comment signs that its source puts before magics.

    A cell that begins with a cell magic carries one sign on every line; else only line magics carry one.
    """
    if text.startswith("# %%"):
        return re.sub(r"^# ?", "", text, flags=re.MULTILINE)
    return re.sub(r"^# (?=%[a-z])", "", text, flags=re.MULTILINE)


def readings(cells: list[Cell]) -> dict[str, str]:
    """Return the text that is shown when a cell has run, by the cell's id.

    A reading stands directly after its code cell; where that is there twice, for notebooks/ and for solutions/, it
    belongs to both.
    """
    return {before.id: cell.text for before, cell in pairwise(cells) if READING in cell.tags and before.kind == "code"}


def deciding(cells: list[Cell]) -> dict[str, tuple[Cell, Cell]]:
    """Return the cell that shows an exercise or guess on the learner's page and the next one that runs, by its id."""
    code = [cell for cell in cells if cell.kind == "code" and "solution" not in cell.tags]
    found: dict[str, tuple[Cell, Cell]] = {}
    for number, cell in enumerate(code):
        shown = _SHOWN.findall(cell.text)
        after = next((each for each in code[number + 1 :] if not _shows(each)), None) if shown else None
        if after is not None:
            found.update(dict.fromkeys(shown, (cell, after)))
    return found


def _shows(cell: Cell) -> bool:
    """Tell whether the cell does no more than to show and to judge exercises."""
    return all(_CARD.match(line) for line in cell.text.splitlines() if line.strip())
