"""Drill d09: the service does not start; one of three causes. Q95, Q96, Q99."""

# E151: the execution role pulls, never the task role (Fargate); err 131 133 134: ECS's texts, and that a missing
# tag can look like a missing permission; E006 E028: tag and digest; E110 is not asked.

from __future__ import annotations

import json
from typing import Any

from ecrlab.policy.sets import DOCKER_PUSH, LOGIN, PULL
from ecrlab_course.authoring.exercises import FollowUp, Point, Verdict, not_yet, passed, untouched
from ecrlab_course.drills.account import VERSION, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Attempt, Drill, Finding, Findings

NAME, NEIGHBOUR, TAG = "shop/orders", "shop/payments", "1.4"
EXECUTION, TASK = "role/orders-execution", "role/orders-task"
CAUSES = {
    "task": "the pull permissions are on the task role",
    "scope": "the execution role's policy names another repository",
    "tag": "the tag is gone",
}
NOT_IT = ("there is no way to the registry", "the image is built for another platform")
CONTENT = b"orders 1.4"


def _trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": VERSION, "Statement": [statement]})


def prepare(lab: DrillLab) -> None:
    iam = lab.client("iam")
    for name in (NAME, NEIGHBOUR):
        lab.repository(name)
        lab.push(name, "latest", name.encode())
    digest = lab.push(NAME, TAG, CONTENT)
    lab.push(NAME, "1.4.0", CONTENT)
    for role in ("orders-execution", "orders-task"):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=_trust("ecs-tasks.amazonaws.com"))
    pulling = policy(allow(LOGIN), allow(list(PULL), arn(NAME)))
    holder = "orders-task" if lab.seed == "task" else "orders-execution"
    document = policy(allow(LOGIN), allow(list(PULL), arn("shop/order-api"))) if lab.seed == "scope" else pulling
    iam.put_role_policy(RoleName=holder, PolicyName="pull", PolicyDocument=document)
    if lab.seed == "tag":
        lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": TAG}])
    service = {
        "image": f"{NAME}:{TAG}",
        "executionRole": "orders-execution",
        "taskRole": "orders-task",
        "lastGoodDigest": digest,
    }
    lab.write("service.json", json.dumps(service, indent=2) + "\n")


def _good(lab: DrillLab) -> str:
    """The digest that the release had: the tag 1.4.0 was never touched."""
    return str(lab.digest(NAME, "1.4.0"))


def evidence(lab: DrillLab, findings: Findings) -> Verdict:
    cause = findings.get("cause", "")
    refused = lab.refused(EXECUTION, PULL, arn(NAME))
    login = lab.may((EXECUTION, LOGIN, "*"))[0]
    digest = lab.digest(NAME, TAG)
    works = not refused and login and digest is not None
    if not works and not cause:
        return untouched("The service does not start yet.")
    if not works:
        seen = (
            f"the tag {TAG} points at nothing" if digest is None else
            f"`orders-execution` is refused `{(refused or [LOGIN])[0]}`"
        )  # fmt: skip
        shown = "task-role-pulls" if lab.allowed(TASK, PULL, arn(NAME)) else "retry-fixes"
        asks = (
            "Which name does `service.json` ask for, and which names has the image?" if digest is None else
            "Whose permissions count when the image is fetched?"
        )  # fmt: skip
        return not_yet(f"It still would not start: {seen}. {asks}", shown)
    if digest != _good(lab):
        return not_yet(
            f"It would start, with another image: {TAG} points at a digest that is not the release's (`service.json` "
            "names the last good one). Nobody built or tested what would run now.",
            "tag-is-version",
        )
    if lab.allowed(TASK, (*PULL, LOGIN), arn(NAME)):
        return not_yet(
            "It starts. The task role still has permissions on the registry: that is the role of the program, which "
            "never pulls; the agent does, before the program runs.",
            "task-role-pulls",
        )
    more = lab.allowed(EXECUTION, (*DOCKER_PUSH, "ecr:BatchDeleteImage"), arn(NAME))
    more += [f"{each} on {NEIGHBOUR}" for each in lab.allowed(EXECUTION, PULL, arn(NEIGHBOUR))]
    if more:
        return not_yet(
            f"It starts, and the role may do more than pull this image: {', '.join(more[:3])}.", "wide-is-fixed"
        )
    if cause != CAUSES[lab.seed]:
        return not_yet(
            f"It starts. The cause you named, “{cause or 'none'}”, is not the one that was there: it works, but the "
            f"reason given is not the cause.",
            "last-line-is-cause",
        )
    return passed(f"The execution role, and only it, pulls `{NAME}:{TAG}`, and the tag points at the release's digest.")


def put_on(lab: DrillLab, role: str, *statements: dict[str, Any]) -> None:
    lab.client("iam").put_role_policy(RoleName=role, PolicyName="pull", PolicyDocument=policy(*statements))


def give_execution(lab: DrillLab) -> None:
    put_on(lab, "orders-execution", allow(LOGIN), allow(list(PULL), arn(NAME)))


def move_the_rights(lab: DrillLab) -> None:
    give_execution(lab)
    lab.client("iam").delete_role_policy(RoleName="orders-task", PolicyName="pull")


def tag_again(lab: DrillLab) -> None:
    ecr = lab.client("ecr")
    found = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageDigest": _good(lab)}])["images"][0]
    ecr.put_image(repositoryName=NAME, imageManifest=found["imageManifest"], imageTag=TAG)


