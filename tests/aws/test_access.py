"""The one table: every operation, every registry request, and what IAM is asked for each."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ecrlab.aws import api
from ecrlab.aws.authorization.access import KEYS, REGISTRY_RULES, RULES, TARGETS
from ecrlab.aws.operations import HANDLERS
from ecrlab.aws.wire.protocol import SERVICES, service_model
from ecrlab.oci import Operation


def test_the_lab_starts_without_reading_botocores_models() -> None:
    command = "\n".join(
        [
            "import ecrlab.server.server",
            "from ecrlab.aws.wire.protocol import service_model",
            "print(service_model.cache_info().misses)",
        ]
    )
    assert subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, check=True).stdout == "0\n"


def test_the_table_has_exactly_botocores_operations() -> None:
    assert api.SERVICES  # the modules that fill HANDLERS are imported
    expected = {(service, name) for service in SERVICES for name in service_model(service).operation_names}
    assert set(RULES) == expected
    assert set(HANDLERS) <= expected
    for rule in RULES.values():
        assert rule.target in TARGETS
        assert set(rule.keys) <= set(KEYS)
        assert bool(rule.actions) == (rule.target != "none")


def test_only_these_operations_need_no_permission() -> None:
    free = {name for (_, name), rule in RULES.items() if not rule.actions}
    assert free == {"GetCallerIdentity", "GetSessionToken", "AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"}


def test_every_registry_request_has_a_rule() -> None:
    assert set(REGISTRY_RULES) == {operation.name for operation in Operation}
    assert [name for name, actions in REGISTRY_RULES.items() if not actions] == ["PING"]


def test_ecr_resources_are_those_of_the_service_authorization_reference() -> None:
    """docs/facts/iam.md 10 has them."""
    wide = {name for (service, name), rule in RULES.items() if service == "ecr" and rule.target == "*"}
    assert "GetAuthorizationToken" in wide
    assert "CreateRepository" not in wide
    facts = Path(__file__).parents[2] / "docs" / "facts" / "iam.md"
    seen = 0
    for line in facts.read_text().splitlines():
        if line.startswith("| ecr:"):
            action, _, resource = (part.strip() for part in line.strip("|").split("|")[:3])
            rule = RULES.get(("ecr", action.removeprefix("ecr:")))
            seen += 1
            if rule is not None:
                assert rule.actions == (action,)
                assert (rule.target == "*") == resource.startswith("-"), action
    assert seen == 60


CALLS: dict[str, tuple[dict[str, Any], str]] = {
    "CreateRepository": ({"repositoryName": "team/app"}, "repository/team/app"),
    "DescribeRepositories": ({}, "repository/*"),
    "DeleteRepository": ({"repositoryName": "team/app"}, "repository/team/app"),
    "ListImages": ({"repositoryName": "team/app"}, "repository/team/app"),
    "DescribeImages": ({"repositoryName": "team/app"}, "repository/team/app"),
    "BatchGetImage": ({"repositoryName": "team/app", "imageIds": [{"imageTag": "a"}]}, "repository/team/app"),
    "PutImage": ({"repositoryName": "team/app", "imageManifest": "{}"}, "repository/team/app"),
    "SetRepositoryPolicy": ({"repositoryName": "team/app", "policyText": "{}"}, "repository/team/app"),
    "InitiateLayerUpload": ({"repositoryName": "team/app"}, "repository/team/app"),
    "GetAuthorizationToken": ({}, "*"),
}


@pytest.mark.parametrize("operation", CALLS)
def test_a_user_without_rights_is_denied_with_aws_sentence(lab: Any, operation: str) -> None:
    params, resource = CALLS[operation]
    lab.client("iam").create_user(UserName="nobody")
    key = lab.client("iam").create_access_key(UserName="nobody")["AccessKey"]
    client = lab.client_with("ecr", key["AccessKeyId"], key["SecretAccessKey"])
    arn = resource if resource == "*" else f"arn:aws:ecr:us-east-1:123456789012:{resource}"
    with pytest.raises(client.exceptions.ClientError) as caught:
        client._make_api_call(operation, params)
    error = caught.value.response["Error"]
    assert error["Code"] == "AccessDeniedException"
    assert error["Message"] == (
        f"User: arn:aws:iam::123456789012:user/nobody is not authorized to perform: ecr:{operation} on resource: {arn} "
        f"because no identity-based policy allows the ecr:{operation} action"
    )
    row = lab.control.xray(lab.control.xray()["last"] - 1)["rows"][0]
    assert (row["service"], row["operation"], row["action"], row["resource"]) == (
        "ecr",
        operation,
        f"ecr:{operation}",
        arn,
    )
    assert (row["decision"], row["status"], row["error"]) == ("denied", 400, "AccessDeniedException")
    assert row["principal"] == "arn:aws:iam::123456789012:user/nobody"
    assert "Denied" in row["decisions"][0]["explanation"]


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def test_context_keys_of_tags_names_and_the_lab_clock(lab: Any) -> None:
    iam, admin = lab.client("iam"), lab.client("ecr")
    admin.create_repository(repositoryName="blue", tags=[{"Key": "team", "Value": "blue"}])
    admin.create_repository(repositoryName="red", tags=[{"Key": "team", "Value": "red"}])
    iam.tag_user(UserName="ops", Tags=[{"Key": "team", "Value": "blue"}])
    statement = {
        "Effect": "Allow",
        "Action": "ecr:ListImages",
        "Resource": "*",
        "Condition": {
            "StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}", "aws:RequestedRegion": "us-east-1"}
        },
    }
    iam.put_user_policy(UserName="ops", PolicyName="tags", PolicyDocument=policy(statement))
    ops = lab.client("ecr", "ops")
    ops.list_images(repositoryName="blue")
    with pytest.raises(ops.exceptions.ClientError, match="not authorized to perform: ecr:ListImages"):
        ops.list_images(repositoryName="red")
    statement = {
        "Effect": "Allow",
        "Action": ["ecr:CreateRepository", "ecr:TagResource"],
        "Resource": "arn:aws:ecr:*:*:repository/${aws:username}/*",
        "Condition": {
            "StringEquals": {"aws:RequestTag/team": "blue"},
            "DateGreaterThan": {"aws:CurrentTime": "2030-01-01T00:00:00Z"},
        },
    }
    iam.put_user_policy(UserName="ops", PolicyName="create", PolicyDocument=policy(statement))
    tags = [{"Key": "team", "Value": "blue"}]
    with pytest.raises(ops.exceptions.ClientError, match="CreateRepository"):
        ops.create_repository(repositoryName="ops/app", tags=tags)
    lab.control.advance(5 * 366 * 86400)
    ops.create_repository(repositoryName="ops/app", tags=tags)
    with pytest.raises(ops.exceptions.ClientError, match="CreateRepository"):
        ops.create_repository(repositoryName="other/app", tags=tags)


def test_an_explicit_deny_beats_administrator_access(lab: Any) -> None:
    lab.repository("my-web-app")
    statement = {"Effect": "Deny", "Action": "ecr:Delete*", "Resource": "*"}
    lab.client("iam").put_user_policy(UserName="admin", PolicyName="brake", PolicyDocument=policy(statement))
    ecr = lab.client("ecr")
    with pytest.raises(ecr.exceptions.ClientError, match="with an explicit deny in an identity-based policy"):
        ecr.delete_repository(repositoryName="my-web-app")
    lab.client("iam").delete_user_policy(UserName="admin", PolicyName="brake")
    ecr.delete_repository(repositoryName="my-web-app")


def test_boundaries_and_groups_count(lab: Any) -> None:
    iam = lab.client("iam")
    iam.create_group(GroupName="pushers")
    iam.put_group_policy(
        GroupName="pushers",
        PolicyName="all",
        PolicyDocument=policy({"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}),
    )
    iam.add_user_to_group(GroupName="pushers", UserName="ci")
    ci = lab.client("ecr", "ci")
    ci.create_repository(repositoryName="by-group")
    iam.put_user_permissions_boundary(
        UserName="ci", PermissionsBoundary="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
    )
    with pytest.raises(
        ci.exceptions.ClientError, match="because no permissions boundary allows the ecr:CreateRepository action"
    ):
        ci.create_repository(repositoryName="by-group-2")
