"""`make start` as a process: what it starts it stops, also after a start that was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ecrlab import launch
from ecrlab.home import Home

pytest.importorskip("jupyterlab")


def course(home: Home, tmp_path: Path) -> subprocess.Popen[str]:
    """Run `ecrlab_course start` in a session of its own and return it once the course is open."""
    command = [
        str(Path(sys.prefix) / "bin" / "ecrlab_course"),
        "start",
        "--port",
        "5499",
        "--work",
        str(tmp_path / "work"),
    ]
    environ = {**os.environ, "ECRLAB_HOME": str(home.path), "ECRLAB_NO_BROWSER": "1", "HOME": str(tmp_path)}
    log = tmp_path / "said"
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, text=True, env=environ)
    until = time.monotonic() + 60
    while "Ctrl-C here stops it all" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.1)
    return process


def test_ctrl_c_stops_all_of_it_even_what_a_killed_start_left(home: Home, tmp_path: Path) -> None:
    first = course(home, tmp_path)
    first.kill()
    first.wait()
    assert launch.status(home).running, "what was killed could not stop anything"
    second = course(home, tmp_path)
    second.send_signal(signal.SIGINT)
    assert second.wait(30) == 0
    assert not launch.status(home).running
    assert not launch.port_is_taken(home.port)
    assert not launch.port_is_taken(5499)


def test_a_lab_that_ran_before_goes_on(home: Home, tmp_path: Path) -> None:
    before = launch.start(home)
    process = course(home, tmp_path)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert launch.status(home).pid == before.pid
