"""Which manifests Amazon ECR takes: fewer than the OCI image specification allows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ecrlab.oci import OciError, ParsedManifest, json_of, parse_manifest

#: The text for what is not JSON, and for a manifest of which nobody says what it is (facts A013, A014).
INVALID_JSON = "Invalid JSON syntax"
#: Seen at AWS: https://github.com/werf/werf/issues/2544, 2020-07-07 (facts A016).
NO_LAYER = "Image has to have at least 1 layer"


class ManifestRefused(Exception):  # noqa: N818 (an answer, not a failure)
    """A manifest that ECR does not take.

    Args:
        constraint: what it fails to satisfy, in ECR's words where they are known.
        status: the registry's HTTP status (facts A013).
    """

    def __init__(self, constraint: str, status: int = 405) -> None:
        super().__init__(constraint)
        self.constraint, self.status = constraint, status


def read_manifest(content: bytes, media_type: str | None) -> ParsedManifest:
    """Return what a manifest that is pushed is and names.

    Args:
        content: its bytes.
        media_type: what the client says it is; None or empty to go by its own field.

    Raises:
        ManifestRefused: ECR does not take it.
    """
    try:
        document = json_of(content)
    except ValueError:
        raise ManifestRefused(INVALID_JSON) from None
    if not isinstance(document, dict) or not (media_type or document.get("mediaType")):
        raise ManifestRefused(INVALID_JSON)
    try:
        parsed = parse_manifest(content, media_type)
    except OciError as error:
        text = error.message.removeprefix("manifest invalid: ")
        raise ManifestRefused(f"Invalid image manifest provided: {text}") from None
    if "layers" in document:
        _check_image(document)
    else:
        _check_index(document, parsed)
    for where, kind in _media_types(document):
        if ";" in kind:
            # Facts A021; the text is ours.
            raise ManifestRefused(f"{where} must be a media type without parameters, not {kind}")
    return parsed


def _check_image(document: dict[str, Any]) -> None:
    if not document["layers"]:
        raise ManifestRefused(NO_LAYER)


def _check_index(document: dict[str, Any], parsed: ParsedManifest) -> None:
    """An index names images, one at least, and nothing else: no BuildKit cache. The texts are ours."""
    if not parsed.references:
        raise ManifestRefused("Image index has to have at least 1 image")
    for number, reference in enumerate(parsed.references):
        if reference.kind != "manifest":
            # 400 of all refusals: facts A015, and with this code https://github.com/moby/buildkit/issues/699.
            raise ManifestRefused(
                f"manifests[{number}].mediaType must be that of an image or index, not {reference.media_type}", 400
            )
    for number, entry in enumerate(document["manifests"]):
        platform = entry.get("platform")
        if isinstance(platform, dict) and platform.get("features") is not None:
            raise ManifestRefused(f"manifests[{number}].platform must not have features")  # facts A021


def _media_types(document: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield every media type that a manifest names, and where it stands."""
    named = [("", document)]
    named += [(f"{key}.", document[key]) for key in ("config", "subject") if document.get(key) is not None]
    for key in ("layers", "manifests"):
        named += [(f"{key}[{number}].", each) for number, each in enumerate(document.get(key, ()))]
    for where, descriptor in named:
        for member in ("mediaType", "artifactType"):
            if isinstance(descriptor.get(member), str):
                yield f"{where}{member}", descriptor[member]
