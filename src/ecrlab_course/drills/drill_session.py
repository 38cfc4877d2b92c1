"""Where drills are begun, answered, marked and rated. Knows no notebook and no terminal, and shows nothing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from ecrlab.home import Home
from ecrlab_course.documents.verdict import Outcome, Verdict
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Drill
from ecrlab_course.drills.schedule import (
    DUE_A_DAY,
    MISSED,
    NEW_A_DAY,
    NOTHING,
    PASSED,
    Due,
    Schedule,
    confident_misses,
    rating,
)
from ecrlab_course.failure import reason
from ecrlab_course.kinds.entry import AnswerError
from ecrlab_course.kinds.free_answer import FollowUp, count
from ecrlab_course.learner.session import Tip
from ecrlab_course.listening.listener import Heard, hear, is_said, told
from ecrlab_course.messages import say
from ecrlab_course.progress import Progress

FEWEST_WORDS = 8
"""Different words that an answer of one's own has at least."""
FIRST_WORDS = 3
"""So many words are the beginning of a first sentence."""
STEM = 4
"""Letters by which two words are taken for the same one: image, images."""
WAITING = 10
"""So many drills may wait for a day to come before it is told."""
COLUMNS = ("drill", "kind", "level", "lesson", "today", "last", "next")


@dataclass(frozen=True)
class Done:
    """A finished drill: its rating ("again", "hard", "good", "easy"), why, and when it is due again (UTC)."""

    rating: str
    why: str
    due: datetime


