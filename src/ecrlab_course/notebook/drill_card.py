"""A drill as a widget: own answer, points to tick, follow-up, evidence, and when it comes again."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from importlib import import_module
from textwrap import shorten
from typing import Any

from ecrlab_course.documents.verdict import Verdict
from ecrlab_course.drills.drill import Drill, Finding
from ecrlab_course.drills.drill_session import COLUMNS, Done, DrillSession, when
from ecrlab_course.drills.schedule import PASSED, Due
from ecrlab_course.failure import reason
from ecrlab_course.kinds.inputs import WIDE
from ecrlab_course.listening.listener import sentences
from ecrlab_course.listening.marking import heard_words
from ecrlab_course.messages import say
from ecrlab_course.notebook.cards import ActingCard
from ecrlab_course.views.display import Shown, escape, keyboard, markdown, note, plain, style, table, verdict_html

ipywidgets: Any = import_module("ipywidgets")

_cards = itertools.count(1)

COLOURS = {"again": "no", "hard": "wait"}
"""The colour of a rating; every other word is of the right ones'."""


def head(drill: Drill) -> str:
    """Return kind, level and lesson of a drill in words."""
    return say("drill.head", kind=drill.kind, level=drill.level_words, lesson=drill.lesson)


def form(drill: Drill) -> str:
    """Return the drill as plain text: deterministic, for terminals, tests and pages where nothing runs."""
    lines = [
        f"{say('drill.title', id=drill.id)} · {head(drill)}", "", plain(drill.situation), "", plain(drill.question), "",
        f"{say('drill.show', seconds=drill.seconds)}: {plain(drill.task)}",
        *("  " + ": ".join(part for part in (each.label, " / ".join(each.options.values())) if part)
          for each in drill.findings),
        "", say("drill.terminal", id=drill.id),
    ]  # fmt: skip
    return "\n".join(lines)


def _asked(drill: Drill) -> str:
    return f"{markdown(drill.situation)}<p><b>{say('drill.question')}</b></p>{markdown(drill.question)}"


def static(drill: Drill) -> str:
    """Return the drill as HTML for a page where nothing runs."""
    return (
        f'<div class="ecr-card"><div class="ecr-head"><b>{say("drill.title", id=drill.id)}</b> '
        f'<span class="ecr-kind">{head(drill)}</span></div>'
        f"{_asked(drill)}<p><b>{say('drill.show_it')}</b></p>{markdown(drill.task)}</div>"
    )


def listing(session: DrillSession, queue: list[Due]) -> Shown:
    """Return all drills as a table: what is due today, and what when."""
    return table(COLUMNS, session.rows(queue))


def _bar(*buttons: Any) -> Any:
    bar = ipywidgets.Box(list(buttons))
    bar.add_class("ecr-buttons")
    return bar


