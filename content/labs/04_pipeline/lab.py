# %% [markdown] id="lab-04-01" tags=["core", "text"] minutes=1
# # Lab 04 · A pipeline without keys
#
# After this lab you can
#
# - **take the last key** out of a pipeline that others depend on,
# - **build one** in which a bad commit has no way to the customer,
# - **go back** to the release of before within a minute, a week later as well.
#
# 50 minutes. Before: lesson 09. git must be there; a container engine need not be: all five milestones count without
# one.

# %% [markdown] id="lab-04-01-story" tags=["core", "text"] minutes=1
# Sunday at ten, Harbour Bikes opens the booking for the regatta. On Thursday Aiko read the pipeline, aloud, in the
# meeting. It took a minute, and nobody looked up. Her list has five lines. *Sunday*, said everybody. It is Friday.

# %% id="lab-04-02" tags=["core", "run", "volatile"]
# %load_ext ecrlab_course
lab.lesson("lab-04")

# %% [markdown] id="lab-04-02-after" tags=["core", "text"]
# This empties the lab first, and builds a service with two tasks, its repository, and a git server with its source.
# What other lessons left is gone; they build it again when it is needed.

# %% id="lab-04-03" tags=["core", "run", "volatile"] minutes=1
# %%bash
# bash fetch.sh
# sed 's/\(=[A-Za-z0-9+/]\{4\}\)[A-Za-z0-9+/]\{12,\}/\1…/g' booking/pipeline.sh

# %% [markdown] id="lab-04-04" tags=["core", "text"] minutes=1
# (The key was made for this lab, and opens nothing else; it is cut off here.) Aiko's list:
#
# 1. There is no key. Not in a file, not in IAM.
# 2. What runs has a name that says which commit it is, and cannot come to mean another.
# 3. A commit that fails its test, has a critical or high finding, or could not be scanned, is never run.
# 4. Omar can be back on the release of before in a minute, alone, on any day.
# 5. Nobody in this chain may do more than their part.

# %% [markdown] id="lab-04-05" tags=["core", "picture"] minutes=1
# ![Picture 1, the chain and its five lines. A commit goes to the git server, a run goes to ECR as the role pipeline,
# ECS fetches from ECR as booking-execution, and two tasks run the page. Line 1 stands at the arrow from the run to ECR:
# a letter, no key. Line 2 stands at ECR: the commit in the tag, the digest for ECS. Line 3 stands at a gate between ECR
# and ECS. Line 4 is an arrow back from the tasks to the image of before, drawn by Omar. Line 5 is a frame around all of
# them.](images/chain.svg)
#
# **Picture 1.** Five lines, and where each is looked at.

# %% [markdown] id="lab-04-05-how" tags=["core", "text"]
# There are no steps. `git push` in `booking/` runs `pipeline.sh` on the git server; `ecrlab ci show` says what a run
# did. The checks look at what is there and at what ran, never at how your script is written. A terminal serves as well
# as a cell. When a button of this page has changed what the server has, `bash fetch.sh` gets it.

# %% [markdown] id="lab-04-06-text" tags=["core", "text"] at="fresh"
# ## Milestone 1

# %% id="lab-04-06" tags=["core", "exercise"] minutes=11
lab.exercise("lab-04-m1")

# %% id="lab-04-06-work" tags=["core", "exercise", "starter"]
# %%bash
# ecrlab ci token main > letter
# echo "your commands go here; add as many cells as you like"

# %% id="lab-04-06-documents" tags=["core", "exercise", "solution", "policy"]
import json
from pathlib import Path

ACCOUNT, HOST = "123456789012", "git.harbour-bikes.example"
AWS, REPOSITORY = f"arn:aws:iam::{ACCOUNT}", f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/harbour/booking"


def save(name, *statements):
    rows = [{"Effect": "Allow", **each} for each in statements]
    Path(f"{name}.json").write_text(json.dumps({"Version": "2012-10-17", "Statement": rows}, indent=1))


