"""The commands of a class: `ecrlab_course board`, `report`, `singleuser`, `class`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import NoReturn

import click

from ecrlab.command import typed
from ecrlab.home import Home
from ecrlab.ports import Port


def _give_up(message: object) -> NoReturn:
    click.echo(typed(message), err=True)
    sys.exit(1)


@click.command()
@click.option("--listen", default="127.0.0.1", metavar="HOST", help="This computer's address in the class's network.")
@click.option("--port", type=Port(), default=4599, show_default=True, help="The board's port.")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="What it keeps. Default: in the home.")
@click.option(
    "--keep", type=click.IntRange(0), default=0, metavar="DAYS", help="Forget who was not heard from so long."
)
@click.option("--hub", is_flag=True, help="As a service of a JupyterHub, which says who is an instructor.")
@click.option(
    "--read", "reports", multiple=True, type=click.Path(dir_okay=False, path_type=Path), help="A report's file."
)
def board(listen: str, port: int, folder: Path | None, keep: int, hub: bool, reports: tuple[Path, ...]) -> None:
    """Show who needs help and what the class believes, for learners who share."""
    from ecrlab_course.authoring.content import course
    from ecrlab_course.classroom.run_board import BoardError, Settings, run

    prefix = "/"
    if hub:
        from ecrlab_course.classroom.hub_gate import NoHubError, place

        try:
            listen, port, prefix = place()
        except NoHubError as error:
            _give_up(error)
    settings = Settings(folder or Home.find().path / "board", listen, port, keep, hub, prefix)
    try:
        run(course(), settings, reports, click.echo)
    except BoardError as error:
        _give_up(error)


@click.command()
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="The home folder.")
def report(home: Path | None) -> None:
    """Print what a board shows of you, for a class without a network: ecrlab_course report > me.json."""
    from ecrlab_course.sharing.consent import ConsentFile
    from ecrlab_course.sharing.report import made

    place = Home(home) if home is not None else Home.find()
    content = {"learner": ConsentFile.of(place).own_id(), "report": made(place.progress).body()}
    click.echo(json.dumps(content, indent=2))


@click.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def singleuser(arguments: tuple[str, ...]) -> None:
    """Run one learner's lab and Jupyter server; a hub's spawner starts this."""
    from ecrlab_course.authoring.content import course
    from ecrlab_course.classroom.singleuser import run

    run(course(), arguments)


_file = click.argument("file", type=click.Path(dir_okay=False, path_type=Path), default="classroom/class.toml")


@click.group("class")
def class_group() -> None:
    """A class on this host: each learner gets a lab, a network and a password of their own."""


@class_group.command("start")
@_file
def start_class(file: Path) -> None:
    """Start the class of FILE, and print a slip per person."""
    from ecrlab_course.classroom.class_file import ClassError
    from ecrlab_course.classroom.class_host import slips, start

    try:
        found = start(file, click.echo)
        click.echo(slips(found))
    except ClassError as error:
        _give_up(error)


@class_group.command("status")
@_file
def class_status(file: Path) -> None:
    """Say who is there."""
    from ecrlab_course.classroom.class_file import ClassError
    from ecrlab_course.classroom.class_host import status

    try:
        status(file, click.echo)
    except ClassError as error:
        _give_up(error)


@class_group.command("stop")
@click.option("--forget", is_flag=True, help="Delete what the board holds, too.")
@_file
def stop_class(file: Path, forget: bool) -> None:
    """Stop everything of the class. What learners made stays in their homes."""
    from ecrlab_course.classroom.class_file import ClassError
    from ecrlab_course.classroom.class_host import stop

    try:
        stop(file, click.echo, forget)
    except ClassError as error:
        _give_up(error)


@class_group.command("size")
@click.argument("learners", type=click.IntRange(1))
@click.option("--processors", type=click.IntRange(1), default=8, show_default=True, help="Of a node (vCPUs).")
@click.option("--memory", type=click.FloatRange(1), default=32, show_default=True, help="Of a node, in GB.")
@click.option("--pods", type=click.IntRange(1), default=110, show_default=True, help="How many pods a node may run.")
@click.option("--hours", type=click.FloatRange(0), default=8, show_default=True, help="How long the nodes run.")
@click.option("--price", type=click.FloatRange(0), help="What a node costs you in an hour.")
def class_size(learners: int, processors: int, memory: float, pods: int, hours: float, price: float | None) -> None:
    """Say what a class of so many LEARNERS needs on Kubernetes."""
    from ecrlab_course.class_sizes import Node, size_of
    from ecrlab_course.messages import say

    try:
        found = size_of(learners, Node(processors, memory, pods))
    except ValueError as error:
        _give_up(say("class.too_small", what=error))
    paid = found.node_hours(hours)
    click.echo(
        say(
            "class.size", learners=learners, nodes=found.nodes, processors=processors, memory=f"{memory:g}",
            each=found.each, decides=found.decides, placeholders=found.placeholders,
            log_in=f"{found.log_in_seconds:.0f}", lesson=f"{found.lesson_seconds:.0f}",
            folders=f"{found.folders_gb:.1f}", pages=f"{found.pages_gb:.1f}", paid=f"{paid:g}", hours=f"{hours:g}",
        )
    )  # fmt: skip
    if price is not None:
        click.echo(say("class.cost", cost=f"{paid * price:,.2f}", each=f"{paid * price / learners:.2f}"))


COMMANDS = (board, report, singleuser, class_group)
