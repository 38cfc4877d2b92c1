"""Where exercises are answered, checked, hinted at, solved and reset. Knows no notebook and shows nothing."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ecrlab.client import LabError, LabNotRunning
from ecrlab_course import progress as progress_file
from ecrlab_course.content import Course, Source
from ecrlab_course.exercises import (
    BuildCommand,
    Choice,
    Exercise,
    Guess,
    LiveCheck,
    Option,
    Outcome,
    Predict,
    Result,
    Verdict,
    not_yet,
    passed,
    untouched,
)
from ecrlab_course.lab import Lab, Refused

SURE = {1: "a guess", 2: "fairly sure", 3: "certain"}
KINDS: dict[type[Exercise], str] = {
    LiveCheck: "live check",
    Choice: "choose",
    Predict: "predict, then run",
    BuildCommand: "build the command",
}


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
    if isinstance(error, BotoCoreError | OSError):
        return f"The lab does not answer ({error}). Run the notebook's first cell again, or `ecrlab start`."
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

    def _note(self, write: Callable[[], object]) -> str:
        """Write to the progress file; return what is wrong with it instead of raising."""
        try:
            write()
        except (progress_file.ProgressError, OSError) as error:
            return str(error)
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
        return item.options if isinstance(item, Predict | Guess) else ()

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
        keys = [option.key for option in self.options(identifier)]
        if answer not in keys:
            raise AnswerError(f"{identifier} wants one of the keys {', '.join(keys)}; it got {answer!r}.")
        if confidence is not None and confidence not in SURE:
            raise AnswerError("confidence is 1 (a guess), 2 (fairly sure) or 3 (certain).")
        values: dict[str, Any] = {"answer": answer, "confidence": confidence, "fresh": answer != record.get("answer")}
        # A second guess keeps the first one's mark: what happened after the first guess is what is compared.
        if not isinstance(item, Choice) and "answer" not in record:
            values["mark"] = self.lab.last()
        if isinstance(item, Predict | Guess) and not (record.get("first_answer") and self._seen(identifier)):
            values["first_answer"], values["first_confidence"] = answer, confidence
        problem = self._note(lambda: self.progress.update(identifier, **values))
        if problem:
            raise AnswerError(problem)
        return self.check(identifier)

    def _build(self, item: BuildCommand, answer: Any) -> Verdict:
        wanted = [part.name for part in item.fields]
        if not isinstance(answer, Mapping) or not set(answer) <= set(wanted):
            raise AnswerError(f"{item.id} wants values for its fields: {', '.join(wanted)}.")
        values = {part.name: str(answer.get(part.name, part.default)).strip() for part in item.fields}
        empty = [part.label for part in item.fields if not values[part.name]]
        verdict = untouched(f"Not run: nothing stands in {', '.join(empty)}.") if empty else self._run(item, values)
        problem = self._note(
            lambda: self.progress.update(
                item.id,
                answer=values,
                fresh=True,
                verdict={
                    "outcome": verdict.outcome.value,
                    "message": verdict.message,
                    "misconception": verdict.misconception,
                },
            )
        )
        if problem:
            raise AnswerError(problem)
        self._record(item.id, verdict)
        return verdict

    def _run(self, item: BuildCommand, values: dict[str, str]) -> Verdict:
        try:
            if item.run is not None:
                result = item.run(self.lab, values)
            else:
                # As typed, also with a blank or a semicolon in it: a field is one word of the command.
                free = {part.name for part in item.fields if part.options is None}
                command = item.command(
                    {name: shlex.quote(value) if name in free else value for name, value in values.items()}
                )
                code, output = self.lab.sh(command)
                result = Result(command, code, output)
            self._note(
                lambda: self.progress.update(
                    item.id,
                    result={
                        "command": result.command,
                        "code": result.code,
                        "output": result.output[-4000:],
                        "data": dict(result.data),
                    },
                )
            )
            return item.judge(self.looking(item.id), values, result)
        except Exception as error:
            return Verdict(Outcome.UNKNOWN, reason(error))

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
        if isinstance(item, BuildCommand):
            kept = record.get("verdict")
            if not kept:
                return untouched("Nothing was run yet: fill the fields.")
            return Verdict(Outcome(kept["outcome"]), kept["message"], kept["misconception"])
        options = {option.key: option for option in self.options(item.id)}
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

    def _compare(self, item: Predict | Guess, record: dict[str, Any], options: dict[str, Option]) -> Verdict:
        guess = options.get(str(record.get("answer")))
        if isinstance(item, Guess) and item.later:
            return untouched("Kept. A later lesson shows it again." if guess else "No prediction made.")
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
        sure = record.get("first_confidence") == 3 and record.get("first_answer") == guess.key
        words = " You were certain: this is the one worth remembering." if sure else ""
        recalled = isinstance(item, Guess) and item.correct is not None
        said, true = ("Your answer", "It is") if recalled else ("You guessed", "What happened")
        return not_yet(
            f"{said}: {guess.text}. {true}: {options[seen].text}.\n\n{guess.feedback}{words}".strip(),
            guess.misconception,
        )

    # Help ------------------------------------------------------------------------------------------------------------

    def _state(self, item: Exercise) -> dict[str, Any]:
        record = self.record(item.id)
        if isinstance(item, LiveCheck):
            return item.probe(self.looking(item.id))
        if isinstance(item, BuildCommand):
            values = record.get("answer") or {part.name: part.default for part in item.fields}
            kept = record.get("result")
            return {"values": values, "result": Result(**kept) if kept else None}
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
            return options[item.correct].text if item.correct else "Run the cell: it shows what happens."
        self._note(lambda: self.progress.update(identifier, solution_seen=True))
        return item.solution

    def reset(self, identifier: str) -> None:
        """Undo this exercise alone: its part of the lab, and the answer. History and first result stay."""
        item = self.exercise(identifier)
        if isinstance(item, Exercise) and item.reset is not None:
            item.reset(self.lab)
        cleared = dict.fromkeys(("answer", "confidence", "observed", "outcome", "verdict", "result", "hints", "fresh"))
        mark = self.lab.last()
        self._note(lambda: self.progress.update(identifier, **cleared, mark=mark))