def schedule_of(home: Home, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Schedule:
    """Return the drills' file of a home: drills.json, beside progress.json."""
    return Schedule(home.progress.with_name("drills.json"), clock)


def schedule_on(home: Home, today: datetime | None) -> Schedule:
    """Return the drills' file as on another day (its date), and as it is without one; reviews then say so."""
    if today is None:
        return schedule_of(home)
    return Schedule(home.progress.with_name("drills.json"), moved_clock(today.date()), moved=True)


def moved_clock(day: date) -> Callable[[], datetime]:
    """Return a clock that goes on from now, on that day of the learner's calendar."""
    here = datetime.now().astimezone()
    ahead = timedelta(days=(day - here.date()).days)
    return lambda: (datetime.now().astimezone() + ahead).astimezone(UTC)


class DrillSession:
    """One learner's drills.

    What was typed is on the disk before anything else happens, so an interrupted drill goes on where it stopped.
    AnswerError says what is wanted, KeyError names an unknown drill; what is wrong with the lab is in a verdict.
    """

    def __init__(self, home: Home, drills: Mapping[str, Drill], schedule: Schedule | None = None) -> None:
        self.home = home
        self.drills = drills
        self.schedule = schedule or schedule_of(home)
        self.progress = Progress(home.progress)

    def drill(self, identifier: str) -> Drill:
        """Return the drill; raise KeyError with the ids there are."""
        if identifier not in self.drills:
            raise KeyError(say("drill.unknown", id=repr(identifier), drills=", ".join(self.drills)))
        return self.drills[identifier]

    def queue(self, lesson: str | None = None, limit: int | None = None) -> list[Due]:
        """Return what is to be done today, of one lesson or all, at most `limit` drills.

        Raises KeyError for a lesson of which there are no drills.
        """
        chosen = {key: drill for key, drill in self.drills.items() if lesson in (None, drill.lesson)}
        if not chosen:
            lessons = sorted({drill.lesson for drill in self.drills.values()})
            raise KeyError(say("drill.no_lesson", lesson=repr(lesson), lessons=", ".join(lessons)))
        about = {key: drill.misconceptions for key, drill in chosen.items()}
        misses = confident_misses(self.progress.read()["exercises"])
        new, due = (NEW_A_DAY, DUE_A_DAY) if limit is None else (limit, limit)
        return self.schedule.queue(about, misses, new, due)[:limit]

    def rows(self, queue: Sequence[Due]) -> list[tuple[str, ...]]:
        """Return a row of COLUMNS for each drill: what is due today, how it went last, and when it comes again."""
        today = {item.id: why(item) for item in queue}
        found: list[tuple[str, ...]] = []
        for identifier, drill in self.drills.items():
            card, reviews = self.schedule.card(identifier), self.schedule.reviews(identifier)
            last = str(reviews[-1].get("rating", "-")) if reviews else "-"
            due = when(card.due, self.schedule.clock()) if card else "-"
            words = (drill.kind, drill.level_words, drill.lesson)
            found.append((identifier, *words, today.get(identifier, "-"), last, due))
        return found

    def opened(self, identifier: str) -> dict[str, Any]:
        """Return what is begun of the drill."""
        return self.schedule.opened(identifier)

    # Beginning -------------------------------------------------------------------------------------------------------

    def begin(self, identifier: str) -> bool:
        """Begin the drill, or go on with it; tell whether it was begun before."""
        drill = self.drill(identifier)
        if self.opened(identifier):
            return True
        seed = drill.seeds[len(self.schedule.reviews(identifier)) % len(drill.seeds)]
        self.schedule.note(identifier, seed=seed, began=self.schedule.clock().isoformat(timespec="seconds"))
        return False

    def lab(self, identifier: str) -> DrillLab:
        """Return the drills' account with the seed that the drill was begun with."""
        seed = self.opened(identifier).get("seed")
        drill = self.drill(identifier)
        return DrillLab(self.home, seed if seed in drill.seeds else drill.seeds[0])

    def ready(self, identifier: str) -> bool:
        """Tell whether the account holds the drill's state; False also when no lab answers."""
        try:
            return self.lab(identifier).holds(self.drill(identifier))
        except Exception:
            return False

    def prepare(self, identifier: str) -> None:
        """Build the drill's state afresh; what another drill had built there is gone. Raises what the lab raises."""
        self.begin(identifier)
        lab = self.lab(identifier)
        lab.prepare(self.drill(identifier))
        self.schedule.note(identifier, mark=lab.last(), evidence=None, findings=None)

    # Answering -------------------------------------------------------------------------------------------------------

    def ask(self, identifier: str) -> None:
        """Note that the question is in front of the learner now: the time to the first sentence counts from here."""
        self.begin(identifier)
        if not self.opened(identifier).get("text"):
            self.schedule.note(identifier, asked=self.schedule.clock().isoformat(timespec="milliseconds"))

    def write(self, identifier: str, text: str) -> None:
        """Keep the learner's own answer, and after how many seconds it began (shown, and never rated)."""
        self.begin(identifier)
        opened = self.opened(identifier)
        first = opened.get("first")
        if first is None and opened.get("asked") and len(text.split()) >= FIRST_WORDS:
            asked = datetime.fromisoformat(opened["asked"])
            first = round((self.schedule.clock() - asked).total_seconds(), 1)
        self.schedule.note(identifier, text=text, first=first)

    def reveal(self, identifier: str) -> None:
        """Uncover the key points; raise AnswerError while there is no answer to compare them with."""
        text = str(self.opened(identifier).get("text", ""))
        words = count(text)
        if words < FEWEST_WORDS:
            raise AnswerError(say("drill.answer_first", fewest=FEWEST_WORDS, words=words))
        if not is_said(text):
            raise AnswerError(say("drill.say_sentences"))
        self.schedule.note(identifier, revealed=True)

    def heard(self, identifier: str) -> dict[str, Heard]:
        """Return what is heard of each point in the answer as it stands. It may be said and not heard."""
        drill = self.drill(identifier)
        text = str(self.opened(identifier).get("text", ""))
        return hear(text, {point.key: point.wordings for point in drill.points}, drill.rivals)

    def tick(self, identifier: str, key: str, made: bool) -> None:
        """Keep for one point whether the answer made it; `mark` ends the marking."""
        ticked = {**self.opened(identifier).get("ticked", {}), self.drill(identifier).point(key).key: made}
        self.schedule.note(identifier, ticked=ticked)

    def mark(self, identifier: str, made: Sequence[str], words: Mapping[str, str] | None = None) -> FollowUp:
        """Keep which points the answer made; return the first of the next questions.

        A point that is made and was not heard is an objection: it counts at once, is kept with the learner's own words
        that make it (`words`, by point) and costs its next question. One that was heard and is not made was not meant.
        """
        drill = self.drill(identifier)
        if not self.opened(identifier).get("revealed"):
            raise AnswerError(say("drill.covered"))
        unknown = set(made) - {point.key for point in drill.points}
        if unknown:
            raise AnswerError(say("drill.no_point", id=identifier, points=", ".join(sorted(unknown))))
        kept = [point.key for point in drill.points if point.key in made]
        heard, text = self.heard(identifier), str(self.opened(identifier).get("text", ""))
        said = {
            point.key: str((words or {}).get(point.key, ""))
            for point in drill.points
            if point.key in kept and not _is_heard(heard[point.key], point.text, text)
        }
        unmeant = [key for key, each in heard.items() if each.made and key not in kept]
        self.schedule.note(identifier, made=kept, said=said, unmeant=unmeant or None)
        return self.follow_ups(identifier)[0]

    def follow_ups(self, identifier: str) -> list[FollowUp]:
        """Return what is asked next: one question for each objection; without one, about what was left out, or beyond.

        Empty while the points are not marked.
        """
        drill, opened = self.drill(identifier), self.opened(identifier)
        if "made" not in opened:
            return []
        said = opened.get("said") or {}
        found = [point.follow_up for point in drill.points if point.key in said and point.follow_up]
        return found or [drill.follow_up(opened["made"])]

    def follow(self, identifier: str, number: int, text: str) -> None:
        """Keep the answer to a next question (0 is the first one); "" passes it over."""
        answers = dict(self.opened(identifier).get("follow") or {})
        self.schedule.note(identifier, follow={**answers, str(number): text.strip()})

    def followed(self, identifier: str) -> bool:
        """Tell whether each next question was answered: with a sentence, whatever it says but "I do not know"."""
        answers = self.opened(identifier).get("follow") or {}
        return all(is_answer(str(answers.get(str(number), ""))) for number in range(len(self.follow_ups(identifier))))

    def hint(self, identifier: str) -> Tip:
        """Return the next hint; after the last one, the last again. Opening one makes the rating at most hard."""
        drill = self.drill(identifier)
        self.begin(identifier)
        opened = self.opened(identifier)
        number = min(int(opened.get("hints", 0)) + 1, len(drill.hints))
        self.schedule.note(identifier, hints=number)
        hint = drill.hints[number - 1]
        if isinstance(hint, str):
            return Tip(number, hint)
        try:
            return Tip(number, hint(drill.seen(self._looking(identifier), opened.get("findings") or {})))
        except Exception as error:
            return Tip(number, say("trouble.could_not_look", reason=reason(error)))

    def _looking(self, identifier: str) -> DrillLab:
        """Return the drills' account as a check sees it: since the state was built, and without a trace."""
        lab = self.lab(identifier)
        looking = lab.looking(int(self.opened(identifier).get("mark", 0)))
        assert isinstance(looking, DrillLab)
        looking.seed = lab.seed
        return looking

    # Evidence --------------------------------------------------------------------------------------------------------

    def check(self, identifier: str, findings: Mapping[str, str]) -> Verdict:
        """Judge the evidence as it stands, and keep the outcome. Changes nothing in the lab."""
        drill = self.drill(identifier)
        opened = self.schedule.note(identifier, findings=dict(findings))
        try:
            lab = self.lab(identifier)
            if not lab.holds(drill):
                lab.control.status()  # Says in its own words when no lab runs.
                return Verdict(Outcome.UNKNOWN, say("drill.other_state", id=identifier))
            verdict = drill.verdict(self._looking(identifier), findings)
        except Exception as error:
            return Verdict(Outcome.UNKNOWN, say("trouble.could_not_look", reason=reason(error)))
        if verdict.outcome is Outcome.PASSED:
            self.schedule.note(identifier, evidence=PASSED)
        elif verdict.outcome is Outcome.NOT_YET:
            refused = int(opened.get("refused", 0)) + 1
            self.schedule.note(identifier, refused=refused, misconception=verdict.misconception)
        return verdict

    # Finishing -------------------------------------------------------------------------------------------------------

    def finish(self, identifier: str, without_lab: bool = False) -> Done:
        """Rate the drill by what was done, and schedule it. `without_lab`: the evidence could not be tried.

        Raises AnswerError while the points are not marked.
        """
        drill, opened = self.drill(identifier), self.opened(identifier)
        if "made" not in opened:
            raise AnswerError(say("drill.mark_first"))
        made, hints, refused = len(opened["made"]), int(opened.get("hints", 0)), int(opened.get("refused", 0))
        evidence = PASSED if opened.get("evidence") == PASSED else NOTHING if without_lab else MISSED
        said, followed = opened.get("said") or {}, self.followed(identifier)
        rated = rating(made, len(drill.points), hints, evidence, refused, len(said), followed)
        kept = {key: opened[key] for key in ("first", "unmeant", "follow") if opened.get(key) is not None}
        due = self.schedule.review(
            identifier, rated, made=opened["made"], said=said, hints=hints, refused=refused, evidence=evidence,
            text=str(opened.get("text", "")), **kept,
        )  # fmt: skip
        words = [say("drill.points_made", made=made, number=len(drill.points))]
        words += [say("drill.objected", number=len(said))] if said else []
        words += [] if followed else [say("drill.not_followed")]
        words += [say(f"drill.evidence_{evidence.replace(' ', '_')}")]
        words += [say("drill.hint" if hints == 1 else "drill.hints", number=hints)] if hints else []
        words += [say("drill.refused" if refused == 1 else "drill.refusals", number=refused)] if refused else []
        words += [say("drill.first_words", time=clocked(opened["first"]))] if "first" in opened else []
        return Done(rated.name.lower(), ", ".join(words), due)


def is_answer(text: str) -> bool:
    """Tell whether a next question was answered: in a few words, and not by saying that one does not know."""
    return count(told(text)) >= FIRST_WORDS


def clocked(seconds: float) -> str:
    """Return a length of time as a clock shows it: 0:09."""
    whole = int(seconds)
    return f"{whole // 60}:{whole % 60:02}"


def _is_heard(heard: Heard, point: str, text: str) -> bool:
    """Tell whether a point was heard; one that its document has no wordings for is, when any word of it was said."""
    return heard.made if heard.listened else any_word(point, text)


def any_word(point: str, text: str) -> bool:
    """Tell whether an answer has any word of a point, of four letters or more."""
    words, said = ({word[:STEM] for word in re.findall(r"\w{4,}", each.lower())} for each in (point, text))
    return bool(words & said)


def why(item: Due) -> str:
    """Return why a drill is in the queue, in words."""
    if item.miss is not None:
        return say("drill.certain_miss", exercise=item.miss.exercise)
    return say(f"drill.why_{item.why}")


def when(moment: datetime, now: datetime) -> str:
    """Return a moment as a learner says it: today, tomorrow, in 12 days (8 December)."""
    day, today = moment.astimezone().date(), now.astimezone().date()
    days = (day - today).days
    if days <= 0:
        return say("drill.today")
    return say("drill.tomorrow") if days == 1 else say("drill.in_days", days=days, date=f"{day.day} {day:%B}")
