"""A real lab for the course's tests: the server as a process of its own, without a container engine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecrlab import launch
from ecrlab.engine import private
from ecrlab.environment import apply, environment
from ecrlab.home import Home
from ecrlab_course.authoring.content import Course, course
from ecrlab_course.learner.session import Session
from ecrlab_course.progress import Progress
from ecrlab_course.toolbox.lab import Lab

PATH = os.environ["PATH"]
"""The programs of this machine, before any lab put its own in front."""


@pytest.fixture(scope="package")
def the_course() -> Course:
    return course()


@pytest.fixture(scope="package")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """One running lab for these tests. ECRLAB_ENGINE as given, by default none: the lab's stand-in acts as docker."""
    home = Home(tmp_path_factory.mktemp("course") / "home")
    before = dict(os.environ)
    os.environ.setdefault("ECRLAB_ENGINE", "none")
    try:
        launch.start(home, port=0)
        os.environ.update(apply(environment(home), os.environ))
        yield home
    finally:
        launch.stop(home)
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(scope="package")
def running_with_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A running lab with an engine of its own, for the exercises that need one."""
    reason = private.possible() or (f"missing: {private.missing()}" if private.missing() else None)
    if reason:
        pytest.skip(reason)
    home = Home(tmp_path_factory.mktemp("engine") / "home")
    before = os.environ.get("ECRLAB_ENGINE")
    os.environ["ECRLAB_ENGINE"] = "private"
    try:
        launch.start(home, port=0)
        yield home
    finally:
        launch.stop(home)
        os.environ.pop("ECRLAB_ENGINE")
        if before is not None:
            os.environ["ECRLAB_ENGINE"] = before


@pytest.fixture
def lab(running: Home, tmp_path: Path, the_course: Course) -> Lab:
    """The lab, with a folder that holds every lesson's files, as beside a notebook."""
    return furnished(running, tmp_path, the_course)


def furnished(home: Home, tmp_path: Path, the_course: Course) -> Lab:
    """Return the lab of that home with a folder that holds every lesson's and lab's files, its clock real."""
    folder = tmp_path / "work"
    folder.mkdir()
    for source in the_course.sources.values():
        if source.files.is_dir():
            shutil.copytree(source.files, folder, dirs_exist_ok=True)
    made = Lab(home, folder)
    made.clock.reset()
    return made


@pytest.fixture
def session(lab: Lab, tmp_path: Path, the_course: Course) -> Session:
    """A session with an empty progress file."""
    return Session(lab, Progress(tmp_path / "progress.json"), the_course)
