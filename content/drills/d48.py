"""Drill d48: a creation template that makes nothing; no role, or another prefix. Words: d48.md."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

from ecrlab.policy.sets import LOGIN, PUSH
from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.requests import requests
from ecrlab_course.drills.account import ACCOUNT, VERSION, DrillLab, allow, arn, policy
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.drills.permissions import role_arn
from ecrlab_course.failure import Refused

NAME, ROLE = "pay/cards", role_arn("templates")
KEY = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/0a1b2c3d-1111-4222-8333-444455556666"
PREFIX = {"role": "pay", "prefix": "pay-old"}
BY_ECR = {"Effect": "Allow", "Principal": {"Service": "ecr.amazonaws.com"}, "Action": "sts:AssumeRole"}


def prepare(lab: DrillLab) -> None:
    """Make ci, the role, and a template that does not do what it is for."""
    iam = lab.client("iam")
    lab.person("ci", allow(LOGIN), allow(list(PUSH), arn("pay/*")))
    iam.create_role(
        RoleName="templates", AssumeRolePolicyDocument=json.dumps({"Version": VERSION, "Statement": [BY_ECR]})
    )
    work = policy(allow(["ecr:CreateRepository", "ecr:TagResource"], arn("pay/*")), allow("kms:CreateGrant", KEY))
    iam.put_role_policy(RoleName="templates", PolicyName="work", PolicyDocument=work)
    template(lab, PREFIX[lab.seed], role="" if lab.seed == "role" else ROLE)
    lab.write("key.txt", KEY + "\n")


def template(lab: DrillLab, prefix: str = "pay", role: str = ROLE, key: str = KEY) -> None:
    """Make a template."""
    more: dict[str, Any] = {"customRoleArn": role} if role else {}
    lab.client("ecr").create_repository_creation_template(
        prefix=prefix,
        appliedFor=["CREATE_ON_PUSH"],
        encryptionConfiguration={"encryptionType": "KMS", "kmsKey": key},
        imageTagMutability="IMMUTABLE",
        **more,
    )


class Seen:
    """Which templates there are, how the repository was made, and which cause was named."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        found = lab.client("ecr").describe_repository_creation_templates()["repositoryCreationTemplates"]
        prefixes = {str(each["prefix"]): str(each.get("customRoleArn", "")) for each in found}
        self.templates = ", ".join(f"`{name}` ({role or 'no role'})" for name, role in prefixes.items()) or "none"
        self.prefix = next((name for name in prefixes if name not in ("pay", "pay-old", NAME)), "")
        there = lab.repositories().get(NAME, {})
        how = there.get("encryptionConfiguration", {})
        self.there = bool(there)
        self.right = how.get("kmsKey") == KEY and there["imageTagMutability"] == "IMMUTABLE"
        said = [how.get("encryptionType", ""), how.get("kmsKey", ""), there.get("imageTagMutability", "")]
        self.how = ", ".join(f"`{each}`" for each in said if each) if there else Sentence("none")
        self.seen = Sentence("now")
        self.filled = bool(lab.images(NAME))
        rows = requests(lab, "ecr", "registry")
        last = {each.operation: each.seq for each in rows if each.ok and each.row["resource"] == arn(NAME)}
        self.by_hand = last.get("CreateRepository", 0) > last.get("DeleteRepository", 0)
        self.changed = any(each.ok and each.operation.endswith("CreationTemplate") for each in rows)
        self.seed, self.cause = lab.seed, findings.get("cause", "")


def judge(seen: Seen) -> str:
    """Return the verdict's name in d48.md: made by a push and the template, nothing wider, and the cause."""
    if not seen.there:
        return "not-made" if seen.changed or seen.cause else "untouched"
    if not seen.right:
        return "not-by-template"
    if seen.by_hand:
        return "by-hand"
    if not seen.filled:
        return "empty"
    if seen.prefix:
        return "too-wide"
    if not seen.cause:
        return "no-cause"
    return "passed" if seen.cause == seen.seed else "other-cause"


def push(lab: DrillLab) -> None:
    """Push as ci."""
    with suppress(Refused):
        lab.push(NAME, "1", b"cards", profile="ci")


def fix(lab: DrillLab) -> None:
    """Give the template its role, or make one of the right prefix."""
    if lab.seed == "role":
        lab.client("ecr").update_repository_creation_template(prefix="pay", customRoleArn=ROLE)
    else:
        template(lab)


def by_hand(lab: DrillLab) -> None:
    """Make the repository as the template would."""
    how = {"encryptionType": "KMS", "kmsKey": KEY}
    lab.repository(NAME, encryptionConfiguration=how, imageTagMutability="IMMUTABLE")


def deleted(lab: DrillLab) -> None:
    """Delete the repository."""
    lab.client("ecr").delete_repository(repositoryName=NAME, force=True)


def emptied(lab: DrillLab) -> None:
    """Delete the image again."""
    lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "1"}])


def said(seed: str) -> dict[str, str]:
    """Return the cause as it is chosen."""
    return {"cause": seed}


TRIES = {
    "passed": {
        "the role": attempt(said("role"), (push, fix, push), seed="role"),
        "the prefix": attempt(said("prefix"), (push, fix, push), seed="prefix"),
        "made by hand first, and deleted": attempt(said("prefix"), (by_hand, deleted, fix, push), seed="prefix"),
    },
    "not-made": {
        "pushed again": attempt(said("prefix"), (push, push), seed="prefix"),
        "the other state's fix": attempt(
            said("role"),
            (
                lambda lab: lab.client("ecr").update_repository_creation_template(prefix="pay-old", customRoleArn=ROLE),
                push,
            ),
            seed="prefix",
        ),
        "a prefix of the whole name": attempt(said("role"), (lambda lab: template(lab, NAME), push), seed="role"),
        "fixed, not pushed": attempt(said("role"), fix, seed="role"),
    },
    "not-by-template": {
        "made by hand": attempt(said("role"), (lambda lab: lab.repository(NAME), push), seed="role"),
        "then the template put right": attempt(
            said("prefix"), (lambda lab: lab.repository(NAME), fix, push), seed="prefix"
        ),
    },
    "by-hand": {"by hand, with all settings": attempt(said("role"), (by_hand, push), seed="role")},
    "empty": {"the image deleted": attempt(said("role"), (fix, push, emptied), seed="role")},
    "too-wide": {"for everything": attempt(said("prefix"), (lambda lab: template(lab, "ROOT"), push), seed="prefix")},
    "no-cause": {"in silence": attempt({}, (fix, push), seed="role")},
    "other-cause": {"the other state's": attempt(said("role"), (fix, push), seed="prefix")},
}
