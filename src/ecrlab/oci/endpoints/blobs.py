"""GET, HEAD and DELETE of a blob."""

from typing import Generic

from aiohttp import web

from ecrlab.oci.backend import G, Operation, PullPolicy
from ecrlab.oci.download import blob_headers, send_blob
from ecrlab.oci.endpoints.call import Call, check_digest
from ecrlab.oci.endpoints.gate import Gate
from ecrlab.oci.error import API_VERSION, OciError
from ecrlab.store import Blob, Repository


class Blobs(Generic[G]):
    """What is there already; how it comes there is `uploads.py`."""

    def __init__(self, gate: Gate[G], pulls: PullPolicy[G]) -> None:
        self._gate, self._pulls = gate, pulls

    async def head(self, call: Call) -> web.Response:
        """Size and digest, without the content."""
        _, _, blob = await self._find(call, Operation.HEAD_BLOB)
        return web.Response(headers={**blob_headers(blob), "Content-Length": str(blob.size)})

    async def get(self, call: Call) -> web.StreamResponse:
        """The content, or the address at which the backend has it."""
        grant, repository, blob = await self._find(call, Operation.GET_BLOB)
        location = await self._pulls.blob_location(grant, repository, blob)
        if location is not None:
            headers = {**API_VERSION, "Location": location, "Docker-Content-Digest": blob.digest}
            return web.Response(status=307, headers=headers)
        return await send_blob(call.request, blob)

    async def delete(self, call: Call) -> web.Response:
        """Take the blob out of the repository."""
        _, repository, blob = await self._find(call, Operation.DELETE_BLOB)
        await self._gate.run(self._gate.store.delete_blob, repository, blob.digest)
        return web.Response(status=202, headers=API_VERSION)

    async def _find(self, call: Call, operation: Operation) -> tuple[G, Repository, Blob]:
        grant, repository = await self._gate.authorize(call, operation)
        check_digest(call.reference)
        blob = self._gate.store.blob(repository, call.reference)
        if blob is None:
            raise OciError(404, "BLOB_UNKNOWN", "blob unknown to registry", {"digest": call.reference})
        return grant, repository, blob
