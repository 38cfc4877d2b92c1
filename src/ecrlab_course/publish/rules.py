"""The form of a lesson, as far as a machine can hold it. CONTRIBUTING.md says it for authors; `check` prints this."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from ecrlab_course.authoring.cells import READING, Cell, read
from ecrlab_course.authoring.content import Source
from ecrlab_course.authoring.recorded import recordings
from ecrlab_course.notebook.declared import declared
from ecrlab_course.publish import giveaways

MARKS = ("core", "stretch", "demo")
"""Each cell has one: everybody does it; for those ahead of the class; the teacher shows it."""
PARAGRAPH_AT_MOST = 5
MINUTES = (25, 45)
"""Of a lesson, or of a half when a cell called NN-half stands in it."""
EXERCISES = (5, 8)
"""Of a lesson; with a half-time, up to that many in each half."""
KINDS_AT_LEAST = 4
CHECKPOINTS = (3, 5)
"""Of a lesson; with a half-time, up to that many in each half."""
PICTURES_AT_LEAST = 2
FAILURES_AT_LEAST = 2
WORDS_AT_MOST = 7
AWS_AT_MOST = 20
"""`aws` commands in one half: each costs half a second, and all cells together run in 20 s."""
ALT_AT_LEAST = 20
HOME = "00"
"""The home page is short: no recall, no box, no interview, one failure."""
WITHOUT_EARLIER = (HOME, "01")

_IMAGE = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
_AWS = re.compile(r"(?<![\w./-])aws +(?:--\S+ +)*[a-z]")


@dataclass(frozen=True)
class Found:
    """What is wrong with a source, and what it still lacks; a draft may lack things, and nothing else."""

    wrong: tuple[str, ...]
    lacks: tuple[str, ...]


def examine(source: Source, starter: Any, solved: Any) -> Found:
    """Return what a lesson's or lab's two notebooks (`build.notebook`) have against the form."""
    name = source.text.parent.name
    cells = read(source)
    wrong = [*_cells(starter), *_front(source), *_pictures_described(source, solved), *_declared(source, cells)]
    lacks = [*(_lab(source) if source.is_lab else _lesson(source, starter, solved)), *_minutes(source, starter)]
    wrong += _hidden(source, cells)
    lacks += recordings(source.folder).wrong(cells)
    lacks += giveaways.found(source, cells)
    return Found(tuple(f"{name}: {text}" for text in wrong), tuple(f"{name}: {text}" for text in lacks))


# One cell ------------------------------------------------------------------------------------------------------------


def _cells(book: Any) -> list[str]:
    found = []
    for cell in book.cells:
        marks = [tag for tag in cell.metadata["tags"] if tag in MARKS]
        if len(marks) != 1:
            found.append(f"cell {cell.id} has {' and '.join(marks) or 'no mark'}; one of {', '.join(MARKS)} is wanted")
        minutes = cell.metadata.get("minutes", 1)
        if not isinstance(minutes, int) or minutes < 1:
            found.append(f"cell {cell.id}: minutes={minutes!r} is not a whole number of minutes")
        if cell.cell_type == "markdown":
            found += [
                f"cell {cell.id}: a paragraph of {lines} lines ({text[:30]}…); at most {PARAGRAPH_AT_MOST}"
                for text, lines in paragraphs(cell.source)
                if lines > PARAGRAPH_AT_MOST
            ]
    return found


def paragraphs(text: str) -> list[tuple[str, int]]:
    """Return each paragraph's first words and number of lines; tables, code, HTML and a picture's text do not count."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.DOTALL | re.MULTILINE)
    text = _IMAGE.sub("", text)
    found: list[list[str]] = [[]]
    for line in text.splitlines():
        line = re.sub(r"^(\s*>)+ ?", "", line).strip()
        if not line or line.startswith(("|", "#", "<", "---")):
            found.append([])
        elif re.match(r"([-*]|\d+\.) ", line):
            found.append([line])
        else:
            found[-1].append(line)
    return [(lines[0], len(lines)) for lines in found if lines]


def _pictures_described(source: Source, book: Any) -> list[str]:
    found = []
    for cell in book.cells:
        for alt, path in _IMAGE.findall(cell.source) if cell.cell_type == "markdown" else []:
            name = path.rpartition("/")[2]
            if len(alt.strip()) < ALT_AT_LEAST:
                found.append(f"cell {cell.id}: the picture {name} has no text that says what it shows")
            if not (source.images / name).is_file():
                found.append(f"cell {cell.id}: there is no picture {name}")
    for path in sorted(source.images.glob("*.svg")) if source.images.is_dir() else []:
        described = re.search(r"<desc[^>]*>([^<]*)", path.read_text(encoding="utf-8"))
        if described is None or len(described[1].strip()) < ALT_AT_LEAST:
            found.append(f"{path.name} has no <desc> that says what it shows")
    return found


def _declared(source: Source, cells: list[Cell]) -> list[str]:
    """Return what is wrong with what cells declare: it is found by their text, and shown under their output."""
    found = []
    for number, cell in enumerate(cells):
        if READING in cell.tags:
            if number == 0 or cells[number - 1].kind != "code":
                found.append(f"cell {cell.id}: a reading stands directly after the code cell that it reads")
            if cell.kind == "code" or cell.more or _IMAGE.search(cell.text):
                found.append(f"cell {cell.id}: a reading is text alone: no code, no picture, no minutes, no checkpoint")
    said: dict[str, tuple[str, object]] = {}
    for identifier, text, what in declared(source):
        if (what.fails or what.reading) and re.fullmatch(r"lab\.\w+\(\)", text):
            found.append(f"cell {identifier}: {text} is typed anywhere; put a comment behind it, to be known by")
        first, before = said.setdefault(text, (identifier, what))
        if before != what:
            found.append(
                f"cells {first} and {identifier} have the same text, and do not stop or are not read alike: put a "
                "comment into one of them"
            )
    return found


