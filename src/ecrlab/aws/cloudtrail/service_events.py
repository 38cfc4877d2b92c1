"""CloudTrail events of the type AwsServiceEvent: what Amazon ECR did by itself, in nobody's name (facts E148).

They are kept in the store, each at its place among the requests, for as long as CloudTrail shows them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ecrlab.store import Repository

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud

TABLE = "cloudtrail.service_events"
KEPT_SECONDS = 90 * 86400.0
# Between the events of one request and of the next: more than any request makes.
AFTER_THE_REQUEST = 1_000_000

Event = dict[str, Any]


def note(cloud: Cloud, repository: Repository, name: str, details: Mapping[str, Any], now: float) -> None:
    """Keep an event about a repository; ``details`` are its serviceEventDetails, ``now`` is lab time in epoch seconds.

    Inside a transaction, the event is there exactly when the transaction is.
    """
    account, region = repository.registry.split("/")
    table = cloud.store.table(TABLE)
    event: Event = {
        "eventVersion": "1.08",
        "userIdentity": {"accountId": account, "invokedBy": "AWS Internal"},
        "eventTime": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": "ecr.amazonaws.com",
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": "AWS Internal",
        "userAgent": "AWS Internal",
        "requestParameters": None,
        "responseElements": None,
        "eventID": str(uuid.uuid4()),
        "readOnly": True,
        "resources": [
            {
                "ARN": f"arn:aws:ecr:{region}:{account}:repository/{repository.name}",
                "accountId": account,
                "type": "AWS::ECR::Repository",
            }
        ],
        "eventType": "AwsServiceEvent",
        "managementEvent": True,
        "recipientAccountId": account,
        "eventCategory": "Management",
        "serviceEventDetails": {"repositoryName": repository.name, **details},
    }
    with cloud.store.transaction():
        for key, document in table.items(f"{repository.registry}/", limit=2):
            if document["time"] < now - KEPT_SECONDS:
                table.delete(key)
        number = int((table.get("!next") or {"number": 0})["number"])
        table.put("!next", {"number": number + 1})
        table.put(f"{repository.registry}/{cloud.host.newest():015d}/{number:015d}", {"time": now, "event": event})


def noted(cloud: Cloud, account: str, region: str) -> Iterator[tuple[tuple[int, int], float, Event]]:
    """Yield the events of an account and Region, newest first: place among the requests, lab time, event.

    A place is the number of the request before it, and a number above those of that request's own events.
    """
    for key, document in reversed(cloud.store.table(TABLE).items(f"{account}/{region}/")):
        request, number = key.split("/")[2:]
        yield (int(request), AFTER_THE_REQUEST + int(number)), document["time"], document["event"]
