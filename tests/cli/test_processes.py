"""Processes are recognised again, and never mistaken for another with the same number."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from ecrlab.processes import Process, last_lines, spawn


def test_a_spawned_process_is_known_again_until_it_ends(tmp_path: Path) -> None:
    process = spawn(["sleep", "60"], tmp_path / "log", os.environ, tmp_path)
    process.remember(tmp_path / "pid.json")
    assert Process.remembered(tmp_path / "pid.json") == process
    assert os.getsid(process.pid) == process.pid, "a session of its own: Ctrl-C must not reach it"
    assert process.end(5)
    assert Process.remembered(tmp_path / "pid.json") is None


def test_a_number_used_again_is_not_the_same_process(tmp_path: Path) -> None:
    Process(os.getpid(), "1").remember(tmp_path / "pid.json")
    assert Process.remembered(tmp_path / "pid.json") is None
    assert not Process(os.getpid(), "1").alive()


def test_a_process_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    deaf = spawn(
        ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"], tmp_path / "log", os.environ, tmp_path
    )
    while not last_lines(tmp_path / "log"):
        pass
    assert not deaf.end(0.2)
    assert not deaf.alive()


def test_a_zombie_is_not_alive() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    process = Process(child.pid, "")
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert Process.of(process.pid) is None
    child.wait()


def test_the_log_of_the_run_before_is_kept(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for word in ("one", "two"):
        spawn(["echo", word], log, os.environ, tmp_path).wait(5)
    assert (last_lines(log), last_lines(tmp_path / "log.old")) == (["two"], ["one"])
    assert last_lines(tmp_path / "nothing") == []


def test_files_that_hold_nonsense_name_no_process(tmp_path: Path) -> None:
    for content in ("", "[]", '{"pid": "1"}', '{"pid": true}', '{"pid": -1}', '{"pid": 999999999}'):
        (tmp_path / "pid.json").write_text(content)
        assert Process.remembered(tmp_path / "pid.json") is None
