"""The registry: every request below /v2/ of the OCI distribution specification 1.1."""

import asyncio
import json
import logging
import re
import urllib.parse
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, TypeVar

from aiohttp import HttpVersion11, hdrs, http_exceptions, web
from multidict import CIMultiDict

from ecrlab.store import (
    Blob,
    DigestInvalid,
    Kept,
    Manifest,
    NotFound,
    Repository,
    Store,
    StoreError,
    Upload,
    algorithm_of,
    digest_of,
)

from .backend import Access, Key, Operation, RegistryBackend
from .body import read_bounded, receive
from .download import blob_headers, send_blob
from .error import API_VERSION, MountDeclined, OciError, from_store
from .manifest import OCI_INDEX, ParsedManifest
from .record import BYTES_OUT, ERROR


class _NotOurs(logging.Filter):
    """Leaves out what aiohttp logs, with a traceback, of requests that are not HTTP: they were answered with 400."""

    def filter(self, record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, (http_exceptions.HttpProcessingError, ConnectionError))


_LOGGER = logging.getLogger("ecrlab.http")
_LOGGER.addFilter(_NotOurs())

#: For `aiohttp.web.AppRunner(app, **RUNNER_OPTIONS)`: a larger read buffer makes a push faster (N13), and a layer
#: is stored as it was sent, whatever Content-Encoding says.
RUNNER_OPTIONS: Final[dict[str, Any]] = {
    "read_bufsize": 512 * 1024,
    "auto_decompress": False,
    "access_log": None,
    "logger": _LOGGER,
}

#: ECR's limit (facts E013), with room for the characters that are more than one byte.
MAX_MANIFEST = 4 * 1024 * 1024 + 64 * 1024
#: A page of referrers ends when it is larger than this, in bytes.
_REFERRERS_PAGE = 4 * 1024 * 1024
#: An image pulled again within so many seconds keeps its last_pulled_at: not every pull is worth a write.
_PULL_RESOLUTION = 60.0
#: Names may be longer than a repository's 255, by the registry host that stands before it.
_MAX_NAME = 512

_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(rf"{_PART}(?:/{_PART})*")
_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")
_PATH = re.compile(
    r"/v2/(?P<name>.+)/(?:blobs/uploads/(?P<upload>[^/]*)|blobs/(?P<blob>[^/]+)|manifests/(?P<manifest>[^/]+)"
    r"|tags/(?P<tags>list)|referrers/(?P<referrers>[^/]+))",
    re.DOTALL,
)
_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/(?:[0-9]+|\*))?")

_T = TypeVar("_T")


