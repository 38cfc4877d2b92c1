"""What checkpoints and tries ask of the Hub over HTTP, as docker does: a pass, a manifest, a push."""

from __future__ import annotations

import base64
import http.client
import json
from typing import Any
from urllib.parse import quote, urlsplit

from ecrlab_course.toolbox.hub import Hub
from ecrlab_course.toolbox.image import image, push_image

_ACCEPT = "application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"


def pass_for(hub: Hub, scope: str, user: str = "", secret: str = "", address: str = "") -> str:
    """Return a pass for a scope, `repository:NAME:ACTIONS`: a user's (`secret`: default the password), or nobody's."""
    headers = {"User-Agent": "ecrlab-hub"}
    if user:
        shown = f"{user}:{secret or hub.password(user)}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(shown).decode()}"
    status, _, body = _ask(address or hub.address, "GET", f"/token?scope={quote(scope)}", headers)
    return str(json.loads(body)["token"]) if status == 200 else ""


def manifest(
    hub: Hub,
    name: str,
    tag: str = "latest",
    *,
    user: str = "",
    secret: str = "",
    method: str = "GET",
    address: str = "",
) -> tuple[int, dict[str, str]]:
    """Ask for a manifest, with a pass of its own; return the status and the headers, their names in lower case."""
    token = pass_for(hub, f"repository:{name}:pull", user, secret, address)
    headers = {"User-Agent": "ecrlab-hub", "Authorization": f"Bearer {token}", "Accept": _ACCEPT}
    status, found, _ = _ask(address or hub.address, method, f"/v2/{name}/manifests/{tag}", headers)
    return status, found


def push(
    hub: Hub,
    name: str,
    tag: str,
    content: bytes = b"hello",
    user: str = "learner",
    secret: str = "",
    path: str = "content",
) -> str:
    """Push an image of one small layer, a file at `path`; return its digest. Raises Refused."""
    token = pass_for(hub, f"repository:{name}:pull,push", user, secret)
    port = int(hub.address.rpartition(":")[2])
    return push_image(port, name, tag, image(content, path), token, scheme="Bearer")


def _ask(address: str, method: str, path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], Any]:
    target = urlsplit(f"//{address}")
    connection = http.client.HTTPConnection(target.netloc, timeout=30)
    try:
        connection.request(method, path, headers=headers)
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()
