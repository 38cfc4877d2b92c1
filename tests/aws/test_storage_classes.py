"""Storage classes: archived images, their restoration, and the pulls that they refuse."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.aws.test_lifecycle import OCI, Images, refused, rule, trail
from tests.aws.test_private_backend import Http, said

from ecrlab.aws.ecr.lifecycle_policy import DAY

APP = {"repositoryName": "app"}
NOT_FOUND = (404, "MANIFEST_UNKNOWN", "Requested image not found")
UNSUPPORTED = "The requested image storage class update is not supported."


@pytest.fixture
def ecr(lab: Any) -> Any:
    return lab.client("ecr")


@pytest.fixture
def images(ecr: Any) -> Images:
    return Images(ecr, "app")


@pytest.fixture
def http(lab: Any) -> Iterator[Http]:
    client = Http(lab)
    yield client
    client.session.close()


def move(ecr: Any, target: str, **image_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = ecr.update_image_storage_class(**APP, imageId=image_id, targetStorageClass=target)
    answer.pop("ResponseMetadata")
    return answer


def detail(ecr: Any, digest: str) -> dict[str, Any]:
    found: dict[str, Any] = ecr.describe_images(**APP, imageIds=[{"imageDigest": digest}])["imageDetails"][0]
    return found


def test_an_archived_image_is_there_and_cannot_be_pulled(ecr: Any, images: Images, http: Http) -> None:
    digest, other = images.push("a", "v1"), images.push("b", "v2")
    assert http("GET", "app/manifests/v1").status_code == http("HEAD", "app/manifests/v1").status_code == 200
    assert "lastArchivedAt" not in detail(ecr, digest)
    assert move(ecr, "ARCHIVE", imageTag="v1") == {
        "registryId": "123456789012",
        **APP,
        "imageId": {"imageDigest": digest, "imageTag": "v1"},
        "imageStatus": "ARCHIVED",
    }
    for reference in ("v1", digest):
        assert said(http("GET", f"app/manifests/{reference}")) == NOT_FOUND
        assert http("HEAD", f"app/manifests/{reference}").status_code == 404
    assert http("GET", "app/manifests/v2").status_code == 200
    got = ecr.batch_get_image(**APP, imageIds=[{"imageTag": "v1"}, {"imageTag": "v2"}])
    assert [image["imageId"]["imageDigest"] for image in got["images"]] == [other]
    assert [failure["failureReason"] for failure in got["failures"]] == ["Requested image not found"]
    assert (detail(ecr, digest)["imageStatus"], detail(ecr, other)["imageStatus"]) == ("ARCHIVED", "ACTIVE")
    before = detail(ecr, digest)["lastArchivedAt"]
    assert move(ecr, "ARCHIVE", imageDigest=digest)["imageStatus"] == "ARCHIVED"
    assert detail(ecr, digest)["lastArchivedAt"] == before


def test_listings_leave_archived_images_out_unless_asked(ecr: Any, images: Images) -> None:
    tagged, untagged, active = images.push("a", "v1"), images.push("b"), images.push("c", "v3")
    for digest in (tagged, untagged):
        move(ecr, "ARCHIVE", imageDigest=digest)

    def listed(**given: str) -> list[str]:
        more = {"filter": given} if given else {}
        return [image["imageDigest"] for image in ecr.list_images(**APP, **more)["imageIds"]]

    assert images.there() == {active}
    assert images.there("ARCHIVED") == {tagged, untagged}
    assert images.there("ACTIVATING") == set()
    assert images.there("ANY") == {tagged, untagged, active}
    assert listed() == listed(imageStatus="ACTIVE") == [active]
    assert listed(imageStatus="ARCHIVED") == [tagged, untagged]
    assert listed(imageStatus="ARCHIVED", tagStatus="UNTAGGED") == [untagged]
    assert listed(imageStatus="ANY", tagStatus="TAGGED") == [tagged, active]
    pages = ecr.get_paginator("list_images").paginate(
        **APP, filter={"imageStatus": "ANY"}, PaginationConfig={"PageSize": 1}
    )
    assert [image["imageDigest"] for page in pages for image in page["imageIds"]] == [tagged, active, untagged]
    move(ecr, "STANDARD", imageDigest=tagged)
    assert images.there("ACTIVATING") == {tagged}


def test_restoring_takes_twenty_minutes(lab: Any, ecr: Any, images: Images, http: Http) -> None:
    digest = images.push("a", "v1")
    move(ecr, "ARCHIVE", imageDigest=digest)
    assert move(ecr, "STANDARD", imageDigest=digest)["imageStatus"] == "ACTIVATING"
    assert move(ecr, "STANDARD", imageDigest=digest)["imageStatus"] == "ACTIVATING"
    refused(
        "ImageStorageClassUpdateNotSupportedException",
        UNSUPPORTED,
        ecr.update_image_storage_class,
        **APP,
        imageId={"imageDigest": digest},
        targetStorageClass="ARCHIVE",
    )
    started = datetime.fromisoformat(lab.control.status()["clock"]["now"])
    lab.control.advance(19 * 60)
    assert detail(ecr, digest)["imageStatus"] == "ACTIVATING"
    assert said(http("GET", "app/manifests/v1")) == NOT_FOUND
    lab.control.advance(60)
    now = detail(ecr, digest)
    assert now["imageStatus"] == "ACTIVE"
    assert abs((now["lastActivatedAt"] - started).total_seconds() - 20 * 60) < 30
    assert http("GET", "app/manifests/v1").status_code == 200
    assert move(ecr, "STANDARD", imageDigest=digest)["imageStatus"] == "ACTIVE"
    [event] = trail(lab, "ImageActivationEvent")
    assert event["eventType"] == "AwsServiceEvent"
    assert event["serviceEventDetails"] == {
        **APP,
        "imageDigest": digest,
        "targetStorageClass": "STANDARD",
        "result": "SUCCESS",
        "imageStatus": "ACTIVE",
    }
    asked = [each["requestParameters"]["targetStorageClass"] for each in trail(lab, "UpdateImageStorageClass")]
    assert asked[:5] == ["STANDARD", "ARCHIVE", "STANDARD", "STANDARD", "ARCHIVE"]


def test_a_restoration_survives_a_restart_and_a_clock_put_back(make_lab: Any) -> None:
    lab = make_lab()
    ecr = lab.client("ecr")
    images = Images(ecr, "app")
    digest = images.push("a", "v1")
    lab.control.advance(5 * DAY)
    move(ecr, "ARCHIVE", imageDigest=digest)
    move(ecr, "STANDARD", imageDigest=digest)
    lab.stop()
    lab.start()
    lab.control.reset_clock()
    assert images.there("ACTIVATING") == {digest}
    lab.control.advance(21 * 60)
    assert images.there() == {digest}
    lab.stop()


@pytest.mark.parametrize("restoring", [False, True])
def test_pushing_an_archived_image_restores_it_at_once(
    lab: Any, ecr: Any, images: Images, http: Http, restoring: bool
) -> None:
    digest = images.push("a", "v1")
    manifest = http("GET", "app/manifests/v1").text
    for push in (
        lambda: ecr.put_image(**APP, imageManifest=manifest, imageTag="v1"),
        lambda: http("PUT", "app/manifests/v1", data=manifest, headers={"Content-Type": OCI}),
    ):
        move(ecr, "ARCHIVE", imageDigest=digest)
        if restoring:
            move(ecr, "STANDARD", imageDigest=digest)
        push()
        assert detail(ecr, digest)["imageStatus"] == "ACTIVE"
        assert http("GET", "app/manifests/v1").status_code == 200
        activated = detail(ecr, digest)["lastActivatedAt"]
        lab.control.advance(3600)
        assert detail(ecr, digest)["lastActivatedAt"] == activated
    with pytest.raises(ClientError, match="ImageAlreadyExistsException"):
        ecr.put_image(**APP, imageManifest=manifest, imageTag="v1")


def test_an_image_in_an_index_goes_to_the_archive_after_the_index(ecr: Any, images: Images) -> None:
    child = images.push("child")
    index = images.index(child, tag="v1")
    refused(
        "ImageStorageClassUpdateNotSupportedException",
        UNSUPPORTED,
        ecr.update_image_storage_class,
        **APP,
        imageId={"imageDigest": child},
        targetStorageClass="ARCHIVE",
    )
    move(ecr, "ARCHIVE", imageDigest=index)
    move(ecr, "ARCHIVE", imageDigest=child)
    assert images.there("ARCHIVED") == {index, child}


def test_what_does_not_exist(ecr: Any, images: Images) -> None:
    where = "the repository with name 'app' in the registry with id '123456789012'"
    for image_id, words in (
        ({"imageTag": "v9"}, "{imageDigest:'null', imageTag:'v9'}"),
        ({}, "{imageDigest:'null', imageTag:'null'}"),
    ):
        refused(
            "ImageNotFoundException",
            f"The image with imageId {words} does not exist within {where}",
            ecr.update_image_storage_class,
            **APP,
            imageId=image_id,
            targetStorageClass="ARCHIVE",
        )
    with pytest.raises(ClientError, match="RepositoryNotFoundException"):
        ecr.update_image_storage_class(repositoryName="no", imageId={"imageTag": "v"}, targetStorageClass="ARCHIVE")


def test_an_archived_image_can_be_deleted(lab: Any, ecr: Any, images: Images) -> None:
    digest = images.push("a", "v1")
    move(ecr, "ARCHIVE", imageDigest=digest)
    move(ecr, "STANDARD", imageDigest=digest)
    assert ecr.batch_delete_image(**APP, imageIds=[{"imageDigest": digest}])["failures"] == []
    assert images.there("ANY") == set()
    assert images.push("a", "v1") == digest
    lab.control.advance(DAY)
    assert "lastActivatedAt" not in detail(ecr, digest)


def test_layers_and_referrers_say_that_they_are_archived(ecr: Any, images: Images) -> None:
    one, two = images.push("a", "v1"), images.push("b", "v2")
    signature = images.push("s", subject={"mediaType": OCI, "digest": one, "size": 1})
    config = json.loads(ecr.batch_get_image(**APP, imageIds=[{"imageDigest": one}])["images"][0]["imageManifest"])[
        "config"
    ]["digest"]

    def available() -> str:
        answer = ecr.batch_check_layer_availability(**APP, layerDigests=[config])
        return str(answer["layers"][0]["layerAvailability"])

    def referrers(**given: str) -> list[str]:
        answer = ecr.list_image_referrers(**APP, subjectId={"imageDigest": one}, **({"filter": given} if given else {}))
        return [f"{each['digest'] == signature} {each['artifactStatus']}" for each in answer["referrers"]]

    assert (available(), referrers()) == ("AVAILABLE", ["True ACTIVE"])
    for digest in (one, two):
        move(ecr, "ARCHIVE", imageDigest=digest)
    assert available() == "AVAILABLE"
    move(ecr, "ARCHIVE", imageDigest=signature)
    assert (available(), referrers()) == ("ARCHIVED", [])
    assert referrers(artifactStatus="ANY") == referrers(artifactStatus="ARCHIVED") == ["True ARCHIVED"]


def test_pulls_keep_an_image_from_being_archived(lab: Any, ecr: Any, images: Images) -> None:
    """Counted from the recorded pull, which is up to 24 hours old (facts E015)."""
    pulled, never = images.push("a", "pulled"), images.push("b", "never")
    since: dict[str, Any] = {"countType": "sinceImagePulled", "countUnit": "days"}
    images.policy(rule(1, "any", 7, archive=True, **since))
    for _ in range(20):
        assert ecr.batch_get_image(**APP, imageIds=[{"imageTag": "pulled"}])["failures"] == []
        lab.control.advance(DAY / 2)
    assert (images.there(), images.there("ARCHIVED")) == ({pulled}, {never})
    lab.control.advance(9 * DAY)
    assert images.there("ARCHIVED") == {pulled, never}
