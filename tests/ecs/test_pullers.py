"""Lambda and a node of EKS as pullers: whose right decides, the words of a refusal, and the rows in the X-ray."""

from __future__ import annotations

import json
from typing import Any

from ecrlab_course.toolbox.lab import Lab, Pulled

ACCOUNT, REGION = "123456789012", "us-east-1"
HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
STATEMENT = {
    "Sid": "LambdaECRImageRetrievalPolicy",
    "Effect": "Allow",
    "Principal": {"Service": "lambda.amazonaws.com"},
    "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    "Condition": {"StringLike": {"aws:SourceArn": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:*"}},
}


def let_lambda_in(world: Any, *actions: str) -> None:
    statement = {**STATEMENT, "Action": list(actions)} if actions else STATEMENT
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    world.ecr.set_repository_policy(repositoryName="web", policyText=text)


def rows(world: Any, client: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.lab.control.xray(world.begin)["rows"]
    return [row for row in found if row["client"] == client]


def pull_as(world: Any, who: str, *given: Any, **more: Any) -> Pulled:
    return Lab(world.lab.home).pull_as(who, *given, **more)


def test_lambda_is_let_in_by_the_repositorys_policy_alone(world: Any) -> None:
    """Facts D063, err 140: no role has a part in it."""
    refused = pull_as(world, "lambda", "web", "1")
    assert not refused
    assert refused.answer["message"] == (
        "Lambda does not have permission to access the ECR image. Check the ECR permissions."
    )
    let_lambda_in(world, "ecr:BatchGetImage")
    assert not pull_as(world, "lambda", "web", "1")  # the layers are asked for by another action
    let_lambda_in(world)
    pulled = pull_as(world, "lambda", "web", "1")
    assert pulled.answer["ResolvedImageUri"] == f"{HOST}/web@{world.digest}"
    seen = [(row["principal"], row["operation"], row["decision"]) for row in rows(world, "lambda")]
    assert seen == [
        ("lambda.amazonaws.com", "BatchGetImage", "denied"),
        ("lambda.amazonaws.com", "BatchGetImage", "allowed"),
        ("lambda.amazonaws.com", "GetDownloadUrlForLayer", "denied"),
        ("lambda.amazonaws.com", "BatchGetImage", "allowed"),
        ("lambda.amazonaws.com", "GetDownloadUrlForLayer", "allowed"),
    ]


def test_lambda_keeps_the_digest_and_fails_when_the_image_is_gone(world: Any) -> None:
    """Facts D067 and D069."""
    let_lambda_in(world)
    assert pull_as(world, "lambda", "web", "1")
    world.lab.push("web", "1", b"moved")
    assert pull_as(world, "lambda", "web").answer["ResolvedImageUri"] == f"{HOST}/web@{world.digest}"
    world.ecr.batch_delete_image(repositoryName="web", imageIds=[{"imageDigest": world.digest}])
    assert pull_as(world, "lambda", "web").answer["code"] == "ImageDeleted"
    missing = pull_as(world, "lambda", "web", "7").answer["message"]
    assert missing == f"Source image {HOST}/web:7 does not exist. Provide a valid source image."


def test_lambda_takes_no_index(world: Any) -> None:
    """Of err 141: what buildx makes with an attestation is an index too."""
    let_lambda_in(world)
    kind = "application/vnd.oci.image.index.v1+json"
    child = {"mediaType": "application/vnd.docker.distribution.manifest.v2+json", "digest": world.digest, "size": 1}
    found = world.ecr.batch_get_image(repositoryName="web", imageIds=[{"imageTag": "1"}])["images"][0]["imageManifest"]
    child["size"] = len(found.encode())
    index = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": [child]})
    world.ecr.put_image(repositoryName="web", imageManifest=index, imageManifestMediaType=kind, imageTag="many")
    assert pull_as(world, "lambda", "web", "many").answer["message"] == (
        f"The image manifest, config or layer media type for the source image {HOST}/web:many is not supported."
    )


def test_a_node_pulls_with_its_role_by_the_kubelets_protocol(world: Any) -> None:
    trust = {"Version": "2012-10-17", "Statement": [TRUST_EC2]}
    world.role("node", "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly", trust=trust)
    pulled = pull_as(world, "eks-node", "web", "1")
    assert pulled.answer["digest"] == world.digest
    assert pulled.answer["request"]["image"] == f"{HOST}/web:1"
    response = pulled.answer["response"]
    assert (response["cacheKeyType"], response["cacheDuration"]) == ("Registry", "6h0m0s")
    assert response["auth"][HOST]["username"] == "AWS"
    assert "CredentialProviderResponse" in repr(pulled)
    assert {row["principal"] for row in rows(world, "ec2")} == {"ec2.amazonaws.com"}
    signed = [*rows(world, "ecr-credential-prov"), *rows(world, "ecr-credential-provi")]
    signed += [row for row in rows(world, "containerd") if row["principal"]]
    assert {row["principal"].rpartition("/")[0] for row in signed} == {f"arn:aws:sts::{ACCOUNT}:assumed-role/node"}
    begin = f'Failed to pull image "{HOST}/web:9": rpc error: code = Unknown desc = failed to pull and unpack image '
    missing = pull_as(world, "eks-node", "web", "9").answer
    assert missing["code"] == "ErrImagePull"
    assert missing["message"] == (
        f'{begin}"{HOST}/web:9": failed to resolve reference "{HOST}/web:9": {HOST}/web:9: not found'
    )
    world.iam.detach_role_policy(
        RoleName="node", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
    )
    assert "no basic auth credentials" in pull_as(world, "eks-node", "web", "1").answer["message"]
    text = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"}],
        }
    )
    world.iam.put_role_policy(RoleName="node", PolicyName="token", PolicyDocument=text)
    denied = pull_as(world, "eks-node", "web", "1").answer["message"]
    assert denied.endswith(f"unexpected status from HEAD request to https://{HOST}/v2/web/manifests/1: 403 Forbidden")


TRUST_EC2 = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
