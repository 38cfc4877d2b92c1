"""Security advisories: which versions of a package have a known fault."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

SEVERITIES = ("CRITICAL", "HIGH", "MEDIUM", "LOW", "INFORMATIONAL", "UNDEFINED")


@dataclass(frozen=True)
class Range:
    """Versions with the fault: from ``introduced`` (the first there is when empty) to before ``fixed``.

    ``release`` is the distribution's ("12" of Debian, "3.18" of Alpine), empty for packages of a language. ``fixed`` is
    empty while there is no version without the fault.
    """

    release: str
    introduced: str
    fixed: str


@dataclass(frozen=True)
class Advisory:
    """One published fault of one package.

    ``id`` is as a rule a CVE number; ``kind`` and ``package`` as for `ecrlab.scan.packages.Package`, where ``package``
    is the source package of a distribution. ``severity`` is one of `SEVERITIES`; ``cvss_vector`` and ``cvss_score`` (0
    to 10) are None where none was known. ``url`` leads to the description, ``source`` to where the fixed versions are
    from; ``published`` is a date, YYYY-MM-DD.
    """

    id: str
    kind: str
    package: str
    description: str
    severity: str
    cvss_vector: str | None
    cvss_score: float | None
    cvss_from: str | None
    url: str
    source: str
    published: str
    affected: tuple[Range, ...]


@dataclass(frozen=True)
class Advisories:
    """A collection of advisories: ``about`` says what it is, ``date`` (YYYY-MM-DD) how old."""

    about: str
    date: str
    advisories: tuple[Advisory, ...]


def parse(text: str) -> Advisories:
    """Read a collection from JSON of the form of advisories.json."""
    document = json.loads(text)
    return Advisories(document["about"], document["date"], tuple(map(_advisory, document["advisories"])))


def _advisory(item: Mapping[str, Any]) -> Advisory:
    cvss = item.get("cvss") or {}
    if item["severity"] not in SEVERITIES:
        raise ValueError(f"{item['id']}: {item['severity']} is not a severity")
    return Advisory(
        id=item["id"],
        kind=item["kind"],
        package=item["package"],
        description=item["description"],
        severity=item["severity"],
        cvss_vector=cvss.get("vector"),
        cvss_score=cvss.get("score"),
        cvss_from=cvss.get("from"),
        url=item["url"],
        source=item["source"],
        published=item["published"],
        affected=tuple(
            Range(part.get("release", ""), part.get("introduced", ""), part.get("fixed", ""))
            for part in item["affected"]
        ),
    )


@cache
def bundled() -> Advisories:
    """Return the small selection that comes with the lab."""
    return parse((resources.files("ecrlab.scan") / "advisories.json").read_text(encoding="utf-8"))
