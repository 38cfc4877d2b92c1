"""Drill d09: the service does not start; one of three causes. What a learner reads is in d09.md."""

from __future__ import annotations

import json
import re
from typing import Any

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import FULL_ACCESS, Sentence
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.requests import requests
from ecrlab_course.authoring.staging import digest_of, name_again
from ecrlab_course.drills.account import ACCOUNT, VERSION, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.toolbox.image import image

NAME, NEIGHBOUR, TAG = "shop/orders", "shop/payments", "1.4"
OTHER_NAME = "shop/order-api"
EXECUTION, TASK = "role/orders-execution", "role/orders-task"
CONTENT = b"orders 1.4"
RELEASE = digest_of(image(CONTENT)[2])


def prepare(lab: DrillLab) -> None:
    """Make the release, the two roles and the service's file, with the fault of the seed."""
    iam = lab.client("iam")
    for name in (NAME, NEIGHBOUR):
        lab.repository(name)
        lab.push(name, "latest", name.encode())
    lab.push(NAME, TAG, CONTENT)
    lab.push(NAME, "1.4.0", CONTENT)
    for role in ("orders-execution", "orders-task"):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=trust("ecs-tasks.amazonaws.com"))
    holder = "orders-task" if lab.seed == "task" else "orders-execution"
    put_on(lab, holder, allow(LOGIN), pulling(OTHER_NAME if lab.seed == "scope" else NAME))
    if lab.seed == "tag":
        lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": TAG}])
    service = {
        "image": f"{NAME}:{TAG}",
        "executionRole": "orders-execution",
        "taskRole": "orders-task",
        "lastGoodDigest": RELEASE,
    }
    lab.write("service.json", json.dumps(service, indent=2) + "\n")


def trust(service: str) -> str:
    """Return the trust policy of a role that a service assumes."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": VERSION, "Statement": [statement]})


def put_on(lab: DrillLab, role: str, *statements: dict[str, Any]) -> None:
    """Write the policy `pull` of a role."""
    lab.client("iam").put_role_policy(RoleName=role, PolicyName="pull", PolicyDocument=policy(*statements))


def pulling(name: str) -> dict[str, Any]:
    """Return a statement of the two actions of a pull."""
    return allow(list(PULL), arn(name))


def wanted(seed: str) -> Wanted:
    """Return what a fix of that state's fault is to open; what a role had before is not what it opens."""
    execution, task = f"{ACCOUNT}:{EXECUTION}", f"{ACCOUNT}:{TASK}"
    held = {
        "task": (Grant(PULL, arn(NAME), who=task), Grant(LOGIN, who=task)),
        "scope": (Grant(PULL, arn(OTHER_NAME), who=execution),),
    }
    asked = (Grant(PULL, arn(NAME), who=execution), Grant(LOGIN, who=execution))
    return Wanted((execution, task), asked, passes=held.get(seed, ()))


class Seen:
    """Whether the service would start, with which image, what else is open, and which cause was named."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        asked = [(LOGIN, "*"), *((action, arn(NAME)) for action in PULL)]
        decisions = lab.decisions([(EXECUTION, action, where) for action, where in asked])
        refused = [
            (action, str(each["reason"]).rstrip("."))
            for (action, _), each in zip(asked, decisions, strict=True)
            if not each["allowed"]
        ]
        self.refused, self.reason = refused[0] if refused else ("", "")
        self.task_may = bool(lab.allowed(TASK, PULL, arn(NAME)))
        self.digest = lab.digest(NAME, TAG)
        self.changed = any(row.ok and not re.match("Get|List", row.operation) for row in requests(lab, "iam"))
        found = beyond(lab, wanted(lab.seed))
        self.wider, self.known = found.wider, found.verdict != "cannot tell"
        self.surplus, self.why = found.text, found.why
        self.seed, self.cause = lab.seed, findings.get("cause", "")
        self.held_seen = Sentence("none-held") if lab.seed == "task" else Sentence("right-held")
        self.asked_seen = Sentence("starts")
        if self.refused or self.digest is None:
            self.asked_seen = Sentence("denied") if self.refused else Sentence("no-name")


def judge(seen: Seen) -> str:
    """Return the verdict's name in d09.md: the execution role pulls the release, nothing else, the cause named."""
    if seen.refused or seen.digest is None:
        return stopped(seen)
    if seen.digest != RELEASE:
        return "other-image"
    if seen.wider:
        return "wider"
    if not seen.known:
        return "cannot-tell"
    if not seen.cause:
        return "no-cause"
    if seen.cause != seen.seed:
        return misnamed(seen)
    return "task-role-kept" if seen.task_may else "passed"


def misnamed(seen: Seen) -> str:
    """Return what shows that the named cause was not there."""
    if seen.cause == "task":
        return "not-task"
    if seen.cause == "scope":
        return "not-scope"
    if seen.cause == "tag":
        return "not-tag"
    return "not-network" if seen.cause == "network" else "not-platform"


def stopped(seen: Seen) -> str:
    """Return why the service would still not start."""
    if not (seen.changed or seen.cause):
        return "untouched"
    if not seen.refused:
        return "no-tag"
    return "on-the-task-role" if seen.task_may else "refused"


