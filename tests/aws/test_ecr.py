"""The ECR API with boto3: repositories, images, policies, tags, layers."""

from __future__ import annotations

import base64
import hashlib
import json
import urllib.request
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

OCI = "application/vnd.oci.image.manifest.v1+json"
CONFIG = b'{"architecture":"amd64","os":"linux"}'


def digest(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def upload(ecr: Any, repository: str, content: bytes) -> str:
    start = ecr.initiate_layer_upload(repositoryName=repository)
    ecr.upload_layer_part(
        repositoryName=repository,
        uploadId=start["uploadId"],
        partFirstByte=0,
        partLastByte=len(content) - 1,
        layerPartBlob=content,
    )
    done = ecr.complete_layer_upload(
        repositoryName=repository, uploadId=start["uploadId"], layerDigests=[digest(content)]
    )
    assert done["layerDigest"] == digest(content)
    return digest(content)


def manifest(*layers: bytes, **more: Any) -> str:
    entries = [
        {"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": digest(layer), "size": len(layer)}
        for layer in layers
    ]
    config = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest(CONFIG), "size": len(CONFIG)}
    return json.dumps({"schemaVersion": 2, "mediaType": OCI, "config": config, "layers": entries, **more})


@pytest.fixture
def ecr(lab: Any) -> Any:
    return lab.client("ecr")


@pytest.fixture
def push(ecr: Any) -> Callable[..., str]:
    """Return a function that pushes an image with one layer through the API and returns its digest."""

    def put(repository: str, tag: str | None, content: bytes) -> str:
        for part in (CONFIG, content):
            state = ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest(part)])
            if state["layers"][0]["layerAvailability"] == "UNAVAILABLE":
                upload(ecr, repository, part)
        more = {"imageTag": tag} if tag else {}
        image = ecr.put_image(repositoryName=repository, imageManifest=manifest(content), **more)["image"]
        return str(image["imageId"]["imageDigest"])

    return put


def refused(code: str, text: str, call: Any, **params: Any) -> None:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == (code, text)


def test_a_new_repository_has_ecrs_defaults(lab: Any, ecr: Any) -> None:
    created = ecr.create_repository(repositoryName="team-a/web-app")["repository"]
    assert created == ecr.describe_repositories(repositoryNames=["team-a/web-app"])["repositories"][0]
    created.pop("createdAt")
    assert created == {
        "repositoryArn": "arn:aws:ecr:us-east-1:123456789012:repository/team-a/web-app",
        "registryId": "123456789012",
        "repositoryName": "team-a/web-app",
        "repositoryUri": f"localhost:{lab.port}/123456789012.dkr.ecr.us-east-1.amazonaws.com/team-a/web-app",
        "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False},
        "encryptionConfiguration": {"encryptionType": "AES256"},
    }


def test_names_that_clash_or_are_missing(ecr: Any) -> None:
    ecr.create_repository(repositoryName="app")
    text = "The repository with name 'app' already exists in the registry with id '123456789012'"
    refused("RepositoryAlreadyExistsException", text, ecr.create_repository, repositoryName="app")
    text = "The repository with name 'nope' does not exist in the registry with id '123456789012'"
    for call in (ecr.delete_repository, ecr.list_images, ecr.describe_images, ecr.get_repository_policy):
        refused("RepositoryNotFoundException", text, call, repositoryName="nope")
    refused("RepositoryNotFoundException", text, ecr.describe_repositories, repositoryNames=["app", "nope"])
    with pytest.raises(ClientError, match="failed to satisfy constraint: 'must satisfy regular expression"):
        ecr.create_repository(repositoryName="-app")


def test_describe_repositories_by_pages(ecr: Any) -> None:
    names = [f"app-{number:02}" for number in range(7)]
    for name in names:
        ecr.create_repository(repositoryName=name)
    pages = list(ecr.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 3}))
    assert [len(page["repositories"]) for page in pages] == [3, 3, 1]
    assert [r["repositoryName"] for page in pages for r in page["repositories"]] == names
    with pytest.raises(ClientError, match="nextToken"):
        ecr.describe_repositories(nextToken="invented")


