"""docs/exercises.md: every exercise, and the wrong answers that the course recognises, from the declarations alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from ecrlab_course.authoring.content import Course, Source
from ecrlab_course.documents.attempts import Attempt
from ecrlab_course.documents.misconceptions import MISCONCEPTIONS
from ecrlab_course.drills.drill import Drill, drills
from ecrlab_course.kinds.base import Exercise

PAGE = "docs/exercises.md"
_HEAD = """# The exercises

Made by `ecrlab_course build` from content/; edit the declarations there, not this page.

Each exercise is shown to work in tests/course/test_matrix.py: untouched, every right way and every wrong answer named
here, twice the same, the check changes nothing, a reset returns to untouched. An answer that is given in italics is a
piece of the course's message, which also names what it saw; the others are the whole message.
"""


def minutes(cells: list[Any]) -> dict[str, float]:
    """Return the minutes of the exercises by id, where the cell that shows one says them (cells of a notebook)."""
    found = {}
    for cell in cells:
        for identifier in re.findall(r'lab\.exercise\("([^"]+)"\)', cell.source):
            if "minutes" in cell.metadata:
                found[identifier] = float(cell.metadata["minutes"])
    return found


def page(course: Course, cells: Callable[[Source], list[Any]]) -> str:
    """Return the page's text (markdown). `cells` returns a lesson's cells, for the minutes."""
    parts = [_HEAD, "| | exercises | count | without an engine |", "|---|---|---|---|"]
    for source in course.sources.values():
        items = source.exercises.values()
        free = sum(1 for item in items if not item.engine)
        parts.append(f"| {_name(source)} | {len(items)} | {len(source.counted)} | {free} |")
    for source in course.sources.values():
        parts += ["", f"## {_name(source)}"]
        known = minutes(cells(source)) if source.text.is_file() else {}
        for item in source.exercises.values():
            parts += ["", *_exercise(source, item, known.get(item.id))]
    known_drills = drills(course.root)
    if known_drills:
        parts += ["", "## Drills", "", "Their tries are made by tests/course/test_drills.py."]
    for drill in known_drills.values():
        parts += ["", *_drill(drill)]
    return "\n".join(parts) + "\n"


def _name(source: Source) -> str:
    return f"{source.lesson.id} · {source.lesson.title}"


def _exercise(source: Source, item: Exercise, known: float | None) -> Iterator[str]:
    facts = [
        item.kind_words,
        *([f"{known:g} min"] if known else []),
        f"starts from `{item.at or source.lesson.start}`",
        "needs an engine" if item.engine else "no engine needed",
        *([] if item.counts else ["does not count"]),
    ]
    yield f"### {item.id} · {item.objective}"
    yield ""
    yield " · ".join(facts)
    yield ""
    yield from _answers(item.accepts, [*_attempts(item), *item.wrong()])
    for text in item.noted():
        yield ""
        yield _cell(text)


def _drill(drill: Drill) -> Iterator[str]:
    yield f"### {drill.id} · {drill.kind}"
    yield ""
    states = [f"{len(drill.seeds)} states"] if len(drill.seeds) > 1 else []
    words = [drill.level_words, f"lesson {drill.lesson}", f"evidence in {drill.seconds} s", *states]
    yield " · ".join([*words, "needs an engine" if drill.engine else "no engine needed"])
    yield ""
    yield from _answers(drill.accepts, [(each.name, each.misconception or "", each.said) for each in drill.rejects])


def _answers(right: Iterable[Attempt], wrong: Iterable[tuple[str, str, str]]) -> Iterator[str]:
    """Yield the right ways, and a table of the wrong ones: name, misconception, what is said."""
    yield f"Right: {'; '.join(attempt.name for attempt in right)}."
    yield ""
    yield "| wrong answer | what it shows | what the course says |"
    yield "|---|---|---|"
    for (misconception, said), names in _grouped(wrong).items():
        belief = f"`{misconception}`: {MISCONCEPTIONS[misconception].belief}" if misconception else ""
        yield f"| {_cell('; '.join(names))} | {_cell(belief)} | {_cell(said)} |"


def _grouped(rows: Iterable[tuple[str, str, str]]) -> dict[tuple[str, str], list[str]]:
    """Return the wrong answers by what they show and what is said: one row for all that are answered alike."""
    found: dict[tuple[str, str], list[str]] = {}
    for wrong, misconception, said in rows:
        names = found.setdefault((misconception, said), [])
        if wrong not in names:
            names.append(wrong)
    return found


def _attempts(item: Exercise) -> Iterator[tuple[str, str, str]]:
    """The rejected attempts: name, misconception, what is said (whole, or a piece in italics)."""
    for attempt in item.rejects:
        yield attempt.name, attempt.misconception or "", item.said(attempt)


def _cell(text: str) -> str:
    """Return markdown for one cell of a table."""
    return re.sub(r"\s+", " ", text.replace("|", "\\|")).strip()
