"""The scorecard of a mock interview: what was said, what was shown, what must not happen, what comes next.

Never a percentage and never a grade. It is put together once, as sections, and drawn as text, Markdown or HTML.
"""

from __future__ import annotations

import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ecrlab_course.drills.drill_session import clocked
from ecrlab_course.listening.marking import HEARD, LEFT, SAID
from ecrlab_course.messages import say
from ecrlab_course.mock.book import MockRecord, PartRecord
from ecrlab_course.mock.interview import GIVEN, NOT_GIVEN, PASSED_OVER, Bank, unended
from ecrlab_course.mock.marks import marked
from ecrlab_course.mock.mix import EVIDENCE, INCIDENT, SPOKEN
from ecrlab_course.questions.question import Question
from ecrlab_course.questions.text import places
from ecrlab_course.views.display import Shown, label, markdown, markdown_inline, plain, table

MOST_ADVICE = 3
SHORT = 46
"""Characters of a question in a row."""


@dataclass(frozen=True)
class Section:
    """A heading, and below it a table, lines (markdown), or both."""

    title: str
    head: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    lines: tuple[str, ...] = ()
    is_question: bool = False
    """Whether the title is a question: it keeps its letters, since a name of AWS in it is nobody's in capitals."""


@dataclass(frozen=True)
class Figures:
    """What is compared over time: points heard, said and left out, evidence given of how many, red flags."""

    number: int
    day: str
    minutes: int
    heard: int
    said: int
    left: int
    given: int
    tasks: int
    flags: int

    @property
    def points(self) -> str:
        """9+1 of 16: heard, said, of all that were asked for."""
        return say("mock.points_of", heard=self.heard, said=self.said, all=self.heard + self.said + self.left)

    @property
    def evidence(self) -> str:
        """2/3."""
        return f"{self.given}/{self.tasks}"


@dataclass(frozen=True)
class Scorecard:
    """One mock interview on one page."""

    number: int
    title: str
    when: str
    sections: tuple[Section, ...]
    figures: tuple[Figures, ...]
    """Of every mock up to this one, the oldest first."""

    @property
    def text(self) -> str:
        """The scorecard as plain text."""
        parts = [f"{self.title}\n{self.when}"]
        for section in self.sections:
            lines = [section.title if section.is_question else section.title.upper()]
            if section.rows:
                lines += [f"  {line}".rstrip() for line in table(section.head, section.rows).text.splitlines()]
            for line in section.lines:
                lines += textwrap.wrap(label(line), 98, initial_indent="  ", subsequent_indent="    ")
            parts.append("\n".join(lines))
        return "\n\n".join(parts)

    @property
    def markdown(self) -> str:
        """The scorecard as Markdown: one file that any editor shows."""
        parts = [f"# {self.title}", self.when]
        for section in self.sections:
            parts.append(f"## {section.title}")
            if section.rows:
                lines = (section.head, ("---",) * len(section.head), *section.rows)
                parts.append("\n".join(_row(cells) for cells in lines))
            if section.lines:
                parts.append("\n".join(f"- {line}" for line in section.lines))
        return "\n\n".join(parts) + "\n"

    @property
    def html(self) -> str:
        """The scorecard as HTML, without its title and without a style of its own."""
        parts = [f"<p>{markdown_inline(self.when)}</p>"]
        for section in self.sections:
            parts.append(f'<div class="ecr-title">{markdown_inline(section.title)}</div>')
            parts.append(table(section.head, section.rows).html if section.rows else "")
            if section.lines:
                parts.append(markdown("\n".join(f"- {line}" for line in section.lines)))
        return "".join(parts)


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def scorecard(bank: Bank, records: Mapping[int, MockRecord], number: int, with_answers: bool = False) -> Scorecard:
    """Return the scorecard of a mock; answers are in it only when they are asked for: a scorecard is shown around."""
    record = records[number]
    cards = _Cards(bank, records, number)
    sections = [
        cards.points(), cards.left_out(), cards.evidence(), cards.flags(), cards.well(), cards.first(),
        cards.practise(), cards.before(),
    ]  # fmt: skip
    if with_answers:
        sections += cards.answers()
    title = say("mock.title", level=record["level"], minutes=record["minutes"], mix=record["mix"])
    return Scorecard(
        number, title, cards.when(), tuple(each for each in sections if each.rows or each.lines), cards.figures()
    )  # fmt: skip


