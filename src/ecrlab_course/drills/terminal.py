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

from ecrlab.client import LabError
from ecrlab.environment import apply
from ecrlab.host import launch
from ecrlab.trouble import sentence
from ecrlab_course.documents.verdict import Outcome
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Drill, Finding
from ecrlab_course.drills.drill_session import COLUMNS, Done, DrillSession, when, why
from ecrlab_course.drills.schedule import PASSED, Due
from ecrlab_course.failure import reason
from ecrlab_course.kinds.entry import AnswerError
from ecrlab_course.listening.listener import sentences
from ecrlab_course.listening.marking import heard_words
from ecrlab_course.messages import say
from ecrlab_course.views.display import ICONS


def console() -> Console:
    """Return a console of a readable width; in a pipe it is 100 characters wide."""
    made = Console()
    made.width = min(made.width, 100) if made.is_terminal else 100
    return made


def table(session: DrillSession, queue: list[Due]) -> Table:
    """Return all drills with what is due when."""
    made = Table(box=None, pad_edge=False, header_style="bold")
    for head in COLUMNS:
        made.add_column(head, no_wrap=head != "kind")
    for row in session.rows(queue):
        made.add_row(*row)
    return made


class Conversation:
    """One evening of drills. `ask` reads a line (it raises EOFError at the end); `console` shows."""

    def __init__(self, session: DrillSession, console: Console, ask: Callable[[str], str] = input) -> None:
        self.session = session
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
            self.console.print(say("drill.yes_or_no"))

    # A whole evening --------------------------------------------------------------------------------------------------

    def go_through(self, queue: list[Due]) -> None:
        """Do the drills of the queue, one after the other, as long as the learner wants to."""
        for number, item in enumerate(queue):
            if number and not self.yes("\n" + say("drill.go_on", number=len(queue) - number, id=item.id)):
                return
            self.drill(item.id, why(item))

    def drill(self, identifier: str, because: str = "") -> Done:
        """Do one drill from where it stands to its rating."""
        drill, session = self.session.drill(identifier), self.session
        begun = session.begin(identifier)
        head = f"{drill.id} · {say('drill.head', kind=drill.kind, level=drill.level_words, lesson=drill.lesson)}"
        self.title(head + (f" · {because}" if because else ""))
        self._build(identifier)
        self.title(say("drill.situation"))
        self.say(drill.situation)
        self.title(say("drill.question").rstrip("."))
        self.say(drill.question)
        session.ask(identifier)
        self._answer(identifier, begun)
        self._points(drill)
        self._evidence(drill)
        done = session.finish(identifier, without_lab=not self._lab)
        due = when(done.due, session.schedule.clock())
        self.console.print(
            f"\n[bold]{done.rating}[/bold]: {done.why}. {say('drill.due_again', when=due)}", highlight=False
        )
        return done

    def _build(self, identifier: str) -> None:
        try:
            launch.start(self.session.home, lambda line: self.console.print(line, highlight=False, markup=False))
            if not self.session.ready(identifier):
                self.session.prepare(identifier)
            self._lab = True
        except (launch.LaunchError, LabError, OSError) as error:
            self._lab = False
            self.console.print(f"{reason(error)}\n{say('drill.no_evidence')}", markup=False)

    def _answer(self, identifier: str, begun: bool) -> None:
        opened = self.session.opened(identifier)
        lines = str(opened.get("text", "")).splitlines()
        if lines:
            self.title(say("drill.so_far"))
            self.console.print("\n".join(lines), markup=False, highlight=False)
        while not self.session.opened(identifier).get("revealed"):
            self.title(say("drill.go_on_with_it" if lines else "drill.your_answer"))
            while line := self._ask("> ").strip():
                lines.append(line)
                self.session.write(identifier, "\n".join(lines))
            try:
                self.session.reveal(identifier)
            except AnswerError as error:
                self.console.print(str(error), markup=False)

    def _points(self, drill: Drill) -> None:
        session, identifier = self.session, drill.id
        if "made" not in session.opened(identifier):
            self._mark(drill)
        answers = session.opened(identifier).get("follow") or {}
        for number, follow_up in enumerate(session.follow_ups(identifier)):
            if str(number) not in answers:
                self.title(say("drill.then"))
                self.say(follow_up.question)
                session.follow(identifier, number, self._ask(say("drill.say_it") + " > "))
                self.say(follow_up.answer)
        self.title(say("drill.model"))
        self.say(drill.model)
        self.title(say("drill.weak"))
        self.say(drill.weak)

    def _mark(self, drill: Drill) -> None:
        """Show what was heard of each point; the learner's word counts, against the listener's too."""
        session, identifier = self.session, drill.id
        self.title(say("drill.key_points"))
        heard = session.heard(identifier)
        said = sentences(str(session.opened(identifier).get("text", "")))
        if not all(each.made for each in heard.values()):
            self.say(say("drill.mark_how"))
            for number, sentence in enumerate(said, 1):
                self.console.print(f"  [{number}] {sentence}", markup=False, highlight=False)
        words: dict[str, str] = {}
        for point in drill.points:
            ticked = session.opened(identifier).get("ticked", {})
            if point.key not in ticked:
                self.say(f"- {point.text}")
                self.console.print(f"  {heard_words(heard[point.key])}", markup=False, highlight=False)
                made, sentence = self._made(said)
                words[point.key] = sentence
                session.tick(identifier, point.key, made)
        ticked = session.opened(identifier).get("ticked", {})
        session.mark(identifier, [key for key, made in ticked.items() if made], words)

    def _made(self, said: Sequence[str]) -> tuple[bool, str]:
        """Ask whether the answer made a point: y, n, or the number of the sentence that did."""
        while True:
            answer = self._ask(f"  {say('drill.made')} [y/n/1-{len(said)}] ").strip().lower()
            if answer in ("y", "yes", "n", "no"):
                return answer[0] == "y", ""
            if re.fullmatch(r"[0-9]{1,2}", answer) and 0 < int(answer) <= len(said):
                return True, said[int(answer) - 1]
            self.console.print(say("drill.yes_no_sentence"))

    # Evidence --------------------------------------------------------------------------------------------------------

    def _evidence(self, drill: Drill) -> None:
        if not self._lab or self.session.opened(drill.id).get("evidence") == PASSED:
            return
        self.title(say("drill.show", seconds=drill.seconds))
        self.say(drill.task)
        lab = self.session.lab(drill.id)
        people = say("drill.profiles", people=", ".join(drill.people)) if drill.people else ""
        self.console.print(say("drill.where", account=lab.account, registry=lab.registry, people=people))
        command = f"{shlex.quote(sys.argv[0])} drill --home {shlex.quote(str(self.session.home.path))} --env"
        self.console.print(say("drill.other_terminal", command=command), markup=False)
        while True:
            word = self._ask(say("drill.choices") + " > ")
            word = word.strip().lower()
            if word == "x":
                return
            if word == "s":
                open_shell(self.session.lab(drill.id), drill.id, self._plain)
            elif word == "h":
                tip = self.session.hint(drill.id)
                self.say(f"**{say('card.hint_of', number=tip.number, all=len(drill.hints))}.** {tip.text}")
            elif word == "p":
                self._build_again(drill)
            elif word:
                self.console.print(say("drill.one_of"))
            elif self._checked(drill):
                return

    def _checked(self, drill: Drill) -> bool:
        findings = {}
        for finding in drill.findings:
            if finding.options:
                findings[finding.key] = choose_option(finding, self._ask, self._plain)
            else:
                findings[finding.key] = self._ask(f"{finding.label} > ").strip()
        verdict = self.session.check(drill.id, findings)
        self.say(f"{ICONS[verdict.outcome]} **{verdict.outcome.words}** {verdict.message}")
        return verdict.outcome is Outcome.PASSED

    def _build_again(self, drill: Drill) -> None:
        try:
            self.session.prepare(drill.id)
            self.console.print(say("drill.was_built"))
        except Exception as error:
            self.console.print(reason(error), markup=False)

    def _plain(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False)


def choose_option(finding: Finding, ask: Callable[[str], str], tell: Callable[[str], object]) -> str:
    """Ask until the answer is an option's number, or nothing; return the option's key, "" where it is left open."""
    options = list(finding.options)
    tell(finding.label)
    for number, text in enumerate(finding.options.values(), 1):
        tell(f"  {number}  {text}")
    while typed := ask(f"  {say('drill.number')} > ").strip():
        if re.fullmatch(r"[0-9]{1,2}", typed) and 0 < int(typed) <= len(options):
            return options[int(typed) - 1]
        tell(say("drill.a_number", most=len(options)))
    return ""


def open_shell(lab: DrillLab, name: str, tell: Callable[[str], object]) -> None:
    """Open a shell in the drills' account, and come back when it ends."""
    environ = apply(lab.variables(), os.environ)
    environ["PS1"] = f"({name}) \\W$ "
    tell(say("drill.exit"))
    try:
        subprocess.run(["bash", "--norc", "--noprofile", "-i"], env=environ, cwd=lab.folder, check=False)
    except OSError as error:
        tell(say("drill.no_shell", error=sentence(error)))
