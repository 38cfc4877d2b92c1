"""Drill d31: take a release back, though its tag has moved. What a learner reads is in d31.md."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from ecrlab.engine.hello_program import waiting_program
from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring.evidence import short
from ecrlab_course.authoring.fargate import (
    NETWORK,
    PATIENCE,
    address,
    digest_run,
    processor,
    put_program,
    recipe,
    tasks,
)
from ecrlab_course.authoring.staging import name_again
from ecrlab_course.drills.account import ACCOUNT, VERSION, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt

CLUSTER, SERVICE = "shop", "orders"
NAME, EXECUTION = "shop/orders", "orders-execution"
SHORTEST = 6
GOOD, BAD, OTHER = "the good one", "tonight's", "somebody's try"


def prepare(lab: DrillLab) -> None:
    """Deploy the good build by its tag, then tonight's; by then the good one's tag names another image."""
    lab.repository(NAME)
    trust = {"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}
    lab.client("iam").create_role(
        RoleName=EXECUTION, AssumeRolePolicyDocument=json.dumps({"Version": VERSION, "Statement": [trust]})
    )
    text = policy(allow(LOGIN), allow(list(PULL), arn(NAME)))
    lab.client("iam").put_role_policy(RoleName=EXECUTION, PolicyName="work", PolicyDocument=text)
    ecs = lab.client("ecs")
    ecs.create_cluster(clusterName=CLUSTER)
    tags = ("live", "live") if lab.seed == "moved" else ("1.4", "1.5")
    good = put(lab, tags[0], GOOD)
    register(lab, f":{tags[0]}")
    ecs.create_service(
        cluster=CLUSTER, serviceName=SERVICE, taskDefinition=SERVICE, desiredCount=1, launchType="FARGATE",
        networkConfiguration=NETWORK,
    )  # fmt: skip
    until_run(lab, good)
    until_done(lab)
    bad = put(lab, tags[1], BAD)
    if lab.seed == "revised":
        register(lab, f":{tags[1]}")
        put(lab, tags[0], OTHER)
    ecs.update_service(cluster=CLUSTER, service=SERVICE, taskDefinition=SERVICE, forceNewDeployment=True)
    until_run(lab, bad)
    keep = [{"Key": "old", "Value": good}, {"Key": "live", "Value": bad}]
    lab.client("iam").tag_user(UserName="admin", Tags=keep)


def put(lab: DrillLab, tag: str, word: str) -> str:
    """Put a build of the page under a tag; return its digest."""
    cpu = processor(lab)
    return put_program(lab, NAME, tag, waiting_program(cpu), cpu, f"{word}, {lab.seed}")


def register(lab: DrillLab, which: str) -> None:
    """Register a revision of the service's recipe: which is :TAG or @DIGEST."""
    made = recipe(
        SERVICE, address(NAME + which, ACCOUNT), {"execution": EXECUTION, "task": EXECUTION}, processor(lab), ACCOUNT
    )
    del made["taskRoleArn"]
    lab.write("orders.json", json.dumps(made, indent=2) + "\n")
    lab.client("ecs").register_task_definition(**made)


def until_run(lab: DrillLab, digest: str) -> None:
    """Wait until a task of the service runs this image, and has it from the newest deployment."""
    deadline = time.monotonic() + PATIENCE
    while running(lab) != digest:
        if time.monotonic() > deadline:
            raise RuntimeError(f"no task runs {digest[:19]}")
        time.sleep(0.05)


def until_done(lab: DrillLab) -> None:
    """Wait until the newest deployment is completed: a task counts as healthy a second after it began."""
    deadline = time.monotonic() + PATIENCE
    while service(lab)["deployments"][0]["rolloutState"] != "COMPLETED":
        if time.monotonic() > deadline:
            raise RuntimeError("the deployment is not completed")
        time.sleep(0.05)


def service(lab: DrillLab) -> dict[str, Any]:
    """Return the service as it is described; {} when it is gone."""
    found = lab.client("ecs").describe_services(cluster=CLUSTER, services=[SERVICE])["services"]
    there = [each for each in found if each["status"] == "ACTIVE"]
    return dict(there[0]) if there else {}


def running(lab: DrillLab) -> str:
    """Return the digest that the newest running task of the service's newest deployment has; "" for none."""
    about = service(lab)
    primary = next((each for each in about.get("deployments", ()) if each["status"] == "PRIMARY"), None)
    if primary is None:
        return ""
    found = [
        digest_run(task)
        for task in tasks(lab.client("ecs"), CLUSTER)
        if task["lastStatus"] == "RUNNING" and task.get("startedBy") == primary["id"]
    ]
    return found[-1] if found else ""


