"""The story of lesson 04 with the real docker: push as administrator, denied as ci, fixed, pulled."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

APP = "$REGISTRY/my-web-app"
ARN = "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app"
PULL_ONLY = (
    "denied: User: arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:InitiateLayerUpload "
    f"on resource: {ARN} because no identity-based policy allows the ecr:InitiateLayerUpload action"
)


def test_the_administrator_pushes_and_pulls(sh: Any, image: Callable[..., str], lab: Any) -> None:
    lab.repository("my-web-app")
    assert "Login Succeeded" in sh.login()
    name = image(b"first push")
    sh.good(f"docker tag {name} {APP}:v1")
    output = sh.good(f"docker push {APP}:v1")
    digest = next(word for word in output.split() if word.startswith("sha256:"))
    [detail] = lab.client("ecr").describe_images(repositoryName="my-web-app")["imageDetails"]
    assert (detail["imageDigest"], detail["imageTags"]) == (digest, ["v1"])
    sh.good(f"docker rmi {APP}:v1")
    output = sh.good(f"docker pull {APP}:v1")
    assert digest in output
    assert "Layer already exists" in sh.good(f"docker push {APP}:v1")


def test_ci_may_only_pull_and_docker_says_so(sh: Any, image: Callable[..., str], lab: Any) -> None:
    lab.repository("my-web-app")
    sh.login("ci")
    sh.good(f"docker tag {image(b'denied push')} {APP}:v2")
    before = lab.control.xray()["last"]
    status, output = sh(f"docker push {APP}:v2", "ci")
    assert status == 1
    assert PULL_ONLY in output
    rows = lab.control.xray(before)["rows"]
    assert lab.client("ecr").list_images(repositoryName="my-web-app")["imageIds"] == []
    denied = [row for row in rows if row["action"] == "ecr:InitiateLayerUpload"]
    assert denied
    assert {row["decision"] for row in denied} == {"denied"}
    assert {row["client"] for row in rows} == {"docker"}
    assert denied[0]["reason"] == "because no identity-based policy allows the ecr:InitiateLayerUpload action"
    policy = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"
    sh.good(f"aws iam attach-user-policy --user-name ci --policy-arn {policy}")
    sh.good(f"docker push {APP}:v2", "ci")


def test_push_to_a_repository_that_does_not_exist(sh: Any, image: Callable[..., str]) -> None:
    sh.login()
    sh.good(f"docker tag {image(b'nowhere')} $REGISTRY/nowhere:1")
    status, output = sh("docker push $REGISTRY/nowhere:1")
    assert status == 1
    assert (
        "name unknown: The repository with name 'nowhere' does not exist in the registry with id '123456789012'"
        in output
    )


def test_pull_of_a_missing_tag(sh: Any, lab: Any) -> None:
    lab.repository("my-web-app")
    sh.login()
    status, output = sh(f"docker pull {APP}:nope")
    assert status == 1
    assert "not found: manifest unknown: Requested image not found" in output


def test_an_expired_login(sh: Any, image: Callable[..., str], lab: Any) -> None:
    lab.repository("my-web-app")
    sh.login()
    sh.good(f"docker tag {image(b'too late')} {APP}:late")
    lab.control.advance(12 * 3600 + 60)
    status, output = sh(f"docker push {APP}:late")
    assert status == 1
    assert "denied: Your authorization token has expired. Reauthenticate and try again." in output
    sh.login()
    sh.good(f"docker push {APP}:late")


def test_layers_may_be_missing_rights_while_the_manifest_has_them(sh: Any, image: Callable[..., str], lab: Any) -> None:
    lab.repository("my-web-app")
    sh.login()
    sh.good(f"docker tag {image(b'config first')} {APP}:v3 && docker push {APP}:v3 && docker rmi {APP}:v3 made:1")
    iam = lab.client("iam")
    iam.detach_user_policy(UserName="ops", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly")
    lab.allow("ops", "ecr:GetAuthorizationToken", "ecr:BatchGetImage")
    sh.login("ops")
    status, output = sh(f"docker pull {APP}:v3", "ops")
    assert status == 1
    sentence = "is not authorized to perform: ecr:GetDownloadUrlForLayer on resource"
    assert "denied: User: arn:aws:iam::123456789012:user/ops" in output
    assert sentence in output
    lab.allow("ops", "ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
    sh.good(f"docker pull {APP}:v3", "ops")


def test_immutable_tags(sh: Any, image: Callable[..., str], lab: Any) -> None:
    lab.repository("my-web-app", imageTagMutability="IMMUTABLE")
    sh.login()
    sh.good(f"docker tag {image(b'one')} {APP}:v1 && docker push {APP}:v1 && docker push {APP}:v1")
    sh.good(f"docker tag {image(b'two')} {APP}:v1")
    status, output = sh(f"docker push {APP}:v1")
    assert status == 1
    assert "tag invalid: The image tag 'v1' already exists in the 'my-web-app' repository" in output
    assert "cannot be overwritten because the tag is immutable." in output


def test_a_repository_policy_lets_another_account_pull(sh: Any, image: Callable[..., str], lab: Any) -> None:
    lab.repository("my-web-app")
    sh.login()
    sh.good(f"docker tag {image(b'shared')} {APP}:v1 && docker push {APP}:v1")
    sh.login("partner")
    status, output = sh(f"docker pull {APP}:v1", "partner")
    assert status == 1
    assert "because no resource-based policy allows the ecr:BatchGetImage action" in output
    statement = {
        "Sid": "PartnerPull",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::444455556666:root"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    }
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    lab.client("ecr").set_repository_policy(repositoryName="my-web-app", policyText=text)
    sh.good(f"docker pull {APP}:v1", "partner")
    status, output = sh(f"docker push {APP}:v1", "partner")
    assert status == 1
    assert "because no resource-based policy allows the ecr:" in output
    assert "ecr:DescribeImages" not in output


def test_python_docker_sdk(sh: Any, image: Callable[..., str], lab: Any, engine: Any) -> None:
    import base64

    import docker

    lab.repository("my-web-app")
    data = lab.client("ecr").get_authorization_token()["authorizationData"][0]
    user, password = base64.b64decode(data["authorizationToken"]).decode().split(":")
    client = docker.DockerClient(base_url=str(engine.host))
    try:
        registry = data["proxyEndpoint"].removeprefix("http://")
        assert client.login(user, password, registry=registry)["Status"] == "Login Succeeded"
        repository = f"{registry}/123456789012.dkr.ecr.us-east-1.amazonaws.com/my-web-app"
        client.images.get(image(b"from Python")).tag(repository, "sdk")
        lines = list(
            client.images.push(
                repository, "sdk", stream=True, decode=True, auth_config={"username": user, "password": password}
            )
        )
        assert not [line for line in lines if "error" in line]
    finally:
        client.close()
    assert lab.client("ecr").list_images(repositoryName="my-web-app")["imageIds"][0]["imageTag"] == "sdk"


def test_a_layer_pushed_before_is_mounted_only_when_the_account_says_so(
    sh: Any, image: Callable[..., str], lab: Any
) -> None:
    for name in ("one", "two", "three"):
        lab.repository(name)
    sh.login()
    made = image(b"shared between repositories")
    sh.good(f"for r in one two three; do docker tag {made} $REGISTRY/$r:1; done; docker push $REGISTRY/one:1")
    before = lab.control.xray()["last"]
    assert "Mounted from" not in sh.good("docker push $REGISTRY/two:1")
    rows = lab.control.xray(before)["rows"]
    assert any("mount=" in row["path"] and row["status"] == 202 for row in rows)
    lab.client("ecr").put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    assert "Mounted from" in sh.good("docker push $REGISTRY/three:1")


def test_an_image_without_layers_is_refused_and_the_hub_takes_it(sh: Any, lab: Any, tmp_path: Any) -> None:
    """``FROM scratch`` and a LABEL (facts A016); layers of a history entry alone are fine."""
    lab.repository("my-web-app")
    sh.login()
    (tmp_path / "Dockerfile").write_text("FROM scratch\nLABEL a=b\n")
    build = f"DOCKER_BUILDKIT=0 docker build -q -t {APP}:void {tmp_path}"
    sh.good(build)
    status, output = sh(f"docker push {APP}:void")
    assert status == 1
    assert (
        "unsupported: Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Image has to have at least 1 "
        "layer'"
    ) in output
    assert lab.client("ecr").list_images(repositoryName="my-web-app")["imageIds"] == []
    sh.good("docker login -u learner --password-stdin $HUB < $HUB_PASSWORD_FILE")
    sh.good(f"docker tag {APP}:void $HUB/learner/void:1 && docker push $HUB/learner/void:1")
    (tmp_path / "Dockerfile").write_text('FROM scratch\nENV A=1\nCOPY Dockerfile /\nLABEL a=b\nCMD ["x"]\n')
    sh.good(f"{build} && docker push {APP}:void")
