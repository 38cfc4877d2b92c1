"""The distribution protocol at the hub, by the project's own checks, as a user with Bearer tokens."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

CHECKS = Path(__file__).parents[3] / "shared" / "checks" / "oci_conformance.py"

# The checks know Basic logins only: each request is sent with a token for the scope that its challenge names.
PROGRAM = """
import os, re, runpy, sys
import requests
LOGIN, tokens = (os.environ["HUB_USER"], os.environ["HUB_SECRET"]), {}
plain = requests.Session.request

def request(self, method, url, **options):
    key = (method in ("GET", "HEAD"), method == "DELETE", url.split("/blobs/")[0].split("/manifests/")[0])
    headers = dict(options.pop("headers", None) or {})
    for attempt in range(2):
        if key in tokens:
            headers["Authorization"] = "Bearer " + tokens[key]
        answer = plain(self, method, url, headers=headers, **options)
        challenge = dict(re.findall(r'(\\w+)="([^"]*)"', answer.headers.get("WWW-Authenticate", "")))
        if answer.status_code != 401 or attempt:
            return answer
        query = {"service": challenge["service"], "scope": challenge.get("scope", "")}
        if "from=" in url:
            query["scope"] += " repository:" + re.search(r"from=([^&]+)", url)[1] + ":pull"
            key = (*key, url)
        tokens[key] = plain(self, "GET", challenge["realm"], params=query, auth=LOGIN).json()["token"]
    return answer

requests.Session.request = request
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.skipif(not CHECKS.exists(), reason="the checks lie beside the project's checkout, not in it")
def test_no_must_and_no_should_fails(hub: Any, lab: Any) -> None:
    lab.control.hub_limits(anonymous=None, account=None)
    password = hub.user("pyconf")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(CHECKS), hub.base],
        env={**os.environ, "HUB_USER": "pyconf", "HUB_SECRET": password, "NO_PROXY": "localhost"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    counts = {
        line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if line.startswith(("MUST", "SHOULD"))
    }
    # passed, failed, skipped: the hub deletes no single blob.
    print(counts)
    assert counts["MUST"][1] == counts["SHOULD"][1] == "0", done.stdout + done.stderr
    assert int(counts["MUST"][0]) > 50
