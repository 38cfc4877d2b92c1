"""Services: CreateService, UpdateService, DeleteService, and what there is of them. `rollout` does the rest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ecrlab.aws.ecs import fields, records, rollout
from ecrlab.aws.ecs.definitions import check_execution_role, to_run
from ecrlab.aws.ecs.definitions import find as find_definition
from ecrlab.aws.ecs.names import arn, last
from ecrlab.aws.ecs.request import (
    SERVICES,
    check_fields,
    cluster_of,
    invalid,
    missing,
    own,
    paged,
    pass_roles,
    place,
    shown_tags,
    tags_of,
)
from ecrlab.aws.ecs.state import STARTING
from ecrlab.aws.ecs.tasks import launch_of, network_of
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.operations import Call, held, operation
from ecrlab.aws.wire.errors import ApiError

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_KEPT = (
    "availabilityZoneRebalancing", "enableECSManagedTags", "enableExecuteCommand", "healthCheckGracePeriodSeconds",
    "propagateTags",
)  # fmt: skip


@operation("ecs", "CreateService", simplified="REPLICA on Fargate, without load balancers; rolling deployments only.")
def create_service(call: Call) -> dict[str, Any]:
    """Keep a service; its first deployment begins. Order: shape, own action, PassRole of both roles, the rest."""
    check_fields(call)
    params = call.params
    if not params.get("taskDefinition"):
        raise invalid("TaskDefinition can not be blank.")
    definition = to_run(call, params["taskDefinition"])
    given = definition["given"]
    pass_roles(call, given.get("executionRoleArn"), given.get("taskRoleArn"))
    cluster = cluster_of(call)
    name = params["serviceName"]
    if not _NAME.fullmatch(name):
        raise invalid("Service name contains invalid characters.")
    if params.get("schedulingStrategy") == "DAEMON":
        raise invalid("The daemon scheduling strategy is not supported on AWS Fargate.")
    _check_controller(params)
    launch, provider = launch_of(call, cluster, definition)
    network = network_of(call, definition)
    check_execution_role(call, definition["containers"], given.get("executionRoleArn"))
    key = f"{place(call)}/{cluster['name']}/{name}"
    service: Document = {
        "key": key,
        "name": name,
        "arn": arn(call.region, call.account, f"service/{cluster['name']}/{name}"),
        "account": call.account,
        "region": call.region,
        "cluster": cluster["name"],
        "status": "ACTIVE",
        "desired": _count(params.get("desiredCount") or 0),
        "definition": definition["arn"],
        "launch": launch,
        "provider": provider,
        "platform_version": params.get("platformVersion") or "LATEST",
        "network": network,
        **_configuration({}, params.get("deploymentConfiguration") or {}),
        "kept": {each: params[each] for each in _KEPT if params.get(each) is not None},
        "deployments": [],
        "events": [],
        "steady": False,
        "created": call.now,
        "created_by": call.principal.arn,
        "tags": tags_of(call),
    }
    table = call.cloud.store.table(SERVICES)
    with call.cloud.store.transaction():
        there = table.get(key)
        if there is not None and there["status"] == "DRAINING":
            raise invalid("Unable to Start a service that is still Draining.")
        if there is not None and there["status"] == "ACTIVE":
            raise invalid("Creation of service was not idempotent.")
        records.forget(call.cloud, key)
        rollout.begin(call.cloud, service, call.now)
        table.put(key, service)
    call.cloud.work.added.set()
    return {"service": shown(call, service)}


def _count(given: int) -> int:
    if given < 0:
        raise invalid("Desired count must not be negative.")
    return given


def _check_controller(params: Mapping[str, Any]) -> None:
    kind = (params.get("deploymentController") or {}).get("type", "ECS")
    if kind != "ECS":
        raise invalid(f"ECR Lab does not have the deployment controller {kind}. See docs/fidelity.md for what it has.")


def _configuration(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the deployment configuration that holds when ``given`` was added to it (facts D037)."""
    fields.refuse(given, fields.DEPLOYMENT, "deploymentConfiguration")
    if given.get("strategy", "ROLLING") != "ROLLING":
        raise invalid("ECR Lab does not have other deployment strategies than ROLLING. See docs/fidelity.md.")
    found = {"minimum": 100, "maximum": 200, "breaker": {"enable": False, "rollback": False}, **before}
    for name, kept in (("minimumHealthyPercent", "minimum"), ("maximumPercent", "maximum")):
        if given.get(name) is not None:
            if not 0 <= given[name] <= 100_000:
                raise invalid(f"{name} must not be negative.")
            found[kept] = given[name]
    if given.get("deploymentCircuitBreaker") is not None:
        found["breaker"] = given["deploymentCircuitBreaker"]
    return {name: found[name] for name in ("minimum", "maximum", "breaker")}