def paged(ecr: Any, operation: str, kind: str, size: int, **parameters: Any) -> list[list[Any]]:
    """Every page of a listing."""
    pages = ecr.get_paginator(operation).paginate(PaginationConfig={"PageSize": size}, **parameters)
    return [page[kind] for page in pages]


def test_images_by_pages(ecr: Any, push: Callable[..., str], lab: Any) -> None:
    ecr.create_repository(repositoryName="app")
    pushed = []
    for number in range(7):
        pushed.append(push("app", None if number % 2 else f"v{number}", b"layer %d" % number))
        lab.control.advance(1)
    tagged = [{"imageDigest": pushed[number], "imageTag": f"v{number}"} for number in (0, 2, 4, 6)]
    without = [{"imageDigest": found} for found in sorted(pushed[number] for number in (1, 3, 5))]
    for size in (1, 2, 3, 4, 7):
        for status, listed, described in (
            ("ANY", tagged + without, pushed),
            ("TAGGED", tagged, pushed[0::2]),
            ("UNTAGGED", without, pushed[1::2]),
        ):
            about = {"repositoryName": "app", "filter": {"tagStatus": status}}
            pages = paged(ecr, "list_images", "imageIds", size, **about)
            assert [found for page in pages for found in page] == listed
            assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)
            assert pages[-1]
            pages = paged(ecr, "describe_images", "imageDetails", size, **about)
            assert [found["imageDigest"] for page in pages for found in page] == described
            assert [len(page) for page in pages[:-1]] == [size] * (len(pages) - 1)
            assert pages[-1]


def test_what_is_deleted_between_two_pages_hides_nothing(ecr: Any, push: Callable[..., str]) -> None:
    ecr.create_repository(repositoryName="app")
    for number in range(4):
        push("app", f"v{number}", b"layer %d" % number)
    for operation, kind in ((ecr.list_images, "imageIds"), (ecr.describe_images, "imageDetails")):
        first = operation(repositoryName="app", maxResults=1)
        gone = {"imageDigest": first[kind][0]["imageDigest"]}
        ecr.batch_delete_image(repositoryName="app", imageIds=[gone])
        rest = operation(repositoryName="app", nextToken=first["nextToken"])[kind]
        assert [found["imageDigest"] for found in rest] == [
            found["imageDigest"] for found in operation(repositoryName="app")[kind]
        ]
        assert rest


@pytest.mark.parametrize("text", ["invented", "61743a31", "61667465720a6e6f0a74696d65", "ff"])
def test_a_token_of_no_page_is_refused(ecr: Any, text: str) -> None:
    ecr.create_repository(repositoryName="app")
    with pytest.raises(ClientError, match="'nextToken' failed to satisfy constraint: 'Invalid token'"):
        ecr.describe_images(repositoryName="app", nextToken=text)
    if "0a" not in text:
        with pytest.raises(ClientError, match="'nextToken' failed to satisfy constraint: 'Invalid token'"):
            ecr.list_images(repositoryName="app", nextToken=text)


def test_referrers_by_pages(ecr: Any, push: Callable[..., str]) -> None:
    ecr.create_repository(repositoryName="app")
    push("app", "v1", b"layer")
    subject = {"mediaType": OCI, "digest": digest(b"the subject"), "size": 11}
    kinds = {}
    for number in range(5):
        kind = f"application/vnd.test.{number % 2}"
        text = manifest(b"layer", subject=subject, artifactType=kind, annotations={"number": str(number)})
        image = ecr.put_image(repositoryName="app", imageManifest=text, imageManifestMediaType=OCI)["image"]
        kinds[image["imageId"]["imageDigest"]] = kind
    about: dict[str, Any] = {"repositoryName": "app", "subjectId": {"imageDigest": subject["digest"]}}

    def digests(**more: Any) -> list[str]:
        found: list[str] = []
        token: dict[str, str] = {}
        while True:
            page = ecr.list_image_referrers(**about, **more, **token, maxResults=2)
            found += [referrer["digest"] for referrer in page["referrers"]]
            if "nextToken" not in page:
                return found
            assert len(page["referrers"]) == 2
            token = {"nextToken": page["nextToken"]}

    assert digests() == sorted(kinds)
    for wanted in set(kinds.values()):
        expected = sorted(found for found, kind in kinds.items() if kind == wanted)
        assert digests(filter={"artifactTypes": [wanted]}) == expected


