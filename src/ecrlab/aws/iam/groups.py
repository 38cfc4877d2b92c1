"""IAM groups, and who is in them."""

from __future__ import annotations

from typing import Any

from ecrlab.aws.iam.errors import already_exists, delete_conflict, limit_exceeded
from ecrlab.aws.iam.holders import holder_named, refuse_when_held
from ecrlab.aws.iam.pages import paged
from ecrlab.aws.iam.quotas import GROUPS_PER_USER, refuse_too_many
from ecrlab.aws.iam.users import shown_user
from ecrlab.aws.identity.identities import Document, new_id
from ecrlab.aws.operations import Call, operation


def shown_group(group: Document) -> dict[str, Any]:
    return {
        "Path": group["path"],
        "GroupName": group["name"],
        "GroupId": group["id"],
        "Arn": group["arn"],
        "CreateDate": group["created"],
    }


@operation("iam", "CreateGroup")
def create_group(call: Call) -> dict[str, Any]:
    identities, name, path = call.cloud.identities, call.params["GroupName"], call.params.get("Path", "/")
    if identities.taken("groups", call.account, name):
        raise already_exists(f"Group with name {name} already exists.")
    refuse_too_many(call, "groups")
    group: Document = {
        "name": name,
        "path": path,
        "id": new_id("AGPA"),
        "arn": f"arn:aws:iam::{call.account}:group{path}{name}",
        "created": call.now,
        "inline": {},
        "attached": [],
    }
    identities.put("groups", call.account, group)
    return {"Group": shown_group(group)}


@operation("iam", "GetGroup")
def get_group(call: Call) -> dict[str, Any]:
    group = holder_named(call, "Group")
    users = [
        shown_user(user, full=False)
        for user in call.cloud.identities.all("users", call.account)
        if group["name"] in user["groups"]
    ]
    return paged(call, users, "Users", Group=shown_group(group))


@operation("iam", "ListGroups")
def list_groups(call: Call) -> dict[str, Any]:
    prefix = call.params.get("PathPrefix", "/")
    return paged(
        call,
        [shown_group(g) for g in call.cloud.identities.all("groups", call.account) if g["path"].startswith(prefix)],
        "Groups",
    )


@operation("iam", "ListGroupsForUser")
def list_groups_for_user(call: Call) -> dict[str, Any]:
    groups = (call.cloud.identities.get("groups", call.account, name) for name in holder_named(call, "User")["groups"])
    return paged(call, [shown_group(group) for group in groups if group], "Groups")


@operation("iam", "UpdateGroup")
def update_group(call: Call) -> None:
    identities = call.cloud.identities
    group = holder_named(call, "Group")
    name = str(call.params.get("NewGroupName", group["name"]))
    path = str(call.params.get("NewPath", group["path"]))
    if name != group["name"] and identities.taken("groups", call.account, name):  # its own in other letters too (A043)
        raise already_exists(f"Group with name {name} already exists.")
    with call.cloud.store.transaction():
        identities.delete("groups", call.account, group["name"])
        for user in identities.all("users", call.account):
            if group["name"] in user["groups"]:
                groups = [name if each == group["name"] else each for each in user["groups"]]
                identities.put("users", call.account, {**user, "groups": groups})
        renamed = {**group, "name": name, "path": path, "arn": f"arn:aws:iam::{call.account}:group{path}{name}"}
        identities.put("groups", call.account, renamed)


@operation("iam", "DeleteGroup")
def delete_group(call: Call) -> None:
    identities, group = call.cloud.identities, holder_named(call, "Group")
    if any(group["name"] in user["groups"] for user in identities.all("users", call.account)):
        raise delete_conflict("Cannot delete entity, must remove users from group first.")
    refuse_when_held(group)
    identities.delete("groups", call.account, group["name"])


@operation("iam", "AddUserToGroup", "RemoveUserFromGroup")
def change_membership(call: Call) -> None:
    group, user = holder_named(call, "Group"), holder_named(call, "User")
    groups = [name for name in user["groups"] if name != group["name"]]
    if call.operation == "AddUserToGroup":
        if len(groups) >= GROUPS_PER_USER:
            raise limit_exceeded(f"Cannot exceed quota for GroupsPerUser: {GROUPS_PER_USER}")
        groups.append(group["name"])
    call.cloud.identities.put("users", call.account, {**user, "groups": groups})
