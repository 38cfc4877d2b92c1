"""`ecrlab ecs`: the tasks of ECS, from inside."""

from __future__ import annotations

import json
from pathlib import Path

import click

from ecrlab.cli.basics import asked, home_of, home_option
from ecrlab.client import LabClient


@click.group(invoke_without_command=True)
@click.pass_context
def ecs(context: click.Context) -> None:
    """The tasks of ECS, from inside: what they print, and a page of theirs. Without a command: all tasks.

    TASK is an id or its first digits, an ARN, or a service, a family or a revision of it: then its newest task.
    """
    if context.invoked_subcommand is None:
        context.invoke(ecs_list, home=None, as_json=False)


@ecs.command("list")
@home_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ecs_list(home: Path | None, as_json: bool) -> None:
    """All tasks, the oldest first; a stopped one is shown for an hour of lab time."""
    tasks = asked(lambda: LabClient(home_of(home)).ecs_tasks())
    if as_json:
        click.echo(json.dumps(tasks, indent=2))
        return
    for task in tasks:
        whose = f"  service {task['service']}" if task["service"] else ""
        click.echo(f"{task['id']}  {task['cluster']}  {task['definition']}  {task['status']}{whose}")
        if task["reason"]:
            click.echo(f"    {task['reason']}")
    if not tasks:
        click.echo("There are no tasks. A stopped one is shown for an hour of lab time.")


@ecs.command("logs")
@home_option
@click.argument("task", default="")
@click.option("--cluster", default="", help="Only a task of this cluster.")
@click.option("--container", default="", help="Only this container of it.")
@click.option("--lines", type=click.IntRange(1, 10_000), default=200, show_default=True, help="The last ones.")
def ecs_logs(home: Path | None, task: str, cluster: str, container: str, lines: int) -> None:
    """Print what the containers of TASK printed, also after it stopped. Without TASK: the newest one."""
    found = asked(lambda: LabClient(home_of(home)).ecs_task(task, cluster, lines))
    printed = found["printed"]
    if container:
        printed = {name: text for name, text in printed.items() if name == container}
    for name, text in printed.items():
        click.echo(f"--- {name} of {found['definition']} ({found['status']})", err=True)
        click.echo(text.rstrip("\n"))
    if not printed:
        why = f" {found['note']}" if found["note"] else ""
        click.echo(f"Task {found['id'][:12]} of {found['definition']} printed nothing.{why}", err=True)


@ecs.command("open")
@home_option
@click.argument("task", default="")
@click.option("--cluster", default="", help="Only a task of this cluster.")
@click.option("--port", type=click.IntRange(1, 65535), help="Default: the first port of its task definition, else 80.")
@click.option("--path", default="/", show_default=True, help="What to ask for.")
def ecs_open(home: Path | None, task: str, cluster: str, port: int | None, path: str) -> None:
    """Print the page that the program of TASK serves; it is asked for inside the task, for no port leads in."""
    found = asked(lambda: LabClient(home_of(home)).ecs_page(task, cluster, port, path))
    click.echo(found["text"], nl=not found["text"].endswith("\n"))
    if found["cut"]:
        click.echo("The page goes on; this is its beginning.", err=True)
