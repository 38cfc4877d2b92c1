"""The room for causes: each cause is found on a live lab, and says what is so."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from ecrlab_course.authoring import Goal, call, pull, push, wait, write
from ecrlab_course.authoring.staging import address, log_in, make_repository
from ecrlab_course.authoring.wire import at_public
from ecrlab_course.causes.room import find
from ecrlab_course.documents.cause_words import cause_words
from ecrlab_course.learner.session import Session
from ecrlab_course.toolbox.hub_client import manifest
from ecrlab_course.toolbox.lab import Lab

Step = Callable[[Lab], object]
APP = "my-web-app"
PUSH = "docker push $REGISTRY/my-web-app:1.0"
LOGIN = "aws ecr get-login-password | docker login --username AWS --password-stdin $REGISTRY"


def sh(script: str, profile: str = "admin") -> Step:
    """Return a step that runs a script as that profile; it may fail."""
    return lambda lab: lab.sh(script, profile)


def text(name: str, content: str | bytes) -> Step:
    """Return a step that writes a file beside the notebook."""

    def step(lab: Lab) -> None:
        path = (lab.folder or Path.cwd()) / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)

    return step


def bare(lab: Lab, user: str) -> None:
    """Take every policy from a user."""
    iam = lab.client("iam")
    for each in iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]:
        iam.detach_user_policy(UserName=user, PolicyArn=each["PolicyArn"])
    for name in iam.list_user_policies(UserName=user)["PolicyNames"]:
        iam.delete_user_policy(UserName=user, PolicyName=name)


def rights(user: str, *statements: dict[str, object]) -> Step:
    """Return a step that gives a user these statements in one inline policy, and nothing else."""

    def step(lab: Lab) -> None:
        bare(lab, user)
        document = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
        if statements:
            lab.client("iam").put_user_policy(UserName=user, PolicyName="mine", PolicyDocument=document)

    return step


def allow(action: str | list[str], resource: str = "*", **more: object) -> dict[str, object]:
    """Return an Allow statement."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def on(resource: str) -> Step:
    """Return a step that lets ops do all of ECR there."""
    return rights("ops", allow("ecr:*", resource))


@dataclass(frozen=True)
class Case:
    """Steps, the goal that they miss, and what is said of it."""

    name: str
    goal: Goal
    steps: Sequence[Step]
    says: str
    tried: bool = True


ARN = f"arn:aws:ecr:us-east-1:123456789012:repository/{APP}"
IMAGES = call("ecr:DescribeImages", on=APP, by="ops")
ASK = sh(f"aws ecr describe-images --repository-name {APP}", "ops")


def tag_and_push(name: str) -> Step:
    """Return a step that names my-web-app:1.0 so, and pushes it."""
    return sh(f"docker tag {APP}:1.0 {name}; docker push {name}")


def abroad(lab: Lab) -> None:
    """Push to the account's registry in Ireland, with a login for it."""
    log_in(lab, region="eu-west-1")
    make_repository(lab, APP, "eu-west-1")
    there = address(lab, "eu-west-1")
    lab.sh(f"docker tag {APP}:1.0 {there}/{APP}:1.0; docker push {there}/{APP}:1.0")


def at_the_partner(lab: Lab) -> None:
    """Push to the partner's registry, as the partner."""
    there = str(lab.control.registry("444455556666", "us-east-1")["registry"])
    lab.client("ecr", "partner").create_repository(repositoryName=APP)
    lab.sh(
        f"aws ecr get-login-password | docker login -u AWS --password-stdin {there}; "
        f"docker tag {APP}:1.0 {there}/{APP}:1.0; docker push {there}/{APP}:1.0",
        "partner",
    )


def bounded(lab: Lab) -> None:
    """Give ops everything, and a boundary that holds nothing of ECR."""
    iam = lab.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow("s3:*")]})
    arn = "arn:aws:iam::123456789012:policy/edge"
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_policy(PolicyName="edge", PolicyDocument=document)
    iam.put_user_permissions_boundary(UserName="ops", PermissionsBoundary=arn)
    rights("ops", allow("ecr:*"))(lab)


def group(lab: Lab) -> None:
    """Make a group with the right, and leave ops out of it."""
    iam = lab.client("iam")
    with suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_group(GroupName="readers")
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow("ecr:Describe*")]})
    iam.put_group_policy(GroupName="readers", PolicyName="read", PolicyDocument=document)


