"""Lifecycle policies of repositories: set, tried in a preview, and carried out as lab time passes.

What a policy does is in `ecrlab.aws.ecr.lifecycle_policy`. At AWS images go "within 24 hours" (facts E088); here a
policy is carried out 24 hours after it was set, and every 24 hours from then on.
"""

from __future__ import annotations

import math
import uuid
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from ecrlab.aws.cloud import Cloud
from ecrlab.aws.cloudtrail import service_events
from ecrlab.aws.ecr import storage
from ecrlab.aws.ecr.images import is_index, manifest_document
from ecrlab.aws.ecr.lifecycle_policy import (
    DAY,
    MOST_RULES,
    Action,
    Evaluation,
    Image,
    Policy,
    PolicyInvalid,
    Rule,
    compact,
    evaluate,
    next_change,
    parse,
)
from ecrlab.aws.ecr.request import account_of, invalid, page_after, page_of, page_size, repository_named, repository_of
from ecrlab.aws.operations import Call, operation
from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.work import NotNow, Task, every_round, worker
from ecrlab.store import Repository, Store

# By the repository's id: where it is, when its policy is due next, when it was carried out last.
SCHEDULE = "ecr.lifecycle"
# By the repository's id: its preview; below that, the results.
PREVIEWS = "ecr.previews"
PREVIEW = "lifecycle policy preview"
# From ten images on there are several events, and an event has at most 100 tags of an image (facts E088; AWS, Amazon
# ECR User Guide, "Logging Amazon ECR actions with AWS CloudTrail").
IMAGES_PER_EVENT = 9
TAGS_PER_IMAGE = 100


# ---------------------------------------------------------------------------------------------------------- the policy


def checked(text: str, most: int | None = None) -> str:
    """Return a policy's text as ECR keeps it; raise ApiError with ECR's words when it is not a policy.

    ``most``: how many rules it may have (None: as many as at AWS).
    """
    try:
        parse(text, MOST_RULES if most is None else most)
    except PolicyInvalid as error:
        raise invalid("LifecyclePolicyText", f"Lifecycle policy validation failure: {error}") from None
    return compact(text)


def most_rules(call: Call) -> int | None:
    """Return how many rules a lifecycle policy of the caller's registry may have."""
    return call.cloud.quotas.value(f"{call.account}/{call.region}", "rules per lifecycle policy")


def schedule(cloud: Cloud, repository: Repository, now: float) -> None:
    """Let the policy in ``repository.attributes["lifecycle"]`` be carried out from now on, first in 24 hours."""
    table = cloud.store.table(SCHEDULE)
    before = table.get(str(repository.id)) or {"version": 0}
    table.put(
        str(repository.id),
        {
            "registry": repository.registry,
            "name": repository.name,
            "due": now + DAY,
            "evaluated": 0.0,
            "version": before["version"] + 1,
            "id": str(uuid.uuid4()),
        },
    )


def forget(cloud: Cloud, repository: Repository) -> None:
    """Remove what is kept of a repository that was deleted."""
    cloud.store.table(SCHEDULE).delete(str(repository.id))
    _clear_preview(cloud.store, repository)


def _text(repository: Repository) -> str:
    text = repository.attributes.get("lifecycle")
    if not text:
        raise ApiError(
            "LifecyclePolicyNotFoundException", f"Lifecycle policy does not exist for {repository_named(repository)}"
        )
    return str(text)


def _shown(repository: Repository, text: str, **more: Any) -> dict[str, Any]:
    shown = {"registryId": account_of(repository), "repositoryName": repository.name, "lifecyclePolicyText": text}
    return {**shown, **more}


def _evaluated(cloud: Cloud, repository: Repository) -> float:
    """Return when the policy was carried out last; 0 before the first time, as at AWS."""
    document = cloud.store.table(SCHEDULE).get(str(repository.id))
    return float(document["evaluated"]) if document else 0.0


