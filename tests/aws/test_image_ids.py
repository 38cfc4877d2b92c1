"""An imageId is a digest, a tag or both, and neither stands for the other (facts A001 to A003)."""

from __future__ import annotations

import json
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest
from botocore.exceptions import ClientError

NOT_A_DIGEST = "must satisfy regular expression '[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'"
NOT_A_TAG = "must satisfy regular expression '[a-zA-Z0-9-_.]+'"
WRONG_TAGS = ["v:1", "a/b c", "ümlaut", "1.0+build", "sha256:" + "0" * 64, "a\n"]
WRONG_DIGESTS = ["1.0", "latest", "sha256:", "sha256:xyz", ":abc", "sha256:" + "0" * 64 + "\n"]
# The operations that name one image, with what else they need; they fail as a whole.
ONE_IMAGE = {
    "describe_image_replication_status": {},
    "describe_image_scan_findings": {},
    "describe_image_signing_status": {},
    "start_image_scan": {},
    "update_image_storage_class": {"targetStorageClass": "ARCHIVE"},
}


@pytest.fixture
def pushed(lab: Any) -> str:
    """The digest of an image tagged 1.0 and latest in the repository app."""
    lab.repository("app")
    lab.push("app", "1.0")
    return str(lab.push("app", "latest"))


def tags(lab: Any, repository: str = "app") -> set[str]:
    ids = lab.client("ecr").list_images(repositoryName=repository)["imageIds"]
    return {image_id["imageTag"] for image_id in ids}


def manifest_of(lab: Any) -> str:
    images = lab.client("ecr").batch_get_image(repositoryName="app", imageIds=[{"imageTag": "1.0"}])["images"]
    return str(images[0]["imageManifest"])


def invalid(member: str, constraint: str) -> tuple[str, str]:
    text = f"Invalid parameter at '{member}' failed to satisfy constraint: '{constraint}'"
    return "InvalidParameterException", text


