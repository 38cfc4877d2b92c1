"""Users, groups and roles: what holds policies."""

from __future__ import annotations

from ecrlab.aws.iam.errors import delete_conflict, no_such_entity
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.operations import Call
from ecrlab.aws.wire.errors import ApiError

KINDS = {"User": "users", "Group": "groups", "Role": "roles"}


# What changes a role: of a service-linked one only its service may.
_NOT_ON_SERVICE_ROLES = {
    "AttachRolePolicy", "DeleteRole", "DeleteRolePermissionsBoundary", "DeleteRolePolicy", "DetachRolePolicy",
    "PutRolePermissionsBoundary", "PutRolePolicy", "UpdateAssumeRolePolicy", "UpdateRole",
}  # fmt: skip


def holder_named(call: Call, word: str, name: str | None = None) -> Document:
    """Return the user, group or role that a call names; a user defaults to the caller."""
    name = name or call.params.get(f"{word}Name")
    if name is None and word == "User":
        if call.principal.kind != "user":
            raise ApiError("ValidationError", "Must specify userName when calling with non-User credentials")
        name = call.principal.name
    found = call.cloud.identities.get(KINDS[word], call.account, str(name))
    if found is None:
        raise no_such_entity(f"The {word.lower()} with name {name} cannot be found.")
    if call.operation in _NOT_ON_SERVICE_ROLES and found["path"].startswith("/aws-service-role/"):
        raise ApiError(
            "UnmodifiableEntityException",
            f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS",
        )
    return found


def word_of(call: Call) -> str:
    """Return "User", "Group" or "Role": the kind of entity in the operation's name."""
    for word in KINDS:
        if word in call.operation:
            return word
    raise AssertionError(call.operation)


def refuse_when_held(holder: Document) -> None:
    """Raise DeleteConflict when a user, group or role still has policies."""
    if holder["inline"]:
        raise delete_conflict("Cannot delete entity, must delete policies first.")
    if holder["attached"]:
        raise delete_conflict("Cannot delete entity, must detach all policies first.")
