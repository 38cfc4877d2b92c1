"""Sums and outlines over a whole store, each by a few queries: what the explorer draws, and nothing that changes it.

"Named" means: some manifest names it. A blob whose images were deleted lies in the store, unnamed, until the next
`Store.collect_garbage`.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from .records import Repository
from .rows import repository_of
from .store import Store

#: Digests asked for in one query; SQLite takes at most 32766 parameters.
_MANY = 500


@dataclass(frozen=True)
class Usage:
    """One repository in numbers: how many manifests, tags and different blobs; sizes in bytes.

    `nominal` counts every named blob once for each manifest that names it, `stored` once.
    """

    repository: Repository
    manifests: int
    tags: int
    blobs: int
    nominal: int
    stored: int


@dataclass(frozen=True)
class Disk:
    """The files of a store: how many, their bytes, and the bytes of those that no manifest names."""

    files: int
    size: int
    unnamed: int


@dataclass(frozen=True)
class Outline:
    """A manifest without its content. `children` are the manifests that it names (an index does)."""

    digest: str
    media_type: str
    artifact_type: str | None
    subject: str | None
    pushed_at: float
    tags: tuple[str, ...]
    children: tuple[str, ...]


@dataclass(frozen=True)
class Held:
    """A blob: its size in bytes, how many manifests of one repository name it, how many repositories hold it."""

    size: int
    manifests: int
    repositories: int


@dataclass(frozen=True)
class Common:
    """A blob that manifests of several repositories name; `repositories` are the ids of all of these."""

    digest: str
    size: int
    repositories: tuple[int, ...]


class Survey:
    """Reads a store. Each method sees one moment; a push may come between two of them."""

    def __init__(self, store: Store) -> None:
        self._rows = store._database.rows

    def repositories(self) -> list[Repository]:
        """Every repository of every registry, by registry and name."""
        query = "SELECT id, registry, name, created, attributes FROM repositories ORDER BY registry, name"
        return [repository_of(row) for row in self._rows(query)]

    def usage(self, repository: Repository | None = None) -> list[Usage]:
        """Every repository in numbers, by registry and name, or only one; one pass over what their manifests name."""
        number = () if repository is None else (repository.id,)
        only, also = ("WHERE repository=?", "AND m.repository=?") if number else ("", "")
        sizes = {
            row[0]: row[1:]
            for row in self._rows(
                "SELECT repository, count(*), sum(size * uses), sum(size) FROM "
                "(SELECT m.repository, b.size, count(*) AS uses FROM mentions m JOIN blobs b ON b.digest=m.digest "
                f"WHERE m.kind='blob' {also} GROUP BY m.repository, m.digest) GROUP BY repository",
                number,
            )
        }
        manifests = dict(self._rows(f"SELECT repository, count(*) FROM manifests {only} GROUP BY repository", number))
        tags = dict(self._rows(f"SELECT repository, count(*) FROM tags {only} GROUP BY repository", number))
        found = []
        for one in self.repositories() if repository is None else [repository]:
            blobs, nominal, stored = sizes.get(one.id, (0, 0, 0))
            found.append(Usage(one, manifests.get(one.id, 0), tags.get(one.id, 0), blobs, nominal, stored))
        return found

    def disk(self) -> Disk:
        """The files of all blobs."""
        files, size = self._rows("SELECT count(*), coalesce(sum(size), 0) FROM blobs")[0]
        (named,) = self._rows(
            "SELECT coalesce(sum(b.size), 0) FROM blobs b "
            "WHERE b.digest IN (SELECT m.digest FROM mentions m WHERE m.kind='blob')"
        )[0]
        return Disk(files, size, size - named)

    def common(self, limit: int) -> list[Common]:
        """The blobs that several repositories name, those first that take the most room again, at most `limit`."""
        named = "EXISTS (SELECT 1 FROM mentions m WHERE m.repository=l.repository AND m.digest=l.digest)"
        rows = self._rows(
            "SELECT l.digest, b.size FROM links l JOIN blobs b ON b.digest=l.digest WHERE l.digest IN "
            f"(SELECT digest FROM links GROUP BY digest HAVING count(*)>1) AND {named} "
            "GROUP BY l.digest HAVING count(*)>1 ORDER BY b.size*(count(*)-1) DESC, l.digest LIMIT ?",
            (limit,),
        )
        found = []
        for digest, size in rows:
            holders = self._rows(f"SELECT l.repository FROM links l WHERE l.digest=? AND {named} ORDER BY 1", (digest,))
            found.append(Common(digest, size, tuple(number for (number,) in holders)))
        return found

    def outlines(self, repository: Repository) -> list[Outline]:
        """Every manifest of a repository, the one pushed first coming first."""
        tags: dict[str, list[str]] = {}
        for digest, tag in self._rows("SELECT digest, tag FROM tags WHERE repository=? ORDER BY tag", (repository.id,)):
            tags.setdefault(digest, []).append(tag)
        children: dict[str, list[str]] = {}
        for manifest, digest in self._rows(
            "SELECT manifest, digest FROM mentions WHERE repository=? AND kind='manifest'", (repository.id,)
        ):
            children.setdefault(manifest, []).append(digest)
        rows = self._rows(
            "SELECT digest, media_type, artifact_type, subject, pushed_at FROM manifests WHERE repository=? "
            "ORDER BY pushed_at, digest",
            (repository.id,),
        )
        return [
            Outline(digest, media_type, kind, subject, at, tuple(tags.get(digest, ())), tuple(children.get(digest, ())))
            for digest, media_type, kind, subject, at in rows
        ]

    def contents(self, repository: Repository, digests: Iterable[str]) -> dict[str, bytes]:
        """The content of manifests by their digests; one that is gone is left out."""
        found: dict[str, bytes] = {}
        for some in _portions(digests):
            query = f"SELECT digest, content FROM manifests WHERE repository=? AND digest IN ({_marks(some)})"
            found.update(self._rows(query, (repository.id, *some)))
        return found

    def held(self, repository: Repository, digests: Iterable[str]) -> dict[str, Held]:
        """Size and sharing of blobs by their digests; one that is gone is left out."""
        found: dict[str, Held] = {}
        for some in _portions(digests):
            named = dict(
                self._rows(
                    "SELECT digest, count(*) FROM mentions WHERE repository=? AND kind='blob' "
                    f"AND digest IN ({_marks(some)}) GROUP BY digest",
                    (repository.id, *some),
                )
            )
            for digest, size, repositories in self._rows(
                "SELECT b.digest, b.size, (SELECT count(*) FROM links l WHERE l.digest=b.digest) "
                f"FROM blobs b WHERE b.digest IN ({_marks(some)})",
                some,
            ):
                found[digest] = Held(size, named.get(digest, 0), repositories)
        return found


def _marks(values: Sequence[str]) -> str:
    return ",".join("?" * len(values))


def _portions(digests: Iterable[str]) -> Iterator[list[str]]:
    rest = iter(dict.fromkeys(digests))
    while some := list(islice(rest, _MANY)):
        yield some
