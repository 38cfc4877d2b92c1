"""01-e6: a program over its memory limit. What a learner reads is in e6.md."""

from __future__ import annotations

import re

from ecrlab_course.authoring import Lab

from .state import printed, remove

MARK = "--name greedy"


def e6_seen(lab: Lab) -> str | None:
    """Return what became of `greedy`, by the code and the field that the cell printed."""
    found = re.findall(r"(?m)^(\d+) (true|false)$", printed(lab, MARK) or "")
    if not found:
        return None
    code, memory = found[-1]
    if code == "137" or memory == "true":
        return "d"
    return "b" if code == "0" else "c"


def killed(lab: Lab) -> None:
    """Print what the next cell prints."""
    says(lab, "137 true")


def says(lab: Lab, ending: str) -> None:
    """Print an ending of `greedy`, without an engine."""
    lab.sh(f"# {MARK}\necho '{ending}'")


# Of these worlds only the first is this kernel's; what was printed decides, whatever the page expects.
TRIES = {"b": [lambda lab: says(lab, "0 false")], "c": [lambda lab: says(lab, "1 false")]}


def reset(lab: Lab) -> None:
    """Remove it."""
    remove(lab, "greedy")
