"""What a learner fills in on an exercise's card, kind by kind: native inputs, each with a name of its own."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

from ecrlab_course import judging
from ecrlab_course.display import escape, markdown, plain
from ecrlab_course.exercises import (
    BuildCommand,
    Choice,
    Exercise,
    FixFile,
    FreeAnswer,
    Guess,
    Match,
    Order,
    Predict,
    ReadError,
)
from ecrlab_course.session import SURE, AnswerError, Session

ipywidgets: Any = import_module("ipywidgets")

WIDE = {"description_width": "initial"}


class Inputs:
    """The inputs of one exercise: none for work that is done in the lab itself.

    `parts` are the widgets in their order; `read` returns the answer as `Session.answer` takes it.
    """

    def __init__(self, session: Session, item: Exercise | Guess) -> None:
        self.session = session
        self.id = item.id
        self.parts: list[Any] = []
        self._sure: Any = None

    def read(self) -> Any:
        """Return what was filled in; raise AnswerError when something has to be filled in first."""
        raise AnswerError("Work in the lab itself, then check.")

    def clear(self) -> None:
        """Show the inputs as they were at first."""
        if self._sure is not None:
            self._sure.value = 2

    def refresh(self) -> None:
        """Follow what the session knows now."""

    @property
    def confidence(self) -> int | None:
        """How sure the learner is, 1 to 3; None where that is not asked."""
        return int(self._sure.value) if self._sure is not None else None

    def ask_how_sure(self) -> None:
        """Add the question how sure the learner is."""
        self._sure = ipywidgets.RadioButtons(
            options=[(word, number) for number, word in SURE.items()],
            value=self.session.record(self.id).get("confidence") or 2,
            description="How sure are you?",
            style=WIDE,
        )
        self._sure.add_class("ecr-sure")
        self.parts.append(self._sure)


class Gaps(Inputs):
    """The gaps of a command, and the command as they make it."""

    def __init__(self, session: Session, item: BuildCommand) -> None:
        super().__init__(session, item)
        self.item = item
        self._fields: dict[str, Any] = {}
        self._preview = ipywidgets.HTML()
        kept = session.record(item.id).get("answer") or {}
        for part in item.fields:
            value = kept.get(part.name, part.default)
            if part.options is None:
                field: Any = ipywidgets.Text(value=value, description=part.label, continuous_update=False, style=WIDE)
                field.layout.width = f"{part.width * 8 + len(part.label) * 8 + 50}px"
                field.layout.max_width = "100%"
            else:
                value = value if value in part.options else part.options[0]
                field = ipywidgets.Dropdown(options=part.options, value=value, description=part.label, style=WIDE)
            field.observe(lambda _change: self._show(), "value")
            self._fields[part.name] = field
        row = ipywidgets.Box(list(self._fields.values()))
        row.add_class("ecr-fields")
        self._show()
        self.parts = [row, self._preview]

    def _show(self) -> None:
        command = self.item.command({name: field.value or "…" for name, field in self._fields.items()})
        self._preview.value = f"<pre>{escape(command)}</pre>"

    def read(self) -> dict[str, str]:
        """Return the fields' values by name."""
        return {name: field.value for name, field in self._fields.items()}

    def clear(self) -> None:
        """Put the defaults back."""
        for part in self.item.fields:
            self._fields[part.name].value = part.default if part.options is None else part.options[0]


class Options(Inputs):
    """One of several options; for predictions and errors also how sure the learner is."""

    def __init__(self, session: Session, item: Choice | Predict | Guess | ReadError) -> None:
        super().__init__(session, item)
        if isinstance(item, ReadError):
            failure = session.failure(item.id)
            said = f"$ {failure.command}\n{failure.output.strip()}"
            self.parts.append(ipywidgets.HTML(f"<pre>{escape(said)}</pre>"))
        options = session.options(item.id)
        kept = session.record(item.id).get("answer")
        names = {Choice: "Your answer", ReadError: "Which cause fits?"}
        self._choice = ipywidgets.RadioButtons(
            options=[(plain(option.text), option.key) for option in options],
            value=kept if kept in {option.key for option in options} else None,
            description=names.get(type(item), "Your guess"),
            style=WIDE,
        )
        self.parts.append(self._choice)
        if isinstance(item, Predict | ReadError) or (isinstance(item, Guess) and item.confidence):
            self.ask_how_sure()

    def read(self) -> str:
        """Return the key of the chosen option."""
        if self._choice.value is None:
            raise AnswerError("Choose an option first.")
        return str(self._choice.value)

    def clear(self) -> None:
        """Choose nothing."""
        super().clear()
        self._choice.value = None


class Places(Inputs):
    """The steps of an Order, each with a number to choose, and the order that the numbers make."""

    def __init__(self, session: Session, item: Order) -> None:
        super().__init__(session, item)
        self.item = item
        self._preview = ipywidgets.HTML()
        order = list(session.record(item.id).get("answer") or ())
        numbers = [("left out", 0), *((str(number), number) for number in range(1, len(item.steps) + 1))]
        self._places = {
            step.key: ipywidgets.Dropdown(
                options=numbers,
                value=order.index(step.key) + 1 if step.key in order else 0,
                description=plain(step.text),
                style=WIDE,
            )
            for step in item.steps
        }
        for place in self._places.values():
            place.observe(lambda _change: self._show(), "value")
        rows = ipywidgets.VBox(list(self._places.values()))
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
            raise AnswerError(f"Two steps have the number {double[0]}. Give each its own.")
        return taken

    def clear(self) -> None:
        """Leave every step out."""
        for place in self._places.values():
            place.value = 0


