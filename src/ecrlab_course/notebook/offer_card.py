"""A card with one button: it offers to build or to remove something, and does nothing until it is pressed."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from ecrlab_course.documents.verdict import Verdict
from ecrlab_course.messages import say
from ecrlab_course.notebook.cards import ActingCard
from ecrlab_course.views.display import escape, keyboard, markdown_inline, style

ipywidgets: Any = import_module("ipywidgets")


class OfferCard(ActingCard):
    """What is offered (one sentence), the button, and afterwards what was done."""

    def __init__(self, words: str, button: str, act: Callable[[], str], call: str) -> None:
        """`act` does it and returns the sentence about it; `call` says how to do it where widgets do not run."""
        self._act, self._words, self._call = act, words, call
        self._said = ipywidgets.HTML()
        self._button = ipywidgets.Button(description=button)
        self._button.on_click(lambda _button: self._soon(self._do))
        bar = ipywidgets.Box([self._button])
        bar.add_class("ecr-buttons")
        head = ipywidgets.HTML(f"{style(keyboard('ecr-offer'))}<p>{markdown_inline(words)}</p>")
        self.box = ipywidgets.VBox([head, bar, self._said])
        for name in ("ecrlab", "ecr-exercise", "ecr-offer"):
            self.box.add_class(name)

    def show(self) -> None:
        """Display the card."""
        html = f'<div class="ecr-card ecr-offer">{markdown_inline(self._words)}<br>{escape(self._call)}</div>'
        self._display(f"{self._words}\n{self._call}", html)

    def _do(self) -> None:
        self._button.disabled = True
        self._want(say("card.running"))
        try:
            self._said.value = f'<div class="ecr-status" role="status">{escape(self._act())}</div>'
        finally:
            self._button.disabled = False

    def _say(self, verdict: Verdict) -> None:
        self._said.value = f'<div class="ecr-verdict ecr-wait" role="status">{escape(verdict.message)}</div>'

    def _want(self, words: str) -> None:
        self._said.value = f'<div class="ecr-status" role="status">{escape(words)}</div>'
