"""Two people at one mock: a code that both screens draw the same mix from, and the line of ticks."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from ecrlab.home import Home
from ecrlab_course.messages import say
from ecrlab_course.mock.book import MockRecord, PartRecord
from ecrlab_course.mock.interview import ANSWERED, PASSED_OVER, Bank
from ecrlab_course.mock.mix import SPOKEN, Candidate, MixError, Slot, checked, draw, partner_history
from ecrlab_course.progress import KeptFile
from ecrlab_course.questions.question import Question

FOLLOWED = {"a": ANSWERED, "n": PASSED_OVER}
"""What a letter behind the points says of the follow-up; a - says that it was not asked."""
_DASHES = dict.fromkeys((*range(0x2010, 0x2016), 0x2212), "-")
"""Hyphens, dashes and the minus sign: a chat or a word processor makes one of them of a -."""


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


def code_of(record: MockRecord) -> Code:
    """Return the code of a mock that was begun."""
    return Code(record["level"], record["minutes"], record["mix"], record["after"])


def slots(pool: list[Candidate], code: Code) -> list[Slot]:
    """Return the parts that a code stands for, on every machine the same."""
    return draw(pool, code.minutes, code.level, code.mix, partner_history(pool, code.minutes, code.level, code.after))


def check_number(parts: Sequence[Slot | PartRecord]) -> str:
    """Return four digits that differ where other parts were drawn: by another code, or by another ECR Lab."""
    drawn = " ".join(_kind_and_id(part)[1] for part in parts)
    return f"{int(sha256(drawn.encode()).hexdigest(), 16) % 10_000:04}"


class Ticks:
    """What an interviewer ticks: points, and whether the follow-up was answered, question by question."""

    def __init__(self, bank: Bank, code: Code, parts: Sequence[Slot | PartRecord]) -> None:
        self.code, self.asked, self.check = code, questions_of(bank, parts), check_number(parts)
        self.made: list[set[str]] = [set() for _ in self.asked]
        self.followed = ["-"] * len(self.asked)

    def tick(self, number: int, key: str, made: bool = True) -> None:
        """Tick a point of the question of that place (0 is the first), or take the tick away."""
        (self.made[number].add if made else self.made[number].discard)(key)

    def follow(self, number: int, mark: str) -> None:
        """Note of a follow-up: a, it was answered; n, not answered; -, not asked."""
        self.followed[number] = mark

    def __str__(self) -> str:
        """The line that the candidate types in: mid 20 7 / 0412: 1101a 10n."""
        words = [
            "".join(str(int(point.key in made)) for point in question.points) + followed
            for question, made, followed in zip(self.asked, self.made, self.followed, strict=True)
        ]
        return f"{self.code} / {self.check}: {' '.join(words)}"


class TickBook(KeptFile):
    """The ticks of mocks that are being asked: {"version": 1, "ticks": {line of code and check number: record}}."""

    parts = ("ticks",)

    def take(self, ticks: Ticks) -> int:
        """Put what is kept into the ticks; return the part at which the interviewer stood, 0 for a new mock."""
        found = self.read()["ticks"].get(self._key(ticks))
        if found is None:
            return 0
        ticks.made, ticks.followed = [set(keys) for keys in found["made"]], list(found["followed"])
        return int(found["at"])

    def keep(self, ticks: Ticks, at: int) -> None:
        """Write the ticks, and the part at which the interviewer stands."""
        record = {"at": at, "made": [sorted(keys) for keys in ticks.made], "followed": ticks.followed}

        def edit(data: dict[str, Any]) -> None:
            data["ticks"][self._key(ticks)] = record

        self.change(edit)

    def forget(self, ticks: Ticks) -> None:
        """Delete the ticks of a mock: its line was shown."""
        self.change(lambda data: data["ticks"].pop(self._key(ticks), None))
        self._before.unlink(missing_ok=True)

    @staticmethod
    def _key(ticks: Ticks) -> str:
        return f"{ticks.code} / {ticks.check}"


def tick_book(home: Home) -> TickBook:
    """Return the interviewer's file of a home: ticks.json, beside progress.json."""
    return TickBook(home.progress.with_name("ticks.json"))


def take_ticks(record: MockRecord, bank: Bank, text: str) -> None:
    """Put a partner's line of ticks into the record; raise MixError when it is not this mock's."""
    parts = [part for part in record["parts"] if part["kind"] in SPOKEN]
    words = _words(record, text.translate(_DASHES).lower())
    if len(words) != len(parts):
        raise MixError(say("mock.no_ticks", code=code_of(record), number=len(parts)))
    found = [_tick(bank.questions[int(part["what"][1:])], word) for part, word in zip(parts, words, strict=True)]
    for part, (made, mark) in zip(parts, found, strict=True):
        part["ticked"] = made
        if mark in FOLLOWED:
            part["follow"] = {"kind": "point", "point": "", "question": "", "outcome": FOLLOWED[mark]}
        part["stage"] = "done"


def _words(record: MockRecord, text: str) -> list[str]:
    """Return a line's words behind its code and check number; raise MixError where they are another mock's."""
    own, (head, colon, rest) = code_of(record), text.partition(":")
    code, slash, check = head.partition("/")
    if not (colon and slash):
        number = sum(part["kind"] in SPOKEN for part in record["parts"])
        raise MixError(say("mock.no_ticks", code=own, number=number))
    seen = read_code(code)
    if seen != own:
        raise MixError(say("mock.other_code", seen=seen, code=own))
    if check.strip() != check_number(record["parts"]):
        raise MixError(say("mock.other_parts", code=own))
    return rest.split()


def _tick(question: Question, word: str) -> tuple[list[str], str]:
    points = question.points
    found = re.fullmatch(rf"([01]{{{len(points)}}})([an-])", word)
    if found is None:
        raise MixError(say("mock.no_tick", word=word, number=len(points)))
    return [point.key for point, bit in zip(points, found[1], strict=True) if bit == "1"], found[2]


def questions_of(bank: Bank, parts: Sequence[Slot | PartRecord]) -> list[Question]:
    """Return the questions of the parts that have points, in order."""
    found = []
    for part in parts:
        kind, what = _kind_and_id(part)
        if kind in SPOKEN:
            found.append(bank.questions[int(what[1:])])
    return found


def _kind_and_id(part: Slot | PartRecord) -> tuple[str, str]:
    return (part["kind"], part["what"]) if isinstance(part, dict) else (part.kind, part.id)
