"""In your own words: the learner's own answer first, then the key points, then a good answer and a weak one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from ecrlab_course.documents.attempts import Attempt, Hint
from ecrlab_course.documents.page import Page
from ecrlab_course.documents.sections import Part, name_of
from ecrlab_course.documents.verdict import Verdict, not_yet, passed, untouched
from ecrlab_course.kinds.base import Exercise, keys_of, twice
from ecrlab_course.kinds.entry import LONGEST_TEXT, AnswerError, Entry
from ecrlab_course.kinds.inputs import WIDE, Inputs, ui
from ecrlab_course.kinds.options import call
from ecrlab_course.kinds.writing import Text
from ecrlab_course.listening.language import language
from ecrlab_course.listening.wording import Wordings, split_wordings, unknown_concepts
from ecrlab_course.messages import say
from ecrlab_course.progress import ExerciseRecord
from ecrlab_course.views.display import label, note

TOO_SHORT = "words-not-reasons"
"""The misconception that an answer of a few words shows."""


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
    wordings: Wordings = field(default_factory=Wordings)
    """What it is heard by in an own answer; none: nothing is heard, and the learner's tick alone says it."""


def _first_hint(state: Mapping[str, Any]) -> str:
    so_far = say("free-answer.so_far", words=state["words"]) + " " if state["words"] else ""
    return so_far + say("free-answer.hint_1")


def _second_hint(state: Mapping[str, Any]) -> str:
    return say("free-answer.hint_2", points=len(state["points"]))


def _third_hint(state: Mapping[str, Any]) -> str:
    return say("free-answer.hint_3", point=state["points"][0])