main = {f"{HOST}:aud": "sts.amazonaws.com", f"{HOST}:sub": "repo:harbour-bikes/booking:ref:refs/heads/main"}
provider = {"Federated": f"{AWS}:oidc-provider/{HOST}"}
to_ecs = {"StringEquals": {"iam:PassedToService": "ecs-tasks.amazonaws.com"}}
login = {"Action": "ecr:GetAuthorizationToken", "Resource": "*"}
push = ["BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart", "CompleteLayerUpload", "PutImage"]
push = [f"ecr:{each}" for each in (*push, "BatchGetImage", "DescribeImageScanFindings")]
service = f"arn:aws:ecs:us-east-1:{ACCOUNT}:service/harbour/booking"
roles = [f"{AWS}:role/booking-execution", f"{AWS}:role/booking-task"]
letter = {"Principal": provider, "Action": "sts:AssumeRoleWithWebIdentity"}
save("trust", {**letter, "Condition": {"StringEquals": main}})
save(
    "work",
    login,
    {"Action": push, "Resource": REPOSITORY},
    {"Action": "ecs:RegisterTaskDefinition", "Resource": "*"},
    {"Action": ["ecs:UpdateService", "ecs:DescribeServices"], "Resource": service},
    {"Action": "iam:PassRole", "Resource": roles, "Condition": to_ecs},
)

# %% id="lab-04-06-do" tags=["core", "exercise", "solution", "volatile"]
# %%bash
# aws iam update-assume-role-policy --role-name pipeline --policy-document file://trust.json
# aws iam put-role-policy --role-name pipeline --policy-name work --policy-document file://work.json
# bash fetch.sh
# grep -v AWS_SECRET_ACCESS_KEY booking/pipeline.sh > line.sh && cp line.sh booking/pipeline.sh
# git -C booking commit -q --allow-empty -am "No key"
# git -C booking push -q origin HEAD:main 2>&1 | grep '^remote: run'
# for key in $(aws iam list-access-keys --user-name robot --query 'AccessKeyMetadata[].AccessKeyId' --output text); do
#   aws iam delete-access-key --user-name robot --access-key-id "$key"
# done

# %% id="lab-04-06-why" tags=["core", "exercise", "solution"]
lab.solution("lab-04-m1")

# %% [markdown] id="lab-04-07-text" tags=["core", "text"] at="keyless"
# ## Milestone 2

# %% id="lab-04-07" tags=["core", "exercise"] minutes=8
lab.exercise("lab-04-m2")

# %% id="lab-04-07-work" tags=["core", "exercise", "starter"]
# %%bash
# aws ecs describe-services --cluster harbour --services booking --query 'services[0].taskDefinition' --output text
# echo "your commands go here"

# %% id="lab-04-07-line" tags=["core", "exercise", "solution", "policy"]
# %%bash
# cat > line.sh <<'LINE'
# #!/usr/bin/env bash
# set -euo pipefail
# name=harbour/booking tag=${GIT_COMMIT:0:12}
# image=$REGISTRY/$name:$tag
# echo "--- build"
# aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
# digest() {
#   aws ecr batch-get-image --repository-name $name --image-ids imageTag=$tag \
#     --query 'images[0].imageId.imageDigest' --output text
# }
# if [ "$(digest)" = None ]; then
#   docker build -q -t "$image" .
#   docker push -q "$image"
# fi
# echo "--- deploy"
# pinned=$REGISTRY/$name@$(digest)
# recipe=$(aws ecs register-task-definition --cli-input-json "$(sed "s|IMAGE|$pinned|" task.json)" \
#   --query taskDefinition.taskDefinitionArn --output text)
# aws ecs update-service --cluster harbour --service booking --task-definition "$recipe" \
#   --query service.taskDefinition --output text
# aws ecs wait services-stable --cluster harbour --services booking
# state=$(aws ecs describe-services --cluster harbour --services booking --output text \
#   --query "services[0].deployments[?taskDefinition=='$recipe'].rolloutState")
# [ "$state" = COMPLETED ]
# LINE

