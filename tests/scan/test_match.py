"""Findings, and the advisories that come with the lab."""

from __future__ import annotations

import math
import re
from datetime import date
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from ecrlab.scan import Advisory, Finding, bundled, findings, read
from ecrlab.scan.advisories import SEVERITIES
from ecrlab.scan.match import LANGUAGE_KINDS, SYSTEM_KINDS
from ecrlab.scan.versions import compare

from .layers import ALPINE, DEBIAN, File, dpkg, write

EVERY = SYSTEM_KINDS | LANGUAGE_KINDS


def found(folder: Path, *files: File, kinds: frozenset[str] = EVERY) -> list[Finding]:
    return findings(read(write(folder, files)), bundled().advisories, kinds)


def debian(version: str, release: bytes = DEBIAN) -> tuple[File, File]:
    status = dpkg(("libc6", version, "glibc"), ("libc-bin", version, "glibc"), ("bash", "5.2.15-2", ""))
    return ("etc/os-release", release), ("var/lib/dpkg/status", status)


def test_a_fault_goes_with_the_update(tmp_path: Path) -> None:
    old = found(tmp_path, *debian("2.36-9+deb12u2"))
    assert [(one.advisory.id, one.name, one.version, one.fixed) for one in old] == [
        ("CVE-2023-4911", "glibc", "2.36-9+deb12u2", "2.36-9+deb12u3"),
        ("CVE-2024-2961", "glibc", "2.36-9+deb12u2", "2.36-9+deb12u6"),
    ]
    assert [package.name for package in old[0].packages] == ["libc-bin", "libc6"]
    assert [one.advisory.id for one in found(tmp_path, *debian("2.36-9+deb12u3"))] == ["CVE-2024-2961"]
    assert found(tmp_path, *debian("2.36-9+deb12u6")) == []


def test_every_release_has_its_own_fixed_version(tmp_path: Path) -> None:
    eleven = DEBIAN.replace(b'"12"', b'"11"')
    assert [one.fixed for one in found(tmp_path, *debian("2.31-13+deb11u6", eleven))] == [
        "2.31-13+deb11u7",
        "2.31-13+deb11u9",
    ]
    # Debian 13, another distribution, none at all: there is no advisory, whatever the version.
    for other in (DEBIAN.replace(b'"12"', b'"13"'), DEBIAN.replace(b"debian", b"ubuntu"), b""):
        assert found(tmp_path, *debian("2.0", other)) == []


def test_alpine_is_told_by_its_branch_and_origin(tmp_path: Path) -> None:
    database = b"P:libcrypto3\nV:3.1.3-r0\nA:x86_64\no:openssl\n"
    system, packages = ("etc/os-release", ALPINE), "lib/apk/db/installed"
    [one] = found(tmp_path, system, (packages, database))
    assert (one.advisory.id, one.name, one.packages[0].name) == ("CVE-2023-5363", "openssl", "libcrypto3")
    assert found(tmp_path, system, (packages, database.replace(b"3.1.3-r0", b"3.1.4-r0"))) == []
    assert found(tmp_path, ("etc/os-release", ALPINE.replace(b"3.18", b"3.19")), (packages, database)) == []


@pytest.mark.parametrize(
    ("version", "hit"),
    [("2.2.0", False), ("2.3.0", True), ("2.30.0", True), ("2.31.0rc1", True), ("2.31.0", False), ("unknown", False)],
)
def test_a_range_has_a_beginning_and_an_end(tmp_path: Path, version: str, hit: bool) -> None:
    metadata = f"Name: Requests\nVersion: {version}\n".encode()
    assert bool(found(tmp_path, ("x/requests.dist-info/METADATA", metadata))) is hit


@pytest.mark.parametrize(
    ("version", "fixed"), [("0.2.3", "0.2.4"), ("0.2.4", None), ("1.2.5", "1.2.6"), ("1.2.6", None)]
)
def test_the_fixed_version_is_that_of_the_line_in_use(tmp_path: Path, version: str, fixed: str | None) -> None:
    module = f'{{"name": "minimist", "version": "{version}"}}'.encode()
    assert [one.fixed for one in found(tmp_path, ("node_modules/minimist/package.json", module))] == (
        [fixed] if fixed else []
    )


