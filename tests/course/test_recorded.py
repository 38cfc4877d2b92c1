"""Recordings of cells, and what a cell may need of a computer."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from ecrlab_course.authoring.cells import Cell, CellError
from ecrlab_course.authoring.content import course
from ecrlab_course.authoring.recorded import Recordings, mark, path_of, recordings, written
from ecrlab_course.toolbox import needs

OUTPUTS = {
    "one": "two lines\nand  blanks at an end  \n",
    "two": "",
    "three": "\nthree ''' quotes and a \\ and \r\n",
    "four": "no line end",
}


def test_what_is_written_is_read(tmp_path: Path) -> None:
    found = Recordings("Docker 1.2", "29 November 2026", OUTPUTS, {key: mark(key) for key in OUTPUTS})
    path_of(tmp_path).write_text(written(found), encoding="utf-8", newline="")
    assert recordings(tmp_path) == found


def test_none_and_unreadable(tmp_path: Path) -> None:
    assert recordings(tmp_path) == Recordings()
    path_of(tmp_path).write_text("where = 1")
    with pytest.raises(CellError, match=r"recorded\.toml"):
        recordings(tmp_path)


def test_a_recording_of_another_text_is_noticed() -> None:
    cells = [Cell("one", "code", "docker ps", (), needs="engine"), Cell("two", "code", "ls", ())]
    assert Recordings(outputs={"one": ""}, marks={"one": mark("docker ps\n")}).wrong(cells) == []
    old = Recordings(outputs={"one": "", "two": ""}, marks={"one": mark("docker ps -a"), "two": mark("ls")})
    assert [line.split(":")[0] for line in old.wrong(cells)] == ["cell one", "recorded.toml"]


def test_what_a_computer_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    def lab(engine: str, node: bool, limits: bool = True) -> Any:
        return cast(Any, SimpleNamespace(engine=engine, node=lambda: node, limits_memory=limits))

    assert [needs.lacks(lab("none", True), what) for what in ("engine", "node")] == [True, True]
    assert [needs.lacks(lab("found", False), what) for what in ("engine", "node")] == [False, True]
    assert not needs.lacks(lab("private", True), "node")
    assert [needs.missing(lab(engine, False), "node") for engine in ("none", "found")] == ["engine", "node"]
    assert [needs.lacks(lab("found", True, limits), "memory") for limits in (True, False)] == [False, True]
    assert needs.lacks(lab("none", True), "memory")
    assert [needs.missing(lab(engine, True, False), "memory") for engine in ("none", "found")] == ["engine", "memory"]
    needs._namespaces.cache_clear()
    monkeypatch.setattr(needs.sys, "platform", "darwin")
    assert needs.lacks(lab("found", True), "namespaces")
    needs._namespaces.cache_clear()


def test_an_exercise_that_needs_an_engine_says_so_without_one(session: Any) -> None:
    if session.lab.engine != "none":
        pytest.skip("this lab has an engine")
    needing = [key for key, item in course().exercises.items() if item.engine]
    assert needing
    assert "needs a container engine" in session.check(needing[0]).message
