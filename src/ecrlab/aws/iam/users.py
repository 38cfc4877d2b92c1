"""IAM users."""

from __future__ import annotations

from typing import Any

from ecrlab.aws.iam.boundaries import checked_boundary, shown_boundary
from ecrlab.aws.iam.errors import already_exists, delete_conflict
from ecrlab.aws.iam.holders import holder_named, refuse_when_held
from ecrlab.aws.iam.pages import paged
from ecrlab.aws.iam.quotas import refuse_too_many
from ecrlab.aws.iam.tags import merged_tags, shown_tags
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.operations import Call, operation


def shown_user(user: Document, full: bool = True) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Path": user["path"],
        "UserName": user["name"],
        "UserId": user["id"],
        "Arn": user["arn"],
        "CreateDate": user["created"],
    }
    if full:
        shown["PermissionsBoundary"] = shown_boundary(user)
        shown["Tags"] = shown_tags(user) or None
    return shown


@operation("iam", "CreateUser")
def create_user(call: Call) -> dict[str, Any]:
    identities, name = call.cloud.identities, call.params["UserName"]
    if identities.taken("users", call.account, name):
        raise already_exists(f"User with name {name} already exists.")
    refuse_too_many(call, "users")
    tags = merged_tags({}, call.params.get("Tags", ()))
    boundary = checked_boundary(call, call.params.get("PermissionsBoundary"))
    with call.cloud.store.transaction():
        user = identities.new_user(call.account, name, call.now, call.params.get("Path", "/"), tags)
        if boundary:
            user["boundary"] = boundary
            identities.put("users", call.account, user)
    return {"User": shown_user(user)}


@operation("iam", "GetUser")
def get_user(call: Call) -> dict[str, Any]:
    return {"User": shown_user(holder_named(call, "User"))}


@operation("iam", "ListUsers")
def list_users(call: Call) -> dict[str, Any]:
    prefix = call.params.get("PathPrefix", "/")
    users = [
        shown_user(user, full=False)
        for user in call.cloud.identities.all("users", call.account)
        if user["path"].startswith(prefix)
    ]
    return paged(call, users, "Users")


@operation("iam", "UpdateUser")
def update_user(call: Call) -> None:
    identities = call.cloud.identities
    user = holder_named(call, "User")
    name = str(call.params.get("NewUserName", user["name"]))
    path = str(call.params.get("NewPath", user["path"]))
    if name != user["name"] and identities.taken("users", call.account, name):  # its own in other letters too (A043)
        raise already_exists(f"User with name {name} already exists.")
    with call.cloud.store.transaction():
        identities.delete("users", call.account, user["name"])
        for key in identities.keys_of(call.account, user["name"]):
            identities.keys.put(key["id"], {**key, "user": name})
        renamed = {**user, "name": name, "path": path, "arn": f"arn:aws:iam::{call.account}:user{path}{name}"}
        identities.put("users", call.account, renamed)


@operation("iam", "DeleteUser")
def delete_user(call: Call) -> None:
    identities = call.cloud.identities
    user = holder_named(call, "User")
    if identities.keys_of(call.account, user["name"]):
        raise delete_conflict("Cannot delete entity, must delete access keys first.")
    if user["groups"]:
        raise delete_conflict("Cannot delete entity, must remove users from group first.")
    refuse_when_held(user)
    identities.delete("users", call.account, user["name"])
