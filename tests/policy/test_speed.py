"""The bench's typical principal, measured for a moment: at least 5,000 decisions a second."""

import runpy
from pathlib import Path

BENCH = Path(__file__).parents[2] / "bench" / "policy.py"


def test_decisions_a_second() -> None:
    bench = runpy.run_path(str(BENCH))
    # The best of three, for a machine that is busy with something else.
    assert max(bench["measure"](0.2)[0] for _ in range(3)) > 5000
