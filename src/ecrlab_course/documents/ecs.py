"""A task and a service of Amazon ECS as a lesson sees them: what the API says, and who pulled, by the X-ray."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ecrlab_course.documents.xray_row import Row


@dataclass(frozen=True)
class Container:
    """A container of a task.

    `digest` is what the image's name was resolved to, "" while nobody pulled it. `tags` are the tags that name this
    digest now in the learner's registry, `kept` tells whether it is still there; both say nothing of another registry:
    () and None.
    """

    name: str
    image: str
    digest: str = ""
    state: str = ""
    reason: str = ""
    exit_code: int | None = None
    health: str = "UNKNOWN"
    tags: tuple[str, ...] = ()
    kept: bool | None = None
    printed: str = ""
    """What its program printed last, at most five lines."""


@dataclass(frozen=True)
class Task:
    """A task. `definition` is FAMILY:REVISION; `service` is its service's name, "" for one that RunTask started.

    `stop_code` and `stopped_reason` are "" while nothing stops it. `rows` are the requests of whoever fetched its
    image, oldest first: ECS's for the session of the execution role, and that session's.
    """

    id: str
    arn: str
    cluster: str
    definition: str
    state: str
    desired: str
    health: str
    stop_code: str
    stopped_reason: str
    service: str
    started_by: str
    execution_role: str
    task_role: str
    containers: tuple[Container, ...]
    rows: tuple[Row, ...] = ()

    @property
    def running(self) -> bool:
        """Tell whether it is RUNNING, and meant to be."""
        return self.state == self.desired == "RUNNING"

    @property
    def digest(self) -> str:
        """The digest of its first container's image, "" while nobody pulled it."""
        return self.containers[0].digest

    @property
    def puller(self) -> str:
        """Who asked the registry, as the X-ray has it ("role/booking-execution"); "" when nobody did."""
        for row in self.rows:
            name = str(row["principal"] or "")
            if ":assumed-role/" in name:
                return f"role/{name.split('/')[1]}"
        return ""

    @property
    def denied(self) -> tuple[Row, ...]:
        """The requests of `rows` that IAM, or a trust policy, did not allow."""
        return tuple(row for row in self.rows if row["decision"] == "denied")


@dataclass(frozen=True)
class Deployment:
    """A deployment of a service. `status` is PRIMARY or ACTIVE, `rollout` IN_PROGRESS, COMPLETED or FAILED."""

    id: str
    status: str
    definition: str
    desired: int
    running: int
    pending: int
    failed: int
    rollout: str
    reason: str


@dataclass(frozen=True)
class Event:
    """What ECS says that it did for a service, with the lab's time."""

    time: datetime
    message: str


@dataclass(frozen=True)
class Service:
    """A service: what is promised, what runs, its deployments and events, newest first, and its tasks.

    `tasks` are those that are not over, oldest first, and of those that are over the newest.
    """

    name: str
    cluster: str
    status: str
    definition: str
    desired: int
    running: int
    pending: int
    deployments: tuple[Deployment, ...]
    events: tuple[Event, ...]
    tasks: tuple[Task, ...] = ()

    @property
    def digests(self) -> tuple[str, ...]:
        """The digests of the first containers of the tasks that run, each once, sorted."""
        return tuple(sorted({task.digest for task in self.tasks if task.running and task.digest}))

    @property
    def stable(self) -> bool:
        """Tell whether `aws ecs wait services-stable` would end well now: that says nothing of which version runs."""
        return len(self.deployments) == 1 and self.running == self.desired
