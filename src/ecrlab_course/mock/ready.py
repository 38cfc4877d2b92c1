"""Ready for what: by topic, which points were made unaided in the last two weeks, what was shown, what is due today.

No sum and no "you are ready". A point counts once a day, by the last three days on which it was asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from ecrlab.home import Home
from ecrlab_course.drills.drill_session import schedule_of
from ecrlab_course.drills.schedule import PASSED, Schedule
from ecrlab_course.listening.marking import LEFT, SAID
from ecrlab_course.messages import say
from ecrlab_course.mock.book import book_of, question_schedule
from ecrlab_course.mock.history import is_recent
from ecrlab_course.mock.interview import GIVEN, NOT_GIVEN, Bank
from ecrlab_course.mock.marks import marked
from ecrlab_course.mock.mix import EVIDENCE, topic_of
from ecrlab_course.mock.scorecard import asked
from ecrlab_course.questions.question import LEVELS, TOPICS
from ecrlab_course.views.display import Shown, escape, table

FEWEST = 6
"""Under so many points there is no bar yet."""
LATEST = 3
"""So many days of a point count, the latest."""
BAR = 14
MINUTES_A_DRILL = 4
MADE, BY_WORD, MISSED_IT = "made", "said", "left"


@dataclass
class Topic:
    """One line: points asked for and made, by the listener and by the learner's word; evidence; what is due."""

    name: str
    made: int = 0
    said: int = 0
    asked: int = 0
    given: int = 0
    tasks: int = 0
    due: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """The topic in a learner's words."""
        return say(f"question.topic_{self.name}")

    @property
    def share(self) -> str:
        """11 of 14, with a bar; a lighter part of it is the learner's word alone. In words where it is too early."""
        if not self.asked:
            return say("ready.not_tried")
        counts = say("ready.made", made=self.made + self.said, asked=self.asked)
        if self.asked < FEWEST:
            return say("ready.not_enough", counts=counts)
        full = round(BAR * self.made / self.asked)
        light = round(BAR * (self.made + self.said) / self.asked) - full
        return f"{counts}  {'#' * full}{'+' * light}{'.' * (BAR - full - light)}"

    @property
    def evidence(self) -> str:
        """2 of 4; a dash where nothing was to be shown."""
        return say("ready.made", made=self.given, asked=self.tasks) if self.tasks else "-"


@dataclass(frozen=True)
class Ready:
    """The whole page."""

    topics: tuple[Topic, ...]
    touched: tuple[tuple[str, int, int, tuple[str, ...]], ...]
    """By level: questions touched in the last two weeks, of all, and the topics that were not."""

    @property
    def shown(self) -> Shown:
        """The page as text and as HTML."""
        head = tuple(say(f"ready.col_{each}") for each in ("topic", "made", "evidence", "due"))
        rows = [(each.words, each.share, each.evidence, " ".join(each.due) or "-") for each in self.topics]
        first = table(head, rows, say("ready.caption"))
        levels = [
            (level, say("ready.made", made=seen, asked=all_), ", ".join(missing) or "-")
            for level, seen, all_, missing in self.touched
        ]
        second = table(tuple(say(f"ready.col_{each}") for each in ("level", "touched", "not_yet")), levels)
        words = [self.next, say("ready.bar"), say("ready.touched"), say("ready.listener")]
        text = f"{first.text}\n\n{words[0]}\n{words[1]}\n\n{second.text}\n\n{words[2]}\n{words[3]}"
        soft = [f'<p class="ecr-soft">{escape(each)}</p>' for each in words[1:]]
        html = f"{first.html}<p><b>{escape(words[0])}</b></p>{soft[0]}{second.html}{soft[1]}{soft[2]}"
        return Shown(text, f'<div class="ecr-ready">{html}</div>')

    @property
    def next(self) -> str:
        """The nearest thing to do, in one sentence."""
        waiting = [each for each in self.topics if each.due]
        if not waiting:
            return say("ready.nothing_due")
        topic = max(waiting, key=lambda each: len(each.due))
        key = "ready.next_one" if len(topic.due) == 1 else "ready.next"
        minutes = MINUTES_A_DRILL * len(topic.due)
        return say(key, topic=topic.words, number=len(topic.due), minutes=minutes, first=topic.due[0])


