"""The folder of a store: its lock, and writing that survives a loss of power."""

import contextlib
import fcntl
import os
from pathlib import Path

from ecrlab.durable import sync

from .digest import algorithm_of
from .errors import StoreInUse


def lock_folder(path: Path) -> int:
    """Take the exclusive lock of a folder and return its file descriptor; closing it gives the lock back.

    The lock is the operating system's, so it goes with the process however that ends.

    Raises:
        StoreInUse: somebody else holds it.
    """
    descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise StoreInUse(path, int(holder) if holder.isdecimal() else None) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def sync_folder(path: Path) -> None:
    """Make the entries of a folder (new names, renames, removals) durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(path: Path) -> None:
    """Make a folder durable, with the folders above it; nothing happens when it is there."""
    if path.is_dir():
        return
    make_folder(path.parent)
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    sync_folder(path.parent)


def blob_path(folder: Path, digest: str) -> Path:
    """Return where the file of a digest is or would be in a folder of blobs; raises DigestInvalid."""
    algorithm = algorithm_of(digest)
    value = digest[len(algorithm) + 1 :]
    return folder / algorithm / value[:2] / value
