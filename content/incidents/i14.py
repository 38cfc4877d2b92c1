"""Incident 14: a task does not start. What a learner reads is in i14.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from ecrlab.engine.hello_program import waiting_program
from ecrlab_course.authoring.fargate import CPU, address, digest_run, other, processor, put_program, recipe, tasks
from ecrlab_course.authoring.staging import put_index
from ecrlab_course.desk.town import LOGIN, PULL, Door, Open, Ran, Town, allow, arn, role, run_again, trust

CLUSTER, FAMILY = "harbour", "page"
JOB, RECIPE, WANTED = "jobs/run.py", "deploy/page.json", "deploy/page.digest"
EXECUTION, TASK = "page-execution", "page-task"
ROLES = {"execution": EXECUTION, "task": TASK}
SWAPPED = {"execution": TASK, "task": EXECUTION}
DELETE = "ecr:BatchDeleteImage"
NOWHERE = ("registry.harbour-bikes.example/", "123456789012.dkr.ecr.us-east-1.amazonaws.co/")
"""By seed: a registry that does not answer, in place of ours."""
TEXT = f'''\
# run.py: start one task by the recipe {RECIPE}, say what became of it, and stop it again.
import json
import sys

import boto3
from botocore.exceptions import WaiterError

network = {{"awsvpcConfiguration": {{"subnets": ["subnet-0abc1234"], "securityGroups": ["sg-0abc1234"]}}}}
ecs = boto3.client("ecs")
try:
    with open("{RECIPE}", encoding="utf-8") as file:
        made = ecs.register_task_definition(**json.load(file))["taskDefinition"]["taskDefinitionArn"]
    task = ecs.run_task(cluster="{CLUSTER}", taskDefinition=made, launchType="FARGATE", networkConfiguration=network)
    which = {{"cluster": "{CLUSTER}", "tasks": [task["tasks"][0]["taskArn"]]}}
    try:
        ecs.get_waiter("tasks_running").wait(**which)
    except WaiterError:
        pass
    task = ecs.describe_tasks(**which)["tasks"][0]
    if task["lastStatus"] == "STOPPED":
        sys.exit(f"{{task['stopCode']}}: {{task['stoppedReason']}}")
    print("running", task["containers"][0]["imageDigest"])
    ecs.stop_task(cluster="{CLUSTER}", task=task["taskArn"], reason="the try is over")
except Exception as error:
    sys.exit(str(error))
'''


def before(town: Town) -> None:
    """Give Omar a cluster, two roles, a recipe, and the release as an index of both processors."""
    repository, tag = town.running
    for cpu in ("amd64", "arm64"):
        put(town, f"{tag}-{cpu}", cpu)
    town.notes["wanted"] = index(town, tag, "amd64", "arm64")
    town.client("ecs").create_cluster(clusterName=CLUSTER)
    service = trust({"Service": "ecs-tasks.amazonaws.com"})
    town.make_role(EXECUTION, service, LOGIN, allow(PULL, repository))
    town.make_role(TASK, service)
    passing = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": [role(EXECUTION), role(TASK)]}
    actions = [f"ecs:{name}" for name in ("RegisterTaskDefinition", "RunTask", "DescribeTasks", "StopTask")]
    town.user_policy("ops", "run", {"Effect": "Allow", "Action": actions, "Resource": "*"}, passing)
    town.write(JOB, TEXT, 0o644)
    town.write(WANTED, f"{repository}:{tag} {town.notes['wanted']}\n", 0o644)
    write_recipe(town)


def put(town: Town, tag: str, cpu: Any) -> str:
    """Put the page for a processor; return its digest."""
    return put_program(town.lab.looking(), town.running[0], tag, waiting_program(cpu), cpu, town.running[1])


def index(town: Town, tag: str, *cpus: str) -> str:
    """Put an index of these processors' images under a tag; return its digest."""
    repository, release = town.running
    found = [(cpu, str(town.digest(repository, f"{release}-{cpu}"))) for cpu in cpus]
    return put_index(town.lab.looking(), repository, tag, *found)


