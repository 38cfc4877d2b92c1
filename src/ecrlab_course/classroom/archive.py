"""What a board keeps on the disk: one SQLite file, a row per learner, readable by its owner only."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict, fields
from pathlib import Path

from ecrlab_course.classroom.board import Board, Learner


class Archive:
    """The file of one class. What is forgotten is overwritten there (`secure_delete`)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
        self._base = sqlite3.connect(path, isolation_level=None)
        self._base.execute("PRAGMA secure_delete = ON")
        # No write-ahead log: a learner who was forgotten must not stay in it.
        self._base.execute("PRAGMA journal_mode = DELETE")
        self._base.execute(
            "CREATE TABLE IF NOT EXISTS learners (id TEXT PRIMARY KEY, state TEXT NOT NULL) WITHOUT ROWID"
        )

    def learners(self) -> Iterator[Learner]:
        """Yield all learners that are kept."""
        known = {each.name for each in fields(Learner)}
        with closing(self._base.execute("SELECT state FROM learners ORDER BY id")) as rows:
            for (state,) in rows:
                yield Learner(**{name: value for name, value in json.loads(state).items() if name in known})

    def write(self, board: Board) -> int:
        """Write what changed on the board since the last call; return how many learners that were."""
        changed, board.changed = board.changed, set()
        if not changed:
            return 0
        self._base.execute("BEGIN")
        for identifier in changed:
            learner = board.learners.get(identifier)
            if learner is None:
                self._base.execute("DELETE FROM learners WHERE id = ?", (identifier,))
            else:
                state = json.dumps(asdict(learner), separators=(",", ":"))
                self._base.execute("INSERT OR REPLACE INTO learners VALUES (?, ?)", (identifier, state))
        self._base.execute("COMMIT")
        return len(changed)

    def close(self) -> None:
        """Close the file."""
        self._base.close()
