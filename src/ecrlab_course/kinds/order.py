"""Put in order: the learner orders steps, and the order really runs: any order that works is right."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.page import Page
from ecrlab_course.documents.sections import name_of
from ecrlab_course.documents.verdict import NOTHING, Outcome, Result, Verdict
from ecrlab_course.kinds.base import keys_of, twice
from ecrlab_course.kinds.entry import AnswerError, Entry
from ecrlab_course.kinds.executed import Executed
from ecrlab_course.kinds.inputs import WIDE, Inputs, ui
from ecrlab_course.kinds.options import call, listed
from ecrlab_course.messages import say
from ecrlab_course.views.display import label, markdown, plain


@dataclass(frozen=True)
class Step:
    """One step of an Order: its key, its text, and `note`: what it does, shown once an order was run."""

    key: str
    text: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Order(Executed):
    """Steps may be left out, so some of `steps` may be distractors. They are listed as declared: not in a right order.

    `run` carries out the chosen keys in their order; it begins from the exercise's starting state by itself, because a
    learner runs several orders, and it stops at the first step that fails. `judge` says what the outcome means. Hints
    are functions of {"order": the keys, maybe none, "result": the last run's, or None}.
    `lab.answer("04-e3", ["create", "login", "tag", "push"])`.
    """

    kind: ClassVar[str] = "order"

    steps: tuple[Step, ...]
    run: Callable[[LabView, tuple[str, ...]], Result]
    judge: Callable[[LabView, tuple[str, ...], Result], Verdict]

    @classmethod
    def read(cls, page: Page) -> Order:
        """Read # Steps (## key, the text, and as a quote what the step does).

        eN.py has run(lab, order), class Seen(lab, order, result), judge(seen) and TRIES (lists of keys).
        """
        steps = tuple(Step(name_of(part.title), part.own, part.quoted) for part in page.parts("Steps"))
        read = page.judged(
            cls, lambda seen: lambda state: seen(state["lab"], state["order"], state["result"] or NOTHING)
        )
        return cls(
            **page.common(), **read.attempts, hints=read.hints, steps=steps, run=page.coded("run"),
            judge=lambda lab, order, result: read.judge(read.seen(lab, order, result)),
        )  # fmt: skip

    def mistakes(self) -> list[str]:
        """Return what is wrong with the steps."""
        few = ["has fewer than three steps"] if len(self.steps) < 3 else []
        return few + twice("steps", self.steps)

    def take(self, entry: Entry, answer: Any, confidence: int | None) -> None:
        """Run the steps in the order given."""
        keys = keys_of(self.steps)
        if isinstance(answer, str) or not isinstance(answer, Sequence) or not set(answer) <= set(keys):
            raise AnswerError(say("order.wanted", id=self.id, steps=", ".join(keys)))
        order = tuple(answer)
        if len(set(order)) != len(order):
            raise AnswerError(say("order.once"))
        if not order:
            self.not_run(entry, [], say("order.none"))
            return
        self.carry_out(
            entry, list(order), lambda: self.run(entry.lab, order), lambda lab, result: self._judge(lab, order, result)
        )

    def _judge(self, lab: LabView, order: tuple[str, ...], result: Result) -> Verdict:
        verdict = self.judge(lab, order, result)
        explained = self.explained(order) if verdict.outcome is Outcome.PASSED else ""
        if not explained:
            return verdict
        return Verdict(verdict.outcome, f"{verdict.message}\n\n{explained}".strip(), name=verdict.name)

    def explained(self, chosen: Sequence[str]) -> str:
        """Return what each step does (markdown): those chosen in their order, then those left out; "" without notes."""
        steps = {step.key: step for step in self.steps if step.note}
        taken = [f"* {steps[key].text}: {steps[key].note}" for key in chosen if key in steps]
        left = [
            f"* {say('order.left_out')} {step.text}: {step.note}" for key, step in steps.items() if key not in chosen
        ]
        return "\n".join(taken + left)

    def first_step(self) -> str:
        """Return what is said while nothing was run yet."""
        return say("order.first")

    def state(self, entry: Entry) -> Any:
        """Return the order and what it did."""
        return {"order": tuple(entry.answer or ()), "result": entry.result, "lab": entry.looking}

    def solved(self) -> str:
        """Return the solution, and what each step does."""
        return "\n\n".join(part for part in (self.solution, self.explained(keys_of(self.steps))) if part)

    def lines(self, entry: Entry) -> list[str]:
        """Return the steps."""
        return [f"  {step.key}  {plain(step.text)}" for step in self.steps]

    def call(self) -> str:
        """Return the line that answers it."""
        return call(self.id, "[STEP, STEP, …]")

    def html(self, entry: Entry) -> str:
        """Return the steps."""
        return listed([(step.key, step.text) for step in self.steps])

    def inputs(self, entry: Entry, act: Callable[[Callable[[], Any]], None]) -> Inputs:
        """Return the steps, each with a number."""
        return Places(entry, self)


class Places(Inputs):
    """The steps, each with a number to choose, and the order that the numbers make."""

    def __init__(self, entry: Entry, item: Order) -> None:
        super().__init__(entry)
        self.item = item
        self._preview = ui().HTML()
        order = list(entry.answer or ())
        numbers = [
            (say("order.no_number"), 0),
            *((str(number), number) for number in range(1, len(item.steps) + 1)),
        ]
        self._places = {
            step.key: ui().Dropdown(
                options=numbers,
                value=order.index(step.key) + 1 if step.key in order else 0,
                description=label(step.text),
                style=WIDE,
            )
            for step in item.steps
        }
        for place in self._places.values():
            place.observe(lambda _change: self._show(), "value")
        rows = ui().VBox(list(self._places.values()))
        rows.add_class("ecr-rows")
        rows.add_class("ecr-numbers")
        self._show()
        self.parts = [rows, self._preview]

    def _taken(self) -> list[str]:
        """The keys that have a number, by number; equal numbers in the order declared."""
        chosen = [key for key, place in self._places.items() if place.value]
        return sorted(chosen, key=lambda key: int(self._places[key].value))

    def _show(self) -> None:
        texts = {step.key: step.text for step in self.item.steps}
        lines = "\n".join(f"{number}. {texts[key]}" for number, key in enumerate(self._taken(), 1))
        self._preview.value = f'<div class="ecr-order">{markdown(lines)}</div>' if lines else ""

    def read(self) -> list[str]:
        """Return the keys in their order."""
        taken = self._taken()
        numbers = [self._places[key].value for key in taken]
        double = sorted({number for number in numbers if numbers.count(number) > 1})
        if double:
            raise AnswerError(say("order.same_number", number=double[0]))
        return taken

    def clear(self) -> None:
        """Leave every step out."""
        for place in self._places.values():
            place.value = 0
