"""BatchGetImage: images given out, and brought from upstream where a pull-through cache rule says so."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ecrlab.aws.authorization.ask import ask
from ecrlab.aws.authorization.targets import repository_target
from ecrlab.aws.ecr.exclusions import pull_left_out
from ecrlab.aws.ecr.images import find_image, image_failure, image_shown, pull_counts
from ecrlab.aws.ecr.pull_through import bring, create_for_pull, due, rule_for
from ecrlab.aws.ecr.request import account_of, registry_of, repository_of
from ecrlab.aws.ecr.templates import NotCreated
from ecrlab.aws.ecr.upstream import UpstreamError
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.wire.validation import IMAGE_DIGEST, IMAGE_TAG, fits
from ecrlab.home import LOOKING
from ecrlab.store import Repository


@operation("ecr", "BatchGetImage")
def batch_get_image(call: Call) -> dict[str, Any]:
    """Runs in a thread: it may have to wait for an upstream registry."""
    account, registry = registry_of(call)
    where = (call.cloud, account, call.region, call.params["repositoryName"])
    rule = rule_for(*where)
    if rule is not None and call.cloud.store.repository(registry, where[3]) is None:
        try:
            create_for_pull(*where, call.now, lambda action: _asked(call, action))
        except NotCreated as error:
            raise ApiError("UnableToGetUpstreamImageException", str(error)) from None
    repository = repository_of(call)
    images, failures = [], []
    left_out = LOOKING in call.user_agent or pull_left_out(
        call.cloud, account_of(repository), call.region, call.principal
    )
    for image_id in call.params["imageIds"]:
        failure = _bring(call, rule, repository, image_id) if rule is not None else None
        manifest = find_image(call, repository, image_id)
        # One in the archive cannot be pulled (facts E094).
        if manifest is None or "status" in manifest.attributes:
            failures.append(failure or image_failure(call, repository, image_id))
            continue
        images.append(image_shown(repository, manifest, image_id.get("imageTag")))
        if pull_counts(manifest, call.now) and not left_out:
            call.cloud.store.update_manifest(repository, manifest.digest, last_pulled_at=call.now)
    return {"images": images, "failures": failures}


def _asked(call: Call, action: str) -> bool:
    account = registry_of(call)[0]
    return ask(
        call.cloud,
        call.principal,
        action,
        repository_target(call.cloud, account, call.region, call.params["repositoryName"]),
        call.context,
        decisions=call.decisions,
    ).allowed


def _bring(
    call: Call, rule: Mapping[str, Any], repository: Repository, image_id: Mapping[str, str]
) -> dict[str, Any] | None:
    """Have an image brought from upstream; return the failure when upstream did not give it."""
    digest, tag = image_id.get("imageDigest"), image_id.get("imageTag")
    named = fits(IMAGE_TAG, tag or "") if digest is None else fits(IMAGE_DIGEST, digest)
    reference = digest or tag
    if not named or not reference or not due(call.cloud, repository, reference):
        return None
    if not _asked(call, "ecr:BatchImportUpstreamImage"):
        return None
    try:
        bring(call.cloud, rule, repository, reference)
    except UpstreamError as error:
        if error.code != "ImageNotFound":
            return {"imageId": dict(image_id), "failureCode": error.code, "failureReason": str(error)}
    return None