class DrillCard(ActingCard):
    """One drill on the page. It calls the session and shows what the session says; all state is the session's."""

    def __init__(self, session: DrillSession, identifier: str, because: str = "") -> None:
        self.session = session
        self.drill = session.drill(identifier)
        self._because = because
        self._keyboard = keyboard(f"ecr-{identifier}-{next(_cards)}")
        self._done: Done | None = None
        self._lab_words = ""
        opened = session.opened(identifier)
        self._head, self._said, self._tip = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self._next, self._told, self._end = ipywidgets.HTML(), ipywidgets.HTML(), ipywidgets.HTML()
        self._area = ipywidgets.Textarea(
            value=str(opened.get("text", "")),
            description=say("free-answer.label"),
            rows=6,
            style=WIDE,
        )
        self._area.observe(lambda _change: self._keep(), "value")
        self._written = ipywidgets.VBox([self._area])
        self._written.add_class("ecr-written")
        self._mine = ipywidgets.HTML()
        self._ticks = {
            point.key: ipywidgets.Checkbox(
                value=bool(opened.get("ticked", {}).get(point.key, point.key in opened.get("made", ()))),
                description=plain(point.text), indent=False, style=WIDE,
            )
            for point in self.drill.points
        }  # fmt: skip
        self._lines = {key: ipywidgets.HTML() for key in self._ticks}
        self._where = {key: self._sentence(key) for key in self._ticks}
        for key, tick in self._ticks.items():
            tick.observe(lambda change, key=key: self._tick(key, bool(change["new"])), "value")
        self._fields = {finding.key: self._field(finding, opened) for finding in self.drill.findings}
        self._points = ipywidgets.VBox(
            [
                ipywidgets.HTML(f'<div class="ecr-soft">{say("drill.tick")}</div>'),
                *(each for key in self._ticks for each in (self._ticks[key], self._lines[key], self._where[key])),
                _bar(self._button(say("free-answer.done"), self._mark, primary=True)),
            ]
        )
        self._points.add_class("ecr-points")
        self._show = _bar(self._button(say("drill.answers"), self._show_answers))
        self._asked_next = ipywidgets.VBox([])
        self._then = ipywidgets.VBox([self._next, self._asked_next, self._show, self._told])
        self._reveal = _bar(self._button(say("drill.uncover"), self._uncover, primary=True))
        self._proof = self._evidence()
        self._finish = _bar(self._button(say("drill.finish"), self._end_it))
        self.box = ipywidgets.VBox(
            [
                self._head, ipywidgets.HTML(_asked(self.drill)), self._written, self._mine, self._reveal, self._points,
                self._then, self._proof, self._said, self._tip, self._finish, self._end,
            ]
        )  # fmt: skip
        self.box.add_class("ecrlab")
        self.box.add_class("ecr-exercise")
        self._answers = False
        self._next_answers: list[tuple[Any, str]] = []
        if opened.get("revealed"):
            self._hear()
        self.refresh()

    # Building --------------------------------------------------------------------------------------------------------

    def _button(self, name: str, action: Callable[[], None], primary: bool = False) -> Any:
        button = ipywidgets.Button(description=name)
        if primary:
            button.add_class("ecr-primary")
        button.on_click(lambda _button: self._soon(action))
        return button

    def _field(self, finding: Finding, opened: dict[str, Any]) -> Any:
        kept = str((opened.get("findings") or {}).get(finding.key, ""))
        if finding.options:
            options = [(say("match.choose"), ""), *((text, key) for key, text in finding.options.items())]
            value = kept if kept in finding.options else ""
            return ipywidgets.Dropdown(options=options, value=value, description=finding.label, style=WIDE)
        return ipywidgets.Text(value=kept, description=finding.label, continuous_update=False, style=WIDE)

    def _sentence(self, key: str) -> Any:
        """Return where the learner points at the sentence that makes a point which was not heard."""
        options = [(say("drill.said_where"), "")]
        return ipywidgets.Dropdown(options=options, description=say("drill.said_it"), style=WIDE)

    def _evidence(self) -> Any:
        self._task = ipywidgets.HTML()
        fields = ipywidgets.VBox(list(self._fields.values()))
        fields.add_class("ecr-fields")
        buttons = [
            self._button(say("drill.check"), self._check, primary=True),
            self._button(say("card.hint"), self._hint),
            self._button(say("drill.build"), self._build),
        ]
        return ipywidgets.VBox([self._task, *([fields] if self._fields else []), _bar(*buttons)])

    # Acting ----------------------------------------------------------------------------------------------------------

    def _keep(self) -> None:
        if self._done is None and self._area.value != self.session.opened(self.drill.id).get("text", ""):
            self.session.write(self.drill.id, self._area.value)

    def _uncover(self) -> None:
        self._keep()
        self.session.reveal(self.drill.id)
        self._said.value = ""
        self._hear()
        self.refresh()

    def _hear(self) -> None:
        """Tick what is heard of the answer, unless the learner ticked before; show the words that did it."""
        heard = self.session.heard(self.drill.id)
        ticked = self.session.opened(self.drill.id).get("ticked", {})
        said = sentences(self._area.value)
        for key, each in heard.items():
            self._ticks[key].value = bool(ticked.get(key, each.made))
            self._lines[key].value = f'<div class="ecr-soft ecr-heard">{escape(heard_words(each))}</div>'
            self._where[key].options = [
                (say("drill.said_where"), ""),
                *((shorten(text, 80, placeholder=" …"), text) for text in said),
            ]
            self._show_where(key)

    def _show_where(self, key: str) -> None:
        objects = self._ticks[key].value and not self.session.heard(self.drill.id)[key].made
        several = len(self._where[key].options) > 2
        self._where[key].layout.display = None if objects and several else "none"

    def _tick(self, key: str, made: bool) -> None:
        self.session.tick(self.drill.id, key, made)
        self._show_where(key)

    def _mark(self) -> None:
        words = {key: str(where.value) for key, where in self._where.items()}
        self.session.mark(self.drill.id, [key for key, tick in self._ticks.items() if tick.value], words)
        self.refresh()

    def _show_answers(self) -> None:
        self._answers = True
        self.refresh()

    def _next_fields(self) -> list[Any]:
        """Return the next questions, each with a field; what is typed is kept at once."""
        answers, made = self.session.opened(self.drill.id).get("follow") or {}, []
        for number, follow_up in enumerate(self.session.follow_ups(self.drill.id)):
            field = ipywidgets.Textarea(
                value=str(answers.get(str(number), "")), description=say("drill.next_label"), rows=2, style=WIDE
            )
            field.observe(
                lambda change, number=number: self.session.follow(self.drill.id, number, str(change["new"])), "value"
            )
            asked = ipywidgets.HTML(note(say("drill.then"), follow_up.question).html)
            answer = ipywidgets.HTML()
            self._next_answers.append((answer, follow_up.answer))
            made += [asked, field, answer]
        return made

    def _check(self) -> None:
        self._tip.value = ""
        self._said.value = f'<div class="ecr-soft" role="status">{say("drill.looking")}</div>'
        self._say(self.session.check(self.drill.id, {key: str(field.value) for key, field in self._fields.items()}))

    def _hint(self) -> None:
        tip = self.session.hint(self.drill.id)
        name = say("card.hint_of", number=tip.number, all=len(self.drill.hints))
        self._tip.value = f'<div role="status">{note(name, tip.text).html}</div>'

    def _build(self) -> None:
        self.session.prepare(self.drill.id)
        for field in self._fields.values():
            field.value = ""  # What was typed was about the state before.
        self._said.value = f'<div class="ecr-soft" role="status">{say("drill.was_built")}</div>'
        self.refresh()

    def _end_it(self) -> None:
        self._keep()
        self._done = self.session.finish(self.drill.id, without_lab=bool(self._lab_words))
        self._said.value = self._tip.value = ""
        self.refresh()

    def prepare(self) -> None:
        """Begin the drill and build its state, unless it stands; what is wrong with the lab is said in the card."""
        self.session.begin(self.drill.id)
        self.session.ask(self.drill.id)
        try:
            if not self.session.ready(self.drill.id):
                self.session.prepare(self.drill.id)
            self._lab_words = ""
        except Exception as error:
            self._lab_words = reason(error)
        self.refresh()

    # Showing ---------------------------------------------------------------------------------------------------------

    def _want(self, words: str) -> None:
        self._said.value = f'<div class="ecr-soft" role="status">{markdown(words)}</div>'

    def _say(self, verdict: Verdict) -> None:
        self._said.value = verdict_html(verdict)
        self.refresh()

    def refresh(self) -> None:
        """Show what stands in the drills' file."""
        opened, drill = self.session.opened(self.drill.id), self.drill
        marked, over = "made" in opened, self._done is not None
        for part, shown in (
            (self._written, not opened.get("revealed") and not over),
            (self._mine, bool(opened.get("revealed")) or over),
            (self._reveal, not opened.get("revealed") and not over),
            (self._points, bool(opened.get("revealed")) and not marked),
            (self._then, marked or over),
            (self._show, marked and not self._answers),
            (self._proof, marked),
            (self._finish, marked),
        ):
            part.layout.display = None if shown else "none"
        self._mine.value = note(say("free-answer.label"), self._area.value).html
        because = f" · {escape(self._because)}" if self._because and not over else ""
        word = say("drill.given") if opened.get("evidence") == PASSED else ""
        word = self._done.rating if self._done is not None else word
        state = f'<span class="ecr-state ecr-{COLOURS.get(word, "ok")}">{escape(word)}</span>' if word else ""
        self._head.value = (
            f'{style(self._keyboard)}<div class="ecr-head"><b>{say("drill.title", id=drill.id)}</b> '
            f'<span class="ecr-kind">{head(drill)}{because}</span> {state}</div>'
        )
        if marked:
            self._show_marked(opened)
        if self._done is not None:
            due = when(self._done.due, self.session.schedule.clock())
            name = say("drill.due", rating=self._done.rating, when=due)
            ended = note(name, f"{self._done.why}.\n\n{say('drill.next')}")
            self._end.value = f'<div role="status">{ended.html}</div>'

    def _show_marked(self, opened: dict[str, Any]) -> None:
        drill = self.drill
        name = say("drill.then_points", made=len(opened["made"]), number=len(drill.points))
        self._next.value = f"<p><b>{escape(name)}</b></p>"
        if not self._asked_next.children:
            self._asked_next.children = tuple(self._next_fields())
        if self._answers:
            for answer, text in self._next_answers:
                answer.value = f'<div role="status">{note(say("drill.its_answer"), text).html}</div>'
            left = "\n".join(f"- {point.text}" for point in drill.points if point.key not in opened["made"])
            parts = [note(say("drill.left_out"), left)] if left else []
            parts += [note(say("drill.model"), drill.model), note(say("drill.weak"), drill.weak)]
            self._told.value = f'<div role="status">{"".join(part.html for part in parts)}</div>'
        lab = self.session.lab(drill.id)
        people = (
            f"; {say('drill.also')} <code>--as drill/{'</code>, <code>--as drill/'.join(drill.people)}</code>"
            if drill.people
            else ""
        )
        where = f"{say('drill.account', account=lab.account)} <code>%%bash --as drill</code>{people}."
        words = f"<p>{escape(self._lab_words)}</p>" if self._lab_words else ""
        task = note(say("drill.show", seconds=drill.seconds), drill.task).html
        self._task.value = f'{task}<div class="ecr-soft">{where}{words}</div>'

    def show(self) -> None:
        """Display the card; where widgets do not run, its text or static form is shown."""
        self._display(form(self.drill), static(self.drill))
