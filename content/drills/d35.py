"""Drill d35: who asked, and which policy was silent; a role's session or another account. Words: d35.md."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from ecrlab.policy.sets import DOCKER_PUSH, LOGIN, PULL
from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.requests import requests
from ecrlab_course.drills.account import ACCOUNT, OTHER, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.drills.permissions import role_arn, trust, user_arn

NAME, ROLE = "shop/orders", "deploy"
PUSHING = allow(list(DOCKER_PUSH), arn(NAME))
SILENT = {"role": "identity", "account": "resource"}
"""Which kind of policy is silent in each state."""
ASK = f"aws ecr initiate-layer-upload --registry-id {ACCOUNT} --repository-name {NAME}"


def prepare(lab: DrillLab) -> None:
    """Make ci, who may push, and the profile of the build, which is somebody else."""
    lab.repository(NAME)
    lab.push(NAME, "1", b"orders")
    if lab.seed == "account":
        lab.person("ci", allow(LOGIN), PUSHING)
        lab.person("build", allow(LOGIN), PUSHING, account=OTHER)
        return
    lab.person("ci", allow(LOGIN), PUSHING, allow("sts:AssumeRole", role_arn(ROLE)))
    iam = lab.client("iam")
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust(user_arn("ci")))
    pulling = policy(allow(LOGIN), allow(list(PULL), arn(NAME)))
    iam.put_role_policy(RoleName=ROLE, PolicyName="pull", PolicyDocument=pulling)
    # Another number each time, so that last week's answer is not today's.
    lab.role_profile("build", "ci", role_arn(ROLE), f"build-{secrets.randbelow(900) + 100}")


class Seen:
    """Who was refused the push, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        refused = [
            str(each.row["principal"])
            for each in requests(lab)
            if each.denied and each.action in DOCKER_PUSH and each.row["resource"] == arn(NAME)
        ]
        self.seed, self.principals = lab.seed, refused
        self.principal = refused[-1] if refused else ""
        self.seen = Sentence("refused") if refused else Sentence("nothing")
        who, ending = findings.get("who", ""), findings.get("ending", "")
        self.typed = bool(who.strip() or ending.strip())
        self.who = {each.rstrip(".") for each in re.findall(r"arn:aws:(?:iam|sts):[\w:+=,.@/-]*[\w+=@-]", who)}
        self.ending = set(
            re.findall(r"(identity|resource|boundary|session|control)[ -](?:based|policy)", ending.lower())
        )
        self.ending |= set(re.findall(r"permissions (boundary)", ending.lower()))


def judge(seen: Seen) -> str:
    """Return the verdict's name in d35.md: provoked, the caller copied, the silent kind of policy copied."""
    if not seen.principals:
        return "not-provoked" if seen.typed else "untouched"
    if not seen.who:
        return "no-arn"
    if seen.who == {user_arn("ci")}:
        return "not-ci"
    if seen.who == {role_arn(ROLE)}:
        return "role-not-session"
    if len(seen.who) > 1 or not seen.who <= set(seen.principals):
        return "another-arn"
    if not seen.ending:
        return "no-ending"
    if len(seen.ending) > 1:
        return "both-endings"
    return "passed" if seen.ending == {SILENT[seen.seed]} else "wrong-ending"


def provoke(lab: DrillLab) -> None:
    """Ask as the build does, and be refused."""
    lab.sh(f"{ASK} --profile build || true")


def copied(who: str = "", ending: str = "") -> Callable[[DrillLab], Findings]:
    """Return a try's findings: by default both are copied from the sentence."""

    def typed(lab: DrillLab) -> Findings:
        found = [each for each in requests(lab) if each.denied]
        return {"who": who or str(found[-1].row["principal"]), "ending": ending or found[-1].row["reason"]}

    return typed


BOTH = "because no identity-based policy or no resource-based policy allows it"
TRIES = {
    "passed": {
        "a role's session": attempt(copied(), provoke, seed="role"),
        "another account's user": attempt(copied(), provoke, seed="account"),
        "in other words": attempt(copied(ending="an identity based one had nothing to say"), provoke, seed="role"),
    },
    "not-provoked": {
        "from memory": attempt({"who": user_arn("build", OTHER), "ending": "no resource-based policy"}, seed="account"),
    },
    "no-arn": {"a name": attempt(copied(who="build"), provoke, seed="account")},
    "not-ci": {"who should have asked": attempt(copied(who=user_arn("ci")), provoke, seed="role")},
    "role-not-session": {"the role": attempt(copied(who=role_arn(ROLE)), provoke, seed="role")},
    "another-arn": {
        "the other state's caller": attempt(copied(who=user_arn("build", OTHER)), provoke, seed="role"),
        "our account's number": attempt(copied(who=user_arn("build")), provoke, seed="account"),
        "both callers": attempt(copied(who=f"{user_arn('ci')}, {user_arn('build', OTHER)}"), provoke, seed="account"),
    },
    "no-ending": {"the caller alone": attempt(copied(ending=" "), provoke, seed="role")},
    "both-endings": {"every word there is": attempt(copied(ending=BOTH), provoke, seed="account")},
    "wrong-ending": {
        "the other state's": attempt(copied(ending="because no identity-based policy allows"), provoke, seed="account")
    },
}
