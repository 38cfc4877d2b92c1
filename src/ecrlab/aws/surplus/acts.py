"""Acts: the actions that policies cover, grouped by what covers them; those of services that the lab lacks, too."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from ecrlab.aws.authorization.rules import RULES
from ecrlab.aws.authorization.suggest import HANDS_OUT
from ecrlab.aws.what_if.actions import actions
from ecrlab.policy import Statement
from ecrlab.policy.document import Actions
from ecrlab.policy.pattern import Style, pattern
from ecrlab.policy.words import ACTION, Words

FOREIGN = "foreign"
"""The kind of thing that actions of services which the lab lacks are asked about: any ARN of theirs."""
FEDERATED = ("sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity")
"""Actions of a trust policy for callers from an identity provider; no operation of the lab asks IAM about them."""

# One action of each of these services that says at once what is at stake; other services get a made-up name. The first
# stands for all that nobody names, when a policy has a bare star.
_TELLING = (
    "ec2:TerminateInstances", "s3:DeleteBucket", "s3:GetObject", "lambda:UpdateFunctionCode", "kms:Decrypt",
    "secretsmanager:GetSecretValue", "dynamodb:DeleteTable", "rds:DeleteDBInstance", "logs:DeleteLogGroup",
    "ecs:UpdateService", "eks:DeleteCluster", "organizations:LeaveOrganization", "ssm:GetParameter",
    "sns:Publish", "sqs:SendMessage", "cloudformation:DeleteStack",
)  # fmt: skip
# What everybody understands comes first among its like.
_FIRST = (
    "iam:AttachUserPolicy", "iam:PutUserPolicy", "iam:CreateAccessKey", "ecr:SetRepositoryPolicy",
    "ecr:PutRegistryPolicy", "sts:AssumeRole", "ecr:DeleteRepository", "ecr:BatchDeleteImage", "ecr:PutImage",
    "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:DescribeImages", "ecr:ListImages",
    "ecr:DescribeRepositories",
)  # fmt: skip
_READS = re.compile(r"(?:Get|List|Describe|BatchGet|BatchCheck|Lookup|Simulate|Validate|Decode)")


@dataclass(frozen=True)
class Group:
    """Actions that no statement tells apart, those that tell most first.

    ``kind`` is the kind of thing they are asked about, ``keys`` the names of the keys that their requests bring
    (`ecrlab.aws.authorization.keys.KEYS`), ``matched`` the numbers of the statements that cover them.
    """

    kind: str
    service: str
    keys: tuple[str, ...]
    matched: tuple[int, ...]
    actions: tuple[str, ...]


def tier(action: str) -> int:
    """Return 0 for an action that hands out rights, 1 for one that writes, 2 for one that reads."""
    if action.lower().startswith((*HANDS_OUT, "sts:assumerole")):
        return 0
    return 2 if _READS.match(action.partition(":")[2]) else 1


def telling(action: str) -> int:
    """Return how little an action tells of what is at stake among its like (`tier`)."""
    return _FIRST.index(action) if action in _FIRST else len(_FIRST)


def wild(text: str) -> bool:
    """Tell whether a text has a wildcard."""
    return "*" in text or "?" in text


@lru_cache(maxsize=1)
def asked() -> dict[str, str]:
    """Return the actions that requests ask, with the kind of thing they are asked about."""
    # Amazon ECS counts as a service that the lab lacks: there is no world of clusters to try its actions in.
    known = {action: kind for action, kind in actions().items() if kind != "none" and not action.startswith("ecs:")}
    return {**known, **dict.fromkeys(FEDERATED, "role to assume")}


@lru_cache(maxsize=1)
def services() -> frozenset[str]:
    """Return the services whose actions are all known."""
    return frozenset(action.partition(":")[0] for action in asked())


@lru_cache(maxsize=1024)
def covered(named: Actions) -> frozenset[str]:
    """Return the actions of the lab's services that an Action element covers."""
    return frozenset(action for action in asked() if named.match(action.lower()))


@lru_cache(maxsize=1024)
def keys(action: str) -> tuple[str, ...]:
    """Return the names of the keys that an action's requests bring."""
    if action in ("sts:TagSession", "sts:SetSourceIdentity", *FEDERATED):
        return ("request tags", "session")
    return next((rule.keys for rule in RULES.values() if action in rule.actions), ())


def groups(
    statements: Sequence[Statement], granting: Callable[[int], bool], looked_at: Callable[[str, str], bool]
) -> list[Group]:
    """Group the actions that statements grant.

    Args:
        statements: all that speak; a group names them by their numbers.
        granting: tells by its number whether a statement may grant something.
        looked_at: tells by action and kind of thing whether it is to be looked at.
    """
    covering: dict[str, list[int]] = {}
    for number, statement in enumerate(statements):
        for action in covered(statement.actions):
            covering.setdefault(action, []).append(number)
    found: dict[tuple[str, str, tuple[str, ...], tuple[int, ...]], list[str]] = {}
    for action, kind in asked().items():
        matched = tuple(covering.get(action, ()))
        if any(map(granting, matched)) and looked_at(action, kind):
            found.setdefault((kind, action.partition(":")[0], keys(action), matched), []).append(action)
    for action, matched in _foreign(statements):
        if any(map(granting, matched)) and looked_at(action, FOREIGN):
            found[FOREIGN, action.partition(":")[0], (), matched] = [action]
    return [
        Group(*key, tuple(sorted(names, key=lambda name: (tier(name), telling(name), name))))
        for key, names in found.items()
    ]


def _foreign(statements: Sequence[Statement]) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Actions of services that the lab lacks, one for each way to tell them apart, and the statements that cover it."""
    written = {value.lower(): value for statement in statements for value in statement.actions.values}
    numbers = {value: number for number, value in enumerate(written)}
    # Actions have no variables: a pattern always resolves.
    words = Words((pattern(value, Style.GLOB, False).resolve({}) or [] for value in written), Style.GLOB)
    spelled = {**{each.lower(): each for each in _TELLING}, **written}
    named = [value.partition(":")[0] for value in written if ":" in value]
    arns = (value.split(":") for statement in statements if statement.resources for value in statement.resources.values)
    named += [parts[2] for parts in arns if len(parts) > 2]
    others = [service for service in named if service not in services() and not wild(service)]
    for service in dict.fromkeys([*others, _TELLING[0].partition(":")[0]]):
        front = service + ":"
        names = [each.removeprefix(front) for each in spelled if each.startswith(front) and not wild(each)]
        for accepted, name in words.each(ACTION, words.after(front), names).items():
            yield (
                spelled.get(front + name, front + name),
                tuple(
                    number
                    for number, statement in enumerate(statements)
                    if any(accepted & words.final[numbers[value.lower()]] for value in statement.actions.values)
                    is not statement.actions.negated
                ),
            )
