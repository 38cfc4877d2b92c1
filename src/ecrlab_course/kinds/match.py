"""Match: sort items into bins, or match each with one; every item that is wrong gets an answer of its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from ecrlab_course.documents.attempts import Attempt
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.misconceptions import known
from ecrlab_course.documents.page import Page
from ecrlab_course.documents.sections import Part, name_of
from ecrlab_course.documents.verdict import Verdict, not_yet, passed, untouched
from ecrlab_course.kinds.base import Exercise, keys_of, twice
from ecrlab_course.kinds.entry import AnswerError, Entry
from ecrlab_course.kinds.inputs import WIDE, Inputs, confident, ui
from ecrlab_course.kinds.options import call, certain_words, listed
from ecrlab_course.messages import say
from ecrlab_course.views.display import escape, label, plain


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
    """`correct` maps each item's key to its bin's key, or computes that from live state.

    Bins may stay empty, so some may be distractors. A miss shows the misconception of the first item that is wrong, in
    the order declared. Hints are functions of {"placed": item to bin, "wrong": the keys of items that are placed and do
    not belong there}. `lab.answer("04-e6", {"docker-pull": "registry", "create-repository": "api"})`.
    """

    kind: ClassVar[str] = "match"

    items: tuple[Item, ...]
    bins: tuple[Bin, ...]
    correct: Mapping[str, str] | Callable[[LabView], Mapping[str, str]]

    @classmethod
    def read(cls, page: Page) -> Match:
        """Read `bins:` and # Items (## key → bin = misconception, the text, as a quote what is said of a wrong place).

        A quote may answer one bin by a line `bin: ...`, or `bin = misconception: ...`. eN.py may declare right(lab),
        which finds the places when they are judged. Tried: every wrong place, one of them as certain, and all right
        after one wrong.
        """
        bins = page.table("bins", wanted=True)
        parts = page.parts("Items")
        items, correct = tuple(_item(page, part, bins) for part in parts), {}
        for part in parts:
            correct[name_of(part.title)] = page.place(part)
            if page.place(part) not in bins:
                page.fault(part.line, f"## {part.title}: its place is not a bin (## key → bin): {', '.join(bins)}")
        wrong = list(_misplacings(items, bins, correct))
        return cls(
            **page.common(), items=items, bins=tuple(Bin(key, text) for key, text in bins.items()),
            correct=page.optional("right") or correct,
            hints=page.hints({"placed", "fit", "number"}, lambda state: _numbers(state, len(items))),
            accepts=(
                Attempt(say("match.try_all"), answer=correct),
                Attempt(say("match.try_after"), answer=correct, first=wrong[0].answer if wrong else None),
            ),
            rejects=tuple(wrong),
        )  # fmt: skip

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

    def right_places(self, entry: Entry) -> Mapping[str, str]:
        """Return each item's bin."""
        return self.correct if isinstance(self.correct, Mapping) else self.correct(entry.looking)

    def misplaced(self, placed: Mapping[str, str], correct: Mapping[str, str]) -> list[str]:
        """Return the keys of the items that are placed where they do not belong, in the order declared."""
        return [part.key for part in self.items if part.key in placed and placed[part.key] != correct[part.key]]

    def take(self, entry: Entry, answer: Any, confidence: int | None) -> None:
        """Keep where the items are placed."""
        confident(confidence)
        items, bins = keys_of(self.items), keys_of(self.bins)
        if not isinstance(answer, Mapping) or not set(answer) <= set(items) or not set(answer.values()) <= set(bins):
            raise AnswerError(say("match.wanted", id=self.id, items=", ".join(items), bins=", ".join(bins)))
        record, placed = entry.record, dict(answer)
        values: dict[str, Any] = {"answer": placed, "confidence": confidence, "fresh": placed != record.get("answer")}
        if "first_answer" not in record and set(placed) == set(items):
            values["first_answer"], values["first_confidence"] = placed, confidence
        entry.keep(**values)

    def judged(self, entry: Entry) -> Verdict:
        """Judge how items are placed: all of them first, then one answer for each that is wrong."""
        placed = entry.answer or {}
        if not placed:
            return untouched(say("match.none"))
        missing = [part.text for part in self.items if part.key not in placed]
        if missing:
            return untouched(say("match.missing", items=", ".join(missing)))
        wrong, number = self.misplaced(placed, self.right_places(entry)), len(self.items)
        if not wrong:
            return passed(say("match.all_fit", number=number))
        bins = {place.key: place.text for place in self.bins}
        items = {part.key: part for part in self.items}
        certain = certain_words() if entry.certain_miss else ""
        lines = [say("match.some_fit", fit=number - len(wrong), number=number) + certain, ""]
        for key in wrong:
            said = items[key].miss(placed[key]).feedback or say("match.not_here")
            lines.append(f"* {items[key].text} → {bins[placed[key]]}: {said}")
        return not_yet("\n".join(lines), items[wrong[0]].miss(placed[wrong[0]]).misconception)

    def state(self, entry: Entry) -> Any:
        """Return where the items are placed, and which of them do not belong there."""
        placed = entry.answer or {}
        return {"placed": placed, "wrong": self.misplaced(placed, self.right_places(entry))}

    def lines(self, entry: Entry) -> list[str]:
        """Return items and places."""
        found = [f"  {part.key}  {plain(part.text)}" for part in self.items]
        return [*found, f"  {say('match.where')}", *(f"  {place.key}  {plain(place.text)}" for place in self.bins)]

    def call(self) -> str:
        """Return the line that answers it."""
        return call(self.id, "{ITEM: PLACE, …}", how_sure=True)

    def html(self, entry: Entry) -> str:
        """Return places and items."""
        places = " · ".join(f"<b>{escape(place.key)}</b> {escape(plain(place.text))}" for place in self.bins)
        return f"<p>{say('match.places')} {places}</p>" + listed([(part.key, part.text) for part in self.items])

    def inputs(self, entry: Entry, act: Callable[[Callable[[], Any]], None]) -> Inputs:
        """Return the items, each with a bin to choose, and how sure."""
        return Sorting(entry, self)

    def wrong(self) -> Iterator[tuple[str, str, str]]:
        """Yield every wrong place that shows a misconception."""
        bins = {place.key: place.text for place in self.bins}
        for part in self.items:
            if part.misconception:
                yield say("match.misplaced", item=part.text), part.misconception, part.feedback
            for miss in part.misses:
                if miss.misconception:
                    yield f"{part.text} → {bins[miss.bin]}", miss.misconception, miss.feedback


