"""Each section of a lesson runs from its checkpoint after a restart, and every cell may run twice.

A restart is the lesson's first cell and nothing else: what it leaves in a shell is made once for a lesson's sections.
A whole run does so with the lessons that others copy, and builds the checkpoints of all; `make test LESSON=04` and
soak run each section, and each cell twice.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from tests.course.quick_commands import quick_commands
from tests.notebooks.copied import COPIED
from tests.notebooks.forked import Begun, run_cells, warmed

from ecrlab.home import Home
from ecrlab.host import launch
from ecrlab_course.authoring.content import Sheet, Source, course
from ecrlab_course.publish import build

pytestmark = pytest.mark.by_lesson

CHECKPOINT_SECONDS = 5
GOTO = """
def build():
    import os, time
    seconds = []
    for _ in range(3):
        began = time.monotonic()
        lab.goto("{lesson}", "{name}")
        # Where more wants to run than there are processors, a second of ours is shared with the others.
        seconds.append((time.monotonic() - began) / max(1, os.getloadavg()[0] / (os.cpu_count() or 1)))
        if seconds[-1] < {most}:
            return
    raise AssertionError(f"built in more than {most} seconds: {{seconds}}")
build()
del build
"""
"""A cell that builds a checkpoint, in at most so many seconds, and leaves no name behind."""


@dataclass(frozen=True)
class Section:
    """Code cells that run one after the other; `at` is the checkpoint they start from, empty at the lesson's begin."""

    source: Source
    at: str
    name: str
    cells: tuple[Any, ...]


def sections(source: Source) -> list[Section]:
    """Return the sections of a solved lesson: each begins with a text cell that names its checkpoint."""
    found: list[tuple[str, str, list[Any]]] = [("", "begin", [])]
    for cell in build.notebook(source, "solutions").cells:
        if "at" in cell.metadata:
            found.append((cell.metadata["at"], cell.id, []))
        if cell.cell_type == "code":
            found[-1][2].append(cell)
    return [Section(source, at, name, tuple(cells)) for at, name, cells in found if cells]


EACH = [found for source in course().sources.values() if len(found := sections(source)) > 1]
LESSONS = [found[0].source for found in EACH]
SECTIONS = [section for found in EACH for section in found]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], None]]:
    """A running lab without an engine, with quick commands: solutions and unsolved pages run with real ones.

    Yields what puts those commands in place again.
    """
    home = Home(tmp_path_factory.mktemp("sections") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECRLAB_ENGINE", "none")
        try:
            launch.start(home, port=0)
            with quick_commands(home.run / "standin" / "bin") as put:
                patch.setenv("ECRLAB_HOME", str(home.path))
                patch.delenv("ECRLAB_STRICT", raising=False)
                patch.setenv("PYTHONWARNINGS", "default")
                warmed(home)
                yield put
        finally:
            launch.stop(home)


@pytest.fixture(autouse=True)
def quick(room: Callable[[], None]) -> None:
    """Put the quick commands in place again, where a cell started the lab."""
    room()


@pytest.fixture(scope="module")
def begun(room: Callable[[], None], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Source], Begun]]:
    """What has run a lesson's first cell, of one lesson at a time: the tests come lesson by lesson."""
    held: dict[str, Begun] = {}

    def of(source: Source) -> Begun:
        if source.slug not in held:
            for other in list(held):
                held.pop(other).end()
            first = next(cell for cell in sections(source)[0].cells if "%load_ext" in cell.source)
            work = tmp_path_factory.mktemp(source.slug) / "work"
            work.mkdir()
            held[source.slug] = Begun([("begin", first.source)], work, os.environ)
        return held[source.slug]

    yield of
    for each in held.values():
        each.end()


def test_the_lessons_that_others_copy_have_sections() -> None:
    assert set(COPIED) <= {source.lesson.id for source in LESSONS}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("section", SECTIONS, ids=lambda s: s.name)
