"""What the registry keeps between requests changes no answer: every change counts from the very next request on.

Each test asks the same until the answer is certainly kept, changes one thing, and asks once.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from requests.adapters import HTTPAdapter
from tests.aws.test_private_backend import Http, digest, said

POWER = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPowerUser"
PULL_ONLY = "arn:aws:iam::aws:policy/AmazonEC2ContainerRegistryPullOnly"
ACTION = "ecr:BatchGetImage"
PATH = "app/manifests/v1"


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def statement(effect: str = "Allow", **more: Any) -> dict[str, Any]:
    return {"Effect": effect, "Action": ACTION, "Resource": "*", **more}


def ask(client: Http, path: str = PATH, **headers: str) -> int:
    """Ask with HEAD and with GET, which must agree."""
    head, get = (client(method, path, headers=headers).status_code for method in ("HEAD", "GET"))
    assert head == get
    return head


def warm(client: Http, status: int, path: str = PATH, **headers: str) -> None:
    for _ in range(5):
        assert ask(client, path, **headers) == status


@pytest.fixture
def developer(lab: Any) -> Iterator[Http]:
    """A user with a pushed image, whose answers are kept."""
    lab.repository("app")
    client = Http(lab, "developer")
    assert client.push("app", "v1").status_code == 201
    warm(client, 200)
    yield client
    client.session.close()


Change = Callable[[Any], Any]


def detach(lab: Any) -> None:
    lab.client("iam").detach_user_policy(UserName="developer", PolicyArn=POWER)


def attach(lab: Any) -> None:
    lab.client("iam").attach_user_policy(UserName="developer", PolicyArn=POWER)


def deny(lab: Any) -> None:
    lab.client("iam").put_user_policy(UserName="developer", PolicyName="no", PolicyDocument=document(statement("Deny")))


def forgive(lab: Any) -> None:
    lab.client("iam").delete_user_policy(UserName="developer", PolicyName="no")


def bound(lab: Any) -> None:
    lab.client("iam").put_user_permissions_boundary(
        UserName="developer", PermissionsBoundary="arn:aws:iam::aws:policy/IAMFullAccess"
    )


def unbound(lab: Any) -> None:
    lab.client("iam").delete_user_permissions_boundary(UserName="developer")


def repository_denies(lab: Any) -> None:
    text = {"Effect": "Deny", "Principal": "*", "Action": ACTION}
    lab.client("ecr").set_repository_policy(repositoryName="app", policyText=document(text))


def repository_forgives(lab: Any) -> None:
    lab.client("ecr").delete_repository_policy(repositoryName="app")


def _join(lab: Any) -> None:
    iam = lab.client("iam")
    iam.create_group(GroupName="shut-out")
    iam.put_group_policy(GroupName="shut-out", PolicyName="no", PolicyDocument=document(statement("Deny")))
    iam.add_user_to_group(GroupName="shut-out", UserName="developer")


def _leave(lab: Any) -> None:
    lab.client("iam").remove_user_from_group(GroupName="shut-out", UserName="developer")


CHANGES: dict[str, tuple[Change, Change]] = {
    "a managed policy": (detach, attach),
    "an inline policy": (deny, forgive),
    "a boundary": (bound, unbound),
    "a repository policy": (repository_denies, repository_forgives),
    "a group": (_join, _leave),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_of_policy_bites_at_the_next_request_and_so_does_taking_it_back(
    lab: Any, developer: Http, what: str
) -> None:
    forbid, permit = CHANGES[what]
    forbid(lab)
    assert ask(developer) == 403
    warm(developer, 403)
    permit(lab)
    assert ask(developer) == 200


def test_the_x_ray_shows_a_repeated_head_as_it_shows_the_first(lab: Any, developer: Http) -> None:
    before = lab.control.xray()["last"]
    answers = [developer("HEAD", PATH) for _ in range(20)]
    assert len({answer.headers["Docker-Content-Digest"] for answer in answers}) == 1
    assert len({tuple(sorted(answer.headers)) for answer in answers}) == 1
    rows = lab.control.xray(before)["rows"]
    assert len(rows) == 20
    varies = {"seq", "time", "wall", "duration_ms"}
    assert len({json.dumps({k: v for k, v in row.items() if k not in varies}) for row in rows}) == 1
    assert [decision["action"] for decision in rows[-1]["decisions"]] == [ACTION]
    # All of them may have been answered from what the fixture's HEADs left.
    assert (rows[-1]["operation"], rows[-1]["principal"], rows[-1]["status"]) == (
        "HEAD manifest",
        "arn:aws:iam::123456789012:user/developer",
        200,
    )


def test_the_default_version_of_a_managed_policy_bites(lab: Any, developer: Http) -> None:
    iam = lab.client("iam")
    arn = iam.create_policy(PolicyName="reads", PolicyDocument=document(statement()))["Policy"]["Arn"]
    iam.attach_user_policy(UserName="developer", PolicyArn=arn)
    detach(lab)
    warm(developer, 200)
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=document(statement("Deny")), SetAsDefault=True)
    assert ask(developer) == 403
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    assert ask(developer) == 200


def test_tags_of_the_user_and_of_the_repository_bite(lab: Any, developer: Http) -> None:
    iam, ecr = lab.client("iam"), lab.client("ecr")
    condition = {"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/team}"}}
    iam.put_user_policy(
        UserName="developer", PolicyName="teams", PolicyDocument=document(statement(Condition=condition))
    )
    detach(lab)
    warm(developer, 403)
    arn = ecr.describe_repositories(repositoryNames=["app"])["repositories"][0]["repositoryArn"]
    iam.tag_user(UserName="developer", Tags=[{"Key": "team", "Value": "blue"}])
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "team", "Value": "blue"}])
    assert ask(developer) == 200
    warm(developer, 200)
    ecr.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert ask(developer) == 403


def test_a_deleted_user_and_a_namesake_are_noticed(lab: Any, developer: Http) -> None:
    iam = lab.client("iam")
    iam.create_user(UserName="leaver")
    iam.attach_user_policy(UserName="leaver", PolicyArn=POWER)
    key = iam.create_access_key(UserName="leaver")["AccessKey"]
    ecr = lab.client_with("ecr", key["AccessKeyId"], key["SecretAccessKey"])
    leaver = Http(lab, None)
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    leaver.session.headers["Authorization"] = f"Basic {token}"
    warm(leaver, 200)
    for _ in range(3):
        ecr.describe_repositories()
    iam.delete_access_key(UserName="leaver", AccessKeyId=key["AccessKeyId"])
    with pytest.raises(ecr.exceptions.ClientError, match="security token included in the request is invalid"):
        ecr.describe_repositories()
    iam.detach_user_policy(UserName="leaver", PolicyArn=POWER)
    iam.delete_user(UserName="leaver")
    assert ask(leaver) == 403
    warm(leaver, 403)
    iam.create_user(UserName="leaver")
    iam.attach_user_policy(UserName="leaver", PolicyArn=POWER)
    assert ask(leaver) == 403
    assert ask(developer) == 200


def test_a_session_ends_with_its_role(lab: Any, developer: Http, account: str) -> None:
    iam = lab.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    iam.create_role(RoleName="puller", AssumeRolePolicyDocument=document(trust))
    iam.attach_role_policy(RoleName="puller", PolicyArn=PULL_ONLY)
    sts = lab.client("sts")
    given = sts.assume_role(RoleArn=f"arn:aws:iam::{account}:role/puller", RoleSessionName="night")["Credentials"]
    ecr = lab.client_with("ecr", given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    session = Http(lab, None)
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    session.session.headers["Authorization"] = f"Basic {token}"
    warm(session, 200)
    # What the console's "Revoke active sessions" attaches.
    now = datetime.fromtimestamp(time.time() + 5, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    revoke = {"Effect": "Deny", "Action": "*", "Resource": "*"}
    condition = {"DateLessThan": {"aws:TokenIssueTime": now}}
    iam.put_role_policy(
        RoleName="puller", PolicyName="revoke", PolicyDocument=document({**revoke, "Condition": condition})
    )
    assert ask(session) == 403
    iam.delete_role_policy(RoleName="puller", PolicyName="revoke")
    assert ask(session) == 200
    iam.detach_role_policy(RoleName="puller", PolicyArn=PULL_ONLY)
    iam.delete_role(RoleName="puller")
    assert ask(session) == 403


def test_the_labs_clock_bites_where_a_condition_asks_for_the_time(lab: Any, developer: Http) -> None:
    limit = datetime.fromtimestamp(time.time() + 3600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {"DateLessThan": {"aws:CurrentTime": limit}}
    lab.client("iam").put_user_policy(
        UserName="developer", PolicyName="hour", PolicyDocument=document(statement(Condition=condition))
    )
    detach(lab)
    warm(developer, 200)
    lab.control.advance(3600)
    assert "not authorized to perform: ecr:BatchGetImage" in said(developer("GET", PATH))[2]
    assert developer("HEAD", PATH).status_code == 403
    lab.control.reset_clock()
    assert ask(developer) == 200


def test_real_time_bites_without_any_write(lab: Any, developer: Http) -> None:
    end = int(time.time()) + 4
    moment = datetime.fromtimestamp(end, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    condition = {"DateLessThan": {"aws:CurrentTime": moment}}
    lab.client("iam").put_user_policy(
        UserName="developer", PolicyName="now", PolicyDocument=document(statement(Condition=condition))
    )
    detach(lab)
    seen: list[tuple[float, int, float]] = []
    while time.time() < end + 1:
        before = time.time()
        status = developer("HEAD", PATH).status_code
        seen.append((before, status, time.time()))
    assert {status for _, status, after in seen if after < end} == {200}
    assert {status for before, status, _ in seen if before >= end} == {403}


def test_a_password_is_over_to_the_second_however_often_it_was_used(lab: Any, developer: Http) -> None:
    lab.control.advance(12 * 3600 - 60)
    warm(developer, 200)
    lab.control.advance(61)
    assert said(developer("GET", PATH))[:2] == (403, "DENIED")
    assert developer("HEAD", PATH).status_code == 403


class From(HTTPAdapter):
    """Sends from another address of this machine."""

    def init_poolmanager(self, *arguments: Any, **more: Any) -> None:
        super().init_poolmanager(*arguments, **more, source_address=("127.0.0.2", 0))


def test_one_password_from_two_addresses_and_two_programs(lab: Any, developer: Http) -> None:
    condition = {"IpAddress": {"aws:SourceIp": "127.0.0.1/32"}, "StringLike": {"aws:UserAgent": "docker/*"}}
    lab.client("iam").put_user_policy(
        UserName="developer", PolicyName="where", PolicyDocument=document(statement(Condition=condition))
    )
    detach(lab)
    other = Http(lab, None)
    other.session.headers["Authorization"] = developer.session.headers["Authorization"]
    other.session.mount("http://", From())
    docker, curl = {"User-Agent": "docker/28.2.2"}, {"User-Agent": "curl/8"}
    for _ in range(4):
        assert ask(developer, **docker) == 200
        assert ask(developer, **curl) == 403
        assert ask(other, **docker) == 403
    row = lab.control.xray(after=lab.control.xray()["last"] - 1)["rows"][0]
    assert (row["principal"], row["decision"]) == ("arn:aws:iam::123456789012:user/developer", "denied")


def test_passwords_repositories_and_operations_are_kept_apart(lab: Any, developer: Http) -> None:
    lab.repository("secret")
    assert Http(lab).push("secret", "v1").status_code == 201
    text = {"Effect": "Deny", "Principal": "*", "Action": ACTION}
    lab.client("ecr").set_repository_policy(repositoryName="secret", policyText=document(text))
    lab.client("iam").put_user_policy(
        UserName="developer", PolicyName="no", PolicyDocument=document(statement("Deny", Action="ecr:ListImages"))
    )
    ci = Http(lab, "ci")
    for _ in range(4):
        assert ask(developer) == 200
        assert ask(developer, "secret/manifests/v1") == 403
        assert developer("GET", "app/tags/list").status_code == 403
        assert ask(ci) == 200
        assert ci("POST", "app/blobs/uploads/").status_code == 403
        assert developer("POST", "app/blobs/uploads/").status_code == 202
        assert Http(lab, None)("HEAD", PATH).status_code == 401


def test_images_and_repositories_that_change_are_seen(lab: Any, developer: Http) -> None:
    first = developer("HEAD", PATH)
    assert developer.push("app", "v1", b"another layer").status_code == 201
    second = developer("HEAD", PATH)
    body = developer("GET", PATH)
    assert second.headers["Docker-Content-Digest"] != first.headers["Docker-Content-Digest"]
    assert second.headers["Docker-Content-Digest"] == body.headers["Docker-Content-Digest"] == digest(body.content)
    assert int(second.headers["Content-Length"]) == len(body.content)
    ecr = lab.client("ecr")
    ecr.batch_delete_image(repositoryName="app", imageIds=[{"imageTag": "v1"}])
    assert ask(developer) == 404
    assert ask(developer, "app/manifests/" + first.headers["Docker-Content-Digest"]) == 200
    warm(developer, 404)
    ecr.delete_repository(repositoryName="app", force=True)
    assert said(developer("GET", PATH))[1] == "NAME_UNKNOWN"
    assert developer("HEAD", "app/manifests/" + first.headers["Docker-Content-Digest"]).status_code == 404
    lab.repository("app")
    assert said(developer("GET", PATH))[1] == "MANIFEST_UNKNOWN"


def test_every_request_has_a_row_of_its_own(lab: Any, developer: Http) -> None:
    last = lab.control.xray()["last"]
    for _ in range(20):
        assert developer("HEAD", PATH).status_code == 200
    rows = [row for row in lab.control.xray(after=last)["rows"] if row["service"] == "registry"]
    assert len(rows) == 20
    assert {(row["action"], row["decision"], len(row["decisions"])) for row in rows} == {(ACTION, "allowed", 1)}
    assert len({row["seq"] for row in rows}) == 20
