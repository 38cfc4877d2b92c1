"""preview.py FILE REPOSITORY: what would this lifecycle policy take from the repository now? Nothing is deleted."""

import sys
import time
from pathlib import Path

import boto3

file, name = sys.argv[1:]
ecr = boto3.client("ecr")
ecr.start_lifecycle_policy_preview(repositoryName=name, lifecyclePolicyText=Path(file).read_text(encoding="utf-8"))
answer = ecr.get_lifecycle_policy_preview(repositoryName=name)
while answer["status"] == "IN_PROGRESS":
    time.sleep(0.05)
    answer = ecr.get_lifecycle_policy_preview(repositoryName=name)
for image in answer["previewResults"]:
    tags = ", ".join(image.get("imageTags", [])) or "no tag, " + image["imageDigest"][7:15]
    print(f"{tags:24} goes by rule {image['appliedRulePriority']}")
print(f"{name}: {answer['summary'].get('expiringImageTotalCount', 0)} would go ({answer['status']})")
