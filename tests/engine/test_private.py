"""The lab's own engine: it works, disturbs nobody, stops without a trace and gets over kill -9."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecrlab.engine import Engine, EngineError, private, start_private, stop_private
from ecrlab.home import Home
from ecrlab.processes import Process

pytestmark = pytest.mark.usefixtures("needs_dockerd")


def docker(engine: Engine, *arguments: str, folder: Path | None = None) -> str:
    environ = {"PATH": os.environ["PATH"], "DOCKER_HOST": str(engine.host), "HOME": "/nonexistent"}
    answer = subprocess.run(
        ["docker", *arguments], env=environ, cwd=folder, capture_output=True, text=True, check=False, timeout=60
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip()


def build(engine: Engine, folder: Path) -> None:
    """Build the image ``tiny``: a static busybox and nothing else."""
    busybox = shutil.which("busybox")
    if busybox is None:
        pytest.skip("no static busybox")
    shutil.copy(busybox, folder / "busybox")
    (folder / "Dockerfile").write_text('FROM scratch\nCOPY busybox /bin/busybox\nENTRYPOINT ["/bin/busybox"]\n')
    docker(engine, "build", "-q", "-t", "tiny", ".", folder=folder)


def traces(home: Home) -> list[str]:
    """Everything on this machine that belongs to the home's engine, apart from its data folder."""
    seen = [f"process {pid}" for pid in private._own_processes(home)]
    seen += [f"mount {line}" for line in Path("/proc/mounts").read_text().splitlines() if home.key in line]
    seen += [f"mount {line}" for line in Path("/proc/mounts").read_text().splitlines() if str(home.path) in line]
    seen += [f"interface {name}" for name in os.listdir("/sys/class/net") if home.key in name]
    seen += [f"cgroup {path}" for path in Path("/sys/fs/cgroup").glob(f"**/ecrlab-{home.key}")]
    seen += [
        str(path) for path in (home.sockets, home.run / "dockerd.json", home.run / "containerd.json") if path.exists()
    ]
    return seen


def firewall() -> str:
    with contextlib.suppress(OSError):
        rules = subprocess.run(["iptables-save"], capture_output=True, text=True, check=False).stdout
        # Counters and time stamps change by themselves.
        return "\n".join(line.split("[")[0] for line in rules.splitlines() if not line.startswith("#"))
    return ""


