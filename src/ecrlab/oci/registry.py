"""The registry: which end point answers a request below /v2/ (OCI distribution specification 1.1)."""

import logging
import re
from typing import Any, Final, Generic

from aiohttp import HttpVersion11, hdrs, http_exceptions, web

from ecrlab.store import Store, StoreError

from .backend import Access, G, Operation, RegistryBackend
from .endpoints.blobs import Blobs
from .endpoints.call import MAX_NAME, Call, Handler, is_name, not_allowed
from .endpoints.gate import Gate
from .endpoints.listings import Listings
from .endpoints.manifests import Manifests
from .endpoints.uploads import Uploads
from .error import API_VERSION, OciError, from_store
from .record import ERROR


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

_PATH = re.compile(
    r"/v2/(?P<name>.+)/(?:blobs/uploads/(?P<upload>[^/]*)|blobs/(?P<blob>[^/]+)|manifests/(?P<manifest>[^/]+)"
    r"|tags/(?P<tags>list)|referrers/(?P<referrers>[^/]+))",
    re.DOTALL,
)


class Registry(Generic[G]):
    """Serves a store by the distribution protocol.

    A handler leaves in the request what it did: BYTES_IN, BYTES_OUT and, after an error, ERROR. A download has been
    sent whole when `handle` returns.

    Args:
        store: where everything is kept.
        backend: names, rights and vetoes.
    """

    def __init__(self, store: Store, backend: RegistryBackend[G]) -> None:
        self._gate = Gate(store, backend)
        blobs, uploads = Blobs(self._gate, backend), Uploads(self._gate, backend)
        manifests, self._listings = Manifests(self._gate, backend, backend), Listings(self._gate, backend)
        self._handlers: dict[str, dict[str, Handler]] = {
            "blob": {"GET": blobs.get, "HEAD": blobs.head, "DELETE": blobs.delete},
            "manifest": {
                "GET": manifests.get,
                "HEAD": manifests.head,
                "PUT": manifests.put,
                "DELETE": manifests.delete,
            },
            "upload": {
                "GET": uploads.status,
                "HEAD": uploads.status,
                "PATCH": uploads.write,
                "PUT": uploads.finish,
                "DELETE": uploads.cancel,
            },
            "uploads": {"POST": uploads.start},
            "tags": {"GET": self._listings.tags},
            "referrers": {"GET": self._listings.referrers},
        }

    def routes(self) -> list[web.RouteDef]:
        """Routes for an aiohttp application."""
        paths = ("/v2", "/v2/{rest:.*}")
        return [web.route("*", path, self.handle, expect_handler=expect) for path in paths]

    def close(self) -> None:
        """Wait for the threads that still write and end them; call it before `Store.close`."""
        self._gate.executor.shutdown()

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
            return await self._listings.catalog(request)
        # A slash written as %2F belongs to what the path ends with, so that the backend can say what is wrong with it.
        match = _PATH.fullmatch(path) or _PATH.fullmatch(request.rel_url.path_safe)
        if match is None:
            raise OciError(404, "UNSUPPORTED", f"there is nothing at {path[:300]}")
        kind, reference, name = str(match.lastgroup), match[match.lastgroup or 0], match["name"]
        if kind == "upload" and not reference:
            kind = "uploads"
        handler = self._handlers[kind].get(request.method)
        if handler is None:
            raise not_allowed(request, self._handlers[kind])
        if not is_name(name):
            text = "invalid repository name: lower-case letters and digits, separated by . _ __ - or /"
            raise OciError(400, "NAME_INVALID", text, {"name": name[:MAX_NAME]})
        key = await self._gate.entrance.locate(request, name)
        return await handler(Call(request, name, key, reference))

    async def _ping(self, request: web.Request) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            raise not_allowed(request, ("GET", "HEAD"))
        await self._gate.entrance.authorize(request, Access(Operation.PING))
        return web.json_response({}, headers=API_VERSION)


async def expect(request: web.Request) -> None:
    """Answer an Expect header; give it to every route as `expect_handler`.

    aiohttp's own repeats the header in its refusal and fails (500) when that is not UTF-8.
    """
    if request.headers.get(hdrs.EXPECT, "").lower() != "100-continue":
        raise web.HTTPExpectationFailed(text="the only expectation that is met here is 100-continue")
    if request.version >= HttpVersion11:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # this is not the answer's beginning yet
