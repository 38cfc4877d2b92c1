"""Real docker and skopeo at the hub: login, push, pull, and the sentences that they print."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

LOGIN = "docker login --username learner --password-stdin $HUB < $HUB_PASSWORD_FILE"
DENIED = "denied: requested access to the resource is denied"


@pytest.fixture
def skopeo() -> str:
    found = shutil.which("skopeo")
    if found is None:
        pytest.skip("skopeo is not installed")
    return found


def test_docker_logs_in_pushes_and_pulls(sh: Any, image: Callable[..., str], hub: Any) -> None:
    assert "Login Succeeded" in sh.good(LOGIN)
    name = image(b"my web app")
    output = sh.good(f"docker tag {name} $HUB/learner/my-web-app:1 && docker push $HUB/learner/my-web-app:1")
    digest = next(word for word in output.split() if word.startswith("sha256:"))
    sh.good("docker logout $HUB; docker rmi $HUB/learner/my-web-app:1")
    # Public by default: nobody needs a login to pull.
    assert digest in sh.good("docker pull $HUB/learner/my-web-app:1")
    assert hub.pull("learner/my-web-app", method="HEAD").headers["Docker-Content-Digest"] == digest


def test_docker_runs_busybox_without_a_login(sh: Any) -> None:
    sh("docker logout $HUB")
    for name in ("busybox", "library/busybox"):
        sh.good(f"docker pull $HUB/{name}")
    assert "Not an image of Docker Hub" in sh.good(
        "id=$(docker create $HUB/busybox sh) && docker cp $id:/etc/ecrlab-hub - | tar -xO; docker rm $id"
    )
    sh.good("docker rmi -f $HUB/busybox $HUB/library/busybox")


def test_a_wrong_password_in_docker_s_words(sh: Any, hub: Any) -> None:
    status, output = sh("echo wrong | docker login --username learner --password-stdin $HUB")
    assert status == 1
    assert f'Get "{hub.base}/v2/": unauthorized: incorrect username or password' in output


def test_docker_may_not_push_to_library_or_to_others(sh: Any, image: Callable[..., str], hub: Any) -> None:
    sh.good(LOGIN)
    name = image(b"not mine")
    for target in ("my-web-app:1", "library/my-web-app:1", "anna/my-web-app:1"):
        status, output = sh(f"docker tag {name} $HUB/{target} && docker push $HUB/{target}")
        assert status == 1
        assert DENIED in output
    sh("docker logout $HUB")


def test_docker_is_not_told_whether_a_private_image_exists(sh: Any, hub: Any, lab: Any) -> None:
    assert hub.push("learner/secret").status_code == 201
    lab.control.hub_visibility("learner/secret", True)
    sh("docker logout $HUB")
    for name in ("learner/secret", "learner/missing"):
        status, output = sh(f"docker pull $HUB/{name}:1")
        assert status == 1
        assert (
            f"pull access denied for {hub.address}/{name}, repository does not exist or may require 'docker login': "
            f"{DENIED}"
        ) in output
    sh.good(LOGIN)
    assert "pull access denied" not in sh("docker pull $HUB/learner/secret:1")[1]
    sh("docker logout $HUB")


def test_docker_with_access_tokens(sh: Any, image: Callable[..., str], hub: Any) -> None:
    name = image(b"with a token")
    for scope, works in (("repo:read", False), ("repo:write", True)):
        secret = hub.access_token(scope)["token"]
        sh.good(f"echo {secret} | docker login --username learner --password-stdin $HUB")
        status, output = sh(f"docker tag {name} $HUB/learner/tokens:1 && docker push $HUB/learner/tokens:1")
        assert (status == 0) is works, output
        assert works or DENIED in output
    sh("docker logout $HUB")


@pytest.fixture
def images(sh: Any, image: Callable[..., str]) -> Callable[[int], list[str]]:
    """Return a function that pushes so many new images to the hub and removes them here.

    New ones, because dockerd keeps the manifests of images that were removed for a while, and then asks with HEAD only.
    """

    def make(count: int) -> list[str]:
        sh.good(LOGIN)
        names = [f"$HUB/learner/pulled:{number}" for number in range(count)]
        for name in names:
            sh.good(f"docker tag {image(os.urandom(50))} {name} && docker push {name} && docker rmi {name}")
        sh.good("docker rmi made:1; docker logout $HUB")
        return names

    return make


def test_the_limit_in_docker_s_words(sh: Any, hub: Any, lab: Any, images: Callable[[int], list[str]]) -> None:
    one, two, three = images(3)
    lab.control.hub_limits(anonymous=1, account=1)
    sh.good(f"docker pull {one}")
    status, output = sh(f"docker pull {two}")
    assert status == 1
    text = "You have reached your unauthenticated pull rate limit. https://www.docker.com/increase-rate-limit"
    assert f"toomanyrequests: {text}" in output
    sh.good(LOGIN)
    sh.good(f"docker pull {two}")
    status, output = sh(f"docker pull {three}")
    assert status == 1
    assert "toomanyrequests: You have reached your pull rate limit as 'learner'" in output
    sh(f"docker logout $HUB; docker rmi {one} {two}")


def test_a_pull_again_of_what_is_there_is_no_pull(sh: Any, hub: Any, images: Callable[[int], list[str]]) -> None:
    """Docker looks with HEAD first, and asks for nothing when it has the image (H017)."""
    [name] = images(1)
    for _ in range(2):
        sh.good(f"docker pull {name}")
        assert hub.pull("learner/pulled", "0", method="HEAD").headers["ratelimit-remaining"] == "99;w=21600"
    sh.good(f"docker rmi {name}")


def test_skopeo_copies_from_the_hub_to_ecr(skopeo: str, hub: Any, lab: Any) -> None:
    lab.repository("busybox")
    token = "$(aws ecr get-login-password)"
    command = (
        f'skopeo copy --src-tls-verify=false --dest-tls-verify=false --dest-creds "AWS:{token}" '
        "docker://$HUB/busybox docker://$REGISTRY/busybox:1"
    )
    subprocess.run(["bash", "-c", command], env=lab.environ(), check=True, capture_output=True, timeout=60)
    [detail] = lab.client("ecr").describe_images(repositoryName="busybox")["imageDetails"]
    assert detail["imageDigest"] == hub.pull("busybox", "latest", method="HEAD").headers["Docker-Content-Digest"]
    denied = subprocess.run(
        ["bash", "-c", "skopeo copy --all --src-tls-verify=false --dest-tls-verify=false "
         "docker://$HUB/busybox docker://$HUB/learner/copy:1"],
        env=lab.environ(), check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert denied.returncode == 1
    assert "denied" in denied.stderr


def test_lab_hub(engine: Any, hub: Any, lab: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lab.hub` of the course, with docker."""
    monkeypatch.setenv("DOCKER_HOST", str(engine.host))
    from ecrlab_course.toolbox.hub import HubError
    from ecrlab_course.toolbox.lab import Lab

    course = Lab(lab.home)
    assert course.hub.address == hub.address
    assert course.hub.users == ["learner"]
    assert course.hub.limits(anonymous=5) == {"anonymous": 5, "account": 200, "window": 21600}
    assert course.hub.limits(window=60)["anonymous"] == 5
    assert course.hub.limits(anonymous=None)["anonymous"] is None
    course.hub.user("anna")
    assert course.hub.user("anna") == course.looking().hub.password("anna")
    assert course.hub.api("GET", "/v2/access-tokens", user="anna")["count"] == 0
    after_a_restart = Lab(lab.home)
    assert after_a_restart.hub.user("anna") == course.hub.password("anna") == after_a_restart.hub.password("anna")
    assert "Login Succeeded" in after_a_restart.hub.login("anna", profile="developer")
    assert after_a_restart.hub.user("learner") == course.hub.password()
    hub.user("otto")
    with pytest.raises(HubError, match="a user otto already"):
        course.hub.user("otto")
    with pytest.raises(KeyError):
        course.hub.password("nobody")
    with pytest.raises(HubError, match="401"):
        course.hub.api("GET", "/v2/access-tokens")
    assert course.hub.repositories == {"library/busybox": False, "ratelimitpreview/test": False}
    assert "Login Succeeded" in course.hub.login("anna", profile="developer")
    assert "Login Succeeded" in course.hub.login()
    with pytest.raises(HubError, match="incorrect username or password"):
        course.hub.login("anna", secret="it's wrong")
    course.hub.logout()
    course.hub.reset()
    assert course.hub.users == ["learner"]
    course.hub.user("anna")
    assert course.hub.api("GET", "/v2/access-tokens", user="anna")["count"] == 0


