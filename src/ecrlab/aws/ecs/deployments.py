"""Service deployments and service revisions: what was deployed, by which digest, and how it ended (D010, D011)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ecrlab.aws.ecs import records, rollout
from ecrlab.aws.ecs.names import arn, last
from ecrlab.aws.ecs.request import DEPLOYMENTS, REVISIONS, SERVICES, invalid, missing, own, paged, place
from ecrlab.aws.ecs.services import service_of, shown_configuration
from ecrlab.aws.ecs.state import STARTING
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError

_MOST = 20


@operation("ecs", "ListServiceDeployments")
def list_service_deployments(call: Call) -> dict[str, Any]:
    """The newest first; by status, and by when they were created."""
    service = service_of(call)
    wanted, span = call.params.get("status") or (), call.params.get("createdAt") or {}

    def within(created: float) -> bool:
        after, before = (span.get(name) for name in ("after", "before"))
        return (not isinstance(after, datetime) or created >= after.timestamp()) and (
            not isinstance(before, datetime) or created <= before.timestamp()
        )

    found = [
        {
            "serviceDeploymentArn": each["arn"],
            "serviceArn": service["arn"],
            "clusterArn": _cluster_arn(service),
            "startedAt": each["started"],
            "createdAt": each["created"],
            "finishedAt": each["finished"],
            "targetServiceRevisionArn": _revision_arn(call, each["revision"]),
            "status": each["status"],
            "statusReason": each["reason"] or None,
        }
        for each in records.records_of(call.cloud, service)
        if (not wanted or each["status"] in wanted) and within(each["created"])
    ]
    return paged(call, "serviceDeployments", found, usual=20)


def _cluster_arn(service: Document) -> str:
    return arn(service["region"], service["account"], f"cluster/{service['cluster']}")


def _revision_arn(call: Call, key: str) -> str:
    return arn(call.region, call.account, f"service-revision/{key.split('/', 2)[2]}")


def _record(call: Call, text: str) -> Document | None:
    """Return the record that a service deployment's ARN names."""
    parts = text.split(":", 5)[-1].split("/")
    if len(parts) != 4 or not own(call, text):
        return None
    items = call.cloud.store.table(DEPLOYMENTS).items(f"{place(call)}/{parts[1]}/{parts[2]}/")
    return next((each for _, each in items if each["number"] == parts[3]), None)


@operation("ecs", "DescribeServiceDeployments", simplified="Without alarms and lifecycle hooks.")
def describe_service_deployments(call: Call) -> dict[str, Any]:
    found, failures = [], []
    for text in _named(call, "serviceDeploymentArns"):
        record = _record(call, text)
        service = call.cloud.store.table(SERVICES).get(record["service"]) if record is not None else None
        if record is None or service is None:
            failures.append(missing(text))
        else:
            found.append(_shown(call, record, service))
    return {"serviceDeployments": found, "failures": failures}


def _named(call: Call, member: str) -> list[str]:
    names: list[str] = call.params[member]
    if not names or len(names) > _MOST:
        raise invalid(f"{member} has 1 to {_MOST} elements.")
    return names


def _shown(call: Call, record: Document, service: Document) -> dict[str, Any]:
    breaker, done = service["breaker"], record["status"] not in records.RUNNING
    watching = ("MONITORING_COMPLETE" if done else "MONITORING") if breaker.get("enable") else "DISABLED"
    if breaker.get("enable") and (record["status"] == "FAILED" or record["status"].startswith("ROLLBACK")):
        watching = "TRIGGERED"
    rollback = record["rollback"]
    return {
        "serviceDeploymentArn": record["arn"],
        "serviceArn": service["arn"],
        "clusterArn": _cluster_arn(service),
        "createdAt": record["created"],
        "startedAt": record["started"],
        "finishedAt": record["finished"],
        "stoppedAt": record["stopped"],
        "updatedAt": record["updated"],
        "sourceServiceRevisions": [_summary(call, service, key) for key in record["before"]],
        "targetServiceRevision": _summary(call, service, record["revision"]),
        "status": record["status"],
        "statusReason": record["reason"] or None,
        "deploymentConfiguration": shown_configuration(service),
        "deploymentCircuitBreaker": {
            "status": watching,
            "failureCount": record["failures"],
            "threshold": rollout.threshold(service),
        },
        "rollback": {
            "reason": rollback["reason"],
            "startedAt": rollback["startedAt"],
            "serviceRevisionArn": _revision_arn(call, rollback["serviceRevision"]),
        }
        if rollback
        else None,
    }


