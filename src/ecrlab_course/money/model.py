"""A month's bill as a model: what lies, what leaves, how many people. A GB is 1,000 MB.

The model counts as this course understands ECR: a repository keeps a layer once, and a server fetches what it lacks.
AWS does not say how shared layers are counted on the bill (fact A174). Where two prices are quoted for one thing
(A172), a line has both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from ecrlab_course.money.prices import price
from ecrlab_course.views.display import Shown, table

Place = Literal["in the same Region", "through NAT", "to another Region", "to the internet"]
PLACES: tuple[Place, ...] = ("in the same Region", "through NAT", "to another Region", "to the internet")
Plan = Literal["Personal", "Team"]
WINDOWS = 4 * 30
"""Windows of six hours in a month of thirty days: what Docker Hub counts pulls in."""


@dataclass(frozen=True)
class Month:
    """What a team keeps and moves in a month. Every number is yours to change: `Month(kept=3)`."""

    services: int = 12
    image_mb: float = 180.0
    """A whole image, compressed, as `describe-images` shows it."""
    changed_mb: float = 4.0
    """What a new version changes of it."""
    releases: int = 30
    """New versions of each service in the month."""
    kept: int = 360
    """Versions of each service that are there, with a tag or without."""
    archived: int = 0
    """Those of them that are in the archive."""
    restored: int = 0
    """Images taken out of the archive in the month."""
    new_servers: int = 2000
    """Pulls by servers that have nothing of the image."""
    known_servers: int = 4000
    """Pulls by servers that have the version before."""
    leaves: Place = "in the same Region"
    """Where those servers stand, seen from the registry."""
    regions: int = 1
    """Regions in which everything is kept; to all but the first it is replicated."""
    replicated: bool = True
    """False: whoever releases pushes to each Region, so that nothing crosses."""
    people: int = 6
    """Who has a seat at Docker Hub."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name == "leaves":
                if value not in PLACES:
                    raise ValueError(f"leaves={value!r} is not a place. Choose one of: {', '.join(PLACES)}.")
            elif field.name == "replicated":
                continue
            elif not isinstance(value, (int, float)) or isinstance(value, bool) or value < 0:
                raise ValueError(f"{field.name}={value!r} is not an amount: a number from 0 on is expected.")
        if self.archived > self.kept:
            raise ValueError(f"archived={self.archived} is more than the {self.kept} versions that are kept.")
        if self.changed_mb > self.image_mb:
            raise ValueError(f"changed_mb={self.changed_mb} is more than a whole image, {self.image_mb} MB.")
        if self.regions < 1:
            raise ValueError("regions=0 leaves no place for the images.")

    @property
    def nominal_gb(self) -> float:
        """What the images add up to, each by itself: the sum of what `describe-images` shows."""
        return self.services * self.kept * self.image_mb / 1000

    @property
    def stored_gb(self) -> float:
        """What lies in one Region outside the archive: of each service one image whole, of the others what changed."""
        there = self.kept - self.archived
        whole = 1 if there else 0
        return self.services * (whole * self.image_mb + (there - whole) * self.changed_mb) / 1000

    @property
    def archived_gb(self) -> float:
        """What lies in the archive: what each version changed, and one image whole where all are there."""
        whole = 1 if self.archived and self.archived == self.kept else 0
        return self.services * (whole * self.image_mb + (self.archived - whole) * self.changed_mb) / 1000

    @property
    def pulled_gb(self) -> float:
        """What is fetched: whole images by new servers, what changed by those that know the version before."""
        return (self.new_servers * self.image_mb + self.known_servers * self.changed_mb) / 1000

    @property
    def copied_gb(self) -> float:
        """What crosses to each further Region: what the month's releases changed.

        Whether AWS sends again what the other Region has is not documented; the lab does not.
        """
        return self.services * self.releases * self.changed_mb / 1000

    @property
    def copied_at_most_gb(self) -> float:
        """The same, if each release were sent whole."""
        return self.services * self.releases * self.image_mb / 1000


@dataclass(frozen=True)
class Line:
    """One line of a bill. ``high`` differs from ``usd`` where two prices are quoted; None: no price is known here."""

    what: str
    amount: float
    unit: str
    usd: float | None
    high: float | None = None

    @property
    def band(self) -> tuple[float, float]:
        """The lowest and the highest it may be; a price that is not known counts as nothing."""
        low = self.usd or 0.0
        return low, low if self.high is None else self.high

    @property
    def money(self) -> str:
        """The line's dollars, as they are printed."""
        return "not known here" if self.usd is None else dollars(*self.band)


