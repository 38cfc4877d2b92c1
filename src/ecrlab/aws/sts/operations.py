"""AWS Security Token Service: who am I, and temporary credentials."""

from __future__ import annotations

from typing import Any

from ecrlab.aws.authorization.ask import ask, require
from ecrlab.aws.authorization.keys import Context
from ecrlab.aws.authorization.targets import Target
from ecrlab.aws.iam.documents import checked_policy
from ecrlab.aws.identity.identities import Document, parsed
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.sts.web_identity import ACTION as WITH_A_TOKEN
from ecrlab.aws.wire.errors import ApiError

SESSION_POLICY_LIMIT = 2048  # plaintext characters of the policy and the ARNs together (facts I021)
MANAGED_SESSION_POLICIES = 10
CHAINED_SECONDS = 3600


@operation("sts", "GetCallerIdentity")
def get_caller_identity(call: Call) -> dict[str, Any]:
    return {"UserId": call.principal.user_id, "Account": call.account, "Arn": call.principal.arn}


def _credentials(call: Call, session: Document, seconds: int) -> dict[str, Any]:
    call.cloud.identities.new_session(session, call.now, seconds)
    return {
        "AccessKeyId": session["id"],
        "SecretAccessKey": session["secret"],
        "SessionToken": session["token"],
        "Expiration": session["expires"],
    }


@operation("sts", "AssumeRole")
def assume_role(call: Call) -> dict[str, Any]:
    """The trust policy and the caller's policies were asked about sts:AssumeRole before (`access.RULES`)."""
    arn, identities = str(call.params["RoleArn"]), call.cloud.identities
    account = arn.split(":")[4]
    role = identities.get("roles", account, arn.rpartition("/")[2])
    if role is None or role["arn"] != arn:
        # Whether a role exists is not told to those who may not assume it.
        raise ApiError(
            "AccessDenied",
            f"User: {call.principal.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}",
        )
    _refuse_mfa(call)
    seconds = call.params.get("DurationSeconds", 3600)
    if call.principal.kind == "session" and seconds > CHAINED_SECONDS:
        raise ApiError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            400,
        )
    _refuse_longer(seconds, role)
    before = call.principal.session or {}
    target = Target(arn, account, role["tags"], parsed(role["trust"], "trust"))
    tags, transitive = _session_tags(call, target, before)
    name = call.params["RoleSessionName"]
    session: Document = {
        "kind": "role",
        "account": account,
        "name": role["name"],
        "role_id": role["id"],
        "session_name": name,
        "tags": tags,
        "transitive": transitive,
        "policies": _session_policies(call, account),
        "source_identity": _source_identity(call, target, before),
    }
    return {
        "Credentials": _credentials(call, session, seconds),
        "AssumedRoleUser": _assumed(role, name),
        "SourceIdentity": session["source_identity"],
    }


def _refuse_longer(seconds: int, role: Document) -> None:
    if seconds > role["max_session"]:
        raise ApiError(
            "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.", 400
        )


def _assumed(role: Document, session_name: str) -> dict[str, str]:
    account = role["arn"].split(":")[4]
    return {
        "AssumedRoleId": f"{role['id']}:{session_name}",
        "Arn": f"arn:aws:sts::{account}:assumed-role/{role['name']}/{session_name}",
    }


@operation(
    "sts",
    "AssumeRoleWithWebIdentity",
    simplified="OpenID Connect tokens of the lab's own issuer. No session tags and no source identity from the token.",
)
def assume_role_with_web_identity(call: Call) -> dict[str, Any]:
    """The token was verified before (`web_identity.verify`); here the role's trust policy is asked, and it alone.

    That there is no such role, and that its trust policy lets the bearer not in, STS says in one sentence (fact D103).
    """
    bearer, arn, name = call.bearer, str(call.params["RoleArn"]), call.params["RoleSessionName"]
    assert bearer is not None
    if "ProviderId" in call.params:
        raise ApiError("ValidationError", "ProviderId is for OAuth 2.0 access tokens, not for identity tokens.", 400)
    no, account = f"Not authorized to perform {WITH_A_TOKEN}", arn.split(":")[4]
    role = call.cloud.identities.get("roles", account, arn.rpartition("/")[2])
    if role is None or role["arn"] != arn:
        raise ApiError("AccessDenied", no, why=f"there is no role {arn}, which STS does not tell")
    decision = ask(
        call.cloud,
        call.principal,
        WITH_A_TOKEN,
        Target(arn, account, role["tags"], parsed(role["trust"], "trust")),
        call.context,
        keys={"sts:RoleSessionName": name},
        decisions=call.decisions,
    )
    if not decision.allowed:
        raise ApiError("AccessDenied", no)
    seconds = call.params.get("DurationSeconds", 3600)
    _refuse_longer(seconds, role)
    session: Document = {
        "kind": "role",
        "account": account,
        "name": role["name"],
        "role_id": role["id"],
        "session_name": name,
        "tags": {},
        "transitive": {},
        "policies": _session_policies(call, account),
        "source_identity": None,
        "provider": bearer.provider,
    }
    return {
        "Credentials": _credentials(call, session, seconds),
        "SubjectFromWebIdentityToken": bearer.subject or None,
        "AssumedRoleUser": _assumed(role, name),
        "Provider": bearer.provider,
        "Audience": bearer.audiences[0],
    }


