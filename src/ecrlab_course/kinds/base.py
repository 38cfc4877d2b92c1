"""What every exercise declares, and the small protocol by which the session and the card use any kind of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from ecrlab_course.causes.goal import Goal
from ecrlab_course.causes.room import explained
from ecrlab_course.causes.scene import Moment
from ecrlab_course.documents.attempts import HINTS, Attempt, Hint
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.misconceptions import known
from ecrlab_course.documents.page import Page
from ecrlab_course.documents.verdict import Verdict
from ecrlab_course.kinds.entry import Entry
from ecrlab_course.kinds.inputs import Inputs
from ecrlab_course.messages import say
from ecrlab_course.progress import ExerciseRecord
from ecrlab_course.views.display import markdown


class Keyed(Protocol):
    """A part of an exercise that a learner names by its key."""

    @property
    def key(self) -> str:
        """The word that stands for it in an answer."""


def keys_of(parts: Iterable[Keyed]) -> list[str]:
    """Return the keys of options, steps, items, bins or points, in order."""
    return [part.key for part in parts]


def twice(name: str, parts: Iterable[Keyed]) -> list[str]:
    """Return a mistake when two of the parts have the same key, else nothing."""
    keys = keys_of(parts)
    return [] if len(set(keys)) == len(keys) else [f"has two {name} of the same key"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a card can show and a session can judge: an exercise, or a guess that does not count.

    A kind is a subclass in a file of its own, with a line in `register.py`. It declares its parts as fields, and says
    in the methods below how it takes an answer, judges, helps, and is shown.
    """

    kind: ClassVar[str] = ""
    """The kind's word in a document's front matter; its table in content/messages.toml."""
    helped: ClassVar[bool] = True
    """There are hints, a solution and a reset."""
    answered: ClassVar[bool] = True
    """There is an answer to give; False: the work is done in the lab itself."""
    looked_at: ClassVar[bool] = False
    """The card has a button that looks at the lab."""
    runs: ClassVar[bool] = False
    """The answer really runs; what the run did is shown with the verdict, and a check says it again."""

    id: str
    prompt: str
    engine: bool = False
    """True when it needs a container engine (its tests are skipped without one)."""
    counts: bool = True
    """False: a strict run does not ask for it, and it is not among what a lesson counts as done."""
    reset: Callable[[LabView], object] | None = None
    """Undoes what the learner did for this exercise alone; None: nothing in the lab needs undoing."""

    @classmethod
    def read(cls, page: Page) -> Question:
        """Return what a document declares; what is wrong becomes a fault of the page."""
        raise NotImplementedError

    # In words

    @property
    def kind_words(self) -> str:
        """The kind in a learner's words."""
        return say(f"{self.kind}.kind")

    @property
    def button(self) -> str:
        """What the button says that takes the answer."""
        return say(f"{self.kind}.button")

    @property
    def title(self) -> str:
        """The name on its card."""
        return say("card.exercise" if self.helped else "card.guess", id=self.id)

    @property
    def asked(self) -> str:
        """What the learner is asked (markdown)."""
        return self.prompt

    # Answering and judging

    def take(self, entry: Entry, answer: Any, confidence: int | None) -> str | None:
        """Take an answer, carry it out where the kind says so, and keep it; return a remark that follows the verdict.

        Raises AnswerError for an answer of another form.
        """
        raise NotImplementedError

    def judged(self, entry: Entry) -> Verdict:
        """Return the verdict about the exercise as it stands; change nothing in the lab."""
        raise NotImplementedError

    def watches(self, record: ExerciseRecord) -> bool:
        """Tell whether an answer is kept whose outcome the lab has still to show."""
        return False

    def is_late(self, entry: Entry) -> bool:
        """Tell whether what is to be predicted has happened, as `entry` looks at the lab, without a guess."""
        return False

    def waits(self, record: ExerciseRecord) -> bool:
        """Tell whether an answer is kept and not judged yet, because something else comes first."""
        return False

    # Helping

    def state(self, entry: Entry) -> Any:
        """Return what the hints are functions of."""
        return {"answer": entry.answer, "confidence": entry.record.get("confidence")}

    def hint(self, number: int, entry: Entry) -> str:
        """Return the hint of that number, from 1 (markdown)."""
        raise NotImplementedError

    def solved(self) -> str:
        """Return the solution with its why (markdown)."""
        raise NotImplementedError

    def undone(self, entry: Entry) -> dict[str, Any]:
        """Put the kind's own files back when the exercise is reset; return what the record keeps all the same."""
        return {}

    # Showing

    def lines(self, entry: Entry) -> list[str]:
        """Return the lines of the text form between the prompt and the commands: what to choose or to fill in."""
        return []

    def call(self) -> str:
        """Return the line that answers it in text form; "" for work that is done in the lab itself."""
        return ""

    def html(self, entry: Entry) -> str:
        """Return what a page shows under the prompt where nothing runs."""
        return ""

    def waiting_html(self, verdict: Verdict) -> str:
        """Return what the card says while `waits` is true."""
        return f'<div class="ecr-verdict ecr-idle" role="status">{markdown(verdict.message)}</div>'

    def inputs(self, entry: Entry, act: Callable[[Callable[[], Any]], None]) -> Inputs:
        """Return what is filled in on the card. `act` carries out a second answer, read when it is needed."""
        return Inputs(entry)


