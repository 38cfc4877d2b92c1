"""Questions to IAM and STS: `ecrlab can`, `ecrlab whoami`."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.text import Text

from ecrlab.cli.basics import give_up, home_of, home_option
from ecrlab.client import LabClient, LabError, decision_text
from ecrlab.command import typed
from ecrlab.environment import environment
from ecrlab.home import Home


@click.command()
@home_option
@click.option("--profile", help="Whose name to look up. Default: $AWS_PROFILE, else admin.")
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def whoami(home: Path | None, profile: str | None, as_json: bool) -> None:
    """Show who a profile is to AWS, asked with its own keys, and which policies speak about it."""
    place = home_of(home)
    name = profile or os.environ.get("AWS_PROFILE") or "admin"
    try:
        LabClient(place).status()
        who = LabClient(place).who(_caller(place, name))
    except (LabError, ValueError) as error:
        give_up(error)
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


@click.command(cls=_Question)
@home_option
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
        from ecrlab.aws.what_if.actions import actions

        click.echo("\n".join(actions()))
        return
    if principal is not None and principal.startswith("@"):
        principal = _token_in(principal[1:])
        if action is None:
            found = LabClient(home_of(home)).who(principal)
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
    place = home_of(home)
    answer = LabClient(place).decide(principal, action, resource, **more)
    place.note_asked("can")
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
