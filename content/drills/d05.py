"""Drill d05: three worlds, who may pull. What a learner reads is in d05.md."""

from __future__ import annotations

from typing import Any

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import PULL_ONLY, Sentence
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.drills.account import ACCOUNT, OTHER, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt

WORLDS = ("one", "two", "three")
NAMED = {
    "one": f"arn:aws:iam::{ACCOUNT}:user/x",
    "two": f"arn:aws:iam::{OTHER}:user/y",
    "three": f"arn:aws:iam::{ACCOUNT}:root",
}
"""The principal in the policy of each world's repository."""
WHO = {"one": "user/x", "two": f"{OTHER}:user/y", "three": "user/x"}
TRUE = {"one": "yes", "two": "no", "three": "no"}
WANTED = Wanted(WHO["two"], (Grant(PULL, arn("world/two")), Grant(LOGIN)))


def prepare(lab: DrillLab) -> None:
    """Make x and y, who may log in, and three repositories with a policy each."""
    lab.person("x", allow(LOGIN))
    lab.person("y", allow(LOGIN), account=OTHER)
    for world in WORLDS:
        lab.repository(f"world/{world}")
        lab.push(f"world/{world}", "1", world.encode())
        share(lab, world, NAMED[world], *PULL)


def share(lab: DrillLab, world: str, principal: str, *actions: str) -> None:
    """Write the policy of a world's repository."""
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": list(actions)}
    lab.client("ecr").set_repository_policy(repositoryName=f"world/{world}", policyText=policy(statement))


class Seen:
    """The three verdicts that were typed, who pulls now, and what else y may do."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        self.said = {world: findings.get(world, "") for world in WORLDS}
        self.one, self.two, self.three = (self.said[world] for world in WORLDS)
        self.open_world = next((world for world in WORLDS if not self.said[world]), "")
        self.pulls = {world: not refusals(lab, world) for world in WORLDS}
        self.refused, self.reason = next(iter(refusals(lab, "two")), ("", ""))
        self.two_seen = Sentence("pulls") if self.pulls["two"] else Sentence("refused")
        found = beyond(lab, WANTED)
        self.wider, self.known = found.wider, found.verdict != "cannot tell"
        self.surplus, self.why = found.text, found.why


def refusals(lab: DrillLab, world: str) -> list[tuple[str, str]]:
    """Return what of a pull is refused in a world: the action, and AWS's reason."""
    asked = [(LOGIN, "*"), *((action, arn(f"world/{world}")) for action in PULL)]
    decisions = lab.decisions([(WHO[world], action, where) for action, where in asked])
    return [
        (action, str(each["reason"]).rstrip("."))
        for (action, _), each in zip(asked, decisions, strict=True)
        if not each["allowed"]
    ]


def judge(seen: Seen) -> str:
    """Return the verdict's name in d05.md: three right predictions, then world two and nothing else opened."""
    if not any(seen.said.values()) and not seen.pulls["two"]:
        return "untouched"
    if seen.one not in ("", TRUE["one"]):
        return "wrong-one"
    if seen.two not in ("", TRUE["two"]):
        return "wrong-two"
    if seen.three not in ("", TRUE["three"]):
        return "wrong-three"
    if seen.open_world:
        return "open"
    if seen.pulls["three"] or not seen.pulls["one"]:
        return "changed"
    if not seen.pulls["two"]:
        return "silent"
    if seen.wider:
        return "wider"
    return "passed" if seen.known else "cannot-tell"


def fix(lab: DrillLab, *statements: dict[str, Any]) -> None:
    """Give y an inline policy at home."""
    lab.client("iam", "other").put_user_policy(UserName="y", PolicyName="pull", PolicyDocument=policy(*statements))


def fix_exactly(lab: DrillLab) -> None:
    """Let y pull world two."""
    fix(lab, allow(list(PULL), arn("world/two")))


def fix_by_group(lab: DrillLab) -> None:
    """Let y's group pull world two."""
    iam = lab.client("iam", "other")
    iam.create_group(GroupName="pullers")
    document = policy(allow(list(PULL), arn("world/two")))
    iam.put_group_policy(GroupName="pullers", PolicyName="pull", PolicyDocument=document)
    iam.add_user_to_group(GroupName="pullers", UserName="y")


def fix_by_one_policy(lab: DrillLab) -> None:
    """Write login and pull into the policy that y had."""
    document = policy(allow(LOGIN), allow(list(PULL), arn("world/two")))
    lab.client("iam", "other").put_user_policy(UserName="y", PolicyName="work", PolicyDocument=document)


def widen_the_repository(lab: DrillLab) -> None:
    """Open the side that says yes already."""
    share(lab, "two", f"arn:aws:iam::{OTHER}:root", "ecr:*")


def managed(lab: DrillLab) -> None:
    """Attach one of AWS's policies at home."""
    arn_of = f"arn:aws:iam::aws:policy/{PULL_ONLY}"
    lab.client("iam", "other").attach_user_policy(UserName="y", PolicyArn=arn_of)


def let_x_in(lab: DrillLab) -> None:
    """Give x the pull in the owner's account, which opens world three."""
    statement = allow(list(PULL), arn("world/three"))
    lab.client("iam").put_user_policy(UserName="x", PolicyName="pull", PolicyDocument=policy(statement))


TRIES = {
    "passed": {
        "an inline policy of y": attempt(TRUE, fix_exactly),
        "a policy of y's group": attempt(TRUE, fix_by_group),
        "in the policy that y had": attempt(TRUE, fix_by_one_policy),
    },
    "open": {
        "only two said": attempt({"one": "yes", "two": "no"}, fix_exactly),
        "fixed in silence": attempt({}, fix_exactly),
    },
    "wrong-one": {"both sides always": attempt({**TRUE, "one": "no"}, fix_exactly)},
    "wrong-two": {
        "across by one side": attempt({**TRUE, "two": "yes"}, fix_exactly),
        "read off after the fix": attempt({"one": "yes", "two": "yes"}, fix_exactly),
    },
    "wrong-three": {"the account is everybody": attempt({**TRUE, "three": "yes"}, fix_exactly)},
    "changed": {"world three opened": attempt(TRUE, (fix_exactly, let_x_in))},
    "silent": {
        "said, not done": attempt(TRUE),
        "the open side opened wider": attempt(TRUE, widen_the_repository),
    },
    "wider": {
        "everything": attempt(TRUE, (widen_the_repository, lambda lab: fix(lab, allow("ecr:*")))),
        "AWS's policy": attempt(TRUE, managed),
        "another service's star": attempt(TRUE, (fix_exactly, lambda lab: fix(lab, allow([*PULL, "s3:*"])))),
        "a star after the name": attempt(TRUE, lambda lab: fix(lab, allow(list(PULL), arn("world/*")))),
    },
    "cannot-tell": {
        "a name that a tag decides": attempt(
            TRUE,
            lambda lab: fix(
                lab, allow(list(PULL), arn("world/two")), allow(list(PULL), arn("${aws:ResourceTag/team}"))
            ),
        )
    },
}
