"""Tasks and services of Amazon ECS as a lesson reads them: through the API and the X-ray, without a row of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC
from typing import Any, Protocol

from botocore.exceptions import ClientError

from ecrlab_course.documents.ecs import Container, Deployment, Event, Service, Task
from ecrlab_course.documents.xray_row import Row

LINES = 5
"""How many lines of what a container printed are read."""
OVER = 3
"""How many tasks that are over are read of a service."""
_WINDOW = 1000
_ECR = re.compile(r"(?:localhost:\d+/)?(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com/([^:@]+)")


class Source(Protocol):
    """What is asked of the lab (`toolbox.lab.Lab`, looking)."""

    account: str

    @property
    def control(self) -> Any:
        """The client of the control interface."""

    def client(self, service: str, profile: str = "admin", region: str = ...) -> Any:
        """Return a boto3 client."""

    def last(self) -> int:
        """Return the X-ray's last sequence number."""


def task(lab: Source, text: str, cluster: str, region: str) -> Task:
    """Return the task that a text means, as `ecrlab_course.toolbox.lab.Lab.task` says. Raises LabError: none."""
    found = lab.control.ecs_task(text, cluster, LINES, account=lab.account, region=region)
    ecs = lab.client("ecs", region=region)
    shown = ecs.describe_tasks(cluster=found["cluster"], tasks=[found["arn"]])["tasks"][0]
    return _task(lab, shown, _rows(lab, [shown]), found["printed"])


def service(lab: Source, name: str, cluster: str, region: str) -> Service:
    """Return the service of a name, of the first cluster that has one. Raises ValueError: there is none."""
    ecs = lab.client("ecs", region=region)
    arns = [cluster] if cluster else sorted(ecs.list_clusters()["clusterArns"])
    seen: list[str] = []
    for each in arns:
        names = [_last(arn) for arn in ecs.list_services(cluster=each)["serviceArns"]]
        seen += names
        found = ecs.describe_services(cluster=each, services=[name or names[0]])["services"] if name or names else []
        # One that was deleted is shown for as long as the lab keeps it; a live one of another cluster goes before it.
        live = [one for one in found if one["status"] != "INACTIVE"]
        if live:
            return _service(lab, ecs, live[0])
    there = f"There is: {', '.join(sorted(set(seen)))}." if seen else "There is none."
    raise ValueError(f"There is no service {name!r}. {there}" if name else f"There is no service. {there}")


def _service(lab: Source, ecs: Any, shown: Mapping[str, Any]) -> Service:
    cluster, name = shown["clusterArn"], shown["serviceName"]
    listed = ecs.get_paginator("list_tasks").paginate
    arns = [
        arn
        for state in ("RUNNING", "STOPPED")
        for page in listed(cluster=cluster, serviceName=name, desiredStatus=state)
        for arn in page["taskArns"]
    ][:100]
    tasks = ecs.describe_tasks(cluster=cluster, tasks=arns)["tasks"] if arns else []
    tasks.sort(key=lambda each: each["createdAt"])
    ended = [each for each in tasks if each["desiredStatus"] == "STOPPED"]
    dropped = {each["taskArn"] for each in ended[:-OVER]}
    tasks = [each for each in tasks if each["taskArn"] not in dropped]
    rows = _rows(lab, tasks)
    return Service(
        name=name,
        cluster=cluster.rpartition("/")[2],
        status=shown["status"],
        definition=_last(shown["taskDefinition"]),
        desired=shown["desiredCount"],
        running=shown["runningCount"],
        pending=shown["pendingCount"],
        deployments=tuple(
            Deployment(
                id=each["id"],
                status=each["status"],
                definition=_last(each["taskDefinition"]),
                desired=each["desiredCount"],
                running=each["runningCount"],
                pending=each["pendingCount"],
                failed=each.get("failedTasks", 0),
                rollout=each.get("rolloutState", ""),
                reason=each.get("rolloutStateReason", ""),
            )
            for each in shown["deployments"]
        ),
        events=tuple(Event(each["createdAt"].astimezone(UTC), each["message"]) for each in shown["events"]),
        tasks=tuple(_task(lab, each, rows, {}) for each in tasks),
    )


