"""Pipelines as people write them, and what a role of one may do: what checkpoints and tries push.

`GOOD` is the solution's. Each of the others differs in one thing.
"""

from __future__ import annotations

from ecrlab_course.authoring import PUSH, Lab

from .town import (
    EXECUTION,
    HOST,
    MAIN,
    PIPELINE,
    ROBOT,
    TASK,
    document,
    file_name,
    repository_arn,
    role_arn,
    service_arn,
    settle,
    trust,
)

HEAD = """#!/usr/bin/env bash
set -euo pipefail
name=harbour/booking tag=${GIT_COMMIT:0:12}
image=$REGISTRY/$name:$tag
"""
TEST = """echo "--- test"
bash test.sh
"""
LOGIN = """echo "--- build"
aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
"""
ASK = """digest() {
  aws ecr batch-get-image --repository-name $name --image-ids imageTag=$tag \\
    --query 'images[0].imageId.imageDigest' --output text
}
"""
PUSHED = """docker build -q -t "$image" .
docker push -q "$image"
"""
PUSHED_ONCE = """if [ "$(digest)" = None ]; then
  docker build -q -t "$image" .
  docker push -q "$image"
fi
"""
PUSHED_BY_CODE = """aws ecr batch-get-image --repository-name $name --image-ids imageTag=$tag || {
  docker build -q -t "$image" .
  docker push -q "$image"
}
"""
BY_DIGEST = "pinned=$REGISTRY/$name@$(digest)\n"
BY_TAG = "pinned=$image\n"
GATED = """echo "--- gate"
bash gate.sh $name $tag
"""
UPDATED = """echo "--- deploy"
recipe=$(aws ecs register-task-definition --cli-input-json "$(sed "s|IMAGE|$pinned|" task.json)" \\
  --query taskDefinition.taskDefinitionArn --output text)
aws ecs update-service --cluster harbour --service booking --task-definition "$recipe" \\
  --query service.taskDefinition --output text
aws ecs wait services-stable --cluster harbour --services booking
"""
CHECKED = """state=$(aws ecs describe-services --cluster harbour --services booking --output text \\
  --query "services[0].deployments[?taskDefinition=='$recipe'].rolloutState")
[ "$state" = COMPLETED ]
"""
SHORT = """#!/usr/bin/env bash
set -euo pipefail
name=harbour/booking image=$REGISTRY/harbour/booking:latest pinned=$image
"""
"""The head of a pipeline that still says `latest`."""

LATEST = SHORT + LOGIN + PUSHED + UPDATED
PINNED = HEAD + LOGIN + ASK + PUSHED_ONCE + BY_DIGEST + UPDATED + CHECKED
GOOD = HEAD + TEST + LOGIN + ASK + PUSHED_ONCE + GATED + BY_DIGEST + UPDATED + CHECKED

GATE = """#!/usr/bin/env bash
# Stops what has a critical or a high finding, and what was not scanned: bash gate.sh REPOSITORY TAG
set -euo pipefail
aws ecr wait image-scan-complete --repository-name "$1" --image-id imageTag="$2"
bad=$(aws ecr describe-image-scan-findings --repository-name "$1" --image-id imageTag="$2" --output text --query \\
  'sum([imageScanFindings.findingSeverityCounts.CRITICAL || `0`, imageScanFindings.findingSeverityCounts.HIGH || `0`])')
echo "critical or high: $bad"
[ "$bad" = 0 ] || [ "$bad" = 0.0 ]
"""


# Identity


def only_main(lab: Lab) -> str:
    """Return the trust policy that lets in the branch main and nobody else."""
    return trust(lab, {"StringEquals": {f"{HOST}:aud": "sts.amazonaws.com", f"{HOST}:sub": MAIN}})


def rights_of_pipeline(lab: Lab) -> str:
    """Return what the pipeline has to do, and no more."""
    return document(
        {"Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Action": [*PUSH, "ecr:DescribeImageScanFindings"], "Resource": repository_arn(lab)},
        {"Action": "ecs:RegisterTaskDefinition", "Resource": "*"},
        {"Action": ["ecs:UpdateService", "ecs:DescribeServices"], "Resource": service_arn(lab)},
        {
            "Action": "iam:PassRole",
            "Resource": [role_arn(lab, EXECUTION), role_arn(lab, TASK)],
            "Condition": {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}},
        },
    )


def rights_of_execution(lab: Lab) -> str:
    """Return what fetching one image asks."""
    return document(
        {"Action": "ecr:GetAuthorizationToken", "Resource": "*"},
        {"Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"], "Resource": repository_arn(lab)},
    )


def let_in(lab: Lab, policy: str) -> None:
    """Give the role `pipeline` a trust policy."""
    lab.client("iam").update_assume_role_policy(RoleName=PIPELINE, PolicyDocument=policy)


def give(lab: Lab, role: str, policy: str, name: str = "work") -> None:
    """Give a role an inline policy."""
    lab.client("iam").put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=policy)


def keys_of(lab: Lab, user: str = ROBOT) -> list[str]:
    """Return the ids of a user's access keys."""
    return [each["AccessKeyId"] for each in lab.client("iam").list_access_keys(UserName=user)["AccessKeyMetadata"]]


def delete_keys(lab: Lab) -> None:
    """Delete the robot's keys."""
    for key in keys_of(lab):
        lab.client("iam").delete_access_key(UserName=ROBOT, AccessKeyId=key)


def keyless_role(lab: Lab) -> None:
    """Let main in as the role `pipeline`, which may do its work, and end the robot's keys."""
    let_in(lab, only_main(lab))
    give(lab, PIPELINE, rights_of_pipeline(lab))
    delete_keys(lab)


def narrow_execution(lab: Lab) -> None:
    """Let the execution role fetch one image, and nothing else."""
    iam = lab.client("iam")
    give(lab, EXECUTION, rights_of_execution(lab), "pull")
    for each in iam.list_attached_role_policies(RoleName=EXECUTION)["AttachedPolicies"]:
        iam.detach_role_policy(RoleName=EXECUTION, PolicyArn=each["PolicyArn"])


# Deliveries


def push(lab: Lab, pipeline: str, person: str = "You", ref: str = "main", **files: str | None) -> None:
    """Push a commit with this pipeline.sh ("": as it is) and these files as somebody; return when all has come to rest.

    A file `changes` is another one in each. Files are named by keywords (`town.file_name`).
    """
    named = {file_name(name): text for name, text in files.items()}
    lab.ci.push_as(
        person, named | ({"pipeline.sh": pipeline} if pipeline else {}) | {"changes": str(lab.last())}, ref=ref
    )
    settle(lab)
