"""`--lesson 04`: the tests of one lesson, lab or drill, by what a test is parametrised with; `--part 1/2`: a share.

Tests that begin at the same checkpoint run one after the other, so that it is built once while it stands. A whole
run leaves out what is marked `further`; `--lesson` and ECRLAB_EVERY=1 (`make soak`) take it.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Hashable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ecrlab_course.authoring.content import Source, course
from ecrlab_course.drills.drill import Drill, drills
from ecrlab_course.kinds.base import Exercise, Question


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--lesson", metavar="ID", help="only what concerns this lesson, lab or drill: 04, lab-01, d04")
    parser.addoption("--part", metavar="N/M", help="of the tests that are left, the Nth of M shares")
    parser.addoption("--failed-to", metavar="FILE", help="write the ids of the tests that failed, one per line")


def pytest_configure(config: pytest.Config) -> None:
    # Nobody cuts the power: a write that waits for the disk costs five times the processor, and ten times the time.
    os.environ.setdefault("ECRLAB_SYNC", "off")
    # Nor is a learner's own environment asked for hypothesis. Beside other tests its examples may be slow to come.
    with contextlib.suppress(ImportError):
        from hypothesis import HealthCheck, settings

        settings.register_profile("beside others", suppress_health_check=[HealthCheck.too_slow])
        settings.load_profile("beside others")
    lesson, part = config.getoption("--lesson"), config.getoption("--part")
    if lesson and lesson not in known():
        raise pytest.UsageError(f"There is no lesson {lesson!r}. Those with tests are: {', '.join(known())}.")
    if part:
        shares(part)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    items[:] = together(items)
    kept = list(items)
    if lesson := config.getoption("--lesson"):
        kept = [item for item in kept if lesson in concerned(item) or "each" in concerned(item)]
    elif not takes_all(config):
        kept = [item for item in kept if not item.get_closest_marker("further")]
    if part := config.getoption("--part"):
        kept = share(kept, *shares(part))
    taken = set(kept)
    config.hook.pytest_deselected(items=[item for item in items if item not in taken])
    items[:] = kept


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if (file := config.getoption("--failed-to")) is not None:
        reports = [*terminalreporter.getreports("failed"), *terminalreporter.getreports("error")]
        failed = dict.fromkeys(report.nodeid for report in reports)
        Path(file).write_text("".join(f"{name}\n" for name in failed), encoding="utf-8")


def takes_all(config: pytest.Config) -> bool:
    """Tell whether this run does what a whole run leaves out."""
    return bool(config.getoption("--lesson") or os.environ.get("ECRLAB_EVERY"))


@pytest.fixture(name="takes_all")
def _takes_all(pytestconfig: pytest.Config) -> bool:
    """Whether this run does what a whole run leaves out."""
    return takes_all(pytestconfig)


def shares(part: str) -> tuple[int, int]:
    """Return the two numbers of `1/2`; raise UsageError for anything else."""
    number, _, count = part.partition("/")
    if not (number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count)):
        raise pytest.UsageError(f"Expected --part N/M with N from 1 to M, such as 1/2, not {part!r}.")
    return int(number), int(count)


def checkpoint(item: pytest.Item) -> Hashable:
    """Return the checkpoint that a test of an exercise begins with: file, lesson, name; for other tests None."""
    exercise = getattr(item, "callspec", None) and item.callspec.params.get("exercise")  # type: ignore[attr-defined]
    if not isinstance(exercise, Exercise):
        return None
    return item.path, exercise.id.rpartition("-")[0], exercise.at


def grouped(items: Sequence[pytest.Item], named: Callable[[pytest.Item], Hashable]) -> list[list[pytest.Item]]:
    """Return the tests in groups of one name, in the order of their first ones."""
    groups: dict[Hashable, list[pytest.Item]] = {}
    for item in items:
        groups.setdefault(named(item), []).append(item)
    return list(groups.values())


def together(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """Return the tests with those that begin at one checkpoint where the first of them was."""
    return [item for group in grouped(items, lambda item: checkpoint(item) or item.nodeid) for item in group]


def share(items: Sequence[pytest.Item], number: int, count: int) -> list[pytest.Item]:
    """Return one of so many even shares, in their order.

    What begins at one checkpoint stays together, what is about one lesson in a file that is marked `by_lesson`, and
    every other file: it may want a port for itself.
    """

    def named(item: pytest.Item) -> Hashable:
        lessons = tuple(sorted(concerned(item))) if item.get_closest_marker("by_lesson") else ()
        return checkpoint(item) or (item.path, lessons)

    piles: list[list[pytest.Item]] = [[] for _ in range(count)]
    for group in sorted(grouped(items, named), key=len, reverse=True):
        min(piles, key=len).extend(group)
    mine = set(piles[number - 1])
    return [item for item in items if item in mine]


@cache
def known() -> tuple[str, ...]:
    """Return the ids of all lessons, labs and drills."""
    return (*course().sources, *drills())


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
        return {value} & set(known())
    if isinstance(value, Path):
        return notebooks().get((value.parent.name, value.name), set())
    return lessons_of(value.source) if hasattr(value, "source") else set()


@cache
def notebooks() -> dict[tuple[str, str], set[str]]:
    """Return the lesson of each notebook, by its folder's name and its own."""
    return {
        place: {source.lesson.id}
        for source in course().sources.values()
        for page in source.pages
        for place in ((source.shelf, f"{page.slug}.ipynb"), ("solutions", f"{page.solved}.ipynb"))
    }