class Seen:
    """What the service is to run and runs, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        held = {tag["Key"]: tag["Value"] for tag in lab.client("iam").list_user_tags(UserName="admin")["Tags"]}
        self.good, self.bad = held["old"], held["live"]
        about = service(lab)
        self.there = bool(about) and about["desiredCount"] > 0
        self.ran = running(lab) if about else ""
        self.image = ""
        if about:
            described = lab.client("ecs").describe_task_definition(taskDefinition=about["taskDefinition"])
            self.image = str(described["taskDefinition"]["containerDefinitions"][0]["image"])
        self.pinned = self.image.endswith(f"@{self.good}")
        self.kept = self.good in lab.images(NAME)
        self.typed = findings.get("digest", "").strip(" `'\"…").lower().removeprefix("sha256:")
        self.right = len(self.typed) >= SHORTEST and self.good.removeprefix("sha256:").startswith(self.typed)
        now = [digest.removeprefix("sha256:") for digest, tags in lab.images(NAME).items() if tags]
        self.of_a_tag = len(self.typed) >= SHORTEST and any(each.startswith(self.typed) for each in now)
        self.runs = short(self.ran) if self.ran else "nothing"


def judge(seen: Seen) -> str:
    """Return the verdict's name in d31.md: what runs, whether it is pinned, and what was typed."""
    if not seen.kept:
        return "gone"
    if not seen.there:
        return "stopped"
    if seen.ran == seen.good:
        return named(seen)
    if seen.pinned:
        return "on-its-way"
    if seen.ran == seen.bad or not seen.ran:
        return "still-tonights" if seen.typed else "untouched"
    return "other-image"


def named(seen: Seen) -> str:
    """Return what is left to be done once the good build runs."""
    if not seen.pinned:
        return "by-tag"
    if not seen.typed:
        return "not-typed"
    if seen.right:
        return "passed"
    return "digest-of-the-tag" if seen.of_a_tag else "other-digest"


def good_of(lab: DrillLab) -> str:
    """Return the digest of the good build, as the service's first revision has kept it."""
    ecs = lab.client("ecs")
    listed = ecs.list_service_deployments(cluster=CLUSTER, service=SERVICE)["serviceDeployments"]
    first = min(listed, key=lambda each: each["createdAt"])["targetServiceRevisionArn"]
    kept = ecs.describe_service_revisions(serviceRevisionArns=[first])["serviceRevisions"][0]
    return str(kept["containerImages"][0]["imageDigest"])


def deploy(lab: DrillLab, definition: str = SERVICE) -> None:
    """Let the service deploy a revision."""
    lab.client("ecs").update_service(
        cluster=CLUSTER, service=SERVICE, taskDefinition=definition, forceNewDeployment=True
    )


def pin(lab: DrillLab) -> None:
    """Register a revision with the good digest, deploy it, and wait until it runs."""
    register(lab, f"@{good_of(lab)}")
    deploy(lab)
    until_run(lab, good_of(lab))


def first_revision(lab: DrillLab) -> None:
    """Deploy the first revision once more, as the tag stands now."""
    deploy(lab, f"{SERVICE}:1")
    until_run(lab, str(lab.digest(NAME, "live" if lab.seed == "moved" else "1.4")))


def tag_back(lab: DrillLab) -> None:
    """Put the first revision's tag back on the good build, and deploy that."""
    name_again(lab, NAME, "live" if lab.seed == "moved" else "1.4", imageDigest=good_of(lab))
    deploy(lab, f"{SERVICE}:1")
    until_run(lab, good_of(lab))


def scale_to_nothing(lab: DrillLab) -> None:
    """Let no task run."""
    lab.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, desiredCount=0)


def clean_up(lab: DrillLab) -> None:
    """Delete what has no tag, and with it the good build."""
    lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageDigest": good_of(lab)}])


def said(lab: DrillLab) -> dict[str, str]:
    """Type the good digest."""
    return {"digest": good_of(lab)[:19]}


def of_a_tag(lab: DrillLab) -> dict[str, str]:
    """Type the digest that the first revision's tag names now."""
    return {"digest": str(lab.digest(NAME, "live" if lab.seed == "moved" else "1.4"))}


def typed(text: str) -> Callable[[DrillLab], dict[str, str]]:
    """Type a text."""
    return lambda lab: {"digest": text}


TRIES = {
    "passed": {
        "by digest": attempt(said, pin, seed="moved"),
        "by digest, from another tag": attempt(said, pin, seed="revised"),
    },
    "still-tonights": {
        "named alone": attempt(said, seed="revised"),
        "the old revision": attempt(said, first_revision, seed="moved"),
    },
    "other-image": {"the old revision, by its tag": attempt(said, first_revision, seed="revised")},
    "by-tag": {
        "the tag put back": attempt(said, tag_back, seed="moved"),
        "the tag of the revision before put back": attempt(said, tag_back, seed="revised"),
    },
    "stopped": {"no task at all": attempt(said, scale_to_nothing, seed="moved")},
    "gone": {"cleaned up": attempt({"digest": "0123456789"}, clean_up, seed="moved")},
    "not-typed": {"in silence": attempt({}, pin, seed="moved")},
    "digest-of-the-tag": {"what the tag names now": attempt(of_a_tag, pin, seed="revised")},
    "other-digest": {"of another day": attempt(typed("0123456789ab"), pin, seed="moved")},
    "on-its-way": {
        "no task of it yet": attempt(
            said,
            (
                lambda lab: lab.client("iam").delete_role_policy(RoleName=EXECUTION, PolicyName="work"),
                lambda lab: register(lab, f"@{good_of(lab)}"),
                deploy,
            ),
            seed="moved",
        )
    },
}
