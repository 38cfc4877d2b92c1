"""AWS CloudTrail's event history: LookupEvents over the requests that the X-ray keeps, in CloudTrail's event shape.

`kept` says what the X-ray notes of a request beyond its row; everything else is worked out when somebody looks. Facts
E074 and E148; shape of the events: AWS, Amazon ECR User Guide, "Logging Amazon ECR actions with AWS CloudTrail".
"""

from __future__ import annotations

import heapq
import json
import re
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache, partial
from typing import Any
from urllib.parse import parse_qs, unquote

from aiohttp import web
from botocore.model import ListShape, MapShape, Shape, StructureShape

from ecrlab.aws.act import Act
from ecrlab.aws.cloudtrail import service_events
from ecrlab.aws.identity.identities import Principal
from ecrlab.aws.identity.web_identity import Bearer
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.record import Record
from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.wire.protocol import service_model
from ecrlab.home import LOOKING

DAYS = 90
PAGE = 50
LONGEST = 20_000
"""Characters of one value that are kept; longer ones (a large manifest) are cut."""

Event = dict[str, Any]
Row = Mapping[str, Any]

_READ = ("Batch", "Describe", "Generate", "Get", "List", "Lookup", "Simulate", "Validate")
# STS counts these as reading although their answer is shown.
_SHOWN_READS = {"AssumeRole", "AssumeRoleWithWebIdentity", "GetSessionToken"}
_SECRET = {"SecretAccessKey", "SessionToken", "Password", "authorizationToken", "WebIdentityToken"}
_PROXY = "ecr.amazonaws.com"
_NAMESPACE = uuid.UUID("6f1d6d7e-6f5c-5d6c-9c0b-2f3e3f6f8a51")


# ------------------------------------------------------------------------------------ what the X-ray keeps of a request


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
    elif record.operation in _SHOWN_READS or not _reads(str(record.operation)):
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


def _reads(operation_name: str) -> bool:
    return operation_name.startswith(_READ) and operation_name != "BatchDeleteImage"


# ----------------------------------------------------------------------------------------------------- rows into events


def _names(row: Row) -> list[str]:
    """The names of a row's events: one for an API call; for docker's requests those that ECR makes of them."""
    if row["service"] != "registry":
        return [row["operation"]]
    if row["action"] is None and row["error"] in (None, "DENIED", "UNAUTHORIZED"):
        return []  # only the login was looked at
    if row["operation"] == "POST upload with mount and from":
        return ["MountLayer" if row["status"] == 201 else "InitiateLayerUpload"]
    if row["operation"] == "PUT upload" and row["bytes_in"]:
        return ["UploadLayerPart", "CompleteLayerUpload"]
    return _REGISTRY.get(row["operation"], [])


# By the value of `ecrlab.oci.Operation` (facts ecr.md 8.2 and E074).
_REGISTRY = {
    "HEAD blob": ["BatchCheckLayerAvailability"],
    "GET blob": ["GetDownloadUrlForLayer"],
    "POST upload": ["InitiateLayerUpload"],
    "POST upload with digest: the whole blob in one request": [
        "InitiateLayerUpload",
        "UploadLayerPart",
        "CompleteLayerUpload",
    ],
    "PATCH upload": ["UploadLayerPart"],
    "PUT upload": ["CompleteLayerUpload"],
    "HEAD manifest": ["BatchGetImage"],
    "GET manifest": ["BatchGetImage"],
    "PUT manifest": ["PutImage"],
    "DELETE manifest or tag": ["BatchDeleteImage"],
    "GET tags": ["ListImages"],
    "GET referrers": ["ListImageReferrers"],
    "GET catalog": ["DescribeRepositories"],
}
_CODES = {
    "DENIED": "AccessDenied",
    "NAME_UNKNOWN": "RepositoryNotFoundException",
    "TAG_INVALID": "ImageTagAlreadyExistsException",
    "BLOB_UPLOAD_UNKNOWN": "UploadNotFoundException",
    "DIGEST_INVALID": "InvalidLayerException",
    "MANIFEST_BLOB_UNKNOWN": "LayersNotFoundException",
    "MANIFEST_INVALID": "InvalidParameterException",
    "UNSUPPORTED": "InvalidParameterException",
    "BLOB_UPLOAD_INVALID": "EmptyUploadException",
}
_PATH = re.compile(
    r"/v2/(?:\d{12}\.dkr[.-]ecr[^/]*/)?(?P<name>.+?)"
    r"/(?:blobs/uploads/(?P<upload>[^/?]*)|blobs/(?P<blob>[^/?]+)|manifests/(?P<manifest>[^/?]+)|tags/list"
    r"|referrers/(?P<subject>[^/?]+))(?:\?(?P<query>.*))?"
)


