"""The circumstances of a request, which condition keys are made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestContext:
    """Where, when, from which address and with which program somebody asks.

    ``region`` is the Region asked in, ``now`` lab time in epoch seconds.
    """

    region: str
    now: float
    source_ip: str
    user_agent: str
