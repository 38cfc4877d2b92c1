"""Options to choose one of, as choices, predictions, guesses and errors have them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from ecrlab_course.documents.attempts import Attempt
from ecrlab_course.documents.option import Option, by_key
from ecrlab_course.documents.verdict import Verdict, not_yet
from ecrlab_course.kinds.entry import AnswerError, Entry
from ecrlab_course.kinds.inputs import WIDE, Inputs, sure, ui
from ecrlab_course.messages import say
from ecrlab_course.views.display import escape, label, plain

Act = Callable[[Any], object]


def chosen_of(options: Sequence[Option], entry: Entry) -> Option | None:
    """Return the option that the learner chose; None when none is chosen."""
    return by_key(options).get(str(entry.answer))


def check_key(identifier: str, options: Sequence[Option], answer: Any) -> None:
    """Raise AnswerError when the answer is not the key of an option."""
    keys = list(by_key(options))
    if answer not in keys:
        raise AnswerError(say("options.wanted", id=identifier, keys=", ".join(keys), seen=repr(answer)))


def missed(option: Option, certain: bool) -> Verdict:
    """Return the verdict about a wrong option."""
    words = option.feedback or say("options.no")
    return not_yet(words + (certain_words() if certain else ""), option.misconception)


def certain_words() -> str:
    """Return what is added when the first answer was wrong and given as certain."""
    return " " + say("sure.certain_miss")


def option_lines(options: Sequence[Option]) -> list[str]:
    """Return the options for the text form."""
    return [f"  {option.key}  {plain(option.text)}" for option in options]


def listed(parts: Sequence[tuple[str, str]]) -> str:
    """Return keys with their texts as an HTML list."""
    inside = "".join(f"<li><b>{escape(key)}</b> {escape(plain(text))}</li>" for key, text in parts)
    return f"<ul>{inside}</ul>" if inside else ""


def option_html(options: Sequence[Option]) -> str:
    """Return the options for a page where nothing runs."""
    return listed([(option.key, option.text) for option in options])


def call(identifier: str, wanted: str, how_sure: bool = False) -> str:
    """Return the line that answers in text form."""
    if not how_sure:
        return say("card.answer", id=identifier, wanted=wanted)
    words = ", ".join(f"{number} {word}" for number, word in sure().items())
    return say("card.answer", id=identifier, wanted=f"{wanted}, confidence=2") + f"   ({words})"


def wrong_options(options: Sequence[Option], tried: Sequence[Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the wrong options that no attempt chooses, as `Exercise.wrong` does."""
    for option in options:
        if option.misconception and option.key not in tried:
            yield f"“{option.text}”", option.misconception, option.feedback


def said_of(options: Sequence[Option], attempt: Attempt) -> str:
    """Return what the option that an attempt chooses is answered with; "" when it chooses none."""
    option = by_key(options).get(attempt.answer) if isinstance(attempt.answer, str) else None
    return option.feedback if option is not None else ""


def accepted(options: Sequence[Option], right: str, do: Act | None = None) -> tuple[Attempt, ...]:
    """Return the attempts at the right option: at once, and after a wrong one (with `do`: guessed, and certain)."""
    option = by_key(options).get(right)
    if option is None:
        return ()
    name = f"“{option.text}”"
    if do is not None:
        certain = say("options.try_certain", option=name)
        return Attempt(name, do, right, confidence=1), Attempt(certain, do, right, confidence=3)
    wrong = next((each.key for each in options if each.key != right), None)
    return Attempt(name, answer=right), Attempt(say("options.try_after", option=name), answer=right, first=wrong)


def rejected(
    options: Sequence[Option], right: str, do: Act | None = None, certain: bool = False
) -> tuple[Attempt, ...]:
    """Return the attempts at every wrong option; with `certain` the first of them once more, given as certain."""
    found = [
        Attempt(
            f"“{option.text}”", do, option.key, misconception=option.misconception, says=option.feedback,
            said=option.feedback,
        )
        for option in options
        if option.key != right
    ]  # fmt: skip
    if certain and found:
        first = found[0]
        sure = replace(
            first, name=say("options.try_certain", option=first.name), confidence=3, says=say("sure.certain_miss")
        )
        found.append(sure)
    return tuple(found)


def named_apart(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """Return the attempts, those of a name that was there before with a number behind it."""
    found: list[Attempt] = []
    for attempt in attempts:
        same = sum(1 for each in attempts[: len(found)] if each.name == attempt.name)
        found.append(replace(attempt, name=f"{attempt.name}, {same + 1}") if same else attempt)
    return tuple(found)


class OptionInputs(Inputs):
    """Radio buttons; where it matters also how sure the learner is.

    `settled` tells whether the answer stands for good: then the buttons show what is kept.
    """

    def __init__(
        self,
        entry: Entry,
        options: Sequence[Option],
        name: str,
        how_sure: bool,
        settled: Callable[[], bool] = lambda: False,
        above: str = "",
    ) -> None:
        super().__init__(entry)
        self._settled = settled
        if above:
            self.parts.append(ui().HTML(above))
        kept = entry.answer
        self._choice = ui().RadioButtons(
            options=[(label(option.text), option.key) for option in options],
            value=kept if kept in by_key(options) else None,
            description=name,
            style=WIDE,
        )
        self.parts.append(self._choice)
        if how_sure:
            self.ask_how_sure()

    def read(self) -> str:
        """Return the key of the chosen option."""
        if self._choice.value is None:
            raise AnswerError(say("options.first"))
        return str(self._choice.value)

    def refresh(self) -> None:
        """Show the answer that stands for good."""
        if self._settled():
            self._choice.value = self.entry.answer
            self.show_how_sure()

    def clear(self) -> None:
        """Choose nothing."""
        super().clear()
        self._choice.value = None
