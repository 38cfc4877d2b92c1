"""The night shifts of content/incidents/nights.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path

from ecrlab_course.checkout import ContentError, course_root
from ecrlab_course.desk.incident import NONE, Incident
from ecrlab_course.desk.ticket import TIMES, number_of


def nights(known: Mapping[str, Incident], root: Path | None = None) -> tuple[tuple[tuple[str, int], ...], ...]:
    """Return the night shifts of content/incidents/nights.toml: three tickets each, as (incident, seed number).

    A course without that file has none. Raises ContentError for a night that is not three tickets of three drawers, one
    of them a false alarm.
    """
    path = (root or course_root()) / "content" / "incidents" / "nights.toml"
    found = []
    written = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for place, night in enumerate(written.get("nights", ()), 1):
        tickets = tuple(_night_ticket(each, known, f"{path.name}, night {place}") for each in night)
        chosen = [known[identifier] for identifier, _ in tickets]
        alarms = sum(each.is_alarm for each in chosen)
        if len(tickets) != len(TIMES) or alarms != 1 or len({each.drawer for each in chosen}) != len(chosen):
            wanted = "three tickets of three drawers are wanted, one of them a false alarm"
            raise ContentError(f"{path.name}, night {place}: {', '.join(night)}: {wanted}")
        found.append(tickets)
    return tuple(found)


def _night_ticket(text: str, known: Mapping[str, Incident], where: str) -> tuple[str, int]:
    """Read 10b1 (incident 10, cause b, evidence 1) or f4 as an incident and the first seed number that deals it."""
    found = re.fullmatch(r"(?P<number>\d+)(?P<cause>[a-z])(?P<seed>[01])|(?P<alarm>f\d)", text)
    identifier = "" if found is None else found["alarm"] or f"i{int(found['number']):02}"
    cause, seed = (found["cause"] or NONE, int(found["seed"] or 0)) if found else ("", 0)
    if identifier not in known or cause not in known[identifier].keys:
        raise ContentError(f"{where}: there is no {text!r}")
    return identifier, number_of(known[identifier], cause, seed)
