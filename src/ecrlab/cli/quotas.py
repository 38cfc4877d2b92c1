"""`ecrlab quota`: the service quotas of a registry."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from ecrlab.cli.basics import give_up, home_of, home_option
from ecrlab.client import LabClient, LabError, quota_text
from ecrlab.home import REGION


@click.group()
def quota() -> None:
    """Show and set the service quotas: how many images, tags and requests a registry takes."""


def _registry_options(function: Callable[..., Any]) -> Callable[..., Any]:
    for option in (
        click.option("--region", help=f"The registry's Region. Default: {REGION}."),
        click.option("--account", help="The registry's account. Default: the learner's own."),
        click.option("--public", is_flag=True, help="The registry of ECR Public."),
    ):
        function = option(function)
    return home_option(function)


@quota.command("list")
@_registry_options
@click.option("--json", "as_json", is_flag=True, help="Print all of it as JSON.")
def quota_list(home: Path | None, public: bool, account: str | None, region: str | None, as_json: bool) -> None:
    """List the quotas of a registry; * marks those that were set here."""
    try:
        answer = LabClient(home_of(home)).quotas("ecr-public" if public else "ecr", region, account)
    except LabError as error:
        give_up(error)
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
        removed = LabClient(home_of(home)).reset_quotas()["removed"]
    except LabError as error:
        give_up(error)
    click.echo("\n".join(f"removed {thing}" for thing in removed) if removed else "No quota was set.")


def _quota_told(
    home: Path | None, public: bool, account: str | None, region: str | None, name: str, value: int | None
) -> None:
    try:
        done = LabClient(home_of(home)).quota(name, value, "ecr-public" if public else "ecr", region, account)
    except LabError as error:
        give_up(error)
    click.echo(quota_text(done))
