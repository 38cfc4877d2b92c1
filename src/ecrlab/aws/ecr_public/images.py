"""Images and layers of public repositories."""

from __future__ import annotations

from typing import Any

from ecrlab.aws.ecr import images as private_images
from ecrlab.aws.ecr import layers as private_layers
from ecrlab.aws.ecr.request import page_after, page_of, page_size
from ecrlab.aws.ecr_public.request import as_private, public_operation, repository_of
from ecrlab.aws.operations import Call

_SAME = {
    "BatchCheckLayerAvailability": private_layers.batch_check_layer_availability,
    "InitiateLayerUpload": private_layers.initiate_layer_upload,
    "UploadLayerPart": private_layers.upload_layer_part,
    "CompleteLayerUpload": private_layers.complete_layer_upload,
    "PutImage": private_images.put_image,
    "BatchDeleteImage": private_images.batch_delete_image,
}


@public_operation(*_SAME)
def as_in_a_private_repository(call: Call) -> dict[str, Any]:
    return _SAME[call.operation](as_private(call))


_DETAILS = ("imageDigest", "imageSizeInBytes", "imagePushedAt", "imageManifestMediaType", "artifactMediaType")


@public_operation("DescribeImages")
def describe_images(call: Call) -> dict[str, Any]:
    """What the model of ecr-public does not have is left out on the way to the wire."""
    return private_images.describe_images(as_private(call))


@public_operation("DescribeImageTags")
def describe_image_tags(call: Call) -> dict[str, Any]:
    repository, store = repository_of(call), call.cloud.store
    [last], size = page_after(call, 1) or [""], page_size(call, 100)
    shown, token = page_of(store.tags(repository, after=last, limit=size + 1), size, lambda item: (item[0],))
    details = []
    for tag, digest in shown:
        manifest = store.manifest_by_digest(repository, digest)
        assert manifest is not None  # a tag goes with its image
        detail = private_images.image_detail(call, repository, manifest)
        details.append(
            {
                "imageTag": tag,
                "createdAt": manifest.pushed_at,
                "imageDetail": {name: detail[name] for name in _DETAILS},
            }
        )
    return {"imageTagDetails": details, "nextToken": token}