def _item(page: Page, part: Part, bins: Mapping[str, str]) -> Item:
    """Return an item of a document, with an answer for each bin that its quote names."""
    misconception, misses, general = page.misconception(part), [], []
    for line in part.quoted.splitlines():
        found = re.match(r"([\w-]+)(?: = ([\w-]+))?: (.*)", line)
        if found and found[1] in bins:
            misses.append(Miss(found[1], found[3], found[2] or misconception))
        else:
            general.append(line)
    said = "\n".join(general).strip()
    left = set(bins) - {page.place(part)} - {miss.bin for miss in misses}
    if left and not said:
        page.fault(part.line, f"## {part.title}: nothing is said of it in {', '.join(sorted(left))} (> ...)")
    if not part.own:
        page.fault(part.line, f"## {part.title}: the item has no text above its quote")
    return Item(name_of(part.title), part.own, said, misconception, tuple(misses))


def _misplacings(items: Sequence[Item], bins: Mapping[str, str], correct: Mapping[str, str]) -> Iterator[Attempt]:
    """Yield an attempt for every wrong place, all other items right; the first one is certain."""
    confidence = 3
    for item in items:
        for place in bins:
            if place != correct[item.key]:
                miss = item.miss(place)
                yield Attempt(
                    f"{item.text} → {bins[place]}", answer={**correct, item.key: place}, confidence=confidence,
                    misconception=miss.misconception, says=miss.feedback, said=miss.feedback,
                )  # fmt: skip
                confidence = 2


def _numbers(state: Mapping[str, Any], number: int) -> dict[str, int]:
    """Return what hints may name: how many items are placed, how many of them fit, how many there are."""
    return {"placed": len(state["placed"]), "fit": len(state["placed"]) - len(state["wrong"]), "number": number}


class Sorting(Inputs):
    """The items, each with a bin to choose, and how sure the learner is."""

    def __init__(self, entry: Entry, item: Match) -> None:
        super().__init__(entry)
        placed = entry.answer or {}
        bins = [(say("match.choose"), ""), *((plain(place.text), place.key) for place in item.bins)]
        keys = {place.key for place in item.bins}
        self._bins = {
            part.key: ui().Dropdown(
                options=bins,
                value=placed[part.key] if placed.get(part.key) in keys else "",
                description=label(part.text),
                style=WIDE,
            )
            for part in item.items
        }
        rows = ui().VBox(list(self._bins.values()))
        rows.add_class("ecr-rows")
        self.parts = [rows]
        self.ask_how_sure()

    def read(self) -> dict[str, str]:
        """Return the bins by item; items without one are left out."""
        placed = {key: str(chosen.value) for key, chosen in self._bins.items() if chosen.value}
        if not placed:
            raise AnswerError(say("match.first"))
        return placed

    def clear(self) -> None:
        """Take every item out again."""
        super().clear()
        for chosen in self._bins.values():
            chosen.value = ""