def test_only_the_kinds_that_are_asked_for(tmp_path: Path) -> None:
    files = (*debian("2.36-9"), ("x.dist-info/METADATA", b"Name: pyyaml\nVersion: 5.3\n"))
    assert {one.advisory.kind for one in found(tmp_path, *files)} == {"debian", "python"}
    assert {one.advisory.kind for one in found(tmp_path, *files, kinds=SYSTEM_KINDS)} == {"debian"}


def test_the_severest_comes_first(tmp_path: Path) -> None:
    files = (
        *debian("2.36-9"),
        ("x/p.dist-info/METADATA", b"Name: pyyaml\nVersion: 5.3\n"),
        ("x/r.dist-info/METADATA", b"Name: requests\nVersion: 2.30.0\n"),
    )
    order = [SEVERITIES.index(one.advisory.severity) for one in found(tmp_path, *files)]
    assert order == sorted(order)
    assert len(set(order)) == 4


# ------------------------------------------------------------------------------------------------- what comes with it

ADVISORIES = bundled().advisories


def test_the_selection_says_what_it_is() -> None:
    assert "small selection" in bundled().about
    assert "not a vulnerability database" in bundled().about
    assert date.fromisoformat(bundled().date) <= date(2026, 11, 25)
    assert len({advisory.id for advisory in ADVISORIES}) >= 20
    assert {advisory.kind for advisory in ADVISORIES} == EVERY


@pytest.mark.parametrize("advisory", ADVISORIES, ids=lambda one: f"{one.id}-{one.kind}")
def test_every_advisory_is_whole(advisory: Advisory) -> None:
    assert re.fullmatch(r"CVE-\d{4}-\d{4,}", advisory.id)
    assert advisory.description.endswith(".")
    assert date.fromisoformat(advisory.published) <= date.fromisoformat(bundled().date)
    for address in (advisory.url, advisory.source):
        parts = urlsplit(address)
        assert parts.scheme == "https"
        assert parts.hostname
    assert advisory.affected
    for part in advisory.affected:
        assert compare(advisory.kind, part.introduced or part.fixed, part.fixed) <= 0
        assert bool(part.release) is (advisory.kind in SYSTEM_KINDS)


SCORED = [advisory for advisory in ADVISORIES if advisory.cvss_vector]
SEVERITY = [(9.0, "CRITICAL"), (7.0, "HIGH"), (4.0, "MEDIUM"), (0.1, "LOW")]


@pytest.mark.parametrize("advisory", SCORED, ids=lambda one: f"{one.id}-{one.kind}")
def test_scores_are_those_of_their_vectors(advisory: Advisory) -> None:
    score = base_score(advisory.cvss_vector or "")
    assert advisory.cvss_score == score
    assert advisory.cvss_from
    assert advisory.severity == next(name for least, name in SEVERITY if score >= least)


def test_a_severity_without_a_score_is_said_to_be_unknown_or_whose_it_is() -> None:
    for advisory in set(ADVISORIES) - set(SCORED):
        assert advisory.severity == "UNDEFINED" or "rates it" in advisory.description


def base_score(vector: str) -> float:
    """The base score by the equations of the CVSS 3.1 specification, section 7.1."""
    value = dict(part.split(":") for part in vector.removeprefix("CVSS:3.1/").split("/"))
    changed = value["S"] == "C"
    loss = {"H": 0.56, "L": 0.22, "N": 0.0}
    privileges = {"N": 0.85, "L": 0.68 if changed else 0.62, "H": 0.5 if changed else 0.27}[value["PR"]]
    sub_score = 1 - math.prod(1 - loss[value[key]] for key in "CIA")
    impact = 7.52 * (sub_score - 0.029) - 3.25 * (sub_score - 0.02) ** 15 if changed else 6.42 * sub_score
    ease = 8.22 * {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2}[value["AV"]] * {"L": 0.77, "H": 0.44}[value["AC"]]
    ease *= privileges * {"N": 0.85, "R": 0.62}[value["UI"]]
    total = min((1.08 if changed else 1) * (impact + ease), 10)
    return math.ceil(round(total * 100_000) / 10_000) / 10 if impact > 0 else 0.0
