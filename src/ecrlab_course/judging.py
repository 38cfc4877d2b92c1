"""How the kinds are judged that need no run: pure functions from what was answered and what is right to a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ecrlab_course.exercises import (
    FreeAnswer,
    Guess,
    Match,
    Option,
    Order,
    ReadError,
    Verdict,
    not_yet,
    passed,
    untouched,
)

CERTAIN = " You were certain: this is the one worth remembering."


def look_back(guess: Guess, record: Mapping[str, Any]) -> Verdict:
    """Judge a first guess when the lesson that answers it has come: what was said then, and what is so."""
    options = {option.key: option for option in guess.options}
    right = options[str(guess.correct)]
    said = options.get(str(record.get("answer")))
    if said is None:
        return untouched(f"You made no guess. It is {right.text}. {right.feedback}".strip())
    sure = {1: ", as a guess", 2: ", fairly sure", 3: ", certain"}.get(record.get("confidence") or 0, "")
    words = f"You said: {said.text}{sure}. It is {right.text}. {right.feedback}".strip()
    if said.key == right.key:
        return passed(words)
    return not_yet(words + (CERTAIN if record.get("confidence") == 3 else ""), said.misconception)


def parts_read(item: ReadError) -> str:
    """Return the error's text piece by piece, each with its meaning (markdown); "" when it is not taken apart."""
    return "\n".join(f"* `{piece}`: {meaning}" for piece, meaning in item.parts)


def read_error(item: ReadError, chosen: Option, right: str, certain: bool) -> Verdict:
    """Judge a chosen cause; the parts are read out once it is the right one."""
    if chosen.key == right:
        return passed("\n\n".join(text for text in (chosen.feedback, parts_read(item)) if text))
    return not_yet((chosen.feedback or "Not this one.") + (CERTAIN if certain else ""), chosen.misconception)


def steps_explained(item: Order, chosen: Sequence[str]) -> str:
    """Return what each step does (markdown): those chosen in their order, then those left out; "" without notes."""
    steps = {step.key: step for step in item.steps if step.note}
    taken = [f"* {steps[key].text}: {steps[key].note}" for key in chosen if key in steps]
    left = [f"* (left out) {step.text}: {step.note}" for key, step in steps.items() if key not in chosen]
    return "\n".join(taken + left)


def misplaced(item: Match, placed: Mapping[str, str], correct: Mapping[str, str]) -> list[str]:
    """Return the keys of the items that are placed where they do not belong, in the order declared."""
    return [part.key for part in item.items if part.key in placed and placed[part.key] != correct[part.key]]


def match(item: Match, placed: Mapping[str, str], correct: Mapping[str, str], certain: bool) -> Verdict:
    """Judge how items were placed: all of them first, then one answer for each that is wrong."""
    if not placed:
        return untouched("Nothing is placed yet.")
    missing = [part.text for part in item.items if part.key not in placed]
    if missing:
        return untouched(f"Kept. Still without a place: {', '.join(missing)}.")
    wrong = misplaced(item, placed, correct)
    if not wrong:
        return passed(f"All {len(item.items)} fit.")
    bins = {place.key: place.text for place in item.bins}
    items = {part.key: part for part in item.items}
    lines = [f"{len(item.items) - len(wrong)} of {len(item.items)} fit.{CERTAIN if certain else ''}", ""]
    for key in wrong:
        said = items[key].miss(placed[key]).feedback or "not here."
        lines.append(f"* {items[key].text} → {bins[placed[key]]}: {said}")
    return not_yet("\n".join(lines), items[wrong[0]].miss(placed[wrong[0]]).misconception)


def words(text: str) -> int:
    """Return how many words a text has."""
    return len(text.split())


def missed(item: FreeAnswer, made: Sequence[str]) -> list[str]:
    """Return the keys of the points that were not made."""
    return [point.key for point in item.points if point.key not in made]


def free_answer(item: FreeAnswer, answer: Mapping[str, Any]) -> Verdict:
    """Judge a free answer: long enough, then every point marked; which of them were made is not judged.

    `answer` holds "text" and, once the points were marked, "made" (their keys).
    """
    text = str(answer.get("text", ""))
    number = words(text)
    if number == 0:
        return untouched("Nothing is written yet. Your own answer comes first; the key points follow.")
    if number < item.fewest_words:
        return not_yet(
            f"Your answer has {number} word{'' if number == 1 else 's'}. It is kept. Say it as to a person who asks "
            f"*why*: {item.fewest_words} words or more, then the key points are shown.",
            "words-not-reasons",
        )
    if "made" not in answer:
        points = "\n".join(f"* `{point.key}`: {point.text}" for point in item.points)
        return untouched(f"Your answer is kept. Which of these points did you make?\n\n{points}")
    left = missed(item, answer["made"])
    lines = [f"You made {len(item.points) - len(left)} of {len(item.points)} points.", ""]
    for point in item.points:
        if point.key in left:
            asked = point.follow_up
            more = f" Then they ask: *{asked.question}* {asked.answer}" if asked else ""
            lines.append(f"* Left out: {point.text}.{more}".replace("..", "."))
    return passed("\n".join([*lines, "", both_answers(item)]))


def both_answers(item: FreeAnswer) -> str:
    """Return the model answer and the weak one (markdown)."""
    return f"**A good answer:** {item.model}\n\n**A weak one:** {item.weak}"
