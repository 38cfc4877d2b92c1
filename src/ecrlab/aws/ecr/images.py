"""Images: manifests, tags, referrers."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from ecrlab.aws.cloud import Push, Pusher
from ecrlab.aws.ecr.manifests import ManifestRefused, read_manifest
from ecrlab.aws.ecr.request import (
    account_of,
    invalid,
    page_after,
    page_of,
    page_size,
    repository_named,
    repository_of,
    wrong_token,
)
from ecrlab.aws.ecr.scan_settings import scan_shown
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.wire.validation import IMAGE_DIGEST, fits
from ecrlab.store import Manifest, ReferencesMissing, Repository

PULL_TIME_STEP = 24 * 3600  # facts E015


def image_size(content: bytes) -> int | None:
    """Return the compressed size of an image by its manifest: config and layers. None for an index."""
    document = manifest_document(content)
    layers = document.get("layers")
    if not isinstance(layers, list):
        return None
    parts = [document.get("config"), *layers]
    return sum(int(part["size"]) for part in parts if isinstance(part, dict) and isinstance(part.get("size"), int))


def manifest_document(content: bytes) -> dict[str, Any]:
    try:
        document = json.loads(content)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}


def image_detail(call: Call, repository: Repository, manifest: Manifest) -> dict[str, Any]:
    document = manifest_document(manifest.content)
    size = image_size(manifest.content)
    if size is None:
        # The largest image of a manifest list (facts E012).
        children = (
            call.cloud.store.manifest_by_digest(repository, str(entry.get("digest")))
            for entry in document.get("manifests", ())
        )
        size = max((image_size(child.content) or 0 for child in children if child), default=0)
    config = document.get("config")
    artifact = manifest.artifact_type or (config.get("mediaType") if isinstance(config, dict) else None)
    return {
        "registryId": account_of(repository),
        "repositoryName": repository.name,
        "imageDigest": manifest.digest,
        "imageTags": list(manifest.tags) or None,
        "imageSizeInBytes": size,
        "imagePushedAt": manifest.pushed_at,
        "imageManifestMediaType": manifest.media_type,
        "artifactMediaType": artifact,
        "lastRecordedPullTime": manifest.last_pulled_at,
        "subjectManifestDigest": manifest.subject,
        "imageStatus": manifest.attributes.get("status", "ACTIVE"),
        "lastArchivedAt": manifest.attributes.get("archived_at"),
        "lastActivatedAt": manifest.attributes.get("activated_at"),
        **scan_shown(call.cloud, repository, manifest),
    }


def find_image(call: Call, repository: Repository, image_id: Mapping[str, str]) -> Manifest | None:
    """Return the image that an imageId names, None when there is none.

    A digest is looked up as a digest and a tag as a tag, whatever they look like (facts A001, A002); with both, both
    must fit.
    """
    digest, tag, store = image_id.get("imageDigest"), image_id.get("imageTag"), call.cloud.store
    if digest is None:
        return None if tag is None else store.manifest_by_tag(repository, tag)
    manifest = store.manifest_by_digest(repository, digest)
    return manifest if manifest is not None and (tag is None or tag in manifest.tags) else None


DIGEST = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")


def image_failure(call: Call, repository: Repository, image_id: Mapping[str, str]) -> dict[str, Any]:
    """Return the entry of ``failures`` for an imageId that names no image (facts A001, A002, ecr-errors 55 and 56).

    A tag that is there and is not the digest's has a code and a reason of its own (LocalStack's tests of
    BatchGetImage and BatchDeleteImage, 2024).
    """
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    if digest is None and tag is None:
        code, reason = "MissingDigestAndTag", "Invalid request parameters: both tag and digest cannot be null"
    elif digest is not None and not fits(IMAGE_DIGEST, digest):
        code = "InvalidImageDigest"
        reason = f"Invalid request parameters: image digest should satisfy the regex '{IMAGE_DIGEST}'"
    elif digest is not None and tag is not None and call.cloud.store.manifest_by_tag(repository, tag) is not None:
        code = "ImageTagDoesNotMatchDigest"
        reason = "Invalid request parameters: given tag does not map to the given digest"
    else:
        code, reason = "ImageNotFound", "Requested image not found"
    return {"imageId": dict(image_id), "failureCode": code, "failureReason": reason}


def _filter(call: Call) -> tuple[str, str | None]:
    """Return the tag status and the image status to list; without a filter archived images are not listed."""
    given = call.params.get("filter") or {}
    state = given.get("imageStatus", "ACTIVE")
    return given.get("tagStatus", "ANY"), None if state == "ANY" else state


def image_missing(repository: Repository, image_id: Mapping[str, str]) -> ApiError:
    """Return the error for an image that does not exist (err 47)."""
    digest, tag = image_id.get("imageDigest", "null"), image_id.get("imageTag", "null")
    return ApiError(
        "ImageNotFoundException",
        f"The image with imageId {{imageDigest:'{digest}', imageTag:'{tag}'}} does not exist within "
        f"{repository_named(repository)}",
    )


@operation("ecr", "ListImages")
def list_images(call: Call) -> dict[str, Any]:
    repository, store = repository_of(call), call.cloud.store
    status, state = _filter(call)
    [kind, last], size = page_after(call, 2) or ["imageTag", ""], page_size(call, 100)
    ids: list[dict[str, str]] = []
    # First every tag, then what has none.
    if kind == "imageTag" and status != "UNTAGGED":
        tags = store.tags(repository, last, size + 1, state)
        ids += [{"imageDigest": digest, "imageTag": tag} for tag, digest in tags]
    if len(ids) <= size and status != "TAGGED":
        after = last if kind == "imageDigest" else None
        ids += [{"imageDigest": digest} for digest in store.untagged(repository, after, size + 1 - len(ids), state)]
    shown, token = page_of(ids, size, lambda found: list(found.items())[-1])
    return {"imageIds": shown, "nextToken": token}


@operation("ecr", "DescribeImages")
def describe_images(call: Call) -> dict[str, Any]:
    repository, ids = repository_of(call), call.params.get("imageIds")
    if ids:
        found = {}
        for image_id in ids:
            manifest = find_image(call, repository, image_id)
            if manifest is None:
                raise image_missing(repository, image_id)
            found[manifest.digest] = manifest
        return {"imageDetails": [image_detail(call, repository, manifest) for manifest in found.values()]}
    status, state = _filter(call)
    last, size = page_after(call, 2), page_size(call, 100)
    try:
        after = (float(last[0]), last[1]) if last else None
    except ValueError:
        raise wrong_token() from None
    tagged = None if status == "ANY" else status == "TAGGED"
    manifests = call.cloud.store.manifests(repository, after, size + 1, tagged, state)
    shown, token = page_of(manifests, size, lambda manifest: (repr(manifest.pushed_at), manifest.digest))
    return {"imageDetails": [image_detail(call, repository, manifest) for manifest in shown], "nextToken": token}


def image_shown(repository: Repository, manifest: Manifest, tag: str | None) -> dict[str, Any]:
    return {
        "registryId": account_of(repository),
        "repositoryName": repository.name,
        "imageId": {"imageDigest": manifest.digest, "imageTag": tag},
        "imageManifest": manifest.content.decode("utf-8", "replace"),
        "imageManifestMediaType": manifest.media_type,
    }


def pull_counts(manifest: Manifest, now: float) -> bool:
    """Tell whether a pull at ``now`` is recorded: the last one is 24 hours old, or the lab's clock was put back."""
    last = manifest.last_pulled_at
    return last is None or not 0 <= now - last < PULL_TIME_STEP