def test_a_section_runs_from_its_checkpoint_after_a_restart(
    section: Section, begun: Callable[[Source], Begun], tmp_path: Path, takes_all: bool
) -> None:
    turns = ("once", "twice") if takes_all else ("once",) if section.source.lesson.id in COPIED else ()
    cells = [(f"{cell.id}-{turn}", cell.source) for cell in section.cells for turn in turns]
    shell = begun(section.source)
    assert shell.failed == {}
    if section.at:
        goto = GOTO.format(lesson=section.source.lesson.id, name=section.at, most=CHECKPOINT_SECONDS)
        assert shell.run([("goto", goto), *cells]) == {}
    else:
        work = tmp_path / "work"
        work.mkdir()
        assert run_cells(cells, work, os.environ) == {}


OTHER = [
    (source, name)
    for source in course().sources.values()
    for name in source.lesson.checkpoints
    if (source.slug, name) not in {(section.source.slug, section.at) for section in SECTIONS}
]


@pytest.mark.timeout(120)
@pytest.mark.parametrize(("source", "name"), OTHER, ids=lambda each: each if isinstance(each, str) else each.slug)
def test_where_no_section_begins_it_is_built_in_five_seconds_too(
    source: Source, name: str, begun: Callable[[Source], Begun]
) -> None:
    goto = GOTO.format(lesson=source.lesson.id, name=name, most=CHECKPOINT_SECONDS)
    assert begun(source).run([("goto", goto)]) == {}


TWO_PAGES = [source for source in LESSONS if len(source.pages) > 1]


@pytest.mark.timeout(240)
@pytest.mark.parametrize("source", TWO_PAGES, ids=lambda s: s.slug)
def test_the_second_page_goes_on_where_the_first_one_ended(source: Source, tmp_path: Path) -> None:
    """Whoever comes from page 1 presses no *Start from here*: what page 2 needs is there all the same.

    Of page 1 its last section alone is run, from its checkpoint, and of page 2 what comes before its second one;
    `make soak` runs all of both.
    """
    first, second = (solved_cells(page) for page in source.pages)
    begins = [number for number, cell in enumerate(second) if "at" in cell.metadata]
    second = second[: (*begins, len(second), len(second))[1]]
    at = max(number for number, cell in enumerate(first) if "at" in cell.metadata)
    name = first[at].metadata["at"]
    assert two_pages(source, name, [*code(first)[:1], *code(first[at:])], code(second), tmp_path) == {}


@pytest.mark.soak
@pytest.mark.timeout(240)
@pytest.mark.parametrize("source", TWO_PAGES, ids=lambda s: s.slug)
def test_the_second_page_goes_on_after_all_of_the_first_one(source: Source, tmp_path: Path) -> None:
    """The same with the whole of page 1."""
    first, second = (solved_cells(page) for page in source.pages)
    assert two_pages(source, source.pages[0].start, code(first), code(second), tmp_path) == {}


def solved_cells(page: Sheet) -> list[Any]:
    """Return the cells of a solved page."""
    return list(nbformat.read(course().root / "solutions" / f"{page.solved}.ipynb", as_version=4).cells)


def code(cells: list[Any]) -> list[tuple[str, str]]:
    """Return the code cells among these, each as its id and its text."""
    return [(cell.id, cell.source) for cell in cells if cell.cell_type == "code"]


def two_pages(
    source: Source, at: str, first: list[tuple[str, str]], second: list[tuple[str, str]], folder: Path
) -> dict[str, str]:
    """Run cells of page 1, with this checkpoint built after the first of them, then page 2; return what failed."""
    work = folder / "work"
    work.mkdir()
    goto = ("goto", f'lab.goto("{source.lesson.id}", "{at}")')
    failed = run_cells([first[0], goto, *first[1:]], work, os.environ)
    return failed | run_cells(second, work, os.environ)
