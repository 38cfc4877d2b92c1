"""A task and a service of Amazon ECS as a learner sees them: a card, and the same in lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from itertools import groupby
from typing import Any

from ecrlab_course.documents.ecs import Container, Service, Task
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.messages import say
from ecrlab_course.views import xray
from ecrlab_course.views.display import Shown, breaking, escape, table

EVENTS = 8
"""How many events of a service are shown."""
Line = tuple[str, str]
"""What is told, and of what; "" under the line before it."""


class ShownTask(Task):
    """A task that shows itself as the value of a cell."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return of_task(self)._repr_mimebundle_()

    def __repr__(self) -> str:
        return of_task(self).text


class ShownService(Service):
    """A service that shows itself as the value of a cell."""

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return of_service(self)._repr_mimebundle_()

    def __repr__(self) -> str:
        return of_service(self).text


def task(found: Task) -> ShownTask:
    """Return a task that shows itself."""
    return ShownTask(**{each.name: getattr(found, each.name) for each in fields(found)})


def service(found: Service) -> ShownService:
    """Return a service that shows itself."""
    return ShownService(**{each.name: getattr(found, each.name) for each in fields(found)})


def of_task(found: Task) -> Shown:
    """Return a task: its state, why it stopped, its containers with their digests, who pulled, and the other role."""
    title = say("ecs.task", definition=found.definition, cluster=found.cluster, state=_state(found))
    lines: list[Line] = []
    if found.stopped_reason:
        lines.append((say("ecs.head_why"), found.stopped_reason))
    for container in found.containers:
        lines += _container(container, found.stopped_reason)
    pulled = any(each.digest for each in found.containers)
    lines.append((say("ecs.head_pulled" if pulled or not found.rows else "ecs.head_asked"), _puller(found)))
    lines += [("", asked) for asked in _asked(found.rows)]
    lines.append((say("ecs.head_task_role"), found.task_role or say("ecs.no_task_role")))
    if found.service:
        lines.append((say("ecs.head_service"), found.service))
    return _card(title, lines)


def _state(found: Task) -> str:
    parts = [found.state]
    if found.desired == "STOPPED" and found.state != "STOPPED":
        parts.append(say("ecs.stopping"))
    if found.stop_code:
        parts.append(say("ecs.stop_code", code=found.stop_code))
    return " ".join(parts)


def _container(found: Container, told: str) -> list[Line]:
    """`told` is what was said of the whole task: nothing is said twice."""
    parts = [found.name, found.state]
    if found.exit_code is not None:
        parts.append(say("ecs.exit", code=found.exit_code))
    if found.health != "UNKNOWN":
        parts.append(say("ecs.health", health=found.health))
    lines = [(say("ecs.head_container"), " · ".join(parts)), (say("ecs.head_image"), found.image)]
    lines.append((say("ecs.head_digest"), _digest(found)))
    if found.reason and found.reason != told:
        lines.append((say("ecs.head_why"), found.reason))
    printed = [line for line in found.printed.splitlines() if line.strip()]
    lines += [(say("ecs.head_printed") if i == 0 else "", line) for i, line in enumerate(printed)]
    return lines


def _digest(found: Container) -> str:
    if not found.digest:
        return say("ecs.nobody")
    short = f"{found.digest[:19]}…"
    if found.kept is False:
        return f"{short} ({say('ecs.gone')})"
    if found.kept is None:
        return short
    named = say("ecs.tags", tags=", ".join(found.tags)) if found.tags else say("ecs.untagged")
    return f"{short} ({named})"


def _puller(found: Task) -> str:
    if found.puller:
        return found.puller
    if found.execution_role:
        return say("ecs.not_asked", role=f"role/{found.execution_role}")
    return say("ecs.anonymous" if any(each.digest for each in found.containers) else "ecs.no_role")


def _asked(rows: Iterable[Row]) -> list[str]:
    """Return what was asked for the image, and what IAM said; what is alike and follows each other once."""
    found = []
    for (decision, action, status), group in groupby(rows, key=_answer):
        times = len(list(group))
        said = say(f"ecs.{decision}") if decision in ("allowed", "denied") else ""
        again = f" ({say('x-ray.times', number=times)})" if times > 1 else ""
        found.append(f"{said}  {action}  {status}{again}".strip())
    return found


def _answer(row: Row) -> tuple[str, str, int]:
    return row["decision"], row["action"] or xray.request(row), row["status"]


def _card(title: str, lines: Sequence[Line]) -> Shown:
    width = max(len(head) for head, _ in lines)
    plain = [f"{head.ljust(width)}  {text}".rstrip() for head, text in lines]
    rows = "".join(
        f'<tr><th scope="row">{escape(head)}</th><td>{breaking(text)}</td></tr>' if head
        else f"<tr><td></td><td>{breaking(text)}</td></tr>"
        for head, text in lines
    )  # fmt: skip
    return Shown(
        "\n".join([title, *plain]),
        f'<div class="ecr-title">{escape(title)}</div><table class="ecr-table ecr-task"><tbody>{rows}</tbody></table>',
    )


def of_service(found: Service) -> Shown:
    """Return a service: its deployments, its tasks with digests and reasons, and the newest events."""
    title = say(
        "ecs.service",
        service=found.name,
        cluster=found.cluster,
        running=found.running,
        desired=found.desired,
        definition=found.definition,
    )
    parts = [_deployments(found), _tasks(found)]
    events = [each.message for each in found.events[:EVENTS]] or [say("ecs.no_events")]
    older = len(found.events) - EVENTS
    if older > 0:
        events.append(say("ecs.more_events", number=older))
    listed = "".join(f"<li>{breaking(each)}</li>" for each in events)
    text = "\n\n".join([title, *(part.text for part in parts), "\n".join([say("ecs.events"), *events])])
    html = (
        f'<div class="ecr-title">{escape(title)}</div>{"".join(part.html for part in parts)}'
        f'<div class="ecr-soft">{say("ecs.events")}</div><ul class="ecr-soft">{listed}</ul>'
    )
    return Shown(text, html)


def _deployments(found: Service) -> Shown:
    heads = ("deployment", "status", "count", "failed", "rollout")
    rows = [
        (
            each.definition,
            each.status,
            say("ecs.counted", running=each.running, desired=each.desired),
            str(each.failed),
            each.reason or each.rollout,
        )
        for each in found.deployments
    ]
    if not rows:
        return Shown(found.status, f"<p>{escape(found.status)}</p>")
    return table(tuple(say(f"ecs.head_{name}") for name in heads), rows, say("ecs.deployments"))


def _tasks(found: Service) -> Shown:
    if not found.tasks:
        return Shown(say("ecs.no_tasks"), f"<p>{escape(say('ecs.no_tasks'))}</p>")
    heads = ("task", "state", "digest", "why")
    rows = [
        (each.definition, _state(each), _digest(each.containers[0]), each.stopped_reason)
        for each in found.tasks
    ]  # fmt: skip
    return table(tuple(say(f"ecs.head_{name}") for name in heads), rows, say("ecs.tasks"))
