"""IAM's reads over a whole account, quotas, and those about what nobody has here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

TEXT = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:ListImages", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def test_the_summary_counts(lab: Any) -> None:
    iam = lab.client("iam")
    before = iam.get_account_summary()["SummaryMap"]
    assert (before["Users"], before["Groups"], before["UsersQuota"], before["RolesQuota"]) == (5, 0, 5000, 1000)
    iam.create_group(GroupName="devs")
    iam.create_policy(PolicyName="list", PolicyDocument=json.dumps(TEXT))
    after = iam.get_account_summary()["SummaryMap"]
    assert (after["Groups"], after["Policies"], after["PolicyVersionsInUse"]) == (1, 1, 1)
    assert after["MFADevices"] == 0


def test_authorization_details_hold_everything_in_pages(lab: Any) -> None:
    iam = lab.client("iam")
    iam.create_group(GroupName="devs")
    iam.put_group_policy(GroupName="devs", PolicyName="inline", PolicyDocument=json.dumps(TEXT))
    iam.add_user_to_group(GroupName="devs", UserName="ci")
    iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=json.dumps(TRUST), Tags=[{"Key": "a", "Value": "1"}])
    iam.put_user_policy(UserName="ops", PolicyName="own", PolicyDocument=json.dumps(TEXT))
    arn = iam.create_policy(PolicyName="list", PolicyDocument=json.dumps(TEXT))["Policy"]["Arn"]
    found: dict[str, list[Any]] = {"UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": []}
    pages = 0
    for page in iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 3}):
        pages += 1
        for name in found:
            found[name] += page[name]
    assert pages > 3
    users = {user["UserName"]: user for user in found["UserDetailList"]}
    assert set(users) == {"admin", "auditor", "ci", "developer", "ops"}
    assert users["ci"]["GroupList"] == ["devs"]
    assert users["ops"]["UserPolicyList"] == [{"PolicyName": "own", "PolicyDocument": TEXT}]
    assert users["ci"]["AttachedManagedPolicies"][0]["PolicyName"] == "AmazonEC2ContainerRegistryPullOnly"
    [group], [role] = found["GroupDetailList"], found["RoleDetailList"]
    assert group["GroupPolicyList"][0]["PolicyDocument"] == TEXT
    assert role["AssumeRolePolicyDocument"] == TRUST
    assert role["Tags"] == [{"Key": "a", "Value": "1"}]
    policies = {policy["Arn"]: policy for policy in found["Policies"]}
    assert policies[arn]["PolicyVersionList"][0]["Document"] == TEXT
    # Of AWS's own policies those in use.
    assert "arn:aws:iam::aws:policy/AdministratorAccess" in policies
    assert "arn:aws:iam::aws:policy/IAMFullAccess" not in policies
    only = iam.get_account_authorization_details(Filter=["Role"])
    assert [role["RoleName"] for role in only["RoleDetailList"]] == ["deploy"]
    assert only["UserDetailList"] == []


def test_what_nobody_has_here(lab: Any) -> None:
    iam = lab.client("iam")
    for name, member in {
        "list_mfa_devices": "MFADevices",
        "list_ssh_public_keys": "SSHPublicKeys",
        "list_signing_certificates": "Certificates",
        "list_service_specific_credentials": "ServiceSpecificCredentials",
    }.items():
        assert getattr(iam, name)(UserName="ci")[member] == []
        with pytest.raises(iam.exceptions.NoSuchEntityException, match="The user with name ghost cannot be found"):
            getattr(iam, name)(UserName="ghost")
    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == []
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []
    for call in (iam.get_login_profile, iam.delete_login_profile):
        with pytest.raises(iam.exceptions.NoSuchEntityException, match="Login Profile for User ci cannot be found"):
            call(UserName="ci")
    with pytest.raises(iam.exceptions.NoSuchEntityException, match="The Password Policy with domain name 123456789012"):
        iam.get_account_password_policy()


def test_a_renamed_group_keeps_its_members_and_rights(lab: Any) -> None:
    iam = lab.client("iam")
    made = iam.create_group(GroupName="devs")["Group"]
    iam.create_group(GroupName="taken")
    iam.put_group_policy(GroupName="devs", PolicyName="inline", PolicyDocument=json.dumps(TEXT))
    iam.add_user_to_group(GroupName="devs", UserName="ops")
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException, match="Group with name Taken already exists"):
        iam.update_group(GroupName="devs", NewGroupName="Taken")
    iam.update_group(GroupName="devs", NewGroupName="builders", NewPath="/teams/")
    [group] = iam.list_groups_for_user(UserName="ops")["Groups"]
    assert (group["GroupId"], group["Arn"]) == (made["GroupId"], "arn:aws:iam::123456789012:group/teams/builders")
    lab.repository("my-web-app")
    lab.client("ecr", "ops").list_images(repositoryName="my-web-app")


def test_quotas(lab: Any) -> None:
    iam = lab.client("iam")
    for number in range(10):
        iam.create_group(GroupName=f"group-{number}")
        iam.add_user_to_group(GroupName=f"group-{number}", UserName="ops")
    iam.add_user_to_group(GroupName="group-3", UserName="ops")
    iam.create_group(GroupName="one-more")
    with pytest.raises(ClientError) as caught:
        iam.add_user_to_group(GroupName="one-more", UserName="ops")
    assert caught.value.response["Error"]["Code"] == "LimitExceeded"
    assert caught.value.response["Error"]["Message"] == "Cannot exceed quota for GroupsPerUser: 10"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    for number in range(11, 300):
        iam.create_group(GroupName=f"group-{number}")
    with pytest.raises(iam.exceptions.LimitExceededException, match="Cannot exceed quota for GroupsPerAccount: 300"):
        iam.create_group(GroupName="too-many")


@pytest.mark.parametrize("name", ["a b", "a/b", "x" * 65, "\u00e4", "a:b"])
def test_names(lab: Any, name: str) -> None:
    """botocore leaves patterns and greatest lengths to the server."""
    with pytest.raises(ClientError) as caught:
        lab.client("iam").create_user(UserName=name)
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert caught.value.response["Error"]["Message"].startswith(
        f"1 validation error detected: Value '{name}' at 'userName' failed to satisfy constraint: Member must "
    )
