"""Exercises as widgets: native inputs and buttons, so that the keyboard and screen readers work."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from importlib import import_module
from typing import Any

from ecrlab_course.desk import KINDS, SURE, AnswerError, Desk, reason
from ecrlab_course.display import escape, markdown, note, plain, state, style, verdict_html
from ecrlab_course.exercises import BuildCommand, Choice, Exercise, Guess, LiveCheck, Outcome, Predict, Verdict

# ipywidgets and IPython.display carry no types that a strict check could use.
ipywidgets: Any = import_module("ipywidgets")
display: Any = import_module("IPython.display").display

# What ipywidgets cannot set from Python. JupyterLab takes Enter and the arrow keys for itself, also where a button or a
# radio button has the focus, unless that control carries this attribute (Lumino, keyboard shortcuts); and
# radio buttons without a common name are no group: arrows would not move between them. The card's parts come onto the
# page one by one, so this is done three times; where a page forbids scripts, Tab and the space bar still work.
_KEYBOARD = """
(function (style) {
  function wire() {
    var card = style.closest('.ecr-exercise');
    if (!card) { return; }
    card.querySelectorAll('button, input, select').forEach(function (control) {
      control.setAttribute('data-lm-suppress-shortcuts', 'true');
    });
    card.querySelectorAll('.widget-radio').forEach(function (group, number) {
      var label = group.querySelector('.widget-label');
      group.setAttribute('role', 'radiogroup');
      if (label) { group.setAttribute('aria-label', label.textContent); label.removeAttribute('title'); }
      group.querySelectorAll('input').forEach(function (radio) { radio.name = 'ID-' + number; });
    });
  }
  wire(); setTimeout(wire, 200); setTimeout(wire, 1500);
})(this)
"""
_cards = itertools.count(1)
#: Seconds between a click and acting on it; long enough for a value chosen just before to arrive.
PAUSE = 0.25

WIDE = {"description_width": "initial"}


def kind(item: Exercise | Guess) -> str:
    """Return the kind of an exercise in a learner's words."""
    return "guess, not counted" if isinstance(item, Guess) else KINDS[type(item)]


def form(desk: Desk, item: Exercise | Guess) -> str:
    """Return the exercise as plain text, with the lines that answer it: deterministic, for terminals and tests."""
    name = "Guess" if isinstance(item, Guess) else "Exercise"
    lines = [f"{name} {item.id} · {kind(item)}", "", *item.prompt.strip().splitlines(), ""]
    for option in desk.options(item.id):
        lines.append(f"  {option.key}  {plain(option.text)}")
    if isinstance(item, BuildCommand):
        lines.append(f"  {item.template}")
        for part in item.fields:
            wanted = f"one of: {', '.join(part.options)}" if part.options else "free text"
            lines.append(f"  {part.name}  {part.label} ({wanted})")
        gaps = ", ".join(f"{part.name}=…" for part in item.fields)
        lines += ["", f'Answer: lab.answer("{item.id}", {gaps})']
    elif isinstance(item, LiveCheck):
        lines += ["Work in the lab; any way that gets there counts."]
    elif isinstance(item, Choice) or (isinstance(item, Guess) and not item.confidence):
        lines += ["", f'Answer: lab.answer("{item.id}", KEY)']
    else:
        sure = ", ".join(f"{number} {word}" for number, word in SURE.items())
        lines += ["", f'Answer: lab.answer("{item.id}", KEY, confidence=2)   ({sure})']
    if isinstance(item, Exercise):
        lines.append(f'Check:  lab.check("{item.id}")   Help: lab.hint, lab.solution, lab.reset')
    return "\n".join(lines)


