"""A question of an interview: key points with reasons and follow-ups, and the weak answer; read from its document.

In content/questions, `NNN-slug.md` holds every word. `collections.toml` beside it names the collections in which
questions were found. A question's facts are rows of docs/facts; their sources and dates are the question's.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

from ecrlab_course.authoring.facts import FactError, fill
from ecrlab_course.checkout import ContentError, course_root
from ecrlab_course.documents.code import Code
from ecrlab_course.documents.page import Page
from ecrlab_course.documents.sections import DocumentError, Fault, Part, Sections, parse
from ecrlab_course.kinds.free_answer import FollowUp, read_follow_up, read_rivals, read_wordings
from ecrlab_course.listening.listener import Heard, hear
from ecrlab_course.listening.wording import Wordings
from ecrlab_course.messages import say

LEVELS = ("junior", "mid", "senior")
TOPICS = ("containers", "images", "registries", "ecr", "iam", "scenarios")
POINTS = range(3, 6)
"""How many key points a question has."""

_STEM = re.compile(r"(\d{3})-[a-z0-9]+(-[a-z0-9]+)*")
_KEY = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_ROW = re.compile(r"^\| ([A-Z]\d+|(?:err|corr) \d+) \| .+ \| (.+) \| (\d{4}\S*) \| .+ \|$", re.MULTILINE)
"""A row of docs/facts: id, fact, source, date, strength. A cell's own bar is written with a backslash."""


@dataclass(frozen=True)
class Collection:
    """A public collection in which questions were found, and the date of what was read of it; "" where it has none."""

    key: str
    name: str
    date: str

    def __str__(self) -> str:
        return f"{self.name} ({self.date})" if self.date else self.name


@dataclass(frozen=True)
class FactSource:
    """Where a fact of docs/facts is from: its page there, the keys of its sources, and their date."""

    id: str
    page: str
    source: str
    date: str

    def __str__(self) -> str:
        return f"{self.id} ({self.source}, {self.date})"


@dataclass(frozen=True)
class KeyPoint:
    """One point of a good answer (markdown), the reason why it counts, and the next question where there is one.

    `key` names it for good: what is kept about a point later is kept under it.
    """

    key: str
    text: str
    reason: str
    follow_up: FollowUp | None
    wordings: Wordings = field(default_factory=Wordings)


@dataclass(frozen=True, kw_only=True)
class Question:
    """One question of the bank.

    `asked` are the collections in which it was found. `facts` are the rows of docs/facts that its claims rest on,
    `sources` pages that no row names; `date` is the day on which it was last held against them. `shown` are the
    lessons, labs and drills that show it live. `question`, the points, `weak` and `why_weak` are markdown.
    """

    number: int
    slug: str
    level: str
    topic: str
    question: str
    points: tuple[KeyPoint, ...]
    weak: str
    why_weak: str
    asked: tuple[Collection, ...]
    facts: tuple[FactSource, ...]
    sources: tuple[str, ...]
    date: str
    shown: tuple[str, ...]
    rivals: tuple[tuple[str, ...], ...] = ()
    """The two things that the question is about, by name: what is said of one is not said of the other."""

    @property
    def head(self) -> str:
        """Its number, topic and level, in words."""
        return say("question.head", number=self.number, topic=self.topic_words, level=self.level)

    def heard(self, answer: str) -> dict[str, Heard]:
        """Return what is heard of each point in an answer, by the points' keys. It may be said and not heard."""
        return hear(answer, {point.key: point.wordings for point in self.points}, self.rivals)

    @property
    def topic_words(self) -> str:
        """The topic in a learner's words."""
        return say(f"question.topic_{self.topic}")

    @property
    def source_lines(self) -> tuple[str, ...]:
        """Where it was asked, what its claims rest on, and when that was read: a line each (plain text)."""
        rest = "; ".join([*map(str, self.facts), *self.sources])
        return (
            say("question.asked", collections="; ".join(map(str, self.asked))),
            say("question.rests", sources=rest, date=self.date),
        )


