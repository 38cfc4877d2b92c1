"""IAM's policy simulator over HTTP with boto3."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

STEM = "arn:aws:ecr:us-east-1:123456789012:repository/"
TEMPLATE = "arn:${Partition}:ecr:${Region}:${Account}:repository/${RepositoryName}"


def document(*statements: dict[str, Any], **more: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **more})


def allow(*actions: str, resource: str = "*", **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def test_a_custom_policy_and_its_matched_statement(lab: Any) -> None:
    text = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "ecr:Get*", "Resource": "*"},
    {
      "Effect": "Allow",
      "Action": "ecr:PutImage",
      "Resource": "*"
    }
  ]
}"""
    results = lab.client("iam").simulate_custom_policy(
        PolicyInputList=[text], ActionNames=["ecr:PutImage", "ecr:DeleteRepository"]
    )["EvaluationResults"]
    put, delete = results
    assert (put["EvalActionName"], put["EvalDecision"], put["EvalResourceName"]) == (
        "ecr:PutImage",
        "allowed",
        TEMPLATE,
    )
    [matched] = put["MatchedStatements"]
    assert matched == {
        "SourcePolicyId": "PolicyInputList.1",
        "SourcePolicyType": "IAM Policy",
        "StartPosition": {"Line": 5, "Column": 6},
        "EndPosition": {"Line": 9, "Column": 6},
    }
    assert (delete["EvalDecision"], delete["MatchedStatements"]) == ("implicitDeny", [])
    assert "EvalDecisionDetails" not in put
    assert "ResourceSpecificResults" not in put


def test_columns_stand_behind_the_braces_as_aws_counts(lab: Any) -> None:
    """Recorded (facts A055): a brace at column 39, counted from 0, is 41; the one that closes, at 111, is 113."""
    text = json.dumps({"Version": "2012-10-17", "Statement": allow("ecr:PutImage", resource="x" * 11)})
    text = text.replace("x" * 11, "*")
    assert text.index('{"Effect"') == 39
    [result] = lab.client("iam").simulate_custom_policy(PolicyInputList=[text], ActionNames=["ecr:PutImage"])[
        "EvaluationResults"
    ]
    [matched] = result["MatchedStatements"]
    assert matched["StartPosition"] == {"Line": 1, "Column": 41}
    assert matched["EndPosition"] == {"Line": 1, "Column": text.index("}") + 2}


def test_one_result_for_an_action_with_one_for_each_resource_inside(lab: Any) -> None:
    text = document(
        allow("ecr:*", resource=STEM + "blue/*"),
        {"Effect": "Deny", "Action": "ecr:Put*", "Resource": STEM + "blue/frozen"},
    )
    names = ["blue/app", "blue/frozen", "red/app"]
    answer = lab.client("iam").simulate_custom_policy(
        PolicyInputList=[text], ActionNames=["ecr:PutImage"], ResourceArns=[STEM + name for name in names]
    )
    [result] = answer["EvaluationResults"]
    assert result["EvalDecision"] == "explicitDeny"
    assert result["EvalDecisionDetails"] == {}
    inside = {each["EvalResourceName"].removeprefix(STEM): each for each in result["ResourceSpecificResults"]}
    assert {name: each["EvalResourceDecision"] for name, each in inside.items()} == {
        "blue/app": "allowed",
        "blue/frozen": "explicitDeny",
        "red/app": "implicitDeny",
    }
    # Of several statements that apply the denying one alone determines the result.
    assert len(inside["blue/frozen"]["MatchedStatements"]) == 1
    assert result["MatchedStatements"] == inside["blue/frozen"]["MatchedStatements"]