def _allowed_accounts(row: Row) -> set[str]:
    """The accounts whose resources a request was let at; they see the event too."""
    accounts = set()
    for decision in row["decisions"]:
        parts = decision["resource"].split(":", 5)
        if decision["decision"] == "allowed" and len(parts) == 6 and parts[4]:
            accounts.add(parts[4])
    return accounts


def _events(row: Row, account: str) -> Iterator[Event]:
    """Yield a row's events as ``account`` sees them; `_full` adds requestParameters and responseElements.

    An account sees what its principals did, and what principals of others were allowed to do with its resources.
    """
    trail = row.get("trail")
    if not trail:
        return
    identity = trail["identity"]
    # A bearer of an identity token is of no account: the event is that of the account whose role was wanted.
    owner = identity.get("accountId") or trail.get("account") or row["account"]
    others = _allowed_accounts(row) - {owner}
    stranger = owner != account
    if stranger and (account not in others or row["error"] is not None):
        return
    for name in _names(row):
        registry = row["service"] == "registry"
        service = "ecr" if registry else row["service"]
        shown = identity
        if stranger:
            shown = {key: identity[key] for key in ("principalId", "accountId")}
            shown = {"type": "AWSAccount", **shown}
        if registry:
            shown = {**shown, "invokedBy": _PROXY}
        made = f"{row['seq']}/{row['time']}/{name}"
        event: Event = {
            "eventVersion": "1.08",
            "userIdentity": shown,
            "eventTime": _moment(row["time"]),
            "eventSource": f"{service}.amazonaws.com",
            "eventName": name,
            "awsRegion": row["region"],
            "sourceIPAddress": _PROXY if registry else trail["ip"],
            "userAgent": _PROXY if registry else row["user_agent"],
            "requestParameters": None,
            "responseElements": None,
            "requestID": trail.get("id") or str(uuid.uuid5(_NAMESPACE, f"request/{made}")),
            "eventID": str(uuid.uuid5(_NAMESPACE, f"{account}/{made}")),
            "readOnly": _reads(name) or name in _SHOWN_READS,
            "eventType": "AwsApiCall",
            "managementEvent": True,
            "recipientAccountId": account,
            "eventCategory": "Management",
        }
        if others:
            event["sharedEventID"] = str(uuid.uuid5(_NAMESPACE, f"shared/{made}"))
        code, message = _error(row, trail)
        if code:
            event["errorCode"], event["errorMessage"] = code, message
        yield event


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _error(row: Row, trail: Row) -> tuple[str | None, str | None]:
    if row["service"] != "registry":
        return trail.get("code"), trail.get("message")
    code = _CODES.get(row["error"] or "")
    if code is None or (code == "AccessDenied" and row["decision"] != "denied"):
        return None, None
    message = ""
    if code == "AccessDenied":
        denied = next(decision for decision in row["decisions"] if decision["decision"] == "denied")
        message = denied.get("opened", {}).get("message", "")
    elif code == "RepositoryNotFoundException":
        name = _parts(row).get("name", "")
        message = f"The repository with name '{name}' does not exist in the registry with id '{row['account']}'"
    return code, message


def _parts(row: Row) -> dict[str, str]:
    found = _PATH.fullmatch(unquote(row["path"]))
    return {key: value for key, value in found.groupdict().items() if value} if found else {}


def _full(call: Call, row: Row, event: Event) -> Event:
    """Add what was asked and answered, and the resources."""
    if row["service"] == "registry":
        asked, answered = _registry_call(call, row, event)
    else:
        asked, answered = _api_call(row, event)
    denied = "errorCode" in event
    event["requestParameters"], event["responseElements"] = asked or None, None if denied else answered
    resources = [
        {"accountId": resource.split(":", 5)[4], "ARN": resource}
        for resource in dict.fromkeys(decision["resource"] for decision in row["decisions"])
        if resource.startswith("arn:aws:ecr") and not resource.endswith("*")
    ]
    if resources and not denied:
        event["resources"] = resources
    return event