def refusal(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize("operation", ["batch_delete_image", "batch_get_image"])
@pytest.mark.parametrize("wrong", WRONG_DIGESTS)
def test_a_tag_is_not_a_digest(lab: Any, pushed: str, operation: str, wrong: str) -> None:
    call = getattr(lab.client("ecr"), operation)
    answer = call(repositoryName="app", imageIds=[{"imageDigest": wrong}])
    assert not answer.get("images")
    assert not answer.get("imageIds")
    assert answer["failures"] == [
        {
            "imageId": {"imageDigest": wrong},
            "failureCode": "InvalidImageDigest",
            "failureReason": "Invalid request parameters: image digest should satisfy the regex "
            "'[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+'",
        }
    ]
    assert tags(lab) == {"1.0", "latest"}


@pytest.mark.parametrize("operation", ["batch_delete_image", "batch_get_image"])
def test_a_digest_is_not_a_tag(lab: Any, pushed: str, operation: str) -> None:
    call = getattr(lab.client("ecr"), operation)
    for wrong in (pushed, *WRONG_TAGS):
        answer = call(repositoryName="app", imageIds=[{"imageTag": wrong}])
        assert not answer.get("images")
        assert not answer.get("imageIds")
        assert answer["failures"] == [
            {
                "imageId": {"imageTag": wrong},
                "failureCode": "ImageNotFound",
                "failureReason": "Requested image not found",
            }
        ]
    assert tags(lab) == {"1.0", "latest"}


@pytest.mark.parametrize("operation", ["batch_delete_image", "batch_get_image"])
def test_a_tag_beside_the_digest_of_another_image(lab: Any, pushed: str, operation: str) -> None:
    call = getattr(lab.client("ecr"), operation)
    other = lab.push("app", "2.0", b"another")
    both = {"imageDigest": other, "imageTag": "1.0"}
    mismatch = call(repositoryName="app", imageIds=[both])["failures"][0]
    assert mismatch == {
        "imageId": both,
        "failureCode": "ImageTagDoesNotMatchDigest",
        "failureReason": "Invalid request parameters: given tag does not map to the given digest",
    }
    for digest, tag in ((other, "3.0"), (other, pushed), ("sha256:" + "a" * 64, "3.0")):
        failure = call(repositoryName="app", imageIds=[{"imageDigest": digest, "imageTag": tag}])["failures"][0]
        assert failure["failureCode"] == "ImageNotFound"
    turned = call(repositoryName="app", imageIds=[{"imageDigest": "1.0", "imageTag": pushed}])["failures"][0]
    assert turned["failureCode"] == "InvalidImageDigest"
    assert tags(lab) == {"1.0", "2.0", "latest"}
    fits = call(repositoryName="app", imageIds=[{"imageDigest": other, "imageTag": "2.0"}])
    assert not fits["failures"]


@pytest.mark.parametrize("operation", ONE_IMAGE)
def test_operations_on_one_image(lab: Any, pushed: str, operation: str) -> None:
    call, more = getattr(lab.client("ecr"), operation), ONE_IMAGE[operation]

    def refused(**image_id: str) -> tuple[str, str]:
        return refusal(call, repositoryName="app", imageId=image_id, **more)

    for wrong in WRONG_DIGESTS:
        assert refused(imageDigest=wrong) == invalid("imageDigest", NOT_A_DIGEST)
    for wrong in (pushed, *WRONG_TAGS):
        assert refused(imageTag=wrong) == invalid("imageTag", NOT_A_TAG)
    assert refused(imageDigest=pushed, imageTag="other")[0] == "ImageNotFoundException"
    assert refused(imageDigest="sha256:abc")[0] == "ImageNotFoundException"


def test_describe_images_and_a_preview(lab: Any, pushed: str) -> None:
    ecr = lab.client("ecr")
    for call in (ecr.describe_images, ecr.get_lifecycle_policy_preview):
        for wrong in WRONG_DIGESTS:
            told = refusal(call, repositoryName="app", imageIds=[{"imageTag": "1.0"}, {"imageDigest": wrong}])
            assert told == invalid("imageDigest", NOT_A_DIGEST)
        for wrong in (pushed, *WRONG_TAGS):
            told = refusal(call, repositoryName="app", imageIds=[{"imageTag": wrong}])
            assert told == invalid("imageTag", NOT_A_TAG)
    told = refusal(ecr.describe_images, repositoryName="app", imageIds=[{"imageDigest": pushed, "imageTag": "2.0"}])
    assert told[0] == "ImageNotFoundException"
    told = refusal(ecr.list_image_referrers, repositoryName="app", subjectId={"imageDigest": "1.0"})
    assert told == invalid("imageDigest", NOT_A_DIGEST)


def test_put_image_takes_tags_as_ecr_does(lab: Any, pushed: str) -> None:
    ecr = lab.client("ecr")
    ecr.put_image_tag_mutability(repositoryName="app", imageTagMutability="IMMUTABLE")
    image_id = {"imageDigest": pushed}
    manifest = ecr.batch_get_image(repositoryName="app", imageIds=[image_id])["images"][0]["imageManifest"]
    for wrong in WRONG_TAGS:
        told = refusal(ecr.put_image, repositoryName="app", imageManifest=manifest, imageTag=wrong)
        assert told == invalid("imageTag", NOT_A_TAG)
    told = refusal(ecr.put_image, repositoryName="app", imageManifest=manifest, imageTag="a" * 301)
    assert told == invalid("imageTag", "Member must have length less than or equal to 300")
    told = refusal(ecr.put_image, repositoryName="app", imageManifest=manifest, imageTag="x", imageDigest="1.0")
    assert told == invalid("imageDigest", NOT_A_DIGEST)
    for right in ("a" * 300, "A-b_c.9"):
        ecr.put_image(repositoryName="app", imageManifest=manifest, imageTag=right)
        ids = [{"imageTag": right}]
        assert ecr.describe_images(repositoryName="app", imageIds=ids)["imageDetails"][0]["imageDigest"] == pushed
    assert tags(lab) == {"1.0", "latest", "a" * 300, "A-b_c.9"}


def test_ecr_public_reads_image_ids_alike(lab: Any) -> None:
    public = lab.client("ecr-public")
    public.create_repository(repositoryName="app")
    digest = lab.push_public("app", "1.0")
    failed = public.batch_delete_image(
        repositoryName="app", imageIds=[{"imageDigest": "1.0"}, {"imageTag": digest}, {"imageTag": "v:1"}]
    )
    assert failed["imageIds"] == []
    codes = {next(iter(each["imageId"].items())): each["failureCode"] for each in failed["failures"]}
    assert codes == {
        ("imageDigest", "1.0"): "InvalidImageDigest",
        ("imageTag", digest): "ImageNotFound",
        ("imageTag", "v:1"): "ImageNotFound",
    }
    told = refusal(public.describe_images, repositoryName="app", imageIds=[{"imageDigest": "1.0"}])
    assert told == invalid("imageDigest", NOT_A_DIGEST)
    told = refusal(public.describe_images, repositoryName="app", imageIds=[{"imageTag": digest}])
    assert told == invalid("imageTag", NOT_A_TAG)
    manifest = json.dumps({"schemaVersion": 2})
    told = refusal(public.put_image, repositoryName="app", imageManifest=manifest, imageTag="v:1")
    assert told == invalid("imageTag", NOT_A_TAG)
    assert len(public.describe_images(repositoryName="app")["imageDetails"]) == 1


@pytest.mark.parametrize("tag", ["a+b", "a%20b", "%C3%BCmlaut", "a%2Fb%20c"])
@pytest.mark.parametrize("method", ["HEAD", "GET", "PUT", "DELETE"])
def test_the_registry_answers_400_to_what_is_not_a_tag(lab: Any, pushed: str, method: str, tag: str) -> None:
    login = lab.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    for repository in ("app", "not-there"):
        with closing(HTTPConnection("127.0.0.1", lab.port, timeout=30)) as connection:
            path = f"/v2/123456789012.dkr.ecr.us-east-1.amazonaws.com/{repository}/manifests/{tag}"
            connection.request(method, path, b"{}" if method == "PUT" else None, {"Authorization": f"Basic {login}"})
            response = connection.getresponse()
            body = response.read()
        assert response.status == 400
        if method != "HEAD":
            error = json.loads(body)["errors"][0]
            assert (error["code"], error["message"]) == ("UNSUPPORTED", invalid("imageTag", NOT_A_TAG)[1])


@pytest.mark.parametrize("method", ["HEAD", "GET", "PUT", "DELETE"])
def test_the_registry_answers_400_to_a_tag_that_is_too_long(lab: Any, pushed: str, method: str) -> None:
    """300 characters is what the model allows (E014): such a tag may be there, put by the API."""
    for tag in ("x" * 300, "-dash", ".dot"):
        lab.client("ecr").put_image(repositoryName="app", imageManifest=manifest_of(lab), imageTag=tag)
    login = lab.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]

    def ask(tag: str) -> tuple[int, bytes]:
        with closing(HTTPConnection("127.0.0.1", lab.port, timeout=30)) as connection:
            path = f"/v2/123456789012.dkr.ecr.us-east-1.amazonaws.com/app/manifests/{tag}"
            connection.request(method, path, b"{}" if method == "PUT" else None, {"Authorization": f"Basic {login}"})
            response = connection.getresponse()
            return response.status, response.read()

    status, body = ask("x" * 301)
    assert status == 400
    if method != "HEAD":
        error = json.loads(body)["errors"][0]
        too_long = invalid("imageTag", "Member must have length less than or equal to 300")[1]
        assert (error["code"], error["message"]) == ("UNSUPPORTED", too_long)
    if method in ("HEAD", "GET"):
        assert [ask(tag)[0] for tag in ("x" * 300, "-dash", ".dot", "x" * 299)] == [200, 200, 200, 404]
    if method == "DELETE":
        assert ask("x" * 300)[0] == 202
        assert tags(lab) == {"1.0", "latest", "-dash", ".dot"}


def test_ecr_publics_registry_answers_400_too(lab: Any) -> None:
    lab.client("ecr-public").create_repository(repositoryName="app")
    with pytest.raises(Exception, match="must satisfy regular expression") as caught:
        lab.push_public("app", "a+b")
    assert getattr(caught.value, "status", None) == 400


def test_a_pull_through_is_not_asked_for_a_digest_that_is_a_tag(lab: Any) -> None:
    ecr = lab.client("ecr")
    ecr.create_pull_through_cache_rule(
        ecrRepositoryPrefix="ours", upstreamRegistryUrl="123456789012.dkr.ecr.us-west-2.amazonaws.com"
    )
    lab.client("ecr", region="us-west-2").create_repository(repositoryName="base")
    lab.push("base", "1.0", region="us-west-2")
    failures = ecr.batch_get_image(repositoryName="ours/base", imageIds=[{"imageDigest": "1.0"}])["failures"]
    assert [failure["failureCode"] for failure in failures] == ["InvalidImageDigest"]
    assert ecr.list_images(repositoryName="ours/base")["imageIds"] == []
    assert ecr.batch_get_image(repositoryName="ours/base", imageIds=[{"imageTag": "1.0"}])["images"]
