"""What a service does by itself: keep its tasks, replace them in a rolling deployment, give up and go back.

Facts D009, D030, D032 and D037 to D042. One call of `step` moves one service as far as it goes now; it is called about
once a second, and soon after something happened to a task. Real time says when a task is steady, lab time how long a
service waits between starts that fail.
"""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Iterable
from typing import TYPE_CHECKING

from ecrlab.aws.ecs import records
from ecrlab.aws.ecs.failures import cannot_assume
from ecrlab.aws.ecs.names import arn, definition_named
from ecrlab.aws.ecs.request import DEFINITIONS, SERVICE, SERVICES, TASKS
from ecrlab.aws.ecs.state import MOST, Order, change, has_check, health, mark_stopping, new_task
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.sts.service_sessions import Service, may_assume
from ecrlab.aws.work import every_round

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud

STEADY_SECONDS = 1.0
"""Seconds of real time that a task must have run to count as healthy."""
PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)
"""Seconds of lab time before the next start, by how many failed in a row; the last goes on."""
EVENTS = 100
"""How many events of a service are kept."""
TRIES = 3
"""Failed starts after which a deployment without a breaker goes on without digests (facts D032)."""
UNHEALTHY = "failed container health checks"
"""What an event and a task's stoppedReason say of one that is replaced (facts D147)."""
_STUCK = (
    "was unable to stop or start tasks during a deployment because of the service deployment configuration. Update the "
    "minimumHealthyPercent or maximumPercent value and try again."
)
_FULL = (
    "was unable to place a task. Reason: Capacity is unavailable at this time. Please try again later or in a "
    "different availability zone."
)


@every_round
def look_at_services(cloud: Cloud, now: float) -> None:
    """Move every service of the lab."""
    services = [(key, each) for key, each in cloud.store.table(SERVICES).items() if each["status"] != "INACTIVE"]
    if not services:
        return
    for key, _ in services:
        with cloud.store.transaction():
            # Read again inside: a request may have changed it meanwhile.
            service = cloud.store.table(SERVICES).get(key)
            if service is not None and service["status"] != "INACTIVE":
                step(cloud, service, now)


def tasks_of(cloud: Cloud, service: Document) -> list[Document]:
    """Return the tasks of a service, those that stopped among them, oldest first."""
    prefix = f"{service['account']}/{service['region']}/{service['cluster']}/"
    found = [task for _, task in cloud.store.table(TASKS).items(prefix) if task["service"] == service["name"]]
    return sorted(found, key=lambda task: float(task["created"]))


def note(service: Document, now: float, message: str) -> None:
    """Add an event, the newest first."""
    event = {"id": str(uuid.uuid4()), "time": now, "message": f"(service {service['name']}) {message}"}
    service["events"] = [event, *service["events"]][:EVENTS]


def begin(cloud: Cloud, service: Document, now: float, pinned: dict[str, str] | None = None, why: str = "") -> Document:
    """Add a deployment of what the service is to run now; it becomes the primary one.

    ``pinned`` are digests that are known already. The service is not yet kept.
    """
    for other in service["deployments"]:
        if other["status"] == "PRIMARY":
            other.update(status="ACTIVE", updated=now)
            records.superseded(cloud, other, now)
    deployment = {
        "id": f"ecs-svc/{(number := records.new_record(cloud, service, now))['number']}",
        "record": number["key"],
        "status": "PRIMARY",
        "definition": service["definition"],
        "network": service["network"],
        "platform_version": service["platform_version"],
        "launch": service["launch"],
        "provider": service["provider"],
        "created": now,
        "updated": now,
        "failed": 0,
        "streak": 0,
        "counted": 0,
        "next_start": now,
        "pinned": pinned,
        "unpinned": False,
        "stalled": False,
        "told": [],
        "rolls_back": None,
        "rollout": "IN_PROGRESS",
        "reason": "",
    }
    deployment["reason"] = why or f"ECS deployment {deployment['id']} in progress."
    service["deployments"] = [deployment, *service["deployments"]]
    service["steady"] = False
    return deployment


def threshold(service: Document) -> int:
    """Return how many failed tasks end a deployment (facts D038, D039)."""
    wanted = service["breaker"].get("thresholdConfiguration") or {}
    kind, value = wanted.get("type", "BOUNDED_PERCENT"), wanted.get("value", 50)
    if kind == "COUNT":
        return max(1, int(value))
    share: int = math.ceil(service["desired"] * value / 100)
    return max(1, share) if kind == "UNBOUNDED_PERCENT" else min(200, max(3, share))


