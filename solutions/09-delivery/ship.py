"""Run a recipe of ECS, or change a service, and say how it ended.

python ship.py run booking          one task of the family's newest revision
python ship.py causes               four recipes that do not start, each with its reason
python ship.py service landing landing:live
python ship.py scale landing 3
python ship.py deploy booking booking@sha256:…
python ship.py wait booking         until it is at rest; each of the three before waits as well
"""

import sys
import time
from typing import Any

import boto3
from botocore.exceptions import ClientError

ecs = boto3.client("ecs")  # type: ignore[no-untyped-call]
HOST = "123456789012.dkr.ecr.us-east-1.amazonaws.com"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-0abc1234"], "securityGroups": ["sg-0abc1234"]}}
CAUSES = {
    "one": {"image": f"{HOST}/booking:first", "role": "night-execution"},
    "two": {"image": f"{HOST}/booking:1.3.9", "role": "booking-execution"},
    "three": {"image": f"{HOST}/booking:first".replace("us-east-1", "eu-west-1"), "role": "booking-execution"},
    "four": {"image": f"{HOST}/booking:arm", "role": "booking-execution"},
}


def register(family: str, image: str, role: str = "booking-execution") -> str:
    """Register a revision of a recipe with one container, and return its name."""
    made = ecs.register_task_definition(
        family=family,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        executionRoleArn=f"arn:aws:iam::123456789012:role/{role}",
        containerDefinitions=[{"name": "page", "image": image if "/" in image else f"{HOST}/{image}"}],
    )
    return str(made["taskDefinition"]["taskDefinitionArn"]).rpartition("/")[2]


def run(definition: str) -> dict[str, Any]:
    """Run one task, wait until it runs or has stopped, and return it."""
    task: dict[str, Any] = ecs.run_task(
        cluster="harbour", taskDefinition=definition, launchType="FARGATE", networkConfiguration=NETWORK
    )["tasks"][0]
    while task["lastStatus"] not in ("RUNNING", "STOPPED"):
        time.sleep(0.1)
        task = ecs.describe_tasks(cluster="harbour", tasks=[task["taskArn"]])["tasks"][0]
    return task


def show(task: dict[str, Any]) -> None:
    """Print how a task ended: its digest where it runs, else its reason."""
    if task["lastStatus"] == "RUNNING":
        print("RUNNING", task["containers"][0]["imageDigest"][:19])
    else:
        print(task["lastStatus"], task["stopCode"])
        print(task["stoppedReason"])


def running(service: str) -> None:
    """Print which digests the tasks of a service have."""
    arns = ecs.list_tasks(cluster="harbour", serviceName=service, desiredStatus="RUNNING")["taskArns"]
    tasks = ecs.describe_tasks(cluster="harbour", tasks=arns)["tasks"] if arns else []
    for task in tasks:
        print(task["lastStatus"], task["containers"][0].get("imageDigest", "")[:19])


def settle(service: str) -> None:
    """Wait until a service is at rest, 60 seconds at most; say which revision it runs."""
    for _ in range(600):
        found = ecs.describe_services(cluster="harbour", services=[service])["services"][0]
        first, enough = found["deployments"][0], found["runningCount"] == found["desiredCount"]
        over = first["rolloutState"] == "FAILED" or (first["rolloutState"] == "COMPLETED" and enough)
        if over and len(found["deployments"]) == 1:
            break
        time.sleep(0.1)
    print(service, "runs", found["taskDefinition"].rpartition("/")[2], "-", first["rolloutState"])


def create(service: str, image: str) -> None:
    """Make a service of two tasks, unless there is one."""
    there = ecs.describe_services(cluster="harbour", services=[service])["services"]
    if not [one for one in there if one["status"] == "ACTIVE"]:
        ecs.create_service(
            cluster="harbour",
            serviceName=service,
            taskDefinition=register(service, image),
            launchType="FARGATE",
            desiredCount=2,
            networkConfiguration=NETWORK,
            deploymentConfiguration={"deploymentCircuitBreaker": {"enable": True, "rollback": True}},
        )


def main(what: str, *given: str) -> None:
    """Do what the first word says."""
    if what == "run":
        show(run(given[0]))
    elif what == "causes":
        for name, cause in CAUSES.items():
            print(f"{name}: {run(register(f'cause-{name}', cause['image'], cause['role']))['stoppedReason']}\n")
    else:
        if what == "service":
            create(*given)
        elif what == "scale":
            ecs.update_service(cluster="harbour", service=given[0], desiredCount=int(given[1]))
        elif what == "deploy":
            ecs.update_service(cluster="harbour", service=given[0], taskDefinition=register(*given))
        settle(given[0])
        running(given[0])


try:
    main(*sys.argv[1:])
except ClientError as error:
    sys.exit(str(error))
