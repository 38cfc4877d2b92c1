"""The host view: a command in the engine's machine."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ecrlab.engine import base_image, host, start_private
from ecrlab.engine.docker_cli import DockerCli
from ecrlab.home import Home


def ecrlab(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.prefix, "bin", "ecrlab")), "host", "--home", str(home.path), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.usefixtures("needs_dockerd")
def test_a_container_seen_from_outside(home: Home) -> None:
    engine = start_private(home)
    engine.save(home)
    base_image.ensure(engine, home)
    docker = DockerCli(engine, home)
    made = docker.run("run", "-d", "--network=none", base_image.NAME, "sleep", "100")
    container = made.stdout.decode().strip()
    number = docker.run("inspect", "-f", "{{.State.Pid}}", container).stdout.decode().strip()
    seen = ecrlab(home, "ps", "-o", "pid,args")
    assert [line.split() for line in seen.stdout.splitlines() if line.split()[0] == number] == [
        [number, "sleep", "100"]
    ]
    assert ecrlab(home, "readlink", "/proc/self/ns/pid").stdout.strip() == os.readlink("/proc/self/ns/pid")
    assert ecrlab(home, "sh", "-c", "exit 7").returncode == 7
    ecrlab(home, "kill", "-9", number)
    docker.run("wait", container)
    assert docker.run("inspect", "-f", "{{.State.ExitCode}}", container).stdout.decode().strip() == "137"


def test_without_an_engine(home: Home) -> None:
    seen = ecrlab(home, "ps")
    assert (seen.returncode, seen.stdout) == (1, "")
    assert seen.stderr == "This needs a container engine, and the lab has none: its stand-in starts nothing.\n"
    shown = ecrlab(home, "--show", "ps", "-o", "pid,args").stdout
    assert shown.startswith("docker run --rm --pid=host ")
    assert shown.endswith(" ecrlab/base:1 ps -o pid,args\n")


@pytest.mark.parametrize(
    ("system", "platform", "words"),
    [
        ("Docker Desktop", "linux", "inside Docker Desktop"),
        ("Ubuntu 24.04", "darwin", "Ubuntu 24.04"),
        ("Debian", "linux", ""),
    ],
)
def test_which_machine_it_is(
    system: str, platform: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Said(DockerCli):
        def __init__(self) -> None:
            pass

        def run(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[bytes]:
            return subprocess.CompletedProcess(arguments, 0, system.encode(), b"")

    monkeypatch.setattr(host.sys, "platform", platform)
    seen = host.inside(Said())
    assert words in seen
    assert bool(seen) == bool(words)
