"""Layers made by hand."""

from __future__ import annotations

import gzip
import io
import tarfile
from collections.abc import Iterable
from pathlib import Path

import zstandard

File = tuple[str, bytes]

DEBIAN = b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n'
ALPINE = b"NAME='Alpine Linux'\nID=alpine\nVERSION_ID=3.18.4\n"


def dpkg(*packages: tuple[str, str, str]) -> bytes:
    """Return a dpkg status file of (package, version, source) with its source field as it stands."""
    stanzas = []
    for name, version, source in packages:
        lines = [f"Package: {name}", "Status: install ok installed", "Architecture: amd64", f"Version: {version}"]
        lines += [f"Source: {source}"] if source else []
        stanzas.append("\n".join([*lines, "Description: one", " and more", " ."]))
    return ("\n\n".join(stanzas) + "\n").encode()


def tar(entries: Iterable[File | tarfile.TarInfo], form: int = tarfile.PAX_FORMAT) -> bytes:
    """Return a tar file of files (path and content) and of entries without content."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=form) as archive:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                archive.addfile(entry)
            else:
                member = tarfile.TarInfo(entry[0])
                member.size = len(entry[1])
                archive.addfile(member, io.BytesIO(entry[1]))
    return target.getvalue()


def entry(path: str, kind: bytes, link: str = "") -> tarfile.TarInfo:
    """Return an entry that is not a file: a folder, a link, a device."""
    member = tarfile.TarInfo(path)
    member.type, member.linkname = kind, link
    return member


def write(folder: Path, *layers: Iterable[File | tarfile.TarInfo] | bytes, how: str = "gzip") -> list[Path]:
    """Write layers, the lowest first, and return their files; ``bytes`` are written as they are."""
    paths = []
    for number, layer in enumerate(layers):
        path = folder / f"layer{number}"
        if isinstance(layer, bytes):
            path.write_bytes(layer)
        else:
            plain = tar(layer)
            packed = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress, "plain": bytes}[how](plain)
            path.write_bytes(packed)
        paths.append(path)
    return paths
