"""What happened since the mark, as the causes look at it: rows, cells, logins. Everything is read once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from ecrlab.home import NOBODY
from ecrlab_course.causes.goal import Goal
from ecrlab_course.documents.client_record import Login, Transcript
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.xray_row import Row

_PLACE = re.compile(
    r"^/v2/(?:\d{12}\.dkr[.-]ecr[^/]*/|public\.ecr\.aws/[^/]+/)?(.+?)/(manifests|blobs|tags|referrers)/([^?]*)"
)


@dataclass(frozen=True)
class Finding:
    """A cause that was found: its name, what fills its gaps, and where in the X-ray it happened."""

    name: str
    at: int
    gaps: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Place:
    """What a request to a registry is about: the repository, and the tag or digest of a manifest ("" for layers).

    The repository's name is without ECR's host, and without ECR Public's host and alias.
    """

    repository: str
    reference: str


def place_of(row: Row) -> Place:
    """Return what a request below /v2/ is about; Place("", "") when it names no repository."""
    found = _PLACE.match(str(row["path"]))
    if found is None:
        return Place("", "")
    return Place(found[1], found[3] if found[2] == "manifests" else "")


def ok(row: Row) -> bool:
    """Tell whether the request was carried out."""
    return 200 <= int(row["status"]) < 400


def who(row: Row) -> str:
    """Return the name at the end of the row's principal; "" when nobody was known."""
    return str(row.get("principal") or "").rpartition("/")[2]


@dataclass(frozen=True)
class Moment:
    """A point in the evidence: the X-ray's last number, and `time.monotonic()`."""

    row: int
    time: float


class Scene:
    """The evidence of one look at one exercise.

    `tried` tells whether the exercise's own judge saw an attempt; if not, a cause has to be about this goal and no
    other. `begun` narrows the evidence to what followed: for kinds whose answer runs, to the run itself.
    """

    def __init__(self, lab: LabView, goals: Sequence[Goal], tried: bool = True, begun: Moment | None = None) -> None:
        self.lab = lab
        self.goals = tuple(goals)
        self.tried = tried
        self._begun = begun or Moment(0, 0.0)

    @cached_property
    def transcripts(self) -> list[Transcript]:
        """The runs of bash since the mark, without failures that the page expected."""
        runs = self.lab.transcripts
        return [each for each in runs if not each.expected and each.moment >= self._begun.time]

    @cached_property
    def rows(self) -> list[Row]:
        """The requests since the mark, without those of failures that the page expected."""
        shown = [each for each in self.lab.transcripts if each.expected]
        rows = [row for row in self.lab.rows() if row["seq"] > self._begun.row]
        return [row for row in rows if not any(each.before < row["seq"] <= each.after for each in shown)]

    def since(self, goal: Goal, *services: str) -> list[Row]:
        """Return the requests to these services (default: all) since the goal was last reached."""
        reached = self.reached(goal)
        return [row for row in self.rows if row["seq"] > reached and (not services or row["service"] in services)]

    @cached_property
    def last_run(self) -> Transcript | None:
        """The last run of bash, when nothing was asked of the lab after it; None when something was, or none ran."""
        run = self.transcripts[-1] if self.transcripts else None
        return run if run and (not self.rows or self.rows[-1]["seq"] <= run.after) else None

    def run_of(self, row: Row) -> Transcript | None:
        """Return the run of bash that the request belongs to; None when a terminal made it, or it is not known."""
        return next((run for run in reversed(self.transcripts) if run.before < row["seq"] <= run.after), None)

    def concerns(self, run: Transcript | None, goal: Goal) -> bool:
        """Tell whether a run may be a try at the goal: any, where one was seen; else one that names its parts."""
        if self.tried or run is None:
            return True
        script = run.script.lower()
        operation = re.sub(r"(?<!^)(?=[A-Z])", "-", goal.action.partition(":")[2]).lower()
        named = [goal.short, goal.tag, Path(goal.file).name, operation]
        return all(word.lower() in script for word in named)

    def profile_of(self, row: Row) -> str:
        """Return whose request it was: the principal's name, else the profile of its run; "" when neither is known."""
        run = self.run_of(row)
        return who(row) or (run.profile if run else "")

    def is_home(self, row: Row, goal: Goal) -> bool:
        """Tell whether the request went to the goal's own registry: at ECR, its account and its Region."""
        if goal.at != "registry":
            return bool(row["service"] == goal.at)
        return (row["account"], row["region"]) == (self.account(goal), goal.region)

    def account(self, goal: Goal) -> str:
        """Return the account whose registry the goal is about."""
        return goal.account or self.lab.account

    def host(self, account: str | None, region: str | None) -> str:
        """Return a registry's name at AWS, which image names carry after the lab's port."""
        return f"{account}.dkr.ecr.{region}.amazonaws.com"

    def login_at(self, profile: str, account: str | None, region: str | None) -> Login | None:
        """Return the login that docker of that profile keeps for a registry; None when it keeps none."""
        registries = self.lab.control.status()["registries"]
        ports = {each["port"] for each in registries if (each["account"], each["region"]) == (account, region)}
        logins = self.lab.logins(profile)
        return next((each for each in logins if each.host.rpartition(":")[2] in map(str, ports)), None)

    # Whether a goal was reached --------------------------------------------------------------------------------------

    def reached(self, goal: Goal) -> int:
        """Return the number of the last request that did what the goal wants; 0 for none."""
        return max((int(row["seq"]) for row in self.rows if self.fulfils(row, goal)), default=0)

    def fulfils(self, row: Row, goal: Goal) -> bool:
        """Tell whether a request did what the goal wants."""
        return ok(row) and self._does(row, goal)

    def _does(self, row: Row, goal: Goal) -> bool:
        if goal.by and (who(row) or NOBODY) != goal.by:
            return False
        if goal.verb == "call":
            return asks(row, goal) and row["region"] == goal.region
        if goal.verb not in ("push", "pull") or row["service"] != goal.at or not self.is_home(row, goal):
            return False
        return carries(row, goal) and goal.takes(place_of(row).repository) and names_tag(row, goal)


def asks(row: Row, goal: Goal) -> bool:
    """Tell whether IAM was asked about the goal's action, on its repository where it names one."""
    return any(
        each["action"].lower() == goal.action.lower()
        and (not goal.repository or each["resource"].split(":", 5)[-1].partition("/")[2] == goal.repository)
        for each in row["decisions"]
    )


def carries(row: Row, goal: Goal) -> bool:
    """Tell whether the request moves an image's manifest in the goal's direction."""
    wanted = ("PUT",) if goal.verb == "push" else ("GET", "HEAD")
    return row["method"] in wanted and bool(place_of(row).reference)


def names_tag(row: Row, goal: Goal) -> bool:
    """Tell whether the request is about the goal's tag; any tag, when the goal names none."""
    return not goal.tag or place_of(row).reference == goal.tag
