"""A ticket on paper: what is shown of it, in markdown and as plain text; the card and the terminal show the same."""

from __future__ import annotations

from collections.abc import Sequence

from ecrlab_course.desk.desk import Desk
from ecrlab_course.desk.incident import LINES, NONE
from ecrlab_course.desk.judge import State
from ecrlab_course.desk.judgement_words import said_of
from ecrlab_course.desk.ticket import Ticket
from ecrlab_course.messages import say
from ecrlab_course.views.display import label, plain


def title(ticket: Ticket) -> str:
    """Return the head: Ticket 9-3 · Omar, 03:12."""
    return say("desk.title", name=ticket.name, who=ticket.incident.reporter, time=ticket.time)


def caller(desk: Desk, ticket: Ticket) -> str:
    """Return who runs what: as ops: bash jobs/pull.sh"""
    return say("desk.as", profile=ticket.incident.caller, command=desk.command(ticket))


def minutes(seconds: int) -> str:
    """Return a length of time: 4:07."""
    return f"{seconds // 60}:{seconds % 60:02}"


def so_far(desk: Desk, ticket: Ticket) -> str:
    """Return what was looked at, how long it takes, and what was changed: written, never judged."""
    changed = desk.touched(ticket)
    return say(
        "desk.looked", seen=desk.seen_words(desk.looked(ticket)), rows=len(desk.rows(ticket)),
        time=minutes(ticket.seconds), changed=", ".join(changed) if changed else say("desk.changed_nothing"),
    )  # fmt: skip


def state(ticket: Ticket) -> str:
    """Return how the ticket stands, by the last check; one that was closed stays closed."""
    if ticket.is_closed:
        return say("desk.state_closed")
    return state_words(State(ticket.record.get("state", State.OPEN.value)), bool(ticket.record.get("choice")))


def state_words(found: State, named: bool) -> str:
    """Return a state in words; `named` tells whether a cause was named."""
    return say("desk.state_works_unnamed" if found is State.WORKS and not named else f"desk.state_{found.value}")


def text(desk: Desk, ticket: Ticket) -> str:
    """Return the ticket as plain text."""
    chosen = desk.chosen(ticket)
    lines = [f"{title(ticket)} · {state(ticket)}", "", label(desk.told(ticket, ticket.incident.ticket)), ""]
    lines += [caller(desk, ticket), so_far(desk, ticket), "", say("desk.which")]
    for choice in desk.choices(ticket):
        mark = ">" if choice.key == chosen else " "
        lines.append(f" {mark} {choice.letter}  {label(desk.told(ticket, choice.text))}")
    return "\n".join(lines)


def where(desk: Desk, tickets: Sequence[Ticket]) -> str:
    """Return where the jobs are, and how a shell becomes each one for whom a command fails (markdown)."""
    places: dict[str, list[str]] = {}
    for place, each in enumerate(tickets, 1):
        places.setdefault(each.incident.caller, []).append(str(place))
    key = "desk.shell" if len(tickets) == 1 else "desk.shell_of"
    shells = [say(key, who=becoming(who), places=", ".join(held), profile=who) for who, held in places.items()]
    return say("desk.where", folder=desk.folder, shells="; ".join(shells))


def becoming(profile: str) -> str:
    """Return whom a shell becomes with that profile: Omar, the robot, the administrator."""
    return say("desk.administrator") if profile == "admin" else said_of(profile)


def after(desk: Desk, ticket: Ticket) -> list[tuple[str, str]]:
    """Return what is said once a ticket is closed, each with its heading (markdown)."""
    cause = ticket.incident.cause(ticket.dealt[0])
    found = [(say("desk.now"), f"{desk.told(ticket, ticket.incident.fixed)} {closed_words(ticket)}")]
    if cause.key == NONE:
        decoys = [f"- *{each.text}* {each.tell}" for each in ticket.incident.causes if each.key != NONE]
        found.append((say("desk.why_nothing"), desk.told(ticket, "\n".join([cause.tell, "", *decoys]))))
    else:
        found.append((say("desk.tell"), desk.told(ticket, cause.tell)))
        found.append((say("desk.fix"), desk.told(ticket, cause.fix)))
    return found


def closed_words(ticket: Ticket) -> str:
    """Return how long it took, in a sentence without a judgement."""
    if ticket.record.get("shown"):
        return say("desk.closed_shown")
    return say(
        "desk.closed", time=minutes(ticket.seconds), checks=ticket.checks, hints=ticket.hints, causes=ticket.causes
    )


def postmortem(desk: Desk, ticket: Ticket) -> str:
    """Return the learner's five lines with their ticks, and ours beside them once the ticket is closed (plain text)."""
    mine, ticks = desk.postmortem(ticket)
    ours = desk.ours(ticket) if ticket.is_closed else dict.fromkeys(LINES, "")
    lines: list[str] = [f"{say('desk.postmortem')} · {title(ticket)}"]
    for line in LINES:
        lines += [
            "",
            f"{'✓' if line in ticks else '○'} {say(key_of(line))}",
            f"    {say('desk.yours')}: {mine[line] or '-'}",
        ]
        if ours[line]:
            lines.append(f"    {say('desk.ours')}: {plain(ours[line])}")
    if not ticket.is_closed:
        lines += ["", say("desk.ours_later")]
    return "\n".join(lines)


def key_of(line: str) -> str:
    """Return the message of a postmortem's line."""
    return f"desk.line_{argument_of(line)}"


def argument_of(line: str) -> str:
    """Return the name of a postmortem's line in `lab.postmortem(...)`."""
    return line.lower().replace(" ", "_")


def tick_of(line: str) -> str:
    """Return the message of what a line's tick stands for."""
    return f"desk.tick_{argument_of(line)}"


def overview(tickets: Sequence[Ticket]) -> str:
    """Return the tickets of a night shift, a line each."""
    return "\n".join(f"{place}  {title(each)} · {state(each)}" for place, each in enumerate(tickets, 1))
