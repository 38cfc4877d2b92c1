"""Images that are at the hub from the beginning, made on this machine."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile

from ecrlab.oci import parse_manifest
from ecrlab.store import Repository, Store, digest_of

_KIND = "application/vnd.oci.image"
#: A file in every image that was made here, so that nobody takes it for an official one.
NOTE = "etc/ecrlab-hub"
NOTE_TEXT = b"Made by ECR Lab on this machine for its Docker-Hub-like registry. Not an image of Docker Hub.\n"
_MOMENT = "1970-01-01T00:00:00Z"


def note() -> bytes:
    """Return the layer (an uncompressed tar file) that says where an image was made; always the same bytes."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        entry = tarfile.TarInfo(NOTE)
        entry.size = len(NOTE_TEXT)
        tar.addfile(entry, io.BytesIO(NOTE_TEXT))
    return target.getvalue()


def put_image(
    store: Store, repository: Repository, tag: str, layers: list[bytes], architecture: str, now: float
) -> str:
    """Store an image of these layers (uncompressed tar files) under a tag; return its digest."""
    # Quickly: this is done while the lab starts for the first time.
    packed = [gzip.compress(layer, 1, mtime=0) for layer in layers]
    config = json.dumps(
        {
            "architecture": architecture,
            "config": {"Cmd": ["sh"], "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},
            "created": _MOMENT,
            "history": [{"created": _MOMENT, "created_by": "ecrlab hub: made on this machine"} for _ in layers],
            "os": "linux",
            "rootfs": {
                "type": "layers",
                "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest() for layer in layers],
            },
        },
        separators=(",", ":"),
    ).encode()
    media_type = f"{_KIND}.manifest.v1+json"
    parts = [
        {"mediaType": f"{_KIND}.{kind}", "digest": store.put_blob(repository, content).digest, "size": len(content)}
        for kind, content in (("config.v1+json", config), *(("layer.v1.tar+gzip", data) for data in packed))
    ]
    document = {"schemaVersion": 2, "mediaType": media_type, "config": parts[0], "layers": parts[1:]}
    content = json.dumps(document, separators=(",", ":")).encode()
    parsed = parse_manifest(content, media_type)
    stored = store.put_manifest(
        repository, digest_of(content), media_type, content, parsed.references, tag=tag, now=now
    )
    return stored.digest
