"""A learner's own notebook as a test: what a learner installs is enough, and the learner's lab stays as it is."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).parent.parent.parent
LEARNER = "-p no:asyncio -p no:timeout -p no:hypothesispytest"
"""Leaves out what only `make test` installs."""


def validate(notebook: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Validate a notebook as a learner would, whose lab has that home."""
    environ = {**os.environ, "ECRLAB_ENGINE": "none", "ECRLAB_HOME": str(home), "PYTEST_ADDOPTS": LEARNER}
    command = ["scripts/validate.sh", str(notebook)]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


@pytest.mark.timeout(180)
def test_a_lesson_s_notebook_is_validated_beside_the_learner_s_lab(tmp_path: Path) -> None:
    work, home = tmp_path / "work", tmp_path / "home"
    shutil.copytree(ROOT / "notebooks", work)
    before = {path: path.read_bytes() for path in work.rglob("*") if path.is_file()}
    answer = validate(work / "00-start-here.ipynb", home)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert re.search(r"^\d\d passed", answer.stdout, re.M)
    assert {path: path.read_bytes() for path in work.rglob("*") if path.is_file()} == before
    assert not home.exists()


def test_a_cell_that_fails_is_named(tmp_path: Path) -> None:
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text) for text in ("1 + 1", "1 / 0")])
    nbformat.write(book, tmp_path / "mine.ipynb")
    answer = validate(tmp_path / "mine.ipynb", tmp_path / "home")
    assert answer.returncode == 1
    assert "mine.ipynb::Cell 1" in answer.stdout
    assert "1 failed, 1 passed" in answer.stdout


def test_no_notebook_is_one_sentence(tmp_path: Path) -> None:
    answer = validate(tmp_path / "none.ipynb", tmp_path / "home")
    assert (answer.returncode, answer.stdout) == (2, "")
    assert answer.stderr.startswith(f"There is no notebook '{tmp_path}/none.ipynb'.")


def test_pytest_alone_runs_notebooks_below_this_checkout() -> None:
    """Its settings in pyproject.toml name options of plugins that a learner has not."""
    command = [ROOT / ".venv/bin/pytest", "--nbval-lax", "--collect-only", "-q", "notebooks/00-start-here.ipynb"]
    environ = {**os.environ, "PYTEST_ADDOPTS": LEARNER}
    answer = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "notebooks/00-start-here.ipynb::Cell 0" in answer.stdout
