# Bring the released image onto this server. What was released stands in release.txt, as a digest.
aws ecr get-login-password --region us-east-1 |
  docker login --username AWS --password-stdin "$REGISTRY"
docker pull -q "$REGISTRY/shop/booking:2.5"
