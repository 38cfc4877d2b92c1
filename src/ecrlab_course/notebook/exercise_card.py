"""Exercises as widgets: native inputs and buttons, so that the keyboard and screen readers work."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from importlib import import_module
from typing import Any

from ecrlab_course.documents.attempts import HINTS
from ecrlab_course.documents.verdict import Outcome, Verdict
from ecrlab_course.kinds.base import Question
from ecrlab_course.learner.session import Session
from ecrlab_course.messages import say
from ecrlab_course.notebook.cards import ActingCard
from ecrlab_course.progress import ExerciseRecord
from ecrlab_course.views.display import breaking, keyboard, markdown, note, state, style, verdict_html

# ipywidgets carries no types that a strict check could use.
ipywidgets: Any = import_module("ipywidgets")

_cards = itertools.count(1)


def reached(record: ExerciseRecord) -> Outcome:
    """Return the best outcome that the exercise ever had, of those with which it is done."""
    had = {judged.get("outcome") for judged in record.get("history", ())}
    return Outcome.COMPARED if Outcome.COMPARED in had and Outcome.PASSED not in had else Outcome.PASSED


def form(session: Session, item: Question) -> str:
    """Return the exercise as plain text, with the lines that answer it: deterministic, for terminals and tests."""
    wanted = item.lines(session.entry(item.id))
    lines = [f"{item.title} · {item.kind_words}", "", *item.asked.strip().splitlines(), "", *wanted]
    call = item.call()
    lines += ["", call] if call else []
    if item.helped:
        lines.append(say("card.help", id=item.id))
    return "\n".join(lines)


def static(session: Session, item: Question) -> str:
    """Return the exercise as HTML for a page where nothing runs."""
    return (
        f'<div class="ecr-card"><div class="ecr-head"><b>{item.title}</b> '
        f'<span class="ecr-kind">{item.kind_words}</span></div>{markdown(item.asked)}'
        f"{item.html(session.entry(item.id))}</div>"
    )


class Card(ActingCard):
    """One exercise on the page. It calls the session and shows what the session says; all state is the session's."""

    def __init__(self, session: Session, item: Question) -> None:
        self.session = session
        self.item = item
        self._keyboard = keyboard(f"ecr-{item.id}-{next(_cards)}")
        self._head = ipywidgets.HTML()
        self._said = ipywidgets.HTML()
        self._hinted = ipywidgets.HTML()
        self._solved = ipywidgets.HTML()
        self._buttons: dict[str, Any] = {}
        self._inputs = item.inputs(session.entry(item.id), self._then)
        asked = ipywidgets.HTML(markdown(item.asked))
        parts = [self._head, asked, *self._inputs.parts, self._bar(), *self._inputs.after]
        self.box = ipywidgets.VBox([*parts, self._said, self._hinted, self._solved])
        self.box.add_class("ecrlab")
        self.box.add_class("ecr-exercise")
        self.refresh()

    # Building --------------------------------------------------------------------------------------------------------

    def _bar(self) -> Any:
        item = self.item
        actions: list[tuple[str, Callable[[], None]]] = []
        if item.answered:
            actions.append((item.button, self._answer))
        if item.looked_at:
            actions.append((say(f"{item.kind}.look"), self._check))
        if item.helped:
            help_ = (("card.hint", self._hint), ("card.solution", self._solution), ("card.reset", self._reset))
            actions += [(say(name), action) for name, action in help_]
        for number, (name, action) in enumerate(actions):
            button = ipywidgets.Button(description=name)
            if number == 0:
                button.add_class("ecr-primary")
            button.on_click(lambda _button, act=action: self._soon(act))
            self._buttons[name] = button
        bar = ipywidgets.Box(list(self._buttons.values()))
        bar.add_class("ecr-buttons")
        return bar

    # Acting ----------------------------------------------------------------------------------------------------------

    def _answer(self) -> None:
        self._without_help()
        self._take(self._inputs.read())

    def _then(self, given: Callable[[], Any]) -> None:
        """Act on a second answer: it is read a moment after the click."""
        self._soon(lambda: self._take(given()))

    def _take(self, given: Any) -> None:
        if self.item.runs:
            self._said.value = f'<div class="ecr-soft" role="status">{say("card.running")}</div>'
        self._say(self.session.answer(self.item.id, given, self._inputs.confidence))

    def _check(self) -> None:
        self._say(self.session.check(self.item.id))

    def _hint(self) -> None:
        tip = self.session.hint(self.item.id)
        self._without_help()
        self._hinted.value = note(say("card.hint_of", number=tip.number, all=HINTS), tip.text).html

    def _solution(self) -> None:
        said = note(say("card.solution"), self.session.solution(self.item.id)).html
        self._without_help()
        self._solved.value = said

    def _reset(self) -> None:
        found = self.session.reset(self.item.id)
        self._inputs.clear()
        self._without_help()
        self.refresh()
        self._said.value = f'<div class="ecr-soft" role="status">{markdown(found)}</div>'

    def _without_help(self) -> None:
        """Take the hint or the solution away."""
        self._hinted.value = self._solved.value = ""

    # Showing ---------------------------------------------------------------------------------------------------------

    def _want(self, words: str) -> None:
        self._said.value = f'<div class="ecr-soft" role="status">{markdown(words)}</div>'

    def _say(self, verdict: Verdict) -> None:
        if verdict.outcome.counts:
            # A hint for what is done misleads; an opened solution has the reasons in it and stays.
            self._hinted.value = ""
        record = self.session.record(self.item.id)
        if verdict.outcome is Outcome.UNTOUCHED and self.item.waits(record):
            self._said.value = self.item.waiting_html(verdict)
        else:
            self._said.value = self._output(record) + verdict_html(self.session.with_pass(self.item.id, verdict))
        self.refresh()

    def _output(self, record: ExerciseRecord) -> str:
        """Return what the answer's run printed, as HTML; "" for kinds that do not run."""
        printed = record["result"]["output"].strip() if self.item.runs and record.get("result") else ""
        return f"<pre>{breaking(printed)}</pre>" if printed else ""

    def refresh(self) -> None:
        """Show the exercise's outcome as the progress file has it."""
        self._inputs.refresh()
        record = self.session.record(self.item.id)
        self._head.value = (
            f'{style(self._keyboard)}<div class="ecr-head"><b>{self.item.title}</b> '
            f'<span class="ecr-kind">{self.item.kind_words}</span> {self._word(record)}</div>'
        )

    def _word(self, record: ExerciseRecord) -> str:
        """Return how the exercise stands, as HTML."""
        outcome = Outcome(record.get("outcome", Outcome.UNTOUCHED.value))
        if record.get("passed") and not outcome.counts:
            # A pass is kept, here and on the map; how the last try went is said beside it.
            now = f' <span class="ecr-kind">{say("card.now", outcome=outcome.words)}</span>'
            return state(reached(record)) + (now if outcome is Outcome.NOT_YET else "")
        if self.item.waits(record) and not record.get("passed"):
            return f'<span class="ecr-state ecr-idle">{say("card.kept")}</span>'
        if not self.item.helped and outcome is Outcome.UNTOUCHED:
            return ""
        return state(outcome)

    def told(self, verdict: Verdict, late: bool = False) -> None:
        """Show a verdict that was reached elsewhere: by `lab.check`, or because the next cell has run.

        Nothing is said of an exercise that is untouched, unless the cell ran before its guess (`late`).
        """
        if late or verdict.outcome is not Outcome.UNTOUCHED:
            self._say(verdict)

    def show(self) -> None:
        """Display the card; where widgets do not run, its text or static form is shown."""
        self._display(form(self.session, self.item), static(self.session, self.item))
