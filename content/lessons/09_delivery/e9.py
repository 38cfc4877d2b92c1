"""09-e9: a task that does not start. What a learner reads is in e9.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ecrlab.client import LabError
from ecrlab.policy.sets import PULL
from ecrlab_course.authoring import Lab, Sentence, in_code
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.evidence import tags
from ecrlab_course.documents.ecs import Task

from .e6 import reset as stop_tasks
from .state import (
    APP,
    CLUSTER,
    EXECUTION,
    KIOSK,
    LANDING,
    LOGIN,
    OLD,
    SERVICE_TRUST,
    allow,
    break_kiosk,
    document,
    make_role,
    may_pull,
    register,
    repository_arn,
    role_arn,
    run_task,
)

ROLE = "kiosk-execution"
ARN = repository_arn(KIOSK)
WANTED = Wanted(
    (f"role/{ROLE}", "role/kiosk-task"),
    (Grant("ecr:GetAuthorizationToken", who=f"role/{ROLE}"), Grant(PULL, ARN, who=f"role/{ROLE}")),
    passes=(
        Grant("ecr:BatchCheckLayerAvailability", ARN, who=f"role/{ROLE}"),
        Grant(PULL, repository_arn("kiosks"), who=f"role/{ROLE}"),
    ),
    doors=ARN,
)


class Seen:
    """The newest task of the kiosk since the card's mark, who fetched its image, and what the roles may do."""

    def __init__(self, lab: Lab) -> None:
        task = newest(lab)
        self.there = task is not None
        self.running = bool(task and task.state == "RUNNING")
        self.said = (task.stopped_reason if task else "").rstrip()[:300]
        refused = task.denied[-1] if task and task.denied else None
        self.action = str(refused["action"]) if refused else ""
        self.reason = in_code(str(refused["decisions"][0]["explanation"]).rstrip(".")) if refused else ""
        self.puller = f"`{task.puller}`" if task else ""
        self.own = bool(task and task.puller == f"role/{ROLE}")
        self.digest = task.digest if task else ""
        self.right = self.digest == tags(lab, KIOSK).get("3.1")
        self.image = f"`{task.containers[0].image.rpartition('/')[2]}`" if task else ""
        self.program_may = ecr_of(lab, "kiosk-task")
        self.by_repository = not names(lab, ROLE, ARN)
        found = beyond(lab, WANTED) if self.running and self.own else None
        self.surplus = found.text if found and found.wider else ""
        self.unsure = found.why if found else ""
        self.state = Sentence("none-yet")
        if task:
            self.state = Sentence("runs") if self.running else Sentence("ended")


def newest(lab: Lab) -> Task | None:
    """Return the newest task of the recipe that was started since the mark; None before that."""
    if not any(row["operation"] == "RunTask" and row["status"] < 400 for row in lab.rows()):
        return None
    with suppress(LabError):
        return lab.task(KIOSK, cluster=CLUSTER)
    return None


def documents(lab: Lab, role: str) -> list[Mapping[str, Any]]:
    """Return the inline policies of a role."""
    iam = lab.client("iam")
    with suppress(iam.exceptions.NoSuchEntityException):
        held = iam.list_role_policies(RoleName=role)["PolicyNames"]
        return [iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in held]
    return []


def ecr_of(lab: Lab, role: str) -> bool:
    """Tell whether a role has permissions of ECR in a policy of its own, or one of AWS's."""
    iam = lab.client("iam")
    with suppress(iam.exceptions.NoSuchEntityException):
        attached = iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]
        return bool(attached) or any('"ecr:' in json.dumps(each) for each in documents(lab, role))
    return False


def names(lab: Lab, role: str, arn: str) -> bool:
    """Tell whether a policy of the role's own allows a pull from this repository."""
    try:
        asked = lab.control.decide(f"role/{role}", PULL[0], arn)
    except LabError:  # there is no such role any more
        return False
    rows = [each for each in asked.get("statements", ()) if each["policy_type"] == "identity-based"]
    return any(each["applied"] for each in rows)