def write_recipe(town: Town, image: str = "", roles: dict[str, str] | None = None) -> None:
    """Write the recipe: for the release by its tag and the two roles, or for these."""
    written = recipe(FAMILY, image or address(":".join(town.running)), roles or ROLES, processor(town.lab))
    town.write(RECIPE, json.dumps(written, indent=2) + "\n", 0o644)


def symptom(town: Town, ran: Ran) -> bool:
    """Tell whether the task never began, because its image could not be had."""
    return ran.code != 0 and ("CannotPullContainerError" in ran.text or "ResourceInitializationError" in ran.text)


# Seeds


def execution_refused(town: Town) -> None:
    """Leave the execution role an action short, or give it the pull of another repository."""
    left = allow([PULL[1]], town.running[0]), allow(PULL, "dev/*")
    town.role_policy(EXECUTION, "work", LOGIN, left[town.seed])


def on_the_task_role(town: Town) -> None:
    """Move the pull to the task role; or let the recipe name the two roles the other way round."""
    if town.seed:
        write_recipe(town, roles=SWAPPED)
        return
    town.role_policy(EXECUTION, "work", LOGIN)
    town.role_policy(TASK, "work", LOGIN, allow(PULL, town.running[0]))


def no_such_tag(town: Town) -> None:
    """Let Dara, who may delete here, take the tag off; or let the recipe ask for a tag that never was."""
    repository, tag = town.running
    if town.seed:
        write_recipe(town, address(f"{repository}:v{tag}"))
        return
    town.tag_again(repository, town.notes["wanted"], f"{tag}-tested")
    town.user_policy("developer", "tidy", allow(DELETE, repository))
    town.client("ecr", "developer").batch_delete_image(repositoryName=repository, imageIds=[{"imageTag": tag}])


def other_platform(town: Town) -> None:
    """Let the robot put the tag on the other processor's image: on an index of it alone, or on the image itself."""
    repository, tag = town.running
    cpu = other(processor(town.lab))
    ecr = town.client("ecr", "ci")
    if town.seed == 0:
        index(town, f"{tag}-new", cpu)
    source = f"{tag}-{cpu}" if town.seed else f"{tag}-new"
    one = ecr.batch_get_image(repositoryName=repository, imageIds=[{"imageTag": source}])["images"][0]
    kind = one["imageManifestMediaType"]
    ecr.put_image(
        repositoryName=repository, imageManifest=one["imageManifest"], imageManifestMediaType=kind, imageTag=tag
    )


def no_way(town: Town) -> None:
    """Let the recipe name a registry that does not answer."""
    write_recipe(town, NOWHERE[town.seed] + ":".join(town.running))


SEEDS = {
    "a": execution_refused,
    "b": on_the_task_role,
    "c": no_such_tag,
    "d": other_platform,
    "e": no_way,
}


def may(town: Town, door: Door) -> bool:
    """Let the execution role fetch this image."""
    who, action, where = door
    return who == f"role/{EXECUTION}" and action in (*PULL, "ecr:GetAuthorizationToken") and where in (
        "*", arn(town.running[0])
    )  # fmt: skip


def must_go(door: Door) -> bool:
    """Tell whether the program's own role may do something in ECR, or Dara may delete."""
    return (door[0] == f"role/{TASK}" and door[1].startswith("ecr:")) or door[:2] == ("user/developer", DELETE)


def gone(town: Town) -> list[tuple[str, str | None]]:
    """Return the tag that the ticket itself may move."""
    return [town.running]


def closed(town: Town, cause: str) -> Iterator[Open]:
    """Ask whether the newest task runs the release, and whether each role is still there for its own purpose."""
    ecs = town.client("ecs")
    started: list[dict[str, Any]] = []
    with suppress(ClientError):
        started = tasks(ecs, CLUSTER)
    newest = started[-1] if started else {}
    if not newest or not digest_run(newest):
        yield Open("no-task")
        return
    definition = ecs.describe_task_definition(taskDefinition=newest["taskDefinitionArn"])["taskDefinition"]
    named = [str(definition.get(f"{kind}RoleArn", "")).rpartition("/")[2] or "none" for kind in ("execution", "task")]
    if digest_run(newest) != town.notes["wanted"]:
        yield Open("other-image", digest=digest_run(newest)[:19])
    if named != [EXECUTION, TASK]:
        yield Open("other-roles", execution=named[0], task=named[1])


