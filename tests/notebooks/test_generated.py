"""The generated notebooks: up to date, complete, and failing exactly where nothing was solved."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbclient
import nbformat
import pytest

from ecrlab import launch
from ecrlab.home import Home, read_json
from ecrlab_course.authoring.content import Source, course
from ecrlab_course.publish import build
from ecrlab_course.start import free_port
from ecrlab_course.views import decision
from ecrlab_course.views.display import projector, style

LESSONS = list(course().sources.values())
VOLATILE_AT_MOST = 14


def code(path: Path) -> list[Any]:
    return [cell for cell in nbformat.read(path, as_version=4).cells if cell.cell_type == "code"]


@pytest.mark.lesson
def test_generated_files_are_what_the_content_makes() -> None:
    assert build.build(course(), check=True).drifted == ()


def test_a_changed_source_is_drift(monkeypatch: pytest.MonkeyPatch) -> None:
    real = build.notebook

    def other(source: Source, kind: str) -> Any:
        book = real(source, kind)
        book.cells[0].source += " changed"
        return book

    monkeypatch.setattr(build, "notebook", other)
    drifted = {path.name for path in build.build(course(), check=True).drifted}
    assert {f"{source.slug}.ipynb" for source in LESSONS} <= drifted
    assert {f"{source.solved}.ipynb" for source in LESSONS} <= drifted


@pytest.mark.lesson
def test_the_sources_have_no_problems() -> None:
    assert build.problems(course()) == []


@pytest.mark.parametrize("source", LESSONS, ids=lambda s: s.slug)
def test_starters_hold_no_outputs_and_solutions_hold_all(source: Source) -> None:
    for cell in code(source.folder.parents[2] / source.shelf / f"{source.slug}.ipynb"):
        assert cell.outputs == []
        assert cell.execution_count is None
    solved = code(source.folder.parents[2] / "solutions" / f"{source.solved}.ipynb")
    # nbval compares nothing in a cell that was never run.
    assert [cell.id for cell in solved if cell.execution_count is None] == []
    text = nbformat.writes(
        nbformat.read(source.folder.parents[2] / "solutions" / f"{source.solved}.ipynb", as_version=4)
    )
    assert "widget-view" not in text
    volatile = [cell.id for cell in solved if "volatile" in cell.metadata.tags]
    assert len(volatile) <= VOLATILE_AT_MOST, volatile


@pytest.mark.parametrize("source", LESSONS, ids=lambda s: s.slug)
def test_stored_outputs_hold_no_digest_that_an_engine_computed(source: Source) -> None:
    """Outside volatile cells: timestamps and compressors differ from engine to engine."""
    for cell in code(source.folder.parents[2] / "solutions" / f"{source.solved}.ipynb"):
        if "volatile" not in cell.metadata.tags:
            text = "".join(
                str(out.get("text", "")) + str(out.get("data", {}).get("text/plain", "")) for out in cell.outputs
            )
            assert not re.search(r"sha256:[0-9a-f]{64}", text), cell.id


@pytest.mark.timeout(300)
@pytest.mark.parametrize("source", LESSONS, ids=lambda s: s.slug)
def test_unsolved_notebook_fails_exactly_its_checks(
    source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strict, nothing skipped: each check fails once, and nothing else does, so that Run All is kind to a learner."""
    home = Home(tmp_path / "home")
    work = tmp_path / "work"
    work.mkdir()
    shutil.copy(source.folder.parents[2] / source.shelf / f"{source.slug}.ipynb", work)
    monkeypatch.setenv("ECRLAB_HOME", str(home.path))
    monkeypatch.setenv("ECRLAB_STRICT", "1")
    monkeypatch.setenv("PYTHONWARNINGS", "default")
    book = nbformat.read(work / f"{source.slug}.ipynb", as_version=4)
    try:
        launch.start(home, port=free_port(5660))
        client = nbclient.NotebookClient(
            book,
            timeout=120,
            allow_errors=True,
            kernel_name="python3",
            resources={"metadata": {"path": str(work)}},
        )
        client.execute()
        engine = read_json(home.run / "engine.json").get("kind", "none")
        asked = subprocess.run(
            [sys.executable, "-m", "ecrlab_course.cli", "exercises", "--count", source.lesson.id],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
    finally:
        launch.stop(home)
    # What cannot be passed on this machine is not asked for, here as in a learner's notebook.
    wanted = [key for key in source.counted if engine != "none" or not source.exercises[key].engine]
    failed = {
        cell.id: [output.evalue for output in cell.outputs if output.output_type == "error"]
        for cell in book.cells
        if cell.cell_type == "code" and any(output.output_type == "error" for output in cell.outputs)
    }
    checks = {
        cell.id
        for cell in book.cells
        if cell.cell_type == "code"
        and any(found in wanted for found in re.findall(r'lab\.check\("([^"]+)"\)', cell.source))
    }
    assert set(failed) == checks, failed
    assert len(failed) == len(wanted) == int(asked.stdout)
    for cell, said in failed.items():
        assert "ECRLAB_STRICT=1 asks for passed" in said[0], (cell, said)
    assert os.environ["ECRLAB_STRICT"] == "1"


@pytest.mark.lesson
def test_stored_html_has_the_style_of_today() -> None:
    """In volatile cells too, whose outputs nothing else compares."""
    today = {style(), decision.style(), projector()}
    for path in sorted((course().root / "solutions").glob("*.ipynb")):
        for cell in code(path):
            for output in cell.outputs:
                stored = re.findall("<style.*?</style>", output.get("data", {}).get("text/html", ""), re.DOTALL)
                assert set(stored) <= today, f"{path.name}, cell {cell.id}: ecrlab_course build --execute"
