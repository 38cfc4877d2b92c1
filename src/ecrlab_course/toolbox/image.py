"""An image of one small layer, and its push over HTTP as docker does it."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import tarfile
from urllib.parse import urlsplit

from ecrlab.client import LOOKING
from ecrlab_course.failure import Refused

DOCKER = "application/vnd.docker."


def image(content: bytes, path: str = "content") -> tuple[bytes, bytes, bytes]:
    """Return layer, config and manifest of an image whose only layer holds one file, at `path`; deterministic.

    The manifest is written as docker writes it, so that pushed back by docker under another tag it keeps its digest.
    """
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        entry = tarfile.TarInfo(path)
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    layer = gzip.compress(plain.getvalue(), mtime=0)

    config = json.dumps(
        {
            "architecture": "amd64",
            "config": {},
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [digest_of(plain.getvalue())]},
        },
        sort_keys=True,
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": DOCKER + "distribution.manifest.v2+json",
            "config": {
                "mediaType": DOCKER + "container.image.v1+json",
                "size": len(config),
                "digest": digest_of(config),
            },
            "layers": [
                {"mediaType": DOCKER + "image.rootfs.diff.tar.gzip", "size": len(layer), "digest": digest_of(layer)}
            ],
        },
        indent=3,
    ).encode()
    return layer, config, manifest


def push_image(
    port: int,
    name: str,
    tag: str,
    parts: tuple[bytes, bytes, bytes],
    token: str,
    quiet: bool = False,
    scheme: str = "Basic",
) -> str:
    """Push layer, config and manifest to /v2/NAME on localhost:PORT with a token, Basic or Bearer; return the digest.

    Raises Refused with the registry's own words.
    """
    connection = http.client.HTTPConnection("localhost", port, timeout=60)
    headers = {"Authorization": f"{scheme} {token}", "User-Agent": f"ecrlab-push{' ' + LOOKING if quiet else ''}"}

    def ask(method: str, path: str, body: bytes = b"", **more: str) -> http.client.HTTPResponse:
        connection.request(method, path, body, {**headers, **more})
        response = connection.getresponse()
        text = response.read()
        if response.status >= 400:
            try:
                error = json.loads(text)["errors"][0]
                code, message = str(error["code"]), str(error["message"])
            except (ValueError, KeyError, IndexError, TypeError):
                code, message = "", text.decode(errors="replace") or response.reason
            raise Refused(response.status, code, message)
        return response

    layer, config, manifest = parts
    try:
        for blob in (layer, config):
            digest = digest_of(blob)
            where = _path(ask("POST", f"/v2/{name}/blobs/uploads/"))
            where = _path(ask("PATCH", where, blob))
            ask("PUT", f"{where}{'&' if '?' in where else '?'}digest={digest}")
        kind = json.loads(manifest)["mediaType"]
        ask("PUT", f"/v2/{name}/manifests/{tag}", manifest, **{"Content-Type": kind})
    finally:
        connection.close()
    return digest_of(manifest)


def digest_of(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _path(response: http.client.HTTPResponse) -> str:
    target = urlsplit(response.headers["Location"])
    return target.path + (f"?{target.query}" if target.query else "")
