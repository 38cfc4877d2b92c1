"""A machine with neither an engine nor busybox (plain Debian, macOS, WSL): what the first exercise says there."""

from __future__ import annotations

from pathlib import Path

import nbclient
import pytest

from ecrlab.engine import Engine, base_image
from ecrlab.home import Home
from ecrlab.host import launch
from ecrlab_course.authoring.content import Course
from ecrlab_course.publish import build
from ecrlab_course.start import free_port

LAST = "00-08-check"
"""The cell that checks 00-e1: who carried the bytes?"""


def test_the_right_answer_to_the_first_exercise_is_right(
    tmp_path: Path, the_course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "home").make()
    with monkeypatch.context() as patch:
        patch.setattr(base_image, "_from_machine", lambda architecture: None)
        base_image.ensure(Engine("none"), home)
    monkeypatch.setenv("ECRLAB_HOME", str(home.path))
    monkeypatch.setenv("ECRLAB_ENGINE", "none")
    monkeypatch.setenv("ECRLAB_STRICT", "1")
    book = build.notebook(the_course.sources["00"], "solutions")
    book.cells = book.cells[: [cell.id for cell in book.cells].index(LAST) + 1]
    (tmp_path / "work").mkdir()
    launch.start(home, port=free_port(5670))
    try:
        where = {"metadata": {"path": str(tmp_path / "work")}}
        nbclient.NotebookClient(book, timeout=60, kernel_name="python3", resources=where).execute()
    finally:
        launch.stop(home)
    assert "✓ 00-e1 · passed" in book.cells[-1].outputs[0]["data"]["text/plain"]
