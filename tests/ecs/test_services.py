"""Services, through boto3 and without an engine: rolling replacement, pinned digests, the breaker, the way back."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

ACCOUNT, REGION = "123456789012", "us-east-1"
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-0abc1234"], "securityGroups": ["sg-0abc1234"]}}
BREAKER = {"deploymentCircuitBreaker": {"enable": True, "rollback": True}}


def create(world: Any, desired: int = 2, **more: Any) -> dict[str, Any]:
    given = {"cluster": "shop", "serviceName": "web", "taskDefinition": "web", "launchType": "FARGATE"}
    service: dict[str, Any] = world.ecs.create_service(
        **{**given, "desiredCount": desired, "networkConfiguration": NETWORK, **more}
    )["service"]
    return service


def service(world: Any) -> dict[str, Any]:
    found: dict[str, Any] = world.ecs.describe_services(cluster="shop", services=["web"])["services"][0]
    return found


def update(world: Any, **more: Any) -> dict[str, Any]:
    changed: dict[str, Any] = world.ecs.update_service(cluster="shop", service="web", **more)["service"]
    return changed


def until(world: Any, good: Any, seconds: float = 60) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while not good(found := service(world)):
        shown = {name: found[name] for name in ("deployments", "runningCount", "events")}
        assert time.monotonic() < deadline, json.dumps(shown, default=str, indent=1)
        time.sleep(0.1)
    return found


def stable(world: Any) -> dict[str, Any]:
    """The service once its newest deployment is completed and stands alone."""
    return until(world, lambda s: [d["rolloutState"] for d in s["deployments"]] == ["COMPLETED"])


def digests(world: Any) -> set[str]:
    arns = world.ecs.list_tasks(cluster="shop", serviceName="web")["taskArns"]
    tasks = world.ecs.describe_tasks(cluster="shop", tasks=arns)["tasks"]
    return {container["imageDigest"] for task in tasks for container in task["containers"]}


def messages(world: Any) -> list[str]:
    return [each["message"] for each in service(world)["events"]][::-1]


def test_a_service_comes_up_and_says_so(world: Any) -> None:
    world.register()
    made = create(world)
    assert made["deployments"][0]["rolloutStateReason"] == f"ECS deployment {made['deployments'][0]['id']} in progress."
    world.ecs.get_waiter("services_stable").wait(cluster="shop", services=["web"])
    found = stable(world)
    assert (found["runningCount"], found["pendingCount"]) == (2, 0)
    number = found["deployments"][0]["id"]
    assert found["deployments"][0]["rolloutStateReason"] == f"ECS deployment {number} completed."
    told = messages(world)
    assert told[0].startswith("(service web) has started 1 tasks: (task ")
    assert told[-2:] == [
        f"(service web) (deployment {number}) deployment completed.",
        "(service web) has reached a steady state.",
    ]
    tasks = world.ecs.describe_tasks(cluster="shop", tasks=world.ecs.list_tasks(cluster="shop")["taskArns"])["tasks"]
    assert {(task["group"], task["startedBy"]) for task in tasks} == {("service:web", number)}


def test_a_new_revision_replaces_without_a_gap_and_the_old_one_is_the_way_back(world: Any) -> None:
    first = world.register()
    create(world)
    stable(world)
    new = world.lab.push("web", "2", b"two")
    begin = time.monotonic()
    changed = update(world, taskDefinition=world.register(f"{HOST}/web:2"))
    assert [each["status"] for each in changed["deployments"]] == ["PRIMARY", "ACTIVE"]
    least = 2
    while len((found := service(world))["deployments"]) > 1:
        least = min(least, found["runningCount"])
        assert time.monotonic() < begin + 45
        time.sleep(0.02)
    assert least == 2
    assert digests(world) == {new}
    stopped = world.ecs.list_tasks(cluster="shop", desiredStatus="STOPPED")["taskArns"]
    task = world.task(stopped[0])
    assert task["stopCode"] == "ServiceSchedulerInitiated"
    assert task["stoppedReason"] == f"Scaling activity initiated by (deployment {found['deployments'][0]['id']})"
    update(world, taskDefinition=first)
    stable(world)
    assert digests(world) == {world.digest}


def test_a_tag_is_resolved_once_a_deployment(world: Any) -> None:
    """Facts D030: a pushed tag changes nothing, not even on scale-out; a forced deployment takes it."""
    world.register()
    create(world, desired=1)
    stable(world)
    moved = world.lab.push("web", "1", b"moved")
    update(world, desiredCount=3)
    until(world, lambda s: s["runningCount"] == 3)
    assert digests(world) == {world.digest}
    assert (
        world.ecs.describe_tasks(cluster="shop", tasks=world.ecs.list_tasks(cluster="shop")["taskArns"])["tasks"][0][
            "containers"
        ][0]["image"]
        == f"{HOST}/web:1"
    )
    revision = world.ecs.list_service_deployments(cluster="shop", service="web")["serviceDeployments"][0]
    shown = world.ecs.describe_service_revisions(serviceRevisionArns=[revision["targetServiceRevisionArn"]])
    assert shown["serviceRevisions"][0]["containerImages"] == [
        {"containerName": "web", "image": f"{HOST}/web:1", "imageDigest": world.digest}
    ]
    update(world, forceNewDeployment=True)
    stable(world)
    assert digests(world) == {moved}


def test_a_digest_that_a_lifecycle_rule_took_breaks_the_next_task(world: Any) -> None:
    """Facts D033: the tag is there, and is not asked for."""
    world.register()
    create(world, desired=1)
    stable(world)
    world.lab.push("web", "1", b"moved")
    world.ecr.batch_delete_image(repositoryName="web", imageIds=[{"imageDigest": world.digest}])
    task = world.ecs.list_tasks(cluster="shop")["taskArns"][0]
    world.ecs.stop_task(cluster="shop", task=task)
    wanted = f"failed to resolve ref {HOST}/web:1@{world.digest}: {HOST}/web:1@{world.digest}: not found"

    def failed() -> list[str]:
        arns = world.ecs.list_tasks(cluster="shop", desiredStatus="STOPPED")["taskArns"]
        tasks = world.ecs.describe_tasks(cluster="shop", tasks=arns)["tasks"] if arns else []
        return [each["stoppedReason"] for each in tasks if each["stopCode"] == "TaskFailedToStart"]

    deadline = time.monotonic() + 45
    while not failed():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert failed()[0].endswith(wanted)


def test_the_breaker_gives_up_after_three_and_goes_back_and_the_waiter_calls_it_stable(world: Any) -> None:
    """Facts D016, D038, D040 and D041."""
    first = world.register()
    create(world, desired=1, deploymentConfiguration=BREAKER)
    before = stable(world)["deployments"][0]["id"]
    update(world, taskDefinition=world.register(f"{HOST}/web:gone"))
    world.lab.control.advance(120)  # what the pauses between the starts would take
    world.lab.control.advance(120)
    found = until(
        world, lambda s: s["deployments"][0]["id"] == before and s["deployments"][0]["rolloutState"] == "COMPLETED"
    )
    assert found["taskDefinition"] == first
    world.ecs.get_waiter("services_stable").wait(cluster="shop", services=["web"])
    told = messages(world)
    assert f"(service web) rolling back to deployment {before}." in told
    assert any(each.endswith("deployment failed: tasks failed to start.") for each in told)
    shown = world.ecs.list_service_deployments(cluster="shop", service="web")["serviceDeployments"]
    assert [each["status"] for each in shown] == ["ROLLBACK_SUCCESSFUL", "SUCCESSFUL"]
    whole = world.ecs.describe_service_deployments(serviceDeploymentArns=[shown[0]["serviceDeploymentArn"]])
    record = whole["serviceDeployments"][0]
    assert record["deploymentCircuitBreaker"] == {"status": "TRIGGERED", "failureCount": 3, "threshold": 3}
    assert record["rollback"]["serviceRevisionArn"] == shown[1]["targetServiceRevisionArn"]


def test_without_a_completed_deployment_the_breaker_only_stops(world: Any) -> None:
    world.register(f"{HOST}/web:gone")
    create(world, desired=1, deploymentConfiguration=BREAKER)
    for _ in range(3):
        world.lab.control.advance(120)
    found = until(world, lambda s: s["deployments"][0]["rolloutState"] == "FAILED")
    assert found["deployments"][0]["failedTasks"] == 3
    assert found["deployments"][0]["rolloutStateReason"] == "ECS deployment circuit breaker: tasks failed to start."
    world.lab.control.advance(600)
    assert service(world)["deployments"][0]["failedTasks"] == 3


def test_a_deployment_is_stopped_by_hand_and_goes_back(world: Any) -> None:
    first = world.register()
    create(world, desired=1)
    stable(world)
    update(world, taskDefinition=world.register(f"{HOST}/web:gone"))
    current = service(world)["currentServiceDeployment"]
    world.ecs.stop_service_deployment(serviceDeploymentArn=current)
    assert stable(world)["taskDefinition"] == first
    with pytest.raises(ClientError, match="ConflictException"):
        world.ecs.stop_service_deployment(serviceDeploymentArn=current)


def test_a_role_that_does_not_trust_ecs_is_an_event(world: Any) -> None:
    """Facts D025, word for word but for the name's form."""
    world.register()
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole"}]}
    world.iam.update_assume_role_policy(RoleName="exec", PolicyDocument=json.dumps(trust))
    create(world, desired=1)
    found = until(world, lambda s: s["events"])
    assert found["events"][0]["message"] == (
        "(service web) failed to launch a task with (error ECS was unable to assume the role "
        f"'arn:aws:iam::{ACCOUNT}:role/exec' that was provided for this task. Please verify that the role being passed "
        "has the proper trust relationship and permissions and that your IAM user has permissions to pass this role.)."
    )
    assert world.ecs.list_tasks(cluster="shop", desiredStatus="STOPPED")["taskArns"] == []


