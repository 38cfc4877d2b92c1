"""The lab as a whole: started, stopped, looked at, put back, its clock and its Regions."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.markup import escape

from ecrlab.cli.basics import give_up, home_of, home_option, tell
from ecrlab.client import LabClient, LabError
from ecrlab.client.duration import ahead, seconds_of
from ecrlab.command import spelled, typed
from ecrlab.home import REGION
from ecrlab.host import doctor, launch
from ecrlab.ports import Port

_STATES = {"ok": "green", "note": "yellow", "fails": "bold red", "not tried": "dim"}


@click.command()
@home_option
@click.option("--port", type=Port(0), help="Move the main port; 0: any. Default: the remembered one.")
def start(home: Path | None, port: int | None) -> None:
    """Start the lab in the background: container engine and server."""
    place = home_of(home)
    try:
        launch.start(place, tell, port, launch.at_terminal())
    except launch.LaunchError as error:
        give_up(error)
    click.echo(launch.status(place).line)
    click.echo(f'To use it in this shell: eval "$({spelled()} env)"')


@click.command()
@home_option
@click.option("--port", type=Port(0), help="The main port; 0: any. Default: the remembered one, or 4510.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
def serve(home: Path | None, port: int | None, host: str) -> None:
    """Run the server here, in the foreground, until Ctrl-C. It starts no container engine."""
    place = home_of(home).make()
    try:
        launch.begin_here(place)
    except launch.LaunchError as error:
        give_up(error)
    from ecrlab.server.serve import main as run

    moved = [] if port is None else ["--port", str(port)]
    sys.exit(run(["--home", str(place.path), "--host", host, *moved]))


@click.command()
@home_option
def stop(home: Path | None) -> None:
    """Stop the lab, and the container engine if the lab started it."""
    if not launch.stop(home_of(home), tell):
        click.echo("Nothing was running.")


@click.command()
@home_option
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def status(home: Path | None, as_json: bool) -> None:
    """Show what runs. Ends with code 1 when the lab does not."""
    seen = launch.status(home_of(home))
    lines = "\n".join(filter(None, (seen.line, seen.hub, seen.relay)))
    click.echo(json.dumps(seen.as_json(), indent=2) if as_json else lines)
    sys.exit(0 if seen.running else 1)


@click.command("doctor")
@home_option
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor_command(home: Path | None, as_json: bool) -> None:
    """Contact every part, and print the one command that fixes what is broken."""
    place = home_of(home)
    findings = [replace(each, seen=typed(each.seen), fix=typed(each.fix)) for each in doctor.examine(place)]
    if as_json:
        click.echo(json.dumps([vars(finding) for finding in findings], indent=2))
    else:
        console = Console(highlight=False, soft_wrap=True)
        for finding in findings:
            colour = _STATES[finding.state]
            console.print(f"[{colour}]{finding.state:>9}[/]  {finding.part:<18}  {escape(finding.seen)}")
            if finding.fix:
                console.print(f"{'':>9}  {'':<18}  fix: {escape(finding.fix)}")
        console.print(escape(doctor.summary(place, findings)))
    sys.exit(1 if any(finding.state == "fails" for finding in findings) else 0)


@click.command()
@home_option
@click.option("--repository", "repositories", multiple=True, help="Only this repository, with its images. Repeatable.")
@click.option(
    "--policy-of",
    "policies",
    multiple=True,
    help="Only the policy of this repository: the way out when it locks everybody out. Repeatable.",
)
@click.option("--user", "users", multiple=True, help="Only the permissions of this user. Repeatable.")
@click.option("--account", help="The account of these repositories. Default: the learner's own.")
@click.option("--region", help=f"The region of these repositories. Default: {REGION}.")
@click.option("--public", is_flag=True, help="These repositories are in ECR Public.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def reset(
    home: Path | None,
    repositories: tuple[str, ...],
    policies: tuple[str, ...],
    users: tuple[str, ...],
    account: str | None,
    region: str | None,
    public: bool,
    yes: bool,
) -> None:
    """Put the lab back to its start: repositories, images, users, permissions, clock. Progress and work stay."""
    place = home_of(home)
    if not (repositories or policies) and (account or region or public):
        # They do not stand for "all of those": without a name everything would go.
        where = "--account, --region and --public say where a repository is"
        raise click.UsageError(f"{where}: give --repository NAME or --policy-of NAME.")
    if not (repositories or policies or users or yes) and sys.stdin.isatty():
        click.confirm(
            f"Remove all repositories, images and changed permissions of the lab in {place.path}?", abort=True
        )
    try:
        answer = LabClient(place).reset(
            repositories=list(repositories) or None,
            policies=list(policies) or None,
            users=list(users) or None,
            account=account,
            region=region,
            public=public,
        )
    except LabError as error:
        give_up(error)
    removed = answer.get("removed") or []
    click.echo("\n".join(f"removed {thing}" for thing in removed) if removed else "There was nothing to remove.")


@click.command()
@home_option
@click.argument("name")
@click.argument("state", type=click.Choice(["off", "on"]))
def region(home: Path | None, name: str, state: str) -> None:
    """Switch a Region off, so that nothing in it can be reached, or on again: ecrlab region us-east-1 off"""
    try:
        answer = LabClient(home_of(home)).region(name, on=state == "on")
    except LabError as error:
        give_up(error)
    off = ", ".join(answer["regions_off"]) or "none"
    click.echo(f"{name} is {state}. Regions that are off: {off}. IAM and STS go on.")


# So that -1h is not an unknown option, nor a call for help, and is answered with what the clock can do.
@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@home_option
@click.argument("step", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def clock(home: Path | None, step: str | None, as_json: bool) -> None:
    """Show the lab's clock, or move it: ecrlab clock +13h, +2d, +1h30m; ecrlab clock reset goes back to real time.

    What becomes due on the way has happened when the command ends: logins and sessions end, lifecycle policies are
    carried out. The clock stays as it is when the lab is stopped and started.
    """
    place = home_of(home)
    client = LabClient(place)
    try:
        if step is None:
            answer = client.status()["clock"]
        elif step == "reset":
            answer = client.reset_clock()
        else:
            answer = client.advance(_step(step))
    except LabError as error:
        give_up(error)
    place.note_asked("clock")
    if as_json:
        click.echo(json.dumps(answer))
        return
    moment = datetime.fromisoformat(answer["now"]).astimezone(UTC)
    offset = float(answer["offset_seconds"])
    where = f"{ahead(offset)} ahead of real time. Put it back: {spelled()} clock reset" if offset else "real time."
    click.echo(f"The lab's clock shows {moment:%Y-%m-%d %H:%M:%S} UTC, {where}")


def _step(text: str) -> float:
    if text.startswith("-"):
        raise click.UsageError(typed("The lab's clock only moves forward. Back to real time: ecrlab clock reset"))
    try:
        return seconds_of(text)
    except ValueError as error:
        message = "Write a step such as +13h, +2d, +1h30m or +45s (w, d, h, m, s), or reset."
        raise click.UsageError(f"{error} {message}") from None
