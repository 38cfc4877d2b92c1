"""The real aws command line: the story's commands, their words, and how they fail."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecrlab.environment import environment

# Version 1 of the command line ends with 255 when the service refuses, version 2 with 254.
REFUSED = (254, 255)


@pytest.fixture
def aws(lab: Any) -> Any:
    import subprocess

    def run(command: str, profile: str = "admin") -> tuple[int, str]:
        assert environment(lab.home, profile)["AWS_PROFILE"] == profile
        done = subprocess.run(
            ["bash", "-c", command], env=lab.environ(profile), capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout + done.stderr

    return run


def test_who_am_i_and_the_first_repository(aws: Any, lab: Any) -> None:
    status, output = aws("aws sts get-caller-identity --query Arn --output text", "developer")
    assert (status, output.strip()) == (0, "arn:aws:iam::123456789012:user/developer")
    status, output = aws(
        "aws ecr create-repository --repository-name my-web-app --query repository.repositoryUri --output text"
    )
    assert output.strip() == f"localhost:{lab.port}/123456789012.dkr.ecr.us-east-1.amazonaws.com/my-web-app"
    status, output = aws("aws ecr create-repository --repository-name my-web-app")
    assert status in REFUSED
    assert (
        "An error occurred (RepositoryAlreadyExistsException) when calling the CreateRepository operation: The "
        "repository with name 'my-web-app' already exists in the registry with id '123456789012'"
    ) in output


def test_denied_and_fixed(aws: Any) -> None:
    status, output = aws("aws ecr create-repository --repository-name by-ci", "ci")
    assert status in REFUSED
    assert (
        "An error occurred (AccessDeniedException) when calling the CreateRepository operation: User: "
        "arn:aws:iam::123456789012:user/ci is not authorized to perform: ecr:CreateRepository on resource: "
        "arn:aws:ecr:us-east-1:123456789012:repository/by-ci because no identity-based policy allows the "
        "ecr:CreateRepository action"
    ) in output
    policy = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryFullAccess"
    assert aws(f"aws iam attach-user-policy --user-name ci --policy-arn {policy}") == (0, "")
    assert aws("aws ecr create-repository --repository-name by-ci", "ci")[0] == 0


def test_the_pull_policy_that_forgets_the_token(aws: Any, lab: Any) -> None:
    lab.client("iam").detach_user_policy(
        UserName="ops", PolicyArn="arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
    )
    actions = ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"]
    lab.allow("ops", *actions, resource="arn:aws:ecr:us-east-1:123456789012:repository/my-web-app")
    status, output = aws("aws ecr get-login-password", "ops")
    assert status in REFUSED
    assert (
        "An error occurred (AccessDeniedException) when calling the GetAuthorizationToken operation: User: "
        "arn:aws:iam::123456789012:user/ops is not authorized to perform: ecr:GetAuthorizationToken on resource: * "
        "because no identity-based policy allows the ecr:GetAuthorizationToken action"
    ) in output


def test_policies_from_files(aws: Any, tmp_path: Any) -> None:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}]}
    file = tmp_path / "policy.json"
    file.write_text(json.dumps(document, indent=2))
    put = f"aws iam put-user-policy --user-name ci --policy-name p --policy-document file://{file}"
    assert aws(put) == (0, "")
    _, output = aws("aws iam get-user-policy --user-name ci --policy-name p")
    assert json.loads(output)["PolicyDocument"] == document
    status, output = aws(put.replace("file://", ""))
    assert status in REFUSED
    assert "(MalformedPolicyDocument) when calling the PutUserPolicy operation" in output


def test_what_is_left_out_fails_at_once(aws: Any) -> None:
    status, output = aws("aws iam create-account-alias --account-alias harbour")
    assert status in REFUSED
    assert "(UnknownOperationException)" in output
    assert "docs/fidelity.md" in output
