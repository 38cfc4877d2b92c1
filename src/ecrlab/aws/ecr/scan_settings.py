"""What is scanned and how often, and how an image's scan stands (facts E098 to E103).

The status of a scan is kept with the image, so that a page of images has it at hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ecrlab.aws.cloud import Cloud
from ecrlab.aws.ecr.request import account_of, change, invalid, repository_of
from ecrlab.aws.operations import Call, operation
from ecrlab.store import Manifest, Repository

FREQUENCIES = {"BASIC": ("SCAN_ON_PUSH", "MANUAL"), "ENHANCED": ("SCAN_ON_PUSH", "CONTINUOUS_SCAN")}

_ENHANCED = (
    "Enhanced scanning is done by the lab itself, without Amazon Inspector: operating-system, Python and Node.js "
    "packages. CONTINUOUS_SCAN rescans when the lab comes with newer advisories, not as lab time passes."
)


def _configuration(cloud: Cloud, account: str, region: str) -> dict[str, Any]:
    found: dict[str, Any] | None = cloud.registry_settings(account, region).get("scanning")
    return found or {"scanType": "BASIC", "rules": []}


@operation("ecr", "PutRegistryScanningConfiguration", simplified=_ENHANCED)
def put_registry_scanning_configuration(call: Call) -> dict[str, Any]:
    kind, rules = call.params.get("scanType", "BASIC"), call.params.get("rules", [])
    frequencies = [rule["scanFrequency"] for rule in rules]
    for frequency in frequencies:
        if frequency not in FREQUENCIES[kind]:
            raise invalid("scanFrequency", f"{frequency} is not a scan frequency of the scan type {kind}")
    if len(set(frequencies)) < len(frequencies):
        raise invalid("rules", "Each scan frequency can be in one rule only")
    configuration = {"scanType": kind, "rules": rules}
    call.cloud.change_registry(call.account, call.region, scanning=configuration)
    if kind == "ENHANCED":
        call.cloud.work.add("scan registry", {"registry": f"{call.account}/{call.region}"})
    return {"registryScanningConfiguration": configuration}


@operation("ecr", "GetRegistryScanningConfiguration")
def get_registry_scanning_configuration(call: Call) -> dict[str, Any]:
    return {
        "registryId": call.account,
        "scanningConfiguration": _configuration(call.cloud, call.account, call.region),
    }


@operation("ecr", "PutImageScanningConfiguration")
def put_image_scanning_configuration(call: Call) -> dict[str, Any]:
    wanted = call.params["imageScanningConfiguration"].get("scanOnPush", False)
    repository = change(call, repository_of(call), scan_on_push=wanted)
    return {
        "registryId": account_of(repository),
        "repositoryName": repository.name,
        "imageScanningConfiguration": {"scanOnPush": wanted},
    }


@operation("ecr", "BatchGetRepositoryScanningConfiguration")
def batch_get_repository_scanning_configuration(call: Call) -> dict[str, Any]:
    shown, failures = [], []
    for name in call.params["repositoryNames"]:
        repository = call.cloud.store.repository(f"{call.account}/{call.region}", name)
        if repository is None:
            reason = f"The repository with name '{name}' does not exist in the registry with id '{call.account}'"
            failures.append({"repositoryName": name, "failureCode": "REPOSITORY_NOT_FOUND", "failureReason": reason})
            continue
        _, frequency, filters = setting_of(call.cloud, repository)
        shown.append(
            {
                "repositoryArn": f"arn:aws:ecr:{call.region}:{call.account}:repository/{name}",
                "repositoryName": name,
                "scanOnPush": frequency != "MANUAL",
                "scanFrequency": frequency,
                "appliedScanFilters": filters,
            }
        )
    return {"scanningConfigurations": shown, "failures": failures}


def _fits(pattern: str, name: str) -> bool:
    """E102: without ``*`` it is any part of the name."""
    if "*" not in pattern:
        return pattern in name
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None


def setting_of(cloud: Cloud, repository: Repository) -> tuple[str, str, list[dict[str, str]]]:
    """Return scan type, frequency and the filters that fit a repository. Continuous wins over scan on push (E102)."""
    account, _, region = repository.registry.partition("/")
    configuration = _configuration(cloud, account, region)
    kind = configuration["scanType"]
    fitting: dict[str, list[dict[str, str]]] = {}
    for rule in configuration["rules"]:
        filters = [item for item in rule["repositoryFilters"] if _fits(item["filter"], repository.name)]
        if filters:
            fitting[rule["scanFrequency"]] = filters
    for frequency in ("CONTINUOUS_SCAN", "SCAN_ON_PUSH"):
        if frequency in fitting:
            return kind, frequency, fitting[frequency]
    if kind == "BASIC" and repository.attributes.get("scan_on_push"):
        return kind, "SCAN_ON_PUSH", []
    return kind, "MANUAL", fitting.get("MANUAL", [])


# ------------------------------------------------------------------------------------------------- an image's scan


def scan_of(manifest: Manifest, kind: str) -> dict[str, Any] | None:
    """Return what is kept of an image's scan of this type; those of the other type stay for when it comes back."""
    found: dict[str, Any] | None = manifest.attributes.get("scans", {}).get(kind)
    return found


def moment(date: str) -> float:
    """Return the beginning of a day, YYYY-MM-DD in UTC, in epoch seconds."""
    return datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()


def summary_of(scan: Mapping[str, Any]) -> dict[str, Any]:
    """Return when a scan ended, how old its advisories were, and its findings counted by severity."""
    return {
        "imageScanCompletedAt": scan["completed"],
        "vulnerabilitySourceUpdatedAt": moment(scan["advisories"]),
        "findingSeverityCounts": scan["counts"],
    }


def has_findings(scan: Mapping[str, Any]) -> bool:
    """Tell whether a scan came to its end."""
    return scan["status"] in ("COMPLETE", "ACTIVE")


def status_of_scan(manifest: Manifest, kind: str, frequency: str, scan: Mapping[str, Any]) -> dict[str, Any]:
    """Return the imageScanStatus."""
    if manifest.attributes.get("status") == "ARCHIVED":
        return {"status": "IMAGE_ARCHIVED", "description": "The image is archived."}
    description = scan.get("description")
    if scan["status"] == "ACTIVE":
        continuous = frequency == "CONTINUOUS_SCAN"
        description = "Continuous scan is selected for image." if continuous else "The image was scanned on push."
    return {"status": scan["status"], "description": description}


def scan_shown(cloud: Cloud, repository: Repository, manifest: Manifest) -> dict[str, Any]:
    """Return what DescribeImages shows of an image's scan: of enhanced scanning only (E099)."""
    if "ENHANCED" not in manifest.attributes.get("scans", {}):
        return {}
    kind, frequency, _ = setting_of(cloud, repository)
    scan = scan_of(manifest, kind)
    if kind == "BASIC" or scan is None:
        return {}
    return {
        "imageScanStatus": status_of_scan(manifest, kind, frequency, scan),
        "imageScanFindingsSummary": summary_of(scan) if has_findings(scan) else None,
    }
