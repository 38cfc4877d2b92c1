"""A task as it is kept, and as the API shows it."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ecrlab.aws.ecs.definitions import in_order
from ecrlab.aws.ecs.names import arn, new_id
from ecrlab.aws.ecs.request import TASKS, shown_tags
from ecrlab.aws.identity.identities import Document

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud

STARTING = ("PROVISIONING", "PENDING", "ACTIVATING")
"""The states before RUNNING (facts D012)."""
MOST = 20
"""Tasks that a lab runs at once."""
SHOWN_SECONDS = 3600.0
"""How long a stopped task is shown, in lab time."""


@dataclass(frozen=True)
class Order:
    """What a task is to be: everything but the recipe. ``pinned`` maps containers to the digests to take."""

    cluster: str
    group: str
    launch: str
    provider: str | None = None
    platform_version: str = "1.4.0"
    network: Mapping[str, Any] = field(default_factory=dict)
    overrides: Mapping[str, Any] = field(default_factory=dict)
    started_by: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    token: str | None = None
    service: str = ""
    deployment: str = ""
    pinned: Mapping[str, str] = field(default_factory=dict)
    exec_command: bool = False


def new_task(cloud: Cloud, account: str, region: str, definition: Document, order: Order) -> Document:
    """Keep a task, and have it started. Call it in a transaction."""
    number, now = new_id(), cloud.clock.time()
    path = f"{order.cluster}/{number}"
    given = definition["given"]
    task: Document = {
        "key": f"{account}/{region}/{path}",
        "id": number,
        "arn": arn(region, account, f"task/{path}"),
        "account": account,
        "region": region,
        "cluster": order.cluster,
        "definition": definition["arn"],
        "family": definition["family"],
        "group": order.group,
        "launch": order.launch,
        "provider": order.provider,
        "platform_version": order.platform_version,
        "network": dict(order.network),
        "overrides": dict(order.overrides),
        "started_by": order.started_by,
        "tags": dict(order.tags),
        "token": order.token,
        "service": order.service,
        "deployment": order.deployment,
        "pinned": dict(order.pinned),
        "exec_command": order.exec_command,
        "execution_role": order.overrides.get("executionRoleArn") or given.get("executionRoleArn"),
        "task_role": order.overrides.get("taskRoleArn") or given.get("taskRoleArn"),
        "credentials": "",
        "platform": _platform(given),
        "cpu": given.get("cpu"),
        "memory": given.get("memory"),
        # In the order in which they are started: the first one's network is the task's.
        "recipes": [_overridden(each, order.overrides) for each in in_order(definition["containers"])],
        "containers": [
            {
                "name": each["name"],
                "image": each["image"],
                "arn": _container_arn(region, account, path),
                "state": "PENDING",
            }
            for each in definition["containers"]
        ],
        "status": "PROVISIONING",
        "desired": "RUNNING",
        "version": 1,
        "created": now,
    }
    if task["task_role"]:
        task["credentials"] = secrets.token_urlsafe(24)
    cloud.store.table(TASKS).put(task["key"], task)
    cloud.work.add("ecs.start", {"key": task["key"]})
    return task


def _container_arn(region: str, account: str, path: str) -> str:
    return arn(region, account, f"container/{path}/{uuid.uuid4()}")


def _platform(given: Mapping[str, Any]) -> str:
    """Return the platform whose image is taken: ``os/architecture`` as images name it."""
    wanted = given.get("runtimePlatform") or {}
    system = "windows" if str(wanted.get("operatingSystemFamily", "")).startswith("WINDOWS") else "linux"
    return f"{system}/{'arm64' if wanted.get('cpuArchitecture') == 'ARM64' else 'amd64'}"


def _overridden(recipe: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Return a container definition with RunTask's overrides of it."""
    all_given = overrides.get("containerOverrides") or ()
    given: Mapping[str, Any] = next((each for each in all_given if each.get("name") == recipe["name"]), {})
    pairs = (*recipe["environment"], *(given.get("environment") or ()))
    environment = {each["name"]: each.get("value", "") for each in pairs if each.get("name")}
    command = given.get("command") or recipe.get("command")
    changed = {**recipe, "environment": [{"name": key, "value": value} for key, value in environment.items()]}
    return {**changed, "command": command} if command else changed


def change(cloud: Cloud, key: str, **fields: Any) -> Document | None:
    """Change a task's document, and return it; None: there is no such task any more."""
    table = cloud.store.table(TASKS)
    with cloud.store.transaction():
        task = table.get(key)
        if task is not None:
            task.update(fields)
            task["version"] += 1
            table.put(key, task)
    return task


def mark_stopping(cloud: Cloud, task: Document, code: str, reason: str) -> Document:
    """Have a task stopped: from now on it is meant to be STOPPED. Call it in a transaction."""
    if task["desired"] == "STOPPED":
        return task
    now = cloud.clock.time()
    changed = change(cloud, task["key"], desired="STOPPED", code=code, reason=reason, stopping=now)
    cloud.work.add("ecs.stop", {"key": task["key"]})
    return changed or task