@dataclass(frozen=True, kw_only=True)
class FreeAnswer(Exercise):
    """Each point is ticked or not, then model and weak answer show.

    Done when an answer of at least `fewest_words` different words was written and all points were marked, whichever
    were made: no word is judged, and the verdict says that the ticks are the learner's own. A point that was left out
    is kept in the progress file ("missed") and answered with its follow-up question. The text is never lost: a reset of
    the exercise keeps it as "draft". `prompt` may add a line to the question; hints and solution are made from the
    points and the two answers when none are declared. Hints are functions of {"text", "words": how many different ones,
    "points": the points' texts}. One accepted attempt (a whole answer) and one rejected one (too short) are enough,
    because judging is the same for all of them. It does not count in a strict run unless `counts=True`.
    `lab.answer("04-i1", "First I ...")`, then `lab.answer("04-i1", made=["token", "name"])`; both at once:
    `lab.answer("04-i1", text="First I ...", made=[])`.
    """

    kind: ClassVar[str] = "free-answer"
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

    @classmethod
    def read(cls, page: Page) -> FreeAnswer:
        """Read the question (the first paragraph; more is the prompt), # Points, # A good answer and # A weak answer.

        A point is ## key, its text, and as a quote the next question and, below it, the answer. # Hints and # Solution
        may be left out. Tried: the good answer with all points and with none, its first words, and one word repeated.
        """
        common = page.common(prompt=False, counts=cls.counts)
        question, _, more = page.prompt().partition("\n\n")
        model, fewest = page.text("A good answer"), page.number("fewest_words", cls.fewest_words)
        points = read_points(page)
        short = " ".join(model.split()[: min(fewest - 1, 3)])
        keys = [point.key for point in points]
        return cls(
            **{**common, "prompt": more}, question=question.strip("* "), points=points, model=model,
            weak=page.text("A weak answer"), fewest_words=fewest,
            hints=page.hints({"words"}, lambda state: state, wanted=False) or cls.hints,
            accepts=(
                Attempt(say("free-answer.try_all"), answer={"text": model, "made": keys}),
                Attempt(say("free-answer.try_none"), answer={"text": model, "made": []}),
            ),
            rejects=(
                Attempt(
                    say("free-answer.try_short"), answer=short, misconception=TOO_SHORT,
                    says=say("free-answer.few_words", words=count(short)),
                ),
                Attempt(
                    say("free-answer.try_repeated"), answer=" ".join(["token"] * fewest), misconception=TOO_SHORT,
                    says=say("free-answer.one_word", words=1),
                ),
            ),
        )  # fmt: skip

    def mistakes(self) -> list[str]:
        """Return what is wrong with the points and the two answers."""
        found = twice("points", self.points)
        if len(self.points) < 2:
            found.append("has fewer than two points")
        if not self.model.strip() or not self.weak.strip():
            found.append("wants a model answer and a weak one")
        return found

    @property
    def asked(self) -> str:
        """The question, and what the prompt adds."""
        return "\n\n".join(part for part in (f"**{self.question}**", self.prompt) if part)

    def text(self, entry: Entry) -> str:
        """Return the text that a learner goes on with: the draft, else the answer."""
        record = entry.record
        if record.get("draft") is not None:
            return str(record["draft"])
        return str((record.get("answer") or {}).get("text", ""))

    def missed(self, made: Sequence[str]) -> list[str]:
        """Return the keys of the points that were not made."""
        return [point.key for point in self.points if point.key not in made]

    def take(self, entry: Entry, answer: Any, confidence: int | None) -> None:
        """Keep the text, or which points it makes, or both."""
        given = {"text": answer} if isinstance(answer, str) else answer
        if not isinstance(given, Mapping) or not given or not set(given) <= {"text", "made"}:
            raise AnswerError(say("free-answer.wanted", id=self.id))
        before = entry.answer or {}
        text = str(given.get("text", before.get("text", ""))).strip()
        if len(text) > LONGEST_TEXT:
            raise AnswerError(say("free-answer.long", most=LONGEST_TEXT, seen=len(text)))
        taken: dict[str, Any] = {"text": text}
        if "made" in given:
            taken["made"] = self._marked(text, given["made"])
        elif "made" in before and before.get("text") == text:
            taken["made"] = before["made"]
        left = self.missed(taken["made"]) if "made" in taken else None
        entry.keep(answer=taken, missed=left, draft=None, fresh=taken != before)

    def _marked(self, text: str, made: Any) -> list[str]:
        keys = keys_of(self.points)
        if count(text) < self.fewest_words:
            raise AnswerError(say("free-answer.first", fewest=self.fewest_words))
        if isinstance(made, str) or not set(made) <= set(keys):
            raise AnswerError(say("free-answer.made_wanted", points=", ".join(keys)))
        return [key for key in keys if key in made]

    def judged(self, entry: Entry) -> Verdict:
        """Judge: long enough, then every point marked; which of them were made is not judged."""
        answer = entry.answer or {}
        text = str(answer.get("text", ""))
        if not text:
            return untouched(say("free-answer.nothing"))
        number = count(text)
        if number < self.fewest_words:
            words = say("free-answer.one_word" if number == 1 else "free-answer.few_words", words=number)
            return not_yet(f"{words} {say('free-answer.more', fewest=self.fewest_words)}", TOO_SHORT)
        if "made" not in answer:
            points = "\n".join(f"* `{point.key}`: {point.text}" for point in self.points)
            return untouched(f"{say('free-answer.which')}\n\n{points}")
        left = self.missed(answer["made"])
        number = len(self.points)
        lines = [say("free-answer.made", made=number - len(left), number=number), ""]
        lines += [self._left_out(point) for point in self.points if point.key in left]
        return passed("\n".join([*lines, "", self.both_answers()]))

    @staticmethod
    def _left_out(point: Point) -> str:
        asked = point.follow_up
        more = f" {say('free-answer.then', question=asked.question, answer=asked.answer)}" if asked else ""
        return f"* {say('free-answer.left_out', point=point.text)}{more}".replace("..", ".")

    def both_answers(self) -> str:
        """Return the model answer and the weak one (markdown)."""
        return f"{say('free-answer.good', text=self.model)}\n\n{say('free-answer.weak', text=self.weak)}"

    def waits(self, record: ExerciseRecord) -> bool:
        """Tell whether an answer is kept and its points are not marked yet."""
        answer = record.get("answer") or {}
        return "made" not in answer and count(answer.get("text", "")) >= self.fewest_words

    def waiting_html(self, verdict: Verdict) -> str:
        """Say that the points stand above, to be ticked: an answer that is kept is not untouched."""
        kept = note(say("free-answer.kept"), say("free-answer.tick_above")).html
        return f'<div role="status">{kept}</div>'

    def state(self, entry: Entry) -> Any:
        """Return the text, its words, and the points' texts."""
        text = self.text(entry)
        return {"text": text, "words": count(text), "points": [point.text for point in self.points]}

    def solved(self) -> str:
        """Return the solution, where there is one, and both answers."""
        return "\n\n".join(part for part in (self.solution, self.both_answers()) if part)

    def undone(self, entry: Entry) -> dict[str, Any]:
        """Keep the text as a draft."""
        return {"draft": self.text(entry) or None}

    def noted(self) -> list[str]:
        """Return the points."""
        return [f"Points: {'; '.join(point.text for point in self.points)}."]

    def call(self) -> str:
        """Return the line that answers it."""
        return f"{call(self.id, say('free-answer.yours'))}   {say('free-answer.follow')}"

    def inputs(self, entry: Entry, act: Callable[[Callable[[], Any]], None]) -> Inputs:
        """Return the text to write, and the points to tick."""
        return OwnWords(entry, self, act)