def test_the_policies_of_a_user_and_of_its_groups(lab: Any) -> None:
    iam = lab.client("iam")
    iam.create_group(GroupName="pushers")
    iam.put_group_policy(GroupName="pushers", PolicyName="push", PolicyDocument=document(allow("ecr:PutImage")))
    iam.add_user_to_group(GroupName="pushers", UserName="ci")
    arn = "arn:aws:iam::123456789012:user/ci"
    actions = ["ecr:PutImage", "ecr:BatchGetImage", "ecr:DeleteRepository"]

    def simulate(**more: Any) -> dict[str, dict[str, Any]]:
        answer = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=actions, **more)
        return {result["EvalActionName"].removeprefix("ecr:"): result for result in answer["EvaluationResults"]}

    found = simulate()
    assert found["PutImage"]["MatchedStatements"][0]["SourcePolicyId"] == "group_pushers_push"
    assert found["BatchGetImage"]["MatchedStatements"][0]["SourcePolicyId"] == "AmazonEC2ContainerRegistryPullOnly"
    assert found["DeleteRepository"]["EvalDecision"] == "implicitDeny"
    more = simulate(PolicyInputList=[document(allow("ecr:DeleteRepository"))])
    assert more["DeleteRepository"]["MatchedStatements"][0]["SourcePolicyId"] == "PolicyInputList.1"
    inline = {"PolicyName": "push", "AttachmentType": "group", "AttachmentName": "pushers"}
    less = simulate(PolicyExclusionList=[{"InlinePolicyIdentifier": inline}, {"PolicyType": "aws-managed"}])
    assert {result["EvalDecision"] for result in less.values()} == {"implicitDeny"}
    # What is simulated is what happens.
    lab.repository("my-web-app")
    with pytest.raises(ClientError, match="ecr:DeleteRepository"):
        lab.client("ecr", "ci").delete_repository(repositoryName="my-web-app")


def test_a_boundary_limits_and_is_told(lab: Any) -> None:
    iam = lab.client("iam")
    arn = "arn:aws:iam::123456789012:user/developer"
    pull = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
    iam.put_user_permissions_boundary(UserName="developer", PermissionsBoundary=pull)
    actions = ["ecr:PutImage", "ecr:BatchGetImage"]
    put, get = iam.simulate_principal_policy(PolicySourceArn=arn, ActionNames=actions)["EvaluationResults"]
    assert (put["EvalDecision"], put["PermissionsBoundaryDecisionDetail"]) == (
        "implicitDeny",
        {"AllowedByPermissionsBoundary": False},
    )
    assert (get["EvalDecision"], get["PermissionsBoundaryDecisionDetail"]) == (
        "allowed",
        {"AllowedByPermissionsBoundary": True},
    )
    other = [document(allow("ecr:Put*"))]
    put, get = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=actions, PermissionsBoundaryPolicyInputList=other
    )["EvaluationResults"]
    assert (put["EvalDecision"], get["EvalDecision"]) == ("allowed", "implicitDeny")


def test_a_resource_policy_within_an_account_and_across(lab: Any) -> None:
    iam = lab.client("iam")
    ours = "arn:aws:iam::123456789012:user/ops"
    theirs = "arn:aws:iam::444455556666:user/partner"
    policy = document({"Effect": "Allow", "Principal": {"AWS": [ours, theirs]}, "Action": "ecr:DescribeImages"})

    def simulate(caller: str, *identity: str) -> dict[str, Any]:
        answer = iam.simulate_custom_policy(
            PolicyInputList=list(identity) or [document(allow("s3:ListBucket"))],
            ActionNames=["ecr:DescribeImages"],
            ResourceArns=[STEM + "my-web-app"],
            ResourcePolicy=policy,
            CallerArn=caller,
        )
        [result] = answer["EvaluationResults"]
        return dict(result)

    same = simulate(ours)
    assert (same["EvalDecision"], same["EvalDecisionDetails"]) == ("allowed", {})
    assert same["MatchedStatements"][0]["SourcePolicyId"] == "ResourcePolicy"
    assert same["MatchedStatements"][0]["SourcePolicyType"] == "Resource Policy"
    across = simulate(theirs)
    assert across["EvalDecision"] == "implicitDeny"
    assert across["EvalDecisionDetails"] == {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}
    both = simulate(theirs, document(allow("ecr:*")))
    assert both["EvalDecision"] == "allowed"
    assert both["EvalDecisionDetails"] == {"IAM Policy": "allowed", "Resource Policy": "allowed"}


