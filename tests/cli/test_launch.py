"""The lab starts detached, is found again, gets over kill -9, and says what is wrong when it cannot start."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from ecrlab.client import LabClient
from ecrlab.engine import private
from ecrlab.environment import apply, environment
from ecrlab.home import DEFAULT_PORT, PROFILES, Home
from ecrlab.host import launch
from ecrlab.ports import port_is_taken
from ecrlab.processes import Process

Ecrlab = Callable[..., "subprocess.CompletedProcess[str]"]


def test_start_status_stop(home: Home, ecrlab: Ecrlab) -> None:
    assert ecrlab("status").returncode == 1
    began = time.monotonic()
    started = ecrlab("start")
    assert started.returncode == 0, started.stderr
    assert time.monotonic() - began < 10
    assert f"running · localhost:{home.port}/123456789012.dkr.ecr.us-east-1.amazonaws.com · no engine" in started.stdout
    assert started.stdout.splitlines()[0].endswith("not AWS")
    seen = json.loads(ecrlab("status", "--json").stdout)
    assert (seen["running"], seen["port"], seen["engine"]["kind"]) == (True, home.port, "none")
    assert seen["pid"] == seen["server"]["pid"]
    assert os.getsid(seen["pid"]) == seen["pid"], "in the session of the terminal it would end with the terminal"
    began = time.monotonic()
    assert ecrlab("start").returncode == 0
    assert time.monotonic() - began < 5
    assert json.loads(ecrlab("status", "--json").stdout)["pid"] == seen["pid"], "a second start must start nothing"
    assert ecrlab("stop").returncode == 0
    assert Process.of(seen["pid"]) is None
    assert not port_is_taken(home.port)
    assert ecrlab("status").returncode == 1
    assert "Nothing was running" in ecrlab("stop").stdout


def test_state_and_port_survive_stop_and_kill_9(home: Home) -> None:
    first = launch.start(home)
    key = LabClient(home).account("999988887777")
    registry = LabClient(home).registry("999988887777", "eu-west-1")
    os.kill(first.pid, signal.SIGKILL)
    second = launch.start(home)
    assert second.started
    assert (second.port, second.pid == first.pid) == (first.port, False)
    assert LabClient(home).registry("999988887777", "eu-west-1") == registry
    launch.stop(home)
    launch.start(home)
    assert LabClient(home).registry("999988887777", "eu-west-1") == registry
    assert key["access_key_id"]


def test_a_server_that_hangs_is_replaced(home: Home) -> None:
    first = launch.start(home)
    os.kill(first.pid, signal.SIGSTOP)
    said: list[str] = []
    second = launch.start(home, said.append)
    assert second.pid != first.pid
    assert any("does not answer" in line for line in said)
    assert Process.of(first.pid) is None


def test_two_starts_at_once_make_one_server(home: Home) -> None:
    command = [str(Path(sys.prefix) / "bin" / "ecrlab"), "start", "--home", str(home.path)]
    both = [subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)]
    assert [(process.communicate(timeout=60)[1], process.returncode)[1] for process in both] == [0, 0]
    servers = [
        folder.name
        for folder in Path("/proc").iterdir()
        if folder.name.isdigit() and str(home.path).encode() in read(folder / "cmdline")
    ]
    assert len(servers) == 1


def read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def test_at_the_first_start_the_next_free_port_is_taken_and_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECRLAB_ENGINE", "none")
    home = Home(tmp_path / "home")
    said: list[str] = []
    # Another lab of this machine may have it already.
    taken = None if port_is_taken(DEFAULT_PORT) else socket.create_server(("127.0.0.1", DEFAULT_PORT))
    try:
        port = launch.start(home, said.append).port
        assert port > DEFAULT_PORT
        assert f"Port {DEFAULT_PORT} is used by another program; this lab takes {port} and keeps it." in said
        assert home.port == port
    finally:
        launch.stop(home)
        if taken is not None:
            taken.close()
    assert home.port == port


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_a_remembered_port_is_never_changed_silently(
    home: Home, ecrlab: Ecrlab, family: socket.AddressFamily, address: str
) -> None:
    try:
        taken = socket.create_server((address, home.port), family=family)
    except OSError:
        pytest.skip("no IPv6 loopback on this machine")
    with taken:
        answer = ecrlab("start")
    assert answer.returncode == 1
    assert f"Port {home.port}" in answer.stderr
    # The next free one, which need not be the next: other tests run beside this one.
    offered = re.search(r"ecrlab start --port (\d+)", answer.stderr)
    assert offered, answer.stderr
    assert home.port < int(offered[1]) < home.port + 100
    assert "Traceback" not in answer.stderr


def test_a_start_that_fails_shows_the_end_of_the_log_and_what_to_do(home: Home, ecrlab: Ecrlab) -> None:
    assert ecrlab("start").returncode == 0
    ecrlab("stop")
    databases = [path for path in home.lab.rglob("*") if path.is_file() and read(path).startswith(b"SQLite format 3")]
    assert databases
    for path in databases:
        path.write_bytes(b"this is not a database" * 500)
    answer = ecrlab("start")
    assert answer.returncode == 1
    assert "ended while it started" in answer.stderr
    assert "server.log" in answer.stderr
    assert "What to do: " in answer.stderr
    assert "Traceback" not in answer.stderr
    assert launch.server_process(home) is None


def test_a_home_that_cannot_be_made_is_a_sentence(home: Home, ecrlab: Ecrlab) -> None:
    home.path.rename(home.path.with_name("moved"))
    home.path.write_text("a file where the folder must be")
    answer = ecrlab("start")
    assert answer.returncode == 1
    assert "cannot be created" in answer.stderr
    home.path.unlink()


def test_a_disk_that_takes_nothing_is_a_sentence(home: Home) -> None:
    """With `ulimit -f 0` no file can be written, as on a full disk."""
    command = f"ulimit -f 0; exec '{Path(sys.prefix) / 'bin' / 'ecrlab'}' start --home '{home.path}'"
    answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=60)
    assert answer.returncode == 1
    assert "could not be started: File too large" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_an_unknown_wish_for_an_engine_is_a_sentence(ecrlab: Ecrlab) -> None:
    answer = ecrlab("start", ECRLAB_ENGINE="docker")
    assert answer.returncode == 1
    assert "may be 'none', 'private', or unset" in answer.stderr


def test_serve_in_the_foreground_is_found_and_never_doubled(home: Home, ecrlab: Ecrlab) -> None:
    command = [str(Path(sys.prefix) / "bin" / "ecrlab"), "serve", "--home", str(home.path)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert server.stdout is not None
    assert server.stderr is not None
    with server.stdout, server.stderr:
        assert f"http://localhost:{home.port} (not AWS)" in server.stdout.readline()
        wait_for(lambda: launch.status(home).running)
        assert launch.status(home).pid == server.pid
        again = ecrlab("serve")
        assert again.returncode == 1
        assert "is already running" in again.stderr
        assert not launch.start(home).started, "start must find the server of the other terminal"
        server.send_signal(signal.SIGINT)
        rest = server.stderr.read()
        assert server.wait(10) == 0
    assert "Traceback" not in rest
    assert not launch.status(home).running


def test_a_server_started_by_its_module_is_found(home: Home) -> None:
    command = [sys.executable, "-m", "ecrlab.server", "--home", str(home.path), "--port", str(home.port)]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    threading.Thread(target=server.wait, daemon=True).start()  # the parent that takes note of its end
    wait_for(lambda: launch.status(home).running)
    assert launch.start(home).pid == server.pid
    assert launch.stop(home)
    assert server.wait(10) == 0


def wait_for(condition: Callable[[], bool], seconds: float = 15) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)


def test_logins_are_kept_out_of_the_machine_s_keychain(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a keychain helper in PATH docker would use it, and two profiles at one port would overwrite each other."""
    helper = tmp_path / "bin" / "docker-credential-secretservice"
    helper.parent.mkdir()
    helper.write_text("#!/bin/sh\nexit 1\n")
    helper.chmod(0o755)
    monkeypatch.setenv("PATH", f"{helper.parent}:{os.environ['PATH']}")
    (tmp_path / ".docker" / "cli-plugins").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    launch.start(home)
    for profile in PROFILES:
        settings = json.loads((home.docker_config(profile) / "config.json").read_text())
        assert settings["auths"]
        assert settings["cliPluginsExtraDirs"] == [str(tmp_path / ".docker" / "cli-plugins")]
        assert home.docker_config(profile).stat().st_mode & 0o777 == 0o700


