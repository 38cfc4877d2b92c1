"""Two people at one mock: a code that both screens draw the same mix from, the interviewer's sheet, the ticks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from ecrlab_course.messages import say
from ecrlab_course.mock.book import MockRecord, PartRecord
from ecrlab_course.mock.interview import ANSWERED, PASSED_OVER, Bank, partner_history
from ecrlab_course.mock.mix import EVIDENCE, INCIDENT, SPOKEN, Candidate, MixError, Slot, checked, draw
from ecrlab_course.questions.question import Question

_FOLLOWED = {"a": ANSWERED, "p": PASSED_OVER}


@dataclass(frozen=True)
class Code:
    """What the candidate reads aloud: level, minutes, mix; and the mix before it, with which it shares nothing."""

    level: str
    minutes: int
    mix: int
    after: int = 0

    def __str__(self) -> str:
        after = f" {say('mock.after')} {self.after}" if self.after else ""
        return f"{self.level} {self.minutes} {self.mix}{after}"


def read_code(text: str) -> Code:
    """Return a code as it is typed: mid 20 7, mid 20 8 after 7. Raises MixError for anything else."""
    found = re.fullmatch(r"\s*([a-z]+)\s+(\d{1,3})\s+(\d{1,6})(?:\s+after\s+(\d{1,6}))?\s*", text.lower())
    if found is None or not int(found[3]):
        raise MixError(say("mock.no_code", code=text.strip()))
    checked(int(found[2]), found[1])
    return Code(found[1], int(found[2]), int(found[3]), int(found[4] or 0))


def slots(pool: list[Candidate], code: Code) -> list[Slot]:
    """Return the parts that a code stands for, on every machine the same."""
    return draw(pool, code.minutes, code.level, code.mix, partner_history(pool, code.minutes, code.level, code.after))


class Ticks:
    """What an interviewer ticks: points, and whether the follow-up was answered, question by question."""

    def __init__(self, code: Code, asked: Sequence[Question]) -> None:
        self.code, self.asked = code, asked
        self.made: list[set[str]] = [set() for _ in asked]
        self.followed = ["-"] * len(asked)

    def tick(self, number: int, key: str, made: bool = True) -> None:
        """Tick a point of the question of that place (0 is the first), or take the tick away."""
        (self.made[number].add if made else self.made[number].discard)(key)

    def follow(self, number: int, mark: str) -> None:
        """Note of a follow-up: a, it was answered; p, passed; -, not asked."""
        self.followed[number] = mark

    def __str__(self) -> str:
        """The line that the candidate types in: 7: 1101a 10p."""
        words = [
            "".join(str(int(point.key in made)) for point in question.points) + followed
            for question, made, followed in zip(self.asked, self.made, self.followed, strict=True)
        ]
        return f"{self.code.mix}: {' '.join(words)}"


def take_ticks(record: MockRecord, bank: Bank, text: str) -> None:
    """Put a partner's line of ticks into the record; raise MixError when it is not this mock's."""
    parts = [part for part in record["parts"] if part["kind"] in SPOKEN]
    mix, colon, rest = text.strip().partition(":")
    words = rest.split()
    if not colon or not mix.strip().isdecimal() or int(mix) != record["mix"] or len(words) != len(parts):
        raise MixError(say("mock.no_ticks", mix=record["mix"], number=len(parts)))
    for part, word in zip(parts, words, strict=True):
        points = bank.questions[int(part["what"][1:])].points
        found = re.fullmatch(rf"([01]{{{len(points)}}})([ap-])", word)
        if found is None:
            raise MixError(say("mock.no_tick", word=word, number=len(points)))
        part["ticked"] = [point.key for point, bit in zip(points, found[1], strict=True) if bit == "1"]
        if found[2] in _FOLLOWED:
            part["follow"] = {"kind": "point", "point": "", "question": "", "outcome": _FOLLOWED[found[2]]}
        part["stage"] = "done"


def sheet(bank: Bank, code: Code, parts: Sequence[Slot]) -> str:
    """Return the interviewer's sheet as Markdown: questions, points to tick, what is asked next, the weak answer."""
    lines = [f"# {say('mock.sheet', code=code)}", "", *(f"- {rule}" for rule in rules()), ""]
    for number, slot in enumerate(parts, 1):
        lines += [f"## {number} {say(f'mock.part_{slot.kind}')} ({slot.seconds // 60}:{slot.seconds % 60:02})", ""]
        lines += _part(bank, slot)
    return "\n".join(lines)


def rules() -> list[str]:
    """Return the rules for interviewers."""
    return [line.strip() for line in say("mock.rules").splitlines() if line.strip()]


def _part(bank: Bank, slot: Slot) -> list[str]:
    if slot.kind == EVIDENCE:
        drill = bank.drills[slot.id]
        return [f"{slot.id}: {drill.situation}", "", f"*{say('mock.they_show')}* {drill.task}", ""]
    if slot.kind == INCIDENT:
        return [say("mock.they_fix", id=slot.id), ""]
    if slot.kind not in SPOKEN:
        return [say("mock.closing"), ""]
    question = bank.questions[int(slot.id[1:])]
    lines = [f"**{question.question}**", ""]
    for point in question.points:
        lines.append(f"- ☐ {' '.join(point.text.split())}")
        if point.follow_up:
            lines.append(f"  - {say('mock.then_ask')} {' '.join(point.follow_up.question.split())}")
            lines.append(f"  - {' '.join(point.follow_up.answer.split())}")
    return [*lines, "", f"{say('question.weak')}: {' '.join(question.weak.split())}", ""]


def questions_of(bank: Bank, parts: Sequence[Slot | PartRecord]) -> list[Question]:
    """Return the questions of the parts that have points, in order."""
    found = []
    for part in parts:
        kind, what = (part["kind"], part["what"]) if isinstance(part, dict) else (part.kind, part.id)
        if kind in SPOKEN:
            found.append(bank.questions[int(what[1:])])
    return found
