"""What is listed, page by page: repositories, tags, and what refers to an image."""

import json
import re
import urllib.parse
from typing import Any, Generic

from aiohttp import web

from ecrlab.oci.backend import Access, G, ListingRules, Operation
from ecrlab.oci.endpoints.call import Call, check_digest, encodable, not_allowed
from ecrlab.oci.endpoints.gate import Gate
from ecrlab.oci.error import API_VERSION, OciError
from ecrlab.oci.manifest import OCI_INDEX
from ecrlab.oci.record import BYTES_OUT
from ecrlab.store import Manifest

#: A page of referrers ends when it is larger than this, in bytes.
_REFERRERS_PAGE = 4 * 1024 * 1024


class Listings(Generic[G]):
    """The three lists of the specification."""

    def __init__(self, gate: Gate[G], rules: ListingRules[G]) -> None:
        self._gate, self._rules = gate, rules

    async def catalog(self, request: web.Request) -> web.Response:
        """The repositories of a registry."""
        if request.method != "GET":
            raise not_allowed(request, ("GET",))
        grant = await self._gate.entrance.authorize(request, Access(Operation.CATALOG))
        registry = await self._rules.catalog(grant)
        count, last = self._page(request)
        if count == 0:
            return web.json_response({"repositories": []}, headers=API_VERSION)
        found = self._gate.store.repositories(registry, "", last, None if count is None else count + 1)
        names = [repository.name for repository in found]
        return _listing(request, {}, "repositories", names, count)

    async def tags(self, call: Call) -> web.Response:
        """The tags of a repository."""
        _, repository = await self._gate.authorize(call, Operation.LIST_TAGS)
        count, last = self._page(call.request)
        if count == 0:
            return web.json_response({"name": call.name, "tags": []}, headers=API_VERSION)
        found = self._gate.store.tags(repository, last, None if count is None else count + 1)
        return _listing(call.request, {"name": call.name}, "tags", [tag for tag, _ in found], count)

    async def referrers(self, call: Call) -> web.Response:
        """What names a manifest as its subject, as an index."""
        # Nothing refers to anything in a repository that is not there, and a 404 would say that there is no such API
        # (OCI distribution 1.1, "Listing Referrers").
        _, repository = await self._gate.look(call, Operation.LIST_REFERRERS)
        check_digest(call.reference)
        query = call.request.query
        artifact_type = query.get("artifactType") or None
        last, entries, size, more = query.get("last"), [], 0, repository is not None
        if not encodable(artifact_type) or not encodable(last):
            raise OciError(400, "UNSUPPORTED", "the query is not text")
        while repository is not None and more and size < _REFERRERS_PAGE:
            found = self._gate.store.referrers(repository, call.reference, artifact_type, last, 50)
            more = len(found) == 50
            for manifest in found:
                last = manifest.digest
                entries.append(_referrer(manifest))
                size += len(json.dumps(entries[-1]))
        headers = {**API_VERSION, "Content-Type": OCI_INDEX}
        if artifact_type:
            headers["OCI-Filters-Applied"] = "artifactType"
        if more and last:
            headers["Link"] = _next(call.request, last=last)
        body = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}).encode()
        call.request[BYTES_OUT] = len(body)
        return web.Response(body=body, headers=headers)

    def _page(self, request: web.Request) -> tuple[int | None, str | None]:
        """How many names to list, None for all, and the one to list from."""
        count, last = request.query.get("n"), request.query.get("last")
        if count is not None and not re.fullmatch("[0-9]{1,9}", count):
            raise OciError(400, "PAGINATION_NUMBER_INVALID", f"n={count[:40]!r} is not a number from 0 on")
        if not encodable(last):
            raise OciError(400, "PAGINATION_NUMBER_INVALID", "last is not text")
        return self._rules.page(None if count is None else int(count)), last


def _next(request: web.Request, **query: str) -> str:
    kept = {key: value for key, value in request.query.items() if key in ("n", "artifactType")}
    text = urllib.parse.urlencode({**kept, **query})
    return f'<{urllib.parse.quote(request.path)}?{text}>; rel="next"'


def _listing(
    request: web.Request, document: dict[str, Any], key: str, found: list[str], count: int | None
) -> web.Response:
    """A page of names; `found` has one more than `count` when there is a next page."""
    headers = dict(API_VERSION)
    if count is not None and len(found) > count:
        found = found[:count]
        headers["Link"] = _next(request, last=found[-1])
    return web.json_response({**document, key: found}, headers=headers)


def _referrer(manifest: Manifest) -> dict[str, Any]:
    """The descriptor by which a manifest is listed (OCI distribution 1.1, "Listing Referrers")."""
    entry: dict[str, Any] = {"mediaType": manifest.media_type, "digest": manifest.digest, "size": manifest.size}
    if manifest.artifact_type:
        entry["artifactType"] = manifest.artifact_type
    annotations = json.loads(manifest.content).get("annotations")
    if annotations:
        entry["annotations"] = annotations
    return entry
