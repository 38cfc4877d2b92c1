"""Drill d03: the smallest policy that pulls. What a learner reads is in d03.md."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from itertools import chain
from typing import Any

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import PULL_ONLY, Sentence, as_words, in_code
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.rights import as_list
from ecrlab_course.drills.account import ACCOUNT, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt

HERE, THERE = "us-east-1", "eu-west-1"
Place = tuple[str, str]
"""A repository: its name and its Region."""
RUNS: dict[str, tuple[Place, ...]] = {
    "orders": (("shop/orders", HERE),),
    "ireland": (("shop/tickets", THERE),),
    "two": (("shop/orders", HERE), ("shop/orders-db", HERE)),
}
"""By seed: what the server runs."""
NEIGHBOURS: dict[str, tuple[Place, ...]] = {
    "orders": (("shop/payments", HERE),),
    "ireland": (("shop/tickets", HERE), ("shop/orders", THERE)),
    "two": (("shop/orders-old", HERE), ("shop/payments", HERE)),
}
"""By seed: what it must not pull."""
CHECK = "ecr:BatchCheckLayerAvailability"
WHO = f"{ACCOUNT}:user/runner"


def arns(places: Iterable[Place]) -> list[str]:
    """Return the ARNs of repositories."""
    return [arn(name, region) for name, region in places]


def named(places: Iterable[Place]) -> str:
    """Return repositories as a sentence names them."""
    return " and ".join(f"`{name}` in {region}" for name, region in places)


def prepare(lab: DrillLab) -> None:
    """Make the repositories, their neighbours, a user without any policy, and the note on what it runs."""
    for name, region in (*RUNS[lab.seed], *NEIGHBOURS[lab.seed]):
        lab.repository(name, region)
        lab.push(name, "1", name.encode(), region=region)
    lab.person("runner")
    lines = [f"{lab.registry_of(region)}/{name}:1" for name, region in RUNS[lab.seed]]
    lab.write("server.txt", "\n".join(["# What runner starts at boot", *lines, ""]))


class Seen:
    """What `runner` may do of what was wanted, and beyond it."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        runs = RUNS[lab.seed]
        mine = arns(runs)
        # A grant for each: of one with several resources, one is asked about.
        wished = [*(Grant(PULL, each) for each in mine), Grant(LOGIN)]
        wanted = Wanted(WHO, wished, passes=Grant(CHECK, mine))
        found = beyond(lab, wanted)
        self.found = found
        self.surplus, self.why = found.text, found.why
        self.missing = [each["action"] for each in found.missing]
        self.first_missing = next((action for action in PULL if action in self.missing), LOGIN)
        first = next((each for each in found.missing if each["action"] == self.first_missing), None)
        self.reason = in_code(first["explanation"]) if first else ""
        self.images = named(runs)
        self.where = named(place for place in runs if first and arn(*place) == first["resource"]) or self.images
        allowed = [action for action in (LOGIN, *PULL) if action not in self.missing]
        self.allowed = as_words(allowed)
        self.allowed_seen = Sentence("some") if allowed else Sentence("nothing-yet")
        self.checks = any(lab.may(*((WHO, CHECK, each) for each in mine)))
        details = lab.client("iam").get_account_authorization_details(Filter=["User", "Group", "LocalManagedPolicy"])
        (user,) = [one for one in details["UserDetailList"] if one["UserName"] == "runner"]
        self.held = any(user.get(key) for key in ("UserPolicyList", "AttachedManagedPolicies", "GroupList"))
        own = [user.get("UserPolicyList", ()), *(one["GroupPolicyList"] for one in details["GroupDetailList"])]
        written = [each["PolicyDocument"] for each in chain(*own)]
        versions = chain(*(each["PolicyVersionList"] for each in details["Policies"]))
        self.login_in_own = names(LOGIN, [*written, *(each["Document"] for each in versions)])
        theirs = [each for place in runs for each in repository_policy(lab, *place)]
        self.shared = bool(theirs)
        self.login_in_theirs = names(LOGIN, theirs)


