"""Which of two versions is the older one, by the rules of each kind of package."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from packaging.version import InvalidVersion as _InvalidPython
from packaging.version import Version


class InvalidVersion(ValueError):  # noqa: N818 - the word of the packaging library
    """A text that is not a version of its kind."""


def compare(kind: str, one: str, other: str) -> int:
    """Return a number below 0 when version ``one`` is older than ``other``, 0 when they are equal, else one above 0.

    ``kind`` is one of `KINDS`. Raises InvalidVersion when either text is not a version of that kind.
    """
    return KINDS[kind](one, other)


def _order(one: Any, other: Any) -> int:
    return int(one > other) - int(one < other)


# -------------------------------------------------------------------------------------------------------------- Debian

_DEBIAN = re.compile(r"(?:(\d+):)?([A-Za-z0-9.+~:-]+?)(?:-([A-Za-z0-9.+~]+))?")


def debian(one: str, other: str) -> int:
    """Debian Policy 5.6.12: epoch, upstream version and revision; ``~`` sorts before the end, letters before signs."""
    parts = []
    for text in (one, other):
        found = _DEBIAN.fullmatch(text)
        if found is None:
            raise InvalidVersion(f"'{text}' is not a Debian version")
        parts.append((int(found[1] or 0), found[2], found[3] or "0"))
    (epoch, upstream, revision), (other_epoch, other_upstream, other_revision) = parts
    return (
        _order(epoch, other_epoch) or _debian_part(upstream, other_upstream) or _debian_part(revision, other_revision)
    )


def _debian_part(one: str, other: str) -> int:
    while one or other:
        signs, other_signs = (re.match(r"\D*", text) for text in (one, other))
        assert signs is not None
        assert other_signs is not None
        order = _order(_sign_weights(signs[0]), _sign_weights(other_signs[0]))
        one, other = one[signs.end() :], other[other_signs.end() :]
        digits, other_digits = (re.match(r"\d*", text) for text in (one, other))
        assert digits is not None
        assert other_digits is not None
        order = order or _order(int(digits[0] or 0), int(other_digits[0] or 0))
        if order:
            return order
        one, other = one[digits.end() :], other[other_digits.end() :]
    return 0


def _sign_weights(text: str) -> list[int]:
    """The weights of a part without digits; the end of it weighs 0, and only ``~`` weighs less."""
    weights = [-1 if sign == "~" else ord(sign) if sign.isalpha() else ord(sign) + 256 for sign in text]
    return [*weights, 0]


# -------------------------------------------------------------------------------------------------------------- Alpine

_ALPINE = re.compile(
    r"(\d+(?:\.\d+)*)([a-z])?((?:_(?:alpha|beta|pre|rc|cvs|svn|git|hg|p)\d*)*)(?:~[0-9a-f]+)?(?:-r(\d+))?"
)
_ALPINE_SUFFIXES = ("alpha", "beta", "pre", "rc", "", "cvs", "svn", "git", "hg", "p")
_NO_SUFFIX = (_ALPINE_SUFFIXES.index(""), 0)


def alpine(one: str, other: str) -> int:
    """apk-tools, "apk-package(5)": numbers, a letter, suffixes (``_rc1`` before, ``_p1`` after none), ``-r`` build."""
    numbers, letter, suffixes, build = _alpine_parts(one)
    other_numbers, other_letter, other_suffixes, other_build = _alpine_parts(other)
    order = _order(int(numbers[0]), int(other_numbers[0]))
    for number, other_number in zip(numbers[1:], other_numbers[1:], strict=False):
        # As decimal fractions when one of them has a zero in front.
        as_text = "0" in (number[0], other_number[0])
        order = order or (_order(number, other_number) if as_text else _order(int(number), int(other_number)))
    order = order or _order(len(numbers), len(other_numbers)) or _order(letter, other_letter)
    longest = max(len(suffixes), len(other_suffixes))
    padded = [[*found, *[_NO_SUFFIX] * (longest - len(found))] for found in (suffixes, other_suffixes)]
    return order or _order(*padded) or _order(build, other_build)


def _alpine_parts(text: str) -> tuple[list[str], str, list[tuple[int, int]], int]:
    found = _ALPINE.fullmatch(text)
    if found is None:
        raise InvalidVersion(f"'{text}' is not an Alpine version")
    suffixes = [
        (_ALPINE_SUFFIXES.index(name), int(number or 0)) for name, number in re.findall(r"_([a-z]+)(\d*)", found[3])
    ]
    return found[1].split("."), found[2] or "", suffixes, -1 if found[4] is None else int(found[4])


# -------------------------------------------------------------------------------------------------------------- Python


def python(one: str, other: str) -> int:
    """PEP 440."""
    try:
        return _order(Version(one), Version(other))
    except _InvalidPython as error:
        raise InvalidVersion(str(error)) from None


# ---------------------------------------------------------------------------------------------------------------- node

_NODE = re.compile(r"[v=\s]*(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?\s*")


def node(one: str, other: str) -> int:
    """Semantic Versioning 2.0.0, item 11: a pre-release is older than its release; build data does not count."""
    return _order(_node_key(one), _node_key(other))


def _node_key(text: str) -> tuple[tuple[int, int, int], bool, list[tuple[bool, int, str]]]:
    found = _NODE.fullmatch(text)
    if found is None:
        raise InvalidVersion(f"'{text}' is not a semantic version")
    before = found[4].split(".") if found[4] else []
    identifiers = [(False, int(item), "") if item.isdecimal() else (True, 0, item) for item in before]
    return (int(found[1]), int(found[2]), int(found[3])), not before, identifiers


KINDS: dict[str, Callable[[str, str], int]] = {"debian": debian, "alpine": alpine, "python": python, "node": node}
