"""The drills as a deck of cards for Anki; imported again, it updates the cards instead of adding others."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

from ecrlab_course.drills.drill import Drill
from ecrlab_course.kinds.free_answer import FollowUp
from ecrlab_course.views.display import escape, markdown, markdown_inline

genanki: Any = import_module("genanki")

# Drawn once; Anki knows model and deck by them.
MODEL = 1735102931
DECK = 1735102932
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


def export(drills: Iterable[Drill], path: Path) -> int:
    """Write the drills to an .apkg file, whole or not at all; return how many cards it holds. Raises OSError."""
    model = genanki.Model(
        MODEL, "ECR Lab drill", fields=[{"name": name} for name in FIELDS],
        templates=[{"name": "Drill", "qfmt": FRONT, "afmt": BACK}], css=CSS,
    )  # fmt: skip
    deck = genanki.Deck(DECK, "ECR Lab drills")
    count = 0
    for drill in drills:
        tags = [f"lesson-{drill.lesson}", f"level-{drill.level_words}", *drill.misconceptions]
        deck.add_note(
            genanki.Note(model=model, fields=fields(drill), guid=genanki.guid_for("ecrlab", drill.id), tags=tags)
        )
        count += 1
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    try:
        genanki.Package(deck).write_to_file(temporary)
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return count
