"""AWS Identity and Access Management: users, groups, roles, managed and inline policies, access keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from ecrlab.aws.identity.identities import Document, new_id
from ecrlab.aws.identity.managed import managed_policies
from ecrlab.aws.operations import Call, operation, page
from ecrlab.aws.wire.errors import ApiError
from ecrlab.policy import Policy, PolicyError, PolicyKind, parse_policy

KINDS = {"User": "users", "Group": "groups", "Role": "roles"}
KEYS_PER_USER = 2
POLICIES_PER_HOLDER = 10
GROUPS_PER_USER = 10
# How many of each an account may have (AWS: IAM User Guide, IAM and AWS STS quotas; facts I029 for roles).
QUOTAS = {"users": 5000, "groups": 300, "roles": 1000, "policies": 1500}
VERSIONS_PER_POLICY = 5
# Characters of all inline policies together, white space not counted (facts I029).
INLINE_LIMIT = {"users": 2048, "groups": 5120, "roles": 10240}
MANAGED_LIMIT = 6144
TRUST_LIMIT = 2048
TAG_LIMIT = 50


def _no_such(text: str) -> ApiError:
    return ApiError("NoSuchEntityException", text)


def _exists(text: str) -> ApiError:
    return ApiError("EntityAlreadyExistsException", text)


def _conflict(text: str) -> ApiError:
    return ApiError("DeleteConflictException", text)


def _limit(text: str) -> ApiError:
    return ApiError("LimitExceededException", text)


def _refuse_too_many(call: Call, kind: str) -> None:
    quota = QUOTAS[kind]
    if len(call.cloud.identities.all(kind, call.account)) >= quota:
        raise _limit(f"Cannot exceed quota for {kind.title()}PerAccount: {quota}")


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
        raise _no_such(f"The {word.lower()} with name {name} cannot be found.")
    if call.operation in _NOT_ON_SERVICE_ROLES and found["path"].startswith("/aws-service-role/"):
        raise ApiError(
            "UnmodifiableEntityException",
            f"Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS",
        )
    return found


def paged(call: Call, items: list[Any], name: str, **more: Any) -> dict[str, Any]:
    """Return the page of ``items`` that Marker and MaxItems ask for, under ``name``."""

    def refuse() -> ApiError:
        return ApiError("ValidationError", "Invalid Marker.")

    shown, marker = page(items, call.params.get("Marker"), call.params.get("MaxItems") or 100, refuse)
    return {name: shown, "IsTruncated": marker is not None, "Marker": marker, **more}


def checked_policy(text: str, kind: PolicyKind) -> None:
    """Raise MalformedPolicyDocument with IAM's text when ``text`` is not a policy of this kind."""
    try:
        parse_policy(text, kind)
    except PolicyError as error:
        raise ApiError("MalformedPolicyDocumentException", error.message) from None


def _refuse_trust(call: Call, text: str) -> None:
    checked_policy(text, "trust")
    stranger = call.cloud.identities.stranger(parse_policy(text, "trust"))
    if stranger:
        raise ApiError("MalformedPolicyDocumentException", f'Invalid principal in policy: "AWS":"{stranger}"')
    _refuse_shared_issuer(parse_policy(text, "trust"))
    if _length(text) > TRUST_LIMIT:
        raise _limit(f"Cannot exceed quota for ACLSizePerRole: {TRUST_LIMIT}")


# Issuers that sign for everybody: the claim that tells one customer's tokens from another's must be tested (fact D095).
_SHARED_ISSUERS = {
    "token.actions.githubusercontent.com": "sub",
    "gitlab.com": "sub",
    "agent.buildkite.com": "sub",
    "app.terraform.io": "sub",
    "oidc.vercel.com": "aud",
}


def _refuse_shared_issuer(policy: Policy) -> None:
    """Raise MalformedPolicyDocument for a statement that lets in everybody whom a shared issuer signs for.

    The code is AWS's, the sentence the lab's (facts D095, D096).
    """
    for statement in policy.statements:
        entries = statement.principals.entries if statement.principals else ()
        for kind, value in entries:
            host = value.partition(":oidc-provider/")[2].partition("/")[0].lower()
            if kind != "Federated" or statement.effect != "Allow" or host not in _SHARED_ISSUERS:
                continue
            key = f"{host}:{_SHARED_ISSUERS[host]}"
            tests = [each.values for each in statement.conditions if each.key.lower() == key]
            if not tests or all(not value.strip("*?") for values in tests for value in values):
                raise ApiError(
                    "MalformedPolicyDocumentException",
                    f"{host} signs tokens for everybody: a trust policy must test {key}, and not for anything.",
                )


