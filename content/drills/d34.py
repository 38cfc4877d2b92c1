"""Drill d34: whoever starts tasks may become whatever they may pass. What a learner reads is in d34.md."""

from __future__ import annotations

import json
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.fargate import address, recipe
from ecrlab_course.drills.account import ACCOUNT, VERSION, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt

NAME, CLUSTER = "shop/orders", "shop"
TASKS = "ecs-tasks.amazonaws.com"
PASS = "iam:PassRole"
WORK = ("ecs:RegisterTaskDefinition", "ecs:RunTask", "ecs:DescribeTasks")
OWN = ("orders-execution", "orders-task")
EXECUTION, TASK = OWN
ALL = {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}
READ = {"Effect": "Allow", "Action": "ecr:DescribeRepositories", "Resource": "*"}
PATTERN = {"star": "*", "prefix": f"arn:aws:iam::{ACCOUNT}:role/orders*"}
"""By seed: which roles the deployer may pass."""
STRONG = {"star": "backup-task", "prefix": "orders-sweeper"}
"""By seed: the role that ECS takes on, that may be passed, and that may do more than the deployer."""
OTHERS: dict[str, dict[str, tuple[str, dict[str, Any]]]] = {
    "star": {
        "backup-task": (TASKS, ALL),
        "orders-sweeper": ("lambda.amazonaws.com", ALL),
        "orders-report": (TASKS, READ),
    },
    "prefix": {
        "backup-task": (TASKS, ALL),
        "orders-sweeper": (TASKS, ALL),
        "orders-report": (TASKS, READ),
        "orders-admin": ("lambda.amazonaws.com", ALL),
    },
}
"""By seed: roles beside the deployer's own two, each with the service that takes it on, and what it may."""


def role(name: str) -> str:
    """Return a role's ARN."""
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def trust(service: str) -> str:
    """Return the trust policy of a role that a service assumes."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": VERSION, "Statement": [statement]})


def passing(resource: str | list[str], service: str = "") -> dict[str, Any]:
    """Return the statement that lets roles be passed; with a service to that one alone."""
    made = allow(PASS, resource)
    return {**made, "Condition": {"StringEquals": {"iam:PassedToService": service}}} if service else made


def put_on(lab: DrillLab, *statements: dict[str, Any]) -> None:
    """Write the deployer's policy: to register and run tasks, and these statements."""
    text = policy(allow(list(WORK), "*"), *statements)
    lab.client("iam").put_user_policy(UserName="deployer", PolicyName="work", PolicyDocument=text)


def prepare(lab: DrillLab) -> None:
    """Make the deployer, its own two roles, and the others."""
    iam = lab.client("iam")
    lab.repository(NAME)
    made: dict[str, tuple[str, dict[str, Any] | None]] = {
        EXECUTION: (TASKS, None), TASK: (TASKS, READ), **OTHERS[lab.seed]
    }  # fmt: skip
    for name, (service, may) in made.items():
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust(service))
        statements = [may] if may else [allow(LOGIN), allow(list(PULL), arn(NAME))]
        iam.put_role_policy(RoleName=name, PolicyName="work", PolicyDocument=policy(*statements))
    lab.person("deployer")
    put_on(lab, passing(PATTERN[lab.seed]))
    lab.client("ecs").create_cluster(clusterName=CLUSTER)
    lab.write("orders.json", json.dumps(written(), indent=2) + "\n")


def written() -> dict[str, Any]:
    """Return the recipe that the deployer registers."""
    return recipe("orders", address(f"{NAME}:1", ACCOUNT), {"execution": EXECUTION, "task": TASK}, account=ACCOUNT)


def asked() -> Wanted:
    """Return what the deployer is to be able to do: its work, and to pass its own two roles to ECS."""
    own = [role(name) for name in OWN]
    to_ecs = {"StringEquals": {"iam:PassedToService": TASKS}}
    may = (Grant(WORK, "*"), Grant(PASS, own, condition=to_ecs))
    return Wanted(f"{ACCOUNT}:user/deployer", may, passes=Grant(PASS, own))


class Seen:
    """What the deployer may do and pass, whether the strong role is as it was, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        strong = STRONG[lab.seed]
        self.kept = self.trusts(lab, strong) == TASKS and bool(
            lab.allowed(f"role/{strong}", ("ecr:PutImage",), arn(NAME))
        )
        self.refused = self.short_of(lab)
        open_to = [each for each in OTHERS[lab.seed] if self.passes(lab, each)]
        self.passed = f"`{strong}`" if strong in open_to else f"`{open_to[0]}`" if open_to else ""
        self.passed_seen = self.passed or "none"
        extra = beyond(lab, asked())
        self.wider, self.known = extra.wider, extra.verdict != "cannot tell"
        self.surplus, self.why = extra.text, extra.why
        document = lab.client("iam").get_user_policy(UserName="deployer", PolicyName="work")["PolicyDocument"] if (
            "work" in lab.client("iam").list_user_policies(UserName="deployer")["PolicyNames"]
        ) else {}  # fmt: skip
        self.changed = document.get("Statement", [{}])[-1] != passing(PATTERN[lab.seed]) or not self.kept
        self.typed = findings.get("role", "").strip(" `'\"").rpartition("/")[2]
        self.right = self.typed == strong
        known = {**OTHERS[lab.seed], EXECUTION: (TASKS, READ), TASK: (TASKS, READ)}
        self.there = self.typed in known
        self.service = known.get(self.typed, ("", READ))[0]
        self.matched = fnmatchcase(role(self.typed), PATTERN[lab.seed])

    @staticmethod
    def trusts(lab: DrillLab, name: str) -> str:
        """Return the service that may take a role on; "" where there is none, or no such role."""
        iam = lab.client("iam")
        try:
            text = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
        except iam.exceptions.NoSuchEntityException:
            return ""
        return str(text["Statement"][0].get("Principal", {}).get("Service", "")) if text.get("Statement") else ""

    @staticmethod
    def passes(lab: DrillLab, name: str) -> bool:
        """Tell whether the deployer may pass a role to ECS's tasks."""
        return bool(decided(lab, PASS, role(name)))

    @staticmethod
    def short_of(lab: DrillLab) -> str:
        """Return the first of its own work that the deployer is refused, in words; "" for none."""
        for action in WORK:
            if not decided(lab, action, "*"):
                return f"`{action}`"
        return next((f"`{PASS}` on `{name}`" for name in OWN if not decided(lab, PASS, role(name))), "")


