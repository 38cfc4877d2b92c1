"""Drill d05: three worlds, who may pull. What a learner reads is in d05.md."""

from __future__ import annotations

from typing import Any

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import PULL_ONLY, Sentence
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.drills.account import ACCOUNT, OTHER, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt

WORLDS = ("one", "two", "three")


def user(name: str, account: str = ACCOUNT) -> str:
    """Return a user's ARN."""
    return f"arn:aws:iam::{account}:user/{name}"


def root(account: str = ACCOUNT) -> str:
    """Return the ARN by which a policy names an account."""
    return f"arn:aws:iam::{account}:root"


NAMED = {
    "caller": {"one": user("x"), "two": user("y", OTHER), "three": root()},
    "owner": {"one": root(), "two": user("z", OTHER), "three": user("x")},
    "home": {"one": user("w"), "two": root(OTHER), "three": root()},
}
"""By seed: the principal in the policy of each world's repository."""
OWN: dict[str, dict[str, tuple[str, ...]]] = {
    "caller": {"x": (), "y": ()},
    "owner": {"x": (), "y": ("world/two",)},
    "home": {"x": ("world/one", "world/three"), "y": ()},
}
"""By seed: the repositories that x and y may pull by their own policies."""
WHY = {
    "caller": {"one": "named", "two": "across", "three": "account"},
    "owner": {"one": "account", "two": "owner", "three": "named"},
    "home": {"one": "home", "two": "across", "three": "home"},
}
"""By seed: what a wrong prediction has not seen."""
WHO = {"one": "user/x", "two": f"{OTHER}:user/y", "three": "user/x"}
TRUE = {
    "caller": {"one": "yes", "two": "no", "three": "no"},
    "owner": {"one": "no", "two": "no", "three": "yes"},
    "home": {"one": "yes", "two": "no", "three": "yes"},
}
"""By seed: what IAM decides, as the worlds were built."""
NAMED_BEFORE = {
    "caller": (),
    "owner": (Grant(PULL, arn("world/two"), who=f"{OTHER}:user/z"),),
    "home": (Grant(PULL, arn("world/two"), who=OTHER),),
}
"""By seed: whom world two lets in without anybody's doing."""


def prepare(lab: DrillLab) -> None:
    """Make x and y, who may log in, those that the policies name, and three repositories with a policy each."""
    own = OWN[lab.seed]
    for name, account in (("x", ACCOUNT), ("y", OTHER)):
        pulls = [allow(list(PULL), [arn(each) for each in own[name]])] if own[name] else []
        lab.person(name, allow(LOGIN), *pulls, account=account)
    if lab.seed == "owner":
        lab.client("iam", "other").create_user(UserName="z")
    if lab.seed == "home":
        lab.client("iam").create_user(UserName="w")
    for world in WORLDS:
        lab.repository(f"world/{world}")
        lab.push(f"world/{world}", "1", world.encode())
        share(lab, world, NAMED[lab.seed][world], *PULL)


def share(lab: DrillLab, world: str, principal: str | list[str], *actions: str) -> None:
    """Write the policy of a world's repository."""
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": list(actions)}
    lab.client("ecr").set_repository_policy(repositoryName=f"world/{world}", policyText=policy(statement))


class Seen:
    """The three verdicts that were typed, who pulls now, and what else y may do."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        self.said = {world: findings.get(world, "") for world in WORLDS}
        true = TRUE[lab.seed]
        self.world = next((world for world in WORLDS if self.said[world] not in ("", true[world])), "")
        self.wrong = self.said.get(self.world, "")
        self.why_wrong = WHY[lab.seed].get(self.world, "")
        self.open_world = next((world for world in WORLDS if not self.said[world]), "")
        self.pulls = {world: not refusals(lab, world) for world in WORLDS}
        self.refused, self.reason = next(iter(refusals(lab, "two")), ("", ""))
        self.changed = any(self.pulls[world] != (true[world] == "yes") for world in ("one", "three"))
        self.two_seen = Sentence("pulls") if self.pulls["two"] else Sentence("refused")
        wished = (Grant(PULL, arn("world/two")), Grant(LOGIN))
        found = beyond(lab, Wanted(WHO["two"], wished, passes=NAMED_BEFORE[lab.seed]))
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
    if seen.world:
        return mistaken(seen.why_wrong)
    if seen.open_world:
        return "open"
    if seen.changed:
        return "changed"
    if not seen.pulls["two"]:
        return "silent"
    if seen.wider:
        return "wider"
    return "passed" if seen.known else "cannot-tell"


def mistaken(why: str) -> str:
    """Return the verdict on a wrong prediction."""
    if why == "named":
        return "wrong-named"
    if why == "account":
        return "wrong-account"
    if why == "home":
        return "wrong-home"
    return "wrong-across" if why == "across" else "wrong-owner"


def fix(lab: DrillLab, *statements: dict[str, Any]) -> None:
    """Give y an inline policy at home."""
    lab.client("iam", "other").put_user_policy(UserName="y", PolicyName="pull", PolicyDocument=policy(*statements))


def fix_exactly(lab: DrillLab) -> None:
    """Let y pull world two, by y's own policies."""
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