def names(action: str, documents: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether a statement of the documents allows the action, on whatever resource."""
    statements = chain(*(as_list(each["Statement"]) for each in documents))
    patterns = chain(*(as_list(each.get("Action")) for each in statements if each["Effect"] == "Allow"))
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


def repository_policy(lab: DrillLab, name: str, region: str) -> list[Mapping[str, Any]]:
    """Return a repository's policy, when it has one."""
    ecr = lab.client("ecr", region=region)
    try:
        return [json.loads(ecr.get_repository_policy(repositoryName=name)["policyText"])]
    except ecr.exceptions.RepositoryPolicyNotFoundException:
        return []


def judge(seen: Seen) -> str:
    """Return the verdict's name in d03.md: the login, the two actions, and nothing else."""
    if not (seen.held or seen.shared):
        return "untouched"
    if seen.first_missing != LOGIN:
        return "missing"
    if LOGIN in seen.missing:
        return without_login(seen)
    if seen.found.wider:
        return "wider"
    if not seen.found.exactly:
        return "cannot-tell"
    return "check" if seen.checks else "passed"


def without_login(seen: Seen) -> str:
    """Return why there is no login."""
    if seen.login_in_own:
        return "login-scoped"
    return "login-by-repository" if seen.login_in_theirs else "login-missing"


def put(lab: DrillLab, *statements: dict[str, Any]) -> None:
    """Give runner an inline policy."""
    lab.client("iam").put_user_policy(UserName="runner", PolicyName="pull", PolicyDocument=policy(*statements))


def pulling(*resources: str) -> dict[str, Any]:
    """Return a statement of the two actions of a pull; of the first server's image, where none is named."""
    return allow(list(PULL), list(resources) or ORDERS)


def right(lab: DrillLab, seed: str = "") -> None:
    """Write the smallest policy of a seed, of this one or of another."""
    put(lab, allow(LOGIN), pulling(*arns(RUNS[seed or lab.seed])))


def in_a_group(lab: DrillLab) -> None:
    """Write a managed policy, attached to a group that runner is in."""
    iam = lab.client("iam")
    made = iam.create_policy(PolicyName="orders-pull", PolicyDocument=policy(allow(LOGIN), pulling()))["Policy"]["Arn"]
    iam.create_group(GroupName="runners")
    iam.attach_group_policy(GroupName="runners", PolicyArn=made)
    iam.add_user_to_group(GroupName="runners", UserName="runner")


def by_the_repository(lab: DrillLab, *actions: str, who: str = f"arn:aws:iam::{ACCOUNT}:user/runner") -> None:
    """Let runner in by the repositories' own policies."""
    statement = {"Effect": "Allow", "Principal": {"AWS": who}, "Action": list(actions)}
    for name, region in RUNS[lab.seed]:
        ecr = lab.client("ecr", region=region)
        ecr.set_repository_policy(repositoryName=name, policyText=policy(statement))


def managed(lab: DrillLab, name: str) -> None:
    """Attach one of AWS's policies."""
    lab.client("iam").attach_user_policy(UserName="runner", PolicyArn=f"arn:aws:iam::aws:policy/{name}")


def everything_but(lab: DrillLab) -> None:
    """Allow all, and deny everything that is not wanted on the neighbours."""
    deny = {"Effect": "Deny", "Action": "*", "Resource": arns(NEIGHBOURS[lab.seed])}
    put(lab, allow("*"), deny)


def only_from(address: str) -> dict[str, Any]:
    """Return the statement of a pull that asks where the request comes from."""
    return {**pulling(), "Condition": {"IpAddress": {"aws:SourceIp": address}}}


ORDERS = arn("shop/orders")
TRIES = {
    "passed": {
        "an inline policy": right,
        "a managed policy of a group": in_a_group,
        "the login by IAM, the pull by the repository": [
            lambda lab: put(lab, allow(LOGIN)),
            lambda lab: by_the_repository(lab, *PULL),
        ],
        "the other Region": attempt(None, right, seed="ireland"),
        "both repositories": attempt(None, right, seed="two"),
    },
    "check": {"a push's question as well": lambda lab: put(lab, allow(LOGIN), allow([*PULL, CHECK], ORDERS))},
    "missing": {
        "ecr:Get* on the repository": lambda lab: put(lab, allow(LOGIN), allow("ecr:Get*", ORDERS)),
        "the neighbour's Region": lambda lab: put(lab, allow(LOGIN), pulling(arn("shop/orders", THERE))),
        "an invented action": lambda lab: put(lab, allow([LOGIN, "ecr:PullImage"])),
        "from an address that runner does not have": lambda lab: put(lab, allow(LOGIN), only_from("203.0.113.0/24")),
        "what the first server needs": attempt(None, lambda lab: right(lab, "orders"), seed="ireland"),
        "the right name, in the usual Region": attempt(
            None, lambda lab: put(lab, allow(LOGIN), pulling(arn("shop/tickets"))), seed="ireland"
        ),
        "one of the two": attempt(None, lambda lab: right(lab, "orders"), seed="two"),
    },
    "login-scoped": {"all on the repository": lambda lab: put(lab, allow([LOGIN, *PULL], ORDERS))},
    "login-by-repository": {
        "all in the repository's policy": lambda lab: by_the_repository(lab, "ecr:GetAuth*", *PULL),
        "all in both repositories' policies": attempt(
            None, lambda lab: by_the_repository(lab, "ecr:GetAuth*", *PULL), seed="two"
        ),
    },
    "login-missing": {"the two actions alone": lambda lab: put(lab, pulling())},
    "wider": {
        "AWS's own policy": lambda lab: managed(lab, PULL_ONLY),
        "a star at the end": attempt(
            None, lambda lab: put(lab, allow(LOGIN), pulling(arn("shop/orders*"))), seed="two"
        ),
        "in every Region": attempt(
            None,
            lambda lab: put(lab, allow(LOGIN), pulling(f"arn:aws:ecr:*:{ACCOUNT}:repository/shop/tickets")),
            seed="ireland",
        ),
        "what the third server needs": lambda lab: right(lab, "two"),
        "another service's star": lambda lab: put(lab, allow([LOGIN, "iam:*"]), pulling()),
        "everything, and a Deny": everything_but,
        "everybody by the repository": [
            lambda lab: put(lab, allow(LOGIN), pulling()),
            lambda lab: by_the_repository(lab, *PULL, who="*"),
        ],
    },
    "cannot-tell": {
        "a name that a tag decides": lambda lab: put(
            lab, allow(LOGIN), pulling(), allow("ecr:PutImage", arn("${aws:ResourceTag/team}"))
        )
    },
}
