"""The AWS APIs over HTTP: one request in, one answer out, by the protocol of its service."""

from __future__ import annotations

import asyncio
import re
import sys
import time
import traceback
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from ecrlab.aws import ecr, ecr_public, ecs, iam, sts
from ecrlab.aws.arns import check_arns
from ecrlab.aws.authorization.ask import authorize
from ecrlab.aws.cloud import Cloud, regions
from ecrlab.aws.cloudtrail import lookup
from ecrlab.aws.identity.identities import Key, Principal
from ecrlab.aws.operations import HANDLERS, HELD, Call, is_waiter
from ecrlab.aws.quotas import PUBLIC, RATE_EXCEEDED, Exceeded
from ecrlab.aws.record import RECORD
from ecrlab.aws.sts import web_identity
from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.wire.models import Operation, identify
from ecrlab.aws.wire.parsing import parse
from ecrlab.aws.wire.serializing import serialize, serialize_error, wire_code
from ecrlab.aws.wire.sigv4 import Credential, verify
from ecrlab.aws.wire.sigv4 import parse as parse_authorization
from ecrlab.aws.wire.validation import validate
from ecrlab.store import StoreError

MAX_BODY = 32 * 1024 * 1024  # an UploadLayerPart of 20 MB is one JSON document of 27 MB
# What moves a layer's bytes, or asks another registry, runs in a thread; everything else is short.
SLOW = {"UploadLayerPart", "CompleteLayerUpload", "BatchGetImage", "ValidatePullThroughCacheRule"}
# Seconds of real time that a waiter's poll is held at most, and between two looks at what it waits for.
HOLD, HOLD_STEP = 5.0, 0.05
SERVICES = (ecr, ecr_public, ecs, iam, lookup, sts)


async def handle(cloud: Cloud, request: web.Request) -> web.Response:
    """Answer one API request.

    Leaves in ``request[RECORD]`` what the X-ray shows.
    """
    record = request[RECORD]
    body = await request.read()
    request_id = record.request_id = str(uuid.uuid4())
    target = request.headers.get("X-Amz-Target")
    no_headers: dict[str, str] = {}
    operation: Operation | None = None
    is_json = bool(target) or "json" in request.content_type
    try:
        operation = identify(target, body)
        record.service, record.operation = operation.service, operation.name
        if (operation.service, operation.name) not in HANDLERS:
            raise ApiError(
                "UnknownOperationException",
                f"ECR Lab does not have {operation.service}:{operation.name}. See docs/fidelity.md for what it has.",
            )
        result = await _carry_out(cloud, request, operation, body)
        content, content_type = serialize(operation, result, request_id)
        status, headers = 200, no_headers
    except ApiError as error:
        record.error = wire_code(operation, error.code, is_json)[0]
        record.code, record.message, record.reason = error.code, error.message, error.why or record.reason
        status, content, content_type, headers = serialize_error(operation, error, request_id, is_json)
    except (StoreError, Exceeded) as error:
        refusal = ApiError("LimitExceededException", str(error), 400)
        record.error = record.code = refusal.code
        record.message = refusal.message
        status, content, content_type, headers = serialize_error(operation, refusal, request_id, is_json)
    except Exception:
        # Never a 5xx: clients would repeat the request. The log has the whole story.
        traceback.print_exc(file=sys.stderr)
        record.error = "InternalFailure"
        refusal = ApiError(
            "InternalFailure",
            f"ECR Lab failed on this request (a fault of the lab, not yours). Its log has request {request_id}.",
            400,
        )
        status, content, content_type, headers = serialize_error(operation, refusal, request_id, is_json)
    return web.Response(
        status=status, body=content, headers={"Content-Type": content_type, "x-amzn-RequestId": request_id, **headers}
    )


def meant(request: web.Request) -> tuple[str, str]:
    """Return service and Region that the signature of a request is for, not yet checked; ("", "") without one."""
    try:
        credential = parse_authorization(request.headers.get("Authorization"))
    except ApiError:
        return "", ""
    return credential.service, credential.region


def named(request: web.Request) -> str | None:
    """Return the operation that a request's X-Amz-Target header names."""
    return request.headers.get("X-Amz-Target", "").rpartition(".")[2] or None


