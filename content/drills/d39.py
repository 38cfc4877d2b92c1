"""Drill d39: a role for another account; their policy is missing, or our trust is. Words: d39.md."""

from __future__ import annotations

import re

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.requests import requests
from ecrlab_course.authoring.staging import as_session
from ecrlab_course.drills.account import ACCOUNT, OTHER, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.drills.permissions import put, role_arn, trust, user_arn

NAME, ROLE, ADMIN = "shop/orders", "orders-pull", "orders-admin"
PARTNER, ASSUME = f"{OTHER}:user/partner", "sts:AssumeRole"
SIDES = {"caller": "theirs", "trust": "ours"}
WANTED = Wanted(
    PARTNER,
    Grant(ASSUME, role_arn(ROLE)),
    passes=Grant(ASSUME, (role_arn(ROLE), role_arn(ADMIN)), who=f"{OTHER}:user/admin"),
    doors=(role_arn(ROLE), role_arn(ADMIN), arn(NAME)),
)


def prepare(lab: DrillLab) -> None:
    """Make the two roles and the other account's robot; one of the two sides says nothing about it."""
    lab.repository(NAME)
    lab.push(NAME, "1", b"orders")
    lab.person("partner", account=OTHER)
    iam, theirs = lab.client("iam"), user_arn("admin", OTHER)
    trusted = user_arn("partner", OTHER) if lab.seed == "caller" else theirs
    iam.create_role(RoleName=ROLE, AssumeRolePolicyDocument=trust(trusted))
    iam.create_role(RoleName=ADMIN, AssumeRolePolicyDocument=trust(theirs))
    pulling = policy(allow(LOGIN), allow(list(PULL), arn(NAME)))
    iam.put_role_policy(RoleName=ROLE, PolicyName="pull", PolicyDocument=pulling)
    iam.put_role_policy(RoleName=ADMIN, PolicyName="all", PolicyDocument=policy(allow("ecr:*")))
    if lab.seed == "trust":
        put(lab, "partner", allow(ASSUME, role_arn(ROLE)), profile="other")


class Seen:
    """Whether partner may assume the role, what else is open, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        (decision,) = lab.decisions([(PARTNER, ASSUME, role_arn(ROLE))])
        self.may, self.reason = bool(decision["allowed"]), str(decision["reason"]).rstrip(".")
        self.seen = Sentence("open") if self.may else Sentence("shut")
        found = requests(lab)
        self.changed = any(each.ok and re.match("Put|Update|Attach|Create", each.operation) for each in found)
        surplus = beyond(lab, WANTED)
        self.wider, self.known = surplus.wider, surplus.verdict != "cannot tell"
        self.surplus, self.why = surplus.text, surplus.why
        self.pulls = not lab.refused(f"role/{ROLE}", PULL, arn(NAME))
        begun = [each for each in found if each.ok and each.operation == "AssumeRole" and each.user == "partner"]
        self.begun = any(each.row["resource"] == role_arn(ROLE) for each in begun)
        who = findings.get("who", "")
        self.seed, self.side, self.any = lab.seed, findings.get("side", ""), bool(who.strip())
        said = re.findall(r"arn:aws:\w+::\d{12}:[\w+=,.@/-]+", who)
        session = rf"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/[\w+=,.@-]+"
        # What a session's name was, nobody keeps; a request of the session's shows it.
        known = {str(each.row["principal"]) for each in found}
        self.principal = said[0] if said else ""
        self.right = len(said) == 1 and bool(re.fullmatch(session, said[0])) and said[0] in known


def judge(seen: Seen) -> str:
    """Return the verdict's name in d39.md: both sides, nothing wider, a session, its ARN, the silent side."""
    if not seen.may:
        if seen.changed:
            return "still-shut"
        return "unchanged" if seen.any or seen.side else "untouched"
    if seen.wider:
        return "wider"
    if not seen.known:
        return "cannot-tell"
    if not seen.pulls:
        return "role-lost"
    if not seen.begun:
        return "no-session"
    if not seen.right:
        return "not-the-session" if seen.any else "no-arn"
    if not seen.side:
        return "no-side"
    return "passed" if seen.side == SIDES[seen.seed] else "other-side"


