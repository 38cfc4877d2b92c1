"""Drill d04: a refused push, read aloud; one of four causes. What a learner reads is in d04.md."""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from ecrlab.policy.sets import DOCKER_PUSH, LOGIN, PULL, PUSH
from ecrlab_course.authoring import POWER_USER, Sentence, as_words
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.requests import requests
from ecrlab_course.drills.account import ACCOUNT, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt

WHO, NAME, NEIGHBOUR, RELEASES = "user/ci", "shop/orders", "shop/payments", "prod/orders"
TELLING = {
    "region": "eu-west-1",
    "name": r"shop/order(?![\w-])",
    "deny": 'explicit deny|"deny"|nobodypushesreleases',
    "boundary": "permissions boundary|ci-limits",
}
"""What words that prove a cause hold."""
IMPLICIT = "no identity-based policy allows"
"""The ending of an implicit deny: with cause and fix right, it is proof enough for a wrong resource."""
HELD = {"region": arn(NAME, "eu-west-1"), "name": arn("shop/order")}
"""What ci could push to before anything was fixed: that is not what a fix opens."""
PUSHING = allow(list(DOCKER_PUSH), arn(NAME))


def prepare(lab: DrillLab) -> None:
    """Make the robot, its group and its policy, with the fault of the seed."""
    for name in (NAME, NEIGHBOUR, RELEASES):
        lab.repository(name)
    statements = {
        "region": [allow(LOGIN), allow(list(DOCKER_PUSH), arn(NAME, "eu-west-1"))],
        "name": [allow(LOGIN), allow(list(DOCKER_PUSH), arn("shop/order"))],
        "deny": [allow(LOGIN), allow(list(DOCKER_PUSH), [arn(NAME), arn(RELEASES)])],
        "boundary": [allow(LOGIN), allow("ecr:*", arn(NAME))],
    }
    lab.person("ci", *statements[lab.seed])
    iam = lab.client("iam")
    iam.create_group(GroupName="robots")
    iam.add_user_to_group(GroupName="robots", UserName="ci")
    if lab.seed == "deny":
        guard(lab, arn("*"))
    if lab.seed == "boundary":
        limits = policy(allow([LOGIN, *PULL]))
        made = iam.create_policy(PolicyName="ci-limits", PolicyDocument=limits)["Policy"]["Arn"]
        iam.put_user_permissions_boundary(UserName="ci", PermissionsBoundary=made)


def guard(lab: DrillLab, resource: str) -> None:
    """Write the Deny of the group."""
    statement = {
        "Sid": "NobodyPushesReleases", "Effect": "Deny", "Action": list(DOCKER_PUSH), "Resource": resource,
    }  # fmt: skip
    lab.client("iam").put_group_policy(GroupName="robots", PolicyName="guard", PolicyDocument=policy(statement))


def wanted(seed: str) -> Wanted:
    """Return what a fix of that state's fault is to open."""
    held = (Grant(PULL, arn(NAME)), Grant(DOCKER_PUSH, HELD.get(seed, arn(NAME))))
    return Wanted(f"{ACCOUNT}:{WHO}", (Grant(PUSH, arn(NAME)), Grant(LOGIN)), passes=held)


class Seen:
    """How IAM decides about ci's push, what else is open, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        decisions = dict(
            zip(DOCKER_PUSH, lab.decisions([(WHO, action, arn(NAME)) for action in DOCKER_PUSH]), strict=True)
        )
        closed = [action for action, each in decisions.items() if not each["allowed"]]
        self.refused = closed[0] if closed else ""
        self.begins = "ecr:InitiateLayerUpload" not in closed
        self.decision = decisions[closed[0]] if closed else {}
        self.reason = str(self.decision.get("reason", "")).rstrip(".")
        self.allowed = as_words([action for action in DOCKER_PUSH if action not in closed])
        self.allowed_seen = Sentence("some") if self.allowed else Sentence("none")
        self.login = lab.may((WHO, LOGIN, "*"))[0]
        self.changed = any(row.ok and not re.match("Get|List", row.operation) for row in requests(lab, "iam"))
        guarded = lab.decisions([(WHO, action, arn(RELEASES)) for action in DOCKER_PUSH])
        self.guarded = all(each["verdict"] == "ExplicitlyDenied" for each in guarded)
        self.limited = "PermissionsBoundary" in lab.client("iam").get_user(UserName="ci")["User"]
        found = beyond(lab, wanted(lab.seed))
        self.wider, self.known = found.wider, found.verdict != "cannot tell"
        self.surplus, self.why = found.text, found.why
        self.seed, self.cause, self.proof = lab.seed, findings.get("cause", ""), findings.get("proof", "").strip()
        self.implicit = IMPLICIT in self.proof.lower()
        refusals = [
            row.row["reason"].rstrip(".")
            for row in requests(lab)
            if row.denied and row.user == "ci" and row.action in DOCKER_PUSH and row.row["resource"] == arn(NAME)
        ]
        self.ended = refusals[0] if refusals else ""
        self.ended_seen = Sentence("ended") if refusals else Sentence("not-asked")
        self.policies_seen = Sentence("silent") if lab.seed in HELD else Sentence("telling")
        self.shown = [cause for cause, words in TELLING.items() if re.search(words, self.proof.lower())]


def judge(seen: Seen) -> str:
    """Return the verdict's name in d04.md: fixed, nothing else opened, the cause named and proved."""
    if seen.refused:
        return refused(seen)
    if not seen.login:
        return "no-login"
    if seen.seed == "deny" and not seen.guarded:
        return "unguarded"
    if seen.seed == "boundary" and not seen.limited:
        return "boundary-gone"
    if seen.wider:
        return "wider"
    return named(seen) if seen.known else "cannot-tell"


