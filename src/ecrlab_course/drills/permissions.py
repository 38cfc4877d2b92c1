"""Policies as the drills about permissions write them, in either account of the drills."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from ecrlab_course.drills.account import ACCOUNT, VERSION, DrillLab, policy

Statement = Mapping[str, Any]


def user_arn(name: str, account: str = ACCOUNT) -> str:
    """Return a user's ARN."""
    return f"arn:aws:iam::{account}:user/{name}"


def role_arn(name: str, account: str = ACCOUNT) -> str:
    """Return a role's ARN."""
    return f"arn:aws:iam::{account}:role/{name}"


def deny(actions: str | Sequence[str], resources: str | Sequence[str] = "*", **more: Any) -> dict[str, Any]:
    """Return a Deny statement; `more` are further elements, such as Sid."""
    return {**more, "Effect": "Deny", "Action": actions, "Resource": resources}


def let_in(who: str | Sequence[str], actions: str | Sequence[str], **more: Any) -> dict[str, Any]:
    """Return a statement of a policy on a repository: these principals (ARNs, or "*") may do that there."""
    principal = "*" if who == "*" else {"AWS": who}
    return {**more, "Effect": "Allow", "Principal": principal, "Action": actions}


def trust(*principals: str, condition: Mapping[str, Any] | None = None) -> str:
    """Return a trust policy that lets these principals (ARNs) assume a role."""
    statement = {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "sts:AssumeRole"}
    if condition:
        statement["Condition"] = dict(condition)
    return json.dumps({"Version": VERSION, "Statement": [statement]})


def put(lab: DrillLab, user: str, *statements: Statement, name: str = "work", profile: str = "admin") -> None:
    """Write an inline policy of a user; `profile` is the administrator whose account it is."""
    lab.client("iam", profile).put_user_policy(UserName=user, PolicyName=name, PolicyDocument=policy(*statements))


def share(lab: DrillLab, repository: str, *statements: Statement, region: str = "us-east-1") -> None:
    """Write the policy of a repository."""
    lab.client("ecr", region=region).set_repository_policy(repositoryName=repository, policyText=policy(*statements))


def refusal(call: Callable[[], object]) -> str:
    """Make a request and return AWS's sentence when it was refused; "" when it was not."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Message"])
    return ""


def passing(lab: DrillLab, limit: str, actions: Sequence[str], resources: Sequence[str]) -> set[tuple[str, str]]:
    """Return what a limiting policy alone lets through, as (action, resource): somebody below it may do everything.

    A permissions boundary, a session policy and the policy of an endpoint are each judged so (facts I005, I009).
    Raises ValueError when the text is not a policy.
    """
    try:
        answer = lab.client("iam").simulate_custom_policy(
            PolicyInputList=[policy({"Effect": "Allow", "Action": "*", "Resource": "*"})],
            PermissionsBoundaryPolicyInputList=[limit],
            ActionNames=list(actions),
            ResourceArns=list(resources),
            MaxItems=1000,
        )
    except ClientError as error:
        raise ValueError(error.response["Error"]["Message"]) from None
    return {
        (each["EvalActionName"], place["EvalResourceName"])
        for each in answer["EvaluationResults"]
        for place in each.get("ResourceSpecificResults", [{**each, "EvalResourceDecision": each["EvalDecision"]}])
        if place["EvalResourceDecision"] == "allowed"
    }
