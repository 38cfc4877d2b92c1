"""What a store refuses, each with what was seen and what to do."""

# ruff: noqa: N818 (the names are agreed between the parts: what was found, not "...Error")
from collections.abc import Sequence
from pathlib import Path


class StoreError(Exception):
    """Anything the store refuses."""


class StoreInUse(StoreError):
    """Another process has the folder open.

    Args:
        path: the folder.
        pid: the process that holds it, None when it cannot be told.
    """

    def __init__(self, path: Path, pid: int | None) -> None:
        self.path, self.pid = path, pid
        who = f"process {pid}" if pid else "another process"
        kill = f"stop that process (kill {pid})" if pid else "stop that process"
        super().__init__(
            f"{path} is in use by {who}, and two processes must not share one lab. "
            f"Use the lab that runs (ecrlab status), stop it (ecrlab stop), or {kill}."
        )


class StoreDamaged(StoreError):
    """The database cannot be read as one of ours."""

    def __init__(self, path: Path, seen: str) -> None:
        self.path, self.seen = path, seen
        super().__init__(
            f"The lab's database {path} is damaged: {seen}. Nothing was changed. Put back a copy of the folder "
            f"{path.parent} made while the lab was stopped, or move that folder away and start again with an empty lab "
            "(your progress and your notebooks are kept elsewhere)."
        )


class StoreTooNew(StoreError):
    """The database was written by a newer version of this program."""

    def __init__(self, path: Path, found: int, known: int) -> None:
        self.path, self.found, self.known = path, found, known
        super().__init__(
            f"The lab's database {path} has format {found}; this version knows formats up to {known}. Nothing was "
            f"changed. Update ecrlab to the version that wrote it, or move the folder {path.parent} away and start "
            "again with an empty lab."
        )


class StoreFull(StoreError):
    """The disk has no room; nothing was stored."""

    def __init__(self, path: Path) -> None:
        self.path = path
        super().__init__(f"There is no room left on the disk that holds {path}. Free some space and try again.")


class NotFound(StoreError):
    """A repository, blob, manifest, tag or upload that is not there."""


class Exists(StoreError):
    """A repository of that name is already there."""


class DigestInvalid(StoreError):
    """A digest that is not `sha256:` and 64, or `sha512:` and 128, lower-case hexadecimal digits."""

    def __init__(self, digest: str) -> None:
        self.digest = digest
        super().__init__(
            f"{digest[:200]!r} is not a digest: expected sha256: and 64, or sha512: and 128, "
            "lower-case hexadecimal digits"
        )


class DigestMismatch(StoreError):
    """The bytes received hash to another digest than the one they were given under."""

    def __init__(self, given: str, computed: str) -> None:
        self.given, self.computed = given, computed
        super().__init__(f"the content hashes to {computed}, not to {given}")


class ReferencesMissing(StoreError):
    """A manifest names blobs or manifests that its repository does not hold.

    Args:
        blobs: the missing blobs' digests.
        manifests: the missing manifests' digests.
    """

    def __init__(self, blobs: Sequence[str], manifests: Sequence[str]) -> None:
        self.blobs, self.manifests = tuple(blobs), tuple(manifests)
        super().__init__("not in this repository: " + ", ".join((*self.blobs, *self.manifests)))


class UploadBusy(StoreError):
    """Another request is writing to the same upload."""
