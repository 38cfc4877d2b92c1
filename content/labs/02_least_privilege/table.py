"""Lab 02: the table of the goal, as doors and as a wish; documents and names that everything else uses."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ecrlab.policy.sets import LOGIN, PULL, PUSH
from ecrlab_course.authoring import Lab
from ecrlab_course.authoring.beyond import Grant, Wanted
from ecrlab_course.authoring.matrix import ASSUME, Here
from ecrlab_course.authoring.team import Member, team
from ecrlab_course.documents.matrix import Door, Matrix, Person

ACCOUNT, NEIGHBOUR, STRANGER = "123456789012", "444455556666", "111122223333"
REPOSITORIES = ("dev/booking", "dev/prices", "release/booking", "release/prices", "base/httpd", "devops/signing")
WRITES = PUSH[1:5]
"""Those actions of a push that write; the others only look, and whoever pulls may have them."""


def arn(name: str, region: str = "us-east-1") -> str:
    """Return the ARN of a repository of ours; the name may be a pattern."""
    return f"arn:aws:ecr:{region}:{ACCOUNT}:repository/{name}"


def user(name: str) -> str:
    """Return the ARN of a user of ours."""
    return f"arn:aws:iam::{ACCOUNT}:user/{name}"


def role(name: str) -> str:
    """Return the ARN of a role of ours."""
    return f"arn:aws:iam::{ACCOUNT}:role/{name}"


def root(account: str) -> str:
    """Return the principal that stands for a whole account."""
    return f"arn:aws:iam::{account}:root"


def document(*statements: Mapping[str, Any]) -> str:
    """Return a policy with these statements, as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(actions: str | Iterable[str], *names: str, **more: Any) -> dict[str, Any]:
    """Return a statement that allows these actions on our repositories of these names; an ARN or a star stays."""
    resources = [name if name.startswith(("arn:", "*")) else arn(name) for name in names]
    listed = actions if isinstance(actions, str) else list(dict.fromkeys(actions))
    return {"Effect": "Allow", "Action": listed, "Resource": resources, **more}


def let(principal: object, actions: str | Iterable[str], **more: Any) -> dict[str, Any]:
    """Return a statement of a resource's own policy."""
    listed = actions if isinstance(actions, str) else list(actions)
    return {"Effect": "Allow", "Principal": principal, "Action": listed, **more}


# The doors


_ACTIONS: dict[str, tuple[str, ...]] = {
    "log in": (LOGIN,),
    "push": PUSH,
    "pull": PULL,
    "delete images of": ("ecr:BatchDeleteImage",),
    "set the policy of": ("ecr:SetRepositoryPolicy",),
    "create": ("ecr:CreateRepository",),
    "delete": ("ecr:DeleteRepository",),
    "change mutability of": ("ecr:PutImageTagMutability",),
    "list images of": ("ecr:ListImages",),
    "describe images of": ("ecr:DescribeImages",),
    "read the policy of": ("ecr:GetRepositoryPolicy",),
    "describe": ("ecr:DescribeRepositories",),
    "read findings of": ("ecr:DescribeImageScanFindings",),
    "tag": ("ecr:TagResource",),
    "start a scan of": ("ecr:StartImageScan",),
    "set lifecycle of": ("ecr:PutLifecyclePolicy",),
    "become": (ASSUME,),
}

DARA, ROBOT, PIPELINE, OMAR, RUNTIME, AIKO, MAPS, THIRD = (
    Person("Dara", "user/developer"),
    Person("The robot alone", "user/ci", alone=True),
    Person("The pipeline", "role/pipeline"),
    Person("Omar", "user/ops"),
    Person("The runtime", "role/runtime"),
    Person("Aiko", "user/auditor"),
    Person("The map company", f"{NEIGHBOUR}:user/partner"),
    Person("A third company", f"{STRANGER}:user/admin"),
)

