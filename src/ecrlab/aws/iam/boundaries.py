"""Permissions boundaries of users and roles."""

from __future__ import annotations

from ecrlab.aws.iam.errors import no_such_entity
from ecrlab.aws.iam.holders import KINDS, holder_named, word_of
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.operations import Call, operation


def shown_boundary(holder: Document) -> dict[str, str] | None:
    """Return the permissions boundary of a user or role as answers show it."""
    arn = holder.get("boundary")
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn} if arn else None


def checked_boundary(call: Call, arn: str | None) -> str | None:
    """Return the ARN of a boundary to set; raise NoSuchEntity when there is no such policy."""
    if arn and call.cloud.identities.text_of(arn) is None:
        raise no_such_entity(f"Scope ARN: {arn} does not exist or is not attachable.")
    return arn


@operation("iam", "PutUserPermissionsBoundary", "PutRolePermissionsBoundary")
def put_boundary(call: Call) -> None:
    word = word_of(call)
    holder = holder_named(call, word)
    boundary = checked_boundary(call, call.params["PermissionsBoundary"])
    call.cloud.identities.put(KINDS[word], call.account, {**holder, "boundary": boundary})


@operation("iam", "DeleteUserPermissionsBoundary", "DeleteRolePermissionsBoundary")
def delete_boundary(call: Call) -> None:
    word = word_of(call)
    holder = holder_named(call, word)
    if not holder["boundary"]:
        raise no_such_entity(f"{word} {holder['name']} does not have a permissions boundary.")
    call.cloud.identities.put(KINDS[word], call.account, {**holder, "boundary": None})
