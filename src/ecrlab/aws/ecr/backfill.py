"""Replication backfills: the images that were there before a replication rule, copied once on request.

Facts E109 and E065; everything else from the API's own model (botocore 1.44.8, `ecr` of 2026-10-26 and later).
"""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from ecrlab.aws.ecr.images import image_size
from ecrlab.aws.ecr.replication import (
    Destination,
    Failed,
    configuration_of,
    copy,
    images_to_copy,
    note_copied,
    wait_for_regions,
)
from ecrlab.aws.ecr.request import invalid, page_after, page_of, page_size
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.work import Task, worker

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud

_QUOTA = "replication backfills in progress"
KEPT_SECONDS = 90 * 24 * 3600.0
# Replications carried out before other work has its turn.
_STEP = 50

TABLE = "ecr.backfills"
WAITING = "ecr.backfill.waiting"
RESULTS = "ecr.backfill.results"
_RUNNING = ("PREPARING", "IN_PROGRESS", "STOPPING")


# ------------------------------------------------------------------------------------------------------ the operations


def _own_registry(call: Call) -> str:
    """Return the registry's key; a backfill of another account's registry is refused."""
    if call.params.get("registryId", call.account) != call.account:
        raise invalid("registryId", "A replication backfill can only be used in the caller's own registry")
    return f"{call.account}/{call.region}"


def _all(call: Call, registry: str) -> list[Document]:
    """Return the backfills of a registry, newest first, and forget those that ended 90 days ago."""
    table = call.cloud.store.table(TABLE)
    found = []
    for key, document in table.items(f"{registry}/"):
        if document["endedAt"] is not None and call.now - document["endedAt"] > KEPT_SECONDS:
            with call.cloud.store.transaction():
                table.delete(key)
                for name in (WAITING, RESULTS):
                    _clear(call.cloud, name, document["id"])
        else:
            found.append(document)
    return sorted(found, key=lambda document: (-document["startedAt"], document["id"]))


def _clear(cloud: Cloud, name: str, backfill: str) -> None:
    table = cloud.store.table(name)
    for key, _ in table.items(f"{backfill}/"):
        table.delete(key)


def _found(call: Call) -> Document:
    registry, wanted = _own_registry(call), call.params["replicationBackfillId"].lower()
    for document in _all(call, registry):
        if document["id"] == wanted:
            return document
    raise ApiError(
        "ReplicationBackfillNotFoundException",
        f"The replication backfill with id '{wanted}' does not exist in the registry with id '{call.account}'",
    )


def _shown(document: Document) -> dict[str, Any]:
    progress = None
    if document["total"] is not None:
        progress = {
            "totalReplicationCount": document["total"],
            "completedReplicationCount": document["completed"],
            "failedReplicationCount": document["failed"],
            "failureCodes": document["codes"],
        }
    return {
        "replicationBackfillId": document["id"],
        "destination": document["destination"],
        "status": document["status"],
        "progress": progress,
        "startedAt": document["startedAt"],
        "endedAt": document["endedAt"],
    }


@operation("ecr", "StartReplicationBackfill")
def start_replication_backfill(call: Call) -> dict[str, Any]:
    registry, destination = _own_registry(call), dict(call.params["destination"])
    rules = configuration_of(call.cloud, call.account, call.region)["rules"]
    if not any(destination in rule["destinations"] for rule in rules):
        raise invalid("destination", "The destination is not in the replication configuration of the registry")
    with call.cloud.store.transaction():
        running = [each for each in _all(call, registry) if each["status"] in _RUNNING]
        if any(each["destination"]["region"] == destination["region"] for each in running):
            raise ApiError(
                "ReplicationBackfillInProgressException",
                f"A replication backfill is already in progress for the destination Region '{destination['region']}'",
            )
        if not call.cloud.quotas.allows(registry, _QUOTA, len(running) + 1):
            most = call.cloud.quotas.value(registry, _QUOTA)
            raise ApiError(
                "LimitExceededException", f"A registry can have at most {most} replication backfills in progress"
            )
        document: Document = {
            "id": str(uuid.uuid4()),
            "registry": registry,
            "destination": destination,
            "status": "PREPARING",
            "startedAt": call.now,
            "endedAt": None,
            "total": None,
            "completed": 0,
            "failed": 0,
            "codes": [],
        }
        _put(call.cloud, document)
        call.cloud.work.add("backfill", {"registry": registry, "id": document["id"]})
    return {
        "replicationBackfillId": document["id"],
        "registryId": call.account,
        "destination": destination,
        "status": document["status"],
        "startedAt": call.now,
    }


@operation("ecr", "StopReplicationBackfill")
def stop_replication_backfill(call: Call) -> dict[str, Any]:
    """A copy is one transaction here, so there is never one in progress that has to end first."""
    with call.cloud.store.transaction():
        document = _found(call)
        if document["status"] not in _RUNNING:
            raise ApiError(
                "ReplicationBackfillInvalidStatusException",
                f"The replication backfill with id '{document['id']}' has the status {document['status']} and cannot "
                "be stopped",
            )
        document.update(status="STOPPED", endedAt=call.now)
        _put(call.cloud, document)
        _clear(call.cloud, WAITING, document["id"])
    return {
        "registryId": call.account,
        "replicationBackfillId": document["id"],
        "destination": document["destination"],
        "status": document["status"],
        "startedAt": document["startedAt"],
    }


