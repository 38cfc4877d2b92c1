"""The kinds of exercises: what each asks of its author, and how a learner answers it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from ecrlab_course.declaration import Exercise, Hint, Option, Result, Verdict, keys_of, twice
from ecrlab_course.misconceptions import known


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


@dataclass(frozen=True)
class Field:
    """One gap of a command: free text, or one of `options`. The default stands in the field at first."""

    name: str
    label: str
    options: tuple[str, ...] | None = None
    default: str = ""
    width: int = 20
    """Characters the text field shows."""


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


@dataclass(frozen=True)
class Step:
    """One step of an Order: its key, its text, and `note`: what it does, shown once an order was run."""

    key: str
    text: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Order(Exercise):
    """The learner puts steps in order, and the order really runs: any order that works is right.

    Steps may be left out, so some of `steps` may be distractors. They are listed as declared: not in a right order.
    `run` carries out the chosen keys in their order; it begins from the exercise's starting state by itself, because a
    learner runs several orders, and it stops at the first step that fails. `judge` says what the outcome means.
    `lab.answer("04-e3", ["create", "login", "tag", "push"])`.
    """

    steps: tuple[Step, ...]
    run: Callable[[Any, tuple[str, ...]], Result]
    judge: Callable[[Any, tuple[str, ...], Result], Verdict]

    def mistakes(self) -> list[str]:
        """Return what is wrong with the steps."""
        few = ["has fewer than three steps"] if len(self.steps) < 3 else []
        return few + twice("steps", self.steps)


@dataclass(frozen=True, kw_only=True)
class FixFile(Exercise):
    """A broken file (policy, Dockerfile, task definition) is fixed by the learner, and then really used.

    `file` is its name beside the notebook, `start` its broken text. The text is written there before `run` uses it
    (`lab.sh("aws iam put-user-policy ... --policy-document file://trust.json")`), and `reset` of the exercise writes
    `start` back. Running the text as it was at first shows what is wrong with it and is not an attempt.
    `lab.answer("06-e2", text)`, or `lab.answer("06-e2")` for the file as it lies beside the notebook.
    """

    file: str
    start: str
    run: Callable[[Any, str], Result]
    judge: Callable[[Any, str, Result], Verdict]

    def mistakes(self) -> list[str]:
        """Return what is wrong with the file's name or text."""
        found = [] if self.start.strip() else ["has no text to fix"]
        parts = self.file.split("/")
        if not self.file or self.file.startswith("/") or ".." in parts:
            found.append(f"names {self.file!r}, which is not a place beside the notebook")
        return found


@dataclass(frozen=True, kw_only=True)
class ReadError(Exercise):
    """A failure is made live, and the learner says which cause fits its text.

    `cause` makes the failure, once, when the exercise is shown or answered first; it builds by itself what it needs,
    and what it returns is shown as command and output. `parts` reads the text piece by piece: (piece, meaning), shown
    after the right answer and with the solution. Four options or more; `correct` may be computed from live state.
    `lab.answer("06-e4", "c", confidence=3)`.
    """

    cause: Callable[[Any], Result]
    options: tuple[Option, ...]
    correct: str | Callable[[Any], str]
    parts: tuple[tuple[str, str], ...] = ()

    def mistakes(self) -> list[str]:
        """Return what is wrong with the options."""
        found = twice("options", self.options)
        if len(self.options) < 4:
            found.append(f"has {len(self.options)} causes to choose from; four or more are wanted")
        if isinstance(self.correct, str) and self.correct not in keys_of(self.options):
            found.append(f"has no option {self.correct!r}, which is to be the right one")
        return found


@dataclass(frozen=True)
class Miss:
    """What is said when an item is put into one wrong bin, and the misconception that this shows."""

    bin: str
    feedback: str
    misconception: str | None = None

    def __post_init__(self) -> None:
        if self.misconception is not None:
            known(self.misconception)


@dataclass(frozen=True)
class Item:
    """One thing to sort. `misses` answers one wrong bin each; `feedback` and `misconception` answer any other."""

    key: str
    text: str
    feedback: str = ""
    misconception: str | None = None
    misses: tuple[Miss, ...] = ()

    def __post_init__(self) -> None:
        if self.misconception is not None:
            known(self.misconception)

    def miss(self, chosen: str) -> Miss:
        """Return what is said when this item is put into the wrong bin `chosen`."""
        found = [miss for miss in self.misses if miss.bin == chosen]
        return found[0] if found else Miss(chosen, self.feedback, self.misconception)