def _registry_call(call: Call, row: Row, event: Event) -> tuple[dict[str, Any], dict[str, Any] | None]:
    parts, trail, name = _parts(row), row["trail"], event["eventName"]
    where = {"registryId": row["account"], "repositoryName": parts.get("name", "")}
    if not parts:
        return {"registryId": row["account"]}, None
    upload = trail.get("Docker-Upload-UUID") or parts.get("upload", "")
    query = parse_qs(parts.get("query", ""))
    digest = trail.get("Docker-Content-Digest") or query.get("digest", [""])[0]
    last = int(trail["Range"].rpartition("-")[2]) if "Range" in trail else max(row["bytes_in"] - 1, 0)
    reference = parts.get("manifest", "")
    image = {"imageDigest": reference} if ":" in reference else {"imageTag": reference}
    if name == "InitiateLayerUpload":
        return where, {"uploadId": upload, "partSize": 20_971_520}
    if name == "UploadLayerPart":
        first = max(last - row["bytes_in"] + 1, 0)
        asked = {**where, "uploadId": upload, "partFirstByte": first, "partLastByte": last}
        return asked, {**where, "uploadId": upload, "lastByteReceived": last}
    if name == "CompleteLayerUpload":
        asked = {**where, "uploadId": upload, "layerDigests": [digest]}
        return asked, {**where, "uploadId": upload, "layerDigest": digest}
    if name == "MountLayer":
        asked = {**where, "layerDigest": query.get("mount", [""])[0]}
        return {**asked, "sourceRepositoryName": query.get("from", [""])[0].partition("/")[2]}, asked
    if name == "BatchCheckLayerAvailability":
        return {**where, "layerDigests": [parts.get("blob", "")]}, None
    if name == "GetDownloadUrlForLayer":
        return {**where, "layerDigest": parts.get("blob", "")}, None
    if name == "BatchGetImage":
        accepted = [each.partition(";")[0].strip() for each in trail.get("accept", "").split(",") if each.strip()]
        return {"imageIds": [image], "acceptedMediaTypes": accepted, **where}, None
    if name == "PutImage":
        manifest = _manifest(call, row, digest)
        text = {"imageManifest": manifest} if manifest else {}
        answer = {**where, "imageId": {"imageDigest": digest, **image}, **text}
        return {**where, **image, **text}, {"image": answer}
    if name == "BatchDeleteImage":
        return {**where, "imageIds": [image]}, {"imageIds": [image], "failures": []}
    if name == "ListImageReferrers":
        return {**where, "subjectId": {"imageDigest": parts.get("subject", "")}}, None
    return where, None


def _manifest(call: Call, row: Row, digest: str) -> str | None:
    """The manifest's text, as long as the registry has it."""
    repository = call.cloud.store.repository(f"{row['account']}/{row['region']}", _parts(row)["name"])
    found = call.cloud.store.manifest_by_digest(repository, digest) if repository is not None and digest else None
    return found.content.decode("utf-8", "replace")[:LONGEST] if found is not None else None


def _api_call(row: Row, event: Event) -> tuple[dict[str, Any], dict[str, Any] | None]:
    trail = row["trail"]
    asked = _camel(trail.get("parameters") or {})
    result = trail.get("result")
    if not result:
        return asked, None
    model = service_model(row["service"]).operation_model(event["eventName"])
    if model.output_shape is None:
        return asked, None
    return asked, _elements(model.output_shape, result) or None


def _camel(value: Any) -> Any:
    """CloudTrail writes the members of every service in lower camel case."""
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _camel(each) for key, each in value.items()}
    return [_camel(each) for each in value] if isinstance(value, list) else value


def _elements(shape: Shape, value: Any) -> Any:
    """An answer as CloudTrail shows it: members that are None left out, times in words."""
    if isinstance(shape, StructureShape):
        return {
            name[:1].lower() + name[1:]: _elements(member, value[name])
            for name, member in shape.members.items()
            if value.get(name) is not None
        }
    if isinstance(shape, ListShape):
        return [_elements(shape.member, each) for each in value]
    if isinstance(shape, MapShape):
        return {key: _elements(shape.value, each) for key, each in value.items()}
    if shape.type_name == "timestamp":
        moment = datetime.fromtimestamp(float(value), UTC)
        return f"{moment:%b} {moment.day}, {moment.year} {moment:%I:%M:%S %p}".replace(" 0", " ")
    return value


# ---------------------------------------------------------------------------------------------------- looking events up

_RESOURCES = {
    "repositoryName": "AWS::ECR::Repository",
    "userName": "AWS::IAM::User",
    "groupName": "AWS::IAM::Group",
    "roleName": "AWS::IAM::Role",
    "roleArn": "AWS::IAM::Role",
    "policyArn": "AWS::IAM::Policy",
    "openIDConnectProviderArn": "AWS::IAM::OIDCProvider",
    "policyName": "AWS::IAM::Policy",
    "accessKeyId": "AWS::IAM::AccessKey",
}


def _resources(event: Event) -> list[dict[str, str]]:
    if event["eventType"] == "AwsServiceEvent":
        return [
            {"ResourceType": each["type"], "ResourceName": each["ARN"].partition("/")[2]} for each in event["resources"]
        ]
    asked = event["requestParameters"] or {}
    return [
        {"ResourceType": kind, "ResourceName": asked[name]}
        for name, kind in _RESOURCES.items()
        if isinstance(asked.get(name), str)
    ]


