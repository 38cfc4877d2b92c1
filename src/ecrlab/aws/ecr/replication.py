"""Replication: images copied to other Regions and accounts by rules of the registry they were pushed to."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ecrlab.aws.act import Act
from ecrlab.aws.authorization.service_roles import REPLICATION, ask_as, assumed, service_role
from ecrlab.aws.authorization.targets import repository_target
from ecrlab.aws.cloud import Push, on_delete, on_push, regions
from ecrlab.aws.ecr.images import find_image, image_failure, image_missing, immutable
from ecrlab.aws.ecr.request import account_of, invalid, repository_of
from ecrlab.aws.ecr.storage import status_of
from ecrlab.aws.ecr.templates import NotCreated, create_repository_for, template_for
from ecrlab.aws.identity.identities import Principal
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.quotas import Exceeded
from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.work import NotNow, Task, worker
from ecrlab.oci import parse_manifest
from ecrlab.store import Manifest, ReferencesMissing, Repository, Store

if TYPE_CHECKING:
    from ecrlab.aws.cloud import Cloud

# Quotas (facts ecr.md 7, E107).
_RULES, _FILTERS = "rules per replication configuration", "filters per replication rule"
_DESTINATIONS = "destinations per replication configuration"

Destination = dict[str, str]
"""``region`` and ``registryId``."""


class Failed(Exception):  # noqa: N818 (an outcome, not a fault)
    """An image could not be copied. ``code`` is the failure code; those are the lab's own, AWS documents none."""

    def __init__(self, code: str, message: str = "", child: bool = False) -> None:
        super().__init__(message or code)
        self.code = code
        # An image of the index that was to be copied, not the index itself.
        self.child = child


# ---------------------------------------------------------------------------------------------------- the configuration


@operation("ecr", "PutReplicationConfiguration")
def put_replication_configuration(call: Call) -> dict[str, Any]:
    """Replace the registry's rules; without rules nothing is replicated. What was begun goes on."""
    configuration = call.params["replicationConfiguration"]
    quotas, registry = call.cloud.quotas, f"{call.account}/{call.region}"
    unique: set[tuple[str, str]] = set()
    if not quotas.allows(registry, _RULES, len(configuration["rules"])):
        raise _too_many(f"{quotas.value(registry, _RULES)} rules")
    for rule in configuration["rules"]:
        if not quotas.allows(registry, _FILTERS, len(rule.get("repositoryFilters", ()))):
            raise _too_many(f"{quotas.value(registry, _FILTERS)} filters in a rule")
        for destination in rule["destinations"]:
            _check_destination(call, destination)
            unique.add((destination["region"], destination["registryId"]))
    if not quotas.allows(registry, _DESTINATIONS, len(unique)):
        raise _too_many(f"{quotas.value(registry, _DESTINATIONS)} unique destinations")
    with call.cloud.store.transaction():
        call.cloud.change_registry(call.account, call.region, replication=configuration)
        service_role(call.cloud, call.account, REPLICATION, call.now)
    return {"replicationConfiguration": configuration}


def _too_many(most: str) -> ApiError:
    return invalid("replicationConfiguration", f"Replication configuration can have at most {most}")


def _check_destination(call: Call, destination: Destination) -> None:
    region = destination["region"]
    if (destination["registryId"], region) == (call.account, call.region):
        # err 71
        raise invalid("replicationConfiguration", "Replication destination cannot be the same as the source registry")
    if region not in regions():
        raise invalid("replicationConfiguration", f"Invalid replication destination region {region}")
    if _partition(region) != _partition(call.region):
        raise invalid("replicationConfiguration", "Replication is not supported across partitions")


def _partition(region: str) -> str:
    """Return what stands for a Region's partition (facts E114)."""
    return next((mark for mark in ("cn-", "us-gov-", "us-iso", "eu-isoe-", "eusc-") if region.startswith(mark)), "")


def configuration_of(cloud: Cloud, account: str, region: str) -> dict[str, Any]:
    """Return the replication configuration of a registry."""
    return cloud.registry_settings(account, region).get("replication") or {"rules": []}


def _matches(rule: Mapping[str, Any], name: str) -> bool:
    filters = rule.get("repositoryFilters")
    return not filters or any(name.startswith(each["filter"]) for each in filters)


def destinations_of(cloud: Cloud, repository: Repository, deletes: bool = False) -> list[Destination]:
    """Return where the images of a repository are copied to; ``deletes``: where their deletion is repeated (E110)."""
    account, region = repository.registry.split("/")
    found: dict[tuple[str, str], Destination] = {}
    for rule in configuration_of(cloud, account, region)["rules"]:
        if _matches(rule, repository.name) and (not deletes or (rule.get("deleteReplication") or {}).get("enabled")):
            for destination in rule["destinations"]:
                found[destination["region"], destination["registryId"]] = destination
    return list(found.values())


# ------------------------------------------------------------------------------------------------- what a push sets off


@on_push
def pushed(cloud: Cloud, push: Push) -> None:
    """A replica is not replicated again, and what was there already is not a push, unless it was in the archive (facts
    E095, E108, E111).
    """
    restored = status_of(push.manifest) != "ACTIVE"
    if (push.new or restored) and not push.replicated:
        replicate(cloud, push.repository, push.manifest, [push.tag])