def test_images_through_the_api(ecr: Any, push: Callable[..., str]) -> None:
    ecr.create_repository(repositoryName="app")
    first, second = push("app", "v1", b"one"), push("app", None, b"twice")
    ids = ecr.list_images(repositoryName="app")["imageIds"]
    assert ids == [{"imageDigest": first, "imageTag": "v1"}, {"imageDigest": second}]
    tagged = ecr.list_images(repositoryName="app", filter={"tagStatus": "TAGGED"})["imageIds"]
    assert tagged == ids[:1]
    detail = ecr.describe_images(repositoryName="app", imageIds=[{"imageTag": "v1"}])["imageDetails"][0]
    assert detail["imageSizeInBytes"] == len(CONFIG) + 3
    assert detail["imageManifestMediaType"] == OCI
    assert detail["artifactMediaType"] == "application/vnd.oci.image.config.v1+json"
    assert "lastRecordedPullTime" not in detail
    got = ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}, {"imageTag": "nope"}])
    assert got["images"][0]["imageManifest"] == manifest(b"one")
    assert got["failures"] == [
        {"imageId": {"imageTag": "nope"}, "failureCode": "ImageNotFound", "failureReason": "Requested image not found"}
    ]
    assert (
        "lastRecordedPullTime"
        in ecr.describe_images(repositoryName="app", imageIds=[{"imageTag": "v1"}])["imageDetails"][0]
    )
    refused(
        "ImageNotFoundException",
        "The image with imageId {imageDigest:'null', imageTag:'nope'} does not exist within the repository with name "
        "'app' in the registry with id '123456789012'",
        ecr.describe_images,
        repositoryName="app",
        imageIds=[{"imageTag": "nope"}],
    )
    refused(
        "ImageAlreadyExistsException",
        f"Image with digest '{first}' and tag 'v1' already exists in the repository with name 'app' in registry with "
        "id '123456789012'",
        ecr.put_image,
        repositoryName="app",
        imageManifest=manifest(b"one"),
        imageTag="v1",
    )
    text = "The repository with name 'app' in registry with id '123456789012' cannot be deleted "
    text += "because it still contains images"
    refused("RepositoryNotEmptyException", text, ecr.delete_repository, repositoryName="app")
    ecr.delete_repository(repositoryName="app", force=True)


def test_moving_a_tag_leaves_an_untagged_image(ecr: Any, push: Callable[..., str]) -> None:
    ecr.create_repository(repositoryName="app")
    first, second = push("app", "latest", b"one"), push("app", "latest", b"two")
    details = ecr.describe_images(repositoryName="app")["imageDetails"]
    assert {d["imageDigest"]: d.get("imageTags") for d in details} == {first: None, second: ["latest"]}
    untagged = ecr.describe_images(repositoryName="app", filter={"tagStatus": "UNTAGGED"})["imageDetails"]
    assert [d["imageDigest"] for d in untagged] == [first]


