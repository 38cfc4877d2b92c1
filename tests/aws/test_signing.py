"""Managed signing, and principals whose pulls do not count."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

PROFILE = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/harbour"
OTHER = "arn:aws:signer:us-east-1:444455556666:/signing-profiles/theirs"
NOTATION = "application/vnd.cncf.notary.signature"


def configure(lab: Any, *rules: dict[str, Any]) -> None:
    lab.client("ecr").put_signing_configuration(signingConfiguration={"rules": list(rules)})


def rule(*filters: str, profile: str = PROFILE) -> dict[str, Any]:
    wanted = [{"filter": text, "filterType": "WILDCARD_MATCH"} for text in filters]
    return {"signingProfileArn": profile, **({"repositoryFilters": wanted} if wanted else {})}


def statuses(lab: Any, name: str, digest: str) -> list[dict[str, Any]]:
    """The statuses as soon as none is in progress."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        answer = lab.client("ecr").describe_image_signing_status(repositoryName=name, imageId={"imageDigest": digest})
        found: list[dict[str, Any]] = answer["signingStatuses"]
        if all(status["status"] != "IN_PROGRESS" for status in found):
            return found
        time.sleep(0.05)
    raise AssertionError("still in progress")


def referrers(lab: Any, name: str, digest: str) -> list[dict[str, Any]]:
    answer = lab.client("ecr").list_image_referrers(repositoryName=name, subjectId={"imageDigest": digest})
    found: list[dict[str, Any]] = answer["referrers"]
    return found


def part(text: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def test_the_configuration_is_kept_and_deleted(lab: Any) -> None:
    ecr = lab.client("ecr")
    with pytest.raises(ClientError) as missing:
        ecr.get_signing_configuration()
    assert code(missing) == "SigningConfigurationNotFoundException"
    configure(lab, rule("prod/*"), rule(profile=OTHER))
    kept = ecr.get_signing_configuration()
    assert kept["registryId"] == "123456789012"
    assert kept["signingConfiguration"]["rules"] == [rule("prod/*"), rule(profile=OTHER)]
    with pytest.raises(ClientError, match="must be in the Region us-east-1, not eu-west-1"):
        configure(lab, rule(profile=PROFILE.replace("us-east-1", "eu-west-1")))
    assert ecr.delete_signing_configuration()["signingConfiguration"] == kept["signingConfiguration"]
    with pytest.raises(ClientError):
        ecr.delete_signing_configuration()


def test_a_pushed_image_is_signed_and_the_signature_verifies(lab: Any) -> None:
    lab.repository("prod/app")
    lab.repository("dev/app")
    configure(lab, rule("prod/*"))
    digest, other = lab.push("prod/app", "v1"), lab.push("dev/app", "v1")
    assert statuses(lab, "prod/app", digest) == [{"signingProfileArn": PROFILE, "status": "COMPLETE"}]
    assert statuses(lab, "dev/app", other) == []
    assert referrers(lab, "dev/app", other) == []
    [found] = referrers(lab, "prod/app", digest)
    assert found["artifactType"] == NOTATION

    ecr = lab.client("ecr")
    [image] = ecr.batch_get_image(repositoryName="prod/app", imageIds=[{"imageDigest": found["digest"]}])["images"]
    layer = json.loads(image["imageManifest"])["layers"][0]["digest"]
    url = ecr.get_download_url_for_layer(repositoryName="prod/app", layerDigest=layer)["downloadUrl"]
    envelope = requests.get(url, timeout=10).json()
    assert part(envelope["payload"])["targetArtifact"]["digest"] == digest
    certificate = x509.load_der_x509_certificate(base64.b64decode(envelope["header"]["x5c"][0]))
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    raw = base64.urlsafe_b64decode(envelope["signature"] + "==")
    signed = encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    key.verify(signed, f"{envelope['protected']}.{envelope['payload']}".encode(), ec.ECDSA(hashes.SHA256()))

    # The same image once more: it has its signature.
    lab.push("prod/app", "v2")
    assert len(statuses(lab, "prod/app", digest)) == 1
    assert len(referrers(lab, "prod/app", digest)) == 1


def test_the_pusher_needs_the_right_to_sign(lab: Any) -> None:
    lab.repository("prod/app")
    configure(lab, rule(), rule(profile=OTHER))
    push = ("ecr:GetAuthorizationToken", "ecr:BatchCheckLayerAvailability", "ecr:InitiateLayerUpload")
    lab.allow("ci", *push, "ecr:UploadLayerPart", "ecr:CompleteLayerUpload", "ecr:PutImage")
    digest = lab.push("prod/app", "v1", profile="ci")
    found = {status["signingProfileArn"]: status for status in statuses(lab, "prod/app", digest)}
    assert found[PROFILE]["status"] == "FAILED"
    assert found[PROFILE]["failureCode"] == "AccessDeniedException"
    assert found[PROFILE]["failureReason"] == (
        "User: arn:aws:iam::123456789012:user/ci is not authorized to perform: signer:SignPayload on resource: "
        f"{PROFILE} because no identity-based policy allows the signer:SignPayload action"
    )
    lab.allow("ci", *push, "signer:SignPayload", name="sign")
    again = lab.push("prod/app", "v2", content=b"another", profile="ci")
    found = {status["signingProfileArn"]: status for status in statuses(lab, "prod/app", again)}
    assert found[PROFILE]["status"] == "COMPLETE"
    # Another account's profile needs that account's yes, which nobody can give here.
    assert found[OTHER]["status"] == "FAILED"


def test_an_unknown_image_has_no_status(lab: Any) -> None:
    lab.repository("app")
    with pytest.raises(ClientError) as missing:
        lab.client("ecr").describe_image_signing_status(repositoryName="app", imageId={"imageTag": "nope"})
    assert code(missing) == "ImageNotFoundException"


def pulled(lab: Any, name: str) -> Any:
    return lab.client("ecr").describe_images(repositoryName=name)["imageDetails"][0].get("lastRecordedPullTime")


def test_an_excluded_principal_s_pulls_do_not_count(lab: Any) -> None:
    lab.repository("app")
    lab.push("app", "v1")
    ecr, arn = lab.client("ecr"), "arn:aws:iam::123456789012:user/admin"
    made = ecr.register_pull_time_update_exclusion(principalArn=arn)
    assert made["principalArn"] == arn
    with pytest.raises(ClientError) as twice:
        ecr.register_pull_time_update_exclusion(principalArn=arn)
    assert code(twice) == "ExclusionAlreadyExistsException"
    assert ecr.list_pull_time_update_exclusions()["pullTimeUpdateExclusions"] == [arn]
    ecr.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])
    over_http(lab)
    assert pulled(lab, "app") is None
    ecr.deregister_pull_time_update_exclusion(principalArn=arn)
    with pytest.raises(ClientError) as gone:
        ecr.deregister_pull_time_update_exclusion(principalArn=arn)
    assert code(gone) == "ExclusionNotFoundException"
    over_http(lab)
    assert pulled(lab, "app") is not None


