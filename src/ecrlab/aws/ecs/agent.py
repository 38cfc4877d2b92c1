"""What happens to a task by itself: the session of the execution role, the pull, the containers, and the end.

Each step is a task of `ecrlab.aws.work`, so it goes on after a restart of the lab: a start that was broken off is made
again, pull and all.
"""

from __future__ import annotations

import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ecrlab.aws.ecs import credentials
from ecrlab.aws.ecs.failures import ESSENTIAL, LONGEST, NO_CREDENTIALS, NO_ENGINE, OUT_OF_MEMORY, cannot_assume
from ecrlab.aws.ecs.puller import Pulled, PullFailed, pull
from ecrlab.aws.ecs.request import OUTPUT, SERVICE, TASKS
from ecrlab.aws.ecs.state import SHOWN_SECONDS, STARTING, change, mark_stopping
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.runner import Alive, Ended, Fetched, RunFailed, Runner
from ecrlab.aws.sts.service_sessions import Service, assume
from ecrlab.aws.work import NotNow, Task, every_round, worker

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud


AT_ONCE = 4
"""Tasks that are started, or stopped, at the same time: much of both is waiting for the engine."""


def together(cloud: Cloud, kind: str, key: str, do: Callable[[Cloud, str], None]) -> None:
    """Do something with the task ``key`` and, beside it, with those that wait for the same.

    Their own turn comes after it: it finds them done, or does it again.
    """
    others = {str(each["key"]) for each in cloud.work.waiting(kind)} - {key}

    def beside(other: str) -> None:
        try:
            do(cloud, other)
        except NotNow:
            return
        except Exception:
            traceback.print_exc(file=sys.stderr)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        waiting = [pool.submit(beside, other) for other in others]
        do(cloud, key)
        for each in waiting:
            each.result()


@worker("ecs.start")
def start(cloud: Cloud, task: Task) -> None:
    """Bring a task to RUNNING, or to STOPPED with the reason."""
    together(cloud, "ecs.start", task["key"], start_one)


def start_one(cloud: Cloud, key: str) -> None:
    """Bring one task to RUNNING or STOPPED, unless it is there. Raises NotNow: the lab ends."""
    found = cloud.store.table(TASKS).get(key)
    if found is None or found["status"] not in STARTING:
        return
    if found["desired"] == "STOPPED":  # stopped before it began
        finish(cloud, found, {})
        return
    runner = engine_of(cloud)
    # Among the uploads that are not yet blobs: a start of the lab empties that folder, whatever was killed.
    with tempfile.TemporaryDirectory(prefix="task-", dir=cloud.store.path / "uploads") as folder:
        try:
            _start(cloud, found, runner, Path(folder))
        except NotNow:
            raise
        except Exception:  # a fault of the lab must not leave a task that never comes
            fail(cloud, found, "ECR Lab failed to start this task (a fault of the lab, not yours); see its log.", [])
            raise
    cloud.work.added.set()


def sweep(cloud: Cloud) -> None:
    """Remove the containers of tasks that are over: what a killed lab left. Blocks."""
    alive = {str(task["id"]) for _, task in cloud.store.table(TASKS).items() if task["status"] != "STOPPED"}
    runner = engine_of(cloud)
    if runner is not None:
        runner.survey(alive)


def engine_of(cloud: Cloud) -> Runner | None:
    """Return what runs containers, None where no engine answers."""
    runner = cloud.host.runner
    return runner if runner is not None and runner.available() else None


def _start(cloud: Cloud, task: Document, runner: Runner | None, folder: Path) -> None:
    key = task["key"]
    change(cloud, key, status="PENDING")
    session = None
    if task["execution_role"]:
        service = Service(SERVICE, task["arn"])
        session = assume(cloud, service, task["execution_role"], task["id"], task["region"])
        if session is None:
            fail(cloud, task, cannot_assume(task["execution_role"]), task["containers"])
            return
    change(cloud, key, status="ACTIVATING", pull_started=cloud.clock.time())
    containers = [dict(each) for each in task["containers"]]
    images: dict[str, Pulled] = {}
    for container in containers:
        try:
            images[container["name"]] = pulled = pull(
                cloud,
                container["image"],
                session,
                task["region"],
                task["platform"],
                task["pinned"].get(container["name"], ""),
                folder if runner is not None else None,
            )
        except PullFailed as failed:
            if failed.seen.status is None and cloud.closing:
                raise NotNow from None  # the lab ends, no Region; it is tried again after the next start
            container["reason"] = failed.words.container or None
            change(cloud, key, pull_stopped=cloud.clock.time())
            fail(cloud, task, failed.words.stopped, containers)
            return
        container["digest"] = pulled.digest
    change(cloud, key, pull_stopped=cloud.clock.time(), containers=containers)
    try:
        _run(cloud, runner, task, containers, images)
    except RunFailed as failed:
        if runner is not None:
            runner.stop(task, {})
        fail(cloud, task, f"CannotStartContainerError: {failed}", containers)
        return
    now = cloud.clock.time()
    with cloud.store.transaction():
        running = change(
            cloud, key, status="RUNNING", containers=containers, started=now, connected=now, real_started=time.time()
        )
        if running is not None and running["desired"] == "STOPPED":
            cloud.work.add("ecs.stop", {"key": key})
    if running is None and runner is not None:  # a reset took the task meanwhile
        runner.stop(task, {})
    if task["service"]:
        cloud.work.wake(1.02)  # a service looks whether it is steady