def test_what_put_image_refuses(ecr: Any, push: Callable[..., str]) -> None:
    ecr.create_repository(repositoryName="app")
    push("app", "v1", b"one")

    def code(**params: Any) -> str:
        with pytest.raises(ClientError) as caught:
            ecr.put_image(repositoryName="app", **params)
        return str(caught.value.response["Error"]["Code"])

    assert code(imageManifest=manifest(b"never uploaded")) == "LayersNotFoundException"
    assert code(imageManifest=manifest(b"one"), imageDigest="sha256:" + "0" * 64) == "ImageDigestDoesNotMatchException"
    assert code(imageManifest="no json") == "InvalidParameterException"
    assert code(imageManifest='{"schemaVersion": 2}') == "InvalidParameterException"
    child = {"mediaType": OCI, "digest": digest(b"nowhere"), "size": 7}
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [child]}
    assert code(imageManifest=json.dumps(index)) == "ReferencedImagesNotFoundException"


def test_immutability_with_and_without_exclusions(ecr: Any, push: Callable[..., str]) -> None:
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    ecr.create_repository(
        repositoryName="app", imageTagMutability="IMMUTABLE_WITH_EXCLUSION", imageTagMutabilityExclusionFilters=filters
    )
    push("app", "v1", b"one")
    push("app", "dev-1", b"one")
    text = "The image tag 'v1' already exists in the 'app' repository and cannot be overwritten because "
    text += "the tag is immutable."
    upload(ecr, "app", b"two")
    refused(
        "ImageTagAlreadyExistsException",
        text,
        ecr.put_image,
        repositoryName="app",
        imageManifest=manifest(b"two"),
        imageTag="v1",
    )
    push("app", "dev-1", b"two")
    ecr.put_image_tag_mutability(
        repositoryName="app", imageTagMutability="MUTABLE_WITH_EXCLUSION", imageTagMutabilityExclusionFilters=filters
    )
    push("app", "v1", b"two")
    with pytest.raises(ClientError, match="'dev-1' already exists"):
        push("app", "dev-1", b"three")
    constraint = (
        "ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set as IMMUTABLE_WITH_EXCLUSION"
    )
    refused(
        "InvalidParameterException",
        f"Invalid parameter at 'imageTagMutabilityExclusionFilters' failed to satisfy constraint: '{constraint}'",
        ecr.put_image_tag_mutability,
        repositoryName="app",
        imageTagMutability="IMMUTABLE_WITH_EXCLUSION",
    )


def test_batch_delete_image(ecr: Any, push: Callable[..., str]) -> None:
    ecr.create_repository(repositoryName="app")
    first = push("app", "v1", b"one")
    ecr.put_image(repositoryName="app", imageManifest=manifest(b"one"), imageTag="also")
    answer = ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v1"}, {"imageTag": "nope"}])
    assert answer["imageIds"] == [{"imageDigest": first, "imageTag": "v1"}]
    assert answer["failures"][0]["failureCode"] == "ImageNotFound"
    assert len(ecr.list_images(repositoryName="app")["imageIds"]) == 1
    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "also"}])
    assert ecr.list_images(repositoryName="app")["imageIds"] == []
    child = push("app", None, b"child")
    size = len(manifest(b"child").encode())
    entry = {"mediaType": OCI, "digest": child, "size": size}
    index = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": [entry]}
    parent = ecr.put_image(repositoryName="app", imageManifest=json.dumps(index), imageTag="multi")["image"]["imageId"]
    largest = ecr.describe_images(repositoryName="app", imageIds=[{"imageTag": "multi"}])["imageDetails"][0]
    assert largest["imageSizeInBytes"] == len(CONFIG) + 5
    [failure] = ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageDigest": child}])["failures"]
    assert (failure["failureCode"], failure["failureReason"]) == (
        "ImageReferencedByManifestList",
        "Requested image referenced by manifest list",
    )
    both = [{"imageDigest": child}, {"imageDigest": parent["imageDigest"]}]
    assert ecr.batch_delete_image(repositoryName="app", imageIds=both)["failures"] == []


