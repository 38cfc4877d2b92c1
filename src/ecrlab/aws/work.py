"""Work that the cloud does by itself, after a request or as time passes: replication, scans, lifecycle policies."""

from __future__ import annotations

import sys
import threading
import traceback
import uuid
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ecrlab.clock import Clock
from ecrlab.store import Store

Task = Mapping[str, Any]
# Workers and rounds are called with the cloud that `Work.run` is given; nothing here asks anything of it.
_Cloud = TypeVar("_Cloud")
WORKERS: dict[str, Callable[[Any, Task], None]] = {}
ROUNDS: list[Callable[[Any, float], None]] = []


class NotNow(Exception):  # noqa: N818 (a task that waits, not a failure)
    """Raised by a worker: the task cannot be done yet (its Region is off); it is tried again in the next round."""


def worker(kind: str) -> Callable[[Callable[[_Cloud, Task], None]], Callable[[_Cloud, Task], None]]:
    """Register a function as the one that carries out the tasks of ``kind``, in a worker thread, one at a time.

    It may run twice for one task, when the process was killed in between: it must come to the same end both times.
    """

    def register(function: Callable[[_Cloud, Task], None]) -> Callable[[_Cloud, Task], None]:
        WORKERS[kind] = function
        return function

    return register


def every_round(function: Callable[[_Cloud, float], None]) -> Callable[[_Cloud, float], None]:
    """Register a function that is called in every round with the cloud and lab time: about once a second, at once when
    the clock is moved. It decides by itself what is due, and must be quick when nothing is.
    """
    ROUNDS.append(function)
    return function


class Work:
    """The tasks that wait, kept in the store's table ``work``: a restart goes on where it was.

    Added inside a transaction, a task is there exactly when the transaction is.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._clock = clock
        self._table = store.table("work")
        self._lock = threading.Lock()
        # Set when something was added: the server need not wait for its next round.
        self.added = threading.Event()

    def add(self, kind: str, task: Task) -> None:
        """Keep a task for the next round; ``task`` is a JSON object."""
        # In the order of adding: what was pushed first is copied first.
        number = int((self._table.get("!next") or {"number": 0})["number"])
        self._table.put("!next", {"number": number + 1})
        self._table.put(f"task/{number:012d}", {"kind": kind, "task": dict(task), "id": uuid.uuid4().hex})
        self.added.set()

    def wake(self, seconds: float) -> None:
        """Let the next round begin after so many seconds: a task that waits has something to do then."""
        timer = threading.Timer(seconds, self.added.set)
        timer.daemon = True
        timer.start()

    def waiting(self, kind: str | None = None) -> list[Task]:
        """Return the tasks that wait, oldest first."""
        return [
            document["task"] for _, document in self._table.items("task/") if kind is None or document["kind"] == kind
        ]

    def run(self, cloud: object) -> int:
        """Carry out in ``cloud`` what waits and what is due at lab time now; return the number of tasks done.

        A fault in one is written to the log, and the task is given up; the others go on.
        """
        with self._lock:
            self.added.clear()
            now, done = self._clock.time(), 0
            for function in ROUNDS:
                try:
                    function(cloud, now)
                except Exception:
                    traceback.print_exc(file=sys.stderr)
            for key, document in self._table.items("task/"):
                try:
                    WORKERS[document["kind"]](cloud, document["task"])
                except NotNow:
                    continue
                except Exception:
                    traceback.print_exc(file=sys.stderr)
                self._table.delete(key)
                done += 1
            return done
