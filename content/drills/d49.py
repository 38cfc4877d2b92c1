"""Drill d49: a pull through one endpoint alone; tied too tight, negated, or optional. Words: d49.md."""

from __future__ import annotations

import re
import secrets
from typing import Any

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.requests import requests
from ecrlab_course.drills.account import ACCOUNT, DrillLab, allow, arn
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.drills.permissions import deny, put

NAME, NEIGHBOUR, KEY = "shop/orders", "shop/payments", "aws:SourceVpce"
RUNNER, OLD = f"{ACCOUNT}:user/runner", "vpce-00000000000000old"
FROM = {"tied": "nowhere", "negated": "outside", "optional": "both"}
WANTED = Wanted(RUNNER, (Grant(PULL, arn(NAME)), Grant(LOGIN)))
"""From where, is asked one by one, below."""


def prepare(lab: DrillLab) -> None:
    """Make runner with a condition that says something else, and name the endpoint."""
    for name in (NAME, NEIGHBOUR):
        lab.repository(name)
        lab.push(name, "1", name.encode())
    endpoint = f"vpce-0{secrets.token_hex(8)}"
    lab.write("endpoint.txt", endpoint + "\n")
    lab.person("runner")
    lab.client("iam").tag_user(UserName="admin", Tags=[{"Key": "live", "Value": endpoint}])
    if lab.seed == "tied":
        # One condition over all: the login asks for ECR's API, through an endpoint of its own.
        api = f"vpce-0{secrets.token_hex(8)}"
        tied = {**allow([LOGIN, *PULL]), "Condition": {"StringEquals": {KEY: endpoint}}}
        also = {**deny(LOGIN), "Condition": {"StringNotEquals": {KEY: api}}}
        put(lab, "runner", tied, also)
    elif lab.seed == "negated":
        write(lab, {"StringNotEquals": {KEY: OLD}})
    else:
        write(lab, {"StringEqualsIfExists": {KEY: endpoint}})


def write(lab: DrillLab, condition: dict[str, Any], where: str = arn(NAME), *more: dict[str, Any]) -> None:
    """Write runner's policy: the login, and the pull on this condition."""
    put(lab, "runner", allow(LOGIN), {**allow(list(PULL), where), "Condition": condition}, *more)


def endpoint_of(lab: DrillLab) -> str:
    """Return the endpoint of endpoint.txt, wherever the file is by now."""
    tags = {tag["Key"]: tag["Value"] for tag in lab.client("iam").list_user_tags(UserName="admin")["Tags"]}
    return str(tags["live"])


class Seen:
    """What runner may do from each place, what else is open, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        self.endpoint, self.other = endpoint_of(lab), "vpce-0ffffffffffffffff"
        others = (self.other, OLD, f"{self.endpoint}0", "vpce-0", self.endpoint[:-1])
        places = (self.endpoint, None, *others)
        asked = [(LOGIN, "*"), *((action, arn(NAME)) for action in PULL)]
        questions = [
            {"principal": RUNNER, "action": action, "resource": where, "context": {KEY: place} if place else {}}
            for place in places
            for action, where in asked
        ]
        answers = [bool(each["allowed"]) for each in lab.control.decide_all(questions)]
        by_place = {place: answers[3 * at : 3 * at + 3] for at, place in enumerate(places)}
        shut = [place for place in places if not by_place[place][0]]
        self.place = ""
        if shut:
            self.place = Sentence("through" if shut[0] == self.endpoint else "another" if shut[0] else "none")
        self.refused = next((a for a, may in zip(PULL, by_place[self.endpoint][1:], strict=True) if not may), "")
        outside = [a for a, may in zip(PULL, by_place[None][1:], strict=True) if may]
        elsewhere = [(a, each) for each in others for a, may in zip(PULL, by_place[each][1:], strict=True) if may]
        self.is_outside, self.is_elsewhere = bool(outside), bool(elsewhere)
        self.opened = outside[0] if outside else elsewhere[0][0] if elsewhere else ""
        self.other = elsewhere[0][1] if elsewhere else self.other
        words = {True: "allowed", False: "refused"}
        self.inside = words[all(by_place[self.endpoint][1:])]
        self.outside, self.elsewhere = words[bool(outside)], words[bool(elsewhere)]
        self.login = words[not shut] if len(shut) in (0, len(places)) else "not from every place"
        self.seen = Sentence("now")
        self.changed = any(
            each.ok and re.match("Put|Create|Attach|Delete|Detach|Set|Add", each.operation)
            for each in requests(lab, "iam", "ecr")
        )
        found = beyond(lab, WANTED)
        self.wider, self.surplus = found.wider, found.text
        self.seed, self.said = lab.seed, findings.get("from", "")


def judge(seen: Seen) -> str:
    """Return the verdict's name in d49.md: the login everywhere, the pull through the endpoint alone, and before."""
    if not seen.changed:
        return "unchanged" if seen.said else "untouched"
    if seen.is_outside:
        return "open-outside"
    if seen.is_elsewhere:
        return "open-elsewhere"
    if seen.refused:
        return "no-pull"
    if seen.place:
        return "no-login"
    if seen.wider:
        return "wider"
    if not seen.said:
        return "not-said"
    return "passed" if seen.said == FROM[seen.seed] else "other-place"


