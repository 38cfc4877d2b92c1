"""How an author declares a lesson and its exercises: frozen dataclasses, functions for behaviour.

An exercise stands in `content/lessons/NN_name/exercises.py`, in the list `EXERCISES`; predictions that do not count
stand in `GUESSES`, the lesson's front matter in `LESSON`. This module needs neither a notebook nor a running lab.

The functions of a declaration get a `LabView`:

* `probe`, `observe`, `judge`, `correct`, `options` and hints *look*: what they ask is left out of the X-ray;
* `do`, `run`, `reset` and checkpoints *act*, and their requests are recorded like a learner's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol, TypeAlias

from ecrlab_course.misconceptions import known


class Outcome(StrEnum):
    """What a check found."""

    PASSED = "passed"
    NOT_YET = "not yet"
    UNTOUCHED = "untouched"
    UNKNOWN = "could not check"


@dataclass(frozen=True)
class Verdict:
    """A judge's word: the outcome, what was seen (markdown), and the misconception that a miss shows."""

    outcome: Outcome
    message: str = ""
    misconception: str | None = None

    def __post_init__(self) -> None:
        if self.misconception is not None:
            known(self.misconception)


def passed(message: str = "") -> Verdict:
    """Return the verdict of a right answer; the message says what was seen, or a remark."""
    return Verdict(Outcome.PASSED, message)


def not_yet(message: str, misconception: str | None = None) -> Verdict:
    """Return the verdict of a wrong attempt: what was seen, what it means, where to look. Never the command."""
    return Verdict(Outcome.NOT_YET, message, misconception)


def untouched(message: str = "") -> Verdict:
    """Return the verdict when nothing was tried yet; the message says in one line what would be looked at."""
    return Verdict(Outcome.UNTOUCHED, message)


@dataclass(frozen=True)
class Result:
    """What a command did: the command line, its exit code, stdout and stderr in order, and anything the run noted."""

    command: str
    code: int
    output: str
    data: Mapping[str, Any] = field(default_factory=dict)


class LabView(Protocol):
    """What the functions of an exercise may ask of the lab."""

    @property
    def account(self) -> str:
        """The learner's account, 123456789012."""

    @property
    def registry(self) -> str:
        """The value of $REGISTRY: localhost:PORT/ACCOUNT.dkr.ecr.us-east-1.amazonaws.com."""

    @property
    def engine(self) -> str:
        """The container engine: "found", "private" or "none"."""

    @property
    def clock(self) -> Any:
        """The lab's clock: .now(), .advance(hours=…, minutes=…, seconds=…, days=…), .reset()."""

    def client(self, service: str, profile: str = "admin", region: str = "us-east-1") -> Any:
        """Return a boto3 client that speaks to the lab as that profile."""

    def rows(self, after: int | None = None) -> list[dict[str, Any]]:
        """Return the X-ray rows with a sequence number above `after`.

        None: in `observe`, the rows since the guess was stored; elsewhere the rows since the exercise was reset or,
        when it never was, since the lesson was begun.
        """

    def sh(self, command: str, profile: str = "admin", timeout: float = 60) -> tuple[int, str]:
        """Run bash (errexit, pipefail) as that profile in the lesson's folder; return exit code and ordered output."""

    def push(
        self, repository: str, tag: str, content: bytes = b"hello", profile: str = "admin", region: str = "us-east-1"
    ) -> str:
        """Push a tiny image (one layer holding `content`) over HTTP and return its digest; no engine is needed.

        Logs in afresh as `profile`. Raises `ecrlab_course.lab.Refused` (status, code, message) when it is refused.
        """

    def user(self, name: str) -> None:
        """Put the named user's rights back to the seed's."""

    def clear(self, *repositories: str, region: str = "us-east-1") -> None:
        """Delete the named repositories with their images, when they exist."""


State: TypeAlias = Mapping[str, Any]
Hint: TypeAlias = str | Callable[[Any], str]
"""Markdown, or a function of the state: the probe's result for a LiveCheck, {"values", "result"} for a BuildCommand,
{"answer", "confidence", "observed"} for a Choice or Predict."""


@dataclass(frozen=True)
class Option:
    """One answer to choose: its key ("a"), its text, what is said when it is chosen, and the misconception it shows."""

    key: str
    text: str
    feedback: str = ""
    misconception: str | None = None

    def __post_init__(self) -> None:
        if self.misconception is not None:
            known(self.misconception)


@dataclass(frozen=True)
class Field:
    """One gap of a command: free text, or one of `options`. The default stands in the field at first."""

    name: str
    label: str
    options: tuple[str, ...] | None = None
    default: str = ""
    width: int = 20
    """Characters the text field shows."""


