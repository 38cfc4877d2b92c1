"""Solved notebooks as tests: one test per cell, named by the cell's id, outputs compared strictly by nbval.

What nbval lets through is closed here: cells run in a home and folder of their own, every check is strict, cells tagged
`volatile` or `recorded` are run and not compared, only the port is sanitised, and after a failure the rest of a
notebook is skipped.
The collector hangs on the file `solved.txt`, so that a plain `pytest` finds it.
"""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, RunningKernel
from nbval.plugin import IPyNbCell, IPyNbFile

from ecrlab.home import Home
from ecrlab.host import launch
from ecrlab_course.authoring.content import course
from ecrlab_course.start import free_port

WARNINGS = "default,ignore:unclosed <socket.socket:ResourceWarning"
"""docker's library leaves a socket open where no engine answers, and Python says so some cells later."""
# A machine that runs three tests at a time is slow: a pipeline of lab 04 took 54 s on one.
CELL_SECONDS = 180


class Cell(IPyNbCell):  # type: ignore[misc]
    """One code cell. Skipped when an earlier one of its notebook failed."""

    def runtest(self) -> None:
        if self.parent.failed:
            pytest.skip(f"cell {self.parent.failed} failed before")
        self.config.option.nbval_cell_timeout = CELL_SECONDS
        try:
            super().runtest()
        except BaseException:
            self.parent.failed = self.name
            raise

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path, 0, f"{self.path.name}::{self.name}"


class Notebook(IPyNbFile):  # type: ignore[misc]
    """One solved notebook, run beside copies of its lesson's files."""

    failed = ""

    def collect(self) -> Iterator[Cell]:
        self.nb = nbformat.read(self.path, as_version=4)
        for number, cell in enumerate(self.nb.cells):
            if cell.cell_type == "code":
                options: Any = defaultdict(bool)
                options["check"] = not {"volatile", "recorded"} & set(cell.metadata.get("tags", []))
                made = Cell.from_parent(self, name=cell.id, cell_num=number, cell=cell, options=options)
                made.add_marker(pytest.mark.timeout(CELL_SECONDS + 60))
                yield made

    def setup(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ecrlab-solved-"))
        work, self.temporary = self.folder / "work", self.folder / "tmp"
        work.mkdir()
        self.temporary.mkdir()
        self.home = Home(self.folder / "home")
        # Two shares that run beside each other look for a port in different places.
        share = str(self.config.getoption("--part") or "1/1").partition("/")[0]
        launch.start(self.home, port=free_port(5100 + 50 * int(share)))
        before = dict(os.environ)
        os.environ.update(
            ECRLAB_HOME=str(self.home.path),
            ECRLAB_STRICT="1",
            PYTHONWARNINGS=WARNINGS,
            TMPDIR=str(self.temporary),
        )
        try:
            self.kernel = RunningKernel(CURRENT_ENV_KERNEL_NAME, cwd=str(work), startup_timeout=60)
        finally:
            os.environ.clear()
            os.environ.update(before)
        self.sanitize_patterns[r"localhost:\d{4,5}\b"] = "localhost:PORT"
        # An image without a tag is called by a digest, in listings and on cards: engines compute it differently.
        self.sanitize_patterns[r"\bno tag, [0-9a-f]{8}\b"] = "no tag, DIGEST"
        self.sanitize_patterns[r"\b[0-9a-f]{8}…"] = "DIGEST…"
        # A link to a lab leads to its page in solutions/ as it is stored, and to the learner's as it runs.
        for sheet in (sheet for source in course().sources.values() for sheet in source.pages):
            self.sanitize_patterns[f'href="{re.escape(sheet.opens)}'] = f'href="{sheet.solved}.ipynb'

    def teardown(self) -> None:
        super().teardown()
        launch.stop(self.home)
        left = sorted(path.name for path in self.temporary.iterdir())
        shutil.rmtree(self.folder, ignore_errors=True)
        # Nothing cleans a temporary folder up on a computer that is used for years, and keys may lie in it.
        assert not left, f"{self.path.name} left these behind in the temporary folder: {left}"


class Solved(pytest.File):
    """The file that stands for solutions/."""

    def collect(self) -> Iterator[Notebook]:
        for path in sorted((course().root / "solutions").glob("*.ipynb")):
            yield Notebook.from_parent(self, path=path)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    return Solved.from_parent(parent, path=file_path) if file_path.name == "solved.txt" else None
