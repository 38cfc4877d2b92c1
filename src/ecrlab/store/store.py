"""The store: repositories, blobs, manifests and tags over one database and a folder of files.

How a blob becomes durable: its bytes go to a temporary file, which is hashed as it grows and synced; then, under the
write lock, the file is renamed to its digest's name, the folder is synced, and only then does one transaction say that
the repository holds it. A process killed in between leaves at most a file that nothing names, which the next
`collect_garbage` removes.

One file because a store is one object to its callers: what it writes to repositories, blobs, manifests and tags belongs
to one transaction, and cut by noun it would be a second object model over the same tables. Open uploads, garbage and
rows, which have a state or a form of their own, are files beside it.
"""

import contextlib
import math
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from .database import Database, is_full
from .digest import algorithm_of, digest_of
from .documents import _LAST, Table, dump
from .errors import DigestMismatch, Exists, NotFound, ReferencesMissing, StoreError, StoreFull
from .folder import blob_path, lock_folder, make_folder, sync_folder
from .garbage import Collected, Garbage
from .records import Blob, Manifest, Reference, Repository
from .rows import MANIFEST, manifest_of, repository_of
from .upload import Upload
from .uploads import Uploads

_WITH_TAG = "EXISTS (SELECT 1 FROM tags t WHERE t.repository=m.repository AND t.digest=m.digest)"
_TAGGED = {None: "", True: f"AND {_WITH_TAG}", False: f"AND NOT {_WITH_TAG}"}
# Takes the wanted state twice.
_IN_STATE = "AND (? IS NULL OR coalesce(json_extract(m.attributes, '$.status'), 'ACTIVE')=?)"


