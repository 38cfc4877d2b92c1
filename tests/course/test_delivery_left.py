"""What a lesson leaves running in ECS and at the git server: it is seen, told from what it was, and removed."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.toolbox.standing import differences, fingerprint

from .kept import kept, lasting

NETWORK = {"awsvpcConfiguration": {"subnets": ["subnet-0abc1234"]}}
FARGATE: dict[str, Any] = {"launchType": "FARGATE", "networkConfiguration": NETWORK, "cluster": "harbour"}


@pytest.fixture
def empty(lab: Lab) -> Lab:
    lab.control.reset()
    return lab


@pytest.fixture
def shipped(empty: Lab) -> Lab:
    """A cluster with a service of one task and a task of its own."""
    ecs = empty.client("ecs")
    ecs.create_cluster(clusterName="harbour")
    ecs.register_task_definition(
        family="booking",
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        cpu="256",
        memory="512",
        containerDefinitions=[{"name": "web", "image": "busybox"}],
    )
    ecs.create_service(serviceName="booking", taskDefinition="booking", desiredCount=1, **FARGATE)
    task = ecs.run_task(taskDefinition="booking", **FARGATE)["tasks"][0]["taskArn"]
    ecs.get_waiter("tasks_running").wait(cluster="harbour", tasks=[task])
    ecs.get_waiter("services_stable").wait(cluster="harbour", services=["booking"])
    return empty


def wanted(lab: Lab) -> Any:
    """What the lab's disk says of ECS; the hub counts the pulls of a task that is replaced."""
    return {key: value for key, value in lasting(kept(lab.home)).items() if key[1].startswith("ecs.")}


def test_what_runs_is_told_from_what_ran_and_goes_with_its_cluster(shipped: Lab) -> None:
    ecs, before, state = shipped.client("ecs"), fingerprint(shipped), wanted(shipped)
    assert json.loads(before["cluster", "harbour"]) == [[["booking", "booking:1", 1]], ["booking:1"]]
    # A task that a service replaced is not a difference; another count is.
    first = ecs.list_tasks(cluster="harbour", serviceName="booking")["taskArns"][0]
    ecs.stop_task(cluster="harbour", task=first)
    ecs.get_waiter("tasks_stopped").wait(cluster="harbour", tasks=[first])
    assert differences(before, fingerprint(shipped)) == []
    assert wanted(shipped) == state
    ecs.update_service(cluster="harbour", service="booking", desiredCount=2)
    assert differences(before, fingerprint(shipped)) == [("cluster", "harbour")]
    assert wanted(shipped) != state
    shipped.clear_clusters("harbour", families=["booking"])
    assert {kind for kind, _ in differences(before, fingerprint(shipped))} == {"cluster", "family"}
    assert ecs.list_clusters()["clusterArns"] == ecs.list_task_definitions()["taskDefinitionArns"] == []
    assert shipped.control.ecs_tasks() == []


def test_providers_and_runs_are_seen(empty: Lab) -> None:
    before = fingerprint(empty)
    iam = empty.client("iam")
    made = iam.create_open_id_connect_provider(Url="https://git.harbour-bikes.example", ClientIDList=["one"])
    empty.ci.push_as("Dara", {"pipeline.sh": "#!/bin/sh\nexit 3\n"})
    now = fingerprint(empty)
    left = [("provider", "git.harbour-bikes.example"), ("runs", "harbour-bikes/booking")]
    assert differences(before, now) == left
    assert json.loads(now["runs", "harbour-bikes/booking"]) == [["refs/heads/main", "ended", 3]]
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=made["OpenIDConnectProviderArn"])
    empty.control.reset(ci=True)
    assert differences(before, fingerprint(empty)) == []
