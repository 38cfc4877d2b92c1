"""The desk: it deals tickets, keeps them, and says how each stands. Knows no notebook and no terminal."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from botocore.exceptions import ClientError

from ecrlab.home import Home
from ecrlab_course.desk.incident import DESKS, LINES, Incident, incidents
from ecrlab_course.desk.judge import Judgement, State, judge
from ecrlab_course.desk.looks import WITHOUT_CELLS, looked, scripts_of, touched
from ecrlab_course.desk.night import nights
from ecrlab_course.desk.ticket import TIMES, Choice, Ticket, book_of, choices, dealt
from ecrlab_course.desk.town import Ran, Town
from ecrlab_course.desk.world import Bounds, Party, World, allowed, bounds, packed, snapshot, unpacked
from ecrlab_course.documents.client_record import Transcript
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.messages import say
from ecrlab_course.progress import now
from ecrlab_course.toolbox.lab import Lab

T = TypeVar("T")
NIGHT = "night"
HINTS = 3
TICKS = LINES
"""A tick for each line of a postmortem."""


class DeskError(Exception):
    """What was asked of the desk cannot be; the text says why."""


class Desk:
    """One learner's desk.

    Jobs run in `folder`. `cells` gives what the learner's kernel ran, for the hints; None: there is no kernel. KeyError
    and DeskError say what is wanted; what is wrong with the lab comes as LabError.
    """

    def __init__(
        self,
        home: Home,
        folder: Path,
        known: Mapping[str, Incident] | None = None,
        cells: Callable[[], Sequence[Transcript]] | None = None,
    ) -> None:
        self.home = home
        self.lab = Lab(home, folder)
        self.book = book_of(home)
        self._known = known
        self._cells = cells

    @cached_property
    def known(self) -> Mapping[str, Incident]:
        """The incidents and false alarms there are, by id."""
        return incidents() if self._known is None else self._known

    @property
    def folder(self) -> Path:
        """The folder in which jobs run."""
        assert self.lab.folder is not None
        return self.lab.folder

    def kept_folder(self) -> Path | None:
        """Return the folder in which the jobs of what is open lie; None where all is closed, or it is gone."""
        kept = Path(str(self.book.read()["open"].get("folder", "")))
        found = self.open()
        return kept if kept.is_absolute() and kept.is_dir() and not all(each.is_closed for each in found) else None

    def incident(self, number: str | int) -> Incident:
        """Return the incident of that number (9, "9", "f2"); raise KeyError with those there are."""
        text = str(number).strip().lower()
        identifier = f"i{int(text):02}" if text.isdecimal() else text
        if identifier not in self.known:
            there = ", ".join(each.number for each in self.known.values() if not each.is_alarm)
            raise KeyError(say("desk.no_incident", number=text, numbers=there))
        return self.known[identifier]

    # Dealing ---------------------------------------------------------------------------------------------------------

    def begin(self, name: str) -> list[Ticket]:
        """Go on with what is open of a desk (or a night shift); deal its next ticket when nothing is."""
        return self.open() if self.goes_on(name) else self.deal_desk(name)

    def begin_night(self, number: int) -> list[Ticket]:
        """Go on with this very night shift where it is open; deal it otherwise."""
        found = self.open()
        if found and all(each.record.get("night") == number for each in found) and self._lasts(found):
            return found
        return self.deal_night(number)

    def begin_incident(self, number: str | int, seed: int) -> list[Ticket]:
        """Go on with this very ticket where it is open; deal it otherwise."""
        return self.open() if self.goes_on_with(number, seed) else self.deal(number, seed)

    def goes_on(self, name: str) -> bool:
        """Tell whether what is on the desk is this desk's, and not all closed; if not, `begin` deals."""
        found = self.open()
        return bool(found) and all(each.desk == name for each in found) and self._lasts(found)

    def goes_on_with(self, number: str | int, seed: int) -> bool:
        """Tell whether this very ticket is on the desk, and not closed; if not, `begin_incident` deals."""
        found, incident = self.open(), self.incident(number)
        return [(each.incident, each.number) for each in found] == [(incident, seed)] and self._lasts(found)

    def _lasts(self, found: Sequence[Ticket]) -> bool:
        return not all(each.is_closed for each in found) and self.stands()

    def deal(self, number: str | int, seed: int = 1, desk: str = "") -> list[Ticket]:
        """Deal one ticket: build the town, break it, and return what is open then."""
        return self._deal([(self.incident(number).id, seed)], desk)

    def deal_desk(self, name: str) -> list[Ticket]:
        """Deal a desk's next ticket: of its incident that was closed, then dealt, least often."""
        if name == NIGHT:
            return self.deal_night()
        if name not in DESKS:
            raise KeyError(say("desk.no_desk", desk=name, desks=", ".join((*DESKS, NIGHT))))
        mine = [each for each in self.known.values() if name in each.desks]
        if not mine:
            raise KeyError(say("desk.empty", desk=name))
        records = [each for each in self.records().values() if each.get("desk") == name]

        def turn(incident: Incident) -> tuple[int, int]:
            of_it = [each for each in records if each["incident"] == incident.id]
            return sum(bool(each.get("closed")) for each in of_it), len(of_it)

        incident = min(mine, key=turn)
        return self.deal(incident.number, self._next_seed(incident, name), name)

    def _next_seed(self, incident: Incident, desk: str) -> int:
        """Return the next seed number for this learner: neighbours begin in different places."""
        used = [each["seed"] for each in self.records().values() if each["incident"] == incident.id]
        number = max(used, default=int(self.home.key, 16) % (2 * len(incident.keys))) + 1
        early = incident.early if incident.early and desk == incident.desks[0] else incident.keys
        while dealt(incident, number)[0] not in early:
            number += 1
        return number

    def deal_night(self, number: int | None = None) -> list[Ticket]:
        """Deal a night shift: three tickets into one town, one of them a false alarm."""
        all_nights = nights(self.known)
        if number is None:
            number = 1 + max((int(each["night"]) for each in self.records().values() if each.get("night")), default=0)
        if number < 1:
            raise ValueError(say("desk.seed_wanted", seed=number))
        return self._deal(all_nights[(number - 1) % len(all_nights)], NIGHT, number)

    def again(self) -> list[Ticket]:
        """Deal what is open, or was open last, once more."""
        last = self._last()
        if last[0].desk == NIGHT:
            return self.deal_night(int(last[0].record["night"]))
        return self.deal(last[0].incident.number, last[0].number, last[0].desk)

    def another(self) -> list[Ticket]:
        """Deal another one: of the same desk, or another cause of the incident that was asked for by its number."""
        last = self._last()[0]
        if last.desk == NIGHT:
            return self.deal_night(int(last.record["night"]) + 1)
        if last.desk:
            return self.deal_desk(last.desk)
        number = last.number + 1
        while len(last.incident.keys) > 1 and dealt(last.incident, number)[0] == last.dealt[0]:
            number += 1
        return self.deal(last.incident.number, number)

    def _last(self) -> list[Ticket]:
        found = self.open()
        if not found:
            raise DeskError(say("desk.none_open"))
        return found

    def _deal(self, wanted: Sequence[tuple[str, int]], desk: str, night: int = 0) -> list[Ticket]:
        """Build the town, let each incident make its healthy world and then break it, and keep what is to be judged."""
        self.folder.mkdir(parents=True, exist_ok=True)
        towns = [(self.known[identifier], number, self._town(self.known[identifier], number, {}))
                 for identifier, number in wanted]  # fmt: skip
        towns[0][2].build()
        for incident, _, town in towns:
            incident.before(town)
        before = stands = allowed(towns[0][2])
        shut: list[dict[str, Any]] = []
        for place, (incident, number, town) in enumerate(towns):
            incident.seeds[dealt(incident, number)[0]](town)
            after = allowed(town) if place + 1 < len(towns) else None
            shut.append(packed(stands - after) if after is not None else {})
            stands = after if after is not None else stands
        world = snapshot(towns[0][2])
        shut[-1] = packed(stands - world.allowed)
        mark = self.lab.last()
        known = self.records()
        first = 1 + max(map(int, known), default=0)
        names = [str(first + place) for place in range(len(towns))]
        made = {
            name: {
                "incident": incident.id, "seed": number, "desk": desk, "notes": town.notes, "mark": mark,
                "at": now(), "begun": time.time(), "shut": shut[place],
                **({"night": night, "time": TIMES[place]} if night else {}),
            }
            for place, (name, (incident, number, town)) in enumerate(zip(names, towns, strict=True))
        }  # fmt: skip
        self._mark_town(names[0])

        def edit(data: dict[str, Any]) -> None:
            for each in data["tickets"].values():
                for key in ("shut", "notes"):
                    each.pop(key, None)
            data["tickets"].update(made)
            where = str(self.folder.resolve())
            data["open"] = {"tickets": names, "folder": where, "before": packed(before), "dealt": world.to_json()}

        self.book.change(edit)
        return self.open()

    def _town(self, incident: Incident, number: int, notes: dict[str, str], mark: int = 0) -> Town:
        town = Town(self.lab, dealt(incident, number)[1], notes, mark, incident.caller)
        town.command = incident.command
        return town

    def _mark_town(self, name: str) -> None:
        """Let the town say which ticket it holds; a reset of the lab takes that away."""
        iam = self.lab.looking().client("iam")
        iam.tag_user(UserName="admin", Tags=[{"Key": "ticket", "Value": name}])

    def stands(self) -> bool:
        """Tell whether the lab holds the town of what is open."""
        found = self.book.read()["open"].get("tickets", ())
        try:
            tags = self.lab.looking().client("iam").list_user_tags(UserName="admin")["Tags"]
        except ClientError:
            return False
        return bool(found) and {"Key": "ticket", "Value": found[0]} in tags

    # Looking ---------------------------------------------------------------------------------------------------------

    def records(self) -> dict[str, dict[str, Any]]:
        """Return what the file holds of every ticket, by its number."""
        found: dict[str, dict[str, Any]] = self.book.read()["tickets"]
        return found

    def open(self) -> list[Ticket]:
        """Return the tickets on the desk, closed ones included, in order; none when nothing was dealt."""
        data = self.book.read()
        found = []
        for name in data["open"].get("tickets", ()):
            record = data["tickets"].get(name, {})
            if record.get("incident") in self.known:
                found.append(Ticket(name, self.known[record["incident"]], int(record["seed"]), record))
        return found

    def ticket(self, place: int | None = None) -> Ticket:
        """Return a ticket on the desk by its place (1, 2, 3); default: the first that is not closed.

        Raises DeskError when there is none.
        """
        found = self._last()
        if place is None:
            return next((each for each in found if not each.is_closed), found[-1])
        if not isinstance(place, int) or not 1 <= place <= len(found):
            key = "desk.no_place" if len(found) > 1 else "desk.no_place_of_one"
            raise DeskError(say(key, place=place, all=len(found)))
        return found[place - 1]

    def _fresh(self, ticket: Ticket) -> Ticket:
        return next(each for each in self.open() if each.id == ticket.id)

    def choices(self, ticket: Ticket) -> list[Choice]:
        """Return the causes to choose from."""
        return choices(ticket.incident, ticket.number, self.known)

    def told(self, ticket: Ticket, text: str) -> str:
        """Return a text of the incident with its gaps filled: {release}, {running}, and the seed's notes."""
        return self.town(ticket).told(text)

    def command(self, ticket: Ticket) -> str:
        """Return the ticket's command."""
        return self.told(ticket, ticket.incident.command)

    def town(self, ticket: Ticket) -> Town:
        """Return the town of a ticket, with its notes."""
        notes = dict(ticket.record.get("notes") or {})
        return self._town(ticket.incident, ticket.number, notes, int(ticket.record.get("mark", 0)))

    def rows(self, ticket: Ticket) -> list[Row]:
        """Return the X-ray's rows from the deal to the close, without those of the desk's own runs."""
        own = [tuple(each) for each in self.book.read()["open"].get("own", ())]
        until = int(ticket.record.get("until", 0))
        return [
            row
            for row in self.lab.rows(int(ticket.record["mark"]))
            if not (until and row["seq"] > until) and not any(begin < row["seq"] <= end for begin, end in own)
        ]

    def looked(self, ticket: Ticket) -> list[str]:
        """Return what was looked at from the deal to the close, and keep it: a kernel's cells are gone with it."""
        if ticket.is_closed:
            return list(self._kept(ticket).get("looked", ()))
        mark = int(ticket.record["mark"])
        cells = [run for run in (self._cells() if self._cells else ()) if run.before >= mark]
        noted = {*self._kept(ticket).get("looked", ()), *self._asked(ticket)}
        found = looked(self.rows(ticket), scripts_of(cells), noted)
        if found != self._kept(ticket).get("looked", []):
            self._update(ticket, looked=found)
        return found

    def _asked(self, ticket: Ticket) -> set[str]:
        """Return what `ecrlab` was asked in a terminal since the deal; a job that was edited since has been read."""
        begun = float(ticket.record.get("begun", time.time()))
        found = self.home.asked_since(begun)
        for name in re.findall(r"\b(?:jobs|app|deploy)/\S+", self.command(ticket)):
            with suppress(OSError):
                if (self.folder / name).stat().st_mtime > begun:
                    found.add("job")
        return found

    def touched(self, ticket: Ticket) -> list[str]:
        """Return the operations with which something was changed since the deal."""
        return touched(self.rows(ticket))

    def note_look(self, name: str) -> None:
        """Note that something was looked at on the page: the X-ray, the explorer, a decision."""
        for ticket in self.open():
            kept = self._kept(ticket).get("looked", [])
            if name not in kept and not ticket.is_closed:
                self._update(ticket, looked=sorted({*kept, name}))

    def _kept(self, ticket: Ticket) -> Mapping[str, Any]:
        return self.records().get(ticket.id, {})

    def _update(self, ticket: Ticket, **values: Any) -> None:
        def edit(data: dict[str, Any]) -> None:
            data["tickets"][ticket.id].update(values)

        self.book.change(edit)

    # Acting ----------------------------------------------------------------------------------------------------------

    def run(self, ticket: Ticket) -> Ran:
        """Run the ticket's command as its caller."""
        return self._by_the_desk(lambda: self.town(ticket).run())

    def _by_the_desk(self, act: Callable[[], T]) -> T:
        """Let requests be the desk's own: nobody has looked at anything by them."""
        before = self.lab.last()
        try:
            return act()
        finally:
            after = self.lab.last()

            def edit(data: dict[str, Any]) -> None:
                data["open"].setdefault("own", []).append([before, after])

            self.book.change(edit)

    def choose(self, ticket: Ticket, letter: str) -> Choice:
        """Keep the cause that the learner names by its letter; raise DeskError for another letter."""
        found = self.choices(ticket)
        wanted = letter.strip().lower().rstrip(").")
        for each in found:
            if wanted == each.letter:
                self.name(ticket, each.key)
                return each
        raise DeskError(say("desk.letter_wanted", letters=", ".join(each.letter for each in found)))

    def name(self, ticket: Ticket, key: str) -> None:
        """Keep the cause that the learner names, by its key."""
        self._update(ticket, choice=key)

    def chosen(self, ticket: Ticket) -> str:
        """Return the key of the cause that was named; "" for none."""
        return str(self._kept(ticket).get("choice", ""))

    def check(self, ticket: Ticket) -> Judgement:
        """Say how a ticket stands, and keep it. Raises DeskError when the lab holds another state."""
        if not self.stands():
            raise DeskError(say("desk.gone"))
        until = self.lab.last()
        found = self._by_the_desk(lambda: self._judged(ticket))
        record = self._kept(ticket)
        if record.get("closed"):
            return found
        values: dict[str, Any] = {"checks": int(record.get("checks", 0)) + 1, "state": found.state.value}
        if found.chosen:
            values["tried"] = sorted({*record.get("tried", ()), found.chosen})
        if found.state is State.CLOSED:
            values |= {"closed": now(), "seconds": ticket.seconds, "until": until}
        self.looked(ticket)
        self._update(ticket, **values)
        return found

    def _judged(self, ticket: Ticket) -> Judgement:
        data = self.book.read()["open"]
        before, world = unpacked(data["before"]), World.from_json(data["dealt"])
        parties = {
            each.id: Party(each.incident, self.town(each), each.dealt[0], unpacked(each.record.get("shut") or {}))
            for each in self.open()
        }
        party = parties.pop(ticket.id)
        others = list(parties.values())
        held: Bounds = bounds(party, others, before, world)
        return judge(party, others, held, self.chosen(ticket))

    # Help ------------------------------------------------------------------------------------------------------------

    def hint(self, ticket: Ticket) -> tuple[int, str]:
        """Return the next hint, with its number: what was not looked at yet, which difference decides, nearly."""
        kept = self._kept(ticket)
        number, read, before = min(int(kept.get("hints", 0)) + 1, HINTS), int(kept.get("read", 0)), ""
        if not kept.get("closed") and number > int(kept.get("hints", 0)):
            read += 1
        if number == 1:
            seen = self.looked(ticket)
            blind = WITHOUT_CELLS if self._cells is None else ()
            wanted = [each for each in ticket.incident.looks if each not in blind or each in seen]
            missing = [each for each in wanted if each not in seen]
            if missing:
                self._update(ticket, hints=1, read=read)
                words = say(f"desk.look_{missing[0].replace('-', '_')}")
                return 1, say("desk.not_looked", seen=self.seen_words(seen), look=words)
            # What leaves no trace may be unread: nobody says then that all was looked at.
            number, before = 2, say("desk.all_looked") + " " if len(wanted) == len(ticket.incident.looks) else ""
        self._update(ticket, hints=number, read=read)
        return number, before + self.told(ticket, ticket.incident.hints[number - 2])

    @staticmethod
    def seen_words(names: Iterable[str]) -> str:
        """Return what was looked at, in words."""
        words = [say(f"desk.seen_{each.replace('-', '_')}") for each in names]
        return ", ".join(words) if words else say("desk.seen_nothing")

    # Postmortem ------------------------------------------------------------------------------------------------------

    def postmortem(self, ticket: Ticket) -> tuple[dict[str, str], list[str]]:
        """Return the learner's five lines, and which of them are ticked."""
        kept = self._kept(ticket).get("postmortem") or {}
        return {line: str(kept.get("lines", {}).get(line, "")) for line in LINES}, list(kept.get("ticks", ()))

    def to_write_about(self, place: int | None = None) -> Ticket:
        """Return the ticket of that place; default: the last one that was closed and has no line yet.

        Where all that are closed have lines, it is the last of these; where none is closed, as `ticket` does.
        """
        closed = [each for each in self.open() if each.is_closed]
        if place is None and closed:
            return max(closed, key=lambda each: (not self._is_written(each), str(each.record["closed"])))
        return self.ticket(place)

    def _is_written(self, ticket: Ticket) -> bool:
        return any(self.postmortem(ticket)[0].values())

    def others_to_write_about(self, ticket: Ticket) -> bool:
        """Tell whether another ticket on the desk is closed and has no line yet."""
        return any(each.is_closed and each.id != ticket.id and not self._is_written(each) for each in self.open())

    def write_postmortem(self, ticket: Ticket, lines: Mapping[str, str], ticks: Iterable[str] | None = None) -> None:
        """Keep the learner's lines, and ticks where they are given."""
        before, ticked = self.postmortem(ticket)
        kept = {line: str(lines.get(line, before[line])).strip() for line in LINES}
        found = ticked if ticks is None else [each for each in LINES if each in set(ticks)]
        self._update(ticket, postmortem={"lines": kept, "ticks": found})

    def ours(self, ticket: Ticket) -> dict[str, str]:
        """Return our five lines about what happened; raise DeskError before the ticket is closed."""
        if not self._kept(ticket).get("closed"):
            raise DeskError(say("desk.ours_later"))
        cause = ticket.incident.cause(ticket.dealt[0])
        return {line: self.told(ticket, cause.postmortem[line]) for line in LINES}

    # Solving, for solutions/ and whoever teaches ---------------------------------------------------------------------

    def solve(self, ticket: Ticket) -> Judgement:
        """Fix a ticket in the narrowest way (a closed one is), name its cause, check; the ticket counts as shown."""
        cause = ticket.dealt[0]
        if not (ticket.incident.is_alarm or ticket.is_closed):
            ticket.incident.fixes[cause](self.town(ticket))
        self._update(ticket, choice=cause, shown=True)
        return self.check(ticket)