def _hidden(source: Source, cells: list[Cell]) -> list[str]:
    """Return where course text hides what docker says, or names in a cell how it stops."""
    texts = {f"cell {cell.id}": cell.text for cell in cells}
    files = [*source.folder.glob("*.md"), *(path for path in source.files.rglob("*") if path.is_file())]
    texts.update({str(path.relative_to(source.folder)): path.read_text(errors="replace") for path in files})
    found = [
        f"{place}: 2>/dev/null hides what went wrong, and cells leave docker's usual warnings out anyway"
        for place, text in texts.items()
        if re.search(r"2> ?/dev/null", text)
    ]
    found += [
        f'cell {cell.id}: --fails gives the answer away; the source declares it: fails="…" behind the cell\'s id'
        for cell in cells
        if re.match(r"%%bash .*--fails", cell.text)
    ]
    return found


# The whole -----------------------------------------------------------------------------------------------------------


def _front(source: Source) -> list[str]:
    lesson = source.lesson
    found = []
    if len(lesson.verbs) != 3:
        found.append(f"{len(lesson.verbs)} verbs; three are wanted: what the learner can do afterwards")
    if len(lesson.words) > WORDS_AT_MOST:
        found.append(f"{len(lesson.words)} new words; at most {WORDS_AT_MOST}")
    return found


def halves(book: Any) -> list[list[Any]]:
    """Return the cells, cut in two behind the one whose id ends with -half; uncut when there is none."""
    parts: list[list[Any]] = [[]]
    for cell in book.cells:
        parts[-1].append(cell)
        if cell.id.endswith("-half"):
            parts.append([])
    return parts


def minutes(cells: list[Any], mark: str = "core") -> int:
    """Return the minutes of the cells that have the mark."""
    return sum(int(cell.metadata.get("minutes", 0)) for cell in cells if mark in cell.metadata["tags"])


def _minutes(source: Source, book: Any) -> list[str]:
    found = []
    total = minutes(book.cells)
    if total != source.lesson.minutes:
        found.append(f"its core cells take {total} minutes, and the front matter says {source.lesson.minutes}")
    if source.lesson.id == HOME or source.is_lab:
        return found
    parts = halves(book)
    for number, part in enumerate(parts, 1):
        here = minutes(part)
        if not MINUTES[0] <= here <= MINUTES[1]:
            half = f"half {number}" if len(parts) > 1 else "the lesson"
            found.append(
                f"{half} takes {here} minutes; {MINUTES[0]} to {MINUTES[1]}, or a cell {source.lesson.id}-half"
            )
    return found


def _lab(source: Source) -> list[str]:
    return [] if len(source.counted) >= 3 else [f"{len(source.counted)} milestones; at least three"]


def _lesson(source: Source, starter: Any, solved: Any) -> list[str]:
    lesson, home = source.lesson, source.lesson.id == HOME
    found = []

    def between(number: int, limits: tuple[int, int], what: str) -> None:
        if not limits[0] <= number <= limits[1]:
            found.append(f"{number} {what}; {limits[0]} to {limits[1]}")

    parts = halves(solved)
    between(len(source.counted), (EXERCISES[0], EXERCISES[1] * len(parts)), "exercises")
    kinds = {type(item) for item in source.counted.values()}
    if len(kinds) < KINDS_AT_LEAST:
        found.append(f"{len(kinds)} kinds of exercises; at least {KINDS_AT_LEAST}")
    if sum(1 for item in source.counted.values() if not item.engine) < EXERCISES[0]:
        found.append(f"fewer than {EXERCISES[0]} exercises that count without an engine")
    code = [cell for cell in solved.cells if cell.cell_type == "code"]
    text = "\n".join(cell.source for cell in solved.cells if cell.cell_type == "markdown")
    pictures = len(_IMAGE.findall(text)) + sum(cell.source.count("lab.picture(") for cell in code)
    if pictures < PICTURES_AT_LEAST:
        found.append(f"{pictures} pictures; at least {PICTURES_AT_LEAST}")
    failures = sum(1 for cell in read(source) if cell.fails or re.match(r"%%bash .*--fails", cell.text))
    if failures < (1 if home else FAILURES_AT_LEAST):
        found.append(f'{failures} failures met live (cells with fails="…"); at least {FAILURES_AT_LEAST}')
    for number, part in enumerate(parts, 1):
        asked = sum(len(_AWS.findall(cell.source)) for cell in part if cell.cell_type == "code")
        if asked > AWS_AT_MOST:
            found.append(f"{asked} aws commands in part {number}; at most {AWS_AT_MOST}")
    if not home:
        between(len(lesson.checkpoints), (CHECKPOINTS[0], CHECKPOINTS[1] * len(parts)), "checkpoints")
        found += [f"no cell is tagged {tag}" for tag in ("interview", "summary") if not _tagged(starter, tag)]
        found += [f"no box “{words}”" for words in ("People say", "On real AWS") if words not in text]
    asked = sum(cell.source.count("lab.guess(") for cell in _tagged(starter, "recall"))
    if lesson.id not in WITHOUT_EARLIER and asked != 3:
        found.append(f"{asked} questions from earlier lessons (lab.guess, tagged recall); three")
    return found


def _tagged(book: Any, tag: str) -> list[Any]:
    return [cell for cell in book.cells if tag in cell.metadata["tags"]]
