"""How much of what was uploaded lately stays in the system's page cache."""

import contextlib
import os
import threading
from collections import deque
from pathlib import Path

#: Bytes of uploads kept there: enough for a class that pulls what was just pushed.
LIMIT = 512 << 20


class PageCache:
    """Lets the oldest uploads leave the page cache as new ones enter it, so that new bytes go where old ones were.

    A page cache that only grows takes memory that was never used before; in a virtual machine the host must find each
    such page first (500 MB: 0.4 s into used pages, 1.5 s to 5 s into new ones). It also takes a learner's machine its
    memory. A system without posix_fadvise (macOS) decides by itself.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        # Finished uploads, oldest first: the file, the bytes of it that were dropped, its size.
        self._finished: deque[tuple[Path, int, int]] = deque()
        self._bytes = 0
        self._lock = threading.Lock()

    def grew(self, file: int, size: int, length: int) -> None:
        """The open `file` of an upload grew by `length` to `size` bytes: begin to write them to the disk, so that fsync
        need not wait for all of it, and drop as many older ones."""
        # What is not on the disk yet stays: for that, this only begins the writing (Linux, mm/fadvise.c).
        _drop(file, size - length, length)
        with self._lock:
            self._bytes += length
            while self._bytes > self._limit and self._finished:
                path, dropped, whole = self._finished.popleft()
                step = min(whole - dropped, max(length, self._bytes - self._limit))
                with contextlib.suppress(OSError):  # deleted since
                    older = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
                    try:
                        _drop(older, dropped, step)
                    finally:
                        os.close(older)
                self._bytes -= step
                if dropped + step < whole:
                    self._finished.appendleft((path, dropped + step, whole))
        if size > self._limit:
            _drop(file, 0, size - self._limit)

    def finished(self, path: Path, size: int) -> None:
        """An upload of `size` bytes became the file `path`."""
        with self._lock:
            self._finished.append((path, 0, size))

    def forget(self, size: int) -> None:
        """An upload of `size` bytes was thrown away."""
        with self._lock:
            self._bytes -= size


def _drop(file: int, first: int, length: int) -> None:
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(file, first, length, os.POSIX_FADV_DONTNEED)
