"""What a cell may need of this computer: whether it is here."""

from __future__ import annotations

import shutil
import subprocess
import sys
from functools import cache

from ecrlab_course.toolbox.lab import Lab


def lacks(lab: Lab, what: str) -> bool:
    """Tell whether this computer lacks what a cell needs: one of `authoring.cells.NEEDS`.

    For "node" the image is made where it is not there yet, which takes seconds the first time; for "memory" a container
    is started, once for a lab.
    """
    if what == "namespaces":
        return not _namespaces()
    if lab.engine == "none":
        return True
    return (what == "node" and not lab.node()) or (what == "memory" and not lab.limits_memory)


def missing(lab: Lab, what: str) -> str:
    """Return what keeps a cell that needs `what` from running here: most of it needs an engine first."""
    return "engine" if what in ("node", "memory") and lab.engine == "none" else what


@cache
def _namespaces() -> bool:
    """Tell whether this user may make namespaces here, and mount a /proc of its own in them.

    A static busybox is needed as well, to have a program that runs in a folder alone.
    """
    if sys.platform != "linux" or not shutil.which("unshare") or not shutil.which("busybox"):
        return False
    trial = "unshare --user --map-root-user --fork --kill-child --pid --mount --uts mount -t proc proc /proc"
    try:
        return subprocess.run(trial.split(), capture_output=True, timeout=10, check=False).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False