def decided(lab: DrillLab, action: str, resource: str) -> bool:
    """Tell whether IAM lets the deployer do that; a role is passed to ECS's tasks."""
    context = {"iam:PassedToService": TASKS} if action == PASS else {}
    return bool(lab.control.decide(f"{ACCOUNT}:user/deployer", action, resource, context=context)["allowed"])


def judge(seen: Seen) -> str:
    """Return the verdict's name in d34.md: the strong role, the deployer's work, what it may pass, what was typed."""
    if not seen.kept:
        return "role-changed"
    if seen.refused:
        return "cannot-deploy"
    if seen.passed:
        return "still-passes" if seen.changed or seen.typed else "untouched"
    if seen.wider:
        return "wider"
    if not seen.known:
        return "cannot-tell"
    return typed_right(seen)


def typed_right(seen: Seen) -> str:
    """Return whether what was typed is the role through which the deployer was stronger."""
    if not seen.typed:
        return "not-typed"
    if seen.right:
        return "passed"
    if not seen.there:
        return "no-such-role"
    if seen.service != TASKS:
        return "other-service"
    return "not-stronger" if seen.matched else "not-passable"


def own_two(lab: DrillLab) -> None:
    """Let the deployer pass its own two roles to ECS."""
    put_on(lab, passing([role(name) for name in OWN], TASKS))


def narrow(resource: str | list[str], service: str = "") -> Callable[[DrillLab], None]:
    """Return what lets the deployer pass these roles."""
    return lambda lab: put_on(lab, passing(resource, service))


def drop_the_pass(lab: DrillLab) -> None:
    """Let the deployer pass nothing."""
    put_on(lab)


def deny_the_strong(lab: DrillLab) -> None:
    """Forbid to pass the one role, and leave the rest."""
    deny = {"Effect": "Deny", "Action": PASS, "Resource": role(STRONG[lab.seed])}
    put_on(lab, deny, passing(PATTERN[lab.seed]))


def break_the_role(lab: DrillLab) -> None:
    """Let ECS take the strong role on no more."""
    lab.client("iam").update_assume_role_policy(RoleName=STRONG[lab.seed], PolicyDocument=trust("lambda.amazonaws.com"))


def more_beside(lab: DrillLab) -> None:
    """Pass the two roles, with a permission on IAM beside it."""
    put_on(lab, passing([role(name) for name in OWN], TASKS), allow("iam:AttachRolePolicy", role(EXECUTION)))


def by_a_tag(lab: DrillLab) -> None:
    """Pass the two roles, and one whose name a tag of something says."""
    put_on(lab, passing([*(role(name) for name in OWN), role("${aws:ResourceTag/app}")], TASKS))


def said(name: str) -> dict[str, str]:
    """Return the role as it is typed."""
    return {"role": name}


BACKUP, SWEEPER = STRONG["star"], STRONG["prefix"]
TRIES = {
    "passed": {
        "its own two, to ECS": attempt(said(BACKUP), own_two, seed="star"),
        "its own two, by an ARN": attempt(said(role(SWEEPER)), own_two, seed="prefix"),
        "its own two, to whatever takes them on": attempt(
            said(SWEEPER), narrow([role(name) for name in OWN]), seed="prefix"
        ),
    },
    "cannot-deploy": {"nothing to pass": attempt(said(BACKUP), drop_the_pass, seed="star")},
    "still-passes": {
        "named alone": attempt(said(BACKUP), seed="star"),
        "a prefix that fits more": attempt(said(BACKUP), narrow(role("orders-*"), TASKS), seed="star"),
        "to ECS alone": attempt(said(BACKUP), narrow("*", TASKS), seed="star"),
        "with a Deny on the one": attempt(said(SWEEPER), deny_the_strong, seed="prefix"),
    },
    "role-changed": {"the strong role broken": attempt(said(SWEEPER), break_the_role, seed="prefix")},
    "wider": {"a permission on IAM beside it": attempt(said(BACKUP), more_beside, seed="star")},
    "cannot-tell": {"a name from a tag": attempt(said(BACKUP), by_a_tag, seed="star")},
    "not-typed": {"in silence": attempt({}, own_two, seed="prefix")},
    "no-such-role": {"the user": attempt(said("deployer"), own_two, seed="star")},
    "other-service": {
        "the other state's role": attempt(said(SWEEPER), own_two, seed="star"),
        "one that Lambda takes on": attempt(said("orders-admin"), own_two, seed="prefix"),
    },
    "not-passable": {"the other state's role": attempt(said(BACKUP), own_two, seed="prefix")},
    "not-stronger": {"one that reads": attempt(said("orders-report"), own_two, seed="star")},
}