async def _carry_out(cloud: Cloud, request: web.Request, operation: Operation, body: bytes) -> dict[str, Any]:
    if (operation.service, operation.name) in _UNSIGNED:
        return _by_token(cloud, request, operation, body)
    credential = parse_authorization(request.headers.get("Authorization"))
    principal = authenticate(cloud, request, credential, operation, body)
    now = cloud.clock.time()
    # IAM is one for all Regions, and its requests count as made to us-east-1.
    region = "us-east-1" if operation.service == "iam" else credential.region
    cloud.last_used.note(principal, now, operation.service, region)
    record = request[RECORD]
    record.principal, record.account, record.region = principal, principal.account, region
    if cloud.quotas.buckets and operation.service in ("ecr", "ecr-public"):
        place = PUBLIC if operation.service == "ecr-public" else region
        if cloud.quotas.throttled(f"{principal.account}/{place}", operation.name):
            record.reason = "more requests in a second than the quota allows"
            raise ApiError("ThrottlingException", RATE_EXCEEDED, 400)
    call = Call(
        cloud=cloud,
        principal=principal,
        service=operation.service,
        operation=operation.name,
        params={},
        region=region,
        now=now,
        host=request.host,
        source_ip=request.remote or "127.0.0.1",
        user_agent=request.headers.get("User-Agent", ""),
        decisions=record.decisions,
    )

    def run() -> dict[str, Any]:
        call.params = record.parameters = parse(operation, body)
        validate(operation, call.params)
        check_arns(operation, call.params)
        authorize(call)
        record.result = HANDLERS[operation.service, operation.name](call) or {}
        return record.result

    if operation.name in SLOW:
        return await asyncio.to_thread(run)
    result = run()
    moving = HELD.get((operation.service, operation.name))
    if moving is not None and is_waiter(call.user_agent):
        result = record.result = await _held(call, result, moving)
    return result


async def _held(call: Call, result: dict[str, Any], moving: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
    """Return an answer that a waiter asked for: as soon as nothing moves any more, at the latest after `HOLD`."""
    deadline, version = time.monotonic() + HOLD, call.cloud.store.version
    while moving(result) and time.monotonic() < deadline:
        await asyncio.sleep(HOLD_STEP)
        if call.cloud.store.version != version:
            version, call.now = call.cloud.store.version, call.cloud.clock.time()
            result = HANDLERS[call.service, call.operation](call) or {}
    return result


# botocore's model has `auth: none` for them (fact D099): what they carry is the proof.
_UNSIGNED = {("sts", "AssumeRoleWithWebIdentity")}


def _by_token(cloud: Cloud, request: web.Request, operation: Operation, body: bytes) -> dict[str, Any]:
    """Carry out an operation whose caller is the bearer of an identity token."""
    record, now = request[RECORD], cloud.clock.time()
    record.region = "us-east-1"  # nothing says another one: there is no signature, and one end point for all
    params = record.parameters = parse(operation, body)
    validate(operation, params)
    check_arns(operation, params)
    record.account = params["RoleArn"].split(":")[4]
    bearer = record.bearer = web_identity.read(params["WebIdentityToken"], record.account)
    web_identity.verify(cloud, bearer, now)
    call = Call(
        cloud=cloud,
        principal=bearer.principal(),
        service=operation.service,
        operation=operation.name,
        params=params,
        region=record.region,
        now=now,
        host=request.host,
        source_ip=request.remote or "127.0.0.1",
        user_agent=request.headers.get("User-Agent", ""),
        decisions=record.decisions,
        bearer=bearer,
    )
    record.result = HANDLERS[operation.service, operation.name](call) or {}
    return record.result


def authenticate(
    cloud: Cloud, request: web.Request, credential: Credential, operation: Operation, body: bytes
) -> Principal:
    """Return who signed a request.

    Raises ApiError: the key is unknown or inactive, the session token is wrong or over, the signature does not fit, or
    it is for another service or no AWS Region.
    """
    unknown = ApiError("InvalidClientTokenId", "The security token included in the request is invalid.")
    key: Key | None = cloud.identities.key(credential.access_key)
    if key is None or request.headers.get("X-Amz-Security-Token") != key.token:
        raise unknown
    headers = [
        (name.decode("latin-1"), value.decode("utf-8", "surrogateescape")) for name, value in request.raw_headers
    ]
    verify(credential, key.secret, request.method, _raw_target(request), headers, body)
    if key.expires is not None and key.expires <= cloud.clock.time():
        raise ApiError("ExpiredToken", "The security token included in the request is expired")
    if credential.service != operation.service:
        raise ApiError(
            "SignatureDoesNotMatch", f"Credential should be scoped to correct service: '{operation.service}'. "
        )
    if credential.region not in regions():
        raise ApiError(
            "SignatureDoesNotMatch",
            f"Credential should be scoped to a valid region: {credential.region!r} is not one. ",
        )
    principal = cloud.identities.principal(key)
    if principal is None:
        raise unknown
    session_token = principal.kind == "user" and principal.session is not None
    shut = operation.service == "iam" or (
        operation.service == "sts" and operation.name not in _STS_WITH_A_SESSION_TOKEN
    )
    if session_token and shut:
        raise unknown
    return principal


# AWS: GetSessionToken, "Permissions": no operation of IAM without MFA, and of STS only these two; asking for another
# session token has an answer of its own.
_STS_WITH_A_SESSION_TOKEN = {"AssumeRole", "GetCallerIdentity", "GetSessionToken"}
_ABSOLUTE = re.compile(r"https?://[^/]*")


def _raw_target(request: web.Request) -> str:
    """Return path and query as they stood on the request line, without the scheme and host that proxies add."""
    return _ABSOLUTE.sub("", request.raw_path, count=1) if request.raw_path.startswith("http") else request.raw_path
