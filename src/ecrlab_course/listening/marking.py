"""What an own answer counts for: heard, said (the learner says so), or left out. For drills, questions, mocks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ecrlab_course.listening.listener import Heard
from ecrlab_course.messages import say

HEARD, SAID, LEFT = "heard", "said", "left out"


@dataclass(frozen=True)
class Marking:
    """The points of one answer, by key, in the document's order."""

    states: Mapping[str, str]

    def keys(self, state: str) -> list[str]:
        """Return the points in that state."""
        return [key for key, each in self.states.items() if each == state]

    @property
    def made(self) -> list[str]:
        """The points that count: heard or said."""
        return [key for key, each in self.states.items() if each != LEFT]


def heard_words(heard: Heard) -> str:
    """Return in a line what was heard of a point: these words, words against it, or nothing."""
    if heard.made:
        return say("drill.heard", words=heard.words)
    if heard.against:
        return say("drill.heard_against", words=heard.against)
    return say("drill.not_heard" if heard.listened else "drill.not_listened")


def marking(heard: Mapping[str, Heard], said: Iterable[str] = (), unmeant: Iterable[str] = ()) -> Marking:
    """Return what counts: `said` are points that the learner objects to have made, `unmeant` those heard and not meant.

    An objection counts at once: of points that were said and not heard, the words tell nothing that a check could use.
    """
    objected, meant_not = set(said), set(unmeant)
    states = {}
    for key, each in heard.items():
        if each.made and key not in meant_not:
            states[key] = HEARD
        else:
            states[key] = SAID if key in objected else LEFT
    return Marking(states)
