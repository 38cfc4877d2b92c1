"""AWS's tutorial for Fargate with the real aws command line, and a deployment by a robot with the least rights."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from ecrlab.home import ACCOUNT

TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "ecs-tasks.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
EXECUTION = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
NETWORK = "awsvpcConfiguration={subnets=[subnet-0abc1234],securityGroups=[sg-0abc1234],assignPublicIp=ENABLED}"
SCRIPT = f"""
set -e
aws iam create-role --role-name exec --assume-role-policy-document '{json.dumps(TRUST)}' > /dev/null
aws iam attach-role-policy --role-name exec --policy-arn {EXECUTION}
aws ecs create-cluster --cluster-name fargate-cluster --query cluster.status
sed s/REPLACED/1/ recipe.json > one.json
aws ecs register-task-definition --cli-input-json file://one.json --query taskDefinition.revision
aws ecs list-task-definitions --query 'length(taskDefinitionArns)'
aws ecs create-service --cluster fargate-cluster --service-name web --task-definition sample --desired-count 1 \\
  --launch-type FARGATE --network-configuration "{NETWORK}" --enable-execute-command --query service.status
aws ecs wait services-stable --cluster fargate-cluster --services web
sed s/REPLACED/2/ recipe.json > two.json
AWS_PROFILE=ci aws ecs register-task-definition --cli-input-json file://two.json --query taskDefinition.revision
AWS_PROFILE=ci aws ecs update-service --cluster fargate-cluster --service web --task-definition sample \\
  --query 'service.deployments[].status' --output text
aws ecs wait services-stable --cluster fargate-cluster --services web
aws ecs describe-services --cluster fargate-cluster --services web --query 'services[0].taskDefinition' --output text
aws ecs delete-service --cluster fargate-cluster --service web --force --query service.status
aws ecs wait services-inactive --cluster fargate-cluster --services web
aws ecs delete-cluster --cluster fargate-cluster --query cluster.status
"""


def test_the_tutorial_for_fargate_and_a_robot_that_deploys(lab: Any, tmp_path: Any) -> None:
    """The robot has the four statements that AWS's own action for GitHub asks for (facts D026), and none of ecr."""
    lab.repository("web")
    for tag in ("1", "2"):
        lab.push("web", tag, tag.encode())
    role, service = f"arn:aws:iam::{ACCOUNT}:role/exec", f"arn:aws:ecs:us-east-1:{ACCOUNT}:service/fargate-cluster/web"
    rights = {"ecs:RegisterTaskDefinition": "*", "iam:PassRole": role}
    rights |= {"ecs:UpdateService": service, "ecs:DescribeServices": service}
    statements = [{"Effect": "Allow", "Action": action, "Resource": on} for action, on in rights.items()]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements})
    iam = lab.client("iam")
    for policy in iam.list_attached_user_policies(UserName="ci")["AttachedPolicies"]:
        iam.detach_user_policy(UserName="ci", PolicyArn=policy["PolicyArn"])
    iam.put_user_policy(UserName="ci", PolicyName="deploy", PolicyDocument=document)
    recipe = {
        "family": "sample",
        "networkMode": "awsvpc",
        "executionRoleArn": role,
        "containerDefinitions": [
            {
                "name": "web",
                "image": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/web:REPLACED",
                "portMappings": [{"containerPort": 80, "hostPort": 80, "protocol": "tcp"}],
                "essential": True,
            }
        ],
        "requiresCompatibilities": ["FARGATE"],
        "cpu": "256",
        "memory": "512",
    }
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    done = subprocess.run(
        ["bash", "-c", SCRIPT],
        cwd=tmp_path,
        env=lab.environ(),
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.replace('"', "").split() == [
        *("ACTIVE", "1", "1", "ACTIVE", "2", "PRIMARY", "ACTIVE"),
        f"arn:aws:ecs:us-east-1:{ACCOUNT}:task-definition/sample:2",
        *("DRAINING", "INACTIVE"),
    ]
