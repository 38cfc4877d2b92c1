"""A lesson's matrix on the page: drawn once, and drawn again where it stands whenever the lab has changed."""

from __future__ import annotations

import asyncio
import contextlib
from importlib import import_module
from typing import Any

from ecrlab_course.authoring.beyond import beyond
from ecrlab_course.authoring.lesson import Doors
from ecrlab_course.authoring.matrix import Here
from ecrlab_course.messages import say
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.views import matrix
from ecrlab_course.views.display import Shown, note

display: Any = import_module("IPython.display").display

PAUSE = 1.5
"""Seconds between two looks at whether something was done in a terminal."""


class MatrixCard:
    """One drawn matrix. A card that is shown later takes its place."""

    def __init__(self, lab: Lab, doors: Doors) -> None:
        self._lab = lab
        self._doors = doors
        self._drawn = ""
        self._handle: Any = None
        self._watch: asyncio.Task[None] | None = None
        self._reached = 0

    def draw(self) -> Shown:
        """Return the matrix as it stands."""
        here = Here(self._lab.looking(), self._doors.matrix)
        missing = [person.name for person in self._doors.matrix.people if person not in here.there]
        return matrix.shown(self._doors.matrix, here.stands(), missing)

    def show(self, live: bool = True) -> None:
        """Display it, and while ``live`` draw it again after what is done in a terminal."""
        drawn = self.draw()
        self._drawn, self._reached = drawn.html, self._lab.last()
        self._handle = display(drawn, display_id=True)
        if live:
            with contextlib.suppress(RuntimeError):  # no loop: nobody is looking
                self._watch = asyncio.get_running_loop().create_task(self._look())

    def close(self) -> None:
        """Leave it as it is drawn now."""
        if self._watch is not None:
            self._watch.cancel()
        self._handle = None

    def refresh(self) -> None:
        """Draw it again if a door stands otherwise, or for another reason."""
        if self._handle is None:
            return
        drawn = self.draw()
        self._reached = self._lab.last()
        if drawn.html != self._drawn:
            self._drawn = drawn.html
            self._handle.update(drawn)

    async def _look(self) -> None:
        while self._handle is not None:
            await asyncio.sleep(PAUSE)
            with contextlib.suppress(Exception):  # the lab may be stopped meanwhile
                if self._lab.last() != self._reached:
                    self.refresh()


def why(lab: Lab, doors: Doors, name: str, words: str) -> Shown:
    """Return doors with the reasons for how they stand; raise ValueError when there is none like that.

    ``name`` is a person's; ``words`` is what a door says ("pull dev/booking"), or a part of it.
    """
    stands = [
        stand
        for stand in Here(lab.looking(), doors.matrix).stands()
        if name.lower() in stand.door.person.lower() and words.lower() in stand.door.words
    ]
    if not stands:
        raise ValueError(say("matrix.no_door", who=name, what=words))
    return matrix.why(stands)


def wider(lab: Lab, doors: Doors) -> Shown:
    """Return what is open beyond the goal: the door that opens most and its statement, or that there is none."""
    view = lab.looking()
    found = beyond(view, doors.wish(view))
    if found.wider:
        more = "\n\n" + say("matrix.more", number=found.count) if found.count > 1 else ""
        text = say("matrix.surplus", text=found.text) + more
    elif found.verdict == "cannot tell":
        text = say("matrix.unsure", why=found.why)
    else:
        text = say("matrix.looked", tried=found.tried)
    return note(say("matrix.beyond"), text)