@dataclass(frozen=True)
class Attempt:
    """One attempt at an exercise, made by the tests: right (in `accepts`) or wrong (in `rejects`).

    `do` acts on the lab; `answer` is what `lab.answer` gets: an option's key, or a mapping of field names to values, or
    a function of the lab that returns it (it is called after `do`, for Predict before).
    Predict stores the answer first and then acts; the other kinds act first. A rejected attempt names the misconception
    it shows, and `says`, a piece of the message that it must be answered with.
    """

    name: str
    do: Callable[[Any], object] | None = None
    answer: Any = None
    confidence: int = 2
    misconception: str | None = None
    says: str = ""


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """What every kind of exercise has. Use one of LiveCheck, Choice, Predict, BuildCommand."""

    id: str
    objective: str
    prompt: str
    hints: tuple[Hint, ...]
    solution: str
    accepts: tuple[Attempt, ...]
    rejects: tuple[Attempt, ...]
    at: str = ""
    """The checkpoint the exercise starts from; empty: the lesson's `start`."""
    reset: Callable[[Any], object] | None = None
    """Undoes what the learner did for this exercise alone; None: nothing in the lab needs undoing."""
    engine: bool = False
    """True when the exercise needs a container engine (its tests are skipped without one)."""
    neighbour: str = ""
    """One question for a pair that cannot be answered by reading the screen."""

    def __post_init__(self) -> None:
        problems = []
        if len(self.hints) != 3:
            problems.append(f"has {len(self.hints)} hints; three are wanted: look, point, nearly")
        if len(self.accepts) < 2:
            problems.append("has fewer than two accepted attempts")
        if len(self.rejects) < 3:
            problems.append("has fewer than three rejected attempts")
        for attempt in self.rejects:
            if not attempt.misconception or not attempt.says:
                problems.append(f"the rejected attempt {attempt.name!r} needs a misconception and `says`")
            else:
                known(attempt.misconception)
        names = [attempt.name for attempt in (*self.accepts, *self.rejects)]
        if len(set(names)) != len(names):
            problems.append("has two attempts of the same name")
        if problems:
            raise ValueError(f"exercise {self.id}: " + "; ".join(problems))


@dataclass(frozen=True, kw_only=True)
class LiveCheck(Exercise):
    """Look at the real state, not at the commands: `probe` reads it, `judge` (pure) says what it means."""

    probe: Callable[[Any], dict[str, Any]]
    judge: Callable[[dict[str, Any]], Verdict]


@dataclass(frozen=True, kw_only=True)
class Choice(Exercise):
    """One of several options is right; each option has its own feedback.

    `options` and `correct` may be functions of the lab, so that the key is computed from live state.
    """

    options: tuple[Option, ...] | Callable[[Any], tuple[Option, ...]]
    correct: str | Callable[[Any], str]


@dataclass(frozen=True, kw_only=True)
class Predict(Exercise):
    """Guess with confidence (1 a guess, 2 fairly sure, 3 certain), run, compare with what was observed.

    `observe` returns the key of the option that really happened, or None while nothing happened since the guess.
    """

    options: tuple[Option, ...]
    observe: Callable[[Any], str | None]


@dataclass(frozen=True, kw_only=True)
class BuildCommand(Exercise):
    """Fields make a command, and the command really runs.

    `template` holds the fields' names in braces and may hold $REGISTRY. `run` carries it out; None: `lab.sh(command)`.
    """

    fields: tuple[Field, ...]
    template: str
    judge: Callable[[Any, dict[str, str], Result], Verdict]
    run: Callable[[Any, dict[str, str]], Result] | None = None

    def command(self, values: Mapping[str, str]) -> str:
        """Return the command line that the values make."""
        text = self.template
        for part in self.fields:
            text = text.replace("{" + part.name + "}", values.get(part.name, part.default))
        return text


@dataclass(frozen=True, kw_only=True)
class Guess:
    """A prediction or a recall question that does not count: options, and the right key or a way to observe it."""

    id: str
    prompt: str
    options: tuple[Option, ...]
    correct: str | None = None
    observe: Callable[[Any], str | None] | None = None
    confidence: bool = True
    """Ask how sure the learner is."""
    later: bool = False
    """True: a first guess whose answer is kept for a later lesson and not told now."""


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A lesson's front matter.

    `checkpoints` maps a name to a function of the lab that builds that state in under five seconds, from whatever is
    there; `start` names the one an unbegun lesson starts from. `verbs`: three things the learner can do afterwards.
    """

    id: str
    title: str
    minutes: int
    verbs: tuple[str, ...]
    checkpoints: Mapping[str, Callable[[Any], object]]
    words: Mapping[str, str] = field(default_factory=dict)
    needs: str = ""
    start: str = "fresh"
    repositories: tuple[str, ...] = ()
    """Repositories that belong to the lesson: `lab.reset("04")` removes them."""
    users: tuple[str, ...] = ()
    """Users whose rights `lab.reset("04")` puts back to the seed's."""

    def __post_init__(self) -> None:
        if self.start not in self.checkpoints:
            raise ValueError(f"lesson {self.id}: no checkpoint is called {self.start!r}")


def by_id(items: Sequence[Exercise]) -> dict[str, Exercise]:
    """Return the exercises by id; raise ValueError when an id occurs twice."""
    found: dict[str, Exercise] = {}
    for item in items:
        if item.id in found:
            raise ValueError(f"two exercises are called {item.id}")
        found[item.id] = item
    return found


__all__ = [
    "Attempt",
    "BuildCommand",
    "Choice",
    "Exercise",
    "Field",
    "Guess",
    "LabView",
    "Lesson",
    "LiveCheck",
    "Option",
    "Outcome",
    "Predict",
    "Result",
    "Verdict",
    "by_id",
    "not_yet",
    "passed",
    "untouched",
]
