"""Managed policies and their versions."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from ecrlab.aws.iam.documents import checked_policy, length
from ecrlab.aws.iam.errors import already_exists, delete_conflict, limit_exceeded, no_such_entity
from ecrlab.aws.iam.pages import paged
from ecrlab.aws.iam.quotas import MANAGED_LIMIT, VERSIONS_PER_POLICY, refuse_too_many
from ecrlab.aws.iam.tags import merged_tags, shown_tags
from ecrlab.aws.identity.identities import Document, new_id
from ecrlab.aws.identity.managed import managed_policies
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError


def policy_named(call: Call, arn: str) -> Document:
    """Return a managed policy; raise NoSuchEntity when there is none of this ARN."""
    found = call.cloud.identities.managed(arn)
    if found is None:
        raise no_such_entity(f"Policy {arn} was not found.")
    return found


def own_policy(call: Call) -> Document:
    """Return the managed policy that a call would change; raise AccessDenied for one of AWS."""
    arn = call.params["PolicyArn"]
    policy = policy_named(call, arn)
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
        raise already_exists(f"A policy called {name} already exists. Duplicate names are not allowed.")
    refuse_too_many(call, "policies")
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
    if length(text) > MANAGED_LIMIT:
        raise limit_exceeded(f"Cannot exceed quota for PolicySize: {MANAGED_LIMIT}")


@operation("iam", "GetPolicy")
def get_policy(call: Call) -> dict[str, Any]:
    policy = policy_named(call, call.params["PolicyArn"])
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
    policy = own_policy(call)
    for _, holder in call.cloud.identities.attachments(call.account):
        if policy["arn"] in holder["attached"] or policy["arn"] == holder.get("boundary"):
            raise delete_conflict("Cannot delete a policy attached to entities.")
    if len(policy["versions"]) > 1:
        raise delete_conflict(
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
        raise no_such_entity(f"Policy {policy['arn']} version {version} does not exist or is not attachable.")
    return version


@operation("iam", "CreatePolicyVersion")
def create_policy_version(call: Call) -> dict[str, Any]:
    policy, text = own_policy(call), call.params["PolicyDocument"]
    _checked_managed(text)
    if len(policy["versions"]) >= VERSIONS_PER_POLICY:
        raise limit_exceeded(
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
    policy = policy_named(call, call.params["PolicyArn"])
    return {"PolicyVersion": shown_version(policy, _named_version(call, policy))}


@operation("iam", "ListPolicyVersions")
def list_policy_versions(call: Call) -> dict[str, Any]:
    policy = policy_named(call, call.params["PolicyArn"])
    newest = sorted(policy["versions"], key=lambda version: -int(version[1:]))
    return paged(call, [shown_version(policy, version, document=False) for version in newest], "Versions")


@operation("iam", "SetDefaultPolicyVersion")
def set_default_policy_version(call: Call) -> None:
    policy = own_policy(call)
    policy["default"] = _named_version(call, policy)
    policy["updated"] = call.now
    call.cloud.identities.put("policies", call.account, policy)


@operation("iam", "DeletePolicyVersion")
def delete_policy_version(call: Call) -> None:
    policy = own_policy(call)
    version = _named_version(call, policy)
    if version == policy["default"]:
        raise delete_conflict("Cannot delete the default version of a policy.")
    del policy["versions"][version]
    call.cloud.identities.put("policies", call.account, policy)
