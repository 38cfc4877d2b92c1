"""A matrix of doors: who, which action, on what; each is wanted open or wanted shut, and stands somehow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

OPEN, HALF, SHUT = "open", "half", "shut"


@dataclass(frozen=True)
class Person:
    """A row's owner: the name that the page uses, and the principal as the control interface names it.

    ``alone``: doors are asked of this principal itself, and not of the roles that it may assume.
    """

    name: str
    who: str
    alone: bool = False

    @property
    def is_role(self) -> bool:
        """Whether it is a role, which may not be there yet."""
        return self.who.startswith("role/")


@dataclass(frozen=True)
class Door:
    """What somebody does: open when every one of the actions is allowed, shut when none of the telling ones is.

    ``on`` is the thing as the page names it ("" when it is about none), ``resource`` its ARN or ``*``. ``telling`` are
    those of the actions of which one is too many where the door is wanted shut; empty: all.
    """

    person: str
    verb: str
    on: str
    actions: tuple[str, ...]
    resource: str
    wanted: bool
    telling: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """What is done, as the page names it: "push dev/booking"."""
        return f"{self.verb} {self.on}".strip()


@dataclass(frozen=True)
class Stand:
    """How a door stands, and the decision that says so.

    ``by`` is the principal that was asked last: the person, or a role that it may assume. ``answer`` is IAM's decision,
    explained (`LabClient.decide_all`); {} where there was nobody to ask.
    """

    door: Door
    state: str
    by: str
    answer: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def right(self) -> bool:
        """Whether it stands as it should."""
        return self.state == (OPEN if self.door.wanted else SHUT)


@dataclass(frozen=True)
class Matrix:
    """All doors of a lab, and those who stand before them."""

    people: tuple[Person, ...]
    doors: tuple[Door, ...]

    def __post_init__(self) -> None:
        names = {person.name for person in self.people}
        for door in self.doors:
            if door.person not in names:
                raise ValueError(f"the matrix has a door of {door.person!r}, and these people: {', '.join(names)}")

    def of(self, *names: str) -> Matrix:
        """Return the part that is about these people."""
        return Matrix(
            tuple(each for each in self.people if each.name in names),
            tuple(each for each in self.doors if each.person in names),
        )


def counted(stands: Sequence[Stand]) -> int:
    """Return how many doors stand as they should."""
    return sum(stand.right for stand in stands)