def name_y(lab: DrillLab) -> None:
    """Let the repository's policy name y, beside whom it named."""
    share(lab, "two", [NAMED[lab.seed]["two"], user("y", OTHER)], *PULL)


def name_y_alone(lab: DrillLab) -> None:
    """Let the repository's policy name y in place of whom it named."""
    share(lab, "two", user("y", OTHER), *PULL)


def widen_the_repository(lab: DrillLab) -> None:
    """Open the repository's side to the whole other account, for everything."""
    share(lab, "two", root(OTHER), "ecr:*")


def managed(lab: DrillLab) -> None:
    """Attach one of AWS's policies at home."""
    arn_of = f"arn:aws:iam::aws:policy/{PULL_ONLY}"
    lab.client("iam", "other").attach_user_policy(UserName="y", PolicyArn=arn_of)


def let_x_in(lab: DrillLab) -> None:
    """Give x the pull in the owner's account, which opens world three."""
    statement = allow(list(PULL), arn("world/three"))
    lab.client("iam").put_user_policy(UserName="x", PolicyName="pull", PolicyDocument=policy(statement))


def shut_x_out(lab: DrillLab) -> None:
    """Take x out of the policy of world three."""
    share(lab, "three", root(), *PULL)


CALLER, OWNER, HOME = TRUE["caller"], TRUE["owner"], TRUE["home"]
TRIES = {
    "passed": {
        "an inline policy of y": attempt(CALLER, fix_exactly),
        "a policy of y's group": attempt(CALLER, fix_by_group),
        "in the policy that y had": attempt(CALLER, fix_by_one_policy),
        "y named, too": attempt(OWNER, name_y, seed="owner"),
        "y named alone": attempt(OWNER, name_y_alone, seed="owner"),
        "the account named, and y at home": attempt(HOME, fix_exactly, seed="home"),
    },
    "open": {
        "only two said": attempt({"one": "yes", "two": "no"}, fix_exactly),
        "fixed in silence": attempt({}, name_y, seed="owner"),
    },
    "wrong-named": {
        "both sides always": attempt({**CALLER, "one": "no"}, fix_exactly),
        "the first worlds' verdicts": attempt({**CALLER, "one": "no"}, name_y, seed="owner"),
    },
    "wrong-across": {
        "across by one side": attempt({**CALLER, "two": "yes"}, fix_exactly),
        "read off after the fix": attempt({"one": "yes", "two": "yes"}, fix_exactly),
        "the account is everybody there": attempt({**HOME, "two": "yes"}, fix_exactly, seed="home"),
    },
    "wrong-owner": {"at home is enough": attempt({**OWNER, "two": "yes"}, name_y, seed="owner")},
    "wrong-account": {
        "the account is everybody": attempt({**CALLER, "three": "yes"}, fix_exactly),
        "what the first worlds were": attempt(CALLER, name_y, seed="owner"),
    },
    "wrong-home": {
        "another user is named": attempt({**HOME, "one": "no"}, fix_exactly, seed="home"),
        "the account is nobody": attempt(CALLER, fix_exactly, seed="home"),
    },
    "changed": {
        "world three opened": attempt(CALLER, (fix_exactly, let_x_in)),
        "world three shut": attempt(OWNER, (name_y, shut_x_out), seed="owner"),
    },
    "silent": {
        "said, not done": attempt(CALLER),
        "the open side opened wider": attempt(CALLER, widen_the_repository),
        "what the first worlds need": attempt(OWNER, fix_exactly, seed="owner"),
        "what the second worlds need": attempt(HOME, name_y, seed="home"),
    },
    "wider": {
        "everything": attempt(CALLER, (widen_the_repository, lambda lab: fix(lab, allow("ecr:*")))),
        "AWS's policy": attempt(CALLER, managed),
        "another service's star": attempt(CALLER, (fix_exactly, lambda lab: fix(lab, allow([*PULL, "s3:*"])))),
        "a star after the name": attempt(CALLER, lambda lab: fix(lab, allow(list(PULL), arn("world/*")))),
        "the whole account named": attempt(OWNER, lambda lab: share(lab, "two", root(OTHER), *PULL), seed="owner"),
        "everybody named": attempt(OWNER, lambda lab: share(lab, "two", "*", *PULL), seed="owner"),
    },
    "cannot-tell": {
        "a name that a tag decides": attempt(
            CALLER,
            lambda lab: fix(
                lab, allow(list(PULL), arn("world/two")), allow(list(PULL), arn("${aws:ResourceTag/team}"))
            ),
        )
    },
}
