"""The generated notebooks: up to date, complete, and failing exactly where nothing was solved."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from tests.course.quick_commands import quick_commands
from tests.notebooks.copied import COPIED
from tests.notebooks.forked import run_cells, warmed

from ecrlab.home import Home
from ecrlab.host import launch
from ecrlab_course.authoring.content import Sheet, Source, course
from ecrlab_course.messages import say
from ecrlab_course.notebook import mock_card
from ecrlab_course.publish import build
from ecrlab_course.views import comparison, decision, matrix
from ecrlab_course.views.display import projector, style

pytestmark = pytest.mark.by_lesson

PAGES = [(source, page) for source in course().sources.values() for page in source.pages]
EACH = [pytest.param(source, page, id=page.solved) for source, page in PAGES]
VOLATILE_AT_MOST = 15


def code(path: Path) -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.mark.lesson
def test_generated_files_are_what_the_content_makes(request: pytest.FixtureRequest) -> None:
    lesson = request.config.getoption("--lesson")
    only = (lesson,) if lesson in course().sources else ()
    assert build.build(course(), check=True, only=only).drifted == ()


def test_a_changed_source_is_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    real = build.notebook

    def other(source: Source, kind: str) -> Any:
        book = real(source, kind)
        for number in (0, -1):
            book.cells[number].source += " changed"
        return book

    monkeypatch.setattr(build, "notebook", other)
    changed = ("04", "lab-01")
    drifted = {path.name for path in build.build(course(), check=True, only=changed).drifted}
    pages = [page for source, page in PAGES if source.lesson.id in changed]
    assert {f"{page.slug}.ipynb".rpartition("/")[2] for page in pages} <= drifted
    assert {f"{page.solved}.ipynb".rpartition("/")[2] for page in pages} <= drifted


@pytest.mark.lesson
def test_the_sources_have_no_problems() -> None:
    assert build.problems(course()) == []


@pytest.mark.parametrize(("source", "page"), EACH)
def test_starters_hold_no_outputs_and_solutions_hold_all(source: Source, page: Sheet) -> None:
    for cell in code(source.folder.parents[2] / source.shelf / f"{page.slug}.ipynb"):
        assert cell.outputs == []
        assert cell.execution_count is None
    solved = code(source.folder.parents[2] / "solutions" / f"{page.solved}.ipynb")
    # nbval compares nothing in a cell that was never run.
    assert [cell.id for cell in solved if cell.execution_count is None] == []
    text = nbformat.writes(nbformat.read(source.folder.parents[2] / "solutions" / f"{page.solved}.ipynb", as_version=4))
    assert "widget-view" not in text
    volatile = [cell.id for cell in solved if "volatile" in cell.metadata.tags]
    assert len(volatile) <= VOLATILE_AT_MOST, volatile


@pytest.mark.parametrize(("source", "page"), EACH)
def test_stored_outputs_hold_no_digest_that_an_engine_computed(source: Source, page: Sheet) -> None:
    """Outside volatile cells: timestamps and compressors differ from engine to engine."""
    for cell in code(source.folder.parents[2] / "solutions" / f"{page.solved}.ipynb"):
        if "volatile" not in cell.metadata.tags:
            text = "".join(
                str(out.get("text", "")) + str(out.get("data", {}).get("text/plain", "")) for out in cell.outputs
            )
            assert not re.search(r"sha256:[0-9a-f]{64}", text), cell.id


@pytest.mark.lesson
def test_a_page_is_named_by_its_exercises() -> None:
    """Every exercise is on one page, and the strict count of a lesson is that of its pages."""
    for source in course().sources.values():
        shown = [key for page in source.pages for key in page.exercises]
        assert sorted(shown) == sorted(source.exercises)


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of quick commands: the solved pages run with real ones, and with an engine where there is one."""
    folder = tmp_path_factory.mktemp("quick")
    with quick_commands(folder):
        yield folder


@pytest.fixture
def room(quick: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A new lab without an engine, in which nothing was done yet; its commands are quick."""
    home = Home(tmp_path / "home")
    monkeypatch.setenv("ECRLAB_ENGINE", "none")
    monkeypatch.setenv("ECRLAB_HOME", str(home.path))
    monkeypatch.setenv("ECRLAB_STRICT", "1")
    monkeypatch.setenv("PYTHONWARNINGS", "default")
    try:
        launch.start(home, port=0)
        shutil.copytree(quick, home.run / "standin" / "bin", dirs_exist_ok=True)
        warmed(home)
        yield home
    finally:
        launch.stop(home)


@pytest.mark.usefixtures("room")
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("source", "page"), EACH)
def test_unsolved_notebook_fails_at_its_last_cell_alone_and_runs_again(
    source: Source, page: Sheet, tmp_path: Path, takes_all: bool
) -> None:
    """Strict, nothing skipped: its summary names all exercises, and nothing else fails: Run All is kind.

    A second Run All, as a learner makes it, works or says which button to press: nothing puts the lab back by itself.
    """
    work = tmp_path / "work"
    work.mkdir()
    book = code(source.folder.parents[2] / source.shelf / f"{page.slug}.ipynb")
    first = [(cell.id, cell.source) for cell in book]
    relaxed = ("relaxed", 'import os\n\ndel os.environ["ECRLAB_STRICT"]')
    second = [(f"{name}-again", text) for name, text in first]
    again = [relaxed, *second] if takes_all or source.lesson.id in COPIED else []
    failed = run_cells([*first, *again], work, os.environ)
    # What cannot be passed without an engine is not asked for, here as in a learner's notebook.
    asked = [key for key in page.exercises if source.exercises[key].counts and not source.exercises[key].engine]
    last, summary = first[-1]
    assert summary == "lab.check()"
    assert {name: said for name, said in failed.items() if name in dict(first)} == {
        last: f"CellFailed: {len(asked)} of {len(asked)} not passed: {', '.join(asked)}"
    }
    assert {name: said for name, said in failed.items() if name != last and say("cell.again") not in said} == {}


@pytest.mark.lesson
def test_stored_html_has_the_style_of_today() -> None:
    """In volatile cells too, whose outputs nothing else compares."""
    today = {style(), comparison.style(), decision.style(), matrix.style(), mock_card.own_style(), projector()}
    for path in sorted((course().root / "solutions").glob("*.ipynb")):
        for cell in code(path):
            for output in cell.outputs:
                stored = re.findall("<style.*?</style>", output.get("data", {}).get("text/html", ""), re.DOTALL)
                assert set(stored) <= today, f"{path.name}, cell {cell.id}: ecrlab_course build --execute"


def test_the_sign_of_a_price_begins_no_formula() -> None:
    """Jupyter sets what stands between two of them as one."""
    for path in sorted((course().root / "notebooks").glob("*.ipynb")):
        for cell in nbformat.read(path, as_version=4).cells:
            found = re.findall(r"(?<![\\`$])\$\d\S*", cell.source) if cell.cell_type == "markdown" else []
            assert not found, f"{path.name}, cell {cell.id}: {found}"
