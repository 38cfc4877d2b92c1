"""01-e1: a kill from inside and one from outside. What a learner reads is in e1.md."""

from __future__ import annotations

import re

from ecrlab_course.authoring import Lab

from .state import printed, run

MARK = "docker exec web1 kill -9 1"
KEYS = {(True, True): "a", (True, False): "b", (False, True): "c", (False, False): "d"}


def e1_seen(lab: Lab) -> str | None:
    """Return which kill ended it, by the two states that the cell printed."""
    output = printed(lab, MARK) or ""
    inside = re.search(r"from inside: +(\w+)", output)
    outside = re.search(r"from outside: +(\w+)", output)
    if inside is None or outside is None:
        return None
    return KEYS[inside[1] != "running", outside[1] != "running"]


def only_from_outside(lab: Lab) -> None:
    """Print what the next cell prints."""
    says(lab, "running", "exited 137")


def says(lab: Lab, inside: str, outside: str) -> None:
    """Print the states after the two kills, without an engine."""
    lab.sh(f"# {MARK}\nprintf 'from inside:  {inside}\\nfrom outside: {outside}\\n'")


# Of these worlds only the first is the kernel's; what was printed decides, whatever the page expects.
TRIES = {
    "a": [lambda lab: says(lab, "exited", "exited 137")],
    "b": [lambda lab: says(lab, "exited", "running 0")],
    "d": [lambda lab: says(lab, "running", "running 0")],
}


def reset(lab: Lab) -> None:
    """Start the server again."""
    lab.sh("docker rm -f -v web1 > /dev/null 2>&1 || true")
    run(lab, "web1", "--hostname web1")
