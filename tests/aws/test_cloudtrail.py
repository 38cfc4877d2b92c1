"""CloudTrail's event history over HTTP with boto3: what docker and the APIs did, as CloudTrail tells it."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

APP = "123456789012.dkr.ecr.us-east-1.amazonaws.com/my-web-app"
ARN = "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app"


def events(lab: Any, profile: str = "admin", region: str = "us-east-1", **params: Any) -> list[dict[str, Any]]:
    """Return the events of all pages, oldest first, each as CloudTrail's JSON."""
    trail = lab.client("cloudtrail", profile, region)
    pages = trail.get_paginator("lookup_events").paginate(**params)
    return [json.loads(event["CloudTrailEvent"]) for page in pages for event in page["Events"]][::-1]


def named(name: str) -> dict[str, Any]:
    return {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": name}]}


def password(lab: Any, profile: str) -> tuple[str, str]:
    data = lab.client("ecr", profile).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    user, _, secret = base64.b64decode(data).decode().partition(":")
    return user, secret


def since(lab: Any) -> datetime:
    return datetime.fromisoformat(lab.control.status()["clock"]["now"])


def push(lab: Any, profile: str = "admin", content: bytes = b"layer") -> dict[str, Any]:
    """Push an image as docker does, and return its manifest."""
    session = requests.Session()
    session.trust_env = False
    session.auth = password(lab, profile)
    session.headers["User-Agent"] = "docker/20.10.24 go/go1.19.8"
    base = f"http://127.0.0.1:{lab.port}"
    for blob in (content, b"{}"):
        digest = f"sha256:{hashlib.sha256(blob).hexdigest()}"
        session.head(f"{base}/v2/{APP}/blobs/{digest}")
        begun = session.post(f"{base}/v2/{APP}/blobs/uploads/")
        begun.raise_for_status()
        where = base + begun.headers["Location"]
        session.patch(where, data=blob).raise_for_status()
        session.put(where, params={"digest": digest}).raise_for_status()
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {
            "mediaType": "application/vnd.oci.image.config.v1+json",
            "digest": f"sha256:{hashlib.sha256(b'{}').hexdigest()}",
            "size": 2,
        },
        "layers": [
            {
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": f"sha256:{hashlib.sha256(content).hexdigest()}",
                "size": len(content),
            }
        ],
    }
    put = session.put(
        f"{base}/v2/{APP}/manifests/v1", json=manifest, headers={"Content-Type": str(manifest["mediaType"])}
    )
    put.raise_for_status()
    accept = {"Accept": str(manifest["mediaType"])}
    session.get(f"{base}/v2/{APP}/manifests/v1", headers=accept).raise_for_status()
    session.get(f"{base}/v2/{APP}/blobs/sha256:{hashlib.sha256(content).hexdigest()}", allow_redirects=False)
    return manifest


def test_a_push_and_a_pull_by_docker_are_ecrs_operations(lab: Any) -> None:
    begin = since(lab)
    lab.repository("my-web-app")
    manifest = push(lab)
    found = [event for event in events(lab, StartTime=begin) if event["eventSource"] == "ecr.amazonaws.com"]
    upload = ["BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload"]
    assert [event["eventName"] for event in found] == [
        "CreateRepository",
        "GetAuthorizationToken",
        *upload,
        *upload,
        "PutImage",
        "BatchGetImage",
        "GetDownloadUrlForLayer",
    ]
    by_docker = found[2:]
    for event in by_docker:
        assert event["sourceIPAddress"] == event["userAgent"] == "ecr.amazonaws.com"
        assert event["userIdentity"]["type"] == "IAMUser"
        assert event["userIdentity"]["invokedBy"] == "ecr.amazonaws.com"
        assert event["userIdentity"]["arn"] == "arn:aws:iam::123456789012:user/admin"
        assert event["resources"] == [{"accountId": "123456789012", "ARN": ARN}]
        assert event["requestParameters"]["repositoryName"] == "my-web-app"
        assert (event["awsRegion"], event["eventType"]) == ("us-east-1", "AwsApiCall")
    assert found[0]["sourceIPAddress"] == "127.0.0.1"
    assert found[0]["userAgent"].startswith("Boto3/")
    assert found[0]["responseElements"]["repository"]["repositoryArn"] == ARN
    begun, part, complete = by_docker[1:4]
    upload_id = begun["responseElements"]["uploadId"]
    assert part["requestParameters"]["uploadId"] == complete["requestParameters"]["uploadId"] == upload_id
    assert (part["requestParameters"]["partFirstByte"], part["requestParameters"]["partLastByte"]) == (0, 4)
    assert complete["responseElements"]["layerDigest"] == manifest["layers"][0]["digest"]
    put, get = by_docker[8:10]
    assert put["requestParameters"]["imageTag"] == "v1"
    assert json.loads(put["requestParameters"]["imageManifest"]) == manifest
    assert put["readOnly"] is False
    assert get["requestParameters"]["imageIds"] == [{"imageTag": "v1"}]
    assert get["requestParameters"]["acceptedMediaTypes"] == [manifest["mediaType"]]
    assert get["responseElements"] is None
    assert get["readOnly"] is True