def test_layers_part_by_part(lab: Any, ecr: Any) -> None:
    ecr.create_repository(repositoryName="app")
    content = bytes(range(256)) * (24 * 1024)  # 6 MiB
    half = 5 * 1024 * 1024
    number = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]

    def part(first: int, data: bytes) -> Any:
        return ecr.upload_layer_part(
            repositoryName="app",
            uploadId=number,
            partFirstByte=first,
            partLastByte=first + len(data) - 1,
            layerPartBlob=data,
        )

    assert part(0, content[:half])["lastByteReceived"] == half - 1
    with pytest.raises(ClientError) as caught:
        part(half + 1, content[half + 1 :])
    assert caught.value.response["Error"]["Code"] == "InvalidLayerPartException"
    assert caught.value.response["lastValidByteReceived"] == half - 1
    part(half, content[half:])
    with pytest.raises(ClientError, match="InvalidLayerException"):
        ecr.complete_layer_upload(repositoryName="app", uploadId=number, layerDigests=[digest(b"other")])
    with pytest.raises(ClientError, match=f"Upload with id '{number}' could not be found"):
        part(0, b"x")
    small = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
    number = small
    part(0, b"tiny")
    part(4, b"more")
    # Of CompleteLayerUpload, not of UploadLayerPart (facts A018).
    for whole in (b"tinymore", b"another"):
        params = {"repositoryName": "app", "uploadId": number, "layerDigests": [digest(whole)]}
        refused(
            "LayerPartTooSmallException",
            "Layer parts must be at least 5 MiB in size.",
            ecr.complete_layer_upload,
            **params,
        )
    number = ecr.initiate_layer_upload(repositoryName="app")["uploadId"]
    part(0, content[:half])
    part(half, content[half : half + 1])
    part(half + 1, content[half + 1 :])
    with pytest.raises(ClientError, match="LayerPartTooSmallException"):
        ecr.complete_layer_upload(repositoryName="app", uploadId=number, layerDigests=[digest(content)])
    upload(ecr, "app", content)
    with pytest.raises(ClientError, match="LayerAlreadyExistsException"):
        upload(ecr, "app", content)
    upload(ecr, "app", CONFIG)
    ecr.put_image(repositoryName="app", imageManifest=manifest(content))
    url = ecr.get_download_url_for_layer(repositoryName="app", layerDigest=digest(content))["downloadUrl"]
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url) as answer:
        assert digest(answer.read()) == digest(content)
    row = lab.control.xray(lab.control.xray()["last"] - 1)["rows"][0]
    assert (row["decision"], row["bytes_out"], row["status"]) == ("not asked", len(content), 200)
    refused(
        "LayersNotFoundException",
        f"The layer with digest '{digest(b'nope')}' does not exist in the repository with name 'app' in the registry "
        "with id '123456789012'",
        ecr.get_download_url_for_layer,
        repositoryName="app",
        layerDigest=digest(b"nope"),
    )


def test_repository_policies(lab: Any, ecr: Any) -> None:
    ecr.create_repository(repositoryName="app")
    missing = (
        "Repository policy does not exist for the repository with name 'app' in the registry with id '123456789012'"
    )
    refused("RepositoryPolicyNotFoundException", missing, ecr.get_repository_policy, repositoryName="app")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:user/ci"},
        "Action": "ecr:ListImages",
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ecr.set_repository_policy(repositoryName="app", policyText=text)
    assert ecr.get_repository_policy(repositoryName="app")["policyText"] == text
    ci = lab.client("ecr", "ci")
    ci.list_images(repositoryName="app")
    deny = {"Effect": "Deny", "Principal": "*", "Action": "ecr:ListImages"}
    ecr.set_repository_policy(
        repositoryName="app", policyText=json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    )
    refused(
        "AccessDeniedException",
        "User: arn:aws:iam::123456789012:user/admin is not authorized to perform: ecr:ListImages on resource: "
        "arn:aws:ecr:us-east-1:123456789012:repository/app with an explicit deny in a resource-based policy",
        ecr.list_images,
        repositoryName="app",
    )
    ecr.delete_repository_policy(repositoryName="app")
    ecr.list_images(repositoryName="app")
    invalid = "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'"
    nobody = {**statement, "Principal": {"AWS": "arn:aws:iam::123456789012:user/nobody"}}
    refused("InvalidParameterException", invalid, ecr.set_repository_policy, repositoryName="app", policyText="{")
    unknown = json.dumps({"Version": "2012-10-17", "Statement": [nobody]})
    invalid = invalid.replace("Invalid repository policy provided", "Principal not found")
    refused("InvalidParameterException", invalid, ecr.set_repository_policy, repositoryName="app", policyText=unknown)


