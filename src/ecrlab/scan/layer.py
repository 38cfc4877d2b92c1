"""One layer, read from its file as a stream: the entries of a tar file, plain or compressed, however hostile.

Nothing is written to disk, and no more than a set amount is held in memory or unpacked.
"""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import zstandard

HEADER_BYTES = 64 * 1024  # the headers of one entry: its name and its extended attributes
_CHUNK = 256 * 1024


class Unreadable(Exception):  # noqa: N818 - the word for what is wrong with the layer
    """A layer that is not a tar file, or a damaged one; the text says how."""


class TooLarge(Unreadable):
    """An image beyond what is read: bytes unpacked, entries, or packages."""


class Budget:
    """How many bytes and entries may still be read, for all layers of an image together."""

    def __init__(self, size: int, entries: int) -> None:
        self._size, self._entries = size, entries
        self._bytes_left, self._entries_left = size, entries

    def take(self, count: int) -> None:
        """Count bytes; raises TooLarge."""
        self._bytes_left -= count
        if self._bytes_left < 0:
            raise TooLarge(f"The layers are larger than {self._size} bytes when they are unpacked.")

    def take_entry(self) -> None:
        """Count an entry; raises TooLarge."""
        self._entries_left -= 1
        if self._entries_left < 0:
            raise TooLarge(f"The layers have more than {self._entries} entries.")


class _Stream(io.RawIOBase):
    """What tarfile reads: a stream that only goes forward, and gives no more at once than was allowed."""

    def __init__(self, source: io.BufferedIOBase, budget: Budget) -> None:
        self._source, self.budget = source, budget
        self._at = 0
        self.allowed = HEADER_BYTES

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= self.allowed:
            raise Unreadable("An entry has a header that is too large.")
        self.allowed -= size
        parts = []
        while size > 0 and (part := self._more(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence != io.SEEK_SET or offset < self._at:
            raise Unreadable("An entry has a size below zero.")
        while self._at < offset and self._more(offset - self._at):
            pass
        return self._at

    def _more(self, size: int) -> bytes:
        try:
            part = self._source.read(min(size, _CHUNK))
        except (OSError, EOFError, zlib.error, zstandard.ZstdError) as error:
            raise Unreadable(f"The layer cannot be read: {error}") from None
        self._at += len(part)
        self.budget.take(len(part))
        return part


class Entry:
    """One entry of a layer; its content can be read until the next entry is asked for."""

    def __init__(self, member: tarfile.TarInfo, stream: _Stream, path: str) -> None:
        self._member, self._stream = member, stream
        self.path = path
        self.size = member.size

    @property
    def is_folder(self) -> bool:
        return self._member.isdir()

    @property
    def is_file(self) -> bool:
        """Whether it is a file with content of its own: no link, no device, no sparse file."""
        return self._member.isreg() and not self._member.issparse()

    def read(self, limit: int) -> bytes:
        """Return the content, at most ``limit`` bytes of it; raises Unreadable when the layer ends before."""
        wanted = min(self.size, limit)
        self._stream.seek(self._member.offset_data)
        self._stream.allowed = wanted
        content = self._stream.read(wanted)
        if len(content) < wanted:
            raise Unreadable(f"The layer ends within {self.path}.")
        return content


def entries(file: Path, budget: Budget) -> Iterator[Entry]:
    """Read a layer: tar, plain or compressed with gzip or zstd, whatever its media type says.

    An entry whose path leads out of the root, or is the root, is left out. Raises Unreadable, TooLarge.
    """
    try:
        with closing(_opened(file)) as source:
            yield from _entries(_Stream(source, budget))
    except (OSError, tarfile.TarError, ValueError, OverflowError) as error:
        raise Unreadable(f"The layer cannot be read: {error}") from None


def _opened(file: Path) -> io.BufferedIOBase:
    with file.open("rb") as start:
        magic = start.read(4)
    if magic[:2] == b"\x1f\x8b":
        return gzip.open(file)
    if magic == b"\x28\xb5\x2f\xfd":
        reader = zstandard.ZstdDecompressor(max_window_size=2**27).stream_reader(
            file.open("rb"), read_across_frames=True, closefd=True
        )
        return io.BufferedReader(reader)
    return file.open("rb")


def _entries(stream: _Stream) -> Iterator[Entry]:
    with tarfile.open(fileobj=stream, mode="r:") as opened:  # the first header is read here
        tar: Any = opened
        while True:
            stream.allowed = HEADER_BYTES
            member: tarfile.TarInfo | None = tar.next()
            if member is None:
                return
            # tarfile keeps what it saw; a layer may have more of it than memory.
            tar.members, tar.pax_headers = [], {}
            stream.budget.take_entry()
            path = _inside(member.name)
            if path is not None:
                yield Entry(member, stream, path)


def _inside(name: str) -> str | None:
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return None if not parts or ".." in parts else "/".join(parts)