# Fixes


def let_execution_pull(town: Town) -> None:
    """Give the execution role the login and the pull of this repository."""
    town.role_policy(EXECUTION, "work", LOGIN, allow(PULL, town.running[0]))


def each_its_own(town: Town) -> None:
    """Give each role what is its own again."""
    if town.seed:
        write_recipe(town)
        return
    let_execution_pull(town)
    town.iam.delete_role_policy(RoleName=TASK, PolicyName="work")


def name_it_again(town: Town) -> None:
    """Give the release its tag again and take Dara's permission back; or correct the recipe."""
    if town.seed:
        write_recipe(town)
        return
    town.tag_again(town.running[0], town.notes["wanted"], town.running[1])
    town.iam.delete_user_policy(UserName="developer", PolicyName="tidy")


def the_index_again(town: Town) -> None:
    """Put the tag back on the index of both processors."""
    town.tag_again(town.running[0], town.notes["wanted"], town.running[1])


def our_registry(town: Town) -> None:
    """Let the recipe name our registry."""
    write_recipe(town)


FIXES = {
    "a": let_execution_pull,
    "b": each_its_own,
    "c": name_it_again,
    "d": the_index_again,
    "e": our_registry,
}


# Wrong fixes


def star(town: Town) -> None:
    """Give the execution role all of ECR."""
    town.role_policy(EXECUTION, "star", {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"})


def task_role_as_well(town: Town) -> None:
    """Give the program's role the pull."""
    town.role_policy(TASK, "pull", LOGIN, allow(PULL, town.running[0]))


def last_week_s(town: Town) -> None:
    """Run the version before."""
    repository, _ = town.running
    write_recipe(town, address(f"{repository}:{('1.2', '1.9')[town.seed]}"))


def one_role_for_both(town: Town) -> None:
    """Let the recipe name the program's role for both purposes."""
    task_role_as_well(town)
    write_recipe(town, roles={"execution": TASK, "task": TASK})


def one_role_alone(town: Town) -> None:
    """Let the recipe name the execution role for both purposes, with the pull."""
    let_execution_pull(town)
    write_recipe(town, roles={"execution": EXECUTION, "task": EXECUTION})


def its_other_processor(town: Town) -> None:
    """Let the recipe ask for the processor of the image that is there."""
    cpu = other(processor(town.lab))
    town.replace(RECIPE, CPU[processor(town.lab)], CPU[cpu])


def deletes_still(town: Town) -> None:
    """Give the release its tag again, and nothing else."""
    town.tag_again(town.running[0], town.notes["wanted"], town.running[1])


def job_says_yes(town: Town) -> None:
    """Let the job say that all is well, and start nothing."""
    town.write(JOB, 'print("running")\n', 0o644)


COMMON = {
    "run again": (run_again, "still"),
    "ecr:* for the execution role": (star, "wider"),
    "the job starts nothing": (job_says_yes, "no-task"),
}
WRONG = {
    "a": {
        "the pull on the task role": (task_role_as_well, "still"),
        "the program's role for both": (one_role_for_both, "wider"),
        "the execution role for both": (one_role_alone, "other-roles"),
        **COMMON,
    },
    "b": {"the execution role for both": (one_role_alone, "other-roles"), **COMMON},
    "c": {"the tag alone": (deletes_still, "wider"), "the version before": (last_week_s, "other-image"), **COMMON},
    "d": {
        "the version before": (last_week_s, "other-image"),
        "the recipe asks for the other processor": (its_other_processor, "other-image"),
        **COMMON,
    },
    "e": {"the version before": (last_week_s, "other-image"), **COMMON},
}
