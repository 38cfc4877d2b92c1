"""Whoever makes something with tags needs the right to tag it, with the request's tags as context (A030, A031)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecrlab.aws.authorization.rules import RULES
from ecrlab.aws.wire.models import service_model

POLICY = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}})
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        },
    }
)
# Service, operation, its parameters, what tagging is called, the resource that is made.
CREATES = [
    ("ecr", "create_repository", {"repositoryName": "app"}, "ecr:TagResource",
     "arn:aws:ecr:us-east-1:123456789012:repository/app"),
    ("ecr-public", "create_repository", {"repositoryName": "app"}, "ecr-public:TagResource",
     "arn:aws:ecr-public::123456789012:repository/app"),
    ("iam", "create_user", {"UserName": "new", "Path": "/team/"}, "iam:TagUser",
     "arn:aws:iam::123456789012:user/team/new"),
    ("iam", "create_role", {"RoleName": "new", "AssumeRolePolicyDocument": TRUST}, "iam:TagRole",
     "arn:aws:iam::123456789012:role/new"),
    ("iam", "create_policy", {"PolicyName": "new", "PolicyDocument": POLICY}, "iam:TagPolicy",
     "arn:aws:iam::123456789012:policy/new"),
]  # fmt: skip
Create = Callable[..., str | None]


@pytest.fixture(params=CREATES, ids=[f"{service}-{operation}" for service, operation, *_ in CREATES])
def case(request: Any, lab: Any) -> tuple[Create, str, str, str]:
    """Create as ci with some tags: it returns the refusal's text, None when it was done."""
    service, operation, params, tagging, arn = request.param
    client = lab.client(service, "ci")
    kind = "tags" if service.startswith("ecr") else "Tags"

    def create(statements: list[dict[str, Any]], **tags: str) -> str | None:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        lab.client("iam").put_user_policy(UserName="ci", PolicyName="test", PolicyDocument=document)
        given = {kind: [{"Key": key, "Value": value} for key, value in tags.items()]} if tags else {}
        try:
            getattr(client, operation)(**params, **given)
        except ClientError as error:
            told = error.response["Error"]
            return str(told["Message"] if told["Code"].startswith("AccessDenied") else told)
        return None

    action = tagging.partition(":")[0] + ":" + operation.title().replace("_", "")
    return create, action, tagging, arn


def allow(*actions: str, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": "*", **more}


def test_without_the_right_to_tag(case: tuple[Create, str, str, str]) -> None:
    create, action, tagging, arn = case
    told = create([allow(action)], team="a")
    assert told == (
        f"User: arn:aws:iam::123456789012:user/ci is not authorized to perform: {tagging} on resource: {arn} because "
        f"no identity-based policy allows the {tagging} action"
    )
    assert create([allow(action)]) is None


def test_a_deny_of_tagging_counts(case: tuple[Create, str, str, str]) -> None:
    create, _, tagging, arn = case
    told = create([allow("*"), {**allow(tagging), "Effect": "Deny"}], team="a")
    assert told == (
        f"User: arn:aws:iam::123456789012:user/ci is not authorized to perform: {tagging} on resource: {arn} with an "
        "explicit deny in an identity-based policy"
    )
    assert create([allow("*"), {**allow(tagging), "Effect": "Deny"}]) is None


def test_the_tags_are_the_context_of_both(case: tuple[Create, str, str, str]) -> None:
    create, action, tagging, _ = case
    only = {
        "Condition": {
            "StringEquals": {"aws:RequestTag/team": "a"},
            "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]},
        }
    }
    statements = [allow(action), allow(tagging, **only)]
    assert tagging in (create(statements, team="b") or "")
    assert tagging in (create(statements, team="a", cost="1") or "")
    assert create(statements, team="a") is None


def test_the_create_is_asked_first(case: tuple[Create, str, str, str]) -> None:
    create, action, _, _ = case
    assert f"to perform: {action} on" in (create([allow("sts:*")], team="a") or "")


def test_every_create_with_tags_has_its_action_of_tagging() -> None:
    """Making a policy for an upload or a device does not count: those are called otherwise and not in the lab."""
    for service in ("ecr", "ecr-public", "iam"):
        for name in service_model(service).operation_names:
            shape = service_model(service).operation_model(name).input_shape
            takes = shape is not None and {"tags", "Tags"} & set(shape.members)
            if takes and name.startswith("Create") and name != "CreateVirtualMFADevice":
                assert RULES[service, name].tagging
