"""Layers: tar files that are the same bytes for the same content, and what is in them.

Names are sorted, times are 0, owners are numbers. The unpacked digest is then the same on every machine; the packed
one as well, as long as both use the same zlib.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from ecrlab.durable import sync
from ecrlab.standin.images import Images


@dataclass(frozen=True)
class Entry:
    """One file, folder or link of a layer. `data` is a file's content or the path to read it from."""

    kind: str  # "file", "folder", "link" (symbolic), "hard"
    mode: int
    data: bytes | Path = b""
    target: str = ""
    owner: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class Layer:
    """A layer that is kept: digest of the packed file and its size, digest unpacked, bytes of its files."""

    digest: str
    packed_size: int
    diff_id: str
    size: int


class _Writable(Protocol):
    def write(self, data: bytes, /) -> int: ...


class _Hashed(io.RawIOBase):
    """A writer that hashes what passes through."""

    def __init__(self, target: _Writable) -> None:
        self.target = target
        self.hash = hashlib.sha256()
        self.count = 0

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.hash.update(data)
        self.count += len(data)
        self.target.write(data)
        return len(data)

    def tell(self) -> int:
        return self.count

    @property
    def digest(self) -> str:
        return "sha256:" + self.hash.hexdigest()


_TYPES = {"file": tarfile.REGTYPE, "folder": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE}


def write_tar(entries: dict[str, Entry], target: _Writable) -> int:
    """Write entries (path without a leading slash -> Entry) as a tar file and return the bytes of the files in it."""
    total = 0
    hashed = _Hashed(target)
    with tarfile.open(fileobj=hashed, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for path in sorted(entries):
            entry = entries[path]
            info = tarfile.TarInfo(path)
            info.type, info.mode, info.linkname = _TYPES[entry.kind], entry.mode, entry.target
            info.uid, info.gid = entry.owner
            if entry.kind != "file":
                tar.addfile(info)
            elif isinstance(entry.data, bytes):
                info.size = len(entry.data)
                tar.addfile(info, io.BytesIO(entry.data))
            else:
                with open(entry.data, "rb") as file:
                    info.size = os.fstat(file.fileno()).st_size
                    tar.addfile(info, file)
            total += info.size
    return total


def pack(images: Images, entries: dict[str, Entry]) -> Layer:
    """Keep entries as a layer."""
    with tempfile.TemporaryFile(dir=images.temporary) as plain:
        write_tar(entries, plain)
        plain.seek(0)
        return keep_tar(images, plain)


def keep_tar(images: Images, tar: IO[bytes]) -> Layer:
    """Keep an unpacked tar file as a layer, packed the same way each time."""
    handle, name = tempfile.mkstemp(dir=images.temporary)
    diff = hashlib.sha256()
    with os.fdopen(handle, "wb") as file:
        packed = _Hashed(file)
        with gzip.GzipFile(filename="", mode="wb", compresslevel=6, fileobj=packed, mtime=0) as zipped:
            while block := tar.read(1 << 20):
                diff.update(block)
                zipped.write(block)
        file.flush()
        sync(file.fileno())
    images.adopt(Path(name), packed.digest)
    tar.seek(0)
    return Layer(packed.digest, packed.count, "sha256:" + diff.hexdigest(), file_bytes(tar))


def file_bytes(tar: IO[bytes]) -> int:
    """Return the bytes of the files in a tar file, packed with gzip or not."""
    with tarfile.open(fileobj=tar, mode="r:*") as archive:
        return sum(member.size for member in archive if member.isreg())


def unpacked_digest(layer: IO[bytes]) -> str:
    """Return the digest of a layer's tar file, packed with gzip or not.

    Raises OSError, EOFError or zlib.error where gzip's bytes are not whole.
    """
    packed = layer.read(2) == b"\x1f\x8b"
    layer.seek(0)
    diff = hashlib.sha256()
    with gzip.GzipFile(fileobj=layer) if packed else nullcontext(layer) as plain:
        while block := plain.read(1 << 20):
            diff.update(block)
    layer.seek(0)
    return "sha256:" + diff.hexdigest()


def members(paths: Iterable[Path], *, content: bool = False) -> dict[str, Entry]:
    """Return what a stack of layers shows, base first, later ones over earlier ones; file contents only when asked."""
    found: dict[str, Entry] = {}
    for path in paths:
        with tarfile.open(path, mode="r:*") as tar:
            for name, entry in _read(tar, content):
                folder, _, base = name.rpartition("/")
                if base == ".wh..wh..opq":
                    _drop(found, folder, keep_folder=True)
                elif base.startswith(".wh."):
                    _drop(found, f"{folder}/{base[4:]}".lstrip("/"))
                else:
                    found[name] = entry
    return found


def read_tar(path: Path) -> dict[str, Entry]:
    """Return all of a tar file, with contents, packed or not (`ADD archive.tar /`)."""
    with tarfile.open(path, mode="r:*") as tar:
        return dict(_read(tar, True))


def _drop(found: dict[str, Entry], path: str, *, keep_folder: bool = False) -> None:
    for name in [name for name in found if name.startswith(f"{path}/") or (name == path and not keep_folder)]:
        del found[name]


def _read(tar: tarfile.TarFile, content: bool) -> Iterator[tuple[str, Entry]]:
    for member in tar:
        name = member.name.removeprefix("./").strip("/")
        if not name or name == ".":
            continue
        owner = (member.uid, member.gid)
        if member.isdir():
            yield name, Entry("folder", member.mode, owner=owner)
        elif member.issym():
            yield name, Entry("link", member.mode, target=member.linkname, owner=owner)
        elif member.islnk():
            yield name, Entry("hard", member.mode, target=member.linkname.removeprefix("./").strip("/"), owner=owner)
        elif member.isreg():
            file = tar.extractfile(member) if content else None
            yield name, Entry("file", member.mode, file.read() if file else b"", owner=owner)
