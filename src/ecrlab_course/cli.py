"""The command ``ecrlab_course``: build the notebooks, check them, and run the course."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click
from botocore.exceptions import BotoCoreError, ClientError

from ecrlab import launch
from ecrlab.client import LabError
from ecrlab.command import Commands, spelled, typed
from ecrlab.home import Home, read_json
from ecrlab.ports import Port
from ecrlab.trouble import sentence
from ecrlab_course.authoring.content import Course, Source, course
from ecrlab_course.checkout import ContentError
from ecrlab_course.messages import say
from ecrlab_course.progress import ProgressError

if TYPE_CHECKING:
    from ecrlab_course.learner.session import Session


def _give_up(message: object) -> NoReturn:
    click.echo(typed(sentence(message) if isinstance(message, OSError) else message), err=True)
    sys.exit(1)


def _course() -> Course:
    try:
        return course()
    except (ContentError, ValueError) as error:
        _give_up(error)


def _source(the_course: Course, identifier: str) -> Source:
    try:
        return the_course.lesson(identifier)
    except KeyError as error:
        _give_up(error.args[0])


def _session_of(the_course: Course, home: Path | None, folder: Path) -> Session:
    """Return a session in the lab of `home`, with commands run in `folder`."""
    from ecrlab_course.learner.session import Session
    from ecrlab_course.notebook.extension import find_home
    from ecrlab_course.progress import Progress
    from ecrlab_course.toolbox.lab import Lab

    place = Home(home) if home is not None else find_home()
    return Session(Lab(place, folder), Progress(place.progress), the_course)


def _failed(error: Exception) -> NoReturn:
    from ecrlab_course.failure import reason

    _give_up(str(error) if isinstance(error, RuntimeError) else reason(error))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The ECR Lab course: notebooks, exercises, and JupyterLab in which they open."""


@main.command()
@click.option("--port", type=Port(), help="JupyterLab's port. Default: the first free one from 8888.")
@click.option("--lab-port", type=Port(0), help="The lab's main port. Default: the remembered one.")
@click.option("--work", type=click.Path(file_okay=False, path_type=Path), help="The learner's folder. Default: work/.")
@click.option("--projector", is_flag=True, help="For a class: larger type, stronger contrast, one notebook at a time.")
def start(port: int | None, lab_port: int | None, work: Path | None, projector: bool) -> None:
    """Open the course in JupyterLab; Ctrl-C stops everything that this started."""
    from ecrlab_course import start as opening
    from ecrlab_course.notebook.extension import find_home

    try:
        say_line = lambda line: click.echo(typed(line))  # noqa: E731
        sys.exit(opening.start(_course(), find_home(), say_line, port, lab_port, work, projector))
    except (opening.StartError, launch.LaunchError, OSError) as error:
        _give_up(error)


@main.command()
@click.option("--check", is_flag=True, help="Write nothing; end with code 1 when a generated file is not up to date.")
@click.option("--execute", is_flag=True, help="Run the solved notebooks again and store their outputs.")
@click.option("--lab-port", type=Port(), help="The port of the lab they run in.")
@click.argument("lessons", nargs=-1)
def build(check: bool, execute: bool, lab_port: int | None, lessons: tuple[str, ...]) -> None:
    """Make notebooks/, labs/ and solutions/ from content/. LESSONS (such as 04 or lab-01): only these."""
    from ecrlab_course.publish import build as building

    the_course = _course()
    for lesson in lessons:
        if lesson not in the_course.pages:
            _source(the_course, lesson)
    try:
        built = building.build(the_course, check, execute, click.echo, lab_port, lessons)
    except (building.BuildError, launch.LaunchError) as error:
        _give_up(error)
    for path in built.written:
        click.echo(f"wrote {path.relative_to(the_course.root)}")
    for path in built.drifted:
        click.echo(f"not up to date: {path.relative_to(the_course.root)}", err=True)
    if built.drifted:
        _give_up("Run: ecrlab_course build")


@main.command("check")
def check_content() -> None:
    """Check the sources: ids, magics, that each exercise is shown and checked once, and the form of a lesson."""
    from ecrlab_course.publish import build as building

    found = building.problems(_course())
    for line in found:
        click.echo(line, err=True)
    for line in building.unfinished(_course()):
        click.echo(f"draft · {line}")
    if found:
        sys.exit(1)
    the_course = _course()
    counts = f"{len(the_course.lessons)} lessons, {len(the_course.labs)} labs, {len(the_course.exercises)} exercises"
    click.echo(f"{counts}: nothing wrong.")


@main.command("new-lesson")
@click.argument("number")
@click.argument("slug")
@click.argument("title")
def new_lesson(number: str, slug: str, title: str) -> None:
    """Make a draft from the template: NUMBER (07), SLUG (elastic_scale) and TITLE ("Elastic")."""
    from ecrlab_course.checkout import course_root
    from ecrlab_course.publish.template import TemplateError
    from ecrlab_course.publish.template import new_lesson as make

    try:
        folder = make(course_root(), number, slug, title)
    except (TemplateError, ContentError, OSError) as error:
        _give_up(error)
    click.echo(f"Made content/lessons/{folder.name}. Write in it, then: {spelled('ecrlab_course')} check")


