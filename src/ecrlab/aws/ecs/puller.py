"""Pulling an image as ECS's agent does: over HTTP, at the lab's own doors, with a session of the execution role.

All of it is fetched each time, because Fargate keeps nothing; every byte is hashed. An engine's own pull would skip
layers that it has, and so hide that a right is missing (facts D036).
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

from ecrlab.aws.ecs.failures import Seen, Step, Words, words
from ecrlab.aws.ecs.names import Image, image_named
from ecrlab.aws.identity.identities import Document
from ecrlab.home import ACCOUNT, REGION

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud

AGENT = "ecs-agent/1.0 (Fargate 1.4.0)"
"""The User-Agent of a pull; the X-ray's client is its first word."""
_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")
_ACCEPT = ", ".join(
    (
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.v2+json",
        *_INDEXES,
    )
)
_TIMEOUT, _PIECE, _MOST = 30.0, 1 << 20, 8 << 20
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')


class PullFailed(Exception):  # noqa: N818 (a task that does not start, not a fault)
    """An image could not be had; ``words`` is what ECS says, ``seen`` what it follows from."""

    def __init__(self, seen: Seen) -> None:
        super().__init__(words(seen).stopped)
        self.seen = seen

    @property
    def words(self) -> Words:
        return words(self.seen)


@dataclass(frozen=True)
class Pulled:
    """An image that was fetched: its own digest, the manifest of the platform with its config, and the blobs' files.

    ``blobs`` maps digests to files in the folder that the caller gave; empty where it gave none.
    """

    digest: str
    manifest: Mapping[str, Any]
    config: Mapping[str, Any]
    blobs: Mapping[str, Path]


@dataclass(frozen=True)
class Door:
    """A registry to ask: where it is on this machine, and the Authorization header (None: none)."""

    host: str
    login: str | None


def pull(
    cloud: Cloud,
    text: str,
    session: Document | None,
    region: str,
    platform: str = "linux/amd64",
    digest: str = "",
    folder: Path | None = None,
    agent: str = AGENT,
) -> Pulled:
    """Fetch an image; it blocks.

    Args:
        text: its address, as the recipe has it.
        session: the execution role's, which pulls from Amazon ECR; other registries are asked without a login.
        region: whose API hands out the password where the address names no Region.
        digest: what to take in place of the tag ("": whatever the tag names now).
        folder: where to keep the blobs; None: nowhere.

    Raises PullFailed.
    """
    image = image_named(cloud, text)
    if image is None:
        raise PullFailed(Seen(Step.ADDRESS, image=text))
    image = image.pinned(digest)
    if image.registry == "ecr":
        door = login(cloud, session, image.region, image.account, agent) if session is not None else Door("", None)
    else:
        door = Door(_host_of(cloud, image), None)
    return fetch(image, door, platform, folder, agent)


def fetch(image: Image, door: Door, platform: str, folder: Path | None, agent: str) -> Pulled:
    """Fetch an image from a registry that is found already; arguments as of `pull`. Raises PullFailed."""
    return _Pull(image, door, platform, folder, agent).whole()


def _host_of(cloud: Cloud, image: Image) -> str:
    """Return where a registry other than ECR's private ones answers, "" when nowhere."""
    if image.registry == "other":
        return ""
    address = cloud.host.upstream("public.ecr.aws" if image.registry == "public" else "registry-1.docker.io")
    return address.host if address is not None else ""


