"""03-e5: five requests in an order. What a learner reads is in e5.md."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import requests
from botocore.exceptions import ClientError

from ecrlab_course.authoring import Lab, Result, Sentence, Try
from ecrlab_course.authoring.evidence import images, tags
from ecrlab_course.authoring.staging import make_repository
from ecrlab_course.authoring.wire import Wire, at_ecr

from .state import NOTE, packed

LOGIN, SHELF, LIST = "login", "repository", "manifest"
PIECES = ("layer", "config")
STEPS = (LIST, "layer", SHELF, "config", LOGIN)
IMAGE = dict(zip((*PIECES, LIST), packed("pier 4: ring twice\n", "note.txt"), strict=True))


def run(lab: Lab, order: tuple[str, ...]) -> Result:
    """Make the requests in that order, from a registry without tools/note; stop at the first refusal."""
    lab.clear(NOTE)
    lines: list[str] = []
    wire, stopped, said = at_ecr(lab, NOTE, ""), 0, ""
    for number, step in enumerate(order, 1):
        said = ""
        if step == LOGIN:
            wire = at_ecr(lab, NOTE)
        elif step == SHELF:
            said = created(lab)
        else:
            said = answered(wire, step)
        lines.append(f"{number} {step}: {said or f'ok · images that a visitor sees: {len(images(lab, NOTE))}'}")
        if said:
            stopped = number
            break
    output = "\n".join(lines) + "\n"
    return Result(" → ".join(order), 1 if stopped else 0, output, {"stopped": stopped, "said": said})


def created(lab: Lab) -> str:
    """Create tools/note; return ECR's code when it refuses."""
    try:
        make_repository(lab, NOTE)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def answered(wire: Wire, step: str) -> str:
    """Send a piece or the manifest; return the registry's words when it refuses."""
    answer: requests.Response | None = None
    if step == LIST:
        answer = wire.put_manifest(IMAGE[LIST], "by-hand")
    else:
        try:
            wire.put_blob(IMAGE[step])
        except requests.HTTPError as error:
            answer = error.response
    if answer is None or answer.ok:
        return ""
    with suppress(ValueError, KeyError, IndexError):
        first = answer.json()["errors"][0]
        return f"{answer.status_code} {first['code']}: {first['message']}"
    return str(answer.status_code)


class Seen:
    """How far the order ran, what the registry said, and whether the image is in ECR."""

    def __init__(self, lab: Lab, order: tuple[str, ...], result: Result) -> None:
        self.order = order
        self.stopped = int(result.data.get("stopped", 0))
        self.step = order[self.stopped - 1] if self.stopped else ""
        self.done = order[: self.stopped - 1] if self.stopped else order
        self.said = str(result.data.get("said", ""))
        self.stored = bool(result.command) and "by-hand" in tags(lab, NOTE)
        missing = [piece for piece in PIECES if piece not in self.done]
        self.lacking = missing[0] if missing else ""
        self.both_lack = len(missing) == len(PIECES)
        self.left = ", ".join(step for step in STEPS if step not in order)
        self.far = Sentence("not-run")
        if result.command:
            self.far = Sentence("stopped") if self.stopped else Sentence("ran")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e5.md: any order passes that left the image in ECR."""
    if seen.step:
        return why_stopped(seen)
    if seen.stored:
        return "passed"
    return "unfinished" if seen.order else "untouched"


def why_stopped(seen: Seen) -> str:
    """Return what the refused request lacked."""
    if seen.step in (LOGIN, SHELF):
        return "elsewhere"
    if LOGIN not in seen.done:
        return "nobody"
    if SHELF not in seen.done:
        return "no-shelf"
    if seen.step == LIST and seen.lacking:
        return "list-first" if seen.both_lack else "one-missing"
    return "elsewhere"


def forbid(lab: Lab) -> None:
    """Forbid admin to store an image: then a push stops although nothing is missing."""
    document = '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "ecr:PutImage", "Resource": "*"}]}'
    lab.client("iam").put_user_policy(UserName="admin", PolicyName="no-push", PolicyDocument=document)


BOOK = [LOGIN, SHELF, "layer", "config", LIST]

TRIES: dict[str, Any] = {
    "passed": {
        "login first": BOOK,
        "repository first, config before layer": [SHELF, LOGIN, "config", "layer", LIST],
        "after an order that stopped": Try(BOOK, first=["layer"]),
    },
    "list-first": [[LOGIN, SHELF, LIST, "layer", "config"]],
    "one-missing": {
        "before the config": [LOGIN, SHELF, "layer", LIST, "config"],
    },
    "no-shelf": {
        "sent before it was there": [LOGIN, "layer", "config", SHELF, LIST],
    },
    "nobody": {"as listed": [LIST, "layer", SHELF, "config", LOGIN], "no login": [SHELF, "layer", "config", LIST]},
    "unfinished": [[LOGIN, SHELF, "layer", "config"]],
    "elsewhere": [Try(BOOK, do=forbid)],
}


def reset(lab: Lab) -> None:
    """Remove tools/note, and what forbids admin something."""
    lab.clear(NOTE)
    lab.user("admin")
