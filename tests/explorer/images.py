"""Images written into a store as a push leaves them there: blobs, then the manifest that names them."""

from __future__ import annotations

import json
from typing import Any

from ecrlab.oci.manifest import OCI_INDEX, OCI_MANIFEST, parse_manifest
from ecrlab.store import Manifest, Repository, Store, digest_of

CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
EMPTY = "application/vnd.oci.empty.v1+json"


def blob(size: int, name: str) -> bytes:
    """Return `size` bytes that differ with `name`."""
    return (name.encode() * (size // len(name) + 1))[:size]


def descriptor(content: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(content), "size": len(content)}


def put(
    store: Store,
    repository: Repository,
    tag: str | None,
    layers: list[bytes],
    *,
    steps: tuple[str, ...] = (),
    config: dict[str, Any] | None = None,
    now: float = 0.0,
    **extra: Any,
) -> Manifest:
    """Push an image of these layers; `steps` are the history's commands, `extra` goes into the manifest."""
    document: dict[str, Any] = {"os": "linux", "architecture": "amd64", "note": tag, **(config or {})}
    if steps:
        document["history"] = [{"created_by": step, "empty_layer": step.startswith("CMD")} for step in steps]
    raw = json.dumps(document).encode()
    for content in (raw, *layers):
        store.put_blob(repository, content)
    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": descriptor(raw, CONFIG),
        "layers": [descriptor(layer, LAYER) for layer in layers],
        **extra,
    }
    return put_document(store, repository, tag, manifest, now)


def put_document(
    store: Store, repository: Repository, tag: str | None, manifest: dict[str, Any], now: float = 0.0
) -> Manifest:
    """Push a manifest whose blobs are there."""
    content = json.dumps(manifest).encode()
    parsed = parse_manifest(content)
    return store.put_manifest(
        repository,
        digest_of(content),
        parsed.media_type,
        content,
        parsed.references,
        parsed.subject,
        artifact_type=parsed.artifact_type,
        tag=tag,
        now=now,
    )


def put_index(
    store: Store, repository: Repository, tag: str, members: list[tuple[Manifest, str]], now: float = 0.0
) -> Manifest:
    """Push an index of images with their architectures."""
    entries = [
        {
            "mediaType": member.media_type,
            "digest": member.digest,
            "size": member.size,
            "platform": {"os": "linux", "architecture": architecture},
        }
        for member, architecture in members
    ]
    return put_document(store, repository, tag, {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}, now)


def put_artifact(store: Store, repository: Repository, subject: Manifest, kind: str, content: bytes) -> Manifest:
    """Push an artifact that says something about `subject`."""
    empty = b"{}"
    for part in (empty, content):
        store.put_blob(repository, part)
    return put_document(
        store,
        repository,
        None,
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": kind,
            "config": descriptor(empty, EMPTY),
            "layers": [descriptor(content, kind)],
            "subject": {"mediaType": subject.media_type, "digest": subject.digest, "size": subject.size},
        },
        now=99.0,
    )