def judge(seen: Seen) -> str:
    """Return the verdict's name in e9.md: the newest task first, then what was opened for it."""
    if not seen.there:
        return "untouched"
    if not seen.running:
        return _stopped(seen)
    if not seen.right:
        return "other-image"
    if not seen.own:
        return "another-role"
    if seen.surplus:
        return "wider"
    if seen.unsure:
        return "cannot-tell"
    return "by-repository" if seen.by_repository else "passed"


def _stopped(seen: Seen) -> str:
    """Return at which step the task stopped, by the refusal that it met."""
    if seen.action == LOGIN["Action"]:
        return "no-login"
    if seen.action == PULL[1]:
        return "no-layer"
    if seen.action == PULL[0]:
        return "task-role" if seen.program_may else "still"
    return "stopped"


# Tries


def run(lab: Lab) -> None:
    """Run a task of the recipe."""
    run_task(lab, KIOSK)


def may(*statements: Mapping[str, Any], role: str = ROLE) -> Any:
    """Return what gives a role these statements, in place of what it has, and runs a task."""

    def do(lab: Lab) -> None:
        lab.client("iam").put_role_policy(RoleName=role, PolicyName="work", PolicyDocument=document(*statements))
        run(lab)

    return do


def by_the_repository(lab: Lab) -> None:
    """Let the repository's policy name the role."""
    statement = {"Effect": "Allow", "Principal": {"AWS": role_arn(ROLE)}, "Action": list(PULL)}
    lab.client("ecr").set_repository_policy(repositoryName=KIOSK, policyText=document(statement))
    run(lab)


def with_another_role(lab: Lab) -> None:
    """Let a role pull that may, and name it in the recipe."""
    make_role(lab, EXECUTION, SERVICE_TRUST, *may_pull(KIOSK))
    run_task(lab, register(lab, KIOSK, f"{KIOSK}:3.1"))


def with_another_image(lab: Lab) -> None:
    """Run what can be fetched: the booking page, under the kiosk's name."""
    run_task(lab, register(lab, KIOSK, f"{APP}:{OLD}"))


def gone(lab: Lab) -> None:
    """Fix the role, and name a tag that is not there."""
    make_role(lab, ROLE, SERVICE_TRUST, *may_pull(KIOSK))
    run_task(lab, register(lab, KIOSK, f"{KIOSK}:3.2", ROLE))


def on_a_condition(lab: Lab) -> None:
    """Fix the role; and let everybody in whose name is like one that nobody knows."""
    who = {"StringLike": {"aws:userid": "AIDAEXAMPLE"}}
    statement = {"Effect": "Allow", "Principal": "*", "Action": list(PULL), "Condition": who}
    lab.client("ecr").set_repository_policy(repositoryName=KIOSK, policyText=document(statement))
    may(*may_pull(KIOSK))(lab)


TRIES = {
    "passed": {
        "the ARN as it should be": may(*may_pull(KIOSK)),
        "the check that AWS's own policies have": may(LOGIN, allow([*PULL, "ecr:BatchCheckLayerAvailability"], ARN)),
    },
    "by-repository": [by_the_repository],
    "still": {"once more": run},
    "task-role": {"the pull on the program's role": may(*may_pull(KIOSK), role="kiosk-task")},
    "no-login": {"the pull alone": may(allow(PULL, ARN))},
    "no-layer": {"the manifest alone": may(LOGIN, allow(PULL[0], ARN))},
    "another-role": [with_another_role],
    "other-image": [with_another_image],
    "stopped": [gone],
    "wider": {
        "every repository": may(LOGIN, allow(PULL, "*")),
        "everything": may(allow("ecr:*", "*")),
    },
    "cannot-tell": [on_a_condition],
}


def reset(lab: Lab) -> None:
    """The kiosk is as Omar left it, and nothing runs."""
    stop_tasks(lab)
    break_kiosk(lab)
    make_role(lab, EXECUTION, SERVICE_TRUST, *may_pull(APP, LANDING))
    ecr = lab.client("ecr")
    with suppress(ecr.exceptions.RepositoryPolicyNotFoundException):
        ecr.delete_repository_policy(repositoryName=KIOSK)
