"""The interviewer's screen in a terminal: one part after the other, ticks by number, and the line of ticks."""

from __future__ import annotations

import re
from collections.abc import Callable

from rich.console import Console
from rich.markdown import Markdown

from ecrlab_course.messages import say
from ecrlab_course.mock.interview import Bank
from ecrlab_course.mock.mix import SPOKEN, Candidate
from ecrlab_course.mock.partner import Code, TickBook, Ticks, slots
from ecrlab_course.mock.sheet import head, part, rules, title
from ecrlab_course.questions.question import Question

Ask = Callable[[str], str]
BACK = "b"
"""What is typed to correct the part before."""


class Back(Exception):  # noqa: N818 - what an interviewer does, no error
    """The interviewer goes a part back."""


class Interviewer:
    """One mock from the other side. `ask` reads a line; the ticks are kept in `book` until their line is shown."""

    def __init__(
        self, bank: Bank, code: Code, pool: list[Candidate], console: Console, book: TickBook, ask: Ask = input
    ) -> None:
        self.bank, self.code, self.console, self.book, self._ask = bank, code, console, book, ask
        self.parts = slots(pool, code)
        self.ticks = Ticks(bank, code, self.parts)

    def run(self) -> str:
        """Go through the parts; return the line that the candidate types in."""
        self._begin()
        at = self.book.take(self.ticks)
        if at:
            self._print(say("mock.ticks_go_on", part=at + 1, all=len(self.parts)))
        while at < len(self.parts):
            at = self._step(at)
            self.book.keep(self.ticks, at)
        self._print(f"\n{say('mock.their_ticks')}\n{self.ticks}")
        self.book.forget(self.ticks)
        return str(self.ticks)

    def _begin(self) -> None:
        self.console.print(f"[bold]{title(self.code, self.parts)}[/bold]", highlight=False)
        self._mark("\n".join(f"- {rule}" for rule in rules()))
        self._mark(say("mock.tick_how"))

    def _print(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def _mark(self, text: str) -> None:
        self.console.print(Markdown(text))

    def _step(self, at: int) -> int:
        """Show a part and take what is ticked; return the next part, or the one before."""
        slot = self.parts[at]
        self.console.print(f"\n[bold]{head(at + 1, self.parts)}[/bold]", highlight=False)
        self._mark(part(self.bank, self.code, slot))
        try:
            if slot.kind in SPOKEN:
                self._tick(sum(each.kind in SPOKEN for each in self.parts[:at]))
            else:
                self._wanted(say("mock.they_work"), lambda word: word == "")
        except Back:
            return max(0, at - 1)
        return at + 1

    def _tick(self, number: int) -> None:
        """Take the points that were made and how the follow-up went; what was ticked before is replaced."""
        question = self.ticks.asked[number]
        most = len(question.points)
        word = self._wanted(say("mock.tick", most=most), lambda word: _numbers(word, most) is not None)
        self._note(number, question, _numbers(word, most) or set())
        self.ticks.follow(number, self._wanted(say("mock.tick_follow"), lambda word: word in ("", "a", "n")) or "-")

    def _note(self, number: int, question: Question, made: set[int]) -> None:
        for place, point in enumerate(question.points, 1):
            self.ticks.tick(number, point.key, place in made)

    def _wanted(self, asked: str, fits: Callable[[str], bool]) -> str:
        """Ask until the answer fits; raise Back for a b."""
        while not fits(word := self._ask(f"{asked} > ").strip().lower()):
            if word == BACK:
                raise Back
        return word


def _numbers(word: str, most: int) -> set[int] | None:
    """Return the numbers in "1 3", "1,3" or "13" (no question has ten points); None for anything else."""
    found = {int(each) for each in re.findall(r"[0-9]", word)}
    fits = re.fullmatch(r"[0-9 ,.;]*", word) and found <= set(range(1, most + 1))
    return found if fits else None