def give_execution(lab: DrillLab) -> None:
    """Let the execution role pull."""
    put_on(lab, "orders-execution", allow(LOGIN), pulling(NAME))


def strip_task(lab: DrillLab) -> None:
    """Take the task role's permissions away."""
    lab.client("iam").delete_role_policy(RoleName="orders-task", PolicyName="pull")


def by_the_repository(lab: DrillLab) -> None:
    """Give the login by IAM, and the pull by the repository's policy."""
    put_on(lab, "orders-execution", allow(LOGIN))
    statement = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:{EXECUTION}"}, "Action": list(PULL)}
    lab.client("ecr").set_repository_policy(repositoryName=NAME, policyText=policy(statement))


def tag_again(lab: DrillLab) -> None:
    """Give the release its name back."""
    name_again(lab, NAME, TAG, imageDigest=RELEASE)


def move_both_tags(lab: DrillLab) -> None:
    """Give both names of the release to something else."""
    for tag in ("1.4.0", TAG):
        lab.push(NAME, tag, b"built tonight")


def full_access(lab: DrillLab, role: str = "orders-execution") -> None:
    """Attach a wide policy."""
    ready(lab, FULL_ACCESS, role)


def ready(lab: DrillLab, name: str, role: str = "orders-execution") -> None:
    """Attach one of AWS's own policies."""
    lab.client("iam").attach_role_policy(RoleName=role, PolicyArn=f"arn:aws:iam::aws:policy/{name}")


def said(cause: str) -> dict[str, str]:
    """Return the cause as it is chosen."""
    return {"cause": cause}


TRIES = {
    "passed": {
        "the permissions moved": attempt(said("task"), (give_execution, strip_task), seed="task"),
        "the repository named": attempt(said("scope"), give_execution, seed="scope"),
        "by the repository's policy": attempt(said("scope"), by_the_repository, seed="scope"),
        "a statement beside the wrong one": attempt(
            said("scope"),
            lambda lab: put_on(lab, "orders-execution", allow(LOGIN), pulling(NAME), pulling(OTHER_NAME)),
            seed="scope",
        ),
        "the name given back": attempt(said("tag"), tag_again, seed="tag"),
        "the same bytes pushed again": attempt(said("tag"), lambda lab: lab.push(NAME, TAG, CONTENT), seed="tag"),
    },
    "task-role-kept": {"both roles": attempt(said("task"), give_execution, seed="task")},
    "no-tag": {"a permission is taken for the cause": attempt(said("scope"), give_execution, seed="tag")},
    "on-the-task-role": {
        "restarted": attempt(said("network"), seed="task"),
        "the task role made wider": attempt({}, lambda lab: full_access(lab, "orders-task"), seed="task"),
    },
    "refused": {
        "named, not fixed": attempt(said("scope"), seed="scope"),
        "the pull without the login": attempt(
            {}, lambda lab: put_on(lab, "orders-execution", pulling(NAME)), seed="scope"
        ),
    },
    "other-image": {
        "another image under the name": attempt(
            said("tag"), lambda lab: lab.push(NAME, TAG, b"built tonight"), seed="tag"
        ),
        "both names on another image": attempt(said("tag"), move_both_tags, seed="tag"),
    },
    "wider": {
        "full access": attempt(said("scope"), full_access, seed="scope"),
        "full access for a missing tag": attempt(said("tag"), (full_access, tag_again), seed="tag"),
        "what AWS has ready for execution roles": attempt(
            said("scope"), lambda lab: ready(lab, "service-role/AmazonECSTaskExecutionRolePolicy"), seed="scope"
        ),
        "what AWS has ready for pulls": attempt(
            said("scope"), lambda lab: ready(lab, "AmazonEC2ContainerRegistryPullOnly"), seed="scope"
        ),
        "another service's star": attempt(
            said("scope"),
            lambda lab: put_on(lab, "orders-execution", allow([LOGIN, "iam:*"]), pulling(NAME)),
            seed="scope",
        ),
        "both roles, and one had nothing": attempt(
            said("scope"),
            (give_execution, lambda lab: put_on(lab, "orders-task", allow(LOGIN), pulling(NAME))),
            seed="scope",
        ),
    },
    "cannot-tell": {
        "a name that a tag decides": attempt(
            said("scope"),
            lambda lab: put_on(lab, "orders-execution", allow(LOGIN), pulling(NAME), pulling("${aws:ResourceTag/app}")),
            seed="scope",
        )
    },
    "no-cause": {"fixed in silence": attempt({}, tag_again, seed="tag")},
    "not-task": {
        "roles for a wrong name": attempt(said("task"), give_execution, seed="scope"),
        "roles for a missing tag": attempt(said("task"), tag_again, seed="tag"),
    },
    "not-scope": {
        "a name for the wrong role": attempt(said("scope"), (give_execution, strip_task), seed="task"),
        "a name for a missing tag": attempt(said("scope"), tag_again, seed="tag"),
    },
    "not-tag": {
        "a 403 taken for not found": attempt(said("tag"), (give_execution, strip_task), seed="task"),
        "the same of a wrong name": attempt(said("tag"), give_execution, seed="scope"),
    },
    "not-network": {"no answer, it says": attempt(said("network"), give_execution, seed="scope")},
    "not-platform": {"fixed, not understood": attempt(said("platform"), tag_again, seed="tag")},
}
