"""Managed policies attached to users, groups and roles."""

from __future__ import annotations

from typing import Any

from ecrlab.aws.iam.errors import limit_exceeded, no_such_entity
from ecrlab.aws.iam.holders import KINDS, holder_named, word_of
from ecrlab.aws.iam.pages import paged
from ecrlab.aws.iam.policies import policy_named
from ecrlab.aws.iam.quotas import POLICIES_PER_HOLDER
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError


@operation("iam", "AttachUserPolicy", "AttachGroupPolicy", "AttachRolePolicy")
def attach_policy(call: Call) -> None:
    word, arn = word_of(call), call.params["PolicyArn"]
    holder = holder_named(call, word)
    policy = call.cloud.identities.managed(arn)
    if policy is None or (not arn.startswith("arn:aws:iam::aws:") and arn.split(":")[4] != call.account):
        raise no_such_entity(f"Policy {arn} does not exist or is not attachable.")
    if policy["path"].startswith("/aws-service-role/"):
        raise ApiError("PolicyNotAttachableException", f"Cannot attach a Service Role Policy to a Customer {word}.")
    if arn in holder["attached"]:
        return
    if len(holder["attached"]) >= POLICIES_PER_HOLDER:
        raise limit_exceeded(f"Cannot exceed quota for PoliciesPer{word}: {POLICIES_PER_HOLDER}")
    call.cloud.identities.put(KINDS[word], call.account, {**holder, "attached": [*holder["attached"], arn]})


@operation("iam", "DetachUserPolicy", "DetachGroupPolicy", "DetachRolePolicy")
def detach_policy(call: Call) -> None:
    word, arn = word_of(call), call.params["PolicyArn"]
    holder = holder_named(call, word)
    if arn not in holder["attached"]:
        raise no_such_entity(f"Policy {arn} was not found.")
    attached = [other for other in holder["attached"] if other != arn]
    call.cloud.identities.put(KINDS[word], call.account, {**holder, "attached": attached})


@operation("iam", "ListAttachedUserPolicies", "ListAttachedGroupPolicies", "ListAttachedRolePolicies")
def list_attached_policies(call: Call) -> dict[str, Any]:
    attached = holder_named(call, word_of(call))["attached"]
    prefix = call.params.get("PathPrefix", "/")
    shown = [
        {"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn}
        for arn in attached
        if ("/" + arn.partition("/")[2]).startswith(prefix)
    ]
    return paged(call, shown, "AttachedPolicies")


@operation("iam", "ListEntitiesForPolicy")
def list_entities_for_policy(call: Call) -> dict[str, Any]:
    policy, wanted = policy_named(call, call.params["PolicyArn"]), call.params.get("EntityFilter")
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
