"""`ecrlab_course start`: what it starts it stops, and what a kill -9 left is cleaned up by the next one."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecrlab.home import Home
from ecrlab.host import launch
from ecrlab.processes import Process
from ecrlab_course.start import free_port

pytestmark = pytest.mark.timeout(200)


class Start:
    """One `ecrlab_course start` as a process, with its printed lines."""

    def __init__(self, folder: Path, number: int, port: int, lab_port: int) -> None:
        self.log = folder / f"start-{number}.log"
        environ = {**os.environ, "ECRLAB_HOME": str(folder / "home"), "ECRLAB_NO_BROWSER": "1", "PYTHONUNBUFFERED": "1"}
        environ["ECRLAB_ENGINE"] = "none"
        environ["HOME"] = str(folder / "user")
        command = [sys.executable, "-m", "ecrlab_course.cli", "start", "--port", str(port)]
        command += ["--lab-port", str(lab_port), "--work", str(folder / "work")]
        with self.log.open("wb") as output:
            self.process = subprocess.Popen(
                command, env=environ, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
            )

    def address(self) -> str:
        until = time.monotonic() + 90
        while not (found := re.search(r"http://localhost:\S+token=\w+", self.log.read_text())):
            assert time.monotonic() < until, self.log.read_text()
            assert self.process.poll() is None, self.log.read_text()
            time.sleep(0.1)
        return found.group(0)


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Callable[[], Start]]:
    (tmp_path / "user").mkdir()
    port, lab_port = free_port(5690), free_port(5615)
    made: list[Start] = []

    def start() -> Start:
        made.append(Start(tmp_path, len(made), port, lab_port))
        return made[-1]

    yield start
    for one in made:
        if one.process.poll() is None:
            os.killpg(one.process.pid, signal.SIGKILL)
            one.process.wait()
    left = Process.remembered(tmp_path / "home" / "run" / "jupyter.process")
    if left is not None:
        left.end(5)
    launch.stop(Home(tmp_path / "home"))


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_ctrl_c_stops_all_and_the_user_s_own_configuration_is_untouched(
    begin: Callable[[], Start], tmp_path: Path
) -> None:
    start = begin()
    address = start.address()
    assert address.split("?")[0].endswith("/lab/tree/00-start-here.ipynb")
    assert answers(address)
    assert not answers(re.sub(r"/lab/.*", "/api/contents", address)), "no token is asked for"
    home = Home(tmp_path / "home")
    server = launch.server_process(home)
    jupyter = Process.remembered(home.run / "jupyter.process")
    assert server is not None
    assert jupyter is not None
    start.process.send_signal(signal.SIGINT)
    assert start.process.wait(40) == 0
    assert not server.alive()
    assert not jupyter.alive()
    assert not answers(address)
    assert list((tmp_path / "user").rglob("*")) == []


def test_a_second_start_prints_the_address_and_a_killed_one_is_cleaned_up(
    begin: Callable[[], Start], tmp_path: Path
) -> None:
    first = begin()
    address = first.address()
    second = begin()
    assert second.process.wait(60) == 0
    assert address in second.log.read_text()
    assert "already runs" in second.log.read_text()
    home = Home(tmp_path / "home")
    jupyter = Process.remembered(home.run / "jupyter.process")
    assert jupyter is not None
    os.kill(first.process.pid, signal.SIGKILL)
    first.process.wait()
    assert jupyter.alive()
    third = begin()
    assert third.address() != address
    assert not jupyter.alive()
    assert "left behind" in third.log.read_text()
    third.process.send_signal(signal.SIGTERM)
    assert third.process.wait(40) == 0