def _length(text: str) -> int:
    return sum(not character.isspace() for character in text)


def _word(call: Call) -> str:
    """Return "User", "Group" or "Role": the kind of entity in the operation's name."""
    for word in KINDS:
        if word in call.operation:
            return word
    raise AssertionError(call.operation)


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
        raise _limit(too_many)
    return result


# ---------------------------------------------------------------------------------------------------------------- users


def shown_user(user: Document, full: bool = True) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "Path": user["path"],
        "UserName": user["name"],
        "UserId": user["id"],
        "Arn": user["arn"],
        "CreateDate": user["created"],
    }
    if full:
        shown["PermissionsBoundary"] = _boundary(user)
        shown["Tags"] = shown_tags(user) or None
    return shown


def _boundary(holder: Document) -> dict[str, str] | None:
    arn = holder.get("boundary")
    return {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": arn} if arn else None


def _checked_boundary(call: Call, arn: str | None) -> str | None:
    if arn and call.cloud.identities.text_of(arn) is None:
        raise _no_such(f"Scope ARN: {arn} does not exist or is not attachable.")
    return arn


@operation("iam", "CreateUser")
def create_user(call: Call) -> dict[str, Any]:
    identities, name = call.cloud.identities, call.params["UserName"]
    if identities.taken("users", call.account, name):
        raise _exists(f"User with name {name} already exists.")
    _refuse_too_many(call, "users")
    tags = merged_tags({}, call.params.get("Tags", ()))
    boundary = _checked_boundary(call, call.params.get("PermissionsBoundary"))
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
        raise _exists(f"User with name {name} already exists.")
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
        raise _conflict("Cannot delete entity, must delete access keys first.")
    if user["groups"]:
        raise _conflict("Cannot delete entity, must remove users from group first.")
    _refuse_when_held(user)
    identities.delete("users", call.account, user["name"])


def _refuse_when_held(holder: Document) -> None:
    if holder["inline"]:
        raise _conflict("Cannot delete entity, must delete policies first.")
    if holder["attached"]:
        raise _conflict("Cannot delete entity, must detach all policies first.")


# --------------------------------------------------------------------------------------------------------- access keys


def _key(call: Call, user: Document) -> Document:
    key_id = call.params["AccessKeyId"]
    key = call.cloud.identities.keys.get(key_id)
    if key is None or (key["account"], key["user"]) != (call.account, user["name"]):
        raise _no_such(f"The Access Key with id {key_id} cannot be found.")
    return key


@operation("iam", "CreateAccessKey")
def create_access_key(call: Call) -> dict[str, Any]:
    identities, user = call.cloud.identities, holder_named(call, "User")
    if len(identities.keys_of(call.account, user["name"])) >= KEYS_PER_USER:
        raise _limit(f"Cannot exceed quota for AccessKeysPerUser: {KEYS_PER_USER}")
    key = identities.new_key(call.account, user["name"], call.now)
    return {
        "AccessKey": {
            "UserName": user["name"],
            "AccessKeyId": key["id"],
            "Status": key["status"],
            "SecretAccessKey": key["secret"],
            "CreateDate": key["created"],
        }
    }


@operation("iam", "ListAccessKeys")
def list_access_keys(call: Call) -> dict[str, Any]:
    user = holder_named(call, "User")
    keys = [
        {"UserName": user["name"], "AccessKeyId": key["id"], "Status": key["status"], "CreateDate": key["created"]}
        for key in call.cloud.identities.keys_of(call.account, user["name"])
    ]
    return paged(call, keys, "AccessKeyMetadata")


@operation("iam", "UpdateAccessKey")
def update_access_key(call: Call) -> None:
    key = _key(call, holder_named(call, "User"))
    call.cloud.identities.keys.put(key["id"], {**key, "status": call.params["Status"]})


@operation("iam", "DeleteAccessKey")
def delete_access_key(call: Call) -> None:
    call.cloud.identities.keys.delete(_key(call, holder_named(call, "User"))["id"])


@operation("iam", "GetAccessKeyLastUsed")
def get_access_key_last_used(call: Call) -> dict[str, Any]:
    key = call.cloud.identities.keys.get(call.params["AccessKeyId"])
    if key is None or key["account"] != call.account:
        raise ApiError("AccessDenied", f"The Access Key with id {call.params['AccessKeyId']} cannot be found.", 403)
    used = call.cloud.last_used.get(key["id"])
    last = (
        {"LastUsedDate": used[0], "ServiceName": used[1], "Region": used[2]}
        if used
        else {"ServiceName": "N/A", "Region": "N/A"}
    )
    return {"UserName": key["user"], "AccessKeyLastUsed": last}


# --------------------------------------------------------------------------------------------------------------- groups


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
        raise _exists(f"Group with name {name} already exists.")
    _refuse_too_many(call, "groups")
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
        raise _exists(f"Group with name {name} already exists.")
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
        raise _conflict("Cannot delete entity, must remove users from group first.")
    _refuse_when_held(group)
    identities.delete("groups", call.account, group["name"])


@operation("iam", "AddUserToGroup", "RemoveUserFromGroup")
def change_membership(call: Call) -> None:
    group, user = holder_named(call, "Group"), holder_named(call, "User")
    groups = [name for name in user["groups"] if name != group["name"]]
    if call.operation == "AddUserToGroup":
        if len(groups) >= GROUPS_PER_USER:
            raise _limit(f"Cannot exceed quota for GroupsPerUser: {GROUPS_PER_USER}")
        groups.append(group["name"])
    call.cloud.identities.put("users", call.account, {**user, "groups": groups})


# ---------------------------------------------------------------------------------------------------------------- roles


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
        shown["PermissionsBoundary"] = _boundary(role)
        shown["Tags"] = shown_tags(role) or None
        used = call.cloud.last_used.get(role["id"])
        shown["RoleLastUsed"] = {"LastUsedDate": used[0], "Region": used[2]} if used else {}
    return shown


@operation("iam", "CreateRole")
def create_role(call: Call) -> dict[str, Any]:
    identities, name, path = call.cloud.identities, call.params["RoleName"], call.params.get("Path", "/")
    trust = call.params["AssumeRolePolicyDocument"]
    _refuse_trust(call, trust)
    if identities.taken("roles", call.account, name):
        raise _exists(f"Role with name {name} already exists.")
    _refuse_too_many(call, "roles")
    role: Document = {
        "name": name,
        "path": path,
        "id": new_id("AROA"),
        "arn": f"arn:aws:iam::{call.account}:role{path}{name}",
        "created": call.now,
        "trust": trust,
        "description": call.params.get("Description"),
        "max_session": call.params.get("MaxSessionDuration", 3600),
        "boundary": _checked_boundary(call, call.params.get("PermissionsBoundary")),
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
    _refuse_trust(call, trust)
    return {**role, "trust": trust}


@operation("iam", "UpdateAssumeRolePolicy")
def update_assume_role_policy(call: Call) -> None:
    call.cloud.identities.put("roles", call.account, checked_trust(call))


@operation("iam", "DeleteRole")
def delete_role(call: Call) -> None:
    role = holder_named(call, "Role")
    _refuse_when_held(role)
    call.cloud.identities.delete("roles", call.account, role["name"])


@operation("iam", "ListInstanceProfilesForRole", simplified="Always empty: nothing here makes one.")
def list_instance_profiles_for_role(call: Call) -> dict[str, Any]:
    holder_named(call, "Role")
    return paged(call, [], "InstanceProfiles")


# ------------------------------------------------------------------------------------------------------ inline policies


def checked_inline(call: Call) -> Document:
    """Return the user, group or role of a Put…Policy as it would be; raise ApiError when it is refused."""
    word = _word(call)
    holder, name, text = holder_named(call, word), call.params["PolicyName"], call.params["PolicyDocument"]
    checked_policy(text, "identity")
    inline = {**holder["inline"], name: text}
    limit = INLINE_LIMIT[KINDS[word]]
    if sum(map(_length, inline.values())) > limit:
        raise _limit(f"Maximum policy size of {limit} bytes exceeded for {word.lower()} {holder['name']}")
    return {**holder, "inline": inline}


@operation("iam", "PutUserPolicy", "PutGroupPolicy", "PutRolePolicy")
def put_inline_policy(call: Call) -> None:
    call.cloud.identities.put(KINDS[_word(call)], call.account, checked_inline(call))


@operation("iam", "GetUserPolicy", "GetGroupPolicy", "GetRolePolicy")
def get_inline_policy(call: Call) -> dict[str, Any]:
    word = _word(call)
    holder, name = holder_named(call, word), call.params["PolicyName"]
    if name not in holder["inline"]:
        raise _no_such(f"The {word.lower()} policy with name {name} cannot be found.")
    return {f"{word}Name": holder["name"], "PolicyName": name, "PolicyDocument": quote(holder["inline"][name], safe="")}


@operation("iam", "DeleteUserPolicy", "DeleteGroupPolicy", "DeleteRolePolicy")
def delete_inline_policy(call: Call) -> None:
    word = _word(call)
    holder, name = holder_named(call, word), call.params["PolicyName"]
    if name not in holder["inline"]:
        raise _no_such(f"The {word.lower()} policy with name {name} cannot be found.")
    inline = {other: text for other, text in holder["inline"].items() if other != name}
    call.cloud.identities.put(KINDS[word], call.account, {**holder, "inline": inline})


@operation("iam", "ListUserPolicies", "ListGroupPolicies", "ListRolePolicies")
def list_inline_policies(call: Call) -> dict[str, Any]:
    return paged(call, sorted(holder_named(call, _word(call))["inline"]), "PolicyNames")


# ----------------------------------------------------------------------------------------------------- managed policies


def _policy(call: Call, arn: str) -> Document:
    found = call.cloud.identities.managed(arn)
    if found is None:
        raise _no_such(f"Policy {arn} was not found.")
    return found


def _own_policy(call: Call) -> Document:
    arn = call.params["PolicyArn"]
    policy = _policy(call, arn)
    if arn.startswith("arn:aws:iam::aws:"):
        raise ApiError("AccessDenied", f"Policy {arn} is managed by AWS and cannot be changed.", 403)
    return policy


def shown_policy(call: Call, policy: Document, counted: bool = True) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "PolicyName": policy["name"],
        "PolicyId": policy["id"],
        "Arn": policy["arn"],
        "Path": policy["path"],
        "DefaultVersionId": policy["default"],
        "IsAttachable": True,
        "CreateDate": policy["created"],
        "UpdateDate": policy["updated"],
    }
    if counted:
        holders = list(call.cloud.identities.attachments(call.account))
        shown["AttachmentCount"] = sum(policy["arn"] in holder["attached"] for _, holder in holders)
        shown["PermissionsBoundaryUsageCount"] = sum(policy["arn"] == holder.get("boundary") for _, holder in holders)
    return shown


@operation("iam", "CreatePolicy")
def create_policy(call: Call) -> dict[str, Any]:
    identities, name, path = call.cloud.identities, call.params["PolicyName"], call.params.get("Path", "/")
    text = call.params["PolicyDocument"]
    _checked_managed(text)
    if identities.taken("policies", call.account, name):
        raise _exists(f"A policy called {name} already exists. Duplicate names are not allowed.")
    _refuse_too_many(call, "policies")
    policy: Document = {
        "name": name,
        "path": path,
        "id": new_id("ANPA"),
        "arn": f"arn:aws:iam::{call.account}:policy{path}{name}",
        "created": call.now,
        "updated": call.now,
        "description": call.params.get("Description"),
        "tags": merged_tags({}, call.params.get("Tags", ())),
        "versions": {"v1": {"document": text, "created": call.now}},
        "default": "v1",
        "next": 2,
    }
    identities.put("policies", call.account, policy)
    return {"Policy": {**shown_policy(call, policy), "Tags": shown_tags(policy) or None}}


def _checked_managed(text: str) -> None:
    checked_policy(text, "identity")
    if _length(text) > MANAGED_LIMIT:
        raise _limit(f"Cannot exceed quota for PolicySize: {MANAGED_LIMIT}")


@operation("iam", "GetPolicy")
def get_policy(call: Call) -> dict[str, Any]:
    policy = _policy(call, call.params["PolicyArn"])
    more = {"Description": policy["description"] or None, "Tags": shown_tags(policy)}
    return {"Policy": {**shown_policy(call, policy), **more}}


@operation("iam", "ListPolicies")
def list_policies(call: Call) -> dict[str, Any]:
    scope, prefix = call.params.get("Scope", "All"), call.params.get("PathPrefix", "/")
    identities = call.cloud.identities
    policies = list(identities.all("policies", call.account)) if scope in ("All", "Local") else []
    if scope in ("All", "AWS"):
        policies += [found for arn in managed_policies() if (found := identities.managed(arn))]
    holders = list(identities.attachments(call.account))
    if call.params.get("OnlyAttached"):
        policies = [p for p in policies if any(p["arn"] in holder["attached"] for _, holder in holders)]
    usage = call.params.get("PolicyUsageFilter")
    if usage:
        member = (
            (lambda h, arn: arn in h["attached"])
            if usage == "PermissionsPolicy"
            else (lambda h, arn: arn == h.get("boundary"))
        )
        policies = [p for p in policies if any(member(holder, p["arn"]) for _, holder in holders)]
    return paged(call, [shown_policy(call, p) for p in policies if p["path"].startswith(prefix)], "Policies")


@operation("iam", "DeletePolicy")
def delete_policy(call: Call) -> None:
    policy = _own_policy(call)
    for _, holder in call.cloud.identities.attachments(call.account):
        if policy["arn"] in holder["attached"] or policy["arn"] == holder.get("boundary"):
            raise _conflict("Cannot delete a policy attached to entities.")
    if len(policy["versions"]) > 1:
        raise _conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
            "The default version is deleted with the policy."
        )
    call.cloud.identities.delete("policies", call.account, policy["name"])


