"""A text that the learner writes: kept as a draft while it is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ecrlab_course.kinds.entry import LONGEST_TEXT, AnswerError, Entry
from ecrlab_course.kinds.inputs import WIDE, Inputs, ui
from ecrlab_course.messages import say


class Text(Inputs):
    """A text area. What is typed is kept as a draft at once, so that it outlives the kernel.

    `text` returns the text that the learner goes on with.
    """

    def __init__(self, entry: Entry, text: Callable[[Entry], str], name: str, rows: int, css: str = "") -> None:
        super().__init__(entry)
        self._text = text
        self._area = ui().Textarea(value=text(entry), description=name, rows=rows, continuous_update=False, style=WIDE)
        self._area.observe(lambda _change: self._keep(), "value")
        box = ui().VBox([self._area])
        box.add_class("ecr-written")
        if css:
            box.add_class(css)
        self.parts: list[Any] = [box]

    def _keep(self) -> None:
        if self._area.value != self._text(self.entry):
            self.entry.note(draft=self._area.value[:LONGEST_TEXT])

    def read(self) -> str:
        """Return the text as it stands."""
        if not self._area.value.strip():
            raise AnswerError(say("writing.nothing"))
        return str(self._area.value)

    def clear(self) -> None:
        """Show the text that is kept after a reset."""
        self._area.value = self._text(self.entry)
