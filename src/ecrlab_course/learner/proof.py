"""What a row of the X-ray can prove, and how a cell's function reads rows: the words of `proofs.py`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ecrlab_course.documents.xray_row import Row

_NAME = re.compile(r"^/v2/(?:\d{12}\.dkr[.-]ecr[^/]*/|public\.ecr\.aws/)?(.+?)/(?:manifests|blobs|tags)/")


@dataclass(frozen=True)
class Proof:
    """What a row shows: the name of the answer, and what fills its gaps."""

    answer: str
    row: Row
    gaps: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Evidence:
    """The rows, and whether a repository's policy names everybody now."""

    rows: Sequence[Row]
    open_to_all: Callable[[str], bool]

    def of(self, *services: str) -> Iterator[Row]:
        """Yield the rows of these services."""
        return (row for row in self.rows if row["service"] in services)

    def before(self, row: Row) -> Iterator[Row]:
        """Yield the rows before this one, newest first."""
        return (each for each in reversed(self.rows) if each["seq"] < row["seq"])


def name_of(row: Row) -> str:
    """Return the repository that a request to a registry is about; "" for none."""
    found = _NAME.match(str(row["path"]))
    return found[1] if found else ""


def is_ok(row: Row) -> bool:
    """Tell whether a request was carried out."""
    return 200 <= row["status"] < 300


def asks_manifest(row: Row) -> bool:
    """Tell whether a request asks a registry for a manifest: a pull's first."""
    return row["method"] in ("GET", "HEAD") and "/manifests/" in row["path"]


def gist_of(row: Row) -> dict[str, Any]:
    """Return what the answer said beside its status (`ecrlab.aws.gist`, the Hub's headers)."""
    return row.get("shows") or {}
