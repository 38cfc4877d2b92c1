"""Managed signing: the registry's rules, and a signature for each image that is pushed where one fits (facts E160)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ecrlab.aws.authorization.ask import ask
from ecrlab.aws.authorization.targets import Target
from ecrlab.aws.cloud import Cloud, Push, on_push
from ecrlab.aws.context import RequestContext
from ecrlab.aws.ecr.images import find_image, image_missing
from ecrlab.aws.ecr.request import account_of, invalid, repository_of
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.work import NotNow, Task, worker
from ecrlab.oci import parse_manifest
from ecrlab.store import Manifest, Repository, Store, digest_of

# Quotas (facts E065).
_RULES, _FILTERS = "signing rules per registry", "filters per signing rule"
_SIMPLIFIED = (
    "Every signing profile of the Region exists, with a key that this lab made; one of another account is never "
    "allowed, as there is no AWS Signer whose profile permissions could be read."
)


@operation("ecr", "PutSigningConfiguration", simplified=_SIMPLIFIED)
def put_signing_configuration(call: Call) -> dict[str, Any]:
    configuration = call.params["signingConfiguration"]
    quotas, registry = call.cloud.quotas, f"{call.account}/{call.region}"
    if not quotas.allows(registry, _RULES, len(configuration["rules"])):
        raise _too_many(f"{quotas.value(registry, _RULES)} rules")
    for rule in configuration["rules"]:
        if not quotas.allows(registry, _FILTERS, len(rule.get("repositoryFilters", ()))):
            raise _too_many(f"{quotas.value(registry, _FILTERS)} filters in a rule")
        region = rule["signingProfileArn"].split(":")[3]
        if region != call.region:
            raise invalid("signingProfileArn", f"The signing profile must be in the Region {call.region}, not {region}")
    call.cloud.change_registry(call.account, call.region, signing=configuration)
    return {"signingConfiguration": configuration}


def _too_many(most: str) -> ApiError:
    return invalid("signingConfiguration", f"Signing configuration can have at most {most}")


def _configuration(call: Call) -> dict[str, Any]:
    found: dict[str, Any] | None = call.cloud.registry_settings(call.account, call.region).get("signing")
    if found is None:
        raise ApiError(
            "SigningConfigurationNotFoundException",
            f"Signing configuration does not exist in the registry with id '{call.account}'",
        )
    return {"registryId": call.account, "signingConfiguration": found}


@operation("ecr", "GetSigningConfiguration")
def get_signing_configuration(call: Call) -> dict[str, Any]:
    return _configuration(call)


@operation("ecr", "DeleteSigningConfiguration")
def delete_signing_configuration(call: Call) -> dict[str, Any]:
    found = _configuration(call)
    call.cloud.change_registry(call.account, call.region, signing=None)
    return found


@operation("ecr", "DescribeImageSigningStatus")
def describe_image_signing_status(call: Call) -> dict[str, Any]:
    repository, image_id = repository_of(call), call.params["imageId"]
    manifest = find_image(call, repository, image_id)
    if manifest is None:
        raise image_missing(repository, image_id)
    return {
        "registryId": account_of(repository),
        "repositoryName": repository.name,
        "imageId": {**image_id, "imageDigest": manifest.digest},
        "signingStatuses": [
            {"signingProfileArn": profile, **status} for profile, status in _statuses(manifest).items()
        ],
    }


# ---------------------------------------------------------------------------------------------------- what is kept


def _statuses(manifest: Manifest | None) -> dict[str, dict[str, str]]:
    """Return how signing went, by the profile's ARN."""
    found: dict[str, dict[str, str]] = {} if manifest is None else manifest.attributes.get("signing", {})
    return found


def _note(store: Store, repository: Repository, digest: str, profile: str, status: Mapping[str, str]) -> None:
    """Inside a transaction, so that nothing else that is kept with the image is lost."""
    manifest = store.manifest_by_digest(repository, digest)
    if manifest is not None:
        statuses = {**_statuses(manifest), profile: dict(status)}
        store.update_manifest(repository, digest, attributes={**manifest.attributes, "signing": statuses})


# ----------------------------------------------------------------------------------------------------------- signing


def _fits(rule: Mapping[str, Any], name: str) -> bool:
    filters = rule.get("repositoryFilters")
    if not filters:
        return True
    return any(re.fullmatch(".*".join(map(re.escape, item["filter"].split("*"))), name) for item in filters)


@on_push
def sign_what_is_pushed(cloud: Cloud, push: Push) -> None:
    """Sign an image with every profile whose rule fits, as whoever pushed it: they need signer:SignPayload.

    A signature, or whatever else refers to an image, is not signed itself.
    """
    if push.pusher is None or push.manifest.subject is not None:
        return
    account, _, region = push.repository.registry.partition("/")
    rules = (cloud.registry_settings(account, region).get("signing") or {}).get("rules", ())
    for rule in rules:
        profile = rule["signingProfileArn"]
        if not _fits(rule, push.repository.name):
            continue
        done = _statuses(push.manifest).get(profile, {}).get("status")
        if done in ("COMPLETE", "IN_PROGRESS"):
            continue
        pusher = push.pusher
        decision = ask(
            cloud,
            pusher.principal,
            "signer:SignPayload",
            Target(profile, profile.split(":")[4], {}),
            RequestContext(region, cloud.clock.time(), pusher.source_ip, pusher.user_agent),
            decisions=pusher.decisions,
        )
        if decision.allowed:
            _note(cloud.store, push.repository, push.manifest.digest, profile, {"status": "IN_PROGRESS"})
            task = {"registry": push.repository.registry, "name": push.repository.name, "id": push.repository.id}
            cloud.work.add("sign", {**task, "digest": push.manifest.digest, "profile": profile})
        else:
            failed = {"status": "FAILED", "failureCode": "AccessDeniedException", "failureReason": decision.message}
            _note(cloud.store, push.repository, push.manifest.digest, profile, failed)


@worker("sign")
def sign(cloud: Cloud, task: Task) -> None:
    """Put a signature beside an image."""
    # Only here: the cryptography package is slow to load, and every start of the lab would wait for it.
    from ecrlab.aws.ecr import signature

    region = task["registry"].partition("/")[2]
    if cloud.is_off(region):
        raise NotNow
    repository = cloud.store.repository(task["registry"], task["name"])
    image = repository and repository.id == task["id"] and cloud.store.manifest_by_digest(repository, task["digest"])
    if not repository or not image:
        return  # deleted since
    now = cloud.clock.time()
    keys = cloud.store.table("ecr.signing_keys")
    kept = keys.get(task["profile"])
    if kept is None:
        kept = signature.new_key(task["profile"], now)
        keys.put(task["profile"], kept)
    signed = signature.envelope(image, kept, now)
    empty = cloud.store.put_blob(repository, b"{}")
    cloud.store.put_blob(repository, signed)
    content = signature.manifest(image, signed, kept, empty.digest)
    media_type = "application/vnd.oci.image.manifest.v1+json"
    parsed = parse_manifest(content, media_type)
    with cloud.store.transaction() as store:
        if (
            _statuses(store.manifest_by_digest(repository, image.digest)).get(task["profile"], {}).get("status")
            != "IN_PROGRESS"
        ):
            return
        store.put_manifest(
            repository,
            digest_of(content),
            media_type,
            content,
            parsed.references,
            parsed.subject,
            artifact_type=parsed.artifact_type,
            now=now,
        )
        _note(store, repository, image.digest, task["profile"], {"status": "COMPLETE"})