@operation("ecr", "PutLifecyclePolicy")
def put_lifecycle_policy(call: Call) -> dict[str, Any]:
    text = checked(call.params["lifecyclePolicyText"], most_rules(call))
    with call.cloud.store.transaction() as store:
        repository = repository_of(call)
        attributes = {**repository.attributes, "lifecycle": text}
        store.update_repository(repository.registry, repository.name, attributes)
        schedule(call.cloud, repository, call.now)
    return _shown(repository, text)


@operation("ecr", "GetLifecyclePolicy")
def get_lifecycle_policy(call: Call) -> dict[str, Any]:
    repository = repository_of(call)
    return _shown(repository, _text(repository), lastEvaluatedAt=_evaluated(call.cloud, repository))


@operation("ecr", "DeleteLifecyclePolicy")
def delete_lifecycle_policy(call: Call) -> dict[str, Any]:
    with call.cloud.store.transaction() as store:
        repository = repository_of(call)
        shown = _shown(repository, _text(repository), lastEvaluatedAt=_evaluated(call.cloud, repository))
        attributes = {key: value for key, value in repository.attributes.items() if key != "lifecycle"}
        store.update_repository(repository.registry, repository.name, attributes)
        store.table(SCHEDULE).delete(str(repository.id))
    return shown


# ----------------------------------------------------------------------------------------------------- carrying it out


def images_of(store: Store, repository: Repository) -> list[Image]:
    """Return the images of a repository as an evaluation sees them."""
    manifests = store.manifests(repository)
    named_by: defaultdict[str, list[str]] = defaultdict(list)
    for manifest in manifests:
        if is_index(manifest):
            for entry in manifest_document(manifest.content).get("manifests") or ():
                if isinstance(entry, dict):
                    named_by[str(entry.get("digest"))].append(manifest.digest)
    return [
        Image(
            digest=manifest.digest,
            tags=manifest.tags,
            pushed_at=manifest.pushed_at,
            status=storage.status_of(manifest),
            last_pulled_at=manifest.last_pulled_at,
            last_archived_at=manifest.attributes.get("archived_at"),
            last_activated_at=manifest.attributes.get("activated_at"),
            subject=manifest.subject,
            named_by=tuple(named_by[manifest.digest]),
        )
        for manifest in manifests
    ]


@every_round
def carry_out(cloud: Cloud, now: float) -> None:
    """Carry out every policy that is due."""
    for key, document in cloud.store.table(SCHEDULE).items():
        if document["due"] > now + DAY:  # the clock was put back
            cloud.store.table(SCHEDULE).put(key, {**document, "due": now + DAY})
        elif document["due"] <= now and not cloud.is_off(document["registry"].partition("/")[2]):
            while _carry_out_once(cloud, key, now):
                pass


def _carry_out_once(cloud: Cloud, key: str, now: float) -> bool:
    """Carry out one policy as of the moment it was due, and say whether it is due again.

    When the clock leaps over many days, each of them is evaluated, in one transaction each; those on which nothing
    can have become old enough are passed over.
    """
    with cloud.store.transaction() as store:
        table = store.table(SCHEDULE)
        document = table.get(key)
        if document is None or document["due"] > now:
            return False
        repository = store.repository(document["registry"], document["name"])
        if repository is None or str(repository.id) != key or not repository.attributes.get("lifecycle"):
            table.delete(key)
            return False
        policy, due = parse(repository.attributes["lifecycle"]), float(document["due"])
        images = images_of(store, repository)
        evaluation = evaluate(policy, images, due)
        for action in evaluation.actions:
            _act(cloud, repository, action, due)
        _tell(cloud, repository, "PolicyExecutionEvent", policy, evaluation, document, due)
        days = 1
        if not evaluation.actions:
            change = next_change(policy, images, due)
            past = math.floor((now - due) / DAY) + 1
            days = past if change is None else min(past, max(1, math.ceil((change - due) / DAY)))
        document.update(evaluated=due + (days - 1) * DAY, due=due + days * DAY)
        table.put(key, document)
        return bool(document["due"] <= now)


def _act(cloud: Cloud, repository: Repository, action: Action, now: float) -> None:
    store = cloud.store
    manifest = store.manifest_by_digest(repository, action.image.digest)
    if manifest is None:
        return
    if action.action == "expire":
        store.delete_manifest(repository, manifest.digest)
        cloud.image_deleted(repository, manifest)
    else:
        storage.archive(store, repository, manifest, now)


