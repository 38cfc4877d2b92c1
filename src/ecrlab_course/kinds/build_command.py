"""Build the command: fields make a command, and the command really runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.page import Page
from ecrlab_course.documents.verdict import NOTHING, Result, Verdict
from ecrlab_course.kinds.entry import AnswerError, Entry
from ecrlab_course.kinds.executed import Executed
from ecrlab_course.kinds.inputs import WIDE, Inputs, ui
from ecrlab_course.kinds.options import call
from ecrlab_course.messages import say
from ecrlab_course.views.display import escape


@dataclass(frozen=True)
class Field:
    """One gap of a command: free text, or one of `options`. The default stands in the field at first."""

    name: str
    label: str
    options: tuple[str, ...] | None = None
    default: str = ""
    width: int = 20
    """Characters the text field shows."""


@dataclass(frozen=True, kw_only=True)
class BuildCommand(Executed):
    """`template` holds the fields' names in braces and may hold $REGISTRY.

    `run` carries it out; None: `lab.sh(command)`. Hints are functions of {"values": field to value, "result": the last
    run's, or None}. `lab.answer("04-e1", tag="2")`.
    """

    kind: ClassVar[str] = "build-command"

    fields: tuple[Field, ...]
    template: str
    judge: Callable[[LabView, dict[str, str], Result], Verdict]
    run: Callable[[LabView, dict[str, str]], Result] | None = None
    form: bool = False
    """The line is what the learner found, not a command: it is filled in and answered."""

    @classmethod
    def read(cls, page: Page) -> BuildCommand:
        """Read `command:`, `fields:` (name to label) and `widths:`, `defaults:`, `choices:` of some of them; `form:`.

        eN.py has class Seen(lab, values, result), judge(seen), TRIES (values, or a function of the lab), and may have
        run(lab, values). For hints of a command that did not run yet, `result` is of no command.
        """
        labels, widths = page.table("fields", wanted=True), page.table("widths")
        defaults, choices = page.table("defaults"), page.table("choices")
        fields = tuple(
            Field(
                name, label, tuple(re.split(r"\s*\|\s*", choices[name])) if name in choices else None,
                defaults.get(name, ""), int(widths.get(name, 20)),
            )
            for name, label in labels.items()
        )  # fmt: skip
        read = page.judged(
            cls, lambda seen: lambda state: seen(state["lab"], state["values"], state["result"] or NOTHING)
        )
        return cls(
            **page.common(), **read.attempts, hints=read.hints, fields=fields,
            template=page.word("command", wanted=True),
            judge=lambda lab, values, result: read.judge(read.seen(lab, values, result)),
            run=page.code.get("run"), form=page.flag("form"),
        )  # fmt: skip

    @property
    def kind_words(self) -> str:
        """The kind in a learner's words."""
        return say("build-command.form_kind") if self.form else super().kind_words

    @property
    def button(self) -> str:
        """What the button says that takes the answer."""
        return say("build-command.form_button") if self.form else super().button

    def command(self, values: Mapping[str, str]) -> str:
        """Return the command line that the values make."""
        text = self.template
        for part in self.fields:
            text = text.replace("{" + part.name + "}", values.get(part.name, part.default))
        return text

    def take(self, entry: Entry, answer: Any, confidence: int | None) -> None:
        """Run the command that the values make."""
        wanted = [part.name for part in self.fields]
        if not isinstance(answer, Mapping) or not set(answer) <= set(wanted):
            raise AnswerError(say("build-command.wanted", id=self.id, fields=", ".join(wanted)))
        values = {part.name: unquoted(str(answer.get(part.name, part.default))) for part in self.fields}
        empty = [part.label for part in self.fields if not values[part.name]]
        if empty:
            self.not_run(entry, values, say("build-command.empty", fields=", ".join(empty)))
            return
        self.carry_out(
            entry, values, lambda: self._run(entry, values), lambda lab, result: self.judge(lab, values, result)
        )

    def _run(self, entry: Entry, values: dict[str, str]) -> Result:
        if self.run is not None:
            return self.run(entry.lab, values)
        # As typed, also with a blank or a semicolon in it: a field is one word of the command.
        free = {part.name for part in self.fields if part.options is None}
        command = self.command({name: shlex.quote(value) if name in free else value for name, value in values.items()})
        code, output = entry.lab.sh(command)
        return Result(command, code, output)

    def first_step(self) -> str:
        """Return what is said while nothing was run yet."""
        return say("build-command.form_first" if self.form else "build-command.first")

    def state(self, entry: Entry) -> Any:
        """Return the values and what their run did."""
        values = entry.answer or {part.name: part.default for part in self.fields}
        return {"values": values, "result": entry.result, "lab": entry.looking}

    def lines(self, entry: Entry) -> list[str]:
        """Return the command and its gaps."""
        found = [f"  {self.template}"]
        for part in self.fields:
            one_of = say("build-command.one_of", options=", ".join(part.options or ()))
            found.append(f"  {part.name}  {part.label} ({one_of if part.options else say('build-command.free')})")
        return found

    def call(self) -> str:
        """Return the line that answers it."""
        return call(self.id, ", ".join(f"{part.name}=…" for part in self.fields))

    def html(self, entry: Entry) -> str:
        """Return the command."""
        return f"<pre>{escape(self.template)}</pre>"

    def inputs(self, entry: Entry, act: Callable[[Callable[[], Any]], None]) -> Inputs:
        """Return the gaps."""
        return Gaps(entry, self)


def unquoted(value: str) -> str:
    """Return a field's value without blanks and quotes around it: to a shell, a word in quotes is the same word."""
    value = value.strip()
    while len(value) > 1 and value[0] in "'\"`" and value[0] == value[-1]:
        value = value[1:-1].strip()
    return value


class Gaps(Inputs):
    """The gaps of a command, and the command as they make it."""

    def __init__(self, entry: Entry, item: BuildCommand) -> None:
        super().__init__(entry)
        self.item = item
        self._fields: dict[str, Any] = {}
        self._preview = ui().HTML()
        kept = entry.answer or {}
        for part in item.fields:
            value = kept.get(part.name, part.default)
            if part.options is None:
                field = ui().Text(value=value, description=part.label, continuous_update=False, style=WIDE)
                field.layout.width = f"{part.width * 8 + len(part.label) * 8 + 50}px"
                field.layout.max_width = "100%"
            else:
                value = value if value in part.options else part.options[0]
                field = ui().Dropdown(options=part.options, value=value, description=part.label, style=WIDE)
                field.layout.max_width = "100%"
            field.observe(lambda _change: self._show(), "value")
            self._fields[part.name] = field
        row = ui().Box(list(self._fields.values()))
        row.add_class("ecr-fields")
        self._show()
        self.parts = [row, self._preview]

    def _show(self) -> None:
        command = self.item.command({name: field.value or "…" for name, field in self._fields.items()})
        self._preview.value = f"<pre>{escape(command)}</pre>"

    def read(self) -> dict[str, str]:
        """Return the fields' values by name."""
        return {name: field.value for name, field in self._fields.items()}

    def clear(self) -> None:
        """Put the defaults back."""
        for part in self.item.fields:
            self._fields[part.name].value = part.default if part.options is None else part.options[0]
