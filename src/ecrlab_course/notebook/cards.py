"""What the cards of exercises and of drills have in common: how a click is acted on, and how a card is displayed."""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from importlib import import_module
from typing import Any

from ecrlab_course.documents.verdict import Outcome, Verdict
from ecrlab_course.failure import reason
from ecrlab_course.kinds.entry import AnswerError
from ecrlab_course.views.display import style

# IPython.display carries no types that a strict check could use.
display: Any = import_module("IPython.display").display

PAUSE = 0.25
"""Seconds between a click and acting on it; long enough for a value chosen just before to arrive."""


class ActingCard(ABC):
    """A card with buttons; `box` is its widget."""

    box: Any

    @abstractmethod
    def _say(self, verdict: Verdict) -> None:
        """Show a verdict in the card."""

    @abstractmethod
    def _want(self, words: str) -> None:
        """Say what an answer lacks: not a verdict, so it says nothing about how the exercise stands."""

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
            self._want(str(error))
        except Exception as error:
            self._say(Verdict(Outcome.UNKNOWN, reason(error)))

    def _display(self, text: str, html: str) -> None:
        """Display the card; where widgets do not run, its text or its static HTML is shown."""
        display(
            {
                "text/plain": text,
                "text/html": f'{style()}<div class="ecrlab">{html}</div>',
                "application/vnd.jupyter.widget-view+json": {
                    "version_major": 2,
                    "version_minor": 0,
                    "model_id": self.box.model_id,
                },
            },
            raw=True,
        )
