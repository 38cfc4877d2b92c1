"""`--lesson 04`: the tests of one lesson, lab or drill, by what a test is parametrised with; `--part 1/2`: a share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ecrlab_course.authoring.content import Course, Source, course
from ecrlab_course.drills.drill import Drill, drills
from ecrlab_course.kinds.base import Question


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lesson", metavar="ID", help="only what concerns this lesson, lab or drill: 04, lab-01, d04")
    parser.addoption("--part", metavar="N/M", help="of the tests that are left, the Nth of M shares")


def pytest_configure(config: pytest.Config) -> None:
    lesson, part = config.getoption("--lesson"), config.getoption("--part")
    if lesson and lesson not in known(course()):
        raise pytest.UsageError(f"There is no lesson {lesson!r}. Those with tests are: {', '.join(known(course()))}.")
    if part:
        shares(part)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept = list(items)
    if lesson := config.getoption("--lesson"):
        kept = [item for item in kept if lesson in concerned(item) or "each" in concerned(item)]
    if part := config.getoption("--part"):
        number, count = shares(part)
        kept = kept[number - 1 :: count]
    config.hook.pytest_deselected(items=[item for item in items if item not in kept])
    items[:] = kept


def shares(part: str) -> tuple[int, int]:
    """Return the two numbers of `1/2`; raise UsageError for anything else."""
    number, _, count = part.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise pytest.UsageError(f"Expected --part N/M with N from 1 to M, such as 1/2, not {part!r}.")
    return int(number), int(count)


def known(the_course: Course) -> list[str]:
    """Return the ids of all lessons, labs and drills."""
    return [*the_course.sources, *drills()]


def concerned(item: pytest.Item) -> set[str]:
    """Return the ids of the lessons that a test is about: by its mark, its parameters, or the notebook it is a cell of.

    `each` stands for a mark without a name: the test looks at all lessons at once.
    """
    found = {name for mark in item.iter_markers("lesson") for name in mark.args or ("each",)}
    callspec = getattr(item, "callspec", None)
    for value in (*(callspec.params.values() if callspec else ()), item.path):
        found |= lessons_of(value)
    return found


def lessons_of(value: Any) -> set[str]:
    """Return the lesson that a parameter belongs to, as a set; empty where it belongs to none."""
    if isinstance(value, Drill):
        return {value.id}
    if isinstance(value, Question):
        return {value.id.rpartition("-")[0]}
    if isinstance(value, Source):
        return {value.lesson.id}
    if isinstance(value, str):
        return {value} & set(known(course()))
    if isinstance(value, Path):
        shelf, name = value.parent.name, value.name
        return {
            source.lesson.id
            for source in course().sources.values()
            if (shelf, name) in ((source.shelf, f"{source.slug}.ipynb"), ("solutions", f"{source.solved}.ipynb"))
        }
    return lessons_of(value.source) if hasattr(value, "source") else set()
