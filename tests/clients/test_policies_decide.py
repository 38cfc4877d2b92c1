"""What policies do to docker and to the aws command line: the documents that a learner meets, each with its effect."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

APP = "$REGISTRY/my-web-app"
ARN = "arn:aws:ecr:us-east-1:123456789012:repository/my-web-app"
MANAGED = "arn:aws:iam::aws:policy/"
PULL_ONLY = f"{MANAGED}AmazonEC2ContainerRegistryPullOnly"
# The pull-only policy of the topic summary, word for word (facts iam.md 9).
SUMMARY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["ecr:GetDownloadUrlForLayer", "ecr:BatchGetImage", "ecr:BatchCheckLayerAvailability"],
            "Resource": ARN,
        }
    ],
}
LOGIN = "aws ecr get-login-password | docker login --username AWS --password-stdin ${REGISTRY%%/*}"


def sentence(user: str, action: str, why: str, resource: str = ARN, account: str = "123456789012") -> str:
    """Return IAM's sentence of a refusal."""
    who = f"arn:aws:iam::{account}:user/{user}"
    return f"User: {who} is not authorized to perform: {action} on resource: {resource} {why}"


def pushed(sh: Any, lab: Any, made: str) -> None:
    """Push v1 as administrator, and leave no copy in the engine: a pull has to fetch the layer."""
    lab.repository("my-web-app")
    sh.login()
    sh.good(f"docker tag {made} {APP}:v1 && docker push {APP}:v1 && docker rmi {APP}:v1 {made}")


def rows(lab: Any, after: int, user: str) -> list[dict[str, Any]]:
    """Return what a user asked the registry for, but the look at /v2/ that comes first."""
    found = lab.control.xray(after, limit=1000)["rows"]
    return [row for row in found if str(row["principal"]).endswith(f"user/{user}") and row["action"]]


def test_the_summary_s_pull_policy_never_gets_to_the_pull(sh: Any, image: Callable[..., str], lab: Any) -> None:
    pushed(sh, lab, image(b"the summary's policy"))
    iam = lab.client("iam")
    iam.detach_user_policy(UserName="ops", PolicyArn=PULL_ONLY)
    iam.put_user_policy(UserName="ops", PolicyName="pull", PolicyDocument=json.dumps(SUMMARY))
    sh("docker logout ${REGISTRY%%/*}", "ops")
    before = lab.control.xray()["last"]
    status, output = sh(LOGIN, "ops")
    assert status != 0
    why = "because no identity-based policy allows the ecr:GetAuthorizationToken action"
    assert (
        "An error occurred (AccessDeniedException) when calling the GetAuthorizationToken operation: "
        + sentence("ops", "ecr:GetAuthorizationToken", why, "*")
    ) in output
    assert "Login Succeeded" not in output
    # With nothing on the pipe docker takes its input for the learner's hands (I056).
    assert output.strip().endswith("Error: Cannot perform an interactive login from a non TTY device")
    status, output = sh(f"docker pull {APP}:v1", "ops")
    assert status == 1
    assert output.strip().endswith("no basic auth credentials")
    assert {row["action"] for row in rows(lab, before, "ops")} == {"ecr:GetAuthorizationToken"}
    # One statement more, and the three rights of the policy are reached (I058).
    lab.allow("ops", "ecr:GetAuthorizationToken", name="login")
    sh.login("ops")
    sh.good(f"docker pull {APP}:v1", "ops")


def test_pull_only_pulls_and_does_not_push(sh: Any, image: Callable[..., str], lab: Any) -> None:
    pushed(sh, lab, image(b"pull only"))
    attached = lab.client("iam").list_attached_user_policies(UserName="ops")["AttachedPolicies"]
    assert [policy["PolicyArn"] for policy in attached] == [PULL_ONLY]
    sh.login("ops")
    before = lab.control.xray()["last"]
    sh.good(f"docker pull {APP}:v1", "ops")
    assert {(row["action"], row["decision"]) for row in rows(lab, before, "ops")} == {
        ("ecr:BatchGetImage", "allowed"),
        ("ecr:GetDownloadUrlForLayer", "allowed"),
    }
    sh.good(f"docker tag {image(b'not for ops to push', 'made:2')} {APP}:v2")
    status, output = sh(f"docker push {APP}:v2", "ops")
    assert status == 1
    why = "because no identity-based policy allows the ecr:InitiateLayerUpload action"
    assert f"denied: {sentence('ops', 'ecr:InitiateLayerUpload', why)}" in output
    assert [each["imageTag"] for each in lab.client("ecr").list_images(repositoryName="my-web-app")["imageIds"]] == [
        "v1"
    ]


