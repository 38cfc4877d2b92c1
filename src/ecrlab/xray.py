"""The X-ray: every request that reached the lab, with the decision of IAM about it.

A ring buffer in memory answers readers; batches go to an append-only file beside the database, so rows survive a
restart. A row that was recorded less than a second before a kill -9 may be lost: it is a record, not state.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

CAPACITY = 10_000
FLUSH_SECONDS = 0.5

Row = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Entry:
    """What is recorded of one request, or of what a service did by itself.

    ``now`` is lab time in epoch seconds, ``decisions`` the questions put to IAM, in order. ``said`` is the sentence of
    a registry's error, kept because clients may not show it: an answer to HEAD has no body, and Podman's API leaves it
    out (facts A066, A072). ``trail`` is what `ecrlab.aws.cloudtrail` wants kept with the row; readers of rows do not
    see it. ``shows`` is what the answer said that is in neither its status nor its error: the hub's pull limit, the end
    of a token. ``origin`` is the Region that ``bytes_in`` came from, where it was another one. A row has ``shows`` and
    ``origin`` only where there is something.
    """

    now: float
    user_agent: str
    principal: str | None
    account: str | None
    region: str | None
    service: str
    method: str
    path: str
    operation: str | None
    decisions: Sequence[Mapping[str, Any]]
    status: int
    error: str | None
    bytes_in: int
    bytes_out: int
    duration_ms: float
    reason: str = ""
    said: str = ""
    trail: Mapping[str, Any] | None = None
    shows: Mapping[str, Any] | None = None
    origin: str | None = None


class XRay:
    """Rows of requests, numbered from 1 without gaps, the newest `CAPACITY` of them readable.

    ``path`` is the file that keeps them; None keeps them in memory only.
    """

    def __init__(self, path: Path | None = None, capacity: int = CAPACITY) -> None:
        self._path = path
        self._capacity = capacity
        self._rows: deque[Row] = deque(maxlen=capacity)
        self._unsaved: list[Row] = []
        self._in_file = 0
        self._changed: asyncio.Event | None = None
        self.last = 0
        if path is not None:
            self._load(path)

    def record(self, entry: Entry) -> None:
        """Add one row.

        Its action, resource, decision and reason are those of the deciding question: the first that was denied, else
        the first; ``reason`` is the row's when nothing was asked. Costs less than 30 microseconds, with saving (held by
        tests/aws/test_xray.py).
        """
        self.last += 1
        decisions = entry.decisions
        first = next((d for d in decisions if d["decision"] == "denied"), decisions[0] if decisions else None)
        row: Row = {
            "seq": self.last,
            "time": entry.now,
            "wall": time.time(),
            "client": client_of(entry.user_agent),
            "user_agent": entry.user_agent,
            "principal": entry.principal,
            "account": entry.account,
            "region": entry.region,
            "service": entry.service,
            "method": entry.method,
            "path": entry.path,
            "operation": entry.operation,
            "action": first["action"] if first else None,
            "resource": first["resource"] if first else None,
            "decision": first["decision"] if first else "not asked",
            "reason": first["reason"] if first else entry.reason,
            "decisions": decisions,
            "status": entry.status,
            "error": entry.error,
            "said": entry.said,
            "bytes_in": entry.bytes_in,
            "bytes_out": entry.bytes_out,
            "duration_ms": round(entry.duration_ms, 3),
        }
        if entry.trail is not None:
            row["trail"] = entry.trail
        if entry.shows:
            row["shows"] = entry.shows
        if entry.origin is not None:
            row["origin"] = entry.origin
        self._rows.append(row)
        if self._path is not None:
            self._unsaved.append(row)
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    def rows(self, after: int = 0, limit: int = 1000, opened: bool = False) -> list[Row]:
        """Return up to ``limit`` rows with a number above ``after``, oldest first.

        With ``opened`` their decisions carry everything that led to them (`authorization.explain`); those that were
        allowed before the lab's last start have it no more.
        """
        missing = self.last - after
        if missing <= 0:
            return []
        start = max(0, len(self._rows) - missing)
        found = [_shown(self._rows[i]) for i in range(start, min(start + limit, len(self._rows)))]
        return [_opened(row) for row in found] if opened else found

    def history(self) -> Iterator[Row]:
        """Yield the rows as they were recorded, newest first."""
        return reversed(self._rows)

    async def wait(self, after: int, seconds: float) -> None:
        """Return as soon as there is a row above ``after``, at the latest after ``seconds``."""
        if self.last > after or seconds <= 0:
            return
        if self._changed is None:
            self._changed = asyncio.Event()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), seconds)

    async def keep(self) -> None:
        """Save new rows every half second until cancelled. What a full disk does not take is not saved.

        The file has what a reader sees. A denial takes a millisecond to open, so requests go before the next one.
        """
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            for row in list(self._unsaved):
                if _look(row):
                    await asyncio.sleep(0)
            with contextlib.suppress(OSError):
                self.flush()

    def flush(self) -> None:
        """Write the rows that are not yet in the file. A full file becomes the old one; the one before goes."""
        if self._path is None or not self._unsaved:
            return
        batch, self._unsaved = self._unsaved, []
        if self._in_file >= self._capacity:
            self._path.replace(_old(self._path))
            self._in_file = 0
        new = not self._path.exists()
        # A header that is not UTF-8 arrives with lone surrogates: as \udcff they are JSON, too.
        with self._path.open("a", encoding="utf-8", errors="backslashreplace") as file:
            file.write(_lines(batch))
        if new:
            self._path.chmod(0o600)
        self._in_file += len(batch)

    def _load(self, path: Path) -> None:
        for file in (_old(path), path):
            try:
                text = file.read_text(encoding="utf-8", errors="replace")
            except FileNotFoundError:
                continue
            lines = text.splitlines()
            self._in_file = len(lines) if file == path else 0
            for line in lines:
                try:
                    row = json.loads(line)
                except ValueError:  # the line that a kill -9 cut off
                    continue
                if isinstance(row, dict) and isinstance(row.get("seq"), int) and row["seq"] > self.last:
                    self.last = row["seq"]
                    self._rows.append(row)
            if text and not text.endswith("\n"):
                with file.open("a", encoding="utf-8") as end:
                    end.write("\n")


def _old(path: Path) -> Path:
    return path.with_name(f"{path.stem}.old{path.suffix}")


def _lines(rows: Sequence[Row]) -> str:
    """The rows as JSON, one a line. What requests that are alike have in common is written out once a call."""
    known: dict[tuple[Any, ...], str] = {}
    lines = []
    for row in rows:
        # Decisions and trails are shared by rows, and not changed: the same object has the same text.
        alike = (
            *[row[name] for name in _ALIKE],
            row.get("origin"),
            *(id(row.get(name)) for name in _SHARED),
            *map(id, row["decisions"]),
        )
        rest = known.get(alike)
        if rest is None:
            _look(row)
            rest = known[alike] = _ENCODER.encode({key: row[key] for key in row if key not in _OWN})[1:]
        lines.append(
            f'{{"seq":{row["seq"]},"time":{row["time"]!r},"wall":{row["wall"]!r},"duration_ms":{row["duration_ms"]!r},'
            f"{rest}\n"
        )
    return "".join(lines)


# Objects that a row may have; several may have the same one.
_SHARED = ("trail", "shows")
# Each row has its own of these, all numbers.
_OWN = ("seq", "time", "wall", "duration_ms")
# The rest of a row follows from these, what it shares and its decisions.
_ALIKE = (
    "user_agent", "principal", "account", "region", "service", "method", "path", "operation", "reason", "status",
    "error", "said", "bytes_in", "bytes_out",
)  # fmt: skip


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=str)


def _shown(row: Row) -> Row:
    """The row as readers get it: lab time in ISO 8601, and what the decisions only work out for a reader."""
    _look(row)
    moment = row["time"]
    if not isinstance(moment, (int, float)):
        return row
    shown = {**row, "time": datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")}
    shown.pop("trail", None)
    return shown


def _look(row: Row) -> bool:
    """Have denials that wait until somebody looks fill in the rest (`authorization.explain`); tell if any did."""
    waiting = [
        each
        for each in row["decisions"]
        if each["decision"] == "denied" and "opened" not in each and hasattr(each, "seen")
    ]
    for each in waiting:
        each.seen()
    return bool(waiting)


def _opened(row: Row) -> Row:
    decisions = [each.opened() if hasattr(each, "opened") else each for each in row["decisions"]]
    return {**row, "decisions": decisions}


_CLIENTS = (
    ("ecr", r"^(replication|pullthroughcache)\.ecr\.amazonaws\.com$"),
    ("ecs", r"^ecs-tasks\.amazonaws\.com$"),
    ("lambda", r"^lambda\.amazonaws\.com$"),
    ("ec2", r"^ec2\.amazonaws\.com$"),
    ("docker", r"^docker/|docker-client|docker stand-in"),
    ("buildkit", r"^buildkit"),
    ("aws", r"^aws-cli/"),
    ("boto3", r"^boto3/"),
    ("skopeo", r"^skopeo"),
    ("podman", r"^podman|^libpod|^buildah"),
    ("skopeo", r"github\.com/containers/image"),
    ("containerd", r"^containerd"),
    ("curl", r"^curl/"),
    ("ecrlab", r"^ecrlab"),
    ("terraform", r"terraform"),
    ("boto3", r"^botocore/"),
    ("python", r"^python"),
    ("go", r"^go-"),
)


@lru_cache(maxsize=512)
def client_of(user_agent: str) -> str:
    """Return the short name of the program behind a User-Agent header; its first word when it is unknown."""
    lower = user_agent.lower()
    for name, pattern in _CLIENTS:
        if re.search(pattern, lower):
            return name
    return re.split(r"[/ ]", lower.strip(), maxsplit=1)[0][:20] or "unknown"