def step(cloud: Cloud, service: Document, now: float) -> None:
    """Move one service. Call it in a transaction."""
    _Step(cloud, service, now).run()


class _Step:
    """One service, its tasks as they are, and what is to be done."""

    def __init__(self, cloud: Cloud, service: Document, now: float) -> None:
        self._cloud, self._service, self._now = cloud, service, now
        self._tasks = tasks_of(cloud, service)
        self._before = repr(service)

    def run(self) -> None:
        self._count_failures()
        if self._service["status"] == "DRAINING":
            self._drain()
        else:
            self._stop_unhealthy()
            self._pin()
            self._break()
            self._start()
            self._stop()
            self._complete()
        if repr(self._service) != self._before:
            self._cloud.store.table(SERVICES).put(self._service["key"], self._service)

    # -------------------------------------------------------------------------------------------------------- counting

    @property
    def _primary(self) -> Document:
        found: Document = self._service["deployments"][0]
        return found

    def _alive(self, deployments: Iterable[Document]) -> list[Document]:
        """The tasks of deployments that are meant to run."""
        ids = {each["id"] for each in deployments}
        return [task for task in self._tasks if task["deployment"] in ids and task["desired"] == "RUNNING"]

    def _there(self, deployments: Iterable[Document]) -> bool:
        """Tell whether a task of deployments is not yet over."""
        ids = {each["id"] for each in deployments}
        return any(task["deployment"] in ids and task["status"] != "STOPPED" for task in self._tasks)

    def _healthy(self, task: Document) -> bool:
        if has_check(task):  # what is checked counts from its first good check on
            return bool(task["status"] == "RUNNING" and health(task) == "HEALTHY")
        return bool(task["status"] == "RUNNING" and time.time() - task["real_started"] >= STEADY_SECONDS)

    def _count_failures(self) -> None:
        by_id = {each["id"]: each for each in self._service["deployments"]}
        for task in self._tasks:
            deployment = by_id.get(task["deployment"])
            if task["status"] != "STOPPED" or task.get("counted") or deployment is None:
                continue
            change(self._cloud, task["key"], counted=True)
            at_once = task.get("started") is None or task["stopped"] - task["started"] < STEADY_SECONDS
            checked = task.get("reason") == f"Task {UNHEALTHY}"
            ended = task["code"] == "EssentialContainerExited" and at_once
            if task["code"] == "TaskFailedToStart" or ended or checked:
                self._failed(deployment)
        for deployment in self._service["deployments"]:
            if deployment["streak"] and any(map(self._healthy, self._alive([deployment]))):
                deployment["streak"] = 0
                if self._service["breaker"].get("resetOnHealthyTask", True):
                    deployment["counted"] = 0

    def _failed(self, deployment: Document) -> None:
        deployment["failed"] += 1
        deployment["streak"] += 1
        deployment["counted"] += 1
        deployment["next_start"] = self._now + PAUSES[min(deployment["streak"], len(PAUSES)) - 1]
        deployment["updated"] = self._now
        if deployment["streak"] == TRIES:
            note(self._service, self._now, "is unable to consistently start tasks successfully.")
        records.counted(self._cloud, deployment, self._now)

    # -------------------------------------------------------------------------------------------------------- the steps

    def _drain(self) -> None:
        for task in self._tasks:
            if task["desired"] == "RUNNING":
                self._stop_task(task, self._service["deployments"][0]["id"])
        if all(task["status"] == "STOPPED" for task in self._tasks):
            self._service.update(status="INACTIVE", deployments=[])

    def _stop_unhealthy(self) -> None:
        """Stop the tasks that fail their health checks; others take their place (facts D147)."""
        for task in self._tasks:
            if task["desired"] == "RUNNING" and health(task) == "UNHEALTHY":
                note(self._service, self._now, f"(task {task['id']}) {UNHEALTHY}.")
                changed = mark_stopping(self._cloud, task, "ServiceSchedulerInitiated", f"Task {UNHEALTHY}")
                self._tasks = [changed if each["key"] == task["key"] else each for each in self._tasks]
                self._service["steady"] = False

    def _pin(self) -> None:
        """The first task that was pulled fixes the digests of the deployment (facts D030, D032)."""
        deployment = self._primary
        if deployment["pinned"] is not None or deployment["unpinned"]:
            return
        for task in self._tasks:
            if task["deployment"] == deployment["id"] and all(each.get("digest") for each in task["containers"]):
                free = {each["name"] for each in task["recipes"] if each.get("versionConsistency") == "disabled"}
                found = {each["name"]: each["digest"] for each in task["containers"] if each["name"] not in free}
                deployment["pinned"] = found
                records.pinned(self._cloud, deployment, task["containers"])
                return
        if deployment["streak"] >= TRIES and not self._service["breaker"].get("enable"):
            deployment["unpinned"] = True

    def _break(self) -> None:
        deployment, breaker = self._primary, self._service["breaker"]
        if not breaker.get("enable") or deployment["rollout"] != "IN_PROGRESS":
            return
        if deployment["counted"] < threshold(self._service):
            return
        why = "ECS deployment circuit breaker: tasks failed to start."
        note(self._service, self._now, f"(deployment {deployment['id']}) deployment failed: tasks failed to start.")
        deployment.update(rollout="FAILED", reason=why, updated=self._now, stalled=True)
        if breaker.get("rollback") and deployment["rolls_back"] is None:
            went = roll_back(self._cloud, self._service, self._now, "ECS deployment circuit breaker")
            if went is not None:
                note(self._service, self._now, f"rolling back to deployment {went['id']}.")
                return
        records.ended(self._cloud, deployment, "FAILED", why, self._now)

    def _start(self) -> None:
        deployment = self._primary
        mine, all_alive = self._alive([deployment]), self._alive(self._service["deployments"])
        most = self._service["desired"] * self._service["maximum"] // 100
        wanted = min(self._service["desired"] - len(mine), most - len(all_alive))
        if wanted <= 0 or deployment["stalled"] or deployment["next_start"] > self._now:
            return
        if not deployment["pinned"] and not deployment["unpinned"]:
            # The first one resolves the tag for all; the others wait for it.
            if mine and not all(each.get("digest") for each in mine[0]["containers"]):
                return
            wanted = 1
        definition = self._definition(deployment["definition"])
        if definition is None:
            return
        untrusting = self._untrusting(definition["given"])
        if untrusting is not None:
            self._failed(deployment)
            note(self._service, self._now, f"failed to launch a task with (error {cannot_assume(untrusting)}).")
            return
        started = []
        for _ in range(wanted):
            if sum(task["status"] != "STOPPED" for _, task in self._cloud.store.table(TASKS).items()) >= MOST:
                self._tell(deployment, _FULL)
                break
            started.append(self._new_task(deployment, definition))
        if started:
            names = " ".join(f"(task {task['id']})" for task in started)
            note(self._service, self._now, f"has started {len(started)} tasks: {names}.")
            self._service["steady"] = False

    def _new_task(self, deployment: Document, definition: Document) -> Document:
        service = self._service
        order = Order(
            cluster=service["cluster"],
            group=f"service:{service['name']}",
            launch=deployment["launch"],
            provider=deployment["provider"],
            platform_version=deployment["platform_version"],
            network=deployment["network"],
            started_by=deployment["id"],
            tags=service["tags"] if service["kept"].get("propagateTags") == "SERVICE" else {},
            service=service["name"],
            deployment=deployment["id"],
            pinned=deployment["pinned"] or {},
            exec_command=bool(service["kept"].get("enableExecuteCommand")),
        )
        task = new_task(self._cloud, service["account"], service["region"], definition, order)
        self._tasks.append(task)
        return task

    def _definition(self, name: str) -> Document | None:
        named = definition_named(name)
        assert named is not None
        place = f"{self._service['account']}/{self._service['region']}"
        return self._cloud.store.table(DEFINITIONS).get(f"{place}/{named[0]}/{named[1]:09d}")

    def _untrusting(self, given: Document) -> str | None:
        """Return a role of a recipe that does not let ECS in, else None."""
        source = arn(self._service["region"], self._service["account"], "task/any")
        for name in ("executionRoleArn", "taskRoleArn"):
            role = given.get(name)
            asked = may_assume(self._cloud, Service(SERVICE, source), role) if role else None
            if role and (asked is None or asked["decision"] != "allowed"):
                return str(role)
        return None

    def _stop(self) -> None:
        """Stop what is too much: first of older deployments, as far as enough healthy ones are left."""
        service, primary = self._service, self._primary
        mine, others = self._alive([primary]), self._alive(service["deployments"][1:])
        least = math.ceil(service["desired"] * service["minimum"] / 100)
        spare = sum(map(self._healthy, (*mine, *others))) - least
        chosen = []
        for task in sorted(others, key=self._healthy):
            if not self._healthy(task):
                chosen.append(task)
            elif spare > 0:
                chosen.append(task)
                spare -= 1
        chosen += sorted(mine, key=self._healthy)[: max(0, len(mine) - service["desired"])]
        for task in chosen:
            self._stop_task(task, primary["id"])
        if chosen:
            names = " ".join(f"(task {task['id']})" for task in chosen)
            note(service, self._now, f"has stopped {len(chosen)} running tasks: {names}.")
            service["steady"] = False
        elif others and len(mine) < service["desired"] and not primary["stalled"] and not self._waiting(mine, others):
            self._tell(primary, _STUCK)

    def _waiting(self, mine: list[Document], others: list[Document]) -> bool:
        """Tell whether something is still to come: a start that is due, a task that is not yet steady or not over."""
        most = self._service["desired"] * self._service["maximum"] // 100
        room = most > len(mine) + len(others)
        return room or not all(map(self._healthy, (*mine, *others))) or self._ending()

    def _ending(self) -> bool:
        return any(task["desired"] == "STOPPED" and task["status"] != "STOPPED" for task in self._tasks)

    def _stop_task(self, task: Document, deployment: str) -> None:
        reason = f"Scaling activity initiated by (deployment {deployment})"
        changed = mark_stopping(self._cloud, task, "ServiceSchedulerInitiated", reason)
        self._tasks = [changed if each["key"] == task["key"] else each for each in self._tasks]

    def _complete(self) -> None:
        service, primary = self._service, self._primary
        gone = [each for each in service["deployments"][1:] if not self._there([each])]
        service["deployments"] = [each for each in service["deployments"] if each not in gone]
        mine = self._alive([primary])
        whole = len(mine) == service["desired"] and all(map(self._healthy, mine))
        if not whole or len(service["deployments"]) > 1 or self._ending():
            return
        if primary["rollout"] == "IN_PROGRESS" and not primary["stalled"]:
            primary.update(rollout="COMPLETED", reason=f"ECS deployment {primary['id']} completed.", updated=self._now)
            note(service, self._now, f"(deployment {primary['id']}) deployment completed.")
            if primary["rolls_back"] is not None:
                records.rolled_back(self._cloud, primary, self._now)
                primary["rolls_back"] = None
            records.ended(self._cloud, primary, "SUCCESSFUL", "", self._now)
        if not service["steady"]:
            service["steady"] = True
            note(service, self._now, "has reached a steady state.")

    def _tell(self, deployment: Document, message: str) -> None:
        """Note an event once in a deployment."""
        if message not in deployment["told"]:
            deployment["told"] = [*deployment["told"], message]
            note(self._service, self._now, message)


