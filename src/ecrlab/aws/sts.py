"""AWS Security Token Service: who am I, and temporary credentials."""

from __future__ import annotations

import base64
import secrets
from datetime import UTC, datetime
from typing import Any

from ecrlab.aws.errors import ApiError
from ecrlab.aws.iam import checked_policy
from ecrlab.aws.identities import Document, new_id, new_secret
from ecrlab.aws.operations import Call, operation

SESSION_POLICY_LIMIT = 2048
CHAINED_SECONDS = 3600


@operation("sts", "GetCallerIdentity")
def get_caller_identity(call: Call) -> dict[str, Any]:
    return {"UserId": call.principal.user_id, "Account": call.account, "Arn": call.principal.arn}


def _credentials(call: Call, session: Document, seconds: int) -> dict[str, Any]:
    session.update(
        id=new_id("ASIA"),
        secret=new_secret(),
        token=base64.b64encode(secrets.token_bytes(240)).decode(),
        issued=call.now,
        issued_text=datetime.fromtimestamp(call.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        expires=call.now + seconds,
    )
    with call.cloud.store.transaction():
        # A registry token outlives the session it came from, at most by its 12 hours.
        call.cloud.identities.drop_expired(call.now - 13 * 3600)
        call.cloud.identities.sessions.put(session["id"], session)
    return {
        "AccessKeyId": session["id"],
        "SecretAccessKey": session["secret"],
        "SessionToken": session["token"],
        "Expiration": session["expires"],
    }


@operation("sts", "AssumeRole")
def assume_role(call: Call) -> dict[str, Any]:
    """The trust policy and the caller's policies were asked before (`access.RULES`)."""
    arn, identities = str(call.params["RoleArn"]), call.cloud.identities
    account = arn.split(":")[4]
    role = identities.get("roles", account, arn.rpartition("/")[2])
    if role is None or role["arn"] != arn:
        # Whether a role exists is not told to those who may not assume it.
        raise ApiError(
            "AccessDenied",
            f"User: {call.principal.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}",
        )
    seconds = call.params.get("DurationSeconds", 3600)
    if call.principal.kind == "session" and seconds > CHAINED_SECONDS:
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            400,
        )
    if seconds > role["max_session"]:
        raise ApiError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", 400
        )
    texts = []
    if call.params.get("Policy"):
        checked_policy(call.params["Policy"], "session")
        texts.append(call.params["Policy"])
    for item in call.params.get("PolicyArns", ()):
        text = identities.text_of(item.get("arn", ""))
        if text is None:
            raise ApiError("ValidationError", f"PolicyArn {item.get('arn')} does not exist or is not attachable.", 400)
        texts.append(text)
    if len(call.params.get("Policy", "")) > SESSION_POLICY_LIMIT:
        raise ApiError(
            "PackedPolicyTooLargeException",
            f"Packed policy consumes more than the allotted space: {SESSION_POLICY_LIMIT} characters.",
        )
    chained = (call.principal.session or {}).get("transitive", {})
    tags = {**{tag["Key"]: tag["Value"] for tag in call.params.get("Tags", ())}, **chained}
    transitive = {key: tags[key] for key in [*call.params.get("TransitiveTagKeys", ()), *chained] if key in tags}
    name = call.params["RoleSessionName"]
    session: Document = {
        "kind": "role",
        "account": account,
        "name": role["name"],
        "role_id": role["id"],
        "session_name": name,
        "tags": tags,
        "transitive": transitive,
        "policies": texts,
        "source_identity": call.params.get("SourceIdentity") or (call.principal.session or {}).get("source_identity"),
    }
    return {
        "Credentials": _credentials(call, session, seconds),
        "AssumedRoleUser": {
            "AssumedRoleId": f"{role['id']}:{name}",
            "Arn": f"arn:aws:sts::{account}:assumed-role/{role['name']}/{name}",
        },
        "SourceIdentity": session["source_identity"],
    }


@operation("sts", "GetSessionToken")
def get_session_token(call: Call) -> dict[str, Any]:
    if call.principal.session is not None:
        raise ApiError("AccessDenied", "Cannot call GetSessionToken with session credentials")
    session: Document = {
        "kind": "user",
        "account": call.account,
        "name": call.principal.name,
        "tags": {},
        "policies": [],
    }
    return {"Credentials": _credentials(call, session, call.params.get("DurationSeconds", 43200))}


@operation("sts", "GetAccessKeyInfo")
def get_access_key_info(call: Call) -> dict[str, Any]:
    key_id = call.params["AccessKeyId"]
    found = call.cloud.identities.keys.get(key_id) or call.cloud.identities.sessions.get(key_id)
    if found is None:
        raise ApiError("ValidationError", f"The access key ID {key_id} does not exist.", 400)
    return {"Account": found["account"]}
