"""Image scanning: basic and enhanced, on push and by hand, its settings and its limits."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, WaiterError

from ecrlab.aws.cloud import Cloud
from ecrlab.aws.ecr import scanning
from ecrlab.aws.host import Host
from ecrlab.clock import Clock
from ecrlab.oci import parse_manifest
from ecrlab.scan import bundled
from ecrlab.store import Repository, Store, digest_of
from ecrlab_course.toolbox.image import push_image

OLD, NEW = "2.36-9+deb12u2", "2.36-9+deb12u6"
DEBIAN = b'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n'
FLASK = {"srv/flask-2.3.1.dist-info/METADATA": b"Name: Flask\nVersion: 2.3.1\n"}
DOCKER = "application/vnd.docker.container.image.v1+json"


def glibc(version: str, system: bytes = DEBIAN) -> dict[str, bytes]:
    status = f"Package: libc6\nStatus: install ok installed\nArchitecture: amd64\nSource: glibc\nVersion: {version}\n"
    return {"etc/os-release": system, "var/lib/dpkg/status": status.encode()}


def parts(files: dict[str, bytes], config_type: str = DOCKER, layer: bytes | None = None) -> tuple[bytes, bytes, bytes]:
    """Return layer, config and manifest of an image of one layer."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for path, content in files.items():
            entry = tarfile.TarInfo(path)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    layer = layer or gzip.compress(plain.getvalue(), mtime=0)

    def descriptor(media_type: str, content: bytes) -> dict[str, Any]:
        return {
            "mediaType": media_type,
            "size": len(content),
            "digest": "sha256:" + hashlib.sha256(content).hexdigest(),
        }

    config = json.dumps({"architecture": "amd64", "os": "linux", "config": {}, "rootfs": {"type": "layers"}}).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor(config_type, config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)],
    }
    return layer, config, json.dumps(manifest).encode()


def push(lab: Any, name: str, tag: str, files: dict[str, bytes], **more: Any) -> str:
    token = lab.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return push_image(lab.port, name, tag, parts(files, **more), token)


def start(lab: Any, name: str, tag: str, client: Any = None) -> dict[str, Any]:
    ecr = client or lab.client("ecr")
    answer: dict[str, Any] = ecr.start_image_scan(repositoryName=name, imageId={"imageTag": tag})
    return answer


