# `python hour.py N` waits for hour N: the lab moves its clock.
aws ecr get-login-password |
  docker login --username AWS --password-stdin "$REGISTRY"
for hour in 0 11 13 26; do
  python hour.py "$hour"
  docker tag my-web-app:1.0 "$REGISTRY/my-web-app:night-$hour"
  docker push -q "$REGISTRY/my-web-app:night-$hour"
done