class Store:
    """An open store. Get one from `Store.open`; reads and writes may come from any thread.

    A `Repository` given to a method must come from this store. Writes to one that was deleted raise NotFound.
    """

    def __init__(self, path: Path, lock: int, database: Database) -> None:
        self.path = path
        self._lock, self._database = lock, database
        self._blobs = path / "blobs"
        self._uploads = Uploads(path / "uploads")
        self._garbage = Garbage(database, self._blobs, self._uploads)

    @classmethod
    def open(cls, path: Path) -> "Store":
        """Open the store in a folder, which is made when it is missing, and keep every other process out.

        Raises:
            StoreInUse: another process (or this one) has it open.
            StoreDamaged, StoreTooNew: its database cannot be used; nothing was changed.
        """
        path = Path(path)
        make_folder(path)
        lock = lock_folder(path)
        try:
            database = Database(path / "store.sqlite3")
            with contextlib.suppress(OSError):
                (path / "store.sqlite3").chmod(0o600)
            shutil.rmtree(path / "uploads", ignore_errors=True)
            for folder in (path / "uploads", path / "blobs" / "sha256", path / "blobs" / "sha512"):
                make_folder(folder)
            sync_folder(path)
        except BaseException:
            os.close(lock)
            raise
        return cls(path, lock, database)

    def close(self) -> None:
        """Close the database and give the folder back. Call it once, when no thread uses the store any more."""
        self._database.close()
        os.close(self._lock)

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    # Documents and transactions

    def table(self, name: str) -> Table:
        """The collection of JSON documents of that name ("iam.users"); it exists as soon as something is put."""
        return Table(self._database, name)

    @contextlib.contextmanager
    def transaction(self) -> Iterator["Store"]:
        """Everything written inside, to tables and repositories alike, is written together and durably, or not at all.

        Reads of this thread see the writes; other threads see them after the end. A transaction inside another belongs
        to it. Gives this same store. Never await inside: the lock belongs to the thread.
        """
        with self._database.transaction():
            yield self

    @property
    def version(self) -> int:
        """A number that is another one after every transaction.

        What was worked out from reads that came after looking at it holds for as long as it is the same: read it
        first, then the documents, and keep both (decisions, parsed policies).
        """
        return self._database.version

    @property
    def in_transaction(self) -> bool:
        """Whether this thread is inside a transaction."""
        return self._database.mine

    # Repositories

    def create_repository(
        self, registry: str, name: str, attributes: Mapping[str, Any] | None = None, *, now: float
    ) -> Repository:
        """Make a repository, created at `now` (epoch seconds); raises Exists."""
        with self._database.transaction():
            if self.repository(registry, name) is not None:
                raise Exists(f"repository {name} exists in registry {registry}")
            number = self._database.insert(
                "INSERT INTO repositories (registry, name, created, attributes) VALUES (?,?,?,?)",
                (registry, name, now, dump(dict(attributes or {}))),
            )
        return Repository(number, registry, name, now, dict(attributes or {}))

    def repository(self, registry: str, name: str) -> Repository | None:
        """The repository, or None."""
        row = self._database.row(
            "SELECT id, registry, name, created, attributes FROM repositories WHERE registry=? AND name=?",
            (registry, name),
        )
        return None if row is None else repository_of(row)

    def repositories(
        self, registry: str, prefix: str = "", after: str | None = None, limit: int | None = None
    ) -> list[Repository]:
        """The repositories of a registry in the order of their names, from after `after` on, at most `limit`."""
        rows = self._database.rows(
            "SELECT id, registry, name, created, attributes FROM repositories "
            "WHERE registry=? AND name>=? AND name<? AND name>? ORDER BY name LIMIT ?",
            (registry, prefix, prefix + _LAST, after or "", -1 if limit is None else limit),
        )
        return [repository_of(row) for row in rows]

    def registries(self) -> list[str]:
        """Every registry that has a repository, sorted."""
        return [row[0] for row in self._database.rows("SELECT DISTINCT registry FROM repositories ORDER BY registry")]

    def update_repository(self, registry: str, name: str, attributes: Mapping[str, Any]) -> Repository:
        """Replace a repository's attributes; raises NotFound."""
        with self._database.transaction():
            changed = self._database.write(
                "UPDATE repositories SET attributes=? WHERE registry=? AND name=?",
                (dump(dict(attributes)), registry, name),
            )
            found = self.repository(registry, name)
            if not changed or found is None:
                raise NotFound(f"no repository {name} in registry {registry}")
        return found

    def delete_repository(self, registry: str, name: str) -> None:
        """Remove a repository with its manifests, tags and uploads; raises NotFound."""
        with self._database.transaction():
            found = self.repository(registry, name)
            if found is None:
                raise NotFound(f"no repository {name} in registry {registry}")
            self._database.write("DELETE FROM repositories WHERE id=?", (found.id,))
        self._uploads.cancel_all(found)

    def _require(self, repository: Repository) -> None:
        if self._database.row("SELECT 1 FROM repositories WHERE id=?", (repository.id,)) is None:
            raise NotFound(f"no repository {repository.name} in registry {repository.registry}")

    # Blobs

    def blob_path(self, digest: str) -> Path:
        """Where the file of a digest is or would be; raises DigestInvalid."""
        return blob_path(self._blobs, digest)

    def blob(self, repository: Repository, digest: str) -> Blob | None:
        """A blob of the repository, or None. Asking keeps it from garbage collection for a while."""
        key = (repository.id, digest)
        self._garbage.spare(key)
        row = self._database.row(
            "SELECT b.size, l.media_type FROM links l JOIN blobs b ON b.digest=l.digest "
            "WHERE l.repository=? AND l.digest=?",
            key,
        )
        if row is None:
            self._garbage.forget(key)
            return None
        return Blob(digest, row[0], self.blob_path(digest), row[1])

    def blobs(self, repository: Repository) -> list[Blob]:
        """Every blob of the repository, in the order of the digests."""
        rows = self._database.rows(
            "SELECT l.digest, b.size, l.media_type FROM links l JOIN blobs b ON b.digest=l.digest "
            "WHERE l.repository=? ORDER BY l.digest",
            (repository.id,),
        )
        return [Blob(digest, size, self.blob_path(digest), media_type) for digest, size, media_type in rows]

    def start_upload(self, repository: Repository, algorithm: str = "sha256") -> Upload:
        """Begin an upload. `algorithm` ("sha256", "sha512") is the one to hash with while the bytes arrive; the digest
        given at the end may be of the other one."""
        return self._uploads.start(repository, algorithm)

    def upload(self, repository: Repository, id: str) -> Upload | None:
        """An upload of this repository that was begun and neither finished nor cancelled, or None."""
        return self._uploads.get(repository, id)

    def cancel_upload(self, upload: Upload) -> None:
        """End an upload and forget its bytes; raises UploadBusy while somebody writes to it."""
        self._uploads.cancel(upload)

    def finish_upload(self, upload: Upload, digest: str) -> Blob:
        """Make what was uploaded a blob of its repository, durably. Blocks: call it off the event loop.

        Call it outside `upload.writing()`. The upload is over afterwards, except after DigestInvalid, UploadBusy and
        StoreFull.

        Raises:
            DigestInvalid: `digest` is not well-formed.
            DigestMismatch: the bytes hash to another digest.
            NotFound: the upload or its repository is gone.
            StoreFull, UploadBusy
        """
        algorithm = algorithm_of(digest)
        path = self.blob_path(digest)
        with upload.writing():
            if not self._uploads.has(upload):
                raise NotFound(f"no upload {upload.id}")
            computed = upload.digest(algorithm)
            if computed != digest:
                self._uploads.drop(upload)
                raise DigestMismatch(digest, computed)
            synced = False
            if not self._whole(digest, upload.size):
                upload.sync()
                synced = True
            try:
                with self._database.transaction():
                    self._require(upload.repository)
                    if not self._whole(digest, upload.size):
                        # Looked at again under the lock: garbage collection may have removed it since.
                        if not synced:
                            upload.sync()
                        make_folder(path.parent)
                        upload.move(path)
                        sync_folder(path.parent)
                    self._database.write(
                        "INSERT OR IGNORE INTO blobs (digest, size) VALUES (?,?)", (digest, upload.size)
                    )
                    self._link(upload.repository, digest)
            except NotFound:
                self._uploads.drop(upload)
                raise
            except OSError as error:
                if is_full(error):
                    raise StoreFull(self.path) from error
                raise
            finally:
                if upload.moved:  # even when the transaction failed: its bytes are no longer there to try again with
                    self._uploads.drop(upload)
            self._uploads.drop(upload)
        return Blob(digest, upload.size, path, None)

    def put_blob(self, repository: Repository, content: bytes, algorithm: str = "sha256") -> Blob:
        """Store a small blob whole and durably; returns it."""
        upload = self.start_upload(repository, algorithm)
        with upload.writing():
            upload.append(content)
        return self.finish_upload(upload, digest_of(content, algorithm))

    def _whole(self, digest: str, size: int) -> bool:
        if self._database.row("SELECT 1 FROM blobs WHERE digest=?", (digest,)) is None:
            return False
        try:
            return self.blob_path(digest).stat().st_size == size
        except FileNotFoundError:
            return False

    def _link(self, repository: Repository, digest: str) -> None:
        self._garbage.spare((repository.id, digest))
        self._database.write(
            "INSERT INTO links (repository, digest, linked) VALUES (?,?,?) "
            "ON CONFLICT (repository, digest) DO UPDATE SET linked=excluded.linked",
            (repository.id, digest, time.time()),
        )

    def mount_blob(self, source: Repository, target: Repository, digest: str) -> Blob | None:
        """Give `target` a blob that `source` has, without copying it; None when `source` has not."""
        with self._database.transaction():
            self._require(target)
            if self.blob(source, digest) is None:
                return None
            self._link(target, digest)
        return self.blob(target, digest)

    def delete_blob(self, repository: Repository, digest: str) -> bool:
        """Take a blob from the repository; whether it was there. Its file goes with the next `collect_garbage`."""
        return self._database.write("DELETE FROM links WHERE repository=? AND digest=?", (repository.id, digest)) > 0

    # Manifests and tags

    def put_manifest(
        self,
        repository: Repository,
        digest: str,
        media_type: str,
        content: bytes,
        references: Iterable[Reference],
        subject: str | None = None,
        *,
        artifact_type: str | None = None,
        tag: str | None = None,
        attributes: Mapping[str, Any] | None = None,
        now: float,
    ) -> Manifest:
        """Store a manifest and, with `tag`, point the tag at it, in one transaction.

        One that is there already keeps its `pushed_at`, its attributes and its other tags.

        Args:
            digest: what the content hashes to, checked.
            references: what the manifest names, from `ecrlab.oci.parse_manifest`; the repository must hold all of it.
            subject: the digest that it refers to, which need not exist.
            now: epoch seconds.

        Raises:
            DigestInvalid, DigestMismatch: about `digest`.
            ReferencesMissing: blobs or manifests that the repository does not hold.
            NotFound: the repository is gone.
        """
        computed = digest_of(content, algorithm_of(digest))
        if computed != digest:
            raise DigestMismatch(digest, computed)
        wanted = {reference.digest: reference for reference in references}
        with self._database.transaction():
            self._require(repository)
            missing = [reference for reference in wanted.values() if not self._holds(repository, reference)]
            if missing:
                raise ReferencesMissing(
                    [r.digest for r in missing if r.kind == "blob"], [r.digest for r in missing if r.kind == "manifest"]
                )
            added = self._database.write(
                "INSERT OR IGNORE INTO manifests "
                "(repository, digest, media_type, pushed_at, subject, artifact_type, attributes, content) "
                "VALUES (?,?,?,?,?,?,?,?)",
                (repository.id, digest, media_type, now, subject, artifact_type, dump(dict(attributes or {})), content),
            )
            for reference in wanted.values() if added else ():
                self._database.write(
                    "INSERT INTO mentions (repository, manifest, digest, kind) VALUES (?,?,?,?)",
                    (repository.id, digest, reference.digest, reference.kind),
                )
                if reference.kind == "blob" and reference.media_type:
                    self._database.write(
                        "UPDATE links SET media_type=? WHERE repository=? AND digest=? AND media_type IS NULL",
                        (reference.media_type, repository.id, reference.digest),
                    )
            if tag is not None:
                self._database.write(
                    "INSERT INTO tags (repository, tag, digest) VALUES (?,?,?) "
                    "ON CONFLICT (repository, tag) DO UPDATE SET digest=excluded.digest",
                    (repository.id, tag, digest),
                )
            stored = self.manifest_by_digest(repository, digest)
        if stored is None:
            raise StoreError(f"manifest {digest} was written and cannot be read")
        return stored

    def _holds(self, repository: Repository, reference: Reference) -> bool:
        table = "links" if reference.kind == "blob" else "manifests"
        query = f"SELECT 1 FROM {table} WHERE repository=? AND digest=?"
        return self._database.row(query, (repository.id, reference.digest)) is not None

    def manifest(self, repository: Repository, reference: str) -> Manifest | None:
        """The manifest under a reference as it stands in an address, or None: a digest has a colon, a tag has none."""
        if ":" in reference:
            return self.manifest_by_digest(repository, reference)
        return self.manifest_by_tag(repository, reference)

    def manifest_by_digest(self, repository: Repository, digest: str) -> Manifest | None:
        """The manifest of this digest, or None, whatever tags there are."""
        row = self._database.row(
            f"SELECT {MANIFEST} FROM manifests m WHERE m.repository=? AND m.digest=?", (repository.id, digest)
        )
        return self._with_tags(repository, row)

    def manifest_by_tag(self, repository: Repository, tag: str) -> Manifest | None:
        """The manifest that the tag points at, or None, whatever digests there are."""
        row = self._database.row(
            f"SELECT {MANIFEST} FROM tags t JOIN manifests m ON m.repository=t.repository AND m.digest=t.digest "
            "WHERE t.repository=? AND t.tag=?",
            (repository.id, tag),
        )
        return self._with_tags(repository, row)

    def _with_tags(self, repository: Repository, row: tuple[Any, ...] | None) -> Manifest | None:
        if row is None:
            return None
        tags = self._database.rows(
            "SELECT tag FROM tags WHERE repository=? AND digest=? ORDER BY tag", (repository.id, row[0])
        )
        return manifest_of(row, (tag for (tag,) in tags))

    def manifests(
        self,
        repository: Repository,
        after: tuple[float, str] | None = None,
        limit: int | None = None,
        tagged: bool | None = None,
        status: str | None = None,
    ) -> list[Manifest]:
        """Manifests in the order in which they were pushed, those of one moment in the order of their digests.

        Args:
            after: the time and the digest of a manifest: only later ones.
            limit: at most so many; None for all.
            tagged: only those with a tag, or without one; None for all.
            status: only those whose attribute "status" is this one ("ACTIVE" when they have none); None for all.
        """
        rows = self._database.rows(
            f"SELECT {MANIFEST} FROM manifests m WHERE m.repository=? AND (m.pushed_at, m.digest) > (?, ?) "
            f"{_TAGGED[tagged]} {_IN_STATE} ORDER BY m.pushed_at, m.digest LIMIT ?",
            (repository.id, *(after or (-math.inf, "")), status, status, -1 if limit is None else limit),
        )
        found = []
        for row in rows:
            tags = self._database.rows(
                "SELECT tag FROM tags WHERE repository=? AND digest=? ORDER BY tag", (repository.id, row[0])
            )
            found.append(manifest_of(row, (tag for (tag,) in tags)))
        return found

    def untagged(
        self, repository: Repository, after: str | None = None, limit: int | None = None, status: str | None = None
    ) -> list[str]:
        """Digests of the manifests without a tag in their order, from after the digest `after` on, at most `limit`.

        `status` as for `manifests`.
        """
        rows = self._database.rows(
            f"SELECT m.digest FROM manifests m WHERE m.repository=? AND m.digest>? {_TAGGED[False]} {_IN_STATE} "
            "ORDER BY m.digest LIMIT ?",
            (repository.id, after or "", status, status, -1 if limit is None else limit),
        )
        return [digest for (digest,) in rows]

    def count_repositories(self, registry: str) -> int:
        """How many repositories a registry has."""
        (count,) = self._database.rows("SELECT count(*) FROM repositories WHERE registry=?", (registry,))[0]
        return int(count)

    def count_manifests(self, repository: Repository) -> int:
        """How many manifests the repository holds."""
        (count,) = self._database.rows("SELECT count(*) FROM manifests WHERE repository=?", (repository.id,))[0]
        return int(count)

    def update_manifest(
        self,
        repository: Repository,
        digest: str,
        *,
        attributes: Mapping[str, Any] | None = None,
        last_pulled_at: float | None = None,
        pushed_at: float | None = None,
    ) -> None:
        """Change what is given of a manifest's record; raises NotFound."""
        text = None if attributes is None else dump(dict(attributes))
        changed = self._database.write(
            "UPDATE manifests SET attributes=coalesce(?, attributes), last_pulled_at=coalesce(?, last_pulled_at), "
            "pushed_at=coalesce(?, pushed_at) WHERE repository=? AND digest=?",
            (text, last_pulled_at, pushed_at, repository.id, digest),
        )
        if not changed:
            raise NotFound(f"no manifest {digest} in {repository.name}")

    def tags(
        self, repository: Repository, after: str | None = None, limit: int | None = None, status: str | None = None
    ) -> list[tuple[str, str]]:
        """Tags with their digests in the order of the tags (by code point), from after `after` on, at most `limit`.

        `status` as for `manifests`.
        """
        of_manifest = "JOIN manifests m ON m.repository=t.repository AND m.digest=t.digest"
        rows = self._database.rows(
            f"SELECT t.tag, t.digest FROM tags t {of_manifest if status else ''} WHERE t.repository=? AND t.tag>? "
            f"{_IN_STATE if status else ''} ORDER BY t.tag LIMIT ?",
            (repository.id, after or "", *((status, status) if status else ()), -1 if limit is None else limit),
        )
        return [(tag, digest) for tag, digest in rows]

    def delete_tag(self, repository: Repository, tag: str) -> bool:
        """Remove a tag, not its manifest; whether it was there."""
        return self._database.write("DELETE FROM tags WHERE repository=? AND tag=?", (repository.id, tag)) > 0

    def delete_manifest(self, repository: Repository, digest: str) -> bool:
        """Remove a manifest with its tags; whether it was there. Its layers go with a later `collect_garbage`."""
        return (
            self._database.write("DELETE FROM manifests WHERE repository=? AND digest=?", (repository.id, digest)) > 0
        )

    def parents(self, repository: Repository, digest: str) -> list[str]:
        """The digests of the manifests (indexes) of this repository that name `digest`, sorted."""
        rows = self._database.rows(
            "SELECT manifest FROM mentions WHERE repository=? AND digest=? ORDER BY manifest", (repository.id, digest)
        )
        return [row[0] for row in rows]

    def referrers(
        self,
        repository: Repository,
        digest: str,
        artifact_type: str | None = None,
        after: str | None = None,
        limit: int | None = None,
    ) -> list[Manifest]:
        """The manifests whose subject is `digest`, in the order of their digests; their `tags` are left empty.

        Args:
            artifact_type: only those of this type; None for all.
            after: only digests greater than this one.
            limit: at most so many; None for all.
        """
        rows = self._database.rows(
            f"SELECT {MANIFEST} FROM manifests m WHERE m.repository=? AND m.subject=? AND m.digest>? "
            "AND (? IS NULL OR m.artifact_type=?) ORDER BY m.digest LIMIT ?",
            (repository.id, digest, after or "", artifact_type, artifact_type, -1 if limit is None else limit),
        )
        return [manifest_of(row, ()) for row in rows]

    # Garbage

    def collect_garbage(self, grace: float = 3600.0) -> Collected:
        """Remove blobs that no manifest of their repository names, the files of blobs that no repository has, and idle
        uploads. Safe while others push: a blob linked or asked for within the last `grace` seconds (real time) stays.

        Blocks for as long as it takes, in short transactions: call it in a thread, outside a transaction.
        """
        return self._garbage.collect(grace)