_TABLE: tuple[tuple[Person, Sequence[str], Sequence[str]], ...] = (
    (
        DARA,
        (
            "log in", "push dev/booking", "pull dev/booking", "push dev/prices", "pull base/httpd",
            "pull release/booking",
        ),
        (
            "push base/httpd", "push release/booking", "push devops/signing", "pull devops/signing",
            "delete images of dev/booking", "set the policy of dev/booking", "create dev/new", "become pipeline",
        ),
    ),
    (ROBOT, ("become pipeline",), ("log in", "push dev/booking", "pull base/httpd", "become runtime")),
    (
        PIPELINE,
        ("log in", "push dev/booking", "push release/booking", "push release/prices", "pull base/httpd"),
        (
            "push base/httpd", "pull devops/signing", "push devops/signing", "delete images of release/booking",
            "change mutability of release/booking", "set the policy of release/booking", "delete release/prices",
        ),
    ),
    (
        OMAR,
        ("log in", "pull release/booking", "pull release/prices"),
        (
            "pull dev/booking", "pull base/httpd", "pull devops/signing", "push release/booking",
            "delete images of release/booking", "become pipeline",
        ),
    ),
    (
        RUNTIME,
        ("log in", "pull release/booking", "pull release/prices"),
        ("pull dev/prices", "pull devops/signing", "push release/prices", "delete images of release/booking"),
    ),
    (
        AIKO,
        (
            "describe dev/booking", "list images of devops/signing", "describe images of release/booking",
            "read the policy of release/booking", "read findings of base/httpd",
        ),
        (
            "push dev/booking", "delete images of release/booking", "set the policy of release/booking",
            "tag dev/booking", "start a scan of dev/booking", "set lifecycle of dev/booking", "become pipeline",
        ),
    ),
    (
        MAPS,
        ("pull release/booking",),
        (
            "pull release/prices", "pull dev/booking", "push release/booking", "list images of release/booking",
            "become pipeline",
        ),
    ),
    (THIRD, (), ("pull release/booking", "become pipeline")),
)  # fmt: skip


def _door(person: Person, words: str, wanted: bool) -> Door:
    verb = next(
        each for each in sorted(_ACTIONS, key=len, reverse=True) if words == each or words.startswith(f"{each} ")
    )
    on = words[len(verb) :].strip()
    resource = "*" if not on else role(on) if verb == "become" else arn(on)
    return Door(person.name, verb, on, _ACTIONS[verb], resource, wanted, WRITES if verb == "push" else ())


MATRIX = Matrix(
    tuple(person for person, _, _ in _TABLE),
    tuple(
        _door(person, words, wanted)
        for person, opened, closed in _TABLE
        for wanted, doors in ((True, opened), (False, closed))
        for words in doors
    ),
)

# The wish: what may be open, and what passes without a word


_LISTS = (
    "ecr:DescribeImages", "ecr:ListImages", "ecr:DescribeRepositories", "ecr:DescribeImageScanFindings",
    "ecr:ListTagsForResource", "ecr:GetRepositoryPolicy", "ecr:GetLifecyclePolicy", "ecr:GetLifecyclePolicyPreview",
    "ecr:BatchCheckLayerAvailability", "ecr:BatchImportUpstreamImage",
)  # fmt: skip
_SEES = (
    "ecr:Describe*", "ecr:List*", "ecr:Get*", "ecr:BatchGet*", "ecr:BatchCheckLayerAvailability", "ecr:Validate*",
    "ecr:BatchImportUpstreamImage", "iam:Get*", "iam:List*", "iam:Simulate*", "cloudtrail:LookupEvents",
    "ecr-public:Describe*", "ecr-public:List*", "ecr-public:Get*", "sts:GetServiceBearerToken", "iam:Generate*",
)  # fmt: skip


def _on(actions: Iterable[str], *names: str) -> Grant:
    return Grant(actions, [arn(name) for name in names])


_PULLS_RELEASES = (Grant(LOGIN), _on(PULL, "release/*"))
_LISTS_RELEASES = (_on(_LISTS, "release/*"),)

MEMBERS: Mapping[str, Member] = {
    DARA.name: Member(
        DARA.who,
        (Grant(LOGIN), _on((*PUSH, *PULL), "dev/*"), _on(PULL, "base/*", "release/*")),
        (_on(_LISTS, "dev/*", "base/*", "release/*"),),
    ),
    ROBOT.name: Member(
        ROBOT.who, (Grant((ASSUME, "sts:TagSession", "sts:SetSourceIdentity"), (role("pipeline"), role("*/pipeline"))),)
    ),
    PIPELINE.name: Member(
        PIPELINE.who,
        (Grant(LOGIN), _on(PUSH, "dev/*", "release/*"), _on(PULL, "base/*")),
        (_on((*PULL, *_LISTS), "dev/*", "release/*", "base/*"),),
    ),
    OMAR.name: Member(OMAR.who, _PULLS_RELEASES, _LISTS_RELEASES),
    RUNTIME.name: Member(
        RUNTIME.who,
        _PULLS_RELEASES,
        (*_LISTS_RELEASES, Grant(ASSUME, role("runtime"))),
        doors=("ecs-tasks.amazonaws.com",),
    ),
    AIKO.name: Member(AIKO.who, (Grant(_SEES),)),
    MAPS.name: Member(
        MAPS.who,
        (_on(PULL, "release/booking"),),
        (Grant((LOGIN, "ecr:BatchCheckLayerAvailability", "ecr:BatchImportUpstreamImage")),),
        doors=(NEIGHBOUR,),
        outside=True,
    ),
    THIRD.name: Member(THIRD.who, outside=True),
}


def wish(lab: Lab) -> Wanted:
    """Return the whole table as a wish: what is beyond it at anybody is surplus."""
    return team(lab, Here(lab, MATRIX), MEMBERS)