def shown_version(policy: Document, version: str, document: bool = True) -> dict[str, Any]:
    found = policy["versions"][version]
    shown = {"VersionId": version, "IsDefaultVersion": version == policy["default"], "CreateDate": found["created"]}
    return {**shown, "Document": quote(found["document"], safe="")} if document else shown


def _named_version(call: Call, policy: Document) -> str:
    version = str(call.params["VersionId"])
    if version not in policy["versions"]:
        raise _no_such(f"Policy {policy['arn']} version {version} does not exist or is not attachable.")
    return version


@operation("iam", "CreatePolicyVersion")
def create_policy_version(call: Call) -> dict[str, Any]:
    policy, text = _own_policy(call), call.params["PolicyDocument"]
    _checked_managed(text)
    if len(policy["versions"]) >= VERSIONS_PER_POLICY:
        raise _limit(
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing "
            "version."
        )
    version = f"v{policy['next']}"
    policy["versions"][version] = {"document": text, "created": call.now}
    policy["next"] += 1
    if call.params.get("SetAsDefault"):
        policy["default"] = version
    policy["updated"] = call.now
    call.cloud.identities.put("policies", call.account, policy)
    return {"PolicyVersion": shown_version(policy, version, document=False)}


@operation("iam", "GetPolicyVersion")
def get_policy_version(call: Call) -> dict[str, Any]:
    policy = _policy(call, call.params["PolicyArn"])
    return {"PolicyVersion": shown_version(policy, _named_version(call, policy))}