def _summary(call: Call, service: Document, key: str) -> dict[str, Any]:
    """Return a revision with the counts of its tasks."""
    number = f"ecs-svc/{last(key)}"
    states = [task["status"] for task in rollout.tasks_of(call.cloud, service) if task["deployment"] == number]
    primary = bool(service["deployments"]) and service["deployments"][0]["id"] == number
    return {
        "arn": _revision_arn(call, key),
        "requestedTaskCount": service["desired"] if primary else 0,
        "runningTaskCount": states.count("RUNNING"),
        "pendingTaskCount": sum(status in STARTING for status in states),
    }


@operation("ecs", "DescribeServiceRevisions", simplified="Without load balancers and what belongs to them.")
def describe_service_revisions(call: Call) -> dict[str, Any]:
    found, failures = [], []
    for text in _named(call, "serviceRevisionArns"):
        path = text.split(":", 5)[-1].partition("/")[2]
        revision = call.cloud.store.table(REVISIONS).get(f"{place(call)}/{path}") if own(call, text) else None
        if revision is None:
            failures.append(missing(text))
            continue
        cluster, name, _ = path.split("/")
        found.append(
            {
                "serviceRevisionArn": revision["arn"],
                "serviceArn": arn(call.region, call.account, f"service/{cluster}/{name}"),
                "clusterArn": arn(call.region, call.account, f"cluster/{cluster}"),
                "taskDefinition": revision["definition"],
                "launchType": None if revision["provider"] else revision["launch"],
                "platformVersion": revision["platform_version"],
                "platformFamily": "Linux",
                "networkConfiguration": revision["network"],
                "containerImages": revision["images"],
                "createdAt": revision["created"],
            }
        )
    return {"serviceRevisions": found, "failures": failures}


@operation("ecs", "StopServiceDeployment")
def stop_service_deployment(call: Call) -> dict[str, Any]:
    """Go back to the last completed deployment, or with ABORT only go no further (facts D010)."""
    text = call.params["serviceDeploymentArn"]
    with call.cloud.store.transaction():
        record = _record(call, text)
        service = call.cloud.store.table(SERVICES).get(record["service"]) if record is not None else None
        if record is None or service is None:
            raise ApiError("ServiceDeploymentNotFoundException", "Service deployment not found.")
        primary = service["deployments"][0] if service["deployments"] else None
        if primary is None or primary["record"] != record["key"] or record["status"] not in records.RUNNING:
            raise ApiError("ConflictException", f"The service deployment is {record['status']} and cannot be stopped.")
        if (call.params.get("stopType") or "ROLLBACK") == "ABORT":
            primary.update(stalled=True, rollout="FAILED", updated=call.now)
            primary["reason"] = "Service deployment stopped by user."
            records.ended(call.cloud, primary, "STOPPED", primary["reason"], call.now)
        else:
            primary.update(stalled=True, rollout="FAILED", updated=call.now)
            if rollout.roll_back(call.cloud, service, call.now, "Service deployment stopped by user") is None:
                raise ApiError("ConflictException", "There is no completed deployment to roll back to.")
        call.cloud.store.table(SERVICES).put(service["key"], service)
    call.cloud.work.added.set()
    return {"serviceDeploymentArn": text}
