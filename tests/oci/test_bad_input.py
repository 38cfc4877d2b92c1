"""Bad input: a short run of `bench/registry_fuzz.py`, and what is not HTTP."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FUZZ = Path(__file__).parents[2] / "bench" / "registry_fuzz.py"


def test_no_5xx_no_traceback_no_file_outside() -> None:
    command = [sys.executable, str(FUZZ), "--requests", "1500"]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    assert "1500 requests" in run.stdout


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v2/ HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"PATCH /v2/a/blobs/uploads/x HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /v2/\xff\xfe HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_answered_and_not_logged(
    client: Any, data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.raw(data, end=False)
    assert answer.split(b" ")[1] in (b"400", b"404", b"505")
    assert caplog.records == []
    assert (await client("GET", "/v2/")).status == 200


@pytest.mark.parametrize("value", ["100-Continue", "other", "\udcff"])
async def test_expectations(client: Any, value: str) -> None:
    lines = f"GET /v2/ HTTP/1.1\r\nHost: x\r\nExpect: {value}\r\nConnection: close\r\n\r\n"
    answer = await client.raw(lines.encode("utf-8", "surrogateescape"), end=False)
    statuses = [line.split(b" ")[1] for line in answer.split(b"\r\n") if line.startswith(b"HTTP/1.1 ")]
    assert statuses == ([b"100", b"200"] if value == "100-Continue" else [b"417"])