def trust_him(lab: DrillLab, *who: str, role: str = ROLE) -> None:
    """Write the trust policy of the role."""
    document = trust(*(who or (user_arn("partner", OTHER),)))
    lab.client("iam").update_assume_role_policy(RoleName=role, PolicyDocument=document)


def let_him(lab: DrillLab, resource: str = role_arn(ROLE)) -> None:
    """Write the policy of partner."""
    put(lab, "partner", allow(ASSUME, resource), profile="other")


def fix(lab: DrillLab) -> None:
    """Open the side that is silent."""
    let_him(lab) if lab.seed == "caller" else trust_him(lab)


def begin(lab: DrillLab) -> None:
    """Begin a session as partner, and ask who it is."""
    as_session(lab, role_arn(ROLE), "partner", "map-42").client("sts").get_caller_identity()


def typed(side: str, who: str = f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/map-42") -> dict[str, str]:
    """Return what is typed."""
    return {"side": side, "who": who}


def not_pulling(lab: DrillLab) -> None:
    """Write the role's policy without the pull."""
    lab.client("iam").put_role_policy(RoleName=ROLE, PolicyName="pull", PolicyDocument=policy(allow(LOGIN)))


def by_tag(lab: DrillLab) -> None:
    """Give partner one more policy, whose resource a tag decides."""
    put(lab, "partner", allow("ecr:PutImage", arn("${aws:ResourceTag/team}")), name="more", profile="other")


TRIES = {
    "passed": {
        "their policy": attempt(typed("theirs"), (fix, begin), seed="caller"),
        "our trust, with the JSON around the ARN": attempt(
            typed("ours", f'"Arn": "arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/map-42"'), (fix, begin), seed="trust"
        ),
        "our trust, beside whom it named": attempt(
            typed("ours"),
            (lambda lab: trust_him(lab, user_arn("partner", OTHER), user_arn("admin", OTHER)), begin),
            seed="trust",
        ),
    },
    "unchanged": {"said only": attempt(typed("ours"), seed="trust")},
    "still-shut": {
        "the other side": attempt(typed("ours"), lambda lab: trust_him(lab), seed="caller"),
        "their account trusted, nothing at home": attempt(
            typed("ours"), lambda lab: trust_him(lab, f"arn:aws:iam::{OTHER}:root"), seed="caller"
        ),
    },
    "wider": {
        "the account trusted": attempt(
            typed("ours"), (lambda lab: trust_him(lab, f"arn:aws:iam::{OTHER}:root"), begin), seed="trust"
        ),
        "any role": attempt(typed("theirs"), (lambda lab: let_him(lab, "*"), begin), seed="caller"),
        "both roles": attempt(
            typed("ours"),
            (fix, lambda lab: trust_him(lab, role=ADMIN), lambda lab: let_him(lab, role_arn("orders-*")), begin),
            seed="trust",
        ),
    },
    "cannot-tell": {"a name that a tag decides": attempt(typed("theirs"), (fix, by_tag, begin), seed="caller")},
    "role-lost": {"the role's own policy": attempt(typed("theirs"), (fix, not_pulling, begin), seed="caller")},
    "no-session": {"not shown": attempt(typed("theirs"), fix, seed="caller")},
    "no-arn": {"in silence": attempt({"side": "theirs"}, (fix, begin), seed="caller")},
    "not-the-session": {
        "the user": attempt(typed("theirs", user_arn("partner", OTHER)), (fix, begin), seed="caller"),
        "another name": attempt(
            typed("ours", f"arn:aws:sts::{ACCOUNT}:assumed-role/{ROLE}/night"), (fix, begin), seed="trust"
        ),
    },
    "no-side": {"the ARN alone": attempt({"who": typed("")["who"]}, (fix, begin), seed="trust")},
    "other-side": {"the other state's": attempt(typed("ours"), (fix, begin), seed="caller")},
}
