"""IAM roles."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ecrlab.aws.iam.boundaries import checked_boundary, shown_boundary
from ecrlab.aws.iam.errors import already_exists
from ecrlab.aws.iam.holders import holder_named, refuse_when_held
from ecrlab.aws.iam.pages import paged
from ecrlab.aws.iam.quotas import refuse_too_many
from ecrlab.aws.iam.tags import merged_tags, shown_tags
from ecrlab.aws.iam.trust import refuse_trust
from ecrlab.aws.identity.identities import Document, new_id
from ecrlab.aws.operations import Call, operation


def shown_role(call: Call, role: Document, full: bool = True) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Path": role["path"],
        "RoleName": role["name"],
        "RoleId": role["id"],
        "Arn": role["arn"],
        "CreateDate": role["created"],
        "AssumeRolePolicyDocument": quote(role["trust"], safe=""),
        "Description": role["description"],
        "MaxSessionDuration": role["max_session"],
    }
    if full:
        shown["PermissionsBoundary"] = shown_boundary(role)
        shown["Tags"] = shown_tags(role) or None
        used = call.cloud.last_used.get(role["id"])
        shown["RoleLastUsed"] = {"LastUsedDate": used[0], "Region": used[2]} if used else {}
    return shown


@operation("iam", "CreateRole")
def create_role(call: Call) -> dict[str, Any]:
    identities, name, path = call.cloud.identities, call.params["RoleName"], call.params.get("Path", "/")
    trust = call.params["AssumeRolePolicyDocument"]
    refuse_trust(call, trust)
    if identities.taken("roles", call.account, name):
        raise already_exists(f"Role with name {name} already exists.")
    refuse_too_many(call, "roles")
    role: Document = {
        "name": name,
        "path": path,
        "id": new_id("AROA"),
        "arn": f"arn:aws:iam::{call.account}:role{path}{name}",
        "created": call.now,
        "trust": trust,
        "description": call.params.get("Description"),
        "max_session": call.params.get("MaxSessionDuration", 3600),
        "boundary": checked_boundary(call, call.params.get("PermissionsBoundary")),
        "tags": merged_tags({}, call.params.get("Tags", ())),
        "inline": {},
        "attached": [],
    }
    identities.put("roles", call.account, role)
    # Neither is in AWS's answer, even when the first was given (facts A049).
    return {"Role": {**shown_role(call, role), "MaxSessionDuration": None, "RoleLastUsed": None}}


@operation("iam", "GetRole")
def get_role(call: Call) -> dict[str, Any]:
    return {"Role": shown_role(call, holder_named(call, "Role"))}


@operation("iam", "ListRoles")
def list_roles(call: Call) -> dict[str, Any]:
    prefix = call.params.get("PathPrefix", "/")
    roles = [
        shown_role(call, r, full=False)
        for r in call.cloud.identities.all("roles", call.account)
        if r["path"].startswith(prefix)
    ]
    return paged(call, roles, "Roles")


@operation("iam", "UpdateRole", "UpdateRoleDescription")
def update_role(call: Call) -> dict[str, Any]:
    role = holder_named(call, "Role")
    if "Description" in call.params:
        role["description"] = call.params["Description"]
    if "MaxSessionDuration" in call.params:
        role["max_session"] = call.params["MaxSessionDuration"]
    call.cloud.identities.put("roles", call.account, role)
    return {"Role": shown_role(call, role)} if call.operation == "UpdateRoleDescription" else {}


def checked_trust(call: Call) -> Document:
    """Return the role of an UpdateAssumeRolePolicy as it would be; raise ApiError when it is refused."""
    role, trust = holder_named(call, "Role"), call.params["PolicyDocument"]
    refuse_trust(call, trust)
    return {**role, "trust": trust}


@operation("iam", "UpdateAssumeRolePolicy")
def update_assume_role_policy(call: Call) -> None:
    call.cloud.identities.put("roles", call.account, checked_trust(call))


@operation("iam", "DeleteRole")
def delete_role(call: Call) -> None:
    role = holder_named(call, "Role")
    refuse_when_held(role)
    call.cloud.identities.delete("roles", call.account, role["name"])


@operation("iam", "ListInstanceProfilesForRole", simplified="Always empty: nothing here makes one.")
def list_instance_profiles_for_role(call: Call) -> dict[str, Any]:
    holder_named(call, "Role")
    return paged(call, [], "InstanceProfiles")