@pytest.mark.parametrize("service", ["ecr", "ecr-public"])
def test_repository_policies_as_the_public_record_has_them(lab: Any, service: str) -> None:
    """Facts A026 to A028."""
    client = lab.client(service)
    client.create_repository(repositoryName="app")
    ops = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:user/ops"},
        "Action": f"{service}:PutImage",
    }

    def told(*statements: dict[str, Any]) -> str:
        text = json.dumps({"Version": "2012-10-17", "Statement": statements})
        try:
            client.set_repository_policy(repositoryName="app", policyText=text)
        except ClientError as error:
            return str(error.response["Error"]["Message"]).partition("constraint: ")[2]
        assert client.get_repository_policy(repositoryName="app")["policyText"] == text
        return ""

    absent = [f"arn:aws:iam::123456789012:{name}" for name in ("user/nobody", "role/nobody", "user/a/path/ops")]
    absent += [
        "arn:aws:sts::123456789012:assumed-role/nobody/session",
        "AIDAABCDEFGHIJKLMNOPQ",
        "AROAABCDEFGHIJKLMNOPQ",
    ]
    for name in absent:
        nobody = {"AWS": ["arn:aws:iam::123456789012:user/ops", name]}
        assert told({**ops, "Principal": nobody}) == "'Principal not found'"
        assert told({**ops, "Principal": None, "NotPrincipal": nobody, "Effect": "Deny"}) != ""
        deny = {"Effect": "Deny", "NotPrincipal": nobody, "Action": f"{service}:PutImage"}
        assert told(deny) == "'Principal not found'"
    ops_id = lab.client("iam").get_user(UserName="ops")["User"]["UserId"]
    assert told({**ops, "Principal": {"AWS": [ops_id, "arn:aws:iam::210987654321:root", "210987654321"]}}) == ""
    for action in (f"{service}:GetAuthorizationToken", [f"{service}:PutImage", f"{service}:getauthorizationtoken"]):
        for effect in ("Allow", "Deny"):
            assert told({**ops, "Effect": effect, "Action": action}) == "'Invalid repository policy provided'"
    assert told({**ops, "Action": f"{service}:Get*"}) == ""
    assert told({**ops, "Sid": "Push"}, {**ops, "Sid": "Push", "Action": f"{service}:ListImages"}) == ""


def test_what_cannot_be_used_together(lab: Any) -> None:
    """The models of ecr and ecr-public say so (facts A007)."""
    for service in ("ecr", "ecr-public"):
        client = lab.client(service)
        client.create_repository(repositoryName="app")
        images = {"repositoryName": "app", "imageIds": [{"imageTag": "1"}]}
        calls = [
            (client.describe_images, images, "images with imageIds"),
            (client.describe_repositories, {"repositoryNames": ["app"]}, "repositories with repositoryNames"),
        ]
        if service == "ecr":
            calls.append((client.get_lifecycle_policy_preview, images, "images with imageIds"))
        for call, params, what in calls:
            for member, value in (("maxResults", 5), ("nextToken", "x")):
                text = (
                    f"Invalid parameter at '{member}' failed to satisfy constraint: 'This option cannot be used when "
                    f"you specify {what}'"
                )
                refused("InvalidParameterException", text, call, **params, **{member: value})
        assert client.describe_repositories(repositoryNames=["app"])["repositories"]
        assert client.describe_repositories(maxResults=5)["repositories"]