class _Root:
    """What the documents of one course may name: collections, facts, lessons, labs and drills."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "content" / "questions"
        self.collections = _collections(self.folder / "collections.toml")
        self.facts = {
            found[1]: FactSource(found[1], path.name, found[2].replace("\\|", "|"), found[3])
            for path in sorted((root / "docs" / "facts").glob("*.md"))
            for found in _ROW.finditer(path.read_text(encoding="utf-8"))
        }
        content = root / "content"
        self.places = (
            *sorted(path.parent.name[:2] for path in content.glob("lessons/*/lesson.py")),
            *sorted(f"lab-{path.parent.name[:2]}" for path in content.glob("labs/*/lab.py")),
            *sorted(path.stem for path in content.glob("drills/d*.md")),
        )


def _collections(path: Path) -> dict[str, Collection]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError:
        raise ContentError(f"{path} is missing: it names the collections in which questions were found.") from None
    return {key: Collection(key, str(row["name"]), str(row.get("date", ""))) for key, row in table.items()}


@cache
def questions(root: Path | None = None) -> dict[int, Question]:
    """Return the questions of content/questions below `root` (default: the course's) by number, in order; cached.

    Raises DocumentError with all that is wrong in the first document that is not as the form asks, ContentError
    without collections.toml.
    """
    base = root or course_root()
    known = _Root(base)
    found: dict[int, Question] = {}
    for path in sorted(known.folder.glob("*.md")):
        made = _load(path, known, base)
        if made.number in found:
            words = f"number: {made.number} is already the number of {found[made.number].slug}.md"
            raise DocumentError(str(Fault(path, 1, words)))
        found[made.number] = made
    return dict(sorted(found.items()))


def _load(path: Path, known: _Root, root: Path) -> Question:
    page = Page(path.stem, _read(path, root), Code(path.with_suffix(".py"), None, None), ())
    if path.with_suffix(".py").exists():
        page.code_fault(1, "a question has no Python")
    weak = page.section("A weak answer")
    made = Question(
        number=page.number("number", 0), slug=path.stem, level=_one_of(page, "level", LEVELS),
        topic=_one_of(page, "topic", TOPICS), question=page.prompt(), points=_points(page),
        weak=weak.quoted if weak else "", why_weak=weak.own if weak else "",
        asked=tuple(known.collections[key] for key in _named(page, "asked", known.collections)),
        facts=tuple(known.facts[key] for key in _named(page, "facts", known.facts)),
        sources=page.listed("sources"), date=page.word("date", wanted=True),
        shown=_named(page, "shown", known.places), rivals=read_rivals(page),
    )  # fmt: skip
    _check(page, made, weak)
    page.close()
    return made


def _read(path: Path, root: Path) -> Sections:
    """Return what stands in the document, its facts (`{{fact:name}}`) in words."""
    try:
        return parse(path, lambda text: fill(text, root))
    except FactError as error:
        raise DocumentError(str(Fault(path, 1, str(error)))) from None


def _one_of(page: Page, key: str, known: tuple[str, ...]) -> str:
    word = page.word(key, wanted=True)
    if word and word not in known:
        page.fault(page.line(key), f"{key}: one of {', '.join(known)} is wanted, not {word!r}")
    return word


def _named(page: Page, key: str, known: Iterable[str]) -> tuple[str, ...]:
    """Return what a list of the front matter names, of what there is; each of the others is a fault."""
    where = {
        "asked": "content/questions/collections.toml has no",
        "facts": "docs/facts has no",
        "shown": "no lesson, lab or drill is called",
    }
    names, there = page.listed(key), set(known)
    for name in names:
        if name not in there:
            page.fault(page.line(key), f"{key}: {where[key]} {name!r}")
    for name, number in Counter(names).items():
        if number > 1:
            page.fault(page.line(key), f"{key}: {name!r} is named {number} times")
    return tuple(name for name in dict.fromkeys(names) if name in there)


def _points(page: Page) -> tuple[KeyPoint, ...]:
    """Return the parts of # Points: ## key, the point, its reason, and as a quote the next question and its answer."""
    found = []
    for part in page.parts("Points"):
        own, wordings = read_wordings(page, part)
        text, _, reason = own.partition("\n\n")
        follow_up = read_follow_up(part.quoted)
        if not _KEY.fullmatch(part.title):
            page.fault(part.line, f"## {part.title}: a point's key is lower-case words joined by hyphens")
        if not reason:
            page.fault(part.line, f"## {part.title}: a second paragraph says why the point counts")
        if "\n\n" in reason:
            page.fault(part.line, f"## {part.title}: two paragraphs are wanted, the point and its reason; it has more")
        if follow_up and not (follow_up.question.endswith("?") and follow_up.answer):
            page.fault(part.line, f"## {part.title}: the quote is a question (?), an empty line (>), and its answer")
        found.append(KeyPoint(part.title, text, reason.strip(), follow_up, wordings))
    return tuple(found)


def _check(page: Page, made: Question, weak: Part | None) -> None:
    """Add the faults that concern the whole question."""
    named = _STEM.fullmatch(page.id)
    if named is None:
        page.fault(1, "a question's file is called NNN-words-of-it.md: three digits, then lower-case words")
    elif int(named[1]) != made.number:
        page.fault(page.line("number"), f"number: the file's name says {int(named[1])}, not {made.number}")
    points = page.section("Points", wanted=False)
    if points and len(made.points) not in POINTS:
        words = f"# Points has {len(made.points)} points; {POINTS[0]} to {POINTS[-1]} are wanted"
        page.fault(points.line, words)
    if points and not any(point.follow_up for point in made.points):
        page.fault(points.line, "# Points: no point has a follow-up (a quote below it); at least one is wanted")
    if weak and not (made.weak and made.why_weak):
        page.fault(weak.line, "# A weak answer is a quote (> what people say), and below it why it is weak")
    if weak and weak.parts:
        page.fault(weak.parts[0].line, "# A weak answer has no parts (##)")
    if not page.listed("asked"):
        page.fault(1, "front matter lacks 'asked': keys of content/questions/collections.toml, or [own]")
    if not (page.listed("facts") or made.sources):
        page.fault(1, "front matter lacks 'facts' (rows of docs/facts), or 'sources' where no row says it")
    if made.date and not _is_day(made.date):
        page.fault(page.line("date"), f"date: a day as 2026-11-30 is wanted, not {made.date!r}")


def _is_day(text: str) -> bool:
    try:
        return date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


# What is chosen ------------------------------------------------------------------------------------------------------


class QuestionError(ValueError):
    """There is no question like that; the text says which there are."""


def chosen(bank: Mapping[int, Question], topic: str = "", level: str = "") -> list[Question]:
    """Return the questions of a topic and a level ("" for any; IAM is iam), in order.

    Raises QuestionError for a topic or level that there is not, or when no question is left.
    """
    topic, level = topic.strip().lower(), level.strip().lower()
    for key, word, known in (("topic", topic, TOPICS), ("level", level, LEVELS)):
        if word and word not in known:
            raise QuestionError(say(f"question.no_{key}", word=word, known=", ".join(known)))
    found = [each for each in bank.values() if topic in ("", each.topic) and level in ("", each.level)]
    if not found:
        wanted = ", ".join(word for word in (topic, level) if word)
        raise QuestionError(say("question.none", wanted=wanted or say("question.any"), there=there(bank)))
    return found


def numbered(bank: Mapping[int, Question], number: int) -> Question:
    """Return a question by its number; raise QuestionError when there is none of that number."""
    if number not in bank:
        raise QuestionError(say("question.unknown", number=number, there=there(bank)))
    return bank[number]


def there(bank: Mapping[int, Question]) -> str:
    """Return in words which questions there are: numbers and counts by topic."""
    counts = Counter(each.topic for each in bank.values())
    parts = [f"{topic} {counts[topic]}" for topic in TOPICS if counts[topic]]
    return f"{_ranges(list(bank))} ({', '.join(parts)})" if parts else say("question.empty")


def _ranges(numbers: list[int]) -> str:
    """Return numbers as ranges: 1 to 3, 7."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]} to {run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)