def login(cloud: Cloud, session: Document, region: str, account: str, agent: str = AGENT) -> Door:
    """Ask GetAuthorizationToken with a session; return the registry of ``account`` with the password.

    Raises PullFailed.
    """
    # Imported here, because the lab's start needs none of it.
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    main = cloud.host.known_port(ACCOUNT, REGION)
    # botocore has no types.
    request = AWSRequest(  # type: ignore[no-untyped-call]
        "POST",
        f"http://localhost:{main}/",
        data=json.dumps({"registryIds": [account]}).encode(),
        headers={
            "Content-Type": "application/x-amz-json-1.1",
            "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken",
            "User-Agent": agent,
        },
    )
    keys = Credentials(session["id"], session["secret"], session["token"])  # type: ignore[no-untyped-call]
    SigV4Auth(keys, "ecr", region).add_auth(request)  # type: ignore[no-untyped-call]
    seen = Seen(Step.TOKEN, region=region)
    try:
        with closing(http.client.HTTPConnection("localhost", main, timeout=_TIMEOUT)) as connection:
            connection.request("POST", "/", body=request.data, headers=dict(request.headers.items()))
            response = connection.getresponse()
            answer = json.loads(response.read(_MOST))
    except (OSError, http.client.HTTPException, ValueError):
        raise PullFailed(seen) from None
    if response.status != 200:
        request_id = response.headers.get("x-amzn-RequestId", "")
        message = str(answer.get("message", ""))
        raise PullFailed(replace(seen, status=response.status, message=message, request_id=request_id))
    data = answer["authorizationData"][0]
    return Door(urlsplit(data["proxyEndpoint"]).netloc, f"Basic {data['authorizationToken']}")


