"""Lifecycle policies over the API: set, previewed, carried out by the clock; what CloudTrail says of it."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecrlab.aws.ecr.lifecycle_policy import DAY

HOUR = 3600.0
CONFIG = b'{"architecture":"amd64","os":"linux"}'
OCI = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


def digest(content: bytes) -> str:
    import hashlib

    return "sha256:" + hashlib.sha256(content).hexdigest()


class Images:
    """Pushes images into one repository through the API."""

    def __init__(self, ecr: Any, repository: str) -> None:
        self.ecr, self.repository = ecr, repository
        ecr.create_repository(repositoryName=repository)
        start = ecr.initiate_layer_upload(repositoryName=repository)
        ecr.upload_layer_part(
            repositoryName=repository,
            uploadId=start["uploadId"],
            partFirstByte=0,
            partLastByte=len(CONFIG) - 1,
            layerPartBlob=CONFIG,
        )
        ecr.complete_layer_upload(repositoryName=repository, uploadId=start["uploadId"], layerDigests=[digest(CONFIG)])

    def push(self, name: str, *tags: str, **more: Any) -> str:
        """Push an image that differs from others by its ``name``; return its digest."""
        config = {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": digest(CONFIG),
            "size": len(CONFIG),
        }
        document = {
            "schemaVersion": 2,
            "mediaType": OCI,
            "config": config,
            "layers": [config],
            "annotations": {"name": name},
        }
        return self.put(json.dumps({**document, **more}), *tags)

    def index(self, *children: str, tag: str) -> str:
        entries = [{"mediaType": OCI, "digest": child, "size": 1} for child in children]
        return self.put(json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries}), tag)

    def put(self, manifest: str, *tags: str) -> str:
        for tag in tags or (None,):
            more = {"imageTag": tag} if tag else {}
            self.ecr.put_image(repositoryName=self.repository, imageManifest=manifest, **more)
        return digest(manifest.encode())

    def there(self, status: str = "ACTIVE") -> set[str]:
        """Return the digests of the images with this imageStatus."""
        pages = self.ecr.get_paginator("describe_images").paginate(
            repositoryName=self.repository, filter={"imageStatus": status}
        )
        return {image["imageDigest"] for page in pages for image in page["imageDetails"]}

    def policy(self, *rules: Any) -> None:
        self.ecr.put_lifecycle_policy(
            repositoryName=self.repository, lifecyclePolicyText=json.dumps({"rules": rules}, indent=1)
        )

    def preview(self, *rules: Any) -> list[dict[str, Any]]:
        """Start a preview of these rules, or of the policy in force, and return its results."""
        more = {"lifecyclePolicyText": json.dumps({"rules": rules}, indent=1)} if rules else {}
        self.ecr.start_lifecycle_policy_preview(repositoryName=self.repository, **more)
        waiter = self.ecr.get_waiter("lifecycle_policy_preview_complete")
        waiter.wait(repositoryName=self.repository, WaiterConfig={"Delay": 1})
        pages = self.ecr.get_paginator("get_lifecycle_policy_preview").paginate(
            repositoryName=self.repository, PaginationConfig={"PageSize": 2}
        )
        return [result for page in pages for result in page["previewResults"]]


def rule(priority: int, tags: Any, count: int, days: bool = False, archive: bool = False, **more: Any) -> Any:
    selection: dict[str, Any] = {"tagStatus": tags, "countType": "imageCountMoreThan", "countNumber": count}
    if isinstance(tags, list):
        selection |= {"tagStatus": "tagged", "tagPatternList": tags}
    if days:
        selection |= {"countType": "sinceImagePushed", "countUnit": "days"}
    action = {"type": "transition", "targetStorageClass": "archive"} if archive else {"type": "expire"}
    return {
        "rulePriority": priority,
        "description": f"rule {priority}",
        "selection": selection | more,
        "action": action,
    }


@pytest.fixture
def ecr(lab: Any) -> Any:
    return lab.client("ecr")


@pytest.fixture
def images(ecr: Any) -> Images:
    return Images(ecr, "my-web-app")


def refused(code: str, text: str, call: Any, **params: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == (code, text)


def trail(lab: Any, name: str) -> list[dict[str, Any]]:
    """Return the CloudTrail events of that name, newest first."""
    found = lab.client("cloudtrail").lookup_events(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": name}]
    )["Events"]
    return [json.loads(event["CloudTrailEvent"]) for event in found]


# -------------------------------------------------------------------------------------------------------- the policy


def test_a_policy_is_kept_compact_and_whole(lab: Any, ecr: Any, images: Images) -> None:
    name = {"repositoryName": "my-web-app"}
    where = "the repository with name 'my-web-app' in the registry with id '123456789012'"
    missing = f"Lifecycle policy does not exist for {where}"
    for call in (ecr.get_lifecycle_policy, ecr.delete_lifecycle_policy, ecr.start_lifecycle_policy_preview):
        refused("LifecyclePolicyNotFoundException", missing, call, **name)
    text = json.dumps({"rules": [rule(1, "untagged", 14, days=True)]}, indent=4)
    kept = json.dumps(json.loads(text), separators=(",", ":"))
    answer = ecr.put_lifecycle_policy(**name, lifecyclePolicyText=text)
    answer.pop("ResponseMetadata")
    assert answer == {"registryId": "123456789012", "repositoryName": "my-web-app", "lifecyclePolicyText": kept}
    found = ecr.get_lifecycle_policy(**name)
    assert found["lifecyclePolicyText"] == kept
    assert found["lastEvaluatedAt"] == datetime.fromtimestamp(0, UTC)
    before = lab.control.status()["clock"]["now"]
    lab.control.advance(DAY)
    evaluated = ecr.get_lifecycle_policy(**name)["lastEvaluatedAt"]
    assert 0 <= (evaluated - datetime.fromisoformat(before)).total_seconds() + 60 - DAY <= 61
    assert ecr.delete_lifecycle_policy(**name)["lastEvaluatedAt"] == evaluated
    refused("LifecyclePolicyNotFoundException", missing, ecr.get_lifecycle_policy, **name)


def test_what_is_not_a_policy_is_refused_with_ecrs_words(ecr: Any, images: Images) -> None:
    begin = "Invalid parameter at 'LifecyclePolicyText' failed to satisfy constraint: '"
    begin += "Lifecycle policy validation failure: "
    for text, words in (
        ("x" * 100, "Could not map policyString into LifecyclePolicy.'"),
        ('{"policy": []}' + " " * 100, 'object has missing required properties (["rules"])\n'),
        (
            json.dumps({"rules": [rule(1, "any", 1), rule(2, "untagged", 1)]}),
            "Rule for tagStatus=ANY must have the lowest priority per storage class'",
        ),
    ):
        for call in (ecr.put_lifecycle_policy, ecr.start_lifecycle_policy_preview):
            with pytest.raises(ClientError) as caught:
                call(repositoryName="my-web-app", lifecyclePolicyText=text)
            error = caught.value.response["Error"]
            assert error["Code"] == "InvalidParameterException"
            assert error["Message"].startswith(begin + words)
    refused(
        "RepositoryNotFoundException",
        "The repository with name 'other' does not exist in the registry with id '123456789012'",
        ecr.put_lifecycle_policy,
        repositoryName="other",
        lifecyclePolicyText=json.dumps({"rules": [rule(1, "any", 1)]}),
    )


def test_every_operation_needs_its_permission(lab: Any, images: Images) -> None:
    developer, name = lab.client("ecr", "auditor"), {"repositoryName": "my-web-app"}
    text = json.dumps({"rules": [rule(1, "any", 1)]})
    image = {"imageId": {"imageTag": "v1"}, "targetStorageClass": "ARCHIVE"}
    for operation, more in (
        ("put_lifecycle_policy", {"lifecyclePolicyText": text}),
        ("delete_lifecycle_policy", {}),
        ("start_lifecycle_policy_preview", {}),
        ("update_image_storage_class", image),
    ):
        with pytest.raises(ClientError) as caught:
            getattr(developer, operation)(**name, **more)
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
        assert f"ecr:{''.join(word.title() for word in operation.split('_'))} on resource" in str(caught.value)


# --------------------------------------------------------------------------------------- previews and what they foresee


def test_a_preview_equals_the_outcome(lab: Any, ecr: Any, images: Images) -> None:
    for number in range(5):
        images.push(f"prod {number}", f"prod-{number}", "every")  # "every" moves on
        lab.control.advance(HOUR)
    old = [images.push(f"untagged {number}") for number in range(3)]
    lab.control.advance(3 * DAY)
    images.push("young")
    rules = [rule(1, ["prod-*"], 2), rule(5, "untagged", 2, days=True), rule(7, "any", 1)]
    before = images.there()
    results = images.preview(*rules)
    assert images.there() == before
    assert [result["appliedRulePriority"] for result in results] == [1, 1, 1, 5, 5, 5]
    assert [result["imageTags"] for result in results[:3]] == [["prod-0"], ["prod-1"], ["prod-2"]]
    assert {result["imageDigest"] for result in results[3:]} == set(old)
    assert {json.dumps(result["action"]) for result in results} == {'{"type": "EXPIRE"}'}
    assert {result["storageClass"] for result in results} == {"STANDARD"}
    answer = ecr.get_lifecycle_policy_preview(repositoryName="my-web-app")
    assert answer["summary"] == {"expiringImageTotalCount": 6}
    images.policy(*rules)
    assert images.there() == before  # not at once (facts E088)
    lab.control.advance(23 * HOUR)
    assert images.there() == before
    lab.control.advance(HOUR)
    assert before - images.there() == {result["imageDigest"] for result in results}


def test_a_preview_can_be_narrowed_and_paged(ecr: Any, images: Images) -> None:
    digests = [images.push(f"{number}", *([f"v{number}"] if number % 2 else [])) for number in range(6)]
    images.preview(rule(1, "any", 1))
    name = {"repositoryName": "my-web-app"}

    def found(**more: Any) -> list[str]:
        answer = ecr.get_lifecycle_policy_preview(**name, **more)
        assert answer["status"] == "COMPLETE"
        return [result["imageDigest"] for result in answer["previewResults"]]

    assert found() == digests[:5]
    assert found(filter={"tagStatus": "TAGGED"}) == [digests[1], digests[3]]
    assert found(filter={"tagStatus": "UNTAGGED"}) == [digests[0], digests[2], digests[4]]
    assert found(imageIds=[{"imageDigest": digests[2]}, {"imageTag": "v3"}, {"imageTag": "v5"}]) == digests[2:4]
    assert found(imageIds=[{"imageDigest": digests[2], "imageTag": "v3"}]) == []
    first = ecr.get_lifecycle_policy_preview(**name, maxResults=3, filter={"tagStatus": "ANY"})
    assert found(maxResults=3, nextToken=first["nextToken"]) == digests[3:5]
    with pytest.raises(ClientError, match="Invalid token"):
        ecr.get_lifecycle_policy_preview(**name, nextToken="x")


def test_a_preview_takes_its_time_and_there_is_one_at_a_time(ecr: Any, images: Images) -> None:
    name = {"repositoryName": "my-web-app"}
    refused(
        "LifecyclePolicyPreviewNotFoundException",
        "There is no dry run for this repository.",
        ecr.get_lifecycle_policy_preview,
        **name,
    )
    text = json.dumps({"rules": [rule(1, "any", 1)]}, indent=2)
    codes = set()
    for _ in range(20):
        try:
            answer = ecr.start_lifecycle_policy_preview(**name, lifecyclePolicyText=text)
        except ClientError as error:
            codes.add(error.response["Error"]["Code"])
            break
        assert (answer["status"], answer["lifecyclePolicyText"]) == ("IN_PROGRESS", text)
    assert codes == {"LifecyclePolicyPreviewInProgressException"}
    deadline = time.monotonic() + 10
    while ecr.get_lifecycle_policy_preview(**name)["status"] == "IN_PROGRESS" and time.monotonic() < deadline:
        time.sleep(0.05)
    answer = ecr.get_lifecycle_policy_preview(**name)
    assert (answer["status"], answer["lifecyclePolicyText"]) == ("COMPLETE", text)


# ------------------------------------------------------------------------------------------------------- as time passes


def test_a_leap_of_the_clock_is_as_if_every_day_had_passed(lab: Any, ecr: Any, images: Images) -> None:
    """Archived after 30 days, expired after 90 in the archive: on the way, not at the end."""
    archived: dict[str, Any] = {"countType": "sinceImageTransitioned", "storageClass": "archive"}
    images.policy(rule(1, "any", 30, days=True, archive=True), rule(2, "any", 90, days=True, **archived))
    image = images.push("a", "v1")
    lab.control.advance(29 * DAY)
    assert images.there() == {image}
    lab.control.advance(3 * DAY)
    assert (images.there(), images.there("ARCHIVED")) == (set(), {image})
    detail = ecr.describe_images(repositoryName="my-web-app", imageIds=[{"imageTag": "v1"}])["imageDetails"][0]
    assert 30 < (detail["lastArchivedAt"] - detail["imagePushedAt"]).total_seconds() / DAY <= 31
    other = images.push("b", "v2")
    lab.control.advance(130 * DAY)
    assert images.there("ANY") == set()
    events = trail(lab, "PolicyExecutionEvent")
    acted = [
        [
            action["lifecycleEventImage"]["digest"]
            for action in event["serviceEventDetails"]["lifecycleEventImageActions"]
        ]
        for event in events
    ]
    # CloudTrail shows 90 days: the ends of both, 32 days apart as their pushes.
    assert acted == [[other], [image]]
    times = [datetime.fromisoformat(event["eventTime"]).timestamp() for event in events]
    assert round((times[0] - times[1]) / DAY) == 32


def test_an_index_goes_first_and_what_it_named_the_day_after(lab: Any, images: Images) -> None:
    child = images.push("child")
    index = images.index(child, tag="v1")
    lab.control.advance(2 * DAY)
    images.policy(rule(1, "any", 1, days=True))
    assert [result["imageDigest"] for result in images.preview()] == [index]
    lab.control.advance(DAY)
    assert images.there() == {child}
    failure = trail(lab, "PolicyExecutionEvent")[0]["serviceEventDetails"]["lifecycleEventFailureDetails"][0]
    assert failure["lifecycleEventImage"]["digest"] == child
    assert failure["failureCode"] == "ImageReferencedByManifestList"
    assert failure["failureReason"] == f"Requested image referenced by manifest list: [{index}]"
    lab.control.advance(DAY)
    assert images.there() == set()


def test_a_signature_goes_with_its_image(lab: Any, images: Images) -> None:
    kept, gone = images.push("kept", "v2"), images.push("gone", "v1")
    signatures = {
        name: images.push(name, subject={"mediaType": OCI, "digest": subject, "size": 1})
        for name, subject in (("of kept", kept), ("of gone", gone))
    }
    images.policy(rule(1, ["v1"], 1, days=True), rule(2, "untagged", 1, days=True))
    lab.control.advance(3 * DAY)
    assert images.there() == {kept, signatures["of kept"]}


def test_it_survives_a_restart_and_a_clock_put_back(make_lab: Any) -> None:
    lab = make_lab()
    images = Images(lab.client("ecr"), "app")
    gone, kept = images.push("a", "v1"), images.push("b", "v2")
    images.policy(rule(1, "any", 1))
    lab.control.advance(23 * HOUR)
    assert images.there() == {gone, kept}
    lab.stop()
    lab.start()
    lab.control.advance(HOUR)
    assert images.there() == {kept}
    lab.control.advance(300 * DAY)
    lab.control.reset_clock()
    images.push("c", "v3")
    lab.control.advance(DAY + 1)
    assert len(images.there()) == 1
    lab.stop()


def test_a_deleted_repository_leaves_nothing_behind(lab: Any, ecr: Any, images: Images) -> None:
    images.push("a", "v1")
    images.preview(rule(1, "any", 1, days=True))
    images.policy(rule(1, "any", 1, days=True))
    ecr.delete_repository(repositoryName="my-web-app", force=True)
    fresh = Images(ecr, "my-web-app")
    image = fresh.push("a", "v1")
    lab.control.advance(5 * DAY)
    assert fresh.there() == {image}
    with pytest.raises(ClientError, match="There is no dry run"):
        ecr.get_lifecycle_policy_preview(repositoryName="my-web-app")
    with pytest.raises(ClientError, match="Lifecycle policy does not exist"):
        ecr.get_lifecycle_policy(repositoryName="my-web-app")


# ---------------------------------------------------------------------------------------------------------- CloudTrail


def test_cloudtrail_tells_what_a_policy_did(lab: Any, images: Images) -> None:
    digests = [images.push(f"{number}", f"v{number}") for number in range(12)]
    images.preview(rule(3, ["v*"], 1))
    images.policy(rule(3, ["v*"], 1))
    lab.control.advance(DAY)
    assert images.there() == {digests[-1]}
    events = trail(lab, "PolicyExecutionEvent")
    # Ten and more images make several events.
    counts = [len(event["serviceEventDetails"]["lifecycleEventImageActions"]) for event in events]
    assert counts == [2, 9]
    event = events[1]
    details = event.pop("serviceEventDetails")
    assert event.pop("eventID") != events[0]["eventID"]
    assert abs(datetime.fromisoformat(event.pop("eventTime")).timestamp() - time.time() - DAY) < 60
    assert event == {
        "eventVersion": "1.08",
        "userIdentity": {"accountId": "123456789012", "invokedBy": "AWS Internal"},
        "eventSource": "ecr.amazonaws.com",
        "eventName": "PolicyExecutionEvent",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "AWS Internal",
        "userAgent": "AWS Internal",
        "requestParameters": None,
        "responseElements": None,
        "readOnly": True,
        "resources": [
            {
                "ARN": "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app",
                "accountId": "123456789012",
                "type": "AWS::ECR::Repository",
            }
        ],
        "eventType": "AwsServiceEvent",
        "managementEvent": True,
        "recipientAccountId": "123456789012",
        "eventCategory": "Management",
    }
    policy = details["lifecycleEventPolicy"]
    assert policy["lifecycleEventRules"] == [
        {
            "rulePriority": 3,
            "description": "rule 3",
            "lifecycleEventSelection": {
                "tagStatus": "Tagged",
                "tagPrefixList": [],
                "tagPatternList": ["v*"],
                "countType": "Image count more than",
                "countNumber": 1,
            },
            "action": "expire",
        }
    ]
    assert (policy["lastEvaluatedAt"], policy["policyVersion"]) == (0, 1)
    action = details["lifecycleEventImageActions"][0]
    assert action["lifecycleEventImage"].pop("pushedAt") > 1_700_000_000_000
    assert action == {
        "lifecycleEventImage": {"digest": digests[0], "tagStatus": "Tagged", "tagList": ["v0"]},
        "rulePriority": 3,
    }
    dry = trail(lab, "DryRunEvent")
    assert [len(each["serviceEventDetails"]["lifecycleEventImageActions"]) for each in dry] == [2, 9]


def test_events_of_services_stand_among_those_of_requests(lab: Any, images: Images) -> None:
    images.push("a", "v1")
    images.push("b", "v2")
    images.policy(rule(1, "any", 1))
    lab.control.advance(DAY)
    images.push("c", "v3")
    client = lab.client("cloudtrail")
    found = client.lookup_events()["Events"]
    names = [event["EventName"] for event in found]
    assert names[:3] == ["PutImage", "PolicyExecutionEvent", "PutLifecyclePolicy"]
    event = found[1]
    assert event["Resources"] == [{"ResourceType": "AWS::ECR::Repository", "ResourceName": "my-web-app"}]
    assert "Username" not in event
    pages = client.get_paginator("lookup_events").paginate(PaginationConfig={"PageSize": 1, "MaxItems": 5})
    one_by_one = [event["EventName"] for page in pages for event in page["Events"]]
    assert one_by_one == ["LookupEvents", *names[:4]]
    partner = lab.control.account("444455556666")
    other = lab.client_with("cloudtrail", partner["access_key_id"], partner["secret_access_key"])
    assert "PolicyExecutionEvent" not in [each["EventName"] for each in other.lookup_events()["Events"]]
    elsewhere = lab.client("cloudtrail", region="eu-west-1").lookup_events()["Events"]
    assert "PolicyExecutionEvent" not in [each["EventName"] for each in elsewhere]


def test_rules_come_back_by_their_priority(lab: Any) -> None:
    """Facts A033."""
    ecr = lab.client("ecr")
    ecr.create_repository(repositoryName="app")
    rules = [
        {
            "rulePriority": priority,
            "selection": {
                "tagStatus": "tagged",
                "tagPrefixList": [f"v{priority}"],
                "countType": "imageCountMoreThan",
                "countNumber": 1,
            },
            "action": {"type": "expire"},
        }
        for priority in (10, 2, 30, 1)
    ]
    ecr.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=json.dumps({"rules": rules}))
    kept = json.loads(ecr.get_lifecycle_policy(repositoryName="app")["lifecyclePolicyText"])
    assert kept == {"rules": sorted(rules, key=lambda rule: rule["rulePriority"])}