def _refuse_mfa(call: Call) -> None:
    """There are no MFA devices here, so no code of one can be right."""
    if "SerialNumber" in call.params or "TokenCode" in call.params:
        raise ApiError(
            "AccessDenied",
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is "
            "valid and associated with this user.",
        )


def _session_policies(call: Call, account: str) -> list[str]:
    """Return the texts of the session policies: the one in the request and up to ten managed ones (facts I021)."""
    policy, arns = call.params.get("Policy", ""), [item.get("arn", "") for item in call.params.get("PolicyArns", ())]
    if len(arns) > MANAGED_SESSION_POLICIES:
        shown = "[" + ", ".join(arns) + "]"
        raise ApiError(
            "ValidationError",
            f"1 validation error detected: Value '{shown}' at 'policyArns' failed to satisfy constraint: "
            f"Member must have length less than or equal to {MANAGED_SESSION_POLICIES}",
            400,
        )
    size = len(policy) + sum(map(len, arns))
    if size > SESSION_POLICY_LIMIT:
        percent = -(-100 * size // SESSION_POLICY_LIMIT)
        raise ApiError(
            "PackedPolicyTooLargeException",
            f"Packed policy consumes {percent}% of allotted space, please use smaller policy.",
        )
    texts = []
    if policy:
        checked_policy(policy, "session")
        texts.append(policy)
    for arn in arns:
        text = call.cloud.identities.text_of(arn)
        if text is None or arn.split(":")[4] not in ("aws", account):
            raise ApiError("ValidationError", f"PolicyArn {arn} does not exist or is not attachable.", 400)
        texts.append(text)
    return texts


def _session_tags(call: Call, target: Target, before: Document) -> tuple[dict[str, str], dict[str, str]]:
    """Return the session's tags, and those of them that go on into the next session of a chain.

    Passing tags needs sts:TagSession as well, of the caller's policies and of the trust policy. AWS: IAM User Guide,
    "Passing session tags in AWS STS".
    """
    tags = {tag["Key"]: tag["Value"] for tag in call.params.get("Tags", ())}
    lower = {key.lower() for key in tags}
    if len(lower) < len(call.params.get("Tags", ())):
        raise ApiError(
            "InvalidParameterValue",
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
            400,
        )
    inherited: dict[str, str] = before.get("transitive", {})
    if lower & {key.lower() for key in inherited}:
        raise ApiError(
            "InvalidParameterValue",
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
            "from the calling session.",
            400,
        )
    asked = call.params.get("TransitiveTagKeys", ())
    if not {key.lower() for key in asked} <= lower:
        raise ApiError(
            "InvalidParameterValue",
            "The specified transitive tag key must be included in the requested tags.",
            400,
        )
    if tags:
        keys: Context = {f"aws:RequestTag/{key}": value for key, value in tags.items()}
        keys["aws:TagKeys"] = tuple(tags)
        if asked:
            keys["sts:TransitiveTagKeys"] = tuple(asked)
        require(call, "sts:TagSession", target, keys)
    onward = {key.lower() for key in asked}
    transitive = {**inherited, **{key: value for key, value in tags.items() if key.lower() in onward}}
    return {**inherited, **tags}, transitive


def _source_identity(call: Call, target: Target, before: Document) -> str | None:
    """Return who is behind the session; once set it stays through a chain and every role must allow it.

    AWS: IAM User Guide, "Monitor and control actions taken with assumed roles".
    """
    wanted, held = call.params.get("SourceIdentity"), before.get("source_identity")
    if wanted is not None and wanted.lower().startswith("aws:"):
        raise ApiError("ValidationError", "The source identity cannot start with 'aws:'.", 400)
    if wanted is not None and held is not None and wanted != held:
        raise ApiError("AccessDenied", "The source identity of the calling session cannot be changed by role chaining.")
    identity: str | None = wanted or held
    if identity is not None:
        require(call, "sts:SetSourceIdentity", target, {"sts:SourceIdentity": identity})
    return identity


@operation("sts", "GetSessionToken", simplified="Without MFA.")
def get_session_token(call: Call) -> dict[str, Any]:
    if call.principal.session is not None:
        raise ApiError("AccessDenied", "Cannot call GetSessionToken with session credentials")
    _refuse_mfa(call)
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
