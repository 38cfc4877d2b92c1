"""Drill d45: one action of IAM that is as good as all; four ways up. Words: d45.md."""

from __future__ import annotations

import re
from typing import Any

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.requests import requests
from ecrlab_course.drills.account import ACCOUNT, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.drills.permissions import deny, put, role_arn, trust, user_arn

NAME, PEOPLE, DAILY = "shop/orders", ("dara", "omar", "aiko"), f"arn:aws:iam::{ACCOUNT}:policy/daily"
READS = {
    "iam:ListUsers": "*", "iam:ListRoles": "*", "iam:GetUserPolicy": user_arn("dara"), "iam:ListPolicyVersions": DAILY,
}  # fmt: skip
"""What everybody may read of IAM, and a resource to ask about."""
WAYS = {
    "write": ("omar", "iam:PutUserPolicy", user_arn("omar")),
    "attach": ("aiko", "iam:AttachUserPolicy", user_arn("aiko")),
    "version": ("dara", "iam:CreatePolicyVersion", DAILY),
    "trust": ("omar", "iam:UpdateAssumeRolePolicy", role_arn("admins")),
}
UP = (
    "iam:PutUserPolicy", "iam:AttachUserPolicy", "iam:CreatePolicyVersion", "iam:UpdateAssumeRolePolicy",
    "iam:AddUserToGroup", "iam:PutGroupPolicy", "iam:AttachGroupPolicy", "iam:PutRolePolicy", "iam:AttachRolePolicy",
    "sts:AssumeRole",
)  # fmt: skip
PLACES = {"User": [user_arn(who) for who in PEOPLE], "Policy": [DAILY], "Role": [role_arn("admins")]}
WANTED = Wanted(
    tuple(f"{ACCOUNT}:user/{who}" for who in PEOPLE),
    (Grant(PULL, arn(NAME)), Grant(LOGIN), Grant(tuple(READS))),
    passes=Grant("iam:GetUser"),
    doors=(),
)


def prepare(lab: DrillLab) -> None:
    """Make three people with the same work; one of them may write permissions."""
    iam = lab.client("iam")
    lab.repository(NAME)
    lab.push(NAME, "1", b"orders")
    daily = policy(allow(LOGIN), allow(list(PULL), arn(NAME)))
    iam.create_policy(PolicyName="daily", PolicyDocument=daily)
    iam.create_role(RoleName="admins", AssumeRolePolicyDocument=trust(user_arn("admin")))
    iam.put_role_policy(RoleName="admins", PolicyName="all", PolicyDocument=policy(allow("*")))
    who, action, where = WAYS[lab.seed]
    for person in PEOPLE:
        lab.person(person)
        iam.attach_user_policy(UserName=person, PolicyArn=DAILY)
        desk(lab, person, *([allow(action, where)] if person == who else []))


def desk(lab: DrillLab, person: str, *more: dict[str, Any]) -> None:
    """Write somebody's policy `desk`: reading IAM, and more."""
    put(lab, person, allow(list(READS)), *more, name="desk")


class Seen:
    """Who may take which way up now, whose work goes on, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        asked = [
            (f"user/{person}", action, place)
            for person in PEOPLE
            for action in UP
            for place in PLACES["Policy" if "PolicyVersion" in action else "Role" if "Role" in action else "User"]
            if "Group" not in action
        ]
        answers = lab.decisions(asked)
        open_ = {(who, action) for (who, action, _), each in zip(asked, answers, strict=True) if each["allowed"]}
        self.open = bool(open_)
        self.writers = ", ".join(sorted({who.partition("/")[2] for who, _ in open_})) or "nobody"
        self.seen = Sentence("now")
        everything = [person for person in PEOPLE if lab.may((f"user/{person}", "iam:CreateUser", user_arn("new")))[0]]
        self.admin = everything[0].capitalize() if everything else ""
        self.lost = self._lost(lab)
        found = beyond(lab, WANTED)
        self.wider, self.known = found.wider, found.verdict != "cannot tell"
        self.surplus, self.why = found.text, found.why
        self.touched = any(
            each.ok and not re.match("Get|List|Simulate|Describe", each.operation) for each in requests(lab, "iam")
        )
        who, action, _ = WAYS[lab.seed]
        self.who, self.action = who.capitalize(), action
        said = re.findall("|".join(PEOPLE), findings.get("who", "").lower())
        named = re.findall(r"iam:\w+|\b[A-Z]\w+[a-z][A-Z]\w+", findings.get("action", ""))
        self.any = bool(findings.get("who", "").strip() or findings.get("action", "").strip())
        self.both = len(set(said)) == 1 and len(named) == 1
        self.typed = said[0].capitalize() if said else ""
        self.right_person = said[:1] == [who]
        self.right_action = bool(named) and named[0].lower().removeprefix("iam:") == action.lower().removeprefix("iam:")

    def _lost(self, lab: DrillLab) -> str:
        """Return the first thing that somebody needs and has no longer."""
        for person in PEOPLE:
            needed = [(LOGIN, "*"), *((action, arn(NAME)) for action in PULL), *READS.items()]
            for action, where in needed:
                if not lab.may((f"user/{person}", action, where))[0]:
                    return f"{person.capitalize()} has `{action}` no more"
        return ""


def judge(seen: Seen) -> str:
    """Return the verdict's name in d45.md: the way is closed, the work goes on, and who had it by what."""
    if seen.admin:
        return "admin-now"
    if seen.open:
        return "still-open" if seen.touched or seen.any else "untouched"
    if seen.lost:
        return "work-lost"
    if seen.wider:
        return "wider"
    if not seen.known:
        return "cannot-tell"
    if not seen.both:
        return "not-said"
    if not seen.right_person:
        return "other-person"
    return "passed" if seen.right_action else "other-action"


