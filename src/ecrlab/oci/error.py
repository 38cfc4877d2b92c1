"""Errors as the distribution specification writes them (OCI distribution 1.1, "Error Codes")."""

# ruff: noqa: N818 (MountDeclined is an answer, not an error)
import json
from collections.abc import Mapping
from typing import Any

from aiohttp import web

from ecrlab.store import (
    DigestInvalid,
    DigestMismatch,
    NotFound,
    ReferencesMissing,
    StoreError,
    StoreFull,
    UploadBusy,
)

#: On every answer, as Docker's and AWS's registries send it.
API_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}


class OciError(Exception):
    """A request that is answered with an error.

    Args:
        status: the HTTP status.
        code: a code of the specification ("NAME_UNKNOWN").
        message: for people.
        detail: anything that JSON can hold.
        headers: further headers of the answer.
    """

    def __init__(
        self, status: int, code: str, message: str, detail: Any = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.detail = status, code, message, detail
        self.headers = dict(headers or {})

    def response(self) -> web.Response:
        """The answer; aiohttp leaves the body out when the request was HEAD."""
        error = {"code": self.code, "message": self.message}
        if self.detail is not None:
            error["detail"] = self.detail
        return web.json_response({"errors": [error]}, status=self.status, headers={**API_VERSION, **self.headers})


def said(response: web.StreamResponse | None) -> str:
    """Return the sentence of a registry's error: "name unknown: The repository …", as docker prints it; "" without one.

    An answer to HEAD carries none to the client; here it is the sentence that it would have carried.
    """
    if not isinstance(response, web.Response) or response.status < 400 or not isinstance(response.body, bytes):
        return ""
    try:
        first = json.loads(response.body)["errors"][0]
        return f"{str(first['code']).lower().replace('_', ' ')}: {first['message']}"
    except (ValueError, KeyError, IndexError, TypeError):
        return ""


class MountDeclined(Exception):
    """Raised by `RegistryBackend.authorize` for MOUNT_BLOB: the client may push to the target, but not take the blob
    from the source; it is given an upload instead, as the specification says of a mount that cannot be made."""


def from_store(error: StoreError) -> OciError:
    """What a client is told of an error of the store."""
    match error:
        case ReferencesMissing():
            missing = (*error.blobs, *error.manifests)
            text = f"the manifest names content that this repository does not hold: {', '.join(missing)}"
            return OciError(400, "MANIFEST_BLOB_UNKNOWN", text, {"digest": missing[0]})
        case DigestMismatch():
            text = f"provided digest did not match uploaded content: {error}"
            return OciError(400, "DIGEST_INVALID", text, {"given": error.given, "computed": error.computed})
        case DigestInvalid():
            return OciError(400, "DIGEST_INVALID", str(error))
        case NotFound():
            return OciError(404, "NAME_UNKNOWN", str(error))
        case UploadBusy():
            return OciError(409, "BLOB_UPLOAD_INVALID", str(error))
        case StoreFull():
            # The specification has no code for it. Below 500, because only then docker prints the message, and at once:
            # of 507 it says "received unexpected HTTP status", after five tries.
            return OciError(413, "DENIED", str(error))
        case _:
            return OciError(503, "UNSUPPORTED", str(error))