class Sorting(Inputs):
    """The items of a Match, each with a bin to choose, and how sure the learner is."""

    def __init__(self, session: Session, item: Match) -> None:
        super().__init__(session, item)
        placed = session.record(item.id).get("answer") or {}
        bins = [("choose", ""), *((plain(place.text), place.key) for place in item.bins)]
        keys = {place.key for place in item.bins}
        self._bins = {
            part.key: ipywidgets.Dropdown(
                options=bins,
                value=placed[part.key] if placed.get(part.key) in keys else "",
                description=plain(part.text),
                style=WIDE,
            )
            for part in item.items
        }
        rows = ipywidgets.VBox(list(self._bins.values()))
        rows.add_class("ecr-rows")
        self.parts = [rows]
        self.ask_how_sure()

    def read(self) -> dict[str, str]:
        """Return the bins by item; items without one are left out."""
        placed = {key: str(chosen.value) for key, chosen in self._bins.items() if chosen.value}
        if not placed:
            raise AnswerError("Choose a place for each first.")
        return placed

    def clear(self) -> None:
        """Take every item out again."""
        super().clear()
        for chosen in self._bins.values():
            chosen.value = ""


class Text(Inputs):
    """A text area. What is typed is kept as a draft at once, so that it outlives the kernel."""

    def __init__(self, session: Session, item: FixFile | FreeAnswer, name: str, rows: int) -> None:
        super().__init__(session, item)
        self._area = ipywidgets.Textarea(
            value=session.text(item.id), description=name, rows=rows, continuous_update=False, style=WIDE
        )
        self._area.observe(lambda _change: self._keep(), "value")
        box = ipywidgets.VBox([self._area])
        box.add_class("ecr-written")
        if isinstance(item, FixFile):
            box.add_class("ecr-file")
        self.parts = [box]

    def _keep(self) -> None:
        if self._area.value != self.session.text(self.id):
            self.session.draft(self.id, self._area.value)

    def read(self) -> str:
        """Return the text as it stands."""
        if not self._area.value.strip():
            raise AnswerError("Nothing is written yet.")
        return str(self._area.value)

    def clear(self) -> None:
        """Show the text that the session has after a reset."""
        self._area.value = self.session.text(self.id)


class OwnWords(Text):
    """An answer in the learner's own words; once it is kept, the key points to tick.

    `act` is called with what to do when the ticks are confirmed: the answer that `Session.answer` takes.
    """

    def __init__(self, session: Session, item: FreeAnswer, act: Callable[[Any], None]) -> None:
        super().__init__(session, item, "Your own answer", rows=6)
        self.item = item
        made = (session.record(item.id).get("answer") or {}).get("made", [])
        self._ticks = {
            point.key: ipywidgets.Checkbox(
                value=point.key in made, description=plain(point.text), indent=False, style=WIDE
            )
            for point in item.points
        }
        done = ipywidgets.Button(description="I made these points")
        done.add_class("ecr-primary")
        done.on_click(lambda _button: act(self._marked))
        bar = ipywidgets.Box([done])
        bar.add_class("ecr-buttons")
        title = ipywidgets.HTML('<div class="ecr-soft">Tick the points that your answer makes.</div>')
        self._points = ipywidgets.VBox([title, *self._ticks.values(), bar])
        self._points.add_class("ecr-points")
        self.refresh()

    def _marked(self) -> dict[str, Any]:
        return {"made": [key for key, tick in self._ticks.items() if tick.value]}

    @property
    def points(self) -> Any:
        """The key points with their button: hidden until an answer of some length is kept."""
        return self._points

    def refresh(self) -> None:
        """Show the key points once the answer is kept."""
        kept = (self.session.record(self.id).get("answer") or {}).get("text", "")
        self._points.layout.display = None if judging.words(kept) >= self.item.fewest_words else "none"

    def clear(self) -> None:
        """Take the ticks away; the text stays."""
        super().clear()
        for tick in self._ticks.values():
            tick.value = False
        self.refresh()


def inputs(session: Session, item: Exercise | Guess, act: Callable[[Any], None]) -> Inputs:
    """Return the inputs of an exercise's kind. `act` carries out a second answer (FreeAnswer: the ticks)."""
    if isinstance(item, BuildCommand):
        return Gaps(session, item)
    if isinstance(item, Order):
        return Places(session, item)
    if isinstance(item, Match):
        return Sorting(session, item)
    if isinstance(item, FixFile):
        return Text(session, item, item.file, rows=min(max(len(item.start.splitlines()) + 2, 6), 24))
    if isinstance(item, FreeAnswer):
        return OwnWords(session, item, act)
    if isinstance(item, Choice | Predict | Guess | ReadError):
        return Options(session, item)
    return Inputs(session, item)
