"""The board's page and its words, which stand in content/messages.toml."""

from __future__ import annotations

import re
from importlib.resources import files

from ecrlab_course.messages import messages, say
from ecrlab_course.views.display import escape

_NAMES = (
    "class-board.count",
    "class-board.nobody",
    "class-board.joined",
    "class-board.connected",
    "class-board.lost",
    "class-board.in_lesson",
    "class-board.why_hand",
    "class-board.why_tries",
    "class-board.why_stuck",
    "class-board.why_silent",
    "class-board.why_idle",
    "class-board.minutes",
    "class-board.tried",
    "class-board.hints",
    "class-board.solution",
    "class-board.seen",
    "class-board.offer",
    "class-board.offered",
    "class-board.none_waiting",
    "class-board.more",
    "class-board.no_beliefs",
    "class-board.holders",
    "class-board.holder",
    "class-board.done_of",
    "class-board.learner",
    "class-board.cell_done",
    "class-board.cell_compared",
    "class-board.cell_open",
    "class-board.cell_help",
    "class-board.matching",
    "class-board.away",
    "class-board.left",
    "class-board.no_rows",
    "class-board.waiting",
    "class-board.believes",
    "class-board.everybody",
    "class-board.failed",
)
"""What the page's script says."""


def words() -> dict[str, str]:
    """Return the words of the page's script by name, with their gaps."""
    known = messages()
    return {name.partition(".")[2]: known[name] for name in _NAMES}


def page(code: str) -> str:
    """Return the page. `code` is the join code that it shows, "" for none."""
    template = (files("ecrlab_course.classroom") / "page" / "board.html").read_text(encoding="utf-8")
    spoken = {
        "title": say("class-board.title"),
        "needs": say("class-board.needs"),
        "beliefs": say("class-board.beliefs"),
        "beliefs_note": say("class-board.beliefs_note"),
        "exercises": say("class-board.exercises"),
        "table": say("class-board.table"),
        "group": say("class-board.group"),
        "name": say("class-board.name"),
        "stuck_after": say("class-board.stuck_after"),
        "projector": say("class-board.projector"),
        "csv": say("class-board.csv"),
        "legend": say("class-board.legend"),
        "skip": say("class-board.skip"),
        "join": say("class-board.join", code=code) if code else "",
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: escape(spoken[found[1]]), template)
