"""The board's page and its words, which stand in content/messages.toml."""

from __future__ import annotations

import re
from importlib.resources import files

from ecrlab_course.messages import messages, say
from ecrlab_course.views.display import escape

_NAMES = (
    "board.count", "board.nobody", "board.joined", "board.connected", "board.lost", "board.in_lesson", "board.why_hand",
    "board.why_tries", "board.why_stuck", "board.why_silent", "board.why_idle", "board.minutes", "board.tried",
    "board.hints", "board.solution", "board.seen", "board.offer", "board.offered", "board.none_waiting", "board.more",
    "board.no_beliefs", "board.holders", "board.holder", "board.done_of", "board.learner", "board.cell_done",
    "board.cell_compared", "board.cell_open", "board.cell_help", "board.matching", "board.away",
    "board.left", "board.no_rows", "board.waiting", "board.believes", "board.everybody", "board.failed",
)  # fmt: skip
"""What the page's script says."""


def words() -> dict[str, str]:
    """Return the words of the page's script by name, with their gaps."""
    known = messages()
    return {name.partition(".")[2]: known[name] for name in _NAMES}


def page(code: str) -> str:
    """Return the page. `code` is the join code that it shows, "" for none."""
    template = (files("ecrlab_course.classroom") / "page" / "board.html").read_text(encoding="utf-8")
    spoken = {
        "title": say("board.title"),
        "needs": say("board.needs"),
        "beliefs": say("board.beliefs"),
        "beliefs_note": say("board.beliefs_note"),
        "exercises": say("board.exercises"),
        "table": say("board.table"),
        "group": say("board.group"),
        "name": say("board.name"),
        "stuck_after": say("board.stuck_after"),
        "projector": say("board.projector"),
        "csv": say("board.csv"),
        "legend": say("board.legend"),
        "skip": say("board.skip"),
        "join": say("board.join", code=code) if code else "",
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda found: escape(spoken[found[1]]), template)
