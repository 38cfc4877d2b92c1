"""A question as plain text, for terminals, tests and pages where nothing runs; and a list of questions."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from ecrlab_course.listening.marking import heard_words
from ecrlab_course.messages import say
from ecrlab_course.questions.question import KeyPoint, Question
from ecrlab_course.views.display import Shown, plain, table

WIDTH = 100


def asked(question: Question) -> str:
    """Return the question under its number, topic and level; nothing of an answer."""
    return "\n".join([question.head, "", *_wrapped(question.question)])


def answered(question: Question, answer: str = "") -> str:
    """Return what is read after an answer of one's own: the points with reasons and follow-ups, and the weak answer.

    Where the answer was written, each point says what was heard of it.
    """
    lines, heard = [say("question.points")], question.heard(answer) if answer.strip() else {}
    for number, point in enumerate(question.points, 1):
        lines += _point(number, point)
        if point.key in heard:
            lines += _wrapped(heard_words(heard[point.key]), "   ")
    lines += ["", say("question.weak"), *_wrapped(f"“{_unquoted(question.weak)}”", "  ")]
    lines += _wrapped(f"{say('question.why_weak')} {question.why_weak}", "  ")
    lines += ["", *_ends(question)]
    return "\n".join(lines)


def listing(found: Iterable[Question]) -> Shown:
    """Return questions as a table: number, topic, level, question."""
    head = (say("question.number"), say("question.topic"), say("question.level"), say("question.question"))
    return table(head, [(str(each.number), each.topic, each.level, plain(each.question)) for each in found])


def title(question: Question, width: int = 90) -> str:
    """Return the question's number and first words on one line of at most `width` characters."""
    return textwrap.shorten(f"{question.number}  {plain(question.question)}", width, placeholder=" …")


def _unquoted(text: str) -> str:
    return text.strip("“” ")


def _point(number: int, point: KeyPoint) -> Iterator[str]:
    yield ""
    yield from _wrapped(point.text, "   ", f"{number}. ")
    yield from _wrapped(f"{say('question.reason')} {point.reason}", "   ")
    if point.follow_up:
        yield from _wrapped(f"{say('question.follow_up')} {point.follow_up.question}", "   ")
        yield from _wrapped(f"{say('question.its_answer')} {point.follow_up.answer}", "   ")


def _ends(question: Question) -> Iterator[str]:
    if question.shown:
        yield say("question.shown", places=places(question))
    for line in question.source_lines:
        yield from _wrapped(line)


def places(question: Question) -> str:
    """Return what shows the question live, in words: lesson 01, lab 02, drill d06."""
    words = []
    for place in question.shown:
        kind = "lab" if place.startswith("lab-") else "drill" if place.startswith("d") else "lesson"
        words.append(say(f"question.in_{kind}", id=place.removeprefix("lab-")))
    return ", ".join(words)


def _wrapped(text: str, indent: str = "", first: str | None = None) -> list[str]:
    """Return markdown as plain lines; each line of it is wrapped for itself, so that a list stays one."""
    found: list[str] = []
    for line in plain(text).splitlines():
        begin = indent if first is None or found else first
        wrapped = textwrap.wrap(
            line, WIDTH, initial_indent=begin, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
        )
        found += wrapped or [""]
    return found