def test_a_denial_has_its_code_and_sentence(lab: Any) -> None:
    lab.repository("my-web-app")
    with pytest.raises(requests.HTTPError):
        push(lab, "ci")
    # The check of a layer is denied first; docker goes on and starts the upload all the same.
    [event] = events(lab, **named("InitiateLayerUpload"))[-1:]
    assert event["errorCode"] == "AccessDenied"
    assert event["errorMessage"] == (
        "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:InitiateLayerUpload on resource: "
        f"{ARN} because no identity-based policy allows the ecr:InitiateLayerUpload action"
    )
    assert event["requestParameters"] == {"registryId": "123456789012", "repositoryName": "my-web-app"}
    assert event["responseElements"] is None
    with pytest.raises(ClientError):
        lab.client("ecr", "ci").describe_images(repositoryName="my-web-app")
    [event] = events(lab, **named("DescribeImages"))[-1:]
    assert event["errorCode"] == "AccessDenied"
    assert event["userIdentity"]["userName"] == "ci"
    with pytest.raises(ClientError):
        lab.client("iam").get_role(RoleName="ghost")
    [event] = events(lab, **named("GetRole"))[-1:]
    assert (event["errorCode"], event["requestParameters"]) == ("NoSuchEntityException", {"roleName": "ghost"})


def test_iam_is_global_and_keeps_secrets_to_itself(lab: Any) -> None:
    lab.client("iam").create_user(UserName="ann")
    key = lab.client("iam", region="eu-west-1").create_access_key(UserName="ann")["AccessKey"]
    [event] = events(lab, **named("CreateAccessKey"))[-1:]
    assert event["awsRegion"] == "us-east-1"
    assert event["responseElements"]["accessKey"]["accessKeyId"] == key["AccessKeyId"]
    assert "secretAccessKey" not in event["responseElements"]["accessKey"]
    assert not events(lab, region="eu-west-1", **named("CreateAccessKey"))
    time.sleep(0.8)  # rows are saved every half second
    kept = (lab.home.lab / "xray.jsonl").read_text()
    assert key["AccessKeyId"] in kept
    assert key["SecretAccessKey"] not in kept


