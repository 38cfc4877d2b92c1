"""Is it fixed? Three lines, always in this order: for the caller, for everybody else, the cause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from ecrlab_course.desk.incident import NONE
from ecrlab_course.desk.town import Open, Ran
from ecrlab_course.desk.world import Bounds, Found, Party, differences, snapshot, tightened


class State(StrEnum):
    """How a ticket stands."""

    OPEN = "open"
    WORKS = "works"
    """Fixed, and the cause is not named, or another one."""
    UNDERSTOOD = "understood"
    """The cause is right, and it is not fixed."""
    CLOSED = "closed"


@dataclass(frozen=True)
class Judgement:
    """What a check found. `caller` and `others` are the first thing that is not as it should be, None when all is."""

    caller: Found | None
    others: Found | None
    chosen: str
    right: bool
    ran: Ran | None
    """What the ticket's command did; None where it was not run."""

    @property
    def fixed(self) -> bool:
        """Whether it works for the caller, and nobody else gained or lost."""
        return self.caller is None and self.others is None

    @property
    def state(self) -> State:
        """How the ticket stands."""
        if self.fixed:
            return State.CLOSED if self.right else State.WORKS
        return State.UNDERSTOOD if self.right else State.OPEN

    @property
    def names(self) -> tuple[str, ...]:
        """The verdicts that are shown: at most one about the caller, one about everybody else."""
        return tuple(found.name for found in (self.caller, self.others) if found)


def judge(party: Party, others: Sequence[Party], held: Bounds, chosen: str) -> Judgement:
    """Run the ticket's command as its caller, look at the town, and say how the ticket stands.

    `chosen` is the cause that the learner names, "" for none. The state is read before the incident's own checks, which
    may push, run the command again and move the clock forward. While something is open for the caller, what the seed
    shut or opened may be why: to name it would give the cause away, and blame the learner for it.
    """
    if party.incident.is_alarm:
        return _judge_alarm(party, others, held, chosen)
    town = party.town
    ran = town.run()
    caller = _still(party, ran)
    if caller is not None:
        caller = _first(party.incident.underway(town, party.cause)) or caller
    now = snapshot(town)
    spared, beside = (next(differences(party, others, each, now), None) for each in (_spared(party, held), held))
    if caller is None:
        caller = _own(party)
    if caller is not None:
        beside = spared
    return Judgement(caller, beside, chosen, chosen == party.cause, ran)


def _still(party: Party, ran: Ran) -> Found | None:
    """Return that the command still fails, or that what was reported is still so; None when it works."""
    if ran.code == 0 and not party.incident.symptom(party.town, ran):
        return None
    return Found("still", "desk.still" if ran.code else "desk.still_there", {"last": ran.last})


def _spared(party: Party, held: Bounds) -> Bounds:
    """Return what a ticket is held against without what its own seed shut or opened."""
    return replace(held, needed=held.needed - party.shut, ceiling=held.ceiling | held.dealt.allowed)


def _own(party: Party) -> Found | None:
    """Return the first thing that the incident's own checks find."""
    return _first(party.incident.closed(party.town, party.cause))


def _first(opens: Iterable[Open]) -> Found | None:
    own = next(iter(opens), None)
    return Found(own.name, "", own.gaps) if own else None


def _judge_alarm(party: Party, others: Sequence[Party], held: Bounds, chosen: str) -> Judgement:
    """Judge a false alarm: nothing has changed, and somebody says that nothing is wrong.

    Before that is said, it is answered like any other ticket: what was reported is still so.
    """
    right = chosen == NONE
    now = snapshot(party.town)
    beside = next(differences(party, others, held, now), None) or next(tightened(held.dealt, now), None)
    caller, ran = _own(party), None
    if caller is None and not right:
        # Where something has changed, the command is not run: it may find a door open that was shut.
        ran = party.town.run() if beside is None else None
        caller = _still(party, ran) if ran is not None else Found("still", "desk.still_changed")
    return Judgement(caller, beside, chosen, right, ran)
