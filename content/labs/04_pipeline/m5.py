"""lab-04-m5: nobody may more than their part. What a learner reads is in m5.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import unquote

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import PUSH, Lab, Sentence, in_code
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.rights import as_list

from .line import give, narrow_execution, only_main, rights_of_pipeline
from .look import Look
from .town import (
    EXECUTION,
    MANAGED,
    NAME,
    OMAR,
    PIPELINE,
    POWER_USER,
    TASK,
    document,
    on_call,
    repository_arn,
    role_arn,
    service_arn,
)

TO_ECS = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
LOOKS = (
    "ecs:DescribeTasks", "ecs:ListTasks", "ecs:DescribeTaskDefinition", "ecs:ListTaskDefinitions",
    "ecs:DescribeServices", "ecs:DescribeServiceDeployments", "ecs:ListServiceDeployments", "ecs:DescribeClusters",
    "ecs:DescribeServiceRevisions", "ecs:ListServices", "ecs:ListClusters",
)  # fmt: skip
"""What only looks at ECS: nobody asked for it, and it may be there."""
READS = ("ecr:DescribeImages", "ecr:ListImages", "ecr:DescribeRepositories", "ecr:GetDownloadUrlForLayer")


class Part:
    """One of the four, what it has to be able to do, and what is let pass; `narrow` is without what earns a remark."""

    def __init__(
        self, who: str, may: tuple[Grant, ...], passes: tuple[Grant, ...], remarked: tuple[Grant, ...]
    ) -> None:
        self.who = who
        doors = None if who == f"role/{EXECUTION}" else ()  # the repository's own policy is looked at once
        self.loose = Wanted((who,), may, (*passes, *remarked), doors)
        self.narrow = Wanted((who,), may, passes, doors)


def parts(lab: Lab, role: str) -> list[Part]:
    """Return the four parts; `role` is the one that the pipeline comes in as."""
    repository, service = repository_arn(lab), service_arn(lab)
    roles = (role_arn(lab, EXECUTION), role_arn(lab, TASK))
    passed, anyhow = Grant("iam:PassRole", roles, condition=TO_ECS), Grant("iam:PassRole", roles)
    deployments = service.replace(":service/", ":service-deployment/") + "/*"
    looks, login = Grant((*LOOKS, "sts:GetCallerIdentity")), Grant(LOGIN)
    return [
        Part(
            f"role/{role}",
            (
                login,
                Grant((*PUSH, "ecr:DescribeImageScanFindings"), repository),
                Grant("ecs:RegisterTaskDefinition"),
                Grant(("ecs:UpdateService", "ecs:DescribeServices"), service),
                passed,
            ),
            (looks, Grant((*READS, "ecr:StartImageScan"), repository)),
            (anyhow,),
        ),
        Part(
            f"role/{EXECUTION}",
            (login, Grant(PULL, repository)),
            (Grant("logs:*"), Grant("ecr:BatchCheckLayerAvailability", repository)),
            (Grant((*PULL, "ecr:BatchCheckLayerAvailability")),),
        ),
        Part(f"role/{TASK}", (Grant("sts:GetCallerIdentity"),), (), ()),
        Part(
            OMAR,
            (login, Grant(PULL, repository), Grant("ecs:UpdateService", service), passed),
            (
                Grant((*PULL, "ecr:BatchImportUpstreamImage")),
                Grant("ecs:StopServiceDeployment", (service, deployments)),
                Grant(("ecs:Describe*", "ecs:List*", "ecs:RegisterTaskDefinition", "sts:GetCallerIdentity")),
            ),
            (anyhow,),
        ),
    ]


class Seen(Look):
    """What the four may do beyond their parts, or what of their part they may not."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        doors = [role for role in self.trusts if self.lets_main_in(role) and not self.strangers(role)]
        self.role = PIPELINE if PIPELINE in doors else (doors[0] if doors else "")
        there = {each["RoleName"] for each in lab.client("iam").list_roles()["Roles"]}
        self.gone = next((name for name in (EXECUTION, TASK) if name not in there), "")
        asked = parts(lab, self.role) if self.role and not self.gone else []
        found = [beyond(lab, each.loose) for each in asked]
        lacks = next((each.missing[0] for each in found if each.missing), None)
        self.missing: str | Sentence = in_code(str(lacks["explanation"])) if lacks else Sentence("no-role")
        self.lacks = lacks is not None or bool(self.gone)
        wider = next((each for each in found if each.wider), None)
        self.text, self.action, self.who = (wider.text, wider.action, wider.who) if wider else ("", "", "")
        self.why = next((each.why for each in found if each.verdict == "cannot tell"), "")
        self.open: str | Sentence = self.text or Sentence("nothing")
        self.walled = next((name for name in (self.role, EXECUTION) if name and name in there and self._wall(name)), "")
        self.as_on_friday = self._as_on_friday() if not self.gone else False
        self.remarks = [beyond(lab, each.narrow) for each in asked] if not (self.lacks or wider) else []

    def remarked(self, who: str) -> bool:
        """Tell whether one of the four may do something that earns a remark."""
        return any(each.wider and each.who.endswith(who) for each in self.remarks)

    @property
    def walls(self) -> str:
        """The role with the wall, as code."""
        return f"`{self.walled}`"

    def _wall(self, role: str) -> bool:
        denies = [each for each in statements(self.lab, role) if each.get("Effect") == "Deny"]
        return any("NotAction" in each or "NotResource" in each for each in denies)

    def _as_on_friday(self) -> bool:
        """Tell whether the role that fetches has what it had at first."""
        iam = self.lab.client("iam")
        held = {each["PolicyArn"] for each in iam.list_attached_role_policies(RoleName=EXECUTION)["AttachedPolicies"]}
        return held == {MANAGED, POWER_USER} and not iam.list_role_policies(RoleName=EXECUTION)["PolicyNames"]


