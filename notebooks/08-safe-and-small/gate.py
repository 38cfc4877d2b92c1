"""gate.py REPOSITORY TAG: ends with 0 when this image may go out, with 1 when it may not."""

import sys

import boto3

ecr = boto3.client("ecr")
name, tag = sys.argv[1:]
which = {"repositoryName": name, "imageId": {"imageTag": tag}}
ecr.start_image_scan(**which)
found = ecr.describe_image_scan_findings(**which)
counts = found.get("imageScanFindings", {}).get("findingSeverityCounts", {})
print(found["imageScanStatus"]["status"], counts)
sys.exit(1 if counts.get("CRITICAL") else 0)
