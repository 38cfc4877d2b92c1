"""The stand-in's images: an OCI image layout below the lab's home, with the names that point into it.

`state.json` is the truth about names; `index.json` is written from it, so that other tools can read the
layout. Files are replaced, never changed in place. Two locks make several processes safe: `state.lock` is
held while names change; `blobs.lock` is shared by those who write or read blobs, and held alone by a sweep.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecrlab.durable import sync
from ecrlab.standin.names import Name, NameFormatError, parse

DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"


class NoSuchImageError(LookupError):
    """No image has that name or id; the message is the name as docker repeats it."""


@dataclass(frozen=True)
class Image:
    """An image that is kept here. Sizes are the bytes of the files in a layer, unpacked."""

    id: str
    manifest_digest: str
    media_type: str
    manifest: dict[str, Any]
    config: dict[str, Any]
    layer_sizes: tuple[int, ...]
    tagged: float
    tags: tuple[str, ...]
    digests: tuple[str, ...]

    @property
    def size(self) -> int:
        """The bytes of all files in all layers."""
        return sum(self.layer_sizes)

    @property
    def diff_ids(self) -> list[str]:
        """The digests of the unpacked layers, base first."""
        return list(self.config.get("rootfs", {}).get("diff_ids", []))


def chain_ids(diff_ids: list[str]) -> list[str]:
    """Return the id of each stack of layers, base first (fact C025)."""
    chain: list[str] = []
    for diff_id in diff_ids:
        chain.append(sha256(f"{chain[-1]} {diff_id}".encode()) if chain else diff_id)
    return chain


def sha256(data: bytes) -> str:
    """Return the digest of bytes, as registries write it."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Images:
    """The images below one folder, which is made when it is missing."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.blobs = root / "blobs" / "sha256"
        self.temporary = root / "tmp"
        self.blobs.mkdir(parents=True, exist_ok=True)
        self.temporary.mkdir(exist_ok=True)
        layout = root / "oci-layout"
        if not layout.exists():
            with open(root / "state.lock", "ab") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                self._write(layout, b'{"imageLayoutVersion":"1.0.0"}')

    # blobs

    def path(self, digest: str) -> Path:
        """Return where the blob with this digest lies, or would lie."""
        return self.blobs / digest.partition(":")[2]

    def has(self, digest: str) -> bool:
        """Return whether the blob is here."""
        return self.path(digest).exists()

    def read(self, digest: str) -> bytes:
        """Return a small blob: a manifest or a config."""
        return self.path(digest).read_bytes()

    def add(self, data: bytes) -> str:
        """Keep bytes as a blob and return their digest."""
        digest = sha256(data)
        if not self.has(digest):
            self._write(self.path(digest), data)
        return digest

    def adopt(self, file: Path, digest: str) -> None:
        """Make a finished temporary file the blob with this digest."""
        os.replace(file, self.path(digest))

    def _write(self, path: Path, data: bytes) -> None:
        handle, name = tempfile.mkstemp(dir=self.temporary)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            sync(file.fileno())
        os.replace(name, path)

    @contextmanager
    def using_blobs(self) -> Iterator[None]:
        """Hold off the removal of blobs: for who reads them, and for who writes some that no name points to yet."""
        with open(self.root / "blobs.lock", "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield

    def sweep(self) -> None:
        """Remove blobs that no image needs; while another process uses blobs, leave that to a later sweep."""
        with open(self.root / "blobs.lock", "ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return
            with open(self.root / "state.lock", "ab") as names:
                fcntl.flock(names, fcntl.LOCK_EX)
                self._sweep()

    def _sweep(self) -> None:
        needed = set()
        for id_, record in self.state()["images"].items():
            manifest = json.loads(self.read(record["manifest"]))
            needed |= {id_, record["manifest"], *(layer["digest"] for layer in manifest["layers"])}
        for file in self.blobs.iterdir():
            if f"sha256:{file.name}" not in needed:
                file.unlink(missing_ok=True)
        for file in self.temporary.iterdir():
            file.unlink(missing_ok=True)

    # names

    def state(self) -> dict[str, Any]:
        """Return the names as they are now: images, tags, digests, and which repository is known to hold which blob."""
        try:
            loaded: dict[str, Any] = json.loads((self.root / "state.json").read_bytes())
        except FileNotFoundError:
            return {"images": {}, "tags": {}, "digests": {}, "known": {}}
        return loaded

    @contextmanager
    def change(self) -> Iterator[dict[str, Any]]:
        """Give out the names to be changed; they are kept when the block ends without an exception."""
        with open(self.root / "state.lock", "ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            state = self.state()
            yield state
            self._write(self.root / "state.json", json.dumps(state, indent=1).encode())
            self._write(self.root / "index.json", self._index(state))

    def _index(self, state: dict[str, Any]) -> bytes:
        entries = []
        for id_, record in state["images"].items():
            names = [name for name, target in [*state["tags"].items(), *state["digests"].items()] if target == id_]
            for name in names or [None]:
                entry = {
                    "mediaType": record["media_type"],
                    "digest": record["manifest"],
                    "size": self.path(record["manifest"]).stat().st_size,
                }
                if name:
                    entry["annotations"] = {"org.opencontainers.image.ref.name": name}
                entries.append(entry)
        return json.dumps({"schemaVersion": 2, "manifests": entries}).encode()

    def keep(
        self, manifest: bytes, media_type: str, layer_sizes: list[int], tags: list[Name], digests: tuple[str, ...] = ()
    ) -> str:
        """Record an image whose blobs are all here, under these names, and return its id (the digest of its config)."""
        digest = self.add(manifest)
        id_: str = json.loads(manifest)["config"]["digest"]
        with self.change() as state:
            record = state["images"].setdefault(
                id_, {"manifest": digest, "media_type": media_type, "sizes": layer_sizes, "tagged": 0.0}
            )
            if tags:
                record["tagged"] = time.time()
            for name in tags:
                state["tags"][name.key] = id_
            for key in digests:
                state["digests"][key] = id_
        return id_

    def images(self) -> list[Image]:
        """Return all images, the newest first."""
        with self.using_blobs():
            state = self.state()
            found = [self._image(id_, state) for id_ in state["images"]]
        return sorted(found, key=lambda image: str(image.config.get("created", "")), reverse=True)

    def _image(self, id_: str, state: dict[str, Any]) -> Image:
        record = state["images"][id_]
        return Image(
            id=id_,
            manifest_digest=record["manifest"],
            media_type=record["media_type"],
            manifest=json.loads(self.read(record["manifest"])),
            config=json.loads(self.read(id_)),
            layer_sizes=tuple(record["sizes"]),
            tagged=record["tagged"],
            tags=tuple(sorted(name for name, target in state["tags"].items() if target == id_)),
            digests=tuple(sorted(name for name, target in state["digests"].items() if target == id_)),
        )

    def find(self, text: str) -> Image:
        """Return the image with this name, digest, id or beginning of an id. Raises NoSuchImageError."""
        with self.using_blobs():
            return self._find(text, self.state())

    def _find(self, text: str, state: dict[str, Any]) -> Image:
        bare = text.removeprefix("sha256:")
        try:
            name = parse(text).tagged()
        except NameFormatError:
            name = None
        target = None
        if name is not None:
            target = state["digests"].get(name.key) if name.digest else state["tags"].get(name.key)
        if target is None and bare and set(bare) <= set("0123456789abcdef"):
            matches = [id_ for id_ in state["images"] if id_.partition(":")[2].startswith(bare)]
            target = matches[0] if len(matches) == 1 else None
        if target is None:
            raise NoSuchImageError(name.text if name is not None and not text.startswith("sha256:") else text)
        return self._image(target, state)

    def know(self, repository: str, digests: list[str]) -> None:
        """Remember that a repository was seen to hold these blobs, as docker does (fact N3)."""
        with self.change() as state:
            known = state["known"].pop(repository, [])
            known.extend(digest for digest in digests if digest not in known)
            state["known"][repository] = known  # at the end: the last one used
