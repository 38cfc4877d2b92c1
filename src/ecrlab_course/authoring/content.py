"""The course's hand-written content: where it lies, which lessons and labs it holds, which exercises they declare."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, TypeVar

from ecrlab_course.authoring.document import documents, kind_of, load
from ecrlab_course.authoring.lesson import Lesson, read_lesson
from ecrlab_course.authoring.percent import percent
from ecrlab_course.checkout import ContentError, course_root
from ecrlab_course.documents.code import Code, module_of, package_of
from ecrlab_course.documents.page import Page
from ecrlab_course.documents.sections import parse
from ecrlab_course.kinds.base import Exercise
from ecrlab_course.kinds.guess import Guess

Kind = TypeVar("Kind")


class Questions(Mapping[str, Kind]):
    """A lesson's exercises or guesses by id, in order. Each document is read when it is first asked for, and once.

    A kernel begins with one lesson: reading all documents of the course cost it two seconds of processor.
    """

    def __init__(self, load: Mapping[str, Callable[[], Kind]]) -> None:
        self._load = dict(load)
        self._read: dict[str, Kind] = {}

    def __getitem__(self, identifier: str) -> Kind:
        if identifier not in self._read:
            self._read[identifier] = self._load[identifier]()
        return self._read[identifier]

    def __iter__(self) -> Iterator[str]:
        return iter(self._load)

    def __len__(self) -> int:
        return len(self._load)

    def __contains__(self, identifier: object) -> bool:
        return identifier in self._load


@dataclass(frozen=True)
class Sheet:
    """One notebook of a lesson or lab: its number, and what it is called in its shelf, in solutions/ and below work/.

    `start` is the checkpoint it begins from, `cells` the ids of its cells, `exercises` those it shows, in order.
    """

    number: int
    slug: str
    solved: str
    opens: str
    start: str
    cells: frozenset[str] = field(repr=False)
    exercises: tuple[str, ...] = field(repr=False)


@dataclass(frozen=True)
class Source:
    """One lesson's or lab's folder, with what it declares."""

    folder: Path
    lesson: Lesson
    exercises: Mapping[str, Exercise] = field(default_factory=dict)
    guesses: Mapping[str, Guess] = field(default_factory=dict)

    def read_all(self) -> Source:
        """Read every document now, as authors want it, and return this; raises DocumentError for one that is wrong."""
        for each in (self.exercises, self.guesses):
            for key in each:
                each[key]
        return self

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
        """The name of its folder beside the notebooks, and the begin of their names: 04_first_push: 04-first-push."""
        return self.folder.name.replace("_", "-")

    @property
    def shelf(self) -> str:
        """The folder that its notebooks are generated into: notebooks, or labs."""
        return "labs" if self.is_lab else "notebooks"

    @property
    def solved(self) -> str:
        """What `slug` is in solutions/: labs begin with lab-."""
        return f"lab-{self.slug}" if self.is_lab else self.slug

    @property
    def cells(self) -> list[tuple[str, str, str]]:
        """The cells of the text in order: id, the checkpoint that each declares ("": none), and its code."""
        try:
            written = self.text.stat()
        except FileNotFoundError:
            return []
        return _cells(self.text, written.st_mtime_ns, written.st_size)

    @property
    def pages(self) -> tuple[Sheet, ...]:
        """Its notebooks in order: one, or two when a cell is called NN-half, which is the last of the first."""
        cells = self.cells
        ends = [number + 1 for number, (identifier, _, _) in enumerate(cells) if identifier == f"{self.lesson.id}-half"]
        found = []
        for number, (begin, end) in enumerate(zip([0, *ends], [*ends, len(cells)], strict=True), 1):
            tail = f"-{number}" if ends else ""
            part = cells[begin:end]
            text = "\n".join(code for _, _, code in part)
            shown = re.findall(r'^lab\.exercise\("([^"]+)"\)', text, re.MULTILINE)
            at = [name for _, name, _ in part if name]
            found.append(
                Sheet(
                    number=number,
                    slug=f"{self.slug}{tail}",
                    solved=f"{self.solved}{tail}",
                    opens=f"{'labs/' if self.is_lab else ''}{self.slug}{tail}.ipynb",
                    start=at[0] if number > 1 and at else self.lesson.start,
                    cells=frozenset(identifier for identifier, _, _ in part),
                    exercises=tuple(key for key in dict.fromkeys(shown) if key in self.exercises),
                )
            )
        return tuple(found)

    def page_of(self, cell: str) -> Sheet:
        """Return the page with this cell; the first one when there is no such cell."""
        pages = self.pages
        return next((page for page in pages if cell in page.cells), pages[0])

    def cell_of(self, exercise: str) -> str:
        """Return the id of the cell that shows the exercise; "" when none does."""
        shows = f'lab.exercise("{exercise}")'
        return next((identifier for identifier, _, code in self.cells if shows in code), "")

    def section_of(self, cell: str) -> str:
        """Return the checkpoint that the section with this cell starts from; "" before the first section."""
        checkpoint = ""
        for identifier, at, _ in self.cells:
            checkpoint = at or checkpoint
            if identifier == cell:
                return checkpoint
        return ""

    @property
    def opens(self) -> str:
        """The path of the learner's first notebook below work/."""
        return self.pages[0].opens

    @property
    def text(self) -> Path:
        """The cells, jupytext py:percent."""
        return self.folder / ("lab.py" if self.is_lab else "lesson.py")

    @property
    def files(self) -> Path:
        """The files of the learner's folder for this lesson; there may be none."""
        return self.folder / "files"

    @property
    def images(self) -> Path:
        """The lesson's pictures."""
        return self.folder / "images"