def immutable(repository: Repository, tag: str) -> bool:
    """Tell whether ``tag``, once given, may not move in this repository (facts E050)."""
    mutability = repository.attributes.get("mutability", "MUTABLE")
    if mutability in ("MUTABLE", "IMMUTABLE"):
        return bool(mutability == "IMMUTABLE")
    excluded = any(_matches(item["filter"], tag) for item in repository.attributes["exclusions"])
    return bool(excluded != (mutability == "IMMUTABLE_WITH_EXCLUSION"))


def _matches(pattern: str, tag: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), tag) is not None


def immutable_text(repository: Repository, tag: str) -> str:
    """Return AWS's sentence about a tag that may not move (err 15)."""
    return (
        f"The image tag '{tag}' already exists in the '{repository.name}' repository and cannot be overwritten because "
        "the tag is immutable."
    )


@operation("ecr", "PutImage")
def put_image(call: Call) -> dict[str, Any]:
    content = call.params["imageManifest"].encode()
    tag, given = call.params.get("imageTag"), call.params.get("imageDigest")
    digest = "sha256:" + hashlib.sha256(content).hexdigest()
    try:
        parsed = read_manifest(content, call.params.get("imageManifestMediaType"))
    except ManifestRefused as refused:
        raise invalid("ImageManifest", refused.constraint) from None
    if given and given != digest:
        raise ApiError(
            "ImageDigestDoesNotMatchException",
            f"Provided digest '{given}' does not match the digest calculated by Amazon ECR '{digest}'",
        )
    with call.cloud.store.transaction() as store:
        repository = repository_of(call)
        existing = store.manifest_by_digest(repository, digest)
        # One in the archive is restored by being pushed again (facts E095).
        there = existing is not None and "status" not in existing.attributes
        if existing is not None and there and (tag is None or tag in existing.tags):
            tagged = f" and tag '{tag}'" if tag else ""
            raise ApiError(
                "ImageAlreadyExistsException",
                f"Image with digest '{digest}'{tagged} already exists in the repository with name '{repository.name}' "
                f"in registry with id '{account_of(repository)}'",
            )
        if tag and immutable(repository, tag) and store.manifest_by_tag(repository, tag) is not None:
            raise ApiError("ImageTagAlreadyExistsException", immutable_text(repository, tag))
        call.cloud.quotas.check_image(store, repository, digest, tag)
        try:
            manifest = store.put_manifest(
                repository,
                digest,
                parsed.media_type,
                content,
                parsed.references,
                parsed.subject,
                artifact_type=parsed.artifact_type,
                tag=tag,
                now=call.now,
            )
        except ReferencesMissing as error:
            where = f"in {repository_named(repository)}"
            if error.blobs:
                raise ApiError(
                    "LayersNotFoundException", f"Layers with digests '[{', '.join(error.blobs)}]' do not exist {where}"
                ) from None
            raise ApiError(
                "ReferencedImagesNotFoundException",
                f"Images with digests '[{', '.join(error.manifests)}]' required for pushing image into repository "
                f"do not exist {where}",
            ) from None
        pusher = Pusher(call.principal, call.source_ip, call.user_agent, call.decisions)
        call.cloud.image_pushed(Push(repository, manifest, tag, pusher=pusher))
    return {"image": image_shown(repository, manifest, tag)}


