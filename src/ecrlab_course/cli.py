"""The command ``ecrlab_course``: build the notebooks, check them, and run the course."""

from __future__ import annotations

import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import click
from botocore.exceptions import BotoCoreError, ClientError

from ecrlab.client import LabError
from ecrlab.command import Commands, spelled, typed
from ecrlab.home import Home, read_json
from ecrlab.host import launch
from ecrlab.ports import Port
from ecrlab_course.checkout import ContentError
from ecrlab_course.classroom.commands import COMMANDS
from ecrlab_course.commanding import course_or_end as _course
from ecrlab_course.commanding import end_failed as _failed
from ecrlab_course.commanding import give_up as _give_up
from ecrlab_course.commanding import session_of as _session_of
from ecrlab_course.commanding import source_or_end as _source
from ecrlab_course.desk_commands import desk, incident, ticket
from ecrlab_course.messages import say
from ecrlab_course.mock_commands import mock, ready
from ecrlab_course.progress import ProgressError


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The ECR Lab course: notebooks, exercises, and JupyterLab in which they open."""


for command in (mock, ready, desk, incident, ticket, *COMMANDS):
    main.add_command(command)


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

    the_course = _course(whole=True)
    for lesson in lessons:
        if lesson not in the_course.pages:
            _source(the_course, lesson)
    try:
        built = building.build(the_course, check, execute, click.echo, lab_port, lessons)
    except (building.BuildError, launch.LaunchError) as error:
        _give_up(error)
    for path in built.written:
        click.echo(f"{'wrote' if path.is_file() else 'removed'} {path.relative_to(the_course.root)}")
    for path in built.drifted:
        click.echo(f"not up to date: {path.relative_to(the_course.root)}", err=True)
    if built.drifted:
        _give_up("Run: ecrlab_course build")


@main.command("record")
@click.option("--where", required=True, help='What they ran on, as "Docker 28.5 on Debian 12, amd64".')
@click.argument("lesson")
def record_command(where: str, lesson: str) -> None:
    """Run LESSON's solved pages and keep what cells printed that need an engine, for computers without one."""
    from ecrlab_course.authoring.recorded import path_of, written
    from ecrlab_course.publish import build as building
    from ecrlab_course.publish.record import record

    source = _source(_course(), lesson)
    try:
        found = record(source, where, datetime.now(UTC).date(), click.echo)
    except (building.BuildError, launch.LaunchError) as error:
        _give_up(error)
    path_of(source.folder).write_text(written(found), encoding="utf-8")
    click.echo(f"wrote {len(found.outputs)} recordings")


@main.command("check")
def check_content() -> None:
    """Check the sources: ids, magics, that each exercise is shown and checked once, and the form of a lesson."""
    from ecrlab_course.publish import build as building

    found = building.problems(_course(whole=True))
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

    the_course = _course(whole=True)
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
    """Remove what LESSON made in the lab: repositories, permissions, and what else it made. Progress and work/ stay."""
    the_course = _course()
    source = _source(the_course, lesson)
    try:
        _session_of(the_course, home).put_back(lesson)
    except (LabError, BotoCoreError, ClientError, OSError, RuntimeError) as error:
        _failed(error)
    if not quiet:
        click.echo(f"{source.lesson.called}: what it made in the lab is removed.")


@main.command()
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="The home folder.")
@click.argument("what", metavar="EXERCISE|LESSON")
def verify(home: Path | None, what: str) -> None:
    """Say how EXERCISE (04-e5) stands, as its card does, or each exercise of LESSON (04).

    Ends with 0 when it says passed, an earlier pass that is kept included; of a lesson, when it says so of each
    exercise. Otherwise with 1.
    """
    from ecrlab_course.views.display import verdict as shown

    the_course = _course()
    session = _session_of(the_course, home)
    try:
        if what not in the_course.sources:
            verdict = session.with_pass(what, session.check(what))
            click.echo(shown(what, verdict).text)
            sys.exit(0 if verdict.outcome.counts else 1)
        source = the_course.lesson(what)
        asked = [key for key, item in source.counted.items() if session.lab.engine != "none" or not item.engine]
        states = {key: session.check(key).outcome for key in asked}
        passed = [key for key in asked if session.record(key).get("passed")]
        for key in asked:
            state = say("page.done") if key in passed else states[key].words
            click.echo(f"{say('page.row', id=key, what=source.exercises[key].kind_words)}: {state}")
        click.echo(say("page.passed_lesson", done=len(passed), total=len(asked), lesson=source.lesson.called))
        sys.exit(0 if len(passed) == len(asked) else 1)
    except KeyError as error:
        _give_up(error.args[0])
    except (LabError, BotoCoreError, ClientError, OSError) as error:
        _failed(error)


