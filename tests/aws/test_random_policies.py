"""Random policies over HTTP: every principal is allowed and denied exactly as `evaluate` says of the documents.

The expectation is worked out here from the documents alone. A second part sends documents that a fuzzer spoilt.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

from ecrlab.policy import Attached, Policies, Policy, PolicyError, Request, evaluate, parse_policy, union

OURS, THEIRS = "123456789012", "444455556666"
STEM = f"arn:aws:ecr:us-east-1:{OURS}:repository/"
REPOSITORIES = {"blue/app": {"team": "blue"}, "red/app": {"team": "red"}, "plain": {}}
SHARE = 1.0 if os.environ.get("ECRLAB_EVERY") else 0.3
"""How much of it all is done: ECRLAB_EVERY=1, as `make soak` sets it, does all."""
ROUNDS = round(80 * SHARE)
PER_ROUND = 12
SPOILT = round(700 * SHARE)

Ask = Callable[[Any, str], object]
IMAGE = {"imageTag": "none"}
LAYER = "sha256:" + "0" * 64
# What is asked of ECR about a repository; whether there is an answer does not matter, only whether it is allowed.
QUESTIONS: dict[str, Ask] = {
    "ecr:ListImages": lambda ecr, name: ecr.list_images(registryId=OURS, repositoryName=name),
    "ecr:DescribeImages": lambda ecr, name: ecr.describe_images(registryId=OURS, repositoryName=name),
    "ecr:BatchGetImage": lambda ecr, name: ecr.batch_get_image(registryId=OURS, repositoryName=name, imageIds=[IMAGE]),
    "ecr:BatchCheckLayerAvailability": lambda ecr, name: ecr.batch_check_layer_availability(
        registryId=OURS, repositoryName=name, layerDigests=[LAYER]
    ),
    "ecr:GetRepositoryPolicy": lambda ecr, name: ecr.get_repository_policy(registryId=OURS, repositoryName=name),
    "ecr:DescribeRepositories": lambda ecr, name: ecr.describe_repositories(registryId=OURS, repositoryNames=[name]),
    "ecr:ListTagsForResource": lambda ecr, name: ecr.list_tags_for_resource(resourceArn=STEM + name),
}


@dataclass
class Person:
    """One principal: its clients, its ARN, what follows from its identity, and the documents in force for it."""

    arn: str
    ecr: Any
    context: dict[str, str]
    identity: list[str] = field(default_factory=list)
    boundary: str | None = None
    session: str | None = None

    def policies(self, resource: str | None) -> Policies:
        def read(text: str | None, kind: Any) -> Policy | None:
            return parse_policy(text, kind) if text else None

        boundary = read(self.boundary, "boundary")
        return Policies(
            identity=tuple(Attached(parse_policy(text), None, "random", "") for text in self.identity),
            resource=read(resource, "resource"),
            boundary=Attached(boundary, None, "edge", "") if boundary else None,
            session=union(parse_policy(self.session, "session")) if self.session else None,
        )


# ---------------------------------------------------------------------------------------------------- random documents


class Writer:
    """Writes random documents about the questions, so that about half of them are decided by something."""

    def __init__(self, seed: int, principals: list[str]) -> None:
        self.random = random.Random(seed)
        self.principals = principals

    def _some(self, values: list[str], most: int = 3) -> str | list[str]:
        chosen = self.random.sample(values, self.random.randint(1, min(most, len(values))))
        return chosen[0] if len(chosen) == 1 and self.random.random() < 0.5 else chosen

    def _actions(self, broad: bool) -> str | list[str]:
        names = [*QUESTIONS, "ecr:List*", "ecr:Describe*", "ECR:batch*", "ecr:*Image?", "ecr:Get*Policy"]
        names += ["*", "ecr:*", "ecr:GetAuthorizationToken"] if broad else []
        return self._some(names, 4)

    def _resources(self) -> str | list[str]:
        return self._some(
            [
                "*",
                STEM + "*",
                STEM + "blue/*",
                STEM + "*/app",
                STEM + "red/app",
                STEM + "pl?in",
                STEM + "${aws:PrincipalTag/team}/app",
                STEM + "${aws:username}",
                f"arn:aws:ecr:*:{OURS}:repository/red/*",
                f"arn:aws:ecr:eu-west-1:{OURS}:repository/*",
                "arn:aws:ecr:us-east-1:*:repository/blue/app",
            ]
        )

    def _condition(self) -> dict[str, Any]:
        return self.random.choice(
            [
                {"StringEquals": {"aws:ResourceTag/team": "blue"}},
                {"StringEquals": {"ecr:ResourceTag/team": "${aws:PrincipalTag/team}"}},
                {"StringNotEquals": {"aws:ResourceTag/team": ["red", "green"]}},
                {"StringLike": {"aws:username": ["a*", "p?rtner"]}},
                {"StringLikeIfExists": {"aws:username": "b*"}},
                {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OURS}:role/*"}},
                {"ArnNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{OURS}:user/ann"}},
                {"StringEquals": {"aws:RequestedRegion": ["us-east-1", "eu-west-1"]}},
                {"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}},
                {"NotIpAddress": {"aws:SourceIp": "127.0.0.1/32"}},
                {"Bool": {"aws:SecureTransport": "true"}},
                {"Bool": {"aws:SecureTransport": "false"}},
                {"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
                {"DateLessThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}},
                {"NumericGreaterThan": {"aws:EpochTime": "1500000000"}},
                {"Null": {"aws:PrincipalTag/team": "true"}},
                {"Null": {"aws:TokenIssueTime": "false"}},
                {"StringEquals": {"aws:PrincipalAccount": THEIRS}},
                {"StringEquals": {"aws:ResourceAccount": "${aws:PrincipalAccount}"}},
                {"ForAnyValue:StringEquals": {"aws:PrincipalType": ["User", "AssumedRole"]}},
            ]
        )

    def _statement(self, kind: str) -> dict[str, Any]:
        # Admin has to go on changing repository policies: those say nothing about everything.
        broad = kind != "resource"
        deny = self.random.random() < 0.25
        found: dict[str, Any] = {"Effect": "Deny" if deny else "Allow"}
        negated = broad and self.random.random() < 0.15
        found["NotAction" if negated else "Action"] = self._actions(broad)
        if kind == "resource":
            element = "NotPrincipal" if deny and self.random.random() < 0.2 else "Principal"
            chosen = self._some(self.principals)
            found[element] = "*" if chosen == "*" else {"AWS": chosen}
        else:
            found["NotResource" if self.random.random() < 0.15 else "Resource"] = self._resources()
        if self.random.random() < 0.5:
            found["Condition"] = self._condition()
        return found

    def document(self, kind: str = "identity", most: int = 4) -> str:
        statements = [self._statement(kind) for _ in range(self.random.randint(1, most))]
        version = {} if self.random.random() < 0.1 else {"Version": "2012-10-17"}
        return json.dumps({**version, "Statement": statements if len(statements) > 1 else statements[0]})


# ----------------------------------------------------------------------------------------------------------- the world


class World:
    """Users with groups and a boundary, a role's sessions, and a user of another account."""

    def __init__(self, lab: Any, seed: int) -> None:
        self.lab = lab
        self.iam = lab.client("iam")
        self.ecr = lab.client("ecr")
        for name, tags in REPOSITORIES.items():
            self.ecr.create_repository(
                repositoryName=name, tags=[{"Key": key, "Value": value} for key, value in tags.items()]
            )
        self.ann = self._user("ann", self.iam, OURS, "blue")
        self.bob = self._user("bob", self.iam, OURS, "red")
        self.cat = self._user("cat", lab.client("iam", "partner"), THEIRS, None)
        self.iam.create_group(GroupName="devs")
        self.iam.add_user_to_group(GroupName="devs", UserName="ann")
        self.edge = self._policy("edge", "ecr:*")
        self.iam.put_user_permissions_boundary(UserName="bob", PermissionsBoundary=self.edge)
        trust = {"Effect": "Allow", "Principal": {"AWS": OURS}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
        self.role = self.iam.create_role(
            RoleName="deploy",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
            Tags=[{"Key": "team", "Value": "red"}],
        )["Role"]
        self.managed = self._policy("shared", "ecr:ListImages")
        self.iam.attach_role_policy(RoleName="deploy", PolicyArn=self.managed)
        session = f"arn:aws:sts::{OURS}:assumed-role/deploy/run"
        self.writer = Writer(
            seed,
            [
                *(person.arn for person in (self.ann, self.bob, self.cat)),
                OURS, f"arn:aws:iam::{THEIRS}:root", self.role["Arn"], session, "*",
            ],
        )  # fmt: skip
        self.documents = 0

    def _policy(self, name: str, action: str) -> str:
        statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
        text = json.dumps({"Version": "2012-10-17", "Statement": statement})
        return str(self.iam.create_policy(PolicyName=name, PolicyDocument=text)["Policy"]["Arn"])

    def _user(self, name: str, iam: Any, account: str, team: str | None) -> Person:
        tags = [{"Key": "team", "Value": team}] if team else []
        user = iam.create_user(UserName=name, Tags=tags)["User"]
        key = iam.create_access_key(UserName=name)["AccessKey"]
        context = {
            "aws:PrincipalArn": user["Arn"],
            "aws:PrincipalAccount": account,
            "aws:PrincipalType": "User",
            "aws:userid": user["UserId"],
            "aws:username": name,
        }
        context |= {"aws:PrincipalTag/team": team} if team else {}
        client = self.lab.client_with("ecr", key["AccessKeyId"], key["SecretAccessKey"])
        return Person(user["Arn"], client, context)

    def _replace(self, arn: str, text: str) -> None:
        """Make ``text`` the managed policy's default version, without coming to its five versions."""
        for version in self.iam.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not version["IsDefaultVersion"]:
                self.iam.delete_policy_version(PolicyArn=arn, VersionId=version["VersionId"])
        self.iam.create_policy_version(PolicyArn=arn, PolicyDocument=text, SetAsDefault=True)

    def _text(self, kind: str = "identity", most: int = 4) -> str:
        self.documents += 1
        return self.writer.document(kind, most)

    def change(self) -> tuple[list[Person], dict[str, str | None]]:
        """Put new random documents everywhere; return the principals and the repositories' policies."""
        own, group, bobs, edge, cats = (self._text() for _ in range(5))
        self.iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=own)
        self.iam.put_group_policy(GroupName="devs", PolicyName="group", PolicyDocument=group)
        self.iam.put_user_policy(UserName="bob", PolicyName="own", PolicyDocument=bobs)
        self._replace(self.edge, edge)
        partner = self.lab.client("iam", "partner")
        partner.put_user_policy(UserName="cat", PolicyName="own", PolicyDocument=cats)
        inline, shared = self._text(), self._text()
        self.iam.put_role_policy(RoleName="deploy", PolicyName="inline", PolicyDocument=inline)
        self._replace(self.managed, shared)
        self.ann.identity, self.bob.identity, self.cat.identity = [own, group], [bobs], [cats]
        self.bob.boundary = edge
        runner = self._session([inline, shared])
        policies: dict[str, str | None] = {}
        for name in REPOSITORIES:
            policies[name] = self._text("resource") if self.writer.random.random() < 0.7 else None
            text = policies[name]
            if text:
                self.ecr.set_repository_policy(repositoryName=name, policyText=text)
            else:
                with contextlib.suppress(self.ecr.exceptions.RepositoryPolicyNotFoundException):
                    self.ecr.delete_repository_policy(repositoryName=name)
        return [self.ann, self.bob, self.cat, runner], policies

    def _session(self, identity: list[str]) -> Person:
        limit = self._text(most=2) if self.writer.random.random() < 0.5 else None
        more: dict[str, Any] = {"Policy": limit} if limit else {}
        team = "red"
        if self.writer.random.random() < 0.3:
            team = "blue"
            more["Tags"] = [{"Key": "Team", "Value": team}]
        made = self.lab.client("sts").assume_role(RoleArn=self.role["Arn"], RoleSessionName="run", **more)
        keys = made["Credentials"]
        context = {
            "aws:PrincipalArn": self.role["Arn"],
            "aws:PrincipalAccount": OURS,
            "aws:PrincipalType": "AssumedRole",
            "aws:userid": made["AssumedRoleUser"]["AssumedRoleId"],
            "aws:PrincipalTag/team": team,
            "aws:TokenIssueTime": "2026-01-01T00:00:00Z",
        }
        client = self.lab.client_with("ecr", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
        return Person(made["AssumedRoleUser"]["Arn"], client, context, identity, session=limit)


def request(person: Person, action: str, name: str | None) -> Request:
    context: dict[str, str | tuple[str, ...]] = {
        **person.context,
        "aws:RequestedRegion": "us-east-1",
        "aws:SourceIp": "127.0.0.1",
        "aws:CurrentTime": "2026-11-01T00:00:00Z",
        "aws:EpochTime": "1790000000",
        "aws:SecureTransport": "true",
        "aws:ViaAWSService": "false",
        "aws:ResourceAccount": OURS if name else person.context["aws:PrincipalAccount"],
    }
    for key, value in REPOSITORIES.get(name or "", {}).items():
        context[f"aws:ResourceTag/{key}"] = context[f"ecr:ResourceTag/{key}"] = value
    resource = STEM + name if name else "*"
    return Request(person.arn, action, resource, str(context["aws:ResourceAccount"]), context)


def refusal(call: Callable[[], object]) -> tuple[str, str]:
    """Return code and message of the error that a call ended with, ("", "") without one; the server never breaks."""
    try:
        call()
    except ClientError as error:
        found, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
    else:
        return "", ""
    assert status < 500
    assert found["Code"] != "InternalFailure"
    return found["Code"], found["Message"]


def answer(call: Callable[[], object]) -> str:
    """Return "" when a call was allowed, else the sentence of its denial."""
    code, message = refusal(call)
    return message if code in ("AccessDenied", "AccessDeniedException") else ""


def test_every_principal_is_allowed_what_its_documents_say(lab: Any) -> None:
    world = World(lab, 20261124)
    counts = {"Allowed": 0, "ImplicitlyDenied": 0, "ExplicitlyDenied": 0}
    types: set[str | None] = set()
    for turn in range(ROUNDS):
        people, policies = world.change()
        for number in range(PER_ROUND):
            person = people[number % len(people)]
            name: str | None = world.writer.random.choice(list(REPOSITORIES))
            action = world.writer.random.choice(list(QUESTIONS))
            if number == PER_ROUND - 1:
                name, action = None, "ecr:GetAuthorizationToken"
            asked = request(person, action, name)
            decision = evaluate(asked, person.policies(policies[name] if name else None))
            counts[decision.verdict] += 1
            types.add(decision.policy_type)
            if name is None:
                said = answer(person.ecr.get_authorization_token)
            else:
                said = answer(lambda ask=QUESTIONS[action], ecr=person.ecr, name=name: ask(ecr, name))  # type: ignore[misc]
            assert said == decision.message, (turn, number, asked, person.identity, policies)
    assert world.documents > 700 * SHARE
    # The documents are worth something: every verdict and every type of policy decides some of the questions.
    assert min(counts.values()) > 40 * SHARE, counts
    assert types >= {"identity-based", "resource-based", "permissions boundary", "session"}, types


# ---------------------------------------------------------------------------------------------------- spoilt documents

ODD: list[Any] = [
    None, True, 0, -1, 1e308, "", " ", "*", "**", "ecr:*", "Allow", "allow", "ALLOW", [], {}, [[]], [{}], [None],
    {"AWS": "*"}, "arn:aws:ecr:::", "${", "${aws:username", "${aws:username}", "\u00e9", "x" * 300, "ecr:\u0130",
    "2012-10-17", "2008-10-17", {"StringEquals": {}}, {"StringEquals": None}, ["*", 3],
    {"ForAllValues:StringLike": {"aws:TagKeys": []}}, "ecr:List*", "ecr:?escribe*", STEM + "*", ["ecr:BatchGetImage"],
    {"StringLike": {"aws:username": "d*"}}, {"StringNotLike": {"aws:username": ["d*", "*"]}}, [STEM + "blue/app", "*"],
]  # fmt: skip
NAMES = ("Version", "Statement", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "Condition")


def _spoil(value: Any, dice: random.Random, allowing: bool) -> Any:
    """Change one place of a document."""
    if isinstance(value, dict) and value and dice.random() < 0.97:
        key = dice.choice(list(value))
        other = dict(value)
        how = dice.random()
        if how < 0.08:
            del other[key]
        elif how < 0.13:
            other[dice.choice((key.lower(), key.upper(), key + " ", *NAMES))] = other.pop(key)
        elif how < 0.2:
            other[dice.choice(NAMES)] = dice.choice(ODD)
        else:
            other[key] = _spoil(other[key], dice, allowing)
        return other
    if isinstance(value, list) and value and dice.random() < 0.9:
        at = dice.randrange(len(value))
        return [_spoil(each, dice, allowing) if index == at else each for index, each in enumerate(value)]
    if isinstance(value, str) and value not in ("Allow", "Deny") and dice.random() < 0.7:
        at = dice.randrange(len(value) + 1)
        return value[:at] + dice.choice(("*", "?", "${aws:username}", ":", "/", "\u00e9", "X", "")) + value[at + 1 :]
    odd = dice.choice(ODD)
    return odd if allowing or odd not in ("Allow",) else "Deny"


def spoilt(base: dict[str, Any], dice: random.Random, allowing: bool = True) -> str:
    value: Any = base
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        value = _spoil(value, dice, allowing)
    text = json.dumps(value) if dice.random() < 0.8 else json.dumps(value, ensure_ascii=False)
    if dice.random() < 0.1:
        cut = dice.randrange(len(text) + 1)
        text = text[:cut] + dice.choice(("", "}", ",", '"', "\x0b", "{" * 50)) + text[cut:]
    return text or "{"


ALLOWS = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Sid": "One",
            "Effect": "Allow",
            "Action": ["ecr:ListImages", "ecr:Get*"],
            "Resource": [STEM + "blue/*", STEM + "${aws:username}/*"],
            "Condition": {
                "StringEquals": {"aws:RequestedRegion": "us-east-1"},
                "Bool": {"aws:SecureTransport": "true"},
            },
        },
        {"Effect": "Deny", "Action": "ecr:DescribeImages", "Resource": "*"},
    ],
}
DENIES = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "ecr:*", "Resource": "*"}]}


