"""The command ``ecrlab``: the local cloud from a terminal."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from ecrlab import __version__
from ecrlab.client import LabClient, LabError, decision_text, explorer, quota_text
from ecrlab.client.duration import ahead, seconds_of
from ecrlab.client.push_hook import follow, sentence, title
from ecrlab.command import Commands, spelled, typed
from ecrlab.engine import Engine, EngineError, find, node_image
from ecrlab.engine import host as host_view
from ecrlab.engine.docker_cli import DockerCli
from ecrlab.environment import apply, credentials, environment
from ecrlab.home import ACCOUNT, PROFILES, REGION, Home
from ecrlab.host import doctor, launch
from ecrlab.ports import Port

_STATES = {"ok": "green", "note": "yellow", "fails": "bold red", "not tried": "dim"}


def _home_option(function: Callable[..., Any]) -> Callable[..., Any]:
    return click.option(
        "--home",
        type=click.Path(file_okay=False, path_type=Path),
        help="The home folder. Default: $ECRLAB_HOME, the nearest .ecrlab folder, or ./.ecrlab.",
    )(function)


def _home(path: Path | None) -> Home:
    return Home(path) if path is not None else Home.find()


def _give_up(message: object) -> NoReturn:
    click.echo(typed(message), err=True)
    sys.exit(1)


def _tell(line: str) -> None:
    click.echo(typed(line), err=True)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ecrlab")
def main() -> None:
    """A local Amazon ECR, IAM and STS. It is not AWS, needs no account and costs nothing."""


@main.command()
@_home_option
@click.option("--port", type=Port(0), help="Move the main port; 0: any. Default: the remembered one.")
def start(home: Path | None, port: int | None) -> None:
    """Start the lab in the background: container engine and server."""
    place = _home(home)
    try:
        launch.start(place, _tell, port, launch.at_terminal())
    except launch.LaunchError as error:
        _give_up(error)
    click.echo(launch.status(place).line)
    click.echo(f'To use it in this shell: eval "$({spelled()} env)"')


@main.command()
@_home_option
@click.option("--port", type=Port(0), help="The main port; 0: any. Default: the remembered one, or 4510.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
def serve(home: Path | None, port: int | None, host: str) -> None:
    """Run the server here, in the foreground, until Ctrl-C. It starts no container engine."""
    place = _home(home).make()
    try:
        launch.begin_here(place)
    except launch.LaunchError as error:
        _give_up(error)
    from ecrlab.server.serve import main as run

    moved = [] if port is None else ["--port", str(port)]
    sys.exit(run(["--home", str(place.path), "--host", host, *moved]))


@main.command()
@_home_option
def stop(home: Path | None) -> None:
    """Stop the lab, and the container engine if the lab started it."""
    if not launch.stop(_home(home), _tell):
        click.echo("Nothing was running.")


@main.command()
@_home_option
@click.option("--yes", is_flag=True, help="Do not ask.")
def podman(home: Path | None, yes: bool) -> None:
    """Let Podman speak to the lab's registries, which have no TLS: write a settings file of its own, asking first."""
    from ecrlab.host import podman as settings

    place = _home(home)
    engine = find(place)
    if not engine.is_podman:
        _give_up(f"There is no Podman to set up: {engine.title if engine.host else engine.source}")
    path = settings.settings_file(engine)
    if not yes and not click.confirm(f"Write {path}, which names the lab's ports as registries without TLS?"):
        _give_up("Nothing was written.")
    try:
        settings.write(place, engine)
    except (LabError, OSError) as error:
        _give_up(f"{path} could not be written: {error}")
    click.echo(f"Wrote {path}. Now: ecrlab start")


@main.command()
@_home_option
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def status(home: Path | None, as_json: bool) -> None:
    """Show what runs. Ends with code 1 when the lab does not."""
    seen = launch.status(_home(home))
    lines = "\n".join(filter(None, (seen.line, seen.hub, seen.relay)))
    click.echo(json.dumps(seen.as_json(), indent=2) if as_json else lines)
    sys.exit(0 if seen.running else 1)


@main.command("doctor")
@_home_option
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
def doctor_command(home: Path | None, as_json: bool) -> None:
    """Contact every part, and print the one command that fixes what is broken."""
    place = _home(home)
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