def static(desk: Desk, item: Exercise | Guess) -> str:
    """Return the exercise as HTML for a page where nothing runs."""
    options = "".join(
        f"<li><b>{escape(option.key)}</b> {escape(plain(option.text))}</li>" for option in desk.options(item.id)
    )
    command = f"<pre>{escape(item.template)}</pre>" if isinstance(item, BuildCommand) else ""
    name = "Guess" if isinstance(item, Guess) else "Exercise"
    return (
        f'<div class="ecr-card"><div class="ecr-head"><b>{name} {item.id}</b>'
        f'<span class="ecr-kind">{kind(item)}</span></div>{markdown(item.prompt)}'
        f"{f'<ul>{options}</ul>' if options else ''}{command}</div>"
    )


class Card:
    """One exercise on the page. It calls the desk and shows what the desk says; all state is the desk's."""

    def __init__(self, desk: Desk, item: Exercise | Guess) -> None:
        self.desk = desk
        self.item = item
        self._keyboard = _KEYBOARD.replace("ID", f"ecr-{item.id}-{next(_cards)}")
        self._head = ipywidgets.HTML()
        self._said = ipywidgets.HTML()
        self._help = ipywidgets.HTML()
        self._choice: Any = None
        self._sure: Any = None
        self._fields: dict[str, Any] = {}
        self._preview = ipywidgets.HTML()
        self._buttons: dict[str, Any] = {}
        parts: list[Any] = [self._head, ipywidgets.HTML(markdown(item.prompt)), *self._inputs(), self._bar()]
        self.box = ipywidgets.VBox([*parts, self._said, self._help])
        self.box.add_class("ecrlab")
        self.box.add_class("ecr-exercise")
        self.refresh()

    # Building --------------------------------------------------------------------------------------------------------

    def _inputs(self) -> list[Any]:
        item, record = self.item, self.desk.record(self.item.id)
        if isinstance(item, BuildCommand):
            kept = record.get("answer") or {}
            for part in item.fields:
                value = kept.get(part.name, part.default)
                if part.options is None:
                    field: Any = ipywidgets.Text(value=value, description=part.label, style=WIDE)
                    field.layout.width = f"{part.width * 8 + len(part.label) * 8 + 50}px"
                    field.layout.max_width = "100%"
                else:
                    value = value if value in part.options else part.options[0]
                    field = ipywidgets.Dropdown(options=part.options, value=value, description=part.label, style=WIDE)
                field.observe(lambda _change: self._show_command(), "value")
                self._fields[part.name] = field
            row = ipywidgets.Box(list(self._fields.values()))
            row.add_class("ecr-fields")
            self._show_command()
            return [row, self._preview]
        options = self.desk.options(item.id)
        if not options:
            return []
        self._choice = ipywidgets.RadioButtons(
            options=[(plain(option.text), option.key) for option in options],
            value=record.get("answer") if record.get("answer") in {option.key for option in options} else None,
            description="Your answer" if isinstance(item, Choice) else "Your guess",
            style=WIDE,
        )
        widgets: list[Any] = [self._choice]
        if isinstance(item, Predict) or (isinstance(item, Guess) and item.confidence):
            self._sure = ipywidgets.RadioButtons(
                options=[(word, number) for number, word in SURE.items()],
                value=record.get("confidence") or 2,
                description="How sure are you?",
                style=WIDE,
            )
            self._sure.add_class("ecr-sure")
            widgets.append(self._sure)
        return widgets

    def _bar(self) -> Any:
        item = self.item
        first = {BuildCommand: "Run it", Choice: "Answer", Predict: "Keep my guess", Guess: "Keep my guess"}
        actions: list[tuple[str, Callable[[], None]]] = []
        if type(item) in first:
            actions.append((first[type(item)], self._answer))
        if isinstance(item, LiveCheck | Predict):
            actions.append(("Check" if isinstance(item, LiveCheck) else "Compare", self._check))
        if isinstance(item, Exercise):
            actions += [("Hint", self._hint), ("Solution", self._solution), ("Reset", self._reset)]
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

    def _soon(self, action: Callable[[], None]) -> None:
        """Act on a click a moment later: a browser holds a chosen value back while the kernel is busy, a click not."""
        try:
            asyncio.get_running_loop().call_later(PAUSE, self._guarded, action)
        except RuntimeError:  # no browser: nothing can be under way
            self._guarded(action)

    def _guarded(self, action: Callable[[], None]) -> None:
        """A click never ends in a traceback: what went wrong is said in the card."""
        try:
            action()
        except AnswerError as error:
            self._say(Verdict(Outcome.UNTOUCHED, str(error)))
        except Exception as error:
            self._say(Verdict(Outcome.UNKNOWN, reason(error)))

    def _answer(self) -> None:
        self._help.value = ""
        if self._fields:
            self._said.value = '<div class="ecr-soft" role="status">Running…</div>'
            values = {name: field.value for name, field in self._fields.items()}
            self._say(self.desk.answer(self.item.id, values))
            return
        if self._choice is None or self._choice.value is None:
            raise AnswerError("Choose an option first.")
        sure = self._sure.value if self._sure is not None else None
        self._say(self.desk.answer(self.item.id, self._choice.value, sure))

    def _check(self) -> None:
        self._say(self.desk.check(self.item.id))

    def _hint(self) -> None:
        tip = self.desk.hint(self.item.id)
        self._help.value = note(f"Hint {tip.number} of 3", tip.text).html

    def _solution(self) -> None:
        self._help.value = note("Solution", self.desk.solution(self.item.id)).html

    def _reset(self) -> None:
        self.desk.reset(self.item.id)
        if self._choice is not None:
            self._choice.value = None
        if self._sure is not None:
            self._sure.value = 2
        if isinstance(self.item, BuildCommand):
            for part in self.item.fields:
                self._fields[part.name].value = part.default if part.options is None else part.options[0]
        self._help.value = ""
        self.refresh()
        self._said.value = '<div class="ecr-soft" role="status">Reset. This exercise is as it was at first.</div>'

    # Showing ---------------------------------------------------------------------------------------------------------

    def _show_command(self) -> None:
        if isinstance(self.item, BuildCommand):
            command = self.item.command({name: field.value or "…" for name, field in self._fields.items()})
            self._preview.value = f"<pre>{escape(command)}</pre>"

    def _say(self, verdict: Verdict) -> None:
        result = self.desk.record(self.item.id).get("result")
        output = ""
        if isinstance(self.item, BuildCommand) and result and result["output"].strip():
            output = f"<pre>{escape(result['output'].strip())}</pre>"
        self._said.value = output + verdict_html(verdict)
        self.refresh()

    def refresh(self) -> None:
        """Show the exercise's outcome as the progress file has it."""
        record = self.desk.record(self.item.id)
        outcome = Outcome(record.get("outcome", Outcome.UNTOUCHED.value))
        name = "Guess" if isinstance(self.item, Guess) else "Exercise"
        word = state(outcome)
        if isinstance(self.item, Guess) and outcome is Outcome.UNTOUCHED:
            word = '<span class="ecr-state ecr-idle">kept</span>' if "answer" in record else ""
        self._head.value = (
            f'{style(self._keyboard)}<div class="ecr-head"><b>{name} {self.item.id}</b>'
            f'<span class="ecr-kind">{kind(self.item)}</span>{word}</div>'
        )

    def told(self, verdict: Verdict) -> None:
        """Show a verdict that was reached elsewhere: by `lab.check`, or because the next cell has run."""
        if verdict.outcome is not Outcome.UNTOUCHED:
            self._say(verdict)

    def show(self) -> None:
        """Display the card; where widgets do not run, its text or static form is shown."""
        display(
            {
                "text/plain": form(self.desk, self.item),
                "text/html": f'{style()}<div class="ecrlab">{static(self.desk, self.item)}</div>',
                "application/vnd.jupyter.widget-view+json": {
                    "version_major": 2,
                    "version_minor": 0,
                    "model_id": self.box.model_id,
                },
            },
            raw=True,
        )
