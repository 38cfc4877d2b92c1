"""The commands ``ecrlab_course mock`` and ``ecrlab_course ready``."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click
from botocore.exceptions import BotoCoreError, ClientError

from ecrlab.client import LabError
from ecrlab.command import typed
from ecrlab.home import Home
from ecrlab_course.checkout import ContentError
from ecrlab_course.commanding import end_failed, give_up
from ecrlab_course.desk_commands import desk_at
from ecrlab_course.messages import say
from ecrlab_course.progress import ProgressError

if TYPE_CHECKING:
    from ecrlab_course.mock.interview import Bank, Interview

MINUTES, LEVEL = 20, "mid"


def _home(home: Path | None) -> Home:
    from ecrlab_course.notebook.extension import find_home

    return Home(home) if home is not None else find_home()


def _bank() -> Bank:
    from ecrlab_course.drills.drill import drills
    from ecrlab_course.mock.interview import Bank
    from ecrlab_course.questions.question import questions

    return Bank(questions(), drills())


def _interview(home: Path | None) -> Interview:
    from ecrlab_course.mock.interview import Interview

    return Interview(_home(home), _bank(), lambda: desk_at(home))


@click.command()
@click.option("--minutes", type=click.Choice(["8", "20", "45"]), help="How long. Default: 20.")
@click.option("--level", type=click.Choice(["junior", "mid", "senior"]), help="For which interview. Default: mid.")
@click.option("--mix", type=click.IntRange(1, 999_999), help="The number of the draw; the same number draws the same.")
@click.option("--partner", is_flag=True, help="A second person asks, from a screen of their own (--interviewer).")
@click.option("--after", type=click.IntRange(1, 999_999), help="With --partner: share nothing with this mix.")
@click.option("--no-clock", is_flag=True, help="Without a clock, for people who need more time.")
@click.option("--aloud", is_flag=True, help="Speak aloud and type key words; the points are marked from memory.")
@click.option("--interviewer", "code", help='The other screen, by the candidate\'s code: --interviewer "mid 20 7".')
@click.option("--sheet", help='Print the interviewer\'s sheet of a code: --sheet "mid 20 7" > sheet.txt')
@click.option("--list", "listing", is_flag=True, help="List the mock interviews there are.")
@click.option("--show", is_flag=True, help="Print the scorecard of mock interview NUMBER, or of the last one.")
@click.option("--export", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write it: .html, .md or .txt.")
@click.option("--with-answers", is_flag=True, help="With --export or --show: your answers, too. They are private.")
@click.option("--forget", is_flag=True, help="Delete mock interview NUMBER for good.")
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="The home folder.")
@click.argument("number", required=False, type=int)
def mock(
    minutes: str | None, level: str | None, mix: int | None, partner: bool, after: int | None, no_clock: bool,
    aloud: bool, code: str | None, sheet: str | None, listing: bool, show: bool, file: Path | None,
    with_answers: bool, forget: bool, home: Path | None, number: int | None,
) -> None:  # fmt: skip
    """Rehearse an interview: questions with follow-ups, two evidence tasks, an incident, and a scorecard at the end.

    Ctrl-C keeps what was typed; the next call offers to go on.
    """
    from ecrlab_course.desk.desk import DeskError
    from ecrlab_course.mock.mix import MixError
    from ecrlab_course.views.display import plain

    try:
        if listing or show or file is not None or forget:
            _kept(home, listing, file, with_answers, forget, number)
        elif sheet is not None:
            _sheet(home, sheet)
        elif not (sys.stdin.isatty() and sys.stdout.isatty()):
            give_up(say("mock.needs_terminal"))
        elif code is not None:
            _ask_them(home, code)
        else:
            interview = _interview(home)
            if not _go_on(interview):
                interview.begin(
                    int(minutes or MINUTES), level or LEVEL, mix, partner=partner, after=after or 0,
                    clock=not no_clock, aloud=aloud,
                )  # fmt: skip
            _hold(interview)
    except (KeyboardInterrupt, EOFError):
        words = say("mock.kept") if code is None else say("mock.ticks_kept", code=code.strip())
        click.echo("\n" + typed(plain(words)))
        sys.exit(130)
    except KeyError as error:
        give_up(error.args[0])
    except MixError as error:
        give_up(plain(str(error)))
    except (DeskError, ContentError, ValueError, ProgressError, LabError, OSError) as error:
        give_up(error)
    except (BotoCoreError, ClientError, RuntimeError) as error:
        end_failed(error)


def _go_on(interview: Interview) -> bool:
    """Offer to go on with what was begun, or to close it as it stands; tell whether it goes on."""
    from ecrlab_course.drills.terminal import console
    from ecrlab_course.mock.terminal import MockConversation

    number = interview.unfinished()
    if not number:
        return False
    interview.go_on(number)
    record = interview.record
    if click.confirm(say("mock.go_on", number=number, level=record["level"], minutes=record["minutes"])):
        return True
    if not click.confirm(say("mock.close_it")):
        raise KeyboardInterrupt
    MockConversation(interview, console()).finish()
    return False


def _hold(interview: Interview) -> None:
    from ecrlab.host import launch
    from ecrlab_course.drills.terminal import console
    from ecrlab_course.mock.terminal import MockConversation

    talk = MockConversation(interview, console())
    try:
        if not interview.record["at"] and "stage" not in interview.parts[0]:
            talk.begin()
        else:
            launch.start(interview.home, click.echo)
            if interview.record["partner"]:
                talk.show_code()
        talk.run()
    except launch.LaunchError as error:
        give_up(error)


def _ask_them(home: Path | None, text: str) -> None:
    from ecrlab_course.drills.terminal import console
    from ecrlab_course.mock.interviewer import Interviewer
    from ecrlab_course.mock.partner import read_code, tick_book

    interview = _interview(home)
    Interviewer(interview.bank, read_code(text), interview.pool(), console(), tick_book(interview.home)).run()


def _sheet(home: Path | None, text: str) -> None:
    from ecrlab_course.mock.partner import read_code, slots
    from ecrlab_course.mock.sheet import sheet

    interview, code = _interview(home), read_code(text)
    click.echo(sheet(interview.bank, code, slots(interview.pool(), code)))


def _kept(
    home: Path | None, listing: bool, file: Path | None, with_answers: bool, forget: bool, number: int | None
) -> None:
    """List, show, export or delete what is kept."""
    from ecrlab_course.mock.book import book_of
    from ecrlab_course.mock.page import export
    from ecrlab_course.mock.scorecard import figures_table, scorecard

    book, bank = book_of(_home(home)), _bank()
    records = book.records()
    if not records:
        give_up(say("mock.none_yet"))
    chosen = number if number is not None else max(records)
    if chosen not in records:
        give_up(say("mock.no_such", number=chosen, known=", ".join(map(str, records))))
    if listing:
        click.echo(figures_table(bank, records).text)
    elif forget:
        if number is None:
            give_up(say("mock.no_such", number="", known=", ".join(map(str, records))))
        book.forget(chosen)
        click.echo(say("mock.forgotten", number=chosen))
    elif file is not None:
        export(scorecard(bank, records, chosen, with_answers), file)
        answers = say("mock.with_answers") if with_answers else ""
        click.echo(say("mock.exported", file=file, number=chosen, with_answers=answers))
    else:
        click.echo(scorecard(bank, records, chosen, with_answers).text)


@click.command()
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="The home folder.")
@click.option(
    "--today", type=click.DateTime(["%Y-%m-%d"]), help="Take this date for today's: for tests and demonstrations."
)
def ready(home: Path | None, today: datetime | None) -> None:
    """Show by topic which points you made unaided in the last two weeks, what you showed, and what is due today."""
    from ecrlab_course.drills.drill_session import moved_clock
    from ecrlab_course.mock.ready import ready as look

    try:
        place, bank = _home(home), _bank()
        found = look(place, bank) if today is None else look(place, bank, moved_clock(today.date()))
        click.echo(found.shown.text)
    except (ContentError, ValueError, ProgressError, OSError) as error:
        give_up(error)
