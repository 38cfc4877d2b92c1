"""What the X-ray notes of a request beyond its row, so that an event can be made of it when somebody looks."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from aiohttp import web

from ecrlab.aws.act import Act
from ecrlab.aws.identity.bearer import Bearer
from ecrlab.aws.identity.identities import Principal
from ecrlab.aws.record import Record
from ecrlab.home import LOOKING

LONGEST = 20_000
"""Characters of one value that are kept; longer ones (a large manifest) are cut."""
_READ = ("Batch", "Describe", "Generate", "Get", "List", "Lookup", "Simulate", "Validate")
# STS counts these as reading although their answer is shown.
SHOWN_READS = {"AssumeRole", "AssumeRoleWithWebIdentity", "GetSessionToken"}
_SECRET = {"SecretAccessKey", "SessionToken", "Password", "authorizationToken", "WebIdentityToken"}


def kept(record: Record, request: web.Request, response: web.StreamResponse | None) -> dict[str, Any] | None:
    """Return what an event needs beyond the X-ray's row, as JSON; None for requests that CloudTrail does not see.

    Secrets are left out here, because the X-ray's file keeps what this returns.
    """
    principal = record.principal
    if record.bearer is not None:
        if LOOKING in request.headers.get("User-Agent", ""):
            return None  # a check's, which asks whose tokens a role lets in: their names would be the answer
        return {
            **_of_api(record, request, _identity_of_bearer(record.bearer)),
            "account": record.bearer.account,
        }
    # Events of ECR Public's registry end point are not documented.
    if principal is None or record.operation is None or record.service == "public":
        return None
    ip = request.remote or "127.0.0.1"
    if record.service == "registry":
        accept = None
        if request.method in ("GET", "HEAD") and "/manifests/" in request.path:
            accept = ",".join(request.headers.getall("Accept", ()))
        headers = response.headers if response is not None else {}
        return _of_registry(principal, ip, accept, *[headers.get(name) for name in _HEADERS])
    return _of_api(record, request, _identity(principal))


def _of_api(record: Record, request: web.Request, identity: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"identity": identity, "ip": request.remote or "127.0.0.1"}
    found["id"] = record.request_id
    found["parameters"] = _plain(record.parameters)
    if record.error is not None:
        found["code"], found["message"] = record.code, record.message
    elif record.operation in SHOWN_READS or not reads(str(record.operation)):
        found["result"] = _plain(record.result)
    return found


def kept_act(act: Act) -> dict[str, Any]:
    """Return what the event of something that a service did by itself needs beyond the X-ray's row."""
    found: dict[str, Any] = {
        "identity": {**_identity(act.principal), "invokedBy": act.service},
        "ip": act.service,
        "id": act.id,
        "parameters": _plain(act.parameters),
    }
    if act.result:
        found["result"] = _plain(act.result)
    if act.code is not None:
        found.update(code=act.code, message=act.message)
    return found


_HEADERS = ("Docker-Content-Digest", "Docker-Upload-UUID", "Range")


@lru_cache(maxsize=256)
def _of_registry(principal: Principal, ip: str, accept: str | None, *headers: str | None) -> dict[str, Any]:
    """What is kept of a request below /v2/; the rows of requests that are alike share it."""
    found: dict[str, Any] = {"identity": _identity(principal), "ip": ip}
    found.update((name, value) for name, value in zip(_HEADERS, headers, strict=True) if value is not None)
    if accept is not None:
        found["accept"] = accept
    return found


def _plain(value: Any) -> Any:
    """JSON without bytes, without secrets and without very long texts."""
    if isinstance(value, Mapping):
        return {key: _plain(each) for key, each in value.items() if key not in _SECRET and not isinstance(each, bytes)}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value[:1000]]
    if isinstance(value, str):
        return value if len(value) <= LONGEST else value[:LONGEST] + "…"
    return value.timestamp() if isinstance(value, datetime) else value


def _identity(principal: Principal) -> dict[str, Any]:
    if principal.kind == "service":
        return {"type": "AWSService"}
    identity: dict[str, Any] = {
        "type": "AssumedRole" if principal.kind == "session" else "IAMUser",
        "principalId": principal.user_id,
        "arn": principal.arn,
        "accountId": principal.account,
        "accessKeyId": principal.access_key,
    }
    session = principal.session
    if principal.kind != "session":
        identity["userName"] = principal.name
    if session is not None:
        context: dict[str, Any] = {
            "attributes": {"creationDate": session["issued_text"], "mfaAuthenticated": "false"},
        }
        if principal.kind == "session":
            issuer = {
                "type": "Role",
                "principalId": principal.unique_id,
                "arn": principal.context.get("aws:PrincipalArn"),
                "accountId": principal.account,
                "userName": principal.name,
            }
            # Who came with an identity token once (fact D144).
            provider = session.get("provider")
            federation = {"federatedProvider": provider, "attributes": {}} if provider else {}
            context = {"sessionIssuer": issuer, "webIdFederationData": federation, **context}
        if session.get("source_identity"):
            context["sourceIdentity"] = session["source_identity"]
        identity["sessionContext"] = context
    return identity


def _identity_of_bearer(bearer: Bearer) -> dict[str, Any]:
    """Who an identity token says its bearer is, true or not (fact D106)."""
    return {
        "type": "WebIdentityUser",
        "principalId": bearer.user_id,
        "userName": bearer.subject or "",
        "identityProvider": bearer.provider,
    }


def reads(operation_name: str) -> bool:
    """Tell whether an operation only reads."""
    return operation_name.startswith(_READ) and operation_name != "BatchDeleteImage"
