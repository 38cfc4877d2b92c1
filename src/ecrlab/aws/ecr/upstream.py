"""A registry that images are pulled through from, spoken to as a client speaks to it (OCI distribution 1.1)."""

from __future__ import annotations

import http.client
import json
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote, urlsplit

from ecrlab.aws.address import Address
from ecrlab.aws.ecr.manifests import ManifestRefused, read_manifest
from ecrlab.oci import parse_manifest
from ecrlab.store import DigestMismatch, Manifest, Reference, Repository, Store, digest_of

_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.index.v1+json",
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    )
)
# What asks upstream, so that the X-ray can tell ECR from whoever pulls. Chosen: what AWS sends was not seen.
_AGENT = "pullthroughcache.ecr.amazonaws.com"
_TIMEOUT = 30.0
_PIECE = 1 << 20
_MANIFEST_MOST = 5 << 20
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class UpstreamError(Exception):
    """An image could not be had; ``code`` is the failure code of BatchGetImage (err 70)."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class Upstream:
    """One repository of an upstream registry. Blocks: use it off the event loop.

    Args:
        address: of the registry.
        name: of the repository there.
    """

    def __init__(self, address: Address, name: str) -> None:
        self._address = address
        self._name = name
        self._token: str | None = None

    def manifest(self, reference: str) -> tuple[bytes, str]:
        """Return content and media type of a manifest. Raises UpstreamError."""
        response, content = self._get(f"/v2/{self._name}/manifests/{quote(reference, safe=':')}")
        return content, response.headers.get("Content-Type", "").split(";")[0].strip()

    def referrers(self, digest: str) -> list[str]:
        """Return the digests of what refers to a manifest; none where the upstream lists none."""
        try:
            _, content = self._get(f"/v2/{self._name}/referrers/{digest}")
            return [str(item["digest"]) for item in json.loads(content)["manifests"]]
        except (UpstreamError, ValueError, KeyError, TypeError):
            return []

    def ping(self) -> None:
        """Ask whether it is there and lets us in. Raises UpstreamError."""
        self._get("/v2/")

    def blob(self, digest: str) -> Iterator[bytes]:
        """Yield the bytes of a blob. Raises UpstreamError."""
        host, path = self._address.host, f"/v2/{self._name}/blobs/{digest}"
        for _ in range(5):
            with closing(http.client.HTTPConnection(host, timeout=_TIMEOUT)) as connection:
                headers = self._headers() if host == self._address.host else {}
                response = self._send(connection, path, headers)
                if response.status in (301, 302, 307, 308):
                    parts = urlsplit(response.headers["Location"])
                    host, path = parts.netloc or host, parts.path + (f"?{parts.query}" if parts.query else "")
                    continue
                self._expect(response, path)
                while piece := self._read(response, _PIECE):
                    yield piece
                return
        raise UpstreamError("UpstreamUnavailable", "The upstream registry redirects without end.")

    # ---------------------------------------------------------------------------------------------------- requests

    def _get(self, path: str) -> tuple[http.client.HTTPResponse, bytes]:
        for attempt in range(2):
            with closing(http.client.HTTPConnection(self._address.host, timeout=_TIMEOUT)) as connection:
                response = self._send(connection, path, {"Accept": _ACCEPT, **self._headers()})
                content = self._read(response, _MANIFEST_MOST)
                if response.status == 401 and attempt == 0:
                    self._token = self._sign_in(response.headers.get("WWW-Authenticate", ""))
                    continue
                self._expect(response, path)
                return response, content
        raise AssertionError("unreachable")

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _sign_in(self, challenge: str) -> str:
        """Return the token that a Bearer challenge asks for."""
        fields = dict(_CHALLENGE.findall(challenge))
        realm = urlsplit(fields.get("realm", ""))
        if not challenge.startswith("Bearer ") or not realm.netloc:
            raise UpstreamError("UpstreamAccessDenied", "The upstream registry refused to let Amazon ECR in.")
        query = "&".join(f"{name}={quote(fields[name])}" for name in ("service", "scope") if name in fields)
        headers = {}
        if self._address.user is not None:
            login = f"{self._address.user}:{self._address.password}".encode()
            headers["Authorization"] = f"Basic {b64encode(login).decode()}"
        # The realm names the port that we came by: the token service is where the registry is.
        with closing(http.client.HTTPConnection(self._address.host, timeout=_TIMEOUT)) as connection:
            response = self._send(connection, f"{realm.path}?{query}", headers)
            content = self._read(response, _MANIFEST_MOST)
            self._expect(response, realm.path)
        try:
            answer = json.loads(content)
            return str(answer.get("token") or answer["access_token"])
        except (ValueError, KeyError, AttributeError):
            raise UpstreamError("UpstreamAccessDenied", "The upstream registry gave no token.") from None

    def _send(
        self, connection: http.client.HTTPConnection, path: str, headers: dict[str, str]
    ) -> http.client.HTTPResponse:
        try:
            connection.request("GET", path, headers={"User-Agent": _AGENT, **headers})
            return connection.getresponse()
        except (OSError, http.client.HTTPException) as error:
            raise UpstreamError("UpstreamUnavailable", f"The upstream registry cannot be reached: {error}") from None

    def _read(self, response: http.client.HTTPResponse, most: int) -> bytes:
        try:
            return response.read(most)
        except (OSError, http.client.HTTPException) as error:
            raise UpstreamError("UpstreamUnavailable", f"The upstream registry broke off: {error}") from None

    def _expect(self, response: http.client.HTTPResponse, path: str) -> None:
        if response.status == 200:
            return
        if response.status == 404:
            raise UpstreamError("ImageNotFound", "The upstream registry does not have this image.")
        if response.status in (401, 403):
            raise UpstreamError("UpstreamAccessDenied", "The upstream registry refused access to the image.")
        if response.status == 429:
            raise UpstreamError("UpstreamTooManyRequests", "The upstream registry's limit of pulls is reached.")
        raise UpstreamError("UpstreamUnavailable", f"The upstream registry answered {response.status} to {path[:200]}.")


# --------------------------------------------------------------------------------------------------------- the import


def fetch(
    store: Store, upstream: Upstream, repository: Repository, reference: str, now: float
) -> tuple[str, str, bytes]:
    """Bring what an image names into a repository; return the image's own digest, media type and content.

    Of an index every image is brought (facts E121). ``now`` is lab time in epoch seconds. Raises UpstreamError.
    """
    content, media_type = upstream.manifest(reference)
    digest = digest_of(content)
    if ":" in reference and digest != reference:
        raise UpstreamError("UpstreamUnavailable", "The upstream registry sent another image than was asked for.")
    try:
        parsed = read_manifest(content, media_type)
    except ManifestRefused as refused:
        text = f"The upstream registry sent what Amazon ECR does not take: {refused.constraint}"
        raise UpstreamError("UpstreamUnavailable", text) from None
    for item in parsed.references:
        if item.kind == "blob":
            if store.blob(repository, item.digest) is None:
                _download(store, upstream, repository, item)
        elif store.manifest_by_digest(repository, item.digest) is None:
            keep(store, repository, *fetch(store, upstream, repository, item.digest, now), now)
    return digest, media_type, content


def keep(
    store: Store,
    repository: Repository,
    digest: str,
    media_type: str,
    content: bytes,
    now: float,
    tag: str | None = None,
) -> Manifest:
    """Store a manifest that `fetch` returned."""
    parsed = parse_manifest(content, media_type)
    kind = parsed.artifact_type
    return store.put_manifest(
        repository, digest, media_type, content, parsed.references, parsed.subject, artifact_type=kind, tag=tag, now=now
    )


def _download(store: Store, upstream: Upstream, repository: Repository, item: Reference) -> None:
    upload = store.start_upload(repository, item.digest.partition(":")[0])
    try:
        with upload.writing():
            for piece in upstream.blob(item.digest):
                upload.append(piece)
        store.finish_upload(upload, item.digest)
    except DigestMismatch:
        raise UpstreamError("UpstreamUnavailable", "The upstream registry sent another layer than it names.") from None
    except BaseException:
        if store.upload(repository, upload.id) is not None:
            store.cancel_upload(upload)
        raise
