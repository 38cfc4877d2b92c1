"""LookupEvents: the event history of an account and a Region."""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from ecrlab.aws.cloudtrail import service_events
from ecrlab.aws.cloudtrail.events import Event, events_of, whole
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError

DAYS = 90
PAGE = 50

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
            for index, event in reversed(list(enumerate(events_of(row, call.account)))):
                yield (row["seq"], index), row["time"], partial(whole, call, row, event)


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
