"""An option to choose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ecrlab_course.documents.misconceptions import known


@dataclass(frozen=True)
class Option:
    """One answer to choose: its key ("a"), its text, what is said when it is chosen, and the misconception it shows."""

    key: str
    text: str
    feedback: str = ""
    misconception: str | None = None

    def __post_init__(self) -> None:
        if self.misconception is not None:
            known(self.misconception)


def by_key(options: Sequence[Option]) -> dict[str, Option]:
    """Return the options by key."""
    return {option.key: option for option in options}
