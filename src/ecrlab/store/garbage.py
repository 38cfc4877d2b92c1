"""What nobody needs any more: blobs without a manifest, files without a blob, idle uploads.

A client told that a layer is there goes on to push a manifest that names it, so what was asked for lately stays.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .database import Database
from .folder import blob_path
from .uploads import Uploads

#: Rows that one transaction of a collection may remove: writers wait no longer than that takes.
_BATCH = 200


@dataclass(frozen=True)
class Collected:
    """What a collection removed: links of repositories to blobs, blobs, bytes of files, idle uploads."""

    links: int
    blobs: int
    size: int
    uploads: int


class Garbage:
    """The garbage of a store.

    Args:
        database: that of the store.
        folder: where its blobs lie.
        uploads: its open uploads.
    """

    def __init__(self, database: Database, folder: Path, uploads: Uploads) -> None:
        self._database, self._folder, self._uploads = database, folder, uploads
        #: When a blob was last asked for, by (repository id, digest).
        self.touched: dict[tuple[int, str], float] = {}
        #: What a collection is about to unlink. It marks first and then looks whether somebody asked; whoever asks
        #: leaves a note first and then looks for the mark: so one of the two always sees the other.
        self.condemned: set[tuple[int, str]] = set()
        self._scanned = False

    def spare(self, key: tuple[int, str]) -> None:
        """Leave a blob alone for a while, from now on. What the database says of it afterwards holds."""
        self.touched[key] = time.monotonic()
        if key in self.condemned:
            with self._database.lock:
                pass  # until the collection has decided

    def forget(self, key: tuple[int, str]) -> None:
        """Undo `spare`: there is no such blob."""
        self.touched.pop(key, None)

    def collect(self, grace: float) -> Collected:
        """Remove what is garbage; as `Store.collect_garbage`."""
        uploads = self._uploads.cancel_idle()
        links = self._collect_links(grace)
        blobs, size = self._collect_blobs()
        if not self._scanned:  # a file that nothing names can only come from a process that was killed
            size += self._collect_files()
            self._scanned = True
        return Collected(links, blobs, size, uploads)

    def _collect_links(self, grace: float) -> int:
        unnamed = (
            "FROM links l WHERE l.linked<=? AND NOT EXISTS "
            "(SELECT 1 FROM mentions m WHERE m.repository=l.repository AND m.digest=l.digest)"
        )
        limit, count = time.time() - grace, 0
        candidates = self._database.rows(f"SELECT l.repository, l.digest {unnamed}", (limit,))
        for start in range(0, len(candidates), _BATCH):
            batch = candidates[start : start + _BATCH]
            with self._database.lock:
                self.condemned.update(batch)
                try:
                    count += self._unlink(batch, limit, time.monotonic() - grace)
                finally:
                    self.condemned.clear()
        since = time.monotonic() - grace
        for key, at in list(self.touched.items()):
            if at <= since:
                self.touched.pop(key, None)
        return count

    def _unlink(self, batch: Sequence[tuple[int, str]], limit: float, since: float) -> int:
        count = 0
        with self._database.transaction():
            for repository, digest in batch:
                if self.touched.get((repository, digest), float("-inf")) <= since:
                    # Asked again, under the lock: a manifest may have come to name it.
                    count += self._database.write(
                        "DELETE FROM links AS l WHERE l.repository=? AND l.digest=? AND l.linked<=? AND NOT EXISTS "
                        "(SELECT 1 FROM mentions m WHERE m.repository=l.repository AND m.digest=l.digest)",
                        (repository, digest, limit),
                    )
        return count

    def _collect_blobs(self) -> tuple[int, int]:
        loose = "SELECT b.digest, b.size FROM blobs b WHERE NOT EXISTS (SELECT 1 FROM links l WHERE l.digest=b.digest)"
        candidates, count, size = self._database.rows(loose), 0, 0
        for start in range(0, len(candidates), _BATCH):
            # The lock is kept until the files are gone: a push of the same digest must find row and file, or neither.
            with self._database.lock:
                gone = []
                with self._database.transaction():
                    for digest, length in candidates[start : start + _BATCH]:
                        if self._database.write(
                            "DELETE FROM blobs AS b WHERE b.digest=? AND NOT EXISTS "
                            "(SELECT 1 FROM links l WHERE l.digest=b.digest)",
                            (digest,),
                        ):
                            gone.append((digest, length))
                for digest, length in gone:
                    blob_path(self._folder, digest).unlink(missing_ok=True)
                    count, size = count + 1, size + length
        return count, size

    def _collect_files(self) -> int:
        size = 0
        for algorithm in ("sha256", "sha512"):
            for folder in sorted((self._folder / algorithm).iterdir()):
                for file in folder.iterdir():
                    with self._database.lock:
                        digest = f"{algorithm}:{file.name}"
                        if self._database.row("SELECT 1 FROM blobs WHERE digest=?", (digest,)) is None:
                            size += file.stat().st_size
                            file.unlink()
        return size
