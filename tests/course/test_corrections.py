"""docs/corrections.md: each wrong, dated or incomplete row names cells and exercises that there are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ecrlab_course.authoring.content import course

pytestmark = pytest.mark.lesson

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/corrections.md"
WRONG = {1, 2, 5, 6, 7, 8, 9, 10, 12, 16, 18, 19, 20, 22, 23, 25, 26, 30, 33}
"""The rows that were judged wrong, dated or incomplete."""
TO_BE_NAMED: set[int] = set()
"""The rows whose cell is in a lesson that has still to be written. Take a number out with its cell."""


def rows() -> dict[int, str]:
    """Return where each row is shown, by its number."""
    text = PAGE.read_text(encoding="utf-8")
    found = re.findall(r"^\| corr (\d+) \|[^|]+\|[^|]+\| ([^|]+) \|$", text, re.M)
    assert len(found) == len(dict(found))
    return {int(number): shown for number, shown in found}


def test_each_wrong_dated_or_incomplete_row_is_there_once() -> None:
    assert set(rows()) == WRONG


def test_what_is_named_is_a_cell_or_an_exercise_that_a_cell_shows() -> None:
    sources = course().sources.values()
    cells = {identifier for source in sources for identifier, _, _ in source.cells}
    exercises = {key for source in sources for key in source.exercises if source.cell_of(key)}
    named = set(re.findall(r"`((?:lab-)?\d\d-[\w-]+)`", PAGE.read_text(encoding="utf-8").partition("| row |")[2]))
    assert named
    assert named - cells - exercises == set()


def test_drills_that_are_named_are_there() -> None:
    drills = {path.stem for path in (ROOT / "content/drills").glob("d*.md")}
    assert set(re.findall(r"drill (d\d\d)", PAGE.read_text(encoding="utf-8"))) <= drills


def test_a_lesson_stands_alone_only_where_its_cell_has_still_to_be_named() -> None:
    plan = (ROOT / "content/course.toml").read_text(encoding="utf-8")
    open_rows = set()
    for number, shown in rows().items():
        for lesson in re.findall(r"lesson (\d\d)", shown):
            assert f'id = "{lesson}"' in plan
            open_rows.add(number)
        assert "`" in shown or number in open_rows, f"corr {number} is shown nowhere"
    assert open_rows == TO_BE_NAMED
