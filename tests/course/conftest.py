"""A real lab for the course's tests: the server as a process of its own, without a container engine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path

import pytest
from tests.course.quick_commands import list_services_once, quick_commands

from ecrlab.engine import private
from ecrlab.environment import apply, environment
from ecrlab.home import Home
from ecrlab.host import launch
from ecrlab_course.authoring.content import Course, Source, course
from ecrlab_course.learner.session import Session
from ecrlab_course.progress import Progress
from ecrlab_course.toolbox.lab import Lab

_quick: dict[Path, Callable[[], None]] = {}
"""By the lab's home: what puts its quick commands in place."""
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
    undo = list_services_once()
    try:
        launch.start(home, port=0)
        os.environ.update(apply(environment(home), os.environ))
        first = home.run / "standin" / "bin"
        with quick_commands(first) if first.is_dir() else nullcontext(lambda: None) as put:
            _quick[home.path] = put
            yield home
    finally:
        _quick.pop(home.path, None)
        undo()
        launch.stop(home)
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(autouse=True)
def quick() -> None:
    """Put the quick commands in place again, where the test before this one started the lab."""
    for put in _quick.values():
        put()


@pytest.fixture(scope="package")
def running_with_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A running lab with an engine of its own, for the exercises that need one."""
    reason = private.possible() or (f"missing: {private.missing()}" if private.missing() else None)
    if reason:
        pytest.skip(reason)
    home = Home(tmp_path_factory.mktemp("engine") / "home")
    # For the start alone: tests of the lab without an engine come after, in the same process.
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECRLAB_ENGINE", "private")
        patch.setenv("PATH", PATH)
        launch.start(home, port=0)
    try:
        yield home
    finally:
        launch.stop(home)


@pytest.fixture
def lab(running: Home, tmp_path: Path, the_course: Course) -> Lab:
    """The lab, in a folder that holds a folder of files for every lesson, as beside a notebook; its clock is real."""
    made = furnished(running, tmp_path, the_course)
    made.clock.reset()
    return made


def furnished(home: Home, tmp_path: Path, the_course: Course, only: Sequence[Source] | None = None) -> Lab:
    """Return the lab of that home in a folder that holds one for each lesson and lab, or for these alone."""
    folder = tmp_path / "work"
    folder.mkdir()
    for source in the_course.sources.values() if only is None else only:
        if source.files.is_dir():
            shutil.copytree(source.files, folder / Path(source.opens).parent / source.slug)
    return Lab(home, folder)


@pytest.fixture
def session(lab: Lab, tmp_path: Path, the_course: Course) -> Session:
    """A session with an empty progress file."""
    return Session(lab, Progress(tmp_path / "progress.json"), the_course, lab.folder)
