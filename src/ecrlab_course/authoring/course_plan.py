"""The plan of the course, content/course.toml: every lesson and lab in order, written or not."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Plan:
    """One place of the course; `after` is the lesson below which a lab lies, empty for a lesson."""

    id: str
    title: str
    after: str = ""


def plan(root: Path) -> list[Plan]:
    """Return the lessons and labs of the plan in the order of the course, labs behind their lessons."""
    table = tomllib.loads((root / "content" / "course.toml").read_text(encoding="utf-8"))
    labs = [Plan(row["id"], row["title"], row["after"]) for row in table["lab"]]
    found = []
    for row in table["lesson"]:
        found += [Plan(row["id"], row["title"]), *(lab for lab in labs if lab.after == row["id"])]
    return found


def neighbours(root: Path, lesson: str) -> str:
    """Return the line with the lessons before and after one (markdown): a link where one is written.

    Raises KeyError for a lesson that is not in the plan.
    """
    lessons = [row for row in plan(root) if not row.after]
    numbers = {row.id: number for number, row in enumerate(lessons)}
    parts = []
    for word, number in (("Before", numbers[lesson] - 1), ("After", numbers[lesson] + 1)):
        if 0 <= number < len(lessons):
            name = f"{lessons[number].id} {lessons[number].title}"
            written = list((root / "content" / "lessons").glob(f"{lessons[number].id}_*/lesson.py"))
            where = _first_page(written[0], lessons[number].id) if written else ""
            parts.append(f"{word}: [{name}]({where})" if where else f"{word}: {name} (not written yet)")
    return " · ".join(parts)


def _first_page(text: Path, lesson: str) -> str:
    """Return the name of a lesson's first notebook: a lesson with a half-time has two."""
    tail = "-1" if f'id="{lesson}-half"' in text.read_text(encoding="utf-8") else ""
    return f"{text.parent.name.replace('_', '-')}{tail}.ipynb"