def service_of(call: Call) -> Document:
    """Return the service that a request names. Raises ServiceNotFoundException, ClusterNotFoundException."""
    text = call.params["service"]
    named = text.split(":", 5)[-1].split("/")  # an ARN has the cluster too
    if len(named) == 3 and not call.params.get("cluster"):
        call.params["cluster"] = named[1]
    cluster = cluster_of(call)
    found = find(call, cluster, text)
    if found is None:
        raise ApiError("ServiceNotFoundException", "Service not found.")
    return found


def find(call: Call, cluster: Document, text: str) -> Document | None:
    """Return the service that a name or an ARN names; None: it is not there, or not in this cluster."""
    if not own(call, text):
        return None
    return call.cloud.store.table(SERVICES).get(f"{place(call)}/{cluster['name']}/{last(text)}")


@operation("ecs", "UpdateService", simplified="Without load balancers; rolling deployments only.")
def update_service(call: Call) -> dict[str, Any]:
    """Change a service; what changes its tasks begins a deployment, a count alone does not."""
    check_fields(call)
    params = call.params
    definition = to_run(call, params["taskDefinition"]) if params.get("taskDefinition") else None
    if definition is not None:
        pass_roles(call, definition["given"].get("executionRoleArn"), definition["given"].get("taskRoleArn"))
    _check_controller(params)
    with call.cloud.store.transaction():
        service = service_of(call)
        if service["status"] != "ACTIVE":
            raise ApiError("ServiceNotActiveException", "Service was not ACTIVE.")
        if params.get("desiredCount") is not None:
            service.update(desired=_count(params["desiredCount"]), steady=False)
        service.update(_configuration(service, params.get("deploymentConfiguration") or {}))
        service["kept"].update({each: params[each] for each in _KEPT if params.get(each) is not None})
        before = (service["definition"], service["network"], service["platform_version"])
        if definition is not None:
            service["definition"] = definition["arn"]
        now_runs = definition or to_run_now(call, service)
        if params.get("networkConfiguration"):
            service["network"] = network_of(call, now_runs)
        if params.get("platformVersion"):
            service["platform_version"] = params["platformVersion"]
        changed = before != (service["definition"], service["network"], service["platform_version"])
        if changed or params.get("forceNewDeployment"):
            check_execution_role(call, now_runs["containers"], now_runs["given"].get("executionRoleArn"))
            rollout.begin(call.cloud, service, call.now)
        call.cloud.store.table(SERVICES).put(service["key"], service)
    call.cloud.work.added.set()
    return {"service": shown(call, service)}


def to_run_now(call: Call, service: Document) -> Document:
    """Return the task definition that a service runs, be it inactive by now."""
    found = find_definition(call, service["definition"])
    assert found is not None
    return found


@operation("ecs", "DeleteService")
def delete_service(call: Call) -> dict[str, Any]:
    """A service that was deleted drains, and is INACTIVE once its last task is over."""
    with call.cloud.store.transaction():
        service = service_of(call)
        if service["status"] != "ACTIVE":
            raise ApiError("ServiceNotActiveException", "Service was not ACTIVE.")
        if service["desired"] > 0 and not call.params.get("force"):
            raise invalid("The service cannot be stopped while it is scaled above 0.")
        service.update(status="DRAINING", desired=0)
        call.cloud.store.table(SERVICES).put(service["key"], service)
    call.cloud.work.added.set()
    return {"service": shown(call, service)}


@operation("ecs", "DescribeServices", simplified="The newest 100 events.")
def describe_services(call: Call) -> dict[str, Any]:
    names = call.params["services"]
    if not names:
        raise invalid("Services cannot be empty.")
    if len(names) > 10:
        raise invalid("Services cannot have more than 10 elements.")
    cluster = cluster_of(call)
    tags = "TAGS" in (call.params.get("include") or ())
    found, failures = [], []
    for name in names:
        service = find(call, cluster, name)
        if service is None:
            failures.append(missing(arn(call.region, call.account, f"service/{cluster['name']}/{last(name)}")))
        else:
            found.append(shown(call, service, tags))
    return {"services": found, "failures": failures}


