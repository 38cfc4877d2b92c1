"""What brings the number of pulls that are left down? Each is done once, and the number is read before and after."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import requests

aws: Any = boto3
HUB = "http://" + os.environ["HUB"]
USER = ("learner", Path(os.environ["HUB_PASSWORD_FILE"]).read_text().strip())


def bearer(scope: str, auth: tuple[str, str] | None = None) -> dict[str, str]:
    """Fetch a pass for a scope; return it as a header."""
    token = requests.get(f"{HUB}/token", params={"scope": scope}, auth=auth).json()["token"]
    return {"Authorization": f"Bearer {token}"}


def left() -> int:
    """Return how many pulls this address has left: asked by HEAD."""
    headers = bearer("repository:ratelimitpreview/test:pull")
    answer = requests.head(f"{HUB}/v2/ratelimitpreview/test/manifests/latest", headers=headers)
    return int(answer.headers["ratelimit-remaining"].partition(";")[0])


if left() < 5:
    sys.exit("This address has too few pulls left to measure with.")
pull = bearer("repository:library/busybox:pull")
manifest = f"{HUB}/v2/library/busybox/manifests"
layer = requests.get(f"{manifest}/latest", headers=pull).json()["layers"][0]["digest"]
push = bearer("repository:learner/harbour-map:pull,push", USER)
TRIED: dict[str, Callable[[], Any]] = {
    "HEAD of a manifest": lambda: requests.head(f"{manifest}/latest", headers=pull),
    "GET of a manifest": lambda: requests.get(f"{manifest}/latest", headers=pull),
    "GET of a layer": lambda: requests.get(f"{HUB}/v2/library/busybox/blobs/{layer}", headers=pull),
    "a push begins": lambda: requests.post(f"{HUB}/v2/learner/harbour-map/blobs/uploads/", headers=push),
    "a login": lambda: bearer("repository:library/busybox:pull", USER),
    "GET of a tag that is not there": lambda: requests.get(f"{manifest}/none", headers=pull),
    "a call of ECR's API": lambda: aws.client("ecr").describe_repositories(),
}
for what, do in TRIED.items():
    before = left()
    do()
    print(f"{before - left()}  {what}")
