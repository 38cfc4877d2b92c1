"""Drill d29: who asked for the image, and what was refused first. What a learner reads is in d29.md."""

from __future__ import annotations

import json
from typing import Any

from ecrlab.engine.hello_program import waiting_program
from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import FULL_ACCESS, Sentence
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.fargate import address, digest_run, processor, put_program, recipe, run, tasks
from ecrlab_course.drills.account import ACCOUNT, VERSION, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt

CLUSTER, FAMILY = "shop", "orders"
NAME, TAG, OLD = "shop/orders", "1.4", "1.3"
EXECUTION, TASK = "orders-execution", "orders-task"
MANIFEST, LAYERS = PULL
HELD: dict[str, tuple[dict[str, Any], ...]] = {
    "token": (allow(list(PULL), arn(NAME)),),
    "manifest": (allow(LOGIN), allow(LAYERS, arn(NAME))),
    "layers": (allow(LOGIN), allow(MANIFEST, arn(NAME))),
}
"""By seed: what the execution role has. The seed is called by what is refused first."""


def trust(service: str = "ecs-tasks.amazonaws.com") -> str:
    """Return the trust policy of a role that a service assumes."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": VERSION, "Statement": [statement]})


def prepare(lab: DrillLab) -> None:
    """Make the image, both roles, and a task that stopped before it began."""
    lab.repository(NAME)
    cpu = processor(lab)
    for tag in (OLD, TAG):
        put_program(lab, NAME, tag, waiting_program(cpu), cpu, tag)
    for role in (EXECUTION, TASK):
        lab.client("iam").create_role(RoleName=role, AssumeRolePolicyDocument=trust())
    put_on(lab, EXECUTION, *HELD[lab.seed])
    put_on(lab, TASK, allow("sts:GetCallerIdentity"))
    live = {"Key": "live", "Value": str(lab.digest(NAME, TAG))}
    lab.client("iam").tag_user(UserName="admin", Tags=[live])
    lab.client("ecs").create_cluster(clusterName=CLUSTER)
    register(lab)
    start(lab)


def put_on(lab: DrillLab, role: str, *statements: dict[str, Any]) -> None:
    """Write the policy `work` of a role."""
    lab.client("iam").put_role_policy(RoleName=role, PolicyName="work", PolicyDocument=policy(*statements))


def register(lab: DrillLab, tag: str = TAG, execution: str = EXECUTION) -> None:
    """Register a revision."""
    roles = {"execution": execution, "task": TASK}
    made = recipe(FAMILY, address(f"{NAME}:{tag}", ACCOUNT), roles, processor(lab), ACCOUNT)
    lab.write("orders.json", json.dumps(made, indent=2) + "\n")
    lab.client("ecs").register_task_definition(**made)


def start(lab: DrillLab) -> None:
    """Run a task of the newest revision, and wait for what becomes of it."""
    run(lab.client("ecs"), CLUSTER, FAMILY)


def wanted(seed: str) -> Wanted:
    """Return what the fix is to open; what a role had before is not what it opens."""
    execution, task = f"{ACCOUNT}:role/{EXECUTION}", f"{ACCOUNT}:role/{TASK}"
    asked = (Grant(PULL, arn(NAME), who=execution), Grant(LOGIN, who=execution))
    return Wanted((execution, task), asked, passes=(Grant("sts:GetCallerIdentity", who=task),))


class Seen:
    """Which image the newest task runs, by which role, what else is open, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        ecs = lab.client("ecs")
        found = tasks(ecs, CLUSTER)
        newest = found[-1] if found else {}
        self.ran = digest_run(newest) if newest else ""
        held = lab.client("iam").list_user_tags(UserName="admin")["Tags"]
        self.release = next((each["Value"] for each in held if each["Key"] == "live"), "-")
        definition = newest.get("taskDefinitionArn", "")
        made = ecs.describe_task_definition(taskDefinition=definition)["taskDefinition"] if definition else {}
        self.by = str(made.get("executionRoleArn", "")).rpartition("/")[2]
        self.task_may = bool(lab.allowed(f"role/{TASK}", PULL, arn(NAME)))
        refused = [*lab.refused(f"role/{EXECUTION}", (LOGIN,), "*"), *lab.refused(f"role/{EXECUTION}", PULL, arn(NAME))]
        self.refused = refused[0] if refused else ""
        extra = beyond(lab, wanted(lab.seed))
        self.wider, self.known = extra.wider, extra.verdict != "cannot tell"
        self.surplus, self.why = extra.text, extra.why
        self.typed = findings.get("who", "").strip()
        self.who, self.step = role_in(self.typed), findings.get("step", "")
        self.seed = lab.seed
        reason = short(str(newest.get("stoppedReason", "")))
        self.said = reason or Sentence("running")


def role_in(text: str) -> str:
    """Return the role that a text names: its name, its ARN, or the ARN of a session of it."""
    plain = text.strip(" `'\"").removesuffix("/")
    for begin in (":assumed-role/", ":role/", "assumed-role/", "role/"):
        if begin in plain:
            return plain.partition(begin)[2].partition("/")[0]
    return plain.partition("/")[0]


