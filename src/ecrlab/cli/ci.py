"""`ecrlab ci`: the git server and its pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape

from ecrlab.cli.basics import asked, home_of, home_option
from ecrlab.cli.xray import trace_line
from ecrlab.client import LabClient
from ecrlab.client.push_hook import follow, sentence, title


@click.group(invoke_without_command=True)
@click.pass_context
def ci(context: click.Context) -> None:
    """The git server and its pipeline: what `git push` ran. Without a command: the runs."""
    if context.invoked_subcommand is None:
        context.invoke(ci_list, home=None, as_json=False)


@ci.command("list")
@home_option
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def ci_list(home: Path | None, as_json: bool) -> None:
    """List the runs, the newest first."""
    runs = asked(lambda: LabClient(home_of(home)).ci_runs())
    if as_json:
        click.echo(json.dumps(runs, indent=2))
        return
    for run in reversed(runs):
        click.echo(f"{sentence(run):<32} {run['commit'][:12]}  {run['subject']}")
    if not runs:
        click.echo("Nothing has run yet. Where to push to: ecrlab ci repository")


@ci.command("show")
@home_option
@click.argument("number", type=int, required=False)
@click.option("--variables", is_flag=True, help="List the variables that it had, instead.")
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def ci_show(home: Path | None, number: int | None, variables: bool, as_json: bool) -> None:
    """Show a run (default: the newest): its steps, what it printed, and its requests in the X-ray."""
    client = LabClient(home_of(home))

    def read() -> tuple[dict[str, Any], str, list[dict[str, Any]]]:
        numbers = [run["number"] for run in client.ci_runs()] if number is None else [number]
        answer = client.ci_output(numbers[-1] if numbers else 1)
        return answer["run"], answer["text"], client.ci_requests(answer["run"])

    run, text, rows = asked(read)
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
        console.print(trace_line(row, console.is_terminal))
    console.print(escape(sentence(run)))


@ci.command("repository")
@home_option
@click.argument("name", default="harbour-bikes/booking")
@click.option("--role", help="The role that its runs are told of, by its ARN. Default: role/pipeline of the account.")
def ci_repository(home: Path | None, name: str, role: str | None) -> None:
    """Make a repository of the git server if it is missing; print the path for: git remote add lab PATH"""
    click.echo(asked(lambda: LabClient(home_of(home)).ci_repository(name, role))["path"])


@ci.command("run")
@home_option
@click.option("--ref", default="main", show_default=True, help="A branch, or a ref in full.")
@click.option("--repository", default="harbour-bikes/booking", show_default=True, help="Of which repository.")
@click.option("--again", type=int, metavar="NUMBER", help="The same commit as this run's once more, in place of --ref.")
def ci_run(home: Path | None, ref: str, repository: str, again: int | None) -> None:
    """Run what was pushed once more, without a push. Ends with 0 whatever the run ends with."""
    client = LabClient(home_of(home))
    which: dict[str, Any] = {"again": again} if again is not None else {"ref": ref, "repository": repository}
    run = asked(lambda: client.ci_begin(**which))
    click.echo(title(run))
    click.echo(sentence(asked(lambda: follow(client, run["number"]))))


@ci.command("token")
@home_option
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
    found = asked(lambda: LabClient(home_of(home)).identity_token(ref, without=list(without), **more))
    click.echo(found["token"])


@ci.command("issuer")
@home_option
@click.argument("change", type=click.Choice(["rotate", "off", "on"]), required=False)
def ci_issuer(home: Path | None, change: str | None) -> None:
    """Show the issuer of the tokens; give it a new key, or let nobody fetch its keys."""
    client = LabClient(home_of(home))
    if change is not None:
        asked(lambda: client.issuer(on=change == "on", rotate=change == "rotate"))
    found = asked(client.ci)
    state = "answers" if found["on"] else "does not answer"
    click.echo(f"{found['issuer']} {state} at http://{found['address']}. Its key: {found['key']}.")
