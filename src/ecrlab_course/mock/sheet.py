"""What an interviewer reads of each part, in Markdown: on the sheet, in the terminal, on the card."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from ecrlab_course.desk.incident import incidents
from ecrlab_course.desk.ticket import dealt
from ecrlab_course.desk.town import RELEASES, RUNNING
from ecrlab_course.drills.drill import Drill
from ecrlab_course.drills.drill_session import clocked
from ecrlab_course.messages import say
from ecrlab_course.mock.interview import Bank
from ecrlab_course.mock.mix import EVIDENCE, INCIDENT, SPOKEN, Slot
from ecrlab_course.mock.partner import Code, check_number
from ecrlab_course.questions.question import KeyPoint, Question


def sheet(bank: Bank, code: Code, parts: Sequence[Slot]) -> str:
    """Return the whole sheet: rules, questions with points to tick, what is asked next, what good answers are."""
    lines = [f"# {title(code, parts)}", "", *(f"- {rule}" for rule in rules()), ""]
    for number, slot in enumerate(parts, 1):
        lines += [f"## {head(number, parts)}", "", part(bank, code, slot), ""]
    return "\n".join(lines)


def title(code: Code, parts: Sequence[Slot]) -> str:
    """Return the sheet's title: its code, and the check number that the candidate's screen shows, too."""
    return say("mock.sheet", code=code, check=check_number(parts))


def rules() -> list[str]:
    """Return the rules for interviewers."""
    return [line.strip() for line in say("mock.rules").splitlines() if line.strip()]


def head(number: int, parts: Sequence[Slot]) -> str:
    """Return the heading of a part, the first of which is number 1: 3/9 · Question · 2:00."""
    slot = parts[number - 1]
    return f"{number}/{len(parts)} · {say(f'mock.part_{slot.kind}')} · {clocked(slot.seconds)}"


def part(bank: Bank, code: Code, slot: Slot) -> str:
    """Return all that an interviewer needs of a part."""
    if slot.kind == EVIDENCE:
        return _evidence(bank.drills[slot.id], slot)
    if slot.kind == INCIDENT:
        return _incident(code, slot)
    if slot.kind not in SPOKEN:
        return say("mock.closing_sheet", question=say("mock.closing"))
    return _question(bank.questions[int(slot.id[1:])])


def _question(question: Question) -> str:
    lines = [f"**{question.question}**", ""]
    for number, point in enumerate(question.points, 1):
        lines += _point(number, point)
    return "\n".join([*lines, "", f"**{say('question.weak')}:** {question.weak}", "", question.why_weak])


def _point(number: int, point: KeyPoint) -> list[str]:
    lines = [f"{number}. ☐ {_one_line(point.text)}"]
    if point.follow_up:
        lines.append(f"    - {say('mock.then_ask')} {_one_line(point.follow_up.question)}")
        lines.append(f"    - {say('mock.then_good')} {_one_line(point.follow_up.answer)}")
    return lines


def _evidence(drill: Drill, slot: Slot) -> str:
    parts = [
        f"{slot.id}: {drill.situation}",
        f"**{say('mock.they_show')}** {drill.task}",
        *_state(drill, slot.seed),
        f"**{say('mock.good_look')}** {drill.model}",
        f"**{say('question.weak')}:** {drill.weak}",
    ]
    return "\n\n".join(parts)


def _state(drill: Drill, seed: str) -> list[str]:
    """Return what is so in the state that was drawn, and what is to be typed where that is known beforehand."""
    named = [each.options[seed] for each in drill.findings if seed in each.options]
    found = [f"**{say('mock.drawn_state')}** {named[0] if named else f'`{seed}`'}"] if seed else []
    tries = [each.answer for each in drill.accepts if (each.seed or drill.seeds[0]) == seed]
    typed = next((each for each in tries if isinstance(each, Mapping) and each), None)
    if typed is not None:
        words = [f"{each.label}: {each.options.get(typed[each.key], f'`{typed[each.key]}`')}"
                 for each in drill.findings if typed.get(each.key)]  # fmt: skip
        found += [f"**{say('mock.they_type')}** {'; '.join(words)}"] if words else []
    return found


def _incident(code: Code, slot: Slot) -> str:
    """Return an incident with the cause that the code draws; what only the built town knows is left as …"""
    incident = incidents()[slot.id]
    key, seed = dealt(incident, code.mix)
    cause = incident.cause(key)
    told = (
        f"{incident.ticket}\n\n`{incident.command}`",
        f"**{say('mock.drawn_cause')}** {cause.text}",
        f"**{say('desk.tell')}:** {cause.tell}",
        f"**{say('desk.fix')}:** {cause.fix}",
    )
    return "\n\n".join([say("mock.they_fix", id=slot.id), *(_told(text, seed) for text in told)])


def _told(text: str, seed: int) -> str:
    known = {"{release}": ":".join(RELEASES[seed]), "{running}": ":".join(RUNNING[seed])}
    return re.sub(r"\{[a-z_]+\}", lambda gap: known.get(gap[0], "…"), text)


def _one_line(text: str) -> str:
    return " ".join(text.split())
