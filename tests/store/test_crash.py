"""kill -9 at random moments: a short run of what `bench/soak_crash.py` does a thousand times."""

import subprocess
import sys
from pathlib import Path

SOAK = Path(__file__).parents[2] / "bench" / "soak_crash.py"


def test_nothing_acknowledged_is_lost() -> None:
    command = [sys.executable, str(SOAK), "--kills", "25", "--longest", "0.2"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "25 kills" in run.stdout
