"""A repository policy that would lock its author out needs force (A025), and there is a way out of a locked one."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError
from click.testing import CliRunner

from ecrlab.cli import main

ADMIN = "arn:aws:iam::123456789012:user/admin"
CI = "arn:aws:iam::123456789012:user/ci"


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def deny(action: str, principal: Any = "*", **more: Any) -> str:
    return policy({"Effect": "Deny", "Principal": principal, "Action": action, **more})


@pytest.fixture(params=["ecr", "ecr-public"])
def service(request: Any, lab: Any) -> str:
    lab.client(request.param).create_repository(repositoryName="app")
    return str(request.param)


@pytest.fixture
def told(lab: Any, service: str) -> Callable[..., str]:
    """Set a policy and return the refusal's code and text, "" when it was set."""

    def put(text: str, profile: str = "admin", **more: Any) -> str:
        try:
            lab.client(service, profile).set_repository_policy(repositoryName="app", policyText=text, **more)
        except ClientError as error:
            return "{Code}: {Message}".format(**error.response["Error"])
        return ""

    return put


REFUSED = (
    "InvalidParameterException: Invalid parameter at 'PolicyText' failed to satisfy constraint: 'The policy would "
    "prevent you from setting another policy in the future. To set it all the same, use force. The lab has no root "
    "user. If it locks everybody out, remove the whole policy: ecrlab reset --policy-of app"
)


@pytest.mark.parametrize("principal", ["*", {"AWS": "*"}, {"AWS": ADMIN}, {"AWS": "arn:aws:iam::123456789012:root"}])
@pytest.mark.parametrize("action", ["{}:*", "{}:SetRepositoryPolicy", "{}:Set*", "*"])
def test_a_policy_that_denies_its_author_to_set_another(
    lab: Any, service: str, told: Callable[..., str], action: str, principal: Any
) -> None:
    refusal = told(deny(action.format(service), principal))
    assert refusal == REFUSED + (" --public'" if service == "ecr-public" else "'")
    client = lab.client(service)
    with pytest.raises(client.exceptions.RepositoryPolicyNotFoundException):
        client.get_repository_policy(repositoryName="app")


def test_policies_that_leave_their_author_the_right(service: str, told: Callable[..., str]) -> None:
    spare = {"Condition": {"StringNotEquals": {"aws:PrincipalArn": ADMIN}}}
    assert told(deny(f"{service}:*", {"AWS": CI})) == ""
    assert told(deny(f"{service}:PutImage")) == ""
    assert told(deny(f"{service}:DeleteRepositoryPolicy")) == ""
    assert told(deny(f"{service}:*", **spare)) == ""
    assert told(deny(f"{service}:*", **spare), force=True) == ""
    assert told(policy({"Effect": "Allow", "Principal": {"AWS": CI}, "Action": f"{service}:PutImage"})) == ""


def test_an_author_who_holds_the_right_by_the_policy_alone(service: str, told: Callable[..., str]) -> None:
    mine = {"Effect": "Allow", "Principal": {"AWS": CI}, "Action": f"{service}:*RepositoryPolicy"}
    assert told(policy(mine)) == ""
    others = {**mine, "Principal": {"AWS": ADMIN}}
    assert "would prevent you from setting another policy" in told(policy(others), "ci")
    assert told(policy(mine, others), "ci") == ""
    assert told(policy(others), "ci", force=True) == ""
    assert told(policy(mine), "ci").startswith("AccessDenied")


def test_with_force_it_locks_and_the_lab_has_a_way_out(lab: Any, service: str, told: Callable[..., str]) -> None:
    public = service == "ecr-public"
    (lab.push_public if public else lab.push)("app", "1.0")
    assert told(deny(f"{service}:*"), force=True) == ""
    client = lab.client(service)
    for call in (client.get_repository_policy, client.delete_repository_policy, client.delete_repository):
        with pytest.raises(ClientError, match="with an explicit deny in a resource-based policy"):
            call(repositoryName="app")
    assert told(policy()).startswith("AccessDenied")
    row = lab.control.xray(after=lab.control.xray()["last"] - 1, opened=True)["rows"][0]
    advice = row["decisions"][-1]["opened"]["suggestion"]["advice"]
    command = "ecrlab reset --policy-of app" + (" --public" if public else "")
    assert advice.endswith(f"remove the whole policy: {command}")
    run = [*command.split()[1:], "--home", str(lab.home.path)]
    place = "123456789012/" + ("public" if public else "us-east-1")
    assert CliRunner().invoke(main, run).output == f"removed policy of repository app of {place}\n"
    assert CliRunner().invoke(main, run).output == "There was nothing to remove.\n"
    assert len(client.describe_images(repositoryName="app")["imageDetails"]) == 1
    with pytest.raises(client.exceptions.RepositoryPolicyNotFoundException):
        client.get_repository_policy(repositoryName="app")


def test_a_locked_repository_can_be_removed_with_its_images(lab: Any, service: str, told: Callable[..., str]) -> None:
    assert told(deny(f"{service}:*"), force=True) == ""
    removed = lab.control.reset(repositories=["app"], public=service == "ecr-public")["removed"]
    assert [words.partition(" of ")[0] for words in removed] == ["repository app"]
    lab.client(service).create_repository(repositoryName="app")


def test_the_help_names_the_way_out() -> None:
    told = CliRunner().invoke(main, ["reset", "--help"]).output
    assert "the way out when it locks everybody out" in " ".join(told.split())
