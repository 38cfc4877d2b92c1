"""Where exercises are answered, checked, hinted at, solved and reset. Keeps records and knows no kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecrlab_course import progress as progress_file
from ecrlab_course.authoring.content import Course, Source
from ecrlab_course.documents.attempts import HINTS
from ecrlab_course.documents.verdict import Outcome, Verdict
from ecrlab_course.failure import reason, unrecorded
from ecrlab_course.kinds.base import Question
from ecrlab_course.kinds.entry import Entry
from ecrlab_course.kinds.guess import Guess
from ecrlab_course.learner.work_folder import copy_missing
from ecrlab_course.messages import say
from ecrlab_course.toolbox.lab import Lab


@dataclass(frozen=True)
class Tip:
    """One hint: its number of three, and its text (markdown)."""

    number: int
    text: str


class Session:
    """One learner's session: the lab, the progress file and the course.

    No method raises because of what the learner did; AnswerError is for answers of a wrong form, KeyError for unknown
    ids. Verdicts are recorded in the progress file.
    """

    def __init__(self, lab: Lab, progress: progress_file.Progress, course: Course) -> None:
        self.lab = lab
        self.progress = progress
        self.course = course

    # Lessons ---------------------------------------------------------------------------------------------------------

    def begin(self, lesson: str, again: bool = False) -> bool:
        """Build the lesson's starting state when it was not begun (or `again`); tell whether anything was built."""
        source = self.course.lesson(lesson)
        if self.progress.lesson(lesson) and not again and not self.lost(lesson):
            return False
        source.lesson.checkpoints[source.lesson.start](self.lab)
        self._note(lambda: self.progress.begin(lesson, self.lab.last()))
        return True

    def note_opened(self, lesson: str) -> None:
        """Note that the lesson is the one used last."""
        self._note(lambda: self.progress.opened(lesson))

    def lost(self, lesson: str) -> bool:
        """Tell whether the lab was wiped since the lesson was begun: its X-ray then counts from one again."""
        return self.lab.last() < int(self.progress.lesson(lesson).get("mark", 0))

    def goto(self, lesson: str, checkpoint: str) -> None:
        """Build the named state of the lesson; raise KeyError with the names there are."""
        source = self.course.lesson(lesson)
        if checkpoint not in source.lesson.checkpoints:
            names = ", ".join(source.lesson.checkpoints)
            raise KeyError(f"Lesson {lesson} has no checkpoint {checkpoint!r}. Its checkpoints are: {names}.")
        source.lesson.checkpoints[checkpoint](self.lab)
        self._note(lambda: self.progress.begin(lesson, self.lab.last()))

    def catch_up(self, lesson: str) -> str:
        """Build the state after the lesson, for whoever comes late; return the name of its checkpoint.

        The lesson's files are put where commands run, unless they are there. Nothing is counted as done. Raises
        KeyError when there is no such lesson.
        """
        source = self.course.lesson(lesson)
        if source.files.is_dir():
            copy_missing(source.files, self.lab.folder or Path.cwd())
        self.goto(lesson, source.lesson.final)
        return source.lesson.final

    def put_back(self, lesson: str) -> None:
        """Remove what the lesson made in the lab: its repositories, its users' rights, and what else it made.

        Files and progress stay. Raises KeyError when there is no such lesson.
        """
        declared = self.course.lesson(lesson).lesson
        if declared.repositories:
            self.lab.clear(*declared.repositories)
        if declared.users:
            self.lab.user(*declared.users)
        if declared.undo is not None:
            declared.undo(self.lab)

    def _note(self, write: Callable[[], object]) -> str:
        """Write to the progress file; return what is wrong with it instead of raising."""
        try:
            write()
        except (progress_file.ProgressError, OSError) as error:
            return unrecorded(error, self.progress.path)
        return ""

    # Looking ---------------------------------------------------------------------------------------------------------

    def exercise(self, identifier: str) -> Question:
        """Return the exercise or guess; raise KeyError when there is no such one."""
        source = self.source(identifier)
        return source.exercises.get(identifier) or source.guesses[identifier]

    def source(self, identifier: str) -> Source:
        """Return the lesson of the exercise."""
        return self.course.source_of(identifier)

    def record(self, identifier: str) -> progress_file.ExerciseRecord:
        """Return what the progress file holds about the exercise."""
        return self.progress.exercise(identifier)

    def entry(self, identifier: str) -> Entry:
        """Return what the exercise's kind may see and keep."""
        return Entry(identifier, self.lab, lambda: self._looking(identifier), self.progress)

    def _looking(self, identifier: str) -> Lab:
        """Return the lab as a check of this exercise sees it."""
        mark = self.record(identifier).get("mark")
        if mark is None:
            mark = self.progress.lesson(self.source(identifier).lesson.id).get("mark", 0)
        return self.lab.looking(int(mark))

    # Answering and checking ------------------------------------------------------------------------------------------

    def answer(self, identifier: str, answer: Any, confidence: int | None = None) -> Verdict:
        """Take an answer, carry it out where the kind says so, judge it and record the verdict."""
        self.exercise(identifier).take(self.entry(identifier), answer, confidence)
        return self.check(identifier)

    def check(self, identifier: str) -> Verdict:
        """Judge the exercise as it stands, record the verdict and return it. Changes nothing in the lab."""
        item = self.exercise(identifier)
        try:
            verdict = item.judged(self.entry(identifier))
        except Exception as error:
            return Verdict(Outcome.UNKNOWN, say("trouble.could_not_look", reason=reason(error)))
        self._record(identifier, verdict)
        return verdict

    def _record(self, identifier: str, verdict: Verdict) -> None:
        if verdict.outcome in (Outcome.PASSED, Outcome.NOT_YET):
            confidence = self.record(identifier).get("confidence")
            self._note(
                lambda: self.progress.judged(identifier, verdict.outcome.value, verdict.misconception, confidence)
            )

    def settle(self) -> list[tuple[str, Verdict]]:
        """Judge the answers that waited for something to happen in the lab; return those whose outcome is known now."""
        found = []
        for identifier, record in self.progress.read()["exercises"].items():
            try:
                item = self.exercise(identifier)
            except KeyError:
                continue
            if item.watches(record):
                verdict = self.check(identifier)
                if verdict.outcome in (Outcome.PASSED, Outcome.NOT_YET):
                    found.append((identifier, verdict))
        return found

    def with_pass(self, identifier: str, verdict: Verdict) -> Verdict:
        """Return a verdict to show: a wrong answer after a pass says that the pass is kept."""
        if verdict.outcome is Outcome.NOT_YET and self.record(identifier).get("passed"):
            return Verdict(verdict.outcome, f"{verdict.message}\n\n{say('card.pass_kept')}", verdict.misconception)
        return verdict

    def look_back(self, lesson: str) -> list[tuple[Guess, Verdict]]:
        """Return the first guesses that the lesson answers, each with the learner's own answer judged; record that."""
        found = []
        for source in self.course.sources.values():
            for guess in source.guesses.values():
                if guess.answered_in == lesson:
                    verdict = guess.look_back(self.record(guess.id))
                    self._record(guess.id, verdict)
                    found.append((guess, verdict))
        return found

    # Help ------------------------------------------------------------------------------------------------------------

    def hint(self, identifier: str) -> Tip:
        """Return the next of three hints (look, point, nearly); after the third, the third again."""
        item, entry = self.exercise(identifier), self.entry(identifier)
        if not item.helped:
            return Tip(1, item.hint(1, entry))
        number = min(int(self.record(identifier).get("hints", 0)) + 1, HINTS)
        try:
            text = item.hint(number, entry)
        except Exception as error:
            text = say("trouble.could_not_look", reason=reason(error))
        self._note(lambda: self.progress.update(identifier, hints=number))
        return Tip(number, text)

    def solution(self, identifier: str) -> str:
        """Return the solution with its why (markdown), and note that it was opened."""
        item = self.exercise(identifier)
        if item.helped:
            self._note(lambda: self.progress.update(identifier, solution_seen=True))
        return item.solved()

    def reset(self, identifier: str) -> None:
        """Undo this exercise alone: its part of the lab, its file, and the answer. History and first result stay.

        A text in the learner's own words stays as a draft.
        """
        item = self.exercise(identifier)
        if item.reset is not None:
            item.reset(self.lab)
        cleared: dict[str, Any] = dict.fromkeys(
            ("answer", "confidence", "observed", "outcome", "verdict", "result", "hints", "fresh", "draft")
        )
        cleared.update(item.undone(self.entry(identifier)))
        mark = self.lab.last()
        self._note(lambda: self.progress.update(identifier, **cleared, mark=mark))
