"""Which questions, evidence tasks and incident a mock interview has: drawn by weight, the same from the same number."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random

from ecrlab_course.desk.incident import Incident
from ecrlab_course.drills.drill import Drill
from ecrlab_course.messages import say
from ecrlab_course.questions.question import LEVELS, Question

MINUTES = (8, 20, 45)
OPENER, QUESTION, EVIDENCE, INCIDENT, DESIGN, CLOSING = (
    "opener", "question", "evidence", "incident", "design", "closing"
)  # fmt: skip
SPOKEN = (OPENER, QUESTION, DESIGN)
"""The parts that ask for an answer in words which has points."""
SECONDS: Mapping[int, Mapping[str, int]] = {
    8: {OPENER: 75, QUESTION: 120, EVIDENCE: 180, CLOSING: 30},
    20: {OPENER: 75, QUESTION: 120, EVIDENCE: 180, INCIDENT: 240, CLOSING: 30},
    45: {OPENER: 90, QUESTION: 180, EVIDENCE: 240, INCIDENT: 480, DESIGN: 300, CLOSING: 30},
}
"""How long a part takes, by the minutes of the whole."""
ORDER: Mapping[int, tuple[str, ...]] = {
    8: (OPENER, QUESTION, EVIDENCE, CLOSING),
    20: (OPENER, OPENER, QUESTION, EVIDENCE, QUESTION, EVIDENCE, QUESTION, INCIDENT, CLOSING),
    45: (
        OPENER, OPENER, OPENER, QUESTION, QUESTION, EVIDENCE, QUESTION, QUESTION, EVIDENCE, QUESTION, QUESTION,
        INCIDENT, DESIGN, CLOSING,
    ),
}  # fmt: skip
ASKED: Mapping[str, str] = {"junior": "JJJJMM", "mid": "MMSMSM", "senior": "SSSMMS"}
"""The levels of the questions that have a follow-up, in order."""
OPENS: Mapping[str, str] = {"junior": "J", "mid": "J", "senior": "M"}
SHOWS: Mapping[str, str] = {"junior": "JM", "mid": "MS", "senior": "MS"}
"""The levels of the evidence tasks."""
DESK_OF: Mapping[str, str] = {"junior": "first", "mid": "second", "senior": "third"}
TOPIC_OF_LESSON: Mapping[str, str] = {
    "00": "containers", "01": "containers", "02": "images", "03": "registries", "04": "ecr", "05": "registries",
    "06": "iam", "07": "ecr", "08": "ecr", "09": "scenarios", "10": "scenarios",
}  # fmt: skip
LARGEST = 999_999
"""The largest number of a mix: a code is read aloud."""
MISSED, DUE, NEW = 3, 2, 1
"""What a candidate's weight of 1 grows by: missed in the last fourteen days, due today, never seen."""
TOPICS_FIRST, MOST = 4, {8: 3, 20: 3, 45: 4}
"""So many topics before one comes again; so many of one topic at most, by the minutes."""
_LETTER = {"junior": "J", "mid": "M", "senior": "S"}


@dataclass(frozen=True)
class Candidate:
    """Something that can be drawn: q038, d04, i07."""

    id: str
    topic: str
    level: str
    """J, M or S; of an incident the desks that deal it, joined by blanks."""
    seeds: tuple[str, ...] = ("",)


@dataclass(frozen=True)
class History:
    """What is known of one learner, by the candidates' ids; a mix for two people is made without it."""

    missed: frozenset[str] = frozenset()
    due: frozenset[str] = frozenset()
    seen: frozenset[str] = frozenset()
    recent: frozenset[str] = frozenset()
    """What the last two mocks asked."""
    done_today: frozenset[str] = frozenset()
    last_seed: Mapping[str, str] = field(default_factory=dict)
    """The state in which a drill was met last."""

    def weight(self, each: Candidate) -> int:
        """Return how likely a candidate is, beside others of 1."""
        return (
            1 + MISSED * (each.id in self.missed) + DUE * (each.id in self.due) + NEW * (each.id not in self.seen)
        )  # fmt: skip


@dataclass(frozen=True)
class Slot:
    """One part of a mock interview: its kind, what it asks ("" for the last question), seconds, and a drill's state."""

    kind: str
    id: str
    seconds: int
    seed: str = ""


class MixError(ValueError):
    """What was asked of a mix cannot be; the text says what can."""


def candidates(
    questions: Mapping[int, Question], drills: Mapping[str, Drill], incidents: Mapping[str, Incident]
) -> list[Candidate]:
    """Return all that can be drawn. Drills and incidents that need an engine, and false alarms, are left out."""
    found = [Candidate(f"q{each.number:03}", each.topic, _LETTER[each.level]) for each in questions.values()]
    found += [Candidate(each.id, topic_of(each), each.level, each.seeds) for each in drills.values() if not each.engine]
    found += [
        Candidate(each.id, each.drawer, " ".join(each.desks))
        for each in incidents.values()
        if not each.is_alarm and not each.engine
    ]
    return found


