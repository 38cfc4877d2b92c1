"""The mock interview on a page: a clock, one part after the other, what was heard, and the scorecard."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.resources import files
from pathlib import Path
from textwrap import shorten
from typing import Any

from ecrlab_course.desk import paper
from ecrlab_course.desk.desk import Desk
from ecrlab_course.documents.verdict import Outcome, Verdict
from ecrlab_course.kinds.entry import AnswerError
from ecrlab_course.kinds.inputs import WIDE
from ecrlab_course.listening.listener import Heard, is_said, sentences
from ecrlab_course.listening.marking import HEARD, SAID, heard_words
from ecrlab_course.messages import say
from ecrlab_course.mock.book import PartRecord
from ecrlab_course.mock.interview import FOLLOW, GIVEN, Interview
from ecrlab_course.mock.mix import EVIDENCE, INCIDENT, MixError
from ecrlab_course.mock.page import card_shown, export
from ecrlab_course.mock.partner import check_number, code_of, take_ticks
from ecrlab_course.mock.scorecard import Scorecard, nothing, scorecard
from ecrlab_course.mock.terminal import left_words
from ecrlab_course.notebook.cards import ActingCard
from ecrlab_course.notebook.desk_card import ran_shown
from ecrlab_course.questions.question import KeyPoint
from ecrlab_course.views.display import escape, keyboard, markdown, note, plain, style, verdict_html

ipywidgets: Any = import_module("ipywidgets")

_cards = itertools.count(1)
SOON = 30
"""Seconds before the end of a part at which its clock changes its colour."""
UNMEANT = "unmeant"


@cache
def own_style() -> str:
    """Return the style element of mock interviews and of the page of readiness."""
    css = (files("ecrlab_course.views") / "interview.css").read_text(encoding="utf-8")
    return f"<style>{' '.join(css.split())}</style>"


def form(interview: Interview) -> str:
    """Return what the card begins with as plain text, for terminals, tests and pages where nothing runs."""
    record = interview.record
    title = say("mock.title", level=record["level"], minutes=record["minutes"], mix=record["mix"])
    words = plain(say("mock.opening_card", minutes=record["minutes"]))
    return f"{title}\n\n{words}\n\n{say('mock.terminal', minutes=record['minutes'], level=record['level'])}"


def static(interview: Interview) -> str:
    """Return the same as HTML."""
    return f'<div class="ecr-card">{markdown(form(interview))}</div>'


def bar(*buttons: Any) -> Any:
    """Return buttons in a row."""
    made = ipywidgets.Box(list(buttons))
    made.add_class("ecr-buttons")
    return made


class PagedCard(ActingCard):
    """A card with a head and one body that changes; `say_here` is where it speaks."""

    def __init__(self, name: str) -> None:
        self._keyboard = keyboard(f"ecr-{name}-{next(_cards)}")
        self._head, self._said = ipywidgets.HTML(), ipywidgets.HTML()
        self._body = ipywidgets.VBox([])
        self.box = ipywidgets.VBox([self._head, self._body, self._said])
        self.box.add_class("ecrlab")
        self.box.add_class("ecr-exercise")

    def _title(self, title: str, more: str = "") -> None:
        kind = f' <span class="ecr-kind">{escape(more)}</span>' if more else ""
        self._head.value = (
            f'{style(self._keyboard)}{own_style()}<div class="ecr-head"><b>{escape(title)}</b>{kind}</div>'
        )

    def _button(self, name: str, action: Callable[[], None], primary: bool = False) -> Any:
        button = ipywidgets.Button(description=name)
        if primary:
            button.add_class("ecr-primary")
        button.on_click(lambda _button: self._soon(action))
        return button

    def _area(self, label: str, text: str, keep: Callable[[str], None], rows: int = 6) -> Any:
        area = ipywidgets.Textarea(value=text, description=label, rows=rows, style=WIDE)
        area.observe(lambda change: keep(str(change["new"])), "value")
        box = ipywidgets.VBox([area])
        box.add_class("ecr-written")
        return box

    def _show(self, *parts: Any) -> None:
        self._said.value = ""
        self._body.children = parts

    def _html(self, html: str) -> Any:
        return ipywidgets.HTML(html)

    def _want(self, words: str) -> None:
        self._said.value = f'<div class="ecr-soft" role="status">{markdown(words)}</div>'

    def _say(self, verdict: Verdict) -> None:
        self._said.value = verdict_html(verdict)


class MockCard(PagedCard):
    """One mock interview. All state is the interview's; a card made again goes on where it stands."""

    def __init__(self, interview: Interview, folder: Path) -> None:
        super().__init__("mock")
        self.interview, self._folder = interview, folder
        self._clock = ipywidgets.HTML()
        self._ticking: asyncio.TimerHandle | None = None
        record = interview.record
        self._title(say("mock.title", level=record["level"], minutes=record["minutes"], mix=record["mix"]))
        self.first()

    # Beginning -------------------------------------------------------------------------------------------------------

    def first(self) -> None:
        """Show what comes before the clock runs, or where a mock that was begun stands."""
        interview = self.interview
        if interview.record.get("ended"):
            self._card()
        elif interview.part is None:
            self._review()
        elif interview.record["at"] or "stage" in interview.parts[0]:
            words = say(
                "mock.go_on", number=interview.number, level=interview.record["level"],
                minutes=interview.record["minutes"],
            )  # fmt: skip
            words += f"\n\n{self._code()}" if interview.record["partner"] else ""
            self._show(
                self._html(markdown(words)),
                bar(
                    self._button(say("mock.go_on_button"), self._open, primary=True),
                    self._button(say("mock.close_button"), self._review),
                ),
            )
        else:
            self._opening()

    def _code(self) -> str:
        record = self.interview.record
        return say("mock.read_aloud", code=code_of(record), check=check_number(record["parts"]))

    def _opening(self) -> None:
        record = self.interview.record
        texts = [say("mock.opening_card", minutes=record["minutes"])]
        if any(part["kind"] == INCIDENT for part in self.interview.parts):
            texts.append(say("mock.takes_town"))
        if record["partner"]:
            texts.append(self._code())
        clock = ipywidgets.Checkbox(
            value=not record["clock"], description=say("mock.without"), indent=False, style=WIDE
        )
        aloud = ipywidgets.Checkbox(
            value=record["aloud"], description=say("mock.aloud_label"), indent=False, style=WIDE
        )
        options = ipywidgets.VBox([clock] if record["partner"] else [clock, aloud])
        options.add_class("ecr-points")

        def begin() -> None:
            self.interview.lab_answers()
            record["clock"], record["aloud"] = not clock.value, bool(aloud.value)
            self._open()

        self._show(
            self._html(markdown("\n\n".join(texts))), options, bar(self._button(say("mock.begin"), begin, primary=True))
        )

    # The clock -------------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        """Show the clock, and come again in a second as long as a part runs."""
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        if self.interview.part is None or self.interview.record.get("ended") or not self.interview.is_running:
            return
        self.interview.tick()
        self._clock.value = self.clock_html()
        try:
            self._ticking = asyncio.get_running_loop().call_later(1, self._tick)
        except RuntimeError:  # no browser
            self._ticking = None

    def clock_html(self) -> str:
        """Return the clock: of the whole, and of this part; nothing where it was asked for without one."""
        if not self.interview.record["clock"]:
            return ""
        whole, part = self.interview.left()
        look = "ecr-wait" if part < SOON else "ecr-idle"
        words = say("mock.this_part", time=left_words(part))
        return (
            f'<div class="ecr-clock" role="timer"><b>{escape(left_words(whole))}</b> '
            f'<span class="ecr-state {look}">{escape(words)}</span></div>'
        )

    # Parts -----------------------------------------------------------------------------------------------------------

    def _open(self) -> None:
        part = self.interview.open()
        if part is None:
            self._review()
            return
        number = self.interview.record["at"] + 1
        kind = say(f"mock.part_{part['kind']}")
        name = f"{number}/{len(self.interview.parts)} · {kind}"
        head = self._html(f'<div class="ecr-title">{escape(name)}</div>')
        if part["kind"] == EVIDENCE:
            self._show(self._clock, head, *self._evidence(part))
        elif part["kind"] == INCIDENT:
            self._show(self._clock, head, *self._incident())
        else:
            self._show(self._clock, head, *self._words(part))
        self._tick()

    def _words(self, part: PartRecord) -> list[Any]:
        follow = part.get("stage") == FOLLOW
        aloud = self.interview.record["aloud"] or self.interview.record["partner"]
        asked = note(say("mock.follow_title"), part["follow"]["question"]).html if follow else ""
        text = part["follow"].get("text", "") if follow else part.get("text", "")
        label = say("mock.key_words_label" if aloud else "mock.answer_label")
        area = self._area(label, text, self.interview.write, 3 if follow else 7)
        question = self._html(markdown(self.interview.asked(part)) + asked)
        return [question, area, self._ends(self.interview.done)]

    def _ends(self, done: Callable[[], str], name: str = "mock.done") -> Any:
        def end() -> None:
            done()
            self._open()

        def leave() -> None:
            self.interview.pass_over()
            self._open()

        return bar(self._button(say(name), end, primary=True), self._button(say("mock.pass_button"), leave))

    def _evidence(self, part: PartRecord) -> list[Any]:
        drill, lab = self.interview.bank.drills[part["what"]], self.interview.evidence.lab(part["what"])
        people = "".join(f", <code>--as drill/{each}</code>" for each in drill.people)
        where = f"{say('drill.account', account=lab.account)} <code>%%bash --as drill</code>{people}."
        fields: dict[str, Any] = {}
        for finding in drill.findings:
            if finding.options:
                options = [(say("match.choose"), ""), *((text, key) for key, text in finding.options.items())]
                fields[finding.key] = ipywidgets.Dropdown(
                    options=options, value="", description=finding.label, style=WIDE
                )
            else:
                fields[finding.key] = ipywidgets.Text(description=finding.label, continuous_update=False, style=WIDE)
        box = ipywidgets.VBox(list(fields.values()))
        box.add_class("ecr-fields")

        def look() -> None:
            verdict = self.interview.check({key: str(field.value) for key, field in fields.items()})
            if verdict.outcome is Outcome.UNKNOWN:
                self._say(verdict)
            else:
                self._judged(part, "mock.not_seen")

        asked = f'{markdown(self.interview.asked(part))}<div class="ecr-soft">{where}</div>'
        return [self._html(asked), *([box] if fields else []), self._looks("mock.look", look)]

    def _looks(self, name: str, look: Callable[[], None], *more: Any) -> Any:
        def leave() -> None:
            self.interview.pass_over()
            self._open()

        return bar(self._button(say(name), look, primary=True), *more, self._button(say("mock.pass_button"), leave))

    def _judged(self, part: PartRecord, message: str) -> None:
        """Go on where it was seen; else say only that it was not: nobody helps."""
        if part.get("outcome") == GIVEN:
            self.interview.done()
            self._open()
            self._want(say("mock.seen"))
        else:
            self._want(say(message))

    def _incident(self) -> list[Any]:
        interview, desk = self.interview, self.interview.desk
        ticket = interview.ticket
        part = interview.part
        assert part is not None
        options = [(say("match.choose"), ""), *(
            (f"{each.letter}  {plain(desk.told(ticket, each.text))}", each.key) for each in desk.choices(ticket)
        )]  # fmt: skip
        choice = ipywidgets.Dropdown(options=options, value="", description=say("mock.choose"), style=WIDE)
        choice.observe(lambda change: desk.name(ticket, str(change["new"])), "value")
        box = ipywidgets.VBox([choice])
        box.add_class("ecr-fields")
        printed = ipywidgets.HTML()

        def run() -> None:
            printed.value = ran_shown(desk.command(ticket), desk.run(ticket)).html

        def look() -> None:
            interview.check_ticket()
            self._judged(part, "mock.not_closed")

        who = paper.caller(desk, ticket)
        asked = (
            f"<p><b>{escape(paper.title(ticket))}</b></p>{markdown(desk.told(ticket, ticket.incident.ticket))}"
            f"<p><code>{escape(who)}</code></p>"
            f'<div class="ecr-soft">{markdown(paper.where(desk, [ticket]))}</div>'
        )
        runs = self._button(say("mock.run_it", who=ticket.incident.caller), run)
        return [self._html(asked), box, printed, self._looks("mock.look_ticket", look, runs)]

    # The end ---------------------------------------------------------------------------------------------------------

    def _review(self) -> None:
        """Show what was heard; the candidate says what was said in other words, and what was not meant."""
        interview, parts = self.interview, []
        if interview.record["partner"]:
            self._ticks()
            return
        aloud = interview.record["aloud"]
        for part in interview.spoken():
            if aloud or part.get("text", "").strip():
                parts += self._heard(part, aloud)
        if not parts:
            self._close()
            return
        head = f'<div class="ecr-title">{say("mock.review")}</div>{markdown(say("mock.review_how"))}'
        self._show(self._html(head), *parts, bar(self._button(say("mock.keep_marks"), self._close, primary=True)))

    def _heard(self, part: PartRecord, aloud: bool) -> list[Any]:
        question, said = self.interview.question(part), sentences(part.get("text", ""))
        made = [self._html(note(plain(question.question), part.get("text", "") or nothing(part)).html)]
        if not (aloud or is_said(part.get("text", ""))):
            return [*made, self._html(f'<div class="ecr-soft">{say("mock.no_answer")}</div>')]
        for point in question.points:
            made += self._point(part, point, said)
        return made

    def _point(self, part: PartRecord, point: KeyPoint, said: list[str]) -> list[Any]:
        words = part.get("heard", {}).get(point.key, "")
        heard = Heard(point.key in part.get("heard", {}), words, part.get("against", {}).get(point.key, ""))
        line = f' <span class="ecr-soft">{escape(heard_words(heard))}</span>'
        text = self._html(f'<div class="ecr-heard">{markdown(point.text)}{line}</div>')
        state = self.interview.marking(part).states[point.key]
        if heard.made:
            options = [(say("mock.counts"), ""), (say("mock.not_meant"), UNMEANT)]
            value = "" if state == HEARD else UNMEANT
        else:
            options = [
                (say("mock.leave"), ""),
                *((f"{say('drill.said_it')} {shorten(each, 80, placeholder=' …')}", each) for each in said or ["-"]),
            ]
            value = part.get("said", {}).get(point.key, "").split("\n")[0] if state == SAID else ""
        values = [each for _, each in options]
        choice = ipywidgets.Dropdown(
            options=options, value=value if value in values else "", description=plain(point.key), style=WIDE
        )
        answer = ipywidgets.Text(placeholder=say("mock.answer_label"), continuous_update=False, style=WIDE)
        asks = point.follow_up is not None and not self.interview.record["aloud"] and not heard.made
        asks = asks and not self.interview.given_answer(part, point.key)
        answer.description = plain(point.follow_up.question) if point.follow_up else ""
        fields = ipywidgets.VBox([choice, answer])
        fields.add_class("ecr-fields")
        answer.layout.display = "none"

        def choose(_change: object) -> None:
            answer.layout.display = None if asks and choice.value else "none"
            self._guarded(lambda: self._object(part, point, str(choice.value), str(answer.value), asks))

        choice.observe(choose, "value")
        answer.observe(choose, "value")
        return [text, fields]

    def _object(self, part: PartRecord, point: KeyPoint, chosen: str, answer: str, asks: bool) -> None:
        self._said.value = ""
        if chosen in ("", UNMEANT):
            if chosen == UNMEANT:
                self.interview.disown(part, point.key)
            elif point.key in part.get("heard", {}):
                self.interview.own(part, point.key)
            else:
                self.interview.disown(part, point.key)
        elif not asks or answer:
            self.interview.object(part, point.key, "" if chosen == "-" else chosen, answer)

    def _ticks(self) -> None:
        line = ipywidgets.Text(description=say("mock.ticks_label"), continuous_update=False, style=WIDE)
        box = ipywidgets.VBox([line])
        box.add_class("ecr-fields")

        def take() -> None:
            try:
                if line.value.strip():
                    take_ticks(self.interview.record, self.interview.bank, line.value)
            except MixError as error:
                raise AnswerError(str(error)) from None
            self._close()

        self._show(box, bar(self._button(say("mock.take"), take, primary=True)))

    def _close(self) -> None:
        self.interview.close()
        self._card()

    def _card(self) -> None:
        card = scorecard(self.interview.bank, self.interview.book.records(), self.interview.number)
        folder = self._folder

        def write() -> None:
            path = folder / f"mock-interview-{card.number}.html"
            export(card, path)
            self._want(say("mock.exported", file=path.name, number=card.number, with_answers=""))

        self._show(self._html(card_shown(card).html), bar(self._button(say("mock.export"), write)))

    @property
    def desk(self) -> Desk:
        """The incident desk."""
        return self.interview.desk

    def card(self) -> Scorecard:
        """Return the scorecard as it stands."""
        return scorecard(self.interview.bank, self.interview.book.records(), self.interview.number)

    def show(self) -> None:
        """Display the card; where widgets do not run, its text or static form is shown."""
        self._display(form(self.interview), static(self.interview))
