"""A pull limit reached and reset: by the clock, and by the lab; with docker, as a learner meets it."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

LOGIN = "docker login --username learner --password-stdin $HUB < $HUB_PASSWORD_FILE"
OVER = "toomanyrequests: You have reached your unauthenticated pull rate limit."


def test_a_pull_limit_is_reached_and_reset(sh: Any, image: Callable[..., str], lab: Any) -> None:
    # A team publishes five images, and everybody behind one address may pull two in six hours.
    sh.good(LOGIN)
    names = [f"$HUB/harbourbikes/web:1.{number}" for number in range(5)]
    for name in names:
        sh.good(f"docker tag {image(os.urandom(50))} {name} && docker push {name} && docker rmi {name}")
    sh.good("docker logout $HUB")
    lab.control.hub_limits(anonymous=2)
    sh.good(f"docker pull {names[0]} && docker pull {names[1]}")
    status, output = sh(f"docker pull {names[2]}")
    assert status == 1
    assert OVER in output

    # The X-ray shows where: docker looked with HEAD, which costs nothing, and was refused the manifest itself.
    rows = [row for row in lab.control.xray(limit=10_000)["rows"] if "/manifests/" in row["path"]][-2:]
    assert [(row["service"], row["method"], row["status"], row["error"]) for row in rows] == [
        ("hub", "HEAD", 200, None),
        ("hub", "GET", 429, "TOOMANYREQUESTS"),
    ]

    # Signing in: an account has a limit of its own.
    sh.good(f"{LOGIN} && docker pull {names[2]} && docker logout $HUB")
    assert OVER in sh(f"docker pull {names[3]}")[1]

    # By the clock: what is older than six hours counts no more.
    lab.control.advance(5 * 3600)
    assert OVER in sh(f"docker pull {names[3]}")[1]
    lab.control.advance(3601)
    sh.good(f"docker pull {names[3]}")

    # By the lab: every window begins again.
    lab.control.hub_limits(anonymous=1)
    assert OVER in sh(f"docker pull {names[4]}")[1]
    lab.control.hub_window()
    sh.good(f"docker pull {names[4]}")
    sh.good("docker rmi " + " ".join(names))
