"""Lesson 00: its checkpoints, and what several of its exercises look at or try."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ecrlab.home import REGION
from ecrlab_course.authoring import Lab, requests
from ecrlab_course.authoring.staging import log_in
from ecrlab_course.toolbox.image import image, push_image

HELLO = "hello"
PAGE = "www/index.html"
"""Where the Dockerfile of hello/ puts the page."""
FIRST_PAGE = (Path(__file__).parent / "files" / "hello" / "index.html").read_bytes()
SECOND_PAGE = FIRST_PAGE.replace(b"Hello", b"Good evening")


def fresh(lab: Lab) -> None:
    """No repository of this lesson."""
    lab.clear(HELLO, "hello2")


def pushed(lab: Lab) -> None:
    """`hello:1` in ECR and docker logged in, as the first cell leaves them; by hand, so that no engine is needed."""
    fresh(lab)
    log_in(lab)
    lab.client("ecr").create_repository(repositoryName=HELLO)
    push_page(lab, "1", FIRST_PAGE)


def push_page(lab: Lab, tag: str, page: bytes, repository: str = HELLO) -> None:
    """Push an image that holds the page where hello's Dockerfile puts it; raises Refused."""
    token = lab.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    where = lab.control.registry(lab.account, REGION)
    host = where["registry"].partition("/")[2]
    push_image(int(where["port"]), f"{host}/{repository}", tag, image(page, PAGE), token)


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
