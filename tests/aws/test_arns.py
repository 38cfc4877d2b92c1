"""What stands where an ARN belongs is judged before rights, and before anything is looked up (facts A045, A058)."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecrlab.aws.arns import is_arn

# Recorded at AWS STS, all refused (A058).
NO_ARNS = [
    "nothing-valid-in-here",
    "arn::b:::something/test-role",
    "arn:a::::something/test-role",
    "arn:a:::something/test-role",
    "arn:a:a::aaaaaaaaaa:",
]
WORDS = "longpolicynamebutnoarn"
ROLE = "arn:aws:iam::123456789012:role/not-there"
TRUST = '{"Version":"2012-10-17","Statement":[]}'

USER = {"UserName": "not-there"}
POLICY = {"PolicyArn": WORDS}
BOUNDARY = {"PermissionsBoundary": WORDS}
OF_IAM = [
    ("attach_user_policy", {**USER, **POLICY}),
    ("attach_role_policy", {"RoleName": "not-there", **POLICY}),
    ("attach_group_policy", {"GroupName": "not-there", **POLICY}),
    ("detach_user_policy", {**USER, **POLICY}),
    ("detach_role_policy", {"RoleName": "not-there", **POLICY}),
    ("detach_group_policy", {"GroupName": "not-there", **POLICY}),
    ("get_policy", POLICY),
    ("delete_policy", POLICY),
    ("create_policy_version", {**POLICY, "PolicyDocument": "{}"}),
    ("get_policy_version", {**POLICY, "VersionId": "v1"}),
    ("list_policy_versions", POLICY),
    ("set_default_policy_version", {**POLICY, "VersionId": "v1"}),
    ("delete_policy_version", {**POLICY, "VersionId": "v1"}),
    ("list_entities_for_policy", POLICY),
    ("tag_policy", {**POLICY, "Tags": []}),
    ("untag_policy", {**POLICY, "TagKeys": []}),
    ("list_policy_tags", POLICY),
    ("create_user", {**USER, **BOUNDARY}),
    ("create_role", {"RoleName": "not-there", "AssumeRolePolicyDocument": "{", **BOUNDARY}),
    ("put_user_permissions_boundary", {**USER, **BOUNDARY}),
    ("put_role_permissions_boundary", {"RoleName": "not-there", **BOUNDARY}),
]


def refusal(call: Any, **params: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("text", [*NO_ARNS, WORDS, "", "arn", "arn:aws:iam::123456789012:", "ARN:aws:iam:::x"])
def test_no_arns(text: str) -> None:
    assert not is_arn(text)


@pytest.mark.parametrize(
    "text", [ROLE, "arn:aws:s3:::bucket", "arn:a:b:::c", "arn:aws:iam::aws:policy/AdministratorAccess"]
)
def test_arns(text: str) -> None:
    assert is_arn(text)


@pytest.mark.parametrize("profile", ["admin", "ci"])
@pytest.mark.parametrize("arn", NO_ARNS)
def test_assume_role(lab: Any, arn: str, profile: str) -> None:
    call = lab.client("sts", profile).assume_role
    assert refusal(call, RoleArn=arn, RoleSessionName="one") == ("ValidationError", f"{arn} is invalid", 400)
    told = refusal(call, RoleArn=ROLE, RoleSessionName="one", PolicyArns=[{"arn": arn}])
    assert told == ("ValidationError", f"{arn} is invalid", 400)


def test_a_role_that_is_not_there_is_denied(lab: Any) -> None:
    code, text, status = refusal(lab.client("sts").assume_role, RoleArn=ROLE, RoleSessionName="one")
    assert (code, status) == ("AccessDenied", 403)
    assert ROLE in text


@pytest.mark.parametrize("profile", ["admin", "ci"])
@pytest.mark.parametrize(("operation", "params"), OF_IAM, ids=[operation for operation, _ in OF_IAM])
def test_iam(lab: Any, operation: str, params: dict[str, Any], profile: str) -> None:
    told = refusal(getattr(lab.client("iam", profile), operation), **params)
    assert told == ("ValidationError", "Invalid ARN:  Could not be parsed!", 400)


def test_an_arn_of_no_policy_that_there_is(lab: Any) -> None:
    arn = "arn:aws:iam::123456789012:policy/not-there"
    told = refusal(lab.client("iam").attach_user_policy, UserName="ci", PolicyArn=arn)
    assert told == ("NoSuchEntity", f"Policy {arn} does not exist or is not attachable.", 404)
    told = refusal(lab.client("iam").delete_policy, PolicyArn=arn)
    assert told == ("NoSuchEntity", f"Policy {arn} was not found.", 404)


@pytest.mark.parametrize("profile", ["admin", "ci"])
def test_the_simulator(lab: Any, profile: str) -> None:
    iam = lab.client("iam", profile)
    text = f"Invalid Entity Arn: {WORDS} does not clearly define entity type and name."
    wanted = ("InvalidInput", text, 400)
    assert refusal(iam.simulate_principal_policy, PolicySourceArn=WORDS, ActionNames=["ecr:PutImage"]) == wanted
    assert refusal(iam.get_context_keys_for_principal_policy, PolicySourceArn=WORDS) == wanted
    told = refusal(iam.simulate_custom_policy, PolicyInputList=[TRUST], ActionNames=["a:b"], CallerArn=WORDS)
    assert told == wanted


@pytest.mark.parametrize("profile", ["admin", "ci"])
@pytest.mark.parametrize("service", ["ecr", "ecr-public"])
@pytest.mark.parametrize(
    "arn", [WORDS, "app", "arn:aws:iam::123456789012:user/ci", "arn:aws:ecr:us-east-1:1:repository/a"]
)
def test_tags_of_repositories(lab: Any, service: str, arn: str, profile: str) -> None:
    client = lab.client(service, profile)
    text = f"Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN {arn}'"
    wanted = ("InvalidParameterException", text, 400)
    assert refusal(client.list_tags_for_resource, resourceArn=arn) == wanted
    assert refusal(client.tag_resource, resourceArn=arn, tags=[{"Key": "a", "Value": "b"}]) == wanted
    assert refusal(client.untag_resource, resourceArn=arn, tagKeys=["a"]) == wanted


@pytest.mark.parametrize("profile", ["admin", "ci"])
def test_roles_of_templates_and_cache_rules(lab: Any, profile: str) -> None:
    ecr = lab.client("ecr", profile)
    text = f"Invalid parameter at 'customRoleArn' failed to satisfy constraint: 'Invalid ARN {WORDS}'"
    wanted = ("InvalidParameterException", text, 400)
    rule = {"ecrRepositoryPrefix": "not-there", "customRoleArn": WORDS}
    assert refusal(ecr.update_pull_through_cache_rule, **rule) == wanted
    assert refusal(ecr.create_pull_through_cache_rule, upstreamRegistryUrl="nowhere.example", **rule) == wanted
    template = {"prefix": "not-there", "customRoleArn": WORDS}
    assert refusal(ecr.update_repository_creation_template, **template) == wanted
    assert refusal(ecr.create_repository_creation_template, appliedFor=["REPLICATION"], **template) == wanted
