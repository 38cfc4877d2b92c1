"""One repository of a registry over HTTP, as a program of a learner's asks for it; no engine, no docker.

Lessons about the wire act with it, and with `looking` they look: such a request leaves no trace in the X-ray.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

import requests

from ecrlab.client import LOOKING
from ecrlab.home import REGION
from ecrlab_course.authoring.staging import digest_of
from ecrlab_course.documents.lab_view import LabView

OCI = "application/vnd.oci."
MANIFEST, CONFIG, LAYER = OCI + "image.manifest.v1+json", OCI + "image.config.v1+json", OCI + "image.layer.v1.tar+gzip"
EMPTY = OCI + "empty.v1+json"


@dataclass(frozen=True)
class Wire:
    """A repository: `base` is http://HOST/v2/NAME, `headers` go with each request."""

    base: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def ask(self, method: str, path: str, data: bytes = b"", **headers: str) -> requests.Response:
        """Make one request below the repository, or at the address that begins with http; return the answer."""
        with requests.Session() as session:
            session.trust_env = False
            url = path if path.startswith("http") else f"{self.base}/{path}"
            return session.request(method, url, data=data, headers={**self.headers, **headers}, timeout=20)

    def get(self, path: str) -> requests.Response:
        """Fetch manifests/TAG, blobs/DIGEST, referrers/DIGEST, tags/list."""
        return self.ask("GET", path)

    def digest(self, tag: str) -> str:
        """Return the digest that the registry names for a tag; "" when it has none. Nothing is pulled."""
        answer = self.ask("HEAD", f"manifests/{tag}", Accept=MANIFEST)
        return answer.headers.get("Docker-Content-Digest", "") if answer.ok else ""

    def start(self) -> requests.Response:
        """Ask for a place to send a piece to."""
        return self.ask("POST", "blobs/uploads/")

    def put_blob(self, data: bytes, kind: str = LAYER) -> dict[str, Any]:
        """Send a piece; return its descriptor. Raises requests.HTTPError when it is refused."""
        door = self.start()
        door.raise_for_status()
        there = urljoin(door.url, door.headers["Location"])
        there += f"{'&' if '?' in there else '?'}digest={digest_of(data)}"
        self.ask("PUT", there, data).raise_for_status()
        return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}

    def put_manifest(self, data: bytes, name: str, kind: str = MANIFEST) -> requests.Response:
        """Send a manifest under a tag or its own digest; return the answer."""
        return self.ask("PUT", f"manifests/{name}", data, **{"Content-Type": kind})

    def put_image(self, tag: str, layer: bytes, config: bytes, manifest: bytes) -> str:
        """Send layer, config and manifest; return the digest. Raises requests.HTTPError when it is refused."""
        self.put_blob(layer)
        self.put_blob(config)
        self.put_manifest(manifest, tag).raise_for_status()
        return digest_of(manifest)


def at_ecr(
    lab: LabView, name: str, profile: str = "admin", looking: bool = False, registry: str = "", region: str = REGION
) -> Wire:
    """Return a repository of the account's registry, asked with that profile's token; profile "": without a login.

    `registry` and `region` say which registry, when it is not that of $REGISTRY.
    """
    host, _, account = (registry or lab.registry).partition("/")
    headers = _agent(looking)
    if profile:
        token = lab.client("ecr", profile, region).get_authorization_token()["authorizationData"][0][
            "authorizationToken"
        ]
        headers["Authorization"] = f"Basic {token}"
    return Wire(f"http://{host}/v2/{account}/{name}", headers)


def at_hub(
    lab: LabView, name: str, user: str = "", scope: str | None = None, actions: str = "pull,push", looking: bool = False
) -> Wire:
    """Return a repository of the Docker-Hub-like registry, asked with a pass of that user; "": of nobody.

    `scope` is the scope asked for, when it is not that of the repository; "" asks for none.
    """
    port = lab.control.status()["hub"]["port"]
    query = {"scope": f"repository:{name}:{actions}" if scope is None else scope}
    auth = (user, lab.control.home.hub_password.read_text(encoding="utf-8").strip()) if user else None
    with requests.Session() as session:
        session.trust_env = False
        answer = session.get(
            f"http://localhost:{port}/token", params=query, auth=auth, headers=_agent(looking), timeout=20
        )
    headers = {**_agent(looking), "Authorization": f"Bearer {answer.json()['token']}"}
    return Wire(f"http://localhost:{port}/v2/{name}", headers)


def at_public(address: str, looking: bool = False) -> Wire:
    """Return a repository of ECR Public by its address HOST/public.ecr.aws/ALIAS/NAME, asked as a stranger asks."""
    host, _, name = address.partition("/")
    with requests.Session() as session:
        session.trust_env = False
        query = {"service": "public.ecr.aws"}
        answer = session.get(f"http://{host}/token/", params=query, headers=_agent(looking), timeout=20)
    return Wire(f"http://{host}/v2/{name}", {**_agent(looking), "Authorization": f"Bearer {answer.json()['token']}"})


def at_mirror(lab: LabView, name: str, looking: bool = False) -> Wire:
    """Return a repository of the hub's mirror, which asks nobody who they are."""
    port = lab.control.status()["mirror"]["port"]
    return Wire(f"http://localhost:{port}/v2/{name}", _agent(looking))


def image_of(layer: bytes, plain: bytes) -> tuple[bytes, bytes]:
    """Return config and manifest (OCI, as short as they can be written) of an image of one gzipped layer."""
    config = _short(
        {
            "architecture": "amd64",
            "config": {},
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [digest_of(plain)]},
        }
    )
    return config, manifest_of(described(config, CONFIG), described(layer, LAYER))


def described(data: bytes, kind: str) -> dict[str, Any]:
    """Return the descriptor of some bytes."""
    return {"mediaType": kind, "digest": digest_of(data), "size": len(data)}


def manifest_of(config: Mapping[str, Any], *layers: Mapping[str, Any], **more: Any) -> bytes:
    """Return an OCI manifest of these descriptors, with further members such as subject and artifactType."""
    return _short({"schemaVersion": 2, "mediaType": MANIFEST, **more, "config": config, "layers": list(layers)})


def _short(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _agent(looking: bool) -> dict[str, str]:
    return {"User-Agent": f"ecrlab-wire{f' {LOOKING}' if looking else ''}"}