def test_a_start_that_fails_stops_the_engine_it_started(
    home: Home, ecrlab: Ecrlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The engine starts while the server does: by the time that the server turns out to be broken, it runs."""
    if private.possible() or private.missing():
        pytest.skip("no private engine can run here")
    monkeypatch.setenv("ECRLAB_ENGINE", "private")
    home.make()
    (home.lab / "store.sqlite3").write_bytes(b"this is not a database" * 500)
    answer = ecrlab("start")
    assert answer.returncode == 1
    assert "Starting a container engine" in answer.stderr
    assert "ended while it started" in answer.stderr
    assert not home.sockets.exists()
    assert launch.status(home).engine is None
    assert launch.server_process(home) is None


def test_an_engine_that_fails_stops_the_server_that_was_started(
    home: Home, ecrlab: Ecrlab, monkeypatch: pytest.MonkeyPatch
) -> None:
    if private.possible() or private.missing():
        pytest.skip("no private engine can run here")
    monkeypatch.setenv("ECRLAB_ENGINE", "private")
    (home.path / "engine").mkdir(parents=True)
    (home.path / "engine" / "docker").write_text("a file where a folder must be")
    answer = ecrlab("start")
    assert answer.returncode == 1
    assert "no engine can be started" in answer.stderr
    assert not port_is_taken(home.port)
    assert launch.server_process(home) is None


def test_a_found_engine_is_used_kept_and_never_stopped(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if private.possible() or private.missing():
        pytest.skip("no engine can run here")
    other = Home(tmp_path / "other").make()
    engine = private.start_private(other)
    try:
        monkeypatch.delenv("ECRLAB_ENGINE")
        monkeypatch.setenv("DOCKER_HOST", str(engine.host))
        assert launch.start(home).engine.kind == "found"
        shell = apply(environment(home))
        answer = subprocess.run(
            ["docker", "image", "inspect", "ecrlab/base:1"], env=shell, capture_output=True, check=False
        )
        assert answer.returncode == 0, "the base image must be in the engine that was found"
        # The kernel of a notebook may not know the terminal's DOCKER_HOST.
        monkeypatch.delenv("DOCKER_HOST")
        again = launch.start(home)
        assert (again.engine.kind, again.engine.host) == ("found", engine.host)
        assert launch.stop(home)
        assert engine.contact().version == engine.version
        assert not home.sockets.exists()
    finally:
        private.stop_private(other)


@pytest.mark.parametrize("name", ["a:b", "costs $HOME"])
def test_a_home_whose_path_aws_or_a_path_list_takes_apart_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(launch.LaunchError, match="holds ':' or '\\$', with which docker or aws cannot work"):
        launch.start(Home(tmp_path / name))
    assert not (tmp_path / name).exists()