# ----------------------------------------------------------------------------------------------------------- CloudTrail


def _tell(
    cloud: Cloud,
    repository: Repository,
    name: str,
    policy: Policy,
    evaluation: Evaluation,
    document: dict[str, Any],
    now: float,
) -> None:
    """Note the events of an evaluation: what was done, and what an index kept from being done."""
    rules = {
        "lifecycleEventRules": [_rule_in_event(rule) for rule in policy.rules],
        "lastEvaluatedAt": _milliseconds(document["evaluated"]),
        "policyVersion": document["version"],
        "policyId": document["id"],
    }
    done = [_image_in_event(action) for action in evaluation.actions]
    failed = [
        {
            **_image_in_event(action),
            "failureCode": "ImageReferencedByManifestList",
            "failureReason": f"Requested image referenced by manifest list: [{', '.join(action.image.named_by)}]",
        }
        for action in evaluation.held
    ]
    for part, failures in _parts(done, failed):
        details = {
            "lifecycleEventPolicy": rules,
            "lifecycleEventImageActions": part,
            "lifecycleEventFailureDetails": failures,
        }
        service_events.note(cloud, repository, name, details, now)


def _parts(
    done: Sequence[dict[str, Any]], failed: Sequence[dict[str, Any]]
) -> Iterator[tuple[Sequence[dict[str, Any]], Sequence[dict[str, Any]]]]:
    for start in range(0, max(len(done), len(failed)), IMAGES_PER_EVENT):
        yield done[start : start + IMAGES_PER_EVENT], failed[start : start + IMAGES_PER_EVENT]


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)


_COUNT_TYPES = {
    "imageCountMoreThan": "Image count more than",
    "sinceImagePushed": "Since image pushed",
    "sinceImagePulled": "Since image pulled",
    "sinceImageTransitioned": "Since image transitioned",
}


def _rule_in_event(rule: Rule) -> dict[str, Any]:
    selection: dict[str, Any] = {"tagStatus": rule.tag_status.title(), "tagPrefixList": list(rule.prefixes)}
    if rule.patterns:
        selection["tagPatternList"] = list(rule.patterns)
    selection["countType"] = _COUNT_TYPES[rule.count_type]
    if rule.count_type != "imageCountMoreThan":
        selection["countUnit"] = "Days"
    selection["countNumber"] = rule.count_number
    found: dict[str, Any] = {"rulePriority": rule.priority}
    if rule.description is not None:
        found["description"] = rule.description
    return {**found, "lifecycleEventSelection": selection, "action": rule.action}


def _image_in_event(action: Action) -> dict[str, Any]:
    image = {
        "digest": action.image.digest,
        "tagStatus": "Tagged" if action.image.tags else "Untagged",
        "tagList": list(action.image.tags[:TAGS_PER_IMAGE]),
        "pushedAt": _milliseconds(action.image.pushed_at),
    }
    return {"lifecycleEventImage": image, **({"rulePriority": action.priority} if action.priority else {})}


# ------------------------------------------------------------------------------------------------------------ previews


def _clear_preview(store: Store, repository: Repository) -> None:
    table = store.table(PREVIEWS)
    table.delete(str(repository.id))
    for key, _ in table.items(f"{repository.id}/"):
        table.delete(key)


@operation("ecr", "StartLifecyclePolicyPreview")
def start_lifecycle_policy_preview(call: Call) -> dict[str, Any]:
    given = call.params.get("lifecyclePolicyText")
    with call.cloud.store.transaction() as store:
        repository = repository_of(call)
        text = _text(repository) if given is None else given
        checked(text, most_rules(call))
        table, key = store.table(PREVIEWS), str(repository.id)
        if (table.get(key) or {}).get("status") == "IN_PROGRESS":
            raise ApiError(
                "LifecyclePolicyPreviewInProgressException",
                "The previous lifecycle policy preview request has not completed. Wait and try again.",
            )
        _clear_preview(store, repository)
        table.put(key, {"text": text, "status": "IN_PROGRESS"})
        place = {"registry": repository.registry, "name": repository.name, "id": repository.id}
        call.cloud.work.add(PREVIEW, place)
    return _shown(repository, text, status="IN_PROGRESS")