@dataclass(frozen=True, kw_only=True)
class Exercise(Question):
    """A question with hints, a solution, and attempts that prove its verdicts."""

    fewest_accepts: ClassVar[int] = 2
    fewest_rejects: ClassVar[int] = 3

    objective: str
    hints: tuple[Hint, ...]
    solution: str
    accepts: tuple[Attempt, ...]
    rejects: tuple[Attempt, ...]
    leaves: tuple[Attempt, ...] = ()
    """Attempts after which it is still untouched: a verdict of its own says what was seen."""
    at: str = ""
    """The checkpoint the exercise starts from; empty: the lesson's `start`."""
    goals: tuple[Goal, ...] = ()
    """What the learner's client should do: what kept it from that is said before the judge's own verdict."""
    own: tuple[str, ...] = ()
    """Verdicts that speak for themselves: no cause is looked for."""
    adds: tuple[str, ...] = ()
    """Verdicts whose sentence follows that of a cause."""
    neighbour: str = ""
    """One question for a pair that cannot be answered by reading the screen."""

    def __post_init__(self) -> None:
        problems = self.mistakes()
        if len(self.hints) != HINTS:
            problems.append(f"has {len(self.hints)} hints; three are wanted: look, point, nearly")
        if len(self.accepts) < self.fewest_accepts:
            problems.append(f"has {len(self.accepts)} accepted attempts; {self.fewest_accepts} or more are wanted")
        if len(self.rejects) < self.fewest_rejects:
            problems.append(f"has {len(self.rejects)} rejected attempts; {self.fewest_rejects} or more are wanted")
        for attempt in self.rejects:
            if not (attempt.misconception or attempt.said) or not (attempt.says or attempt.verdict):
                problems.append(f"the rejected attempt {attempt.name!r} needs a misconception and `says`")
            elif attempt.misconception:
                known(attempt.misconception)
        names = [attempt.name for attempt in (*self.accepts, *self.rejects, *self.leaves)]
        if len(set(names)) != len(names):
            problems.append("has two attempts of the same name")
        if problems:
            raise ValueError(f"exercise {self.id}: " + "; ".join(problems))

    def mistakes(self) -> list[str]:
        """Return what is wrong with this kind's own parts, each as words that follow the exercise's id."""
        return []

    def with_cause(self, verdict: Verdict, lab: LabView, begun: Moment | None = None) -> Verdict:
        """Return the judge's verdict, or in its place what kept the learner's client from the goals."""
        return explained(verdict, lab, self.goals, self.own, self.adds, begun)

    def hint(self, number: int, entry: Entry) -> str:
        """Return the hint of that number, from 1 (markdown); it may look at the lab."""
        hint = self.hints[number - 1]
        return hint if isinstance(hint, str) else hint(self.state(entry))

    def solved(self) -> str:
        """Return the solution with its why (markdown)."""
        return self.solution

    def wrong(self) -> Iterator[tuple[str, str, str]]:
        """Yield wrong answers that are seen in the declaration: the answer, its misconception, what is said."""
        return iter(())

    def said(self, attempt: Attempt) -> str:
        """Return what an attempt is answered with, whole where the declaration has it, for the list of exercises."""
        return attempt.said or f"… *{attempt.says}* …"

    def noted(self) -> list[str]:
        """Return more paragraphs for the list of exercises (markdown)."""
        return []