def test_percentages_that_leave_no_room_are_told(world: Any) -> None:
    """Facts D037: two tasks, of which 75 % must stay, and no more than two."""
    world.register()
    create(world, deploymentConfiguration={"minimumHealthyPercent": 75, "maximumPercent": 100})
    stable(world)
    update(world, forceNewDeployment=True)
    found = until(world, lambda s: "service deployment configuration" in s["events"][0]["message"])
    assert found["runningCount"] == 2
    update(world, deploymentConfiguration={"minimumHealthyPercent": 50, "maximumPercent": 100})
    stable(world)


def test_a_service_is_deleted_and_its_cluster_after_it(world: Any) -> None:
    world.register()
    create(world, desired=1)
    stable(world)
    with pytest.raises(ClientError, match=r"The service cannot be stopped while it is scaled above 0\."):
        world.ecs.delete_service(cluster="shop", service="web")
    with pytest.raises(ClientError, match=r"Creation of service was not idempotent\."):
        create(world)
    with pytest.raises(ClientError, match=r"The Cluster cannot be deleted while Services are active\."):
        world.ecs.delete_cluster(cluster="shop")
    assert world.ecs.delete_service(cluster="shop", service="web", force=True)["service"]["status"] == "DRAINING"
    world.ecs.get_waiter("services_inactive").wait(cluster="shop", services=["web"])
    assert world.ecs.list_services(cluster="shop")["serviceArns"] == []
    with pytest.raises(ClientError, match=r"Service was not ACTIVE\."):
        update(world, desiredCount=1)
    world.ecs.delete_cluster(cluster="shop")


def test_a_kill_in_the_middle_of_a_replacement_loses_nothing(world: Any) -> None:
    world.register()
    create(world)
    stable(world)
    new = world.lab.push("web", "2", b"two")
    update(world, taskDefinition=world.register(f"{HOST}/web:2"))
    time.sleep(0.3)
    world.kill()
    found = stable(world)
    assert found["runningCount"] == 2
    assert digests(world) == {new}
