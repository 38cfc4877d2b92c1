"""What keeps a file from being read or written, in one sentence: what it is and what to do."""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import shlex
import shutil
from pathlib import Path

_FULL = (errno.ENOSPC, errno.EDQUOT)
_FORBIDDEN = (errno.EACCES, errno.EPERM)


def is_about_files(error: BaseException) -> bool:
    """Tell whether an error is a disk's, a file's or a folder's, and not that of a connection or of a process."""
    if not isinstance(error, OSError) or isinstance(error, ConnectionError | TimeoutError):
        return False
    return error.filename is not None or error.errno in (*_FULL, errno.EROFS, errno.EIO, errno.EFBIG)


def sentence(error: OSError, place: Path | None = None) -> str:
    """Return what an error means for a reader, without its number.

    Args:
        error: whatever reading or writing raised.
        place: where it was, for errors that do not say so themselves.
    """
    named = error.filename2 or error.filename
    path = Path(os.fsdecode(named)) if isinstance(named, str | bytes) else place
    if path is None and error.errno in (*_FULL, errno.EROFS):
        path = Path.cwd()
    if path is None:
        return f"{error.strerror or error}."
    if error.errno in _FULL:
        return full(path)
    if error.errno in _FORBIDDEN:
        return forbidden(path)
    if error.errno == errno.EROFS:
        return f"{path} is on a disk that can only be read. Work in a folder of a disk that can be written to."
    return f"{error.strerror or error}: {path}."


def plain(error: BaseException) -> str:
    """Return what an error of a connection says, without its number and without urllib's wrapping."""
    why = getattr(error, "reason", error)
    return str(getattr(why, "strerror", None) or why)


def full(path: Path) -> str:
    """Return the sentence about a disk that has no room left."""
    nearest = _nearest(path)
    folder, free = nearest if nearest.is_dir() else nearest.parent, ""
    with contextlib.suppress(OSError):
        free = f" ({shutil.disk_usage(folder).free // 1024**2} MB are free)"
    return f"There is no room left on the disk of {folder}{free}. Make room there, then try again: nothing was lost."


def forbidden(path: Path) -> str:
    """Return the sentence about a file or folder that this user may not read or write, with the command that helps."""
    seen = _nearest(path)
    owner = seen.stat().st_uid
    if owner == os.geteuid():
        return f"{seen} cannot be used: its mode does not allow it. To change that: chmod -R u+rwX {_quoted(seen)}"
    whose = "root, as after one `sudo make start`" if owner == 0 else _name(owner)
    top = _quoted(_topmost(seen))
    return f'{seen} cannot be used: it belongs to {whose}. To change that: sudo chown -R "$USER" {top}'


def _nearest(path: Path) -> Path:
    """Return the path itself, or the nearest folder above it that is there and can be seen."""
    for each in (path, *path.parents):
        with contextlib.suppress(OSError):
            each.stat()
            return each
    return Path("/")


def _topmost(path: Path) -> Path:
    """Return the folder that one command puts right: the lab's or the learner's around it, else the path itself."""
    ours = [each for each in (path, *path.parents) if each.name in (".ecrlab", "work", ".venv")]
    return ours[-1] if ours else path


def _name(owner: int) -> str:
    try:
        return f"the user {pwd.getpwuid(owner).pw_name}"
    except KeyError:
        return f"another user (number {owner})"


def _quoted(path: Path) -> str:
    return shlex.quote(str(path))
