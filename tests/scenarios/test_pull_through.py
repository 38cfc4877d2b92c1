"""An image of the hub is pulled through ECR by docker, and again while the hub gives nothing more (E119)."""

from __future__ import annotations

from typing import Any

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf"
LOGIN = "aws ecr get-login-password | docker login --username AWS --password-stdin ${REGISTRY%%/*}"


def test_docker_pulls_through(sh: Any, lab: Any) -> None:
    sh.good(
        "aws ecr create-pull-through-cache-rule --ecr-repository-prefix docker-hub "
        f"--upstream-registry-url registry-1.docker.io --credential-arn {SECRET}"
    )
    sh.good(LOGIN)
    image = "$REGISTRY/docker-hub/library/busybox:latest"
    status, output = sh("docker pull $REGISTRY/docker-hub/busybox:latest")
    assert status == 1
    assert "denied: Docker Hub's official images are under library/" in output
    first = sh.good(f"docker pull {image}")
    lab.control.hub_limits(anonymous=0, account=0)
    second = sh.good(f"docker rmi {image} && docker pull {image}")
    digest = next(word for word in first.split() if word.startswith("sha256:"))
    assert digest in second
    assert digest in sh.good("aws ecr describe-images --repository-name docker-hub/library/busybox")
    lab.control.reset(hub=True)
