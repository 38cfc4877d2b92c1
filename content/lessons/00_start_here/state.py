"""Lesson 00: its checkpoints, and what several of its exercises look at or try."""

from __future__ import annotations

import hashlib

from ecrlab_course.authoring import Lab, requests
from ecrlab_course.authoring.staging import log_in

HELLO = "hello"
FIRST_PAGE, SECOND_PAGE = b"Hello from the harbour", b"Good evening from the harbour"


def fresh(lab: Lab) -> None:
    """No repository of this lesson."""
    lab.clear(HELLO, "hello2")


def pushed(lab: Lab) -> None:
    """`hello:1` in ECR and docker logged in, as the first cell leaves them; by hand, so that no engine is needed."""
    fresh(lab)
    log_in(lab)
    lab.client("ecr").create_repository(repositoryName=HELLO)
    lab.push(HELLO, "1", FIRST_PAGE)


CHECKPOINTS = {"fresh": fresh, "pushed": pushed}


def who_carried(lab: Lab) -> str | None:
    """Return who moved more than nine tenths of the bytes since the guess; None before a push was seen."""
    rows = requests(lab)
    if not any(row.puts(HELLO) for row in rows):
        return None
    docker = sum(row.bytes for row in rows if row.service in ("registry", "layers"))
    total = sum(row.bytes for row in rows)
    if not total:
        return "d"
    return "a" if docker > 0.9 * total else "b" if total - docker > 0.9 * total else "c"


def run_the_cell(lab: Lab) -> None:
    """Do what the cell does, without the two programs: an API call, and a push of a few kilobytes over HTTP."""
    fresh(lab)
    lab.client("ecr").create_repository(repositoryName=HELLO)
    noise = b"".join(hashlib.sha256(bytes([n % 256, n // 256])).digest() for n in range(2000))
    lab.push(HELLO, "1", noise)
