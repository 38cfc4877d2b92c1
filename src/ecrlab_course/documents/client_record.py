"""What is known of a learner's client beside the X-ray: the cells that ran, and docker's own logins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Transcript:
    """One run of bash: a `%%bash` cell, or a command of an exercise. A terminal leaves none."""

    script: str
    profile: str
    code: int
    output: str
    before: int
    """The X-ray's last number when it began."""
    after: int
    """The same when it had ended: its requests are those above `before`, up to this one."""
    moment: float
    """When it began, by `time.monotonic()`."""
    expected: bool = False
    """The page itself expected this failure (`%%bash --fails`)."""


@dataclass(frozen=True)
class Login:
    """One login in a profile's docker configuration."""

    host: str
    """HOST:PORT, as docker keeps it."""
    user: str
    """The name of the person whose password it is; "" when the password is not one of the lab's."""
    account: str
    region: str
    expires: datetime | None
    """In lab time."""
