"""What is kept of a service's deployments: the records of service deployments, and its revisions (facts D010, D011)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ecrlab.aws.ecs.names import arn, new_number
from ecrlab.aws.ecs.request import DEPLOYMENTS, REVISIONS
from ecrlab.aws.identity.identities import Document

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud

RUNNING = ("PENDING", "IN_PROGRESS")


def new_record(cloud: Cloud, service: Document, now: float) -> Document:
    """Keep the record of a deployment that begins, and the revision that it is to bring."""
    table, prefix = cloud.store.table(DEPLOYMENTS), f"{service['key']}/"
    number, count = new_number(), len(table.items(prefix))
    path = f"{service['cluster']}/{service['name']}/{number}"
    kept = table.get(service["deployments"][0]["record"]) if service["deployments"] else None
    revision: Document = {
        "key": f"{service['account']}/{service['region']}/{path}",
        "arn": arn(service["region"], service["account"], f"service-revision/{path}"),
        "definition": service["definition"],
        "network": service["network"],
        "platform_version": service["platform_version"],
        "launch": service["launch"],
        "provider": service["provider"],
        "created": now,
        "images": [],
    }
    record: Document = {
        "key": f"{prefix}{count:06d}",
        "number": number,
        "arn": arn(service["region"], service["account"], f"service-deployment/{path}"),
        "service": service["key"],
        "revision": revision["key"],
        "before": [kept["revision"]] if kept is not None else [],
        "created": now,
        "started": now,
        "finished": None,
        "stopped": None,
        "updated": now,
        "status": "IN_PROGRESS",
        "reason": "",
        "failures": 0,
        "rollback": None,
    }
    cloud.store.table(REVISIONS).put(revision["key"], revision)
    table.put(record["key"], record)
    return record


def forget(cloud: Cloud, key: str) -> None:
    """Forget the records of a service that was deleted, before one of the same name begins."""
    table = cloud.store.table(DEPLOYMENTS)
    for name, _ in table.items(f"{key}/"):
        table.delete(name)


def records_of(cloud: Cloud, service: Document) -> list[Document]:
    """Return a service's records, the newest first."""
    return [each for _, each in cloud.store.table(DEPLOYMENTS).items(f"{service['key']}/")][::-1]


def revision_of(cloud: Cloud, record: Document) -> Document:
    """Return the revision that a record's deployment brings."""
    found = cloud.store.table(REVISIONS).get(record["revision"])
    assert found is not None
    return found


def newest_successful(cloud: Cloud, service: Document, without: str) -> Document | None:
    """Return the newest record of a deployment that was completed, other than the one of the key ``without``."""
    found = records_of(cloud, service)
    return next((each for each in found if each["status"] == "SUCCESSFUL" and each["key"] != without), None)


def _change(cloud: Cloud, key: str, now: float, **fields: Any) -> None:
    table = cloud.store.table(DEPLOYMENTS)
    record = table.get(key)
    if record is not None:
        table.put(key, {**record, **fields, "updated": now})


def counted(cloud: Cloud, deployment: Document, now: float) -> None:
    """Note how many tasks of a deployment failed."""
    _change(cloud, deployment["record"], now, failures=deployment["counted"])


def superseded(cloud: Cloud, deployment: Document, now: float) -> None:
    """Note that another deployment took the place of one that was still going on."""
    record = cloud.store.table(DEPLOYMENTS).get(deployment["record"])
    if record is not None and record["status"] in RUNNING:
        ended(cloud, deployment, "STOPPED", "", now)


def ended(cloud: Cloud, deployment: Document, status: str, reason: str, now: float) -> None:
    """Note how a deployment ended."""
    key = "finished" if status == "SUCCESSFUL" else "stopped"
    _change(cloud, deployment["record"], now, status=status, reason=reason, **{key: now})


def rolling_back(cloud: Cloud, deployment: Document, target: Document, by: str, now: float) -> None:
    """Note that a deployment is undone by going back to another's revision."""
    rollback = {"reason": by, "startedAt": now, "serviceRevision": target["revision"]}
    _change(cloud, deployment["record"], now, status="ROLLBACK_IN_PROGRESS", rollback=rollback)


def rolled_back(cloud: Cloud, deployment: Document, now: float) -> None:
    """Note that going back is done: ``deployment`` is the one that was gone back to."""
    _change(cloud, deployment["rolls_back"], now, status="ROLLBACK_SUCCESSFUL", finished=now)


def pinned(cloud: Cloud, deployment: Document, containers: Iterable[Mapping[str, Any]]) -> None:
    """Note the digests that a deployment's tags were resolved to."""
    record = cloud.store.table(DEPLOYMENTS).get(deployment["record"])
    if record is not None:
        images = [
            {"containerName": each["name"], "image": each["image"], "imageDigest": each.get("digest")}
            for each in containers
        ]
        table = cloud.store.table(REVISIONS)
        revision = table.get(record["revision"])
        if revision is not None:
            table.put(record["revision"], {**revision, "images": images})
