"""ECR's two registries as docker sees them: an account's own, and that of ECR Public."""

from __future__ import annotations

from aiohttp import web

from ecrlab.aws.backends.private import PrivateBackend
from ecrlab.aws.backends.public import PublicBackend
from ecrlab.aws.cloud import Cloud
from ecrlab.aws.record import RECORD
from ecrlab.oci import ERROR, OciError, Registry


class Registries:
    """The registries of one cloud."""

    def __init__(self, cloud: Cloud) -> None:
        self._registry = Registry(cloud.store, PrivateBackend(cloud))
        self._public_backend = PublicBackend(cloud)
        self._public_registry = Registry(cloud.store, self._public_backend)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer a request below /v2/ to the registry of an account."""
        return _in_ecr_s_words(request, await self._registry.handle(request))

    async def answer_in_public(self, request: web.Request) -> web.StreamResponse:
        """Answer a request to ECR Public's registry: below /v2/, for a token, for a logo."""
        path = request.path
        if path in ("/token", "/token/") and request.method == "GET":
            return self._public_token(request)
        if path.startswith("/v2/") or path == "/v2":
            return _in_ecr_s_words(request, await self._public_registry.handle(request))
        logo = self._public_backend.logo(path) if request.method == "GET" else None
        if logo is not None:
            return web.Response(body=logo, content_type="application/octet-stream")
        if path == "/":
            text = "ECR Lab's registry of Amazon ECR Public. Not AWS: nothing leaves this machine.\n"
            return web.Response(text=text)
        return web.Response(status=404, text=f"There is nothing at {path[:300]}.\n")

    def _public_token(self, request: web.Request) -> web.StreamResponse:
        request[RECORD].operation = "GET token"
        try:
            return self._public_backend.token(request)
        except OciError as error:
            request[ERROR] = error.code
            return error.response()

    def close(self) -> None:
        """Wait for threads that still write; call it before the store is closed."""
        self._registry.close()
        self._public_registry.close()


def _in_ecr_s_words(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """An answer of the registry, with ECR's own text for an image that is not there (err 7)."""
    if response.status != 404 or request.get(ERROR) != "MANIFEST_UNKNOWN":
        return response
    return web.Response(
        status=404,
        body=b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"Requested image not found"}]}',
        content_type="application/json",
        headers={"Docker-Distribution-Api-Version": "registry/2.0"},
    )
