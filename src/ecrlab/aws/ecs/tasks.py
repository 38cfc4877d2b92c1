"""Tasks: RunTask, StopTask, and what there is of them. What happens in between is `agent`'s."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ecrlab.aws.ecs import fields
from ecrlab.aws.ecs.definitions import check_execution_role, to_run
from ecrlab.aws.ecs.definitions import shown as shown_definition
from ecrlab.aws.ecs.failures import cannot_assume
from ecrlab.aws.ecs.names import arn, last
from ecrlab.aws.ecs.request import (
    SERVICE,
    TASKS,
    check_fields,
    client_error,
    cluster_of,
    full_role,
    invalid,
    missing,
    own,
    paged,
    pass_roles,
    place,
    tags_of,
)
from ecrlab.aws.ecs.state import MOST, STARTING, Order, mark_stopping, new_task, shown
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.operations import Call, held, operation
from ecrlab.aws.sts.service_sessions import Service, may_assume
from ecrlab.aws.wire.errors import ApiError

_SUBNET = re.compile(r"subnet-[0-9a-f]{8,17}")
_GROUP = re.compile(r"sg-[0-9a-f]{8,17}")
_FULL = "Capacity is unavailable at this time. Please try again later or in a different availability zone"
OVERRIDES_MOST = 8192
"""Characters that the overrides may have (facts D007)."""


@operation("ecs", "RunTask", simplified="Fargate only; at most 20 tasks run in a lab.")
def run_task(call: Call) -> dict[str, Any]:
    """Start tasks. Order: shape, own action, PassRole of the execution role, of the task role, the rest.

    A tag is resolved at each start (facts D035); refusals: facts D131 to D133.
    """
    check_fields(call)
    params = call.params
    overrides = _overrides(call)
    definition = to_run(call, params["taskDefinition"])
    given = {**definition["given"], **overrides}
    pass_roles(call, given.get("executionRoleArn"), given.get("taskRoleArn"))
    cluster = cluster_of(call)
    count = params.get("count") or 1
    if not 1 <= count <= 10:
        raise invalid("count should be in between 1 and 10.")
    launch, provider = launch_of(call, cluster, definition)
    network = network_of(call, definition)
    check_execution_role(call, definition["containers"], given.get("executionRoleArn"))
    check_trust(call, given.get("executionRoleArn"), given.get("taskRoleArn"))
    known = {each["name"] for each in definition["containers"]}
    for each in overrides.get("containerOverrides") or ():
        if each.get("name") not in known:
            raise invalid(f"Override for container named {each.get('name')} is not a container in the TaskDefinition.")
    token = params.get("clientToken")
    order = Order(
        cluster=cluster["name"],
        group=params.get("group") or f"family:{definition['family']}",
        launch=launch,
        provider=provider,
        platform_version=_platform_version(params.get("platformVersion")),
        network=network,
        overrides=overrides,
        started_by=params.get("startedBy"),
        tags=tags_of(call),
        token=token,
        exec_command=bool(params.get("enableExecuteCommand")),
    )
    tasks, failures = [], []
    with call.cloud.store.transaction():
        before = _of_token(call, cluster, token) if token else []
        if before:
            return {"tasks": [shown(each) for each in before], "failures": []}
        for _ in range(count):
            if running(call.cloud.store.table(TASKS).items()) >= MOST:
                failures.append({"arn": cluster["arn"], "reason": _FULL})
            else:
                tasks.append(new_task(call.cloud, call.account, call.region, definition, order))
    return {"tasks": [shown(each) for each in tasks], "failures": failures}


def running(tasks: list[tuple[str, Document]]) -> int:
    """Count the tasks that are not over."""
    return sum(task["status"] != "STOPPED" for _, task in tasks)


def _platform_version(text: str | None) -> str:
    return "1.4.0" if text in (None, "", "LATEST") else str(text)


def _overrides(call: Call) -> dict[str, Any]:
    given = {name: value for name, value in (call.params.get("overrides") or {}).items() if value}
    fields.refuse(given, fields.OVERRIDES, "overrides")
    for each in given.get("containerOverrides") or ():
        fields.refuse(each, fields.CONTAINER_OVERRIDES, "overrides.containerOverrides")
    if len(str(given)) > OVERRIDES_MOST:
        raise invalid(f"Overrides may have {OVERRIDES_MOST} characters.")
    for name in ("executionRoleArn", "taskRoleArn"):
        if name in given:
            given[name] = full_role(call, given[name])
    return given


def launch_of(call: Call, cluster: Document, definition: Document) -> tuple[str, str | None]:
    """Return launch type and capacity provider of a request. Raises ApiError for anything but Fargate (facts D132)."""
    kind, strategy = call.params.get("launchType"), call.params.get("capacityProviderStrategy")
    if kind and strategy:
        raise invalid(
            "Specifying both a launch type and capacity provider strategy is not supported. Remove one and try again."
        )
    strategy = strategy or ([] if kind else cluster["strategy"])
    provider = strategy[0]["capacityProvider"] if strategy else None
    if provider not in (None, "FARGATE", "FARGATE_SPOT"):
        raise invalid(f"The specified capacity provider '{provider}' was not found.")
    if provider is None and kind != "FARGATE":
        raise invalid("No Container Instances were found in your cluster.")
    if "FARGATE" not in shown_definition(definition)["compatibilities"]:
        raise invalid("Task definition does not support launch_type FARGATE.")
    return "FARGATE", provider


def network_of(call: Call, definition: Document) -> dict[str, Any]:
    """Return the network configuration of a request, checked for its form: there is no network to know its names."""
    given: dict[str, Any] = call.params.get("networkConfiguration") or {}
    awsvpc = given.get("awsvpcConfiguration")
    if definition["given"].get("networkMode") != "awsvpc":
        if awsvpc:
            raise invalid("Network Configuration is not valid for the given networkMode of this task definition.")
        return {}
    if not awsvpc or not awsvpc.get("subnets"):
        raise invalid("Network Configuration must be provided when networkMode 'awsvpc' is specified.")
    for kind, names, form in (
        ("subnet", awsvpc["subnets"], _SUBNET),
        ("security group", awsvpc.get("securityGroups") or (), _GROUP),
    ):
        for name in names:
            if not form.fullmatch(name):
                raise invalid(
                    f"Error retrieving {kind} information for [{name}]: The {kind} ID '{name}' does not exist"
                )
    return given


def check_trust(call: Call, *roles: str | None) -> None:
    """Refuse roles that do not let ECS in. Raises ClientException with the sentence that a service's event has."""
    source = arn(call.region, call.account, "task/any")
    for role in roles:
        asked = may_assume(call.cloud, Service(SERVICE, source), role) if role else None
        if asked is not None and asked["decision"] != "allowed":
            raise client_error(cannot_assume(str(role)))


