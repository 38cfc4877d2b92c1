"""Drill d44: one wrong word in a policy; an action, a Region, or a service. Words: d44.md."""

from __future__ import annotations

import re
from typing import Any

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import PULL_ONLY, Sentence, as_words
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.requests import requests
from ecrlab_course.drills.account import ACCOUNT, DrillLab, allow, arn
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.drills.permissions import let_in, put, share, user_arn

NAME, RUNNER = "shop/orders", f"{ACCOUNT}:user/runner"
WRONG = {"action": "BatchGetImages", "region": "us-east-2", "service": "esr"}
WANTED = Wanted(
    RUNNER, (Grant(PULL, arn(NAME)), Grant(LOGIN)), passes=Grant("ecr:BatchCheckLayerAvailability", arn(NAME))
)
FEW = 4
"""So many words a finding may have: the wrong one, with its service or with what stands around it."""


def prepare(lab: DrillLab) -> None:
    """Make runner, with one wrong word."""
    for name in (NAME, "shop/payments"):
        lab.repository(name)
        lab.push(name, "1", name.encode())
    actions, where = list(PULL), arn(NAME)
    if lab.seed == "action":
        actions[0] = f"ecr:{WRONG['action']}"
    elif lab.seed == "service":
        actions[1] = actions[1].replace("ecr", WRONG["service"])
    else:
        where = arn(NAME, WRONG["region"])
    lab.person("runner", allow(LOGIN), allow(actions, where))


class Seen:
    """Whether runner pulls, what else is open, and which word was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        asked = [("user/runner", action, arn(NAME)) for action in PULL]
        decisions = lab.decisions([("user/runner", LOGIN, "*"), *asked])
        refused = [each for each in decisions if not each["allowed"]]
        self.refused = str(refused[0]["action"]) if refused else ""
        self.reason = str(refused[0]["reason"]).rstrip(".") if refused else ""
        self.closed = as_words([str(each["action"]) for each in refused]) or "nothing"
        self.seen = Sentence("now")
        self.changed = any(
            each.ok and re.match("Put|Create|Attach|Set|Add|Delete", each.operation)
            for each in requests(lab, "iam", "ecr")
        )
        found = beyond(lab, WANTED)
        self.wider, self.known = found.wider, found.verdict != "cannot tell"
        self.surplus, self.why = found.text, found.why
        typed = findings.get("word", "").lower()
        self.any, self.word = bool(typed.strip()), WRONG[lab.seed]
        parts = re.findall(r"[\w-]+", typed)
        self.right = self.word.lower() in parts
        # The ARN of the policy counts as one word: it is copied whole.
        self.many = len(re.findall(r"[^\s,\"'`]+", typed)) > FEW or sum(
            each.lower() in parts for each in WRONG.values()
        ) > (1 if self.right else len(WRONG))


def judge(seen: Seen) -> str:
    """Return the verdict's name in d44.md: runner pulls, nothing else is open, the wrong word is typed."""
    if seen.refused:
        return "still-refused" if seen.changed or seen.any else "untouched"
    if seen.wider:
        return "wider"
    if not seen.known:
        return "cannot-tell"
    if not seen.any:
        return "no-word"
    if not seen.right:
        return "other-word"
    return "whole-policy" if seen.many else "passed"


def write(lab: DrillLab, *statements: dict[str, Any]) -> None:
    """Write runner's policy: the login, and these."""
    put(lab, "runner", allow(LOGIN), *statements)


def right(lab: DrillLab) -> None:
    """Write the right words."""
    write(lab, allow(list(PULL), arn(NAME)))


def star(lab: DrillLab) -> None:
    """Write a star behind the action, which fits this action alone."""
    write(lab, allow(["ecr:BatchGetImage*", PULL[1]], arn(NAME)))


def by_repository(lab: DrillLab) -> None:
    """Let runner in by the repository's policy."""
    share(lab, NAME, let_in(user_arn("runner"), list(PULL)))


def managed(lab: DrillLab) -> None:
    """Attach AWS's policy of a pull."""
    lab.client("iam").attach_user_policy(UserName="runner", PolicyArn=f"arn:aws:iam::aws:policy/{PULL_ONLY}")


def said(word: str) -> dict[str, str]:
    """Return a word as it is typed."""
    return {"word": word}


EVERY = "BatchGetImages, us-east-2, esr"
TRIES = {
    "passed": {
        "an action": attempt(said("ecr:BatchGetImages"), right, seed="action"),
        "a Region, in its ARN": attempt(said(f'"{arn(NAME, "us-east-2")}"'), right, seed="region"),
        "a service": attempt(said("`esr`"), right, seed="service"),
        "a star that fits": attempt(said("batchgetimages"), star, seed="action"),
        "by the repository": attempt(said("esr:GetDownloadUrlForLayer"), by_repository, seed="service"),
    },
    "still-refused": {
        "one letter elsewhere": attempt(
            said("us-east-2"), lambda lab: write(lab, allow(["ecr:BatchGetImages", PULL[1]], arn(NAME))), seed="region"
        ),
        "said only": attempt(said("esr"), seed="service"),
    },
    "wider": {
        "all of ECR": attempt(said("BatchGetImages"), lambda lab: write(lab, allow("ecr:*", arn(NAME))), seed="action"),
        "AWS's own policy": attempt(said("us-east-2"), managed, seed="region"),
        "every Region": attempt(
            said("us-east-2"), lambda lab: write(lab, allow(list(PULL), arn(NAME, "*"))), seed="region"
        ),
    },
    "cannot-tell": {
        "a name that a tag decides": attempt(
            said("esr"),
            lambda lab: write(lab, allow(list(PULL), arn(NAME)), allow("ecr:PutImage", arn("${aws:ResourceTag/team}"))),
            seed="service",
        )
    },
    "no-word": {"in silence": attempt({}, right, seed="action")},
    "other-word": {
        "the other state's": attempt(said("BatchGetImages"), right, seed="region"),
        "what is right": attempt(said("BatchGetImage"), right, seed="action"),
    },
    "whole-policy": {
        "every word there is": attempt(said(EVERY), right, seed="action"),
        "the statement": attempt(
            said(f'"Effect": "Allow", "Action": ["esr:GetDownloadUrlForLayer"], "Resource": "{arn(NAME)}"'),
            right,
            seed="service",
        ),
    },
}
