"""Drill d36: three Allows, one Deny; in the group's policy, the user's, or the repository's. Words: d36.md."""

from __future__ import annotations

import re
from typing import Any

from ecrlab.policy.sets import DOCKER_PUSH, LOGIN, PULL, PUSH
from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.requests import requests
from ecrlab_course.drills.account import ACCOUNT, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.drills.permissions import deny, let_in, put, share, user_arn

NAME, PAYMENTS, INVOICES = "shop/orders", "shop/payments", "shop/invoices"
SIDS = {"group": "ReleaseFreeze", "user": "AuditHold", "repository": "MigrationStop"}
PUT = "ecr:PutImage"
WANTED = Wanted(
    f"{ACCOUNT}:user/ci",
    (Grant(PUSH, arn(NAME)), Grant(LOGIN)),
    passes=(Grant((*PUSH, *PULL), arn("shop/*")), Grant(PULL, arn(NAME), who=f"{ACCOUNT}:user/dara")),
)


def prepare(lab: DrillLab) -> None:
    """Make ci with three Allows, and three statements that deny; one of them is about this push."""
    for name in (NAME, PAYMENTS, INVOICES):
        lab.repository(name)
        lab.push(name, "1", name.encode())
    iam, pushing = lab.client("iam"), allow(list(PUSH), arn("shop/*"))
    lab.person("ci", allow(LOGIN), pushing)
    lab.person("dara", allow(LOGIN))
    made = iam.create_policy(PolicyName="team-push", PolicyDocument=policy(pushing))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="ci", PolicyArn=made)
    iam.create_group(GroupName="builders")
    iam.add_user_to_group(GroupName="builders", UserName="ci")
    freeze_group(lab, *([NAME] if lab.seed == "group" else []))
    freeze_user(lab, *([NAME] if lab.seed == "user" else []))
    freeze_repository(lab, PUT if lab.seed == "repository" else "ecr:BatchDeleteImage")


def freeze_group(lab: DrillLab, *more: str) -> None:
    """Write the policy of the group: the push, and the freeze of payments and more."""
    frozen = deny(PUT, [arn(PAYMENTS), *map(arn, more)], Sid=SIDS["group"])
    document = policy(allow(list(PUSH), arn("shop/*")), frozen)
    lab.client("iam").put_group_policy(GroupName="builders", PolicyName="build", PolicyDocument=document)


def freeze_user(lab: DrillLab, *more: str) -> None:
    """Write the second policy of ci: the freeze of invoices and more."""
    put(lab, "ci", deny(PUT, [arn(INVOICES), *map(arn, more)], Sid=SIDS["user"]), name="hold")


def freeze_repository(lab: DrillLab, *actions: str) -> None:
    """Write the policy of shop/orders: Dara pulls, ci may not do these."""
    stop = {"Sid": SIDS["repository"], "Effect": "Deny", "Principal": {"AWS": user_arn("ci")}, "Action": list(actions)}
    reads = let_in(user_arn("dara"), list(PULL), Sid="DaraPulls")
    share(lab, NAME, reads, *([stop] if actions else []))


