"""Scans of images and their findings (facts E098 to E105; AWS, Amazon ECR User Guide, "Scan images").

The findings of a scan are kept in a table, its status with the image (`ecrlab.aws.ecr.scan_settings`).
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ecrlab.aws.cloud import Cloud, Push, on_delete, on_push
from ecrlab.aws.ecr.images import find_image, image_missing, is_index, manifest_document
from ecrlab.aws.ecr.request import account_of, repository_named, repository_of, wrong_token
from ecrlab.aws.ecr.scan_settings import (
    FREQUENCIES,
    has_findings,
    moment,
    scan_of,
    setting_of,
    status_of_scan,
    summary_of,
)
from ecrlab.aws.operations import Call, held, operation, page
from ecrlab.aws.quotas import SCANS
from ecrlab.aws.wire.errors import ApiError
from ecrlab.aws.work import NotNow, Task, every_round, worker
from ecrlab.scan import Contents, Finding, TooLarge, Unreadable, bundled, external, findings, read
from ecrlab.scan.match import LANGUAGE_KINDS, SYSTEM_KINDS
from ecrlab.store import Manifest, Repository, Store

TABLE, COUNTS = "ecr.scans", "ecr.scan_counts"
HOUR, DAY = 3600.0, 24 * 3600.0
ELIGIBLE_SECONDS = 14 * DAY  # enabling enhanced scanning picks up what was pushed in this time (E101)
SYSTEMS = ("debian", "ubuntu", "alpine")
IMAGE_CONFIGS = ("application/vnd.docker.container.image.v1+json", "application/vnd.oci.image.config.v1+json")
UNSUPPORTED = "UnsupportedImageError: The operating system and/or package manager are not supported."

_SELECTION = (
    "Faults come from a small selection of advisories, dated in `vulnerabilitySourceUpdatedAt`. Debian, Ubuntu (no "
    "advisories) and Alpine are supported. With `ECRLAB_SCANNER=trivy` or `grype` in the lab's environment that "
    "command scans instead, where it is installed."
)


# --------------------------------------------------------------------------------------------------------------- scans


def _artifact_type(manifest: Manifest) -> str | None:
    """Return the media type that makes an artifact one that cannot be scanned, None for an image."""
    if is_index(manifest):
        return manifest.media_type
    return None if manifest.artifact_type in IMAGE_CONFIGS else str(manifest.artifact_type)


def _note(store: Store, repository: Repository, digest: str, kind: str, scan: Mapping[str, Any]) -> None:
    """Inside a transaction, so that nothing else that is kept with the image is lost."""
    manifest = store.manifest_by_digest(repository, digest)
    if manifest is not None:
        scans = {**manifest.attributes.get("scans", {}), kind: dict(scan)}
        store.update_manifest(repository, digest, attributes={**manifest.attributes, "scans": scans})


def _key(repository: Repository, digest: str, kind: str) -> str:
    return f"{repository.id}/{digest}/{kind}"


def _within_a_day(manifest: Manifest, kind: str, now: float) -> bool:
    scan = scan_of(manifest, kind)
    started = None if scan is None else scan.get("started")
    return started is not None and 0 <= now - started < DAY


def _start(cloud: Cloud, repository: Repository, manifest: Manifest, kind: str, now: float) -> None:
    """Inside a transaction: the image is to be scanned."""
    status = {"BASIC": "IN_PROGRESS", "ENHANCED": "PENDING"}[kind]
    _note(cloud.store, repository, manifest.digest, kind, {"status": status, "started": now})
    place = {"registry": repository.registry, "name": repository.name, "id": repository.id}
    cloud.work.add("scan", {**place, "digest": manifest.digest, "type": kind})
    if kind == "BASIC":
        hours = _hours(cloud, repository.registry, now)
        hours[str(int(now // HOUR))] = hours.get(str(int(now // HOUR)), 0) + 1
        cloud.store.table(COUNTS).put(repository.registry, hours)


def _hours(cloud: Cloud, registry: str, now: float) -> dict[str, int]:
    """Return how many basic scans a registry began in each of the last 24 hours, by the hour's number."""
    begun = cloud.store.table(COUNTS).get(registry) or {}
    return {hour: count for hour, count in begun.items() if 0 <= now - int(hour) * HOUR < DAY}


