#!/usr/bin/env bash
# The robot delivers. (Do not touch! It works.)
export AWS_ACCESS_KEY_ID=THE-KEY AWS_SECRET_ACCESS_KEY=THE-SECRET
image=$REGISTRY/harbour/booking:latest
aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
docker build -q -t "$image" .
docker push -q "$image"
aws ecs register-task-definition --cli-input-json "$(sed "s|IMAGE|$image|" task.json)" --query taskDefinition.revision
aws ecs update-service --cluster harbour --service booking --task-definition booking --query service.taskDefinition
aws ecs wait services-stable --cluster harbour --services booking
echo delivered
