"""Clusters: a name that tasks and services stand under (facts D001)."""

from __future__ import annotations

import re
from typing import Any

from ecrlab.aws.ecs.names import DEFAULT_CLUSTER, arn, last
from ecrlab.aws.ecs.request import (
    CLUSTERS,
    SERVICES,
    TASKS,
    check_fields,
    cluster_of,
    invalid,
    missing,
    own,
    paged,
    place,
    shown_tags,
    tags_of,
)
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_PROVIDERS = {"FARGATE", "FARGATE_SPOT"}


@operation("ecs", "CreateCluster", simplified="FARGATE and FARGATE_SPOT are its only capacity providers.")
def create_cluster(call: Call) -> dict[str, Any]:
    """Make a cluster; one of the same name that is there is given back, as it is."""
    check_fields(call)
    name = call.params.get("clusterName") or DEFAULT_CLUSTER
    if not _NAME.fullmatch(name):
        raise invalid(f"A cluster's name has up to 255 letters, digits, _ and -; {name!r} is not one.")
    unknown = set(call.params.get("capacityProviders") or ()) - _PROVIDERS
    if unknown:
        raise invalid(f"The specified capacity provider {min(unknown)!r} was not found.")
    table, key = call.cloud.store.table(CLUSTERS), f"{place(call)}/{name}"
    with call.cloud.store.transaction():
        found = table.get(key)
        if found is None or found["status"] != "ACTIVE":
            found = {
                "name": name,
                "arn": arn(call.region, call.account, f"cluster/{name}"),
                "status": "ACTIVE",
                "created": call.now,
                "settings": call.params.get("settings") or [{"name": "containerInsights", "value": "disabled"}],
                "providers": call.params.get("capacityProviders") or [],
                "strategy": call.params.get("defaultCapacityProviderStrategy") or [],
                "tags": tags_of(call),
            }
            table.put(key, found)
    return {"cluster": shown(call, found, tags=True)}


def shown(call: Call, cluster: Document, tags: bool = False) -> dict[str, Any]:
    """Return a cluster as the API shows it, with the counts of what runs in it."""
    prefix = f"{place(call)}/{cluster['name']}/"
    tasks = [each["status"] for _, each in call.cloud.store.table(TASKS).items(prefix)]
    services = [each["status"] for _, each in call.cloud.store.table(SERVICES).items(prefix)]
    return {
        "clusterArn": cluster["arn"],
        "clusterName": cluster["name"],
        "status": cluster["status"],
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": tasks.count("RUNNING"),
        "pendingTasksCount": sum(status in ("PROVISIONING", "PENDING", "ACTIVATING") for status in tasks),
        "activeServicesCount": services.count("ACTIVE"),
        "statistics": [],
        "settings": cluster["settings"],
        "capacityProviders": cluster["providers"],
        "defaultCapacityProviderStrategy": cluster["strategy"],
        "tags": shown_tags(cluster) if tags else [],
    }


@operation("ecs", "DescribeClusters", simplified="Statistics are empty.")
def describe_clusters(call: Call) -> dict[str, Any]:
    table = call.cloud.store.table(CLUSTERS)
    found, failures = [], []
    for text in call.params.get("clusters") or [DEFAULT_CLUSTER]:
        cluster = table.get(f"{place(call)}/{last(text)}") if own(call, text) else None
        if cluster is None:
            failures.append(missing(arn(call.region, call.account, f"cluster/{last(text)}")))
        else:
            found.append(shown(call, cluster, tags="TAGS" in (call.params.get("include") or ())))
    return {"clusters": found, "failures": failures}


@operation("ecs", "ListClusters")
def list_clusters(call: Call) -> dict[str, Any]:
    clusters = [each for _, each in call.cloud.store.table(CLUSTERS).items(f"{place(call)}/")]
    return paged(call, "clusterArns", [each["arn"] for each in clusters if each["status"] == "ACTIVE"])


@operation("ecs", "DeleteCluster")
def delete_cluster(call: Call) -> dict[str, Any]:
    """A cluster that was deleted is INACTIVE and can still be described."""
    cluster = cluster_of(call)
    now = shown(call, cluster)
    prefix = f"{place(call)}/{cluster['name']}/"
    services = [each["status"] for _, each in call.cloud.store.table(SERVICES).items(prefix)]
    if any(status != "INACTIVE" for status in services):
        raise ApiError("ClusterContainsServicesException", "The Cluster cannot be deleted while Services are active.")
    if any(each["status"] != "STOPPED" for _, each in call.cloud.store.table(TASKS).items(prefix)):
        raise ApiError("ClusterContainsTasksException", "The Cluster cannot be deleted while Tasks are active.")
    cluster["status"] = "INACTIVE"
    call.cloud.store.table(CLUSTERS).put(f"{place(call)}/{cluster['name']}", cluster)
    return {"cluster": {**now, "status": "INACTIVE"}}