@main.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@_home_option
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
    docker = _docker(_home(home))
    where = host_view.inside(docker)
    if where:
        _tell(where)
    os.execvpe(docker.command[0], [*docker.command, *arguments], docker.environment)


@main.command()
@_home_option
@click.option("--json", "as_json", is_flag=True, help="Print what there is as JSON.")
def node(home: Path | None, as_json: bool) -> None:
    """Make ecrlab/node:1, the base image of the Node.js app. Ends with code 1 where no Node.js is to be had."""
    place = _home(home)
    try:
        made = node_image.ensure(_engine(place), place, _tell)
    except EngineError as error:
        _give_up(error)
    click.echo(json.dumps({**asdict(made), "sentence": made.sentence}) if as_json else made.sentence)
    sys.exit(0 if made else 1)


def _engine(place: Home) -> Engine:
    return Engine.saved(place) or Engine("none")


def _docker(place: Home) -> DockerCli:
    """Return docker for the engine of this home; say so and end where there is none."""
    engine = _engine(place)
    if engine.kind == "none":
        _give_up("This needs a container engine, and the lab has none: its stand-in starts nothing.")
    try:
        return DockerCli(engine, place)
    except EngineError as error:
        _give_up(error)


@main.command("credentials")
@_home_option
@click.option("--profile", default="admin", show_default=True, help="Whose keys.")
@click.option(
    "--format", "form", type=click.Choice(["env", "json"]), default="env", show_default=True,
    help="NAME=value lines, as env files hold them, or one JSON object.",
)  # fmt: skip
def credentials_command(home: Path | None, profile: str, form: str) -> None:
    """Print the keys of a profile and the running lab's addresses, for programs that do not read the lab's files."""
    place = _home(home)
    try:
        LabClient(place).status()
        found = credentials(place, profile)
    except (LabError, ValueError) as error:
        _give_up(error)
    lines = "\n".join(f"{name}={value}" for name, value in found.items())
    click.echo(json.dumps(found, indent=2) if form == "json" else lines)


@main.command()
@_home_option
@click.option("--profile", type=click.Choice(PROFILES), default="admin", show_default=True, help="Who to be.")
@click.option("--region", default=REGION, show_default=True, help="The Region of aws, and of $REGISTRY.")
def env(home: Path | None, profile: str, region: str) -> None:
    """Print the lab's environment for a shell: eval "$(ecrlab env)"."""
    place = _home(home)
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
        _tell(f"Cleared {', '.join(cleared)}.")
    if not os.environ.get("NO_PROXY") and any(name.lower() in ("http_proxy", "https_proxy") for name in os.environ):
        _tell("Set NO_PROXY, so the lab's requests do not go to your proxy.")
    running = launch.server_process(place) is not None
    _tell(f"This shell now talks to the lab of {place.path} as {profile}, not to AWS.")
    if not running:
        _tell("The lab is not running. Start it with: ecrlab start")


def _refuse(message: str) -> NoReturn:
    """Give the shell that evaluates the output nothing to set, and let the eval itself fail."""
    click.echo("false")
    _give_up(message)


def shell_lines(changes: Mapping[str, str | None]) -> str:
    """Return ``changes`` (a result of `environment`) as lines that any POSIX shell carries out."""
    lines = [
        f"unset {name}" if value is None else f"export {name}={shlex.quote(value)}"
        for name, value in sorted(changes.items())
        if name.isidentifier()  # No shell can set or unset another name, and none hands it to aws as a variable.
    ]
    return "\n".join(lines)


@main.command()
@_home_option
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
    place = _home(home)
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
        _give_up(error)
    removed = answer.get("removed") or []
    click.echo("\n".join(f"removed {thing}" for thing in removed) if removed else "There was nothing to remove.")


@main.command()
@_home_option
@click.argument("name")
@click.argument("state", type=click.Choice(["off", "on"]))
def region(home: Path | None, name: str, state: str) -> None:
    """Switch a Region off, so that nothing in it can be reached, or on again: ecrlab region us-east-1 off"""
    try:
        answer = LabClient(_home(home)).region(name, on=state == "on")
    except LabError as error:
        _give_up(error)
    off = ", ".join(answer["regions_off"]) or "none"
    click.echo(f"{name} is {state}. Regions that are off: {off}. IAM and STS go on.")


