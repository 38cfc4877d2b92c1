"""Tasks, through boto3 and without an engine: who pulls, each cause of a start that fails, and what survives a kill."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecrlab_course.toolbox.image import image, push_image

ACCOUNT, REGION = "123456789012", "us-east-1"
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-0abc1234"], "securityGroups": ["sg-0abc1234"]}}
PULL = "CannotPullContainerError: "
RESOLVE = f"{PULL}pull image manifest has been retried 1 time(s): failed to resolve ref {HOST}/web:1: "
TOKEN = "ecr:GetAuthorizationToken"
MANIFEST, LAYER = "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"


def allow(world: Any, role: str, *actions: str) -> None:
    """Give a role exactly these rights, in place of all that it has."""
    for policy in world.iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        world.iam.detach_role_policy(RoleName=role, PolicyArn=policy["PolicyArn"])
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    world.iam.put_role_policy(RoleName=role, PolicyName="pull", PolicyDocument=document)


def roles_that_asked(world: Any) -> set[str]:
    return {row["principal"].split("/")[1] for row in world.rows() if ":assumed-role/" in (row["principal"] or "")}


def test_a_task_runs_and_the_execution_role_pulls_it(world: Any) -> None:
    world.register()
    task = world.run()
    assert (task["lastStatus"], task["desiredStatus"]) == ("RUNNING", "RUNNING")
    container = task["containers"][0]
    assert container["imageDigest"] == world.digest
    assert container["image"] == f"{HOST}/web:1"
    assert container["reason"].startswith("ECR Lab: no container engine on this computer.")
    assert task["createdAt"] <= task["pullStartedAt"] <= task["pullStoppedAt"] <= task["startedAt"]
    number = task["taskArn"].rpartition("/")[2]
    rows = world.rows()
    assert [(row["client"], row["operation"]) for row in rows[:2]] == [
        ("ecs", "AssumeRole"),
        ("ecs-agent", "GetAuthorizationToken"),
    ]
    assert rows[0]["principal"] == "ecs-tasks.amazonaws.com"
    signed = [row for row in rows[1:] if row["reason"] != "a signed address: its signature is the permission"]
    assert {row["principal"] for row in signed} == {f"arn:aws:sts::{ACCOUNT}:assumed-role/exec/{number}"}
    assert {row["action"] for row in signed} == {TOKEN, MANIFEST, LAYER}


def test_cloudtrail_tells_the_same_story(world: Any) -> None:
    world.register()
    number = world.run()["taskArn"].rpartition("/")[2]
    trail = world.lab.client("cloudtrail")
    events = [json.loads(each["CloudTrailEvent"]) for each in trail.lookup_events(MaxResults=20)["Events"]]
    assumed = next(each for each in events if each["eventName"] == "AssumeRole")
    assert assumed["userIdentity"] == {"type": "AWSService", "invokedBy": "ecs-tasks.amazonaws.com"}
    assert assumed["requestParameters"]["roleSessionName"] == number
    key = assumed["responseElements"]["credentials"]["accessKeyId"]
    pulled = next(each for each in events if each["eventName"] == "BatchGetImage")
    assert pulled["userIdentity"]["accessKeyId"] == key
    assert not any(each["eventName"] == "PassRole" for each in events)
    ran = next(each for each in events if each["eventName"] == "RunTask")
    assert ran["eventSource"] == "ecs.amazonaws.com"


DENIED = f"{RESOLVE}pulling from host {HOST} failed with status code [manifests 1]: 403 Forbidden"


@pytest.mark.parametrize(
    ("rights", "text"),
    [
        ((TOKEN, LAYER), DENIED),
        (
            (TOKEN, MANIFEST),
            f"{PULL}ref pull has been retried 1 time(s): failed to copy: httpReaderSeeker: failed open: ",
        ),
        (
            (MANIFEST, LAYER),
            "ResourceInitializationError: unable to pull secrets or registry auth: execution resource ",
        ),
    ],
)
def test_a_right_that_the_execution_role_lacks(world: Any, rights: tuple[str, ...], text: str) -> None:
    """The task role may everything, and that changes nothing: it never pulls."""
    allow(world, "task", "*")
    allow(world, "exec", *rights)
    world.register()
    task = world.run()
    assert (task["lastStatus"], task["stopCode"]) == ("STOPPED", "TaskFailedToStart")
    assert task["stoppedReason"].startswith(text)
    if TOKEN in rights:
        assert task["containers"][0]["reason"] == task["stoppedReason"]
    else:
        assert "is not authorized to perform: ecr:GetAuthorizationToken on resource: *" in task["stoppedReason"]
        assert "reason" not in task["containers"][0]
    assert roles_that_asked(world) == {"exec"}


def gone_tag(world: Any) -> None:
    world.ecr.batch_delete_image(repositoryName="web", imageIds=[{"imageTag": "1"}])


def gone_repository(world: Any) -> None:
    world.ecr.delete_repository(repositoryName="web", force=True)


def other_platform(world: Any) -> None:
    layer, config, manifest = image(b"arm")
    changed = config.replace(b"amd64", b"arm64")
    text = manifest.replace(digest(config), digest(changed))
    token = world.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    push_image(world.lab.port, f"{HOST}/web", "1", (layer, changed, text), token)


def digest(content: bytes) -> bytes:
    import hashlib

    return b"sha256:" + hashlib.sha256(content).hexdigest().encode()


def off(world: Any) -> None:
    world.lab.control.region("eu-west-1", False)


@pytest.mark.parametrize(
    ("breaks", "text"),
    [
        (gone_tag, f"{RESOLVE}{HOST}/web:1: not found"),
        (gone_repository, f"{RESOLVE}{HOST}/web:1: not found"),
        (
            other_platform,
            f"{PULL}pull image manifest has been retried 7 time(s): image Manifest does not contain descriptor "
            "matching platform 'linux/amd64'",
        ),
    ],
)
def test_what_is_wrong_with_the_image(world: Any, breaks: Any, text: str) -> None:
    world.register()
    breaks(world)
    task = world.run()
    assert task["stoppedReason"] == text
    assert task["containers"][0]["reason"] == text


def test_a_recipe_for_arm_takes_an_image_for_arm(world: Any) -> None:
    other_platform(world)
    world.register(runtimePlatform={"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"})
    assert world.run()["lastStatus"] == "RUNNING"


def test_a_region_that_is_off_is_not_reached(world: Any) -> None:
    """The cluster is in one Region, the image in another: only the pull ends."""
    image_there = f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com/web:1"
    world.lab.client("ecr", region="eu-west-1").create_repository(repositoryName="web")
    world.lab.push("web", "1", region="eu-west-1")
    world.register(image_there)
    assert world.run()["lastStatus"] == "RUNNING"
    off(world)
    reason = world.run()["stoppedReason"]
    assert reason.startswith(
        "ResourceInitializationError: unable to pull secrets or registry auth: The task cannot pull"
    )
    assert "https://api.ecr.eu-west-1.amazonaws.com/" in reason


def test_images_of_other_registries(world: Any) -> None:
    """The Docker-Hub-like registry is asked without a login and needs no role; others are not reached."""
    given = {"executionRoleArn": None, "taskRoleArn": None}
    world.register("busybox", **given)
    task = world.run()
    assert task["lastStatus"] == "RUNNING", task["stoppedReason"]
    assert [row for row in world.rows() if row["operation"] == "AssumeRole"] == []
    world.register("quay.io/org/app:1", **given)
    assert world.run()["stoppedReason"] == (
        f"{PULL}pull image manifest has been retried 1 time(s): failed to resolve ref quay.io/org/app:1: failed to do "
        'request: Head "https://quay.io/v2/org/app/manifests/1": dial tcp 192.0.2.1:443: i/o timeout'
    )


def test_docker_hubs_limit_is_told(world: Any) -> None:
    world.register("busybox", executionRoleArn=None, taskRoleArn=None)
    world.lab.control.hub_limits(anonymous=1)
    first = world.run()
    assert first["lastStatus"] == "RUNNING"  # a HEAD by tag is free, so the GET by digest is the one too many
    assert world.run()["stoppedReason"] == (
        f"{PULL}inspect image has been retried 5 time(s): httpReadSeeker: failed open: unexpected status code "
        f"https://registry-1.docker.io/v2/library/busybox/manifests/{first['containers'][0]['imageDigest']}: 429 Too "
        "Many Requests - Server message: toomanyrequests: You have reached your unauthenticated pull rate limit. "
        "https://www.docker.com/increase-rate-limit"
    )


def test_the_lab_s_own_address_is_the_same_image(world: Any) -> None:
    world.register(f"localhost:{world.lab.port}/{HOST}/web:1")
    assert world.run()["containers"][0]["imageDigest"] == world.digest


def test_a_role_that_does_not_trust_ecs_is_told_at_once(world: Any) -> None:
    world.register()
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}],
    }
    world.iam.update_assume_role_policy(RoleName="exec", PolicyDocument=json.dumps(trust))
    with pytest.raises(ClientError) as caught:
        world.run()
    assert caught.value.response["Error"]["Message"].startswith(
        f"ECS was unable to assume the role 'arn:aws:iam::{ACCOUNT}:role/exec' that was provided for this task. Please"
    )


def test_awss_own_trust_policy_with_conditions_lets_it_in(world: Any) -> None:
    """Facts D018."""
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "ecs-tasks.amazonaws.com"},
        "Action": "sts:AssumeRole",
        "Condition": {
            "ArnLike": {"aws:SourceArn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:*"},
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
        },
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    world.iam.update_assume_role_policy(RoleName="exec", PolicyDocument=document)
    world.register()
    assert world.run()["lastStatus"] == "RUNNING"


def test_taking_the_policy_away_stops_the_next_task_and_not_this_one(world: Any) -> None:
    world.register()
    first = world.run()
    allow(world, "exec", TOKEN)
    assert world.run()["stoppedReason"] == DENIED
    assert world.task(first["taskArn"])["lastStatus"] == "RUNNING"


def test_a_task_is_stopped_listed_and_forgotten_after_an_hour(world: Any) -> None:
    world.register()
    arn = world.run(startedBy="me")["taskArn"]
    assert world.ecs.list_tasks(cluster="shop", startedBy="me")["taskArns"] == [arn]
    assert world.ecs.list_tasks(cluster="shop", family="other")["taskArns"] == []
    stopping = world.ecs.stop_task(cluster="shop", task=arn, reason="enough")["task"]
    assert (stopping["lastStatus"], stopping["desiredStatus"]) == ("RUNNING", "STOPPED")
    task = world.settled(arn, "STOPPED")
    assert (task["stopCode"], task["stoppedReason"]) == ("UserInitiated", "enough")
    assert world.ecs.list_tasks(cluster="shop", desiredStatus="STOPPED")["taskArns"] == [arn]
    world.lab.control.advance(3700)
    described = world.ecs.describe_tasks(cluster="shop", tasks=[arn])
    assert described["failures"] == [{"arn": arn, "reason": "MISSING"}]
    with pytest.raises(ClientError, match=r"The referenced task was not found\."):
        world.ecs.stop_task(cluster="shop", task=arn)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"launchType": "EC2"}, "No Container Instances were found in your cluster."),
        (
            {"networkConfiguration": {}},
            "Network Configuration must be provided when networkMode 'awsvpc' is specified.",
        ),
        ({"count": 11}, "count should be in between 1 and 10."),
        ({"taskDefinition": "web:7"}, "TaskDefinition not found."),
        ({"cluster": "nowhere"}, "Cluster not found."),
    ],
)
def test_what_run_task_refuses(world: Any, more: dict[str, Any], text: str) -> None:
    world.register()
    given = {"taskDefinition": "web", "cluster": "shop", "launchType": "FARGATE", "networkConfiguration": NETWORK}
    with pytest.raises(ClientError) as caught:
        world.ecs.run_task(**{**given, **more})
    assert caught.value.response["Error"]["Message"] == text


def test_the_right_to_run_is_asked_on_the_revision(world: Any) -> None:
    """Facts D008: a policy with one revision does not fit a call without one, once there is a newer one."""
    first = world.register()
    statements = [
        {"Effect": "Allow", "Action": "ecs:RunTask", "Resource": first},
        {"Effect": "Allow", "Action": "iam:PassRole", "Resource": "*"},
    ]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    world.iam.put_user_policy(UserName="ci", PolicyName="run", PolicyDocument=document)
    ci = world.lab.client("ecs", "ci")
    given = {"cluster": "shop", "launchType": "FARGATE", "networkConfiguration": NETWORK}
    assert ci.run_task(taskDefinition="web", **given)["tasks"]
    second = world.register()
    with pytest.raises(ClientError, match=f"ecs:RunTask on resource: {second}"):
        ci.run_task(taskDefinition="web", **given)


def test_a_waiter_is_held_and_a_plain_look_is_not(world: Any) -> None:
    """botocore's waiter sleeps 6 seconds between two looks; one look is enough here."""
    world.register()
    given = {"cluster": "shop", "launchType": "FARGATE", "networkConfiguration": NETWORK, "taskDefinition": "web"}
    arn = world.ecs.run_task(**given)["tasks"][0]["taskArn"]
    begin = world.last()
    world.ecs.get_waiter("tasks_running").wait(cluster="shop", tasks=[arn])
    rows = world.lab.control.xray(begin)["rows"]
    assert [row["operation"] for row in rows].count("DescribeTasks") == 1
    world.ecs.stop_task(cluster="shop", task=arn)
    begin = world.last()
    world.ecs.get_waiter("tasks_stopped").wait(cluster="shop", tasks=[arn])
    rows = world.lab.control.xray(begin)["rows"]
    assert [row["operation"] for row in rows].count("DescribeTasks") == 1


def test_a_kill_loses_no_task_and_a_start_that_was_broken_off_is_made_again(world: Any) -> None:
    world.register()
    running = world.run()["taskArn"]
    given = {"cluster": "shop", "launchType": "FARGATE", "networkConfiguration": NETWORK, "taskDefinition": "web"}
    begun = world.ecs.run_task(count=3, **given)["tasks"]
    world.kill()
    assert world.task(running)["lastStatus"] == "RUNNING"
    for task in begun:
        assert world.settled(task["taskArn"])["lastStatus"] == "RUNNING"
