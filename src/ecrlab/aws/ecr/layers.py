"""Layers: is one there, upload it in parts, where to download it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from ecrlab.aws.ecr.images import DIGEST
from ecrlab.aws.ecr.request import (
    account_of,
    invalid,
    repository_named,
    repository_of,
)
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.quotas import LAYER_PARTS, Exceeded, layer_too_large
from ecrlab.aws.tokens import sign_url
from ecrlab.aws.wire.errors import ApiError
from ecrlab.store import DigestMismatch, Repository, Upload, UploadBusy

PART_SIZE = 20_971_520
SMALLEST_PART = 5 * 1024 * 1024


@operation("ecr", "BatchCheckLayerAvailability")
def batch_check_layer_availability(call: Call) -> dict[str, Any]:
    repository = repository_of(call)
    layers, failures = [], []
    for digest in call.params["layerDigests"]:
        if not DIGEST.fullmatch(digest):
            reason = "Invalid layer digest"
            failures.append({"layerDigest": digest, "failureCode": "InvalidLayerDigest", "failureReason": reason})
            continue
        blob = call.cloud.store.blob(repository, digest)
        if blob is None:
            layers.append({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})
        else:
            layers.append(
                {
                    "layerDigest": digest,
                    "layerAvailability": "ARCHIVED" if _is_archived(call, repository, digest) else "AVAILABLE",
                    "layerSize": blob.size,
                    "mediaType": blob.media_type,
                }
            )
    return {"layers": layers, "failures": failures}


def _is_archived(call: Call, repository: Repository, digest: str) -> bool:
    """Tell whether every image that has the layer is in the archive."""
    store = call.cloud.store
    images = [store.manifest_by_digest(repository, image) for image in store.parents(repository, digest)]
    return bool(images) and all(image is not None and "status" in image.attributes for image in images)


@operation("ecr", "GetDownloadUrlForLayer")
def get_download_url_for_layer(call: Call) -> dict[str, Any]:
    repository, digest = repository_of(call), call.params["layerDigest"]
    if call.cloud.store.blob(repository, digest) is None:
        raise ApiError(
            "LayersNotFoundException",
            f"The layer with digest '{digest}' does not exist in {repository_named(repository)}",
        )
    if not call.cloud.store.parents(repository, digest):
        # Facts A019, ecr-errors row 61: the text is the documented one.
        raise ApiError(
            "LayerInaccessibleException",
            "The specified layer is not available because it is not associated with an image. Unassociated image "
            "layers may be cleaned up at any time.",
        )
    path = blob_path(repository, digest)
    return {"downloadUrl": f"http://{call.host}{sign_url(call.cloud.secret, path)}", "layerDigest": digest}


def blob_path(repository: Repository, digest: str) -> str:
    """Return the path outside /v2/ at which a layer is served to whoever has the signed address."""
    return f"/_blobs/{repository.registry}/{repository.name}/{digest}"


@operation("ecr", "InitiateLayerUpload")
def initiate_layer_upload(call: Call) -> dict[str, Any]:
    return {"uploadId": str(UUID(call.cloud.store.start_upload(repository_of(call)).id)), "partSize": PART_SIZE}


def empty_upload(repository: Repository, upload_id: str) -> str:
    """Return ECR's text for an upload that ends without a byte (facts A017)."""
    return (
        f"The upload with id '{upload_id}' in the repository with name '{repository.name}' in registry with id "
        f"'{account_of(repository)}' cannot be completed because it does not have any parts"
    )


def _no_upload(call: Call, repository: Repository) -> ApiError:
    return ApiError(
        "UploadNotFoundException",
        f"Upload with id '{call.params['uploadId']}' could not be found for {repository_named(repository)}",
    )


@operation("ecr", "UploadLayerPart")
def upload_layer_part(call: Call) -> dict[str, Any]:
    repository, store = repository_of(call), call.cloud.store
    upload = store.upload(repository, UUID(call.params["uploadId"]).hex)
    if upload is None:
        raise _no_upload(call, repository)
    first, last, data = call.params["partFirstByte"], call.params["partLastByte"], call.params["layerPartBlob"]
    named = {
        "registryId": account_of(repository),
        "repositoryName": repository.name,
        "uploadId": call.params["uploadId"],
    }
    try:
        with upload.writing():
            if first != upload.size or last - first + 1 != len(data):
                raise ApiError(
                    "InvalidLayerPartException",
                    f"Invalid layer part upload for upload with id '{call.params['uploadId']}' in "
                    f"{repository_named(repository)}",
                    extra={**named, "lastValidByteReceived": upload.size - 1},
                )
            _check_quotas(call, upload, len(data))
            upload.append(data)
            upload.parts.append(len(data))
    except UploadBusy:
        raise invalid("uploadId", "Another request is writing to this upload") from None
    return {**named, "lastByteReceived": upload.size - 1}


def _check_quotas(call: Call, upload: Upload, size: int) -> None:
    quotas, registry = call.cloud.quotas, upload.repository.registry
    most = quotas.largest_layer(registry)
    if most is not None and upload.size + size > most:
        raise Exceeded(layer_too_large(most))
    if not quotas.allows(registry, LAYER_PARTS, len(upload.parts) + 1):
        raise Exceeded(
            f"The upload with id '{call.params['uploadId']}' already has the maximum allowed number of layer parts "
            f"which is '{quotas.value(registry, LAYER_PARTS)}'"
        )


@operation("ecr", "CompleteLayerUpload")
def complete_layer_upload(call: Call) -> dict[str, Any]:
    repository, store = repository_of(call), call.cloud.store
    upload = store.upload(repository, UUID(call.params["uploadId"]).hex)
    if upload is None:
        raise _no_upload(call, repository)
    where = f"in {repository_named(repository)}"
    if upload.size == 0:
        raise ApiError("EmptyUploadException", empty_upload(repository, call.params["uploadId"]))
    if any(size < SMALLEST_PART for size in upload.parts[:-1]):  # declared for this operation alone (facts A018)
        raise ApiError("LayerPartTooSmallException", "Layer parts must be at least 5 MiB in size.")
    digest = next((d for d in call.params["layerDigests"] if d.startswith("sha256:")), call.params["layerDigests"][0])
    if not DIGEST.fullmatch(digest):
        raise invalid("layerDigests", "Invalid layer digest")
    if store.blob(repository, digest) is not None:
        store.cancel_upload(upload)
        raise ApiError("LayerAlreadyExistsException", f"The layer with digest '{digest}' already exists {where}")
    try:
        store.finish_upload(upload, digest)
    except DigestMismatch as error:
        raise ApiError(
            "InvalidLayerException",
            f"The digest calculated by Amazon ECR '{error.computed}' does not match the digest '{digest}' specified "
            f"for the upload with id '{call.params['uploadId']}' {where}",
        ) from None
    except UploadBusy:
        raise invalid("uploadId", "Another request is writing to this upload") from None
    return {
        "registryId": account_of(repository),
        "repositoryName": repository.name,
        "uploadId": call.params["uploadId"],
        "layerDigest": digest,
    }
