"""Versions of four kinds, each pair with the older one first."""

from __future__ import annotations

import pytest

from ecrlab.scan.versions import KINDS, InvalidVersion, compare

OLDER_FIRST = [
    # Debian Policy 5.6.12 and its examples; numbers are numbers, ~ is before the end, letters before signs.
    ("debian", "1.0~~", "1.0~~a"),
    ("debian", "1.0~~a", "1.0~"),
    ("debian", "1.0~rc1-1", "1.0-1"),
    ("debian", "1.0", "1.0a"),
    ("debian", "1.0a", "1.0+"),
    ("debian", "2.0", "1:1.0"),
    ("debian", "1.9", "1.10"),
    ("debian", "2.36-9+deb12u2", "2.36-9+deb12u3"),
    ("debian", "2.36-9+deb12u3", "2.36-9+deb12u10"),
    ("debian", "3.0.14-1~deb12u2", "3.0.14-1"),
    ("debian", "1:9.2p1-2+deb12u2", "1:9.2p1-2+deb12u3"),
    ("debian", "1.0-1-1", "1.0-1-2"),
    ("debian", "1.0-1", "1.0-1+b1"),
    # apk
    ("alpine", "1.2.12-r2", "1.2.12-r10"),
    ("alpine", "1.2.11-r9", "1.2.12-r0"),
    ("alpine", "1.2.12", "1.2.12-r0"),
    ("alpine", "1.0_alpha2", "1.0_beta1"),
    ("alpine", "1.0_rc1", "1.0"),
    ("alpine", "1.0", "1.0_p1"),
    ("alpine", "1.0_rc1_p2", "1.0_p1"),
    ("alpine", "9.6_p1-r0", "9.6_p2-r0"),
    ("alpine", "1.1.1", "1.1.1a"),
    ("alpine", "1.1.1a-r0", "1.1.1b-r0"),
    ("alpine", "1.1.1z", "1.1.1.1"),
    ("alpine", "1.01", "1.1"),
    ("alpine", "9.0", "10.0"),
    # PEP 440
    ("python", "2.31.0rc1", "2.31.0"),
    ("python", "2.9", "2.10"),
    ("python", "1.0.dev1", "1.0a1"),
    ("python", "1.0", "1.0.post1"),
    ("python", "99.0", "1!0.1"),
    # Semantic Versioning, item 11, in its own order
    ("node", "1.0.0-alpha", "1.0.0-alpha.1"),
    ("node", "1.0.0-alpha.1", "1.0.0-alpha.beta"),
    ("node", "1.0.0-alpha.beta", "1.0.0-beta"),
    ("node", "1.0.0-beta", "1.0.0-beta.2"),
    ("node", "1.0.0-beta.2", "1.0.0-beta.11"),
    ("node", "1.0.0-beta.11", "1.0.0-rc.1"),
    ("node", "1.0.0-rc.1", "1.0.0"),
    ("node", "4.17.9", "4.17.20"),
]
EQUAL = [
    ("debian", "1.0", "0:1.0"),
    ("debian", "1.0", "1.0-0"),
    ("debian", "1.00", "1.0"),
    ("alpine", "1.2.3-r1", "1.2.3~0a1b2c-r1"),
    ("python", "1.0", "1.0.0"),
    ("node", "1.0.0+1", "v1.0.0+2"),
]
INVALID = [
    ("debian", "1.0_1"),
    ("debian", ""),
    ("alpine", "1.0_final"),
    ("python", "one"),
    ("node", "1.0"),
    ("node", "*"),
]


@pytest.mark.parametrize(("kind", "older", "newer"), OLDER_FIRST)
def test_the_older_version_is_known(kind: str, older: str, newer: str) -> None:
    assert compare(kind, older, newer) < 0
    assert compare(kind, newer, older) > 0


@pytest.mark.parametrize(("kind", "one", "other"), EQUAL)
def test_equal_versions(kind: str, one: str, other: str) -> None:
    assert compare(kind, one, other) == compare(kind, other, one) == 0


@pytest.mark.parametrize(("kind", "text"), INVALID)
def test_what_is_not_a_version_is_said(kind: str, text: str) -> None:
    with pytest.raises(InvalidVersion):
        compare(kind, text, "1.0.0")


def test_every_kind_has_cases() -> None:
    assert {kind for kind, _, _ in OLDER_FIRST} == {kind for kind, _ in INVALID} == set(KINDS)
