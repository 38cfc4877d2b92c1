"""Two worlds to compare: the stand-in, and a real docker with a daemon of its own; each with a registry of its own."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from ecrlab.standin import install

sys.path.insert(0, str(Path(__file__).parent))  # importlib mode: the helpers beside this file
from front import Fault, Front, open_front

LOGIN = ("AWS", "secret")
STANDIN_PORT, REAL_PORT = 5520, 5530


@dataclass(frozen=True)
class Result:
    """What one command did: exit code, lines of output and of errors, and the requests that reached the registry."""

    code: int
    out: list[str]
    err: list[str]
    requests: list[tuple[str, str, int]]


@dataclass
class World:
    """A docker command with a registry behind it. `$R` in a command is the address of the registry's repositories."""

    kind: str
    front: Front
    environment: dict[str, str]
    folder: Path

    def run(self, command: str, faults: tuple[Fault, ...] = (), stdin: str = "") -> Result:
        self.front.seen.clear()
        self.front.faults[:] = faults
        done = subprocess.run(
            ["bash", "-c", command],
            env=self.environment,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.front.faults.clear()
        requests = self.front.take()
        return Result(done.returncode, self._plain(done.stdout), self._plain(done.stderr), requests)

    def _plain(self, text: str) -> list[str]:
        """Return lines with what must differ replaced: ports, folders, digests, ids."""
        text = text.replace(f"localhost:{self.front.port}", "localhost:PORT").replace(str(self.folder), "FOLDER")
        text = text.replace(self.environment["DOCKER_CONFIG"], "CONFIG")
        text = re.sub(r"[0-9a-f]{64}", "<hex>", text)
        text = re.sub(r"size: \d+$", "size: N", text, flags=re.MULTILINE)  # it holds the packed size of the layer
        return [re.sub(r"\b(?!123456789012)[0-9a-f]{12}\b", "<id>", line) for line in text.splitlines()]

    @property
    def logged_in(self) -> bool:
        """Whether docker's config has a login for this registry."""
        config = Path(self.environment["DOCKER_CONFIG"]) / "config.json"
        return config.exists() and f"localhost:{self.front.port}" in config.read_text()

    def login(self) -> None:
        done = self.run(f"echo {LOGIN[1]} | docker login -u {LOGIN[0]} --password-stdin $R")
        assert done.code == 0, done

    def logout(self) -> None:
        self.run("docker logout $R")


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert process.poll() is None, "the registry ended at once"
        time.sleep(0.05)
    raise AssertionError(f"nothing listens on {port}")


@contextmanager
def running(command: list[str], **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program in a session of its own until the block ends."""
    process: subprocess.Popen[bytes] = subprocess.Popen(command, start_new_session=True, **options)  # type: ignore[call-overload]
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def registry(root: Path, port: int) -> Iterator[int]:
    """Serve a registry without a login: the lab's own; Debian's docker-registry where ECRLAB_TEST_REGISTRY names it."""
    other = os.environ.get("ECRLAB_TEST_REGISTRY")
    if other:
        config = root / "config.yml"
        root.mkdir(parents=True)
        config.write_text(
            "version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\n"
            f"storage: {{filesystem: {{rootdirectory: {root}/data}}}}\nhttp: {{addr: 127.0.0.1:{port}}}\n"
        )
        command = [other, "serve", str(config)]
    else:
        if importlib.util.find_spec("ecrlab.oci.__main__") is None:
            pytest.skip("no registry: ecrlab.oci cannot be started and ECRLAB_TEST_REGISTRY names none")
        command = [sys.executable, "-m", "ecrlab.oci", "--root", str(root), "--port", str(port)]
    with open(f"{root}.log", "wb") as log, running(command, stdout=log, stderr=log) as process:
        _wait(port, process)
        yield port


@contextmanager
def _world(kind: str, folder: Path, port: int, extra: dict[str, str]) -> Iterator[World]:
    (folder / "files").mkdir(parents=True)
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "DOCKER_CONFIG": str(folder / "config"),
        "R": f"localhost:{port}/123456789012.dkr.ecr.us-east-1.amazonaws.com",
        **extra,
    }
    with registry(folder / "registry", port + 1), open_front(port, port + 1, LOGIN) as front:
        yield World(kind, front, environment, folder / "files")


@pytest.fixture(scope="session")
def standin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The stand-in before a registry."""
    folder = tmp_path_factory.mktemp("standin")
    command = install(folder / "bin")
    extra = {"PATH": f"{command.parent}:{os.environ['PATH']}", "ECRLAB_HOME": str(folder / "home")}
    with _world("standin", folder / "world", STANDIN_PORT, extra) as world:
        yield world


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A real docker with a private daemon that touches neither iptables nor another daemon's containerd."""
    if os.geteuid() != 0 or not shutil.which("dockerd") or not shutil.which("docker"):
        pytest.skip("a real docker to compare with needs root, dockerd and docker")
    folder = tmp_path_factory.mktemp("real")
    sockets = Path(tempfile.mkdtemp(prefix="esg", dir="/run"))  # paths of unix sockets must be short
    (folder / "daemon.json").write_text("{}")
    network = ["--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false", "--bridge", "none"]
    command = [
        "dockerd",
        *("--config-file", str(folder / "daemon.json"), "--data-root", str(folder / "data")),
        *("--exec-root", str(sockets / "e"), "--pidfile", str(sockets / "p"), "--host", f"unix://{sockets}/s"),
        *("--containerd-namespace", "esg", "--containerd-plugins-namespace", "esgp", "--cgroup-parent", "/esg"),
        *network,
    ]
    try:
        with open(folder / "dockerd.log", "wb") as log, running(command, stdout=log, stderr=log):
            extra = {"DOCKER_HOST": f"unix://{sockets}/s"}
            for _ in range(100):
                if (
                    subprocess.run(
                        ["docker", "info"], env={**os.environ, **extra}, capture_output=True, check=False
                    ).returncode
                    == 0
                ):
                    break
                time.sleep(0.1)
            else:
                pytest.fail(f"dockerd did not start: {(folder / 'dockerd.log').read_text()[-2000:]}")
            with _world("real", folder / "world", REAL_PORT, extra) as world:
                yield world
    finally:
        for mount in sorted((sockets / "e" / "netns").glob("*")):
            subprocess.run(["umount", str(mount)], check=False, capture_output=True)
        subprocess.run(["umount", str(folder / "data")], check=False, capture_output=True)
        shutil.rmtree(sockets, ignore_errors=True)
