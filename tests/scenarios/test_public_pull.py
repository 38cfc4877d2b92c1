"""An image at ECR Public is pulled without a login, after docker logout; to push takes one (facts E008, E040)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

LOGIN = "aws ecr-public get-login-password | docker login --username AWS --password-stdin ${PUBLIC_REGISTRY%%/*}"


def test_pulled_without_a_login_after_logout(sh: Any, image: Callable[..., str], lab: Any) -> None:
    uri = sh.good(
        "aws ecr-public create-repository --repository-name web --query repository.repositoryUri --output text"
    ).strip()
    assert uri.startswith(lab.environ()["PUBLIC_REGISTRY"] + "/")
    sh.good(f"docker tag {image(os.urandom(50))} {uri}:1")
    status, output = sh(f"docker logout {uri.partition('/')[0]}; docker push {uri}:1")
    assert status == 1
    assert "denied: Not Authorized" in output
    assert "Login Succeeded" in sh.good(LOGIN)
    sh.good(f"docker push {uri}:1 && docker rmi {uri}:1")

    sh.good(f"docker logout {uri.partition('/')[0]}")
    assert "Downloaded newer image" in sh.good(f"docker pull {uri}:1")

    # An old login is worse than none.
    sh.good(LOGIN)
    lab.control.advance(13 * 3600)
    status, output = sh(f"docker rmi {uri}:1; docker pull {uri}:1")
    assert status == 1
    assert "Your authorization token has expired. Reauthenticate and try again." in output
    sh.good(f"docker logout {uri.partition('/')[0]} && docker pull {uri}:1")
    lab.control.reset_clock()
