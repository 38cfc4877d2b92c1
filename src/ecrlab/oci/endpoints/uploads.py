"""How a blob is pushed: in one request, in chunks, or by mounting it from another repository."""

import re
from typing import Generic

from aiohttp import hdrs, web

from ecrlab.oci.backend import G, Operation, UploadRules
from ecrlab.oci.body import receive
from ecrlab.oci.endpoints.call import Call, check_digest, is_name
from ecrlab.oci.endpoints.gate import Gate
from ecrlab.oci.error import API_VERSION, MountDeclined, OciError
from ecrlab.store import Blob, NotFound, Upload

_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/(?:[0-9]+|\*))?")


class Uploads(Generic[G]):
    """Uploads from their beginning to the blob that they become."""

    def __init__(self, gate: Gate[G], rules: UploadRules) -> None:
        self._gate, self._rules = gate, rules

    async def start(self, call: Call) -> web.Response:
        """Begin an upload; or mount a blob, or take a whole one, where the query says so."""
        query = call.request.query
        mount, origin, digest = query.get("mount"), query.get("from"), query.get("digest")
        if mount and origin and is_name(origin):
            return await self._mount(call, mount, origin)
        if digest:
            return await self._upload_whole(call, digest)
        _, repository = await self._gate.authorize(call, Operation.START_UPLOAD)
        return self._accepted(call, self._gate.store.start_upload(repository, _algorithm(call.request)))

    async def status(self, call: Call) -> web.Response:
        """How many bytes are there."""
        upload = await self._find(call, Operation.UPLOAD_STATUS)
        return web.Response(status=204, headers=self._headers(call, upload))

    async def write(self, call: Call) -> web.Response:
        """Append a chunk, or all there is."""
        upload = await self._find(call, Operation.WRITE_UPLOAD)
        with upload.writing():
            await self._receive(call, upload, self._chunk(call, upload))
            return self._accepted(call, upload)

    async def finish(self, call: Call) -> web.Response:
        """Append what comes, and make it the blob whose digest the query names."""
        upload = await self._find(call, Operation.FINISH_UPLOAD)
        digest = call.request.query.get("digest", "")
        check_digest(digest)
        with upload.writing():
            await self._receive(call, upload, self._chunk(call, upload))
        self._rules.check_upload(upload)
        try:
            blob = await self._gate.run(self._gate.store.finish_upload, upload, digest)
        except NotFound:
            raise OciError(404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry") from None
        return self._created(call, blob)

    async def cancel(self, call: Call) -> web.Response:
        """Throw the upload away."""
        upload = await self._find(call, Operation.CANCEL_UPLOAD)
        await self._gate.run(self._gate.store.cancel_upload, upload)
        return web.Response(status=204, headers=API_VERSION)

    async def _mount(self, call: Call, digest: str, origin: str) -> web.Response:
        try:
            source_key = await self._gate.entrance.locate(call.request, origin)
        except OciError:
            # What cannot be mounted is uploaded instead (OCI distribution 1.1, "Mounting a blob").
            _, repository = await self._gate.authorize(call, Operation.START_UPLOAD)
            return self._accepted(call, self._gate.store.start_upload(repository))
        blob = None
        try:
            _, repository = await self._gate.authorize(call, Operation.MOUNT_BLOB, source_key, digest)
        except MountDeclined:
            declined = self._gate.store.repository(*call.key)
            if declined is None:
                raise OciError(404, "NAME_UNKNOWN", "repository name not known to registry") from None
            repository = declined
        else:
            check_digest(digest)
            source = self._gate.store.repository(*source_key)
            if source is not None:
                blob = await self._gate.run(self._gate.store.mount_blob, source, repository, digest)
        if blob is None:
            return self._accepted(call, self._gate.store.start_upload(repository))
        return self._created(call, blob)

    async def _upload_whole(self, call: Call, digest: str) -> web.Response:
        _, repository = await self._gate.authorize(call, Operation.UPLOAD_BLOB, reference=digest)
        algorithm = check_digest(digest)
        upload = self._gate.store.start_upload(repository, algorithm)
        try:
            with upload.writing():
                await self._receive(call, upload)
            self._rules.check_upload(upload)
            return self._created(call, await self._gate.run(self._gate.store.finish_upload, upload, digest))
        except BaseException:
            if self._gate.store.upload(repository, upload.id) is not None:
                self._gate.store.cancel_upload(upload)
            raise

    async def _find(self, call: Call, operation: Operation) -> Upload:
        _, repository = await self._gate.authorize(call, operation)
        upload = self._gate.store.upload(repository, call.reference)
        if upload is None:
            raise OciError(
                404, "BLOB_UPLOAD_UNKNOWN", "blob upload unknown to registry", {"upload": call.reference[:64]}
            )
        return upload

    async def _receive(self, call: Call, upload: Upload, length: int | None = None) -> None:
        largest = self._rules.largest_layer(upload.repository)
        await receive(call.request, upload, self._gate.executor, length, largest)

    def _chunk(self, call: Call, upload: Upload) -> int | None:
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
            raise OciError(416, "RANGE_INVALID", message, headers=self._headers(call, upload))
        announced = call.request.content_length
        if announced is not None and announced != length:
            text = f"Content-Range announces {length} bytes and Content-Length {announced}"
            raise OciError(400, "SIZE_INVALID", text)
        return length

    def _headers(self, call: Call, upload: Upload) -> dict[str, str]:
        return {
            **API_VERSION,
            "Location": f"/v2/{call.name}/blobs/uploads/{upload.id}",
            # Of nothing, too: docker refuses an answer without a range, or with one that ends before it begins.
            "Range": f"0-{max(upload.size - 1, 0)}",
            "Docker-Upload-UUID": upload.id,
        }

    def _accepted(self, call: Call, upload: Upload) -> web.Response:
        return web.Response(status=202, headers=self._headers(call, upload))

    def _created(self, call: Call, blob: Blob) -> web.Response:
        location = f"/v2/{call.name}/blobs/{blob.digest}"
        headers = {**API_VERSION, "Location": location, "Docker-Content-Digest": blob.digest}
        return web.Response(status=201, headers=headers)


def _algorithm(request: web.Request) -> str:
    algorithm = request.query.get("digest-algorithm", "sha256")
    if algorithm not in ("sha256", "sha512"):
        raise OciError(400, "DIGEST_INVALID", f"digest algorithm {algorithm[:40]!r} is not sha256 or sha512")
    return algorithm
