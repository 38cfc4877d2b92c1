"""One SQLite database: a connection that writes, under a lock, and one a thread that reads.

Write-ahead logging with synchronous=FULL: a transaction that has returned is on the disk (SQLite, "PRAGMA
synchronous"), and readers never wait for the writer.
"""

import contextlib
import errno
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ecrlab.durable import is_durable

from .errors import StoreDamaged, StoreError, StoreFull, StoreTooNew

#: Written into the file, so that a database of another program is not taken for ours ("ECRL").
APPLICATION = 0x4543524C
#: The format that this version writes.
VERSION = 1

_BY_PUSH = "manifests_by_push ON manifests (repository, pushed_at, digest)"
_SCHEMA = f"""
CREATE TABLE documents (
    collection TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
    PRIMARY KEY (collection, key)
) WITHOUT ROWID;
CREATE TABLE repositories (
    id INTEGER PRIMARY KEY AUTOINCREMENT, registry TEXT NOT NULL, name TEXT NOT NULL,
    created REAL NOT NULL, attributes TEXT NOT NULL,
    UNIQUE (registry, name)
);
CREATE TABLE blobs (digest TEXT PRIMARY KEY, size INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE links (
    repository INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
    digest TEXT NOT NULL REFERENCES blobs,
    media_type TEXT, linked REAL NOT NULL,
    PRIMARY KEY (repository, digest)
) WITHOUT ROWID;
CREATE INDEX links_by_digest ON links (digest);
CREATE TABLE manifests (
    repository INTEGER NOT NULL REFERENCES repositories ON DELETE CASCADE,
    digest TEXT NOT NULL, media_type TEXT NOT NULL, pushed_at REAL NOT NULL, last_pulled_at REAL,
    subject TEXT, artifact_type TEXT, attributes TEXT NOT NULL, content BLOB NOT NULL,
    PRIMARY KEY (repository, digest)
);
CREATE INDEX {_BY_PUSH};
CREATE INDEX manifests_by_subject ON manifests (repository, subject, digest) WHERE subject IS NOT NULL;
CREATE TABLE mentions (
    repository INTEGER NOT NULL, manifest TEXT NOT NULL, digest TEXT NOT NULL, kind TEXT NOT NULL,
    PRIMARY KEY (repository, manifest, digest),
    FOREIGN KEY (repository, manifest) REFERENCES manifests (repository, digest) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX mentions_by_digest ON mentions (repository, digest);
CREATE TABLE tags (
    repository INTEGER NOT NULL, tag TEXT NOT NULL, digest TEXT NOT NULL,
    PRIMARY KEY (repository, tag),
    FOREIGN KEY (repository, digest) REFERENCES manifests (repository, digest) ON DELETE CASCADE
) WITHOUT ROWID;
CREATE INDEX tags_by_digest ON tags (repository, digest, tag);
"""


