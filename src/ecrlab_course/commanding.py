"""What the commands of ``ecrlab_course`` have in common: the course, a session, how one ends with a sentence."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from ecrlab.command import typed
from ecrlab.home import Home
from ecrlab.trouble import sentence
from ecrlab_course.authoring.content import Course, Source, course
from ecrlab_course.checkout import ContentError

if TYPE_CHECKING:
    from ecrlab_course.learner.session import Session


def give_up(message: object) -> NoReturn:
    """End the command with code 1 and a sentence."""
    click.echo(typed(sentence(message) if isinstance(message, OSError) else message), err=True)
    sys.exit(1)


def course_or_end(whole: bool = False) -> Course:
    """Return the course, or end the command; `whole`: with every document read, so that a wrong one is named."""
    try:
        found = course()
        for source in found.sources.values() if whole else ():
            source.read_all()
        return found
    except (ContentError, ValueError) as error:
        give_up(error)


def source_or_end(the_course: Course, identifier: str) -> Source:
    """Return a lesson or lab; end the command where there is none of that id."""
    try:
        return the_course.lesson(identifier)
    except KeyError as error:
        give_up(error.args[0])


def session_of(the_course: Course, home: Path | None, beside: Path | None = None) -> Session:
    """Return a session in the lab of `home`; the lessons' folders lie in `beside`, by default as the shell stands.

    In a lesson's own folder, its notebooks are one above; in the checkout itself, they are in work/.
    """
    from ecrlab_course.learner.session import Session
    from ecrlab_course.notebook.extension import find_home
    from ecrlab_course.progress import Progress
    from ecrlab_course.toolbox.lab import Lab

    place = Home(home) if home is not None else find_home()
    return Session(Lab(place), Progress(place.progress), the_course, beside or _notebooks(the_course))


def learners_folder(the_course: Course, home: Path) -> Path:
    """Return where a lesson's folder may be made: beside the learner's notebooks, else below the lab's home.

    Nothing is made among the course's own notebooks, whichever folder of the checkout the shell is in.
    """
    root = the_course.root.resolve()
    found = _notebooks(the_course).resolve()
    if found in (root, *(root / name for name in ("notebooks", "labs", "solutions"))):
        found = root / "work"
    top = found.parent if found.name == "labs" else found
    return top if any((top / each.opens).is_file() for each in the_course.sources.values()) else home / "work"


def _notebooks(the_course: Course) -> Path:
    here = Path.cwd().resolve()
    for source in the_course.sources.values():
        if here.name in (source.slug, source.solved):
            return here.parent
    beside = [here / source.opens for source in the_course.sources.values()]
    return here if any(path.is_file() for path in beside) else the_course.root / "work"


def end_failed(error: Exception) -> NoReturn:
    """End the command with what went wrong in the lab, in words."""
    from ecrlab_course.failure import reason

    give_up(str(error) if isinstance(error, RuntimeError) else reason(error))
