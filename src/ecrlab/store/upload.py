"""Uploads: bytes on their way to becoming a blob."""

import contextlib
import hashlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ecrlab.durable import sync

from .database import is_full
from .digest import hash_file
from .errors import StoreFull, UploadBusy
from .page_cache import PageCache
from .records import Repository

if TYPE_CHECKING:
    from hashlib import _Hash

#: As many pieces as one system call takes (IOV_MAX on Linux and macOS).
MAX_PIECES = 1024


class Upload:
    """One upload session of one repository, in a temporary file; it ends with the process.

    `size` is the number of bytes received so far, `parts` the sizes of the parts for whoever cuts it so; `moved` tells
    that its file has become a blob. Write within `writing()`; `append` and `truncate` block, so call them off the event
    loop. No file is made before the first byte.
    """

    def __init__(self, id: str, repository: Repository, path: Path, algorithm: str, cache: PageCache) -> None:
        self.id, self.repository, self.path, self.algorithm = id, repository, path, algorithm
        self._cache = cache
        self.size = 0
        self.parts: list[int] = []
        self.used = time.monotonic()
        self._claim = threading.Lock()
        # Held while a thread writes, so that the file is never closed, and its number reused, under a write.
        self._io = threading.Lock()
        self._file: int | None = None
        self.moved = False
        self._hasher: _Hash | None = hashlib.new(algorithm)

    @property
    def busy(self) -> bool:
        """Whether somebody writes to it now."""
        return self._claim.locked()

    @contextlib.contextmanager
    def writing(self) -> Iterator["Upload"]:
        """Be the only one who writes.

        Raises:
            UploadBusy: somebody else is.
        """
        if not self._claim.acquire(blocking=False):
            raise UploadBusy(f"another request is writing to upload {self.id}")
        try:
            yield self
        finally:
            self._close()
            self.used = time.monotonic()
            self._claim.release()

    def append(self, *pieces: bytes | bytearray | memoryview) -> int:
        """Write and hash the next bytes, at most `MAX_PIECES` pieces of them; returns the new size.

        Raises:
            StoreFull: the disk has no room. The upload is as it was before.
            UploadBusy: nobody holds `writing()` any more.
        """
        with self._io:
            if not self.busy:
                raise UploadBusy(f"upload {self.id} is no longer being written to")
            try:
                length = self._write(pieces)
            except OSError as error:
                with contextlib.suppress(OSError):
                    os.truncate(self.path, self.size)
                if is_full(error):
                    raise StoreFull(self.path) from error
                raise
            if self._hasher is not None:
                for piece in pieces:
                    self._hasher.update(piece)
            self.size += length
            if self._file is not None:
                self._cache.grew(self._file, self.size, length)
            return self.size

    def _write(self, pieces: Sequence[bytes | bytearray | memoryview]) -> int:
        if self._file is None:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        length = sum(len(piece) for piece in pieces)
        written = os.pwritev(self._file, pieces, self.size) if length else 0
        if written < length:  # almost full, or interrupted by a signal: the rest, until the system says why not
            rest = memoryview(b"".join(pieces))[written:]
            while rest:
                step = os.pwrite(self._file, rest, self.size + length - len(rest))
                rest = rest[step:]
        return length

    def truncate(self, size: int) -> None:
        """Go back to the first `size` bytes."""
        if size < self.size:
            os.truncate(self.path, size)
            # A hash cannot be taken back: the file is read again when the upload is finished.
            self._cache.forget(self.size - size)
            self._hasher, self.size = None, size

    def digest(self, algorithm: str) -> str:
        """The digest of what was received."""
        hasher = self._hasher
        if hasher is None or algorithm != self.algorithm:
            hasher = hash_file(self.path, algorithm) if self.size else hashlib.new(algorithm)
        return f"{algorithm}:{hasher.hexdigest()}"

    def sync(self) -> None:
        """Make the file durable; an empty upload gets its file here."""
        if self._file is None:
            self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            sync(self._file)
        except OSError as error:
            if is_full(error):
                raise StoreFull(self.path) from error
            raise

    def _close(self) -> None:
        with self._io:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def move(self, path: Path) -> None:
        """Make the temporary file the blob `path`; atomic."""
        os.replace(self.path, path)
        self._cache.finished(path, self.size)
        self.moved = True

    def discard(self) -> None:
        """Remove the temporary file, unless it was moved."""
        self._close()
        if not self.moved:
            self._cache.forget(self.size)
            self.path.unlink(missing_ok=True)
