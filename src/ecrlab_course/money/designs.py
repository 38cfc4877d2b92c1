"""Four designs for servers in a second Region, each with its price."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ecrlab_course.money.model import Bill, Line, Month, dollars, ecr_bill
from ecrlab_course.money.prices import price
from ecrlab_course.views.display import Shown, table


@dataclass(frozen=True)
class Designs:
    """The bills of the designs, by name; they show themselves as the value of a cell."""

    bills: dict[str, Bill]

    def shown(self) -> Shown:
        """Return a line for each design: what is stored, what crosses, the lowest and highest sum."""
        rows = []
        for name, bill in self.bills.items():
            stored = sum(line.amount for line in bill.lines if line.unit == "GB-month")
            crosses = sum(line.amount for line in bill.lines if line.unit in ("GB out", "GB at most"))
            rows.append((name, f"{stored:.1f}", f"{crosses:.1f}", dollars(bill.low, bill.high)))
        widths = [max(len(row[place]) for row in rows) for place in (1, 2, 3)]
        head = (
            "",
            *(word.rjust(width) for word, width in zip(("GB stored", "GB crossing", "USD"), widths, strict=True)),
        )
        aligned = [
            (row[0], *(each.rjust(len(word)) for each, word in zip(row[1:], head[1:], strict=True))) for row in rows
        ]
        return table(head, aligned, "Servers in a second Region, a month")

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return self.shown()._repr_mimebundle_()

    def __repr__(self) -> str:
        return self.shown().text


def designs(month: Month | None = None) -> Designs:
    """Return what four designs cost in a month in which all pulls come from servers in a second Region.

    A pull-through cache keeps what was asked for: here, each of the month's releases, once.
    """
    start = replace(month or Month(), leaves="in the same Region", regions=1)
    far = ecr_bill(replace(start, leaves="to another Region"))
    copied = ecr_bill(replace(start, regions=2))
    twice = ecr_bill(replace(start, regions=2, replicated=False))
    cached = replace(start, kept=max(start.releases, 1)).stored_gb
    crossing = next(line for line in copied.lines if line.unit == "GB at most")
    near = Bill(
        far.title,
        (
            *ecr_bill(start).lines,
            Line("cached in the second Region", cached, "GB-month", cached * price("storage").value),
            crossing,
        ),
    )
    return Designs(
        {"one Region": far, "push once, replicate": copied, "cache near the servers": near, "push twice": twice}
    )