def _another(cloud: Cloud, repository: Repository, kind: str, now: float) -> bool:
    """Tell whether the quota of basic scans in 24 hours lets a registry begin one more; whole hours are counted."""
    begun = sum(_hours(cloud, repository.registry, now).values())
    return kind != "BASIC" or cloud.quotas.allows(repository.registry, SCANS, begun + 1)


@operation("ecr", "StartImageScan", simplified=_SELECTION)
def start_image_scan(call: Call) -> dict[str, Any]:
    image_id = call.params["imageId"]
    with call.cloud.store.transaction():
        repository = repository_of(call)
        manifest = find_image(call, repository, image_id)
        if manifest is None:
            raise image_missing(repository, image_id)
        kind, _, _ = setting_of(call.cloud, repository)
        if kind == "ENHANCED":
            raise ApiError("ValidationException", "This feature is disabled")
        unsupported = _artifact_type(manifest)
        if unsupported is not None:
            raise ApiError(
                "UnsupportedImageTypeException",
                f"An artifact with media type '{unsupported}' cannot be scanned. For more information, see the Amazon "
                "ECR documentation.",
            )
        if "status" in manifest.attributes:
            raise ApiError("ImageArchivedException", "The specified image is archived and cannot be scanned.")
        if _within_a_day(manifest, kind, call.now):
            raise ApiError("LimitExceededException", "The scan quota per image has been exceeded. Wait and try again.")
        if not _another(call.cloud, repository, kind, call.now):
            # A choice: AWS's own text, of a registry, is not known.
            text = "The scan quota per registry has been exceeded. Wait and try again."
            raise ApiError("LimitExceededException", text)
        _start(call.cloud, repository, manifest, kind, call.now)
    return {
        "registryId": account_of(repository),
        "repositoryName": repository.name,
        "imageId": {**image_id, "imageDigest": manifest.digest},
        "imageScanStatus": {"status": "IN_PROGRESS"},
    }


@on_push
def scan_what_is_pushed(cloud: Cloud, push: Push) -> None:
    """Scan an image where a rule, or the repository's own setting, wants that; at most once in 24 hours.

    Beyond the quota of the registry it stays without a scan.
    """
    kind, frequency, _ = setting_of(cloud, push.repository)
    now = cloud.clock.time()
    wanted = frequency != "MANUAL" and not _within_a_day(push.manifest, kind, now)
    wanted = wanted and _another(cloud, push.repository, kind, now)
    if wanted and push.manifest.subject is None and _artifact_type(push.manifest) is None:
        _start(cloud, push.repository, push.manifest, kind, now)


@on_delete
def forget_what_is_deleted(cloud: Cloud, repository: Repository, manifest: Manifest, tag: str | None) -> None:
    """The findings go with the image."""
    if tag is None:
        for kind in FREQUENCIES:
            cloud.store.table(TABLE).delete(_key(repository, manifest.digest, kind))


def forget(cloud: Cloud, repository: Repository) -> None:
    """Remove the findings of a repository that was deleted."""
    table = cloud.store.table(TABLE)
    for key, _ in table.items(f"{repository.id}/"):
        table.delete(key)