@dataclass(frozen=True)
class Bin:
    """One place for items: its key and its text."""

    key: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Match(Exercise):
    """Sort items into bins, or match each with one: every item that is wrong gets an answer of its own.

    `correct` maps each item's key to its bin's key, or computes that from live state. Bins may stay empty, so some may
    be distractors. A miss shows the misconception of the first item that is wrong, in the order declared.
    `lab.answer("04-e6", {"docker-pull": "registry", "create-repository": "api"})`.
    """

    items: tuple[Item, ...]
    bins: tuple[Bin, ...]
    correct: Mapping[str, str] | Callable[[Any], Mapping[str, str]]

    def mistakes(self) -> list[str]:
        """Return what is wrong with items, bins and the right places."""
        found = twice("items", self.items) + twice("bins", self.bins)
        bins = set(keys_of(self.bins))
        if len(self.items) < 3 or len(bins) < 2:
            found.append("wants three items or more, and two bins or more")
        if isinstance(self.correct, Mapping):
            if set(self.correct) != set(keys_of(self.items)):
                found.append("does not say for each item where it belongs")
            if not set(self.correct.values()) <= bins:
                found.append("puts an item into a bin that is not declared")
        stray = {miss.bin for item in self.items for miss in item.misses} - bins
        if stray:
            found.append(f"answers for bins that are not declared: {', '.join(sorted(stray))}")
        return found


@dataclass(frozen=True)
class FollowUp:
    """The next question of the interview, and its answer (markdown), shown after the learner's own."""

    question: str
    answer: str


@dataclass(frozen=True)
class Point:
    """One point that a good answer makes, and what is asked next when it was left out (in a drill: always)."""

    key: str
    text: str
    follow_up: FollowUp | None = None


def _first_hint(state: Mapping[str, Any]) -> str:
    words = state["words"]
    so_far = f"So far your answer has {words} words. " if words else ""
    return f"{so_far}Answer in the first sentence what was asked; then one step, with the word that proves it."


def _second_hint(state: Mapping[str, Any]) -> str:
    return f"A good answer to this question makes {len(state['points'])} points. How many do you make?"


def _third_hint(state: Mapping[str, Any]) -> str:
    return f"One of the points: {state['points'][0]}"


@dataclass(frozen=True, kw_only=True)
class FreeAnswer(Exercise):
    """The learner's own answer first, then the key points: each is ticked or not, then model and weak answer show.

    Done when an answer of at least `fewest_words` was written and all points were marked, whichever were made; a point
    that was left out is kept in the progress file ("missed") and answered with its follow-up question. The text is
    never lost: a reset of the exercise keeps it as "draft". `prompt` may add a line to the question; hints and
    solution are made from the points and the two answers when none are declared. One accepted attempt (a whole answer)
    and one rejected one (too short) are enough, because judging is the same for all of them. It does not count in a
    strict run unless `counts=True`.
    `lab.answer("04-i1", "First I ...")`, then `lab.answer("04-i1", made=["token", "name"])`; both at once:
    `lab.answer("04-i1", text="First I ...", made=[])`.
    """

    fewest_accepts: ClassVar[int] = 1
    fewest_rejects: ClassVar[int] = 1

    question: str
    points: tuple[Point, ...]
    model: str
    weak: str
    prompt: str = ""
    hints: tuple[Hint, ...] = (_first_hint, _second_hint, _third_hint)
    solution: str = ""
    counts: bool = False
    fewest_words: int = 12

    def mistakes(self) -> list[str]:
        """Return what is wrong with the points and the two answers."""
        found = twice("points", self.points)
        if len(self.points) < 2:
            found.append("has fewer than two points")
        if not self.model.strip() or not self.weak.strip():
            found.append("wants a model answer and a weak one")
        return found


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
    answered_in: str = ""
    """A first guess: the lesson whose `lab.look_back` answers it with what the learner thought. Wants `correct`."""