@main.group()
def quota() -> None:
    """Show and set the service quotas: how many images, tags and requests a registry takes."""


def _registry_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--region", help=f"The registry's Region. Default: {REGION}."),
        click.option("--account", help="The registry's account. Default: the learner's own."),
        click.option("--public", is_flag=True, help="The registry of ECR Public."),
    ):
        function = option(function)
    return _home_option(function)


@quota.command("list")
@_registry_options
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def quota_list(home: Path | None, public: bool, account: str | None, region: str | None, as_json: bool) -> None:
    """List the quotas of a registry; * marks those that were set here."""
    try:
        answer = LabClient(_home(home)).quotas("ecr-public" if public else "ecr", region, account)
    except LabError as error:
        _give_up(error)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    click.echo(f"Quotas of {answer['registry']}")
    for each in answer["quotas"]:
        value = "off" if each["value"] is None else f"{each['value']:,}"
        unit = f" {each['unit']}" if each["unit"] and each["value"] is not None else ""
        raised = "AWS raises it on request" if each["adjustable"] else "fixed at AWS"
        mark = "*" if each["set"] else " "
        click.echo(f"{mark} {each['name']:<43} {value + unit:<22} AWS: {each['default']:,}, {raised}")


@quota.command("set")
@_registry_options
@click.argument("name")
@click.argument("value", type=int)
def quota_set(home: Path | None, public: bool, account: str | None, region: str | None, name: str, value: int) -> None:
    """Set a quota of a registry: ecrlab quota set "images per repository" 3"""
    _quota_told(home, public, account, region, name, value)


@quota.command("reset")
@_registry_options
@click.argument("name", required=False)
def quota_reset(home: Path | None, public: bool, account: str | None, region: str | None, name: str | None) -> None:
    """Put a quota of a registry back to its default; without a name, all quotas of all registries."""
    if name is not None:
        _quota_told(home, public, account, region, name, None)
        return
    try:
        removed = LabClient(_home(home)).reset_quotas()["removed"]
    except LabError as error:
        _give_up(error)
    click.echo("\n".join(f"removed {thing}" for thing in removed) if removed else "No quota was set.")


def _quota_told(
    home: Path | None, public: bool, account: str | None, region: str | None, name: str, value: int | None
) -> None:
    try:
        done = LabClient(_home(home)).quota(name, value, "ecr-public" if public else "ecr", region, account)
    except LabError as error:
        _give_up(error)
    click.echo(quota_text(done))


@main.command("fidelity")
@click.option("--write", type=click.Path(dir_okay=False, path_type=Path), help="Write the page to this file.")
def fidelity_command(write: Path | None) -> None:
    """Print what the lab does as AWS documents it, what is simplified, and what is refused (Markdown)."""
    from ecrlab import fidelity

    if write is None:
        click.echo(fidelity.page(), nl=False)
    else:
        write.write_text(fidelity.page(), encoding="utf-8")


