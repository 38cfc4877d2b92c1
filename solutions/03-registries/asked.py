"""Ask four questions by HTTP, each with another mistake in it, and show each answer: `python asked.py 1`."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import requests

from ecrlab_course.authoring.wire import Wire, at_ecr, at_hub
from ecrlab_course.documents.lab_view import LabView

RECORD = "asked.json"
NO_TAG, NO_REPOSITORY, NO_LOGIN = "tag missing", "repository missing", "no login shown"
UNSAID, NOBODY = "missing or private: it does not say which", "nobody listens there"


@dataclass(frozen=True)
class Case:
    """One question: its cause in words, what is asked of whom, and the tag."""

    cause: str
    who: str
    where: Callable[[LabView], Wire]
    tag: str


CASES = {
    "ecr-repository": Case(NO_REPOSITORY, "Dara at ECR, web/bookings:1", lambda lab: at_ecr(lab, "web/bookings"), "1"),
    "ecr-tag": Case(NO_TAG, "Dara at ECR, web/booking:2", lambda lab: at_ecr(lab, "web/booking"), "2"),
    "ecr-login": Case(NO_LOGIN, "a script at ECR, web/booking:1", lambda lab: at_ecr(lab, "web/booking", ""), "1"),
    "hub-missing": Case(
        UNSAID, "a stranger at the Hub, harbourbikes/maps:2.3", lambda lab: at_hub(lab, "harbourbikes/maps"), "2.3"
    ),
    "hub-private": Case(
        UNSAID, "a stranger at the Hub, learner/piers:1", lambda lab: at_hub(lab, "learner/piers"), "1"
    ),
    "hub-tag": Case(
        NO_TAG, "a stranger at the Hub, harbourbikes/map:2.4", lambda lab: at_hub(lab, "harbourbikes/map"), "2.4"
    ),
    "silence": Case(NOBODY, "a script at localhost:1, web/booking:1", lambda _: Wire("http://localhost:1/v2/web"), "1"),
}
CAUSES = tuple(sorted({case.cause for case in CASES.values()}))


def chosen(seed: int) -> list[str]:
    """Return the four cases of that number, in the order shown: one of ECR's, one of the Hub's, and two more."""
    draw = random.Random(seed)
    cases = ["hub-missing", draw.choice(["ecr-repository", "ecr-login"])]
    cases += draw.sample([name for name in CASES if name not in cases], 2)
    draw.shuffle(cases)
    return cases


def answer_of(lab: LabView, case: Case) -> str:
    """Ask, and return what was answered in a line."""
    try:
        answer = case.where(lab).get(f"manifests/{case.tag}")
    except requests.ConnectionError:
        return "no answer: Connection refused"
    said = answer.json()["errors"][0]
    challenge = answer.headers.get("WWW-Authenticate", "").split(" ")[0]
    shown = f"   (its challenge: {challenge})" if challenge else ""
    return f"{answer.status_code} {said['code']}: {said['message']}{shown}"


def ask(lab: LabView, seed: int) -> list[str]:
    """Ask the four questions of that number and remember it; return who asked for what, and the answers."""
    lines = []
    for number, name in enumerate(chosen(seed), 1):
        lines += [f"{number}  {CASES[name].who}", f"   {answer_of(lab, CASES[name])}"]
    record = (lab.folder or Path.cwd()) / RECORD
    before = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else {}
    earlier = [*before.get("earlier", []), *([before["number"]] if before else [])]
    record.write_text(json.dumps({"number": seed, "earlier": earlier}) + "\n", encoding="utf-8")
    return lines


if __name__ == "__main__":
    from ecrlab.home import Home
    from ecrlab_course.toolbox.lab import Lab

    print("\n".join(ask(Lab(Home.find(), Path.cwd()), int(sys.argv[1]))))
