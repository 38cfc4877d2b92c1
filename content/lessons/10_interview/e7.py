"""10-e7: a plan from what was missed. What a learner reads is in e7.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

from ecrlab_course.authoring import Lab, Result, Sentence, Try, as_words

TIME = 40
"""Minutes."""
OPEN = "(choose)"
DRILL = "a drill with evidence, 10 min"
ALOUD = "three questions aloud, 10 min"
AGAIN = "an exercise again, 10 min"
LESSON = "the whole lesson again, 45 min"


class Seen:
    """The plan, and what was missed."""

    def __init__(self, lab: Lab, values: Mapping[str, str], _result: Result) -> None:
        self.topics = [values.get(name, OPEN) for name in ("first", "second", "third")]
        self.ways = [values.get(name, OPEN) for name in ("how1", "how2", "how3")]
        self.missed = {lesson: number for lesson, number in lab.misses().items() if lesson < "10"}
        order = sorted(self.missed, key=lambda lesson: (-self.missed[lesson], lesson))
        self.minutes = sum(int(found[1]) for way in self.ways if (found := re.search(r"(\d+) min", way)))
        self.twice = next((each for each in self.topics if self.topics.count(each) > 1), "")
        self.lessons = [each.partition(" ")[0] for each in self.topics]
        self.worst = order[0] if order else ""
        # What e7.md may name:
        self.chosen = ", ".join(self.topics)
        self.list = as_words(order)
        self.misses = Sentence("missed" if order else "no-misses")


def run(_lab: Lab, _values: Mapping[str, str]) -> Result:
    """Run nothing: it is an answer."""
    return Result("the plan", 0, "")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e7.md."""
    if OPEN in (*seen.topics, *seen.ways):
        return "incomplete"
    if seen.twice:
        return "same-twice"
    if seen.minutes > TIME:
        return "too-long"
    if DRILL not in seen.ways:
        return "only-said"
    if not seen.missed:
        return "untried"
    if not set(seen.lessons) & set(seen.missed):
        return "only-fine"
    most = {lesson for lesson, number in seen.missed.items() if number == seen.missed[seen.worst]}
    return "passed" if most & set(seen.lessons) else "worst-left-out"


def plan(*topics: str, ways: tuple[str, str, str] = (DRILL, ALOUD, AGAIN)) -> dict[str, str]:
    """Return a plan of three topics."""
    names = ("first", "how1", "second", "how2", "third", "how3")
    return dict(zip(names, [each for pair in zip(topics, ways, strict=True) for each in pair], strict=True))


IAM, HUB, LAYERS, CONTAINERS = "06 IAM", "05 ECR or Docker Hub", "02 images and layers", "01 containers"


def missed(**lessons: int) -> Callable[[Lab], None]:
    """Return what lets the progress hold so many misses: missed(l06=3)."""
    found = {name[1:]: number for name, number in lessons.items()}

    def act(lab: Lab) -> None:
        cast(Any, lab).missed = lambda: found

    return act


SOME = missed(l06=3, l05=1, l02=1)
TRIES = {
    "passed": {
        "the three": Try(plan(IAM, HUB, LAYERS), do=SOME),
        "the worst of all, and two that are free": Try(plan(CONTAINERS, "03 registries", IAM), do=SOME),
        "one of two that are equal": Try(plan(HUB, CONTAINERS, "04 ECR"), do=missed(l05=2, l06=2)),
    },
    "untried": [plan(IAM, HUB, "09 delivery")],
    "incomplete": [plan(IAM, HUB, OPEN)],
    "same-twice": [Try(plan(IAM, IAM, HUB), do=SOME)],
    "too-long": [Try(plan(IAM, HUB, LAYERS, ways=(DRILL, LESSON, ALOUD)), do=SOME)],
    "only-said": [Try(plan(IAM, HUB, LAYERS, ways=(ALOUD, ALOUD, AGAIN)), do=SOME)],
    "only-fine": [Try(plan(CONTAINERS, "03 registries", "04 ECR"), do=SOME)],
    "worst-left-out": [Try(plan(HUB, LAYERS, CONTAINERS), do=SOME)],
}
