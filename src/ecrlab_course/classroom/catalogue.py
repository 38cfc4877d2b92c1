"""What the board says about the course: the columns of a lesson, a lab, the drills, the desk; questions for pairs."""

from __future__ import annotations

from dataclasses import dataclass

from ecrlab_course.authoring.content import Course
from ecrlab_course.desk.incident import incidents
from ecrlab_course.drills.drill import drills
from ecrlab_course.messages import say
from ecrlab_course.views.display import plain

DRILLS, DESK = "drills", "desk"


@dataclass(frozen=True)
class Column:
    """One thing that learners do: its id, what is shown at the head of its column, and what it is about."""

    id: str
    short: str
    title: str


class Catalogue:
    """The course as the board needs it. A group's documents are read when it is first asked for."""

    def __init__(self, the_course: Course) -> None:
        self._course = the_course
        self._columns: dict[str, tuple[Column, ...]] = {}

    @property
    def groups(self) -> dict[str, str]:
        """The groups by id, with their titles, in the order of the course."""
        found = {name: f"{name} · {source.lesson.title}" for name, source in self._course.sources.items()}
        return {**found, DRILLS: say("class-board.drills"), DESK: say("class-board.desk")}

    @property
    def lessons(self) -> list[str]:
        """The lessons and labs: what catching up can be offered for."""
        return list(self._course.sources)

    def group_of(self, identifier: str) -> str:
        """Return the group of an exercise, a drill or an incident; "" for an id of another course."""
        lesson = identifier.rpartition("-")[0]
        if lesson in self._course.sources:
            return lesson
        return "" if lesson else DRILLS if identifier.startswith("d") else DESK

    def columns(self, group: str) -> tuple[Column, ...]:
        """Return a group's columns: of a lesson the exercises that count; empty for an unknown group."""
        if group not in self._columns:
            self._columns[group] = tuple(self._read(group))
        return self._columns[group]

    def _read(self, group: str) -> list[Column]:
        if group == DRILLS:
            return [Column(name, name, each.kind) for name, each in drills(self._course.root).items()]
        if group == DESK:
            return [Column(name, name, each.title) for name, each in incidents(self._course.root).items()]
        source = self._course.sources.get(group)
        if source is None:
            return []
        return [
            Column(name, name.rpartition("-")[2], plain(exercise.objective))
            for name, exercise in source.exercises.items()
        ]

    def question(self, identifier: str) -> str:
        """Return the question for a pair that goes with an exercise; "" where there is none."""
        source = self._course.sources.get(identifier.rpartition("-")[0])
        if source is None or identifier not in source.exercises:
            return ""
        return plain(source.exercises[identifier].neighbour)

    def title(self, identifier: str) -> str:
        """Return what an exercise is about; "" for a guess, and for what is not in this course."""
        columns = self.columns(self.group_of(identifier))
        return next((each.title for each in columns if each.id == identifier), "")
