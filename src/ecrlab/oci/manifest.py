"""Manifests: what they are and what they name (OCI image specification 1.1; Docker image manifest 2, schema 2)."""

import json
from dataclasses import dataclass
from typing import Any

from ecrlab.store import DigestInvalid, Reference, algorithm_of

from .error import OciError

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"

IMAGES = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})

#: Layers that stay where their URLs say and are never pushed (OCI image specification, "Non-distributable layers").
_ELSEWHERE = ("application/vnd.docker.image.rootfs.foreign.", "application/vnd.oci.image.layer.nondistributable.")


@dataclass(frozen=True)
class ParsedManifest:
    """What a manifest says of itself.

    `references` is what its repository must hold; `subject` and `artifact_type` are what the referrers API goes by;
    `document` is the JSON object.
    """

    media_type: str
    references: tuple[Reference, ...]
    subject: str | None
    artifact_type: str | None
    document: dict[str, Any]


def _invalid(message: str) -> OciError:
    return OciError(400, "MANIFEST_INVALID", f"manifest invalid: {message}")


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not value or len(value) > 255 or not value.isascii() or not value.isprintable():
        raise _invalid(f"{what} must be a string of 1 to 255 printable ASCII characters")
    return value


def _descriptor(value: Any, what: str) -> tuple[str, str, int]:
    if not isinstance(value, dict):
        raise _invalid(f"{what} must be an object with mediaType, digest and size")
    media_type = _text(value.get("mediaType"), f"{what}.mediaType")
    digest, size = value.get("digest"), value.get("size")
    try:
        algorithm_of(digest if isinstance(digest, str) else repr(digest))
    except DigestInvalid as error:
        raise _invalid(f"{what}.digest: {error}") from None
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 1 << 63:
        raise _invalid(f"{what}.size must be a number of bytes, not {str(size)[:40]}")
    return media_type, str(digest), size


def _list(document: dict[str, Any], key: str) -> list[Any]:
    value = document.get(key)
    if not isinstance(value, list):
        raise _invalid(f"{key} must be a list")
    return value


def _no_constant(name: str) -> None:
    """Refuse NaN and Infinity: Python reads them, JSON has none, and neither has any other client."""
    raise ValueError(f"{name} is not a JSON value")


def json_of(content: bytes) -> Any:
    """Return what JSON text in UTF-8 says; raise ValueError when it is none, or is nested too deeply."""
    try:
        return json.loads(content.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError as error:
        raise ValueError(str(error)) from None


def parse_manifest(content: bytes, media_type: str | None = None) -> ParsedManifest:
    """What a manifest is and names.

    Args:
        content: its bytes.
        media_type: what the client says it is, without parameters; None or empty to go by the content.

    Raises:
        OciError: 400 MANIFEST_INVALID with what is wrong.
    """
    try:
        document = json_of(content)
    except ValueError as error:
        raise _invalid(f"it is not JSON in UTF-8: {str(error)[:200]}") from None
    if not isinstance(document, dict):
        raise _invalid("it is not a JSON object")
    declared = document.get("mediaType")
    if declared is not None:
        declared = _text(declared, "mediaType")
    if not media_type:
        media_type = declared or (OCI_INDEX if "manifests" in document else OCI_MANIFEST)
    if media_type not in IMAGES | INDEXES:
        known = ", ".join(sorted(IMAGES | INDEXES))
        raise _invalid(f"media type {media_type[:255]!r} is not one of {known}")
    if declared is not None and declared != media_type:
        raise _invalid(f"it says that it is {declared}, but was sent as {media_type}")
    version = document.get("schemaVersion")
    if version != 2 or isinstance(version, bool):
        raise _invalid("schemaVersion must be 2")
    image = media_type in IMAGES
    # A document that is both could be read one way here and another way by a client (CVE-2021-41190).
    if ("manifests" if image else "layers") in document or (not image and "config" in document):
        raise _invalid("it has the fields of an image and of an index")
    references, config_type = [], None
    if image:
        config_type, digest, size = _descriptor(document.get("config"), "config")
        references.append(Reference(digest, "blob", config_type, size))
        for number, layer in enumerate(_list(document, "layers")):
            kind, digest, size = _descriptor(layer, f"layers[{number}]")
            if not kind.startswith(_ELSEWHERE):
                references.append(Reference(digest, "blob", kind, size))
    else:
        for number, entry in enumerate(_list(document, "manifests")):
            kind, digest, size = _descriptor(entry, f"manifests[{number}]")
            # BuildKit's cache lists layers in an index; they are blobs.
            references.append(Reference(digest, "manifest" if kind in IMAGES | INDEXES else "blob", kind, size))
    subject = document.get("subject")
    if subject is not None:
        _, subject, _ = _descriptor(subject, "subject")
    artifact_type = document.get("artifactType")
    artifact_type = _text(artifact_type, "artifactType") if artifact_type else config_type
    annotations = document.get("annotations")
    if annotations is not None and not (
        isinstance(annotations, dict) and all(isinstance(value, str) for value in annotations.values())
    ):
        raise _invalid("annotations must be an object of strings")
    return ParsedManifest(media_type, tuple(references), subject, artifact_type, document)
