"""One exercise as one learner has it: what is kept of it, and the lab."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.verdict import Result
from ecrlab_course.failure import unrecorded
from ecrlab_course.progress import ExerciseRecord, Progress, ProgressError

LONGEST_TEXT = 20_000
"""Characters that an answer in text form may have; it is kept in the progress file."""
LONGEST_OUTPUT = 4000
"""Characters of a run's output that are kept."""


class AnswerError(Exception):
    """The answer cannot be taken as it was given; the text says what is wanted."""


class Entry:
    """What a kind may see and keep. `lab` acts; `looking` is the lab as a check sees it; `folder` holds its files."""

    def __init__(
        self, identifier: str, lab: LabView, look: Callable[[], LabView], progress: Progress, folder: Path
    ) -> None:
        self.id = identifier
        self.lab = lab
        self._look = look
        self._progress = progress
        self.folder = folder
        self.by_the_course: Callable[[], AbstractContextManager[None]] = nullcontext
        """Around what the course does itself in the learner's lab: it shows nothing of what the learner has seen."""
        self.shown: tuple[int, float] | None = None
        """When the card was first shown: the X-ray's last number, `time.monotonic()`; None where it was not."""

    @cached_property
    def looking(self) -> LabView:
        """The lab as a check of this exercise sees it: requests are marked, rows begin at the exercise's reset."""
        return self._look()

    @property
    def record(self) -> ExerciseRecord:
        """What the progress file holds about the exercise."""
        return self._progress.exercise(self.id)

    @property
    def answer(self) -> Any:
        """The answer that stands; None when there is none."""
        return self.record.get("answer")

    @property
    def result(self) -> Result | None:
        """What the last run did, as it was kept."""
        kept = self.record.get("result")
        return Result(**kept) if kept else None

    @property
    def certain_miss(self) -> bool:
        """Tell whether the answer that stands is the first one, and was given as certain."""
        record = self.record
        return record.get("first_confidence") == 3 and record.get("first_answer") == record.get("answer")

    def note(self, **values: Any) -> str:
        """Set values in the record (None removes one); return what is wrong with the file instead of raising."""
        try:
            self._progress.update(self.id, **values)
        except (ProgressError, OSError) as error:
            return unrecorded(error, self._progress.path)
        return ""

    def keep(self, **values: Any) -> None:
        """Set values in the record; an answer that cannot be kept is not taken. Raises AnswerError."""
        problem = self.note(**values)
        if problem:
            raise AnswerError(problem)

    def keep_result(self, result: Result) -> Result:
        """Keep what a run did; return it as it is kept."""
        short = Result(result.command, result.code, result.output[-LONGEST_OUTPUT:], dict(result.data))
        values = {"command": short.command, "code": short.code, "output": short.output, "data": short.data}
        self.note(result=values)
        return short
