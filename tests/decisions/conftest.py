"""One lab for the questions to IAM: the real server in a process of its own, no container engine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator

import pytest

from ecrlab.environment import apply, environment
from ecrlab.home import Home
from ecrlab.host import launch
from ecrlab_course.start import free_port
from ecrlab_course.toolbox.lab import Lab

Ecrlab = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    home = Home(tmp_path_factory.mktemp("decisions") / "home")
    before = dict(os.environ)
    os.environ["ECRLAB_ENGINE"] = "none"
    try:
        launch.start(home, lambda line: None, port=free_port(5901))
        os.environ.update(apply(environment(home), os.environ))
        yield home
    finally:
        launch.stop(home)
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture
def lab(running: Home) -> Lab:
    """The lab as at the start, with two repositories."""
    lab = Lab(running)
    lab.control.reset()
    for name in ("my-web-app", "billing"):
        lab.client("ecr").create_repository(repositoryName=name)
    return lab


@pytest.fixture
def ecrlab(lab: Lab) -> Ecrlab:
    def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from ecrlab.cli import main; main()", *arguments]
        environ = {**os.environ, "ECRLAB_HOME": str(lab.home.path), **extra}
        return subprocess.run(command, env=environ, capture_output=True, text=True, check=False, timeout=60)

    return run
