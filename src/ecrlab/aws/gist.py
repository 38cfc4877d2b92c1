"""The gist of an API's answer: what the X-ray keeps of it, beside status and error, for whoever reads rows later."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from ecrlab.aws.record import Record

MOST = 20
"""How many repositories of one answer are kept."""


def gist(record: Record) -> dict[str, Any] | None:
    """Return why an API refused, or what its answer said of the things below; None where neither is there.

    A token's end; how repositories are encrypted; how many images there are, where the whole list was asked for; what
    a scan found; how many images a lifecycle policy's preview takes; CloudTrail's newest event; what an identity token
    says of its bearer, true or not, and the session that it was exchanged for.
    """
    bearer = record.bearer
    said: dict[str, Any] = {}
    if bearer is not None:
        said = {"subject": bearer.subject, "audience": list(bearer.audiences), "issuer": bearer.issuer}
        said["session_name"] = record.parameters.get("RoleSessionName")
    if record.message:
        return {"message": record.message, **said}
    if said:
        return {**said, "session": record.result["AssumedRoleUser"]["Arn"]}
    read = _READ.get(record.operation or "")
    return (read(record) or None) if read is not None and record.result else None


def _token(record: Record) -> dict[str, Any]:
    data = record.result.get("authorizationData")
    first = data[0] if isinstance(data, list) and data else data
    moment = first.get("expiresAt") if isinstance(first, dict) else None
    if not isinstance(moment, (int, float)):
        return {}
    return {"expires_at": datetime.fromtimestamp(moment, UTC).isoformat(timespec="seconds")}


def _made(record: Record) -> dict[str, Any]:
    return _encryption([record.result.get("repository") or {}])


def _described(record: Record) -> dict[str, Any]:
    return _encryption(record.result.get("repositories") or ())


def _encryption(repositories: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Private repositories only: one of ECR Public has no such setting."""
    found = {
        str(each["repositoryName"]): str(each["encryptionConfiguration"]["encryptionType"])
        for each in islice(repositories, MOST)
        if each.get("encryptionConfiguration")
    }
    return {"encryption": found} if found else {}


def _images(record: Record) -> dict[str, Any]:
    asked, result = record.parameters, record.result
    listed = result.get("imageDetails")
    if not isinstance(listed, list) or result.get("nextToken"):
        return {}
    if any(asked.get(name) for name in ("imageIds", "filter", "nextToken")):
        return {}
    return {"repository": str(asked.get("repositoryName", "")), "images": len(listed)}


def _scan(record: Record) -> dict[str, Any]:
    result = record.result
    found = result.get("imageScanFindings") or {}
    shown: dict[str, Any] = {
        "repository": str(result.get("repositoryName", "")),
        "scan": str((result.get("imageScanStatus") or {}).get("status", "")),
        "by": "ENHANCED" if "enhancedFindings" in found else "BASIC",
    }
    return {**shown, "findings": dict(found.get("findingSeverityCounts") or {})} if found else shown


def _preview(record: Record) -> dict[str, Any]:
    result = record.result
    if result.get("status") != "COMPLETE":
        return {}
    count = (result.get("summary") or {}).get("expiringImageTotalCount", 0)
    return {"repository": str(result.get("repositoryName", "")), "expiring": int(count)}


def _events(record: Record) -> dict[str, Any]:
    events = record.result.get("Events") or ()
    if not events:
        return {}
    newest = events[0]
    return {"event": str(newest.get("EventName", "")), "by": str(newest.get("Username") or "")}


_READ: Mapping[str, Callable[[Record], dict[str, Any]]] = {
    "GetAuthorizationToken": _token,
    "CreateRepository": _made,
    "DescribeRepositories": _described,
    "DescribeImages": _images,
    "DescribeImageScanFindings": _scan,
    "GetLifecyclePolicyPreview": _preview,
    "LookupEvents": _events,
}