def figures(bank: Bank, number: int, record: MockRecord) -> Figures:
    """Return what is compared of one mock."""
    counted: Counter[str] = Counter()
    for part in record["parts"]:
        question = asked(bank, part)
        if question is not None:
            counted.update(marked(question, part).states.values())
    tasks = [each for each in record["parts"] if each["kind"] in (EVIDENCE, INCIDENT) and each.get("outcome")]
    given = sum(each.get("outcome") == GIVEN for each in tasks)
    flagged = sum(len(each.get("flags", {})) for each in record["parts"])
    began = datetime.fromisoformat(record["began"]).astimezone()
    return Figures(
        number, f"{began.day} {began:%b}", record["minutes"], counted[HEARD], counted[SAID], counted[LEFT], given,
        len(tasks), flagged,
    )  # fmt: skip


def asked(bank: Bank, part: PartRecord) -> Question | None:
    """Return the question of a part that was asked; None for other parts, and for a question that is gone."""
    if part["kind"] not in SPOKEN or part.get("stage") != "done":
        return None
    return bank.questions.get(int(part["what"][1:]))


class _Cards:
    """The sections of one scorecard."""

    def __init__(self, bank: Bank, records: Mapping[int, MockRecord], number: int) -> None:
        self.bank, self.records, self.number = bank, records, number
        self.record = records[number]
        self.spoken = [
            (part, question) for part in self.record["parts"] if (question := asked(bank, part)) is not None
        ]  # fmt: skip

    def when(self) -> str:
        """Return day, begin and end, and how the points were found."""
        began = datetime.fromisoformat(self.record["began"]).astimezone()
        ended = datetime.fromisoformat(self.record.get("ended") or self.record["began"]).astimezone()
        spent = sum(part.get("spent", 0.0) for part in self.record["parts"])
        over = spent - 60 * self.record["minutes"]
        notes = [say("mock.when", day=f"{began.day} {began:%B %Y}", begin=f"{began:%H:%M}", end=f"{ended:%H:%M}")]
        if not self.record["clock"]:
            notes.append(say("mock.without_clock"))
        elif over >= 1:
            notes.append(say("mock.over_by", time=clocked(over)))
        if any("ticked" in part for part in self.record["parts"]):
            notes.append(say("mock.ticked_by_partner"))
        elif self.record["aloud"]:
            notes.append(say("mock.said_aloud"))
        return " · ".join(notes)

    def points(self) -> Section:
        """Return how many points were heard, said and left out, question by question."""
        rows, sums = [], Counter[str]()
        for number, (part, question) in enumerate(self.spoken, 1):
            made = marked(question, part)
            sums.update(made.states.values())
            counts = [str(len(made.keys(state)) or "-") for state in (HEARD, SAID, LEFT)]
            words = textwrap.shorten(plain(question.question), SHORT, placeholder=" …")
            rows.append((str(number), words, *counts, self._followed(part)))
        total = [str(sums[state]) for state in (HEARD, SAID, LEFT)]
        rows.append(("", say("mock.sum"), *total, ""))
        head = ("", *(say(f"mock.col_{each}") for each in ("question", "heard", "said", "left", "follow")))
        return Section(say("mock.points"), head, tuple(rows) if self.spoken else ())

    @staticmethod
    def _followed(part: PartRecord) -> str:
        if part.get("passed"):
            return say("mock.passed")
        follow = part.get("follow")
        if not follow:
            return "-"
        outcome = say(f"mock.follow_{follow.get('outcome', 'passed')}")
        return say("mock.beyond", outcome=outcome) if follow["kind"] == "beyond" else outcome

    def left_out(self) -> Section:
        """Return the points that were left out, each with what teaches it."""
        lines = []
        for number, (part, question) in enumerate(self.spoken, 1):
            made = marked(question, part)
            for point in question.points:
                if made.states[point.key] == LEFT:
                    where = places(question)
                    line = say("mock.left_point", number=number, point=point.text)
                    against = part.get("against", {}).get(point.key)
                    line += " " + say("mock.you_said", words=unended(against)) if against else ""
                    lines.append(f"{line} ({where})" if where else line)
        return Section(say("mock.left_out"), lines=tuple(lines))

    def evidence(self) -> Section:
        """Return what was shown, in how many tries and how long; of what was not, what was seen last."""
        rows, lines = [], []
        for part in self.record["parts"]:
            if part["kind"] not in (EVIDENCE, INCIDENT) or not part.get("outcome"):
                continue
            over = part.get("spent", 0.0) - part["seconds"]
            words = say("mock.over_by", time=clocked(over)) if over >= 1 and self.record["clock"] else ""
            rows.append((part["what"], self._task(part), self._outcome(part), clocked(part.get("spent", 0.0)), words))
            if part["outcome"] == NOT_GIVEN and part.get("last"):
                lines.append(say("mock.last_seen", id=part["what"], words=part["last"]))
        head = ("", *(say(f"mock.col_{each}") for each in ("task", "outcome", "time")), "")
        return Section(say("mock.evidence"), head, tuple(rows), tuple(lines))

    def _task(self, part: PartRecord) -> str:
        if part["kind"] == INCIDENT:
            return say("mock.incident")
        drill = self.bank.drills.get(part["what"])
        return drill.kind if drill else ""

    @staticmethod
    def _outcome(part: PartRecord) -> str:
        if part["outcome"] == NOT_GIVEN:
            return say("mock.was_passed" if part.get("passed") else "mock.not_given")
        tries = part.get("tries", 0)
        return say("mock.given") if not tries else say("mock.given_after", tries=tries + 1)

    def flags(self) -> Section:
        """Return the red flags, of what was done and of what was said."""
        lines = [
            say("mock.flag_line", what=part["what"] or "-", flag=say(f"flags.{key.replace('-', '_')}"), words=words)
            for part in self.record["parts"]
            for key, words in part.get("flags", {}).items()
        ]
        return Section(say("mock.flags", number=len(lines)), lines=tuple(lines))

    def well(self) -> Section:
        """Return one sentence of the candidate's own: the one with the most points in it, and nothing against any."""
        found: Counter[str] = Counter()
        for part, question in self.spoken:
            made = marked(question, part).keys(HEARD)
            bad = [*part.get("flags", {}).values(), *part.get("against", {}).values()]
            found.update(
                words
                for key, words in part.get("heard", {}).items()
                if key in made and words and not any(each in words for each in bad)
            )
        best = max(found, key=lambda words: (found[words], -len(words)), default="")
        return Section(say("mock.well"), lines=(f"“{best}”",) if best else ())

    def first(self) -> Section:
        """Return after how long each answer began: shown, and never counted; who speaks to a partner types late."""
        spoken = [] if self.record["partner"] else self.spoken
        times = [clocked(part["first"]) for part, _ in spoken if "first" in part]
        return Section(say("mock.first"), lines=(say("mock.first_times", times=" ".join(times)),) if times else ())

    def practise(self) -> Section:
        """Return at most three things to do tomorrow, from misses only, the worst first."""
        found: list[tuple[int, str]] = []
        flagged: set[str] = set()
        for part in self.record["parts"]:
            new = set(part.get("flags", {})) - flagged
            flagged |= new
            question = asked(self.bank, part)
            if part["kind"] in (EVIDENCE, INCIDENT) and (new or part.get("outcome") == NOT_GIVEN):
                kind = "incident" if part["kind"] == INCIDENT else "drill"
                found.append(
                    (0 if new else 1, self._advice(f"do_{kind}", "flag" if new else "not_given", part["what"]))
                )
            elif question is not None and new:
                found.append((0, self._advice("do_question", "flag", question)))
        for part, question in self.spoken:
            made = marked(question, part)
            for point in question.points:
                if made.states[point.key] == LEFT:
                    twice = self._left_before(part["what"], point.key)
                    why = "left_again" if twice else "left"
                    found.append((2 if twice else 3, self._advice("do_point", why, question, plain(point.text))))
        lines = dict.fromkeys(line for _, line in sorted(found, key=lambda each: each[0]))
        return Section(say("mock.practise"), lines=tuple(lines)[:MOST_ADVICE])

    @staticmethod
    def _advice(do: str, why: str, what: Question | str, point: str = "") -> str:
        if isinstance(what, str):
            number = int(what[1:]) if what[1:].isdecimal() else 0
            return say(f"mock.{do}", id=what, number=number, why=say(f"mock.why_{why}"))
        where = places(what) or say("mock.the_points", number=what.number)
        words = textwrap.shorten(point, 80, placeholder=" …")
        return say(f"mock.{do}", number=what.number, point=words, why=say(f"mock.why_{why}"), where=where)

    def _left_before(self, what: str, key: str) -> bool:
        """Tell whether an earlier mock asked the same and the point was left out then, too."""
        for number, record in reversed(list(self.records.items())):
            for part in record["parts"] if number < self.number else ():
                question = asked(self.bank, part)
                if part["what"] == what and question is not None:
                    return marked(question, part).states.get(key) == LEFT
        return False

    def figures(self) -> tuple[Figures, ...]:
        """Return the figures of every mock that is over, up to this one."""
        return tuple(
            figures(self.bank, number, record)
            for number, record in self.records.items()
            if number <= self.number and (record.get("ended") or number == self.number)
        )

    def before(self) -> Section:
        """Return the figures over time; mocks of another length are not compared."""
        found = self.figures()
        rows = tuple(
            (
                say("mock.this") if each.number == self.number else each.day, say("mock.minutes", minutes=each.minutes),
                each.points, each.evidence, str(each.flags),
            )
            for each in found
        )  # fmt: skip
        head = tuple(say(f"mock.col_{each}") for each in ("day", "length", "points", "evidence", "flags"))
        return Section(say("mock.before"), head, rows if len(found) > 1 else ())

    def answers(self) -> list[Section]:
        """Return the answers themselves, a section each."""
        made = []
        for number, (part, question) in enumerate(self.spoken, 1):
            lines = [line for line in part.get("text", "").splitlines() if line.strip()] or [nothing(part)]
            lines += self._follow_lines(part)
            made.append(Section(f"{number} {plain(question.question)}", lines=tuple(lines), is_question=True))
        return made

    @staticmethod
    def _follow_lines(part: PartRecord) -> list[str]:
        """Return the question behind an answer and what was typed; of a partner's only what came of it is known."""
        follow = part.get("follow")
        if not follow:
            return []
        outcome = say(f"mock.follow_{follow.get('outcome', PASSED_OVER)}")
        if not follow["question"]:
            return [say("mock.follow_line", outcome=outcome)]
        return [f"*{plain(follow['question'])}*", follow.get("text") or outcome]


def nothing(part: PartRecord) -> str:
    """Return what stands where an answer has no words: it was skipped, or nothing of it was typed."""
    return say("mock.passed" if part.get("passed") else "mock.not_typed")


def figures_table(bank: Bank, records: Mapping[int, MockRecord]) -> Shown:
    """Return every mock in a row: number, day, what it was, and its figures."""
    rows = []
    for number, record in records.items():
        each = figures(bank, number, record)
        state = "" if record.get("ended") else say("mock.list_open")
        what = say("mock.minutes", minutes=each.minutes)
        rows.append((str(number), each.day, record["level"], what, each.points, each.evidence, str(each.flags), state))
    head = ("list_numbers", "col_day", "col_level", "col_length", "col_points", "col_evidence", "col_flags")
    return table((*(say(f"mock.{each}") for each in head), ""), rows)
