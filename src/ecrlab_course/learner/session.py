"""Where exercises are answered, checked, hinted at, solved and reset. Keeps records and knows no kind."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from ecrlab.client import LabError
from ecrlab_course import progress as progress_file
from ecrlab_course.authoring.content import Course, Source
from ecrlab_course.documents.attempts import HINTS
from ecrlab_course.documents.verdict import Outcome, Verdict, untouched
from ecrlab_course.failure import reason, unrecorded
from ecrlab_course.kinds.base import Question
from ecrlab_course.kinds.entry import Entry
from ecrlab_course.kinds.guess import Guess
from ecrlab_course.learner.comparison import Comparison, shown_cells
from ecrlab_course.learner.work_folder import copy_missing
from ecrlab_course.messages import say
from ecrlab_course.progress import now
from ecrlab_course.toolbox import standing
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.toolbox.standing import (
    Fingerprint,
    differences,
    fingerprint,
    forget_names,
    local_names,
    put_back,
    same_tags,
)

MISSED = ("not yet", "compared")
"""The outcomes of an answer that showed a misconception."""


@dataclass(frozen=True)
class Tip:
    """One hint: its number of three, and its text (markdown)."""

    number: int
    text: str


@dataclass(frozen=True)
class Built:
    """The checkpoint of a lesson that was built last: its name, when, and what the lab and docker held then."""

    checkpoint: str
    when: str
    state: Fingerprint
    names: frozenset[str]


class Session:
    """One learner's session: the lab, the progress file and the course.

    No method raises because of what the learner did; AnswerError is for answers of a wrong form, KeyError for unknown
    ids. Verdicts are recorded in the progress file.
    """

    def __init__(self, lab: Lab, progress: progress_file.Progress, course: Course, beside: Path | None = None) -> None:
        """`beside` is the folder of the notebooks, beside which each lesson has its own; without it, `lab.folder`
        serves all of them."""
        self.lab = lab
        self.progress = progress
        self.course = course
        self._moments: dict[str, float] = {}
        self._shown: dict[str, tuple[int, float]] = {}
        self.beside = beside
        self._built: dict[str, Built] = {}
        self.comparison = Comparison(lab, progress, course.root)
        lab.filled = self._filled
        lab.missed = self._missed

    def _filled(self) -> dict[str, str]:
        self.comparison.update()
        return shown_cells(self.progress)

    def _missed(self) -> dict[str, int]:
        found: Counter[str] = Counter()
        for identifier, record in self.progress.read()["exercises"].items():
            history = record.get("history", ()) if isinstance(record, dict) else ()
            wrong = any(each.get("misconception") and each.get("outcome") in MISSED for each in history)
            source = next(
                (each for each in self.course.sources.values() if identifier.startswith(f"{each.lesson.id}-")), None
            )
            if wrong and source is not None:
                found[source.lesson.follows or source.lesson.id] += 1
        return dict(found)

    # Lessons ---------------------------------------------------------------------------------------------------------

    def begin(self, lesson: str, checkpoint: str = "") -> bool:
        """Build the lesson's starting state, or a page's checkpoint, unless it was begun; tell whether it was built."""
        if self.progress.lesson(lesson) and not self.lost(lesson):
            return False
        self.goto(lesson, checkpoint or self.course.lesson(lesson).lesson.start)
        return True

    def folder(self, source: Source) -> Path:
        """Return the lesson's folder, where its commands run: beside its notebook, whichever page asks."""
        if self.beside is None:
            return self.lab.folder or Path.cwd()
        top = self.beside.parent if self.beside.name == "labs" else self.beside
        solved = top / source.solved
        return solved if solved.is_dir() else top / Path(source.opens).parent / source.slug

    def furnish(self, lesson: str) -> Path:
        """Put the lesson's files into its folder, where they are missing; return the folder.

        Raises KeyError when there is no such lesson, OSError when the folder cannot be written.
        """
        source = self.course.lesson(lesson)
        folder = self.folder(source)
        folder.mkdir(parents=True, exist_ok=True)
        copy_missing(source.files, folder)
        return folder

    @contextmanager
    def _by_the_course(self) -> Iterator[None]:
        """Let requests be the course's own: none of them fills a cell of the table."""
        self.comparison.update()
        before = self.lab.last()
        try:
            yield
        finally:
            with suppress(LabError, OSError):
                self.comparison.built(before, self.lab.last())

    @contextmanager
    def _in_folder(self, source: Source) -> Iterator[None]:
        """Let commands run in the lesson's folder."""
        before = self.lab.folder
        self.lab.folder = self.folder(source)
        try:
            yield
        finally:
            self.lab.folder = before

    def altered(self, lesson: str) -> tuple[list[str], str]:
        """Return what has changed in the lab since the lesson was used last, in words, and the lesson used since."""
        before = self.progress.lesson(lesson).get("seen")
        now = standing.outline(self.lab, self.course.lesson(lesson).lesson.users)
        other = str(self.progress.read().get("stands", lesson))
        changes = standing.changes(before, now) if before and now else []
        return changes, other if other != lesson and other in self.course.sources else ""

    def note_standing(self, lesson: str) -> None:
        """Note what stands in the lab now, for `altered`; nothing when the lab does not say."""
        seen = standing.outline(self.lab, self.course.lesson(lesson).lesson.users)
        if seen:
            self._note(lambda: self.progress.stands(lesson, seen))

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
        self.furnish(lesson)
        with self._in_folder(source), self._by_the_course():
            source.lesson.checkpoints[checkpoint](self.lab)
        self.note_built(lesson, checkpoint)

    def note_built(self, lesson: str, checkpoint: str, built: Built | None = None) -> None:
        """Note that a checkpoint of the lesson stands now: what was before does not count, resets lead to this.

        `built` is what it held, where that is known; else it is looked at.
        """
        # What happened before is evidence no more.
        self._note(lambda: self.progress.begin(lesson, self.lab.last()))
        self._moments[lesson] = time.monotonic()
        self.note_standing(lesson)
        self._built[lesson] = (
            replace(built, when=now())
            if built
            else Built(checkpoint, now(), fingerprint(self.lab), local_names(self.lab))
        )

    def catch_up(self, lesson: str) -> str:
        """Build the state after the lesson, for whoever comes late; return the name of its checkpoint.

        The lesson's files are put into its folder, unless they are there. Nothing is counted as done. Raises
        KeyError when there is no such lesson.
        """
        final = self.course.lesson(lesson).lesson.final
        self.goto(lesson, final)
        return final

    def put_back(self, lesson: str) -> None:
        """Remove what the lesson made in the lab: its clusters, repositories, users' rights, and what else it made.

        Files and progress stay. Raises KeyError when there is no such lesson.
        """
        declared = self.course.lesson(lesson).lesson
        if declared.clusters or declared.families:  # before the images that run
            self.lab.clear_clusters(*declared.clusters, families=declared.families)
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
        folder = self.folder(self.source(identifier))
        entry = Entry(identifier, self.lab, lambda: self._looking(identifier), self.progress, folder)
        entry.by_the_course = self._by_the_course
        entry.shown = self._shown.get(identifier)
        return entry

    def note_shown(self, identifier: str) -> None:
        """Note that the exercise's card is shown, unless it was already since the lab was last wiped."""
        row = self.lab.last()
        if identifier not in self._shown or self._shown[identifier][0] > row:
            self._shown[identifier] = (row, time.monotonic())

    def _looking(self, identifier: str) -> Lab:
        """Return the lab as a check of this exercise sees it."""
        lesson = self.source(identifier).lesson.id
        own, built = self.record(identifier).get("mark", 0), self.progress.lesson(lesson).get("mark", 0)
        # Evidence is of now: what happened before the later of the two was undone by it.
        moments = (self._moments.get(identifier, 0.0), self._moments.get(lesson, 0.0))
        return self.lab.looking(max(int(own), int(built)), max(moments))

    # Answering and checking ------------------------------------------------------------------------------------------

    def answer(self, identifier: str, answer: Any, confidence: int | None = None) -> Verdict:
        """Take an answer, carry it out where the kind says so, judge it and record the verdict."""
        with self._in_folder(self.source(identifier)):
            remark = self.exercise(identifier).take(self.entry(identifier), answer, confidence)
        verdict = self.check(identifier)
        return replace(verdict, message=f"{verdict.message}\n\n{remark}".strip()) if remark else verdict

    def check(self, identifier: str) -> Verdict:
        """Judge the exercise as it stands, record the verdict and return it. Changes nothing in the lab."""
        item = self.exercise(identifier)
        if item.engine and self.lab.engine == "none":
            return untouched(say("card.needs_engine"))
        try:
            with self._in_folder(self.source(identifier)):
                verdict = item.judged(self.entry(identifier))
        except Exception as error:
            return Verdict(Outcome.UNKNOWN, say("trouble.could_not_look", reason=reason(error)))
        self._record(identifier, verdict)
        return verdict

    def _record(self, identifier: str, verdict: Verdict) -> None:
        if verdict.outcome.is_known:
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
                if verdict.outcome.is_known:
                    found.append((identifier, verdict))
        return found

    def note_late(self, identifier: str, mark: int) -> bool:
        """Note that what is to be predicted happened since `mark`, and no guess was made; tell whether it did."""
        item = self.exercise(identifier)
        folder = self.folder(self.source(identifier))
        entry = Entry(identifier, self.lab, lambda: self.lab.looking(mark), self.progress, folder)
        if not item.is_late(entry):
            return False
        self._note(lambda: self.progress.update(identifier, late=True))
        return True

    def with_pass(self, identifier: str, verdict: Verdict) -> Verdict:
        """Return a verdict to show, so that it does not contradict an earlier pass.

        A wrong answer after a pass says that the pass is kept; where nothing of it is in the lab any more, the verdict
        is that pass, with its date.
        """
        record = self.record(identifier)
        if not record.get("passed"):
            return verdict
        if verdict.outcome is Outcome.NOT_YET:
            return Verdict(verdict.outcome, f"{verdict.message}\n\n{say('card.pass_kept')}", verdict.misconception)
        if verdict.outcome is Outcome.UNTOUCHED and record.get("answer") is None:
            now = f"{say('card.pass_gone')}\n\n{verdict.message}".strip()
            return Verdict(Outcome.PASSED, now, day=passed_on(record))
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
            with self._in_folder(self.source(identifier)):
                text = item.hint(number, entry)
        except Exception as error:
            text = say("trouble.could_not_look", reason=reason(error))
        self._note(lambda: self.progress.hinted(identifier, number))
        return Tip(number, text)

    def solution(self, identifier: str) -> str:
        """Return the solution with its why (markdown), and note that it was opened."""
        item = self.exercise(identifier)
        if item.helped:
            self._note(lambda: self.progress.solved(identifier))
        return item.solved()

    def reset(self, identifier: str) -> str:
        """Undo this exercise alone, look whether its start stands again, and return in words what was found.

        What is undone: its part of the lab, its file, and the answer. History and first result stay, and a text in the
        learner's own words stays as a draft. Where the checkpoint that the exercise starts from was built last and no
        other exercise was worked on since, it is built again if the exercise's own reset leaves something behind, and
        docker forgets the names at the lab's registries that are newer.
        """
        item, source = self.exercise(identifier), self.source(identifier)
        problem = ""
        try:
            if item.reset is not None:
                with self._in_folder(source), self._by_the_course():
                    item.reset(self.lab)
        except Exception as error:
            problem = reason(error)
        self._clear(item)
        if not self.is_undone_in_lab(item):
            return say("card.was_reset")
        start = getattr(item, "at", "") or source.lesson.start
        built = self.built(source.lesson.id)
        if built is None or built.checkpoint != start:
            return say("card.not_reset", reason=problem) if problem else self._found_untouched(item)
        alone = self._is_alone(source, identifier, built)
        left = differences(built.state, put_back(self.lab, built.state) if alone else fingerprint(self.lab))
        if problem and not alone:
            return say("card.not_reset", reason=problem)
        rebuilt = alone and bool(left or problem)
        if alone:
            forget_names(self.lab, built.names)
        if rebuilt:
            self.goto(source.lesson.id, start)
            now = put_back(self.lab, built.state)
            # What another lesson had left and is gone now was never the checkpoint's; an engine builds other digests.
            left = [key for key in differences(built.state, now) if key in now and not same_tags(built.state, now, key)]
        self._clear(item)
        if left:
            things = ", ".join(say(f"left.{kind}", name=name) for kind, name in left)
            return say("card.not_restored", things=things, lesson=source.lesson.id, checkpoint=start)
        return say("card.was_rebuilt", checkpoint=start) if rebuilt else say("card.was_reset_in_lab")

    @staticmethod
    def is_undone_in_lab(item: Question) -> bool:
        """Tell whether a reset of the exercise has to do with the lab, and not with the answer alone."""
        return item.reset is not None or item.runs or not item.answered

    def built(self, lesson: str) -> Built | None:
        """Return the checkpoint of the lesson that this session built last; None when it built none."""
        return self._built.get(lesson)

    def _clear(self, item: Question) -> None:
        """Forget the answer, and what happened before now."""
        cleared: dict[str, Any] = dict.fromkeys(
            (
                "answer",
                "confidence",
                "observed",
                "outcome",
                "verdict",
                "result",
                "hints",
                "hinted",
                "fresh",
                "draft",
                "late",
            )
        )
        cleared.update(item.undone(self.entry(item.id)))
        mark = self.lab.last()
        self._note(lambda: self.progress.update(item.id, **cleared, mark=mark))
        self._moments[item.id] = time.monotonic()

    def _is_alone(self, source: Source, identifier: str, built: Built) -> bool:
        """Tell whether no other exercise of the lesson was judged since its checkpoint was built."""
        others = (self.record(each) for each in source.exercises if each != identifier)
        return all(record["history"][-1]["at"] < built.when for record in others if record.get("history"))

    def _found_untouched(self, item: Question) -> str:
        """Return that a check finds nothing of the exercise any more, or what it finds."""
        verdict = item.judged(self.entry(item.id))
        if verdict.outcome is Outcome.UNTOUCHED:
            return say("card.was_undone")
        return say("card.not_reset", reason=verdict.message)


def passed_on(record: progress_file.ExerciseRecord) -> str:
    """Return the day of the pass, as a learner reads it."""
    day = datetime.fromisoformat(record["passed"]).astimezone()
    return f"{day.day} {day:%B %Y}"
