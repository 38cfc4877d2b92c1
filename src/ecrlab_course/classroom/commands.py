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


COMMANDS = (board, report)
