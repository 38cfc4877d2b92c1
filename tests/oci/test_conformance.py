"""The project's checks written from the text of the specification, where they are at hand."""

import asyncio
import sys
from pathlib import Path
from typing import Any

import pytest

CHECKS = Path(__file__).parents[3] / "shared" / "checks" / "oci_conformance.py"


@pytest.mark.skipif(not CHECKS.exists(), reason="the checks lie beside the project's checkout, not in it")
async def test_no_must_and_no_should_fails(client: Any) -> None:
    run = await asyncio.create_subprocess_exec(
        sys.executable, str(CHECKS), f"http://127.0.0.1:{client.port}", stdout=asyncio.subprocess.PIPE
    )
    output = (await run.communicate())[0].decode()
    counts = {line.split()[0]: line.split()[1:] for line in output.splitlines() if line.startswith(("MUST", "SHOULD"))}
    assert counts["MUST"][1:] == ["0", "0"], output
    assert counts["SHOULD"][1:] == ["0", "0"], output
