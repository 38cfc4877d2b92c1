"""What a check says, in words: for the caller, for everybody else, the cause."""

from __future__ import annotations

from ecrlab_course.desk.desk import Desk
from ecrlab_course.desk.judge import Judgement, State
from ecrlab_course.desk.ticket import Ticket
from ecrlab_course.messages import fill, say


def lines(desk: Desk, ticket: Ticket, found: Judgement) -> list[str]:
    """Return what a check says, in three lines (markdown): for the caller, for everybody else, the cause."""
    return [_caller(desk, ticket, found), _others(found), _cause(found)]


def _caller(desk: Desk, ticket: Ticket, found: Judgement) -> str:
    who = say(f"desk.person_{ticket.incident.caller}")
    if found.caller is None:
        if found.ran is not None:
            return say("desk.caller_right", who=said_of(ticket.incident.caller))
        return say("desk.caller_alarm" if found.others is None else "desk.still_changed")
    if found.caller.message:
        return say(found.caller.message, who=who, **found.caller.gaps)
    text = desk.told(ticket, ticket.incident.open_texts[found.caller.name])
    return say("desk.caller_open", who=who, text=fill(text, found.caller.gaps))


def _others(found: Judgement) -> str:
    if found.others is None:
        return say("desk.others_right")
    gaps = dict(found.others.gaps)
    if "who" in gaps:
        gaps["who"] = person_words(gaps["who"])
    if gaps.get("resource") == "*":
        gaps["resource"] = say("desk.everywhere")
    text = say(found.others.message, **gaps)
    return say("desk.others_open", text=text[0].upper() + text[1:])


def person_words(name: str) -> str:
    """Return a principal in words: Dara (`user/developer`), or the name as code where nobody of the story has it."""
    known = ("developer", "ci", "ops", "auditor", "partner", "third")
    if name not in known:
        return f"`{name}`"
    person = said_of(name)
    return person if name in ("partner", "third") else f"{person} (`user/{name}`)"


def said_of(profile: str) -> str:
    """Return a person as a sentence says it: Omar, the robot, you."""
    words = say(f"desk.person_{profile}")
    return words if profile in ("developer", "ops", "auditor") else words[0].lower() + words[1:]


def _cause(found: Judgement) -> str:
    if not found.chosen:
        return say("desk.cause_none_works" if found.fixed else "desk.cause_none")
    if found.state is State.UNDERSTOOD and found.caller is None:
        return say("desk.cause_understood_others")
    return say(f"desk.cause_{found.state.value}")
