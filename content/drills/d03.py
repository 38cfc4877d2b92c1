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
from ecrlab_course.drills.drill import Findings

NAME, NEIGHBOUR = "shop/orders", "shop/payments"
CHECK = "ecr:BatchCheckLayerAvailability"
WHO = f"{ACCOUNT}:user/runner"
WANTED = Wanted(WHO, (Grant(PULL, arn(NAME)), Grant(LOGIN)), passes=Grant(CHECK, arn(NAME)))


def prepare(lab: DrillLab) -> None:
    """Make the repository, its neighbour, and a user without any policy."""
    for name in (NAME, NEIGHBOUR):
        lab.repository(name)
        lab.push(name, "1", name.encode())
    lab.person("runner")


class Seen:
    """What `runner` may do of what was wanted, and beyond it."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        found = beyond(lab, WANTED)
        self.found = found
        self.surplus, self.why = found.text, found.why
        self.missing = [each["action"] for each in found.missing]
        self.first_missing = next((action for action in PULL if action in self.missing), LOGIN)
        self.reason = next(
            (in_code(each["explanation"]) for each in found.missing if each["action"] == self.first_missing), ""
        )
        allowed = [action for action in (LOGIN, *PULL) if action not in self.missing]
        self.allowed = as_words(allowed)
        self.allowed_seen = Sentence("some") if allowed else Sentence("nothing-yet")
        self.checks = lab.may((WHO, CHECK, arn(NAME)))[0]
        details = lab.client("iam").get_account_authorization_details(Filter=["User", "Group", "LocalManagedPolicy"])
        (user,) = [one for one in details["UserDetailList"] if one["UserName"] == "runner"]
        self.held = any(user.get(key) for key in ("UserPolicyList", "AttachedManagedPolicies", "GroupList"))
        own = [user.get("UserPolicyList", ()), *(one["GroupPolicyList"] for one in details["GroupDetailList"])]
        written = [each["PolicyDocument"] for each in chain(*own)]
        versions = chain(*(each["PolicyVersionList"] for each in details["Policies"]))
        self.login_in_own = names(LOGIN, [*written, *(each["Document"] for each in versions)])
        theirs = repository_policy(lab)
        self.shared = bool(theirs)
        self.login_in_theirs = names(LOGIN, theirs)


def names(action: str, documents: Iterable[Mapping[str, Any]]) -> bool:
    """Tell whether a statement of the documents allows the action, on whatever resource."""
    statements = chain(*(as_list(each["Statement"]) for each in documents))
    patterns = chain(*(as_list(each.get("Action")) for each in statements if each["Effect"] == "Allow"))
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


def repository_policy(lab: DrillLab) -> list[Mapping[str, Any]]:
    """Return the repository's policy, when it has one."""
    ecr = lab.client("ecr")
    try:
        return [json.loads(ecr.get_repository_policy(repositoryName=NAME)["policyText"])]
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
    """Return a statement of the two actions of a pull."""
    return allow(list(PULL), list(resources) or arn(NAME))


def in_a_group(lab: DrillLab) -> None:
    """Write a managed policy, attached to a group that runner is in."""
    iam = lab.client("iam")
    made = iam.create_policy(PolicyName="orders-pull", PolicyDocument=policy(allow(LOGIN), pulling()))["Policy"]["Arn"]
    iam.create_group(GroupName="runners")
    iam.attach_group_policy(GroupName="runners", PolicyArn=made)
    iam.add_user_to_group(GroupName="runners", UserName="runner")


def by_the_repository(lab: DrillLab, *actions: str, who: str = f"arn:aws:iam::{ACCOUNT}:user/runner") -> None:
    """Let runner in by the repository's own policy."""
    statement = {"Effect": "Allow", "Principal": {"AWS": who}, "Action": list(actions)}
    lab.client("ecr").set_repository_policy(repositoryName=NAME, policyText=policy(statement))


def managed(lab: DrillLab, name: str) -> None:
    """Attach one of AWS's policies."""
    lab.client("iam").attach_user_policy(UserName="runner", PolicyArn=f"arn:aws:iam::aws:policy/{name}")


def everything_but(lab: DrillLab) -> None:
    """Allow all, and deny everything that is not wanted on the neighbour."""
    deny = {"Effect": "Deny", "Action": "*", "Resource": arn(NEIGHBOUR)}
    put(lab, allow("*"), deny)


def only_from(address: str) -> dict[str, Any]:
    """Return the statement of a pull that asks where the request comes from."""
    return {**pulling(), "Condition": {"IpAddress": {"aws:SourceIp": address}}}


TRIES = {
    "passed": {
        "an inline policy": lambda lab: put(lab, allow(LOGIN), pulling()),
        "a managed policy of a group": in_a_group,
        "the login by IAM, the pull by the repository": [
            lambda lab: put(lab, allow(LOGIN)),
            lambda lab: by_the_repository(lab, *PULL),
        ],
    },
    "check": {"a push's question as well": lambda lab: put(lab, allow(LOGIN), allow([*PULL, CHECK], arn(NAME)))},
    "missing": {
        "ecr:Get* on the repository": lambda lab: put(lab, allow(LOGIN), allow("ecr:Get*", arn(NAME))),
        "the neighbour's Region": lambda lab: put(lab, allow(LOGIN), pulling(arn(NAME, "eu-west-1"))),
        "an invented action": lambda lab: put(lab, allow([LOGIN, "ecr:PullImage"])),
        "from an address that runner does not have": lambda lab: put(lab, allow(LOGIN), only_from("203.0.113.0/24")),
    },
    "login-scoped": {"all on the repository": lambda lab: put(lab, allow([LOGIN, *PULL], arn(NAME)))},
    "login-by-repository": {
        "all in the repository's policy": lambda lab: by_the_repository(lab, "ecr:GetAuth*", *PULL)
    },
    "login-missing": {"the two actions alone": lambda lab: put(lab, pulling())},
    "wider": {
        "AWS's own policy": lambda lab: managed(lab, PULL_ONLY),
        "a star at the end": lambda lab: put(lab, allow(LOGIN), pulling(arn(NAME + "*"))),
        "in every Region": lambda lab: put(lab, allow(LOGIN), pulling(f"arn:aws:ecr:*:{ACCOUNT}:repository/{NAME}")),
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
