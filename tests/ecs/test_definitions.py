"""Clusters and task definitions, through boto3: what is kept, what is refused and in which words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecrlab.aws.ecs.definitions import in_order


def refused(error: ClientError) -> tuple[str, str]:
    return error.response["Error"]["Code"], error.response["Error"]["Message"]


def test_a_cluster_is_made_described_listed_and_deleted(world: Any) -> None:
    ecs = world.ecs
    made = ecs.create_cluster(tags=[{"key": "team", "value": "shop"}])["cluster"]
    assert (made["clusterName"], made["status"]) == ("default", "ACTIVE")
    described = ecs.describe_clusters(clusters=["default", "nowhere"], include=["TAGS"])
    assert described["clusters"][0]["tags"] == [{"key": "team", "value": "shop"}]
    assert described["failures"] == [{"arn": made["clusterArn"].replace("default", "nowhere"), "reason": "MISSING"}]
    assert [arn.rpartition("/")[2] for arn in ecs.list_clusters()["clusterArns"]] == ["default", "shop"]
    assert ecs.delete_cluster(cluster=made["clusterArn"])["cluster"]["status"] == "INACTIVE"
    assert ecs.describe_clusters()["clusters"][0]["status"] == "INACTIVE"
    with pytest.raises(ecs.exceptions.ClusterNotFoundException, match=r"Cluster not found\."):
        ecs.delete_cluster(cluster="default")


def test_revisions_of_a_family_are_numbered_and_never_again(world: Any) -> None:
    ecs = world.ecs
    first, second = world.register(), world.register()
    assert (first[-6:], second[-6:]) == ("/web:1", "/web:2")
    assert ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]["taskDefinitionArn"] == second
    gone = ecs.deregister_task_definition(taskDefinition="web:2")["taskDefinition"]
    assert gone["status"] == "INACTIVE"
    assert gone["deregisteredAt"]
    assert ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]["taskDefinitionArn"] == first
    assert ecs.list_task_definitions()["taskDefinitionArns"] == [first]
    assert ecs.list_task_definitions(status="INACTIVE")["taskDefinitionArns"] == [second]
    assert ecs.list_task_definition_families()["families"] == ["web"]
    assert world.register()[-6:] == "/web:3"
    shown = ecs.describe_task_definition(taskDefinition="web:1")["taskDefinition"]
    assert shown["registeredBy"].endswith(":user/admin")
    assert shown["compatibilities"] == ["EC2", "FARGATE"]
    assert shown["containerDefinitions"][0]["essential"] is True
    with pytest.raises(ClientError, match=r"Unable to describe task definition\."):
        ecs.describe_task_definition(taskDefinition="web:9")


@pytest.mark.parametrize(
    ("changes", "code", "text"),
    [
        ({"memory": "4096"}, "ClientException", "No Fargate configuration exists for given values."),
        ({"networkMode": "bridge"}, "ClientException", "Fargate only supports network mode \u2018awsvpc\u2019."),
        (
            {"executionRoleArn": None},
            "ClientException",
            "Fargate requires task definition to have execution role ARN to support ECR images.",
        ),
        ({"executionRoleArn": "arn:aws:iam::123456789012:role/nobody"}, "ClientException", "Role is not valid"),
        ({"taskRoleArn": "nobody"}, "ClientException", "Role is not valid"),
        (
            {"containerDefinitions": [{"name": "web", "image": "a", "essential": False}]},
            "ClientException",
            "Invalid 'essential' setting for container. At least one container must be essential.",
        ),
        (
            {"containerDefinitions": [{"name": "web", "image": "a", "healthCheck": {"command": ["test -f /well"]}}]},
            "ClientException",
            "Health check command must start with CMD or CMD-SHELL and name what to run.",
        ),
        (
            {"containerDefinitions": [{"name": "web", "image": "a", "secrets": [{"name": "A", "valueFrom": "b"}]}]},
            "InvalidParameterException",
            "ECR Lab does not have containerDefinitions.secrets: it would change what runs. "
            "See docs/fidelity.md for what it has.",
        ),
    ],
)
def test_a_recipe_that_cannot_run_is_refused_when_it_is_registered(
    world: Any, changes: dict[str, Any], code: str, text: str
) -> None:
    with pytest.raises(ClientError) as caught:
        world.register(**changes)
    assert refused(caught.value) == (code, text)
    assert world.ecs.list_task_definitions()["taskDefinitionArns"] == []


def test_passing_a_role_is_asked_of_the_caller_for_each_role_and_for_this_service(world: Any) -> None:
    """Facts D021 to D023: the right is iam:PassRole, on the role, narrowed by the service."""
    ci = world.lab.client("ecs", "ci")

    def allow(*roles: str, service: str = "ecs-tasks.amazonaws.com") -> None:
        statements = [{"Effect": "Allow", "Action": "ecs:RegisterTaskDefinition", "Resource": "*"}]
        condition = {"StringEquals": {"iam:PassedToService": service}}
        statements += [
            {
                "Effect": "Allow",
                "Action": "iam:PassRole",
                "Resource": f"arn:aws:iam::123456789012:role/{role}",
                "Condition": condition,  # type: ignore[dict-item]
            }
            for role in roles
        ]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        world.iam.put_user_policy(UserName="ci", PolicyName="deploy", PolicyDocument=document)

    for given, service, missing in (
        ((), "ecs-tasks.amazonaws.com", "exec"),
        (("exec",), "ecs-tasks.amazonaws.com", "task"),
        (("exec", "task"), "ec2.amazonaws.com", "exec"),
    ):
        allow(*given, service=service)
        with pytest.raises(ClientError) as caught:
            ci.register_task_definition(**world.recipe())
        assert refused(caught.value) == (
            "AccessDeniedException",
            "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: iam:PassRole on resource: "
            f"arn:aws:iam::123456789012:role/{missing} because no identity-based policy allows the iam:PassRole action",
        )
    row = world.lab.control.xray(world.last() - 1)["rows"][-1]
    assert [each["action"] for each in row["decisions"]] == ["ecs:RegisterTaskDefinition", "iam:PassRole"]
    allow("exec", "task")
    assert ci.register_task_definition(**world.recipe())["taskDefinition"]["revision"] == 1


def test_containers_come_in_the_order_of_what_they_depend_on() -> None:
    def one(name: str, *others: str) -> dict[str, Any]:
        return {"name": name, "dependsOn": [{"containerName": each, "condition": "START"} for each in others]}

    ordered = in_order([one("web", "cache", "log"), one("cache", "log"), one("log")])
    assert [each["name"] for each in ordered] == ["log", "cache", "web"]
    assert in_order([one("web", "cache"), one("cache", "web")]) == []


def test_tags_are_kept_and_taken_away(world: Any) -> None:
    arn = world.register(tags=[{"key": "team", "value": "shop"}])
    world.ecs.tag_resource(resourceArn=arn, tags=[{"key": "stage", "value": "test"}])
    world.ecs.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert world.ecs.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "stage", "value": "test"}]


def test_what_is_acknowledged_survives_a_kill(world: Any) -> None:
    arn = world.register()
    world.kill()
    assert world.ecs.describe_task_definition(taskDefinition="web")["taskDefinition"]["taskDefinitionArn"] == arn
    assert world.ecs.describe_clusters(clusters=["shop"])["clusters"][0]["status"] == "ACTIVE"


def test_a_revision_is_named_by_the_digits_of_arns_and_a_number_has_its_size(world: Any) -> None:
    for _ in range(3):
        world.register()
    with pytest.raises(ClientError) as caught:
        world.ecs.describe_task_definition(taskDefinition="web:\N{ARABIC-INDIC DIGIT THREE}")
    assert refused(caught.value) == ("ClientException", "Unable to describe task definition.")
    with pytest.raises(ClientError) as caught:
        world.ecs.list_task_definitions(maxResults=2**31)
    assert refused(caught.value) == ("SerializationException", "NUMBER_VALUE can not be converted to an Integer")


def test_what_is_not_here_is_refused_at_once(world: Any) -> None:
    with pytest.raises(ClientError) as caught:
        world.ecs.create_task_set(cluster="shop", service="web", taskDefinition="web")
    assert refused(caught.value)[0] == "UnknownOperationException"
