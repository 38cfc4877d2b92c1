"""One refusal as each engine prints it, side by side."""

from __future__ import annotations

from ecrlab_course.documents.lab_view import Engine
from ecrlab_course.messages import say
from ecrlab_course.toolbox.refusals import ENGINES, Refusal
from ecrlab_course.views import display


def side_by_side(refusal: Refusal, engine: Engine) -> display.Shown:
    """Return what this refusal reads like with the lab's own engine, and with the other ones that people have."""
    own = refusal.prints[engine]
    rows = [(say("refused.yours", engine=ENGINES[engine]), _quoted(refusal, engine))]
    rows += [
        (name, _quoted(refusal, other))
        for other, name in ENGINES.items()
        if other not in (engine, "standin") and refusal.prints[other] != own
    ]
    return display.table(
        (say("refused.engine"), say("refused.prints")),
        rows,
        say("refused.caption", what=refusal.what),
    )


def _quoted(refusal: Refusal, engine: Engine) -> str:
    return f"`{refusal.text(engine)}`"
