"""How the copies of a release ended: python copies.py 2.5 waits until none of them is in progress."""

from __future__ import annotations

import sys
import time
from typing import Any

import boto3


def wait_for(tag: str) -> None:
    """Wait until no copy of shop/booking with that tag is in progress, and print how each of them ended."""
    ecr: Any = boto3.client("ecr", region_name="us-east-1")  # type: ignore[no-untyped-call]
    image = {"repositoryName": "shop/booking", "imageId": {"imageTag": tag}}
    while True:
        found = ecr.describe_image_replication_status(**image)["replicationStatuses"]
        if all(each["status"] != "IN_PROGRESS" for each in found):
            break
        time.sleep(0.1)
    for each in sorted(found, key=lambda each: str(each["registryId"])):
        print(each["registryId"], each["region"], each["status"], each.get("failureCode", ""))


if __name__ == "__main__":
    wait_for(sys.argv[1])
