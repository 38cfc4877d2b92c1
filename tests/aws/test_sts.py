"""Temporary credentials over HTTP with boto3: AssumeRole's rules, session policies, tags, chains, and keys that end."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROOT = "arn:aws:iam::123456789012:root"
EVERYTHING = {"Effect": "Allow", "Action": "*", "Resource": "*"}
PULL_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryReadOnly"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def trust(*actions: str, principal: str = ROOT, **more: Any) -> str:
    statement = {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": list(actions or ("sts:AssumeRole",))}
    return document({**statement, **more})


def role(lab: Any, name: str, text: str, *policies: dict[str, Any], **more: Any) -> str:
    """Make a role with one inline policy and return its ARN."""
    iam = lab.client("iam")
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=text, **more)["Role"]
    allowed = document(*(policies or (EVERYTHING,)))
    iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=allowed)
    return str(made["Arn"])


def assume(lab: Any, arn: str, session: str = "run", by: Any = None, **params: Any) -> Any:
    """Assume a role as admin (or with the credentials ``by``) and return the credentials."""
    sts = lab.client("sts") if by is None else client(lab, "sts", by)
    return sts.assume_role(RoleArn=arn, RoleSessionName=session, **params)["Credentials"]


def client(lab: Any, service: str, keys: Any) -> Any:
    return lab.client_with(service, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])


def refused(code: str, text: str) -> Any:
    """Expect a ClientError with this code and message."""
    return pytest.raises(ClientError, match=rf"An error occurred \({code}\) when calling .*{text}")


def test_managed_session_policies_and_an_inline_one_are_one_limit(lab: Any) -> None:
    arn = role(lab, "deploy", trust())
    lab.repository("my-web-app")
    keys = assume(lab, arn, PolicyArns=[{"arn": READ_ONLY}])
    ecr = client(lab, "ecr", keys)
    ecr.list_images(repositoryName="my-web-app")
    with pytest.raises(ClientError, match="because no session policy allows the ecr:DeleteRepository action"):
        ecr.delete_repository(repositoryName="my-web-app")
    more = document({"Effect": "Allow", "Action": "ecr:DeleteRepository", "Resource": "*"})
    both = client(lab, "ecr", assume(lab, arn, PolicyArns=[{"arn": READ_ONLY}], Policy=more))
    both.list_images(repositoryName="my-web-app")
    both.delete_repository(repositoryName="my-web-app")


def test_limits_of_session_policies(lab: Any) -> None:
    arn = role(lab, "deploy", trust())
    names = ["ecr:" + "x" * 500 for _ in range(4)]
    long = document({"Effect": "Allow", "Action": names, "Resource": "*"})
    assert len(long) > 2048
    percent = -(-100 * len(long) // 2048)
    with refused("PackedPolicyTooLarge", f"Packed policy consumes {percent}% of allotted space"):
        assume(lab, arn, Policy=long)
    # Together with the ARNs, though each alone would do.
    fits = document({"Effect": "Allow", "Action": names[:3], "Resource": "*"})
    assume(lab, arn, Policy=fits)
    with refused("PackedPolicyTooLarge", ""):
        assume(lab, arn, Policy=fits, PolicyArns=[{"arn": PULL_ONLY}] * 9)
    with refused("ValidationError", "Member must have length less than or equal to 10"):
        assume(lab, arn, PolicyArns=[{"arn": PULL_ONLY}] * 11)
    with refused("MalformedPolicyDocument", "This policy contains invalid Json"):
        assume(lab, arn, Policy="{")
    ghost = "arn:aws:iam::123456789012:policy/ghost"
    with refused("ValidationError", f"PolicyArn {ghost} does not exist or is not attachable"):
        assume(lab, arn, PolicyArns=[{"arn": ghost}])


def test_session_tags_need_a_right_and_are_seen_by_policies(lab: Any) -> None:
    plain = role(lab, "plain", trust())
    team = [{"Key": "team", "Value": "blue"}]
    with refused("AccessDenied", f"sts:TagSession on resource: {plain} because no role trust policy allows"):
        assume(lab, plain, Tags=team)
    blue = {"StringEquals": {"aws:RequestTag/team": "blue"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    mine = {
        "Effect": "Allow",
        "Action": "ecr:CreateRepository",
        "Resource": "arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team}/*",
    }
    arn = role(
        lab,
        "tagged",
        document(
            {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:AssumeRole"},
            {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "sts:TagSession", "Condition": blue},
        ),
        mine,
        Tags=[{"Key": "Team", "Value": "red"}],
    )
    # The session's tag stands in place of the role's, whatever its case.
    client(lab, "ecr", assume(lab, arn, Tags=team)).create_repository(repositoryName="blue/app")
    with pytest.raises(ClientError, match="ecr:CreateRepository"):
        client(lab, "ecr", assume(lab, arn, Tags=team)).create_repository(repositoryName="red/app")
    client(lab, "ecr", assume(lab, arn)).create_repository(repositoryName="red/app")
    with refused("AccessDenied", "sts:TagSession"):
        assume(lab, arn, Tags=[{"Key": "team", "Value": "red"}])
    with refused("InvalidParameterValue", "Tag keys are case insensitive"):
        assume(lab, arn, Tags=[*team, {"Key": "Team", "Value": "red"}])


def test_transitive_tags_go_through_a_chain_and_cannot_be_changed(lab: Any) -> None:
    both = trust("sts:AssumeRole", "sts:TagSession")
    first = role(lab, "first", both)
    mine = {"Effect": "Allow", "Action": "ecr:*", "Resource": "arn:aws:ecr:*:*:repository/${aws:PrincipalTag/team}/*"}
    second = role(lab, "second", both, mine)
    tags = [{"Key": "team", "Value": "blue"}, {"Key": "cost", "Value": "1"}]
    with refused("InvalidParameterValue", "must be included in the requested tags"):
        assume(lab, first, Tags=tags, TransitiveTagKeys=["other"])
    keys = assume(lab, first, Tags=tags, TransitiveTagKeys=["team"])
    chained = assume(lab, second, by=keys)
    client(lab, "ecr", chained).create_repository(repositoryName="blue/app")
    with refused("InvalidParameterValue", "conflicts with a transitive tag key from the calling session"):
        assume(lab, second, by=keys, Tags=[{"Key": "Team", "Value": "red"}])
    # What is not transitive ends with its session.
    alone = assume(lab, second, by=assume(lab, first, Tags=tags))
    with pytest.raises(ClientError, match="ecr:CreateRepository"):
        client(lab, "ecr", alone).create_repository(repositoryName="blue/two")


def test_how_long_a_session_may_be(lab: Any) -> None:
    arn = role(lab, "deploy", trust(), MaxSessionDuration=7200)
    keys = assume(lab, arn, DurationSeconds=7200)
    text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    with refused("ValidationError", text):
        assume(lab, arn, DurationSeconds=7201)
    text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
    with refused("ValidationError", text):
        assume(lab, arn, by=keys, DurationSeconds=3601)
    assume(lab, arn, by=keys, DurationSeconds=3600)
    lab.control.advance(7201)
    for service, code in (("ecr", "ExpiredTokenException"), ("sts", "ExpiredToken")):
        with refused(code, "The security token included in the request is expired"):
            late = client(lab, service, keys)
            late.describe_registry() if service == "ecr" else late.get_caller_identity()


def test_a_source_identity_stays(lab: Any) -> None:
    plain = role(lab, "plain", trust())
    both = trust("sts:AssumeRole", "sts:SetSourceIdentity")
    named = role(lab, "named", both)
    with refused("AccessDenied", f"sts:SetSourceIdentity on resource: {plain}"):
        assume(lab, plain, SourceIdentity="ann")
    sts = lab.client("sts")
    answer = sts.assume_role(RoleArn=named, RoleSessionName="run", SourceIdentity="ann")
    assert answer["SourceIdentity"] == "ann"
    keys = answer["Credentials"]
    with refused("AccessDenied", "sts:SetSourceIdentity"):
        assume(lab, plain, by=keys)
    only_ann = trust(
        "sts:AssumeRole", "sts:SetSourceIdentity", Condition={"StringEquals": {"sts:SourceIdentity": "ann"}}
    )
    last = role(
        lab,
        "last",
        only_ann,
        {**EVERYTHING, "Condition": {"StringEquals": {"aws:SourceIdentity": "ann"}}},
    )
    client(lab, "ecr", assume(lab, last, by=keys)).describe_registry()
    with refused("AccessDenied", "cannot be changed"):
        assume(lab, named, by=keys, SourceIdentity="bob")


def test_both_accounts_must_agree(lab: Any) -> None:
    theirs = "arn:aws:iam::444455556666:user/partner"
    arn = role(lab, "shared", trust(principal=theirs, Condition={"StringEquals": {"sts:ExternalId": "secret-42"}}))
    sts = lab.client("sts", "partner")
    made = sts.assume_role(RoleArn=arn, RoleSessionName="visit", ExternalId="secret-42")["AssumedRoleUser"]
    assert made["Arn"] == "arn:aws:sts::123456789012:assumed-role/shared/visit"
    # documented since 2022: the sentence ends with the type of policy that does not allow it
    with refused("AccessDenied", f"sts:AssumeRole on resource: {arn} because no role trust policy allows"):
        sts.assume_role(RoleArn=arn, RoleSessionName="visit", ExternalId="wrong")
    with refused("AccessDenied", f"User: {theirs} is not authorized to perform: sts:AssumeRole on resource: .*ghost"):
        sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/ghost", RoleSessionName="visit")
    statement = {"Effect": "Deny", "Action": "sts:AssumeRole", "Resource": "*"}
    partner = lab.client("iam", "partner")
    partner.put_user_policy(UserName="partner", PolicyName="no", PolicyDocument=document(statement))
    with refused("AccessDenied", "with an explicit deny in an identity-based policy"):
        sts.assume_role(RoleArn=arn, RoleSessionName="visit", ExternalId="secret-42")


def test_a_session_ends_with_its_role(lab: Any) -> None:
    iam = lab.client("iam")
    arn = role(lab, "deploy", trust())
    keys = assume(lab, arn)
    ecr = client(lab, "ecr", keys)
    ecr.describe_registry()
    used = iam.get_role(RoleName="deploy")["Role"]["RoleLastUsed"]
    assert used["Region"] == "us-east-1"
    assert abs((used["LastUsedDate"] - lab_now(lab)).total_seconds()) < 60
    iam.delete_role_policy(RoleName="deploy", PolicyName="inline")
    with pytest.raises(ClientError, match="because no identity-based policy allows the ecr:DescribeRegistry action"):
        ecr.describe_registry()
    iam.delete_role(RoleName="deploy")
    with refused("UnrecognizedClientException", "The security token included in the request is invalid"):
        ecr.describe_registry()


def lab_now(lab: Any) -> Any:
    from datetime import datetime

    return datetime.fromisoformat(lab.control.status()["clock"]["now"])


def test_access_keys_are_last_used_by_the_labs_clock(lab: Any) -> None:
    iam = lab.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    unused = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert unused["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    lab.control.advance(40 * 86400)
    ecr = lab.client_with("ecr", key["AccessKeyId"], key["SecretAccessKey"], region="eu-west-1")
    with pytest.raises(ClientError):
        ecr.describe_registry()
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]
    assert (used["ServiceName"], used["Region"]) == ("ecr", "eu-west-1")
    assert abs((used["LastUsedDate"] - lab_now(lab)).total_seconds()) < 60


@pytest.mark.parametrize("how", ["switched off", "deleted", "of a deleted user", "with another secret"])
def test_a_key_that_is_no_longer_good(lab: Any, how: str) -> None:
    iam = lab.client("iam")
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    secret = key["SecretAccessKey"]
    named = {"UserName": "ann", "AccessKeyId": key["AccessKeyId"]}
    if how == "switched off":
        iam.update_access_key(**named, Status="Inactive")
    elif how == "with another secret":
        secret = secret[::-1]
    else:
        iam.delete_access_key(**named)
        if how == "of a deleted user":
            iam.delete_user(UserName="ann")
    wrong_secret = how == "with another secret"
    for service, code in (
        ("sts", "SignatureDoesNotMatch" if wrong_secret else "InvalidClientTokenId"),
        ("ecr", "InvalidSignatureException" if wrong_secret else "UnrecognizedClientException"),
    ):
        caller = lab.client_with(service, key["AccessKeyId"], secret)
        with pytest.raises(ClientError) as caught:
            caller.describe_registry() if service == "ecr" else caller.get_caller_identity()
        assert caught.value.response["Error"]["Code"] == code
        text = caught.value.response["Error"]["Message"]
        assert text.startswith(
            "The request signature" if wrong_secret else "The security token included in the request"
        )


def test_session_tokens_of_users(lab: Any) -> None:
    keys = lab.client("sts").get_session_token()["Credentials"]
    sts, iam = client(lab, "sts", keys), client(lab, "iam", keys)
    assert sts.get_caller_identity()["Arn"] == "arn:aws:iam::123456789012:user/admin"
    client(lab, "ecr", keys).describe_registry()
    # Without MFA they are not good for IAM, and of STS for little else (AWS: GetSessionToken, Permissions).
    with refused("InvalidClientTokenId", "The security token included in the request is invalid"):
        iam.list_users()
    with refused("InvalidClientTokenId", ""):
        sts.get_access_key_info(AccessKeyId=keys["AccessKeyId"])
    with refused("AccessDenied", "Cannot call GetSessionToken with session credentials"):
        sts.get_session_token()
    arn = role(lab, "deploy", trust(), MaxSessionDuration=7200)
    # A user with a session token is not a role: this is not a chain.
    assume(lab, arn, by=keys, DurationSeconds=7200)
    with refused("AccessDenied", "MultiFactorAuthentication failed, unable to validate MFA code"):
        lab.client("sts").get_session_token(SerialNumber="arn:aws:iam::123456789012:mfa/admin", TokenCode="123456")