def refused(seen: Seen) -> str:
    """Return why a push is still refused."""
    if not seen.changed:
        return "unchanged" if seen.cause or seen.proof else "untouched"
    if seen.begins:
        return "partly"
    if seen.decision["verdict"] == "ExplicitlyDenied":
        return "still-denied"
    return "still-limited" if "boundary" in seen.reason else "still-refused"


def named(seen: Seen) -> str:
    """Return what cause and proof are worth once the push works."""
    if not seen.cause:
        return "no-cause"
    if seen.cause != seen.seed:
        return misnamed(seen)
    if not seen.proof:
        return "no-proof"
    if len(seen.shown) > 1:
        return "too-much-proof"
    if seen.implicit and not seen.shown and seen.seed in HELD:
        return "by-ending"
    return "passed" if seen.shown == [seen.seed] else "wrong-proof"


def misnamed(seen: Seen) -> str:
    """Return what shows that the named cause was not there."""
    if seen.cause == "region":
        return "not-region"
    if seen.cause == "name":
        return "not-name"
    if seen.cause == "deny":
        return "not-deny"
    return "not-boundary" if seen.cause == "boundary" else "not-nobody"


def work(lab: DrillLab, *statements: dict[str, Any]) -> None:
    """Write ci's own policy."""
    lab.client("iam").put_user_policy(UserName="ci", PolicyName="work", PolicyDocument=policy(*statements))


def right_policy(lab: DrillLab) -> None:
    """Name the right repository in the right Region."""
    work(lab, allow(LOGIN), PUSHING)


def beside(lab: DrillLab) -> None:
    """Leave ci's policy as it is, and add a second one."""
    lab.client("iam").put_user_policy(UserName="ci", PolicyName="orders", PolicyDocument=policy(PUSHING))


def by_the_group(lab: DrillLab) -> None:
    """Give the right permission by the group, and take the wrong one away."""
    work(lab, allow(LOGIN))
    lab.client("iam").put_group_policy(GroupName="robots", PolicyName="push", PolicyDocument=policy(PUSHING))


def narrow_the_deny(lab: DrillLab) -> None:
    """Let the Deny guard releases alone."""
    guard(lab, arn("prod/*"))


def bound(lab: DrillLab, *actions: str) -> None:
    """Write the boundary again."""
    lab.client("iam").create_policy_version(
        PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/ci-limits",
        PolicyDocument=policy(allow([LOGIN, *PULL, *actions])),
        SetAsDefault=True,
    )


def power_user(lab: DrillLab) -> None:
    """Attach a wide policy."""
    lab.client("iam").attach_user_policy(UserName="ci", PolicyArn=f"arn:aws:iam::aws:policy/{POWER_USER}")


def ask(lab: DrillLab) -> None:
    """Begin a push as ci, and be refused."""
    with suppress(ClientError):
        lab.client("ecr", "ci").initiate_layer_upload(repositoryName=NAME)


def without_guard(lab: DrillLab) -> None:
    """Take the Deny away."""
    lab.client("iam").delete_group_policy(GroupName="robots", PolicyName="guard")


def said(cause: str, proof: str) -> dict[str, str]:
    """Return cause and proof as they are typed."""
    return {"cause": cause, "proof": proof}


