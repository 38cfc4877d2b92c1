"""Push in one Region, pull in another while the first is off; and what a Region that was off catches up with."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

HERE = "$REGISTRY/my-web-app"
RULES = json.dumps({"rules": [{"destinations": [{"region": "eu-west-1", "registryId": "123456789012"}]}]})
STATUS = (
    "aws ecr describe-image-replication-status --repository-name my-web-app --image-id imageTag={} "
    "--query 'replicationStatuses[0].status' --output text"
)


def wait_for_copy(sh: Any, tag: str) -> None:
    end = time.monotonic() + 20
    while (status := sh.good(STATUS.format(tag)).strip()) != "COMPLETE":
        assert (status, time.monotonic() < end) == ("IN_PROGRESS", True)
        time.sleep(0.2)


@pytest.fixture
def there(sh: Any, lab: Any) -> str:
    """The repository in eu-west-1, with docker logged in to it; the one here replicates to it."""
    lab.repository("my-web-app")
    sh.good(f"aws ecr put-replication-configuration --replication-configuration '{RULES}'")
    sh.login()
    registry = lab.control.registry("123456789012", "eu-west-1")["registry"]
    sh.login(registry=registry, region="eu-west-1")
    return f"{registry}/my-web-app"


def test_a_copy_is_pulled_while_its_first_region_is_off(
    sh: Any, image: Callable[..., str], lab: Any, there: str
) -> None:
    sh.good(f"docker tag {image(b'survives')} {HERE}:1.0")
    pushed = sh.good(f"docker push {HERE}:1.0")
    digest = next(word for word in pushed.split() if word.startswith("sha256:"))
    wait_for_copy(sh, "1.0")
    sh.good(f"docker rmi {HERE}:1.0")
    sh.good("ecrlab region us-east-1 off")
    code, text = sh(f"docker pull {HERE}:1.0")
    assert code != 0
    assert "EOF" in text or "connection reset by peer" in text
    assert "denied" not in text
    code, text = sh("aws ecr describe-images --repository-name my-web-app")
    assert code != 0
    assert "Connection was closed before we received a valid response" in text
    # By tag and by digest, with the login of its own Region; IAM is not a matter of any Region.
    assert digest in sh.good(f"docker pull {there}:1.0")
    sh.good(f"docker rmi {there}:1.0")
    sh.good(f"docker pull {there}@{digest}")
    sh.good("aws iam list-users")
    sh.good("ecrlab region us-east-1 on")
    assert digest in sh.good(f"docker pull {HERE}:1.0")


def test_a_region_that_was_off_catches_up(sh: Any, image: Callable[..., str], lab: Any, there: str) -> None:
    sh.good("ecrlab region eu-west-1 off")
    sh.good(f"docker tag {image(b'comes later')} {HERE}:2.0")
    pushed = sh.good(f"docker push {HERE}:2.0")
    digest = next(word for word in pushed.split() if word.startswith("sha256:"))
    sh.good(f"docker rmi {HERE}:2.0")
    code, text = sh(f"docker pull {there}:2.0")
    assert code != 0
    assert "connection refused" in text
    assert sh.good(STATUS.format("2.0")).strip() == "IN_PROGRESS"
    sh.good("ecrlab region eu-west-1 on")
    wait_for_copy(sh, "2.0")
    assert digest in sh.good(f"docker pull {there}:2.0")
