"""A finding that disappears after the package is updated; and one that stops nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

HERE = "$REGISTRY/my-web-app"
IMAGE = "--repository-name my-web-app --image-id imageTag={}"
SYSTEM = 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
STATUS = "Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc\nVersion: {}\n"
DOCKERFILE = "FROM scratch\nCOPY os-release /etc/os-release\nCOPY status /var/lib/dpkg/status\n"


@pytest.fixture
def build(sh: Any, lab: Any, tmp_path: Path) -> Any:
    """Make the repository, log in, and return a function that builds and pushes an image with a version of glibc."""
    lab.repository("my-web-app")
    sh.login()
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    (tmp_path / "os-release").write_text(SYSTEM)

    def make(tag: str, version: str) -> None:
        (tmp_path / "status").write_text(STATUS.format(version))
        # Without attestations, which would make it an index: those cannot be scanned.
        sh.good(f"BUILDX_NO_DEFAULT_ATTESTATIONS=1 docker build -q -t {HERE}:{tag} {tmp_path}")
        sh.good(f"docker push -q {HERE}:{tag}")

    return make


def findings(sh: Any, tag: str) -> list[str]:
    image = IMAGE.format(tag)
    sh.good(f"aws ecr wait image-scan-complete {image}")
    answer = json.loads(sh.good(f"aws ecr describe-image-scan-findings {image} --output json"))
    return [finding["name"] for finding in answer["imageScanFindings"]["findings"]]


def test_a_finding_goes_with_the_update(sh: Any, build: Any) -> None:
    build("1.0", "2.36-9+deb12u5")
    sh.good(f"aws ecr start-image-scan {IMAGE.format('1.0')}")
    assert findings(sh, "1.0") == ["CVE-2024-2961"]
    # Neither a scan repeated nor another tag for the same image fixes it.
    code, text = sh(f"aws ecr start-image-scan {IMAGE.format('1.0')}")
    assert code != 0
    assert "LimitExceededException" in text
    sh.good(f"docker tag {HERE}:1.0 {HERE}:1.0.1 && docker push -q {HERE}:1.0.1")
    assert findings(sh, "1.0.1") == ["CVE-2024-2961"]
    build("1.1", "2.36-9+deb12u6")
    sh.good(f"aws ecr start-image-scan {IMAGE.format('1.1')}")
    assert findings(sh, "1.1") == []
    # A scan finds, it does not block (E104).
    sh.good(f"docker rmi {HERE}:1.0 {HERE}:1.0.1 && docker pull {HERE}:1.0")


def test_scan_on_push(sh: Any, build: Any) -> None:
    rules = [
        {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "my-*", "filterType": "WILDCARD"}]},
    ]
    sh.good(f"aws ecr put-registry-scanning-configuration --scan-type BASIC --rules '{json.dumps(rules)}'")
    build("1.0", "2.36-9+deb12u2")
    assert findings(sh, "1.0") == ["CVE-2023-4911", "CVE-2024-2961"]
