"""The learner's progress: one readable JSON file that is written whole or not at all, and never thrown away."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypedDict, cast

from ecrlab.home import write_private

VERSION = 1
DONE = ("passed", "compared")
"""The outcomes with which an exercise is done: a prediction is, whatever was guessed."""


class Judged(TypedDict, total=False):
    """One line of an exercise's history."""

    at: str
    outcome: str
    misconception: str
    confidence: int


class ExerciseRecord(TypedDict, total=False):
    """What the file holds about one exercise or guess; nothing of it has to be there."""

    answer: Any
    confidence: int
    first_answer: Any
    first_confidence: int
    draft: str
    fresh: bool
    """A new answer was given that is not judged yet."""
    observed: str
    """What happened in the lab after a prediction."""
    result: dict[str, Any]
    verdict: dict[str, Any]
    outcome: str
    first: str
    """The first outcome, for good."""
    passed: str
    """When it was done first: passed, or a prediction compared."""
    tries: int
    checks: int
    """How often it was judged; `tries` and the history leave out what says the same again."""
    last: str
    """When it was judged last."""
    history: list[Judged]
    hints: int
    hinted: list[str]
    """When each hint was opened first; hints that are read again leave no time."""
    solution_seen: bool
    solution_at: str
    """When the solution was opened first."""
    mark: int
    """Where the X-ray stood when the exercise was reset."""
    late: bool
    """What a prediction is about happened while its card was there and no guess was made."""


class LessonRecord(TypedDict, total=False):
    """What the file holds about one lesson."""

    begun: str
    opened: str
    mark: int
    seen: dict[str, Any]
    """What stood in the lab when the lesson was used last (`toolbox/standing.py`)."""


class ProgressError(Exception):
    """The file was written by a later version of the course; it is left as it is."""


def now() -> str:
    """Return real time as the file writes it, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


class KeptFile:
    """One JSON file of the learner: {"version": 1} and a table {id: record} for each of `parts`.

    Every change reads the file again under a lock, so that two notebooks do not overwrite each other, and replaces it
    in one step. A file that cannot be read is kept as NAME.damaged-TIME, and the last good copy (NAME.before) is taken
    up again. A file of a later version is never written to: `change` raises ProgressError.
    """

    parts: tuple[str, ...] = ()

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self.path.with_name(self.path.name + ".lock"), "w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @property
    def _before(self) -> Path:
        return self.path.with_name(self.path.name + ".before")

    def _load(self, fix: bool) -> dict[str, Any]:
        for path in (self.path, self._before):
            try:
                text = path.read_text(encoding="utf-8")
            except FileNotFoundError:
                continue
            try:
                data = json.loads(text)
                if not isinstance(data, dict) or not isinstance(data.get("version"), int):
                    raise ValueError("not a progress file")
                if not all(isinstance(data.setdefault(part, {}), dict) for part in self.parts):
                    raise ValueError("not a progress file")
            except ValueError:
                if fix and path == self.path:
                    os.replace(path, path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S}"))
                continue
            return data
        return {"version": VERSION, **{part: {} for part in self.parts}}

    def read(self) -> dict[str, Any]:
        """Return the whole file; empty tables when there is none."""
        return self._load(fix=False)

    def change(self, edit: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
        """Apply `edit` to the file's content, write it, and return the new content."""
        with self._locked():
            data = self._load(fix=True)
            if data["version"] > VERSION:
                raise ProgressError(
                    f"{self.path} was written by a later version of the course (format {data['version']}, this one "
                    f"writes {VERSION}). It was left as it is; nothing new is recorded."
                )
            old = json.dumps(data, sort_keys=True)
            edit(data)
            if json.dumps(data, sort_keys=True) != old or not self.path.exists():
                if self.path.exists():
                    write_private(self._before, self.path.read_text(encoding="utf-8"))
                write_private(self.path, json.dumps(data, indent=2, ensure_ascii=False, sort_keys=True) + "\n")
            return data


