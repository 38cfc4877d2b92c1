"""The front matter of a lesson, or of a lab."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ecrlab_course.authoring.beyond import Wanted
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.matrix import Matrix
from ecrlab_course.documents.page import Page


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """The front matter of a lesson, or of a lab (its id is then lab-NN).

    `checkpoints` maps a name to a function of the lab that builds that state in under five seconds, from whatever is
    there; `start` names the one an unbegun lesson starts from, `end` the one that the lesson leaves behind (default:
    the last). `verbs`: three things the learner can do afterwards.
    """

    id: str
    title: str
    minutes: int
    verbs: tuple[str, ...]
    checkpoints: Mapping[str, Callable[[LabView], object]]
    words: Mapping[str, str] = field(default_factory=dict)
    needs: str = ""
    start: str = "fresh"
    end: str = ""
    follows: str = ""
    """A lab only: the id of the lesson that it comes after."""
    sticking: Mapping[str, str] = field(default_factory=dict)
    """Where people get stuck, and what helps: for the facilitator's page."""
    draft: bool = False
    """True while it is being written: what is still missing is listed, and is not a fault."""
    repositories: tuple[str, ...] = ()
    """Repositories that belong to the lesson: `lab.reset("04")` removes them."""
    clusters: tuple[str, ...] = ()
    """Clusters of ECS that belong to the lesson: `lab.reset("09")` removes them with what runs in them."""
    families: tuple[str, ...] = ()
    """Task definitions that belong to the lesson, by family: `lab.reset("09")` removes all their revisions."""
    users: tuple[str, ...] = ()
    """Users whose rights `lab.reset("04")` puts back to the seed's."""
    undo: Callable[[LabView], object] | None = None
    """Takes away what else the lesson made, when it is reset: roles, groups, rights in another account."""
    undoes: str = ""
    """What `undo` takes away, in words that follow "This removes": the home page asks before."""
    doors: Doors | None = None
    """Who is to be able to do what, where that is the lesson's goal: `lab.matrix` shows how it stands."""

    def __post_init__(self) -> None:
        if (self.undo is None) is not (self.undoes == ""):
            raise ValueError(f"lesson {self.id}: undo and undoes go together")
        for name in (self.start, self.final):
            if name not in self.checkpoints:
                raise ValueError(f"lesson {self.id}: no checkpoint is called {name!r}")

    @property
    def final(self) -> str:
        """The checkpoint that stands for the state after the lesson."""
        return self.end or list(self.checkpoints)[-1]

    @property
    def called(self) -> str:
        """What a learner reads: "Lesson 04", "Lab 01"."""
        return f"Lab {self.id.removeprefix('lab-')}" if self.id.startswith("lab-") else f"Lesson {self.id}"


@dataclass(frozen=True)
class Doors:
    """A lesson's matrix, and the wish that says what is beyond it: `DOORS` of state.py."""

    matrix: Matrix
    wish: Callable[[LabView], Wanted]


def nothing(lab: LabView) -> None:
    """Nothing has to be built."""


def read_lesson(
    page: Page, checkpoints: Mapping[str, Callable[[LabView], object]], doors: Doors | None = None
) -> Lesson:
    """Return what lesson.md (a lab's lab.md) declares.

    Front matter: title, minutes, needs, start, end, follows, draft, repositories, clusters, families, users,
    undo (a function of state.py).
    Sections: # Afterwards (a list: three things the learner can do), # New words (a list, word: meaning), # Where
    people get stuck (## what is seen, and what helps), # Undone (what `undo` takes away).
    """
    words = [item.partition(": ") for item in page.bullets("New words", wanted=False)]
    sticking = {part.title: part.text for part in page.parts("Where people get stuck", wanted=False)}
    undo = page.named_function("undo")
    page.listed("facts")
    places = dict(checkpoints) or {"fresh": nothing}
    fields: dict[str, Any] = {key: page.word(key) for key in ("start", "end", "follows", "needs") if page.word(key)}
    for key in ("start", "end"):
        if page.word(key) and page.word(key) not in places:
            page.fault(page.line(key), f"{key}: state.py has no checkpoint {page.word(key)!r}: {', '.join(places)}")
    undoes = page.text("Undone") if undo else ""
    verbs = tuple(page.bullets("Afterwards"))
    title, minutes = page.word("title", wanted=True), page.number("minutes", 0)
    draft, repositories, users = page.flag("draft"), page.listed("repositories"), page.listed("users")
    clusters, families = page.listed("clusters"), page.listed("families")
    page.close()
    return Lesson(
        id=page.id, title=title, minutes=minutes, verbs=verbs, checkpoints=places, sticking=sticking, draft=draft,
        words={word: meaning for word, _, meaning in words}, repositories=repositories, users=users, undo=undo,
        clusters=clusters, families=families, undoes=undoes, doors=doors, **fields,
    )  # fmt: skip
