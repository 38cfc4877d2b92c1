"""Drill d43: NotAction, under an Allow and under a Deny. Words: d43.md."""

from __future__ import annotations

import re
from typing import Any

from ecrlab.policy.sets import LOGIN, PULL, PUSH
from ecrlab_course.authoring import Sentence, as_words
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.requests import requests
from ecrlab_course.drills.account import ACCOUNT, DrillLab, allow, arn
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.drills.permissions import deny, put, user_arn

NAME, DARA = "shop/orders", f"{ACCOUNT}:user/dara"
WORK = (*PULL, *(action for action in PUSH if action not in PULL))
DELETES = ("ecr:DeleteRepository", "ecr:BatchDeleteImage")
PROBES = {
    "iam:PutUserPolicy": user_arn("dara"), "iam:CreateUser": user_arn("new"),
    "ecr:SetRepositoryPolicy": arn(NAME), "ecr:CreateRepository": arn("x"),
}  # fmt: skip
WANTED = Wanted(DARA, (Grant(WORK, arn("shop/*")), Grant(LOGIN)))
BUILT: dict[str, tuple[dict[str, Any], ...]] = {
    "allow": ({"Effect": "Allow", "NotAction": list(DELETES), "Resource": "*"},),
    "deny": (allow("ecr:*"), {"Effect": "Deny", "NotAction": list(WORK), "Resource": "*"}),
}
"""What Omar wrote in each state."""


def prepare(lab: DrillLab) -> None:
    """Make Dara with Omar's policy."""
    for name in (NAME, "web/page"):
        lab.repository(name)
    lab.person("dara", *BUILT[lab.seed])


class Seen:
    """What Dara may do now, what is open beyond that, and which action was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        asked = [(LOGIN, "*"), *((action, arn(NAME)) for action in WORK)]
        decisions = lab.decisions([("user/dara", action, where) for action, where in asked])
        refused: list[tuple[str, str]] = [
            (each["action"], str(each["reason"]).rstrip(".")) for each in decisions if not each["allowed"]
        ]
        self.refused, self.reason = refused[0] if refused else ("", "")
        self.closed = as_words([action for action, _ in refused]) or "nothing"
        opened = [action for action, where in PROBES.items() if lab.may(("user/dara", action, where))[0]]
        self.open = as_words(opened[:2]) or "nothing"
        self.seen = Sentence("now")
        self.changed = any(each.ok and re.match(CHANGES, each.operation) for each in requests(lab, "iam", "ecr"))
        found = beyond(lab, WANTED)
        self.wider, self.known = found.wider, found.verdict != "cannot tell"
        self.surplus, self.why = found.text, found.why
        typed = re.findall(r"\w[\w-]*:\w+", findings.get("action", ""))
        known = {each.lower(): each for each in lab.control.actions()}
        self.any = bool(findings.get("action", "").strip())
        self.action = known.get(typed[0].lower(), "") if len(typed) == 1 else ""
        meant = self.action in (LOGIN, *WORK)
        was = was_open(lab.seed, self.action)
        self.was = "allowed" if was else "refused"
        self.wrongly = bool(self.action) and was is not meant


CHANGES = "Put|Delete|Create|Attach|Detach|Set|Add|Remove"


def was_open(seed: str, action: str) -> bool:
    """Tell whether Omar's policy allowed an action."""
    return action in WORK if seed == "deny" else action not in DELETES


def judge(seen: Seen) -> str:
    """Return the verdict's name in d43.md: the work, nothing else, and an action that had been decided wrongly."""
    if not seen.changed:
        return "unchanged" if seen.any else "untouched"
    if seen.refused:
        return "refused"
    if seen.wider:
        return "wider"
    if not seen.known:
        return "cannot-tell"
    if not seen.action:
        return "unknown-action" if seen.any else "no-action"
    return "passed" if seen.wrongly else "was-right"


def right(lab: DrillLab) -> None:
    """Say what she may."""
    put(lab, "dara", allow(LOGIN), allow(list(WORK), arn("shop/*")))


def with_deny(lab: DrillLab) -> None:
    """Say what she may, and deny the deletes."""
    put(lab, "dara", allow(LOGIN), allow(list(WORK), arn("shop/*")), deny(list(DELETES)))


def said(action: str) -> dict[str, str]:
    """Return an action as it is typed."""
    return {"action": action}


TRIES = {
    "passed": {
        "what an Allow opened": attempt(said("iam:PutUserPolicy"), right, seed="allow"),
        "what an Allow opened, in other letters, with a Deny beside it": attempt(
            said("`ECR:setrepositorypolicy`"), with_deny, seed="allow"
        ),
        "what a Deny shut": attempt(said(LOGIN), right, seed="deny"),
    },
    "unchanged": {"said only": attempt(said("iam:CreateUser"), seed="allow")},
    "refused": {
        "the login forgotten": attempt(
            said(LOGIN), lambda lab: put(lab, "dara", allow(list(WORK), arn("shop/*"))), seed="deny"
        ),
        "an Allow against the Deny": attempt(
            said(LOGIN), lambda lab: put(lab, "dara", allow(LOGIN), name="login"), seed="deny"
        ),
    },
    "wider": {
        "a Deny for IAM": attempt(
            said("iam:CreateUser"), lambda lab: put(lab, "dara", deny("iam:*"), name="no"), seed="allow"
        ),
        "the login added to the list": attempt(
            said(LOGIN),
            lambda lab: put(
                lab, "dara", allow("ecr:*"),
                {"Effect": "Deny", "NotAction": [LOGIN, *WORK], "Resource": "*"},
            ),
            seed="deny",
        ),
        "in every folder": attempt(
            said("iam:CreateUser"), lambda lab: put(lab, "dara", allow(LOGIN), allow(list(WORK))), seed="allow"
        ),
    },
    "cannot-tell": {
        "a name that a tag decides": attempt(
            said(LOGIN),
            (right, lambda lab: put(lab, "dara", allow(DELETES[0], arn("${aws:ResourceTag/team}")), name="more")),
            seed="deny",
        )
    },
    "no-action": {"in silence": attempt({}, right, seed="allow")},
    "unknown-action": {
        "invented": attempt(said("iam:BecomeRoot"), right, seed="allow"),
        "two of them": attempt(said(f"iam:CreateUser, {LOGIN}"), right, seed="deny"),
    },
    "was-right": {
        "the other state's": attempt(said("iam:PutUserPolicy"), right, seed="deny"),
        "what was named": attempt(said(DELETES[0]), right, seed="allow"),
    },
}  # fmt: skip
