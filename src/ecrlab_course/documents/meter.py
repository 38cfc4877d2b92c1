"""The meter: how many bytes of images moved into and out of each Region, and what for, read from rows of the X-ray.

What is counted are images: their layers, configs and manifests. What an API says about them is not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ecrlab_course.documents.xray_row import Row

What = Literal["pulled", "pushed", "replicated"]
_MANIFEST = re.compile(r"^/v2/[^?]*/manifests/")
_UPLOAD = re.compile(r"^/v2/[^?]*/blobs/uploads/")
_LAYERS = "/_blobs/"
"""Where a registry of the lab sends whoever asks for a layer: at AWS it is an address in S3."""
_PUSHED = ("UploadLayerPart", "PutImage")


@dataclass(frozen=True)
class Moved:
    """Bytes that went into a Region, or out of it, for one purpose. ``other`` is the Region at a copy's other end."""

    region: str
    what: What
    into: int = 0
    out: int = 0
    requests: int = 1
    other: str = ""


@dataclass(frozen=True)
class Meter:
    """What moved, a line for each Region, purpose and other end, in the order of the X-ray."""

    lines: tuple[Moved, ...] = ()

    def out_of(self, region: str = "", what: str = "") -> int:
        """Return the bytes that left a Region (default: any), for one purpose or for all."""
        return sum(line.out for line in self._of(region, what))

    def into(self, region: str = "", what: str = "") -> int:
        """Return the bytes that came into a Region (default: any), for one purpose or for all."""
        return sum(line.into for line in self._of(region, what))

    def _of(self, region: str, what: str) -> list[Moved]:
        return [line for line in self.lines if region in ("", line.region) and what in ("", line.what)]


def read(rows: Iterable[Row]) -> Meter:
    """Return what moved with these requests. Refused requests move nothing, and neither does what a registry has."""
    found: dict[tuple[str, str, str], Moved] = {}
    for row in rows:
        for line in _moved(row):
            key = (line.region, line.what, line.other)
            before = found.get(key, Moved(line.region, line.what, requests=0, other=line.other))
            found[key] = Moved(
                line.region,
                line.what,
                before.into + line.into,
                before.out + line.out,
                before.requests + 1,
                line.other,
            )
    return Meter(tuple(found.values()))


def _moved(row: Row) -> list[Moved]:
    region = str(row["region"] or "")
    if not region or not 200 <= row["status"] < 300:
        return []
    path, into, out = str(row["path"]), int(row["bytes_in"]), int(row["bytes_out"])
    origin = row.get("origin")
    if origin is not None and into:
        return [
            Moved(str(origin), "replicated", out=into, other=region),
            Moved(region, "replicated", into=into, other=str(origin)),
        ]
    if row["service"] == "registry":
        if row["method"] == "GET" and out and (_MANIFEST.match(path) or path.startswith(_LAYERS)):
            return [Moved(region, "pulled", out=out)]
        if row["method"] in ("POST", "PUT", "PATCH") and into and (_UPLOAD.match(path) or _MANIFEST.match(path)):
            return [Moved(region, "pushed", into=into)]
    elif row["service"] == "ecr" and row["operation"] in _PUSHED and into:
        return [Moved(region, "pushed", into=into)]
    return []
