"""The question bank on a page: choose a topic and a level, read a question, answer it, then see the points."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from ecrlab_course.documents.verdict import Verdict
from ecrlab_course.kinds.inputs import WIDE
from ecrlab_course.messages import say
from ecrlab_course.notebook.cards import ActingCard
from ecrlab_course.questions import card, text
from ecrlab_course.questions.question import LEVELS, TOPICS, Question, chosen, numbered
from ecrlab_course.views.display import escape, keyboard, markdown, note, style, verdict_html

ipywidgets: Any = import_module("ipywidgets")

_cards = itertools.count(1)


@cache
def _own_style() -> str:
    """Return the style element of this card alone: what is stored in solved notebooks does not carry it."""
    css = (files("ecrlab_course.views") / "questions.css").read_text(encoding="utf-8")
    return f"<style>{' '.join(css.split())}</style>"


def form(found: list[Question]) -> str:
    """Return questions as plain text, one alone with its words: for terminals, tests and pages where nothing runs."""
    words = text.asked(found[0]) if len(found) == 1 else text.listing(found).text
    return f"{words}\n\n{_where(found)}"


def static(found: list[Question]) -> str:
    """Return questions as HTML for a page where nothing runs."""
    one = len(found) == 1
    words = note(found[0].head, found[0].question).html if one else text.listing(found).html
    return f'<div class="ecr-card">{words}<p>{escape(_where(found))}</p></div>'


def _where(found: list[Question]) -> str:
    """Say where the points are, for those who see no widget."""
    return say("question.show_points", number=found[0].number) if len(found) == 1 else say("question.terminal")


class QuestionCard(ActingCard):
    """The bank, filtered by topic and level; one question at a time, its points covered until they are asked for.

    Raises QuestionError for a topic, a level or a number that there is not.
    """

    def __init__(self, bank: Mapping[int, Question], topic: str = "", level: str = "", number: int = 0) -> None:
        if number:
            topic = level = ""
        self._bank, self._number, self._uncovered = bank, number, False
        self._found = chosen(bank, topic, level)
        first = numbered(bank, number) if number else self._found[0]
        topics = [(say("question.all_topics"), ""), *((say(f"question.topic_{each}"), each) for each in TOPICS)]
        levels = [(say("question.all_levels"), ""), *((each, each) for each in LEVELS)]
        self.topic = self._menu("question.topic", topics, topic)
        self.level = self._menu("question.level", levels, level)
        self.choice = self._menu("question.question", self._titles(), first.number)
        for menu in (self.topic, self.level):
            menu.observe(lambda _change: self._filter(), "value")
        self.choice.observe(lambda _change: self._cover(), "value")
        self._keyboard = keyboard(f"ecr-questions-{next(_cards)}")
        self._head, self._asked, self._told, self._said = (ipywidgets.HTML() for _ in range(4))
        self._show = self._button(say("question.show"), self.uncover, primary=True)
        self._more = [
            self._button(say("question.next"), lambda: self.move(1)),
            self._button(say("question.previous"), lambda: self.move(-1)),
        ]
        bar = ipywidgets.Box([self._show, *self._more])
        bar.add_class("ecr-buttons")
        menus = ipywidgets.VBox([self.topic, self.level, self.choice])
        menus.add_class("ecr-rows")
        menus.add_class("ecr-filters")
        self._answer = ipywidgets.Textarea(description=say("question.answer"), rows=3, style=WIDE)
        written = ipywidgets.VBox([self._answer])
        written.add_class("ecr-written")
        self.box = ipywidgets.VBox([self._head, menus, self._asked, written, bar, self._said, self._told])
        self.box.add_class("ecrlab")
        self.box.add_class("ecr-exercise")
        self.refresh()

    # Building --------------------------------------------------------------------------------------------------------

    @staticmethod
    def _menu(name: str, options: list[tuple[str, Any]], value: Any) -> Any:
        return ipywidgets.Dropdown(options=options, value=value, description=say(name), style=WIDE)

    def _button(self, name: str, action: Callable[[], None], primary: bool = False) -> Any:
        button = ipywidgets.Button(description=name)
        if primary:
            button.add_class("ecr-primary")
        button.on_click(lambda _button: self._soon(action))
        return button

    def _titles(self) -> list[tuple[str, int]]:
        return [(text.title(each), each.number) for each in self._found]

    # Acting ----------------------------------------------------------------------------------------------------------

    @property
    def question(self) -> Question | None:
        """The question that is shown; None where no question is of this topic and level."""
        return self._bank.get(self.choice.value)

    def _filter(self) -> None:
        topic, level = self.topic.value, self.level.value
        self._found = [each for each in self._bank.values() if topic in ("", each.topic) and level in ("", each.level)]
        self.choice.options = self._titles()
        self.choice.value = self._found[0].number if self._found else None
        self._cover()

    def _cover(self) -> None:
        self._uncovered = False
        self._said.value = self._answer.value = ""
        self.refresh()

    def uncover(self) -> None:
        """Show the points of the question."""
        self._uncovered = True
        self.refresh()

    def move(self, by: int) -> None:
        """Go to the question `by` places further in the list; behind the last one comes the first."""
        numbers = [each.number for each in self._found]
        if numbers:
            self.choice.value = numbers[(numbers.index(self.choice.value) + by) % len(numbers)]

    def _want(self, words: str) -> None:
        self._said.value = f'<div class="ecr-soft" role="status">{markdown(words)}</div>'

    def _say(self, verdict: Verdict) -> None:
        self._said.value = verdict_html(verdict)

    # Showing ---------------------------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Show the chosen question, and its points where they were asked for."""
        question = self.question
        counted = say("question.counted", number=len(self._found), all=len(self._bank))
        self._head.value = (
            f'{style(self._keyboard)}{_own_style()}<div class="ecr-head"><b>{say("question.title")}</b> '
            f'<span class="ecr-kind">{escape(counted)}</span></div>'
        )
        for button in (self._show, *self._more):
            button.disabled = question is None
        self._told.value = ""
        if question is None:
            self._asked.value = f"<p>{escape(say('question.nothing'))}</p>"
            return
        self._asked.value = note(question.head, question.question).html
        if self._uncovered:
            self._told.value = f'<div role="status">{_answer(question, self._answer.value)}</div>'
        else:
            self._asked.value += f'<div class="ecr-soft">{escape(say("question.aloud"))}</div>'

    def show(self) -> None:
        """Display the card; where widgets do not run, the list or the one question is shown as text or as HTML."""
        found = [self._bank[self._number]] if self._number else self._found
        self._display(form(found), static(found))


def _answer(question: Question, answer: str) -> str:
    """Return points, weak answer and sources as HTML."""
    points = card.points(question, answer)
    return (
        f'<div class="ecr-note"><div class="ecr-title">{say("question.points")}</div>{points}</div>'
        f'<div class="ecr-note"><div class="ecr-title">{say("question.weak")}</div>{card.weak(question)}</div>'
        f'<div class="ecr-soft">{card.sources(question)}</div>'
    )
