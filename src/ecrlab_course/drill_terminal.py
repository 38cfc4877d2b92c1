"""Drills in a terminal: a conversation, one question after the other, each answer kept at once."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.markdown import Markdown
from rich.table import Table

from ecrlab import launch
from ecrlab.client import LabError
from ecrlab.environment import apply
from ecrlab.trouble import sentence
from ecrlab_course.desk import AnswerError, reason
from ecrlab_course.display import ICONS
from ecrlab_course.drill_desk import COLUMNS, Done, DrillDesk, when, why
from ecrlab_course.drills import LEVELS, Drill
from ecrlab_course.exercises import Outcome
from ecrlab_course.schedule import PASSED, Due

KEPT = "Kept as it is. `ecrlab_course drill` goes on here."


def console() -> Console:
    """Return a console of a readable width; in a pipe it is 100 characters wide."""
    made = Console()
    made.width = min(made.width, 100) if made.is_terminal else 100
    return made


def table(desk: DrillDesk, queue: list[Due]) -> Table:
    """Return all drills with what is due when."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for head in COLUMNS:
        made.add_column(head, no_wrap=head != "kind")
    for row in desk.rows(queue):
        made.add_row(*row)
    return made


class Conversation:
    """One session. `ask` reads a line (it raises EOFError at the end); `console` shows."""

    def __init__(self, desk: DrillDesk, console: Console, ask: Callable[[str], str] = input) -> None:
        self.desk = desk
        self.console = console
        self._ask = ask
        self._lab = True

    def say(self, text: str) -> None:
        """Show markdown."""
        self.console.print(Markdown(text))

    def title(self, text: str) -> None:
        """Show a heading."""
        self.console.print(f"\n[bold]{text}[/bold]", highlight=False)

    def yes(self, question: str) -> bool:
        """Ask until the answer is y or n."""
        while True:
            answer = self._ask(f"{question} [y/n] ").strip().lower()
            if answer in ("y", "yes", "n", "no"):
                return answer[0] == "y"
            self.console.print("y or n, please.")

    # A session -------------------------------------------------------------------------------------------------------

    def session(self, queue: list[Due]) -> None:
        """Do the drills of the queue, one after the other, as long as the learner wants to."""
        for number, item in enumerate(queue):
            if number and not self.yes(f"\n{len(queue) - number} more today, the next is {item.id}. Go on?"):
                return
            self.drill(item.id, why(item))

    def drill(self, identifier: str, because: str = "") -> Done:
        """Do one drill from where it stands to its rating."""
        drill, desk = self.desk.drill(identifier), self.desk
        begun = desk.begin(identifier)
        head = f"{drill.id} · {drill.kind} · {LEVELS[drill.level]} · lesson {drill.lesson}"
        self.title(head + (f" · {because}" if because else ""))
        self._build(identifier)
        self.title("Situation")
        self.say(drill.situation)
        self.title("Question")
        self.say(drill.question)
        self._answer(identifier, begun)
        self._points(drill)
        self._evidence(drill)
        done = desk.finish(identifier, without_lab=not self._lab)
        due = when(done.due, desk.schedule.clock())
        self.console.print(f"\n[bold]{done.rating}[/bold]: {done.why}. Due again {due}.", highlight=False)
        return done

    def _build(self, identifier: str) -> None:
        try:
            launch.start(self.desk.home, lambda line: self.console.print(line, highlight=False, markup=False))
            if not self.desk.ready(identifier):
                self.desk.prepare(identifier)
            self._lab = True
        except (launch.LaunchError, LabError, OSError) as error:
            self._lab = False
            self.console.print(f"{reason(error)}\nThis drill goes on without its evidence.", markup=False)

    def _answer(self, identifier: str, begun: bool) -> None:
        opened = self.desk.opened(identifier)
        lines = str(opened.get("text", "")).splitlines()
        if lines:
            self.title("Your answer so far")
            self.console.print("\n".join(lines), markup=False, highlight=False)
        while not self.desk.opened(identifier).get("revealed"):
            self.title(f"{'Go on with it' if lines else 'Your answer'}; an empty line ends it")
            while line := self._ask("> ").strip():
                lines.append(line)
                self.desk.write(identifier, "\n".join(lines))
            try:
                self.desk.reveal(identifier)
            except AnswerError as error:
                self.console.print(str(error), markup=False)

    def _points(self, drill: Drill) -> None:
        desk, identifier = self.desk, drill.id
        if "made" not in desk.opened(identifier):
            self.title("Key points: did your answer make them?")
            for point in drill.points:
                ticked = desk.opened(identifier).get("ticked", {})
                if point.key not in ticked:
                    self.say(f"- {point.text}")
                    desk.tick(identifier, point.key, self.yes("  Made?"))
            ticked = desk.opened(identifier).get("ticked", {})
            follow_up = desk.mark(identifier, [key for key, made in ticked.items() if made])
            self.title("And then?")
            self.say(follow_up.question)
            self._ask("Say it, then press Enter. ")
            self.say(follow_up.answer)
        self.title("A model answer")
        self.say(drill.model)
        self.title("The weak answer people give")
        self.say(drill.weak)

    # Evidence --------------------------------------------------------------------------------------------------------

    def _evidence(self, drill: Drill) -> None:
        if not self._lab or self.desk.opened(drill.id).get("evidence") == PASSED:
            return
        self.title(f"Show it, in about {drill.seconds} s")
        self.say(drill.task)
        people = f"; profiles: admin, {', '.join(drill.people)}" if drill.people else ""
        self.console.print(
            f"Account {self.desk.lab(drill.id).account}, registry {self.desk.lab(drill.id).registry}{people}."
        )
        command = f"{shlex.quote(sys.argv[0])} drill --home {shlex.quote(str(self.desk.home.path))} --env"
        self.console.print(f'In another terminal: eval "$({command})"; or s for a shell here.', markup=False)
        while True:
            word = self._ask("Enter: check · s: shell · h: hint · p: build the state again · x: leave it out > ")
            word = word.strip().lower()
            if word == "x":
                return
            if word == "s":
                self._shell(drill)
            elif word == "h":
                tip = self.desk.hint(drill.id)
                self.say(f"**Hint {tip.number} of {len(drill.hints)}.** {tip.text}")
            elif word == "p":
                self._build_again(drill)
            elif word:
                self.console.print("One of s, h, p, x, or Enter alone, please.")
            elif self._checked(drill):
                return

    def _checked(self, drill: Drill) -> bool:
        findings = {}
        for finding in drill.findings:
            if finding.options:
                self.console.print(finding.label, markup=False)
                for number, option in enumerate(finding.options, 1):
                    self.console.print(f"  {number}  {option}", markup=False, highlight=False)
                findings[finding.key] = self._chosen(finding.options)
            else:
                findings[finding.key] = self._ask(f"{finding.label} > ").strip()
        verdict = self.desk.check(drill.id, findings)
        self.say(f"{ICONS[verdict.outcome]} **{verdict.outcome.value}** {verdict.message}")
        return verdict.outcome is Outcome.PASSED

    def _chosen(self, options: Sequence[str]) -> str:
        """Ask until the answer is an option's number, or nothing: "" leaves it open."""
        while typed := self._ask("  number > ").strip():
            if re.fullmatch(r"[0-9]{1,2}", typed) and 0 < int(typed) <= len(options):
                return options[int(typed) - 1]
            self.console.print(f"A number from 1 to {len(options)}, or Enter alone to leave it open.", markup=False)
        return ""

    def _build_again(self, drill: Drill) -> None:
        try:
            self.desk.prepare(drill.id)
            self.console.print("The state is as it was at first.")
        except Exception as error:
            self.console.print(reason(error), markup=False)

    def _shell(self, drill: Drill) -> None:
        lab = self.desk.lab(drill.id)
        environ = apply(lab.variables(), os.environ)
        environ["PS1"] = f"({drill.id}) \\W$ "
        self.console.print("`exit` comes back here.", markup=False)
        try:
            subprocess.run(["bash", "--norc", "--noprofile", "-i"], env=environ, cwd=lab.folder, check=False)
        except OSError as error:
            self.console.print(f"No shell: {sentence(error)}", markup=False)