def test_ctr_pulls_and_pushes(sh: Any, engine: Any, hub: Any) -> None:
    """containerd asks for a token with POST first (OAuth 2), and with GET when that is answered 405."""
    if shutil.which("ctr") is None:
        pytest.skip("ctr is not installed")
    socket = str(engine.host).removeprefix("unix://").replace("docker.sock", "containerd.sock")
    ctr = f"ctr --address {socket} --namespace ecrlab-hub images"
    sh.good(f"{ctr} pull --plain-http $HUB/library/busybox:latest")
    user = '--plain-http --user "learner:$(cat $HUB_PASSWORD_FILE)"'
    copy = "$HUB/learner/by-ctr:1"
    sh.good(f"{ctr} tag $HUB/library/busybox:latest {copy} && {ctr} push {user} {copy}")
    assert hub.pull("learner/by-ctr", method="HEAD").status_code == 200
    status, output = sh(f"{ctr} tag {copy} {copy}b && {ctr} push --plain-http {copy}b")
    assert status == 1
    # containerd 1.6 says no more than that its pipe broke.
    assert hub.pull("learner/by-ctr", "1b", method="HEAD").status_code == 404, output
    sh(f"{ctr} rm {copy} {copy}b $HUB/library/busybox:latest")


def test_the_stand_in_at_the_hub(hub: Any, lab: Any, tmp_path: Any) -> None:
    """Without an engine: ECR Lab's stand-in for the docker command, with docker's sentences."""
    environ = {**lab.environ(), "DOCKER_CONFIG": str(tmp_path), "ECRLAB_HOME": str(tmp_path)}

    def run(arguments: str) -> tuple[int, str]:
        command = f"{sys.executable} -m ecrlab.standin {arguments}"
        done = subprocess.run(
            ["bash", "-c", command], env=environ, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout + done.stderr

    assert run("pull $HUB/busybox")[0] == 0
    status, output = run("login --username learner --password-stdin $HUB <<< wrong")
    assert (status, f'Get "{hub.base}/v2/": unauthorized: incorrect username or password' in output) == (1, True)
    status, output = run("pull $HUB/learner/missing:1")
    assert status == 1
    assert f"repository does not exist or may require 'docker login': {DENIED}" in output
    assert "Login Succeeded" in run("login --username learner --password-stdin $HUB < $HUB_PASSWORD_FILE")[1]
    assert run("tag $HUB/busybox $HUB/learner/mine:1")[0] == 0
    assert run("push $HUB/learner/mine:1")[0] == 0
    assert hub.pull("learner/mine").status_code == 200
    assert run("tag $HUB/busybox $HUB/mine:1")[0] == 0
    status, output = run("push $HUB/mine:1")
    assert (status, DENIED in output) == (1, True)
    assert hub.push("learner/other").status_code == 201
    lab.control.hub_limits(account=0)
    status, output = run("pull $HUB/learner/other:1")
    assert status == 1
    assert "toomanyrequests: You have reached your pull rate limit as 'learner'" in output
    assert "falling back" not in output