class Seen:
    """How IAM decides about ci's pushes now, what else is open, and which Sid was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        decisions = lab.decisions([("user/ci", action, arn(NAME)) for action in DOCKER_PUSH])
        refused = [each for each in decisions if not each["allowed"]]
        self.refused = bool(refused)
        self.denied = bool(refused) and refused[0]["verdict"] == "ExplicitlyDenied"
        self.reason = str(refused[0]["reason"]).rstrip(".") if refused else ""
        self.state_seen = Sentence("shut") if refused else Sentence("open")
        frozen = {name: lab.decisions([("user/ci", PUT, arn(name))])[0]["allowed"] for name in (PAYMENTS, INVOICES)}
        self.opened = next((name for name, allowed in frozen.items() if allowed), "")
        self.dara = not lab.refused("user/dara", PULL, arn(NAME))
        changes = [each for each in requests(lab, "iam", "ecr") if each.ok and re.match(CHANGES, each.operation)]
        self.changed = bool(changes)
        found = beyond(lab, WANTED)
        self.wider, self.known = found.wider, found.verdict != "cannot tell"
        self.surplus, self.why = found.text, found.why
        typed = findings.get("sid", "")
        said = [sid for sid in SIDS.values() if sid.lower() in typed.lower()]
        self.any, self.said, self.sid = bool(typed.strip()), said, SIDS[lab.seed]
        self.typed = said[0] if said else ""


CHANGES = "Put|Delete|Set|Attach|Detach|Remove|Create"


def judge(seen: Seen) -> str:
    """Return the verdict's name in d36.md: orders open, the rest frozen, nothing wider, the statement named."""
    if seen.refused:
        if not seen.changed and not seen.any:
            return "untouched"
        return "still-denied" if seen.denied else "still-closed"
    if seen.opened:
        return "freeze-lifted"
    if not seen.dara:
        return "dara-lost"
    if seen.wider:
        return "wider"
    if not seen.known:
        return "cannot-tell"
    if not seen.said:
        return "no-such-sid" if seen.any else "no-sid"
    if len(seen.said) > 1:
        return "several-sids"
    return "passed" if seen.said == [seen.sid] else "other-sid"


def lift(lab: DrillLab) -> None:
    """Narrow the statement that decides by the one repository."""
    if lab.seed == "group":
        freeze_group(lab)
    elif lab.seed == "user":
        freeze_user(lab)
    else:
        freeze_repository(lab)


def leave(lab: DrillLab) -> None:
    """Take ci out of the group."""
    lab.client("iam").remove_user_from_group(GroupName="builders", UserName="ci")


def add(lab: DrillLab, *statements: dict[str, Any]) -> None:
    """Write one more policy of ci."""
    put(lab, "ci", *(statements or (allow("ecr:*", arn(NAME)),)), name="more")


def without_hold(lab: DrillLab) -> None:
    """Delete the whole second policy."""
    lab.client("iam").delete_user_policy(UserName="ci", PolicyName="hold")


def without_policy(lab: DrillLab) -> None:
    """Delete the whole policy of the repository."""
    lab.client("ecr").delete_repository_policy(repositoryName=NAME)


def without_allows(lab: DrillLab) -> None:
    """Lift the freeze of the user's, and take all Allows with it."""
    lift(lab)
    leave(lab)
    put(lab, "ci", allow(LOGIN))
    lab.client("iam").detach_user_policy(UserName="ci", PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/team-push")


def said(seed: str, words: str = "{}") -> dict[str, str]:
    """Return the Sid of a state as it is typed."""
    return {"sid": words.format(SIDS[seed])}


TRIES = {
    "passed": {
        "in the group's policy": attempt(said("group"), lift, seed="group"),
        "in ci's own, in a sentence": attempt(said("user", 'Sid "{}" of hold'), lift, seed="user"),
        "in the repository's": attempt(said("repository"), lift, seed="repository"),
    },
    "still-denied": {
        "another Allow": attempt(said("user"), add, seed="user"),
        "named only": attempt(said("repository"), seed="repository"),
        "the other state's fix": attempt(said("group"), without_hold, seed="group"),
    },
    "still-closed": {"no Allow left": attempt(said("user"), without_allows, seed="user")},
    "freeze-lifted": {
        "left the group": attempt(said("group"), leave, seed="group"),
        "the whole second policy deleted": attempt(said("user"), without_hold, seed="user"),
    },
    "dara-lost": {"the whole policy deleted": attempt(said("repository"), without_policy, seed="repository")},
    "wider": {"and everything for orders": attempt(said("group"), (lift, add), seed="group")},
    "cannot-tell": {
        "a name that a tag decides": attempt(
            said("group"),
            (lift, lambda lab: add(lab, allow("ecr:DeleteRepository", arn("${aws:ResourceTag/team}")))),
            seed="group",
        )
    },
    "no-sid": {"in silence": attempt({}, lift, seed="group")},
    "several-sids": {"all three": attempt({"sid": ", ".join(SIDS.values())}, lift, seed="group")},
    "other-sid": {"the other state's": attempt(said("group"), lift, seed="repository")},
    "no-such-sid": {"an Allow's": attempt({"sid": "DaraPulls"}, lift, seed="repository")},
}