def full_access(lab: DrillLab) -> None:
    whole = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryFullAccess"
    lab.client("iam").attach_role_policy(RoleName="orders-execution", PolicyArn=whole)


DRILL = Drill(
    id="d09",
    kind="incident, screen shared",
    level="M",
    lesson="09",
    situation="You are on call. The service `orders`, on Fargate, has been trying to start for ten minutes. Its "
    "events say `CannotPullContainerError: … unexpected status code 403 Forbidden`, and somebody has already "
    "restarted it twice. What was deployed is in `service.json`.",
    question="“Think aloud. What can this text mean, what do you look at first, and what do you not touch?”",
    points=(
        Point(
            "four",
            "Four questions split it: is it there, is it allowed, can it be reached, is it for this platform?",
            FollowUp(
                "Which of the four can you answer without any permission on the cluster?",
                "Whether it is there (list the tag), whether it is allowed (ask IAM about the role), and the "
                "platform, from the manifest. The way to the registry can be seen only from the inside.",
            ),
        ),
        Point(
            "execution",
            "The execution role fetches the image; the task role belongs to the program and never pulls.",
            FollowUp(
                "And on ECS with EC2 instances?",
                "The instance's role, unless the task definition names an execution role; then that one.",
            ),
        ),
        Point(
            "tag",
            "A 403 is not proof of a missing permission: ECS has been seen to show it for a missing tag as well.",
            FollowUp(
                "How do you make a deployment that no moved or deleted tag can hurt?",
                "Deploy the digest. Then the name cannot move; only a deletion of the image still can.",
            ),
        ),
        Point(
            "small",
            "Fix the one thing, for this image: no `ecr:*`, no permissions for the task role, no rebuild at night.",
            FollowUp(
                "It runs. What do you change so that it cannot come back this way?",
                "The role's policy comes from the same file as the service's image name, and the pipeline asks IAM "
                "about the execution role before it deploys.",
            ),
        ),
    ),
    beyond=FollowUp(
        "The same text comes from one of three subnets only. What then?",
        "Neither the tag nor the role differs there: look at the network: routes, endpoints and their policies.",
    ),
    model="CannotPull means: before the program ran, the agent could not fetch the image. I check four things, the "
    "cheapest first: does the tag exist, and with which digest; may the execution role log in and pull this "
    "repository; is there a way to it; is it the right platform. I read which role the task names as execution role, "
    "fix that one thing, and verify the digest.",
    weak="Restart, more memory, `ecr:*` for the task role. Restarting asks the same question again, and the task "
    "role is never asked.",
    task="Find the cause, name it, and fix it as `admin`: the execution role must be able to pull "
    "`shop/orders:1.4`, with the digest of the release, and nobody may get more than that. No ECS runs here: roles, "
    "policies and images are the real ones of the lab, and IAM is asked as ECS would ask.",
    seconds=180,
    findings=(Finding("cause", "The cause", (*CAUSES.values(), *NOT_IT)),),
    hints=(
        "`cat service.json` names two roles. Which of them is asked? `aws iam get-role-policy --role-name … "
        "--policy-name pull`, and `aws ecr describe-images --repository-name shop/orders`.",
        "Permissions: the execution role needs `GetAuthorizationToken` on `*` and the two pull actions on "
        "`shop/orders`; the task role needs none of it. Tag: the release's image is still there, under 1.4.0; give "
        "it its name back.",
    ),
    misconceptions=("task-role-pulls", "wide-is-fixed", "tag-is-version", "403-is-missing", "deployer-pulls"),
    sources=(
        "AWS: Amazon ECS Developer Guide, CannotPullContainer task errors; task execution IAM role",
        "a public log of ECS (the 403 for a missing permission or tag)",
    ),
    date="2026-11-23",
    prepare=prepare,
    evidence=evidence,
    seeds=tuple(CAUSES),
    accepts=(
        Attempt("the rights moved", move_the_rights, {"cause": CAUSES["task"]}, seed="task"),
        Attempt("the repository named", give_execution, {"cause": CAUSES["scope"]}, seed="scope"),
        Attempt("the name given back", tag_again, {"cause": CAUSES["tag"]}, seed="tag"),
    ),
    rejects=(
        Attempt(
            "restarted",
            None,
            {"cause": NOT_IT[0]},
            seed="task",
            misconception="task-role-pulls",
            says="still would not",
        ),
        Attempt(
            "both roles",
            give_execution,
            {"cause": CAUSES["task"]},
            seed="task",
            misconception="task-role-pulls",
            says="never pulls",
        ),
        Attempt(
            "full access",
            full_access,
            {"cause": CAUSES["scope"]},
            seed="scope",
            misconception="wide-is-fixed",
            says="more than pull",
        ),
        Attempt(
            "another image under the name",
            lambda lab: lab.push(NAME, TAG, b"built tonight"),
            {"cause": CAUSES["tag"]},
            seed="tag",
            misconception="tag-is-version",
            says="not the release's",
        ),
        Attempt(
            "fixed, not understood",
            tag_again,
            {"cause": NOT_IT[1]},
            seed="tag",
            misconception="last-line-is-cause",
            says="the reason given is not the cause",
        ),
        Attempt(
            "rights for a missing tag",
            full_access,
            {"cause": CAUSES["scope"]},
            seed="tag",
            misconception="retry-fixes",
            says="which names has the image?",
        ),
    ),
)
