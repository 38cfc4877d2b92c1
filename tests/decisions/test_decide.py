"""POST decide: the answer is that of a real request, as if other policies stood there, and with what would fix it."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecrlab.client import LabError, decision_text
from ecrlab_course.toolbox.lab import Lab

STEM = "arn:aws:ecr:us-east-1:123456789012:repository/"
APP = STEM + "my-web-app"


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def allow(action: object, resource: object = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


@pytest.mark.parametrize("person", ["admin", "developer", "ci", "ops", "auditor", "partner"])
def test_a_question_is_answered_as_the_request_is(lab: Lab, person: str) -> None:
    ecr = lab.client("ecr", person)
    requests = {
        "ListImages": lambda: ecr.list_images(repositoryName="my-web-app", registryId="123456789012"),
        "BatchGetImage": lambda: ecr.batch_get_image(
            repositoryName="my-web-app", registryId="123456789012", imageIds=[{"imageTag": "1"}]
        ),
        "InitiateLayerUpload": lambda: ecr.initiate_layer_upload(
            repositoryName="my-web-app", registryId="123456789012"
        ),
        "GetAuthorizationToken": ecr.get_authorization_token,
    }
    for action, ask in requests.items():
        answer = lab.control.decide(person, f"ecr:{action}", "my-web-app")
        said = ""
        try:
            ask()
        except ClientError as error:
            said = error.response["Error"]["Message"]
        assert answer["message"] == said
        assert answer["allowed"] is (said == "")


def test_a_question_leaves_no_row(lab: Lab) -> None:
    before = lab.last()
    lab.control.decide("ops", "ecr:PutImage", "my-web-app")
    assert lab.last() == before


@pytest.mark.parametrize(
    ("name", "arn"),
    [
        ("ops", "arn:aws:iam::123456789012:user/ops"),
        ("user/ops", "arn:aws:iam::123456789012:user/ops"),
        ("partner", "arn:aws:iam::444455556666:user/partner"),
        ("444455556666:user/partner", "arn:aws:iam::444455556666:user/partner"),
        ("arn:aws:iam::123456789012:user/ci", "arn:aws:iam::123456789012:user/ci"),
        ("root", "arn:aws:iam::123456789012:root"),
    ],
)
def test_names_of_principals(lab: Lab, name: str, arn: str) -> None:
    assert lab.control.decide(name, "GetAuthorizationToken")["principal"] == arn


def test_a_role_answers_as_its_session(lab: Lab) -> None:
    iam = lab.client("iam")
    trust = policy({"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"})
    iam.create_role(RoleName="deployer", AssumeRolePolicyDocument=json.dumps(trust))
    iam.put_role_policy(
        RoleName="deployer", PolicyName="push", PolicyDocument=json.dumps(policy(allow("ecr:PutImage", APP)))
    )
    answer = lab.control.decide("role/deployer", "ecr:PutImage", "my-web-app")
    assert answer["allowed"]
    assert answer["principal"] == "arn:aws:sts::123456789012:assumed-role/deployer/ecrlab"
    narrow = json.dumps(policy(allow("ecr:ListImages")))
    sts = lab.client("sts")
    sts.assume_role(RoleArn="arn:aws:iam::123456789012:role/deployer", RoleSessionName="build-42", Policy=narrow)
    live = lab.control.decide("arn:aws:sts::123456789012:assumed-role/deployer/build-42", "ecr:PutImage", "my-web-app")
    assert (live["verdict"], live["policy_type"]) == ("ImplicitlyDenied", "session")
    assume = lab.control.decide("ci", "sts:AssumeRole", "role/deployer")
    assert assume["policy_type"] == "identity-based"
    assert assume["suggestion"]["enough"]
    assert assume["suggestion"]["statements"][0]["statement"]["Resource"] == "arn:aws:iam::123456789012:role/deployer"


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (("opps", "ecr:PutImage", "my-web-app"), "users: admin, auditor, ci, developer, ops"),
        (("group/ops", "ecr:PutImage", "my-web-app"), "A group makes no requests"),
        (("ops", "ecr:GetAuthToken", "*"), "Near to it: ecr:GetAuthorizationToken"),
        (("ops", "ecr:*", "*"), "is a pattern"),
        (("ops", "s3:GetObject", "*"), "has no service 's3'"),
        (("ops", "ecr:PutImage", "my-web-ap"), "Did you mean my-web-app?"),
        (("ops", "ecr:PutImage", "arn:aws:ecr:us-east-1"), "not a whole ARN"),
        (("ops", "iam:GetUser", "user/nobody"), "users admin, auditor, ci, developer, ops"),
    ],
)
def test_what_is_not_there_is_said_with_what_is(lab: Lab, question: tuple[str, str, str], words: str) -> None:
    with pytest.raises(LabError, match=words.replace("?", r"\?")):
        lab.control.decide(*question)


@pytest.mark.parametrize("body", [[], {}, {"principal": 7}, {"questions": 1}, {"questions": [{}], "edits": {}}])
def test_a_body_that_is_none_is_refused(lab: Lab, body: Any) -> None:
    with pytest.raises(LabError):
        lab.control._call("POST", "/_ecrlab/decide", body)


def test_notes_say_how_a_resource_was_read(lab: Lab) -> None:
    assert "always *" in lab.control.decide("ops", "GetAuthorizationToken", "my-web-app")["notes"][0]
    missing = lab.control.decide("admin", "PutImage", STEM + "tomorrow")
    assert missing["allowed"]
    assert "no repository tomorrow" in missing["notes"][0]
    address = "localhost:4510/123456789012.dkr.ecr.us-east-1.amazonaws.com/my-web-app:1.0"
    assert lab.control.decide("ops", "PutImage", address)["resource"] == APP


def test_the_smallest_statement_fixes_and_nothing_less_is_asked(lab: Lab) -> None:
    answer = lab.control.decide("ops", "ecr:PutImage", "my-web-app")
    suggestion = answer["suggestion"]
    assert suggestion["enough"]
    assert suggestion["statements"][0]["statement"] == {"Effect": "Allow", "Action": "ecr:PutImage", "Resource": APP}
    assert suggestion["warning"] == ""
    assert len(suggestion["set"]["actions"]) == 5
    document = json.dumps(policy(suggestion["set"]["statement"]))
    lab.client("iam").put_user_policy(UserName="ops", PolicyName="suggestion", PolicyDocument=document)
    lab.push("my-web-app", "1", profile="ops")
    assert not lab.control.decide("ops", "ecr:PutImage", "billing")["allowed"]


def test_a_fix_is_marked_when_it_is_wider_than_needed(lab: Lab) -> None:
    every = lab.control.decide("ops", "ecr:DescribeRepositories")
    assert "also those made later" in every["suggestion"]["warning"]
    conditioned = {**allow("ecr:PutImage", APP), "Condition": {"StringEquals": {"aws:ResourceTag/team": "blue"}}}
    lab.client("iam").put_user_policy(UserName="ops", PolicyName="p", PolicyDocument=json.dumps(policy(conditioned)))
    warned = lab.control.decide("ops", "ecr:PutImage", "my-web-app")["suggestion"]["warning"]
    assert "StringEquals on aws:ResourceTag/team" in warned
    assert (
        "hand out rights" in lab.control.decide("ops", "ecr:SetRepositoryPolicy", "my-web-app")["suggestion"]["warning"]
    )


def test_a_deny_has_no_statement_that_fixes_it(lab: Lab) -> None:
    deny = {"Effect": "Deny", "Action": "ecr:*", "Resource": "*"}
    lab.client("iam").put_user_policy(UserName="ops", PolicyName="no", PolicyDocument=json.dumps(policy(deny)))
    answer = lab.control.decide("ops", "ecr:BatchGetImage", "my-web-app")
    assert (answer["verdict"], answer["suggestion"]["enough"], answer["suggestion"]["statements"]) == (
        "ExplicitlyDenied",
        False,
        [],
    )
    assert "No Allow can lift a Deny" in answer["suggestion"]["advice"]
    assert [row["decided"] for row in answer["statements"]] == [True, False]


def test_two_sides_are_two_statements(lab: Lab) -> None:
    lab.client("iam", "partner").detach_user_policy(
        UserName="partner", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    suggestion = lab.control.decide("partner", "ecr:BatchGetImage", "my-web-app")["suggestion"]
    assert not suggestion["enough"]
    assert [piece["policy_type"] for piece in suggestion["statements"]] == ["resource-based", "identity-based"]
    ours = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444455556666:user/partner"}}
    assert suggestion["statements"][0]["statement"] == {**ours, "Action": "ecr:BatchGetImage"}


def test_a_wider_statement_is_told_what_else_it_opens(lab: Lab) -> None:
    def proposed(statement: dict[str, Any], who: str = "ops") -> dict[str, Any]:
        found: dict[str, Any] = lab.control.decide(who, "ecr:PutImage", "my-web-app", statement=statement)["proposal"]
        return found

    exact = proposed(allow("ecr:PutImage", APP))
    assert (exact["enough"], exact["count"], exact["warning"]) == (True, 0, "")
    wide = proposed(allow("ecr:*"))
    assert wide["enough"]
    assert {"ecr:BatchDeleteImage"} <= {each["action"] for each in wide["opens"]}
    assert "ecr:BatchDeleteImage on billing" in wide["warning"]
    useless = proposed(allow("ecr:PutImage", STEM + "other"))
    assert (useless["enough"], useless["count"]) == (False, 0)
    everybody = proposed({"Effect": "Allow", "Principal": "*", "Action": "ecr:PutImage"}, "partner")
    assert everybody["enough"]
    assert "111122223333" in everybody["warning"]
    named = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::444455556666:user/partner"},
        "Action": "ecr:PutImage",
    }
    assert proposed(named, "partner")["warning"] == ""
    with pytest.raises(LabError, match="The statement is none"):
        proposed({"Effect": "Perhaps"})


def test_as_if_saved_is_what_saving_does(lab: Lab) -> None:
    document = policy(allow("ecr:PutImage", APP), {"Effect": "Deny", "Action": "ecr:BatchGetImage", "Resource": "*"})
    questions = [
        (who, action, name)
        for who in ("ops", "ci", "admin", "partner")
        for action in ("ecr:PutImage", "ecr:BatchGetImage")
        for name in ("my-web-app", "billing")
    ]
    edit = {"user": "ops", "policy": "p", "document": document}
    before = lab.control.decide_all(questions)
    as_if = lab.control.decide_all(questions, [edit])
    assert lab.control.decide_all(questions) == before != as_if
    lab.client("iam").put_user_policy(UserName="ops", PolicyName="p", PolicyDocument=json.dumps(document))
    assert lab.control.decide_all(questions) == as_if
    assert lab.control.decide_all(questions, [{**edit, "document": None}]) == before
    theirs = {"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "ecr:BatchGetImage"}
    shared = {"repository": "my-web-app", "document": policy(theirs)}
    opened = lab.control.decide_all(
        [("partner", "BatchGetImage", "my-web-app"), ("partner", "PutImage", "my-web-app")], [shared]
    )
    assert [each["allowed"] for each in opened] == [True, False]


def test_whole_layers_may_be_replaced(lab: Lab) -> None:
    everything, pull = policy(allow("*")), policy(allow("ecr:BatchGetImage"))
    ask = lab.control.decide
    assert ask("ops", "PutImage", "my-web-app", policies={"identity": everything})["allowed"]
    capped = ask("ops", "PutImage", "my-web-app", policies={"identity": [everything], "boundary": pull})
    assert capped["policy_type"] == "permissions boundary"
    assert ask("ops", "PutImage", "my-web-app", policies={"session": pull})["policy_type"] == "identity-based"
    assert not ask("admin", "PutImage", "my-web-app", policies={"identity": []})["allowed"]
    with pytest.raises(LabError, match="Policy document should not specify a principal"):
        ask("ops", "PutImage", "my-web-app", policies={"identity": policy({**allow("*"), "Principal": "*"})})


def test_context_is_added_and_taken_away(lab: Lab) -> None:
    near = {**allow("ecr:PutImage"), "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}}

    def ask(**context: Any) -> dict[str, Any]:
        return lab.control.decide("ops", "PutImage", "my-web-app", policies={"identity": policy(near)}, **context)

    assert not ask()["allowed"]
    assert ask(context={"aws:SourceIp": "192.0.2.7"})["allowed"]
    gone = ask(context={"aws:SourceIp": None})
    assert "aws:SourceIp" not in gone["context"]
    assert "the request has no such key" in gone["statements"][0]["why"]


def test_rows_of_the_xray_open(lab: Lab) -> None:
    after = lab.last()
    with pytest.raises(ClientError):
        lab.client("ecr", "ops").list_images(repositoryName="my-web-app")
    lab.client("ecr", "ops").get_authorization_token()
    denied, allowed = lab.control.xray(after, opened=True)["rows"]
    found = denied["decisions"][0]["opened"]
    assert found["policy_type"] == "identity-based"
    assert found["suggestion"]["statements"][0]["statement"]["Action"] == "ecr:ListImages"
    assert found["context"]["aws:username"] == "ops"
    assert found["statements"][0]["mismatch"] == "action"
    good = allowed["decisions"][0]["opened"]
    assert [row["decided"] for row in good["statements"]] == [True]
    assert "opened" not in lab.control.xray(after)["rows"][1]["decisions"][0]


def test_a_row_opens_by_the_policies_of_its_time(lab: Lab) -> None:
    """Nobody looked before the policy was changed, and still it tells what was missing then."""
    after = lab.last()
    with pytest.raises(ClientError):
        lab.client("ecr", "ops").list_images(repositoryName="my-web-app")
    lab.client("iam").put_user_policy(
        UserName="ops", PolicyName="all", PolicyDocument=json.dumps(policy(allow("ecr:*")))
    )
    opened = lab.control.xray(after)["rows"][0]["decisions"][0]["opened"]
    assert opened["suggestion"]["statements"][0]["statement"]["Action"] == "ecr:ListImages"
    assert "ecr:*" not in json.dumps(opened["statements"])


def test_root_assumes_no_role_and_nothing_fixes_that(lab: Lab) -> None:
    iam = lab.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="for-nobody", AssumeRolePolicyDocument=json.dumps(policy(trust)))
    try:
        answer = lab.control.decide("root", "sts:AssumeRole", "role/for-nobody")
        assert lab.control.decide("admin", "sts:AssumeRole", "role/for-nobody")["allowed"]
    finally:
        iam.delete_role(RoleName="for-nobody")
    assert (answer["allowed"], answer["verdict"]) == (False, "ImplicitlyDenied")
    assert answer["message"] == answer["reason"] == "Roles may not be assumed by root accounts."
    assert answer["suggestion"]["statements"] == []
    said = decision_text.text(answer)
    assert said.startswith("✗ not allowed: root may not sts:AssumeRole on role/for-nobody")
    assert "Blocked by" not in said


def test_public_repositories(lab: Lab) -> None:
    public = lab.client("ecr-public")
    public.create_repository(repositoryName="hello")
    arn = "arn:aws:ecr-public::123456789012:repository/hello"
    for name in ("hello", "repository/hello", arn):
        answer = lab.control.decide("ci", "ecr-public:PutImage", name)
        assert (answer["resource"], answer["allowed"]) == (arn, False)
    statement = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:user/ci"}}
    policy = {"Version": "2012-10-17", "Statement": [{**statement, "Action": "ecr-public:PutImage"}]}
    public.set_repository_policy(repositoryName="hello", policyText=json.dumps(policy))
    for name in ("hello", arn):
        assert lab.control.decide("ci", "ecr-public:PutImage", name)["allowed"]
    assert not lab.control.decide("ci", "ecr-public:PutImage", arn.replace("hello", "other"))["allowed"]
    partner = lab.control.decide("partner", "ecr-public:PutImage", arn)
    assert not partner["allowed"]


# Many, and only whether ----------------------------------------------------------------------------------------------


def test_what_is_asked_again_is_answered_by_what_stands_there_now(lab: Lab) -> None:
    """`allowed` says what `decide_all` says, before and after each change that speaks of a question."""
    iam, ecr = lab.client("iam"), lab.client("ecr")
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::123456789012:user/ops"}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="releaser", AssumeRolePolicyDocument=json.dumps(policy(trust)))
    role = "arn:aws:iam::123456789012:role/releaser"
    nobody = json.dumps(policy({**trust, "Effect": "Deny"}))
    named = {**allow("ecr:GetDownloadUrlForLayer"), "Principal": {"AWS": "arn:aws:iam::444455556666:root"}}
    del named["Resource"]
    tagged = {**allow("ecr:DeleteRepository", APP), "Condition": {"StringEquals": {"aws:ResourceTag/team": "web"}}}
    early = {
        **allow("ecr:BatchDeleteImage"),
        "Condition": {"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
    }
    late = {**early, "Condition": {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}}
    group, after = "operators", lab.clock.now() + timedelta(hours=1)
    timed = {**early, "Condition": {"DateGreaterThan": {"aws:CurrentTime": after.isoformat()[:19] + "Z"}}}

    def put(*statements: dict[str, Any]) -> None:
        iam.put_group_policy(GroupName=group, PolicyName="work", PolicyDocument=json.dumps(policy(*statements)))

    steps = [
        lambda: iam.create_group(GroupName=group),
        lambda: iam.add_user_to_group(GroupName=group, UserName="ops"),
        lambda: put(allow("ecr:*", APP)),
        lambda: put(tagged),
        lambda: ecr.tag_resource(resourceArn=APP, tags=[{"Key": "team", "Value": "web"}]),
        lambda: put(early),
        lambda: put(late),
        lambda: put(timed),
        lambda: lab.clock.advance(hours=2),
        lambda: ecr.set_repository_policy(repositoryName="my-web-app", policyText=json.dumps(policy(named))),
        lambda: ecr.put_registry_policy(policyText=json.dumps(policy({**named, "Resource": "*"}))),
        lambda: iam.tag_user(UserName="ops", Tags=[{"Key": "team", "Value": "web"}]),
        lambda: iam.update_assume_role_policy(RoleName="releaser", PolicyDocument=nobody),
        lambda: iam.remove_user_from_group(GroupName=group, UserName="ops"),
    ]  # fmt: skip
    who = ("user/ops", "user/ci", "role/releaser", "444455556666:user/partner")
    actions = [name for name, kind in lab.control.actions().items() if name.startswith("ecr:") and kind != "*"]
    questions = [(each, action, place) for each in who for action in actions for place in (APP, STEM + "new/one")]
    questions += [(each, "sts:AssumeRole", role) for each in who] + [(each, "iam:CreateUser", "*") for each in who]
    seen = set()
    for step in steps:
        step()
        answers = [each["allowed"] for each in lab.control.decide_all(questions)]
        assert lab.control.allowed(questions) == answers
        assert lab.control.allowed(questions) == answers, "asked once more"
        seen.add(tuple(answers))
    assert len(seen) == 8, "some steps take back what another gave"


def test_many_at_once_are_lists_of_three_texts(lab: Lab) -> None:
    with pytest.raises(LabError, match="There is no action"):
        lab.control.allowed([("ops", "ecr:PutImages", APP)])
    with pytest.raises(LabError, match="list of three texts"):
        lab.control.allowed([("ops", "ecr:PutImage")])  # type: ignore[list-item]
