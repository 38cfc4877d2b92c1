"""Kill whatever can be killed, many times over: each next start must work and the last stop leave nothing."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest

from ecrlab.engine import private, start_private, stop_private
from ecrlab.home import Home
from ecrlab.processes import Process

ROUNDS = 40


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("needs_dockerd")
def test_forty_random_kills(home: Home, tmp_path: Path) -> None:
    chance = random.Random(int(os.environ.get("ECRLAB_SEED", "1")))
    for number in range(ROUNDS):
        engine = start_private(home)
        environ = {"PATH": os.environ["PATH"], "DOCKER_HOST": str(engine.host), "HOME": str(tmp_path)}
        if number == 0:
            (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY busybox /busybox\nENTRYPOINT ["/busybox"]\n')
            (tmp_path / "busybox").write_bytes(Path("/bin/busybox").read_bytes())
            (tmp_path / "busybox").chmod(0o755)
            subprocess.run(["docker", "build", "-q", "-t", "tiny", str(tmp_path)], env=environ, check=True)
        run = ["docker", "run", "-d", "tiny", "sleep", "1000"]
        answer = subprocess.run(run, env=environ, check=False, capture_output=True, text=True)
        assert answer.returncode == 0, f"round {number}: {answer.stderr}"
        running = [process for pid in sorted(private._own_processes(home)) if (process := Process.of(pid))]
        for process in chance.sample(running, chance.randint(1, len(running))):
            process.kill()
    start_private(home)
    stop_private(home)
    assert not private._own_processes(home)
    assert not home.sockets.exists()
    assert not private._own_mounts(home)