@worker("scan registry")
def scan_registry(cloud: Cloud, task: Task) -> None:
    """Enhanced scanning was enabled, or has newer advisories: scan what it wants scanned (E101)."""
    if cloud.is_off(task["registry"].partition("/")[2]):
        raise NotNow
    now = cloud.clock.time()
    for repository in cloud.store.repositories(task["registry"]):
        kind, frequency, _ = setting_of(cloud, repository)
        if kind != "ENHANCED" or frequency == "MANUAL":
            continue
        for listed in cloud.store.manifests(repository):
            with cloud.store.transaction() as store:
                manifest = store.manifest_by_digest(repository, listed.digest)
                if manifest is None or "status" in manifest.attributes or _artifact_type(manifest) is not None:
                    continue
                scan = scan_of(manifest, kind)
                if scan is not None and (frequency != "CONTINUOUS_SCAN" or scan.get("advisories") == bundled().date):
                    continue
                if scan is None and now - manifest.pushed_at > ELIGIBLE_SECONDS:
                    _note(store, repository, manifest.digest, kind, {"status": "SCAN_ELIGIBILITY_EXPIRED"})
                else:
                    _start(cloud, repository, manifest, kind, now)


@every_round
def scan_again(cloud: Cloud, now: float) -> None:
    """The lab came with newer advisories than it had at its last start: continuous scanning has work."""
    table = cloud.store.table(TABLE)
    if (table.get("!advisories") or {}).get("date") == bundled().date:
        return
    with cloud.store.transaction():
        for registry, settings in cloud.settings.items():
            if settings.get("scanning", {}).get("scanType") == "ENHANCED":
                cloud.work.add("scan registry", {"registry": registry})
        table.put("!advisories", {"date": bundled().date})


@worker("scan")
def scan(cloud: Cloud, task: Task) -> None:
    """Scan an image and keep what is found."""
    kind = task["type"]
    if cloud.is_off(task["registry"].partition("/")[2]):
        raise NotNow
    repository = cloud.store.repository(task["registry"], task["name"])
    manifest = repository and repository.id == task["id"] and cloud.store.manifest_by_digest(repository, task["digest"])
    if not repository or not manifest:
        return  # deleted since
    _wait(cloud, manifest, kind)
    outcome, found = _scanned(cloud.store, repository, manifest, kind)
    with cloud.store.transaction() as store:
        now_kept = store.manifest_by_digest(repository, manifest.digest)
        started = now_kept and scan_of(now_kept, kind)
        if not started:
            return
        counts = Counter(finding.advisory.severity for finding in found)
        _note(
            store,
            repository,
            manifest.digest,
            kind,
            {
                **started,
                **outcome,
                "completed": cloud.clock.time(),
                "advisories": bundled().date,
                "counts": dict(counts),
            },
        )
        key, kept = _key(repository, manifest.digest, kind), [_kept(finding) for finding in found]
        old = store.table(TABLE).get(key) or {}
        first = {item["id"]: item["first"] for item in old.get("findings", ())}
        for item in kept:
            item["first"] = first.get(item["id"], cloud.clock.time())
        store.table(TABLE).put(key, {"findings": kept})


def _wait(cloud: Cloud, manifest: Manifest, kind: str) -> None:
    """Raise NotNow while a scan has not taken as long as a learner wants scans to take."""
    began = (scan_of(manifest, kind) or {}).get("started", 0.0)
    left = began + cloud.scan_seconds - cloud.clock.time()
    if 0 < left <= cloud.scan_seconds:
        cloud.work.wake(left)
        raise NotNow


_DONE = {"status": "COMPLETE", "description": "The scan was completed successfully."}


