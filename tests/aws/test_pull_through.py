"""Pull-through cache: rules, what a pull brings, who may, and what happens when upstream is not there."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

OWN, PARTNER = "123456789012", "444455556666"
SECRET = f"arn:aws:secretsmanager:us-east-1:{OWN}:secret:ecr-pullthroughcache/hub-AbCdEf"
EUROPE = f"{OWN}.dkr.ecr.eu-west-1.amazonaws.com"
INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


def rule(lab: Any, prefix: str, url: str, **more: Any) -> dict[str, Any]:
    found: dict[str, Any] = lab.client("ecr").create_pull_through_cache_rule(
        ecrRepositoryPrefix=prefix, upstreamRegistryUrl=url, **more
    )
    return found


def pull(lab: Any, name: str, reference: str, profile: str = "admin", method: str = "GET") -> requests.Response:
    """Ask for a manifest as docker does."""
    token = lab.client("ecr", profile).get_authorization_token()["authorizationData"][0]["authorizationToken"]
    return requests.request(
        method,
        f"http://127.0.0.1:{lab.port}/v2/{name}/manifests/{reference}",
        headers={"Authorization": f"Basic {token}"},
        timeout=30,
    )


def error(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def code(raised: pytest.ExceptionInfo[ClientError]) -> str:
    return str(raised.value.response["Error"]["Code"])


def in_europe(lab: Any, name: str, tag: str, content: bytes = b"hello") -> str:
    """Push to eu-west-1, making the repository when it is missing."""
    ecr = lab.client("ecr", region="eu-west-1")
    if name not in [item["repositoryName"] for item in ecr.describe_repositories()["repositories"]]:
        ecr.create_repository(repositoryName=name)
    found: str = lab.push(name, tag, content=content, region="eu-west-1")
    return found


def test_rules(lab: Any) -> None:
    ecr = lab.client("ecr")
    made = rule(lab, "docker-hub", "registry-1.docker.io", credentialArn=SECRET)
    assert (made["registryId"], made["upstreamRegistry"], made.get("upstreamRepositoryPrefix")) == (
        OWN, "docker-hub", None,
    )  # fmt: skip
    rule(lab, "ecr-public", "public.ecr.aws", upstreamRegistry="ecr-public")
    rule(lab, "eu", f"https://{EUROPE}", upstreamRepositoryPrefix="team")
    with pytest.raises(ClientError) as twice:
        rule(lab, "eu/", EUROPE)
    assert code(twice) == "PullThroughCacheRuleAlreadyExistsException"
    pages = ecr.get_paginator("describe_pull_through_cache_rules").paginate(PaginationConfig={"PageSize": 1})
    names = [item["ecrRepositoryPrefix"] for page in pages for item in page["pullThroughCacheRules"]]
    assert names == ["docker-hub", "ecr-public", "eu"]
    other = SECRET.replace("hub-", "other-")
    updated = ecr.update_pull_through_cache_rule(ecrRepositoryPrefix="docker-hub", credentialArn=other)
    assert updated["credentialArn"] == other
    [shown] = ecr.describe_pull_through_cache_rules(ecrRepositoryPrefixes=["docker-hub"])["pullThroughCacheRules"]
    assert shown["credentialArn"] == other
    assert ecr.delete_pull_through_cache_rule(ecrRepositoryPrefix="eu")["upstreamRegistryUrl"] == EUROPE
    for ask in (ecr.delete_pull_through_cache_rule, ecr.validate_pull_through_cache_rule):
        with pytest.raises(ClientError) as gone:
            ask(ecrRepositoryPrefix="eu")
        assert code(gone) == "PullThroughCacheRuleNotFoundException"


@pytest.mark.parametrize(
    ("url", "more", "expected"),
    [
        ("registry-1.docker.io", {}, "InvalidParameterException"),
        ("docker.io", {"credentialArn": SECRET}, "UnsupportedUpstreamRegistryException"),
        ("localhost:5000", {}, "UnsupportedUpstreamRegistryException"),
        ("public.ecr.aws", {"upstreamRegistry": "quay"}, "InvalidParameterException"),
        ("registry-1.docker.io", {"credentialArn": SECRET.replace("ecr-pullthroughcache/", "")}, None),
        (f"{PARTNER}.dkr.ecr.us-east-1.amazonaws.com", {}, "InvalidParameterException"),
        (EUROPE, {"customRoleArn": f"arn:aws:iam::{PARTNER}:role/x"}, "InvalidParameterException"),
        (EUROPE.replace("eu-west-1", "eu-nowhere-9"), {}, "InvalidParameterException"),
    ],
)
def test_a_rule_that_could_not_work_is_refused(lab: Any, url: str, more: dict[str, str], expected: str | None) -> None:
    with pytest.raises(ClientError) as refused:
        rule(lab, "up", url, **more)
    assert code(refused) == expected or expected is None
    assert lab.client("ecr").describe_pull_through_cache_rules()["pullThroughCacheRules"] == []


def test_the_first_pull_brings_the_image_and_later_ones_need_no_upstream(lab: Any) -> None:
    digest = in_europe(lab, "team/web", "v1")
    rule(lab, "eu", EUROPE)
    assert lab.client("ecr").validate_pull_through_cache_rule(ecrRepositoryPrefix="eu")["isValid"] is True
    assert pull(lab, "eu/team/web", "v1", method="HEAD").headers["Docker-Content-Digest"] == digest
    manifest = pull(lab, "eu/team/web", "v1")
    layer = manifest.json()["layers"][0]["digest"]
    ecr = lab.client("ecr")
    url = ecr.get_download_url_for_layer(repositoryName="eu/team/web", layerDigest=layer)["downloadUrl"]
    lab.control.region("eu-west-1", False)
    try:
        assert requests.get(url, timeout=10).status_code == 200
        assert pull(lab, "eu/team/web", "v1").status_code == 200
        assert error(pull(lab, "eu/team/web", "v2")) == (404, "MANIFEST_UNKNOWN")
        answer = ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="eu")
        assert answer["isValid"] is False
        assert "cannot be reached" in answer["failure"]
    finally:
        lab.control.region("eu-west-1", True)
    # A tag that moved upstream is seen a day later.
    newer = in_europe(lab, "team/web", "v1", b"newer")
    assert pull(lab, "eu/team/web", "v1").headers["Docker-Content-Digest"] == digest
    lab.control.advance(25 * 3600)
    assert pull(lab, "eu/team/web", "v1").headers["Docker-Content-Digest"] == newer
    # The older one is still there, by its digest.
    assert pull(lab, "eu/team/web", digest).status_code == 200
    lab.control.reset_clock()


def test_a_template_makes_the_repository(lab: Any) -> None:
    in_europe(lab, "web", "v1")
    rule(lab, "eu", EUROPE)
    lab.client("ecr").create_repository_creation_template(
        prefix="eu", appliedFor=["PULL_THROUGH_CACHE"], imageTagMutability="IMMUTABLE"
    )
    assert pull(lab, "eu/web", "v1").status_code == 200
    [made] = lab.client("ecr").describe_repositories(repositoryNames=["eu/web"])["repositories"]
    assert made["imageTagMutability"] == "IMMUTABLE"
    # Which keeps the tag from being brought up to date (E120).
    in_europe(lab, "web", "v1", b"newer")
    before = pull(lab, "eu/web", "v1").headers["Docker-Content-Digest"]
    lab.control.advance(25 * 3600)
    assert pull(lab, "eu/web", "v1").headers["Docker-Content-Digest"] == before
    lab.control.reset_clock()


def test_who_pulls_needs_three_rights(lab: Any) -> None:
    in_europe(lab, "web", "v1")
    rule(lab, "eu", EUROPE)
    lab.client("iam").detach_user_policy(
        UserName="ops", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
    )
    reads = ("ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
    lab.allow("ops", *reads, "ecr:BatchImportUpstreamImage")
    assert error(pull(lab, "eu/web", "v1", "ops")) == (404, "NAME_UNKNOWN")
    lab.allow("ops", *reads, "ecr:CreateRepository")
    assert error(pull(lab, "eu/web", "v1", "ops")) == (404, "MANIFEST_UNKNOWN")
    lab.allow("ops", *reads, "ecr:BatchImportUpstreamImage")
    assert pull(lab, "eu/web", "v1", "ops").status_code == 200
    # What is cached takes the rights of any pull.
    lab.allow("ops", *reads)
    assert pull(lab, "eu/web", "v1", "ops").status_code == 200


def test_another_account_s_registry_takes_a_role_and_both_sides(lab: Any) -> None:
    partner = lab.client("ecr", "partner")
    lab.client("iam", "partner").attach_user_policy(
        UserName="partner", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    partner.create_repository(repositoryName="maps")
    lab.push("maps", "v1", profile="partner", account=PARTNER)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "pullthroughcache.ecr.amazonaws.com"},
        "Action": "sts:AssumeRole",
    }
    lab.client("iam").create_role(
        RoleName="puller", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    )
    role = f"arn:aws:iam::{OWN}:role/puller"
    rule(lab, "maps", f"{PARTNER}.dkr.ecr.us-east-1.amazonaws.com", customRoleArn=role)
    assert error(pull(lab, "maps/maps", "v1")) == (403, "DENIED")
    lab.client("iam").attach_role_policy(
        RoleName="puller", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
    )
    refused = pull(lab, "maps/maps", "v1")
    assert "no resource-based policy allows the ecr:BatchGetImage action" in refused.text
    allow = {
        "Effect": "Allow",
        "Principal": {"AWS": role},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    }
    partner.set_repository_policy(
        repositoryName="maps", policyText=json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    )
    assert pull(lab, "maps/maps", "v1").status_code == 200


def test_an_index_comes_with_all_its_images(lab: Any) -> None:
    first, second = in_europe(lab, "web", "a", b"amd64"), in_europe(lab, "web", "b", b"arm64")
    europe = lab.client("ecr", region="eu-west-1")
    images = europe.describe_images(repositoryName="web")["imageDetails"]
    assert {image["imageDigest"] for image in images} == {first, second}
    entries = []
    for digest, processor in ((first, "amd64"), (second, "arm64")):
        found = europe.batch_get_image(repositoryName="web", imageIds=[{"imageDigest": digest}])["images"][0]
        size = len(found["imageManifest"].encode())
        platform = {"os": "linux", "architecture": processor}
        entries.append({"mediaType": MANIFEST, "digest": digest, "size": size, "platform": platform})
    index = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": entries})
    europe.put_image(repositoryName="web", imageManifest=index, imageTag="all")
    rule(lab, "eu", EUROPE)
    assert pull(lab, "eu/web", "all").json()["manifests"] == entries
    mine = lab.client("ecr").describe_images(repositoryName="eu/web")["imageDetails"]
    assert {image["imageDigest"] for image in mine} > {first, second}


def test_the_api_brings_images_too(lab: Any) -> None:
    digest = in_europe(lab, "web", "v1")
    rule(lab, "eu", EUROPE)
    rule(lab, "quay", "quay.io")
    ecr = lab.client("ecr")
    found = ecr.batch_get_image(repositoryName="eu/web", imageIds=[{"imageTag": "v1"}, {"imageTag": "v9"}])
    assert found["images"][0]["imageId"]["imageDigest"] == digest
    assert [item["failureCode"] for item in found["failures"]] == ["ImageNotFound"]
    found = ecr.batch_get_image(repositoryName="quay/x/y", imageIds=[{"imageTag": "v1"}])
    assert [item["failureCode"] for item in found["failures"]] == ["UpstreamUnavailable"]
    answer = ecr.validate_pull_through_cache_rule(ecrRepositoryPrefix="quay")
    assert (answer["isValid"], "quay.io cannot be reached" in answer["failure"]) == (False, True)


def test_from_the_hub(lab: Any) -> None:
    rule(lab, "docker-hub", "registry-1.docker.io", credentialArn=SECRET)
    assert lab.client("ecr").validate_pull_through_cache_rule(ecrRepositoryPrefix="docker-hub")["isValid"] is True
    assert error(pull(lab, "docker-hub/busybox", "latest")) == (403, "DENIED")
    found = pull(lab, "docker-hub/library/busybox", "latest")
    assert found.status_code == 200, found.text
    [kept] = lab.client("ecr").describe_images(repositoryName="docker-hub/library/busybox")["imageDetails"]
    assert kept["imageTags"] == ["latest"]
    # The limit of the hub's account: what is cached is served, the rest waits.
    lab.control.hub_limits(account=1)
    lab.control.advance(25 * 3600)
    assert pull(lab, "docker-hub/library/busybox", "latest").status_code == 200
    lab.client("ecr").delete_repository(repositoryName="docker-hub/library/busybox", force=True)
    assert error(pull(lab, "docker-hub/library/busybox", "latest")) == (429, "TOOMANYREQUESTS")
    lab.control.reset(hub=True)
    lab.control.reset_clock()


def test_from_ecr_public(lab: Any) -> None:
    public = lab.client("ecr-public")
    uri = public.create_repository(repositoryName="web")["repository"]["repositoryUri"]
    alias = uri.split("/")[2]
    layers = []
    for blob in (b"layer", b"{}"):
        begun = public.initiate_layer_upload(repositoryName="web")["uploadId"]
        public.upload_layer_part(
            repositoryName="web", uploadId=begun, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob
        )
        digest = "sha256:" + hashlib.sha256(blob).hexdigest()
        public.complete_layer_upload(repositoryName="web", uploadId=begun, layerDigests=[digest])
        layers.append({"mediaType": "application/octet-stream", "digest": digest, "size": len(blob)})
    document = {"schemaVersion": 2, "mediaType": MANIFEST, "config": layers[1], "layers": layers[:1]}
    public.put_image(repositoryName="web", imageManifest=json.dumps(document), imageTag="v1")
    rule(lab, "ecr-public", "public.ecr.aws")
    assert pull(lab, f"ecr-public/{alias}/web", "v1").json() == document
    assert error(pull(lab, f"ecr-public/{alias}/web", "v2")) == (404, "MANIFEST_UNKNOWN")


def test_no_more_than_fifty_rules(lab: Any) -> None:
    for number in range(50):
        rule(lab, f"up{number:02}", "quay.io")
    with pytest.raises(ClientError) as full:
        rule(lab, "more", "quay.io")
    assert code(full) == "LimitExceededException"