def right(lab: DrillLab, operator: str = "StringEquals", key: str = KEY) -> None:
    """Ask for the endpoint."""
    write(lab, {operator: {key: endpoint_of(lab)}})


def by_deny(lab: DrillLab) -> None:
    """Allow the pull, and deny it from elsewhere."""
    elsewhere = {**deny(list(PULL)), "Condition": {"StringNotEquals": {KEY: endpoint_of(lab)}}}
    put(lab, "runner", allow(LOGIN), allow(list(PULL), arn(NAME)), elsewhere)


def deny_all(lab: DrillLab) -> None:
    """Allow the pull, and deny all of ECR from elsewhere."""
    elsewhere = {**deny("ecr:*"), "Condition": {"StringNotEquals": {KEY: endpoint_of(lab)}}}
    put(lab, "runner", allow(LOGIN), allow(list(PULL), arn(NAME)), elsewhere)


def said(seed: str) -> dict[str, str]:
    """Return from where it was possible, as it is chosen."""
    return {"from": FROM[seed]}


TRIES = {
    "passed": {
        "where all was tied": attempt(said("tied"), right, seed="tied"),
        "where it was negated": attempt(said("negated"), right, seed="negated"),
        "where it was optional": attempt(said("optional"), right, seed="optional"),
        "by a Deny on the pull": attempt(said("negated"), by_deny, seed="negated"),
        "StringLike, the key in other letters": attempt(
            said("optional"), lambda lab: right(lab, "StringLike", "aws:sourcevpce"), seed="optional"
        ),
    },
    "unchanged": {"said only": attempt(said("negated"), seed="negated")},
    "no-login": {"a Deny over all": attempt(said("negated"), deny_all, seed="negated")},
    "no-pull": {
        "another endpoint": attempt(
            said("tied"), lambda lab: write(lab, {"StringEquals": {KEY: "vpce-1"}}), seed="tied"
        )
    },
    "open-outside": {
        "if exists": attempt(said("negated"), lambda lab: right(lab, "StringEqualsIfExists"), seed="negated"),
        "no condition": attempt(
            said("tied"),
            lambda lab: put(lab, "runner", allow(LOGIN), allow(list(PULL), arn(NAME))),
            seed="tied",
        ),
    },
    "open-elsewhere": {
        "any endpoint": attempt(
            said("negated"), lambda lab: write(lab, {"StringLike": {KEY: "vpce-*"}}), seed="negated"
        ),
        "that there is one": attempt(
            said("optional"), lambda lab: write(lab, {"Null": {KEY: "false"}}), seed="optional"
        ),
    },
    "wider": {
        "next door as well": attempt(
            said("tied"),
            lambda lab: write(lab, {"StringEquals": {KEY: endpoint_of(lab)}}, arn("shop/*")),
            seed="tied",
        )
    },
    "not-said": {"in silence": attempt({}, right, seed="tied")},
    "other-place": {"the other state's": attempt(said("negated"), right, seed="optional")},
}
