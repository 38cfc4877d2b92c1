"""The prices of the model, read from `content/facts.toml`: none is written in code."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from ecrlab_course.authoring.facts import FactError, facts
from ecrlab_course.checkout import course_root
from ecrlab_course.views.display import Shown, table

FACTS = {
    "storage": "storage-price",
    "archive": "bill-archive",
    "out of the archive": "bill-archive-out",
    "in the same Region": "transfer-same-region-price",
    "to another Region": "bill-between-regions",
    "to the internet": "transfer-out-price",
    "NAT gateway": "bill-nat",
    "ECR Public, stored free": "bill-public-storage",
    "ECR Public, out without a login": "bill-public-anonymous",
    "ECR Public, out with a login": "bill-public-signed-in",
    "Docker Hub, Personal": "bill-hub-personal",
    "Docker Hub, Team": "bill-hub-team",
    "Docker Hub, pulls without a login": "hub-pulls-anonymous",
    "Docker Hub, pulls with Personal": "hub-pulls-personal",
}
"""What the model calls a price, and the fact that has it."""


@dataclass(frozen=True)
class Price:
    """A price, or an amount that is free: its value and unit, when it was seen, and how sure it is."""

    name: str
    value: float
    unit: str
    seen: date
    sure: str
    """documented, observed or second-hand, as in facts.toml."""
    source: str

    @property
    def amount(self) -> str:
        """The value as it is written: dollars with a sign, anything else with its unit behind it."""
        if not self.unit.startswith("USD"):
            return f"{self.value:,.0f}"
        return f"${self.value:.2f}" if round(self.value, 2) == self.value else f"${self.value:.3f}"


def price(name: str) -> Price:
    """Return a price by its name in the model; raise FactError when there is no such one."""
    if name not in FACTS:
        raise FactError(f"The model has no price called {name!r}. It has: {', '.join(FACTS)}.")
    fact = facts(course_root())[FACTS[name]]
    return Price(name, float(fact["value"]), str(fact["unit"]), fact["date"], str(fact["sure"]), str(fact["source"]))


def price_list() -> Shown:
    """Return all prices as a table: what, how much of what, when it was seen, how sure it is."""
    rows = [
        (found.name, found.amount, found.unit.removeprefix("USD per "), f"{found.seen:%B %Y}", found.sure)
        for found in map(price, FACTS)
    ]
    return table(("price", "amount", "of", "seen", "how sure"), rows)
