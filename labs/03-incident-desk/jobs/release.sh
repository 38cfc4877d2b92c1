#!/bin/bash
aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY" >/dev/null || exit 1
docker tag ecrlab/base:1 "$REGISTRY/web/booking:1.4"
docker push -q "$REGISTRY/web/booking:1.4"