def close(lab: DrillLab) -> None:
    """Remove the one action."""
    desk(lab, WAYS[lab.seed][0])


def forbid(lab: DrillLab) -> None:
    """Deny the one action, in a policy beside."""
    who, action, _ = WAYS[lab.seed]
    put(lab, who, deny(action), name="no")


def climb(lab: DrillLab) -> None:
    """Walk the way up."""
    who, _, where = WAYS[lab.seed]
    iam, everything = lab.client("iam", who), policy(allow("*"))
    if lab.seed == "write":
        iam.put_user_policy(UserName=who, PolicyName="up", PolicyDocument=everything)
    elif lab.seed == "attach":
        iam.attach_user_policy(UserName=who, PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    elif lab.seed == "version":
        iam.create_policy_version(PolicyArn=where, PolicyDocument=everything, SetAsDefault=True)
    else:
        iam.update_assume_role_policy(RoleName="admins", PolicyDocument=trust(user_arn(who)))


def said(seed: str) -> dict[str, str]:
    """Return who and by what, as they are typed."""
    return {"who": WAYS[seed][0], "action": WAYS[seed][1]}


TRIES = {
    "passed": {
        "a policy written": attempt(said("write"), close, seed="write"),
        "a policy attached": attempt(said("attach"), close, seed="attach"),
        "a version": attempt(said("version"), close, seed="version"),
        "a trust policy": attempt(said("trust"), close, seed="trust"),
        "by a Deny, in other words": attempt(
            {"who": "user/Omar", "action": "UpdateAssumeRolePolicy on admins"}, forbid, seed="trust"
        ),
    },
    "still-open": {
        "said only": attempt(said("write"), seed="write"),
        "walked, and let in": attempt(said("trust"), climb, seed="trust"),
        "the other state's": attempt(said("write"), lambda lab: desk(lab, "omar"), seed="attach"),
    },
    "admin-now": {
        "walked by a policy": attempt(said("write"), climb, seed="write"),
        "walked by attaching, then closed": attempt(said("attach"), (climb, close), seed="attach"),
    },
    "work-lost": {
        "nothing of IAM any more": attempt(
            said("version"), lambda lab: put(lab, "dara", deny("iam:*"), name="no"), seed="version"
        ),
        "everything denied": attempt(said("write"), lambda lab: put(lab, "omar", deny("*"), name="no"), seed="write"),
    },
    "wider": {
        "a push beside it": attempt(
            said("write"), lambda lab: desk(lab, "omar", allow("ecr:PutImage", arn(NAME))), seed="write"
        )
    },
    "cannot-tell": {
        "a name that a tag decides": attempt(
            said("write"),
            lambda lab: desk(lab, "omar", allow("ecr:PutImage", arn("${aws:ResourceTag/team}"))),
            seed="write",
        )
    },
    "not-said": {
        "in silence": attempt({}, close, seed="write"),
        "all three": attempt({"who": "dara omar aiko", "action": "iam:PutUserPolicy"}, close, seed="write"),
    },
    "other-person": {"one who reads": attempt({**said("write"), "who": "aiko"}, close, seed="write")},
    "other-action": {"the other state's": attempt(said("write"), close, seed="trust")},
}