@lru_cache(maxsize=64)
def _cells(text: Path, _written: int, _size: int) -> list[tuple[str, str, str]]:
    """Return `Source.cells` of that file. Asked for at every check, so it is read again only when it was written."""
    return [
        (metadata["id"], metadata.get("at", ""), code if kind == "code" else "")
        for kind, code, metadata in percent(text.read_text(encoding="utf-8"))
        if "id" in metadata
    ]


FRONT = {"lessons": "lesson.md", "labs": "lab.md", "pages": "lesson.md"}
"""The front matter of a folder on each shelf of content/."""


def read(folder: Path) -> Source:
    """Return what a lesson's folder declares: front matter, checkpoints (state.py), and a document an exercise.

    Raises ContentError when something is missing or wrong, ValueError when two declarations disagree. What is wrong in
    an exercise's document is raised when that is read: `Source.read_all` reads them all.
    """
    front = folder / FRONT[folder.parent.name]
    if not front.is_file():
        raise ContentError(f"{folder.name} has no {front.name}.")
    package = package_of(folder)
    state = module_of(package, folder / "state.py")
    number = folder.name.partition("_")[0]
    identifier = f"lab-{number}" if folder.parent.name == "labs" else number
    page = Page(identifier, parse(front), Code(folder / "state.py", None, state), ())
    lesson = read_lesson(page, getattr(state, "CHECKPOINTS", {}), getattr(state, "DOORS", None))
    paths = {f"{identifier}-{path.stem}": path for path in documents(folder)}
    guesses = [key for key, path in paths.items() if kind_of(path) == Guess.kind]

    def reader(key: str) -> Callable[[], Any]:
        return lambda: load(paths[key], key, package, state, lesson.checkpoints)

    return Source(
        folder,
        lesson,
        Questions({key: reader(key) for key in paths if key not in guesses}),
        Questions({key: reader(key) for key in guesses}),
    )


@dataclass(frozen=True)
class Course:
    """All lessons and labs, in order."""

    root: Path
    lessons: dict[str, Source]
    labs: dict[str, Source] = field(default_factory=dict)
    pages: dict[str, Source] = field(default_factory=dict)
    """Notebooks that are not lessons and hold no exercises: the drills, the questions."""

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
        folders = sorted({path.parent for path in place.glob(f"*/{FRONT[shelf]}")})
        return {source.lesson.id: source for source in map(read, folders)}

    return Course(base, found("lessons"), found("labs"), found("pages"))
