"""A matrix of doors on the page: a row of doors for each person, and each door opens to its reason."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from ecrlab.client import decision_text
from ecrlab_course.documents.matrix import HALF, OPEN, SHUT, Matrix, Stand, counted
from ecrlab_course.messages import say
from ecrlab_course.views import decision
from ecrlab_course.views.display import Shown, breaking, escape

_WIDTH = 28


@cache
def style() -> str:
    """Return the style element of a matrix of doors."""
    css = (files("ecrlab_course.views") / "doors.css").read_text(encoding="utf-8")
    return f"<style>{' '.join(css.split())}</style>"


def shown(matrix: Matrix, stands: Sequence[Stand], missing: Sequence[str] = ()) -> Shown:
    """Return how the doors stand: as text, and on the page as doors that open to IAM's reason.

    Args:
        matrix: who stands before them.
        stands: the doors, in the matrix's order.
        missing: the names of those who are not there yet.
    """
    lines, parts = [], []
    for person in matrix.people:
        own = [stand for stand in stands if stand.door.person == person.name]
        if not own:
            continue
        who = say("matrix.not_there") if person.name in missing else decision_text.short(person.who)
        head = say("matrix.person", name=person.name, right=counted(own), all=len(own))
        lines += ["", f"{head}   ({who})", *map(_line, own)]
        doors = "".join(map(_door, own))
        parts.append(
            f'<section class="ecr-row" aria-label="{escape(head)}"><div><b>{escape(person.name)}</b> '
            f'<span class="ecr-soft"><code>{breaking(who)}</code> · '
            f"{escape(say('matrix.right', right=counted(own), all=len(own)))}</span></div>"
            f'<div class="ecr-doors">{doors}</div></section>'
        )
    total = say("matrix.total", right=counted(stands), all=len(stands))
    text = "\n".join([say("matrix.title"), *lines, "", total])
    return Shown(
        text,
        f'{decision.style()}{style()}<div class="ecr-gate" role="group" aria-label="{escape(say("matrix.title"))}">'
        f'<div class="ecr-soft">{escape(say("matrix.open"))}</div>{"".join(parts)}'
        f'<div class="ecr-status" role="status"><b>{escape(total)}</b></div></div>',
    )


def mark(stand: Stand) -> str:
    """Return the sign and the word of how a door stands, and of how it should where that is not so."""
    word = say({OPEN: "matrix.is_open", HALF: "matrix.is_half", SHUT: "matrix.is_shut"}[stand.state])
    if stand.right:
        return f"✓ {word}"
    return f"✗ {word}, {say('matrix.should_open' if stand.door.wanted else 'matrix.should_shut')}"


def reason(stand: Stand) -> str:
    """Return why a door stands as it does: IAM's decision in one line, and its explanation."""
    answer = stand.answer
    if not answer:
        return say("matrix.nobody")
    return f"{decision_text.headline(answer)}\n{answer['explanation']}"


def why(stands: Sequence[Stand]) -> Shown:
    """Return doors with their reasons, as `lab.matrix(…, "Omar", "pull dev/booking")` shows them."""
    texts = [f"{stand.door.person}: {stand.door.words}: {mark(stand)}\n{reason(stand)}" for stand in stands]
    doors = "".join(_door(stand, opened=True, named=True) for stand in stands)
    return Shown(
        "\n\n".join(texts),
        f'{decision.style()}{style()}<div class="ecr-gate"><div class="ecr-doors">{doors}</div></div>',
    )


def _line(stand: Stand) -> str:
    first, _, more = mark(stand).partition(", ")
    return f"  {first:<12}{stand.door.words:<{_WIDTH}}{f'({more})' if more else ''}".rstrip()


def _door(stand: Stand, opened: bool = False, named: bool = False) -> str:
    kind = "ecr-ok" if stand.right else "ecr-no"
    head, _, rest = reason(stand).partition("\n")
    more = f"<p>{breaking(rest)}</p>" if rest else ""
    who = f"{stand.door.person}: " if named else ""
    return (
        f'<details class="ecr-door {kind}"{" open" if opened else ""}><summary>'
        f"<span>{breaking(who + stand.door.words)}</span> "
        f'<span class="ecr-state">{escape(mark(stand))}</span></summary>'
        f'<div class="ecr-decision"><p><b>{breaking(head)}</b></p>{more}</div></details>'
    )