class _Pull:
    """One image, fetched from one registry."""

    def __init__(self, image: Image, door: Door, platform: str, folder: Path | None, agent: str) -> None:
        self._image, self._door, self._platform = image, door, platform
        self._folder, self._agent = folder, agent
        self._login = door.login

    def whole(self) -> Pulled:
        """HEAD by tag, the manifest by digest, of an index the platform's, the config, each layer.

        Raises PullFailed.
        """
        digest, content_type, content = self._manifest(self._image.reference)
        manifest = json.loads(content)
        if content_type in _INDEXES or "manifests" in manifest:
            child = next((each for each in manifest["manifests"] if self._fits(each.get("platform") or {})), None)
            if child is None:
                raise self._no_platform()
            manifest = json.loads(self._fetch_manifest(child["digest"])[1])
        blobs: dict[str, Path] = {}
        config = self._config(manifest["config"], blobs)
        for layer in manifest.get("layers", ()):
            self._blob(layer["digest"], blobs)
        return Pulled(digest, manifest, config, blobs)

    def _fits(self, platform: Mapping[str, Any]) -> bool:
        return f"{platform.get('os')}/{platform.get('architecture')}" == self._platform

    def _no_platform(self) -> PullFailed:
        return PullFailed(Seen(Step.PLATFORM, image=self._image.written, platform=self._platform))

    def _manifest(self, reference: str) -> tuple[str, str, bytes]:
        """Resolve a tag or digest, then fetch by digest."""
        path = f"manifests/{quote(reference, safe=':')}"
        response, _ = self._ask("HEAD", path, Step.MANIFEST)
        digest = response.headers.get("Docker-Content-Digest") or reference
        content_type, content = self._fetch_manifest(digest)
        return digest, content_type, content

    def _fetch_manifest(self, digest: str) -> tuple[str, bytes]:
        response, content = self._ask("GET", f"manifests/{digest}", Step.MANIFEST)
        self._check(digest, hashlib.sha256(content).hexdigest(), Step.MANIFEST)
        return response.headers.get("Content-Type", "").partition(";")[0].strip(), content

    def _config(self, descriptor: Mapping[str, Any], blobs: dict[str, Path]) -> Mapping[str, Any]:
        content = self._blob(descriptor["digest"], blobs, keep=True)
        try:
            config = json.loads(content)
        except ValueError:
            config = {}
        if not isinstance(config, dict):
            config = {}
        # An image that says nothing of its platform is taken for one of every platform.
        if config.get("architecture") and not self._fits(config):
            raise self._no_platform()
        return config

    # ------------------------------------------------------------------------------------------------------- requests

    def _blob(self, digest: str, blobs: dict[str, Path], keep: bool = False) -> bytes:
        """Fetch a blob, into the folder where there is one; with ``keep`` its bytes are returned."""
        path = None if self._folder is None else self._folder / digest.partition(":")[2]
        hashed, kept = hashlib.sha256(), bytearray()
        file = path.open("wb") if path is not None else None
        try:

            def take(piece: bytes) -> None:
                hashed.update(piece)
                if keep:
                    kept.extend(piece)
                if file is not None:
                    file.write(piece)

            self._ask("GET", f"blobs/{digest}", Step.LAYER, take)
        finally:
            if file is not None:
                file.close()
        self._check(digest, hashed.hexdigest(), Step.LAYER)
        if path is not None:
            blobs[digest] = path
        return bytes(kept)

    def _check(self, digest: str, found: str, step: Step) -> None:
        if digest != f"sha256:{found}":
            raise self._failed(step, f"blobs/{digest}", 502, "the registry sent other bytes than it names")

    def _ask(
        self, method: str, path: str, step: Step, take: Callable[[bytes], None] | None = None
    ) -> tuple[http.client.HTTPResponse, bytes]:
        """Ask the registry; a redirect is followed without the login. Raises PullFailed."""
        host, target, login = self._door.host, f"/v2/{self._image.path}/{path}", self._login
        for _ in range(5):
            if not host:
                raise self._failed(step, path, 401 if self._image.registry == "ecr" else None)
            try:
                with closing(http.client.HTTPConnection(host, timeout=_TIMEOUT)) as connection:
                    headers = {"User-Agent": self._agent, "Accept": _ACCEPT if "/manifests/" in target else "*/*"}
                    connection.request(method, target, headers=headers | ({"Authorization": login} if login else {}))
                    response = connection.getresponse()
                    if response.status in (301, 302, 307, 308):
                        parts = urlsplit(response.headers["Location"])
                        host, login = parts.netloc or host, None
                        target = parts.path + (f"?{parts.query}" if parts.query else "")
                        continue
                    if response.status == 200 and take is not None:
                        while piece := response.read(_PIECE):
                            take(piece)
                        return response, b""
                    content = response.read(_MOST)
            except (OSError, http.client.HTTPException):
                raise self._failed(step, path, None) from None
            challenge = response.headers.get("WWW-Authenticate", "")
            if response.status == 401 and self._login is None and challenge.startswith("Bearer "):
                login = self._login = self._anonymous(challenge, step, path)
                continue
            if response.status == 200:
                return response, content
            raise self._failed(step, path, response.status, _message(content))
        raise self._failed(step, path, 401)

    def _anonymous(self, challenge: str, step: Step, path: str) -> str:
        """Return the login that a Bearer challenge gives to whoever has none."""
        fields = dict(_CHALLENGE.findall(challenge))
        realm = urlsplit(fields.get("realm", ""))
        query = "&".join(f"{name}={quote(fields[name])}" for name in ("service", "scope") if name in fields)
        try:
            with closing(http.client.HTTPConnection(self._door.host, timeout=_TIMEOUT)) as connection:
                connection.request("GET", f"{realm.path}?{query}", headers={"User-Agent": self._agent})
                response = connection.getresponse()
                content = response.read(_MOST)
            if response.status != 200:
                raise self._failed(step, path, response.status, _message(content))
            answer = json.loads(content)
            return f"Bearer {answer.get('token') or answer['access_token']}"
        except (OSError, http.client.HTTPException, ValueError, KeyError):
            raise self._failed(step, path, None) from None

    def _failed(self, step: Step, path: str, status: int | None, message: str = "") -> PullFailed:
        image = self._image
        return PullFailed(
            Seen(
                step,
                image=image.written,
                host=image.host,
                reference=image.reference,
                status=status,
                message=message,
                url=f"https://{image.host}/v2/{image.name}/{path}",
            )
        )


def _message(content: bytes) -> str:
    """Return the sentence of a registry's error."""
    try:
        return str(json.loads(content)["errors"][0]["message"])
    except (ValueError, LookupError, TypeError):
        return ""
