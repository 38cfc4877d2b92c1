"""Clients other than docker: what skopeo and containerd's ctr do, and how much of a denial they show."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

import pytest

APP = "$REGISTRY/my-web-app"


@pytest.fixture
def skopeo() -> str:
    found = shutil.which("skopeo")
    if found is None:
        pytest.skip("skopeo is not installed")
    return found


def test_skopeo_pushes_pulls_and_is_denied(
    skopeo: str, sh: Any, image: Callable[..., str], lab: Any, tmp_path: Any
) -> None:
    lab.repository("my-web-app")
    sh.good(f"docker save {image(b'by skopeo')} -o {tmp_path}/image.tar")
    creds = '--{}-creds "AWS:$(aws ecr get-login-password)" --{}-tls-verify=false'
    source = f"docker-archive:{tmp_path}/image.tar"
    sh.good(f"skopeo copy {creds.format('dest', 'dest')} {source} docker://{APP}:s1")
    sh.good(f"skopeo copy {creds.format('src', 'src')} docker://{APP}:s1 oci:{tmp_path}/copy:s1")
    [detail] = lab.client("ecr").describe_images(repositoryName="my-web-app")["imageDetails"]
    assert detail["imageTags"] == ["s1"]
    before = lab.control.xray()["last"]
    status, output = sh(f"skopeo copy {creds.format('dest', 'dest')} {source} docker://{APP}:s2", "ci")
    assert status == 1
    rows = lab.control.xray(before)["rows"]
    # skopeo stops at the first HEAD that is refused; an answer to HEAD has no body, so it cannot say why.
    denied = [row for row in rows if row["decision"] == "denied"]
    assert denied[0]["action"] == "ecr:BatchCheckLayerAvailability"
    assert denied[0]["client"] == "skopeo"
    assert "403" in output or "denied" in output
    assert len(lab.client("ecr").list_images(repositoryName="my-web-app")["imageIds"]) == 1


def test_ctr_pulls_and_pushes(sh: Any, engine: Any, image: Callable[..., str], lab: Any) -> None:
    if shutil.which("ctr") is None:
        pytest.skip("ctr is not installed")
    socket = str(engine.host).removeprefix("unix://").replace("docker.sock", "containerd.sock")
    lab.repository("my-web-app")
    sh.login()
    sh.good(f"docker tag {image(b'by ctr')} {APP}:c1 && docker push {APP}:c1")
    ctr = f"ctr --address {socket} --namespace ecrlab-test images"
    user = '--plain-http --user "AWS:$(aws ecr get-login-password)"'
    sh.good(f"{ctr} pull {user} {APP}:c1")
    sh.good(f"{ctr} tag {APP}:c1 {APP}:c2 && {ctr} push {user} {APP}:c2")
    lab.client("iam").put_user_policy(
        UserName="ops",
        PolicyName="none",
        PolicyDocument='{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"ecr:BatchGetImage","Resource":"*"}]}',
    )
    status, output = sh(f"{ctr} pull {user} {APP}:c2", "ops")
    assert status == 1
    assert "403 Forbidden" in output
    sh(f"{ctr} rm {APP}:c1 {APP}:c2")
