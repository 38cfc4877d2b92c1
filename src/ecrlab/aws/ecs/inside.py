"""What the lab shows of a task beyond AWS's API: what its containers printed, and a page that one of them serves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecrlab.aws.ecs.failures import NO_ENGINE
from ecrlab.aws.ecs.names import last
from ecrlab.aws.ecs.request import CLUSTERS, DEFINITIONS, FAMILIES, OUTPUT, SERVICES, TASKS
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.runner import RunFailed
from ecrlab.home import REGION

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud

PORT = 80
"""The port that is asked where no container of the task names one."""


class NotThere(LookupError):  # noqa: N818 (an answer, not a failure)
    """There is no such task, or container of it; the text says what there is."""


def find(cloud: Cloud, text: str = "", cluster: str = "", account: str = "", region: str = "") -> Document:
    """Return the task that a text means, as it is kept.

    Args:
        text: an ARN, an id or its first digits; or a service, a family or a family's revision, for its newest task;
            "": the newest of all.
        cluster, account, region: only of these ("": of any).

    Raises NotThere.
    """
    found = [
        task
        for _, task in cloud.store.table(TASKS).items()
        if cluster in ("", task["cluster"]) and account in ("", task["account"]) and region in ("", task["region"])
    ]
    newest = sorted(found, key=lambda task: float(task["created"]))
    exact = [task for task in newest if text in (task["arn"], task["id"])]
    begins = [task for task in newest if text and task["id"].startswith(text)]
    named = [task for task in newest if text in ("", task["family"], last(task["definition"]), task["service"])]
    if not exact and not named and len(begins) > 1:
        raise NotThere(f"{len(begins)} tasks begin with {text!r}: {_names(begins)}.")
    chosen = exact or named or begins
    if not chosen:
        where = f" in the cluster {cluster}" if cluster else ""
        there = "There is none at all: a stopped one is shown for an hour."
        if newest:
            there = f"There is: {_names(newest)}."
        raise NotThere(f"There is no task {text!r}{where}. {there}" if text else f"There is no task{where}. {there}")
    return chosen[-1]


def _names(tasks: list[Document]) -> str:
    return ", ".join(f"{task['id'][:12]} of {last(task['definition'])} ({task['status']})" for task in tasks[-10:])


def printed(cloud: Cloud, task: Document, lines: int) -> dict[str, str]:
    """Return the last lines of each container that printed something, by its name. Blocks."""
    if task["status"] == "STOPPED" or cloud.host.runner is None:
        kept: dict[str, str] = cloud.store.table(OUTPUT).get(task["key"]) or {}
        found = {name: "\n".join(text.splitlines()[-lines:]) + "\n" for name, text in kept.items()}
    else:
        found = {
            each["name"]: cloud.host.runner.printed(task, each["name"], lines)
            for each in task["containers"]
            if each.get("runtime")
        }
    return {name: text for name, text in found.items() if text.strip()}


def shown(cloud: Cloud, task: Document, lines: int = 200) -> dict[str, Any]:
    """Return a task in short, with what its containers printed. Blocks.

    ``{"arn", "id", "cluster", "account", "region", "status", "definition", "service", "printed": {name: text},
    "note"}``; ``note`` says why nothing was printed where no process was started, else "".
    """
    no_process = not any(each.get("runtime") for each in task["containers"])
    note = ""
    if no_process:
        reasons = (each.get("reason") for each in task["containers"])
        note = task.get("reason") or next(filter(None, reasons), None) or f"The task is {task['status']}."
    return {
        **{name: task[name] for name in ("arn", "id", "cluster", "account", "region", "status", "service")},
        "definition": last(task["definition"]),
        "printed": printed(cloud, task, lines),
        "note": note,
    }


def all_tasks(cloud: Cloud) -> list[dict[str, str]]:
    """Return every task that is shown, oldest first: id, cluster, definition, service, status, reason."""
    tasks = sorted((task for _, task in cloud.store.table(TASKS).items()), key=lambda task: float(task["created"]))
    return [
        {
            **{name: task[name] for name in ("arn", "id", "cluster", "service", "status")},
            "definition": last(task["definition"]),
            "reason": task.get("reason") or "",
        }
        for task in tasks
    ]


def meant(cloud: Cloud, account: str) -> dict[str, dict[str, Any]]:
    """Return what an account has in ECS, as far as somebody asked for it, by name: nothing moves by itself.

    ``{"cluster": {NAME or NAME (REGION): [services with revision and count, revisions of tasks that are meant to
    run]}, "family": {NAME: [the revisions that are ACTIVE, how many there were]}}``.
    """
    clusters: dict[str, Any] = {}
    for key, each in cloud.store.table(CLUSTERS).items(f"{account}/"):
        if each["status"] != "ACTIVE":
            continue
        services = [
            [one["name"], last(one["definition"]), one["desired"]]
            for _, one in cloud.store.table(SERVICES).items(f"{key}/")
            if one["status"] == "ACTIVE"
        ]
        tasks = sorted(
            last(one["definition"])
            for _, one in cloud.store.table(TASKS).items(f"{key}/")
            if not one["service"] and one["desired"] == "RUNNING"
        )
        clusters[_placed(key)] = [services, tasks]
    families: dict[str, Any] = {
        _placed(key): [[], each["revision"]] for key, each in cloud.store.table(FAMILIES).items(f"{account}/")
    }
    for key, each in cloud.store.table(DEFINITIONS).items(f"{account}/"):
        if each["status"] == "ACTIVE":
            families[_placed(key.rpartition("/")[0])][0].append(each["revision"])
    return {"cluster": clusters, "family": families}


def _placed(key: str) -> str:
    """Return the name in a key, with its Region where that is not the first one."""
    _, region, name = key.split("/", 2)
    return name if region == REGION else f"{name} ({region})"


def page(cloud: Cloud, task: Document, port: int | None, path: str) -> dict[str, Any]:
    """Return what the program of a task answers at a port of it. Blocks.

    ``port``: None for the first that a container of it names, else 80. Raises NotThere with what was seen, where
    it does not run or does not answer.
    """
    mapped = [
        (each["name"], int(one["containerPort"]))
        for each in task["recipes"]
        for one in each.get("portMappings") or ()
        if one.get("containerPort")
    ]
    name, first = next((each for each in mapped if port in (None, each[1])), (task["recipes"][0]["name"], port or PORT))
    container = next(each for each in task["containers"] if each["name"] == name)
    if task["status"] != "RUNNING":
        raise NotThere(f"The task is {task['status']}: nothing answers in it.")
    if cloud.host.runner is None or not container.get("runtime"):
        raise NotThere(container.get("reason") or NO_ENGINE)
    try:
        found = cloud.host.runner.page(task, name, port or first, path)
    except RunFailed as failed:
        raise NotThere(f"The page of container {name} could not be had at port {port or first}: {failed}.") from None
    return {"container": name, "port": port or first, "text": found.text, "cut": found.cut}