def test_roles_are_named_by_their_session(lab: Any) -> None:
    trust = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = lab.client("iam").create_role(RoleName="deploy", AssumeRolePolicyDocument=document)["Role"]
    keys = lab.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="build-42")["Credentials"]
    [event] = events(lab, **named("AssumeRole"))[-1:]
    assert event["requestParameters"] == {"roleArn": role["Arn"], "roleSessionName": "build-42"}
    assert event["responseElements"]["assumedRoleUser"]["arn"].endswith("assumed-role/deploy/build-42")
    assert set(event["responseElements"]["credentials"]) == {"accessKeyId", "expiration"}
    held = (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    lab.client_with("sts", *held).get_caller_identity()
    [event] = events(lab, LookupAttributes=[{"AttributeKey": "Username", "AttributeValue": "build-42"}])
    identity = event["userIdentity"]
    assert (identity["type"], identity["accessKeyId"]) == ("AssumedRole", keys["AccessKeyId"])
    assert identity["principalId"] == f"{role['RoleId']}:build-42"
    assert identity["sessionContext"]["sessionIssuer"]["arn"] == role["Arn"]


def test_another_accounts_pull_is_seen_by_both(lab: Any) -> None:
    begin = since(lab)
    lab.repository("my-web-app")
    allow = {"Effect": "Allow", "Principal": {"AWS": "444455556666"}, "Action": "ecr:ListImages"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    lab.client("ecr").set_repository_policy(repositoryName="my-web-app", policyText=policy)
    partner = lab.client("ecr", "partner")
    partner.list_images(registryId="123456789012", repositoryName="my-web-app")
    with pytest.raises(ClientError):
        partner.describe_images(registryId="123456789012", repositoryName="my-web-app")
    [ours], [theirs] = (events(lab, profile, **named("ListImages"))[-1:] for profile in ("admin", "partner"))
    assert ours["userIdentity"]["type"] == "AWSAccount"
    assert ours["userIdentity"]["accountId"] == "444455556666"
    assert "arn" not in ours["userIdentity"]
    assert theirs["userIdentity"]["userName"] == "partner"
    assert ours["sharedEventID"] == theirs["sharedEventID"]
    assert (ours["recipientAccountId"], theirs["recipientAccountId"]) == ("123456789012", "444455556666")
    assert ours["eventID"] != theirs["eventID"]
    # What was refused is told to the caller's account alone.
    assert not events(lab, "admin", StartTime=begin, **named("DescribeImages"))
    assert events(lab, "partner", **named("DescribeImages"))[-1]["errorCode"] == "AccessDenied"


def test_attributes_times_and_pages(lab: Any) -> None:
    trail, begin = lab.client("cloudtrail"), since(lab)
    for number in range(7):
        lab.repository(f"page-{number}")
    attribute = [{"AttributeKey": "EventName", "AttributeValue": "CreateRepository"}]
    first = trail.lookup_events(LookupAttributes=attribute, StartTime=begin, MaxResults=3)
    lab.repository("between-two-pages")
    second = trail.lookup_events(
        LookupAttributes=attribute, StartTime=begin, MaxResults=3, NextToken=first["NextToken"]
    )
    third = trail.lookup_events(
        LookupAttributes=attribute, StartTime=begin, MaxResults=3, NextToken=second["NextToken"]
    )
    names = [event["Resources"][0]["ResourceName"] for page in (first, second, third) for event in page["Events"]]
    assert names == [f"page-{number}" for number in reversed(range(7))]
    assert "NextToken" not in third
    one = first["Events"][0]
    assert (one["Username"], one["ReadOnly"], one["EventSource"]) == ("admin", "false", "ecr.amazonaws.com")
    assert one["Resources"] == [{"ResourceType": "AWS::ECR::Repository", "ResourceName": "page-6"}]
    for key, value in {
        "EventId": one["EventId"],
        "ResourceName": "page-6",
        "AccessKeyId": one["AccessKeyId"],
        "ReadOnly": "false",
        "EventSource": "ecr.amazonaws.com",
        "ResourceType": "AWS::ECR::Repository",
    }.items():
        found = trail.lookup_events(LookupAttributes=[{"AttributeKey": key, "AttributeValue": value}])["Events"]
        assert one["EventId"] in [event["EventId"] for event in found], key
    early = begin - timedelta(days=1)
    assert not trail.lookup_events(StartTime=early, EndTime=early + timedelta(hours=1))["Events"]
    # The history follows the lab's clock: after 91 days the first days are no longer shown.
    lab.control.advance(91 * 86400)
    assert not trail.lookup_events(LookupAttributes=attribute)["Events"]


def test_what_cannot_be_looked_up(lab: Any) -> None:
    trail = lab.client("cloudtrail")
    two = [{"AttributeKey": key, "AttributeValue": "x"} for key in ("EventName", "Username")]
    cases: dict[str, dict[str, Any]] = {
        "InvalidLookupAttributesException": {"LookupAttributes": two},
        "InvalidTimeRangeException": {
            "StartTime": datetime(2030, 1, 2, tzinfo=UTC),
            "EndTime": datetime(2030, 1, 1, tzinfo=UTC),
        },
        "InvalidNextTokenException": {"NextToken": "nonsense"},
    }
    for error, params in cases.items():
        with pytest.raises(ClientError) as caught:
            trail.lookup_events(**params)
        assert caught.value.response["Error"]["Code"] == error
    with pytest.raises(ClientError, match="cloudtrail:LookupEvents on resource: \\*"):
        lab.client("cloudtrail", "ci").lookup_events()


def test_the_history_survives_a_restart(make_lab: Any) -> None:
    lab = make_lab()
    lab.repository("my-web-app")
    with pytest.raises(requests.HTTPError):
        push(lab, "ci")
    before = events(lab, **named("InitiateLayerUpload"))
    lab.stop()
    lab.start()
    assert events(lab, **named("InitiateLayerUpload")) == before
    assert before[0]["errorMessage"].startswith("User: arn:aws:iam::123456789012:user/ci is not authorized")
