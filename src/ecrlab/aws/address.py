"""Where an upstream registry is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Address:
    """An upstream registry on this machine: ``host:port``, and who signs in there, if anybody."""

    host: str
    user: str | None = None
    password: str = ""
