"""What a container of an image would see of its files: the layers applied in order, whiteouts and links included.

Sources: C018 (whiteouts), C020 (what a later layer hides stays in the one below). Only looks: give it the lab that a
probe got.
"""

from __future__ import annotations

import gzip
import io
import posixpath
import tarfile
import urllib.request
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import zstandard

from ecrlab.client import LOOKING
from ecrlab.home import REGION
from ecrlab_course.authoring.evidence import manifest
from ecrlab_course.documents.lab_view import LabView

LAYER_AT_MOST, UNPACKED_AT_MOST, KEPT_AT_MOST = 50_000_000, 200_000_000, 1000
"""Bytes: of a layer that is read, of what it unpacks to, and of a file whose content is kept."""
SMALL = 200_000
"""Bytes of a packed layer whose files are kept whole: as a rule what a learner adds, and never a base image."""
LINKS_AT_MOST = 40
WHITEOUT, OPAQUE = ".wh.", ".wh..wh..opq"


@dataclass(frozen=True)
class Entry:
    """One entry of a layer: its path without a slash in front, its kind, and where a link points."""

    path: str
    kind: str
    """file, folder, link (symbolic), same (a hard link) or other."""
    target: str = ""
    content: bytes = field(default=b"", repr=False)


class Files:
    """The files of an image, as its layers leave them."""

    def __init__(self, layers: Iterable[Iterable[Entry]] = ()) -> None:
        self._entries: dict[str, Entry] = {}
        self._folders = {""}
        self.deleted: dict[str, bytes] = {}
        """The files that a layer holds and a later one deletes: path to content."""
        for layer in layers:
            self._apply(list(layer))

    @property
    def paths(self) -> list[str]:
        """The paths of the files that are there, sorted."""
        return sorted(path for path, entry in self._entries.items() if entry.kind == "file")

    def read(self, path: str) -> bytes | None:
        """Return a file's content (its first bytes), through links; None when a container would not find it."""
        found = self._entries.get(self._resolved(path))
        return found.content if found and found.kind == "file" else None

    def _apply(self, layer: list[Entry]) -> None:
        """Put a layer on top: first it deletes what it does of those below, then it brings its own."""
        for entry in layer:
            folder, name = posixpath.split(entry.path)
            if name == OPAQUE:
                self._remove(self._resolved(folder), itself=False)
            elif name.startswith(WHITEOUT):
                self._remove(posixpath.join(self._resolved(folder), name.removeprefix(WHITEOUT)))
        for entry in layer:
            folder, name = posixpath.split(entry.path)
            if name and not name.startswith(WHITEOUT):
                self._bring(posixpath.join(self._resolved(folder), name), entry)

    def _bring(self, path: str, entry: Entry) -> None:
        there = self._entries.get(path)
        if entry.kind != "folder" or (there and there.kind != "folder"):
            self._remove(path)
        above = posixpath.dirname(path)
        while above not in self._folders:
            self._folders.add(above)
            above = posixpath.dirname(above)
        same = self._entries.get(self._resolved(entry.target)) if entry.kind == "same" else None
        self._entries[path] = same or entry
        self.deleted.pop(path, None)

    def _remove(self, path: str, itself: bool = True) -> None:
        below = f"{path}/" if path else ""
        inside = [each for each in self._entries if each.startswith(below)] if path in self._folders else []
        for each in (*inside, *([path] if itself and path in self._entries else [])):
            gone = self._entries.pop(each)
            if gone.kind == "file":
                self.deleted[each] = gone.content

    def _resolved(self, path: str) -> str:
        """Return the path with every link on its way followed; a path that runs in a circle stays as it is."""
        found, waiting, links = "", plain(path).split("/"), 0
        while waiting:
            found = plain(posixpath.join(found, waiting.pop(0)))
            entry = self._entries.get(found)
            if entry and entry.kind == "link" and links < LINKS_AT_MOST:
                links += 1
                target = posixpath.join("/", posixpath.dirname(found), entry.target)
                found, waiting = "", [*plain(target).split("/"), *waiting]
        return found


