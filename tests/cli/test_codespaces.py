"""The course in a GitHub codespace: the browser sees it at a forwarded address, which may do what localhost may."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from ecrlab.home import Home

pytest.importorskip("jupyterlab")

JUPYTER = 5498
CODESPACE = {
    "CODESPACES": "true",
    "CODESPACE_NAME": "octocat-literate-space-parakeet",
    "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN": "app.github.dev",
}
FORWARDED = f"octocat-literate-space-parakeet-{JUPYTER}.app.github.dev"


@pytest.fixture
def address(home: Home, tmp_path: Path) -> Iterator[str]:
    """The address that `ecrlab_course start` prints in a codespace."""
    command = [Path(sys.prefix) / "bin" / "ecrlab_course", "start", "--port", str(JUPYTER), "--work", tmp_path / "work"]
    environ = {**os.environ, **CODESPACE, "ECRLAB_HOME": str(home.path), "ECRLAB_NO_BROWSER": "1"}
    said = tmp_path / "said"
    with said.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environ)
    try:
        until = time.monotonic() + 90
        while "Ctrl-C here stops it all" not in said.read_text():
            assert process.poll() is None, said.read_text()
            assert time.monotonic() < until, said.read_text()
            time.sleep(0.1)
        yield re.search(r"https?://\S+token=\w+", said.read_text()).group()  # type: ignore[union-attr]
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)


def status(token: str, origin: str, host: str = f"localhost:{JUPYTER}") -> int:
    """What JupyterLab answers a page of that origin, logged in by that host name: the start of a websocket."""
    browser, server = requests.Session(), f"http://127.0.0.1:{JUPYTER}"
    browser.get(f"{server}/lab?token={token}", headers={"Host": host}, timeout=10)
    headers = {"Origin": origin, "Host": host, "Connection": "Upgrade", "Upgrade": "websocket"}
    headers |= {"Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "x3JJHMbDL1EzLkh9GBhXDw=="}
    return browser.get(f"{server}/api/events/subscribe", headers=headers, timeout=10, stream=True).status_code


@pytest.mark.timeout(150)
def test_the_forwarded_address_and_no_other(address: str) -> None:
    begin, token = address.split("?token=")
    assert begin == f"https://{FORWARDED}/lab/tree/00-start-here.ipynb"
    assert status(token, f"https://{FORWARDED}") == 101
    assert status(token, f"https://{FORWARDED}", FORWARDED) == 101
    assert status(token, f"http://localhost:{JUPYTER}") == 101
    others = [
        "https://evil.example",
        f"http://{FORWARDED}",
        f"https://{FORWARDED}.evil.example",
        f"https://{FORWARDED.replace(str(JUPYTER), '4510')}",
        "https://another-space-5498.app.github.dev",
        "https://app.github.dev",
        "null",
    ]
    assert {origin: status(token, origin) for origin in others} == dict.fromkeys(others, 403)
    assert status(token, f"https://{FORWARDED}", "evil.example") == 403


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        (CODESPACE, FORWARDED),
        ({}, None),
        ({**CODESPACE, "CODESPACES": "false"}, None),
        ({**CODESPACE, "CODESPACE_NAME": ""}, None),
        ({**CODESPACE, "GITHUB_CODESPACES_PORT_FORWARDING_DOMAIN": "app.github.dev/*"}, None),
    ],
)
def test_where_a_port_is_forwarded_to(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], expected: str | None
) -> None:
    from ecrlab_course.start import _forwarded

    for name in CODESPACE:
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert _forwarded(JUPYTER) == expected