@operation("iam", "ListPolicyVersions")
def list_policy_versions(call: Call) -> dict[str, Any]:
    policy = _policy(call, call.params["PolicyArn"])
    newest = sorted(policy["versions"], key=lambda version: -int(version[1:]))
    return paged(call, [shown_version(policy, version, document=False) for version in newest], "Versions")


@operation("iam", "SetDefaultPolicyVersion")
def set_default_policy_version(call: Call) -> None:
    policy = _own_policy(call)
    policy["default"] = _named_version(call, policy)
    policy["updated"] = call.now
    call.cloud.identities.put("policies", call.account, policy)


@operation("iam", "DeletePolicyVersion")
def delete_policy_version(call: Call) -> None:
    policy = _own_policy(call)
    version = _named_version(call, policy)
    if version == policy["default"]:
        raise _conflict("Cannot delete the default version of a policy.")
    del policy["versions"][version]
    call.cloud.identities.put("policies", call.account, policy)


@operation("iam", "AttachUserPolicy", "AttachGroupPolicy", "AttachRolePolicy")
def attach_policy(call: Call) -> None:
    word, arn = _word(call), call.params["PolicyArn"]
    holder = holder_named(call, word)
    policy = call.cloud.identities.managed(arn)
    if policy is None or (not arn.startswith("arn:aws:iam::aws:") and arn.split(":")[4] != call.account):
        raise _no_such(f"Policy {arn} does not exist or is not attachable.")
    if policy["path"].startswith("/aws-service-role/"):
        raise ApiError("PolicyNotAttachableException", f"Cannot attach a Service Role Policy to a Customer {word}.")
    if arn in holder["attached"]:
        return
    if len(holder["attached"]) >= POLICIES_PER_HOLDER:
        raise _limit(f"Cannot exceed quota for PoliciesPer{word}: {POLICIES_PER_HOLDER}")
    call.cloud.identities.put(KINDS[word], call.account, {**holder, "attached": [*holder["attached"], arn]})


