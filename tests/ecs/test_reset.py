"""Emptying what an account delivers with: tasks, services, task definitions, clusters, providers; nothing else."""

from __future__ import annotations

from typing import Any

from .conftest import NETWORK, until

OTHER = "777788889999"


def test_what_runs_in_an_account_goes_and_its_images_stay(world: Any) -> None:
    world.register()
    running = world.run()
    world.ecs.create_service(
        cluster="shop", serviceName="web", taskDefinition="web", desiredCount=1, launchType="FARGATE",
        networkConfiguration=NETWORK,
    )  # fmt: skip
    world.iam.create_open_id_connect_provider(Url="https://git.harbour-bikes.example", ClientIDList=["x"])
    control = world.lab.control
    assert control.reset(delivery=True, account=OTHER)["removed"] == []
    assert world.task(running["taskArn"])["lastStatus"] == "RUNNING"
    removed = control.reset(delivery=True, account="123456789012")["removed"]
    assert {"cluster shop", "service web of the cluster shop"} <= set(removed), removed
    assert [each for each in removed if each.startswith("task definition web with 1 ")], removed
    assert "OpenID Connect providers of 123456789012" in removed
    assert world.ecs.list_clusters()["clusterArns"] == []
    assert world.iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    assert world.ecr.describe_images(repositoryName="web")["imageDetails"]
    world.ecs.create_cluster(clusterName="shop")
    assert world.register().endswith("web:1"), "revisions begin with 1 again"
    until(lambda: world.ecs.list_tasks(cluster="shop")["taskArns"], lambda found: found == [], 5)