def _task(lab: Source, shown: Mapping[str, Any], rows: list[Row], printed: Mapping[str, str]) -> Task:
    number = shown["taskArn"].rpartition("/")[2]
    group = str(shown.get("group") or "")
    ecs = lab.client("ecs", region=shown["taskArn"].split(":")[3])
    given = ecs.describe_task_definition(taskDefinition=shown["taskDefinitionArn"])["taskDefinition"]
    changed = shown.get("overrides") or {}
    roles = {
        name: str(changed.get(name) or given.get(name) or "").rpartition("/")[2]
        for name in ("executionRoleArn", "taskRoleArn")
    }
    return Task(
        id=number,
        arn=shown["taskArn"],
        cluster=shown["clusterArn"].rpartition("/")[2],
        definition=_last(shown["taskDefinitionArn"]),
        state=shown["lastStatus"],
        desired=shown["desiredStatus"],
        health=shown.get("healthStatus", "UNKNOWN"),
        stop_code=shown.get("stopCode") or "",
        stopped_reason=shown.get("stoppedReason") or "",
        service=group.removeprefix("service:") if group.startswith("service:") else "",
        started_by=shown.get("startedBy") or "",
        execution_role=roles["executionRoleArn"],
        task_role=roles["taskRoleArn"],
        containers=tuple(_container(lab, each, printed.get(each["name"], "")) for each in shown["containers"]),
        rows=tuple(row for row in rows if _is_of(row, number)),
    )


def _container(lab: Source, shown: Mapping[str, Any], printed: str) -> Container:
    digest = shown.get("imageDigest") or ""
    tags, kept = _named(lab, shown["image"], digest)
    return Container(
        name=shown["name"],
        image=shown["image"],
        digest=digest,
        state=shown["lastStatus"],
        reason=shown.get("reason") or "",
        exit_code=shown.get("exitCode"),
        health=shown.get("healthStatus", "UNKNOWN"),
        tags=tags,
        kept=kept,
        printed=printed,
    )


def _named(lab: Source, image: str, digest: str) -> tuple[tuple[str, ...], bool | None]:
    """Return which tags name a digest now, and whether it is there; (), None where nobody of this account knows."""
    found = _ECR.match(image)
    if not digest or found is None or found[1] != lab.account:
        return (), None
    ecr = lab.client("ecr", region=found[2])
    try:
        details = ecr.describe_images(repositoryName=found[3], imageIds=[{"imageDigest": digest}])["imageDetails"]
    except ClientError as error:
        gone = error.response["Error"]["Code"] in ("ImageNotFoundException", "RepositoryNotFoundException")
        return (), False if gone else None
    return tuple(sorted(details[0].get("imageTags", ()))), True


def _rows(lab: Source, tasks: list[Mapping[str, Any]]) -> list[Row]:
    """Return the rows of the X-ray of whoever fetches images for tasks, oldest first."""
    if not tasks:
        return []
    begin = min(each["createdAt"] for each in tasks).astimezone(UTC).isoformat()
    numbers = [each["taskArn"].rpartition("/")[2] for each in tasks]
    found: list[Row] = []
    end = lab.last()
    while end > 0:
        after = max(0, end - _WINDOW)
        batch = [row for row in lab.control.xray(after=after, limit=end - after)["rows"] if row["seq"] <= end]
        found = [row for row in batch if any(_is_of(row, number) for number in numbers)] + found
        if not batch or batch[0]["time"] < begin:
            break
        end = after
    return found


def _is_of(row: Row, number: str) -> bool:
    """Tell whether a row is of the session that ECS takes of the execution role for a task, or of that session."""
    if row["client"] == "ecs-agent":
        return str(row["principal"] or "").endswith(f"/{number}")
    if row["service"] != "sts" or (row.get("shows") or {}).get("session_name") != number:
        return False
    return str(row["principal"] or "").startswith("ecs-tasks")


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]
