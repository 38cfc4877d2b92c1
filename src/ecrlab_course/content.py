"""The course's hand-written content: where it lies, which lessons it holds, which exercises they declare."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType

from ecrlab_course.exercises import Exercise, Guess, Lesson, by_id


class ContentError(Exception):
    """No folder `content/lessons` was found, or a lesson in it cannot be read."""


def course_root() -> Path:
    """Return the checkout: the nearest folder with `content/lessons` above this package, else above the working folder.

    Raises ContentError when neither has one.
    """
    for start in (Path(__file__).resolve(), Path.cwd().resolve() / "x"):
        for folder in start.parents:
            if (folder / "content" / "lessons").is_dir():
                return folder
    raise ContentError(
        "The course's folder content/lessons was not found, neither above the installed package nor above "
        f"{Path.cwd()}. Open the notebook inside a checkout of the course."
    )


@dataclass(frozen=True)
class Source:
    """One lesson's folder, with what its exercises.py declares."""

    folder: Path
    lesson: Lesson
    exercises: dict[str, Exercise] = field(default_factory=dict)
    guesses: dict[str, Guess] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        """The notebook's name without its ending: 04_first_push gives 04-first-push."""
        return self.folder.name.replace("_", "-")

    @property
    def text(self) -> Path:
        """The lesson's cells, jupytext py:percent."""
        return self.folder / "lesson.py"

    @property
    def files(self) -> Path:
        """The files that lie beside the learner's notebook; the folder may be missing."""
        return self.folder / "files"

    @property
    def images(self) -> Path:
        """The lesson's pictures."""
        return self.folder / "images"


def _import(path: Path) -> ModuleType:
    name = f"ecrlab_lesson_{path.parent.name}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ContentError(f"{path} cannot be imported.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def read(folder: Path) -> Source:
    """Import the lesson's exercises.py and return what it declares.

    Raises ContentError when the file or its LESSON is missing, ValueError when a declaration is wrong.
    """
    path = folder / "exercises.py"
    if not path.is_file():
        raise ContentError(f"{folder.name} has no exercises.py.")
    module = _import(path)
    lesson = getattr(module, "LESSON", None)
    if not isinstance(lesson, Lesson):
        raise ContentError(f"{path} declares no LESSON.")
    exercises = by_id(getattr(module, "EXERCISES", []))
    guesses = {guess.id: guess for guess in getattr(module, "GUESSES", [])}
    for identifier in (*exercises, *guesses):
        if not identifier.startswith(lesson.id + "-"):
            raise ValueError(f"{path}: the id {identifier} must begin with {lesson.id}-")
    for exercise in exercises.values():
        if exercise.at and exercise.at not in lesson.checkpoints:
            raise ValueError(f"{path}: {exercise.id} starts at {exercise.at!r}, which is no checkpoint of the lesson")
    return Source(folder, lesson, exercises, guesses)


@dataclass(frozen=True)
class Course:
    """All lessons, in order."""

    root: Path
    lessons: dict[str, Source]

    def lesson(self, identifier: str) -> Source:
        """Return the lesson with that id ("04"); raise KeyError with a sentence that names those there are."""
        if identifier not in self.lessons:
            raise KeyError(f"There is no lesson {identifier!r}. The lessons are: {', '.join(self.lessons)}.")
        return self.lessons[identifier]

    def source_of(self, identifier: str) -> Source:
        """Return the lesson that the exercise or guess belongs to; raise KeyError when there is no such one."""
        for source in self.lessons.values():
            if identifier in source.exercises or identifier in source.guesses:
                return source
        raise KeyError(f"There is no exercise {identifier!r}.")

    @property
    def exercises(self) -> dict[str, Exercise]:
        """Every exercise of every lesson, by id."""
        return {key: item for source in self.lessons.values() for key, item in source.exercises.items()}


@cache
def course(root: Path | None = None) -> Course:
    """Read every lesson folder below `root` (default: `course_root()`) that holds an exercises.py; cached."""
    base = root or course_root()
    sources = [read(path.parent) for path in sorted((base / "content" / "lessons").glob("*/exercises.py"))]
    return Course(base, {source.lesson.id: source for source in sources})
