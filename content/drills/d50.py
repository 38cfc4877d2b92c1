"""Drill d50: an account named in a repository's policy, and who of it gets in. Words: d50.md."""

from __future__ import annotations

import re
from typing import Any

from ecrlab.policy.sets import LOGIN, PULL, PUSH
from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.requests import requests
from ecrlab_course.drills.account import ACCOUNT, OTHER, DrillLab, allow, arn
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.drills.permissions import let_in, put, share, user_arn

NAME, PEOPLE = "shop/orders", ("partner", "intern", "clerk")
ROOT, PARTNER = f"arn:aws:iam::{OTHER}:root", user_arn("partner", OTHER)
COULD: dict[str, tuple[str, ...]] = {
    "clerk": ("partner", "clerk"),
    "intern": ("partner", "intern"),
    "alone": ("partner",),
}
"""Who could pull in each state."""
OURS = allow(list(PULL), arn(NAME))
ANY_OF_OURS = allow(list(PULL), f"arn:aws:ecr:*:{ACCOUNT}:repository/*")
OWN = allow("ecr:*", f"arn:aws:ecr:*:{OTHER}:repository/*")
WORK: dict[str, dict[str, dict[str, Any]]] = {
    "clerk": {"partner": OURS, "intern": OWN, "clerk": ANY_OF_OURS},
    "intern": {
        "partner": OURS,
        "intern": allow(["ecr:Batch*", "ecr:GetDownload*"]),
        "clerk": allow(list(PULL), arn(NAME, "eu-west-1")),
    },
    "alone": {"partner": OURS, "intern": OWN, "clerk": allow(list(PUSH), arn(NAME))},
}
"""What the three have at home beside the login, in each state."""
WANTED = Wanted(
    f"{OTHER}:user/partner",
    Grant(PULL, arn(NAME)),
    within=ACCOUNT,
    doors=(arn(NAME),),
)


def prepare(lab: DrillLab) -> None:
    """Make three users of the other account, and a policy that names the account."""
    lab.repository(NAME)
    lab.push(NAME, "1", b"orders")
    for person in PEOPLE:
        lab.person(person, allow(LOGIN), WORK[lab.seed][person], account=OTHER)
    share(lab, NAME, let_in(ROOT, list(PULL)))


class Seen:
    """Who of the other account may pull now, what else is open, and who was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        asked = [(f"{OTHER}:user/{who}", action, arn(NAME)) for who in (*PEOPLE, "admin") for action in PULL]
        answers = lab.decisions(asked)
        shut = {
            each[0].rpartition("/")[2] for each, answer in zip(asked, answers, strict=True) if not answer["allowed"]
        }
        may = [who for who in (*PEOPLE, "admin") if who not in shut]
        self.partner = "partner" in may
        self.reason = next((str(each["reason"]).rstrip(".") for each in answers[:2] if not each["allowed"]), "")
        self.others = ", ".join(who for who in may if who != "partner")
        self.now, self.seen = ", ".join(may) or "nobody", Sentence("now")
        writes = [each for each in requests(lab, "iam", "ecr") if each.ok and re.match(CHANGES, each.operation)]
        self.changed = bool(writes)
        self.theirs = any(each.service == "iam" and each.row["account"] == OTHER for each in writes)
        found = beyond(lab, WANTED)
        self.wider, self.known = found.wider, found.verdict != "cannot tell"
        self.surplus, self.why = found.text, found.why
        text = findings.get("who", "").lower()
        self.any = bool(text.strip())
        self.said = {who for who in PEOPLE if re.search(rf"\b{who}\b", text)}
        self.could = set(COULD[lab.seed])
        self.list = ", ".join(COULD[lab.seed])


CHANGES = "Put|Set|Delete|Create|Attach|Detach|Update|Add|Remove"


def judge(seen: Seen) -> str:
    """Return the verdict's name in d50.md: partner alone, by our side, and who could before."""
    if not seen.changed:
        return "unchanged" if seen.any else "untouched"
    if seen.theirs:
        return "theirs-changed"
    if not seen.partner:
        return "partner-refused"
    if seen.others:
        return "others-pull"
    if seen.wider:
        return "wider"
    if not seen.known:
        return "cannot-tell"
    if not seen.any:
        return "not-said"
    return "passed" if seen.said == seen.could else "other-list"


def name(lab: DrillLab) -> None:
    """Name partner."""
    share(lab, NAME, let_in(PARTNER, list(PULL)))


def by_condition(lab: DrillLab) -> None:
    """Name the account, and ask who it is."""
    asked = {"ArnEquals": {"aws:PrincipalArn": PARTNER}}
    share(lab, NAME, let_in(ROOT, list(PULL), Condition=asked))


def theirs(lab: DrillLab) -> None:
    """Take the pull from clerk, in their account."""
    put(lab, "clerk", allow(LOGIN), profile="other")


def nobody(lab: DrillLab) -> None:
    """Delete our policy."""
    lab.client("ecr").delete_repository_policy(repositoryName=NAME)


def tagged(lab: DrillLab) -> None:
    """Name partner, and let him push what a tag decides."""
    pushing = let_in(PARTNER, "ecr:PutImage", Resource=arn("${aws:ResourceTag/team}"))
    share(lab, NAME, let_in(PARTNER, list(PULL)), pushing)


def said(seed: str) -> dict[str, str]:
    """Return who could pull, as it is typed."""
    return {"who": " and ".join(COULD[seed])}


TRIES = {
    "passed": {
        "named": attempt(said("clerk"), name, seed="clerk"),
        "by a condition": attempt({"who": "Intern, partner"}, by_condition, seed="intern"),
        "partner alone could before": attempt(said("alone"), name, seed="alone"),
    },
    "unchanged": {"said only": attempt(said("clerk"), seed="clerk")},
    "theirs-changed": {"in their account": attempt(said("clerk"), (theirs, name), seed="clerk")},
    "partner-refused": {
        "no policy": attempt(said("clerk"), nobody, seed="clerk"),
        "a user of ours": attempt(
            said("alone"), lambda lab: share(lab, NAME, let_in(user_arn("admin"), list(PULL))), seed="alone"
        ),
    },
    "others-pull": {
        "in other words": attempt(said("clerk"), lambda lab: share(lab, NAME, let_in(OTHER, list(PULL))), seed="clerk"),
        "everybody": attempt(said("intern"), lambda lab: share(lab, NAME, let_in("*", list(PULL))), seed="intern"),
    },
    "wider": {
        "a push as well": attempt(
            said("clerk"), lambda lab: share(lab, NAME, let_in(PARTNER, [*PULL, "ecr:PutImage"])), seed="clerk"
        ),
        "intern too, who has no Allow today": attempt(
            said("alone"),
            lambda lab: share(lab, NAME, let_in([PARTNER, user_arn("intern", OTHER)], list(PULL))),
            seed="alone",
        ),
    },
    "cannot-tell": {"a tag of the repository": attempt(said("clerk"), tagged, seed="clerk")},
    "not-said": {"in silence": attempt({}, name, seed="clerk")},
    "other-list": {
        "the other state's": attempt(said("clerk"), name, seed="intern"),
        "all three": attempt({"who": "partner, intern, clerk"}, name, seed="clerk"),
        "nobody": attempt({"who": "nobody"}, name, seed="alone"),
    },
}
