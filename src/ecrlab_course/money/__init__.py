"""What a registry costs: a model of a month's bill, at ECR, at ECR Public and at Docker Hub.

Every price comes from `content/facts.toml`, with its date and how sure it is; every amount is the reader's own.
"""

from __future__ import annotations

from ecrlab_course.money.chart import Chart, draw
from ecrlab_course.money.designs import Designs, designs
from ecrlab_course.money.model import Bill, Line, Month, ecr_bill, hub_bill, public_bill
from ecrlab_course.money.prices import Price, price, price_list

__all__ = [
    "Bill",
    "Chart",
    "Designs",
    "Line",
    "Month",
    "Price",
    "designs",
    "draw",
    "ecr_bill",
    "hub_bill",
    "price",
    "price_list",
    "public_bill",
]
