"""A lab with what a task needs: a cluster, an image, and the two roles. The lab itself is that of tests/aws."""

from __future__ import annotations

import importlib.util
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecrlab.home import ACCOUNT, REGION


def _aws() -> Any:
    """The fixtures of tests/aws, loaded by their path: in importlib mode one conftest cannot import another."""
    name = "ecrlab_tests_aws"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent.parent / "aws" / "conftest.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


make_lab, running_lab, lab = _aws().make_lab, _aws().running_lab, _aws().lab

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
MANAGED = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-0abc1234"], "securityGroups": ["sg-0abc1234"]}}


def role_arn(name: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def until(look: Callable[[], Any], good: Callable[[Any], bool], seconds: float = 60) -> Any:
    """Return what ``look`` gives as soon as it is good; the test fails with the last of it."""
    deadline = time.monotonic() + seconds
    while not good(found := look()):
        assert time.monotonic() < deadline, f"not after {seconds} s: {found}"
        time.sleep(0.05)
    return found


class World:
    """The lab, prepared: repository "web" with the tag "1", cluster "shop", roles "exec" and "task"."""

    def __init__(self, lab: Any) -> None:
        self.lab = lab
        self.begin = int(lab.control.xray(limit=1)["last"])
        self.ecs, self.iam, self.ecr = lab.client("ecs"), lab.client("iam"), lab.client("ecr")
        lab.repository("web")
        self.digest = lab.push("web", "1")
        self.role("exec", MANAGED)
        self.role("task")
        self.ecs.create_cluster(clusterName="shop")

    def role(self, name: str, *policies: str, trust: dict[str, Any] | None = None) -> str:
        """Make a role that ECS may assume, and return its ARN."""
        self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust or TRUST))
        for arn in policies:
            self.iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        return role_arn(name)

    def recipe(self, image: str = f"{HOST}/web:1", **changes: Any) -> dict[str, Any]:
        """Return RegisterTaskDefinition's input for one container; a change to None leaves the member out."""
        given: dict[str, Any] = {
            "family": "web",
            "networkMode": "awsvpc",
            "requiresCompatibilities": ["FARGATE"],
            "cpu": "256",
            "memory": "512",
            "executionRoleArn": role_arn("exec"),
            "taskRoleArn": role_arn("task"),
            "containerDefinitions": [{"name": "web", "image": image}],
            **changes,
        }
        return {name: value for name, value in given.items() if value is not None}

    def register(self, image: str = f"{HOST}/web:1", **changes: Any) -> str:
        """Register a task definition and return its ARN."""
        registered = self.ecs.register_task_definition(**self.recipe(image, **changes))
        arn: str = registered["taskDefinition"]["taskDefinitionArn"]
        return arn

    def run(self, definition: str = "web", **more: Any) -> dict[str, Any]:
        """Run one task and return it as it ends up: RUNNING or STOPPED."""
        network = {"launchType": "FARGATE", "networkConfiguration": NETWORK, "cluster": "shop", **more}
        task = self.ecs.run_task(taskDefinition=definition, **network)["tasks"][0]
        return self.settled(task["taskArn"])

    def task(self, arn: str) -> dict[str, Any]:
        found: dict[str, Any] = self.ecs.describe_tasks(cluster="shop", tasks=[arn])["tasks"][0]
        return found

    def settled(self, arn: str, *states: str) -> dict[str, Any]:
        wanted = states or ("RUNNING", "STOPPED")
        found: dict[str, Any] = until(lambda: self.task(arn), lambda task: task["lastStatus"] in wanted)
        return found

    def kill(self) -> None:
        """End the lab as kill -9 does, and start it again."""
        self.lab.process.kill()
        self.lab.process.communicate()
        self.lab.home.control.unlink()
        self.lab.start()

    def last(self) -> int:
        """The number of the X-ray's newest row."""
        return int(self.lab.control.xray(limit=1)["last"])

    def rows(self, after: int | None = None) -> list[dict[str, Any]]:
        """The X-ray's rows of whoever pulls for a task: ECS's own and its agent's."""
        rows: list[dict[str, Any]] = self.lab.control.xray(self.begin if after is None else after)["rows"]
        return [row for row in rows if row["client"] in ("ecs", "ecs-agent")]


@pytest.fixture
def world(lab: Any) -> World:
    return World(lab)


@pytest.fixture
def network() -> dict[str, Any]:
    """How a service of these tests is started."""
    return {"launchType": "FARGATE", "networkConfiguration": NETWORK}
