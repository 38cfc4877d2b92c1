"""GET, HEAD, PUT and DELETE of a manifest, by its tag or its digest."""

import re
from collections.abc import Hashable
from typing import Generic

from aiohttp import web
from multidict import CIMultiDict

from ecrlab.oci.backend import G, Key, ManifestHooks, Operation, PullPolicy
from ecrlab.oci.body import read_bounded
from ecrlab.oci.endpoints.call import Call, check_digest, encodable
from ecrlab.oci.endpoints.gate import Gate
from ecrlab.oci.error import API_VERSION, OciError
from ecrlab.oci.manifest import ParsedManifest
from ecrlab.oci.record import BYTES_OUT
from ecrlab.store import Kept, Manifest, NotFound, Repository, digest_of

#: ECR's limit (facts E013), with room for the characters that are more than one byte.
MAX_MANIFEST = 4 * 1024 * 1024 + 64 * 1024
#: An image pulled again within so many seconds keeps its last_pulled_at: not every pull is worth a write.
_PULL_RESOLUTION = 60.0

# Which repository, which image, and what else the backend says that the answer follows from.
_Question = tuple[Key, str, Hashable]

_TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}")


class Manifests(Generic[G]):
    """Images as a client names them."""

    def __init__(self, gate: Gate[G], hooks: ManifestHooks[G], pulls: PullPolicy[G]) -> None:
        self._gate, self._hooks, self._pulls = gate, hooks, pulls
        # Most requests ask whether an image is there, and under which digest: the grant and the answer's headers.
        self._heads: Kept[_Question, tuple[G, CIMultiDict[str]]] = Kept(gate.store)

    async def get(self, call: Call) -> web.Response:
        """The manifest, which may count as a pull of the image."""
        grant, repository = await self._gate.authorize(call, Operation.GET_MANIFEST)
        manifest = self._find_to_pull(call, repository)
        if self._pulls.records_pull(grant, repository, manifest):
            await self._record_pull(repository, manifest)
        call.request[BYTES_OUT] = manifest.size
        return web.Response(body=manifest.content, headers=_headers(manifest))

    async def head(self, call: Call) -> web.Response:
        """Its digest, size and media type: what a client asks before each pull.

        The same question is answered as before, unless something was written to the store since, or what the backend
        names as its question has changed (at ECR the second of lab time is part of it).
        """
        asked, version = self._pulls.question(call.request, call.key), self._gate.store.version
        question = None if asked is None else (call.key, call.reference, asked)
        known = None if question is None else self._heads.known(question)
        if known is None:
            grant, headers = await self._work_out_head(call)
            if question is not None:
                self._heads.keep(question, (grant, headers), version)
        else:
            grant, headers = known
            self._pulls.repeat(call.request, grant)
        # A copy: whoever sends the answer adds its own headers to it.
        return web.Response(headers=CIMultiDict(headers))

    async def put(self, call: Call) -> web.Response:
        """Store it, and move the tag to it if it came with one."""
        grant, repository = await self._gate.authorize(call, Operation.PUT_MANIFEST)
        tag = None if ":" in call.reference else call.reference
        if tag is None:
            check_digest(call.reference)
        elif not _TAG.fullmatch(tag):
            message = "a tag has 1 to 128 letters, digits, _ . or -, and does not begin with . or -"
            raise OciError(400, "MANIFEST_INVALID", f"invalid tag: {message}", {"tag": tag[:200]})
        content = await read_bounded(call.request, MAX_MANIFEST, _too_large)
        media_type = call.request.headers.get("Content-Type", "").split(";")[0].strip()
        parsed = self._hooks.read_manifest(content, media_type)
        digest = call.reference if tag is None else digest_of(content)
        await self._gate.run(self._keep, call, grant, repository, digest, tag, content, parsed)
        headers = {
            **API_VERSION,
            "Location": f"/v2/{call.name}/manifests/{digest}",
            "Docker-Content-Digest": digest,
        }
        if parsed.subject is not None:
            headers["OCI-Subject"] = parsed.subject
        return web.Response(status=201, headers=headers)

    async def delete(self, call: Call) -> web.Response:
        """Delete it, or its tag only."""
        _, repository = await self._gate.authorize(call, Operation.DELETE_MANIFEST)
        manifest = self._find(call, repository)
        tag = None if ":" in call.reference else call.reference
        await self._gate.run(self._remove, repository, manifest, tag)
        return web.Response(status=202, headers=API_VERSION)

    async def _work_out_head(self, call: Call) -> tuple[G, CIMultiDict[str]]:
        grant, repository = await self._gate.authorize(call, Operation.HEAD_MANIFEST)
        manifest = self._find_to_pull(call, repository)
        return grant, CIMultiDict({**_headers(manifest), "Content-Length": str(manifest.size)})

    def _find_to_pull(self, call: Call, repository: Repository) -> Manifest:
        manifest = self._find(call, repository)
        if not self._pulls.can_be_pulled(manifest):
            raise _unknown(call)
        return manifest

    def _find(self, call: Call, repository: Repository) -> Manifest:
        if ":" in call.reference:
            check_digest(call.reference)
        # Whatever the tag looks like: by its API ECR takes more of them than a push does.
        manifest = self._gate.store.manifest(repository, call.reference) if encodable(call.reference) else None
        if manifest is None:
            raise _unknown(call)
        return manifest

    async def _record_pull(self, repository: Repository, manifest: Manifest) -> None:
        now, last = self._gate.entrance.now(), manifest.last_pulled_at
        if last is not None and 0 <= now - last < _PULL_RESOLUTION:
            return
        try:
            await self._gate.run(
                lambda: self._gate.store.update_manifest(repository, manifest.digest, last_pulled_at=now)
            )
        except NotFound:
            return  # deleted in between; the client still gets what was there when it asked

    def _keep(
        self,
        call: Call,
        grant: G,
        repository: Repository,
        digest: str,
        tag: str | None,
        content: bytes,
        parsed: ParsedManifest,
    ) -> None:
        now = self._gate.entrance.now()
        offered = Manifest(
            digest=digest,
            media_type=parsed.media_type,
            content=content,
            pushed_at=now,
            last_pulled_at=None,
            subject=parsed.subject,
            artifact_type=parsed.artifact_type,
            tags=() if tag is None else (tag,),
            attributes={},
        )
        with self._gate.store.transaction() as tx:
            self._hooks.before_put_manifest(tx, repository, call.reference, offered)
            before = tx.manifest(repository, call.reference)
            stored = tx.put_manifest(
                repository,
                digest,
                parsed.media_type,
                content,
                parsed.references,
                parsed.subject,
                artifact_type=parsed.artifact_type,
                tag=tag,
                now=now,
            )
            new = before is None or before.digest != digest
            self._hooks.after_put_manifest(grant, tx, repository, stored, tag, new)

    def _remove(self, repository: Repository, manifest: Manifest, tag: str | None) -> None:
        with self._gate.store.transaction() as tx:
            if tag is None:
                tx.delete_manifest(repository, manifest.digest)
            else:
                tx.delete_tag(repository, tag)
            self._hooks.after_delete_manifest(tx, repository, manifest, tag)


def _too_large() -> OciError:
    return OciError(413, "MANIFEST_INVALID", f"manifest invalid: it is larger than {MAX_MANIFEST} bytes")


def _unknown(call: Call) -> OciError:
    return OciError(404, "MANIFEST_UNKNOWN", "manifest unknown", {"reference": call.reference[:200]})


def _headers(manifest: Manifest) -> dict[str, str]:
    return {
        **API_VERSION,
        "Content-Type": manifest.media_type,
        "Docker-Content-Digest": manifest.digest,
        "ETag": f'"{manifest.digest}"',
    }
