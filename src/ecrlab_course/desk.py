"""Where exercises are answered, checked, hinted at, solved and reset. Knows no notebook and shows nothing."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecrlab.client import LabError, LabNotRunning
from ecrlab.trouble import is_about_files, plain, sentence
from ecrlab_course import judging
from ecrlab_course import progress as progress_file
from ecrlab_course.content import Course, Source
from ecrlab_course.exercises import (
    BuildCommand,
    Choice,
    Exercise,
    FixFile,
    FreeAnswer,
    Guess,
    LiveCheck,
    Match,
    Option,
    Order,
    Outcome,
    Predict,
    ReadError,
    Result,
    Verdict,
    not_yet,
    passed,
    untouched,
)
from ecrlab_course.lab import Lab, Refused
from ecrlab_course.work import copy_missing

SURE = {1: "a guess", 2: "fairly sure", 3: "certain"}
KINDS: dict[type[Exercise], str] = {
    LiveCheck: "live check",
    Choice: "choose",
    Predict: "predict, then run",
    BuildCommand: "build the command",
    Order: "put in order, then run",
    FixFile: "mend the file, then run",
    ReadError: "read the error",
    Match: "match",
    FreeAnswer: "in your own words",
}
EXECUTED = (BuildCommand, Order, FixFile)
"""The kinds whose answer really runs; what the run did is shown with the verdict, and a check says it again."""
LONGEST_TEXT = 20_000
"""Characters that an answer in text form may have; it is kept in the progress file."""


KEPT = "You passed this before, and that is kept: *not yet* is about this answer alone."


class AnswerError(Exception):
    """The answer cannot be taken as it was given; the text says what is wanted."""


@dataclass(frozen=True)
class Tip:
    """One hint: its number of three, and its text (markdown)."""

    number: int
    text: str


def reason(error: Exception) -> str:
    """Return one paragraph for a learner: why the lab could not be looked at."""
    if isinstance(error, ClientError):
        detail = error.response.get("Error", {})
        return f"The lab answered {detail.get('Code', 'an error')}: {detail.get('Message', '')}"
    if isinstance(error, LabNotRunning):
        return str(error)
    if isinstance(error, OSError) and is_about_files(error):
        return sentence(error)
    if isinstance(error, BotoCoreError | OSError):
        return f"The lab does not answer ({plain(error)}). Run the notebook's first cell again, or `ecrlab start`."
    if isinstance(error, Refused | LabError):
        return str(error)
    return f"{type(error).__name__}: {error}"


class Desk:
    """One learner's desk: the lab, the progress file and the course.

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
        except progress_file.ProgressError as error:
            return str(error)
        except OSError as error:
            return f"This is not recorded: {sentence(error, self.progress.path)}"
        return ""

    # Looking ---------------------------------------------------------------------------------------------------------

    def exercise(self, identifier: str) -> Exercise | Guess:
        """Return the exercise or guess; raise KeyError when there is no such one."""
        source = self.source(identifier)
        return source.exercises.get(identifier) or source.guesses[identifier]

    def source(self, identifier: str) -> Source:
        """Return the lesson of the exercise."""
        return self.course.source_of(identifier)

    def record(self, identifier: str) -> dict[str, Any]:
        """Return what the progress file holds about the exercise."""
        return self.progress.exercise(identifier)

    def looking(self, identifier: str) -> Lab:
        """Return the lab as a check of this exercise sees it."""
        record = self.record(identifier)
        mark = record.get("mark")
        if mark is None:
            mark = self.progress.lesson(self.source(identifier).lesson.id).get("mark", 0)
        return self.lab.looking(int(mark))

    def options(self, identifier: str) -> tuple[Option, ...]:
        """Return the options of a choice, a prediction or a guess, computed from live state where they are."""
        item = self.exercise(identifier)
        if isinstance(item, Choice):
            return item.options if isinstance(item.options, tuple) else item.options(self.looking(identifier))
        return item.options if isinstance(item, Predict | Guess | ReadError) else ()

    def failure(self, identifier: str) -> Result:
        """Return the failure that a ReadError is about; made when the exercise has none yet, kept until its reset."""
        item = self.exercise(identifier)
        assert isinstance(item, ReadError)
        kept = self.record(identifier).get("result")
        if kept:
            return Result(**kept)
        return self._kept(identifier, item.cause(self.lab))

    def _kept(self, identifier: str, result: Result) -> Result:
        """Keep what a run did in the exercise's record; return it as it is kept."""
        short = Result(result.command, result.code, result.output[-4000:], dict(result.data))
        values = {"command": short.command, "code": short.code, "output": short.output, "data": short.data}
        self._note(lambda: self.progress.update(identifier, result=values))
        return short

    # Texts -----------------------------------------------------------------------------------------------------------

    def path(self, item: FixFile) -> Path:
        """Return where the exercise's file lies: beside the notebook."""
        return (self.lab.folder or Path.cwd()) / item.file

    def text(self, identifier: str) -> str:
        """Return the text that a learner goes on with: the draft, else the file or answer, else the start."""
        item, record = self.exercise(identifier), self.record(identifier)
        answer = record.get("answer")
        if record.get("draft") is not None:
            return str(record["draft"])
        if isinstance(item, FreeAnswer):
            return str((answer or {}).get("text", ""))
        assert isinstance(item, FixFile)
        path = self.path(item)
        if path.is_file():
            return path.read_text(encoding="utf-8", errors="replace")
        return item.start if answer is None else str(answer)

    def draft(self, identifier: str, text: str) -> None:
        """Keep a text that was typed and not answered yet, so that it outlives the kernel."""
        self._note(lambda: self.progress.update(identifier, draft=text[:LONGEST_TEXT]))

    def observed(self, identifier: str) -> str | None:
        """Return the key of the option that really happened, or None; an observation is kept once it was made."""
        item = self.exercise(identifier)
        if isinstance(item, Guess) and item.correct is not None:
            return item.correct
        if not isinstance(item, Predict | Guess) or item.observe is None:
            return None
        record = self.record(identifier)
        if record.get("observed"):
            return str(record["observed"])
        if "answer" not in record and isinstance(item, Predict):
            return None
        key = item.observe(self.looking(identifier))
        if key is not None and "answer" in record:
            self._note(lambda: self.progress.update(identifier, observed=key))
        return key

    def _seen(self, identifier: str) -> bool:
        """Tell whether the outcome of a prediction is already known; not knowing is no error here."""
        try:
            return self.observed(identifier) is not None
        except Exception:
            return False

    def pending(self) -> list[str]:
        """Return the ids of predictions that were made and whose outcome was not observed yet."""
        ids = []
        for identifier, record in self.progress.read()["exercises"].items():
            if "answer" in record and not record.get("observed"):
                try:
                    item = self.exercise(identifier)
                except KeyError:
                    continue
                if isinstance(item, Predict) or (isinstance(item, Guess) and item.observe):
                    ids.append(identifier)
        return ids

    # Answering -------------------------------------------------------------------------------------------------------

    def answer(self, identifier: str, answer: Any, confidence: int | None = None) -> Verdict:
        """Take an answer, carry it out where the kind says so, judge it and record the verdict."""
        item = self.exercise(identifier)
        record = self.record(identifier)
        if isinstance(item, LiveCheck):
            raise AnswerError(f'{identifier} looks at the lab itself: work in it, then lab.check("{identifier}").')
        if isinstance(item, BuildCommand):
            return self._build(item, answer)
        if isinstance(item, Order):
            return self._order(item, answer)
        if isinstance(item, FixFile):
            return self._fix(item, answer)
        if isinstance(item, FreeAnswer):
            return self._own_words(item, answer)
        if confidence is not None and confidence not in SURE:
            raise AnswerError("confidence is 1 (a guess), 2 (fairly sure) or 3 (certain).")
        if isinstance(item, Match):
            return self._place(item, answer, confidence)
        keys = [option.key for option in self.options(identifier)]
        if answer not in keys:
            raise AnswerError(f"{identifier} wants one of the keys {', '.join(keys)}; it got {answer!r}.")
        if isinstance(item, ReadError):
            self.failure(identifier)
        values: dict[str, Any] = {"answer": answer, "confidence": confidence, "fresh": answer != record.get("answer")}
        # A second guess keeps the first one's mark: what happened after the first guess is what is compared.
        if isinstance(item, Predict | Guess) and "answer" not in record:
            values["mark"] = self.lab.last()
        if isinstance(item, Predict | Guess) and not (record.get("first_answer") and self._seen(identifier)):
            values["first_answer"], values["first_confidence"] = answer, confidence
        if isinstance(item, ReadError) and "first_answer" not in record:
            values["first_answer"], values["first_confidence"] = answer, confidence
        return self._taken(identifier, **values)

    def _taken(self, identifier: str, **values: Any) -> Verdict:
        """Write an answer into the progress file and judge it; an answer that cannot be kept is not taken."""
        problem = self._note(lambda: self.progress.update(identifier, **values))
        if problem:
            raise AnswerError(problem)
        return self.check(identifier)

    def _place(self, item: Match, answer: Any, confidence: int | None) -> Verdict:
        items, bins = [part.key for part in item.items], [place.key for place in item.bins]
        if not isinstance(answer, Mapping) or not set(answer) <= set(items) or not set(answer.values()) <= set(bins):
            raise AnswerError(
                f"{item.id} wants a place for each item: the items are {', '.join(items)}, the places "
                f"{', '.join(bins)}."
            )
        record, placed = self.record(item.id), dict(answer)
        values: dict[str, Any] = {"answer": placed, "confidence": confidence, "fresh": placed != record.get("answer")}
        if "first_answer" not in record and set(placed) == set(items):
            values["first_answer"], values["first_confidence"] = placed, confidence
        return self._taken(item.id, **values)

    def _own_words(self, item: FreeAnswer, answer: Any) -> Verdict:
        given = {"text": answer} if isinstance(answer, str) else answer
        if not isinstance(given, Mapping) or not given or not set(given) <= {"text", "made"}:
            raise AnswerError(f"{item.id} wants your answer as a text; then made=[…], the points that you made.")
        before = self.record(item.id).get("answer") or {}
        text = str(given.get("text", before.get("text", ""))).strip()
        if len(text) > LONGEST_TEXT:
            raise AnswerError(f"An answer has at most {LONGEST_TEXT} characters; this one has {len(text)}.")
        taken: dict[str, Any] = {"text": text}
        if "made" in given:
            keys = [point.key for point in item.points]
            if judging.words(text) < item.fewest_words:
                raise AnswerError(f"Write your own answer first, in {item.fewest_words} words or more.")
            if isinstance(given["made"], str) or not set(given["made"]) <= set(keys):
                raise AnswerError(f"made is a list of the points that you made, of: {', '.join(keys)}.")
            taken["made"] = [key for key in keys if key in given["made"]]
        elif "made" in before and before.get("text") == text:
            taken["made"] = before["made"]
        left = judging.missed(item, taken["made"]) if "made" in taken else None
        return self._taken(item.id, answer=taken, missed=left, draft=None, fresh=taken != before)

    def _build(self, item: BuildCommand, answer: Any) -> Verdict:
        wanted = [part.name for part in item.fields]
        if not isinstance(answer, Mapping) or not set(answer) <= set(wanted):
            raise AnswerError(f"{item.id} wants values for its fields: {', '.join(wanted)}.")
        values = {part.name: str(answer.get(part.name, part.default)).strip() for part in item.fields}
        empty = [part.label for part in item.fields if not values[part.name]]
        if empty:
            return self._judged(item.id, values, untouched(f"Not run: nothing stands in {', '.join(empty)}."))

        def run() -> Result:
            if item.run is not None:
                return item.run(self.lab, values)
            # As typed, also with a blank or a semicolon in it: a field is one word of the command.
            free = {part.name for part in item.fields if part.options is None}
            command = item.command(
                {name: shlex.quote(value) if name in free else value for name, value in values.items()}
            )
            code, output = self.lab.sh(command)
            return Result(command, code, output)

        return self._carried_out(item, values, run, lambda lab, result: item.judge(lab, values, result))

    def _order(self, item: Order, answer: Any) -> Verdict:
        keys = [step.key for step in item.steps]
        if isinstance(answer, str) or not isinstance(answer, Sequence) or not set(answer) <= set(keys):
            raise AnswerError(f"{item.id} wants a list of steps in their order, of: {', '.join(keys)}.")
        order = tuple(answer)
        if len(set(order)) != len(order):
            raise AnswerError("Each step can stand in the order once.")
        if not order:
            return self._judged(item.id, [], untouched("Not run: no step is chosen yet."))

        def judge(lab: Lab, result: Result) -> Verdict:
            verdict = item.judge(lab, order, result)
            explained = judging.steps_explained(item, order) if verdict.outcome is Outcome.PASSED else ""
            return passed(f"{verdict.message}\n\n{explained}".strip()) if explained else verdict

        return self._carried_out(item, list(order), lambda: item.run(self.lab, order), judge)

    def _fix(self, item: FixFile, answer: Any) -> Verdict:
        path = self.path(item)
        if answer is None:
            if not path.is_file():
                raise AnswerError(f"There is no file {item.file} beside the notebook; give the text itself.")
            answer = path.read_text(encoding="utf-8", errors="replace")
        if not isinstance(answer, str) or not answer.strip():
            raise AnswerError(f"{item.id} wants the whole text of {item.file}.")
        if len(answer) > LONGEST_TEXT:
            raise AnswerError(f"A text has at most {LONGEST_TEXT} characters here; this one has {len(answer)}.")
        text = answer.rstrip() + "\n"

        def run() -> Result:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return item.run(self.lab, text)

        def judge(lab: Lab, result: Result) -> Verdict:
            if text.strip() == item.start.strip():
                return untouched("That is the text as it was at first. What it does is shown; now mend it.")
            return item.judge(lab, text, result)

        return self._carried_out(item, text, run, judge)

    def _carried_out(
        self,
        item: Exercise,
        answer: Any,
        run: Callable[[], Result],
        judge: Callable[[Lab, Result], Verdict],
    ) -> Verdict:
        """Run an answer, keep what it did, judge that, and keep the verdict."""
        try:
            result = run()
            self._kept(item.id, result)
            verdict = judge(self.looking(item.id), result)
        except Exception as error:
            verdict = Verdict(Outcome.UNKNOWN, reason(error))
        return self._judged(item.id, answer, verdict)

    def _judged(self, identifier: str, answer: Any, verdict: Verdict) -> Verdict:
        """Keep an answer with the verdict that its run had; `check` says it again without a run."""
        kept = {
            "outcome": verdict.outcome.value,
            "message": verdict.message,
            "misconception": verdict.misconception,
        }
        problem = self._note(
            lambda: self.progress.update(identifier, answer=answer, fresh=True, draft=None, verdict=kept)
        )
        if problem:
            raise AnswerError(problem)
        self._record(identifier, verdict)
        return verdict

    # Checking --------------------------------------------------------------------------------------------------------

    def check(self, identifier: str) -> Verdict:
        """Judge the exercise as it stands, record the verdict and return it. Changes nothing in the lab."""
        item = self.exercise(identifier)
        try:
            verdict = self._judge(item)
        except Exception as error:
            return Verdict(Outcome.UNKNOWN, f"Could not look: {reason(error)}")
        self._record(identifier, verdict)
        return verdict

    def _record(self, identifier: str, verdict: Verdict) -> None:
        if verdict.outcome in (Outcome.PASSED, Outcome.NOT_YET):
            confidence = self.record(identifier).get("confidence")
            self._note(
                lambda: self.progress.judged(identifier, verdict.outcome.value, verdict.misconception, confidence)
            )

    def _judge(self, item: Exercise | Guess) -> Verdict:
        record = self.record(item.id)
        if isinstance(item, LiveCheck):
            return item.judge(item.probe(self.looking(item.id)))
        if isinstance(item, EXECUTED):
            kept = record.get("verdict")
            if not kept:
                first = {Order: "choose the steps", FixFile: f"mend {getattr(item, 'file', '')}"}
                return untouched(f"Nothing was run yet: {first.get(type(item), 'fill the fields')}.")
            return Verdict(Outcome(kept["outcome"]), kept["message"], kept["misconception"])
        if isinstance(item, FreeAnswer):
            return judging.free_answer(item, record.get("answer") or {})
        if isinstance(item, Match):
            placed = record.get("answer") or {}
            return judging.match(item, placed, self._right_places(item), self._certain_miss(record))
        options = {option.key: option for option in self.options(item.id)}
        if isinstance(item, ReadError):
            chosen = options.get(str(record.get("answer")))
            if chosen is None:
                return untouched("No cause is chosen yet.")
            right = item.correct if isinstance(item.correct, str) else item.correct(self.looking(item.id))
            return judging.read_error(item, chosen, right, self._certain_miss(record))
        if isinstance(item, Choice):
            chosen = options.get(str(record.get("answer")))
            if chosen is None:
                return untouched("No option is chosen yet.")
            right = item.correct if isinstance(item.correct, str) else item.correct(self.looking(item.id))
            if chosen.key == right:
                return passed(chosen.feedback)
            return not_yet(chosen.feedback or "Not this one.", chosen.misconception)
        assert isinstance(item, Predict | Guess)
        return self._compare(item, record, options)

    def with_pass(self, identifier: str, verdict: Verdict) -> Verdict:
        """Return a verdict to show: a wrong answer after a pass says that the pass is kept."""
        if verdict.outcome is Outcome.NOT_YET and self.record(identifier).get("passed"):
            return Verdict(verdict.outcome, f"{verdict.message}\n\n{KEPT}", verdict.misconception)
        return verdict

    def look_back(self, lesson: str) -> list[tuple[Guess, Verdict]]:
        """Return the first guesses that the lesson answers, each with the learner's own answer judged; record that."""
        found = []
        for source in self.course.sources.values():
            for guess in source.guesses.values():
                if guess.answered_in == lesson:
                    verdict = judging.look_back(guess, self.record(guess.id))
                    self._record(guess.id, verdict)
                    found.append((guess, verdict))
        return found

    def _right_places(self, item: Match) -> Mapping[str, str]:
        return item.correct if isinstance(item.correct, Mapping) else item.correct(self.looking(item.id))

    def _certain_miss(self, record: Mapping[str, Any]) -> bool:
        """Tell whether the answer that stands is the first one, and was given as certain."""
        return record.get("first_confidence") == 3 and record.get("first_answer") == record.get("answer")

    def _compare(self, item: Predict | Guess, record: dict[str, Any], options: dict[str, Option]) -> Verdict:
        guess = options.get(str(record.get("answer")))
        if isinstance(item, Guess) and item.answered_in:
            return untouched(f"Kept. Lesson {item.answered_in} shows it again." if guess else "No prediction made.")
        if guess is None and isinstance(item, Predict):
            return untouched("No prediction made.")
        seen = self.observed(item.id)
        if guess is None:
            asked = isinstance(item, Guess) and item.correct is not None
            told = f" What happened: {options[seen].text}." if seen in options and not asked else ""
            return untouched("No prediction made." + told)
        if seen is None or seen not in options:
            return untouched(f"Your guess is kept: {guess.text}. Run the next cell; then it is compared.")
        if seen == guess.key:
            again = record.get("first_answer") not in (None, guess.key)
            first = " You had guessed otherwise first; that one is worth remembering." if again else ""
            return passed(f"{guess.feedback}{first}".strip() or "That is what happened.")
        words = judging.CERTAIN if self._certain_miss(record) else ""
        recalled = isinstance(item, Guess) and item.correct is not None
        said, true = ("Your answer", "It is") if recalled else ("You guessed", "What happened")
        return not_yet(
            f"{said}: {guess.text}. {true}: {options[seen].text}.\n\n{guess.feedback}{words}".strip(),
            guess.misconception,
        )

    # Help ------------------------------------------------------------------------------------------------------------

    def _state(self, item: Exercise) -> dict[str, Any]:
        record = self.record(item.id)
        kept = record.get("result")
        result = Result(**kept) if kept else None
        if isinstance(item, LiveCheck):
            return item.probe(self.looking(item.id))
        if isinstance(item, BuildCommand):
            values = record.get("answer") or {part.name: part.default for part in item.fields}
            return {"values": values, "result": result}
        if isinstance(item, Order):
            return {"order": tuple(record.get("answer") or ()), "result": result}
        if isinstance(item, FixFile):
            return {"text": self.text(item.id), "result": result}
        if isinstance(item, ReadError):
            return {"answer": record.get("answer"), "confidence": record.get("confidence"), "result": result}
        if isinstance(item, Match):
            placed = record.get("answer") or {}
            return {"placed": placed, "wrong": judging.misplaced(item, placed, self._right_places(item))}
        if isinstance(item, FreeAnswer):
            text = self.text(item.id)
            return {"text": text, "words": judging.words(text), "points": [point.text for point in item.points]}
        return {
            "answer": record.get("answer"),
            "confidence": record.get("confidence"),
            "observed": self.observed(item.id),
        }

    def hint(self, identifier: str) -> Tip:
        """Return the next of three hints (look, point, nearly); after the third, the third again."""
        item = self.exercise(identifier)
        if isinstance(item, Guess):
            return Tip(1, "A guess that does not count has no hints: choose what you believe now.")
        number = min(int(self.record(identifier).get("hints", 0)) + 1, 3)
        hint = item.hints[number - 1]
        try:
            text = hint if isinstance(hint, str) else hint(self._state(item))
        except Exception as error:
            text = f"Could not look: {reason(error)}"
        self._note(lambda: self.progress.update(identifier, hints=number))
        return Tip(number, text)

    def solution(self, identifier: str) -> str:
        """Return the solution with its why (markdown), and note that it was opened."""
        item = self.exercise(identifier)
        if isinstance(item, Guess):
            options = {option.key: option for option in item.options}
            if item.answered_in:
                return f"Lesson {item.answered_in} answers it, and shows you what you thought."
            return options[item.correct].text if item.correct else "Run the cell: it shows what happens."
        self._note(lambda: self.progress.update(identifier, solution_seen=True))
        parts = [item.solution]
        if isinstance(item, FreeAnswer):
            parts = [item.solution, judging.both_answers(item)]
        elif isinstance(item, ReadError):
            parts.append(judging.parts_read(item))
        elif isinstance(item, Order):
            parts.append(judging.steps_explained(item, [step.key for step in item.steps]))
        return "\n\n".join(part for part in parts if part)

    def reset(self, identifier: str) -> None:
        """Undo this exercise alone: its part of the lab, its file, and the answer. History and first result stay.

        A text in the learner's own words stays as a draft.
        """
        item = self.exercise(identifier)
        if isinstance(item, Exercise) and item.reset is not None:
            item.reset(self.lab)
        cleared: dict[str, Any] = dict.fromkeys(
            ("answer", "confidence", "observed", "outcome", "verdict", "result", "hints", "fresh", "draft")
        )
        if isinstance(item, FixFile):
            self.path(item).write_text(item.start, encoding="utf-8")
        if isinstance(item, FreeAnswer):
            cleared["draft"] = self.text(identifier) or None
        mark = self.lab.last()
        self._note(lambda: self.progress.update(identifier, **cleared, mark=mark))