def statements(lab: Lab, role: str) -> Iterator[Mapping[str, Any]]:
    """Yield the statements of a role's inline policies."""
    iam = lab.client("iam")
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        held = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        yield from as_list((held if isinstance(held, Mapping) else json.loads(unquote(held)))["Statement"])


def judge(seen: Seen) -> str:
    """Return the verdict's name in m5.md."""
    if not seen.role:
        return "untouched"
    if seen.lacks:
        return "missing"
    if seen.text:
        return _wider(seen)
    if seen.why:
        return "cannot-tell"
    if seen.walled:
        return "wall"
    if seen.remarked(EXECUTION):
        return "every-repository"
    return "any-service" if seen.remarks and any(each.wider for each in seen.remarks) else "passed"


def _wider(seen: Seen) -> str:
    if seen.who.endswith(EXECUTION):
        return "untouched" if seen.as_on_friday else "may-push"
    if seen.who.endswith(TASK):
        return "task-role"
    if seen.action == "iam:PassRole":
        return "pass-any"
    return "other-service" if seen.action == "ecs:UpdateService" else "wider"


def again(lab: Lab) -> None:
    """Give the four what they had on Friday."""
    iam = lab.client("iam")
    for role in (PIPELINE, EXECUTION, TASK):
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            iam.delete_role_policy(RoleName=role, PolicyName=name)
        for each in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
            iam.detach_role_policy(RoleName=role, PolicyArn=each["PolicyArn"])
    for arn in (MANAGED, POWER_USER):
        iam.attach_role_policy(RoleName=EXECUTION, PolicyArn=arn)
    iam.update_assume_role_policy(RoleName=PIPELINE, PolicyDocument=only_main(lab))
    give(lab, PIPELINE, rights_of_pipeline(lab))
    lab.user(OMAR)
    iam.put_user_policy(UserName=OMAR, PolicyName="on-call", PolicyDocument=on_call(lab))
    ecr = lab.client("ecr")
    with suppress(ecr.exceptions.RepositoryPolicyNotFoundException):
        ecr.delete_repository_policy(repositoryName=NAME)


# Tries


