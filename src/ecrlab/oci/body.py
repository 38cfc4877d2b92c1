"""Request bodies: layers into an upload without holding them, manifests whole but bounded."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor

import aiohttp
from aiohttp import http_exceptions, web

from ecrlab.store import MAX_PIECES, Upload

from .error import OciError
from .record import BYTES_IN

#: Bytes hashed and written at a time: fewer hand-overs between threads make up for the memory (two batches a request).
BATCH = 2 << 20

_BROKEN = (aiohttp.ClientPayloadError, http_exceptions.HttpProcessingError)


async def receive(
    request: web.Request,
    upload: Upload,
    executor: Executor,
    limit: int | None = None,
    largest: tuple[int, str] | None = None,
) -> int:
    """Append a request's body to an upload, for which the caller holds `writing()`; returns the bytes received.

    Hashing and writing happen in `executor`, one batch behind the network. What arrived before a broken connection is
    kept. Everything is written, and no thread touches the upload any more, when this returns or raises.

    Args:
        limit: the number of bytes that must come; with more or fewer the upload is left as it was.
        largest: the most bytes of the upload, and the message when it would have more; then too it is left as it was.
            What comes after them is read all the same, so that the client hears why.

    Raises:
        OciError: the body is not what its headers say.
        StoreFull
    """
    loop, begun = asyncio.get_running_loop(), upload.size
    received, size = 0, 0
    # The pieces as they came, not joined: copying them costs a tenth of the time of a push.
    batch: list[bytes] = []
    pending: asyncio.Future[int] | None = None
    broken = None
    room = None if largest is None else largest[0] - begun
    try:
        while data := await request.content.readany():
            received += len(data)
            if limit is not None and received > limit:
                break
            if room is not None and received > room:
                batch, size = [], 0
                continue
            batch.append(data)
            size += len(data)
            if size >= BATCH or len(batch) == MAX_PIECES:
                if pending is not None:
                    await asyncio.shield(pending)
                pending, batch, size = loop.run_in_executor(executor, upload.append, *batch), [], 0
    except _BROKEN as error:
        broken = error
    finally:
        # Also when the client has gone or the server stops: the upload must be at rest before it is given back.
        request[BYTES_IN] = received
        if pending is not None:
            await asyncio.wait([pending])
        if batch and (pending is None or pending.exception() is None):
            pending = loop.run_in_executor(executor, upload.append, *batch)
            await asyncio.wait([pending])
    if pending is not None:
        pending.result()
    if limit is not None and received != limit:
        await loop.run_in_executor(executor, upload.truncate, begun)
        raise OciError(400, "SIZE_INVALID", f"the body does not have the {limit} bytes that Content-Range says")
    if largest is not None and room is not None and received > room:
        await loop.run_in_executor(executor, upload.truncate, begun)
        raise OciError(403, "DENIED", largest[1])
    if broken is not None:
        raise OciError(400, "BLOB_UPLOAD_INVALID", f"the request's body is broken: {str(broken)[:200]}")
    return received


async def read_bounded(request: web.Request, limit: int, refuse: Callable[[], OciError]) -> bytes:
    """A request's whole body of at most `limit` bytes; raises what `refuse` makes when it is longer."""
    if (request.content_length or 0) > limit:
        raise refuse()
    body = bytearray()
    try:
        while data := await request.content.readany():
            body += data
            if len(body) > limit:
                raise refuse()
    except _BROKEN as error:
        raise OciError(400, "MANIFEST_INVALID", f"the request's body is broken: {str(error)[:200]}") from None
    request[BYTES_IN] = len(body)
    return bytes(body)
