"""A mirror: a copy of one repository of the hub next door, run by somebody else, who decides what it hands out.

It answers every question for a manifest with one tag's, whatever was asked for, and asks nobody who they are. Its
`Docker-Content-Digest` may claim another image, and the manifest may be written in other spacing: then header and
bytes disagree, or the bytes are another manifest with the same pieces.
"""

from __future__ import annotations

import json
import time
from typing import Any

from aiohttp import web

from ecrlab.clock import Clock
from ecrlab.hub import names
from ecrlab.hub.errors import HubError
from ecrlab.oci import OciError, count_sent, said, send_blob
from ecrlab.store import Repository, Store, digest_of
from ecrlab.xray import Entry, XRay

_HEADERS = {"Docker-Distribution-Api-Version": "registry/2.0", "X-Ecrlab": "a mirror of ECR Lab on this machine"}


class Mirror:
    """Everything behind the mirror's port. What it is to do is kept in the hub's store and outlives a restart."""

    def __init__(self, store: Store, clock: Clock, xray: XRay) -> None:
        self._store = store
        self._clock = clock
        self._xray = xray
        self._table = store.table("hub.mirror")

    def set(self, repository: Any, serves: Any, claims: Any = None, respaced: Any = False) -> None:
        """Say what it is a mirror of: ``serves`` is the tag that it hands out, ``claims`` the one that it names.

        ``claims`` may be left out: then it names what it hands out. Raises HubError when there is no such tag.
        """
        found = self._store.repository(names.REGISTRY, str(repository))
        for tag in (serves, *(() if claims is None else (claims,))):
            if found is None or not isinstance(tag, str) or self._store.manifest_by_tag(found, tag) is None:
                raise HubError(400, f"There is no tag {tag!r} in a repository {repository!r} of the hub.")
        document = {"repository": repository, "serves": serves, "claims": claims, "respaced": respaced is True}
        self._table.put("mirror", document)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request that came in by the mirror's port, and record it."""
        begun = time.perf_counter()
        status = 499  # the client went away
        response: web.StreamResponse | None = None
        try:
            try:
                response = await self._answer(request)
            except OciError as error:
                response = error.response()
            status = response.status
            return response
        finally:
            self._xray.record(
                Entry(
                    now=self._clock.time(),
                    user_agent=request.headers.get("User-Agent", ""),
                    principal=None,
                    account=None,
                    region=None,
                    service="mirror",
                    method=request.method,
                    path=request.raw_path,
                    operation=None,
                    decisions=(),
                    status=status,
                    error=None,
                    said=said(response),
                    bytes_in=0,
                    bytes_out=count_sent(request, response),
                    duration_ms=(time.perf_counter() - begun) * 1000,
                )
            )

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.method not in ("GET", "HEAD"):
            raise OciError(405, "UNSUPPORTED", "The operation is unsupported.")
        if request.path in ("/v2", "/v2/"):
            return web.json_response({}, headers=_HEADERS)
        kept = self._table.get("mirror")
        found = self._store.repository(names.REGISTRY, kept["repository"]) if kept else None
        name, _, rest = request.path.removeprefix("/v2/").rpartition("/manifests/")
        if kept is None or found is None:
            raise OciError(404, "NAME_UNKNOWN", "This mirror is not a mirror of anything at the moment.")
        if name == kept["repository"] and rest:
            return self._manifest(found, kept)
        name, _, digest = request.path.removeprefix("/v2/").rpartition("/blobs/")
        blob = self._store.blob(found, digest) if name == kept["repository"] and digest.startswith("sha256:") else None
        if blob is None:
            raise OciError(404, "NAME_UNKNOWN", f"This mirror has {kept['repository']} and nothing else.")
        if request.method == "HEAD":
            return web.Response(headers={**_HEADERS, "Content-Length": str(blob.size)})
        return await send_blob(request, blob)

    def _manifest(self, found: Repository, kept: dict[str, Any]) -> web.Response:
        manifest = self._store.manifest_by_tag(found, kept["serves"])
        claimed = self._store.manifest_by_tag(found, kept["claims"]) if kept["claims"] else None
        if manifest is None:
            raise OciError(404, "MANIFEST_UNKNOWN", "manifest unknown")
        content = manifest.content
        if kept["respaced"]:
            content = json.dumps(json.loads(content), indent=2).encode()
        digest = claimed.digest if claimed else digest_of(content)
        headers = {**_HEADERS, "Content-Type": manifest.media_type, "Docker-Content-Digest": digest}
        return web.Response(body=content, headers=headers)