def test_missing_context_keys(lab: Any) -> None:
    iam = lab.client("iam")
    condition = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}, "Bool": {"aws:Secure": "true"}}
    text = document(
        allow("ecr:PutImage", resource=STEM + "${aws:username}/*", Condition=condition),
        allow("ecr:GetAuthorizationToken", Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}),
    )
    keys = ["aws:ResourceTag/team", "aws:Secure", "aws:username", "aws:PrincipalTag/team", "aws:SourceIp"]
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[text])["ContextKeyNames"] == keys
    [result] = iam.simulate_custom_policy(PolicyInputList=[text], ActionNames=["ecr:PutImage"])["EvaluationResults"]
    assert set(result["MissingContextValues"]) == set(keys) - {"aws:SourceIp"}
    entries = [
        {"ContextKeyName": name, "ContextKeyValues": [value], "ContextKeyType": kind}
        for name, value, kind in (
            ("aws:ResourceTag/team", "blue", "string"),
            ("aws:PrincipalTag/team", "blue", "string"),
            ("aws:secure", "true", "boolean"),
        )
    ]
    arn = "arn:aws:iam::123456789012:user/ops"
    iam.put_user_policy(UserName="ops", PolicyName="mine", PolicyDocument=text)
    [result] = iam.simulate_principal_policy(
        PolicySourceArn=arn, ActionNames=["ecr:PutImage"], ResourceArns=[STEM + "ops/app"], ContextEntries=entries
    )["EvaluationResults"]
    # The name of the user that is asked about is known.
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])
    assert iam.get_context_keys_for_principal_policy(PolicySourceArn=arn)["ContextKeyNames"] == keys


def test_service_control_policies_by_level(lab: Any) -> None:
    levels = [
        {"ServiceControlPolicyInputList": [document(allow("*"))]},
        {"ServiceControlPolicyInputList": [document(allow("s3:*"))]},
    ]
    [result] = lab.client("iam").simulate_custom_policy(
        PolicyInputList=[document(allow("ecr:*"))],
        ActionNames=["ecr:PutImage"],
        OrderedOrganizationPolicyInputList=levels,
    )["EvaluationResults"]
    assert result["EvalDecision"] == "implicitDeny"
    assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}


def test_pages(lab: Any) -> None:
    actions = [f"ecr:Action{number}" for number in range(25)]
    pages = (
        lab.client("iam")
        .get_paginator("simulate_custom_policy")
        .paginate(PolicyInputList=[document(allow("ecr:*"))], ActionNames=actions, PaginationConfig={"PageSize": 10})
    )
    sizes, names = [], []
    for page in pages:
        sizes.append(len(page["EvaluationResults"]))
        names += [result["EvalActionName"] for result in page["EvaluationResults"]]
    assert (sizes, names) == ([10, 10, 5], actions)


ARN = "arn:aws:iam::123456789012:"
WRONG: dict[str, tuple[dict[str, Any], str, str]] = {
    "a session": (
        {"PolicySourceArn": "arn:aws:sts::123456789012:assumed-role/deploy/x"},
        "InvalidInput",
        "Invalid Entity Arn: arn:aws:sts::123456789012:assumed-role/deploy/x does not clearly define entity type and "
        "name.",
    ),
    "nobody": ({"PolicySourceArn": ARN + "user/ghost"}, "NoSuchEntity", "The user with name ghost cannot be found."),
    "a role with a resource policy": (
        {"PolicySourceArn": ARN + "role/deploy", "ResourcePolicy": document(), "ResourceArns": [STEM + "app"]},
        "InvalidInput",
        "Invalid caller - Caller must be an IAM user in this context.",
    ),
    "no policy at all": (
        {"PolicySourceArn": ARN + "user/ci", "PolicyInputList": ["{"]},
        "InvalidInput",
        "Invalid Input Policy: PolicyInputList.1: This policy contains invalid Json",
    ),
    "a pattern": (
        {"PolicySourceArn": ARN + "user/ci", "ActionNames": ["ecr:*"]},
        "InvalidInput",
        "Invalid Action Name: ecr:*",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_cannot_be_simulated(lab: Any, case: str) -> None:
    params, code, message = WRONG[case]
    trust = document({"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"})
    lab.client("iam").create_role(RoleName="deploy", AssumeRolePolicyDocument=trust)
    with pytest.raises(ClientError) as caught:
        lab.client("iam").simulate_principal_policy(**{"ActionNames": ["ecr:PutImage"], **params})
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["Error"]["Message"] == message


def test_simulating_needs_its_own_right(lab: Any) -> None:
    arn = "arn:aws:iam::123456789012:user/ci"
    with pytest.raises(ClientError, match=f"iam:SimulatePrincipalPolicy on resource: {arn}"):
        lab.client("iam", "ci").simulate_principal_policy(PolicySourceArn=arn, ActionNames=["ecr:PutImage"])
