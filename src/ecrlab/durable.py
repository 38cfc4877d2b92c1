"""What was answered for is on the disk, also when the power goes. Under ECRLAB_SYNC=off, for tests alone, it is not.

The end of a process loses nothing either way.
"""

from __future__ import annotations

import os


def is_durable() -> bool:
    """Tell whether writing waits for the disk."""
    return os.environ.get("ECRLAB_SYNC") != "off"


def sync(file: int) -> None:
    """Wait until what was written to an open file, or a folder's entries, is on the disk."""
    if is_durable():
        os.fsync(file)
