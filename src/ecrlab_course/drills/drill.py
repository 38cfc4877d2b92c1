"""A drill: a situation, a question, key points, and evidence on live state; read from its document.

In content/drills, `dNN.md` holds every word that a learner reads, `dNN.py` what builds the state and what
is seen of it. Its functions get a `DrillLab`:

* `prepare(lab)` *acts*: it builds a state in the drills' own account, from an empty one, in under two seconds;
* `Seen(lab, findings)` *looks*: it reads real state and what was typed, and changes nothing; `judge(seen)` names the
  verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, cast

from ecrlab_course.authoring.document import documents
from ecrlab_course.causes.goal import Goal
from ecrlab_course.causes.room import explained
from ecrlab_course.checkout import course_root
from ecrlab_course.documents.attempts import Attempt, Hint
from ecrlab_course.documents.code import Code, module_of, package_of
from ecrlab_course.documents.misconceptions import MISCONCEPTIONS
from ecrlab_course.documents.page import Page
from ecrlab_course.documents.sections import items, name_of, parse
from ecrlab_course.documents.tries import Try
from ecrlab_course.documents.verdict import Verdict
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.kinds.free_answer import FollowUp, Point, read_follow_up, read_points, read_rivals
from ecrlab_course.messages import say

LEVELS = ("J", "M", "S")
"""Junior, mid, senior."""
SECONDS = range(60, 181)
FEWEST_POINTS, FEWEST_TRIES = 3, 6
Findings = Mapping[str, str]
"""What was typed beside the evidence, by the findings' names; of an option its key."""


Act = Callable[[DrillLab], object]
Typed = Findings | Callable[[DrillLab], Findings]


def attempt(findings: Typed | None = None, do: Act | tuple[Act, ...] = (), seed: str = "") -> Try:
    """Return a try at a drill: what is typed, after what is done, in the state of that seed (default: the first)."""
    return Try(answer=findings, do=cast(Any, do), seed=seed)


