"""The commands ``ecrlab_course desk``, ``incident`` and ``ticket``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from botocore.exceptions import BotoCoreError, ClientError

from ecrlab.client import LabError
from ecrlab_course.checkout import ContentError
from ecrlab_course.commanding import course_or_end, end_failed, give_up, learners_folder, session_of
from ecrlab_course.messages import say
from ecrlab_course.progress import ProgressError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecrlab_course.desk.desk import Desk
    from ecrlab_course.desk.terminal import Counter

DESK = "lab-03"
"""The lab whose tickets `desk`, `incident` and `ticket` are about."""


def desk_at(home: Path | None, work: Path | None = None) -> Desk:
    """Return the desk; jobs run where those of an open ticket lie, else in the folder of lab 03 in `work`.

    Without `work` that is beside the learner's notebooks or below the lab's home, never in the course's own folders.
    """
    from ecrlab_course.desk.desk import Desk

    the_course = course_or_end()
    session = session_of(the_course, home, work)
    place = session.lab.home
    if work is None:
        session.beside = learners_folder(the_course, place.path)
        kept = Desk(place, session.beside).kept_folder()
        if kept is not None:
            return Desk(place, kept)
    return Desk(place, session.furnish(DESK))


def _counter(home: Path | None, work: Path | None = None) -> Counter:
    """Return the desk in this terminal."""
    from ecrlab_course.desk.terminal import Counter, console

    return Counter(desk_at(home, work), console())


def _at_desk(act: Callable[[], object]) -> None:
    """Carry out a command of the desk; what it cannot do is a sentence."""
    from ecrlab_course.desk.desk import DeskError

    try:
        act()
    except KeyError as error:
        give_up(error.args[0])
    except (DeskError, ContentError, ValueError, ProgressError, LabError, OSError) as error:
        give_up(error)
    except (BotoCoreError, ClientError) as error:
        end_failed(error)


_home_option = click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="The home folder.")
_work_option = click.option(
    "--work", type=click.Path(file_okay=False, path_type=Path), help="The folder in which the jobs are put."
)
_place = click.argument("place", required=False, default="")


@click.command()
@click.option("--seed", type=click.IntRange(1), help="Of `night`: which one; the same number is the same everywhere.")
@_home_option
@_work_option
@click.argument("name", metavar="first|second|third|night")
def desk(seed: int | None, home: Path | None, work: Path | None, name: str) -> None:
    """Deal a ticket of a desk of lab 03, or a night shift of three; go on with one of it that is open."""
    counter = _counter(home, work)
    if seed is not None and name != "night":
        give_up(say("desk.seed_of_a_night", desk=name))
    _at_desk(lambda: counter.dealt(counter.desk.begin(name) if seed is None else counter.desk.begin_night(seed)))


@click.command()
@click.option("--seed", type=click.IntRange(1), default=1, show_default=True, help="Which cause and which evidence.")
@_home_option
@_work_option
@click.argument("number")
def incident(seed: int, home: Path | None, work: Path | None, number: str) -> None:
    """Deal incident NUMBER of lab 03: for a class, `incident 9 --seed 3` is the same on every machine."""
    counter = _counter(home, work)
    _at_desk(lambda: counter.dealt(counter.desk.begin_incident(number, seed)))


@click.group()
def ticket() -> None:
    """What is on the desk of lab 03. Of a night shift, PLACE is 1, 2 or 3."""


@ticket.command()
@_home_option
@_place
def show(home: Path | None, place: str) -> None:
    """Show the ticket, and what was looked at so far."""
    from ecrlab_course.desk.terminal import ticket_named

    _at_desk(lambda: _counter(home).show(ticket_named(place)))


@ticket.command()
@_home_option
@_place
def run(home: Path | None, place: str) -> None:
    """Run the ticket's command as its caller. Ends with the code that the command ends with."""
    from ecrlab_course.desk.terminal import ticket_named

    codes: list[int] = []
    _at_desk(lambda: codes.append(_counter(home).run(ticket_named(place))))
    sys.exit(codes[0])


@ticket.command("check")
@_home_option
@_place
def check_ticket(home: Path | None, place: str) -> None:
    """Say whether it is fixed: for the caller, for everybody else, the cause. Ends with 1 while it is not closed."""
    from ecrlab_course.desk.terminal import ticket_named

    closed: list[bool] = []
    _at_desk(lambda: closed.append(_counter(home).check(ticket_named(place))))
    sys.exit(0 if all(closed) else 1)


@ticket.command()
@_home_option
@click.argument("letter")
@_place
def cause(home: Path | None, letter: str, place: str) -> None:
    """Name the cause by its LETTER."""
    from ecrlab_course.desk.terminal import ticket_named

    _at_desk(lambda: _counter(home).cause(letter, ticket_named(place)))


@ticket.command()
@_home_option
@_place
def hint(home: Path | None, place: str) -> None:
    """Show the next of three hints; the first one comes from what was looked at."""
    from ecrlab_course.desk.terminal import ticket_named

    _at_desk(lambda: _counter(home).hint(ticket_named(place)))


@ticket.command()
@_home_option
@_place
def postmortem(home: Path | None, place: str) -> None:
    """Write the five lines, typed or from a pipe; once the ticket is closed, ours are shown beside them."""
    from ecrlab_course.desk.terminal import ticket_named

    asks = sys.stdin.isatty() and sys.stdout.isatty()
    piped = () if sys.stdin.isatty() else sys.stdin
    try:
        _at_desk(lambda: _counter(home).postmortem(ticket_named(place), asks, piped))
    except (KeyboardInterrupt, EOFError):
        click.echo("\n" + say("desk.kept"))
        sys.exit(130)


@ticket.command()
@_home_option
def again(home: Path | None) -> None:
    """Deal the same again."""
    counter = _counter(home)
    _at_desk(lambda: counter.dealt(counter.desk.again()))


@ticket.command()
@_home_option
def another(home: Path | None) -> None:
    """Deal another one: of the same desk, or another cause of the same incident."""
    counter = _counter(home)
    _at_desk(lambda: counter.dealt(counter.desk.another()))
