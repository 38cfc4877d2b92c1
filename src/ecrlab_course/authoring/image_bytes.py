"""An image as ECR keeps it, byte for byte: manifest, config and layers; and where it holds a secret.

Sources: C022 to C024 (what lists what by which hash), C020 (what a later layer hides stays in the one below). Only
looks: give it the lab that a probe got.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ecrlab.home import REGION
from ecrlab_course.authoring.evidence import manifest
from ecrlab_course.authoring.image_files import blob_of, unpacked
from ecrlab_course.documents.lab_view import LabView


@dataclass(frozen=True)
class Part:
    """A layer of an image: how its manifest lists it, its bytes, and its tar."""

    kind: str
    size: int
    digest: str
    data: bytes
    tar: bytes


@dataclass(frozen=True)
class Whole:
    """An image as ECR keeps it: manifest, config (its bytes and what they say), layers."""

    manifest: Mapping[str, Any]
    raw_config: bytes
    config: Mapping[str, Any]
    layers: tuple[Part, ...]

    @property
    def diff_ids(self) -> list[str]:
        """What the config says of its layers."""
        found = as_table(self.config.get("rootfs")).get("diff_ids")
        return [str(each) for each in found] if isinstance(found, list) else []


def as_table(value: object) -> Mapping[str, Any]:
    """Return a JSON object, {} for anything else."""
    return value if isinstance(value, Mapping) else {}


def whole(lab: LabView, repository: str, digest: str, region: str = REGION) -> Whole:
    """Return the image of that digest; of an index one without a config and layers."""
    page = manifest(lab, repository, digest, region)
    raw = blob_of(lab, repository, str(page["config"]["digest"]), region) if "config" in page else b""
    config: Mapping[str, Any] = {}
    with suppress(ValueError):
        config = as_table(json.loads(raw))
    layers = []
    for line in page.get("layers", []):
        data = blob_of(lab, repository, str(line["digest"]), region)
        layers.append(Part(str(line["mediaType"]), int(line["size"]), str(line["digest"]), data, unpacked(data)))
    return Whole(page, raw, config, tuple(layers))


def members(tar: bytes) -> dict[str, tarfile.TarInfo]:
    """Return a tar's entries by path, without a slash or a dot in front; {} of what is not a tar."""
    with suppress(tarfile.TarError, EOFError), tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        return {each.name.removeprefix("./").lstrip("/"): each for each in archive}
    return {}


def content_of(tar: bytes, path: str) -> bytes:
    """Return a file's content; b"" when the tar has no such file."""
    with tarfile.open(fileobj=io.BytesIO(tar)) as archive:
        found = next((each for each in archive if each.name.removeprefix("./").lstrip("/") == path), None)
        file = archive.extractfile(found) if found and found.isfile() else None
        return file.read() if file else b""


def disguises(key: str) -> dict[str, bytes]:
    """Return the forms in which a key is looked for: as it is, in base64 (three offsets), in hex."""
    text = key.encode()
    found = {"plain": text, "hex": text.hex().encode()}
    for offset in range(3):
        # Without its first and last characters: they depend on what stands around the key.
        found[f"base64 {offset}"] = base64.b64encode(b" " * offset + text)[4 if offset else 0 :][:-4]
    return found


def holding(data: bytes, key: str) -> str:
    """Return in which form these bytes hold the key: "plain", "coded" or ""; what is packed inside is unpacked."""
    forms = disguises(key)
    if forms["plain"] in data:
        return "plain"
    if any(form in data for form in forms.values()):
        return "coded"
    for path, entry in members(data).items():
        if entry.isfile() and (inside := content_of(data, path)).startswith(b"\x1f\x8b"):
            with suppress(OSError, EOFError):
                if key.encode() in gzip.decompress(inside):
                    return "coded"
    return ""


def places_of(image: Whole, key: str) -> list[tuple[str, str]]:
    """Return where an image holds a key, as (place, form): "config" or the layer's number, "plain" or "coded"."""
    parts = [("config", image.raw_config), *((str(n), part.tar) for n, part in enumerate(image.layers, 1))]
    return [(place, form) for place, data in parts if (form := holding(data, key))]