@dataclass(frozen=True)
class Finding:
    """Something to type beside the evidence: free text, or one of `options` (key to text)."""

    key: str
    label: str
    options: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Drill:
    """One drill.

    `situation`, `question`, `model`, `weak` and `task` are markdown; `task` says what to show in the lab, in about
    `seconds`. `beyond` is the follow-up when no point was left out. `seeds` are the states that take turns. `lesson` is
    the lesson whose matter it is. The first of `misconceptions` is the one that the drill is about. `sources` name the
    pages its statements come from, read at `date`. Hints are functions of what was seen.
    """

    fewest_accepts: ClassVar[int] = 2
    fewest_rejects: ClassVar[int] = 3
    answered: ClassVar[bool] = False
    runs: ClassVar[bool] = False

    id: str
    kind: str
    level: str
    lesson: str
    situation: str
    question: str
    points: tuple[Point, ...]
    beyond: FollowUp
    model: str
    weak: str
    task: str
    seconds: int
    hints: tuple[Hint, ...]
    misconceptions: tuple[str, ...]
    sources: tuple[str, ...]
    date: str
    prepare: Callable[[DrillLab], object]
    seen: Callable[[DrillLab, Findings], Any]
    judge: Callable[[Any], Verdict]
    accepts: tuple[Attempt, ...]
    rejects: tuple[Attempt, ...]
    leaves: tuple[Attempt, ...]
    goals: tuple[Goal, ...]
    """What the learner's client is to do: where it did not, the room of causes says why before the judge does."""
    own: tuple[str, ...]
    """The verdicts for which no cause is looked for."""
    adds: tuple[str, ...]
    """The verdicts whose own sentence follows the cause's."""
    findings: tuple[Finding, ...]
    seeds: tuple[str, ...]
    people: tuple[str, ...]
    """The profiles beside `admin` that `prepare` makes."""
    engine: bool
    """True when the evidence needs a container engine."""
    rivals: tuple[tuple[str, ...], ...] = ()
    """The two things that the question is about, by name: what is said of one is not said of the other."""

    @classmethod
    def read(cls, page: Page) -> Drill:
        """Read a document; what is wrong becomes a fault of the page.

        Front matter: kind (in words), level, lesson, seconds, date, misconceptions, sources, facts, and seeds, people,
        engine where there are any. The text before the first section is the situation. Sections: # Question, # Points
        and # A good answer, # A weak answer as in an own answer, # Beyond (a question, and below it the answer),
        # Task, # Findings (## name, its label, and a list of `key: text` where there are options), # Hints and the
        verdicts as in an exercise.
        """
        judged = page.judged(cls, lambda seen: lambda state: state)
        points, beyond = read_points(page), read_follow_up(page.text("Beyond"))
        page.listed("facts")
        made = cls(
            id=page.id, kind=page.word("kind", wanted=True), level=page.word("level", wanted=True),
            lesson=page.word("lesson", wanted=True), situation=page.prompt(), question=page.text("Question"),
            points=points, beyond=beyond or FollowUp("", ""), model=page.text("A good answer"),
            weak=page.text("A weak answer"), task=page.text("Task"), seconds=page.number("seconds", 0),
            hints=judged.hints, misconceptions=page.listed("misconceptions"), sources=page.listed("sources"),
            date=page.word("date", wanted=True), prepare=page.coded("prepare"), seen=judged.seen, judge=judged.judge,
            **judged.attempts, findings=_findings(page), seeds=page.listed("seeds") or ("",),
            people=page.listed("people"), engine=page.flag("engine"),
            rivals=read_rivals(page),
        )  # fmt: skip
        made._check(page)
        return made

    def _check(self, page: Page) -> None:
        """Add the faults that concern a drill alone."""
        if self.level not in LEVELS:
            page.fault(page.line("level"), f"level: one of {', '.join(LEVELS)} is wanted, not {self.level!r}")
        if self.seconds not in SECONDS:
            page.fault(page.line("seconds"), f"seconds: {SECONDS[0]} to {SECONDS[-1]} are wanted for the evidence")
        for key, values in (("misconceptions", self.misconceptions), ("sources", self.sources)):
            if not values:
                page.fault(1, f"front matter lacks {key!r}")
        for each in self.misconceptions:
            if each not in MISCONCEPTIONS:
                words = f"no misconception is called {each!r}; the list is documents/misconceptions.py"
                page.fault(page.line("misconceptions"), words)
        line = next((part.line for part in (page.section("Points", wanted=False),) if part), 1)
        if len(self.points) < FEWEST_POINTS:
            page.fault(line, f"# Points has {len(self.points)} points; {FEWEST_POINTS} or more are wanted")
        for point in self.points:
            if point.follow_up is None or not point.follow_up.answer:
                page.fault(line, f"## {point.key}: a quote below it asks the next question, and answers it")
        if not self.beyond.answer:
            page.fault(1, "# Beyond is a question, and below it the answer")
        if page.code:
            for words in self._wrong_tries():
                page.code_fault(page.code.line("TRIES"), words)

    def _wrong_tries(self) -> Iterator[str]:
        tries = (*self.accepts, *self.rejects, *self.leaves)
        if len(tries) < FEWEST_TRIES:
            yield f"TRIES has {len(tries)} tries; {FEWEST_TRIES} or more are wanted"
        known = {finding.key: finding for finding in self.findings}
        for each in tries:
            if each.seed and each.seed not in self.seeds:
                yield f"the try {each.name!r} names no seed of it: {each.seed!r}"
            for key, value in each.answer.items() if isinstance(each.answer, Mapping) else ():
                if key not in known:
                    yield f"the try {each.name!r} types {key!r}, and # Findings has no such one"
                elif known[key].options and value not in known[key].options:
                    yield f"the try {each.name!r} chooses {value!r}, and {key!r} has no such option"
        for seed in self.seeds:
            if seed not in {each.seed or self.seeds[0] for each in self.accepts}:
                yield f"TRIES has none that passes in the state {seed!r}"

    def verdict(self, lab: DrillLab, findings: Findings) -> Verdict:
        """Return what is said about the state of the account and what was typed."""
        return explained(self.judge(self.seen(lab, findings)), lab, self.goals, self.own, self.adds)

    @property
    def level_words(self) -> str:
        """The level in a learner's words."""
        return say(f"drill.level_{self.level.lower()}")

    def point(self, key: str) -> Point:
        """Return the point of that key; raise KeyError when there is none."""
        return {point.key: point for point in self.points}[key]

    def follow_up(self, made: tuple[str, ...] | list[str]) -> FollowUp:
        """Return what is asked next: about the first point left out, or beyond the points when all were made."""
        missed = [point.follow_up for point in self.points if point.key not in made and point.follow_up]
        return missed[0] if missed else self.beyond

    @property
    def follow_ups(self) -> tuple[FollowUp, ...]:
        """Every question that may come next: one for each point, and the one beyond them."""
        return (*(point.follow_up for point in self.points if point.follow_up), self.beyond)


def _findings(page: Page) -> tuple[Finding, ...]:
    found = []
    for part in page.parts("Findings", wanted=False):
        label = part.text.partition("\n- ")[0].removeprefix("- ").strip()
        options = {}
        for item in items(part.text):
            key, colon, text = item.partition(": ")
            if not colon:
                page.fault(part.line, f"## {part.title}: an option is `key: text`, not {item!r}")
            options[key] = text
        found.append(Finding(name_of(part.title), label, options))
    return tuple(found)


@cache
def drills(root: Path | None = None) -> dict[str, Drill]:
    """Return the drills of content/drills below `root` (default: the course's), by id, in order; cached.

    Raises DocumentError with all that is wrong in one of them.
    """
    folder = (root or course_root()) / "content" / "drills"
    package = package_of(folder)
    return {path.stem: _load(path, package) for path in documents(folder)}


def _load(path: Path, package: str) -> Drill:
    code = path.with_suffix(".py")
    page = Page(path.stem, parse(path), Code(code, module_of(package, code), None), ())
    made = Drill.read(page)
    page.close()
    return made
