"""`docker save` and `docker load`: images as one tar file that a real docker reads too.

Layers lie in it unpacked, beside docker's manifest.json.
"""

from __future__ import annotations

import gzip
import io
import json
import shutil
import tarfile
import tempfile
from typing import IO, Any

from ecrlab.standin import layers
from ecrlab.standin.errors import DockerError, from_daemon
from ecrlab.standin.images import DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST, Image, Images, sha256
from ecrlab.standin.layers import Layer
from ecrlab.standin.names import NameFormatError, parse, shown


def save(images: Images, texts: list[str], target: IO[bytes]) -> None:
    """Write the named images to a file. Raises LookupError for a name that is not here."""
    wanted: dict[str, tuple[Image, list[str]]] = {}
    for text in texts:
        image = images.find(text)
        names = wanted.setdefault(image.id, (image, []))[1]
        try:
            key = parse(text).tagged().key
        except NameFormatError:
            continue
        if key in image.tags:
            names.append(shown(key))
    with images.using_blobs(), tarfile.open(fileobj=target, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        listing = []
        written: set[str] = set()
        for image, names in wanted.values():
            config = f"{image.id.partition(':')[2]}.json"
            _add(tar, written, config, images.read(image.id))
            paths = []
            for layer, diff_id in zip(image.manifest["layers"], image.diff_ids, strict=True):
                path = f"{diff_id.partition(':')[2]}/layer.tar"
                paths.append(path)
                if path not in written:
                    with tempfile.TemporaryFile(dir=images.temporary) as plain:
                        with gzip.open(images.path(layer["digest"])) as packed:
                            shutil.copyfileobj(packed, plain)
                        info = tarfile.TarInfo(path)
                        info.size = plain.tell()
                        plain.seek(0)
                        tar.addfile(info, plain)
                    written.add(path)
            listing.append({"Config": config, "RepoTags": names or None, "Layers": paths})
        _add(tar, written, "manifest.json", json.dumps(listing).encode())


def _add(tar: tarfile.TarFile, written: set[str], path: str, data: bytes) -> None:
    if path not in written:
        info = tarfile.TarInfo(path)
        info.size = len(data)
        tar.addfile(info, io.BytesIO(data))
        written.add(path)


def load(images: Images, source: IO[bytes]) -> list[str]:
    """Keep the images of a file that docker saved, and return the lines that docker prints about them."""
    lines = []
    with images.using_blobs(), tempfile.TemporaryFile(dir=images.temporary) as file:
        shutil.copyfileobj(source, file)
        file.seek(0)
        if not tarfile.is_tarfile(file):
            raise from_daemon("this is not an image archive: it is not a tar file")
        file.seek(0)
        with tarfile.open(fileobj=file, mode="r:*") as tar:
            for item in json.loads(_member(tar, "manifest.json").read()):
                config = _member(tar, item["Config"]).read()
                kept = [_keep_layer(images, _member(tar, path)) for path in item["Layers"]]
                if [layer.diff_id for layer in kept] != json.loads(config)["rootfs"]["diff_ids"]:
                    raise from_daemon("the layers of this archive do not match its image configuration")
                names = [parse(text) for text in item.get("RepoTags") or []]
                manifest = make_manifest(images, config, kept)
                id_ = images.keep(manifest, DOCKER_MANIFEST, [layer.size for layer in kept], names)
                lines += [f"Loaded image: {name.text}" for name in names] or [f"Loaded image ID: {id_}"]
    return lines


def _member(tar: tarfile.TarFile, path: str) -> IO[bytes]:
    try:
        file = tar.extractfile(path)
    except KeyError:
        file = None
    if file is None:
        raise from_daemon(f"this is not an image archive of docker's: it has no {path}")
    return file


def _keep_layer(images: Images, file: IO[bytes]) -> Layer:
    with tempfile.TemporaryFile(dir=images.temporary) as plain:
        packed = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        shutil.copyfileobj(gzip.GzipFile(fileobj=file) if packed else file, plain)
        plain.seek(0)
        try:
            return layers.keep_tar(images, plain)
        except tarfile.TarError as error:
            raise DockerError(f"a layer of this archive is not a tar file: {error}") from error


def make_manifest(images: Images, config: bytes, stack: list[Layer]) -> bytes:
    """Keep a config and return the manifest that joins it to its layers, written as docker writes it."""
    images.add(config)
    document: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": {"mediaType": DOCKER_CONFIG, "size": len(config), "digest": sha256(config)},
        "layers": [{"mediaType": DOCKER_LAYER, "size": x.packed_size, "digest": x.digest} for x in stack],
    }
    return json.dumps(document, indent=3).encode()