@operation("ecr", "ListReplicationBackfills")
def list_replication_backfills(call: Call) -> dict[str, Any]:
    found, [last], size = _all(call, _own_registry(call)), page_after(call, 1) or [""], page_size(call, 25)
    ids = [document["id"] for document in found]
    begin = ids.index(last) + 1 if last in ids else 0
    shown, token = page_of(found[begin:], size, lambda document: (document["id"],))
    return {"registryId": call.account, "backfills": [_shown(each) for each in shown], "nextToken": token}


@operation("ecr", "DescribeReplicationBackfillResults")
def describe_replication_backfill_results(call: Call) -> dict[str, Any]:
    document, wanted = _found(call), call.params.get("resultStatusFilter")
    [last], size = page_after(call, 1) or [""], page_size(call, 100)
    items: list[tuple[str, dict[str, Any]]] = []
    if document["status"] not in _RUNNING:
        table, begin = call.cloud.store.table(RESULTS), f"{document['id']}/"
        items = [
            (key.removeprefix(begin), result)
            for key, result in table.items(begin, after=begin + last if last else None)
            if wanted in (None, result["status"])
        ]
    shown, token = page_of(items, size, lambda item: (item[0],))
    return {
        "registryId": call.account,
        **_shown(document),
        "results": [result for _, result in shown],
        "nextToken": token,
    }


# --------------------------------------------------------------------------------------------------------- carrying out


def _put(cloud: Cloud, document: Document) -> None:
    cloud.store.table(TABLE).put(f"{document['registry']}/{document['id']}", document)


def _running(cloud: Cloud, task: Task) -> Document | None:
    document = cloud.store.table(TABLE).get(f"{task['registry']}/{task['id']}")
    return document if document is not None and document["status"] in _RUNNING else None


@worker("backfill")
def carry_out(cloud: Cloud, task: Task) -> None:
    """Prepare a backfill, then copy some images and come back for the rest."""
    document = _running(cloud, task)
    if document is None:
        return
    if document["status"] == "PREPARING":
        _prepare(cloud, document)
    waiting = cloud.store.table(WAITING).items(f"{task['id']}/", limit=_STEP)
    for key, image in waiting:
        if not _one(cloud, task, key, image):
            return
    if waiting:
        cloud.work.add("backfill", task)
        return
    with cloud.store.transaction():
        document = _running(cloud, task)
        if document is not None:
            document.update(status="COMPLETE", endedAt=cloud.clock.time())
            _put(cloud, document)


def _prepare(cloud: Cloud, document: Document) -> None:
    """Write down what is to be copied: each image and tag is one replication."""
    account, region = document["registry"].split("/")
    destination: Destination = document["destination"]
    with cloud.store.transaction() as store:
        waiting, count = store.table(WAITING), 0
        for repository, manifest in images_to_copy(cloud, account, region, destination):
            index = image_size(manifest.content) is None
            for tag in manifest.tags or (None,):
                image = {"name": repository.name, "digest": manifest.digest, "tag": tag, "index": index}
                waiting.put(f"{document['id']}/{count:09d}", image)
                count += 1
        document.update(status="IN_PROGRESS", total=count)
        _put(cloud, document)


def _one(cloud: Cloud, task: Task, key: str, image: Task) -> bool:
    """Copy one image and write down how it ended; False when the backfill was stopped. Raises NotNow."""
    repository = cloud.store.repository(task["registry"], image["name"])
    with cloud.store.transaction() as store:
        document = _running(cloud, task)
        if document is None:
            return False
        failed: Failed | None = None
        if repository is None or store.manifest_by_digest(repository, image["digest"]) is None:
            failed = Failed("ImageNotFound")
        else:
            wait_for_regions(cloud, repository, document["destination"])
            try:
                copy(cloud, repository, image["digest"], image["tag"], document["destination"])
            except Failed as error:
                failed = error
            note_copied(cloud, repository, image["digest"], document["destination"], failed)
        image_id = {"imageDigest": image["digest"], **({"imageTag": image["tag"]} if image["tag"] else {})}
        result: dict[str, Any] = {"repositoryName": image["name"], "imageId": image_id, "status": "COMPLETE"}
        if failed is None:
            document["completed"] += 1
        else:
            document["failed"] += 1
            document["codes"] = sorted({*document["codes"], failed.code})
            result.update(status="FAILED", failureCode=failed.code)
        if image["index"]:
            result["subImageFailureCodes"] = [failed.code] if failed is not None and failed.child else []
        store.table(RESULTS).put(key, result)
        store.table(WAITING).delete(key)
        _put(cloud, document)
    return True