ENDING = f"because {IMPLICIT} the ecr:InitiateLayerUpload action"
EVERY_WORD = "eu-west-1 shop/order explicit deny permissions boundary"
TRIES = {
    "passed": {
        "the Region": attempt(said("region", arn(NAME, "eu-west-1")), right_policy, seed="region"),
        "the name": attempt(said("name", 'repository/shop/order"'), right_policy, seed="name"),
        "refusal and policy side by side": attempt(
            said("name", f"refused: {arn(NAME)}, the policy has {arn('shop/order')}"), right_policy, seed="name"
        ),
        "by the group": attempt(said("region", '"arn:aws:ecr:eu-west-1:'), by_the_group, seed="region"),
        "beside what was there": attempt(
            said("name", "repository/shop/order"),
            lambda lab: work(lab, allow(LOGIN), allow(list(DOCKER_PUSH), [arn("shop/order"), arn(NAME)])),
            seed="name",
        ),
        "the Deny shown by its Sid": attempt(
            said("deny", "Sid NobodyPushesReleases, in the group's policy guard"), narrow_the_deny, seed="deny"
        ),
        "the Deny narrowed": attempt(
            said("deny", "with an explicit deny in an identity-based policy"), narrow_the_deny, seed="deny"
        ),
        "the boundary opened for a push": attempt(
            said("boundary", "because no permissions boundary allows"), lambda lab: bound(lab, *DOCKER_PUSH),
            seed="boundary",
        ),
    },
    "by-ending": {
        "the ending, another Region": attempt(said("region", f'"{ENDING}"'), beside, seed="region"),
        "the ending, another name": attempt(said("name", ENDING), beside, seed="name"),
    },
    "unchanged": {
        "logged in again": attempt(
            said("nobody", "denied"), lambda lab: lab.client("ecr", "ci").get_authorization_token(), seed="region"
        )
    },
    "partly": {
        "only the action in the refusal": attempt(
            said("region", "eu-west-1"),
            lambda lab: work(lab, allow(LOGIN), allow("ecr:InitiateLayerUpload", arn(NAME))),
            seed="region",
        )
    },
    "still-denied": {"PowerUser against a Deny": attempt(said("nobody", "denied"), power_user, seed="deny")},
    "still-limited": {"PowerUser below a boundary": attempt(said("nobody", "denied"), power_user, seed="boundary")},
    "still-refused": {"a letter is still missing": attempt(do=lambda lab: work(lab, allow(LOGIN)), seed="name")},
    "no-login": {"the push alone": attempt(said("region", "eu-west-1"), lambda lab: work(lab, PUSHING), seed="region")},
    "unguarded": {"the Deny removed": attempt(said("deny", "explicit deny"), without_guard, seed="deny")},
    "boundary-gone": {
        "the boundary removed": attempt(
            said("boundary", "permissions boundary"),
            lambda lab: lab.client("iam").delete_user_permissions_boundary(UserName="ci"),
            seed="boundary",
        )
    },
    "wider": {
        "PowerUser": attempt(said("region", "eu-west-1"), power_user, seed="region"),
        "another service's star": attempt(
            said("region", "eu-west-1"), lambda lab: work(lab, allow([LOGIN, "iam:*"]), PUSHING), seed="region"
        ),
        "a star after the name": attempt(
            said("name", "shop/order"),
            lambda lab: work(lab, allow(LOGIN), allow(list(DOCKER_PUSH), arn("shop/order*"))),
            seed="name",
        ),
        "a boundary that lets everything through": attempt(
            said("boundary", "permissions boundary"), lambda lab: bound(lab, "ecr:*"), seed="boundary"
        ),
    },
    "cannot-tell": {
        "a name that a tag decides": attempt(
            said("region", "eu-west-1"),
            lambda lab: work(lab, allow(LOGIN), PUSHING, allow("ecr:PutImage", arn("${aws:ResourceTag/team}"))),
            seed="region",
        )
    },
    "no-cause": {"fixed in silence": attempt({}, right_policy, seed="region")},
    "not-region": {
        "fixed by luck": attempt(said("region", "eu-west-1"), right_policy, seed="name"),
        "a Deny taken for a Region": attempt(said("region", "eu-west-1"), narrow_the_deny, seed="deny"),
    },
    "not-name": {
        "a Region taken for a name": attempt(said("name", "shop/orders"), right_policy, seed="region"),
        "a boundary taken for a name": attempt(
            said("name", "shop/orders"), lambda lab: bound(lab, *DOCKER_PUSH), seed="boundary"
        ),
    },
    "not-deny": {
        "refused, so denied": attempt(said("deny", ENDING), (ask, right_policy), seed="region"),
        "refused by the boundary": attempt(
            said("deny", "denied"), (ask, lambda lab: bound(lab, *DOCKER_PUSH)), seed="boundary"
        ),
        "never asked": attempt(said("deny", "denied"), right_policy, seed="name"),
    },
    "not-boundary": {
        "a limit that is not there": attempt(said("boundary", ENDING), (ask, right_policy), seed="name"),
        "a Deny taken for a limit": attempt(said("boundary", "denied"), (ask, narrow_the_deny), seed="deny"),
    },
    "not-nobody": {
        "no policy allows, so there is none": attempt(said("nobody", ENDING), (ask, right_policy), seed="name"),
        "the same of another Region": attempt(said("nobody", ENDING), beside, seed="region"),
        "a Deny taken for nothing": attempt(said("nobody", "denied"), (ask, narrow_the_deny), seed="deny"),
    },
    "no-proof": {"cause without words": attempt(said("name", " "), right_policy, seed="name")},
    "too-much-proof": {"every word there is": attempt(said("name", EVERY_WORD), right_policy, seed="name")},
    "wrong-proof": {
        "what both have in common": attempt(said("name", "shop/orders"), right_policy, seed="name"),
        "another ending": attempt(said("deny", ENDING), narrow_the_deny, seed="deny"),
    },
}  # fmt: skip
