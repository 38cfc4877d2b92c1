"""Drills and questions as cards for Anki; imported again, they update the cards instead of adding others."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from ecrlab_course.drills.drill import Drill
from ecrlab_course.kinds.free_answer import FollowUp
from ecrlab_course.questions.card import BACK as QUESTION_BACK
from ecrlab_course.questions.card import FIELDS as QUESTION_FIELDS
from ecrlab_course.questions.card import FRONT as QUESTION_FRONT
from ecrlab_course.questions.card import fields as question_fields
from ecrlab_course.questions.question import Question
from ecrlab_course.views.display import escape, markdown, markdown_inline

genanki: Any = import_module("genanki")

# Drawn once; Anki knows models and decks by them.
MODEL = 1735102931
DECK = 1735102932
QUESTION_MODEL = 1735102933
QUESTION_DECK = 1735102934
FIELDS = ("Id", "Head", "Situation", "Question", "Points", "FollowUps", "Model", "Weak", "Task", "Sources")
FRONT = "<p><small>{{Head}}</small></p>{{Situation}}<p><b>{{Question}}</b></p>"
BACK = """{{FrontSide}}<hr id="answer">{{Points}}
<details><summary>And then?</summary>{{FollowUps}}</details>
<h4>A model answer</h4>{{Model}}<h4>The weak answer</h4>{{Weak}}<h4>Show it in the lab</h4>{{Task}}
<p><small>{{Sources}}</small></p>"""
CSS = ".card { font-family: sans-serif; font-size: 18px; text-align: left; max-width: 42em; margin: 1em auto; }"


def _follow_up(item: FollowUp) -> str:
    return f"<p><b>{markdown_inline(item.question)}</b></p>{markdown(item.answer)}"


def fields(drill: Drill) -> list[str]:
    """Return the card's fields in the order of FIELDS, as HTML."""
    points = "".join(f"<li>{markdown(point.text)}</li>" for point in drill.points)
    return [
        drill.id,
        escape(f"{drill.id} · {drill.kind} · {drill.level_words} · lesson {drill.lesson}"),
        markdown(drill.situation),
        markdown(drill.question),
        f"<ul>{points}</ul>",
        "".join(_follow_up(item) for item in drill.follow_ups),
        markdown(drill.model),
        markdown(drill.weak),
        markdown(drill.task),
        escape(f"{'; '.join(drill.sources)}. Read {drill.date}."),
    ]


def export(drills: Iterable[Drill], path: Path, questions: Iterable[Question] = ()) -> int:
    """Write drills and questions to an .apkg file, each in a deck of its own, whole or not at all.

    Returns how many cards it holds. Raises OSError.
    """
    decks = [deck for deck in (_drills(drills), _questions(questions)) if deck.notes]
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        genanki.Package(decks).write_to_file(temporary)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return sum(len(deck.notes) for deck in decks)


def _drills(drills: Iterable[Drill]) -> Any:
    model = genanki.Model(
        MODEL, "ECR Lab drill", fields=[{"name": name} for name in FIELDS],
        templates=[{"name": "Drill", "qfmt": FRONT, "afmt": BACK}], css=CSS,
    )  # fmt: skip
    deck = genanki.Deck(DECK, "ECR Lab drills")
    for drill in drills:
        tags = [f"lesson-{drill.lesson}", f"level-{drill.level_words}", *drill.misconceptions]
        deck.add_note(
            genanki.Note(model=model, fields=fields(drill), guid=genanki.guid_for("ecrlab", drill.id), tags=tags)
        )
    return deck


def _questions(questions: Iterable[Question]) -> Any:
    """Return the deck of questions. A card is known by its question's number, whatever its words become."""
    model = genanki.Model(
        QUESTION_MODEL, "ECR Lab question", fields=[{"name": name} for name in QUESTION_FIELDS],
        templates=[{"name": "Question", "qfmt": QUESTION_FRONT, "afmt": QUESTION_BACK}], css=CSS,
    )  # fmt: skip
    deck = genanki.Deck(QUESTION_DECK, "ECR Lab questions")
    for question in questions:
        guid = genanki.guid_for("ecrlab", "question", question.number)
        tags = [f"topic-{question.topic}", f"level-{question.level}"]
        deck.add_note(genanki.Note(model=model, fields=question_fields(question), guid=guid, tags=tags))
    return deck
