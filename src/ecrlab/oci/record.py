"""What a handler leaves in the request for whoever records requests: `request.get(BYTES_IN, 0)`."""

from typing import Final

from aiohttp import web

#: Bytes of content received.
BYTES_IN: Final = web.RequestKey("ecrlab.oci.bytes_in", int)
#: Bytes of content sent.
BYTES_OUT: Final = web.RequestKey("ecrlab.oci.bytes_out", int)
#: The code of the error that was answered ("NAME_UNKNOWN").
ERROR: Final = web.RequestKey("ecrlab.oci.error", str)


def count_received(request: web.Request) -> int:
    """Return the bytes of content that came with a request."""
    return int(request.get(BYTES_IN, request.content_length or 0))


def count_sent(request: web.Request, response: web.StreamResponse | None) -> int:
    """Return the bytes of content that were sent: those that a handler counted, else the response's body."""
    body = response.body if isinstance(response, web.Response) else None
    return int(request.get(BYTES_OUT, len(body) if isinstance(body, (bytes, bytearray)) else 0))