def role(*, session: str = "", trusted: bool = True) -> Step:
    """Return a step that makes the role reader and assumes it as ops, and looks at the images with it."""

    def step(lab: Lab) -> None:
        iam = lab.client("iam")
        who = "arn:aws:iam::123456789012:user/" + ("ops" if trusted else "developer")
        trust = json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [{"Effect": "Allow", "Principal": {"AWS": who}, "Action": "sts:AssumeRole"}],
            }
        )
        with suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_role(RoleName="reader", AssumeRolePolicyDocument=trust)
        iam.update_assume_role_policy(RoleName="reader", PolicyDocument=trust)
        document = json.dumps({"Version": "2012-10-17", "Statement": [allow("ecr:*")]})
        iam.put_role_policy(RoleName="reader", PolicyName="all", PolicyDocument=document)
        with suppress(ClientError):
            limit = {"Policy": session} if session else {}
            held = lab.client("sts", "ops").assume_role(
                RoleArn="arn:aws:iam::123456789012:role/reader", RoleSessionName="look", **limit
            )["Credentials"]
            lab.sh(
                f"export AWS_ACCESS_KEY_ID={held['AccessKeyId']} AWS_SECRET_ACCESS_KEY={held['SecretAccessKey']} "
                f"AWS_SESSION_TOKEN={held['SessionToken']}; unset AWS_PROFILE\n"
                f"aws ecr describe-images --repository-name {APP}"
            )

    return step


def repository_policy(*statements: dict[str, object]) -> Step:
    """Return a step that gives the repository a policy."""
    text = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return lambda lab: lab.client("ecr").set_repository_policy(repositoryName=APP, policyText=text)


def public_repository(lab: Lab, name: str) -> None:
    """Make a repository at ECR Public."""
    with suppress(ClientError):
        lab.client("ecr-public").create_repository(repositoryName=name)


def ask_public(lab: Lab, name: str, tag: str) -> None:
    """Ask ECR Public for an image as a stranger."""
    found = lab.client("ecr-public").describe_repositories(repositoryNames=[name])["repositories"][0]
    at_public(str(found["repositoryUri"])).get(f"manifests/{tag}")


def deny(action: str) -> dict[str, object]:
    return {"Effect": "Deny", "Action": action, "Sid": "Never"}


