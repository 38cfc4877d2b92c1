"""Questions in a terminal: one after the other; Enter shows the points, Enter asks the next one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ecrlab_course.messages import say
from ecrlab_course.questions.question import Question
from ecrlab_course.questions.text import answered, asked


def ask(
    found: Sequence[Question], show: Callable[[str], object], key: Callable[[str], str], points: bool = False
) -> None:
    """Ask each question; `key` waits for a line (it raises EOFError at the end), and q ends it.

    A line that is an answer is listened to: each point says what was heard of it.

    `points` shows the points at once, without waiting for Enter.
    """
    for number, question in enumerate(found, 1):
        show(f"{asked(question)}\n")
        answer = "" if points else key(say("question.press_points")).strip()
        if answer.lower() == "q":
            return
        show(f"\n{answered(question, answer)}\n")
        if number < len(found) and key(say("question.press_next", left=len(found) - number)).strip().lower() == "q":
            return