def test_registry_policy_and_settings(ecr: Any) -> None:
    missing = "Registry policy does not exist in the registry with id '123456789012'"
    refused("RegistryPolicyNotFoundException", missing, ecr.get_registry_policy)
    statement = {
        "Sid": "NoDelete",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "ecr:DeleteRepository",
        "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/*",
    }
    ecr.put_registry_policy(policyText=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    ecr.create_repository(repositoryName="app")
    with pytest.raises(ClientError, match="with an explicit deny in a resource-based policy"):
        ecr.delete_repository(repositoryName="app")
    ecr.delete_registry_policy()
    ecr.delete_repository(repositoryName="app")
    assert ecr.get_account_setting(name="BLOB_MOUNTING")["value"] == "DISABLED"
    assert ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")["value"] == "ENABLED"


def test_tags(ecr: Any) -> None:
    arn = ecr.create_repository(repositoryName="app", tags=[{"Key": "team", "Value": "a"}])["repository"][
        "repositoryArn"
    ]
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "team", "Value": "b"}, {"Key": "cost", "Value": "1"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["cost"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "team", "Value": "b"}]
    with pytest.raises(ClientError, match="TooManyTagsException"):
        ecr.tag_resource(resourceArn=arn, tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)])


def test_the_authorization_token(lab: Any, ecr: Any) -> None:
    [data] = ecr.get_authorization_token()["authorizationData"]
    user, password = base64.b64decode(data["authorizationToken"]).decode().split(":")
    assert user == "AWS"
    assert len(password) > 200
    assert data["proxyEndpoint"] == f"http://localhost:{lab.port}"
    assert 12 * 3600 - 5 < data["expiresAt"].timestamp() - lab_time(lab) <= 12 * 3600


def lab_time(lab: Any) -> float:
    from datetime import datetime

    return datetime.fromisoformat(lab.control.status()["clock"]["now"]).timestamp()


def test_regions_and_accounts_are_registries_of_their_own(lab: Any, ecr: Any) -> None:
    ecr.create_repository(repositoryName="app")
    europe, partner = lab.client("ecr", region="eu-west-1"), lab.client("ecr", "partner")
    assert europe.describe_repositories()["repositories"] == []
    first = europe.create_repository(repositoryName="app")["repository"]["repositoryUri"]
    second = partner.create_repository(repositoryName="app")["repository"]["repositoryUri"]
    ports = {uri.split("/")[0] for uri in (first, second)}
    assert len(ports) == 2
    assert f"localhost:{lab.port}" not in ports
    assert first.endswith("/123456789012.dkr.ecr.eu-west-1.amazonaws.com/app")
    assert second.endswith("/444455556666.dkr.ecr.us-east-1.amazonaws.com/app")
    with pytest.raises(ClientError, match="because no resource-based policy allows the ecr:ListImages action"):
        partner.list_images(repositoryName="app", registryId="123456789012")
    with pytest.raises(ClientError, match="valid region"):
        lab.client("ecr", region="us-east-9").describe_repositories()


def test_credentials_that_are_not_good(lab: Any) -> None:
    wrong = lab.client_with("ecr", "AKIAIOSFODNN7EXAMPLE", "x" * 40)
    refused(
        "UnrecognizedClientException",
        "The security token included in the request is invalid.",
        wrong.describe_repositories,
    )
    refused_key = lab.client_with("ecr", "test", "test")
    with pytest.raises(ClientError, match="UnrecognizedClientException"):
        refused_key.describe_repositories()
    key = lab.client("iam").create_access_key(UserName="ci")["AccessKey"]["AccessKeyId"]
    refused(
        "InvalidSignatureException",
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details.",
        lab.client_with("ecr", key, "wrong").describe_repositories,
    )
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        lab.client_with("sts", key, "wrong").get_caller_identity()
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        lab.client_with("sts", "AKIAIOSFODNN7EXAMPLE", "x").get_caller_identity()