def _scanned(
    store: Store, repository: Repository, manifest: Manifest, kind: str
) -> tuple[dict[str, str], list[Finding]]:
    """Return status and description of a scan, and its findings. Basic scanning knows operating systems only (E099)."""
    tool = external.tool()
    try:
        if tool is not None:
            found = external.scan(
                tool, manifest.content, manifest.media_type, manifest.digest, _blobs(store, repository, manifest)
            )
            if kind == "ENHANCED":
                return {"status": "ACTIVE"}, found
            return _DONE, [one for one in found if one.advisory.kind in (*SYSTEM_KINDS, "system")]
        contents = _contents(store, repository, manifest)
    except TooLarge as error:
        return {"status": "IMAGE_SIZE_EXCEEDED" if kind == "ENHANCED" else "FAILED", "description": str(error)}, []
    except Unreadable as error:
        return {"status": "UNSUPPORTED_IMAGE" if kind == "ENHANCED" else "FAILED", "description": str(error)}, []
    if kind == "BASIC":
        if contents.system is None or contents.system.id not in SYSTEMS:
            return {"status": "FAILED", "description": UNSUPPORTED}, []
        return _DONE, findings(contents, bundled().advisories, SYSTEM_KINDS)
    return {"status": "ACTIVE"}, findings(contents, bundled().advisories, SYSTEM_KINDS | LANGUAGE_KINDS)


def _contents(store: Store, repository: Repository, manifest: Manifest) -> Contents:
    blobs = _blobs(store, repository, manifest)
    return read([blobs[str(layer["digest"])] for layer in manifest_document(manifest.content)["layers"]])


def _blobs(store: Store, repository: Repository, manifest: Manifest) -> dict[str, Path]:
    """Return the files of an image's config and layers by their digests."""
    document, found = manifest_document(manifest.content), {}
    for part in (document["config"], *document["layers"]):
        blob = store.blob(repository, str(part["digest"]))
        if blob is None:
            raise Unreadable(f"The layer {part['digest']} is not in the repository.")
        found[blob.digest] = blob.path
    return found


def _kept(finding: Finding) -> dict[str, Any]:
    """A finding as it is kept: whole, because advisories change with the lab's version."""
    advisory = finding.advisory
    return {
        "id": f"{advisory.id}/{advisory.kind}/{finding.name}/{finding.version}",
        "cve": advisory.id,
        "kind": advisory.kind,
        "name": finding.name,
        "version": finding.version,
        "fixed": finding.fixed,
        "severity": advisory.severity,
        "description": advisory.description,
        "url": advisory.url,
        "source": advisory.source,
        "published": advisory.published,
        "vector": advisory.cvss_vector,
        "score": advisory.cvss_score,
        "score_from": advisory.cvss_from,
        "packages": [
            [package.name, package.version, package.architecture, package.path, package.layer]
            for package in finding.packages
        ],
    }


# ------------------------------------------------------------------------------------------------------------ findings


@operation("ecr", "DescribeImageScanFindings", simplified=_SELECTION)
def describe_image_scan_findings(call: Call) -> dict[str, Any]:
    repository, image_id = repository_of(call), call.params["imageId"]
    manifest = find_image(call, repository, image_id)
    if manifest is None:
        raise image_missing(repository, image_id)
    kind, frequency, _ = setting_of(call.cloud, repository)
    scan = scan_of(manifest, kind)
    if scan is None:
        digest, tag = image_id.get("imageDigest", "null"), image_id.get("imageTag", "null")
        raise ApiError(
            "ScanNotFoundException",
            f"Image scan does not exist for the image with '{{imageDigest:'{digest}', imageTag:'{tag}'}}' in "
            f"{repository_named(repository)}",
        )
    answer: dict[str, Any] = {
        "registryId": account_of(repository),
        "repositoryName": repository.name,
        "imageId": {**image_id, "imageDigest": manifest.digest},
        "imageScanStatus": status_of_scan(manifest, kind, frequency, scan),
    }
    if not has_findings(scan) or manifest.attributes.get("status") == "ARCHIVED":
        return answer
    kept = (call.cloud.store.table(TABLE).get(_key(repository, manifest.digest, kind)) or {}).get("findings", [])
    items, token = page(kept, call.params.get("nextToken"), int(call.params.get("maxResults") or 100), wrong_token)
    if kind == "BASIC":
        shown: dict[str, Any] = {"findings": [_basic(item) for item in items]}
    else:
        shown = {"enhancedFindings": list(_enhanced(call, repository, manifest, scan, items))}
    return {**answer, "imageScanFindings": {**summary_of(scan), **shown}, "nextToken": token}


