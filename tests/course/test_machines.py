"""What runs where: docs/engines.md and README's table are made from what `make engines` saw, and are up to date."""

from __future__ import annotations

import ast
import json
import shutil
from pathlib import Path

import pytest

from ecrlab_course.checkout import course_root
from ecrlab_course.publish import machines

ROOT = course_root()
RUN = {
    "date": "2026-11-29",
    "seconds": 100,
    "python": "3.14.10",
    "docker": "28.5.2",
    "engine": "Engine 28.5.2",
    "passed": 250,
    "skipped": 0,
    "failed": {},
}


def test_readme_and_page_are_up_to_date() -> None:
    """After `make engines`, or a change of MACHINES: python -m ecrlab_course.publish.machines ."""
    assert machines.readme(ROOT) == (ROOT / "README.md").read_text(encoding="utf-8")
    assert machines.page(ROOT) == (ROOT / machines.PAGE).read_text(encoding="utf-8")


def test_the_rows_of_make_engines_are_those_of_the_page() -> None:
    tree = ast.parse((ROOT / "scripts" / "engines" / "run.py").read_text(encoding="utf-8"))
    rows = {
        call.args[0].value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and getattr(call.func, "id", "") == "Row"
        and isinstance(call.args[0], ast.Constant)
    }
    assert rows == set(machines.RUNS)
    assert {name for machine in machines.MACHINES for name in machine.runs} == rows
    assert set(machines.seen(ROOT)) <= rows


def test_every_row_says_something() -> None:
    for machine in machines.MACHINES:
        assert machine.state or machine.runs, machine.where


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    shutil.copy(ROOT / "README.md", tmp_path)
    return tmp_path


def test_what_passed_and_what_failed_is_told(checkout: Path) -> None:
    found = {"podman-5": RUN, "rootless-28": {**RUN, "failed": {"04-e5": "it\nbroke"}}}
    (checkout / machines.SEEN).write_text(json.dumps(found))
    machines.write(checkout)
    readme = (checkout / "README.md").read_text(encoding="utf-8")
    assert (
        "every lesson's solution passes, 250 cells (Engine 28.5.2, docker 28.5.2, Python 3.14.10, 2026-11-29)" in readme
    )
    assert "1 of 251 cells fail, see [engines](docs/engines.md)" in readme
    page = (checkout / machines.PAGE).read_text(encoding="utf-8")
    assert "- **rootless-28**, cell `04-e5`: it broke" in page
    assert "| | | untested | |" in page


def test_without_a_run_a_row_is_untested(checkout: Path) -> None:
    assert "| yours | untested |" in machines.table(checkout)


def test_a_readme_without_the_marks_is_a_sentence(checkout: Path) -> None:
    (checkout / "README.md").write_text("nothing")
    with pytest.raises(ValueError, match="between which its table of machines stands"):
        machines.readme(checkout)
