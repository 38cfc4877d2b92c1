"""What every exercise declares, whatever its kind: verdicts, results, attempts, hints. The kinds are in kinds.py."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, ClassVar, Protocol, TypeAlias

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


class Keyed(Protocol):
    """A part of an exercise that a learner names by its key."""

    @property
    def key(self) -> str:
        """The word that stands for it in an answer."""


State: TypeAlias = Mapping[str, Any]
Hint: TypeAlias = str | Callable[[Any], str]
"""Markdown, or a function of the state, whose keys depend on the kind:

* LiveCheck: what the probe returned;
* BuildCommand: "values" (field: value) and "result" (the last run's `Result`, or None);
* Order: "order" (the keys, maybe none) and "result";
* FixFile: "text" (as it stands now) and "result";
* ReadError: "answer", "confidence" and "result" (the failure, or None when it was not made yet);
* Match: "placed" (item: bin) and "wrong" (the keys of items that are placed and do not belong there);
* FreeAnswer: "text", "words" (how many) and "points" (the points' texts);
* Choice, Predict: "answer", "confidence" and "observed".
"""


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
class Attempt:
    """One attempt at an exercise, made by the tests: right (in `accepts`) or wrong (in `rejects`).

    `do` acts on the lab; `answer` is what `lab.answer` gets, or a function of the lab that returns it (it is called
    after `do`, for Predict before): an option's key (Choice, Predict, ReadError), field names to values (BuildCommand),
    the steps' keys in order (Order), the text (FixFile), items to bins (Match), {"text": ..., "made": [points]}
    (FreeAnswer). Predict stores the answer first and then acts; the other kinds act first. A rejected attempt names the
    misconception it shows, and `says`, a piece of the message that it must be answered with.
    """

    name: str
    do: Callable[[Any], object] | None = None
    answer: Any = None
    confidence: int = 2
    misconception: str | None = None
    says: str = ""


@dataclass(frozen=True, kw_only=True)
class Exercise:
    """What every kind of exercise has; a lesson uses one of the kinds."""

    fewest_accepts: ClassVar[int] = 2
    fewest_rejects: ClassVar[int] = 3

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
    counts: bool = True
    """False: a strict run does not ask for it, and it is not among what a lesson counts as done."""

    def __post_init__(self) -> None:
        problems = self.mistakes()
        if len(self.hints) != 3:
            problems.append(f"has {len(self.hints)} hints; three are wanted: look, point, nearly")
        if len(self.accepts) < self.fewest_accepts:
            problems.append(f"has {len(self.accepts)} accepted attempts; {self.fewest_accepts} or more are wanted")
        if len(self.rejects) < self.fewest_rejects:
            problems.append(f"has {len(self.rejects)} rejected attempts; {self.fewest_rejects} or more are wanted")
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

    def mistakes(self) -> list[str]:
        """Return what is wrong with this kind's own parts, each as words that follow the exercise's id."""
        return []


def keys_of(parts: Iterable[Keyed]) -> list[str]:
    """Return the keys of options, steps, items, bins or points, in order."""
    return [part.key for part in parts]


def twice(name: str, parts: Iterable[Keyed]) -> list[str]:
    """Return a mistake when two of the parts have the same key, else nothing."""
    keys = keys_of(parts)
    return [] if len(set(keys)) == len(keys) else [f"has two {name} of the same key"]
