"""The interviewer's screen: question, points to tick with the follow-up beside each, the weak answer, notes."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from ecrlab_course.kinds.inputs import WIDE
from ecrlab_course.messages import say
from ecrlab_course.mock.interview import Bank
from ecrlab_course.mock.mix import SPOKEN, Candidate
from ecrlab_course.mock.partner import Code, Ticks, slots
from ecrlab_course.mock.sheet import head, part, rules, sheet, title
from ecrlab_course.notebook.mock_card import PagedCard, bar
from ecrlab_course.views.display import escape, markdown, note, plain

ipywidgets: Any = import_module("ipywidgets")


class InterviewerCard(PagedCard):
    """One mock from the other side. Nothing of it is kept but the line of ticks at its end."""

    def __init__(self, bank: Bank, pool: list[Candidate], code: Code) -> None:
        super().__init__("interviewer")
        self.bank, self.code = bank, code
        self.parts = slots(pool, code)
        self.ticks = Ticks(bank, code, self.parts)
        self._at, self._number, self._notes = 0, 0, ""
        self._title(title(code, self.parts))
        words = "\n".join(f"- {rule}" for rule in rules())
        self._show(self._html(markdown(words)), bar(self._button(say("mock.begin"), self._part, primary=True)))

    def _part(self) -> None:
        if self._at == len(self.parts):
            self._end()
            return
        slot = self.parts[self._at]
        name = self._html(f'<div class="ecr-title">{escape(head(self._at + 1, self.parts))}</div>')
        spoken = slot.kind in SPOKEN
        body = self._question() if spoken else [self._html(markdown(part(self.bank, self.code, slot)))]
        notes = self._area(say("mock.notes"), self._notes, self._note, 3)
        self._show(name, *body, notes, bar(self._button(say("mock.next"), self._next, primary=True)))

    def _question(self) -> list[Any]:
        number, question = self._number, self.ticks.asked[self._number]
        made = [self._html(markdown(f"**{question.question}**"))]
        points = []
        for point in question.points:
            tick = ipywidgets.Checkbox(
                value=point.key in self.ticks.made[number], description=plain(point.text), indent=False, style=WIDE
            )
            tick.observe(lambda change, key=point.key: self.ticks.tick(number, key, bool(change["new"])), "value")
            points.append(tick)
            if point.follow_up:
                words = f"{say('mock.then_ask')} {point.follow_up.question} ({point.follow_up.answer})"
                points.append(self._html(f'<div class="ecr-soft ecr-heard">{markdown(words)}</div>'))
        box = ipywidgets.VBox(points)
        box.add_class("ecr-points")
        marks = (("not", "-"), ("answered", "a"), ("passed", "n"))
        options = [(say(f"mock.followed_{name}"), mark) for name, mark in marks]
        follow = ipywidgets.Dropdown(
            options=options, value=self.ticks.followed[number], description=say("mock.follow_label"), style=WIDE
        )
        follow.observe(lambda change: self.ticks.follow(number, str(change["new"])), "value")
        fields = ipywidgets.VBox([follow])
        fields.add_class("ecr-fields")
        return [
            *made,
            box,
            fields,
            self._html(note(say("question.weak"), f"{question.weak}\n\n{question.why_weak}").html),
        ]

    def _note(self, text: str) -> None:
        self._notes = text

    def _next(self) -> None:
        self._number += self.parts[self._at].kind in SPOKEN
        self._at += 1
        self._part()

    def _end(self) -> None:
        words = f'<p>{escape(say("mock.their_ticks"))}</p><pre role="status">{escape(str(self.ticks))}</pre>'
        self._show(self._html(words))

    def show(self) -> None:
        """Display the card; where widgets do not run, the sheet is shown as text or as HTML."""
        text = sheet(self.bank, self.code, self.parts)
        words = say("mock.interviewer_terminal", code=self.code)
        self._display(f"{text}\n{words}", f'<div class="ecr-card">{markdown(text)}<p>{escape(words)}</p></div>')
