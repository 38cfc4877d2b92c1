"""Drill d40: another customer's scanner; no external id, an optional one, or a pattern. Words: d40.md."""

from __future__ import annotations

import secrets
from typing import Any

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.requests import requests
from ecrlab_course.drills.account import OTHER, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.drills.permissions import put, role_arn, trust, user_arn

NAME, ROLE, KEY, ASSUME = "shop/orders", "scan", "sts:ExternalId", "sts:AssumeRole"
SCANNER = f"{OTHER}:user/scanner"
WRITES = ("Update", "Put", "Delete", "Create", "Attach")
# Which id a request carries is asked one by one, below.
WANTED = Wanted(SCANNER, Grant(ASSUME, role_arn(ROLE)), doors=(role_arn(ROLE), arn(NAME)))
HOLES = {"missing": "any", "optional": "without", "pattern": "alike"}


def prepare(lab: DrillLab) -> None:
    """Make the role and the scanner, agree on an id, and leave a hole."""
    lab.repository(NAME)
    lab.push(NAME, "1", b"orders")
    lab.person("scanner", allow(ASSUME, role_arn(ROLE)), account=OTHER)
    agreed = f"harbour-{secrets.token_hex(3)}"
    lab.write("contract.txt", f"External id of Harbour Bikes, as agreed: {agreed}\n")
    conditions = {
        "missing": None,
        "optional": {"StringEqualsIfExists": {KEY: agreed}},
        "pattern": {"StringLike": {KEY: "harbour-*"}},
    }
    iam = lab.client("iam")
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=document(conditions[lab.seed]))
    pulling = policy(allow(LOGIN), allow(list(PULL), arn(NAME)))
    iam.put_role_policy(RoleName=ROLE, PolicyName="pull", PolicyDocument=pulling)
    iam.tag_user(UserName="admin", Tags=[{"Key": "live", "Value": agreed}])


def document(condition: dict[str, Any] | None = None, *who: str) -> str:
    """Return a trust policy that lets the scanner in."""
    return trust(*(who or (user_arn("scanner", OTHER),)), condition=condition)


def agreed_id(lab: DrillLab) -> str:
    """Return the id of the contract, wherever the file is by now."""
    tags = {tag["Key"]: tag["Value"] for tag in lab.client("iam").list_user_tags(UserName="admin")["Tags"]}
    return str(tags.get("live", ""))


class Seen:
    """Which requests of the scanner's would get a session, who else is trusted, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        self.agreed = agreed_id(lab)
        others = (f"{self.agreed}0", self.agreed[:-1], self.agreed.upper(), "harbour-000000", "rival-17", "*")
        asked = [None, self.agreed, *others]
        questions = [
            {"principal": SCANNER, "action": ASSUME, "resource": role_arn(ROLE), "context": {KEY: each} if each else {}}
            for each in asked
        ]
        answers = lab.control.decide_all(questions)
        opened = [bool(each["allowed"]) for each in answers]
        self.without, self.with_ours = opened[0], opened[1]
        self.reason = str(answers[1]["reason"]).rstrip(".")
        self.other = next((each for each, may in zip(others, opened[2:], strict=True) if may), "")
        words = {True: "a session", False: "refused"}
        self.none, self.ours, self.others = words[self.without], words[self.with_ours], words[bool(self.other)]
        self.seen = Sentence("now")
        found = beyond(lab, WANTED)
        self.wider, self.known = found.wider, found.verdict != "cannot tell"
        self.surplus, self.why = found.text, found.why
        self.seed, self.open = lab.seed, findings.get("open", "")
        self.built = not any(each.ok and each.operation.startswith(WRITES) for each in requests(lab, "iam"))


def judge(seen: Seen) -> str:
    """Return the verdict's name in d40.md: the agreed id opens it, nothing else does, and the hole was seen."""
    if seen.built:
        return "not-changed" if seen.open else "untouched"
    if not seen.with_ours:
        return "ours-refused"
    if seen.without:
        return "without-an-id"
    if seen.other:
        return "another-id"
    if seen.wider:
        return "wider"
    if not seen.known:
        return "cannot-tell"
    if not seen.open:
        return "not-said"
    return "passed" if seen.open == HOLES[seen.seed] else "other-hole"


