"""What is kept of mock interviews: one file beside progress.json, a record for each."""

from __future__ import annotations

from typing import Any, TypedDict

from ecrlab.home import Home
from ecrlab_course.drills.schedule import Schedule
from ecrlab_course.progress import KeptFile


class Follow(TypedDict, total=False):
    """A follow-up: why it was asked ("flag", "against", "point", "beyond"), about which point, and what came of it."""

    kind: str
    point: str
    question: str
    text: str
    outcome: str
    """answered, or passed: it was asked and not answered."""


class PartRecord(TypedDict, total=False):
    """One part of a mock interview."""

    kind: str
    what: str
    seconds: int
    seed: str
    stage: str
    """"" before it begins; answer, follow, task; done."""
    spent: float
    """Seconds on the part so far; the time to build a state does not count."""
    first: float
    """Seconds to the first words."""
    text: str
    passed: bool
    heard: dict[str, str]
    """The points that were heard, with the words that did it."""
    against: dict[str, str]
    said: dict[str, str]
    """The points of which the candidate says so, with the sentence and behind it the answer to its next question."""
    unmeant: list[str]
    ticked: list[str]
    """The points that a partner ticked: they replace heard and said."""
    follow: Follow
    outcome: str
    """Of evidence and incident: given, not given."""
    tries: int
    last: str
    """What was seen last where it was not given."""
    flags: dict[str, str]
    """Red flags: key and words."""


class MockRecord(TypedDict, total=False):
    """One mock interview."""

    level: str
    minutes: int
    mix: int
    after: int
    """The mix with which a partner's shares nothing; 0 for none."""
    partner: bool
    clock: bool
    aloud: bool
    began: str
    ended: str
    at: int
    parts: list[PartRecord]


class Book(KeptFile):
    """The file of mock interviews: {"version": 1, "mocks": {number: record}}."""

    parts = ("mocks",)

    def records(self) -> dict[int, MockRecord]:
        """Return every record by its number, the oldest first."""
        found = self.read()["mocks"]
        return {int(key): found[key] for key in sorted(found, key=int) if isinstance(found[key], dict)}

    def keep(self, number: int, record: MockRecord) -> None:
        """Write a record."""

        def edit(data: dict[str, Any]) -> None:
            data["mocks"][str(number)] = record

        self.change(edit)

    def forget(self, number: int) -> bool:
        """Delete a record; tell whether there was one."""
        there = number in self.records()
        self.change(lambda data: data["mocks"].pop(str(number), None))
        self._before.unlink(missing_ok=True)  # The copy before the last change has it still.
        return there


def book_of(home: Home) -> Book:
    """Return the file of a home: mocks.json, beside progress.json."""
    return Book(home.progress.with_name("mocks.json"))


def question_schedule(home: Home, **clock: Any) -> Schedule:
    """Return when questions of the bank come again (q038): questions.json, as the drills' file is."""
    return Schedule(home.progress.with_name("questions.json"), **clock)


def evidence_schedule(home: Home, **clock: Any) -> Schedule:
    """Return where a mock's evidence tasks are kept while they are worked on, apart from the learner's own drills."""
    return Schedule(home.progress.with_name("mock-drills.json"), **clock)
