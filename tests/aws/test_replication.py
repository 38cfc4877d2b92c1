"""Replication: what is copied, when, whereto and with whose permission; and backfills."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from ecrlab.client import LabClient, LabError

OWN = "123456789012"
PARTNER = "444455556666"
EUROPE = {"region": "eu-west-1", "registryId": OWN}
THEIRS = {"region": "us-east-1", "registryId": PARTNER}
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def configure(lab: Any, *rules: Any, region: str = "us-east-1", profile: str = "admin") -> None:
    """Set rules: each a rule, or one destination without a filter."""
    written = [rule if "destinations" in rule else {"destinations": [rule]} for rule in rules]
    lab.client("ecr", profile, region).put_replication_configuration(replicationConfiguration={"rules": written})


def rule(destination: dict[str, str], *prefixes: str, **more: Any) -> dict[str, Any]:
    filters = [{"filter": prefix, "filterType": "PREFIX_MATCH"} for prefix in prefixes]
    return {"destinations": [destination], **({"repositoryFilters": filters} if filters else {}), **more}


def until(look: Callable[[], Any], wanted: Callable[[Any], bool] = bool, seconds: float = 15) -> Any:
    """Look again until the answer is as wanted; return the last answer."""
    end = time.monotonic() + seconds
    while not wanted(found := look()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def statuses(lab: Any, name: str, tag: str) -> list[dict[str, str]]:
    answer = lab.client("ecr").describe_image_replication_status(repositoryName=name, imageId={"imageTag": tag})
    found: list[dict[str, str]] = answer["replicationStatuses"]
    return found


def settled(lab: Any, name: str, tag: str) -> list[dict[str, str]]:
    """Wait until nothing of an image is in progress, and return its statuses."""
    found: list[dict[str, str]] = until(
        lambda: statuses(lab, name, tag), lambda all_: all(each["status"] != "IN_PROGRESS" for each in all_)
    )
    return found


def idle(lab: Any) -> None:
    """Let the cloud do what waits: moving the clock returns after that."""
    lab.control.advance(1)


def images(lab: Any, name: str, region: str = "eu-west-1", profile: str = "admin") -> list[tuple[str, str | None]]:
    try:
        ids = lab.client("ecr", profile, region).list_images(repositoryName=name)["imageIds"]
    except lab.client("ecr", profile, region).exceptions.RepositoryNotFoundException:
        return []
    return [(each["imageDigest"], each.get("imageTag")) for each in ids]


def allow_replication(lab: Any, *actions: str) -> None:
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{OWN}:root"},
        "Action": list(actions),
        "Resource": f"arn:aws:ecr:us-east-1:{PARTNER}:repository/*",
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    lab.client("ecr", "partner").put_registry_policy(policyText=text)


# ---------------------------------------------------------------------------------------------------- the configuration


def test_the_configuration_is_shown_and_replaced(lab: Any) -> None:
    ecr = lab.client("ecr")
    assert ecr.describe_registry()["replicationConfiguration"] == {"rules": []}
    rules = [rule(EUROPE, "team/", deleteReplication={"enabled": False}), rule(THEIRS)]
    answer = ecr.put_replication_configuration(replicationConfiguration={"rules": rules})
    assert answer["replicationConfiguration"] == {"rules": rules}
    assert ecr.describe_registry()["replicationConfiguration"] == {"rules": rules}
    assert lab.client("ecr", region="eu-west-1").describe_registry()["replicationConfiguration"] == {"rules": []}
    assert lab.client("ecr", "partner").describe_registry()["replicationConfiguration"] == {"rules": []}
    role = lab.client("iam").get_role(RoleName="AWSServiceRoleForECRReplication")["Role"]
    assert role["Path"] == "/aws-service-role/replication.ecr.amazonaws.com/"
    configure(lab)
    assert ecr.describe_registry()["replicationConfiguration"] == {"rules": []}


@pytest.mark.parametrize(
    ("rules", "text"),
    [
        ([rule({"region": "us-east-1", "registryId": OWN})], "destination cannot be the same as the source registry"),
        ([rule({"region": "eu-west-9", "registryId": OWN})], "Invalid replication destination region eu-west-9"),
        ([rule({"region": "cn-north-1", "registryId": OWN})], "not supported across partitions"),
        ([rule({"region": "eu-west-1", "registryId": "1"})], "Invalid parameter at 'replicationConfiguration"),
        ([rule(EUROPE, "A")], "Invalid parameter at 'replicationConfiguration"),
        ([{"destinations": [EUROPE], "repositoryFilters": []}], "Invalid parameter at 'replicationConfiguration"),
        ([rule(EUROPE, *[f"team{n}" for n in range(101)])], "Invalid parameter at 'replicationConfiguration"),
        ([rule(EUROPE)] * 26, "Invalid parameter at 'replicationConfiguration"),
        (
            [rule({"region": "eu-west-1", "registryId": f"{n:012d}"}) for n in range(13)]
            + [{"destinations": [{"region": "eu-west-2", "registryId": f"{n:012d}"} for n in range(13)]}],
            "at most 25 unique destinations",
        ),
    ],
)
def test_a_wrong_configuration_is_refused(lab: Any, rules: list[Any], text: str) -> None:
    configure(lab, EUROPE)
    ecr = lab.client("ecr", parameter_validation=False)
    with pytest.raises(ClientError) as caught:
        ecr.put_replication_configuration(replicationConfiguration={"rules": rules})
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"
    assert text in str(caught.value)
    assert ecr.describe_registry()["replicationConfiguration"] == {"rules": [rule(EUROPE)]}


def test_the_same_destination_in_many_rules_counts_once(lab: Any) -> None:
    configure(lab, *[rule(EUROPE, f"team{n}/") for n in range(25)])


# ---------------------------------------------------------------------------------------------------------- what copies


def test_a_push_is_copied_to_another_region(lab: Any) -> None:
    lab.repository("web", imageTagMutability="IMMUTABLE")
    configure(lab, EUROPE)
    digest = lab.push("web", "1")
    assert settled(lab, "web", "1") == [{"region": "eu-west-1", "registryId": OWN, "status": "COMPLETE"}]
    assert images(lab, "web") == [(digest, "1")]
    # Neither settings nor policies travel (E108).
    europe = lab.client("ecr", region="eu-west-1")
    [made] = europe.describe_repositories(repositoryNames=["web"])["repositories"]
    assert made["imageTagMutability"] == "MUTABLE"
    port = lab.control.registry(OWN, "eu-west-1")["port"]
    token = europe.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    layer = europe.batch_get_image(repositoryName="web", imageIds=[{"imageTag": "1"}])["images"][0]["imageManifest"]
    name = json.loads(layer)["layers"][0]["digest"]
    headers = {"Authorization": f"Basic {token}"}
    answer = requests.get(f"http://127.0.0.1:{port}/v2/web/blobs/{name}", headers=headers, timeout=10)
    assert "sha256:" + hashlib.sha256(answer.content).hexdigest() == name


def test_until_it_is_copied_the_status_is_in_progress(lab: Any) -> None:
    lab.repository("web")
    configure(lab, EUROPE)
    lab.control.region("eu-west-1", on=False)
    lab.push("web", "1")
    idle(lab)
    assert [each["status"] for each in statuses(lab, "web", "1")] == ["IN_PROGRESS"]
    lab.control.region("eu-west-1", on=True)
    assert [each["status"] for each in settled(lab, "web", "1")] == ["COMPLETE"]


def test_the_past_is_not_copied_and_a_push_of_the_same_is_not_a_push(lab: Any) -> None:
    lab.repository("web")
    old = lab.push("web", "1")
    configure(lab, EUROPE)
    idle(lab)
    assert images(lab, "web") == statuses(lab, "web", "1") == []
    assert lab.push("web", "1") == old
    idle(lab)
    assert images(lab, "web") == []
    # A new tag is a push, and the old tag of the same image stays behind.
    lab.push("web", "2")
    settled(lab, "web", "2")
    assert images(lab, "web") == [(old, "2")]


def test_put_image_is_a_push_too(lab: Any) -> None:
    lab.repository("web")
    digest = lab.push("web", "1")
    configure(lab, EUROPE)
    ecr = lab.client("ecr")
    [image] = ecr.batch_get_image(repositoryName="web", imageIds=[{"imageTag": "1"}])["images"]
    ecr.put_image(repositoryName="web", imageManifest=image["imageManifest"], imageTag="2")
    settled(lab, "web", "2")
    assert images(lab, "web") == [(digest, "2")]


def test_a_filter_is_a_prefix_of_the_name(lab: Any) -> None:
    configure(lab, rule(EUROPE, "prod", "team/web"))
    for name in ("prod", "production/api", "team/web2", "team/api", "a/prod"):
        lab.repository(name)
        lab.push(name, "1")
    idle(lab)
    copied = lab.client("ecr", region="eu-west-1").describe_repositories()["repositories"]
    assert [each["repositoryName"] for each in copied] == ["prod", "production/api", "team/web2"]


def test_a_restored_image_is_copied(lab: Any) -> None:
    lab.repository("web")
    one, two = lab.push("web", "1", b"one"), lab.push("web", "2", b"two")
    ecr = lab.client("ecr")
    for digest in (one, two):
        ecr.update_image_storage_class(
            repositoryName="web", imageId={"imageDigest": digest}, targetStorageClass="ARCHIVE"
        )
    configure(lab, EUROPE)
    idle(lab)
    assert images(lab, "web") == []
    # By a push of what is in the archive, and by the operation, which takes 20 minutes (E095).
    lab.push("web", "1", b"one")
    settled(lab, "web", "1")
    assert images(lab, "web") == [(one, "1")]
    ecr.update_image_storage_class(repositoryName="web", imageId={"imageDigest": two}, targetStorageClass="STANDARD")
    lab.control.advance(20 * 60)
    settled(lab, "web", "2")
    assert images(lab, "web") == [(one, "1"), (two, "2")]


def test_there_is_no_chain(lab: Any) -> None:
    configure(lab, EUROPE)
    configure(lab, {"region": "eu-central-1", "registryId": OWN}, region="eu-west-1")
    lab.repository("web")
    digest = lab.push("web", "1")
    settled(lab, "web", "1")
    idle(lab)
    assert images(lab, "web") == [(digest, "1")]
    assert images(lab, "web", "eu-central-1") == []


def test_a_tag_follows_and_an_immutable_one_does_not(lab: Any) -> None:
    configure(lab, EUROPE)
    lab.repository("web")
    first = lab.push("web", "latest", b"one")
    settled(lab, "web", "latest")
    second = lab.push("web", "latest", b"two")
    settled(lab, "web", "latest")
    assert images(lab, "web") == [(second, "latest"), (first, None)]
    europe = lab.client("ecr", region="eu-west-1")
    europe.put_image_tag_mutability(repositoryName="web", imageTagMutability="IMMUTABLE")
    third = lab.push("web", "latest", b"three")
    assert [each["status"] for each in settled(lab, "web", "latest")] == ["COMPLETE"]
    assert sorted(images(lab, "web")) == sorted([(second, "latest"), (first, None), (third, None)])


def test_the_template_of_the_destination_is_used(lab: Any) -> None:
    for region, value in (("us-east-1", "MUTABLE"), ("eu-west-1", "IMMUTABLE")):
        lab.client("ecr", region=region).create_repository_creation_template(
            prefix="team", appliedFor=["REPLICATION"], imageTagMutability=value
        )
    lab.client("ecr", region="eu-west-1").create_repository_creation_template(
        prefix="bad", appliedFor=["REPLICATION"], resourceTags=[{"Key": "a", "Value": "b"}]
    )
    configure(lab, EUROPE)
    for name in ("team/web", "bad/web"):
        lab.repository(name)
        lab.push(name, "1")
    settled(lab, "team/web", "1")
    [made] = lab.client("ecr", region="eu-west-1").describe_repositories()["repositories"]
    assert (made["repositoryName"], made["imageTagMutability"]) == ("team/web", "IMMUTABLE")
    [failed] = settled(lab, "bad/web", "1")
    assert (failed["status"], failed["failureCode"]) == ("FAILED", "RepositoryCreationFailed")
    [event] = [
        each
        for each in lab.client("cloudtrail", region="eu-west-1").lookup_events()["Events"]
        if "RepositoryCreationFailed" in each["CloudTrailEvent"]
    ]
    assert event["EventName"] == "CreateRepository"
    assert "needs a customRoleArn" in event["CloudTrailEvent"]


def put(lab: Any, reference: str, document: dict[str, Any]) -> str:
    """PUT a manifest to the repository web and return its digest."""
    token = lab.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    content = json.dumps(document).encode()
    answer = requests.put(
        f"http://127.0.0.1:{lab.port}/v2/web/manifests/{reference}",
        data=content,
        headers={"Authorization": f"Basic {token}", "Content-Type": document["mediaType"]},
        timeout=10,
    )
    assert answer.status_code == 201, answer.text
    return "sha256:" + hashlib.sha256(content).hexdigest()


def entry(lab: Any, digest: str) -> dict[str, Any]:
    [image] = lab.client("ecr").batch_get_image(repositoryName="web", imageIds=[{"imageDigest": digest}])["images"]
    return {
        "mediaType": image["imageManifestMediaType"],
        "digest": digest,
        "size": len(image["imageManifest"].encode()),
    }


def test_an_index_takes_its_images_along_and_a_signature_comes_after(lab: Any) -> None:
    lab.repository("web")
    past = [lab.push("web", tag, tag.encode()) for tag in ("amd64", "arm64")]
    configure(lab, EUROPE)
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry(lab, digest) for digest in past]}
    index = put(lab, "1", document)
    settled(lab, "web", "1")
    assert sorted(images(lab, "web")) == sorted([(index, "1"), (past[0], None), (past[1], None)])
    empty = json.loads(
        lab.client("ecr").batch_get_image(repositoryName="web", imageIds=[{"imageDigest": past[0]}])["images"][0][
            "imageManifest"
        ]
    )
    signature = put(
        lab,
        "signed",
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": "application/x.signature",
            "config": empty["config"],
            "layers": empty["layers"],
            "subject": entry(lab, index),
        },
    )
    settled(lab, "web", "signed")
    found = lab.client("ecr", region="eu-west-1").list_image_referrers(
        repositoryName="web", subjectId={"imageDigest": index}
    )["referrers"]
    assert [each["digest"] for each in found] == [signature]


# ------------------------------------------------------------------------------------------------------ another account


def test_another_account_must_allow_it(lab: Any) -> None:
    configure(lab, THEIRS)
    lab.repository("web")

    def outcome(tag: str) -> tuple[str, str | None]:
        lab.push("web", tag, tag.encode())
        [found] = settled(lab, "web", tag)
        return found["status"], found.get("failureCode")

    def theirs() -> list[tuple[str, str | None]]:
        return images(lab, "web", "us-east-1", "partner")

    assert outcome("1") == ("FAILED", "AccessDenied")
    allow_replication(lab, "ecr:ReplicateImage")
    assert outcome("2") == ("FAILED", "AccessDenied")
    assert theirs() == []
    lab.client("ecr", "partner").create_repository(repositoryName="web")
    assert outcome("3") == ("COMPLETE", None)
    lab.client("ecr", "partner").delete_repository(repositoryName="web", force=True)
    allow_replication(lab, "ecr:ReplicateImage", "ecr:CreateRepository")
    assert outcome("4") == ("COMPLETE", None)
    assert [tag for _, tag in theirs()] == ["4"]
    lab.client("ecr", "partner").delete_registry_policy()
    assert outcome("5") == ("FAILED", "AccessDenied")


def test_refused_and_done_copies_are_in_cloudtrail_and_x_ray(lab: Any) -> None:
    configure(lab, THEIRS)
    lab.repository("web")
    before = lab.control.xray(after=2**53, limit=1)["last"]
    lab.push("web", "1")
    settled(lab, "web", "1")
    allow_replication(lab, "ecr:ReplicateImage", "ecr:CreateRepository")
    lab.push("web", "2")
    settled(lab, "web", "2")
    acts = ("CreateRepository", "ReplicateImage")
    rows = [row for row in lab.control.xray(after=before)["rows"] if row["operation"] in acts]
    assert [(row["operation"], row["decision"], row["error"]) for row in rows] == [
        ("CreateRepository", "denied", "AccessDenied"),
        ("CreateRepository", "allowed", None),
        ("ReplicateImage", "allowed", None),
    ]
    assert {row["principal"] for row in rows} == {
        f"arn:aws:sts::{OWN}:assumed-role/AWSServiceRoleForECRReplication/ecr-replication"
    }
    # The newest first, and those of tests before.
    found = [each for each in lab.client("cloudtrail").lookup_events()["Events"] if each["EventName"] in acts][:3]
    events = [json.loads(event["CloudTrailEvent"]) for event in found]
    assert [event["eventName"] for event in events] == ["ReplicateImage", "CreateRepository", "CreateRepository"]
    done, refused = events[0], events[2]
    assert done["requestParameters"]["repositoryName"] == "web"
    assert done["requestParameters"]["imageTag"] == "2"
    assert done["userIdentity"]["invokedBy"] == done["sourceIPAddress"] == "replication.ecr.amazonaws.com"
    assert refused["errorCode"] == "AccessDenied"
    assert "is not authorized to perform: ecr:CreateRepository" in refused["errorMessage"]
    theirs = [each["EventId"] for each in lab.client("cloudtrail", "partner").lookup_events()["Events"]]
    assert len(theirs) >= 2
    shared = [json.loads(each["CloudTrailEvent"])["sharedEventID"] for each in found[:2]]
    partners = lab.client("cloudtrail", "partner").lookup_events()["Events"]
    assert [json.loads(each["CloudTrailEvent"]).get("sharedEventID") for each in partners if each["EventName"] in acts][
        :2
    ] == shared


# ------------------------------------------------------------------------------------------------------------ deletions


def test_deletions_are_repeated_only_where_a_rule_says_so(lab: Any) -> None:
    ireland, frankfurt = EUROPE, {"region": "eu-central-1", "registryId": OWN}
    configure(lab, rule(ireland), rule(frankfurt, deleteReplication={"enabled": True}))
    lab.repository("web")
    one, two = lab.push("web", "1", b"one"), lab.push("web", "2", b"two")
    lab.push("web", "1b", b"one")
    for tag in ("1", "2"):
        settled(lab, "web", tag)
    idle(lab)
    everything = [(one, "1"), (one, "1b"), (two, "2")]
    assert images(lab, "web") == images(lab, "web", "eu-central-1") == everything
    ecr = lab.client("ecr")
    ecr.batch_delete_image(repositoryName="web", imageIds=[{"imageTag": "1b"}, {"imageTag": "2"}])
    idle(lab)
    assert images(lab, "web") == everything
    assert images(lab, "web", "eu-central-1") == images(lab, "web", "us-east-1") == [(one, "1")]
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    headers = {"Authorization": f"Basic {token}"}
    answer = requests.delete(f"http://127.0.0.1:{lab.port}/v2/web/manifests/{one}", headers=headers, timeout=10)
    assert answer.status_code == 202
    idle(lab)
    assert images(lab, "web", "eu-central-1") == []
    assert images(lab, "web") == everything


# ----------------------------------------------------------------------------------------------------------- the status


def test_the_status_needs_an_image_and_a_permission(lab: Any) -> None:
    ecr = lab.client("ecr")
    lab.repository("web")
    lab.push("web", "1")
    with pytest.raises(ClientError, match="ImageNotFoundException"):
        statuses(lab, "web", "2")
    with pytest.raises(ClientError, match="RepositoryNotFoundException"):
        statuses(lab, "gone", "1")
    with pytest.raises(ClientError, match="both tag and digest cannot be null"):
        ecr.describe_image_replication_status(repositoryName="web", imageId={})
    with pytest.raises(ClientError, match=r"perform: ecr:DescribeImageReplicationStatus on resource: \S+/web"):
        lab.client("ecr", "ci").describe_image_replication_status(repositoryName="web", imageId={"imageTag": "1"})
    with pytest.raises(ClientError, match=r"perform: ecr:PutReplicationConfiguration on resource: \*"):
        configure(lab, EUROPE, profile="developer")


def test_an_image_that_is_gone_before_its_copy_is_not_a_failure(lab: Any) -> None:
    configure(lab, EUROPE)
    lab.repository("web")
    lab.repository("api")
    lab.control.region("eu-west-1", on=False)
    lab.push("web", "1")
    lab.push("api", "1")
    ecr = lab.client("ecr")
    ecr.batch_delete_image(repositoryName="web", imageIds=[{"imageTag": "1"}])
    ecr.delete_repository(repositoryName="api", force=True)
    lab.control.region("eu-west-1", on=True)
    assert lab.client("ecr", region="eu-west-1").describe_repositories()["repositories"] == []


def test_a_kill_loses_no_copy(make_lab: Callable[[], Any]) -> None:
    lab = make_lab()
    lab.repository("web")
    configure(lab, EUROPE)
    lab.control.region("eu-west-1", on=False)
    wanted = {str(number): lab.push("web", str(number), str(number).encode()) for number in range(30)}

    def kill() -> None:
        lab.process.send_signal(signal.SIGKILL)
        lab.process.wait()
        lab.process.stdout.close()
        lab.home.control.unlink()

    kill()
    lab.start()
    assert lab.control.status()["regions_off"] == ["eu-west-1"]
    # Killed again in the midst of the copying: what was begun is done once more.
    switching = threading.Thread(target=_switch_on, args=(lab.control,))
    switching.start()
    until(lambda: lab.control.status()["regions_off"] == [])
    until(lambda: images(lab, "web"))
    kill()
    switching.join()
    lab.start()
    for tag in wanted:
        assert settled(lab, "web", tag)[0]["status"] == "COMPLETE"
    assert {tag: digest for digest, tag in images(lab, "web")} == wanted
    lab.stop()


def _switch_on(control: LabClient) -> None:
    with contextlib.suppress(LabError, OSError, http.client.HTTPException):
        control.region("eu-west-1", on=True)


def test_the_aws_cli_replicates(lab: Any) -> None:
    def aws(*words: str) -> Any:
        done = subprocess.run(
            ["aws", "ecr", *words], env=lab.environ(), capture_output=True, text=True, timeout=60, check=True
        )
        return json.loads(done.stdout)

    rules = {"rules": [rule(EUROPE, "web")]}
    put = aws("put-replication-configuration", "--replication-configuration", json.dumps(rules))
    assert put == {"replicationConfiguration": rules}
    assert aws("describe-registry") == {"registryId": OWN, "replicationConfiguration": rules}
    lab.repository("web")
    lab.push("web", "1")
    settled(lab, "web", "1")
    shown = aws("describe-image-replication-status", "--repository-name", "web", "--image-id", "imageTag=1")
    assert shown["replicationStatuses"] == [{"region": "eu-west-1", "registryId": OWN, "status": "COMPLETE"}]


# ------------------------------------------------------------------------------------------------------------ backfills


def ended(lab: Any, number: str) -> dict[str, Any]:
    ecr = lab.client("ecr")
    found: dict[str, Any] = until(
        lambda: ecr.describe_replication_backfill_results(replicationBackfillId=number),
        lambda answer: answer["status"] not in ("PREPARING", "IN_PROGRESS"),
    )
    return found


def test_a_backfill_copies_the_past_to_one_destination(lab: Any) -> None:
    lab.repository("web")
    lab.repository("other")
    one, two = lab.push("web", "1", b"one"), lab.push("web", "2", b"two")
    lab.push("web", "1b", b"one")
    lab.push("other", "1")
    configure(lab, rule(EUROPE, "web"), {"region": "eu-central-1", "registryId": OWN})
    ecr = lab.client("ecr")
    begun = ecr.start_replication_backfill(destination=EUROPE)
    assert (begun["status"], begun["registryId"], begun["destination"]) == ("PREPARING", OWN, EUROPE)
    answer = ended(lab, begun["replicationBackfillId"])
    assert answer["status"] == "COMPLETE"
    assert answer["progress"] == {
        "totalReplicationCount": 3,
        "completedReplicationCount": 3,
        "failedReplicationCount": 0,
        "failureCodes": [],
    }
    assert [(each["imageId"], each["status"]) for each in answer["results"]] == [
        ({"imageDigest": one, "imageTag": "1"}, "COMPLETE"),
        ({"imageDigest": one, "imageTag": "1b"}, "COMPLETE"),
        ({"imageDigest": two, "imageTag": "2"}, "COMPLETE"),
    ]
    assert answer["endedAt"] >= answer["startedAt"]
    assert images(lab, "web") == [(one, "1"), (one, "1b"), (two, "2")]
    assert images(lab, "other") == images(lab, "web", "eu-central-1") == []
    [listed] = ecr.list_replication_backfills()["backfills"]
    assert (listed["status"], listed["destination"]) == ("COMPLETE", EUROPE)
    pages = ecr.get_paginator("describe_replication_backfill_results").paginate(
        replicationBackfillId=begun["replicationBackfillId"], PaginationConfig={"PageSize": 2}
    )
    assert [len(page["results"]) for page in pages] == [2, 1]
    only = ecr.describe_replication_backfill_results(
        replicationBackfillId=begun["replicationBackfillId"], resultStatusFilter="FAILED"
    )
    assert only["results"] == []
    lab.control.advance(91 * 24 * 3600)
    assert ecr.list_replication_backfills()["backfills"] == []


def test_failures_of_a_backfill_are_counted_and_named(lab: Any) -> None:
    lab.repository("web")
    past = lab.push("web", "1")
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry(lab, past)]}
    put(lab, "all", document)
    configure(lab, THEIRS)
    number = lab.client("ecr").start_replication_backfill(destination=THEIRS)["replicationBackfillId"]
    answer = ended(lab, number)
    assert answer["progress"]["failedReplicationCount"] == 2
    assert answer["progress"]["failureCodes"] == ["AccessDenied"]
    image, index = answer["results"]
    assert (image["status"], image["failureCode"]) == ("FAILED", "AccessDenied")
    assert "subImageFailureCodes" not in image
    assert index["subImageFailureCodes"] == []
    assert settled(lab, "web", "1")[0]["failureCode"] == "AccessDenied"


def test_one_backfill_for_a_region_and_ten_for_a_registry(lab: Any) -> None:
    places = ["eu-west-1", "eu-west-2", "eu-west-3", "eu-north-1", "eu-south-1", "eu-central-1", "us-west-1"]
    places += ["us-west-2", "us-east-2", "ca-central-1", "sa-east-1"]
    destinations = [{"region": place, "registryId": OWN} for place in places]
    lab.repository("web")
    lab.push("web", "1")
    configure(lab, {"destinations": [*destinations, {"region": "eu-west-1", "registryId": PARTNER}]})
    ecr = lab.client("ecr")
    for place in places:
        lab.control.region(place, on=False)
    try:
        begun = [
            ecr.start_replication_backfill(destination=each)["replicationBackfillId"] for each in destinations[:10]
        ]
        with pytest.raises(ClientError, match="ReplicationBackfillInProgressException"):
            ecr.start_replication_backfill(destination={"region": "eu-west-1", "registryId": PARTNER})
        with pytest.raises(ClientError, match="LimitExceededException"):
            ecr.start_replication_backfill(destination=destinations[10])
        pages = list(ecr.get_paginator("list_replication_backfills").paginate(PaginationConfig={"PageSize": 4}))
        assert [len(page["backfills"]) for page in pages] == [4, 4, 2]
        found = until(
            lambda: ecr.describe_replication_backfill_results(replicationBackfillId=begun[0]),
            lambda answer: answer["status"] == "IN_PROGRESS",
        )
        assert found["progress"]["totalReplicationCount"] == 1
        assert found["results"] == []
        stopped = ecr.stop_replication_backfill(replicationBackfillId=begun[0])
        assert stopped["status"] == "STOPPED"
        with pytest.raises(ClientError, match="ReplicationBackfillInvalidStatusException"):
            ecr.stop_replication_backfill(replicationBackfillId=begun[0])
        ecr.start_replication_backfill(destination=destinations[10])
    finally:
        for place in places:
            lab.control.region(place, on=True)
    assert ended(lab, begun[1])["status"] == "COMPLETE"
    assert images(lab, "web", "eu-west-1") == []
    assert len(images(lab, "web", "eu-west-2")) == 1


def test_what_no_backfill_can_be_is_refused(lab: Any) -> None:
    ecr = lab.client("ecr")
    with pytest.raises(ClientError, match="not in the replication configuration"):
        ecr.start_replication_backfill(destination=EUROPE)
    unknown = "00000000-0000-0000-0000-000000000000"
    for call in (ecr.stop_replication_backfill, ecr.describe_replication_backfill_results):
        with pytest.raises(ClientError, match="ReplicationBackfillNotFoundException"):
            call(replicationBackfillId=unknown)
    with pytest.raises(ClientError, match="InvalidParameterException"):
        ecr.list_replication_backfills(registryId=PARTNER)
    with pytest.raises(ClientError, match="InvalidParameterException"):
        ecr.list_replication_backfills(nextToken="x")
    developer = lab.client("ecr", "developer")
    for name, call in (
        ("Start", lambda: developer.start_replication_backfill(destination=EUROPE)),
        ("Stop", lambda: developer.stop_replication_backfill(replicationBackfillId=unknown)),
        ("List", developer.list_replication_backfills),
        ("Describe", lambda: developer.describe_replication_backfill_results(replicationBackfillId=unknown)),
    ):
        with pytest.raises(ClientError, match=rf"perform: ecr:{name}ReplicationBackfill\w* on resource: \*"):
            call()