def write(lab: DrillLab, condition: dict[str, Any] | None, *who: str) -> None:
    """Write the trust policy."""
    lab.client("iam").update_assume_role_policy(RoleName=ROLE, PolicyDocument=document(condition, *who))


def ask_for(lab: DrillLab, operator: str = "StringEquals", value: str = "{}", key: str = KEY) -> None:
    """Ask for the agreed id."""
    write(lab, {operator: {key: value.format(agreed_id(lab))}})


def also_ours(lab: DrillLab) -> None:
    """Ask for the id, and trust a user of our own account as well."""
    write(lab, {"StringEquals": {KEY: agreed_id(lab)}}, user_arn("scanner", OTHER), user_arn("admin"))


def by_deny(lab: DrillLab) -> None:
    """Allow the scanner, and deny it whatever is not the agreed id."""
    plain = {"Effect": "Allow", "Principal": {"AWS": user_arn("scanner", OTHER)}, "Action": ASSUME}
    denied = {**plain, "Effect": "Deny", "Condition": {"StringNotEquals": {KEY: agreed_id(lab)}}}
    lab.client("iam").update_assume_role_policy(RoleName=ROLE, PolicyDocument=policy(plain, denied))


def by_tag(lab: DrillLab) -> None:
    """Ask for the id, and give the scanner one more policy, whose resource a tag decides."""
    ask_for(lab)
    put(lab, "scanner", allow("ecr:PutImage", arn("${aws:ResourceTag/team}")), name="more", profile="other")


def said(seed: str) -> dict[str, str]:
    """Return what was open in that state, as it is chosen."""
    return {"open": HOLES[seed]}


TRIES = {
    "passed": {
        "where no id was asked for": attempt(said("missing"), ask_for, seed="missing"),
        "where it was optional": attempt(said("optional"), ask_for, seed="optional"),
        "where a pattern was": attempt(said("pattern"), ask_for, seed="pattern"),
        "by StringLike without a star, the key in other letters": attempt(
            said("missing"), lambda lab: ask_for(lab, "StringLike", key="STS:externalid"), seed="missing"
        ),
        "by a Deny": attempt(said("optional"), by_deny, seed="optional"),
    },
    "not-changed": {"named only": attempt(said("optional"), seed="optional")},
    "ours-refused": {"another customer's id": attempt(do=lambda lab: ask_for(lab, value="rival-17"), seed="missing")},
    "without-an-id": {
        "if exists": attempt(said("missing"), lambda lab: ask_for(lab, "StringEqualsIfExists"), seed="missing"),
        "the Condition removed": attempt(said("pattern"), lambda lab: write(lab, None), seed="pattern"),
    },
    "another-id": {
        "any id": attempt(said("missing"), lambda lab: ask_for(lab, "StringLike", "*"), seed="missing"),
        "any letters": attempt(said("optional"), lambda lab: ask_for(lab, "StringEqualsIgnoreCase"), seed="optional"),
        "a star behind it": attempt(said("pattern"), lambda lab: ask_for(lab, "StringLike", "{}*"), seed="pattern"),
    },
    "wider": {
        "somebody of ours as well": attempt(said("missing"), also_ours, seed="missing"),
        "their whole account": attempt(
            said("missing"),
            lambda lab: write(lab, {"StringEquals": {KEY: agreed_id(lab)}}, f"arn:aws:iam::{OTHER}:root"),
            seed="missing",
        ),
    },
    "cannot-tell": {"a name that a tag decides": attempt(said("missing"), by_tag, seed="missing")},
    "not-said": {"in silence": attempt({}, ask_for, seed="missing")},
    "other-hole": {"the other state's": attempt(said("missing"), ask_for, seed="optional")},
}