@main.command()
@click.option("--count", is_flag=True, help="Print only how many count: a strict run asks for these.")
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="The home folder.")
@click.argument("lesson", required=False)
def exercises(count: bool, home: Path | None, lesson: str | None) -> None:
    """List the exercises, of one lesson or all. In a lab without an engine, those that need one do not count."""
    from ecrlab_course.notebook.extension import find_home

    the_course = _course()
    found = the_course.exercises if lesson is None else _source(the_course, lesson).exercises
    state = (home if home is not None else find_home().path) / "run" / "engine.json"
    engine = read_json(state).get("kind") != "none"
    if count:
        click.echo(sum(1 for item in found.values() if item.counts and (engine or not item.engine)))
        return
    for key, item in found.items():
        click.echo(f"{key}  {item.kind:<13}  {item.objective}{'' if item.counts else ' (does not count)'}")


@main.command()
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="The home folder.")
@click.option("--quiet", is_flag=True, help="Print nothing when it worked.")
@click.argument("lesson")
def reset(home: Path | None, quiet: bool, lesson: str) -> None:
    """Remove what LESSON made in the lab: repositories, rights, and what else it made. Progress and work/ stay."""
    the_course = _course()
    source = _source(the_course, lesson)
    try:
        _session_of(the_course, home, Path.cwd()).put_back(lesson)
    except (LabError, BotoCoreError, ClientError, OSError, RuntimeError) as error:
        _failed(error)
    if not quiet:
        click.echo(f"{source.lesson.called}: what it made in the lab is removed.")


@main.command("catch-up")
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="The home folder.")
@click.option("--work", type=click.Path(file_okay=False, path_type=Path), help="The learner's folder. Default: work/.")
@click.argument("lesson")
def catch_up(home: Path | None, work: Path | None, lesson: str) -> None:
    """Build the state after LESSON in the running lab, for whoever comes late. Nothing is counted as done."""
    the_course = _course()
    source = _source(the_course, lesson)
    folder = (work or the_course.root / "work") / Path(source.opens).parent
    folder.mkdir(parents=True, exist_ok=True)
    session = _session_of(the_course, home, folder)
    began = time.monotonic()
    try:
        name = session.catch_up(lesson)
    except (LabError, BotoCoreError, ClientError, OSError, RuntimeError) as error:
        _failed(error)
    took = time.monotonic() - began
    click.echo(f"{source.lesson.called}: the state after it is ready (“{name}”, {took:.1f} s). Open {source.opens}.")


@main.command()
@click.option("--list", "listing", is_flag=True, help="List all drills: what is due today, what when.")
@click.option("--limit", type=click.IntRange(1, 100), help="Do at most so many today, in place of the daily limits.")
@click.option("--lesson", help="Only the drills of this lesson, such as 06.")
@click.option(
    "--export", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write a deck for Anki (.apkg)."
)
@click.option("--env", "profile", is_flag=False, flag_value="admin", help="Print the variables of the drills' account.")
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="The home folder.")
@click.argument("identifier", metavar="[DRILL]", required=False)
def drill(
    listing: bool,
    limit: int | None,
    lesson: str | None,
    file: Path | None,
    profile: str | None,
    home: Path | None,
    identifier: str | None,
) -> None:
    """Do today's drills, the next one first, or DRILL (such as d04). Ctrl-C keeps what you typed.

    In another shell, `eval "$(ecrlab_course drill --env)"` works in the drills' account; `--env ci` as ci.
    """
    from ecrlab_course.drills import terminal
    from ecrlab_course.drills.drill import drills
    from ecrlab_course.drills.drill_session import DrillSession, when
    from ecrlab_course.notebook.extension import find_home

    try:
        session = DrillSession(Home(home) if home is not None else find_home(), drills())
        if identifier is not None:
            session.drill(identifier)
        queue = session.queue(lesson, limit)
        if session.schedule.trouble():
            click.echo(session.schedule.trouble(), err=True)
        if file is not None:
            from ecrlab_course.drills import deck

            wanted = [item for item in session.drills.values() if lesson in (None, item.lesson)]
            click.echo(f"{file}: {deck.export(wanted, file)} drills. Imported again, they are updated, not doubled.")
            return
        if profile is not None:
            from ecrlab_course.drills.account import DrillLab

            click.echo(DrillLab(session.home).exports(profile))
            return
        if listing:
            terminal.console().print(terminal.table(session, queue))
            return
        if identifier is None and not queue:
            due = session.schedule.next_day(session.drills)
            later = " " + say("drill.next_due", when=when(due, session.schedule.clock())) if due is not None else ""
            click.echo(f"{say('drill.nothing_today')}{later} {say('drill.more_here')}")
            return
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            today = identifier or ", ".join(item.id for item in queue)
            _give_up(say("drill.needs_terminal", today=today))
        talk = terminal.Conversation(session, terminal.console())
        try:
            if identifier is not None:
                talk.drill(identifier)
            else:
                talk.go_through(queue)
        except (KeyboardInterrupt, EOFError):
            click.echo("\n" + typed(say("drill.kept")))
            sys.exit(130)
    except KeyError as error:
        _give_up(error.args[0])
    except (ContentError, ValueError, ProgressError, LabError, OSError) as error:
        _give_up(error)


if __name__ == "__main__":
    main()
