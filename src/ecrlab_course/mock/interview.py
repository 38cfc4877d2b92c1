"""One mock interview as it runs: its parts one after the other, each answer on the disk at once, nothing judged.

Knows no notebook and no terminal, and shows nothing. What was heard is looked at when an answer is done, and shown
only at the end (`scorecard`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from secrets import choice
from typing import Any

from ecrlab.home import Home
from ecrlab_course.desk.desk import Desk
from ecrlab_course.desk.judge import Judgement, State
from ecrlab_course.desk.judgement_words import lines
from ecrlab_course.desk.ticket import Ticket
from ecrlab_course.documents.verdict import Outcome, Verdict
from ecrlab_course.drills.drill import Drill
from ecrlab_course.drills.drill_session import FIRST_WORDS, DrillSession, is_answer, schedule_of
from ecrlab_course.drills.schedule import MISSED, NOTHING, rating
from ecrlab_course.kinds.entry import AnswerError
from ecrlab_course.listening.listener import Heard, dangers, flags, is_said, sentences
from ecrlab_course.listening.marking import Marking
from ecrlab_course.messages import say
from ecrlab_course.mock.book import Follow, MockRecord, PartRecord, book_of, evidence_schedule, question_schedule
from ecrlab_course.mock.history import history
from ecrlab_course.mock.marks import marked
from ecrlab_course.mock.mix import (
    CLOSING,
    EVIDENCE,
    INCIDENT,
    LARGEST,
    SPOKEN,
    Candidate,
    History,
    Slot,
    candidates,
    checked,
    checked_mix,
    draw,
    partner_history,
)
from ecrlab_course.questions.question import KeyPoint, Question
from ecrlab_course.views.display import plain

ANSWER, FOLLOW, TASK, DONE = "answer", "follow", "task", "done"
"""The stages of a part: the answer, the question behind it, the evidence or the ticket, and over."""
ANSWERED, PASSED_OVER = "answered", "passed"
BY_LOT = 9999
"""The largest number of a mix that is drawn by lot."""
GIVEN, NOT_GIVEN = "given", "not given"
FLAGGED = {"wide-is-fixed": "wider"}
"""The misconceptions of a refused evidence that are red flags, and their keys."""
DESK_FLAGS = ("wider", "guard", "limits", "secret")
"""The verdicts of the desk that are red flags."""


@dataclass(frozen=True)
class Bank:
    """What is asked: questions by number, drills by id."""

    questions: Mapping[int, Question]
    drills: Mapping[str, Drill]


class Interview:
    """One mock interview of one learner. AnswerError says what is wanted; what is wrong with the lab is raised."""

    def __init__(
        self,
        home: Home,
        bank: Bank,
        desk: Callable[[], Desk],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.home, self.bank, self.clock = home, bank, clock
        self.book = book_of(home)
        self.number = 0
        self.record: MockRecord = {}
        self.evidence = DrillSession(home, bank.drills, evidence_schedule(home, clock=clock))
        self._make_desk = desk
        self._desk: Desk | None = None
        self._since: datetime | None = None

    # Beginning -------------------------------------------------------------------------------------------------------

    @property
    def desk(self) -> Desk:
        """The incident desk, whose folder is made when it is needed."""
        if self._desk is None:
            self._desk = self._make_desk()
        return self._desk

    def pool(self) -> list[Candidate]:
        """Return all that can be asked."""
        return candidates(self.bank.questions, self.bank.drills, self.desk.known)

    def unfinished(self) -> int:
        """Return the number of the mock that was begun last and not finished; 0 when there is none."""
        open_ones = [number for number, record in self.book.records().items() if not record.get("ended")]
        return max(open_ones, default=0)

    def begin(
        self, minutes: int = 20, level: str = "mid", mix: int | None = None, *, partner: bool = False, after: int = 0,
        clock: bool = True, aloud: bool = False,
    ) -> None:  # fmt: skip
        """Draw the parts; `mix` is the number of the draw, by default one more than the last. Kept once one is opened.

        With a partner the mix is made without the learner's history, and shares nothing with the mix `after`; its
        number is drawn by lot, since the next one would be 1 in every new home. Raises MixError for a length, a level
        or a number that there is not.
        """
        checked(minutes, level)
        records = self.book.records()
        after = after if partner else 0
        mix = mix if mix is not None else self._lot(after) if partner else self._next_mix()
        for number in (mix, after or mix):
            checked_mix(number)
        pool = self.pool()
        known = partner_history(pool, minutes, level, after) if partner else self._history()
        parts = [_part(slot) for slot in draw(pool, minutes, level, mix, known)]
        self.number = 1 + max(records, default=0)
        self.record = {
            "level": level, "minutes": minutes, "mix": mix, "after": after, "partner": partner, "clock": clock,
            "aloud": aloud, "began": self._now(), "at": 0, "parts": parts,
        }  # fmt: skip

    def _next_mix(self) -> int:
        """Return the number after the last mix."""
        return 1 + max((int(each.get("mix", 0)) for each in self.book.records().values()), default=0) % LARGEST

    @staticmethod
    def _lot(after: int) -> int:
        """Return the number of a mix for two: short enough to be read aloud, and another than `after`."""
        return choice([number for number in range(1, BY_LOT + 1) if number != after])

    def _history(self) -> History:
        return history(self.home, self.bank.drills, self.book, self.clock)

    def go_on(self, number: int) -> None:
        """Take up a mock that was begun; the clock stood still meanwhile."""
        self.number, self.record = number, self.book.records()[number]
        self._since = None

    def _now(self) -> str:
        return self.clock().astimezone(UTC).isoformat(timespec="seconds")

    def _keep(self) -> None:
        self.book.keep(self.number, self.record)

    # Where it is -----------------------------------------------------------------------------------------------------

    @property
    def parts(self) -> list[PartRecord]:
        """The parts, in order."""
        return self.record["parts"]

    @property
    def part(self) -> PartRecord | None:
        """The part that runs; None when all are over."""
        at = self.record["at"]
        return self.parts[at] if at < len(self.parts) else None

    def _running(self) -> PartRecord:
        part = self.part
        if part is None:
            raise AnswerError(say("mock.over"))
        return part

    def question(self, part: PartRecord) -> Question:
        """Return the question that a part asks."""
        return self.bank.questions[int(part["what"][1:])]

    def asked(self, part: PartRecord) -> str:
        """Return what a part asks first (markdown)."""
        if part["kind"] in SPOKEN:
            return self.question(part).question
        if part["kind"] == EVIDENCE:
            drill = self.bank.drills[part["what"]]
            return f"{drill.situation}\n\n{drill.task}"
        return say("mock.closing") if part["kind"] == CLOSING else ""

    # The clock -------------------------------------------------------------------------------------------------------

    def tick(self) -> float:
        """Add the time since the last tick to the running part; return the seconds on it."""
        part, now = self.part, self.clock()
        if part is None:
            return 0.0
        if self._since is not None:
            part["spent"] = round(part.get("spent", 0.0) + (now - self._since).total_seconds(), 1)
        self._since = now
        return part.get("spent", 0.0)

    @property
    def is_running(self) -> bool:
        """Whether the clock runs."""
        return self._since is not None

    def lab_answers(self) -> None:
        """Raise what the lab raises when it does not answer: before the clock runs, nobody has lost anything."""
        self.evidence.lab(next(iter(self.bank.drills))).control.status()

    def left(self) -> tuple[float, float]:
        """Return the seconds that are left of the whole and of the running part; below 0: over by so many."""
        part = self.part
        spent = sum(each.get("spent", 0.0) for each in self.parts)
        whole = self.record["minutes"] * 60 - spent
        return whole, (part["seconds"] - part.get("spent", 0.0)) if part else 0.0

    # A part ----------------------------------------------------------------------------------------------------------

    def open(self) -> PartRecord | None:
        """Open the next part, its state built, and let the clock run; a part that runs goes on. None at the end.

        Raises what the lab raises; nothing is lost then, and the clock stands.
        """
        part = self.part
        self._since = None
        if part is None:
            return None
        if not any(each.get("stage") for each in self.parts):
            self.record["began"] = self._now()
        if not part.get("stage") or part["stage"] == TASK:
            if part["kind"] == EVIDENCE:
                self._build(part)
            elif part["kind"] == INCIDENT:
                self._deal(part)
            part["stage"] = TASK if part["kind"] in (EVIDENCE, INCIDENT) else ANSWER
        self._since = self.clock()
        self._keep()
        return part

    def _build(self, part: PartRecord) -> None:
        """Build the drill's state, unless it stands."""
        identifier, kept = part["what"], self.evidence.opened(part["what"])
        if part.get("stage") == TASK and kept and self.evidence.ready(identifier):
            return
        self.evidence.schedule.note(
            identifier, seed=part["seed"], began=self._now(), text=None, hints=None, refused=None, evidence=None
        )
        self.evidence.prepare(identifier)

    def _deal(self, part: PartRecord) -> None:
        """Deal the incident, unless it is on the desk and not closed; which cause comes from the mix."""
        self.desk.begin_incident(self.desk.known[part["what"]].number, self.seed_of(part))

    def seed_of(self, part: PartRecord) -> int:
        """Return the seed number of the incident: with a partner the mix's, else the next one of this learner."""
        if part.get("seed"):
            return int(part["seed"])
        used = [
            int(each["seed"]) for each in self.desk.records().values() if each.get("incident") == part["what"]
        ]  # fmt: skip
        seed = self.record["mix"] if self.record["partner"] else 1 + max(used, default=self.record["mix"])
        part["seed"] = str(seed)
        return seed

    def write(self, text: str) -> None:
        """Keep what is typed, of the answer or of the answer to the follow-up, and when the first words came."""
        part = self._running()
        spent = self.tick()
        if part.get("stage") == FOLLOW:
            part["follow"]["text"] = text
        else:
            part["text"] = text
            if "first" not in part and len(text.split()) >= FIRST_WORDS:
                part["first"] = round(spent, 1)
        self._keep()

    def done(self) -> str:
        """End the stage: an answer leads to its follow-up, everything else to the next part. Return the new stage."""
        part = self._running()
        self.tick()
        if part["kind"] in SPOKEN and part.get("stage") == ANSWER:
            self._listen(part)
            if not self.record["partner"] and part.get("text", "").strip():
                asked = self.follow_up(part)
                if asked is not None:
                    part["follow"], part["stage"] = asked, FOLLOW
                    self._keep()
                    return FOLLOW
        elif part.get("stage") == FOLLOW:
            text = part["follow"].get("text", "")
            part["follow"]["outcome"] = ANSWERED if is_answer(text) else PASSED_OVER
            part["flags"] = {**flags(text), **part.get("flags", {})}
        elif part["kind"] in (EVIDENCE, INCIDENT):
            part.setdefault("outcome", NOT_GIVEN)
        return self._next(part)

    def pass_over(self) -> str:
        """Pass: it counts as asked and not answered. Return the new stage."""
        part = self._running()
        self.tick()
        if part.get("stage") == FOLLOW:
            part["follow"]["outcome"] = PASSED_OVER
        else:
            part["passed"] = True
            if part["kind"] in SPOKEN:
                self._listen(part)
            elif part["kind"] in (EVIDENCE, INCIDENT):
                part.setdefault("outcome", NOT_GIVEN)
        return self._next(part)

    def _next(self, part: PartRecord) -> str:
        part["stage"] = DONE
        self.record["at"] += 1
        self._since = None
        self._keep()
        return DONE

    # Words -----------------------------------------------------------------------------------------------------------

    def heard(self, part: PartRecord) -> dict[str, Heard]:
        """Return what is heard of each point in a part's answer; where it was said aloud, nothing is listened for."""
        question = self.question(part)
        if self.record["aloud"] or self.record["partner"]:
            return {point.key: Heard(listened=False) for point in question.points}
        return _heard(question, part.get("text", ""))

    def _listen(self, part: PartRecord) -> None:
        heard = self.heard(part)
        part["heard"] = {key: each.words for key, each in heard.items() if each.made}
        part["against"] = {key: each.against for key, each in heard.items() if each.against}
        part["flags"] = flags(part.get("text", ""))

    def follow_up(self, part: PartRecord) -> Follow | None:
        """Return what is asked after an answer: one thing, the first that applies; None where there is nothing.

        A red flag, a point that was spoken against, the first point that was not heard, and beyond the points when all
        were. The listener's silence may be its own deafness, so the third is worded to fit in both cases.
        """
        heard, points = self.heard(part), self.question(part).points
        for key, words in part.get("flags", {}).items():
            asked = say("mock.flag_asked", words=unended(words), ask=say(f"flags.{_name(key)}_ask"))
            return {"kind": "flag", "point": "", "question": asked}
        for kind, chosen in (
            ("against", [each for each in points if heard[each.key].against]),
            ("point", [each for each in points if not heard[each.key].made]),
            (
                "beyond" if all(each.made for each in heard.values()) else "more",
                [each for each in reversed(points) if heard[each.key].made],
            ),
        ):
            first = next((each for each in chosen if each.follow_up), None)
            if first is not None and first.follow_up is not None:
                asked = say(
                    f"mock.ask_{kind}", question=first.follow_up.question, words=unended(heard[first.key].against)
                )
                return {"kind": kind, "point": first.key, "question": asked}
        return None

    # Evidence and incident -------------------------------------------------------------------------------------------

    def check(self, findings: Mapping[str, str]) -> Verdict:
        """Judge the evidence of the running part as it stands. The words of a miss come only on the scorecard."""
        part = self._running()
        self.tick()
        verdict = self.evidence.check(part["what"], findings)
        self._since = self.clock()  # Nobody pays for the looking.
        if verdict.outcome is Outcome.PASSED:
            part["outcome"] = GIVEN
        elif verdict.outcome is not Outcome.UNKNOWN:
            part["tries"] = part.get("tries", 0) + (verdict.outcome is Outcome.NOT_YET)
            part["last"] = plain(verdict.message)
            if verdict.misconception in FLAGGED:
                part["flags"] = {**part.get("flags", {}), FLAGGED[verdict.misconception]: plain(verdict.message)}
        self._keep()
        return verdict

    @property
    def ticket(self) -> Ticket:
        """The incident's ticket; raise DeskError when the lab holds another state."""
        return self.desk.ticket()

    def check_ticket(self) -> Judgement:
        """Say how the ticket stands."""
        part, ticket = self._running(), self.ticket
        self.tick()
        found = self.desk.check(ticket)
        self._since = self.clock()
        part["tries"] = part.get("tries", 0) + (found.state is not State.CLOSED)
        if found.state is State.CLOSED:
            part["outcome"] = GIVEN
        else:
            part["last"] = plain(" ".join(lines(self.desk, ticket, found)))
        if found.others is not None and found.others.name in DESK_FLAGS:
            words = plain(lines(self.desk, ticket, found)[1])
            part["flags"] = {**part.get("flags", {}), found.others.name: words}
        self._keep()
        return found

    # The end ---------------------------------------------------------------------------------------------------------

    def spoken(self) -> list[PartRecord]:
        """Return the parts that have points, in order, as far as they were asked."""
        return [part for part in self.parts if part["kind"] in SPOKEN and part.get("stage") == DONE]

    def object(self, part: PartRecord, key: str, sentence: str = "", answer: str = "") -> None:
        """Keep that the answer made a point which was not heard: it counts at once, and costs its next question.

        `sentence` are the words of the answer that make it, `answer` what is said to the point's next question, which
        is not asked again where the interview asked it and had an answer. Raises AnswerError for an answer that is a
        list of words, while the next question is not answered, for words that are not the answer's, and for the same
        words a third time. What was said aloud is marked from memory, at no cost.
        """
        point, aloud = self.point(part, key), self.record["aloud"]
        if not (aloud or is_said(part.get("text", ""))):
            raise AnswerError(say("mock.no_answer"))
        answer = answer or self.given_answer(part, key)
        if point.follow_up is not None and not aloud and not is_answer(answer):
            raise AnswerError(say("mock.costs", question=point.follow_up.question))
        if sentence and sentence not in sentences(part.get("text", "")):
            raise AnswerError(say("mock.not_your_words"))
        others = [each.split("\n")[0] for name, each in part.get("said", {}).items() if name != key]
        if sentence and others.count(sentence) >= 2:
            raise AnswerError(say("mock.twice"))
        part["said"] = {**part.get("said", {}), key: f"{sentence}\n{answer}".strip("\n") or "-"}
        self._keep()

    def given_answer(self, part: PartRecord, key: str) -> str:
        """Return what was answered when the interview asked a point's next question; nothing where it did not."""
        follow = part.get("follow")
        asked = follow is not None and follow["point"] == key and follow.get("outcome") == ANSWERED
        return follow.get("text", "") if follow is not None and asked else ""

    def disown(self, part: PartRecord, key: str) -> None:
        """Keep that a point which was heard was not meant, or take an objection back: it counts as left out."""
        self.point(part, key)
        part["said"] = {name: words for name, words in part.get("said", {}).items() if name != key}
        if key in part.get("heard", {}):
            part["unmeant"] = sorted({*part.get("unmeant", []), key})
        self._keep()

    def own(self, part: PartRecord, key: str) -> None:
        """Keep that a point which was heard was meant, after all."""
        part["unmeant"] = [name for name in part.get("unmeant", []) if name != self.point(part, key).key]
        self._keep()

    def point(self, part: PartRecord, key: str) -> KeyPoint:
        """Return a point of a part's question; raise KeyError when there is none of that key."""
        return {point.key: point for point in self.question(part).points}[key]

    def marking(self, part: PartRecord) -> Marking:
        """Return what a part's answer counts for."""
        return marked(self.question(part), part)

    def close(self) -> None:
        """End the mock as it stands: what was missed is due from now on."""
        self.tick()
        self._since = None
        self.record["ended"] = self._now()
        self._keep()
        done = schedule_of(self.home, self.clock)
        asked = question_schedule(self.home, clock=self.clock)
        for part in self.parts:
            if part["kind"] in SPOKEN and part.get("stage") == DONE:
                self._review(part, asked)
            elif part["kind"] == EVIDENCE and part.get("outcome") == NOT_GIVEN and part.get("stage") == DONE:
                words = {"made": [], "evidence": MISSED, "seed": part["seed"], "mock": self.number}
                done.review(part["what"], rating(0, 1, 0, MISSED, 0), **words)

    def _review(self, part: PartRecord, schedule: Any) -> None:
        made = self.marking(part)
        points, said = len(made.states), len(made.keys("said"))
        followed = part.get("follow", {}).get("outcome") == ANSWERED
        rated = rating(len(made.made), points, 0, NOTHING, 0, said, followed)
        schedule.review(
            part["what"], rated, made=made.made, said=made.keys("said"), left=made.keys("left out"), mock=self.number
        )  # fmt: skip

    def forget(self, number: int) -> bool:
        """Delete a mock for good; tell whether there was one."""
        return self.book.forget(number)


def _heard(question: Question, text: str) -> dict[str, Heard]:
    """Return what is heard of a question's points; a sentence that is a danger, or against a point, makes none."""
    found = question.heard(text)
    against = {each.against for each in found.values() if each.against}
    sound = [each for each in sentences(text) if each not in against and not dangers(each)]
    made = question.heard("\n".join(sound))
    return {key: each if each.against else made[key] for key, each in found.items()}


def _part(slot: Slot) -> PartRecord:
    return {"kind": slot.kind, "what": slot.id, "seconds": slot.seconds, "seed": slot.seed}


def unended(words: str) -> str:
    """Return quoted words without a stop of their own: the sentence around them ends."""
    return words.rstrip(" .!?…")


def _name(flag: str) -> str:
    return flag.replace("-", "_")
