"""What the stand-in prints, and what it calls itself."""

from __future__ import annotations

import sys

VERSION = "0.1"
WHAT = "ECR Lab's stand-in for docker: no engine here"


def out(text: str) -> None:
    """Print a line at once, so that it keeps its place among the lines of standard error."""
    print(text, flush=True)


def err(text: str) -> None:
    """Print a line on standard error."""
    print(text, file=sys.stderr, flush=True)
