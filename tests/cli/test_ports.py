"""Ports on a machine that many share: each lab gets its own, keeps it, and `env` names it as soon as it answers."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ecrlab.client import LabClient
from ecrlab.environment import environment
from ecrlab.home import DEFAULT_PORT, Home
from ecrlab.host import launch
from ecrlab.ports import HIGHEST, any_port, listener, near, port_is_taken

Ecrlab = Callable[..., "subprocess.CompletedProcess[str]"]
CLASS = 6


def ports(home: Home) -> list[int | None]:
    return [home.port, home.hub_port, home.public_port]


@pytest.mark.timeout(300)
def test_a_class_starts_at_the_same_moment_and_again_after_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ECRLAB_ENGINE", "none")
    homes = [Home(tmp_path / f"learner-{number}") for number in range(CLASS)]
    before: list[list[int | None]] = []
    try:
        for _ in range(2):
            together = threading.Barrier(CLASS)

            def begin(home: Home) -> launch.Running:
                together.wait()  # noqa: B023 (begin does not outlive its round)
                return launch.start(home)

            with ThreadPoolExecutor(CLASS) as room:
                running = list(room.map(begin, homes))
            assert [LabClient(home).status()["home"] for home in homes] == [str(home.path) for home in homes]
            assert all(each.started for each in running)
            now = [ports(home) for home in homes]
            assert len({port for each in now for port in each}) == 3 * CLASS, "each has ports of its own"
            assert before in ([], now), "and keeps them"
            before = now
            with ThreadPoolExecutor(4) as room:
                list(room.map(launch.stop, homes))
    finally:
        for home in homes:
            launch.stop(home)


def test_a_first_start_that_fails_remembers_no_port(tmp_path: Path, ecrlab: Ecrlab) -> None:
    fresh = Home(tmp_path / "fresh").make()
    (fresh.lab / "store.sqlite3").write_bytes(b"this is not a database" * 500)
    assert ecrlab("start", ECRLAB_HOME=str(fresh.path)).returncode == 1
    assert fresh.known_port is None


@pytest.mark.parametrize("wanted", ["0", "N"])
def test_whoever_gets_an_answer_from_serve_finds_its_ports_in_the_home(tmp_path: Path, wanted: str) -> None:
    home = Home(tmp_path / "home")
    port = any_port()
    number = "0" if wanted == "0" else str(port)
    command = [str(Path(sys.prefix) / "bin" / "ecrlab"), "serve", "--home", str(home.path), "--port", number]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 60
        while (home.known_port if wanted == "0" else port) is None or not answers(home.known_port or port):
            assert time.monotonic() < until
            assert server.poll() is None
            time.sleep(0.001)
        seen = environment(home)
        if wanted == "N":
            assert home.known_port == port
        else:
            assert home.known_port not in (0, DEFAULT_PORT)
        assert seen["AWS_ENDPOINT_URL"] == f"http://localhost:{home.known_port}"
        assert seen["HUB"]
        assert seen["PUBLIC_REGISTRY"]
        assert home.hub_password.read_text().strip()
        assert LabClient(home).status()["pid"] == server.pid
        assert (LabClient(home).hub())["users"], "what the hub begins with is there for the first who asks"
    finally:
        server.terminate()
        server.wait(20)


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def test_env_waits_for_the_port_of_a_server_that_is_about_to_begin(home: Home, ecrlab: Ecrlab) -> None:
    """The remembered port is another one: it would lead elsewhere."""
    command = [str(Path(sys.prefix) / "bin" / "ecrlab"), "serve", "--home", str(home.path), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 30
        while not (home.run / "server.json").exists():
            assert time.monotonic() < until
            time.sleep(0.01)
        remembered = home.port
        answer = ecrlab("env")
        assert answer.returncode == 0, answer.stderr
        assert home.port != remembered
        assert f"export AWS_ENDPOINT_URL=http://localhost:{home.port}\n" in answer.stdout
        assert json.loads(ecrlab("status", "--json").stdout)["server"]["port"] == home.port
    finally:
        server.terminate()
        server.wait(20)


def test_env_does_not_guess_the_port_of_a_lab_that_never_ran(tmp_path: Path, ecrlab: Ecrlab) -> None:
    answer = ecrlab("env", "--home", str(tmp_path / "new"))
    assert (answer.returncode, answer.stdout) == (1, "false\n")
    assert "was never started" in answer.stderr
    assert str(DEFAULT_PORT) not in answer.stderr


@pytest.mark.parametrize("port", [HIGHEST, HIGHEST - 1])
def test_the_highest_ports_have_room_for_the_registries_too(home: Home, ecrlab: Ecrlab, port: int) -> None:
    if port_is_taken(port):
        pytest.skip(f"port {port} is another program's")
    answer = ecrlab("start", "--port", str(port))
    assert answer.returncode == 0, answer.stderr
    assert home.port == port
    assert home.hub_port
    assert 1024 <= home.hub_port <= HIGHEST
    assert LabClient(home).registry("999988887777", "eu-west-1")["port"] <= HIGHEST


def test_near_ports_are_ports() -> None:
    assert list(near(4510, 3)) == [4511, 4512, 4513]
    assert list(near(65534, 3)) == [65535, 65533, 65532]
    assert list(near(65535, 2)) == [65534, 65533]


def test_of_many_that_hold_a_port_one_gets_it() -> None:
    port = any_port()
    together = threading.Barrier(8)

    def take(_: int) -> socket.socket | None:
        together.wait()
        try:
            return listener("127.0.0.1", port)
        except Exception:
            return None

    with ThreadPoolExecutor(8) as room:
        held = [each for each in room.map(take, range(8)) if each is not None]
    for each in held:
        each.close()
    assert len(held) == 1


def leave_a_connection_that_just_ended(port: int) -> None:
    """As a program does that is stopped while a browser has its page open: for a minute the system remembers it."""
    with socket.create_server(("127.0.0.1", port)) as server, socket.create_connection(("127.0.0.1", port)) as client:
        ours, _ = server.accept()
        ours.close()
        client.recv(1)


def test_a_second_start_within_a_minute_takes_the_same_ports(home: Home) -> None:
    start = pytest.importorskip("ecrlab_course.start")
    port = any_port()
    leave_a_connection_that_just_ended(port)
    assert start.free_port(port) == port
    first = launch.start(home).port
    launch.stop(home)
    leave_a_connection_that_just_ended(first)
    assert launch.start(home).port == first


def test_courses_that_begin_at_the_same_moment_hold_ports_of_their_own() -> None:
    start = pytest.importorskip("ecrlab_course.start")
    with start._hold(None) as one, start._hold(None) as two:
        assert one.getsockname() != two.getsockname()
        with pytest.raises(start.StartError, match=r"Port \d+ is used by another program"):
            start._hold(one.getsockname()[1])


def test_a_port_that_is_none_is_a_sentence(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "ecrlab.server", "--home", str(tmp_path), "--port", "70000"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert answer.returncode == 2
    assert "'70000' is not a port: a number from 0 to 65535" in answer.stderr


@pytest.mark.parametrize("value", ["abc", "", " ", "-1", "65536", "80 90", "8e3", "0x50", "\u0664\u0665", "1.5"])
def test_a_port_that_is_none_is_named_in_words(ecrlab: Ecrlab, tmp_path: Path, value: str) -> None:
    for command in ("start", "serve"):
        refused = ecrlab(command, f"--port={value}", "--home", str(tmp_path / "home"))
        assert refused.returncode == 2
        assert refused.stderr.splitlines()[-1].endswith(
            f"{value.strip()!r} is not a port. A port is a whole number from 1 to 65535, or 0 for any that is free."
        )


def test_a_port_that_only_root_may_open_is_not_called_another_program_s(tmp_path: Path) -> None:
    """In a child without that right of root, as for an ordinary user."""
    first = Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
    if shutil.which("setpriv") is None or os.geteuid() != 0 or int(first.read_text()) < 1024:
        pytest.skip("needs root, setpriv and a system that keeps low ports for root")
    commands = (["ecrlab", "start"], ["ecrlab", "serve"], ["ecrlab_course", "start", "--work", str(tmp_path / "work")])
    for command in commands:
        program = [str(Path(sys.prefix) / "bin" / command[0]), *command[1:], "--port", "81"]
        refused = subprocess.run(
            ["setpriv", "--bounding-set=-net_bind_service", *program], capture_output=True, text=True, timeout=60,
            env={**os.environ, "ECRLAB_HOME": str(tmp_path / "home"), "ECRLAB_ENGINE": "none"}, check=False,
        )  # fmt: skip
        assert refused.returncode == 1
        assert refused.stderr.startswith("Only root may open port 81, as those below 1024. Choose another")
        assert "another program" not in refused.stderr
        assert "--port 0" not in refused.stderr
