"""Kill whatever can be killed, many times over: each next start must work and the last stop leave nothing."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from pathlib import Path

import pytest

from ecrlab.engine import private, start_private, stop_private
from ecrlab.home import Home

ROUNDS = 40


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("needs_dockerd")
def test_forty_random_kills(home: Home, tmp_path: Path) -> None:
    chance = random.Random(int(os.environ.get("ECRLAB_SEED", "1")))
    mounts = Path("/proc/mounts").read_text().count("\n")
    for number in range(ROUNDS):
        engine = start_private(home)
        environ = {"PATH": os.environ["PATH"], "DOCKER_HOST": str(engine.host), "HOME": str(tmp_path)}
        if number == 0:
            (tmp_path / "Dockerfile").write_text('FROM scratch\nCOPY busybox /busybox\nENTRYPOINT ["/busybox"]\n')
            (tmp_path / "busybox").write_bytes(Path("/bin/busybox").read_bytes())
            (tmp_path / "busybox").chmod(0o755)
            subprocess.run(["docker", "build", "-q", "-t", "tiny", str(tmp_path)], env=environ, check=True)
        subprocess.run(["docker", "run", "-d", "tiny", "sleep", "1000"], env=environ, check=True, capture_output=True)
        victims = sorted(private._own_processes(home))
        for pid in chance.sample(victims, chance.randint(1, len(victims))):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue  # it ended with one that was killed before it
    start_private(home)
    stop_private(home)
    assert not private._own_processes(home)
    assert not home.sockets.exists()
    assert Path("/proc/mounts").read_text().count("\n") == mounts