@main.command()
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="The home folder.")
@click.argument("lesson", default="")
def table(home: Path | None, lesson: str) -> None:
    """Print Docker Hub beside ECR: what your own requests have shown, each with the request that proved it.

    With LESSON, only the rows that it fills.
    """
    from ecrlab_course.views import comparison

    session = _session_of(_course(), home)
    session.comparison.update()
    try:
        lines = session.comparison.lines(lesson)
    except KeyError as error:
        _give_up(error.args[0])
    click.echo(comparison.drawn(lines, lesson).text)


@main.command("catch-up")
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="The home folder.")
@click.option("--work", type=click.Path(file_okay=False, path_type=Path), help="The learner's folder. Default: work/.")
@click.argument("lesson")
def catch_up(home: Path | None, work: Path | None, lesson: str) -> None:
    """Build the state after LESSON in the running lab, for whoever comes late. Nothing is counted as done."""
    the_course = _course()
    source = _source(the_course, lesson)
    session = _session_of(the_course, home, work or the_course.root / "work")
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
    "--today", type=click.DateTime(["%Y-%m-%d"]), help="Take this date for today's: for tests and demonstrations."
)
@click.option(
    "--export",
    "file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write a file for Anki (.apkg): the drills, and without --lesson the questions of `ask` too.",
)
@click.option("--env", "profile", is_flag=False, flag_value="admin", help="Print the variables of the drills' account.")
@click.option("--home", type=click.Path(file_okay=False, path_type=Path), help="The home folder.")
@click.argument("identifier", metavar="[DRILL]", required=False)
def drill(
    listing: bool,
    limit: int | None,
    lesson: str | None,
    today: datetime | None,
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
    from ecrlab_course.drills.drill_session import WAITING, DrillSession, schedule_on, when
    from ecrlab_course.notebook.extension import find_home

    try:
        place = Home(home) if home is not None else find_home()
        session = DrillSession(place, drills(), schedule_on(place, today))
        if identifier is not None:
            session.drill(identifier)
        queue = session.queue(lesson, limit)
        if session.schedule.trouble():
            click.echo(session.schedule.trouble(), err=True)
        if file is not None:
            from ecrlab_course.drills import deck
            from ecrlab_course.questions.question import questions

            wanted = [item for item in session.drills.values() if lesson in (None, item.lesson)]
            asked = list(questions().values()) if lesson is None else []
            deck.export(wanted, file, asked)
            click.echo(say("drill.exported", file=file, drills=len(wanted), questions=len(asked)))
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
            _give_up(say("drill.needs_terminal", today=identifier or ", ".join(item.id for item in queue)))
        waiting = session.schedule.waiting(session.drills)
        if waiting > WAITING and identifier is None:
            click.echo(say("drill.waiting", number=waiting))
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


@main.command()
@click.option("--topic", default="", help="Only questions of this topic: containers, images, registries, ecr, iam, …")
@click.option("--level", default="", help="Only questions of this level: junior, mid, senior.")
@click.option("--points", is_flag=True, help="Show the points of a good answer at once.")
@click.option("--list", "listing", is_flag=True, help="List the questions: number, topic, level.")
@click.option(
    "--export", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write them as a deck for Anki (.apkg)."
)
@click.argument("number", required=False, type=int)
def ask(topic: str, level: str, points: bool, listing: bool, file: Path | None, number: int | None) -> None:
    """Ask interview questions in a new order each time, or question NUMBER. Enter shows the points, q ends.

    In a pipe it prints one question, and with --points its answer.
    """
    from ecrlab_course.questions import terminal, text
    from ecrlab_course.questions.question import QuestionError, chosen, numbered, questions

    try:
        bank = questions()
        found = chosen(bank, topic, level) if number is None else [numbered(bank, number)]
        if file is not None:
            from ecrlab_course.drills import deck

            click.echo(say("question.exported", file=file, number=deck.export((), file, found)))
        elif listing:
            click.echo(text.listing(found).text)
        else:
            random.shuffle(found)
            if sys.stdin.isatty() and sys.stdout.isatty():
                terminal.ask(found, click.echo, input, points)
                return
            click.echo(text.asked(found[0]))
            end = typed(say("question.show_points", number=found[0].number))
            click.echo(f"\n{text.answered(found[0]) if points else end}")
    except (KeyboardInterrupt, EOFError):
        click.echo("")
    except (QuestionError, ContentError, OSError) as error:
        _give_up(error)


if __name__ == "__main__":
    main()