def over_http(lab: Any) -> None:
    """GET the manifest as docker pull does."""
    token = lab.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    address = f"http://127.0.0.1:{lab.port}/v2/app/manifests/v1"
    assert requests.get(address, headers={"Authorization": f"Basic {token}"}, timeout=10).status_code == 200


def test_a_role_s_sessions_are_excluded_with_the_role(lab: Any) -> None:
    lab.repository("app")
    lab.push("app", "v1")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::123456789012:user/admin"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    iam, arn = lab.client("iam"), "arn:aws:iam::123456789012:role/scanner"
    iam.create_role(RoleName="scanner", AssumeRolePolicyDocument=json.dumps(trust))
    iam.attach_role_policy(RoleName="scanner", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly")
    keys = lab.client("sts").assume_role(RoleArn=arn, RoleSessionName="night")["Credentials"]
    lab.client("ecr").register_pull_time_update_exclusion(principalArn=arn)
    session = lab.client_with("ecr", keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    session.batch_get_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])
    assert pulled(lab, "app") is None


def test_an_exclusion_of_another_account_or_of_too_many_is_refused(lab: Any) -> None:
    ecr = lab.client("ecr")
    with pytest.raises(ClientError, match="must belong to the account 123456789012"):
        ecr.register_pull_time_update_exclusion(principalArn="arn:aws:iam::444455556666:user/partner")
    for number in range(100):
        ecr.register_pull_time_update_exclusion(principalArn=f"arn:aws:iam::123456789012:role/r{number:03}")
    with pytest.raises(ClientError) as full:
        ecr.register_pull_time_update_exclusion(principalArn="arn:aws:iam::123456789012:role/more")
    assert code(full) == "LimitExceededException"
    first = ecr.list_pull_time_update_exclusions(maxResults=60)
    rest = ecr.list_pull_time_update_exclusions(maxResults=60, nextToken=first["nextToken"])
    assert len(first["pullTimeUpdateExclusions"]) == 60
    assert len(rest["pullTimeUpdateExclusions"]) == 40
    assert "nextToken" not in rest
