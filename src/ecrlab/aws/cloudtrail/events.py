"""The requests that the X-ray keeps as events of AWS CloudTrail, worked out when somebody looks.

Facts E074 and E148; shape of the events: AWS, Amazon ECR User Guide, "Logging Amazon ECR actions with AWS CloudTrail".
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, unquote

from botocore.model import ListShape, MapShape, Shape, StructureShape

from ecrlab.aws.authorization.explain import Asked
from ecrlab.aws.cloudtrail.trail import LONGEST, SHOWN_READS, reads
from ecrlab.aws.operations import Call
from ecrlab.aws.wire.models import service_model

Event = dict[str, Any]
Row = Mapping[str, Any]

_PROXY = "ecr.amazonaws.com"
_NAMESPACE = uuid.UUID("6f1d6d7e-6f5c-5d6c-9c0b-2f3e3f6f8a51")


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


def events_of(row: Row, account: str) -> Iterator[Event]:
    """Yield a row's events as ``account`` sees them; `whole` adds requestParameters and responseElements.

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
            "readOnly": reads(name) or name in SHOWN_READS,
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
        message = (denied.seen() if isinstance(denied, Asked) else denied).get("opened", {}).get("message", "")
    elif code == "RepositoryNotFoundException":
        name = _parts(row).get("name", "")
        message = f"The repository with name '{name}' does not exist in the registry with id '{row['account']}'"
    return code, message


def _parts(row: Row) -> dict[str, str]:
    found = _PATH.fullmatch(unquote(row["path"]))
    return {key: value for key, value in found.groupdict().items() if value} if found else {}


def whole(call: Call, row: Row, event: Event) -> Event:
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
