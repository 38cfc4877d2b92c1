"""Fix the file: a broken file is fixed by the learner, and then really used."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.page import Page
from ecrlab_course.documents.verdict import NOTHING, Result, Verdict, untouched
from ecrlab_course.kinds.entry import LONGEST_TEXT, AnswerError, Entry
from ecrlab_course.kinds.executed import Executed
from ecrlab_course.kinds.inputs import Inputs
from ecrlab_course.kinds.options import call
from ecrlab_course.kinds.writing import Text
from ecrlab_course.messages import say
from ecrlab_course.views.display import escape

ROWS = (6, 24)


@dataclass(frozen=True, kw_only=True)
class FixFile(Executed):
    """`file` is its name beside the notebook, `start` its broken text.

    The text is written there before `run` uses it (`lab.sh("aws iam put-user-policy ... --policy-document
    file://trust.json")`), and `reset` of the exercise writes `start` back. Running the text as it was at first shows
    what is wrong with it and is not an attempt. Hints are functions of {"text": as it stands now, "result": the last
    run's, or None}. `lab.answer("06-e2", text)`, or `lab.answer("06-e2")` for the file as it lies beside the notebook.
    """

    kind: ClassVar[str] = "fix-file"

    file: str
    start: str
    run: Callable[[LabView, str], Result]
    judge: Callable[[LabView, str, Result], Verdict]

    @classmethod
    def read(cls, page: Page) -> FixFile:
        """Read `file:`, a file of the lesson's files/ as it is at first.

        eN.py has run(lab, text), class Seen(lab, text, result), judge(seen) and TRIES (texts).
        """
        file = page.word("file", wanted=True)
        path = page.path.parent / "files" / file
        if file and not path.is_file():
            page.fault(page.line("file"), f"file: there is no files/{file} in the lesson's folder")
        read = page.judged(
            cls, lambda seen: lambda state: seen(state["lab"], state["text"], state["result"] or NOTHING)
        )
        return cls(
            **page.common(), **read.attempts, hints=read.hints, file=file, run=page.coded("run"),
            start=path.read_text(encoding="utf-8") if path.is_file() else "",
            judge=lambda lab, text, result: read.judge(read.seen(lab, text, result)),
        )  # fmt: skip

    def mistakes(self) -> list[str]:
        """Return what is wrong with the file's name or text."""
        found = [] if self.start.strip() else ["has no text to fix"]
        parts = self.file.split("/")
        if not self.file or self.file.startswith("/") or ".." in parts:
            found.append(f"names {self.file!r}, which is not a place beside the notebook")
        return found

    def path(self, entry: Entry) -> Path:
        """Return where the file lies."""
        return entry.folder / self.file

    def text(self, entry: Entry) -> str:
        """Return the text that a learner goes on with: the draft, else the file or the answer, else the start."""
        record, path = entry.record, self.path(entry)
        if record.get("draft") is not None:
            return str(record["draft"])
        if path.is_file():
            return path.read_text(encoding="utf-8", errors="replace")
        return self.start if record.get("answer") is None else str(record["answer"])

    def take(self, entry: Entry, answer: Any, confidence: int | None) -> None:
        """Write the text to the file and use it; None: the file as it lies there."""
        path = self.path(entry)
        if answer is None:
            if not path.is_file():
                raise AnswerError(say("fix-file.no_file", file=self.file))
            answer = path.read_text(encoding="utf-8", errors="replace")
        if not isinstance(answer, str) or not answer.strip():
            raise AnswerError(say("fix-file.wanted", id=self.id, file=self.file))
        if len(answer) > LONGEST_TEXT:
            raise AnswerError(say("fix-file.long", most=LONGEST_TEXT, seen=len(answer)))
        text = answer.rstrip() + "\n"

        def run() -> Result:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            return self.run(entry.lab, text)

        def judge(lab: LabView, result: Result) -> Verdict:
            return untouched(say("fix-file.as_at_first")) if self._is_start(text) else self.judge(lab, text, result)

        self.carry_out(entry, text, run, judge, attempt=not self._is_start(text))

    def _is_start(self, text: str) -> bool:
        return text.strip() == self.start.strip()

    def first_step(self) -> str:
        """Return what is said while nothing was run yet."""
        return say("fix-file.first", file=self.file)

    def state(self, entry: Entry) -> Any:
        """Return the text and what its run did."""
        return {"text": self.text(entry), "result": entry.result, "lab": entry.looking}

    def undone(self, entry: Entry) -> dict[str, Any]:
        """Write the text of the start back."""
        self.path(entry).write_text(self.start, encoding="utf-8")
        return {}

    def lines(self, entry: Entry) -> list[str]:
        """Return the file's text at the start."""
        return [f"  {self.file}:", *(f"    {line}".rstrip() for line in self.start.rstrip().splitlines())]

    def call(self) -> str:
        """Return the line that answers it."""
        return f"{call(self.id, 'TEXT')}   {say('fix-file.in_place', file=self.file, id=self.id)}"

    def html(self, entry: Entry) -> str:
        """Return the file's text at the start."""
        return f"<p><code>{escape(self.file)}</code></p><pre>{escape(self.start.rstrip())}</pre>"

    def inputs(self, entry: Entry, act: Callable[[Callable[[], Any]], None]) -> Inputs:
        """Return the text to edit."""
        rows = min(max(len(self.start.splitlines()) + 2, ROWS[0]), ROWS[1])
        return Text(entry, self.text, self.file, rows, "ecr-file")
