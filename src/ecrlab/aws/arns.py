"""ARNs among the parameters of a request: judged by their form, before rights and before anything is looked up."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from botocore.model import ListShape, Shape, StructureShape

from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.wire.models import Operation

REPOSITORY = re.compile(r"arn:aws[\w-]*:ecr:([\w-]+):(\d{12}):repository/(.+)")
PUBLIC_REPOSITORY = re.compile(r"arn:aws:ecr-public::(\d{12}):repository/(.+)")
_ROLE = re.compile(r"arn:aws[\w-]*:iam::\d{12}:role/.+")
# The shapes of an ARN whose form the models leave open.
_SHAPES = {"arnType", "Arn", "CustomRoleArn"}


def is_arn(text: str) -> bool:
    """Tell whether a text is an ARN at all: six parts, of which partition, service and resource are not empty.

    So are the five that AWS STS refused in recordings (facts A058) told from an ARN of nothing that there is.
    """
    parts = text.split(":", 5)
    return len(parts) == 6 and parts[0] == "arn" and all((parts[1], parts[2], parts[5]))


def entity_of(arn: str) -> tuple[str, str, str]:
    """Return account ("" when left out), "user" | "group" | "role" and name that an ARN of the simulator's names.

    Raises ApiError: it names none.
    """
    parts = arn.split(":", 5)
    kind, slash, path = parts[5].partition("/") if len(parts) == 6 else ("", "", "")
    if parts[:3] != ["arn", "aws", "iam"] or kind not in ("user", "group", "role") or not slash or not path:
        text = f"Invalid Entity Arn: {arn} does not clearly define entity type and name."
        raise ApiError("InvalidInputException", text)
    return parts[4], kind, path.rpartition("/")[2]


def check_arns(operation: Operation, params: Mapping[str, Any]) -> None:
    """Refuse, in the words of the operation's service, what stands where an ARN belongs and is none.

    Raises ApiError.
    """
    shape, judge = operation.model.input_shape, _JUDGES.get(operation.service)
    if shape is not None and judge is not None:
        for member, arn in _arns(shape, params, ""):
            judge(member, arn)


def _arns(shape: Shape, value: Any, member: str) -> Iterator[tuple[str, str]]:
    """Yield every ARN among the parameters with the name of its member."""
    if isinstance(shape, StructureShape):
        for name, below in shape.members.items():
            if value.get(name) is not None:
                yield from _arns(below, value[name], name)
    elif isinstance(shape, ListShape):
        for each in value:
            yield from _arns(shape.member, each, member)
    elif shape.name in _SHAPES or member == "CallerArn":
        yield member, value


def _of_ecr(member: str, arn: str) -> None:
    _in_json(member, arn, REPOSITORY)


def _of_ecr_public(member: str, arn: str) -> None:
    _in_json(member, arn, PUBLIC_REPOSITORY)


def _in_json(member: str, arn: str, repository: re.Pattern[str]) -> None:
    """AWS's constraint is not known. An empty customRoleArn takes the role away."""
    pattern = _ROLE if member == "customRoleArn" else repository
    if not pattern.fullmatch(arn) and (arn or member != "customRoleArn"):
        raise ApiError(
            "InvalidParameterException",
            f"Invalid parameter at '{member}' failed to satisfy constraint: 'Invalid ARN {arn}'",
        )


def _of_iam(member: str, arn: str) -> None:
    """Recorded for AttachUserPolicy and AttachRolePolicy (facts A045); GetPolicy was seen to say the same through
    AWS Cloud Control (AWS::IAM::ManagedPolicy, 2025).
    """
    if member in ("PolicySourceArn", "CallerArn"):
        entity_of(arn)
    elif not is_arn(arn):
        raise ApiError("ValidationError", "Invalid ARN:  Could not be parsed!", 400)


def _of_sts(member: str, arn: str) -> None:
    """Recorded for RoleArn (facts A058)."""
    if not is_arn(arn):
        raise ApiError("ValidationError", f"{arn} is invalid", 400)


_JUDGES: dict[str, Callable[[str, str], None]] = {
    "ecr": _of_ecr,
    "ecr-public": _of_ecr_public,
    "iam": _of_iam,
    "sts": _of_sts,
}