READ = sh(f"aws ecr describe-images --repository-name {APP} --registry-id 123456789012", "partner")
PARTNER = call("ecr:DescribeImages", on=APP, by="partner")
OTHER = LOGIN.replace("get-login-password", "get-login-password --region eu-west-1")
CASES = [
    # The client
    Case("no-login", push(APP, "1.0"), [sh("docker logout $REGISTRY"), sh(PUSH)], "`admin` came without a login"),
    Case("no-login", push(APP, "1.0", by="developer"), [sh(PUSH, "developer")], "of `developer`", tried=False),
    Case(
        "other-region-login",
        push(APP, "1.0"),
        [sh("docker logout $REGISTRY"), sh(OTHER)],
        "for `eu-west-1`, by `admin`",
    ),
    Case(
        "other-region-login", push(APP, "1.0"), [sh("docker logout $REGISTRY"), sh(OTHER), sh(PUSH)], "in `us-east-1`"
    ),
    Case("refused-login", push(APP), [sh("echo x | docker login -u AWS --password-stdin $REGISTRY")], "handed out"),
    Case("expired-login", push(APP, "1.0"), [lambda lab: lab.clock.advance(hours=13), sh(PUSH)], "`admin`"),
    Case(
        "old-login",
        push(APP, "1.0"),
        [lambda lab: lab.clock.advance(hours=13), sh(PUSH), sh("docker logout $REGISTRY")],
        "had expired",
    ),
    Case("other-person", push(APP, "1.0", by="ci"), [sh(PUSH)], "says `admin`"),
    Case("other-person", IMAGES, [sh(f"aws ecr describe-images --repository-name {APP}", "auditor")], "says `auditor`"),
    Case(
        "other-person-login",
        push(APP, "1.0", by="developer"),
        [sh(f"AWS_PROFILE=admin {LOGIN.partition(' | ')[0]} | {LOGIN.partition(' | ')[2]}; {PUSH}", "developer")],
        "made with the keys of `admin`",
    ),
    Case("local-name", push(APP, "1.0"), [sh(f"docker push {APP}:1.0")], "docker.io/library", tried=False),
    Case("local-name", push(APP, "1.0"), [sh(f"docker push -q {APP}:1.0")], "docker.io/library"),
    Case("hub-name", push(APP, "1.0"), [tag_and_push(f"harbour/{APP}:1.0")], f"`harbour/{APP}"),
    Case("not-built", push(APP, "9"), [sh(f"docker push $REGISTRY/{APP}:9")], f"{APP}:9`", tried=False),
    Case("not-built", push(APP, "9"), [sh(f"docker tag {APP}:9 $REGISTRY/{APP}:9")], f"`{APP}:9`"),
    Case("upper-case", push(APP, "1.0"), [sh(f"docker tag {APP}:1.0 $REGISTRY/My-App:1.0")], "My-App"),
    Case(
        "only-tagged", push(APP, "2.0"), [sh(f"docker tag {APP}:1.0 $REGISTRY/{APP}:2.0")], f"{APP}:2.0`", tried=False
    ),
    # The target
    Case(
        "no-repository", push("receipts", "1.0"), [tag_and_push("$REGISTRY/receipts:1.0")], "no repository `receipts`"
    ),
    Case("other-repository", push(APP, "1.0"), [tag_and_push("$REGISTRY/receipts:1.0")], "`receipts`", tried=False),
    Case(
        "other-repository",
        push("receipts", "1.0"),
        [tag_and_push(f"$REGISTRY/{APP}:1.0")],
        "What is wanted is `receipts`",
    ),
    Case("other-repository", push("release/*"), [tag_and_push("$REGISTRY/receipts:1.0")], "wanted is `release/*`"),
    Case("version-as-repository", push(APP, "2.0"), [tag_and_push(f"$REGISTRY/{APP}-2:2.0")], f"`{APP}-2`"),
    Case("other-region", push(APP, "1.0"), [abroad], "in `eu-west-1`", tried=False),
    Case("other-account", push(APP, "1.0", by=""), [at_the_partner], "`444455556666`"),
    Case("other-letters", push(APP, "tested"), [tag_and_push(f"$REGISTRY/{APP}:Tested")], "`Tested`", tried=False),
    Case("other-tag", push(APP, "2.0"), [sh(PUSH)], f"`{APP}:1.0`"),
    Case("no-such-tag", pull(APP, "7"), [sh(f"docker pull $REGISTRY/{APP}:7")], "no image `7`"),
    Case(
        "tag-is-immutable",
        push(APP, "1.0"),
        [
            sh(f"aws ecr put-image-tag-mutability --repository-name {APP} --image-tag-mutability IMMUTABLE"),
            lambda lab: lab.push(APP, "1.0", b"another", "developer"),
            sh(PUSH),
        ],
        "`1.0` is in use",
    ),
    Case("on-the-hub", push(APP, "1.0"), [lambda lab: lab.hub.login(), tag_and_push(f"$HUB/learner/{APP}:1.0")], APP),
    Case("on-the-hub", push(APP, "1.0"), [lambda lab: lab.hub.logout(), tag_and_push(f"$HUB/harbour/{APP}:1.0")], APP),
    # At the Hub and at ECR Public
    Case(
        "hub-name",
        pull("learner/map", "1", by="nobody", at="hub"),
        [sh("docker pull learner/map:1", "nobody"), sh("docker pull $HUB/learner/map:1")],
        "The pull never came to the lab's Hub",
    ),
    Case(
        "local-name",
        pull("map", "1", by="nobody", at="public"),
        [sh("docker pull map:1", "nobody")],
        "The pull never came to ECR Public",
        tried=False,
    ),
    Case(
        "other-repository",
        pull("library/busybox", by="", at="hub"),
        [lambda lab: manifest(lab.hub, "learner/map", user="learner")],
        "What is wanted is `library/busybox`",
        tried=False,
    ),
    Case(
        "no-such-tag",
        pull("map", "1", by="nobody", at="public"),
        [lambda lab: public_repository(lab, "map"), lambda lab: ask_public(lab, "map", "1")],
        "no image `1`",
    ),
    Case(
        "call-in-other-region",
        call("ecr:CreateRepository", on="receipts"),
        [sh("aws ecr create-repository --repository-name receipts --region eu-west-1")],
        "in `eu-west-1`",
    ),
    # IAM's refusal
    Case("nothing-attached", IMAGES, [lambda lab: bare(lab, "ops"), ASK], "neither the user's own"),
    Case("action-not-named", IMAGES, [rights("ops", allow("ecr:ListImages")), ASK], "`ecr:DescribeImages`"),
    Case(
        "action-not-named",
        push(APP, "1.0", by="ops"),
        [rights("ops", allow("ecr:GetAuthorizationToken")), sh(f"{LOGIN}; {PUSH}", "ops")],
        "`ecr:InitiateLayerUpload`",
    ),
    Case("unknown-action", IMAGES, [rights("ops", allow("ecr:DescribeImage")), ASK], "names `ecr:DescribeImage`,"),
    Case("other-region-arn", IMAGES, [on(ARN.replace("us-east-1", "eu-west-1")), ASK], "`eu-west-1`"),
    Case("other-account-arn", IMAGES, [on(ARN.replace("123456789012", "210987654321")), ASK], "account `210987654321`"),
    Case("other-repository-arn", IMAGES, [on(ARN + "/*"), ASK], f"`{ARN}/*`"),
    Case("other-arn", IMAGES, [on(ARN.replace("repository/", "")), ASK], "colon to colon"),
    Case("tag-in-arn", IMAGES, [on(ARN + ":1.0"), ASK], f"`{ARN}:1.0`"),
    Case(
        "needs-a-star",
        push(APP, "1.0", by="ops"),
        [rights("ops", allow("ecr:*", ARN)), sh(f"{LOGIN}; {PUSH}", "ops")],
        f"limits it to `{ARN}`",
    ),
    Case(
        "condition-not-met",
        IMAGES,
        [
            rights("ops", allow("ecr:*", Condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})),
            ASK,
        ],
        "aws:SourceIp for 203.0.113.0/24",
    ),
    Case("explicit-deny", IMAGES, [rights("ops", allow("ecr:*"), {**deny("ecr:*"), "Resource": "*"}), ASK], '"Never"'),
    Case(
        "explicit-deny",
        IMAGES,
        [rights("ops", allow("ecr:*")), repository_policy({**deny("ecr:DescribeImages"), "Principal": "*"}), ASK],
        "resource-based",
    ),
    Case("boundary", IMAGES, [bounded, ASK], "permissions boundary edge"),
    Case(
        "session-policy",
        call("ecr:DescribeImages", on=APP, by="look"),
        [role(session=json.dumps({"Version": "2012-10-17", "Statement": [allow("s3:*")]}))],
        "session policy",
    ),
    Case("role-trust", call("sts:AssumeRole", by="ops"), [rights("ops", allow("sts:*")), role(trusted=False)], "trust"),
    Case("empty-group", IMAGES, [lambda lab: bare(lab, "ops"), group, ASK], "The group `readers`"),
    Case(
        "repository-policy",
        PARTNER,
        [repository_policy({"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}), READ],
        "`partner`",
    ),
    Case("no-repository-policy", PARTNER, [READ], "both sides"),
    Case("not-tried-again", IMAGES, [rights("ops"), ASK, rights("ops", allow("ecr:*"))], "would be allowed now"),
    # What was written
    Case("json-syntax", write("mine.json"), [text("mine.json", '{\n  "a" 1\n}')], "line 2, column 7"),
    Case("json-syntax", write("mine.json"), [text("mine.json", "a: b")], "line 1, column 1"),
    Case("json-unfinished", write("mine.json"), [text("mine.json", '{"a": [1, 2]')], "ends too early"),
    Case("trailing-comma", write("mine.json"), [text("mine.json", '{\n  "a": [1,\n 2,\n ]}')], "in line 3 a comma"),
    Case("trailing-comma", write("mine.json"), [text("mine.json", '{"a": 1,\n}')], "closing `}`"),
    Case("byte-order-mark", write("mine.json"), [text("mine.json", b'\xef\xbb\xbf{"a": 1}')], "three bytes"),
    Case("curly-quotes", write("mine.json"), [text("mine.json", "{\n \u201ca\u201d: 1}")], "line 2 has"),
    Case("no-file", write("mine.json"), [], "`mine.json`"),
    Case(
        "no-file",
        call("iam:PutUserPolicy"),
        [sh("aws iam create-policy --policy-name a --policy-document file://no.json")],
        "`no.json`",
    ),
    Case("python-syntax", write("mine.py"), [text("mine.py", "a = 1\nif a\n  b\n")], "line 2"),
    Case("shell-syntax", write("mine.sh"), [text("mine.sh", "echo a\nif true; then echo b; fi fi\n")], "line 2"),
    Case("shell-syntax", push(APP, "1.0"), [sh("echo 'a\ndocker push x")], "unexpected EOF"),
    Case(
        "windows-line-ends",
        write("mine.sh"),
        [text("mine.sh", "for n in 1 2; do\r\n  echo $n\r\ndone\r\n")],
        "line ends of Windows",
    ),
    Case("open-loop", write("mine.sh"), [text("mine.sh", "for n in 1 2; do\n  echo $n\n")], "no `done`"),
    Case("open-loop", push(APP, "1.0"), [sh(f"for n in 1 2; do\n{PUSH}")], "no `done`", tried=False),
    Case(
        "unset-variable", push(APP, "1.0"), [sh("echo a\ndocker push $REGISTY/my-web-app:1.0")], "line 2", tried=False
    ),
    Case("unknown-command", push(APP, "1.0"), [sh("dokcer push $REGISTRY/my-web-app:1.0")], "`dokcer`", tried=False),
    Case(
        "aws-usage",
        call("ecr:DescribeImages"),
        [sh("aws ecr describe-image --repository-name hello")],
        "before it sent",
    ),
    Case("aws-usage", call("ecr:DescribeImages"), [sh("aws ecr describe-images --repository-name a")], "min length: 2"),
    Case("docker-usage", push(APP, "1.0"), [sh("docker psuh $REGISTRY/my-web-app:1.0")], "psuh"),
    # Nothing shows it
    Case("not-known", push(APP, "1.0"), [sh(f"echo no; false # {APP}:1.0")], "*no*", tried=False),
    Case("silent", push(APP, "1.0"), [sh(f"false # {APP}:1.0")], "exit code 1 and printed nothing", tried=False),
    # The clock
    Case("clock-not-moved", wait(12), [sh("aws sts get-caller-identity")], "12 are wanted"),
    Case(
        "clock-moved-back",
        wait(12),
        [
            sh("aws sts get-caller-identity"),
            lambda lab: lab.clock.advance(hours=13),
            sh("aws sts get-caller-identity"),
            lambda lab: lab.clock.reset(),
        ],
        "by 13 hours",
    ),
    Case("docker-usage", push(APP, "1.0"), [sh("docker push --al $REGISTRY/my-web-app:1.0")], "unknown flag"),
    Case("docker-usage", push(APP, "1.0"), [sh("docker push")], "requires 1 argument"),
]


@pytest.fixture
def stage(session: Session) -> Iterator[Session]:
    """Lesson 04 with its repository, admin logged in, nothing pushed."""
    session.goto("04", "repository")
    yield session
    lab = session.lab
    lab.clear(APP, "receipts", region="eu-west-1")
    lab.control.reset(repositories=[APP], account="444455556666")
    iam = lab.client("iam")
    with suppress(ClientError):
        iam.delete_group_policy(GroupName="readers", PolicyName="read")
        iam.delete_group(GroupName="readers")
    lab.user("ops")
    with suppress(ClientError):
        lab.client("ecr-public").delete_repository(repositoryName="map", force=True)
    lab.clock.reset()


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{CASES.index(case)}")
def test_a_cause_is_found_and_says_what_was_seen(case: Case, stage: Session) -> None:
    for step in case.steps:
        step(stage.lab)
    found = find(stage.entry("04-e5").looking, [case.goal], tried=case.tried)
    assert found is not None
    assert found.name == case.name, found
    assert case.says in found.message, found.message
    assert "{" not in found.message.replace("${", "")


def test_every_cause_is_tried() -> None:
    assert {case.name for case in CASES} == set(cause_words())


QUIET = [
    ("a login of another exercise", push("receipts", "1.0"), [sh("docker logout $REGISTRY"), sh(PUSH)]),
    ("a cell about something else", push("receipts", "1.0"), [sh(f"docker psuh {APP}:1.0")]),
    (
        "a push that worked, after a refusal",
        push(APP, "1.0"),
        [sh("docker logout $REGISTRY"), sh(PUSH), sh(f"{LOGIN}; {PUSH}")],
    ),
    (
        "a name given and pushed",
        push(APP, "2.0"),
        [sh(f"docker tag {APP}:1.0 $REGISTRY/{APP}:2.0; docker push $REGISTRY/{APP}:2.0")],
    ),
    ("another tag, before anything was tried", push(APP, "2.0"), [sh(PUSH)]),
    (
        "a push to another repository, which asks which pieces are there, before anything was tried",
        push("receipts", "2.0"),
        [sh(PUSH)],
    ),
    (
        "a pull from the Hub, before anything was tried",
        push("tools/busybox", "1"),
        [sh("docker pull -q $HUB/library/busybox:latest")],
    ),
    ("a success of somebody who may", IMAGES, [rights("ops"), ASK, rights("ops", allow("ecr:*")), ASK]),
    (
        "a look at the Hub by HEAD",
        pull("library/busybox", "latest", by="", at="hub"),
        [lambda lab: manifest(lab.hub, "ratelimitpreview/test", method="HEAD")],
    ),
    (
        "a stranger whom the page sends, before anything was tried",
        pull("map", "1", by="nobody", at="public"),
        [lambda lab: public_repository(lab, "map"), lambda lab: ask_public(lab, "map", "1")],
    ),
    ("good JSON", write("mine.json"), [text("mine.json", '{"a": 1}'), sh("cat mine.json")]),
    ("hours that went by", wait(12), [sh("aws sts get-caller-identity"), lambda lab: lab.clock.advance(hours=13)]),
]


@pytest.mark.parametrize(("goal", "steps"), [pytest.param(*rest, id=name) for name, *rest in QUIET])
def test_nothing_is_said_where_there_is_no_cause(goal: Goal, steps: Sequence[Step], stage: Session) -> None:
    for step in steps:
        step(stage.lab)
    assert find(stage.entry("04-e5").looking, [goal], tried=False) is None


def test_a_failure_that_the_page_expected_is_not_a_cause(stage: Session) -> None:
    lab = stage.lab
    lab.sh("docker logout $REGISTRY")
    lab.sh(PUSH)
    lab.expect()
    assert find(stage.entry("04-e5").looking, [push(APP, "1.0")]) is None


def test_the_last_thing_counts_over_all_goals(stage: Session) -> None:
    lab = stage.lab
    lab.sh(f"docker tag {APP}:1.0 $REGISTRY/{APP}:2.0")
    lab.sh("docker logout $REGISTRY")
    lab.sh(PUSH)
    found = find(stage.entry("04-e5").looking, [push(APP, "2.0"), push(APP, "1.0")])
    assert found is not None
    assert found.name == "no-login"


def test_of_several_goals_those_that_are_still_open_are_named(stage: Session) -> None:
    lab, nights = stage.lab, [push(APP, f"night-{hour}") for hour in (0, 11, 13)]
    for tag in ("night-0", "night-9"):
        lab.sh(f"docker tag {APP}:1.0 $REGISTRY/{APP}:{tag}; docker push $REGISTRY/{APP}:{tag}")
    found = find(stage.entry("04-e5").looking, nights)
    assert found is not None
    assert found.name == "other-tag"
    assert "`night-9`" not in found.message.partition("Still wanted")[2]
    assert "`night-11`, `night-13`" in found.message
    assert "`night-0`" not in found.message


def test_a_try_is_compared_with_the_goal_that_it_came_nearest_to(stage: Session) -> None:
    lab = stage.lab
    lab.sh(f"docker tag {APP}:1.0 $REGISTRY/{APP}:Stable; docker push $REGISTRY/{APP}:Stable")
    found = find(stage.entry("04-e5").looking, [push(APP, "2.0"), push(APP, "stable")])
    assert found is not None
    assert found.name == "other-letters"
    assert "`stable`" in found.message


def test_a_goal_that_was_reached_is_not_named(stage: Session) -> None:
    lab = stage.lab
    for tag in ("2.0", "other"):
        lab.sh(f"docker tag {APP}:1.0 $REGISTRY/{APP}:{tag}; docker push $REGISTRY/{APP}:{tag}")
    assert find(stage.entry("04-e5").looking, [push(APP, "2.0")]) is None


def test_what_another_goals_person_did_is_not_somebody_elses_doing(stage: Session) -> None:
    lab = stage.lab
    rights("developer", allow("ecr:*"))(lab)
    lab.sh(f"{LOGIN}; {PUSH}", "developer")
    own, others = push("my-*", by="ops"), push(APP, by="developer")
    found = find(stage.entry("04-e5").looking, [own])
    assert found is not None
    assert found.name == "other-person"
    assert find(stage.entry("04-e5").looking, [own, others]) is None