def plain(path: str) -> str:
    """Return a path without a dot or a slash in front: ./www/page and /www/page are www/page."""
    return posixpath.normpath(posixpath.join("/", path)).lstrip("/")


def entries(layer: bytes) -> Iterator[Entry]:
    """Yield the entries of a layer: a tar, plain or packed by gzip or zstandard; what cannot be unpacked ends it."""
    kept = UNPACKED_AT_MOST if len(layer) <= SMALL else KEPT_AT_MOST
    with (
        suppress(tarfile.TarError, OSError, EOFError, zlib.error),
        tarfile.open(fileobj=io.BytesIO(_unpacked(layer))) as archive,
    ):
        for member in archive:
            path = plain(member.name)
            if member.isfile():
                file = archive.extractfile(member)
                yield Entry(path, "file", content=file.read(kept) if file else b"")
            elif member.islnk():
                yield Entry(path, "same", plain(member.linkname))
            elif member.issym():
                yield Entry(path, "link", member.linkname)
            else:
                yield Entry(path, "folder" if member.isdir() else "other")


def _unpacked(layer: bytes) -> bytes:
    if layer.startswith(b"\x28\xb5\x2f\xfd"):
        with suppress(zstandard.ZstdError):
            return zstandard.ZstdDecompressor().stream_reader(layer).read(UNPACKED_AT_MOST)
    if layer.startswith(b"\x1f\x8b"):
        with gzip.open(io.BytesIO(layer)) as file:
            return file.read(UNPACKED_AT_MOST)
    return layer


def files_of(lab: LabView, repository: str, digest: str, region: str = REGION, largest: int = LAYER_AT_MOST) -> Files:
    """Return the files of an image; of an index, those of its first image that has any.

    Layers of more than `largest` bytes are left out: with `SMALL`, a base image's. No files when ECR has no such image.
    """
    held = manifest(lab, repository, digest, region)
    for child in held.get("manifests", []):
        found = files_of(lab, repository, str(child["digest"]), region, largest)
        if found.paths:
            return found
    ecr = lab.client("ecr", region=region)
    layers = [one for one in held.get("layers", []) if int(one["size"]) <= largest]
    return Files(_layer(ecr, repository, str(one["digest"])) for one in layers)


def layers_of(lab: LabView, repository: str, digest: str, largest: int = LAYER_AT_MOST) -> list[Files]:
    """Return what each layer of an image brings, each by itself, lowest first; none of an index, and none too large."""
    found = manifest(lab, repository, digest).get("layers", [])
    ecr = lab.client("ecr")
    return [Files([_layer(ecr, repository, str(one["digest"]))]) for one in found if int(one["size"]) <= largest]


_known: dict[str, tuple[Entry, ...]] = {}
"""The entries of layers by digest: a digest names bytes, so each layer is fetched once."""
KNOWN_AT_MOST = 200


def blob_of(lab: LabView, repository: str, digest: str, region: str = REGION) -> bytes:
    """Return the bytes of a layer or config as ECR keeps them, at most `LAYER_AT_MOST`; b"" when it has none such."""
    ecr = lab.client("ecr", region=region)
    try:
        where = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)
    except (ecr.exceptions.LayersNotFoundException, ecr.exceptions.RepositoryNotFoundException):
        return b""
    return _fetch(where["downloadUrl"])


def unpacked(layer: bytes) -> bytes:
    """Return the tar of a layer, packed by gzip or zstandard or not at all; b"" when it cannot be unpacked."""
    with suppress(OSError, EOFError, zlib.error):
        return _unpacked(layer)
    return b""


def _layer(ecr: Any, repository: str, digest: str) -> tuple[Entry, ...]:
    if digest not in _known:
        where = ecr.get_download_url_for_layer(repositoryName=repository, layerDigest=digest)
        if len(_known) >= KNOWN_AT_MOST:
            _known.clear()
        _known[digest] = tuple(entries(_fetch(where["downloadUrl"])))
    return _known[digest]


def _fetch(url: str) -> bytes:
    """Return a layer's bytes from its signed address; the request is marked as one that only looks."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(urllib.request.Request(url, headers={"User-Agent": LOOKING}), timeout=20) as answer:
        return bytes(answer.read(LAYER_AT_MOST))