def replicate(cloud: Cloud, repository: Repository, manifest: Manifest, tags: Iterable[str | None]) -> None:
    """Have an image copied under these tags (None: without one) as the registry's rules say, in this transaction."""
    destinations = destinations_of(cloud, repository)
    for destination in destinations:
        for tag in tags:
            task = {**_image(repository, manifest.digest), "tag": tag, "to": destination}
            cloud.work.add("replicate", task)
    if destinations:
        _note(cloud, repository, manifest.digest, destinations, "IN_PROGRESS")


def _image(repository: Repository, digest: str) -> dict[str, Any]:
    return {"registry": repository.registry, "name": repository.name, "id": repository.id, "digest": digest}


def _note(
    cloud: Cloud,
    repository: Repository,
    digest: str,
    destinations: Iterable[Destination],
    status: str,
    code: str | None = None,
) -> None:
    """Keep how far the copy of an image is, with the image."""
    with cloud.store.transaction() as store:
        manifest = store.manifest_by_digest(repository, digest)
        if manifest is None:
            return
        kept = dict(manifest.attributes.get("replication", {}))
        for destination in destinations:
            kept[_place(destination)] = {"status": status, "code": code}
        store.update_manifest(repository, digest, attributes={**manifest.attributes, "replication": kept})


def _place(destination: Destination) -> str:
    return f"{destination['registryId']}/{destination['region']}"


@operation("ecr", "DescribeImageReplicationStatus")
def describe_image_replication_status(call: Call) -> dict[str, Any]:
    repository, image_id = repository_of(call), call.params["imageId"]
    if not image_id:
        raise ApiError("InvalidParameterException", image_failure(call, repository, image_id)["failureReason"])
    manifest = find_image(call, repository, image_id)
    if manifest is None:
        raise image_missing(repository, image_id)
    statuses = []
    for place, kept in manifest.attributes.get("replication", {}).items():
        account, region = place.split("/")
        statuses.append(
            {"region": region, "registryId": account, "status": kept["status"], "failureCode": kept["code"]}
        )
    return {
        "repositoryName": repository.name,
        "imageId": {"imageDigest": manifest.digest, "imageTag": image_id.get("imageTag")},
        "replicationStatuses": statuses,
    }


# ---------------------------------------------------------------------------------------------------------- the copying


@worker("replicate")
def carry_out(cloud: Cloud, task: Task) -> None:
    """Copy one image to one destination."""
    repository, destination = _source(cloud, task), task["to"]
    if repository is None:
        return
    wait_for_regions(cloud, repository, destination)
    try:
        copy(cloud, repository, task["digest"], task["tag"], destination)
    except Failed as failed:
        _note(cloud, repository, task["digest"], [destination], "FAILED", failed.code)
    else:
        _note(cloud, repository, task["digest"], [destination], "COMPLETE")


def _source(cloud: Cloud, task: Task) -> Repository | None:
    found = cloud.store.repository(task["registry"], task["name"])
    return found if found is not None and found.id == task["id"] else None


def wait_for_regions(cloud: Cloud, repository: Repository, destination: Destination) -> None:
    """Raise NotNow while the Region of the images or that of the destination is off."""
    if cloud.is_off(repository.registry.partition("/")[2]) or cloud.is_off(destination["region"]):
        raise NotNow


def copy(cloud: Cloud, repository: Repository, digest: str, tag: str | None, destination: Destination) -> None:
    """Copy an image with its layers and, when it is an index, its images; all of it or nothing. Raises Failed.

    A tag that may not move at the destination is left out (E113). An image that was deleted since is not a failure.
    """
    acts: list[Act] = []
    try:
        with cloud.store.transaction() as store:
            if store.manifest_by_digest(repository, digest) is None:
                return
            image = {"repositoryName": repository.name, "imageDigest": digest, **({"imageTag": tag} if tag else {})}
            target = _target(cloud, repository, destination, image, acts)
            moved = _copy(cloud, repository, target, digest, tag)
            if moved:
                acts[-1] = replace(acts[-1], moved=moved, origin=repository.registry.partition("/")[2])
    finally:
        # Those of a copy that failed were done, or refused, all the same.
        for act in acts:
            cloud.host.acted(act)


