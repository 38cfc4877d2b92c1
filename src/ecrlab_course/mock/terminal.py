"""The mock interview in a terminal: a conversation in which nobody helps; and the scorecard behind it."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable, Sequence

from rich.console import Console
from rich.markdown import Markdown

from ecrlab.host import launch
from ecrlab_course.desk import paper
from ecrlab_course.documents.verdict import Outcome
from ecrlab_course.drills.drill_session import clocked, is_answer
from ecrlab_course.drills.terminal import choose_option, open_shell
from ecrlab_course.kinds.entry import AnswerError
from ecrlab_course.listening.listener import Heard, is_said, sentences
from ecrlab_course.listening.marking import HEARD, LEFT, heard_words
from ecrlab_course.messages import say
from ecrlab_course.mock.book import PartRecord
from ecrlab_course.mock.interview import FOLLOW, GIVEN, Interview
from ecrlab_course.mock.mix import EVIDENCE, INCIDENT, MixError
from ecrlab_course.mock.partner import check_number, code_of, take_ticks
from ecrlab_course.mock.scorecard import Scorecard, scorecard
from ecrlab_course.questions.question import Question
from ecrlab_course.views.display import label, plain

Ask = Callable[[str], str]


class Leave(Exception):  # noqa: N818 - what a learner does, no error
    """The candidate passes a part."""


class MockConversation:
    """One mock interview. `ask` reads a line (it raises EOFError at the end); `console` shows."""

    def __init__(self, interview: Interview, console: Console, ask: Ask = input) -> None:
        self.interview = interview
        self.console = console
        self._ask = ask

    # Showing ---------------------------------------------------------------------------------------------------------

    def _print(self, text: str = "") -> None:
        self.console.print(text, markup=False, highlight=False)

    def _mark(self, text: str) -> None:
        self.console.print(Markdown(_quoted(text)))

    def _title(self, text: str) -> None:
        self.console.print(f"\n[bold]{text}[/bold]", highlight=False)

    def _clock(self) -> None:
        """Show the clock: of the whole, and of this part."""
        if self.interview.record["clock"]:
            self.interview.tick()
            whole, part = self.interview.left()
            self._print(f"[{left_words(whole)} · {say('mock.this_part', time=left_words(part))}]")

    # The whole -------------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Say what comes before the clock runs: nobody helps; the lab must answer."""
        record = self.interview.record
        self._title(say("mock.title", level=record["level"], minutes=record["minutes"], mix=record["mix"]))
        self._mark(say("mock.opening", minutes=record["minutes"]))
        launch.start(self.interview.home, self._print)
        if any(part["kind"] == INCIDENT for part in self.interview.parts):
            self._mark(say("mock.takes_town"))
        if record["partner"]:
            self.show_code()
        self._ask(say("mock.press_begin"))

    def show_code(self) -> None:
        """Show a partner's code, and the check number that tells whether both have the same parts."""
        record = self.interview.record
        self._mark(say("mock.read_aloud", code=code_of(record), check=check_number(record["parts"])))

    def run(self) -> Scorecard:
        """Ask every part from where it stands, then mark, then show the scorecard."""
        while (part := self.interview.open()) is not None:
            number = self.interview.record["at"] + 1
            kind = say(f"mock.part_{part['kind']}")
            self._title(f"{number}/{len(self.interview.parts)} · {kind}")
            self._clock()
            try:
                self._part(part)
            except Leave:
                self.interview.pass_over()
                self._print(say("mock.passed_over"))
        return self.finish()

    def finish(self) -> Scorecard:
        """Mark what was said, close the mock as it stands, and show its scorecard."""
        if self.interview.record["partner"]:
            self._partner()
        else:
            self._review()
        self.interview.close()
        card = scorecard(self.interview.bank, self.interview.book.records(), self.interview.number)
        self._print("\n" + card.text)
        return card

    # Parts -----------------------------------------------------------------------------------------------------------

    def _part(self, part: PartRecord) -> None:
        if part["kind"] == EVIDENCE:
            self._evidence(part)
        elif part["kind"] == INCIDENT:
            self._incident(part)
        else:
            self._words(part)

    def _words(self, part: PartRecord) -> None:
        interview = self.interview
        if part.get("stage") != FOLLOW:
            self._mark(interview.asked(part))
            aloud = interview.record["aloud"] or interview.record["partner"]
            self._typed(part.get("text", ""), say("mock.key_words" if aloud else "mock.your_answer"))
        if part.get("stage") == FOLLOW or interview.done() == FOLLOW:
            self._mark(f"\n{part['follow']['question']}")
            self._typed(part["follow"].get("text", ""), say("mock.your_answer"))
            interview.done()

    def _typed(self, so_far: str, title: str) -> None:
        """Read lines until an empty one; a line with a p alone passes."""
        lines = so_far.splitlines()
        self._print(title)
        for line in lines:
            self._print(f"> {line}")
        while line := self._ask("> ").strip():
            if line.lower() == "p" and not lines:
                raise Leave
            lines.append(line)
            self.interview.write("\n".join(lines))

    def _evidence(self, part: PartRecord) -> None:
        interview = self.interview
        drill, lab = interview.bank.drills[part["what"]], interview.evidence.lab(part["what"])
        self._mark(interview.asked(part))
        people = say("drill.profiles", people=", ".join(drill.people)) if drill.people else ""
        self._print(say("drill.where", account=lab.account, registry=lab.registry, people=people))
        command = f"{shlex.quote(sys.argv[0])} drill --home {shlex.quote(str(interview.home.path))} --env"
        self._print(say("drill.other_terminal", command=command))
        while part.get("outcome") != GIVEN:
            word = self._ask(say("mock.evidence_choices") + " > ").strip().lower()
            if word == "p":
                raise Leave
            if word == "s":
                open_shell(lab, drill.id, self._print)
            elif word:
                self._print(say("mock.one_of", words="s, p"))
            else:
                findings = {}
                for finding in drill.findings:
                    if finding.options:
                        findings[finding.key] = choose_option(finding, self._ask, self._print)
                    else:
                        findings[finding.key] = self._ask(f"{finding.label} > ").strip()
                verdict = interview.check(findings)
                known = verdict.outcome is not Outcome.UNKNOWN
                self._print(say(f"mock.{'seen' if part.get('outcome') == GIVEN else 'not_seen'}") if known else "")
                if not known:
                    self._mark(verdict.message)
            self._clock()
        interview.done()

    def _incident(self, part: PartRecord) -> None:
        interview, desk = self.interview, self.interview.desk
        ticket = interview.ticket
        self._print(paper.text(desk, ticket))
        self._mark(paper.where(desk, [ticket]))
        letters = [each.letter for each in desk.choices(ticket)]
        while part.get("outcome") != GIVEN:
            word = self._ask(say("mock.incident_choices", letters="/".join(letters)) + " > ").strip().lower()
            if word == "pass":
                raise Leave
            if word == "run":
                ran = desk.run(ticket)
                self._print(f"$ {desk.command(ticket)}\n{ran.text}\n{say('desk.ended', code=ran.code)}")
            elif word in letters:
                chosen = desk.choose(ticket, word)
                self._print(say("desk.named", letter=chosen.letter, text=label(desk.told(ticket, chosen.text))))
            elif word:
                self._print(say("mock.one_of", words=f"run, pass, {', '.join(letters)}"))
            else:
                interview.check_ticket()
                self._print(say("mock.seen" if part.get("outcome") == GIVEN else "mock.not_closed"))
            self._clock()
        interview.done()

    # The end ---------------------------------------------------------------------------------------------------------

    def _review(self) -> None:
        """Show what was heard; the candidate says what was said in other words, and what was not meant."""
        aloud = self.interview.record["aloud"]
        spoken = [part for part in self.interview.spoken() if aloud or part.get("text", "").strip()]
        if not spoken:
            return
        self._title(say("mock.review"))
        self._mark(say("mock.review_how"))
        for part in spoken:
            self._review_one(part, self.interview.question(part))

    def _review_one(self, part: PartRecord, question: Question) -> None:
        said, aloud = sentences(part.get("text", "")), self.interview.record["aloud"]
        self._title(plain(_quoted(question.question)))
        for number, sentence in enumerate(said, 1):
            self._print(f"  [{number}] {sentence}")
        if not (aloud or is_said(part.get("text", ""))):
            self._print(say("mock.no_answer"))
            return
        for point in question.points:
            words = part.get("heard", {}).get(point.key, "")
            heard = Heard(point.key in part.get("heard", {}), words, part.get("against", {}).get(point.key, ""))
            self._mark(f"- {point.text}")
            if heard.made or heard.against:
                self._print(f"  {heard_words(heard)}")
            self._objection(part, point.key, said)

    def _objection(self, part: PartRecord, key: str, said: Sequence[str]) -> None:
        state = self.interview.marking(part).states[key]
        asked = say("mock.ask_heard" if state == HEARD else "mock.ask_left", most=len(said))
        while word := self._ask(f"  {asked} > ").strip().lower():
            if state == HEARD and word == "n":
                return self.interview.disown(part, key)
            number = int(word) if re.fullmatch(r"[0-9]{1,2}", word) else 0
            if state == LEFT and (word == "y" or 0 < number <= len(said)):
                return self._object(part, key, said[number - 1] if number else "")
            self._print(asked)
        return None

    def _object(self, part: PartRecord, key: str, sentence: str) -> None:
        """Keep an objection; its next question is asked until it is answered, or the objection taken back."""
        try:
            if not self._wants_answer(part, key):
                return self.interview.object(part, key, sentence)
            asked = self.interview.point(part, key).follow_up
            self._mark(f"{say('mock.follow_title')} {asked.question if asked else ''}")
            while not is_answer(answer := self._ask(f"  {say('mock.ask_answer')} > ").strip()):
                if not answer:
                    return self._print(f"  {say('mock.taken_back')}")
                self._print(f"  {say('mock.answers_nothing')}")
            self.interview.object(part, key, sentence, answer)
        except AnswerError as error:
            self._mark(str(error))
        return None

    def _wants_answer(self, part: PartRecord, key: str) -> bool:
        """Tell whether an objection costs a question: the point has one, and the interview had no answer to it yet."""
        asks = self.interview.point(part, key).follow_up is not None and not self.interview.record["aloud"]
        return asks and not self.interview.given_answer(part, key)

    def _partner(self) -> None:
        """Take the interviewer's line of ticks; without it, nothing is marked."""
        while line := self._ask(say("mock.ask_ticks") + " > ").strip():
            try:
                return take_ticks(self.interview.record, self.interview.bank, line)
            except MixError as error:
                self._mark(str(error))
        return None


def _quoted(text: str) -> str:
    """Return markdown whose code stands in quotes: a terminal drops the ticks, and code reads like prose then."""
    return re.sub(r"(?<!`)`([^`]+)`(?!`)", r"'`\1`'", text)


def left_words(seconds: float) -> str:
    """Return what is left, or by how much it is over."""
    return say("mock.left_of", time=clocked(seconds)) if seconds >= 0 else say("mock.over_by", time=clocked(-seconds))