def _user_name(event: Event) -> str | None:
    identity = event["userIdentity"]
    if identity.get("type") == "AssumedRole":
        return str(identity["principalId"]).partition(":")[2]
    name: str | None = identity.get("userName")
    return name


def _matches(event: Event, key: str, value: str) -> bool:
    if key in ("ResourceName", "ResourceType"):
        return any(resource[key] == value for resource in _resources(event))
    found = {
        "EventId": event["eventID"],
        "EventName": event["eventName"],
        "EventSource": event["eventSource"],
        "ReadOnly": str(event["readOnly"]).lower(),
        "Username": _user_name(event),
        "AccessKeyId": event["userIdentity"].get("accessKeyId"),
    }
    return bool(found[key] == value)


@operation("cloudtrail", "LookupEvents", simplified="The newest 10,000 requests, at once.")
def lookup_events(call: Call) -> dict[str, Any]:
    """Return the events of the caller's account and of the request's Region, newest first.

    The last 90 days by the lab's clock, as far as the X-ray reaches (its newest 10,000 requests).
    """
    attributes = call.params.get("LookupAttributes") or []
    if len(attributes) > 1:
        raise ApiError("InvalidLookupAttributesException", "You can only specify one LookupAttribute.")
    attribute = attributes[0] if attributes else {}
    key, value = attribute.get("AttributeKey", ""), attribute.get("AttributeValue", "")
    if attributes and not (key and value):
        raise ApiError("InvalidLookupAttributesException", "A lookup attribute has a key and a value.")
    if key == "ReadOnly" and value not in ("true", "false"):
        raise ApiError("InvalidLookupAttributesException", "The value of ReadOnly is true or false.")
    now = datetime.fromtimestamp(call.now, UTC)
    begin = max(call.params.get("StartTime") or now - timedelta(days=DAYS), now - timedelta(days=DAYS))
    end = call.params.get("EndTime") or now + timedelta(seconds=1)
    if (call.params.get("StartTime") or begin) > end:
        raise ApiError("InvalidTimeRangeException", "The start time is after the end time.")
    if call.params.get("EventCategory") == "insight":
        return {"Events": []}
    before = _position(call.params.get("NextToken"))
    size = call.params.get("MaxResults") or PAGE
    found: list[dict[str, Any]] = []
    last: tuple[int, int] | None = None
    entries = heapq.merge(
        _of_requests(call, begin.timestamp(), end.timestamp()),
        _of_services(call, begin.timestamp(), end.timestamp()),
        key=lambda entry: entry[0],
        reverse=True,
    )
    for at, time, make in entries:
        if before is not None and at >= before:
            continue
        event = make()
        if key and not _matches(event, key, value):
            continue
        if len(found) == size and last is not None:
            return {"Events": found, "NextToken": f"{last[0]}.{last[1]}".encode().hex()}
        found.append(_shown(event, time))
        last = at
    return {"Events": found}


# Its place (number of the request, number among its events), its lab time, and what makes the whole event.
_Entry = tuple[tuple[int, int], float, Callable[[], Event]]


def _of_requests(call: Call, begin: float, end: float) -> Iterator[_Entry]:
    """Yield the events of requests from ``begin`` to ``end``, newest first."""
    for row in call.cloud.host.history():
        if begin <= row["time"] <= end and row["region"] == call.region:
            # A request that makes several events makes them in this order.
            for index, event in reversed(list(enumerate(_events(row, call.account)))):
                yield (row["seq"], index), row["time"], partial(_full, call, row, event)


def _of_services(call: Call, begin: float, end: float) -> Iterator[_Entry]:
    """Yield the events of what services did by themselves from ``begin`` to ``end``, newest first."""
    for place, time, event in service_events.noted(call.cloud, call.account, call.region):
        if begin <= time <= end:
            yield place, time, partial(dict, event)


def _position(token: str | None) -> tuple[int, int] | None:
    if not token:
        return None
    try:
        seq, index = bytes.fromhex(token).decode("ascii").split(".")
        return int(seq), int(index)
    except ValueError:
        raise ApiError("InvalidNextTokenException", "The NextToken is not one of this lookup.") from None


def _shown(event: Event, time: float) -> dict[str, Any]:
    return {
        "EventId": event["eventID"],
        "EventName": event["eventName"],
        "ReadOnly": str(event["readOnly"]).lower(),
        "AccessKeyId": event["userIdentity"].get("accessKeyId"),
        "EventTime": int(time),
        "EventSource": event["eventSource"],
        "Username": _user_name(event),
        "Resources": _resources(event),
        "CloudTrailEvent": json.dumps(event, ensure_ascii=False, separators=(",", ":")),
    }