@operation("ecr", "BatchDeleteImage")
def batch_delete_image(call: Call) -> dict[str, Any]:
    deleted: list[dict[str, str]] = []
    failures: list[dict[str, Any]] = []
    with call.cloud.store.transaction() as store:
        repository = repository_of(call)
        # Indexes first, so that one call can delete an index together with its images.
        ids = sorted(
            call.params["imageIds"],
            key=lambda image_id: not is_index(find_image(call, repository, image_id)),
        )
        for image_id in ids:
            manifest = find_image(call, repository, image_id)
            if manifest is None:
                failures.append(image_failure(call, repository, image_id))
                continue
            whole = "imageTag" not in image_id or manifest.tags == (image_id["imageTag"],)
            if whole and store.parents(repository, manifest.digest):
                failures.append(
                    {
                        "imageId": dict(image_id),
                        "failureCode": "ImageReferencedByManifestList",
                        "failureReason": "Requested image referenced by manifest list",
                    }
                )
            elif whole:
                store.delete_manifest(repository, manifest.digest)
                call.cloud.image_deleted(repository, manifest)
                tags = manifest.tags or (None,)
                deleted += [{"imageDigest": manifest.digest, **({"imageTag": tag} if tag else {})} for tag in tags]
            else:
                store.delete_tag(repository, image_id["imageTag"])
                call.cloud.image_deleted(repository, manifest, image_id["imageTag"])
                deleted.append({"imageDigest": manifest.digest, "imageTag": image_id["imageTag"]})
    return {"imageIds": deleted, "failures": failures}


def is_index(manifest: Manifest | None) -> bool:
    """Tell whether a manifest is an index (manifest list)."""
    return manifest is not None and image_size(manifest.content) is None


@operation("ecr", "ListImageReferrers")
def list_image_referrers(call: Call) -> dict[str, Any]:
    repository = repository_of(call)
    subject = call.params["subjectId"]["imageDigest"]
    given = call.params.get("filter") or {}
    wanted, state = given.get("artifactTypes"), given.get("artifactStatus", "ACTIVE")
    [last], size = page_after(call, 1) or [""], page_size(call, 50)
    referrers: list[dict[str, Any]] = []
    more = True
    while more and len(referrers) <= size:
        batch = call.cloud.store.referrers(repository, subject, after=last, limit=size + 1)
        more = len(batch) > size
        for manifest in batch:
            last = manifest.digest
            document = manifest_document(manifest.content)
            config = document.get("config")
            artifact = manifest.artifact_type or (config.get("mediaType") if isinstance(config, dict) else None)
            status = manifest.attributes.get("status", "ACTIVE")
            if (wanted and artifact not in wanted) or state not in ("ANY", status):
                continue
            referrers.append(
                {
                    "digest": manifest.digest,
                    "mediaType": manifest.media_type,
                    "artifactType": artifact,
                    "size": manifest.size,
                    "annotations": document.get("annotations"),
                    "artifactStatus": status,
                }
            )
    shown, token = page_of(referrers, size, lambda found: (found["digest"],))
    return {"referrers": shown, "nextToken": token}