def topic_of(drill: Drill) -> str:
    """Return the topic of the question bank to which a drill belongs."""
    return TOPIC_OF_LESSON.get(drill.lesson, "scenarios")


def checked(minutes: int, level: str) -> None:
    """Raise MixError for a length or a level that there is not."""
    if minutes not in MINUTES:
        raise MixError(say("mock.no_minutes", minutes=minutes, known=", ".join(map(str, MINUTES))))
    if level not in LEVELS:
        raise MixError(say("mock.no_level", level=level, known=", ".join(LEVELS)))


def checked_mix(mix: int) -> None:
    """Raise MixError for a number that no mix has."""
    if not 1 <= mix <= LARGEST:
        raise MixError(say("mock.no_mix", mix=mix, most=LARGEST))


def draw(pool: Sequence[Candidate], minutes: int, level: str, mix: int, history: History | None = None) -> list[Slot]:
    """Return the parts of a mock interview; the same pool, history and number give the same.

    Nothing comes twice, nothing of the last two mocks, no drill that was done today; four topics before one comes
    again; the evidence tasks are of two topics; what was missed comes in its other state. Where a wall leaves nothing,
    the topic's falls first. Raises MixError for a length or level that there is not.
    """
    checked(minutes, level)
    known = history or History()
    random = Random(f"{level} {minutes} {mix}")
    draws = _Draws(random, known, MOST[minutes], DESIGN in ORDER[minutes])
    asked = iter(ASKED[level])
    found = []
    for kind in ORDER[minutes]:
        seconds = SECONDS[minutes][kind]
        if kind == CLOSING:
            found.append(Slot(kind, "", seconds))
            continue
        chosen = draws.one(kind, _fitting(pool, kind, level, next(asked) if kind == QUESTION else ""))
        if chosen is not None:
            found.append(Slot(kind, chosen.id, seconds, _seed(chosen, known, random)))
    return found


def _fitting(pool: Sequence[Candidate], kind: str, level: str, asked: str) -> list[Candidate]:
    """Return what fits a part, of its level where there is any."""
    letter = {"opener": OPENS[level], "evidence": SHOWS[level], "question": asked, "design": "MS"}.get(kind, "")
    first = {EVIDENCE: "d", INCIDENT: "i"}.get(kind, "q")
    kinds = [each for each in pool if each.id.startswith(first)]
    if kind == INCIDENT:
        fitting = [each for each in kinds if DESK_OF[level] in each.level.split()]
    elif kind == DESIGN:
        fitting = [each for each in kinds if each.topic == "scenarios" and each.level in letter]
    else:
        fitting = [each for each in kinds if each.level in letter]
    return fitting or kinds


def _seed(chosen: Candidate, known: History, random: Random) -> str:
    """Return a drill's state: another than the last one where it has several."""
    others = [seed for seed in chosen.seeds if seed != known.last_seed.get(chosen.id)]
    return random.choice(others or list(chosen.seeds))


class _Draws:
    """What was drawn so far, and the walls."""

    def __init__(self, random: Random, known: History, most: int, designs: bool) -> None:
        self._random, self._known, self._most, self._designs = random, known, most, designs
        self._drawn: set[str] = set()
        self._topics: Counter[str] = Counter()
        self._shown: set[str] = set()

    def one(self, kind: str, fitting: Sequence[Candidate]) -> Candidate | None:
        """Draw one by weight; None when there is nothing at all."""
        once = [each for each in fitting if each.id not in self._drawn]
        fresh = [each for each in once if each.id not in self._known.recent | self._known.done_today]
        for walls in (self._walled(kind, fresh), fresh, self._walled(kind, once), once):
            if walls:
                chosen: Candidate = self._random.choices(walls, [self._known.weight(each) for each in walls])[0]
                self._note(kind, chosen)
                return chosen
        return None

    def _walled(self, kind: str, left: Iterable[Candidate]) -> list[Candidate]:
        found = [each for each in left if self._topics[each.topic] < self._most_of(each.topic, kind)]
        if kind == EVIDENCE:
            return [each for each in found if each.topic not in self._shown]
        if kind != INCIDENT and len(self._topics) < TOPICS_FIRST:
            return [each for each in found if not self._topics[each.topic]]
        return found

    def _most_of(self, topic: str, kind: str) -> int:
        """Return how many of a topic there may be; a design is a scenario, and its place is kept."""
        return self._most - (self._designs and topic == "scenarios" and kind != DESIGN)

    def _note(self, kind: str, chosen: Candidate) -> None:
        self._drawn.add(chosen.id)
        if kind != INCIDENT:
            self._topics[chosen.topic] += 1
        if kind == EVIDENCE:
            self._shown.add(chosen.topic)


def partner_history(pool: list[Candidate], minutes: int, level: str, after: int) -> History:
    """Return the history for two people: none of either, and nothing of the mix that the other one had."""
    if not after:
        return History()
    before = draw(pool, minutes, level, after, History())
    return History(recent=frozenset(slot.id for slot in before if slot.id))
