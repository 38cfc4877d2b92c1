#!/bin/bash
set -euo pipefail
tag=${GIT_COMMIT:0:12}
image=$REGISTRY/booking:$tag
echo "--- build"
docker build -q -t "$image" .
echo "--- test"
bash test.sh
echo "--- push"
aws ecr get-login-password |
  docker login --username AWS --password-stdin "$REGISTRY" 2>&1 | tail -n 1
docker push -q "$image"
echo "--- gate"
bash gate.sh "$tag"
