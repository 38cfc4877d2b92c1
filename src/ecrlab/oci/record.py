"""What a handler leaves in the request for whoever records requests: `request.get(BYTES_IN, 0)`."""

from typing import Final

from aiohttp import web

#: Bytes of content received.
BYTES_IN: Final = web.RequestKey("ecrlab.oci.bytes_in", int)
#: Bytes of content sent.
BYTES_OUT: Final = web.RequestKey("ecrlab.oci.bytes_out", int)
#: The code of the error that was answered ("NAME_UNKNOWN").
ERROR: Final = web.RequestKey("ecrlab.oci.error", str)
