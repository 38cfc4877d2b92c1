"""The course's hand-written content: where it lies, which lessons and labs it holds, which exercises they declare."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from ecrlab_course.authoring.document import documents, load
from ecrlab_course.authoring.lesson import Lesson, read_lesson
from ecrlab_course.checkout import ContentError, course_root
from ecrlab_course.documents.code import Code, module_of, package_of
from ecrlab_course.documents.page import Page
from ecrlab_course.documents.sections import parse
from ecrlab_course.kinds.base import Exercise
from ecrlab_course.kinds.guess import Guess


@dataclass(frozen=True)
class Source:
    """One lesson's or lab's folder, with what it declares."""

    folder: Path
    lesson: Lesson
    exercises: dict[str, Exercise] = field(default_factory=dict)
    guesses: dict[str, Guess] = field(default_factory=dict)

    @property
    def is_lab(self) -> bool:
        """Tell whether this is a lab: a goal with milestones, in content/labs."""
        return self.folder.parent.name == "labs"

    @property
    def counted(self) -> dict[str, Exercise]:
        """The exercises that a strict run asks for, by id."""
        return {key: item for key, item in self.exercises.items() if item.counts}

    @property
    def slug(self) -> str:
        """The notebook's name without its ending: 04_first_push gives 04-first-push."""
        return self.folder.name.replace("_", "-")

    @property
    def shelf(self) -> str:
        """The folder that its notebook is generated into, beside its files: notebooks, or labs."""
        return "labs" if self.is_lab else "notebooks"

    @property
    def solved(self) -> str:
        """The name of its notebook in solutions/, without the ending: labs begin with lab-."""
        return f"lab-{self.slug}" if self.is_lab else self.slug

    @property
    def opens(self) -> str:
        """The path of the learner's notebook below work/."""
        return f"labs/{self.slug}.ipynb" if self.is_lab else f"{self.slug}.ipynb"

    @property
    def text(self) -> Path:
        """The cells, jupytext py:percent."""
        return self.folder / ("lab.py" if self.is_lab else "lesson.py")

    @property
    def files(self) -> Path:
        """The files that lie beside the learner's notebook; the folder may be missing."""
        return self.folder / "files"

    @property
    def images(self) -> Path:
        """The lesson's pictures."""
        return self.folder / "images"


FRONT = {"lessons": "lesson.md", "labs": "lab.md", "pages": "lesson.md"}
"""The front matter of a folder on each shelf of content/."""
OLD = "exercises.py"
"""The older form, until 04, 06 and lab 01 are documents."""


def read(folder: Path) -> Source:
    """Return what a lesson's folder declares: front matter, checkpoints (state.py), and a document an exercise.

    Raises ContentError when something is missing or wrong, ValueError when two declarations disagree.
    """
    if (folder / OLD).is_file():
        return _read_old(folder)
    front = folder / FRONT[folder.parent.name]
    if not front.is_file():
        raise ContentError(f"{folder.name} has no {front.name}.")
    package = package_of(folder)
    state = module_of(package, folder / "state.py")
    number = folder.name.partition("_")[0]
    identifier = f"lab-{number}" if folder.parent.name == "labs" else number
    page = Page(identifier, parse(front), Code(folder / "state.py", None, state), ())
    lesson = read_lesson(page, getattr(state, "CHECKPOINTS", {}))
    exercises: dict[str, Exercise] = {}
    guesses: dict[str, Guess] = {}
    for path in documents(folder):
        made = load(path, f"{identifier}-{path.stem}", package, state, lesson.checkpoints)
        if isinstance(made, Exercise):
            exercises[made.id] = made
        elif isinstance(made, Guess):
            guesses[made.id] = made
    return Source(folder, lesson, exercises, guesses)


def _read_old(folder: Path) -> Source:
    """Return what a folder of the older form declares: LESSON, EXERCISES and GUESSES of exercises.py."""
    path = folder / OLD
    module = module_of(package_of(folder), path)
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
            raise ValueError(f"{path}: {exercise.id} starts at {exercise.at!r}, not a checkpoint of the lesson")
    return Source(folder, lesson, exercises, guesses)


def by_id(items: Sequence[Exercise]) -> dict[str, Exercise]:
    """Return the exercises by id; raise ValueError when an id occurs twice."""
    found: dict[str, Exercise] = {}
    for item in items:
        if item.id in found:
            raise ValueError(f"two exercises are called {item.id}")
        found[item.id] = item
    return found


@dataclass(frozen=True)
class Course:
    """All lessons and labs, in order."""

    root: Path
    lessons: dict[str, Source]
    labs: dict[str, Source] = field(default_factory=dict)
    pages: dict[str, Source] = field(default_factory=dict)
    """Notebooks that are not lessons and hold no exercises: the drills."""

    @property
    def sources(self) -> dict[str, Source]:
        """Lessons and labs by id, in the order of the course: a lab stands behind the lesson that it follows."""
        order: list[Source] = []
        for source in self.lessons.values():
            order += [source, *(lab for lab in self.labs.values() if lab.lesson.follows == source.lesson.id)]
        order += [lab for lab in self.labs.values() if lab not in order]
        return {source.lesson.id: source for source in order}

    def lesson(self, identifier: str) -> Source:
        """Return the lesson ("04") or lab ("lab-01"); raise KeyError with a sentence that names those there are."""
        if identifier not in self.sources:
            labs = f" The labs are: {', '.join(self.labs)}." if self.labs else ""
            raise KeyError(f"There is no lesson {identifier!r}. The lessons are: {', '.join(self.lessons)}.{labs}")
        return self.sources[identifier]

    def source_of(self, identifier: str) -> Source:
        """Return the lesson or lab that the exercise or guess belongs to; raise KeyError when there is no such one."""
        for source in self.sources.values():
            if identifier in source.exercises or identifier in source.guesses:
                return source
        raise KeyError(f"There is no exercise {identifier!r}.")

    @property
    def exercises(self) -> dict[str, Exercise]:
        """Every exercise of every lesson and lab, by id."""
        return {key: item for source in self.sources.values() for key, item in source.exercises.items()}


@cache
def course(root: Path | None = None) -> Course:
    """Read every folder of content/lessons, labs and pages below `root` that holds a lesson; cached.

    `root` is by default `course_root()`. Raises ContentError and ValueError as `read` does.
    """
    base = root or course_root()

    def found(shelf: str) -> dict[str, Source]:
        place = base / "content" / shelf
        folders = sorted({path.parent for name in (FRONT[shelf], OLD) for path in place.glob(f"*/{name}")})
        return {source.lesson.id: source for source in map(read, folders)}

    return Course(base, found("lessons"), found("labs"), found("pages"))
