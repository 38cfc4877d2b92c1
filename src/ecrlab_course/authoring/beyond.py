"""Beyond what was asked for: what a judge of rights asks, in two lines.

    WANTED = Wanted("ops", (Grant(PULL, arn(APP)), Grant("ecr:GetAuthorizationToken")))
    found = beyond(lab, WANTED)

Where the prompt asks for the least, `found.wider` fails; elsewhere it passes with `found.text` as the remark.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ecrlab.policy.wanted import Grant, Wanted
from ecrlab_course.documents.lab_view import LabView

__all__ = ["Beyond", "Grant", "Wanted", "beyond"]


@dataclass(frozen=True)
class Beyond:
    """What principals may do beyond a wish; the words are one witness's, the one that tells most.

    ``verdict`` is "nothing wider", "wider" or "cannot tell". Of the witness (all "" without one): ``who`` may do
    ``action`` on ``on``; ``differs`` is what nobody asked for ("principal", "service", "action", "region", "account",
    "resource" or "condition"); ``half`` is "" when it is allowed, else the side that alone says yes: "identity" or
    "resource"; ``statement`` (its Sid in quotes, or "number 2") of ``place`` ("the identity-based policy pull of user
    ops") opens it, with the action written as ``written``; ``text`` says all of this. ``remarks`` are sentences about
    what is written wider and opens nothing. ``missing`` is what was wanted and is refused, each with who, action,
    resource, reason and explanation. ``why`` says what could not be told.
    """

    verdict: str
    who: str
    action: str
    on: str
    differs: str
    half: str
    statement: str
    place: str
    written: str
    text: str
    remarks: tuple[str, ...]
    missing: tuple[Mapping[str, Any], ...]
    why: str
    count: int
    """How many witnesses were found."""
    tried: int
    """How many requests were decided."""
    whole: Mapping[str, Any]
    """The statement that opens it, as JSON; {} without a witness."""
    pattern: str
    """The statement's Resource that fits the witness, as written; "" where it names none."""
    principal: str
    """The witness's ARN."""

    @property
    def wider(self) -> bool:
        """Tell whether something is open that nobody asked for."""
        return self.verdict == "wider"

    @property
    def exactly(self) -> bool:
        """Tell whether all that was wanted is there, and nothing else."""
        return self.verdict == "nothing wider" and not self.missing


def beyond(lab: LabView, wanted: Wanted) -> Beyond:
    """Return what the principals of a wish may do beyond it, and whom else its repositories and roles let in.

    Raises:
        LabError: when the wish names somebody or something that there is not.
    """
    found = lab.control.beyond(wanted.to_json())
    surplus: Mapping[str, Any] = found["surplus"] or {}
    statement: Mapping[str, Any] = surplus.get("statement") or {}
    return Beyond(
        verdict=found["verdict"],
        who=surplus.get("who", ""),
        action=surplus.get("action", ""),
        on=surplus.get("on", ""),
        differs=surplus.get("differs", ""),
        half=surplus.get("half", ""),
        statement=statement.get("label", ""),
        place=statement.get("in", ""),
        written=surplus.get("written", {}).get("action", ""),
        text=surplus.get("text", ""),
        remarks=tuple(each["text"] for each in found["remarks"]),
        missing=tuple(found["missing"]),
        why=found["why"],
        count=int(found["count"]),
        tried=int(found["tried"]),
        whole=statement.get("json") or {},
        pattern=surplus.get("written", {}).get("resource", ""),
        principal=surplus.get("principal", ""),
    )