def described(lab: Any, name: str, tag: str, **more: Any) -> dict[str, Any]:
    """The findings as soon as the scan came to an end."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        answer: dict[str, Any] = lab.client("ecr").describe_image_scan_findings(
            repositoryName=name, imageId={"imageTag": tag}, **more
        )
        if answer["imageScanStatus"]["status"] not in ("IN_PROGRESS", "PENDING"):
            return answer
        time.sleep(0.05)
    raise AssertionError("still in progress")


def unscanned(lab: Any, name: str, tag: str) -> bool:
    try:
        lab.client("ecr").describe_image_scan_findings(repositoryName=name, imageId={"imageTag": tag})
    except ClientError as error:
        return error.response["Error"]["Code"] == "ScanNotFoundException"
    return False


def configure(lab: Any, kind: str, **filters: list[str]) -> dict[str, Any]:
    rules = [
        {
            "scanFrequency": frequency,
            "repositoryFilters": [{"filter": text, "filterType": "WILDCARD"} for text in texts],
        }
        for frequency, texts in filters.items()
    ]
    answer = lab.client("ecr").put_registry_scanning_configuration(scanType=kind, rules=rules)
    found: dict[str, Any] = answer["registryScanningConfiguration"]
    return found


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


# ------------------------------------------------------------------------------------------------------------- basic


def test_a_scan_by_hand_finds_what_the_operating_system_has(lab: Any) -> None:
    lab.repository("app")
    digest = push(lab, "app", "v1", {**glibc(OLD), **FLASK})
    ecr = lab.client("ecr")
    assert start(lab, "app", "v1") | {"ResponseMetadata": None} == {
        "registryId": "123456789012",
        "repositoryName": "app",
        "imageId": {"imageDigest": digest, "imageTag": "v1"},
        "imageScanStatus": {"status": "IN_PROGRESS"},
        "ResponseMetadata": None,
    }
    image = {"repositoryName": "app", "imageId": {"imageDigest": digest}}
    began = time.monotonic()
    ecr.get_waiter("image_scan_complete").wait(**image)
    assert time.monotonic() - began < 5  # the first look is held until the scan is over, not repeated after 5 s
    answer = ecr.describe_image_scan_findings(**image)
    assert answer["imageScanStatus"] == {
        "status": "COMPLETE",
        "description": "The scan was completed successfully.",
    }
    found = answer["imageScanFindings"]
    assert found["findingSeverityCounts"] == {"HIGH": 1, "UNDEFINED": 1}
    assert found["vulnerabilitySourceUpdatedAt"] == datetime.fromisoformat(bundled().date).replace(tzinfo=UTC)
    assert abs(found["imageScanCompletedAt"].timestamp() - time.time()) < 30
    first, second = found["findings"]
    assert first.pop("description").startswith("The dynamic loader overflows a buffer")
    assert first == {
        "name": "CVE-2023-4911",
        "uri": "https://security-tracker.debian.org/tracker/CVE-2023-4911",
        "severity": "HIGH",
        "attributes": [
            {"key": "package_version", "value": OLD},
            {"key": "package_name", "value": "glibc"},
            {"key": "CVSS3_VECTOR", "value": "CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H"},
            {"key": "CVSS3_SCORE", "value": "7.8"},
        ],
    }
    assert [item["key"] for item in second["attributes"]] == ["package_version", "package_name"]
    # Flask is a language package, and results of basic scanning are not in DescribeImages (E099).
    assert "enhancedFindings" not in found
    detail = ecr.describe_images(repositoryName="app")["imageDetails"][0]
    assert "imageScanStatus" not in detail
    assert "imageScanFindingsSummary" not in detail


def test_findings_come_in_pages(lab: Any) -> None:
    lab.repository("app")
    push(lab, "app", "v1", glibc(OLD))
    start(lab, "app", "v1")
    described(lab, "app", "v1")
    ecr, image = lab.client("ecr"), {"repositoryName": "app", "imageId": {"imageTag": "v1"}}
    first = ecr.describe_image_scan_findings(**image, maxResults=1)
    assert len(first["imageScanFindings"]["findings"]) == 1
    rest = ecr.describe_image_scan_findings(**image, maxResults=1, nextToken=first["nextToken"])
    assert "nextToken" not in rest
    pages = ecr.get_paginator("describe_image_scan_findings").paginate(**image, PaginationConfig={"PageSize": 1})
    names = [item["name"] for item in pages.build_full_result()["imageScanFindings"]["findings"]]
    assert names == ["CVE-2023-4911", "CVE-2024-2961"]
    with pytest.raises(ClientError, match="Invalid token"):
        ecr.describe_image_scan_findings(**image, nextToken="zz")


def test_an_image_is_scanned_once_in_24_hours(lab: Any) -> None:
    lab.repository("app")
    push(lab, "app", "v1", glibc(OLD))
    start(lab, "app", "v1")
    with pytest.raises(ClientError) as again:
        start(lab, "app", "v1")
    assert code(again) == "LimitExceededException"
    assert again.value.response["Error"]["Message"] == (
        "The scan quota per image has been exceeded. Wait and try again."
    )
    lab.control.advance(24 * 3600 - 60)
    with pytest.raises(ClientError):
        start(lab, "app", "v1")
    lab.control.advance(120)
    start(lab, "app", "v1")
    # Another image is another one.
    push(lab, "app", "v2", glibc(NEW))
    start(lab, "app", "v2")
    assert described(lab, "app", "v2")["imageScanFindings"]["findings"] == []


def test_findings_before_a_scan(lab: Any) -> None:
    lab.repository("app")
    push(lab, "app", "v1", glibc(OLD))
    ecr = lab.client("ecr")
    with pytest.raises(ClientError) as missing:
        ecr.describe_image_scan_findings(repositoryName="app", imageId={"imageTag": "v1"})
    assert code(missing) == "ScanNotFoundException"
    assert missing.value.response["Error"]["Message"] == (
        "Image scan does not exist for the image with '{imageDigest:'null', imageTag:'v1'}' in the repository with "
        "name 'app' in the registry with id '123456789012'"
    )
    for call in (ecr.describe_image_scan_findings, ecr.start_image_scan):
        for image_id in ({"imageTag": "nope"}, {}):
            with pytest.raises(ClientError) as unknown:
                call(repositoryName="app", imageId=image_id)
            assert code(unknown) == "ImageNotFoundException"


@pytest.mark.parametrize("system", [None, b"ID=elxr\nVERSION_ID=12\n"])
def test_an_operating_system_that_is_not_supported(lab: Any, system: bytes | None) -> None:
    lab.repository("app")
    push(lab, "app", "v1", {"hello": b"1"} if system is None else glibc(OLD, system))
    start(lab, "app", "v1")
    with pytest.raises(WaiterError, match="FAILED"):
        lab.client("ecr").get_waiter("image_scan_complete").wait(
            repositoryName="app", imageId={"imageTag": "v1"}, WaiterConfig={"Delay": 1}
        )
    answer = described(lab, "app", "v1")
    assert answer["imageScanStatus"]["description"] == (
        "UnsupportedImageError: The operating system and/or package manager are not supported."
    )
    assert "imageScanFindings" not in answer


def test_a_damaged_layer_fails_the_scan_and_nothing_else(lab: Any) -> None:
    lab.repository("app")
    push(lab, "app", "bad", {}, layer=b"this is not a tar file")
    push(lab, "app", "good", glibc(OLD))
    start(lab, "app", "bad")
    start(lab, "app", "good")
    assert described(lab, "app", "good")["imageScanStatus"]["status"] == "COMPLETE"
    status = described(lab, "app", "bad")["imageScanStatus"]
    assert status["status"] == "FAILED"
    assert "cannot be read" in status["description"]


def test_an_index_or_an_artifact_cannot_be_scanned(lab: Any) -> None:
    lab.repository("app")
    digest = push(lab, "app", "v1", glibc(OLD))
    push(lab, "app", "chart", {}, config_type="application/vnd.cncf.helm.config.v1+json")
    size = len(parts(glibc(OLD))[2])
    entry = {"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": digest, "size": size}
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]}
    lab.client("ecr").put_image(repositoryName="app", imageTag="all", imageManifest=json.dumps(index))
    for tag, media_type in (("all", index["mediaType"]), ("chart", "application/vnd.cncf.helm.config.v1+json")):
        with pytest.raises(ClientError) as refused:
            start(lab, "app", tag)
        assert code(refused) == "UnsupportedImageTypeException"
        assert refused.value.response["Error"]["Message"] == (
            f"An artifact with media type '{media_type}' cannot be scanned. For more information, see the Amazon ECR "
            "documentation."
        )


def test_an_archived_image_cannot_be_scanned(lab: Any) -> None:
    lab.repository("app")
    push(lab, "app", "v1", glibc(OLD))
    ecr = lab.client("ecr")
    start(lab, "app", "v1")
    described(lab, "app", "v1")
    ecr.update_image_storage_class(repositoryName="app", imageId={"imageTag": "v1"}, targetStorageClass="ARCHIVE")
    with pytest.raises(ClientError) as refused:
        start(lab, "app", "v1")
    assert code(refused) == "ImageArchivedException"
    answer = described(lab, "app", "v1")
    assert answer["imageScanStatus"]["status"] == "IMAGE_ARCHIVED"
    assert "imageScanFindings" not in answer


def test_what_is_deleted_takes_its_findings_along(lab: Any) -> None:
    lab.repository("app")
    push(lab, "app", "v1", glibc(OLD))
    start(lab, "app", "v1")
    described(lab, "app", "v1")
    lab.client("ecr").batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])
    push(lab, "app", "v1", glibc(OLD))
    assert unscanned(lab, "app", "v1")
    start(lab, "app", "v1")
    assert len(described(lab, "app", "v1")["imageScanFindings"]["findings"]) == 2


def test_the_rights_to_scan_and_to_read(lab: Any) -> None:
    lab.repository("app")
    push(lab, "app", "v1", glibc(OLD))
    client = lab.client("ecr", "ci")
    lab.allow("ci", "ecr:DescribeImageScanFindings")
    with pytest.raises(ClientError, match="not authorized to perform: ecr:StartImageScan on resource") as refused:
        start(lab, "app", "v1", client)
    assert code(refused) == "AccessDeniedException"
    lab.allow("ci", "ecr:StartImageScan", resource="arn:aws:ecr:us-east-1:123456789012:repository/app", name="more")
    start(lab, "app", "v1", client)
    client.describe_image_scan_findings(repositoryName="app", imageId={"imageTag": "v1"})
    with pytest.raises(ClientError, match="ecr:PutRegistryScanningConfiguration on resource: \\*"):
        client.put_registry_scanning_configuration(scanType="BASIC", rules=[])
    with pytest.raises(ClientError, match="ecr:BatchGetRepositoryScanningConfiguration"):
        client.batch_get_repository_scanning_configuration(repositoryNames=["app"])


# ------------------------------------------------------------------------------------------------------------ settings


def test_the_registry_s_configuration(lab: Any) -> None:
    ecr = lab.client("ecr")
    fresh = ecr.get_registry_scanning_configuration()
    assert fresh["registryId"] == "123456789012"
    assert fresh["scanningConfiguration"] == {"scanType": "BASIC", "rules": []}
    put = configure(lab, "BASIC", SCAN_ON_PUSH=["prod*"], MANUAL=["dev"])
    assert ecr.get_registry_scanning_configuration()["scanningConfiguration"] == put
    assert [rule["scanFrequency"] for rule in put["rules"]] == ["SCAN_ON_PUSH", "MANUAL"]
    # It is the Region's own (E004).
    other = lab.client("ecr", region="eu-west-1").get_registry_scanning_configuration()
    assert other["scanningConfiguration"]["rules"] == []
    for kind, frequency in (("BASIC", "CONTINUOUS_SCAN"), ("ENHANCED", "MANUAL")):
        with pytest.raises(ClientError, match=f"{frequency} is not a scan frequency of the scan type {kind}"):
            configure(lab, kind, **{frequency: ["*"]})
    rule = {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "a", "filterType": "WILDCARD"}]}
    with pytest.raises(ClientError, match="in one rule only"):
        ecr.put_registry_scanning_configuration(scanType="BASIC", rules=[rule, rule])
    assert ecr.get_registry_scanning_configuration()["scanningConfiguration"] == put


def test_how_repositories_are_scanned(lab: Any) -> None:
    for name in ("prod-web", "my-prod", "flagged", "quiet"):
        lab.repository(name, imageScanningConfiguration={"scanOnPush": name == "flagged"})
    configure(lab, "BASIC", SCAN_ON_PUSH=["prod*", "web"])
    ask = lab.client("ecr").batch_get_repository_scanning_configuration
    answer = ask(repositoryNames=["prod-web", "my-prod", "flagged", "quiet", "missing"])
    assert {
        one["repositoryName"]: (one["scanOnPush"], one["scanFrequency"]) for one in answer["scanningConfigurations"]
    } == {
        "prod-web": (True, "SCAN_ON_PUSH"),
        "my-prod": (False, "MANUAL"),
        "flagged": (True, "SCAN_ON_PUSH"),
        "quiet": (False, "MANUAL"),
    }
    first = answer["scanningConfigurations"][0]
    assert first["repositoryArn"] == "arn:aws:ecr:us-east-1:123456789012:repository/prod-web"
    assert [item["filter"] for item in first["appliedScanFilters"]] == ["prod*", "web"]
    assert answer["failures"] == [
        {
            "repositoryName": "missing",
            "failureCode": "REPOSITORY_NOT_FOUND",
            "failureReason": "The repository with name 'missing' does not exist in the registry with id '123456789012'",
        }
    ]
    # Enhanced: continuous wins (E102), and the repository's own flag counts no more.
    configure(lab, "ENHANCED", SCAN_ON_PUSH=["*"], CONTINUOUS_SCAN=["web"])
    frequencies = [one["scanFrequency"] for one in ask(repositoryNames=["prod-web", "quiet"])["scanningConfigurations"]]
    assert frequencies == ["CONTINUOUS_SCAN", "SCAN_ON_PUSH"]
    configure(lab, "ENHANCED", CONTINUOUS_SCAN=["web"])
    assert ask(repositoryNames=["flagged"])["scanningConfigurations"][0]["scanOnPush"] is False


@pytest.mark.parametrize("how", ["rule", "flag"])
def test_scan_on_push(lab: Any, how: str) -> None:
    lab.repository("prod/app")
    lab.repository("dev/app")
    if how == "rule":
        configure(lab, "BASIC", SCAN_ON_PUSH=["prod"])
    else:
        lab.client("ecr").put_image_scanning_configuration(
            repositoryName="prod/app", imageScanningConfiguration={"scanOnPush": True}
        )
    push(lab, "prod/app", "v1", glibc(OLD))
    push(lab, "dev/app", "v1", glibc(OLD))
    push(lab, "prod/app", "chart", {}, config_type="application/vnd.cncf.helm.config.v1+json")
    assert described(lab, "prod/app", "v1")["imageScanFindings"]["findingSeverityCounts"] == {"HIGH": 1, "UNDEFINED": 1}
    assert unscanned(lab, "dev/app", "v1")
    assert unscanned(lab, "prod/app", "chart")
    # It counts as the day's scan.
    with pytest.raises(ClientError) as again:
        start(lab, "prod/app", "v1")
    assert code(again) == "LimitExceededException"


def test_a_scan_waits_for_its_region_and_survives_a_restart(make_lab: Any) -> None:
    lab = make_lab()
    lab.repository("app")
    push(lab, "app", "v1", glibc(OLD))
    start(lab, "app", "v1")
    lab.stop()
    lab.start("--port", str(lab.port))
    assert described(lab, "app", "v1")["imageScanStatus"]["status"] == "COMPLETE"
    lab.stop()


# ------------------------------------------------------------------------------------------------------------ enhanced


def test_enhanced_scanning_knows_languages_too(lab: Any) -> None:
    lab.repository("app")
    configure(lab, "ENHANCED", CONTINUOUS_SCAN=["app"])
    digest = push(lab, "app", "v1", {**glibc(OLD), **FLASK})
    answer = described(lab, "app", "v1")
    assert answer["imageScanStatus"] == {"status": "ACTIVE", "description": "Continuous scan is selected for image."}
    found = answer["imageScanFindings"]
    assert "findings" not in found
    assert found["findingSeverityCounts"] == {"HIGH": 2, "UNDEFINED": 1}
    by_title = {item["title"]: item for item in found["enhancedFindings"]}
    assert set(by_title) == {"CVE-2023-4911 - glibc", "CVE-2023-30861 - flask", "CVE-2024-2961 - glibc"}
    flask = by_title["CVE-2023-30861 - flask"]
    assert flask["findingArn"].startswith("arn:aws:inspector2:us-east-1:123456789012:finding/")
    assert (flask["type"], flask["status"], flask["severity"]) == ("PACKAGE_VULNERABILITY", "ACTIVE", "HIGH")
    assert (flask["score"], flask["fixAvailable"]) == (7.5, "YES")
    details = flask["packageVulnerabilityDetails"]
    assert details["vulnerabilityId"] == "CVE-2023-30861"
    [package] = details["vulnerablePackages"]
    assert package.pop("sourceLayerHash").startswith("sha256:")
    assert package == {
        "name": "flask",
        "version": "2.3.1",
        "packageManager": "PYTHONPKG",
        "filePath": "srv/flask-2.3.1.dist-info/METADATA",
        "fixedInVersion": "2.3.2",
    }
    [resource] = flask["resources"]
    assert resource["id"] == f"arn:aws:ecr:us-east-1:123456789012:repository/app/{digest}"
    assert resource["details"]["awsEcrContainerImage"]["imageTags"] == ["v1"]
    assert by_title["CVE-2024-2961 - glibc"]["severity"] == "UNTRIAGED"
    # DescribeImages shows the summary.
    detail = lab.client("ecr").describe_images(repositoryName="app")["imageDetails"][0]
    assert detail["imageScanStatus"]["status"] == "ACTIVE"
    assert detail["imageScanFindingsSummary"]["findingSeverityCounts"] == {"HIGH": 2, "UNDEFINED": 1}
    with pytest.raises(ClientError) as disabled:
        start(lab, "app", "v1")
    assert (code(disabled), disabled.value.response["Error"]["Message"]) == (
        "ValidationException",
        "This feature is disabled",
    )


def test_enabling_enhanced_scanning_picks_up_what_is_young(lab: Any) -> None:
    lab.repository("app")
    lab.repository("else")
    push(lab, "app", "old", FLASK)
    lab.control.advance(15 * 24 * 3600)
    push(lab, "app", "young", {**FLASK, "x": b"1"})
    push(lab, "else", "young", FLASK)
    start(lab, "app", "young")
    configure(lab, "ENHANCED", SCAN_ON_PUSH=["app"])
    deadline = time.monotonic() + 15
    while unscanned(lab, "app", "young") and time.monotonic() < deadline:
        time.sleep(0.05)
    young = described(lab, "app", "young")
    assert [item["title"] for item in young["imageScanFindings"]["enhancedFindings"]] == ["CVE-2023-30861 - flask"]
    assert described(lab, "app", "old")["imageScanStatus"]["status"] == "SCAN_ELIGIBILITY_EXPIRED"
    assert unscanned(lab, "else", "young")
    # Back at basic scanning, its own scans are there again.
    configure(lab, "BASIC")
    assert described(lab, "app", "young")["imageScanStatus"]["status"] == "FAILED"
    assert unscanned(lab, "app", "old")


# ----------------------------------------------------------------------------------------------------------- with aws


def test_aws_waits_for_the_scan(lab: Any) -> None:
    lab.repository("app")
    push(lab, "app", "v1", glibc(OLD))
    image = ["--repository-name", "app", "--image-id", "imageTag=v1"]
    ask = ["--query", "imageScanFindings.findings[].name", "--output", "text"]
    for command in (["start-image-scan", *image], ["wait", "image-scan-complete", *image]):
        subprocess.run(["aws", "ecr", *command], env=lab.environ(), check=True, capture_output=True, timeout=60)
    done = subprocess.run(
        ["aws", "ecr", "describe-image-scan-findings", *image, *ask],
        env=lab.environ(),
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["CVE-2023-4911", "CVE-2024-2961"]


# ------------------------------------------------------------------------------------------- advisories become newer


def test_newer_advisories_make_continuous_scanning_scan_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Store.open(tmp_path) as store:
        cloud = Cloud(store, Clock(store), Host())
        images = {name: kept_image(cloud, name) for name in ("always", "once")}
        filters = {"always": "CONTINUOUS_SCAN", "once": "SCAN_ON_PUSH"}
        rules = [
            {"scanFrequency": frequency, "repositoryFilters": [{"filter": name, "filterType": "WILDCARD"}]}
            for name, frequency in filters.items()
        ]
        cloud.change_registry("1", "us-east-1", scanning={"scanType": "ENHANCED", "rules": rules})
        rounds(cloud)
        before = bundled()
        assert scanned(cloud, images) == {"always": (before.date, {"HIGH": 1}), "once": (before.date, {"HIGH": 1})}
        flask = next(one for one in before.advisories if one.package == "flask")
        newer = replace(before, date="2030-01-01", advisories=(flask, replace(flask, id="CVE-2030-1", severity="LOW")))
        monkeypatch.setattr(scanning, "bundled", lambda: newer)
        rounds(cloud)
        assert scanned(cloud, images) == {
            "always": ("2030-01-01", {"HIGH": 1, "LOW": 1}),
            "once": (before.date, {"HIGH": 1}),
        }
        assert cloud.work.run(cloud) == 0


def kept_image(cloud: Cloud, name: str) -> tuple[Repository, str]:
    repository = cloud.store.create_repository("1/us-east-1", name, {}, now=time.time())
    layer, config, manifest = parts(FLASK)
    for blob in (layer, config):
        cloud.store.put_blob(repository, blob)
    parsed = parse_manifest(manifest)
    digest = digest_of(manifest)
    kept = cloud.store.put_manifest(
        repository,
        digest,
        parsed.media_type,
        manifest,
        parsed.references,
        artifact_type=parsed.artifact_type,
        now=time.time(),
    )
    return repository, kept.digest


def rounds(cloud: Cloud) -> None:
    for _ in range(3):  # a round may add tasks for the next
        cloud.work.run(cloud)


def scanned(cloud: Cloud, images: dict[str, tuple[Repository, str]]) -> dict[str, tuple[str, dict[str, int]]]:
    found = {}
    for name, (repository, digest) in images.items():
        manifest = cloud.store.manifest(repository, digest)
        assert manifest is not None
        scan = manifest.attributes["scans"]["ENHANCED"]
        found[name] = (scan["advisories"], scan["counts"])
    return found


def test_nothing_is_kept_of_what_was_deleted(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        cloud = Cloud(store, Clock(store), Host())
        rules = [
            {"scanFrequency": "SCAN_ON_PUSH", "repositoryFilters": [{"filter": "*", "filterType": "WILDCARD"}]},
        ]
        cloud.change_registry("1", "us-east-1", scanning={"scanType": "ENHANCED", "rules": rules})
        (one, digest), (other, _) = kept_image(cloud, "one"), kept_image(cloud, "other")
        rounds(cloud)
        table = store.table(scanning.TABLE)
        assert len(table.items(f"{one.id}/")) == len(table.items(f"{other.id}/")) == 1
        manifest = store.manifest(one, digest)
        assert manifest is not None
        cloud.image_deleted(one, manifest, "only a tag")
        assert len(table.items(f"{one.id}/")) == 1
        cloud.image_deleted(one, manifest)
        assert table.items(f"{one.id}/") == []
        scanning.forget(cloud, other)
        assert table.items(f"{other.id}/") == []
