"""Moments as Docker's API writes and reads them."""

from __future__ import annotations

from datetime import UTC, datetime

from ecrlab.hub.errors import HubError


def write_moment(seconds: float | None) -> str | None:
    """Write a moment, None for none."""
    if seconds is None:
        return None
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def read_moment(text: object) -> float | None:
    """Read the moment at which something expires, None for none. Raises HubError: it is none."""
    if text is None:
        return None
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        raise HubError(400, "expires_at is a moment such as 2027-01-31T12:00:00Z.") from None
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
