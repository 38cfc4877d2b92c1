"""The lab's clock: real time plus an offset that the learner moves."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol


class Documents(Protocol):
    """The part of a store's table that the clock needs."""

    def get(self, key: str) -> Any: ...

    def put(self, key: str, value: dict[str, Any]) -> None: ...


class Tables(Protocol):
    """The part of `ecrlab.store.Store` that the clock needs."""

    def table(self, name: str) -> Documents: ...


class Clock:
    """Lab time. The offset is kept in the store's table ``lab.clock``, so a restart does not turn the clock back."""

    def __init__(self, store: Tables) -> None:
        self._table = store.table("lab.clock")
        kept: Mapping[str, Any] = self._table.get("clock") or {}
        self._seconds = float(kept.get("offset_seconds", 0.0))

    @property
    def offset(self) -> timedelta:
        """How far lab time is ahead of real time."""
        return timedelta(seconds=self._seconds)

    def now(self) -> datetime:
        """Return lab time, aware, in UTC."""
        return datetime.fromtimestamp(self.time(), UTC)

    def time(self) -> float:
        """Return lab time as epoch seconds."""
        return time.time() + self._seconds

    def advance(self, by: timedelta) -> datetime:
        """Move lab time forward and return it. Raises ValueError for a negative step or one beyond 100 years."""
        seconds = by.total_seconds()
        if seconds < 0:
            raise ValueError("The lab clock only moves forward; reset() goes back to real time.")
        if self._seconds + seconds > 100 * 366 * 86400:
            raise ValueError("The lab clock cannot be more than 100 years ahead of real time.")
        self._set(self._seconds + seconds)
        return self.now()

    def reset(self) -> datetime:
        """Go back to real time and return it."""
        self._set(0.0)
        return self.now()

    def _set(self, seconds: float) -> None:
        self._table.put("clock", {"offset_seconds": seconds})
        self._seconds = seconds
