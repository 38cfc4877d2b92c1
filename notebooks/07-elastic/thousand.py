"""Push many versions of one page: python thousand.py REPOSITORY HOW_MANY (or several repositories, each so many)

A repository that is missing is created. Each version is one small layer on a base of two megabytes that never changes.
No engine is needed: these are the requests that docker makes. The bytes are the same on every computer. A registry that
says 429 is asked again.
"""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import os
import random
import sys
import tarfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import boto3

KIND = "application/vnd.oci.image."
AT_ONCE = 4


def digest(data: bytes) -> str:
    """Return the digest of these bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def archive(name: str, data: bytes) -> bytes:
    """Return a tar with one file: what a layer is before it is compressed."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo(name)
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    return packed.getvalue()


def packed(data: bytes) -> bytes:
    """Return the layer as it travels and as it is stored, with the same bytes everywhere."""
    return gzip.compress(data, mtime=0)


PLAIN_BASE = archive("base", random.Random(7).randbytes(2_000_000))
BASE = packed(PLAIN_BASE)
BASE_IS, BASE_WAS = digest(BASE), digest(PLAIN_BASE)


class Image:
    """Version `text` of the page: layer, config and manifest."""

    def __init__(self, text: str) -> None:
        plain = archive("www/version.txt", f"version {text}\n".encode())
        self.layer = packed(plain)
        layers = [BASE_WAS, digest(plain)]
        config = {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/bin/true"]},
            "rootfs": {"type": "layers", "diff_ids": layers},
        }
        self.config = json.dumps(config).encode()
        parts = [
            ("config.v1+json", len(self.config), digest(self.config)),
            ("layer.v1.tar+gzip", len(BASE), BASE_IS),
            ("layer.v1.tar+gzip", len(self.layer), digest(self.layer)),
        ]
        named = [{"mediaType": KIND + kind, "size": size, "digest": name} for kind, size, name in parts]
        manifest = {"schemaVersion": 2, "mediaType": KIND + "manifest.v1+json", "config": named[0], "layers": named[1:]}
        self.manifest = json.dumps(manifest).encode()


class Door:
    """One connection to a registry: `address` is what $REGISTRY holds, `token` what ECR handed out."""

    def __init__(self, address: str, token: str) -> None:
        host, _, self.registry = address.partition("/")
        self.line = http.client.HTTPConnection(host)
        self.headers = {"Authorization": f"Basic {token}"}
        self.waited = 0

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "application/octet-stream") -> None:
        """Make one request, again and again while the answer is 429."""
        while True:
            self.line.request(method, f"/v2/{self.registry}/{path}", body, {**self.headers, "Content-Type": kind})
            answer = self.line.getresponse()
            said = answer.read().decode()
            if answer.status == 429:
                self.waited += 1
                time.sleep(0.1)
            elif answer.status >= 400:
                raise SystemExit(f"{answer.status} {said}")
            else:
                return

    def blob(self, name: str, data: bytes) -> None:
        """Send a layer or a config."""
        self.ask("POST", f"{name}/blobs/uploads/?digest={digest(data)}", data)

    def push(self, name: str, tag: str, image: Image) -> None:
        """Send what only this image has, then the manifest that names all of it."""
        self.blob(name, image.layer)
        self.blob(name, image.config)
        self.ask("PUT", f"{name}/manifests/{tag}", image.manifest, KIND + "manifest.v1+json")


def push_all(address: str, token: str, name: str, tags: list[str]) -> int:
    """Push an image for each tag, four at a time; return how often the registry said: not now."""
    doors = [Door(address, token) for _ in range(min(AT_ONCE, len(tags)))]
    doors[0].blob(name, BASE)

    def part(number: int) -> None:
        for tag in tags[number :: len(doors)]:
            doors[number].push(name, tag, Image(tag))

    try:
        with ThreadPoolExecutor(len(doors)) as pool:
            list(pool.map(part, range(len(doors))))
    finally:
        for door in doors:
            door.line.close()
    return sum(door.waited for door in doors)


def token_of(region: str) -> str:
    """Return an authorization token for the Region's registry, fetched with your AWS keys."""
    client: Any = boto3.client("ecr", region_name=region)  # type: ignore[no-untyped-call]
    return str(client.get_authorization_token()["authorizationData"][0]["authorizationToken"])


def create(region: str, names: list[str]) -> None:
    """Create the repositories that are not there yet."""
    client: Any = boto3.client("ecr", region_name=region)  # type: ignore[no-untyped-call]
    for name in names:
        with suppress(client.exceptions.RepositoryAlreadyExistsException):
            client.create_repository(repositoryName=name)


if __name__ == "__main__":
    *repositories, count = sys.argv[1:]
    create(os.environ["AWS_REGION"], repositories)
    token = token_of(os.environ["AWS_REGION"])
    for repository in repositories:
        begun = time.monotonic()
        waits = push_all(os.environ["REGISTRY"], token, repository, [f"v{n:04d}" for n in range(1, int(count) + 1)])
        print(f"{repository}: {count} images, {time.monotonic() - begun:.1f} s; told to wait: {waits} times")