def test_a_shared_repository_is_open_for_pulls_and_for_nothing_else(
    sh: Any, image: Callable[..., str], lab: Any, partner: str
) -> None:
    pushed(sh, lab, image(b"shared with the partner"))
    lab.repository("not-shared")
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{partner}:root"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sh.good(f"aws ecr set-repository-policy --repository-name my-web-app --policy-text '{document}'")
    sh.login("partner")
    sh.good(f"docker pull {APP}:v1", "partner")
    # The partner is an administrator, at home; here counts what the repository's owner allows.
    for command, action, name in (
        ("list-images --repository-name my-web-app", "ecr:ListImages", "my-web-app"),
        (
            "batch-delete-image --repository-name my-web-app --image-ids imageTag=v1",
            "ecr:BatchDeleteImage",
            "my-web-app",
        ),
        ("get-repository-policy --repository-name my-web-app", "ecr:GetRepositoryPolicy", "my-web-app"),
        ("batch-get-image --repository-name not-shared --image-ids imageTag=v1", "ecr:BatchGetImage", "not-shared"),
    ):
        status, output = sh(f"aws ecr {command} --registry-id 123456789012", "partner")
        assert status != 0, command
        why = f"because no resource-based policy allows the {action} action"
        arn = f"arn:aws:ecr:us-east-1:123456789012:repository/{name}"
        assert sentence("partner", action, why, arn, partner) in output
    assert lab.client("ecr").list_images(repositoryName="my-web-app")["imageIds"]


def test_a_deny_beats_administrator_access(sh: Any, image: Callable[..., str], lab: Any) -> None:
    pushed(sh, lab, image(b"no deletion"))
    iam = lab.client("iam")
    iam.attach_user_policy(UserName="developer", PolicyArn=f"{MANAGED}AdministratorAccess")
    deny = {"Sid": "KeepImages", "Effect": "Deny", "Action": ["ecr:BatchDeleteImage", "ecr:PutImage"], "Resource": ARN}
    document = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    iam.put_user_policy(UserName="developer", PolicyName="keep", PolicyDocument=document)
    why = "with an explicit deny in an identity-based policy"
    delete = "aws ecr batch-delete-image --repository-name my-web-app --image-ids imageTag=v1"
    status, output = sh(delete, "developer")
    assert status != 0
    assert sentence("developer", "ecr:BatchDeleteImage", why) in output
    sh.login("developer")
    sh.good(f"docker pull {APP}:v1", "developer")
    sh.good(f"docker tag {APP}:v1 {APP}:v2")
    status, output = sh(f"docker push {APP}:v2", "developer")
    assert status == 1
    assert sentence("developer", "ecr:PutImage", why) in output
    # The administrator himself keeps his right to take the Deny away, and then may do it.
    sh.good("aws iam delete-user-policy --user-name developer --policy-name keep", "developer")
    assert '"imageTag": "v1"' in sh.good(delete, "developer")


def test_a_right_taken_away_ends_at_the_next_request_though_the_login_lives(
    sh: Any, image: Callable[..., str], lab: Any
) -> None:
    pushed(sh, lab, image(b"token and right"))
    sh.login("ops")
    sh.good(f"docker pull {APP}:v1 && docker rmi {APP}:v1", "ops")
    sh.good(f"aws iam detach-user-policy --user-name ops --policy-arn {PULL_ONLY}")
    status, output = sh(f"docker pull {APP}:v1", "ops")
    assert status == 1
    # docker asks for the manifest by HEAD, whose answer has no body, and then by GET, whose answer says why.
    why = "because no identity-based policy allows the ecr:BatchGetImage action"
    assert sentence("ops", "ecr:BatchGetImage", why) in output
    assert "no basic auth credentials" not in output
    sh.good(f"aws iam attach-user-policy --user-name ops --policy-arn {PULL_ONLY}")
    sh.good(f"docker pull {APP}:v1", "ops")
