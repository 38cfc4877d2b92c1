"""What page 1 of lesson 02 writes by hand, as functions: an image is a tar file and two pages of JSON.

The same bytes in give the same bytes out, on every computer.
"""

from __future__ import annotations

import hashlib
import io
import json
import platform
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from ecrlab.engine.hello_program import hello_program

OCI = "application/vnd.oci.image."
PROCESSOR = "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "amd64"
"""What this computer has, in the words that images use."""
INDEX = OCI + "index.v1+json"
OTHER = "amd64" if PROCESSOR == "arm64" else "arm64"


HELLO = hello_program("arm64" if PROCESSOR == "arm64" else "amd64")
"""The program of 184 bytes, for this computer's processor."""


def digest(data: bytes) -> str:
    """Return the name of these bytes."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def layer_of(files: Mapping[str, bytes]) -> bytes:
    """Return a layer, not compressed: a tar file without dates and owners."""
    box = io.BytesIO()
    with tarfile.open(fileobj=box, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    return box.getvalue()


def config_of(*diff_ids: str, processor: str = PROCESSOR) -> bytes:
    """Return the page that says what to start, for which processor, on which layers."""
    config = {
        "architecture": processor, "os": "linux",
        "config": {"Cmd": ["/hello"]},
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
    }  # fmt: skip
    return json.dumps(config).encode()


def entry_of(kind: str, data: bytes) -> dict[str, Any]:
    """Return how a manifest or an index lists these bytes: what they are, how many, and their name."""
    return {"mediaType": OCI + kind, "size": len(data), "digest": digest(data)}


def manifest_of(config: bytes, layer: bytes, kind: str = "layer.v1.tar") -> str:
    """Return the page that lists config and layer."""
    manifest = {
        "schemaVersion": 2, "mediaType": OCI + "manifest.v1+json",
        "config": entry_of("config.v1+json", config),
        "layers": [entry_of(kind, layer)],
    }  # fmt: skip
    return json.dumps(manifest)


def send(ecr: Any, repository: str, *blobs: bytes) -> None:
    """Send layers and configs; what is there already is stored once."""
    for blob in blobs:
        upload = ecr.initiate_layer_upload(repositoryName=repository)["uploadId"]
        ecr.upload_layer_part(
            repositoryName=repository, uploadId=upload, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob
        )
        try:
            ecr.complete_layer_upload(repositoryName=repository, uploadId=upload, layerDigests=[digest(blob)])
        except ecr.exceptions.LayerAlreadyExistsException:
            continue


def put(ecr: Any, repository: str, page: str, tag: str = "") -> str:
    """Put a manifest or an index under a tag, or without one; return its digest."""
    named = {"imageTag": tag} if tag else {}
    kind = json.loads(page)["mediaType"]
    with suppress(ecr.exceptions.ImageAlreadyExistsException):
        ecr.put_image(repositoryName=repository, imageManifest=page, imageManifestMediaType=kind, **named)
    return digest(page.encode())


# One tag for two processors


def image(ecr: Any, repository: str, processor: str) -> dict[str, Any]:
    """Push the image for one processor; return its line for an index."""
    program = hello_program("arm64" if processor == "arm64" else "amd64")
    layer = layer_of({"hello": program})
    config = config_of(digest(layer), processor=processor)
    manifest = manifest_of(config, layer)
    send(ecr, repository, layer, config)
    put(ecr, repository, manifest)
    return {**entry_of("manifest.v1+json", manifest.encode()), "platform": {"architecture": processor, "os": "linux"}}


def attestation(ecr: Any, repository: str, about: str) -> dict[str, Any]:
    """Push a note about the image of that digest, in the shape of an image; return its line for an index."""
    statement = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "predicateType": "https://slsa.dev/provenance/v0.2",
        "subject": [{"name": repository, "digest": {"sha256": about.removeprefix("sha256:")}}],
        "predicate": {"builder": {"id": "by hand, in lesson 02"}},
    }
    note = json.dumps(statement).encode()
    config = json.dumps(
        {"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}
    ).encode()
    manifest = json.loads(manifest_of(config, note))
    manifest["layers"][0]["mediaType"] = "application/vnd.in-toto+json"
    page = json.dumps(manifest)
    send(ecr, repository, note, config)
    put(ecr, repository, page)
    about_whom = {"vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": about}
    nobody = {"architecture": "unknown", "os": "unknown"}
    return {**entry_of("manifest.v1+json", page.encode()), "annotations": about_whom, "platform": nobody}


def index(ecr: Any, repository: str, tag: str, *lines: dict[str, Any]) -> str:
    """Push an index of these lines under the tag; return its digest."""
    page = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": list(lines)})
    return put(ecr, repository, page, tag)
