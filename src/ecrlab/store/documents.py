"""JSON documents by key, for the services above the store."""

import json
from typing import Any

from .database import Database

#: Sorts after every character that a key may hold.
_LAST = "\U0010ffff"


def dump(value: Any) -> str:
    """JSON text as the store keeps it: ASCII, so that a lone surrogate in a string cannot fail to be written."""
    return json.dumps(value, separators=(",", ":"))


class Table:
    """One collection of JSON objects, each under a key (a string); every write is durable when it returns.

    A document is a copy: changing a dict that `get` returned changes nothing until it is `put`.
    """

    def __init__(self, database: Database, name: str) -> None:
        self._database, self.name = database, name

    def get(self, key: str) -> dict[str, Any] | None:
        """The document under `key`, or None."""
        row = self._database.row("SELECT value FROM documents WHERE collection=? AND key=?", (self.name, key))
        if row is None:
            return None
        value: dict[str, Any] = json.loads(row[0])
        return value

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Keep `value` under `key`, in place of what was there."""
        self._database.write(
            "INSERT INTO documents (collection, key, value) VALUES (?,?,?) "
            "ON CONFLICT (collection, key) DO UPDATE SET value=excluded.value",
            (self.name, key, dump(value)),
        )

    def delete(self, key: str) -> bool:
        """Remove the document under `key`; whether there was one."""
        return self._database.write("DELETE FROM documents WHERE collection=? AND key=?", (self.name, key)) > 0

    def items(
        self, prefix: str = "", after: str | None = None, limit: int | None = None
    ) -> list[tuple[str, dict[str, Any]]]:
        """Keys and documents in the order of their keys (by code point).

        Args:
            prefix: only keys that begin so.
            after: only keys greater than this one.
            limit: at most so many; None for all.
        """
        rows = self._database.rows(
            "SELECT key, value FROM documents WHERE collection=? AND key>=? AND key<? AND key>? ORDER BY key LIMIT ?",
            (self.name, prefix, prefix + _LAST, after or "", -1 if limit is None else limit),
        )
        return [(key, json.loads(value)) for key, value in rows]
