"""Sending a blob's file: whole or one range, by sendfile, never through this process's memory."""

import asyncio
import re
import socket

from aiohttp import hdrs, web

from ecrlab.store import Blob

from .error import API_VERSION, OciError
from .record import BYTES_OUT

#: Bytes that may wait in the kernel for a client (Linux doubles it). With the megabytes that it grows to by itself,
#: sender and receiver wait for each other in turn: a pull takes twice as long, four times on a busy machine.
SEND_BUFFER = 192 << 10

_RANGE = re.compile(r"bytes=(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))")


def blob_headers(blob: Blob) -> dict[str, str]:
    """The headers of an answer about a blob, without its length."""
    return {
        **API_VERSION,
        "Content-Type": "application/octet-stream",
        "Docker-Content-Digest": blob.digest,
        "ETag": f'"{blob.digest}"',
        "Accept-Ranges": "bytes",
    }


async def send_blob(request: web.Request, blob: Blob) -> web.StreamResponse:
    """Answer a GET with a blob's content and return the answer when it has been sent.

    One byte range is served (RFC 9110, section 14). Several at once, or what is not a range, are ignored, as the RFC
    allows: the client gets the whole.

    Raises:
        OciError: 416 for a range outside the blob; 404 when the file is gone.
    """
    headers = blob_headers(blob)
    if request.headers.get(hdrs.IF_NONE_MATCH) == headers["ETag"]:
        return web.Response(status=304, headers=headers)
    status, first, length = 200, 0, blob.size
    part = _part(request, blob)
    if part is not None:
        status, (first, length) = 206, part
        headers["Content-Range"] = f"bytes {first}-{first + length - 1}/{blob.size}"
    try:
        file = blob.path.open("rb")
    except FileNotFoundError:
        raise OciError(404, "BLOB_UNKNOWN", f"the file of this blob is gone: {blob.path}") from None
    with file:
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = length
        await response.prepare(request)
        transport = request.transport
        if length and transport is not None:
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
            sent = await asyncio.get_running_loop().sendfile(transport, file, first, length)
            request[BYTES_OUT] = sent
        await response.write_eof()
    return response


def _part(request: web.Request, blob: Blob) -> tuple[int, int] | None:
    """First byte and length of the range asked for, or None for the whole."""
    match = _RANGE.fullmatch(request.headers.get(hdrs.RANGE, "").replace(" ", ""))
    if match is None or request.headers.get(hdrs.IF_RANGE, f'"{blob.digest}"') != f'"{blob.digest}"':
        return None
    if match[3] is not None:
        first, last = max(blob.size - int(match[3]), 0), blob.size - 1
        satisfiable = int(match[3]) > 0 and blob.size > 0
    else:
        first = int(match[1])
        last = blob.size - 1 if match[2] is None else min(int(match[2]), blob.size - 1)
        if match[2] is not None and int(match[2]) < first:
            return None
        satisfiable = first < blob.size
    if not satisfiable:
        text = f"the range {request.headers[hdrs.RANGE][:80]} is outside the blob's {blob.size} bytes"
        raise OciError(416, "RANGE_INVALID", text, headers={"Content-Range": f"bytes */{blob.size}"})
    return first, last - first + 1
