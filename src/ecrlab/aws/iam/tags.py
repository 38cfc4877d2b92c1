"""The tags of users, roles and policies."""

from __future__ import annotations

from collections.abc import Iterable

from ecrlab.aws.iam.errors import limit_exceeded
from ecrlab.aws.iam.quotas import TAG_LIMIT
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.wire.errors import ApiError


def shown_tags(document: Document) -> list[dict[str, str]]:
    """Return the tags of an entity as answers show them."""
    return [{"Key": key, "Value": value} for key, value in document["tags"].items()]


def merged_tags(
    old: dict[str, str],
    new: Iterable[dict[str, str]],
    too_many: str = f"Cannot exceed quota for TagsPerResource: {TAG_LIMIT}",
) -> dict[str, str]:
    """Return the tags of an entity with new ones; raise ApiError for a key twice, and for more than there may be."""
    new = list(new)
    keys = [tag["Key"].lower() for tag in new]
    if len(set(keys)) < len(keys):
        raise ApiError(
            "InvalidInputException", "Duplicate tag keys found. Please note that Tag keys are case insensitive."
        )
    result = {key: value for key, value in old.items() if key.lower() not in keys}
    result.update({tag["Key"]: tag["Value"] for tag in new})
    if len(result) > TAG_LIMIT:
        raise limit_exceeded(too_many)
    return result