def _of_token(call: Call, cluster: Document, token: str) -> list[Document]:
    """Return the tasks that an earlier request with this token began. Raises ConflictException: they were others."""
    items = call.cloud.store.table(TASKS).items(f"{place(call)}/{cluster['name']}/")
    found = [task for _, task in items if task["token"] == token]
    definition = to_run(call, call.params["taskDefinition"])
    if any(task["definition"] != definition["arn"] for task in found):
        raise ApiError(
            "ConflictException",
            "The RunTask request could not be processed due to conflicts. The provided clientToken is already in use "
            "with a different RunTask request.",
        )
    return found


def find(call: Call, cluster: Document, text: str) -> Document | None:
    """Return the task that an id or an ARN names; None: it is not there, or not in this cluster."""
    if not own(call, text):
        return None
    return call.cloud.store.table(TASKS).get(f"{place(call)}/{cluster['name']}/{last(text)}")


@operation("ecs", "StopTask")
def stop_task(call: Call) -> dict[str, Any]:
    """Have a task stopped; the answer shows it as it is now."""
    cluster = cluster_of(call)
    with call.cloud.store.transaction():
        found = find(call, cluster, call.params["task"])
        if found is None:
            raise invalid("The referenced task was not found.")
        reason = call.params.get("reason") or "Task stopped by user"
        return {"task": shown(mark_stopping(call.cloud, found, "UserInitiated", reason))}


@operation("ecs", "DescribeTasks", simplified="A stopped task is shown for an hour of lab time.")
def describe_tasks(call: Call) -> dict[str, Any]:
    cluster = cluster_of(call)
    names = call.params["tasks"]
    if not names:
        raise invalid("Tasks cannot be empty.")
    if len(names) > 100:
        raise invalid("Tasks cannot have more than 100 elements.")
    tags = "TAGS" in (call.params.get("include") or ())
    found, failures = [], []
    for name in names:
        task = find(call, cluster, name)
        if task is None:
            whole = (
                name if name.startswith("arn:") else arn(call.region, call.account, f"task/{cluster['name']}/{name}")
            )
            failures.append(missing(whole))
        else:
            found.append(shown(task, tags))
    return {"tasks": found, "failures": failures}


def _moving(answer: Mapping[str, Any]) -> bool:
    """Tell whether a task of an answer is on its way to RUNNING or to STOPPED."""
    return any(
        task["lastStatus"] != "STOPPED" and (task["lastStatus"] != "RUNNING" or task["desiredStatus"] == "STOPPED")
        for task in answer.get("tasks", ())
    )


held("ecs", "DescribeTasks", _moving)


@operation("ecs", "ListTasks")
def list_tasks(call: Call) -> dict[str, Any]:
    """Those that are meant to run, unless the request asks for the stopped ones; oldest first."""
    check_fields(call)
    cluster, params = cluster_of(call), call.params
    wanted = {
        "family": params.get("family"),
        "started_by": params.get("startedBy"),
        "service": last(params["serviceName"]) if params.get("serviceName") else None,
        "launch": params.get("launchType"),
        "desired": params.get("desiredStatus") or "RUNNING",
    }
    items = call.cloud.store.table(TASKS).items(f"{place(call)}/{cluster['name']}/")
    found = [
        task
        for _, task in items
        if all(value is None or task[name] == value for name, value in wanted.items())
        and (wanted["desired"] != "PENDING" or task["status"] in STARTING)
    ]
    return paged(call, "taskArns", [task["arn"] for task in sorted(found, key=lambda task: float(task["created"]))])