def ready(home: Home, bank: Bank, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Ready:
    """Return what the learner of that home made unaided in the fourteen days before now, and what is due."""
    now = clock()
    topics = {name: Topic(name) for name in TOPICS}
    for (topic, _, _), days in _points(home, bank, now).items():
        for day in sorted(days)[-LATEST:]:
            topics[topic].asked += 1
            topics[topic].made += days[day] == MADE
            topics[topic].said += days[day] == BY_WORD
    for topic, given in _evidence(home, bank, now):
        topics[topic].tasks += 1
        topics[topic].given += given
    done, questions = schedule_of(home, clock), question_schedule(home, clock=clock)
    for name, drill in bank.drills.items():
        card = done.card(name)
        if card is not None and card.due <= now:
            topics[topic_of(drill)].due.append(name)
    return Ready(tuple(topics.values()), tuple(_touched(bank, questions, now, level) for level in LEVELS))


def _points(home: Home, bank: Bank, now: datetime) -> dict[tuple[str, str, str], dict[date, str]]:
    """Return for each point (topic, what, key) what came of it, by day: the best of the day."""
    found: dict[tuple[str, str, str], dict[date, str]] = defaultdict(dict)
    order = (MISSED_IT, BY_WORD, MADE)

    def add(topic: str, what: str, key: str, at: str, came: str) -> None:
        day, days = datetime.fromisoformat(at).astimezone().date(), found[topic, what, key]
        days[day] = max(days.get(day, MISSED_IT), came, key=order.index)

    for name, drill in bank.drills.items():
        for review in _reviews(schedule_of(home), name, now):
            if review.get("hints") or review.get("mock"):
                continue
            for point in drill.points:
                said = point.key in (review.get("said") or ())
                came = (BY_WORD if said else MADE) if point.key in review.get("made", ()) else MISSED_IT
                add(topic_of(drill), name, point.key, str(review["at"]), came)
    for record in book_of(home).records().values():
        for part in record["parts"]:
            question = asked(bank, part)
            if question is not None and is_recent(record["began"], now):
                for key, state in marked(question, part).states.items():
                    came = {LEFT: MISSED_IT, SAID: BY_WORD}.get(state, MADE)
                    add(question.topic, part["what"], key, record["began"], came)
    return found


def _evidence(home: Home, bank: Bank, now: datetime) -> Iterator[tuple[str, bool]]:
    """Yield topic and outcome of each evidence that was tried unaided."""
    for name, drill in bank.drills.items():
        for review in _reviews(schedule_of(home), name, now):
            if review.get("evidence") in (PASSED, "missed") and not review.get("mock"):
                yield topic_of(drill), review["evidence"] == PASSED and not review.get("hints")
    for record in book_of(home).records().values():
        for part in record["parts"]:
            tried = part["kind"] == EVIDENCE and part.get("outcome") in (GIVEN, NOT_GIVEN)
            if tried and part["what"] in bank.drills and is_recent(record["began"], now):
                yield topic_of(bank.drills[part["what"]]), part["outcome"] == GIVEN


def _reviews(schedule: Schedule, name: str, now: datetime) -> list[Mapping[str, Any]]:
    return [each for each in schedule.reviews(name) if is_recent(str(each["at"]), now)]


def _touched(bank: Bank, schedule: Schedule, now: datetime, level: str) -> tuple[str, int, int, tuple[str, ...]]:
    mine = [each for each in bank.questions.values() if each.level == level]
    seen = [each for each in mine if _reviews(schedule, f"q{each.number:03}", now)]
    met = {each.topic for each in seen}
    missing = tuple(say(f"question.topic_{name}") for name in TOPICS if name not in met)
    return level, len(seen), len(mine), missing
