"""The condition keys of a question: the caller's, the request's, the target's, and those that parameters add."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ecrlab.aws.authorization.targets import Target
from ecrlab.aws.context import RequestContext
from ecrlab.aws.operations import Call

Context = dict[str, str | tuple[str, ...]]


def tag_pairs(params: Mapping[str, Any]) -> dict[str, str]:
    tags = params.get("tags") or params.get("Tags") or ()
    return {tag.get("Key", ""): tag.get("Value", "") for tag in tags}


def _request_tags(call: Call) -> Context:
    tags = tag_pairs(call.params)
    keys: Context = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
    if tags:
        keys["aws:TagKeys"] = tuple(tags)
    return keys


def _tag_keys(call: Call) -> Context:
    keys = call.params.get("tagKeys") or call.params.get("TagKeys")
    return {"aws:TagKeys": tuple(keys)} if keys else {}


def _account_setting(call: Call) -> Context:
    return {"ecr:AccountSetting": str(call.params["name"])}


def _policy_arn(call: Call) -> Context:
    return {"iam:PolicyARN": str(call.params["PolicyArn"])}


def _boundary(call: Call) -> Context:
    arn = call.params.get("PermissionsBoundary")
    return {"iam:PermissionsBoundary": arn} if arn else {}


def _session(call: Call) -> Context:
    keys: Context = {"sts:RoleSessionName": call.params["RoleSessionName"]}
    if "ExternalId" in call.params:
        keys["sts:ExternalId"] = call.params["ExternalId"]
    source = call.params.get("SourceIdentity") or (call.principal.session or {}).get("source_identity")
    if source:
        keys["sts:SourceIdentity"] = source
    if call.params.get("TransitiveTagKeys"):
        keys["sts:TransitiveTagKeys"] = tuple(call.params["TransitiveTagKeys"])
    return keys


KEYS: dict[str, Callable[[Call], Context]] = {
    "request tags": _request_tags,
    "tag keys": _tag_keys,
    "account setting": _account_setting,
    "policy arn": _policy_arn,
    "boundary": _boundary,
    "session": _session,
}


def condition_keys(
    own: Mapping[str, str | tuple[str, ...]], action: str, target: Target, context: RequestContext
) -> Context:
    """Return the condition keys of a request: the caller's ``own``, those of the request, and the target's.

    The transport to AWS is always TLS, so ``aws:SecureTransport`` is "true" though the lab speaks plain HTTP.
    """
    moment = datetime.fromtimestamp(context.now, UTC)
    keys: Context = {
        **own,
        "aws:RequestedRegion": context.region,
        "aws:SourceIp": context.source_ip,
        "aws:UserAgent": context.user_agent,
        "aws:CurrentTime": moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(context.now)),
        "aws:SecureTransport": "true",
        "aws:ViaAWSService": "false",
        "aws:ResourceAccount": target.account,
    }
    for tag, value in target.tags.items():
        keys[f"aws:ResourceTag/{tag}"] = value
        if action.startswith("ecr:"):
            keys[f"ecr:ResourceTag/{tag}"] = value
        elif action.startswith("iam:"):
            keys[f"iam:ResourceTag/{tag}"] = value
    return keys
