"""Homes, ports and shells of the tests' own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecrlab.home import Home
from ecrlab.host import launch
from ecrlab.ports import any_port

Ecrlab = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(autouse=True)
def clean_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """The shell of a learner who has set nothing: no home, no engine, no AWS, no proxy."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "ECRLAB_", "DOCKER_")) or name.lower().endswith("_proxy") or name == "REGISTRY":
            monkeypatch.delenv(name)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A new home without an engine (the fast way), with a free port; stopped afterwards, whatever the test did."""
    monkeypatch.setenv("ECRLAB_ENGINE", "none")
    home = Home(tmp_path / "home")
    home.remember_port(any_port())
    yield home
    launch.stop(home)


@pytest.fixture
def ecrlab(home: Home) -> Ecrlab:
    """Return a function that runs the command ``ecrlab`` on the home and returns what came of it."""

    def run(*arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        environ = {**os.environ, "ECRLAB_HOME": str(home.path), **extra}
        command = [str(Path(sys.prefix) / "bin" / "ecrlab"), *arguments]
        return subprocess.run(
            command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
        )

    return run
