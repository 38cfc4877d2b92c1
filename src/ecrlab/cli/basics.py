"""What the commands have in common: the home, and how they speak and end."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeVar

import click

from ecrlab.client import LabError
from ecrlab.command import typed
from ecrlab.home import Home


def home_option(function: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option ``--home``."""
    return click.option(
        "--home",
        type=click.Path(file_okay=False, path_type=Path),
        help="The home folder. Default: $ECRLAB_HOME, the nearest .ecrlab folder, or ./.ecrlab.",
    )(function)


def home_of(path: Path | None) -> Home:
    """Return the home that was named, else the one found from here."""
    return Home(path) if path is not None else Home.find()


def give_up(message: object) -> NoReturn:
    """End the command with code 1 and a sentence at the standard error."""
    click.echo(typed(message), err=True)
    sys.exit(1)


def tell(line: str) -> None:
    """Print a line at the standard error."""
    click.echo(typed(line), err=True)


_T = TypeVar("_T")


def asked(ask: Callable[[], _T]) -> _T:
    """Return what the lab answers; end with its sentence when it refuses."""
    try:
        return ask()
    except LabError as error:
        give_up(error)