def _target(
    cloud: Cloud, repository: Repository, destination: Destination, image: dict[str, str], acts: list[Act]
) -> Repository:
    """Return the repository to copy to, made when it is missing and the destination allows it (facts E114).

    Notes in ``acts`` what ECR did there. Raises Failed.
    """
    account, region, name = destination["registryId"], destination["region"], repository.name
    who = _replicator(cloud, account_of(repository))
    found = cloud.store.repository(f"{account}/{region}", name)

    def act(operation_name: str, parameters: dict[str, str], do: Callable[[], None] = lambda: None) -> None:
        decisions: list[dict[str, Any]] = []
        where = repository_target(cloud, account, region, name, found)
        decision = ask_as(cloud, who, f"ecr:{operation_name}", where, region, decisions)
        failed = None if decision.allowed else Failed("AccessDenied", decision.message)
        if failed is None:
            try:
                do()
            except NotCreated as error:
                failed = Failed("RepositoryCreationFailed", str(error))
        refusal = (failed.code, str(failed)) if failed else (None, None)
        what = {"registryId": account, **parameters}
        acts.append(Act(operation_name, REPLICATION.service, who, account, region, what, decisions, *refusal))
        if failed is not None:
            raise failed

    def make() -> None:
        nonlocal found
        template = template_for(cloud, account, region, name, "REPLICATION")
        found = create_repository_for(cloud, account, region, name, template, cloud.clock.time())

    if found is None:
        act("CreateRepository", {"repositoryName": name}, make)
    act("ReplicateImage", image)
    assert found is not None
    return found


def _replicator(cloud: Cloud, account: str) -> Principal:
    return assumed(service_role(cloud, account, REPLICATION, cloud.clock.time()), "ecr-replication")


def _copy(cloud: Cloud, source: Repository, target: Repository, digest: str, tag: str | None) -> int:
    """Copy an image; return how many bytes of it the destination's repository did not have."""
    store, moved = cloud.store, 0
    manifest = store.manifest_by_digest(source, digest)
    if manifest is None:
        raise Failed("ImageNotFound")
    if tag is not None:
        there = store.manifest_by_tag(target, tag)
        if there is not None and there.digest != digest and immutable(target, tag):
            tag = None
    parsed = parse_manifest(manifest.content, manifest.media_type)
    for reference in parsed.references:
        if reference.kind == "manifest":
            try:
                moved += _copy(cloud, source, target, reference.digest, None)
            except Failed as failed:
                raise Failed(failed.code, str(failed), child=True) from None
        elif store.blob(target, reference.digest) is None:
            blob = store.mount_blob(source, target, reference.digest)
            moved += blob.size if blob is not None else 0
    if store.manifest_by_digest(target, digest) is None:
        moved += len(manifest.content)
    before = _there(store, target, digest, tag)
    try:
        cloud.quotas.check_image(store, target, digest, tag)
        stored = store.put_manifest(
            target,
            digest,
            manifest.media_type,
            manifest.content,
            parsed.references,
            parsed.subject,
            artifact_type=parsed.artifact_type,
            tag=tag,
            now=cloud.clock.time(),
        )
    except ReferencesMissing:
        raise Failed("LayersNotFound") from None
    except Exceeded as error:
        raise Failed("LimitExceeded", str(error)) from None
    cloud.image_pushed(Push(target, stored, tag, before is None or before.digest != digest, replicated=True))
    return moved


def _there(store: Store, target: Repository, digest: str, tag: str | None) -> Manifest | None:
    """Return what the destination has under the tag, for an image without one under the digest."""
    return store.manifest_by_tag(target, tag) if tag else store.manifest_by_digest(target, digest)


# ------------------------------------------------------------------------------------------------- replicated deletions


@on_delete
def deleted(cloud: Cloud, repository: Repository, manifest: Manifest, tag: str | None) -> None:
    """A deletion is repeated where a rule says so, and nowhere else (facts E110)."""
    for destination in destinations_of(cloud, repository, deletes=True):
        task = {**_image(repository, manifest.digest), "tag": tag, "to": destination}
        cloud.work.add("replicate deletion", task)


@worker("replicate deletion")
def carry_out_deletion(cloud: Cloud, task: Task) -> None:
    """Delete at the destination what was deleted here, unless it has become something else there."""
    destination, source = task["to"], task["registry"].split("/")
    if cloud.is_off(source[1]) or cloud.is_off(destination["region"]):
        raise NotNow
    who = _replicator(cloud, source[0])
    account, region = destination["registryId"], destination["region"]
    with cloud.store.transaction() as store:
        target = store.repository(f"{account}/{region}", task["name"])
        found = None if target is None else _there(store, target, task["digest"], task["tag"])
        if target is None or found is None or found.digest != task["digest"]:
            return
        where = repository_target(cloud, account, region, target.name, target)
        if not ask_as(cloud, who, "ecr:ReplicateImage", where, region).allowed:
            return
        if task["tag"]:
            store.delete_tag(target, task["tag"])
        elif not store.parents(target, found.digest):
            store.delete_manifest(target, found.digest)


def images_to_copy(
    cloud: Cloud, account: str, region: str, destination: Destination
) -> Iterator[tuple[Repository, Manifest]]:
    """Yield every image of a registry that its rules would copy to a destination, were it pushed now.

    Those in the archive cannot be read.
    """
    for repository in cloud.store.repositories(f"{account}/{region}"):
        if destination in destinations_of(cloud, repository):
            for manifest in cloud.store.manifests(repository):
                if status_of(manifest) == "ACTIVE":
                    yield repository, manifest


def note_copied(
    cloud: Cloud, repository: Repository, digest: str, destination: Destination, failed: Failed | None
) -> None:
    """Keep with an image how its copy by a backfill ended."""
    status = "COMPLETE" if failed is None else "FAILED"
    _note(cloud, repository, digest, [destination], status, failed.code if failed else None)