def _moving(answer: Mapping[str, Any]) -> bool:
    """Tell whether a service of an answer is on its way to what a waiter waits for."""
    return any(
        service["status"] == "DRAINING"
        or (
            service["status"] == "ACTIVE"
            and (len(service["deployments"]) != 1 or service["runningCount"] != service["desiredCount"])
        )
        for service in answer.get("services", ())
    )


held("ecs", "DescribeServices", _moving)


@operation("ecs", "ListServices")
def list_services(call: Call) -> dict[str, Any]:
    check_fields(call)
    cluster = cluster_of(call)
    items = call.cloud.store.table(SERVICES).items(f"{place(call)}/{cluster['name']}/")
    found = [
        each["arn"]
        for _, each in items
        if each["status"] != "INACTIVE"
        and call.params.get("launchType") in (None, each["launch"])
        and call.params.get("schedulingStrategy") in (None, "REPLICA")
    ]
    return paged(call, "serviceArns", found, usual=10)


def shown(call: Call, service: Document, tags: bool = True) -> dict[str, Any]:
    """Return a service as the API shows it."""
    tasks = rollout.tasks_of(call.cloud, service)
    deployments = [_deployment(service, each, tasks) for each in service["deployments"]]
    records = {each["record"]: each for each in service["deployments"]}
    current = service["deployments"][0] if records else None
    number = current["id"].rpartition("/")[2] if current else ""
    return {
        "serviceArn": service["arn"],
        "serviceName": service["name"],
        "clusterArn": arn(service["region"], service["account"], f"cluster/{service['cluster']}"),
        "status": service["status"],
        "desiredCount": service["desired"],
        "runningCount": sum(task["status"] == "RUNNING" for task in tasks),
        "pendingCount": sum(task["status"] in STARTING for task in tasks),
        "launchType": None if service["provider"] else service["launch"],
        "capacityProviderStrategy": [{"capacityProvider": service["provider"], "weight": 1, "base": 0}]
        if service["provider"]
        else None,
        "platformVersion": service["platform_version"],
        "platformFamily": "Linux",
        "taskDefinition": service["definition"],
        "deploymentConfiguration": shown_configuration(service),
        "deployments": deployments,
        "events": [
            {"id": each["id"], "createdAt": each["time"], "message": each["message"]} for each in service["events"]
        ],
        "loadBalancers": [],
        "serviceRegistries": [],
        "placementConstraints": [],
        "placementStrategy": [],
        "networkConfiguration": service["network"],
        "schedulingStrategy": "REPLICA",
        "deploymentController": {"type": "ECS"},
        "createdAt": service["created"],
        "createdBy": service["created_by"],
        "currentServiceDeployment": arn(
            service["region"], service["account"], f"service-deployment/{service['cluster']}/{service['name']}/{number}"
        )
        if current
        else None,
        "tags": shown_tags(service) if tags else [],
        "enableECSManagedTags": False,
        "enableExecuteCommand": False,
        "propagateTags": "NONE",
        "availabilityZoneRebalancing": "DISABLED",
        **service["kept"],
    }


def shown_configuration(service: Document) -> dict[str, Any]:
    return {
        "deploymentCircuitBreaker": {"enable": False, "rollback": False, **service["breaker"]},
        "maximumPercent": service["maximum"],
        "minimumHealthyPercent": service["minimum"],
        "strategy": "ROLLING",
        "bakeTimeInMinutes": 0,
    }


def _deployment(service: Document, deployment: Document, tasks: list[Document]) -> dict[str, Any]:
    mine = [task["status"] for task in tasks if task["deployment"] == deployment["id"]]
    return {
        "id": deployment["id"],
        "status": deployment["status"],
        "taskDefinition": deployment["definition"],
        "desiredCount": service["desired"] if deployment["status"] == "PRIMARY" else 0,
        "pendingCount": sum(status in STARTING for status in mine),
        "runningCount": mine.count("RUNNING"),
        "failedTasks": deployment["failed"],
        "createdAt": deployment["created"],
        "updatedAt": deployment["updated"],
        "launchType": None if deployment["provider"] else deployment["launch"],
        "platformVersion": deployment["platform_version"],
        "platformFamily": "Linux",
        "networkConfiguration": deployment["network"],
        "rolloutState": deployment["rollout"],
        "rolloutStateReason": deployment["reason"],
    }