class Database:
    """An open database.

    Args:
        path: the file; made when it is not there.

    Raises:
        StoreDamaged, StoreTooNew: it is not one that this version can use. Nothing is changed then.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lock = threading.RLock()
        self._depth = 0
        self._owner = 0
        self._local = threading.local()
        self._readers: list[sqlite3.Connection] = []
        self._closed = False
        self.version = 0
        try:
            self._check_header()
            self._writer = self._connect()
            try:
                self._prepare()
            except BaseException:
                self._writer.close()
                raise
        except sqlite3.DatabaseError as error:
            raise self._translate(error) from error

    def _check_header(self) -> None:
        # Read before SQLite opens the file: SQLite would change a file it is shown (journal mode, recovery).
        if not self.path.exists() or self.path.stat().st_size == 0:
            return
        with self.path.open("rb") as file:
            header = file.read(100)
        if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
            raise StoreDamaged(self.path, "it does not begin as an SQLite database does")

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self.path, timeout=30, isolation_level=None, check_same_thread=False)
        connection.execute(f"PRAGMA synchronous={'FULL' if is_durable() else 'OFF'}")
        connection.execute("PRAGMA foreign_keys=ON")
        return connection

    def _prepare(self) -> None:
        (version,) = self._writer.execute("PRAGMA user_version").fetchone()
        (application,) = self._writer.execute("PRAGMA application_id").fetchone()
        (tables,) = self._writer.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        if tables and application != APPLICATION:
            raise StoreDamaged(self.path, "it is an SQLite database of another program")
        if version > VERSION:
            raise StoreTooNew(self.path, version, VERSION)
        if tables:
            (result,) = self._writer.execute("PRAGMA quick_check(1)").fetchone()
            if result != "ok":
                raise StoreDamaged(self.path, " ".join(str(result).split()))
            # The first homes of this format were made without it.
            self._writer.execute("CREATE INDEX IF NOT EXISTS " + _BY_PUSH)
        self._writer.execute("PRAGMA journal_mode=WAL")
        if not tables:
            marks = f"PRAGMA application_id={APPLICATION}; PRAGMA user_version={VERSION};"
            self._writer.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} {marks} COMMIT;")

    def _translate(self, error: sqlite3.Error) -> StoreError:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code == sqlite3.SQLITE_FULL:
            return StoreFull(self.path)
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            return StoreDamaged(self.path, str(error))
        return StoreError(f"The lab's database {self.path} cannot be used: {error}")

    @contextlib.contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything written inside is written together and durably, or not at all.

        One nested in another belongs to it: it becomes durable with the outer one, and what it wrote is undone when it
        raises, even if the outer one goes on. Other threads wait. Never await inside.
        """
        with self.lock:
            outermost = self._depth == 0
            name = f"nested_{self._depth}"
            self._run("BEGIN IMMEDIATE" if outermost else f"SAVEPOINT {name}")
            self._depth += 1
            self._owner = threading.get_ident()
            try:
                yield
                self._run("COMMIT" if outermost else f"RELEASE {name}")
                if outermost:
                    self.version += 1
            except BaseException:
                # A full disk makes SQLite roll back by itself; then there is nothing left to undo.
                with contextlib.suppress(sqlite3.Error):
                    if self._writer.in_transaction:
                        self._writer.execute("ROLLBACK" if outermost else f"ROLLBACK TO {name}")
                        if not outermost:
                            self._writer.execute(f"RELEASE {name}")
                raise
            finally:
                self._depth -= 1
                if outermost:
                    self._owner = 0

    @property
    def mine(self) -> bool:
        """Whether a transaction of this thread is open."""
        return self._owner == threading.get_ident()

    def _run(self, statement: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        if self._closed:
            raise StoreError("the store is closed")
        try:
            return self._writer.execute(statement, parameters)
        except sqlite3.OperationalError as error:
            raise self._translate(error) from error

    def write(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """Run one statement that writes, in the transaction of this thread or in its own; returns the rows changed."""
        with self.transaction():
            return self._run(statement, parameters).rowcount

    def insert(self, statement: str, parameters: Sequence[Any] = ()) -> int:
        """As `write`, and returns the number of the row that was inserted."""
        with self.transaction():
            return self._run(statement, parameters).lastrowid or 0

    def rows(self, statement: str, parameters: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query; inside a transaction of this thread with what it has written so far."""
        if self.mine:
            return self._run(statement, parameters).fetchall()
        try:
            return self._reader().execute(statement, parameters).fetchall()
        except sqlite3.OperationalError as error:
            raise self._translate(error) from error

    def row(self, statement: str, parameters: Sequence[Any] = ()) -> Any | None:
        """The first row of a query, or None."""
        rows = self.rows(statement, parameters)
        return rows[0] if rows else None

    def _reader(self) -> sqlite3.Connection:
        if self._closed:
            raise StoreError("the store is closed")
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._connect()
            connection.execute("PRAGMA query_only=ON")
            self._local.connection = connection
            self._readers.append(connection)  # not under the lock: a reader never waits for a writer
        return connection

    def close(self) -> None:
        """Close every connection. No other thread may be using the database."""
        with self.lock:
            self._closed = True
            for reader in self._readers:
                reader.close()
            self._readers.clear()
            self._writer.close()


def is_full(error: OSError) -> bool:
    """Whether an error of the file system says that there is no room."""
    return error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