@operation("iam", "DetachUserPolicy", "DetachGroupPolicy", "DetachRolePolicy")
def detach_policy(call: Call) -> None:
    word, arn = _word(call), call.params["PolicyArn"]
    holder = holder_named(call, word)
    if arn not in holder["attached"]:
        raise _no_such(f"Policy {arn} was not found.")
    attached = [other for other in holder["attached"] if other != arn]
    call.cloud.identities.put(KINDS[word], call.account, {**holder, "attached": attached})


@operation("iam", "ListAttachedUserPolicies", "ListAttachedGroupPolicies", "ListAttachedRolePolicies")
def list_attached_policies(call: Call) -> dict[str, Any]:
    attached = holder_named(call, _word(call))["attached"]
    prefix = call.params.get("PathPrefix", "/")
    shown = [
        {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}
        for arn in attached
        if ("/" + arn.partition("/")[2]).startswith(prefix)
    ]
    return paged(call, shown, "AttachedPolicies")


@operation("iam", "ListEntitiesForPolicy")
def list_entities_for_policy(call: Call) -> dict[str, Any]:
    policy, wanted = _policy(call, call.params["PolicyArn"]), call.params.get("EntityFilter")
    boundary = call.params.get("PolicyUsageFilter") == "PermissionsBoundary"
    found = []
    for kind, holder in call.cloud.identities.attachments(call.account):
        holds = (policy["arn"] == holder.get("boundary")) if boundary else (policy["arn"] in holder["attached"])
        if holds and (wanted == kind.title() or wanted not in ("User", "Group", "Role")):
            found.append((kind, holder))
    answer = paged(call, found, "all")
    shown = answer.pop("all")
    for kind in ("user", "group", "role"):
        word = kind.title()
        answer[f"Policy{word}s"] = [
            {f"{word}Name": holder["name"], f"{word}Id": holder["id"]} for each, holder in shown if each == kind
        ]
    return answer