def roll_back(cloud: Cloud, service: Document, now: float, by: str) -> Document | None:
    """Make the newest completed deployment the primary one again (facts D040); None: there is none.

    One whose tasks still run is taken as it is; else a new one begins with its recipe and its digests.
    """
    left: Document = service["deployments"][0]
    target = records.newest_successful(cloud, service, left["record"])
    if target is None:
        return None
    revision = records.revision_of(cloud, target)
    service.update(
        definition=revision["definition"], network=revision["network"], platform_version=revision["platform_version"]
    )
    again: Document | None = next((each for each in service["deployments"] if each["record"] == target["key"]), None)
    left.update(status="ACTIVE", updated=now)
    if again is None:
        digests = {each["containerName"]: each["imageDigest"] for each in revision["images"] if each.get("imageDigest")}
        again = begin(cloud, service, now, pinned=digests or None)
    others = [each for each in service["deployments"] if each is not again]
    service["deployments"] = [again, *others]
    again.update(
        status="PRIMARY",
        rollout="IN_PROGRESS",
        reason=f"{by}: rolling back to deploymentId {again['id']}.",
        updated=now,
        next_start=now,
        stalled=False,
        rolls_back=left["record"],
    )
    records.rolling_back(cloud, left, target, by, now)
    service["steady"] = False
    return again
