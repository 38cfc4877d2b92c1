"""trivy and grype, each replaced by a script that looks at what it was given and prints a report of the real form."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecrlab.scan import Unreadable, external

TRIVY = {
    "Results": [
        {
            "Target": "app (debian 12.1)",
            "Class": "os-pkgs",
            "Type": "debian",
            "Vulnerabilities": [
                {
                    "VulnerabilityID": "CVE-2023-4911",
                    "PkgName": "libc6",
                    "InstalledVersion": "2.36-9",
                    "FixedVersion": "2.36-9+deb12u3",
                    "Severity": "HIGH",
                    "Title": "a title",
                    "PrimaryURL": "https://avd.aquasec.com/nvd/cve-2023-4911",
                    "PublishedDate": "2023-10-03T18:15:00Z",
                    "CVSS": {"nvd": {"V3Vector": "CVSS:3.1/AV:L", "V3Score": 7.8}},
                }
            ],
        },
        {"Target": "empty", "Class": "lang-pkgs", "Type": "gobinary"},
        {
            "Target": "Python",
            "Class": "lang-pkgs",
            "Type": "python-pkg",
            "Vulnerabilities": [
                {"VulnerabilityID": "CVE-1", "PkgName": "a", "InstalledVersion": "1", "Severity": "UNKNOWN"}
            ],
        },
    ]
}
GRYPE = {
    "matches": [
        {
            "vulnerability": {
                "id": "CVE-2023-4911",
                "severity": "Negligible",
                "dataSource": "https://security-tracker.debian.org/tracker/CVE-2023-4911",
                "fix": {"versions": ["2.36-9+deb12u3"], "state": "fixed"},
                "cvss": [{"version": "3.1", "vector": "CVSS:3.1/AV:L", "metrics": {"baseScore": 7.8}}],
            },
            "artifact": {"name": "libc6", "version": "2.36-9", "type": "deb", "locations": [{"path": "/var/lib"}]},
        }
    ]
}


def command(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, body: str) -> None:
    script = folder / "bin" / name
    script.parent.mkdir()
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o755)
    monkeypatch.setenv("PATH", f"{script.parent}:/usr/bin:/bin")
    monkeypatch.setenv("ECRLAB_SCANNER", name)


def scan(folder: Path, name: str) -> list[Any]:
    (folder / "blob").write_bytes(b"layer")
    return external.scan(name, b"{}", "application/x", "sha256:aa", {"sha256:bb": folder / "blob"})


def test_it_is_off_unless_asked_for_and_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    command(tmp_path, monkeypatch, "trivy", "exit 0")
    assert external.tool() == "trivy"
    for other in ("grype", "sh", ""):
        monkeypatch.setenv("ECRLAB_SCANNER", other)
        assert external.tool() is None
    monkeypatch.delenv("ECRLAB_SCANNER")
    assert external.tool() is None


def test_trivy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "report").write_text(json.dumps(TRIVY))
    looks = (
        'grep -q layer "$3/blobs/sha256/bb" && grep -q sha256:aa "$3/index.json" && test -e "$3/oci-layout" || exit 9'
    )
    command(tmp_path, monkeypatch, "trivy", f"{looks}\ncat {tmp_path}/report")
    first, second = scan(tmp_path, "trivy")
    assert (first.advisory.id, first.advisory.kind, first.name, first.fixed) == (
        "CVE-2023-4911",
        "debian",
        "libc6",
        "2.36-9+deb12u3",
    )
    assert (first.advisory.cvss_score, first.advisory.cvss_from, first.advisory.published) == (7.8, "nvd", "2023-10-03")
    assert (second.advisory.kind, second.advisory.severity, second.fixed) == ("python", "UNDEFINED", "")


def test_grype(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "report").write_text(json.dumps(GRYPE))
    command(
        tmp_path, monkeypatch, "grype", f'test -e "${{1#oci-dir:}}/blobs/sha256/bb" || exit 9; cat {tmp_path}/report'
    )
    [one] = scan(tmp_path, "grype")
    assert (one.advisory.severity, one.advisory.cvss_score, one.packages[0].path) == ("INFORMATIONAL", 7.8, "/var/lib")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("echo one >&2; echo no database >&2; exit 1", "trivy failed: no database"),
        ("exit 3", "trivy failed: exit code 3"),
        ("echo no JSON", "gave no result that can be read"),
        ("echo '{\"Results\": [{}]}'", "gave no result that can be read"),
    ],
)
def test_what_goes_wrong_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, text: str) -> None:
    command(tmp_path, monkeypatch, "trivy", body)
    with pytest.raises(Unreadable, match=text):
        scan(tmp_path, "trivy")