# %% id="lab-04-07-do" tags=["core", "exercise", "solution", "volatile"]
# %%bash
# aws ecr put-image-tag-mutability --repository-name harbour/booking --image-tag-mutability IMMUTABLE \
#   --query imageTagMutability --output text
# bash fetch.sh
# cp line.sh booking/pipeline.sh
# git -C booking commit -q --allow-empty -am "A name for what runs"
# git -C booking push -q origin HEAD:main 2>&1 | grep '^remote: run'
# ecrlab ci run | tail -1

# %% id="lab-04-07-check" tags=["core", "exercise", "solution", "volatile"]
lab.check("lab-04-m2")

# %% id="lab-04-07-why" tags=["core", "exercise", "solution"]
lab.solution("lab-04-m2")

# %% [markdown] id="lab-04-08-text" tags=["core", "text"] at="pinned"
# ## Milestone 3

# %% id="lab-04-08" tags=["core", "exercise"] minutes=12
lab.exercise("lab-04-m3")

# %% id="lab-04-08-work" tags=["core", "exercise", "starter"]
# %%bash
# cat booking/test.sh
# echo "your commands go here; then: bash dara.sh"

# %% id="lab-04-08-fetch" tags=["core", "exercise", "solution", "volatile"]
# %%bash
# bash fetch.sh

# %% id="lab-04-08-gate" tags=["core", "exercise", "solution", "policy"]
# %%bash
# cat > gate.sh <<'GATE'
# #!/usr/bin/env bash
# # Stops what has a critical or a high finding, and what was not scanned: bash gate.sh REPOSITORY TAG
# set -euo pipefail
# counts=imageScanFindings.findingSeverityCounts
# aws ecr wait image-scan-complete --repository-name "$1" --image-id imageTag="$2"
# bad=$(aws ecr describe-image-scan-findings --repository-name "$1" --image-id imageTag="$2" --output text \
#   --query "sum([$counts.CRITICAL || \`0\`, $counts.HIGH || \`0\`])")
# echo "critical or high: $bad"
# [ "$bad" = 0 ] || [ "$bad" = 0.0 ]
# GATE
# awk '
#   /^echo "--- build"/ { print "echo \"--- test\""; print "bash test.sh" }
#   /^pinned=/ { print "echo \"--- gate\""; print "bash gate.sh $name $tag" }
#   !/test|gate/ { print }
# ' booking/pipeline.sh > line.sh

# %% id="lab-04-08-do" tags=["core", "exercise", "solution", "volatile"]
# %%bash
# aws ecr put-image-scanning-configuration --repository-name harbour/booking \
#   --image-scanning-configuration scanOnPush=true --query imageScanningConfiguration.scanOnPush
# cp line.sh booking/pipeline.sh && cp gate.sh booking/gate.sh
# git -C booking add gate.sh
# git -C booking commit -q --allow-empty -am "A test and a gate"
# git -C booking push -q origin HEAD:main 2>&1 | grep '^remote: run'

# %% id="lab-04-08-dara" tags=["core", "exercise", "solution", "volatile"]
# %%bash
# bash dara.sh

# %% id="lab-04-08-why" tags=["core", "exercise", "solution"]
lab.solution("lab-04-m3")

# %% [markdown] id="lab-04-09-text" tags=["core", "text"] at="gated"
# ## Milestone 4

# %% id="lab-04-09" tags=["core", "exercise"] minutes=7
lab.exercise("lab-04-m4")

# %% id="lab-04-09-work" tags=["core", "exercise", "starter"]
# %%bash
# aws ecr get-lifecycle-policy --repository-name harbour/booking --query lifecyclePolicyText --output text
# echo "before the weekend; then: bash monday.sh"

# %% id="lab-04-09-ops" tags=["core", "exercise", "starter"]
# %%bash --as ops
# aws ecs list-task-definitions --family-prefix booking --query taskDefinitionArns --output text
# echo "Omar's one call goes here"

# %% id="lab-04-09-keep" tags=["core", "exercise", "solution"]
# %%bash
# cat > keep.json <<'RULES'
# {"rules": [{
#   "rulePriority": 1,
#   "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 100},
#   "action": {"type": "expire"}
# }]}
# RULES