def _accepted(text: str, kind: Any) -> bool:
    try:
        parse_policy(text, kind)
    except PolicyError:
        return False
    return True


def test_spoilt_documents_are_refused_or_mean_what_they_say(lab: Any) -> None:
    dice = random.Random(4)
    lab.repository("blue/app", tags=[{"Key": "team", "Value": "blue"}])
    iam = lab.client("iam")
    user = iam.create_user(UserName="dan")["User"]
    key = iam.create_access_key(UserName="dan")["AccessKey"]
    ecr = lab.client_with("ecr", key["AccessKeyId"], key["SecretAccessKey"])
    context = {
        "aws:PrincipalArn": user["Arn"],
        "aws:PrincipalAccount": OURS,
        "aws:PrincipalType": "User",
        "aws:userid": user["UserId"],
        "aws:username": "dan",
    }
    dan = Person(user["Arn"], ecr, context)
    put = refused = 0
    for turn in range(SPOILT):
        # What allows nothing cannot be spoilt into allowing something, unless the fuzzer writes Allow itself.
        harmless = turn % 3 == 0
        text = spoilt(DENIES if harmless else ALLOWS, dice, allowing=not harmless)
        code, _ = refusal(
            lambda text=text: iam.put_user_policy(  # type: ignore[misc]
                UserName="dan", PolicyName="spoilt", PolicyDocument=text
            )
        )
        assert code in ("", "MalformedPolicyDocument", "ValidationError", "LimitExceeded"), (code, text)
        if code == "":
            assert _accepted(text, "identity"), text
            dan.identity = [text]
            put += 1
        else:
            # IAM and the evaluator are of one opinion about what a policy is.
            assert code != "MalformedPolicyDocument" or not _accepted(text, "identity"), text
            refused += 1
        action = dice.choice(list(QUESTIONS))
        decision = evaluate(request(dan, action, "blue/app"), dan.policies(None))
        said = answer(lambda action=action: QUESTIONS[action](ecr, "blue/app"))  # type: ignore[misc]
        assert said == decision.message, dan.identity
        if harmless and dan.identity == [text]:
            assert said, text
    assert put > 40 * SHARE
    assert refused > 300 * SHARE


