"""A question as HTML: the parts that a page shows, and the fields of its card for Anki."""

from __future__ import annotations

from ecrlab_course.listening.listener import Heard
from ecrlab_course.listening.marking import heard_words
from ecrlab_course.messages import say
from ecrlab_course.questions.question import KeyPoint, Question
from ecrlab_course.questions.text import places
from ecrlab_course.views.display import escape, markdown, markdown_inline

FIELDS = ("Id", "Head", "Question", "Points", "Weak", "Sources")
FRONT = "<p><small>{{Head}}</small></p>{{Question}}"
BACK = """{{FrontSide}}<hr id="answer">{{Points}}<h4>The weak answer</h4>{{Weak}}
<p><small>{{Sources}}</small></p>"""


def points(question: Question, answer: str = "") -> str:
    """Return the points with their reasons, and the next questions with their answers, as HTML.

    Where an answer was written, each point says what was heard of it.
    """
    heard = question.heard(answer) if answer.strip() else {}
    made = "".join(_point(point, heard.get(point.key)) for point in question.points)
    return f'<ol class="ecr-key-points">{made}</ol>'


def _point(point: KeyPoint, heard: Heard | None) -> str:
    then = ""
    if point.follow_up:
        asked, answer = point.follow_up.question, point.follow_up.answer
        then = (
            f"<p><b>{say('question.follow_up')}</b> {markdown_inline(asked)}<br>"
            f"<b>{say('question.its_answer')}</b> {markdown_inline(answer)}</p>"
        )
    reason = f"<p><b>{say('question.reason')}</b> {markdown_inline(point.reason)}</p>"
    words = f'<p class="ecr-soft">{escape(heard_words(heard))}</p>' if heard else ""
    return f"<li>{markdown(point.text)}{words}{reason}{then}</li>"


def weak(question: Question) -> str:
    """Return the weak answer and why it is weak, as HTML."""
    return f"<blockquote>{markdown(question.weak)}</blockquote>{markdown(question.why_weak)}"


def sources(question: Question) -> str:
    """Return what shows it live, where it was asked and what it rests on, as HTML: a line each."""
    live = [say("question.shown", places=places(question))] if question.shown else []
    return "<br>".join(escape(line) for line in [*live, *question.source_lines])


def fields(question: Question) -> list[str]:
    """Return the Anki card's fields in the order of FIELDS, as HTML."""
    return [
        str(question.number),
        escape(question.head),
        markdown(question.question),
        points(question),
        weak(question),
        sources(question),
    ]
