"""The lab's environment, for a shell and for programs."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import click

from ecrlab.cli.basics import give_up, home_of, home_option, tell
from ecrlab.client import LabClient, LabError
from ecrlab.environment import apply, credentials, environment
from ecrlab.home import ACCOUNT, PROFILES, REGION
from ecrlab.host import doctor, launch


@click.command("credentials")
@home_option
@click.option("--profile", default="admin", show_default=True, help="Whose keys.")
@click.option(
    "--format", "form", type=click.Choice(["env", "json"]), default="env", show_default=True,
    help="NAME=value lines, as env files hold them, or one JSON object.",
)  # fmt: skip
def credentials_command(home: Path | None, profile: str, form: str) -> None:
    """Print the keys of a profile and the running lab's addresses, for programs that do not read the lab's files."""
    place = home_of(home)
    try:
        LabClient(place).status()
        found = credentials(place, profile)
    except (LabError, ValueError) as error:
        give_up(error)
    lines = "\n".join(f"{name}={value}" for name, value in found.items())
    click.echo(json.dumps(found, indent=2) if form == "json" else lines)


@click.command()
@home_option
@click.option("--profile", type=click.Choice(PROFILES), default="admin", show_default=True, help="Who to be.")
@click.option("--region", default=REGION, show_default=True, help="The Region of aws, and of $REGISTRY.")
def env(home: Path | None, profile: str, region: str) -> None:
    """Print the lab's environment for a shell: eval "$(ecrlab env)"."""
    place = home_of(home)
    if launch.await_port(place) is None:
        _refuse(f"The lab of {place.path} was never started, so it has no port yet. Start it first: ecrlab start")
    if region != REGION and region not in place.regional_ports:
        try:
            LabClient(place).registry(ACCOUNT, region)  # this gives it a port
        except LabError as error:
            _refuse(str(error))
    changes = environment(place, profile, region=region)
    old = doctor.aws_too_old(apply(changes))
    if old is not None:
        _refuse(f"Refused: {old}. Fix: pip install --upgrade awscli")
    click.echo(shell_lines(changes))
    cleared = [name for name, value in changes.items() if value is None and name.startswith("AWS_")]
    if cleared:
        tell(f"Cleared {', '.join(cleared)}.")
    if not os.environ.get("NO_PROXY") and any(name.lower() in ("http_proxy", "https_proxy") for name in os.environ):
        tell("Set NO_PROXY, so the lab's requests do not go to your proxy.")
    running = launch.server_process(place) is not None
    tell(f"This shell now talks to the lab of {place.path} as {profile}, not to AWS.")
    if not running:
        tell("The lab is not running. Start it with: ecrlab start")


def _refuse(message: str) -> NoReturn:
    """Give the shell that evaluates the output nothing to set, and let the eval itself fail."""
    click.echo("false")
    give_up(message)


def shell_lines(changes: Mapping[str, str | None]) -> str:
    """Return ``changes`` (a result of `environment`) as lines that any POSIX shell carries out."""
    lines = [
        f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}"
        for name, value in sorted(changes.items())
        if name.isidentifier()  # No shell can set or unset another name, and none hands it to aws as a variable.
    ]
    return "\n".join(lines)
