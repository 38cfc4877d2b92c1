"""The container engine: Podman's settings, a look from outside, the base image of the Node.js app."""

from __future__ import annotations

import json
import os
import shlex
import sys
from dataclasses import asdict
from pathlib import Path

import click

from ecrlab.cli.basics import give_up, home_of, home_option, tell
from ecrlab.client import LabError
from ecrlab.command import typed
from ecrlab.engine import Engine, EngineError, find, node_image
from ecrlab.engine import host as host_view
from ecrlab.engine.docker_cli import DockerCli
from ecrlab.home import Home


@click.command()
@home_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def podman(home: Path | None, yes: bool) -> None:
    """Let Podman speak to the lab's registries, which have no TLS: write a settings file of its own, asking first."""
    from ecrlab.host import podman as settings

    place = home_of(home)
    engine = find(place)
    if not engine.is_podman:
        give_up(f"There is no Podman to set up: {engine.title if engine.host else engine.source}")
    path = settings.settings_file(engine)
    if not yes and not click.confirm(f"Write {path}, which names the lab's ports as registries without TLS?"):
        give_up("Nothing was written.")
    try:
        settings.write(place, engine)
    except (LabError, OSError) as error:
        give_up(f"{path} could not be written: {error}")
    click.echo(f"Wrote {path}. Now: ecrlab start")


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@home_option
@click.option("--show", is_flag=True, help="Print the docker command instead of running it.")
@click.argument("command", nargs=-1, type=click.UNPROCESSED)
def host(home: Path | None, show: bool, command: tuple[str, ...]) -> None:
    """Run a command in the engine's machine, to see containers from outside: ecrlab host ps

    With Docker Desktop that is the Linux machine inside it, and a line says so.
    """
    if not command:
        raise click.UsageError(typed("Which command? For example: ecrlab host ps"))
    arguments = host_view.host_command(command)
    if show:
        click.echo(shlex.join(["docker", *arguments]))
        return
    docker = _docker(home_of(home))
    where = host_view.inside(docker)
    if where:
        tell(where)
    os.execvpe(docker.command[0], [*docker.command, *arguments], docker.environment)


@click.command()
@home_option
@click.option("--json", "as_json", is_flag=True, help="Print what there is as JSON.")
def node(home: Path | None, as_json: bool) -> None:
    """Make ecrlab/node:1, the base image of the Node.js app. Ends with code 1 where no Node.js is to be had."""
    place = home_of(home)
    try:
        made = node_image.ensure(_engine(place), place, tell)
    except EngineError as error:
        give_up(error)
    click.echo(json.dumps({**asdict(made), "sentence": made.sentence}) if as_json else made.sentence)
    sys.exit(0 if made else 1)


def _engine(place: Home) -> Engine:
    return Engine.saved(place) or Engine("none")


def _docker(place: Home) -> DockerCli:
    """Return docker for the engine of this home; say so and end where there is none."""
    engine = _engine(place)
    if engine.kind == "none":
        give_up("This needs a container engine, and the lab has none: its stand-in starts nothing.")
    try:
        return DockerCli(engine, place)
    except EngineError as error:
        give_up(error)
