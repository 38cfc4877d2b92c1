"""Encryption settings: the key that a repository shows, what is refused, and what may be mounted (A032, E076, E131)."""

from __future__ import annotations

import re
from contextlib import closing
from http.client import HTTPConnection
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ecrlab.home import ACCOUNT, REGION

ID = "01234567-89ab-cdef-0123-456789abcdef"
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{ID}"
MRK = "mrk-" + "0a" * 16


def create(lab: Any, name: str, region: str = REGION, **encryption: str) -> str:
    """Make a repository and return its key."""
    ecr = lab.client("ecr", region=region)
    made = ecr.create_repository(repositoryName=name, encryptionConfiguration=encryption)["repository"]
    assert made["encryptionConfiguration"]["encryptionType"] == encryption["encryptionType"]
    assert made == ecr.describe_repositories(repositoryNames=[name])["repositories"][0]
    return str(made["encryptionConfiguration"].get("kmsKey", ""))


def test_without_a_key_the_managed_key_is_shown_by_its_arn(lab: Any) -> None:
    first = create(lab, "first", encryptionType="KMS")
    assert re.fullmatch(rf"arn:aws:kms:{REGION}:{ACCOUNT}:key/[0-9a-f]{{8}}(-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}}", first)
    alias = f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/aws/ecr"
    assert create(lab, "second", encryptionType="KMS") == first
    assert create(lab, "third", encryptionType="KMS", kmsKey="alias/aws/ecr") == first
    assert create(lab, "fourth", encryptionType="KMS", kmsKey=alias) == first
    there = create(lab, "first", "eu-west-1", encryptionType="KMS")
    assert there.startswith(f"arn:aws:kms:eu-west-1:{ACCOUNT}:key/")
    assert there.rpartition("/")[2] != first.rpartition("/")[2]
    assert create(lab, "plain", encryptionType="AES256") == ""


@pytest.mark.parametrize("given", [KEY, ID, f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{MRK}", MRK])
def test_a_key_of_ones_own_is_shown_by_its_arn(lab: Any, given: str) -> None:
    shown = create(lab, "app", encryptionType="KMS", kmsKey=given)
    assert shown == (given if given.startswith("arn:") else f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{given}")


@pytest.mark.parametrize(
    ("given", "text"),
    [
        (KEY.replace(REGION, "eu-west-1"), "is in eu-west-1"),
        (f"arn:aws:kms:eu-west-1:{ACCOUNT}:alias/aws/ecr", "is in eu-west-1"),
        ("alias/mine", "Alias alias/mine is not found."),
        (f"arn:aws:kms:{REGION}:{ACCOUNT}:alias/mine", "is not found."),
        ("nonsense", "Key nonsense is not found."),
        (f"arn:aws:s3:::{ID}", "is not found."),
    ],
)
def test_keys_that_are_elsewhere_or_not_there(lab: Any, given: str, text: str) -> None:
    ecr, encryption = lab.client("ecr"), {"encryptionType": "KMS", "kmsKey": given}
    with pytest.raises(ClientError) as caught:
        ecr.create_repository(repositoryName="app", encryptionConfiguration=encryption)
    error = caught.value.response["Error"]
    assert error["Code"] == "KmsException"
    assert text in error["Message"]
    template = {"prefix": "app", "appliedFor": ["REPLICATION"], "encryptionConfiguration": encryption}
    # The model of a template takes ARNs of keys only.
    with pytest.raises(ClientError, match=r"KmsException|InvalidParameterException"):
        ecr.create_repository_creation_template(**template)


def test_dual_layer_encryption_is_in_govcloud_only(lab: Any) -> None:
    with pytest.raises(ClientError, match=r"InvalidParameterException.*KMS_DSSE is not available in us-east-1"):
        create(lab, "app", encryptionType="KMS_DSSE")
    assert ":us-gov-west-1:" in create(lab, "app", "us-gov-west-1", encryptionType="KMS_DSSE")


def test_mounting_needs_the_same_encryption_on_both_sides(lab: Any) -> None:
    for name, encryption in {
        "plain": {"encryptionType": "AES256"},
        "other-plain": {"encryptionType": "AES256"},
        "managed": {"encryptionType": "KMS"},
        "other-managed": {"encryptionType": "KMS", "kmsKey": "alias/aws/ecr"},
        "own": {"encryptionType": "KMS", "kmsKey": KEY},
    }.items():
        create(lab, name, **encryption)
    ecr = lab.client("ecr")
    ecr.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    for name in ("plain", "managed", "own"):
        lab.push(name, "v1")
    layer = ecr.batch_get_image(repositoryName="plain", imageIds=[{"imageTag": "v1"}])["images"][0]["imageManifest"]
    digest = re.findall(r'"digest": ?"(sha256:[0-9a-f]{64})"', layer)[1]
    login = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]

    def mount(source: str, target: str) -> int:
        host = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
        path = f"/v2/{host}/{target}/blobs/uploads/?mount={digest}&from={host}/{source}"
        with closing(HTTPConnection("127.0.0.1", lab.port, timeout=30)) as connection:
            connection.request("POST", path, headers={"Authorization": f"Basic {login}"})
            response = connection.getresponse()
            response.read()
            return response.status

    for source, target in (("plain", "managed"), ("managed", "other-plain"), ("own", "other-managed")):
        assert mount(source, target) == 202
    assert mount("plain", "other-plain") == 201
    assert mount("managed", "other-managed") == 201