@worker(PREVIEW)
def preview(cloud: Cloud, task: Task) -> None:
    """Work out a preview that was started."""
    if cloud.is_off(task["registry"].partition("/")[2]):
        raise NotNow
    try:
        _preview(cloud, task)
    except Exception:
        table, key = cloud.store.table(PREVIEWS), str(task["id"])
        table.put(key, {**(table.get(key) or {"text": ""}), "status": "FAILED"})
        raise


def _preview(cloud: Cloud, task: Task) -> None:
    with cloud.store.transaction() as store:
        repository = store.repository(task["registry"], task["name"])
        table, key = store.table(PREVIEWS), str(task["id"])
        document = table.get(key)
        if repository is None or repository.id != task["id"] or document is None:
            table.delete(key)
            return
        now = cloud.clock.time()
        policy = parse(document["text"])
        evaluation = evaluate(policy, images_of(store, repository), now)
        counts = {"expire": 0, "transition": 0}
        for number, action in enumerate(evaluation.actions):
            counts[action.action] += 1
            table.put(f"{key}/{number:09d}", _result(action))
        table.put(key, {**document, "status": "COMPLETE", "counts": counts})
        of_policy = {"evaluated": _evaluated(cloud, repository), "version": 1, "id": str(uuid.uuid4())}
        _tell(cloud, repository, "DryRunEvent", policy, evaluation, of_policy, now)


def _result(action: Action) -> dict[str, Any]:
    expires = action.action == "expire"
    return {
        "imageTags": list(action.image.tags),
        "imageDigest": action.image.digest,
        "imagePushedAt": action.image.pushed_at,
        "action": {"type": "EXPIRE"} if expires else {"type": "TRANSITION", "targetStorageClass": "ARCHIVE"},
        "appliedRulePriority": action.priority,
        "storageClass": "ARCHIVE" if action.image.status == "ARCHIVED" else "STANDARD",
    }


@operation("ecr", "GetLifecyclePolicyPreview")
def get_lifecycle_policy_preview(call: Call) -> dict[str, Any]:
    repository = repository_of(call)
    document = call.cloud.store.table(PREVIEWS).get(str(repository.id))
    if document is None:
        raise ApiError("LifecyclePolicyPreviewNotFoundException", "There is no dry run for this repository.")
    [last], size, ids = page_after(call, 1) or [""], page_size(call, 100), call.params.get("imageIds")
    status = (call.params.get("filter") or {}).get("tagStatus", "ANY")
    found: list[tuple[str, dict[str, Any]]] = []
    for key, result in _results(call.cloud.store, repository, last):
        tags = result["imageTags"]
        if status != "ANY" and bool(tags) is not (status == "TAGGED"):
            continue
        if ids and not any(
            image_id.get("imageDigest", result["imageDigest"]) == result["imageDigest"]
            and ("imageTag" not in image_id or image_id["imageTag"] in tags)
            for image_id in ids
        ):
            continue
        found.append((key, result))
        if len(found) > size and not ids:
            break
    shown, token = page_of(found, len(found) if ids else size, lambda item: (item[0],))
    counts = document.get("counts", {})
    archived = {"targetStorageClass": "ARCHIVE", "imageTotalCount": counts.get("transition")}
    return _shown(
        repository,
        document["text"],
        status=document["status"],
        nextToken=token,
        previewResults=[result for _, result in shown],
        summary={
            "expiringImageTotalCount": counts.get("expire", 0),
            "transitioningImageTotalCounts": [archived] if counts.get("transition") else None,
        },
    )


def _results(store: Store, repository: Repository, after: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the results of a preview from after a key on."""
    prefix = f"{repository.id}/"
    while batch := store.table(PREVIEWS).items(prefix, after, limit=200):
        yield from batch
        after = batch[-1][0]