class Progress(KeptFile):
    """What the learner did, by exercise and lesson id."""

    parts = ("exercises", "lessons", "table")

    def exercise(self, identifier: str) -> ExerciseRecord:
        """Return the exercise's record, empty when it was never touched."""
        record = self.read()["exercises"].get(identifier, {})
        return cast(ExerciseRecord, record) if isinstance(record, dict) else {}

    def lesson(self, identifier: str) -> LessonRecord:
        """Return the lesson's record, empty when it was never begun."""
        record = self.read()["lessons"].get(identifier, {})
        return cast(LessonRecord, record) if isinstance(record, dict) else {}

    def update(self, identifier: str, **values: Any) -> dict[str, Any]:
        """Set values in the exercise's record; None removes a value. Return the record."""

        def edit(data: dict[str, Any]) -> None:
            record = data["exercises"].setdefault(identifier, {})
            for key, value in values.items():
                if value is None:
                    record.pop(key, None)
                else:
                    record[key] = value

        return dict(self.change(edit)["exercises"][identifier])

    def hinted(self, identifier: str, number: int) -> None:
        """Note that the hint of this number, from 1, was opened, and when it was opened first."""

        def edit(data: dict[str, Any]) -> None:
            record = data["exercises"].setdefault(identifier, {})
            record["hints"] = number
            times = record.setdefault("hinted", [])
            if len(times) < number:
                times.append(now())

        self.change(edit)

    def solved(self, identifier: str) -> None:
        """Note that the solution was opened, and when first."""

        def edit(data: dict[str, Any]) -> None:
            record = data["exercises"].setdefault(identifier, {})
            record["solution_seen"] = True
            record.setdefault("solution_at", now())

        self.change(edit)

    def begin(self, lesson: str, mark: int) -> None:
        """Note that the lesson was begun, and the X-ray's last sequence number at that moment."""

        def edit(data: dict[str, Any]) -> None:
            record = data["lessons"].setdefault(lesson, {})
            record.setdefault("begun", now())
            record["mark"] = mark

        self.change(edit)

    def opened(self, lesson: str) -> None:
        """Note that the lesson was opened now: what the learner goes on with is the lesson used last."""

        def edit(data: dict[str, Any]) -> None:
            if lesson in data["lessons"]:
                data["lessons"][lesson]["opened"] = now()

        self.change(edit)

    def stands(self, lesson: str, seen: Mapping[str, Any]) -> None:
        """Note what stands in the lab after something that the lesson did, and that it was this lesson."""

        def edit(data: dict[str, Any]) -> None:
            if lesson in data["lessons"]:
                data["lessons"][lesson]["seen"] = dict(seen)
            data["stands"] = lesson

        self.change(edit)

    def judged(self, identifier: str, outcome: str, misconception: str | None, confidence: int | None) -> None:
        """Record a verdict: the latest outcome, the first one for good, and a line of history when it differs.

        Each is counted, with its time: a check that is pressed again and again says that somebody is stuck.
        """

        def edit(data: dict[str, Any]) -> None:
            record = data["exercises"].setdefault(identifier, {})
            entry: dict[str, Any] = {"outcome": outcome}
            if misconception:
                entry["misconception"] = misconception
            if confidence:
                entry["confidence"] = confidence
            history = record.setdefault("history", [])
            last = {key: value for key, value in history[-1].items() if key != "at"} if history else None
            again = record.pop("fresh", False)
            record["outcome"] = outcome
            record["checks"] = int(record.get("checks", record.get("tries", 0))) + 1
            record["last"] = now()
            if entry == last and not again:
                return
            record["tries"] = record.get("tries", 0) + 1
            record.setdefault("first", outcome)
            if outcome in DONE:
                record.setdefault("passed", now())
            history.append({"at": now(), **entry})
            del history[:-50]

        self.change(edit)
