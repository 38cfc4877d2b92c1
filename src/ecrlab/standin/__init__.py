"""A stand-in for `docker` on machines without a container engine.

Its commands talk to the lab's registry as docker does; what needs an engine is refused in one sentence. See cli.py.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import sys
import tempfile
from pathlib import Path


def install(folder: Path) -> Path:
    """Write an executable `docker` into a folder (made when missing) and return its path.

    The script runs this Python, so it works wherever this package is importable; it replaces an older one at once.
    One that says the same already is left alone.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "docker"
    script = f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -m ecrlab.standin "$@"\n'
    with contextlib.suppress(OSError):
        if os.access(path, os.X_OK) and path.read_bytes() == script.encode():
            return path
    handle, name = tempfile.mkstemp(dir=folder)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(script)
    os.chmod(name, 0o755)
    os.replace(name, path)
    return path