# So that -1h is not an unknown option, nor a call for help, and is answered with what the clock can do.
@main.command(context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]})
@_home_option
@click.argument("step", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def clock(home: Path | None, step: str | None, as_json: bool) -> None:
    """Show the lab's clock, or move it: ecrlab clock +13h, +2d, +1h30m; ecrlab clock reset goes back to real time.

    What becomes due on the way has happened when the command ends: logins and sessions end, lifecycle policies are
    carried out. The clock stays as it is when the lab is stopped and started.
    """
    client = LabClient(_home(home))
    try:
        if step is None:
            answer = client.status()["clock"]
        elif step == "reset":
            answer = client.reset_clock()
        else:
            answer = client.advance(_step(step))
    except LabError as error:
        _give_up(error)
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


@main.command()
@_home_option
@click.option("--follow", "-f", is_flag=True, help="Keep showing requests as they arrive, until Ctrl-C.")
@click.option("--last", type=click.IntRange(0), default=20, show_default=True, help="How many past requests to show.")
def trace(home: Path | None, follow: bool, last: int) -> None:
    """Show the X-ray: each request, the IAM action it needed, and why it was allowed or denied."""
    client = LabClient(_home(home))
    console = Console(highlight=False, soft_wrap=True)
    try:
        newest = int(client.xray(limit=1)["last"])
        after = max(0, newest - last)
        answer: dict[str, Any] = {"rows": [], "last": newest}
        if newest > after:
            answer = client.xray(after=after, limit=last)
        while True:
            for row in answer["rows"]:
                console.print(_trace_line(row, console.is_terminal))
                after = max(after, int(row["seq"]))
            if not follow:
                return
            if not answer["rows"]:
                after = max(after, int(answer["last"]))
            answer = client.xray(after=after, wait=20)
    except LabError as error:
        _give_up(error)
    except KeyboardInterrupt:
        return


def _trace_line(row: Mapping[str, Any], colour: bool) -> str:
    """One request: time, client, who, what, IAM action, on what, decision, status, bytes, duration; below it, why."""
    clock = time.strftime("%H:%M:%S", time.localtime(float(row["wall"])))
    principal = str(row.get("principal") or "-").rpartition(":")[2]
    what = row.get("operation") or f"{row['method']} {row['path']}"
    decision = str(row["decision"])
    size = f"{int(row.get('bytes_in') or 0)}/{int(row.get('bytes_out') or 0)} B"
    took = f"{float(row.get('duration_ms') or 0):.1f} ms"
    parts = [
        clock,
        str(row["client"]),
        principal,
        what,
        str(row.get("action") or "-"),
        *([f"on {decision_text.short(str(row['resource']))}"] if row.get("action") and row.get("resource") else []),
        decision,
        str(row["status"] or "no answer"),
        size,
        took,
    ]
    text = escape("  ".join(parts))
    if (row.get("action") or not row["status"] or row["service"] == "sts") and row.get("reason"):
        text += escape(f"\n          {row['reason']}")
    elif row.get("said") and row["path"] not in ("/v2", "/v2/"):
        text += escape(f"\n          {row['said']}")  # what clients may hide
    if not colour:
        return text
    bad = decision == "denied" or int(row["status"]) >= 400 or not row["status"]
    return f"[{'red' if bad else 'default'}]{text}[/]"


@main.command()
@_home_option
@click.argument("repository", required=False)
@click.option("--compare", nargs=2, metavar="A B", help="Two images, layer by layer: REPOSITORY:TAG or @DIGEST.")
@click.option("--repositories", type=click.IntRange(0, explorer.MOST), help="How many repositories to show at most.")
@click.option("--images", type=click.IntRange(0, explorer.MOST), help="How many manifests of each to show at most.")
@click.option("--digests", is_flag=True, help="Print digests too.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def tree(
    home: Path | None,
    repository: str | None,
    compare: tuple[str, str] | None,
    repositories: int | None,
    images: int | None,
    digests: bool,
    as_json: bool,
) -> None:
    """Show repositories, images and layers with their sizes, and what is shared; or compare two images."""
    if compare and (repository or repositories is not None or images is not None):
        _give_up("--compare takes two images and nothing else: ecrlab tree --compare my-web-app:1.0 my-web-app:1.1")
    client = LabClient(_home(home))
    try:
        if compare:
            answer = client.comparison(*compare)
            shown = explorer.comparison_text(explorer.from_json(explorer.Comparison, answer), digests)
        else:
            answer = client.tree(repository, repositories, images)
            shown = explorer.text(explorer.from_json(explorer.Tree, answer), digests)
    except LabError as error:
        _give_up(error)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(_coloured(shown) if console.is_terminal else Text(shown))


def _coloured(shown: str) -> Text:
    """The explorer's text with colours that only repeat what the words say."""
    text = Text(shown)
    text.highlight_regex(r"(?m)^(ECR Lab|[Rr]egistry|[Rr]epository|left |right) .*", "bold")
    text.highlight_regex(r"\b[\d,.]+ (B|KB|MB|GB|TB)\b", "cyan")
    text.highlight_regex(r"(?m)^ +[A-Z]{1,3}(?= +(config|layer|[\d.]+ [KMGT]?B))", "bold magenta")
    text.highlight_regex(r"(?m)^only left\b.*", "red")
    text.highlight_regex(r"(?m)^only right\b.*", "green")
    text.highlight_regex(r"sha256:[0-9a-f]+", "dim")
    return text


@main.command()
@_home_option
@click.option("--profile", help="Whose name to look up. Default: $AWS_PROFILE, else admin.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def whoami(home: Path | None, profile: str | None, as_json: bool) -> None:
    """Show who a profile is to AWS, asked with its own keys, and which policies speak about it."""
    place = _home(home)
    name = profile or os.environ.get("AWS_PROFILE") or "admin"
    try:
        LabClient(place).status()
        who = LabClient(place).who(_caller(place, name))
    except (LabError, ValueError) as error:
        _give_up(error)
    click.echo(json.dumps({"profile": name, **who}, indent=2) if as_json else decision_text.who_text(who))


def _caller(home: Home, profile: str) -> str:
    """Return the ARN that STS sees for a profile of the lab's AWS files; raises ValueError with what is wrong."""
    import botocore.session
    from botocore.exceptions import BotoCoreError, ClientError

    os.environ.update({key: value for key, value in environment(home).items() if value is not None})
    for variable in [key for key, value in environment(home).items() if value is None]:
        os.environ.pop(variable, None)
    os.environ["AWS_PROFILE"] = profile
    session: Any = botocore.session.Session()  # type: ignore[no-untyped-call]
    if profile not in session.available_profiles:
        there = ", ".join(session.available_profiles) or "none"
        raise ValueError(f"There is no profile {profile!r} in {home.aws_credentials}. There is: {there}.")
    try:
        arn: str = session.create_client("sts").get_caller_identity()["Arn"]
    except (BotoCoreError, ClientError) as error:
        raise ValueError(f"Profile {profile} belongs to nobody at present: {error}") from None
    return arn


@main.group(invoke_without_command=True)
@click.pass_context
def ci(context: click.Context) -> None:
    """The git server and its pipeline: what `git push` ran. Without a command: the runs."""
    if context.invoked_subcommand is None:
        context.invoke(ci_list, home=None, as_json=False)


@ci.command("list")
@_home_option
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def ci_list(home: Path | None, as_json: bool) -> None:
    """List the runs, the newest first."""
    runs = _asked(lambda: LabClient(_home(home)).ci_runs())
    if as_json:
        click.echo(json.dumps(runs, indent=2))
        return
    for run in reversed(runs):
        click.echo(f"{sentence(run):<32} {run['commit'][:12]}  {run['subject']}")
    if not runs:
        click.echo("Nothing has run yet. Where to push to: ecrlab ci repository")


@ci.command("show")
@_home_option
@click.argument("number", type=int, required=False)
@click.option("--variables", is_flag=True, help="List the variables that it had, instead.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def ci_show(home: Path | None, number: int | None, variables: bool, as_json: bool) -> None:
    """Show a run (default: the newest): its steps, what it printed, and its requests in the X-ray."""
    client = LabClient(_home(home))

    def read() -> tuple[dict[str, Any], str, list[dict[str, Any]]]:
        numbers = [run["number"] for run in client.ci_runs()] if number is None else [number]
        answer = client.ci_output(numbers[-1] if numbers else 1)
        return answer["run"], answer["text"], client.ci_requests(answer["run"])

    run, text, rows = _asked(read)
    if as_json:
        click.echo(json.dumps({**run, "output": text, "requests": rows}, indent=2))
        return
    if variables:
        click.echo("\n".join(f"{name}={value}" for name, value in sorted(run["variables"].items())))
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(escape(title(run)))
    ends = [step["at"] for step in run["steps"][1:]] + [run["seconds"]]
    for step, end in zip(run["steps"], ends, strict=False):  # without a step there is one end all the same
        took = "" if end is None else f"{end - step['at']:7.1f} s"
        console.print(escape(f"{took:>9}  {step['name']}"))
    console.print(escape(text.rstrip("\n")))
    for row in rows:
        console.print(_trace_line(row, console.is_terminal))
    console.print(escape(sentence(run)))


@ci.command("repository")
@_home_option
@click.argument("name", default="harbour-bikes/booking")
@click.option("--role", help="The role that its runs are told of, by its ARN. Default: role/pipeline of the account.")
def ci_repository(home: Path | None, name: str, role: str | None) -> None:
    """Make a repository of the git server if it is missing; print the path for: git remote add lab PATH"""
    click.echo(_asked(lambda: LabClient(_home(home)).ci_repository(name, role))["path"])


@ci.command("run")
@_home_option
@click.option("--ref", default="main", show_default=True, help="A branch, or a ref in full.")
@click.option("--repository", default="harbour-bikes/booking", show_default=True, help="Of which repository.")
@click.option("--again", type=int, metavar="NUMBER", help="The same commit as this run's once more, in place of --ref.")
def ci_run(home: Path | None, ref: str, repository: str, again: int | None) -> None:
    """Run what was pushed once more, without a push. Ends with 0 whatever the run ends with."""
    client = LabClient(_home(home))
    which: dict[str, Any] = {"again": again} if again is not None else {"ref": ref, "repository": repository}
    run = _asked(lambda: client.ci_begin(**which))
    click.echo(title(run))
    click.echo(sentence(_asked(lambda: follow(client, run["number"]))))


@ci.command("token")
@_home_option
@click.argument("ref", default="main")
@click.option("--repository", default="harbour-bikes/booking", show_default=True, help="Of which repository.")
@click.option("--environment", help="Of a run that is delivered to this environment.")
@click.option("--audience", help="To whom it is addressed. Default: sts.amazonaws.com.")
@click.option("--age", type=float, default=0, help="Seconds of lab time since its issue: over 300 and it is over.")
@click.option("--without", multiple=True, metavar="CLAIM", help="Leave a claim out. Repeatable.")
def ci_token(
    home: Path | None,
    ref: str,
    repository: str,
    environment: str | None,
    audience: str | None,
    age: float,
    without: tuple[str, ...],
) -> None:
    """Print an identity token as a run of REF gets it: a branch, refs/tags/v1, refs/pull/7/merge."""
    more = {"repository": repository, "environment": environment, "audience": audience, "age": age}
    found = _asked(lambda: LabClient(_home(home)).identity_token(ref, without=list(without), **more))
    click.echo(found["token"])


@ci.command("issuer")
@_home_option
@click.argument("change", type=click.Choice(["rotate", "off", "on"]), required=False)
def ci_issuer(home: Path | None, change: str | None) -> None:
    """Show the issuer of the tokens; give it a new key, or let nobody fetch its keys."""
    client = LabClient(_home(home))
    if change is not None:
        _asked(lambda: client.issuer(on=change == "on", rotate=change == "rotate"))
    found = _asked(client.ci)
    state = "answers" if found["on"] else "does not answer"
    click.echo(f"{found['issuer']} {state} at http://{found['address']}. Its key: {found['key']}.")


@main.group(invoke_without_command=True)
@click.pass_context
def ecs(context: click.Context) -> None:
    """The tasks of ECS, from inside: what they print, and a page of theirs. Without a command: all tasks.

    TASK is an id or its first digits, an ARN, or a service, a family or a revision of it: then its newest task.
    """
    if context.invoked_subcommand is None:
        context.invoke(ecs_list, home=None, as_json=False)


@ecs.command("list")
@_home_option
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def ecs_list(home: Path | None, as_json: bool) -> None:
    """All tasks, the oldest first; a stopped one is shown for an hour of lab time."""
    tasks = _asked(lambda: LabClient(_home(home)).ecs_tasks())
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
@_home_option
@click.argument("task", default="")
@click.option("--cluster", default="", help="Only a task of this cluster.")
@click.option("--container", default="", help="Only this container of it.")
@click.option("--lines", type=click.IntRange(1, 10_000), default=200, show_default=True, help="The last ones.")
def ecs_logs(home: Path | None, task: str, cluster: str, container: str, lines: int) -> None:
    """Print what the containers of TASK printed, also after it stopped. Without TASK: the newest one."""
    found = _asked(lambda: LabClient(_home(home)).ecs_task(task, cluster, lines))
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
@_home_option
@click.argument("task", default="")
@click.option("--cluster", default="", help="Only a task of this cluster.")
@click.option("--port", type=click.IntRange(1, 65535), help="Default: the first port of its task definition, else 80.")
@click.option("--path", default="/", show_default=True, help="What to ask for.")
def ecs_open(home: Path | None, task: str, cluster: str, port: int | None, path: str) -> None:
    """Print the page that the program of TASK serves; it is asked for inside the task, for no port leads in."""
    found = _asked(lambda: LabClient(_home(home)).ecs_page(task, cluster, port, path))
    click.echo(found["text"], nl=not found["text"].endswith("\n"))
    if found["cut"]:
        click.echo("The page goes on; this is its beginning.", err=True)


_T = TypeVar("_T")


def _asked(ask: Callable[[], _T]) -> _T:
    """Return what the lab answers; end with its sentence when it refuses."""
    try:
        return ask()
    except LabError as error:
        _give_up(error)


class _Question(click.Command):
    """A question to IAM: 0 is yes and 1 is no, so whatever keeps it from being asked has to be 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except LabError as error:
            click.echo(typed(error), err=True)
            ctx.exit(2)


def _token_in(name: str) -> str:
    """Return the identity token in a file, "-": in the standard input."""
    try:
        with click.open_file(name, encoding="utf-8") as file:
            text = str(file.read(20_001)).strip()
    except (OSError, UnicodeError) as error:
        raise click.UsageError(f"{name} cannot be read: {error}") from None
    if not re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]*", text, re.ASCII) or len(text) > 20_000:
        raise click.UsageError(f"{name} holds no identity token: three parts of letters, digits, - and _, with dots.")
    return text


@main.command(cls=_Question)
@_home_option
@click.argument("principal", required=False)
@click.argument("action", required=False)
@click.argument("resource", default="*")
@click.option("--context", "-c", multiple=True, metavar="KEY=VALUE", help="A condition key, as aws:SourceIp=192.0.2.1.")
@click.option(
    "--with", "statement", metavar="JSON", help="Try this statement: would it be enough, and what else would it open?"
)
@click.option("--details", is_flag=True, help="List all statements and the context.")
@click.option("--actions", "list_actions", is_flag=True, help="List the actions that the lab knows.")
@click.option("--json", "as_json", is_flag=True, help="Print the whole decision as JSON.")
def can(
    home: Path | None,
    principal: str | None,
    action: str | None,
    resource: str,
    context: tuple[str, ...],
    statement: str | None,
    details: bool,
    list_actions: bool,
    as_json: bool,
) -> None:
    """Ask IAM: may PRINCIPAL do ACTION on RESOURCE? Nothing is done, only asked.

    \b
    PRINCIPAL  a profile, user/ci, role/deployer, or an ARN;
               @FILE with an identity token, for its bearer
    ACTION     ecr:PutImage, or PutImage
    RESOURCE   a repository's name, an ARN, or * (the default)

    
    With a token alone: which roles its bearer may take. With a role:
    ecrlab can @main.jwt AssumeRoleWithWebIdentity role/pipeline

    Ends with code 0 when allowed, 1 when denied, 2 when it could not be asked.
    """
    if list_actions:
        from ecrlab.aws.what_if.decide import actions

        click.echo("\n".join(actions()))
        return
    if principal is not None and principal.startswith("@"):
        principal = _token_in(principal[1:])
        if action is None:
            found = LabClient(_home(home)).who(principal)
            click.echo(json.dumps(found, indent=2) if as_json else decision_text.who_text(found))
            sys.exit(0 if any(each["allowed"] for each in found["roles"]) else 1)
    if principal is None or action is None:
        raise click.UsageError(typed("Who, and what? For example: ecrlab can ci ecr:PutImage my-web-app"))
    more: dict[str, Any] = {}
    pairs = [each.partition("=") for each in context]
    if not all(equals for _, equals, _ in pairs):
        raise click.UsageError("A condition key is given as KEY=VALUE, such as aws:SourceIp=192.0.2.1")
    if pairs:
        more["context"] = {key: value for key, _, value in pairs}
    if statement is not None:
        try:
            more["statement"] = json.loads(statement)
        except ValueError as error:
            raise click.UsageError(f"--with is not JSON: {error}") from None
    answer = LabClient(_home(home)).decide(principal, action, resource, **more)
    if as_json:
        click.echo(json.dumps(answer, indent=2))
    else:
        shown = Text(decision_text.text(answer, details))
        console = Console(highlight=False, soft_wrap=True)
        if console.is_terminal:
            shown.highlight_regex(r"^✓.*", "bold green")
            shown.highlight_regex(r"^✗.*", "bold red")
        console.print(shown)
    sys.exit(0 if answer["allowed"] else 1)