def short(text: str) -> str:
    """Return the beginning of what a task says, "" when it says nothing."""
    return text if len(text) <= 150 else text[:150] + "…"


def judge(seen: Seen) -> str:
    """Return the verdict's name in d29.md: the task, then what else is open, then what was typed."""
    if seen.ran != seen.release:
        return stopped(seen)
    if seen.by != EXECUTION:
        return "other-role"
    if seen.wider:
        return "wider"
    if not seen.known:
        return "cannot-tell"
    if not seen.typed or not seen.step:
        return "not-typed"
    if seen.who != EXECUTION:
        return "not-who"
    return "passed" if seen.step == seen.seed else "not-first"


def stopped(seen: Seen) -> str:
    """Return why no task runs the release."""
    if seen.ran:
        return "other-image"
    if not seen.refused:
        return "not-started"
    if seen.task_may:
        return "on-the-task-role"
    return "refused" if seen.typed or seen.step else "untouched"


def give(lab: DrillLab) -> None:
    """Let the execution role fetch this image, and start a task."""
    put_on(lab, EXECUTION, allow(LOGIN), allow(list(PULL), arn(NAME)))
    start(lab)


def by_the_repository(lab: DrillLab) -> None:
    """Give the pull by the repository's policy, and start a task."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:role/{EXECUTION}"},
        "Action": list(PULL),
    }
    lab.client("ecr").set_repository_policy(repositoryName=NAME, policyText=policy(statement))
    start(lab)


def to_the_task_role(lab: DrillLab) -> None:
    """Let the program's role pull, and start a task."""
    put_on(lab, TASK, allow(LOGIN), allow(list(PULL), arn(NAME)))
    start(lab)


def one_role(lab: DrillLab) -> None:
    """Let the program's role pull, and name it as the execution role as well."""
    put_on(lab, TASK, allow(LOGIN), allow(list(PULL), arn(NAME)))
    register(lab, execution=TASK)
    start(lab)


def full_access(lab: DrillLab) -> None:
    """Attach a wide policy, and start a task."""
    lab.client("iam").attach_role_policy(RoleName=EXECUTION, PolicyArn=f"arn:aws:iam::aws:policy/{FULL_ACCESS}")
    start(lab)


def the_one_before(lab: DrillLab) -> None:
    """Let the role fetch images, and run the version before."""
    put_on(lab, EXECUTION, allow(LOGIN), allow(list(PULL), arn(NAME)))
    register(lab, OLD)
    start(lab)


def no_task(lab: DrillLab) -> None:
    """Let the role fetch the image, and start nothing."""
    put_on(lab, EXECUTION, allow(LOGIN), allow(list(PULL), arn(NAME)))


def built_tonight(lab: DrillLab) -> None:
    """Let the role fetch images, and push another one under the tag."""
    lab.push(NAME, TAG, b"built tonight")
    give(lab)


def tagged(lab: DrillLab) -> None:
    """Give the role a statement whose resource a tag decides, beside the right ones."""
    mine = "${aws:ResourceTag/app}"
    put_on(lab, EXECUTION, allow(LOGIN), allow(list(PULL), arn(NAME)), allow(list(PULL), arn(mine)))
    start(lab)


def said(step: str, who: str = EXECUTION) -> dict[str, str]:
    """Return what is typed."""
    return {"who": who, "step": step}


SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/{EXECUTION}/0f1e2d3c"
TRIES = {
    "passed": {
        "the login": attempt(said("token"), give, seed="token"),
        "the manifest, by the session's ARN": attempt(said("manifest", SESSION), give, seed="manifest"),
        "the layers": attempt(said("layers", f"role/{EXECUTION}"), give, seed="layers"),
        "by the repository's policy": attempt(said("layers"), by_the_repository, seed="layers"),
    },
    "refused": {
        "named, not fixed": attempt(said("manifest"), seed="manifest"),
        "half of it, by the repository's policy": attempt(said("token"), by_the_repository, seed="token"),
    },
    "on-the-task-role": {"the program's role": attempt(said("manifest", TASK), to_the_task_role, seed="manifest")},
    "other-role": {"one role for both": attempt(said("manifest", TASK), one_role, seed="manifest")},
    "wider": {
        "full access": attempt(said("token"), full_access, seed="token"),
        "both roles": attempt(said("layers"), (to_the_task_role, give), seed="layers"),
    },
    "cannot-tell": {"a name that a tag decides": attempt(said("layers"), tagged, seed="layers")},
    "other-image": {
        "the version before": attempt(said("layers"), the_one_before, seed="layers"),
        "another one under the tag": attempt(said("token"), built_tonight, seed="token"),
    },
    "not-started": {"IAM says yes, and nothing was started": attempt(said("token"), no_task, seed="token")},
    "not-typed": {"fixed in silence": attempt({}, give, seed="manifest")},
    "not-who": {
        "whoever started it": attempt(said("token", "user/admin"), give, seed="token"),
        "the program's role": attempt(said("layers", TASK), give, seed="layers"),
    },
    "not-first": {
        "the manifest, of a login": attempt(said("manifest"), give, seed="token"),
        "the login, of layers": attempt(said("token"), give, seed="layers"),
        "the layers, of a manifest": attempt(said("layers"), give, seed="manifest"),
    },
}