def _run(
    cloud: Cloud,
    runner: Runner | None,
    task: Document,
    containers: list[dict[str, Any]],
    images: Mapping[str, Pulled],
) -> None:
    """Start the containers, each after those that it depends on; without an engine say that there is no process."""
    environment = _environment(cloud, task, runner) if runner is not None else {}
    by_name = {each["name"]: each for each in containers}
    for recipe in task["recipes"]:
        container = by_name[recipe["name"]]
        container["state"] = "RUNNING"
        if runner is None:
            container["reason"] = NO_ENGINE
            continue
        pulled = images[container["name"]]
        fetched = Fetched(pulled.manifest, pulled.config, pulled.blobs)
        container["runtime"] = runner.start(task, recipe, fetched, environment)
        if task["credentials"] and not {_URI, _FULL_URI} & set(environment):
            container["reason"] = NO_CREDENTIALS


_URI, _FULL_URI = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"


def _environment(cloud: Cloud, task: Document, runner: Runner) -> dict[str, str]:
    """Return what ECS adds to a container's environment; where the lab can be reached from inside, its address too.

    At AWS's own address the variable is AWS's (facts D027); another is named in full, which SDKs take at loopback.
    """
    found = {"AWS_REGION": task["region"], "AWS_DEFAULT_REGION": task["region"], "AWS_EXECUTION_ENV": "AWS_ECS_FARGATE"}
    path = f"{credentials.PATH}{task['credentials']}"
    if cloud.host.reach_from_containers():
        at = f"http://{credentials.ADDRESS}"
        return {**found, "AWS_ENDPOINT_URL": at, **({_URI: path} if task["credentials"] else {})}
    at = runner.lead_back(task, cloud.host.listen_for_containers) if task["credentials"] else ""
    # Podman hands this machine's proxy to its containers.
    direct = {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    return {**found, **direct, "AWS_ENDPOINT_URL": at, _FULL_URI: f"{at}{path}"} if at else found


def fail(cloud: Cloud, task: Document, reason: str, containers: list[dict[str, Any]]) -> None:
    """End a task that did not start."""
    now = cloud.clock.time()
    with cloud.store.transaction():
        changed = change(
            cloud,
            task["key"],
            desired="STOPPED",
            code="TaskFailedToStart",
            reason=reason,
            stopping=now,
            containers=[dict(each) for each in containers or task["containers"]],
        )
        if changed is not None:
            finish(cloud, changed, {})


@worker("ecs.stop")
def stop(cloud: Cloud, task: Task) -> None:
    """Bring a task that is meant to be STOPPED there."""
    together(cloud, "ecs.stop", task["key"], stop_one)


def stop_one(cloud: Cloud, key: str) -> None:
    """Stop one task, unless it is over."""
    found = cloud.store.table(TASKS).get(key)
    if found is None or found["status"] == "STOPPED":
        return
    ended: Mapping[str, Ended] = {}
    if any(each.get("runtime") for each in found["containers"]):
        change(cloud, key, status="STOPPING")
        runner = cloud.host.runner
        if runner is not None:
            ended = runner.stop(found, {each["name"]: each.get("stopTimeout") or 30 for each in found["recipes"]})
    finish(cloud, found, ended)
    cloud.work.added.set()


def finish(cloud: Cloud, task: Document, ended: Mapping[str, Ended]) -> None:
    """Mark a task STOPPED; ``ended`` says how containers ended that ran."""
    now, containers = cloud.clock.time(), []
    for container in task["containers"]:
        how = ended.get(container["name"])
        changed = {**container, "state": "STOPPED"}
        if how is not None:
            changed["exit"] = how.code
            if how.out_of_memory:
                changed["reason"] = OUT_OF_MEMORY
        if changed.get("reason"):
            changed["reason"] = changed["reason"][:LONGEST]
        containers.append(changed)
    printed = {name: how.printed for name, how in ended.items() if how.printed}
    if printed:  # its containers are gone, and what they printed with them
        cloud.store.table(OUTPUT).put(task["key"], printed)
    ran = task.get("started") is not None
    change(
        cloud,
        task["key"],
        status="STOPPED",
        desired="STOPPED",
        containers=containers,
        stopped=now,
        execution_stopped=now if ran else None,
        connected=None,
    )


@every_round
def look_at_tasks(cloud: Cloud, now: float) -> None:
    """Find containers that ended, and forget tasks that stopped an hour ago."""
    table, alive = cloud.store.table(TASKS), []
    for key, task in table.items():
        if task["status"] != "STOPPED":
            alive.append(task)
        elif task["stopped"] < now - SHOWN_SECONDS:
            table.delete(key)
            cloud.store.table(OUTPUT).delete(key)
    runner = cloud.host.runner
    if any(each.get("runtime") for task in alive for each in task["containers"]) and runner is not None:
        found = runner.survey({str(task["id"]) for task in alive})
        for task in alive:
            if task["id"] in found and task["status"] == "RUNNING" and task["desired"] == "RUNNING":
                _look_at(cloud, task, found[task["id"]])


def _look_at(cloud: Cloud, task: Document, found: Mapping[str, Ended | Alive]) -> None:
    """Stop a task of which an essential container ended (facts D005), or is gone; note how healthy the others are."""
    essential = {each["name"] for each in task["recipes"] if each["essential"]}
    over = {
        each["name"]
        for each in task["containers"]
        if each.get("runtime") and not isinstance(found.get(each["name"]), Alive)
    }
    health = {name: each.health for name, each in found.items() if isinstance(each, Alive)}
    containers = [{**each, "health": health.get(each["name"], "UNKNOWN")} for each in task["containers"]]
    if any(
        each["health"] != before.get("health", "UNKNOWN")
        for each, before in zip(containers, task["containers"], strict=True)
    ):
        change(cloud, task["key"], containers=containers)
        cloud.work.wake(0.05)  # a service looks at once
    if essential & over:
        with cloud.store.transaction():
            mark_stopping(cloud, task, "EssentialContainerExited", ESSENTIAL)