def test_it_builds_runs_and_publishes_and_leaves_no_trace(home: Home, tmp_path: Path) -> None:
    engine = start_private(home)
    assert engine.kind == "private"
    assert engine.version
    build(engine, tmp_path)
    (tmp_path / "index.html").write_text("hello\n")
    docker(
        engine, "run", "-d", "-p", "127.0.0.1:5411:80", "-v", f"{tmp_path}:/www:ro", "tiny", "httpd", "-f", "-h", "/www"
    )
    page = subprocess.run(
        ["curl", "-sf", "--noproxy", "*", "--retry", "20", "--retry-connrefused", "http://127.0.0.1:5411/"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert page.stdout == "hello\n"
    assert start_private(home) == engine, "a second start must find the first one's engine"
    assert stop_private(home)
    assert traces(home) == []
    assert not stop_private(home)


def test_firewall_rules_of_others_stay(home: Home, tmp_path: Path) -> None:
    if shutil.which("iptables") is None:
        pytest.skip("no iptables")
    chain = f"OTHER-{home.key}"
    rule = ["PREROUTING", "-p", "tcp", "--dport", "5412", "-j", "DNAT", "--to-destination", "172.31.0.2:80"]
    if subprocess.run(["iptables", "-t", "nat", "-N", chain], capture_output=True, check=False).returncode != 0:
        pytest.skip("no nat table on this machine")
    try:
        subprocess.run(["iptables", "-t", "nat", "-A", *rule], check=True)
        before = firewall()
        assert "172.31.0.2:80" in before
        engine = start_private(home)
        build(engine, tmp_path)
        docker(engine, "run", "-d", "-p", "127.0.0.1:5413:80", "tiny", "sleep", "100")
        assert firewall() == before
        stop_private(home)
        assert firewall() == before
    finally:
        subprocess.run(["iptables", "-t", "nat", "-D", *rule], check=True)
        subprocess.run(["iptables", "-t", "nat", "-X", chain], check=True)


def test_after_kill_9_of_both_daemons_a_start_cleans_up_and_keeps_the_images(home: Home, tmp_path: Path) -> None:
    engine = start_private(home)
    build(engine, tmp_path)
    name = docker(engine, "run", "-d", "tiny", "sh", "-c", "trap '' TERM; while true; do sleep 1; done")
    inside = int(docker(engine, "inspect", "-f", "{{.State.Pid}}", name))
    container = Process.of(inside)
    assert container is not None
    for daemon in ("dockerd.json", "containerd.json"):
        process = Process.remembered(home.run / daemon)
        assert process is not None
        process.kill()
    assert container.alive(), "the container outlives its daemons: that is what must be cleaned up"
    said: list[str] = []
    started = time.monotonic()
    again = start_private(home, said.append)
    assert time.monotonic() - started < 10
    assert any("left behind" in line for line in said)
    assert not container.alive()
    assert docker(again, "ps", "-q") == ""
    assert docker(again, "run", "--rm", "tiny", "echo", "alive") == "alive"
    assert stop_private(home)
    assert traces(home) == []


@pytest.mark.parametrize("daemon", ["dockerd.json", "containerd.json"])
def test_after_kill_9_of_one_daemon_the_next_start_fixes_it(home: Home, tmp_path: Path, daemon: str) -> None:
    build(start_private(home), tmp_path)
    process = Process.remembered(home.run / daemon)
    assert process is not None
    process.kill()
    again = start_private(home)
    assert docker(again, "run", "--rm", "tiny", "echo", "alive") == "alive"


def test_the_engine_outlives_kill_9_of_the_program_that_started_it(home: Home) -> None:
    program = (
        "import sys, time\nfrom pathlib import Path\nfrom ecrlab.home import Home\n"
        "from ecrlab.engine import start_private\n"
        "print(start_private(Home(Path(sys.argv[1]))).pid, flush=True)\ntime.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program, str(home.path)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        pid = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    assert start_private(home).pid == pid
    stop_private(home)
    assert traces(home) == []


def test_kill_9_while_it_starts(home: Home) -> None:
    program = (
        "import sys\nfrom pathlib import Path\nfrom ecrlab.engine import start_private\nfrom ecrlab.home import Home\n"
        "start_private(Home(Path(sys.argv[1])))\n"
    )
    for delay in (0.25, 0.32, 0.4):
        parent = subprocess.Popen([sys.executable, "-c", program, str(home.path)])
        time.sleep(delay)
        parent.kill()
        parent.wait()
    assert start_private(home).version
    stop_private(home)
    assert traces(home) == []


def test_a_lost_run_folder_does_not_hide_what_runs(home: Home) -> None:
    first = start_private(home)
    shutil.rmtree(home.run)
    second = start_private(home)
    assert second.pid != first.pid
    assert first.pid is not None
    assert Process.of(first.pid) is None
    stop_private(home)
    assert traces(home) == []


@pytest.fixture
def awkward() -> Iterator[Home]:
    """A home whose path is too long for a socket, with blanks and an umlaut in it."""
    folder = Path(tempfile.mkdtemp(prefix="ecrlab-engine-"))
    home = Home(folder / ("a path with blanks and ü " * 6) / ".ecrlab")
    yield home
    stop_private(home)
    shutil.rmtree(folder)


def test_two_homes_at_once_one_with_an_awkward_path(home: Home, awkward: Home, tmp_path: Path) -> None:
    one, other = start_private(home), start_private(awkward)
    build(other, tmp_path)
    assert docker(other, "run", "--rm", "tiny", "echo", "hello") == "hello"
    assert docker(one, "images", "-q") == ""
    stop_private(awkward)
    assert traces(awkward) == []
    assert one.contact().version == one.version, "stopping one home's engine must not touch another's"


def test_a_start_that_fails_says_why_and_leaves_nothing(home: Home) -> None:
    (home.path / "engine").mkdir()
    (home.path / "engine" / "docker").write_text("a file where a folder must be")
    with pytest.raises(EngineError, match=r"dockerd ended at once[\s\S]*dockerd\.log[\s\S]*points to a file"):
        start_private(home)
    assert traces(home) == []


def test_a_path_that_dockerd_refuses_is_told_before_anything_starts(tmp_path: Path) -> None:
    home = Home(tmp_path / "one, two")
    with pytest.raises(EngineError, match="a comma or a colon"):
        start_private(home)
    assert traces(home) == []


def test_docker_io_is_installed_only_after_saying_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/ran\ntest "$1" != "$FAIL" || {{ echo "E: no room"; exit 100; }}\n'
    )
    apt.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    def say(line: str) -> None:
        assert not (tmp_path / "ran").exists(), "it must be said before it is done"
        assert "docker.io" in line

    private.install(say)
    assert (tmp_path / "ran").read_text().splitlines()[1].endswith("docker.io iproute2")
    monkeypatch.setenv("FAIL", "install")
    with pytest.raises(EngineError, match="E: no room"):
        private.install(lambda line: None)
