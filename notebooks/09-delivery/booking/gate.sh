#!/bin/bash
# gate.sh TAG [REPOSITORY]: 0 when the scan is complete and finds nothing HIGH or CRITICAL; anything else stops.
set -euo pipefail
found=""
# aws looks for the findings on each page, and breaks where a scan has none yet: so without pages.
for _ in 1 2 3 4 5 6 7 8 9 10; do
  found=$(aws ecr describe-image-scan-findings --repository-name "${2:-booking}" --image-id "imageTag=$1" \
    --no-paginate --query '[imageScanStatus.status, keys(imageScanFindings.findingSeverityCounts || `{}`)] | []' --output text)
  case $found in IN_PROGRESS*) sleep 1 ;; *) break ;; esac
done
echo "gate:" $found
case " "$found" " in
  *CRITICAL*|*HIGH*) exit 1 ;;
  " COMPLETE"*) exit 0 ;;
  *) exit 1 ;;
esac
