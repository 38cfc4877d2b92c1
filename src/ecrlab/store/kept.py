"""What was worked out from a store, kept until something is written to it."""

from collections.abc import Callable
from typing import Generic, TypeVar

from .store import Store

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Kept(Generic[_Key, _Value]):
    """Values that follow from their key and from what the store holds, and from nothing else.

    Any write to the store makes all of them be worked out again at the next look; so does reaching `most` of them.
    Inside a transaction of the asking thread nothing is kept or taken: what it has written so far may yet be undone.
    Safe from any thread.

    Args:
        store: whose version counts.
        most: how many values are kept at once.
    """

    __slots__ = ("_found", "_most", "_store")

    def __init__(self, store: Store, most: int = 1024) -> None:
        self._store, self._most = store, most
        self._found: tuple[int, dict[_Key, _Value]] = (-1, {})

    def get(self, key: _Key, read: Callable[[], _Value]) -> _Value:
        """Return the value of `key`, from `read` when it is not known. What `read` raises is not kept."""
        if self._store.in_transaction:
            return read()
        # Before reading: what is read while somebody writes is kept under the old version, which nobody asks for again.
        version = self._store.version
        known, values = self._found
        if known != version:
            values = {}
            self._found = (version, values)
        elif key in values:
            return values[key]
        value = read()
        if len(values) >= self._most:
            values.clear()
        values[key] = value
        return value

    def known(self, key: _Key) -> _Value | None:
        """Return the value of `key` that `keep` kept, None when there is none or the store was written to since."""
        version, values = self._found
        return values.get(key) if version == self._store.version and not self._store.in_transaction else None

    def keep(self, key: _Key, value: _Value, version: int) -> None:
        """Keep a value that was worked out in steps, begun when the store had `version`."""
        if version == self._store.version:
            self.get(key, lambda: value)