@dataclass(frozen=True)
class Bill:
    """A month's bill; it shows itself as the value of a cell."""

    title: str
    lines: tuple[Line, ...]

    @property
    def low(self) -> float:
        """The sum at the lowest quoted prices, in dollars."""
        return sum(line.band[0] for line in self.lines)

    @property
    def high(self) -> float:
        """The sum at the highest quoted prices, in dollars."""
        return sum(line.band[1] for line in self.lines)

    def shown(self) -> Shown:
        """Return the bill as a table, with the same numbers as text."""
        rows = [(line.what, _amount(line.amount), line.unit, line.money) for line in self.lines]
        rows.append(("together", "", "", dollars(self.low, self.high)))
        widths = [max(len(row[place]) for row in rows) for place in (1, 3)]
        aligned = [(what, amount.rjust(widths[0]), unit, usd.rjust(widths[1])) for what, amount, unit, usd in rows]
        return table(("", "amount".rjust(widths[0]), "of", "USD".rjust(widths[1])), aligned, self.title)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return self.shown()._repr_mimebundle_()

    def __repr__(self) -> str:
        return self.shown().text


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value == int(value) else f"{value:,.2f}"


def dollars(low: float, high: float) -> str:
    """Return a sum as it is printed: one number, or the lowest and the highest."""
    return f"{low:,.2f}" if f"{low:.2f}" == f"{high:.2f}" else f"{low:,.2f} to {high:,.2f}"


def _between(gb: float) -> tuple[float, float]:
    """Return what a number of GB from one Region to another costs, at both prices that are quoted."""
    return gb * price("to another Region").value, gb * price("to the internet").value


def ecr_bill(month: Month) -> Bill:
    """Return the bill of ECR: storage in each Region, the archive, transfer by direction, copies."""
    lines = [Line("pushed", month.copied_gb, "GB in", 0.0)]
    stored = month.stored_gb * month.regions
    lines.append(Line("stored", stored, "GB-month", stored * price("storage").value))
    if month.archived:
        kept = month.archived_gb * month.regions
        lines.append(Line("in the archive", kept, "GB-month", kept * price("archive").value))
    if month.restored:
        out = month.restored * month.image_mb / 1000
        lines.append(Line("out of the archive", out, "GB", out * price("out of the archive").value))
    lines += _pulled(month)
    if month.regions > 1 and month.replicated:
        others = month.regions - 1
        low, high = _between(month.copied_gb * others)[0], _between(month.copied_at_most_gb * others)[1]
        lines.append(Line("copied to other Regions", month.copied_at_most_gb * others, "GB at most", low, high))
    return Bill("Amazon ECR, a month", tuple(lines))


def _pulled(month: Month) -> list[Line]:
    gb, where = month.pulled_gb, month.leaves
    if where == "to another Region":
        return [Line("pulled to another Region", gb, "GB out", *_between(gb))]
    if where == "to the internet":
        return [Line("pulled to the internet", gb, "GB out", gb * price("to the internet").value)]
    free = Line("pulled in the same Region", gb, "GB", gb * price("in the same Region").value)
    if where == "through NAT":
        return [free, Line("through a NAT gateway", gb, "GB", gb * price("NAT gateway").value)]
    return [free]


def public_bill(month: Month, signed_in: bool = False) -> Bill:
    """Return the bill of the same images in ECR Public, which anybody may pull: its free tiers, and what is over them.

    To AWS's own compute nothing is charged. What a GB over the free transfer costs is not among our facts.
    """
    stored = month.stored_gb
    over = max(0.0, stored - price("ECR Public, stored free").value)
    lines = [Line("stored", stored, "GB-month", over * price("storage").value)]
    if month.leaves in ("in the same Region", "through NAT"):
        lines.append(Line("pulled by AWS's own compute", month.pulled_gb, "GB", 0.0))
        return Bill("ECR Public, a month", tuple(lines))
    free = price("ECR Public, out with a login" if signed_in else "ECR Public, out without a login").value
    lines.append(Line("pulled, free", min(month.pulled_gb, free), "GB out", 0.0))
    if month.pulled_gb > free:
        lines.append(Line("pulled, over the free tier", month.pulled_gb - free, "GB out", None))
    return Bill("ECR Public, a month", tuple(lines))


def hub_bill(month: Month, plan: Plan = "Team") -> Bill:
    """Return the bill of Docker Hub: people, not gigabytes; and the pulls, held against the plan's limit.

    The limit counts in six hours; the model spreads the month's pulls evenly over its windows: the kindest case.
    """
    if plan not in ("Personal", "Team"):
        raise ValueError(f"plan={plan!r} has no confirmed price here. Choose one of: Personal, Team.")
    seats = Line(f"people, plan {plan}", month.people, "people", month.people * price(f"Docker Hub, {plan}").value)
    pulls = (month.new_servers + month.known_servers) / WINDOWS
    most = price("Docker Hub, pulls with Personal").value if plan == "Personal" else None
    fits = "pulls in 6 hours, no limit" if most is None else f"pulls in 6 hours, at most {most:.0f}"
    return Bill("Docker Hub, a month", (seats, Line("pulls", pulls, fits, 0.0)))


def over(month: Month, name: str, values: Sequence[int]) -> list[Month]:
    """Return the month once for each value of one of its numbers: what a chart goes along."""
    changed: list[dict[str, Any]] = [{name: value} for value in values]
    return [replace(month, **each) for each in changed]
