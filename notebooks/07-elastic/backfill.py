"""Copy what was there before the rule: python backfill.py eu-west-1"""

from __future__ import annotations

import sys
import time
from typing import Any

import boto3

ecr: Any = boto3.client("ecr")  # type: ignore[no-untyped-call]
destination = {"region": sys.argv[1], "registryId": "123456789012"}
begun = ecr.start_replication_backfill(destination=destination)
print(begun["status"])
found = begun
while found["status"] in ("PREPARING", "IN_PROGRESS"):
    time.sleep(0.2)
    found = ecr.describe_replication_backfill_results(replicationBackfillId=begun["replicationBackfillId"])
print(found["status"], found["progress"]["completedReplicationCount"], "of", found["progress"]["totalReplicationCount"])
