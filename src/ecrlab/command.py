"""The lab's commands as they can be typed in the shell that reads about them."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from pathlib import Path


def spelled(name: str = "ecrlab") -> str:
    """Return a command of the lab, as `ecrlab`, so that the reader's shell finds it.

    Its name alone where PATH leads to this installation's, else its path: `.venv/bin/ecrlab` from the checkout.
    """
    ours = Path(sys.prefix) / "bin" / name
    found = shutil.which(name)
    if not ours.exists() or (found is not None and os.path.samefile(found, ours)):
        return name
    here = Path.cwd()
    inside = ours.is_relative_to(here) and ours.parent != here
    return shlex.quote(str(ours.relative_to(here) if inside else ours))
