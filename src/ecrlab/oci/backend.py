"""What stands before a registry: which repository a name means, who may do what, and what may be put."""

import enum
import time
from abc import ABC, abstractmethod
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from aiohttp import web

from ecrlab.store import Blob, Exists, Manifest, Repository, Store, Upload

from .error import OciError
from .manifest import ParsedManifest, parse_manifest

#: Where the store keeps a repository: (registry, repository name).
Key = tuple[str, str]

#: What a backend gives whoever it lets in.
G = TypeVar("G")


class Operation(enum.Enum):
    """What a request wants to do."""

    PING = "GET /v2/"
    HEAD_BLOB = "HEAD blob"
    GET_BLOB = "GET blob"
    DELETE_BLOB = "DELETE blob"
    START_UPLOAD = "POST upload"
    UPLOAD_BLOB = "POST upload with digest: the whole blob in one request"
    WRITE_UPLOAD = "PATCH upload"
    FINISH_UPLOAD = "PUT upload"
    UPLOAD_STATUS = "GET upload"
    CANCEL_UPLOAD = "DELETE upload"
    MOUNT_BLOB = "POST upload with mount and from"
    HEAD_MANIFEST = "HEAD manifest"
    GET_MANIFEST = "GET manifest"
    PUT_MANIFEST = "PUT manifest"
    DELETE_MANIFEST = "DELETE manifest or tag"
    LIST_TAGS = "GET tags"
    LIST_REFERRERS = "GET referrers"
    CATALOG = "GET catalog"


@dataclass(frozen=True)
class Access:
    """What a request asks for.

    Args:
        operation: what it wants to do.
        registry, repository: the store's key of the repository, which need not exist; None for PING and CATALOG.
        reference: the tag, digest or upload id in the path, or the digest to mount or to upload, as it was sent.
        source_repository: for MOUNT_BLOB, the store's key of the repository named by `from`.
    """

    operation: Operation
    registry: str | None = None
    repository: str | None = None
    reference: str | None = None
    source_repository: Key | None = None


class Entrance(ABC, Generic[G]):
    """Who may come in, and to which repository."""

    @abstractmethod
    async def locate(self, request: web.Request, name: str) -> Key:
        """The store's key of the repository that `name`, from the path, means; it need not exist.

        Raises:
            OciError: the name means nothing here (404 NAME_UNKNOWN).
        """

    @abstractmethod
    async def authorize(self, request: web.Request, access: Access) -> G:
        """Called once for each request, before it is carried out; the grant that it returns goes to all later hooks.
        The repository may be missing: say so (404), make it, or return, and the client is told NAME_UNKNOWN.

        Raises:
            OciError: 401, 403, 404.
            MountDeclined: see there.
        """

    @abstractmethod
    def now(self) -> float:
        """The time in epoch seconds."""


class UploadRules:
    """What may become a blob."""

    def largest_layer(self, repository: Repository) -> tuple[int, str] | None:
        """The most bytes that a blob pushed to `repository` may have, and the message (403 DENIED) for more of them.
        None: as many as the disk holds.
        """
        return None

    def check_upload(self, upload: Upload) -> None:
        """Called before an upload becomes a blob, when all its bytes are there.

        Raises:
            OciError: it does not become one, and is left as it is.
        """
        return


class ManifestHooks(Generic[G]):
    """What is said to a manifest that is pushed or deleted, and what happens with it."""

    def read_manifest(self, content: bytes, media_type: str) -> ParsedManifest:
        """What a manifest that is pushed is and names; `media_type` is what the client says it is, or "".

        Raises:
            OciError: it is not taken here.
        """
        return parse_manifest(content, media_type)

    def before_put_manifest(self, tx: Store, repository: Repository, reference: str, manifest: Manifest) -> None:
        """Called in a worker thread inside the transaction that stores `manifest`, before it does: what it writes to
        `tx` is written together with it. `manifest.tags` holds the tag being pushed, if any.

        Raises:
            OciError: the manifest is not stored (immutable tags).
        """
        return

    def after_put_manifest(
        self, grant: G, tx: Store, repository: Repository, manifest: Manifest, tag: str | None, new: bool
    ) -> None:
        """Called in that transaction too, when `manifest` is stored: what it writes to `tx` is written together with
        it. `manifest.tags` holds all its tags, `tag` is the one pushed; `new` is false when it, or without a tag the
        manifest, was there as it is now.
        """
        return

    def after_delete_manifest(self, tx: Store, repository: Repository, manifest: Manifest, tag: str | None) -> None:
        """Called inside the transaction that deletes `manifest`, as it was before, or with `tag` that tag only."""
        return


class PullPolicy(Generic[G]):
    """What is given out, and what counts as a pull."""

    def question(self, request: web.Request, key: Key) -> Hashable | None:
        """What `authorize` of a HEAD of a manifest follows from, besides what the store holds and which manifest is
        asked for: whose password, in which second, from where. None: something else counts as well.

        The same question is answered as before until something is written to the store: see `repeat`.
        """
        return None

    def repeat(self, request: web.Request, grant: G) -> None:
        """Called in place of `authorize` when a HEAD is answered as before, with the grant that was given then."""
        return

    async def blob_location(self, grant: G, repository: Repository, blob: Blob) -> str | None:
        """A URL to send the client to for the content of a blob (307), or None to serve it here."""
        return None

    def can_be_pulled(self, manifest: Manifest) -> bool:
        """Whether GET and HEAD find this manifest (one in an archive is there and cannot be pulled)."""
        return True

    def records_pull(self, grant: G, repository: Repository, manifest: Manifest) -> bool:
        """Whether this GET of a manifest counts as a pull of the image (last_pulled_at).

        Raises:
            OciError: the manifest is not given out (429, a pull limit).
        """
        return True


class ListingRules(Generic[G]):
    """What is listed."""

    def page(self, count: int | None) -> int | None:
        """How many names a page of a listing (tags, catalog) has when `count` are asked for; None stands for all.

        Raises:
            OciError: no such page is given.
        """
        return count

    async def catalog(self, grant: G) -> str:
        """The registry whose repositories /v2/_catalog lists.

        Raises:
            OciError: there is no such listing here.
        """
        raise OciError(404, "UNSUPPORTED", "this registry has no catalog")


class RegistryBackend(Entrance[G], UploadRules, ManifestHooks[G], PullPolicy[G], ListingRules[G]):
    """All that a registry asks. Derive from it: what is not abstract is a default.

    G is the grant: what the backend found out about whoever asks, and wants to know again in the later hooks of the
    same request.
    """


class OpenBackend(RegistryBackend[None]):
    """Everybody may do everything, and a push makes the repository.

    Args:
        store: where repositories are made.
        registry: the store's name of this one registry.
    """

    _MAKING = frozenset({Operation.START_UPLOAD, Operation.UPLOAD_BLOB, Operation.MOUNT_BLOB, Operation.PUT_MANIFEST})

    def __init__(self, store: Store, registry: str = "open") -> None:
        self._store, self._registry = store, registry

    async def locate(self, request: web.Request, name: str) -> Key:
        """The name itself, in the one registry."""
        return self._registry, name

    async def authorize(self, request: web.Request, access: Access) -> None:
        """Make the repository that is pushed to."""
        if access.operation not in self._MAKING or access.registry is None or access.repository is None:
            return
        if self._store.repository(access.registry, access.repository) is None:
            try:
                self._store.create_repository(access.registry, access.repository, now=self.now())
            except Exists:
                return

    async def catalog(self, grant: None) -> str:
        """The one registry."""
        return self._registry

    def now(self) -> float:
        """The machine's clock."""
        return time.time()
