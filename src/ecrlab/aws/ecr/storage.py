"""Storage classes: images are moved to the archive, where they cannot be pulled, and restored from it.

Facts E093 to E096; AWS, Amazon ECR User Guide, "Archiving an image" and "Restoring an image".
"""

from __future__ import annotations

from typing import Any

from ecrlab.aws.cloud import Cloud, Push, on_push
from ecrlab.aws.cloudtrail.service_events import note
from ecrlab.aws.ecr.images import find_image, image_missing, is_index
from ecrlab.aws.ecr.request import account_of, repository_of
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.work import every_round
from ecrlab.store import Manifest, Repository, Store

# Restoring takes "up to 20 minutes" (E095), of lab time.
RESTORE_SECONDS = 20 * 60.0
TABLE = "ecr.restoring"
SUPPORTED = "The requested image storage class update is not supported."


def status_of(manifest: Manifest) -> str:
    """Return the imageStatus: ACTIVE, ARCHIVED or ACTIVATING (facts E016)."""
    return str(manifest.attributes.get("status", "ACTIVE"))


def archive(store: Store, repository: Repository, manifest: Manifest, now: float) -> None:
    """Move an image, as it is now, to the archive."""
    attributes = {**manifest.attributes, "status": "ARCHIVED", "archived_at": now}
    store.update_manifest(repository, manifest.digest, attributes=attributes)


def _activate(store: Store, repository: Repository, manifest: Manifest, now: float) -> None:
    attributes = {key: value for key, value in manifest.attributes.items() if key != "status"}
    store.update_manifest(repository, manifest.digest, attributes={**attributes, "activated_at": now})
    store.table(TABLE).delete(_key(repository, manifest.digest))


def _key(repository: Repository, digest: str) -> str:
    return f"{repository.id}/{digest}"


@operation("ecr", "UpdateImageStorageClass")
def update_image_storage_class(call: Call) -> dict[str, Any]:
    image_id, wanted = call.params["imageId"], call.params["targetStorageClass"]
    with call.cloud.store.transaction() as store:
        repository = repository_of(call)
        manifest = find_image(call, repository, image_id)
        if manifest is None:
            raise image_missing(repository, image_id)
        status = status_of(manifest)
        if wanted == "ARCHIVE" and status == "ACTIVE":
            if _is_held(store, repository, manifest):
                # An image that a manifest list names goes after the list (facts ecr.md 9.2, step 6).
                raise ApiError("ImageStorageClassUpdateNotSupportedException", SUPPORTED)
            archive(store, repository, manifest, call.now)
            status = "ARCHIVED"
        elif wanted == "ARCHIVE" and status == "ACTIVATING":
            raise ApiError("ImageStorageClassUpdateNotSupportedException", SUPPORTED)
        elif wanted == "STANDARD" and status == "ARCHIVED":
            status = "ACTIVATING"
            store.update_manifest(repository, manifest.digest, attributes={**manifest.attributes, "status": status})
            place = {"registry": repository.registry, "name": repository.name, "digest": manifest.digest}
            due = call.now + RESTORE_SECONDS
            store.table(TABLE).put(_key(repository, manifest.digest), {**place, "due": due})
    return {
        "registryId": account_of(repository),
        "repositoryName": repository.name,
        "imageId": {**image_id, "imageDigest": manifest.digest},
        "imageStatus": status,
    }


def _is_held(store: Store, repository: Repository, manifest: Manifest) -> bool:
    parents = (store.manifest_by_digest(repository, digest) for digest in store.parents(repository, manifest.digest))
    return any(is_index(parent) and status_of(parent) != "ARCHIVED" for parent in parents if parent is not None)


@every_round
def restore(cloud: Cloud, now: float) -> None:
    """End the restorations whose time has come. A restored image counts as newly pushed (E095)."""
    table = cloud.store.table(TABLE)
    for key, document in table.items():
        if document["due"] > now + RESTORE_SECONDS:  # the clock was put back
            table.put(key, {**document, "due": now + RESTORE_SECONDS})
        elif document["due"] <= now and not cloud.is_off(document["registry"].partition("/")[2]):
            _restore(cloud, key, document)


def _restore(cloud: Cloud, key: str, document: dict[str, Any]) -> None:
    with cloud.store.transaction() as store:
        store.table(TABLE).delete(key)
        repository = store.repository(document["registry"], document["name"])
        if repository is None or key != _key(repository, document["digest"]):
            return
        manifest = store.manifest_by_digest(repository, document["digest"])
        if manifest is None or status_of(manifest) != "ACTIVATING":
            return
        _activate(store, repository, manifest, document["due"])
        details = {"imageDigest": manifest.digest, "targetStorageClass": "STANDARD", "result": "SUCCESS"}
        note(cloud, repository, "ImageActivationEvent", {**details, "imageStatus": "ACTIVE"}, document["due"])
        restored = store.manifest_by_digest(repository, manifest.digest)
        for tag in manifest.tags or (None,):
            if restored is not None:
                cloud.image_pushed(Push(repository, restored, tag))


@on_push
def restore_what_is_pushed(cloud: Cloud, push: Push) -> None:
    """An image that is pushed while it is in the archive is restored at once (E095)."""
    if status_of(push.manifest) != "ACTIVE":
        _activate(cloud.store, push.repository, push.manifest, cloud.clock.time())
