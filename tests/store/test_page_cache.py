"""The page cache holds what was uploaded last, and no more than its limit."""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path

import pytest

from ecrlab.store.page_cache import PageCache

MIB = 1 << 20


def resident(path: Path) -> int:
    """Bytes of a file in the page cache (mincore(2))."""
    size = path.stat().st_size
    with path.open("r+b") as file, mmap.mmap(file.fileno(), size) as mapped:
        pages = (ctypes.c_ubyte * (-(-size // mmap.PAGESIZE)))()
        view = (ctypes.c_char * size).from_buffer(mapped)
        libc = ctypes.CDLL(None, use_errno=True)
        failed = libc.mincore(ctypes.c_void_p(ctypes.addressof(view)), ctypes.c_size_t(size), pages)
        del view
        assert failed == 0, os.strerror(ctypes.get_errno())
    return sum(page & 1 for page in pages) * mmap.PAGESIZE


def upload(cache: PageCache, path: Path, size: int, step: int = MIB) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    for first in range(0, size, step):
        os.pwrite(file, os.urandom(step), first)
        cache.grew(file, first + step, step)
    os.fsync(file)
    os.close(file)
    cache.finished(path, size)


@pytest.fixture(autouse=True)
def _a_disk(tmp_path: Path) -> None:
    """Skip where nothing can leave the page cache: no posix_fadvise, or a file system in memory."""
    if not hasattr(os, "posix_fadvise"):
        pytest.skip("no posix_fadvise here")
    probe = tmp_path / "probe"
    upload(PageCache(MIB), probe, MIB)
    with probe.open("rb") as file:
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if resident(probe):
        pytest.skip("the temporary folder is in memory")


def test_the_oldest_leave_as_new_ones_come(tmp_path: Path) -> None:
    cache = PageCache(8 * MIB)
    paths = [tmp_path / str(number) for number in range(4)]
    for path in paths:
        upload(cache, path, 4 * MIB)
    found = [resident(path) for path in paths]
    assert found[0] == 0
    assert found[1] == 0
    # Some of it may have been written out, and dropped, while it was being uploaded.
    assert found[2] + found[3] >= 4 * MIB


def test_one_upload_above_the_limit_drops_its_own_beginning(tmp_path: Path) -> None:
    cache = PageCache(4 * MIB)
    path = tmp_path / "large"
    upload(cache, path, 32 * MIB)
    # What was on its way to the disk could not leave yet.
    assert resident(path) <= 16 * MIB


def test_what_is_thrown_away_does_not_count(tmp_path: Path) -> None:
    cache = PageCache(8 * MIB)
    kept = tmp_path / "kept"
    upload(cache, kept, 4 * MIB)
    before = resident(kept)
    for number in range(4):
        path = tmp_path / str(number)
        file = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        os.pwrite(file, bytes(4 * MIB), 0)
        cache.grew(file, 4 * MIB, 4 * MIB)
        os.close(file)
        cache.forget(4 * MIB)
    assert resident(kept) == before