held("ecr", "DescribeImageScanFindings", lambda answer: answer["imageScanStatus"]["status"] == "IN_PROGRESS")


def _basic(item: Mapping[str, Any]) -> dict[str, Any]:
    attributes = {"package_version": item["version"], "package_name": item["name"]}
    if item["score"] is not None:
        attributes |= {"CVSS3_VECTOR": item["vector"], "CVSS3_SCORE": str(item["score"])}
    return {
        "name": item["cve"],
        "description": item["description"],
        "uri": item["url"],
        "severity": item["severity"],
        "attributes": [{"key": key, "value": value} for key, value in attributes.items()],
    }


_MANAGERS = {"debian": "OS", "alpine": "OS", "system": "OS", "python": "PYTHONPKG", "node": "NODEPKG"}


def _enhanced(
    call: Call,
    repository: Repository,
    manifest: Manifest,
    scan: Mapping[str, Any],
    items: Iterable[Mapping[str, Any]],
) -> Iterable[dict[str, Any]]:
    """Give findings in the form of Amazon Inspector (botocore's EnhancedImageScanFinding)."""
    account, _, region = repository.registry.partition("/")
    layers = [str(layer.get("digest")) for layer in manifest_document(manifest.content).get("layers", ())]
    resource = {
        "type": "AWS_ECR_CONTAINER_IMAGE",
        "id": f"arn:aws:ecr:{region}:{account}:repository/{repository.name}/{manifest.digest}",
        "details": {
            "awsEcrContainerImage": {
                "imageHash": manifest.digest,
                "imageTags": list(manifest.tags),
                "pushedAt": manifest.pushed_at,
                "registry": account,
                "repositoryName": repository.name,
            }
        },
        "tags": {},
    }
    for item in items:
        number = hashlib.sha256(f"{repository.id}/{manifest.digest}/{item['id']}".encode()).hexdigest()[:32]
        severity = "UNTRIAGED" if item["severity"] == "UNDEFINED" else item["severity"]
        score, given_by = item["score"], item["score_from"]
        cvss = None if score is None else {"scoringVector": item["vector"], "version": "3.1"}
        yield {
            "awsAccountId": account,
            "findingArn": f"arn:aws:inspector2:{region}:{account}:finding/{number}",
            "type": "PACKAGE_VULNERABILITY",
            "title": f"{item['cve']} - {item['name']}",
            "description": item["description"],
            "severity": severity,
            "score": score,
            "scoreDetails": cvss and {"cvss": {**cvss, "score": score, "scoreSource": given_by, "adjustments": []}},
            "status": "ACTIVE",
            "fixAvailable": "YES" if item["fixed"] else "NO",
            "firstObservedAt": item["first"],
            "lastObservedAt": scan["completed"],
            "updatedAt": scan["completed"],
            "packageVulnerabilityDetails": {
                "vulnerabilityId": item["cve"],
                "source": urlsplit(item["source"]).hostname,
                "sourceUrl": item["url"],
                "vendorCreatedAt": moment(item["published"]),
                "vendorSeverity": severity,
                "cvss": [{**cvss, "baseScore": score, "source": given_by}] if cvss else [],
                "referenceUrls": [item["source"]],
                "relatedVulnerabilities": [],
                "vulnerablePackages": [
                    {
                        "name": name,
                        "version": version,
                        "arch": architecture or None,
                        "filePath": path,
                        "packageManager": _MANAGERS.get(item["kind"]),
                        "sourceLayerHash": layers[layer],
                        "fixedInVersion": item["fixed"] or None,
                    }
                    for name, version, architecture, path, layer in item["packages"]
                ],
            },
            "remediation": {"recommendation": {"text": "None Provided"}},
            "resources": [resource],
        }
