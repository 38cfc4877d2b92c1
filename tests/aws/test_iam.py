"""IAM over HTTP with boto3: what was put is what is read, and AWS's errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from ecrlab.aws import api
from ecrlab.aws.operations import HANDLERS
from ecrlab.aws.wire.models import service_model

DOCUMENT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:ListImages", "Resource": "*"}]}
TEXT = json.dumps(DOCUMENT)
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:root"}, "Action": "sts:AssumeRole"}
        ],
    }
)
READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"


def refused(code: str, text: str, call: Any, **params: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**params)
    assert caught.value.response["Error"] == {"Type": "Sender", "Code": code, "Message": text}


def test_users(lab: Any) -> None:
    iam = lab.client("iam")
    user = iam.create_user(UserName="ann", Path="/team/", Tags=[{"Key": "a", "Value": "1"}])["User"]
    assert user["Arn"] == "arn:aws:iam::123456789012:user/team/ann"
    assert user["UserId"].startswith("AIDA")
    assert len(user["UserId"]) == 21
    assert iam.get_user(UserName="ann")["User"] == user
    assert [u["UserName"] for u in iam.list_users(PathPrefix="/team/")["Users"]] == ["ann"]
    pages = iam.get_paginator("list_users").paginate(PaginationConfig={"PageSize": 2})
    assert [u["UserName"] for page in pages for u in page["Users"]] == [
        "admin",
        "ann",
        "auditor",
        "ci",
        "developer",
        "ops",
    ]
    refused("EntityAlreadyExists", "User with name Ann already exists.", iam.create_user, UserName="Ann")
    refused("NoSuchEntity", "The user with name bob cannot be found.", iam.get_user, UserName="bob")
    assert iam.get_user()["User"]["UserName"] == "admin"
    iam.update_user(UserName="ann", NewUserName="anna")
    assert iam.get_user(UserName="anna")["User"]["UserId"] == user["UserId"]
    iam.delete_user(UserName="anna")
    refused("NoSuchEntity", "The user with name anna cannot be found.", iam.delete_user, UserName="anna")


def test_access_keys_work_until_they_are_switched_off(lab: Any) -> None:
    iam = lab.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    assert (key["AccessKeyId"][:4], len(key["AccessKeyId"]), len(key["SecretAccessKey"])) == ("AKIA", 20, 40)
    sts = lab.client_with("sts", key["AccessKeyId"], key["SecretAccessKey"])
    assert sts.get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/ann"
    assert iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]["ServiceName"] == "sts"
    iam.create_access_key(UserName="ann")
    refused("LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2", iam.create_access_key, UserName="ann")
    refused("DeleteConflict", "Cannot delete entity, must delete access keys first.", iam.delete_user, UserName="ann")
    iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Inactive")
    text = "The security token included in the request is invalid."
    refused("InvalidClientTokenId", text, sts.get_caller_identity)
    iam.update_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"], Status="Active")
    sts.get_caller_identity()
    iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    refused("InvalidClientTokenId", text, sts.get_caller_identity)


def test_inline_policies(lab: Any) -> None:
    iam = lab.client("iam")
    iam.put_user_policy(UserName="ci", PolicyName="list", PolicyDocument=TEXT)
    assert iam.get_user_policy(UserName="ci", PolicyName="list")["PolicyDocument"] == DOCUMENT
    assert iam.list_user_policies(UserName="ci")["PolicyNames"] == ["list"]
    iam.delete_user_policy(UserName="ci", PolicyName="list")
    text = "The user policy with name list cannot be found."
    refused("NoSuchEntity", text, iam.get_user_policy, UserName="ci", PolicyName="list")
    bad = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "PutImage", "Resource": "*"}]}
    )
    text = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
    refused("MalformedPolicyDocument", text, iam.put_user_policy, UserName="ci", PolicyName="x", PolicyDocument=bad)
    text = "This policy contains invalid Json"
    refused("MalformedPolicyDocument", text, iam.put_user_policy, UserName="ci", PolicyName="x", PolicyDocument="{")
    long = json.dumps({**DOCUMENT, "Statement": [{**DOCUMENT["Statement"][0], "Action": ["ecr:" + "x" * 2000]}]})  # type: ignore[dict-item,index]
    refused(
        "LimitExceeded",
        "Maximum policy size of 2048 bytes exceeded for user ci",
        iam.put_user_policy,
        UserName="ci",
        PolicyName="x",
        PolicyDocument=long,
    )


def test_managed_policies_and_versions(lab: Any) -> None:
    iam = lab.client("iam")
    created = iam.create_policy(PolicyName="list", PolicyDocument=TEXT, Description="d")["Policy"]
    arn = created["Arn"]
    assert arn == "arn:aws:iam::123456789012:policy/list"
    iam.attach_user_policy(UserName="ci", PolicyArn=arn)
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 1
    entities = iam.list_entities_for_policy(PolicyArn=arn)
    assert [user["UserName"] for user in entities["PolicyUsers"]] == ["ci"]
    refused("DeleteConflict", "Cannot delete a policy attached to entities.", iam.delete_policy, PolicyArn=arn)
    second = {**DOCUMENT, "Statement": []}
    second["Statement"] = [{"Effect": "Deny", "Action": "*", "Resource": "*"}]
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=json.dumps(second), SetAsDefault=True)[
        "PolicyVersion"
    ]
    assert (version["VersionId"], version["IsDefaultVersion"]) == ("v2", True)
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"] == DOCUMENT
    text = "Cannot delete the default version of a policy."
    refused("DeleteConflict", text, iam.delete_policy_version, PolicyArn=arn, VersionId="v2")
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    assert [v["VersionId"] for v in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == ["v1"]
    iam.detach_user_policy(UserName="ci", PolicyArn=arn)
    refused("NoSuchEntity", f"Policy {arn} was not found.", iam.detach_user_policy, UserName="ci", PolicyArn=arn)
    iam.delete_policy(PolicyArn=arn)
    missing = f"Policy {arn} does not exist or is not attachable."
    refused("NoSuchEntity", missing, iam.attach_user_policy, UserName="ci", PolicyArn=arn)


def test_aws_managed_policies_have_the_real_documents(lab: Any) -> None:
    iam = lab.client("iam")
    policy = iam.get_policy(PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly")["Policy"]
    document = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])["PolicyVersion"][
        "Document"
    ]
    assert document["Statement"][0]["Action"] == [
        "ecr:GetAuthorizationToken",
        "ecr:BatchGetImage",
        "ecr:GetDownloadUrlForLayer",
        "ecr:BatchImportUpstreamImage",
    ]
    names = [p["PolicyName"] for p in iam.list_policies(Scope="AWS")["Policies"]]
    assert {
        "AmazonEC2ContainerRegistryPowerUser",
        "AmazonEC2ContainerRegistryFullAccess",
        "AdministratorAccess",
    } <= set(names)
    attached = iam.list_attached_user_policies(UserName="auditor")["AttachedPolicies"]
    assert attached == [{"PolicyName": "AmazonEC2ContainerRegistryReadOnly", "PolicyArn": READ_ONLY}]


def test_groups(lab: Any) -> None:
    iam = lab.client("iam")
    iam.create_group(GroupName="devs")
    iam.attach_group_policy(GroupName="devs", PolicyArn=READ_ONLY)
    iam.add_user_to_group(GroupName="devs", UserName="ci")
    assert [user["UserName"] for user in iam.get_group(GroupName="devs")["Users"]] == ["ci"]
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName="ci")["Groups"]] == ["devs"]
    conflict = "Cannot delete entity, must remove users from group first."
    refused("DeleteConflict", conflict, iam.delete_group, GroupName="devs")
    iam.remove_user_from_group(GroupName="devs", UserName="ci")
    refused(
        "DeleteConflict", "Cannot delete entity, must detach all policies first.", iam.delete_group, GroupName="devs"
    )
    iam.detach_group_policy(GroupName="devs", PolicyArn=READ_ONLY)
    iam.delete_group(GroupName="devs")


def test_roles_and_sessions(lab: Any) -> None:
    iam = lab.client("iam")
    role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=TRUST, MaxSessionDuration=7200)["Role"]
    assert role["AssumeRolePolicyDocument"] == json.loads(TRUST)
    assert iam.get_role(RoleName="deploy")["Role"]["MaxSessionDuration"] == 7200
    iam.attach_role_policy(RoleName="deploy", PolicyArn=READ_ONLY)
    lab.repository("my-web-app")
    sts = lab.client("sts")
    answer = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="build-42")
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::123456789012:assumed-role/deploy/build-42"
    keys = answer["Credentials"]
    held = (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    assert lab.client_with("sts", *held).get_caller_identity()["UserId"] == f"{role['RoleId']}:build-42"
    ecr = lab.client_with("ecr", *held)
    ecr.list_images(repositoryName="my-web-app")
    with pytest.raises(
        ClientError, match=r"User: arn:aws:sts::123456789012:assumed-role/deploy/build-42 is not authorized"
    ):
        ecr.delete_repository(repositoryName="my-web-app")
    with pytest.raises(ClientError, match="security token included in the request is invalid"):
        lab.client_with("ecr", *held[:2]).list_images(repositoryName="my-web-app")
    lab.control.advance(3601)
    with pytest.raises(ClientError, match="The security token included in the request is expired"):
        ecr.list_images(repositoryName="my-web-app")
    text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    refused("ValidationError", text, sts.assume_role, RoleArn=role["Arn"], RoleSessionName="long", DurationSeconds=7201)


def test_who_may_assume_a_role(lab: Any) -> None:
    iam = lab.client("iam")
    trust = json.loads(TRUST)
    trust["Statement"][0]["Principal"] = {"AWS": "arn:aws:iam::123456789012:user/ci"}
    trust["Statement"][0]["Condition"] = {"StringEquals": {"sts:ExternalId": "secret-42"}}
    arn = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    ci = lab.client("sts", "ci")
    ci.assume_role(RoleArn=arn, RoleSessionName="ci", ExternalId="secret-42")
    with pytest.raises(ClientError, match="is not authorized to perform: sts:AssumeRole on resource: " + arn):
        ci.assume_role(RoleArn=arn, RoleSessionName="ci")
    with pytest.raises(ClientError, match="sts:AssumeRole"):
        lab.client("sts", "ops").assume_role(RoleArn=arn, RoleSessionName="ops", ExternalId="secret-42")
    ghost = json.loads(TRUST)
    ghost["Statement"][0]["Principal"] = {"AWS": "arn:aws:iam::123456789012:role/ghost"}
    text = 'Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:role/ghost"'
    refused("MalformedPolicyDocument", text, iam.create_role, RoleName="x", AssumeRolePolicyDocument=json.dumps(ghost))
    bad = json.loads(TRUST)
    bad["Statement"][0]["Resource"] = "*"
    text = "Has prohibited field Resource"
    refused("MalformedPolicyDocument", text, iam.create_role, RoleName="x", AssumeRolePolicyDocument=json.dumps(bad))


def test_a_session_policy_limits_the_session(lab: Any) -> None:
    iam = lab.client("iam")
    arn = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=TRUST)["Role"]["Arn"]
    iam.attach_role_policy(RoleName="deploy", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    keys = lab.client("sts").assume_role(RoleArn=arn, RoleSessionName="session", Policy=TEXT)["Credentials"]
    lab.repository("my-web-app")
    ecr = lab.client_with("ecr", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    ecr.list_images(repositoryName="my-web-app")
    with pytest.raises(ClientError, match="because no session policy allows the ecr:DescribeImages action"):
        ecr.describe_images(repositoryName="my-web-app")


def test_accounts_do_not_see_each_other(lab: Any) -> None:
    assert [u["UserName"] for u in lab.client("iam", "partner").list_users()["Users"]] == ["partner"]
    assert lab.client("sts", "partner").get_caller_identity()["Account"] == "444455556666"


def test_what_is_left_out_is_said_at_once(lab: Any) -> None:
    assert api.SERVICES
    for service, header in (("ecr", "AmazonEC2ContainerRegistry_V20150921."), ("iam", None), ("sts", None)):
        model = service_model(service)
        name = next((name for name in model.operation_names if (service, name) not in HANDLERS), None)
        if name is None:
            continue
        body = f"Action={name}&Version={model.metadata['apiVersion']}" if header is None else "{}"
        headers = {"X-Amz-Target": f"{header}{name}"} if header else {}
        answer = requests.post(f"http://127.0.0.1:{lab.port}/", data=body, headers=headers, timeout=10)
        assert answer.status_code == 400
        assert "UnknownOperationException" in answer.text
        assert f"{service}:{name}" in answer.text


@pytest.mark.parametrize("kind", ["User", "Group"])
def test_a_name_in_other_letters_is_taken_by_its_own_holder(lab: Any, kind: str) -> None:
    """Facts A043."""
    iam = lab.client("iam")
    create, update, read = (getattr(iam, f"{verb}_{kind.lower()}") for verb in ("create", "update", "get"))
    create(**{f"{kind}Name": "Ann"})
    renamed = {f"{kind}Name": "Ann", f"New{kind}Name": "ANN"}
    refused("EntityAlreadyExists", f"{kind} with name ANN already exists.", update, **renamed)
    update(**{f"{kind}Name": "Ann", f"New{kind}Name": "Ann", "NewPath": "/team/"})
    assert read(**{f"{kind}Name": "Ann"})[kind]["Path"] == "/team/"


def test_what_create_role_does_not_answer(lab: Any) -> None:
    """Facts A049."""
    iam = lab.client("iam")
    for more in ({}, {"MaxSessionDuration": 7200}):
        role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=TRUST, **more)["Role"]
        read = iam.get_role(RoleName="deploy")["Role"]
        assert read == {**role, "MaxSessionDuration": more.get("MaxSessionDuration", 3600), "RoleLastUsed": {}}
        assert not {"MaxSessionDuration", "RoleLastUsed"} & set(role)
        iam.delete_role(RoleName="deploy")