# %% id="lab-04-09-do" tags=["core", "exercise", "solution", "volatile"]
# %%bash
# aws ecr put-lifecycle-policy --repository-name harbour/booking --lifecycle-policy-text file://keep.json \
#   --query repositoryName --output text
# bash monday.sh

# %% id="lab-04-09-back" tags=["core", "exercise", "solution", "volatile"]
# %%bash --as ops
# before=$(aws ecs list-task-definitions --family-prefix booking --sort DESC \
#   --query 'taskDefinitionArns[1]' --output text)
# aws ecs update-service --cluster harbour --service booking --task-definition "$before" \
#   --query service.taskDefinition --output text
# aws ecs wait services-stable --cluster harbour --services booking

# %% id="lab-04-09-check" tags=["core", "exercise", "solution", "volatile"]
lab.check("lab-04-m4")

# %% id="lab-04-09-why" tags=["core", "exercise", "solution"]
lab.solution("lab-04-m4")

# %% [markdown] id="lab-04-10-text" tags=["core", "text"] at="gated"
# ## Milestone 5

# %% id="lab-04-10" tags=["core", "exercise"] minutes=5
lab.exercise("lab-04-m5")

# %% id="lab-04-10-work" tags=["core", "exercise", "starter"]
# %%bash
# aws iam list-attached-role-policies --role-name booking-execution --output text
# echo "your commands go here"

# %% id="lab-04-10-pull" tags=["core", "exercise", "solution", "policy"]
# %%bash
# cat > pull.json <<'POLICY'
# {"Version": "2012-10-17", "Statement": [
#   {"Effect": "Allow", "Action": "ecr:GetAuthorizationToken", "Resource": "*"},
#   {"Effect": "Allow",
#    "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
#    "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/harbour/booking"}
# ]}
# POLICY

# %% id="lab-04-10-do" tags=["core", "exercise", "solution"]
# %%bash
# aws iam put-role-policy --role-name booking-execution --policy-name pull --policy-document file://pull.json
# for policy in service-role/AmazonECSTaskExecutionRolePolicy AmazonEC2ContainerRegistryPowerUser; do
#   if aws iam list-attached-role-policies --role-name booking-execution --output text | grep -q "$policy"; then
#     aws iam detach-role-policy --role-name booking-execution --policy-arn "arn:aws:iam::aws:policy/$policy"
#   fi
# done

# %% id="lab-04-10-why" tags=["core", "exercise", "solution"]
lab.solution("lab-04-m5")

# %% [markdown] id="lab-04-11" tags=["core", "interview"] minutes=2
# ## Say it in an interview
#
# Say it aloud first, then write it down: what you write stays in your progress. The points of a good answer appear once
# yours is saved.

# %% id="lab-04-11-say" tags=["core", "interview"]
lab.exercise("lab-04-i1")

# %% id="lab-04-11-said" tags=["core", "interview", "solution"]
lab.answer(
    "lab-04-i1",
    text="The job exchanges a signed token for a session of one role, so there is no key. It builds once, tags with "
    "the commit, waits for the scan and deploys the digest. Back is one call to the revision of before, whose image "
    "is kept.",
    made=["no-key", "digest", "gate", "back"],
)

# %% [markdown] id="lab-04-12" tags=["core", "box"]
# > **On real AWS**
# >
# > - GitHub, GitLab or Buildkite are the git server, the runner is theirs, and an action sets the two variables.
# > - Trust policy, role, `pipeline.sh` and task definition can be taken along as they are: only the provider's name
# >   changes.
# > - STS fetches the issuer's keys over the public internet, and a deployment takes minutes, not seconds.

# %% [markdown] id="lab-04-13" tags=["core", "text"]
# ## Left behind
#
# A service and its tasks, roles, a provider, a repository and its source, and a clock that is two days ahead. The
# button of the next cell empties the lab; the folder `booking` stays with you.

# %% id="lab-04-14" tags=["core", "run"]
lab.reset("lab-04")