class Registry:
    """Serves a store by the distribution protocol.

    A handler leaves in the request what it did: BYTES_IN, BYTES_OUT and, after an error, ERROR. A download has been
    sent whole when `handle` returns.

    Args:
        store: where everything is kept.
        backend: names, rights and vetoes.
    """

    def __init__(self, store: Store, backend: RegistryBackend) -> None:
        self._store, self._door = store, backend
        self._repositories: Kept[Key, Repository | None] = Kept(store)
        # By repository and reference: most requests ask whether an image is there, and under which digest.
        self._heads: Kept[tuple[int, str], CIMultiDict[str]] = Kept(store)
        # Threads for what blocks on the disk. One per core would leave others waiting behind a slow sync.
        self._executor = ThreadPoolExecutor(16, "ecrlab-store")
        self._handlers: dict[str, dict[str, _Handler]] = {
            "blob": {"GET": self._get_blob, "HEAD": self._head_blob, "DELETE": self._delete_blob},
            "manifest": {
                "GET": self._get_manifest,
                "HEAD": self._head_manifest,
                "PUT": self._put_manifest,
                "DELETE": self._delete_manifest,
            },
            "upload": {
                "GET": self._upload_status,
                "HEAD": self._upload_status,
                "PATCH": self._write_upload,
                "PUT": self._finish_upload,
                "DELETE": self._cancel_upload,
            },
            "uploads": {"POST": self._start_upload},
            "tags": {"GET": self._list_tags},
            "referrers": {"GET": self._list_referrers},
        }

    def routes(self) -> list[web.RouteDef]:
        """Routes for an aiohttp application."""
        paths = ("/v2", "/v2/{rest:.*}")
        return [web.route("*", path, self.handle, expect_handler=expect) for path in paths]

    def close(self) -> None:
        """Wait for the threads that still write and end them; call it before `Store.close`."""
        self._executor.shutdown()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request whose path is /v2 or below it."""
        try:
            return await self._dispatch(request)
        except OciError as error:
            refusal = error
        except StoreError as error:
            refusal = from_store(error)
        except ConnectionError:
            refusal = OciError(400, "BLOB_UPLOAD_INVALID", "the connection broke")  # for the record: nobody hears it
        except web.HTTPException:
            raise
        except Exception:
            if request.writer.output_size > 0:
                raise  # an answer has begun, and only a broken connection can say that it is not whole
            # Not a 5xx: clients would repeat the request for a minute and show nothing. The log has the whole story.
            _LOGGER.exception("Error handling %s %s", request.method, request.raw_path[:300])
            text = "the lab failed on this request (a fault of the lab, not yours); its log has the whole story"
            refusal = OciError(400, "UNKNOWN", text)
        request[ERROR] = refusal.code
        return refusal.response()

    async def _dispatch(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path in ("/v2/", "/v2"):
            return await self._ping(request)
        if path == "/v2/_catalog":
            return await self._catalog(request)
        # A slash written as %2F belongs to what the path ends with, so that the door can say what is wrong with it.
        match = _PATH.fullmatch(path) or _PATH.fullmatch(request.rel_url.path_safe)
        if match is None:
            raise OciError(404, "UNSUPPORTED", f"there is nothing at {path[:300]}")
        kind, reference, name = str(match.lastgroup), match[match.lastgroup or 0], match["name"]
        if kind == "upload" and not reference:
            kind = "uploads"
        handler = self._handlers[kind].get(request.method)
        if handler is None:
            raise _not_allowed(request, self._handlers[kind])
        if len(name) > _MAX_NAME or not _NAME.fullmatch(name):
            text = "invalid repository name: lower-case letters and digits, separated by . _ __ - or /"
            raise OciError(400, "NAME_INVALID", text, {"name": name[:_MAX_NAME]})
        key = await self._door.locate(request, name)
        return await handler(_Call(request, name, key, reference))

    async def _authorize(
        self, call: "_Call", operation: Operation, source: Key | None = None, reference: str | None = None
    ) -> Repository:
        repository = await self._look(call, operation, source, reference)
        if repository is None:
            raise OciError(404, "NAME_UNKNOWN", "repository name not known to registry", {"name": call.name})
        return repository

    async def _look(
        self, call: "_Call", operation: Operation, source: Key | None = None, reference: str | None = None
    ) -> Repository | None:
        access = Access(operation, *call.key, reference or call.reference or None, source)
        await self._door.authorize(call.request, access)
        return self._repositories.get(call.key, lambda: self._store.repository(*call.key))

    async def _run(self, function: Callable[..., _T], *arguments: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *arguments)

    # End points without a repository

    async def _ping(self, request: web.Request) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            raise _not_allowed(request, ("GET", "HEAD"))
        await self._door.authorize(request, Access(Operation.PING))
        return web.json_response({}, headers=API_VERSION)

    async def _catalog(self, request: web.Request) -> web.Response:
        if request.method != "GET":
            raise _not_allowed(request, ("GET",))
        await self._door.authorize(request, Access(Operation.CATALOG))
        registry = await self._door.catalog(request)
        count, last = self._page(request)
        if count == 0:
            return web.json_response({"repositories": []}, headers=API_VERSION)
        found = self._store.repositories(registry, "", last, None if count is None else count + 1)
        names = [repository.name for repository in found]
        return _listing(request, {}, "repositories", names, count)

    # Blobs

    async def _find_blob(self, call: "_Call", operation: Operation) -> tuple[Repository, Blob]:
        repository = await self._authorize(call, operation)
        _check_digest(call.reference)
        blob = self._store.blob(repository, call.reference)
        if blob is None:
            raise OciError(404, "BLOB_UNKNOWN", "blob unknown to registry", {"digest": call.reference})
        return repository, blob

    async def _head_blob(self, call: "_Call") -> web.Response:
        _, blob = await self._find_blob(call, Operation.HEAD_BLOB)
        return web.Response(headers={**blob_headers(blob), "Content-Length": str(blob.size)})

    async def _get_blob(self, call: "_Call") -> web.StreamResponse:
        repository, blob = await self._find_blob(call, Operation.GET_BLOB)
        location = await self._door.blob_location(call.request, repository, blob)
        if location is not None:
            headers = {**API_VERSION, "Location": location, "Docker-Content-Digest": blob.digest}
            return web.Response(status=307, headers=headers)
        return await send_blob(call.request, blob)

    async def _delete_blob(self, call: "_Call") -> web.Response:
        repository, blob = await self._find_blob(call, Operation.DELETE_BLOB)
        await self._run(self._store.delete_blob, repository, blob.digest)
        return web.Response(status=202, headers=API_VERSION)

    # Uploads

    async def _start_upload(self, call: "_Call") -> web.Response:
        query = call.request.query
        mount, origin, digest = query.get("mount"), query.get("from"), query.get("digest")
        if mount and origin and _NAME.fullmatch(origin) and len(origin) <= _MAX_NAME:
            return await self._mount(call, mount, origin)
        if digest:
            return await self._upload_blob(call, digest)
        repository = await self._authorize(call, Operation.START_UPLOAD)
        return self._accepted(call, self._store.start_upload(repository, _algorithm(call.request)))

    async def _mount(self, call: "_Call", digest: str, origin: str) -> web.Response:
        try:
            source_key = await self._door.locate(call.request, origin)
        except OciError:
            # What cannot be mounted is uploaded instead (OCI distribution 1.1, "Mounting a blob").
            repository = await self._authorize(call, Operation.START_UPLOAD)
            return self._accepted(call, self._store.start_upload(repository))
        blob = None
        try:
            repository = await self._authorize(call, Operation.MOUNT_BLOB, source_key, digest)
        except MountDeclined:
            declined = self._store.repository(*call.key)
            if declined is None:
                raise OciError(404, "NAME_UNKNOWN", "repository name not known to registry") from None
            repository = declined
        else:
            _check_digest(digest)
            source = self._store.repository(*source_key)
            if source is not None:
                blob = await self._run(self._store.mount_blob, source, repository, digest)
        if blob is None:
            return self._accepted(call, self._store.start_upload(repository))
        return self._created(call, blob)

    async def _upload_blob(self, call: "_Call", digest: str) -> web.Response:
        repository = await self._authorize(call, Operation.UPLOAD_BLOB, reference=digest)
        algorithm = _check_digest(digest)
        upload = self._store.start_upload(repository, algorithm)
        try:
            with upload.writing():
                await self._receive(call, upload)
            self._door.check_upload(upload)
            return self._created(call, await self._run(self._store.finish_upload, upload, digest))
        except BaseException:
            if self._store.upload(repository, upload.id) is not None:
                self._store.cancel_upload(upload)
            raise

    async def _find_upload(self, call: "_Call", operation: Operation) -> Upload:
        repository = await self._authorize(call, operation)
        upload = self._store.upload(repository, call.reference)
        if upload is None:
            raise OciError(
                404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry", {"upload": call.reference[:64]}
            )
        return upload

    async def _upload_status(self, call: "_Call") -> web.Response:
        upload = await self._find_upload(call, Operation.UPLOAD_STATUS)
        return web.Response(status=204, headers=self._upload_headers(call, upload))

    async def _write_upload(self, call: "_Call") -> web.Response:
        upload = await self._find_upload(call, Operation.WRITE_UPLOAD)
        with upload.writing():
            await self._receive(call, upload, self._chunk(call, upload))
            return self._accepted(call, upload)

    async def _finish_upload(self, call: "_Call") -> web.Response:
        upload = await self._find_upload(call, Operation.FINISH_UPLOAD)
        digest = call.request.query.get("digest", "")
        _check_digest(digest)
        with upload.writing():
            await self._receive(call, upload, self._chunk(call, upload))
        self._door.check_upload(upload)
        try:
            blob = await self._run(self._store.finish_upload, upload, digest)
        except NotFound:
            raise OciError(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry") from None
        return self._created(call, blob)

    async def _cancel_upload(self, call: "_Call") -> web.Response:
        upload = await self._find_upload(call, Operation.CANCEL_UPLOAD)
        await self._run(self._store.cancel_upload, upload)
        return web.Response(status=204, headers=API_VERSION)

    async def _receive(self, call: "_Call", upload: Upload, length: int | None = None) -> None:
        largest = self._door.largest_layer(upload.repository)
        await receive(call.request, upload, self._executor, length, largest)

    def _chunk(self, call: "_Call", upload: Upload) -> int | None:
        """The number of bytes that Content-Range announces, None without one; raises unless they come next."""
        text = call.request.headers.get(hdrs.CONTENT_RANGE)
        if text is None:
            return None
        match = _CONTENT_RANGE.fullmatch(text.strip())
        if match is None or int(match[2]) < int(match[1]):
            raise OciError(400, "BLOB_UPLOAD_INVALID", f"Content-Range {text[:80]!r} is not FIRST-LAST, as in 0-1023")
        first, length = int(match[1]), int(match[2]) - int(match[1]) + 1
        if first != upload.size:
            message = f"the chunk begins at byte {first}, but the upload has {upload.size} bytes: send from there"
            raise OciError(416, "RANGE_INVALID", message, headers=self._upload_headers(call, upload))
        announced = call.request.content_length
        if announced is not None and announced != length:
            text = f"Content-Range announces {length} bytes and Content-Length {announced}"
            raise OciError(400, "SIZE_INVALID", text)
        return length

    def _upload_headers(self, call: "_Call", upload: Upload) -> dict[str, str]:
        return {
            **API_VERSION,
            "Location": f"/v2/{call.name}/blobs/uploads/{upload.id}",
            # Of nothing, too: docker refuses an answer without a range, or with one that ends before it begins.
            "Range": f"0-{max(upload.size - 1, 0)}",
            "Docker-Upload-UUID": upload.id,
        }

    def _accepted(self, call: "_Call", upload: Upload) -> web.Response:
        return web.Response(status=202, headers=self._upload_headers(call, upload))

    def _created(self, call: "_Call", blob: Blob) -> web.Response:
        location = f"/v2/{call.name}/blobs/{blob.digest}"
        headers = {**API_VERSION, "Location": location, "Docker-Content-Digest": blob.digest}
        return web.Response(status=201, headers=headers)

    # Manifests and tags

    async def _get_manifest(self, call: "_Call") -> web.Response:
        request = call.request
        repository = await self._authorize(call, Operation.GET_MANIFEST)
        manifest = self._find_to_pull(call, repository)
        if self._door.records_pull(request, repository, manifest):
            await self._record_pull(repository, manifest)
        request[BYTES_OUT] = manifest.size
        return web.Response(body=manifest.content, headers=_manifest_headers(manifest))

    async def _head_manifest(self, call: "_Call") -> web.Response:
        repository = await self._authorize(call, Operation.HEAD_MANIFEST)

        def read() -> CIMultiDict[str]:
            manifest = self._find_to_pull(call, repository)
            return CIMultiDict({**_manifest_headers(manifest), "Content-Length": str(manifest.size)})

        # A copy: whoever sends the answer adds its own headers to it.
        return web.Response(headers=CIMultiDict(self._heads.get((repository.id, call.reference), read)))

    async def _record_pull(self, repository: Repository, manifest: Manifest) -> None:
        now, last = self._door.now(), manifest.last_pulled_at
        if last is not None and 0 <= now - last < _PULL_RESOLUTION:
            return
        try:
            await self._run(lambda: self._store.update_manifest(repository, manifest.digest, last_pulled_at=now))
        except NotFound:
            return  # deleted in between; the client still gets what was there when it asked

    def _find_manifest(self, call: "_Call", repository: Repository) -> Manifest:
        if ":" in call.reference:
            _check_digest(call.reference)
        # Whatever the tag looks like: by its API ECR takes more of them than a push does.
        manifest = self._store.manifest(repository, call.reference) if _encodable(call.reference) else None
        if manifest is None:
            raise _manifest_unknown(call)
        return manifest

    def _find_to_pull(self, call: "_Call", repository: Repository) -> Manifest:
        manifest = self._find_manifest(call, repository)
        if not self._door.can_be_pulled(manifest):
            raise _manifest_unknown(call)
        return manifest

    async def _put_manifest(self, call: "_Call") -> web.Response:
        repository = await self._authorize(call, Operation.PUT_MANIFEST)
        tag = None if ":" in call.reference else call.reference
        if tag is None:
            _check_digest(call.reference)
        elif not _TAG.fullmatch(tag):
            message = "a tag has 1 to 128 letters, digits, _ . or -, and does not begin with . or -"
            raise OciError(400, "MANIFEST_INVALID", f"invalid tag: {message}", {"tag": tag[:200]})
        content = await read_bounded(call.request, MAX_MANIFEST, _too_large)
        media_type = call.request.headers.get("Content-Type", "").split(";")[0].strip()
        parsed = self._door.read_manifest(content, media_type)
        digest = call.reference if tag is None else digest_of(content)
        await self._run(self._store_manifest, call, repository, digest, tag, content, parsed)
        headers = {
            **API_VERSION,
            "Location": f"/v2/{call.name}/manifests/{digest}",
            "Docker-Content-Digest": digest,
        }
        if parsed.subject is not None:
            headers["OCI-Subject"] = parsed.subject
        return web.Response(status=201, headers=headers)

    def _store_manifest(
        self,
        call: "_Call",
        repository: Repository,
        digest: str,
        tag: str | None,
        content: bytes,
        parsed: ParsedManifest,
    ) -> None:
        now = self._door.now()
        offered = Manifest(
            digest=digest,
            media_type=parsed.media_type,
            content=content,
            pushed_at=now,
            last_pulled_at=None,
            subject=parsed.subject,
            artifact_type=parsed.artifact_type,
            tags=() if tag is None else (tag,),
            attributes={},
        )
        with self._store.transaction() as tx:
            self._door.before_put_manifest(tx, repository, call.reference, offered)
            before = tx.manifest(repository, call.reference)
            stored = tx.put_manifest(
                repository,
                digest,
                parsed.media_type,
                content,
                parsed.references,
                parsed.subject,
                artifact_type=parsed.artifact_type,
                tag=tag,
                now=now,
            )
            new = before is None or before.digest != digest
            self._door.after_put_manifest(call.request, tx, repository, stored, tag, new)

    async def _delete_manifest(self, call: "_Call") -> web.Response:
        repository = await self._authorize(call, Operation.DELETE_MANIFEST)
        manifest = self._find_manifest(call, repository)
        tag = None if ":" in call.reference else call.reference
        await self._run(self._remove_manifest, repository, manifest, tag)
        return web.Response(status=202, headers=API_VERSION)

    def _remove_manifest(self, repository: Repository, manifest: Manifest, tag: str | None) -> None:
        with self._store.transaction() as tx:
            if tag is None:
                tx.delete_manifest(repository, manifest.digest)
            else:
                tx.delete_tag(repository, tag)
            self._door.after_delete_manifest(tx, repository, manifest, tag)

    def _page(self, request: web.Request) -> tuple[int | None, str | None]:
        """How many names to list, None for all, and the one to list from."""
        count, last = request.query.get("n"), request.query.get("last")
        if count is not None and not re.fullmatch("[0-9]{1,9}", count):
            raise OciError(400, "PAGINATION_NUMBER_INVALID", f"n={count[:40]!r} is not a number from 0 on")
        if not _encodable(last):
            raise OciError(400, "PAGINATION_NUMBER_INVALID", "last is not text")
        return self._door.page(None if count is None else int(count)), last

    async def _list_tags(self, call: "_Call") -> web.Response:
        repository = await self._authorize(call, Operation.LIST_TAGS)
        count, last = self._page(call.request)
        if count == 0:
            return web.json_response({"name": call.name, "tags": []}, headers=API_VERSION)
        found = self._store.tags(repository, last, None if count is None else count + 1)
        return _listing(call.request, {"name": call.name}, "tags", [tag for tag, _ in found], count)

    async def _list_referrers(self, call: "_Call") -> web.Response:
        # Nothing refers to anything in a repository that is not there, and a 404 would say that there is no such API
        # (OCI distribution 1.1, "Listing Referrers").
        repository = await self._look(call, Operation.LIST_REFERRERS)
        _check_digest(call.reference)
        query = call.request.query
        artifact_type = query.get("artifactType") or None
        last, entries, size, more = query.get("last"), [], 0, repository is not None
        if not _encodable(artifact_type) or not _encodable(last):
            raise OciError(400, "UNSUPPORTED", "the query is not text")
        while repository is not None and more and size < _REFERRERS_PAGE:
            found = self._store.referrers(repository, call.reference, artifact_type, last, 50)
            more = len(found) == 50
            for manifest in found:
                last = manifest.digest
                entries.append(_referrer(manifest))
                size += len(json.dumps(entries[-1]))
        headers = {**API_VERSION, "Content-Type": OCI_INDEX}
        if artifact_type:
            headers["OCI-Filters-Applied"] = "artifactType"
        if more and last:
            headers["Link"] = _next(call.request, last=last)
        body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
        call.request[BYTES_OUT] = len(body)
        return web.Response(body=body, headers=headers)


async def expect(request: web.Request) -> None:
    """Answer an Expect header; give it to every route as `expect_handler`.

    aiohttp's own repeats the header in its refusal and fails (500) when that is not UTF-8.
    """
    if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
        raise web.HTTPExpectationFailed(text="the only expectation that is met here is 100-continue")
    if request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # this is not the answer's beginning yet


class _Call:
    """One request for one repository: the name as the client wrote it, its key, and what the path ends with."""

    __slots__ = ("key", "name", "reference", "request")

    def __init__(self, request: web.Request, name: str, key: Key, reference: str) -> None:
        self.request, self.name, self.key, self.reference = request, name, key, reference


_Handler = Callable[[_Call], Awaitable[web.StreamResponse]]


def _not_allowed(request: web.Request, methods: Any) -> OciError:
    allowed = ", ".join(methods)
    text = f"{request.method[:20]} is not supported here, only {allowed}"
    return OciError(405, "UNSUPPORTED", text, headers={"Allow": allowed})


def _too_large() -> OciError:
    return OciError(413, "MANIFEST_INVALID", f"manifest invalid: it is larger than {MAX_MANIFEST} bytes")


def _check_digest(digest: str) -> str:
    try:
        return algorithm_of(digest)
    except DigestInvalid as error:
        raise OciError(400, "DIGEST_INVALID", str(error)) from None


def _algorithm(request: web.Request) -> str:
    algorithm = request.query.get("digest-algorithm", "sha256")
    if algorithm not in ("sha256", "sha512"):
        raise OciError(400, "DIGEST_INVALID", f"digest algorithm {algorithm[:40]!r} is not sha256 or sha512")
    return algorithm


def _encodable(text: str | None) -> bool:
    """Whether a piece of a query can be asked of the database: a lone surrogate cannot."""
    try:
        (text or "").encode()
    except UnicodeEncodeError:
        return False
    return True


def _next(request: web.Request, **query: str) -> str:
    kept = {key: value for key, value in request.query.items() if key in ("n", "artifactType")}
    text = urllib.parse.urlencode({**kept, **query})
    return f'<{urllib.parse.quote(request.path)}?{text}>; rel="next"'


def _listing(
    request: web.Request, document: dict[str, Any], key: str, found: list[str], count: int | None
) -> web.Response:
    """A page of names; `found` has one more than `count` when there is a next page."""
    headers = dict(API_VERSION)
    if count is not None and len(found) > count:
        found = found[:count]
        headers["Link"] = _next(request, last=found[-1])
    return web.json_response({**document, key: found}, headers=headers)


def _manifest_unknown(call: _Call) -> OciError:
    return OciError(404, "MANIFEST_UNKNOWN", "manifest unknown", {"reference": call.reference[:200]})


def _manifest_headers(manifest: Manifest) -> dict[str, str]:
    return {
        **API_VERSION,
        "Content-Type": manifest.media_type,
        "Docker-Content-Digest": manifest.digest,
        "ETag": f'"{manifest.digest}"',
    }


def _referrer(manifest: Manifest) -> dict[str, Any]:
    """The descriptor by which a manifest is listed (OCI distribution 1.1, "Listing Referrers")."""
    entry: dict[str, Any] = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": manifest.size}
    if manifest.artifact_type:
        entry["artifactType"] = manifest.artifact_type
    annotations = json.loads(manifest.content).get("annotations")
    if annotations:
        entry["annotations"] = annotations
    return entry
