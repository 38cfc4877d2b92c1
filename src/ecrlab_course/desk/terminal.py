"""The desk in a terminal: short commands that act on the ticket that is open, and print."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from rich.console import Console
from rich.markdown import Markdown

from ecrlab_course.desk import paper
from ecrlab_course.desk.desk import Desk, DeskError
from ecrlab_course.desk.incident import LINES
from ecrlab_course.desk.judgement_words import lines
from ecrlab_course.desk.ticket import Ticket
from ecrlab_course.messages import say
from ecrlab_course.views.display import plain


def console() -> Console:
    """Return a console of a readable width; in a pipe it is 100 characters wide."""
    made = Console()
    made.width = min(made.width, 100) if made.is_terminal else 100
    return made


class Counter:
    """What stands between the desk and whoever types: it says what the desk says. `ask` reads a line."""

    def __init__(self, desk: Desk, console: Console, ask: Callable[[str], str] = input) -> None:
        self.desk = desk
        self.console = console
        self._ask = ask

    def _print(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False)

    def _mark(self, text: str) -> None:
        self.console.print(Markdown(text))

    # Showing ---------------------------------------------------------------------------------------------------------

    def dealt(self, tickets: Sequence[Ticket]) -> None:
        """Show what was dealt: one ticket, or the three of a night shift."""
        for ticket in tickets:
            self._print(paper.text(self.desk, ticket))
            self._print("")
        self._print(plain(paper.where(self.desk, tickets)))
        self._print(say("desk.words_many" if len(tickets) > 1 else "desk.words"))

    def show(self, place: int | None) -> None:
        """Show a ticket as it stands; of a night shift without a place, all three in a line each."""
        tickets = self.desk.open()
        if place is None and len(tickets) > 1:
            self._print(paper.overview(tickets))
            self._print(say("desk.words_many"))
            return
        self._print(paper.text(self.desk, self.desk.ticket(place)))
        self._print(plain(paper.where(self.desk, [self.desk.ticket(place)])))

    def _head(self, ticket: Ticket) -> None:
        """Say which of several tickets is meant."""
        if len(self.desk.open()) > 1:
            self._print(paper.title(ticket))

    # Acting ----------------------------------------------------------------------------------------------------------

    def run(self, place: int | None) -> int:
        """Run the ticket's command as its caller; return its exit code."""
        ticket = self.desk.ticket(place)
        self._head(ticket)
        self._print(f"$ {self.desk.command(ticket)}")
        ran = self.desk.run(ticket)
        self._print(ran.text)
        self._print(say("desk.ended", code=ran.code))
        return ran.code

    def check(self, place: int | None) -> bool:
        """Say whether the ticket is fixed, in three lines; tell whether it is closed."""
        ticket = self.desk.ticket(place)
        found = self.desk.check(ticket)
        for line in lines(self.desk, ticket, found):
            self._mark(line)
        ticket = next(each for each in self.desk.open() if each.id == ticket.id)
        self._print(f"{paper.title(ticket)} · {paper.state(ticket)}")
        if ticket.is_closed:
            for head, text in paper.after(self.desk, ticket):
                self.console.print(f"\n[bold]{head}[/bold]", highlight=False)
                self._mark(text)
            self._print("\n" + say("desk.then_postmortem"))
        return ticket.is_closed

    def cause(self, letter: str, place: int | None) -> None:
        """Name the cause."""
        ticket = self.desk.ticket(place)
        chosen = self.desk.choose(ticket, letter)
        self._head(ticket)
        self._print(say("desk.named", letter=chosen.letter, text=self.desk.told(ticket, chosen.text)))

    def hint(self, place: int | None) -> None:
        """Show the next hint."""
        ticket = self.desk.ticket(place)
        number, text = self.desk.hint(ticket)
        self._head(ticket)
        self._print(say("desk.hint_of", number=number))
        self._mark(text)

    def postmortem(self, place: int | None, interactive: bool, piped: Iterable[str] = ()) -> None:
        """Ask for the five lines that are missing, and for the ticks once ours stand beside them.

        Where nobody can be asked, the lines are taken from `piped`, in order.
        """
        ticket = self.desk.to_write_about(place)
        given = iter(piped)
        self._write(ticket, self._ask if interactive else lambda _: next(given, ""))
        self._print(paper.postmortem(self.desk, ticket))
        if interactive and ticket.is_closed:
            ticks = [line for line in LINES if self._yes(f"{say(paper.tick_of(line))} [y/n] ")]
            self.desk.write_postmortem(ticket, {}, ticks)

    def _write(self, ticket: Ticket, ask: Callable[[str], str]) -> None:
        mine, _ = self.desk.postmortem(ticket)
        for line in LINES:
            if not mine[line]:
                typed = ask(f"{say(paper.key_of(line))} > ").strip()
                if typed:
                    self.desk.write_postmortem(ticket, {line: typed})

    def _yes(self, question: str) -> bool:
        while True:
            answer = self._ask(question).strip().lower()
            if answer in ("y", "yes", "n", "no"):
                return answer[0] == "y"


def ticket_named(word: str) -> int | None:
    """Return the place of a ticket of a night shift; None for "". Raises DeskError for another word."""
    if not word:
        return None
    if not re.fullmatch(r"\d", word):
        raise DeskError(say("desk.place_wanted", word=word))
    return int(word)