@operation("iam", "PutUserPermissionsBoundary", "PutRolePermissionsBoundary")
def put_boundary(call: Call) -> None:
    word = _word(call)
    holder = holder_named(call, word)
    boundary = _checked_boundary(call, call.params["PermissionsBoundary"])
    call.cloud.identities.put(KINDS[word], call.account, {**holder, "boundary": boundary})


@operation("iam", "DeleteUserPermissionsBoundary", "DeleteRolePermissionsBoundary")
def delete_boundary(call: Call) -> None:
    word = _word(call)
    holder = holder_named(call, word)
    if not holder["boundary"]:
        raise _no_such(f"{word} {holder['name']} does not have a permissions boundary.")
    call.cloud.identities.put(KINDS[word], call.account, {**holder, "boundary": None})


# ----------------------------------------------------------------------------------------------------------------- tags


def _tagged(call: Call) -> tuple[str, Document]:
    if "PolicyArn" in call.params:
        return "policies", _own_policy(call)
    word = _word(call)
    return KINDS[word], holder_named(call, word)


@operation("iam", "TagUser", "TagRole", "TagPolicy")
def tag(call: Call) -> None:
    kind, document = _tagged(call)
    document["tags"] = merged_tags(document["tags"], call.params["Tags"])
    call.cloud.identities.put(kind, call.account, document)


@operation("iam", "UntagUser", "UntagRole", "UntagPolicy")
def untag(call: Call) -> None:
    kind, document = _tagged(call)
    document["tags"] = {key: value for key, value in document["tags"].items() if key not in call.params["TagKeys"]}
    call.cloud.identities.put(kind, call.account, document)


@operation("iam", "ListUserTags", "ListRoleTags", "ListPolicyTags")
def list_tags(call: Call) -> dict[str, Any]:
    return paged(call, shown_tags(_tagged(call)[1]), "Tags")


@operation("iam", "ListAccountAliases", simplified="Always empty: nothing here makes one.")
def list_account_aliases(call: Call) -> dict[str, Any]:
    return paged(call, [], "AccountAliases")
