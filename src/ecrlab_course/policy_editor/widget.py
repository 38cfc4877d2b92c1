"""The policy editor on the page: native inputs and buttons. It shows what `ecrlab_course.policy_editor.editor` says."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.resources import files
from typing import Any

from ecrlab.client import LabError
from ecrlab.policy.places import Problem
from ecrlab_course.failure import reason
from ecrlab_course.messages import say
from ecrlab_course.policy_editor.editor import FORBIDDEN, PARTLY, Cell, Editor, EditorError, Matrix
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.views import decision
from ecrlab_course.views.display import breaking, escape, keyboard, style

ipywidgets: Any = import_module("ipywidgets")

WAIT = 0.3
"""Seconds without a keystroke before the matrix is asked for again."""

_WIDE = 200
"""Characters of a line that are shown around a problem."""

_CLASSES = {"allowed": "ecr-ok", PARTLY: "ecr-wait", FORBIDDEN: "ecr-no", "not allowed": "ecr-no"}


@cache
def _code() -> str:
    return (files("ecrlab_course.policy_editor") / "code.js").read_text(encoding="utf-8")


def place_html(text: str, found: Problem) -> str:
    """Return the line of a text where a problem or a note stands, with the word marked and its number in front."""
    lines = text.split("\n")
    line = lines[found.line - 1] if found.line <= len(lines) else ""
    start = found.column - 1
    end = start + max(len(found.word.rstrip("…")), 1)
    if not found.word:
        return ""
    if len(line) > _WIDE:  # a policy in one line: what is around the place
        cut = max(start - _WIDE // 2, 0)
        line, start, end = line[cut : cut + _WIDE], start - cut, end - cut
    kind = "" if found.refused else ' class="ecr-noted"'
    marked = f"{escape(line[:start])}<mark{kind}>{escape(line[start:end] or ' ')}</mark>{escape(line[end:])}"
    return f"<pre>{found.line:>3}  {marked}</pre>"


def _jump(found: Problem) -> str:
    """Return the button that goes to a problem; it is shown where its script runs."""
    if not found.word:
        return ""
    length = len(found.word.rstrip("…"))
    return (
        f'<button type="button" class="ecr-jump" data-line="{found.line}" data-column="{found.column}" '
        f'data-length="{length}">{say("policy-editor.jump", line=found.line)}</button>'
    )


def problem_html(text: str, wrong: Problem | None, notes: Sequence[Problem]) -> str:
    """Return what IAM would say of the text, announced by screen readers when it changes."""
    if wrong is not None:
        hint = f" <b>{escape(wrong.hint[:1].upper() + wrong.hint[1:])}.</b>" if wrong.hint else ""
        hint = hint.replace("?.</b>", "?</b>")
        at = say("policy-editor.line", line=wrong.line)
        if wrong.word:
            at = say("policy-editor.line_at", line=wrong.line, word=f"<code>{escape(wrong.word)}</code>")
        body = (
            f'<div class="ecr-verdict ecr-no"><span class="ecr-state">✗ {say("policy-editor.refused")}</span> {at}: '
            f"<q>{breaking(wrong.message)}</q>{hint}{place_html(text, wrong)}{_jump(wrong)}</div>"
        )
    else:
        body = f'<span class="ecr-state ecr-ok">✓ {say("policy-editor.accepted")}</span>'
    for note in notes:
        hint = f" <b>{escape(note.hint[:1].upper() + note.hint[1:])}</b>" if note.hint else ""
        body += (
            f'<div class="ecr-verdict ecr-wait"><span class="ecr-state">! {say("policy-editor.meaningless")}</span> '
            f"{say('policy-editor.line', line=note.line)}, <code>{escape(note.word)}</code>: {escape(note.message)}"
            f"{hint}{place_html(text, note)}</div>"
        )
    return f'<div class="ecr-problem" role="status">{body}</div>'


class PolicyEditor(Editor):
    """The editor as a widget: type, and the matrix follows; press a cell, and it says why.

    Shown as text where widgets do not run. `text`, `matrix()`, `explain()`, `save()` and `reset()` do the same by
    code; setting `text` changes what is on the page.
    """

    def __init__(
        self,
        lab: Lab,
        document: object,
        principals: Sequence[str] = (),
        actions: Sequence[str] = (),
        resources: Sequence[str] = (),
        target: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(lab, document, principals, actions, resources, target)
        self._timer: asyncio.TimerHandle | None = None
        self._cells: dict[tuple[str, str], Any] = {}
        self._chosen: tuple[str, str] | None = None
        self._head = ipywidgets.HTML()
        self._area = ipywidgets.Textarea(
            value=self._text,
            description=say("policy-editor.text"),
            rows=min(max(self._text.count("\n") + 2, 14), 30),
            continuous_update=True,
            style={"description_width": "initial"},
        )
        self._said = ipywidgets.HTML()
        self._caption_shown = ipywidgets.HTML()
        self._opened = ipywidgets.HTML()
        self._table = ipywidgets.HTML()
        self._done = ipywidgets.HTML()
        self._buttons = {
            "Save": ipywidgets.Button(description=say("policy-editor.save")),
            "Reset": ipywidgets.Button(description=say("policy-editor.reset")),
        }
        self._buttons["Save"].add_class("ecr-primary")
        where = str(self.target or self.path or "")
        self._buttons["Save"].tooltip = (
            say("policy-editor.save_as", place=where) if where else say("policy-editor.no_place")
        )
        self._buttons["Save"].disabled = not where
        self._buttons["Reset"].tooltip = say("policy-editor.put_back")
        self._buttons["Save"].on_click(lambda _button: self._guarded(Editor.save))
        self._buttons["Reset"].on_click(lambda _button: self._guarded(Editor.reset))
        self._area.observe(self._typed, "value")
        self.box = self._build()
        self._refresh()

    # Building --------------------------------------------------------------------------------------------------------

    def _build(self) -> Any:
        heads: list[Any] = [ipywidgets.HTML(f'<span class="ecr-who">{say("policy-editor.what")}</span>')]
        heads += [ipywidgets.HTML(f'<div class="ecr-who">{escape(name)}</div>') for name in self.principals]
        grid = list(heads)
        for column in self.columns:
            grid.append(ipywidgets.HTML(f'<div class="ecr-what">{escape(column.label)}</div>'))
            for principal in self.principals:
                button = ipywidgets.Button(description="…")
                key = (principal, column.label)
                button.on_click(lambda _button, key=key: self._open(key))
                self._cells[key] = button
                grid.append(button)
        matrix = ipywidgets.Box(grid)
        matrix.add_class("ecr-matrix")
        matrix.layout.display = "grid"
        matrix.layout.grid_template_columns = (
            f"minmax(5.5rem, 9rem) repeat({len(self.principals)}, minmax(5.6rem, 1fr))"
        )
        scroll = ipywidgets.Box([matrix])
        scroll.add_class("ecr-scroll")
        scroll.layout.display = "block"
        bar = ipywidgets.Box(list(self._buttons.values()))
        bar.add_class("ecr-buttons")
        left = ipywidgets.VBox([self._area, self._said, bar, self._done])
        left.add_class("ecr-text")
        right = ipywidgets.VBox([self._caption_shown, scroll, self._opened, self._table])
        right.add_class("ecr-side")
        panes = ipywidgets.Box([left, right])
        panes.add_class("ecr-panes")
        box = ipywidgets.VBox([self._head, panes])
        for name in ("ecrlab", "ecr-exercise", "ecr-editor"):
            box.add_class(name)
        self._head.value = (
            f"{style(keyboard('ecr-editor') + _code())}{decision.style()}"
            f'<div class="ecr-head"><b>{escape(self.heading)}</b> '
            f'<span class="ecr-kind">{say("policy-editor.unsaved")}</span></div>'
        )
        return box

    # Acting ----------------------------------------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The policy's text. Setting it is typing it: matrix and page follow at once."""
        return self._text

    @text.setter
    def text(self, value: str) -> None:
        self._text = str(value)
        self._put()
        self._refresh()

    def save(self) -> str:
        """Put the text where it belongs and return a sentence."""
        said = super().save()
        self._refresh()
        return said

    def reset(self) -> str:
        """Put the text back to what it was when the editor was opened; nothing is saved."""
        said = super().reset()
        self._put()
        self._refresh()
        return said

    def _put(self) -> None:
        self._area.unobserve(self._typed, "value")
        self._area.value = self._text
        self._area.observe(self._typed, "value")

    def _typed(self, change: Mapping[str, Any]) -> None:
        self._text = str(change["new"])
        self._done.value = ""
        if self._timer is not None:
            self._timer.cancel()
        try:
            self._timer = asyncio.get_running_loop().call_later(WAIT, self._refresh)
        except RuntimeError:  # no event loop: a plain script, where nobody types
            self._refresh()

    def _guarded(self, action: Callable[[Editor], str]) -> None:
        """A click never ends in a traceback: what went wrong is said in the card."""
        try:
            said, kind = action(self), "ecr-ok"
        except Exception as error:
            said, kind = _words(error), "ecr-no"
        self._put()
        self._refresh()
        icon = "✓" if kind == "ecr-ok" else "✗"
        self._done.value = (
            f'<div class="ecr-verdict {kind}" role="status"><span class="ecr-state" aria-hidden="true">{icon}</span> '
            f"{escape(said)}</div>"
        )

    def _open(self, key: tuple[str, str]) -> None:
        self._chosen = None if self._chosen == key else key
        self._show_cell()

    # Showing ---------------------------------------------------------------------------------------------------------

    def _refresh(self) -> None:
        """Show what the text means now; what goes wrong is said in the card."""
        self._timer = None
        try:
            self._said.value = problem_html(self._text, self.problem, self.notes)
            found = self.matrix()
            self._show_matrix(found)
            self._show_cell()
        except EditorError as error:
            self._caption_shown.value = f'<p class="ecr-soft">{escape(_words(error))}</p>'
        except Exception as error:
            self._caption_shown.value = f'<div class="ecr-verdict ecr-wait" role="status">{escape(_words(error))}</div>'

    def _show_matrix(self, found: Matrix) -> None:
        stale = self.stale
        (self.box.add_class if stale else self.box.remove_class)("ecr-stale")
        old = f"<b> {say('policy-editor.stale')}</b>" if stale else ""
        self._caption_shown.value = (
            f'<div class="ecr-soft">{escape(found.caption)}. {say("policy-editor.press")}{old}</div>'
        )
        for row in found.rows:
            for cell in row:
                self._show_button(cell)
        self._table.value = (
            f"<details><summary>{say('policy-editor.table')}</summary>"
            f'<p class="ecr-soft">{say("policy-editor.meaning")}'
            f"</p>{found.shown().html}</details>"
        )

    def _show_button(self, cell: Cell) -> None:
        button = self._cells[cell.principal, cell.column.label]
        if button.description != cell.words:
            button.description = cell.words
        button.tooltip = say("policy-editor.opens", who=cell.principal, what=cell.column.label, state=cell.state_words)
        for name in ("ecr-ok", "ecr-no", "ecr-wait"):
            (button.add_class if _CLASSES[cell.state] == name else button.remove_class)(name)

    def _show_cell(self) -> None:
        for key, button in self._cells.items():
            (button.add_class if key == self._chosen else button.remove_class)("ecr-chosen")
        if self._chosen is None:
            self._opened.value = ""
            return
        try:
            self._opened.value = self._cell_html(*self._chosen)
        except Exception as error:
            self._opened.value = f'<div class="ecr-verdict ecr-wait" role="status">{escape(_words(error))}</div>'

    def _cell_html(self, principal: str, column: str) -> str:
        opened = self.decisions(principal, column)
        deciding = next((each for each in opened if not each["allowed"]), opened[0])
        lines = ""
        if len(opened) > 1:
            items = "".join(
                f"<li>{say('x-ray.allowed' if each['allowed'] else 'x-ray.denied')}: "
                f"<code>{escape(each['action'])}</code></li>"
                for each in opened
            )
            lines = f'<p class="ecr-soft">{say("policy-editor.asks", number=len(opened))}</p>'
            lines += f"<ul>{items}</ul>"
        title = f"{principal}, {column}"
        why = say("policy-editor.why", cell=title)
        return (
            f'<div class="ecr-cell" role="region" aria-live="polite" aria-label="{escape(why)}">'
            f'<div class="ecr-title">{escape(title)}</div>'
            f'<div class="ecr-decision">{lines}</div>{decision.html(deciding)}</div>'
        )

    def static(self) -> str:
        """Return the editor as HTML for a page where nothing runs."""
        said = ""
        try:
            said = problem_html(self._text, self.problem, self.notes)
            table = self.matrix().shown().html
        except (EditorError, LabError) as error:
            table = f"<p>{escape(_words(error))}</p>"
        return (
            f'<div class="ecr-card"><div class="ecr-head"><b>{escape(self.heading)}</b></div>'
            f"<pre>{escape(self._text)}</pre>{said}{table}</div>"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {
            "text/plain": self.form(),
            "text/html": f'{style()}{decision.style()}<div class="ecrlab">{self.static()}</div>',
            "application/vnd.jupyter.widget-view+json": {
                "version_major": 2,
                "version_minor": 0,
                "model_id": self.box.model_id,
            },
        }

    def __repr__(self) -> str:
        return self.heading


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, EditorError | LabError) else reason(error)
