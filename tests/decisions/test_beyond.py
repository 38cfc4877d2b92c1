"""POST beyond and the helper for judges, over HTTP, with policies put by the API; the rows are in tests/surplus."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecrlab.client import LabError
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.toolbox.lab import Lab

APP = "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app"
PULL = ("ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
WANTED = Wanted("ops", (Grant(PULL, APP), Grant("ecr:GetAuthorizationToken")))


def give(lab: Lab, *statements: dict[str, Any]) -> None:
    iam = lab.client("iam")
    for row in iam.list_attached_user_policies(UserName="ops")["AttachedPolicies"]:
        iam.detach_user_policy(UserName="ops", PolicyArn=row["PolicyArn"])
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    iam.put_user_policy(UserName="ops", PolicyName="pull", PolicyDocument=json.dumps(document))


LOGIN = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
PULLS = {"Effect": "Allow", "Action": list(PULL), "Resource": APP}


def test_what_was_asked_for_exactly(lab: Lab) -> None:
    give(lab, LOGIN, PULLS)
    before = lab.last()
    found = beyond(lab, WANTED)
    assert (found.verdict, found.exactly, found.wider, found.text, found.remarks) == (
        "nothing wider",
        True,
        False,
        "",
        (),
    )
    assert lab.last() == before
    give(lab, PULLS)
    found = beyond(lab, WANTED)
    assert not found.exactly
    assert [(each["who"], each["action"]) for each in found.missing] == [("user/ops", "ecr:GetAuthorizationToken")]


def test_wider_says_what_and_which_statement(lab: Lab) -> None:
    give(lab, LOGIN, PULLS, {"Sid": "Tidy", "Effect": "Allow", "Action": "ecr:*", "Resource": APP})
    found = beyond(lab, WANTED)
    assert (found.wider, found.who, found.action, found.on) == (
        True,
        "user/ops",
        "ecr:SetRepositoryPolicy",
        "my-web-app",
    )
    assert (found.statement, found.place, found.written) == (
        '"Tidy"',
        "the identity-based policy pull of user ops",
        "ecr:*",
    )
    assert found.text == (
        '`user/ops` may do `ecr:SetRepositoryPolicy` on `my-web-app`: statement "Tidy" of the identity-based policy '
        "pull of user ops allows it."
    )


def test_another_account_and_a_role(lab: Lab) -> None:
    shared = {"Effect": "Allow", "Principal": "*", "Action": list(PULL)}
    lab.client("ecr").set_repository_policy(
        repositoryName="my-web-app", policyText=json.dumps({"Version": "2012-10-17", "Statement": [shared]})
    )
    give(lab, LOGIN, PULLS)
    found = beyond(lab, WANTED)
    assert (found.who, found.half, found.place) == (
        "anybody in an account that nobody named (such as 111122223333)",
        "resource",
        "the repository policy of my-web-app",
    )
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:user/ci"}, "Action": "sts:AssumeRole"}
    role = lab.client("iam").create_role(
        RoleName="releaser",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )["Role"]["Arn"]
    assert beyond(lab, Wanted((), Grant("sts:AssumeRole", role, who="ci"), doors=role)).exactly


def test_a_wish_about_nobody_is_refused(lab: Lab) -> None:
    with pytest.raises(LabError, match="There is no principal 'nobody'"):
        beyond(lab, Wanted("nobody", Grant("ecr:PutImage")))
    with pytest.raises(LabError, match="wanted is an object with may"):
        lab.control.beyond({"who": "ops"})
