#!/bin/bash
# old-gate.sh TAG: stops an image with a finding that is HIGH.
count=$(aws ecr describe-image-scan-findings --repository-name trial --image-id "imageTag=$1" \
  --query imageScanFindings.findingSeverityCounts.HIGH --output text)
if [ "$count" -gt 0 ]; then
  exit 1
fi