def also(role: str, *given: Mapping[str, Any]) -> Callable[[Lab], None]:
    """Return a step that gives a role these statements beside what it has."""
    return lambda lab: give(lab, role, document(*given), "more")


def passing(condition: bool, *roles: str) -> Callable[[Lab], None]:
    """Return a step that lets the pipeline hand over these roles (none: any), to ECS or to any service."""

    def act(lab: Lab) -> None:
        named = [role_arn(lab, each) for each in roles] or "*"
        give(
            lab,
            PIPELINE,
            document({"Action": "iam:PassRole", "Resource": named, **({"Condition": TO_ECS} if condition else {})}),
            "more",
        )

    return act


def by_repository(lab: Lab) -> None:
    """Let the repository's own policy name the role that fetches; the role has the login alone."""
    narrow_execution(lab)
    give(lab, EXECUTION, document({"Action": LOGIN, "Resource": "*"}), "pull")
    let = {"Principal": {"AWS": role_arn(lab, EXECUTION)}, "Action": list(PULL)}
    lab.client("ecr").set_repository_policy(repositoryName=NAME, policyText=document(let))


def managed_alone(lab: Lab) -> None:
    """Take the push from the role that fetches, and leave it AWS's own policy."""
    lab.client("iam").detach_role_policy(RoleName=EXECUTION, PolicyArn=POWER_USER)


def power_alone(lab: Lab) -> None:
    """Take AWS's policy for execution roles, and leave the push."""
    lab.client("iam").detach_role_policy(RoleName=EXECUTION, PolicyArn=MANAGED)


def moved_to_the_page(lab: Lab) -> None:
    """Give the page's role what the role that fetches has."""
    narrow_execution(lab)
    give(lab, TASK, document({"Action": list(PULL), "Resource": repository_arn(lab)}), "pull")


def nothing_left(lab: Lab) -> None:
    """Take all from the role that fetches."""
    narrow_execution(lab)
    lab.client("iam").delete_role_policy(RoleName=EXECUTION, PolicyName="pull")


def by_ids(lab: Lab) -> None:
    """Let in at the repository whoever has an id that begins like a user's."""
    narrow_execution(lab)
    who = {"Principal": "*", "Action": list(PULL), "Condition": {"StringLike": {"aws:userid": "AIDA*"}}}
    lab.client("ecr").set_repository_policy(repositoryName=NAME, policyText=document(who))


def all_of_one(lab: Lab) -> None:
    """Let the pipeline do everything to one repository."""
    also(PIPELINE, {"Action": "ecr:*", "Resource": repository_arn(lab)})(lab)


def walled(lab: Lab) -> None:
    """Let the pipeline do everything to repositories, with a Deny around what it should do."""
    narrow_execution(lab)
    wide = {"Action": "ecr:*", "Resource": "*"}
    wall = {
        "Effect": "Deny",
        "NotAction": [*PUSH, "ecr:DescribeImageScanFindings", LOGIN, "ecs:*", "iam:PassRole"],
        "Resource": "*",
    }
    fence = {"Effect": "Deny", "Action": [*PUSH, "ecr:DescribeImageScanFindings"], "NotResource": repository_arn(lab)}
    give(lab, PIPELINE, document(wide, wall, fence), "more")


TRIES = {
    "passed": {"two actions on one repository": narrow_execution, "by the repository's policy": by_repository},
    "every-repository": {"AWS's own policy": managed_alone},
    "any-service": {"two roles, no condition": [narrow_execution, passing(False, EXECUTION, TASK)]},
    "missing": {"nothing left": nothing_left},
    "pass-any": {"any role, to ECS": [narrow_execution, passing(True)]},
    "may-push": {"the push is left": power_alone},
    "other-service": {
        "any service": [narrow_execution, also(PIPELINE, {"Action": "ecs:UpdateService", "Resource": "*"})]
    },
    "task-role": {"moved to the page": moved_to_the_page},
    "cannot-tell": {"a condition on ids": by_ids},
    "wall": {"a wide Allow and a Deny around it": walled},
    "wider": {"ecr:* on the repository": [narrow_execution, all_of_one]},
}
