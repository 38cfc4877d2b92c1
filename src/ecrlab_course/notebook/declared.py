"""What the course declares of a cell, found by the cell's own text when it runs.

nbval and nbclient send no cell id, and a copied cell has none of its own; the text is the same everywhere. A cell that
was edited is an ordinary cell.
"""

from __future__ import annotations

import shlex
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ecrlab_course.authoring.cells import Cell, CellError, deciding, read, readings
from ecrlab_course.authoring.content import Course, Source
from ecrlab_course.authoring.recorded import recordings
from ecrlab_course.messages import say


@dataclass(frozen=True)
class Declared:
    """What is declared of a cell: how it stops (`fails`), and what is read when it has run (`reading`, markdown).

    `needs` is what this computer has to have for it to run, and `recorded` what it printed elsewhere, `where` and when.
    """

    fails: str = ""
    reading: str = ""
    needs: str = ""
    recorded: str = ""
    where: str = ""


def normalised(text: str) -> str:
    """Return a cell's text without what an editor may change: line ends, blanks, the order of %%bash's options."""
    lines = [line.rstrip() for line in text.splitlines()]
    while lines and not lines[0]:
        del lines[0]
    while lines and not lines[-1]:
        del lines[-1]
    if lines and lines[0].split()[0] == "%%bash":
        lines[0] = _sorted(lines[0])
    return "\n".join(lines)


def _sorted(line: str) -> str:
    """Return the line of a magic with its options, each with its word, in the order of the alphabet."""
    try:
        magic, *words = shlex.split(line)
    except ValueError:
        return line
    options = sorted(tuple(words[at : at + 2]) for at in range(0, len(words), 2))
    return shlex.join([magic, *(word for option in options for word in option)])


def declared(source: Source, cells: list[Cell] | None = None) -> list[tuple[str, str, Declared]]:
    """Return the id, the normalised text and the declaration of every code cell of a lesson.

    `cells` are the lesson's, where they have been read. Raises CellError when its source is wrong.
    """
    cells = read(source) if cells is None else cells
    after, kept = readings(cells), recordings(source.folder)
    place = say("recording.where", where=kept.where, date=kept.date) if kept.where else ""
    return [
        (
            cell.id,
            normalised(cell.text),
            Declared(
                cell.fails,
                after.get(cell.id, ""),
                cell.needs,
                kept.outputs.get(cell.id, "") if cell.needs else "",
                place if cell.needs else "",
            ),
        )
        for cell in cells
        if cell.kind == "code"
    ]


class Declarations:
    """The declarations of a whole course: lessons, labs and pages."""

    def __init__(self, course: Course) -> None:
        self._by_lesson: dict[str, dict[str, Declared]] = {}
        self._decided: dict[str, set[str]] = defaultdict(set)
        everywhere: dict[str, set[Declared]] = defaultdict(set)
        for source in (*course.sources.values(), *course.pages.values()):
            try:
                cells = read(source)
                found: Sequence[tuple[str, str, Declared]] = declared(source, cells)
            except (CellError, OSError):
                continue  # what is wrong with a source is told to its author, by `check`
            for identifier, (_, cell) in deciding(cells).items():
                self._decided[normalised(cell.text)].add(identifier)
            self._by_lesson[source.lesson.id] = {text: what for _, text, what in found}
            for _, text, what in found:
                everywhere[text].add(what)
        self._everywhere: Mapping[str, Declared] = {
            text: next(iter(what)) for text, what in everywhere.items() if len(what) == 1
        }

    def of(self, text: str, lesson: str = "") -> Declared:
        """Return what is declared of a cell of that text; nothing for one that is not of the course.

        `lesson` is the one whose page is open. Elsewhere a text counts only where all lessons declare the same of it.
        """
        key = normalised(text)
        own = self._by_lesson.get(lesson, {})
        return own[key] if key in own else self._everywhere.get(key, Declared())

    def decided_by(self, text: str) -> set[str]:
        """Return the ids of exercises and guesses whose cards stand right before a cell of that text."""
        return self._decided.get(normalised(text), set())


_known: dict[int, tuple[Course, Declarations]] = {}


def declarations(course: Course) -> Declarations:
    """Return the declarations of a course, which are read once."""
    if id(course) not in _known:
        _known[id(course)] = course, Declarations(course)
    return _known[id(course)][1]