def shown(task: Document, tags: bool = True) -> dict[str, Any]:
    """Return a task as the API shows it."""
    place = arn(task["region"], task["account"], "")
    found = {
        "taskArn": task["arn"],
        "clusterArn": f"{place}cluster/{task['cluster']}",
        "taskDefinitionArn": task["definition"],
        "group": task["group"],
        "launchType": task["launch"],
        "capacityProviderName": task["provider"],
        "platformVersion": task["platform_version"],
        "platformFamily": "Linux" if task["platform"].startswith("linux") else "Windows",
        "lastStatus": task["status"],
        "desiredStatus": task["desired"],
        "healthStatus": health(task),
        "connectivity": "CONNECTED" if task["status"] == "RUNNING" else None,
        "cpu": task["cpu"],
        "memory": task["memory"],
        "availabilityZone": f"{task['region']}a",
        "attachments": _attachments(task),
        "attributes": [{"name": "ecs.cpu-architecture", "value": _architecture(task["platform"])}],
        "containers": [_container(task, each) for each in task["containers"]],
        "overrides": {"containerOverrides": [], "inferenceAcceleratorOverrides": [], **task["overrides"]},
        "enableExecuteCommand": task["exec_command"],
        "startedBy": task["started_by"],
        "stopCode": task.get("code"),
        "stoppedReason": task.get("reason"),
        "version": task["version"],
        "ephemeralStorage": {"sizeInGiB": 20},
        "tags": shown_tags(task) if tags else [],
    }
    times = {
        "createdAt": "created", "pullStartedAt": "pull_started", "pullStoppedAt": "pull_stopped",
        "startedAt": "started", "connectivityAt": "connected", "stoppingAt": "stopping",
        "executionStoppedAt": "execution_stopped", "stoppedAt": "stopped",
    }  # fmt: skip
    return {**found, **{name: task.get(kept) for name, kept in times.items()}}


def health(task: Document) -> str:
    """Return a task's health by that of its essential containers (facts D146)."""
    essential = {each["name"] for each in task["recipes"] if each["essential"]}
    found = {each.get("health", "UNKNOWN") for each in task["containers"] if each["name"] in essential}
    return next(state for state in ("UNHEALTHY", "UNKNOWN", "HEALTHY") if state in found)


def has_check(task: Document) -> bool:
    """Tell whether every essential container of a task has a health check, and a process to be checked."""
    running = {each["name"] for each in task["containers"] if each.get("runtime")}
    return all(each.get("healthCheck") and each["name"] in running for each in task["recipes"] if each["essential"])


def _architecture(platform: str) -> str:
    return "arm64" if platform.endswith("arm64") else "x86_64"


def _container(task: Document, container: Document) -> dict[str, Any]:
    details = dict(_details(task))
    return {
        "containerArn": container["arn"],
        "taskArn": task["arn"],
        "name": container["name"],
        "image": container["image"],
        "imageDigest": container.get("digest"),
        "runtimeId": container.get("runtime"),
        "lastStatus": container["state"],
        "exitCode": container.get("exit"),
        "reason": container.get("reason"),
        "networkBindings": [],
        "networkInterfaces": [
            {"attachmentId": _stable(task, "attachment"), "privateIpv4Address": details["privateIPv4Address"]}
        ],
        "healthStatus": container.get("health", "UNKNOWN"),
        "cpu": "0",
    }


def _stable(task: Document, what: str) -> str:
    """Return an invented id that stays: there are no networks here to know one."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{task['arn']}/{what}"))


def _details(task: Document) -> list[tuple[str, str]]:
    hashed = hashlib.sha256(task["arn"].encode()).hexdigest()
    subnets = (task["network"].get("awsvpcConfiguration") or {}).get("subnets") or ["subnet-00000000"]
    address = f"10.0.{int(hashed[:2], 16)}.{int(hashed[2:4], 16) % 250 + 4}"
    mac = ":".join(("0a", *(hashed[i : i + 2] for i in range(4, 14, 2))))
    return [
        ("subnetId", subnets[0]),
        ("networkInterfaceId", f"eni-{hashed[14:31]}"),
        ("macAddress", mac),
        ("privateDnsName", f"ip-{address.replace('.', '-')}.ec2.internal"),
        ("privateIPv4Address", address),
    ]


def _attachments(task: Document) -> list[dict[str, Any]]:
    if task["status"] == "PROVISIONING":
        state = "PRECREATED"
    else:
        state = "DELETED" if task["status"] == "STOPPED" else "ATTACHED"
    details = [{"name": name, "value": value} for name, value in _details(task)]
    one = {"id": _stable(task, "attachment"), "type": "ElasticNetworkInterface", "status": state, "details": details}
    return [one]