def test_spoilt_documents_never_break_what_reads_them(lab: Any) -> None:
    dice = random.Random(5)
    lab.repository("blue/app")
    iam, ecr, sts = lab.client("iam"), lab.client("ecr"), lab.client("sts")
    trust = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": OURS}, "Action": "sts:AssumeRole"}],
    }
    role = iam.create_role(RoleName="deploy", AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    repository = {
        "Version": "2008-10-17",
        "Statement": [{"Sid": "a b", "Effect": "Allow", "Principal": {"AWS": [THEIRS]}, "Action": ["ecr:ListImages"]}],
    }
    partner = lab.client("ecr", "partner")
    before = lab.control.xray()["last"]
    current: str | None = None
    for _ in range(round(150 * SHARE)):
        text = spoilt(repository, dice)
        with contextlib.suppress(ClientError):
            ecr.set_repository_policy(repositoryName="blue/app", policyText=text)
            current = text
        # The other account may do what the policy in force says, and nothing when there is none.
        asked = request(
            Person(
                f"arn:aws:iam::{THEIRS}:user/partner",
                partner,
                {
                    "aws:PrincipalArn": f"arn:aws:iam::{THEIRS}:user/partner",
                    "aws:PrincipalAccount": THEIRS,
                    "aws:PrincipalType": "User",
                    "aws:username": "partner",
                },
            ),
            "ecr:ListImages",
            "plain",
        )
        asked = Request(asked.principal, asked.action, STEM + "blue/app", OURS, asked.context)
        everything = parse_policy(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
        )
        policies = Policies(
            identity=(Attached(everything, None, "all", ""),),
            resource=parse_policy(current, "resource") if current else None,
        )
        said = answer(lambda: partner.list_images(registryId=OURS, repositoryName="blue/app"))
        assert said == evaluate(asked, policies).message, current
    for _ in range(round(150 * SHARE)):
        with contextlib.suppress(ClientError):
            iam.update_assume_role_policy(RoleName="deploy", PolicyDocument=spoilt(trust, dice))
        with contextlib.suppress(ClientError):
            sts.assume_role(RoleArn=role, RoleSessionName="run", Policy=spoilt(ALLOWS, dice))
        with contextlib.suppress(ClientError):
            iam.simulate_custom_policy(
                PolicyInputList=[spoilt(ALLOWS, dice)],
                ActionNames=["ecr:ListImages", "ecr:DescribeImages"],
                ResourceArns=[STEM + "blue/app"],
                CallerArn=f"arn:aws:iam::{OURS}:user/ops",
                ResourcePolicy=spoilt(repository, dice),
            )
        with contextlib.suppress(ClientError):
            iam.get_context_keys_for_custom_policy(PolicyInputList=[spoilt(ALLOWS, dice)])
    rows = lab.control.xray(before, limit=2000)["rows"]
    assert len(rows) > 700 * SHARE
    assert {row["status"] for row in rows} <= {200, 400, 403, 404, 409}
    assert not [row for row in rows if row["error"] == "InternalFailure"]