def read_points(page: Page) -> tuple[Point, ...]:
    """Return the points of # Points: ## key, its text, and as a quote the next question and, below it, the answer.

    Lines `- heard: …` and `- against: …` below the text are the wordings by which a point is heard.
    """
    found = []
    for part in page.parts("Points"):
        text, wordings = read_wordings(page, part)
        found.append(Point(name_of(part.title), text, read_follow_up(part.quoted), wordings))
    return tuple(found)


def read_wordings(page: Page, part: Part) -> tuple[str, Wordings]:
    """Return a point's own text without its lines of wordings, and those; an unknown concept is a fault."""
    text, wordings = split_wordings(part.own)
    for name in unknown_concepts(wordings, language()):
        page.fault(part.line, f"## {part.title}: content/listening.toml has no concept @{name}")
    return text, wordings


def read_rivals(page: Page) -> tuple[tuple[str, ...], ...]:
    """Return the pairs of `rivals: [image | container]`: two things that a question is about."""
    return tuple(tuple(each.split(" | ")) for each in page.listed("rivals"))


def read_follow_up(text: str) -> FollowUp | None:
    """Return a question (the first paragraph) and its answer; None when there is no text."""
    question, _, answer = text.partition("\n\n")
    return FollowUp(question, answer.strip()) if question else None


def count(text: str) -> int:
    """Return how many different words a text has; what holds no letter is not a word.

    That is all a text is judged by: one word again and again does not answer anything. Whether many words do is for the
    learner to say.
    """
    return len({word for word in re.findall(r"\w+", text.casefold()) if re.search(r"[^\W\d_]", word)})


class OwnWords(Text):
    """An answer in the learner's own words; once it is kept, the key points to tick."""

    def __init__(self, entry: Entry, item: FreeAnswer, act: Callable[[Callable[[], Any]], None]) -> None:
        super().__init__(entry, item.text, say("free-answer.label"), rows=6)
        self.item = item
        made = (entry.answer or {}).get("made", [])
        self._ticks = {
            point.key: ui().Checkbox(value=point.key in made, description=label(point.text), indent=False, style=WIDE)
            for point in item.points
        }
        done = ui().Button(description=say("free-answer.done"))
        done.add_class("ecr-primary")
        done.on_click(lambda _button: act(self._marked))
        bar = ui().Box([done])
        bar.add_class("ecr-buttons")
        title = ui().HTML(f'<div class="ecr-soft">{say("free-answer.tick")}</div>')
        self.points = ui().VBox([title, *self._ticks.values(), bar])
        self.points.add_class("ecr-points")
        self.after = [self.points]
        self.refresh()

    def _marked(self) -> dict[str, Any]:
        return {"made": [key for key, tick in self._ticks.items() if tick.value]}

    def refresh(self) -> None:
        """Show the key points once the answer is kept."""
        kept = (self.entry.answer or {}).get("text", "")
        self.points.layout.display = None if count(kept) >= self.item.fewest_words else "none"

    def clear(self) -> None:
        """Take the ticks away; the text stays."""
        super().clear()
        for tick in self._ticks.values():
            tick.value = False
        self.refresh()
