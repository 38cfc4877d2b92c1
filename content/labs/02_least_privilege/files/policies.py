"""Lab 02: short words for long policies. `policy(LOGIN, allow(PULL, "release/*"))` is a document as text."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.failure import Refused

OURS = "arn:aws:ecr:us-east-1:123456789012:repository/"
LOGIN = {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}
PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
PUSH = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
    "ecr:BatchGetImage",
]


def policy(*statements: Mapping[str, Any]) -> str:
    """Return a policy with these statements, as JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)}, indent=2)


def allow(actions: Iterable[str], *names: str, **more: Any) -> dict[str, Any]:
    """Return a statement that allows actions on our repositories of these names, stars included."""
    return {"Effect": "Allow", "Action": sorted(set(actions)), "Resource": [OURS + name for name in names], **more}


def let(principal: object, actions: Iterable[str] | str) -> dict[str, Any]:
    """Return a statement of a trust policy or of a repository's policy: it lets a principal do these actions."""
    listed = actions if isinstance(actions, str) else sorted(set(actions))
    return {"Effect": "Allow", "Principal": principal, "Action": listed}


# The label that opened production


NAMES = ("dev/booking", "dev/prices", "release/booking", "release/prices", "base/httpd", "devops/signing")


def label(lab: LabView, name: str, stage: str) -> None:
    """Set the tag of a repository, as admin."""
    lab.client("ecr").tag_resource(resourceArn=OURS + name, tags=[{"Key": "stage", "Value": stage}])


def by_labels(lab: LabView) -> None:
    """Label the repositories; let Dara and Omar do by labels what they did by names, and let Dara label."""
    for name in NAMES:
        label(lab, name, name.partition("/")[0])
    labels = allow(["ecr:TagResource", "ecr:UntagResource"], "*")
    reads = [_where(stage, PULL) for stage in ("base", "release")]
    _give(lab, "developer", LOGIN, _where("dev", [*PUSH, *PULL]), *reads, labels)
    _give(lab, "ops", LOGIN, _where("release", PULL))


def _where(stage: str, actions: Iterable[str]) -> dict[str, Any]:
    return allow(actions, "*", Condition={"StringEquals": {"aws:ResourceTag/stage": stage}})


def _give(lab: LabView, user: str, *statements: Mapping[str, Any]) -> None:
    iam = lab.client("iam")
    for name in iam.list_user_policies(UserName=user)["PolicyNames"]:
        iam.delete_user_policy(UserName=user, PolicyName=name)
    iam.put_user_policy(UserName=user, PolicyName="by-labels", PolicyDocument=policy(*statements))


def push(lab: LabView, who: str, name: str) -> None:
    """Push one small image over HTTP, as docker does, as a profile. Print how it ended."""
    repository, _, tag = name.partition(":")
    try:
        lab.push(repository, tag, name.encode(), profile=who)
    except (Refused, ClientError) as error:
        said = error.message if isinstance(error, Refused) else error.response["Error"]["Message"]
        print(f"{who} pushes {name}: ✗ refused\n  {said}")
        return
    print(f"{who} pushes {name}: ✓ done")
