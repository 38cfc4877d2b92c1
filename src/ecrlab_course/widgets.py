"""Exercises as widgets: native inputs and buttons, so that the keyboard and screen readers work."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from importlib import import_module
from typing import Any

from ecrlab_course import judging
from ecrlab_course.cards import ActingCard
from ecrlab_course.desk import EXECUTED, KINDS, SURE, Desk
from ecrlab_course.display import escape, markdown, note, plain, state, style, verdict_html
from ecrlab_course.exercises import (
    BuildCommand,
    Choice,
    Exercise,
    FixFile,
    FreeAnswer,
    Guess,
    LiveCheck,
    Match,
    Order,
    Outcome,
    Predict,
    ReadError,
    Verdict,
)
from ecrlab_course.inputs import OwnWords, inputs

# ipywidgets carries no types that a strict check could use.
ipywidgets: Any = import_module("ipywidgets")

# What ipywidgets cannot set from Python. JupyterLab takes Enter and the arrow keys for itself, also where a button or a
# radio button has the focus, unless that control carries this attribute (Lumino, keyboard shortcuts); and
# radio buttons without a common name are no group: arrows would not move between them. The card's parts come onto the
# page one by one, so this is done three times; where a page forbids scripts, Tab and the space bar still work.
# A typed text goes to the kernel when the field is left, or half a second after the last key: sent key by key, its end
# would wait in the browser while the kernel is busy, and a click right behind it would be acted on first.
KEYBOARD = """
(function (style) {
  function wire() {
    var card = style.closest('.ecr-exercise');
    if (!card) { return; }
    card.querySelectorAll('button, input, select, textarea').forEach(function (control) {
      control.setAttribute('data-lm-suppress-shortcuts', 'true');
    });
    card.querySelectorAll('textarea, input[type=text]').forEach(function (field) {
      if (field.dataset.ecrKept) { return; }
      field.dataset.ecrKept = 'true';
      var timer;
      field.addEventListener('input', function () {
        clearTimeout(timer);
        timer = setTimeout(function () { field.dispatchEvent(new Event('change', { bubbles: true })); }, 500);
      });
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

_FIRST: dict[type[Exercise | Guess], str] = {
    BuildCommand: "Run it",
    Order: "Run this order",
    FixFile: "Run it",
    ReadError: "Answer",
    Match: "Answer",
    Choice: "Answer",
    Predict: "Keep my guess",
    Guess: "Keep my guess",
    FreeAnswer: "Keep my answer",
}


def kind(item: Exercise | Guess) -> str:
    """Return the kind of an exercise in a learner's words."""
    return "guess, not counted" if isinstance(item, Guess) else KINDS[type(item)]


def _wanted(desk: Desk, item: Exercise | Guess) -> list[str]:
    """Return the lines of the text form between the prompt and the commands: what there is to choose or to fill in."""
    lines: list[str] = []
    if isinstance(item, ReadError):
        kept = desk.record(item.id).get("result")
        lines += [f"$ {kept['command']}", *kept["output"].strip().splitlines(), ""] if kept else []
    lines += [f"  {option.key}  {plain(option.text)}" for option in desk.options(item.id)]
    if isinstance(item, BuildCommand):
        lines.append(f"  {item.template}")
        for part in item.fields:
            wanted = f"one of: {', '.join(part.options)}" if part.options else "free text"
            lines.append(f"  {part.name}  {part.label} ({wanted})")
    elif isinstance(item, Order):
        lines += [f"  {step.key}  {plain(step.text)}" for step in item.steps]
    elif isinstance(item, FixFile):
        lines += [f"  {item.file}:", *(f"    {line}".rstrip() for line in item.start.rstrip().splitlines())]
    elif isinstance(item, Match):
        lines += [f"  {part.key}  {plain(part.text)}" for part in item.items]
        lines += ["  where:", *(f"  {place.key}  {plain(place.text)}" for place in item.bins)]
    elif isinstance(item, LiveCheck):
        lines.append("Work in the lab; any way that gets there counts.")
    return lines


def _call(item: Exercise | Guess) -> str:
    """Return the line that answers the exercise in text form; "" for work that is done in the lab itself."""
    sure = ", ".join(f"{number} {word}" for number, word in SURE.items())
    wanted = {
        Order: "[STEP, STEP, …]",
        FixFile: "TEXT",
        Match: "{ITEM: PLACE, …}, confidence=2",
        FreeAnswer: '"Your own answer"',
        Choice: "KEY",
    }.get(type(item), "KEY, confidence=2")
    if isinstance(item, LiveCheck):
        return ""
    if isinstance(item, BuildCommand):
        wanted = ", ".join(f"{part.name}=…" for part in item.fields)
    elif isinstance(item, Guess) and not item.confidence:
        wanted = "KEY"
    line = f'Answer: lab.answer("{item.id}", {wanted})'
    if wanted.endswith("confidence=2"):
        line += f"   ({sure})"
    elif isinstance(item, FixFile):
        line += f'   (edited in {item.file} itself: lab.answer("{item.id}"))'
    elif isinstance(item, FreeAnswer):
        line += "   (the key points follow)"
    return line


def asked(item: Exercise | Guess) -> str:
    """Return what the learner is asked (markdown)."""
    if isinstance(item, FreeAnswer):
        return "\n\n".join(part for part in (f"**{item.question}**", item.prompt) if part)
    return item.prompt


def form(desk: Desk, item: Exercise | Guess) -> str:
    """Return the exercise as plain text, with the lines that answer it: deterministic, for terminals and tests."""
    name = "Guess" if isinstance(item, Guess) else "Exercise"
    lines = [f"{name} {item.id} · {kind(item)}", "", *asked(item).strip().splitlines(), "", *_wanted(desk, item)]
    call = _call(item)
    lines += ["", call] if call else []
    if isinstance(item, Exercise):
        lines.append(f'Check:  lab.check("{item.id}")   Help: lab.hint, lab.solution, lab.reset')
    return "\n".join(lines)


def static(desk: Desk, item: Exercise | Guess) -> str:
    """Return the exercise as HTML for a page where nothing runs."""
    name = "Guess" if isinstance(item, Guess) else "Exercise"
    inside = ""
    listed: list[tuple[str, str]] = [(option.key, option.text) for option in desk.options(item.id)]
    if isinstance(item, ReadError):
        kept = desk.record(item.id).get("result")
        inside = f"<pre>$ {escape(kept['command'])}\n{escape(kept['output'].strip())}</pre>" if kept else ""
    elif isinstance(item, BuildCommand):
        inside = f"<pre>{escape(item.template)}</pre>"
    elif isinstance(item, FixFile):
        inside = f"<p><code>{escape(item.file)}</code></p><pre>{escape(item.start.rstrip())}</pre>"
    elif isinstance(item, Order):
        listed = [(step.key, step.text) for step in item.steps]
    elif isinstance(item, Match):
        places = " · ".join(f"<b>{escape(place.key)}</b> {escape(plain(place.text))}" for place in item.bins)
        inside = f"<p>Places: {places}</p>"
        listed = [(part.key, part.text) for part in item.items]
    options = "".join(f"<li><b>{escape(key)}</b> {escape(plain(text))}</li>" for key, text in listed)
    return (
        f'<div class="ecr-card"><div class="ecr-head"><b>{name} {item.id}</b> '
        f'<span class="ecr-kind">{kind(item)}</span></div>{markdown(asked(item))}'
        f"{inside}{f'<ul>{options}</ul>' if options else ''}</div>"
    )


class Card(ActingCard):
    """One exercise on the page. It calls the desk and shows what the desk says; all state is the desk's."""

    def __init__(self, desk: Desk, item: Exercise | Guess) -> None:
        self.desk = desk
        self.item = item
        self._keyboard = KEYBOARD.replace("ID", f"ecr-{item.id}-{next(_cards)}")
        self._head = ipywidgets.HTML()
        self._said = ipywidgets.HTML()
        self._hinted = ipywidgets.HTML()
        self._solved = ipywidgets.HTML()
        self._buttons: dict[str, Any] = {}
        self._inputs = inputs(desk, item, lambda given: self._soon(lambda: self._take(given())))
        parts: list[Any] = [self._head, ipywidgets.HTML(markdown(asked(item))), *self._inputs.parts, self._bar()]
        if isinstance(self._inputs, OwnWords):
            parts.append(self._inputs.points)
        self.box = ipywidgets.VBox([*parts, self._said, self._hinted, self._solved])
        self.box.add_class("ecrlab")
        self.box.add_class("ecr-exercise")
        self.refresh()

    # Building --------------------------------------------------------------------------------------------------------

    def _bar(self) -> Any:
        item = self.item
        actions: list[tuple[str, Callable[[], None]]] = []
        if type(item) in _FIRST:
            actions.append((_FIRST[type(item)], self._answer))
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

    def _answer(self) -> None:
        self._without_help()
        self._take(self._inputs.read())

    def _take(self, given: Any) -> None:
        if isinstance(self.item, EXECUTED):
            self._said.value = '<div class="ecr-soft" role="status">Running…</div>'
        self._say(self.desk.answer(self.item.id, given, self._inputs.confidence))

    def _check(self) -> None:
        self._say(self.desk.check(self.item.id))

    def _hint(self) -> None:
        tip = self.desk.hint(self.item.id)
        self._without_help()
        self._hinted.value = note(f"Hint {tip.number} of 3", tip.text).html

    def _solution(self) -> None:
        said = note("Solution", self.desk.solution(self.item.id)).html
        self._without_help()
        self._solved.value = said

    def _reset(self) -> None:
        self.desk.reset(self.item.id)
        self._inputs.clear()
        self._without_help()
        self.refresh()
        self._said.value = '<div class="ecr-soft" role="status">Reset. This exercise is as it was at first.</div>'

    def _without_help(self) -> None:
        """Take the hint or the solution away."""
        self._hinted.value = self._solved.value = ""

    # Showing ---------------------------------------------------------------------------------------------------------

    def _say(self, verdict: Verdict) -> None:
        if verdict.outcome is Outcome.PASSED:
            # A hint for what is done misleads; an opened solution has the reasons in it and stays.
            self._hinted.value = ""
        result = self.desk.record(self.item.id).get("result")
        output = ""
        if isinstance(self.item, EXECUTED) and result and result["output"].strip():
            output = f"<pre>{escape(result['output'].strip())}</pre>"
        if self._waits_for_ticks() and verdict.outcome is Outcome.UNTOUCHED:
            # The points stand above, to be ticked; an answer that is kept is not untouched.
            kept = note("Your answer is kept", "Tick the points above that it makes.").html
            self._said.value = f'<div role="status">{kept}</div>'
        elif self._guess_is_kept() and verdict.outcome is Outcome.UNTOUCHED:
            self._said.value = f'<div class="ecr-verdict ecr-idle" role="status">{markdown(verdict.message)}</div>'
        else:
            self._said.value = output + verdict_html(self.desk.with_pass(self.item.id, verdict))
        self.refresh()

    def _guess_is_kept(self) -> bool:
        """Tell whether a guess was made: it waits for what happens, and is not untouched any more."""
        return isinstance(self.item, Predict | Guess) and "answer" in self.desk.record(self.item.id)

    def _waits_for_ticks(self) -> bool:
        """Tell whether an answer in the learner's own words is kept and its points are not marked yet."""
        if not isinstance(self.item, FreeAnswer):
            return False
        answer = self.desk.record(self.item.id).get("answer") or {}
        return "made" not in answer and judging.words(answer.get("text", "")) >= self.item.fewest_words

    def refresh(self) -> None:
        """Show the exercise's outcome as the progress file has it."""
        self._inputs.refresh()
        record = self.desk.record(self.item.id)
        outcome = Outcome(record.get("outcome", Outcome.UNTOUCHED.value))
        name = "Guess" if isinstance(self.item, Guess) else "Exercise"
        word = state(outcome)
        if record.get("passed") and outcome is not Outcome.PASSED:
            # A pass is kept, here and on the map; how it stands now is said beside it.
            word = f'{state(Outcome.PASSED)} <span class="ecr-kind">now: {outcome.value}</span>'
        if isinstance(self.item, Guess) and outcome is Outcome.UNTOUCHED:
            word = ""
        waits = self._waits_for_ticks() or (self._guess_is_kept() and outcome is Outcome.UNTOUCHED)
        if waits and not record.get("passed"):
            word = '<span class="ecr-state ecr-idle">kept</span>'
        self._head.value = (
            f'{style(self._keyboard)}<div class="ecr-head"><b>{name} {self.item.id}</b> '
            f'<span class="ecr-kind">{kind(self.item)}</span> {word}</div>'
        )

    def told(self, verdict: Verdict) -> None:
        """Show a verdict that was reached elsewhere: by `lab.check`, or because the next cell has run."""
        if verdict.outcome is not Outcome.UNTOUCHED:
            self._say(verdict)

    def show(self) -> None:
        """Display the card; where widgets do not run, its text or static form is shown."""
        self._display(form(self.desk, self.item), static(self.desk, self.item))
