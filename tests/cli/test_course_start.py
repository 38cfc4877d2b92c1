"""`make start` as a process: what it starts it stops, also after a start that was killed."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from ecrlab.engine import private
from ecrlab.home import Home
from ecrlab.host import launch
from ecrlab.ports import port_is_taken
from ecrlab.processes import Process

pytest.importorskip("jupyterlab")

JUPYTER = 5499


def begin(home: Home, tmp_path: Path, terminal: int | None = None) -> subprocess.Popen[str]:
    """Run `ecrlab_course start` in a session of its own; `terminal` becomes its controlling terminal."""
    program = [str(Path(sys.prefix) / "bin" / "ecrlab_course")]
    arguments = ["start", "--port", str(JUPYTER), "--work", str(tmp_path / "work")]
    environ = {**os.environ, "ECRLAB_HOME": str(home.path), "ECRLAB_NO_BROWSER": "1", "HOME": str(tmp_path)}
    if terminal is not None:
        # As a login does: a session whose terminal this is, and that is told when it goes.
        take = (
            "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
        )
        return subprocess.Popen(
            [sys.executable, "-c", take, *program, *arguments],
            stdin=terminal, stdout=terminal, stderr=terminal, text=True, env=environ, start_new_session=True,
        )  # fmt: skip
    with (tmp_path / "said").open("w") as output:
        return subprocess.Popen([*program, *arguments], stdout=output, stderr=subprocess.STDOUT, text=True, env=environ)


def course(home: Home, tmp_path: Path) -> subprocess.Popen[str]:
    """Run `ecrlab_course start` and return it once the course is open."""
    process = begin(home, tmp_path)
    log = tmp_path / "said"
    until = time.monotonic() + 60
    while "Ctrl-C here stops it all" not in log.read_text():
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < until, log.read_text()
        time.sleep(0.05)
    return process


def left(home: Home) -> list[str]:
    """The processes of this home: all carry its path in their arguments or their environment."""
    found = []
    mark = str(home.path).encode()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and int(folder.name) != os.getpid():
            with contextlib.suppress(OSError):
                command = (folder / "cmdline").read_bytes()
                if mark in command or b"ECRLAB_HOME=" + mark in (folder / "environ").read_bytes():
                    found.append(command.replace(b"\0", b" ").decode())
    return found


def nothing_is_left(home: Home) -> None:
    assert left(home) == []
    assert not home.sockets.exists(), "the engine's folder"
    assert not Path(f"/sys/class/net/ecr-{home.key}").exists(), "the engine's bridge"
    assert not any((home.run / name).exists() for name in ("server.json", "jupyter.process", "start.process"))
    assert not home.control.exists()


# Moments from before the first process to the open course.
@pytest.mark.parametrize(
    ("number", "delays"),
    [
        (signal.SIGINT, (0.4, 0.6, 0.8, 1.1, 1.6)),
        (signal.SIGTERM, (0.5, 0.7, 0.9, 1.3)),
        (signal.SIGHUP, (0.45, 0.65, 1.0, 2.2)),
    ],
)
def test_a_signal_at_any_moment_leaves_nothing(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, delays: tuple[float, ...]
) -> None:
    if not private.possible() and not private.missing():
        monkeypatch.setenv("ECRLAB_ENGINE", "private")
    for delay in delays:
        process = begin(home, tmp_path)
        time.sleep(delay)
        process.send_signal(number)
        process.wait(30)
        assert "Traceback" not in (tmp_path / "said").read_text() or process.returncode < 0, delay
        nothing_is_left(home)


def test_a_second_ctrl_c_does_not_cut_the_end_short(home: Home, tmp_path: Path) -> None:
    process = course(home, tmp_path)
    for _ in range(10):
        process.send_signal(signal.SIGINT)
        time.sleep(0.05)
    assert process.wait(30) == 0
    nothing_is_left(home)


def test_a_closed_terminal_ends_all_of_it(home: Home, tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    process = begin(home, tmp_path, theirs)
    os.close(theirs)
    said = b""
    until = time.monotonic() + 60
    while b"Ctrl-C here stops it all" not in said:
        assert time.monotonic() < until, said
        said += os.read(ours, 4096)
    os.close(ours)
    process.wait(30)
    nothing_is_left(home)


def test_jupyter_does_not_outlive_a_start_that_was_killed_before_it_began(home: Home, tmp_path: Path) -> None:
    process = begin(home, tmp_path)
    until = time.monotonic() + 30
    while not (home.run / "start.process").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    process.kill()
    process.wait()
    while any("ecrlab_course.start" in line for line in left(home)):
        assert time.monotonic() < until, left(home)
        time.sleep(0.1)


def test_terminals_in_jupyterlab_have_the_lab_s_environment(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """JupyterLab's process begins before the lab has one. PYTHONPATH would come before the course's modules."""
    for name in ("jupyterlab", "ipykernel", "ecrlab_course", "docker"):
        (tmp_path / "mine").mkdir(exist_ok=True)
        (tmp_path / "mine" / f"{name}.py").write_text("raise SystemExit('shadowed')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "mine"))
    process = course(home, tmp_path)
    try:
        token = json.loads((home.run / "jupyter.json").read_text())["address"].partition("token=")[2]
        request = urllib.request.Request(
            f"http://127.0.0.1:{JUPYTER}/api/terminals", method="POST", headers={"Authorization": f"token {token}"}
        )
        with urllib.request.urlopen(request, timeout=20):
            jupyter = Process.remembered(home.run / "jupyter.process")
            assert jupyter is not None
            child = Path(f"/proc/{jupyter.pid}/task/{jupyter.pid}/children").read_text().split()[0]
            time.sleep(0.5)  # from fork to exec
            seen = Path(f"/proc/{child}/environ").read_bytes().decode().split("\0")
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
    assert f"AWS_ENDPOINT_URL=http://localhost:{home.port}" in seen
    assert not [line for line in seen if line.startswith("PYTHONPATH=")]
    assert any(line.startswith(f"PATH={home.run / 'standin' / 'bin'}:") for line in seen)


def test_ctrl_c_stops_all_of_it_even_what_a_killed_start_left(home: Home, tmp_path: Path) -> None:
    first = course(home, tmp_path)
    first.kill()
    first.wait()
    assert launch.status(home).running, "what was killed could not stop anything"
    second = course(home, tmp_path)
    second.send_signal(signal.SIGINT)
    assert second.wait(30) == 0
    assert not launch.status(home).running
    assert not port_is_taken(home.port)
    assert not port_is_taken(JUPYTER)


def test_a_lab_that_ran_before_goes_on(home: Home, tmp_path: Path) -> None:
    before = launch.start(home)
    process = course(home, tmp_path)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert launch.status(home).pid == before.pid
