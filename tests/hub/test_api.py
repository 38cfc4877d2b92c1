"""The HTTP API: paths and shapes of Docker's reference, and bad input."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest


def test_a_login_gives_a_token_of_ten_minutes(hub: Any, lab: Any) -> None:
    password = hub.secrets["learner"]
    first = hub.ask("POST", "/v2/users/login/", json={"username": "learner", "password": password})
    assert set(first.json()) == {"token"}
    second = hub.ask("POST", "/v2/auth/token", json={"identifier": "learner", "secret": password})
    assert set(second.json()) == {"access_token"}
    for token in (first.json()["token"], second.json()["access_token"]):
        assert hub.ask("GET", "/v2/access-tokens", token).status_code == 200
        assert hub.ask("GET", "/v2/access-tokens", headers={"Authorization": f"JWT {token}"}).status_code == 200
    lab.control.advance(601)
    assert hub.ask("GET", "/v2/access-tokens", token).status_code == 401
    wrong = hub.ask("POST", "/v2/users/login", json={"username": "learner", "password": "wrong"})
    assert (wrong.status_code, wrong.json()) == (401, {"detail": "Incorrect authentication credentials"})


def test_the_life_of_an_access_token(hub: Any, lab: Any) -> None:
    token = hub.login()
    made = hub.access_token("repo:read")
    assert (made["token_label"], made["scopes"], made["is_active"]) == ("repo:read", ["repo:read"], True)
    listed = hub.ask("GET", "/v2/access-tokens", token).json()
    assert (listed["count"], listed["active_count"], listed["next"]) == (1, 1, None)
    assert listed["results"][0]["token"] == "", "it is shown once"
    path = f"/v2/access-tokens/{made['uuid']}"
    assert hub.token_answer(user="learner", secret=made["token"]).status_code == 200
    assert hub.ask("GET", path, token).json()["last_used"] is not None
    assert hub.ask("PATCH", path, token, json={"is_active": False}).json()["is_active"] is False
    assert hub.token_answer(user="learner", secret=made["token"]).status_code == 401
    assert hub.ask("PATCH", path, token, json={"is_active": True, "token_label": "ci"}).json()["token_label"] == "ci"
    assert hub.token_answer(user="learner", secret=made["token"]).status_code == 200
    assert hub.ask("DELETE", path, token).status_code == 204
    assert hub.ask("GET", path, token).status_code == 404
    assert hub.token_answer(user="learner", secret=made["token"]).status_code == 401


def test_an_access_token_ends_in_lab_time(hub: Any, lab: Any) -> None:
    from datetime import UTC, datetime, timedelta

    end = (datetime.now(UTC) + timedelta(days=30)).isoformat()
    made = hub.access_token("repo:read", expires_at=end)
    assert hub.token_answer(user="learner", secret=made["token"]).status_code == 200
    lab.control.advance(31 * 86400)
    assert hub.token_answer(user="learner", secret=made["token"]).status_code == 401


def test_an_access_token_makes_no_others_and_manages_only_as_admin(hub: Any) -> None:
    assert hub.push("learner/app").status_code == 201
    for scope, expected in (("repo:write", 403), ("repo:admin", 200)):
        token = hub.login(secret=hub.access_token(scope)["token"])
        answer = hub.ask("PATCH", "/v2/repositories/learner/app", token, json={"is_private": False})
        assert answer.status_code == expected
        if expected == 403:
            assert answer.json() == {"detail": "access denied: insufficient scope"}
        new = hub.ask("POST", "/v2/access-tokens", token, json={"token_label": "x", "scopes": ["repo:read"]})
        assert new.status_code == 403


def test_repositories_are_made_listed_and_shown(hub: Any, lab: Any) -> None:
    token = hub.login()
    body = {"name": "my-web-app", "namespace": "learner", "description": "bikes", "is_private": True}
    made = hub.ask("POST", "/v2/namespaces/learner/repositories", token, json=body)
    assert made.status_code == 201
    assert (made.json()["namespace"], made.json()["name"], made.json()["is_private"]) == ("learner", "my-web-app", True)
    assert hub.ask("POST", "/v2/namespaces/learner/repositories", token, json=body).status_code == 409
    hub.user("anna")
    for name in ("my-web-app", "missing"):  # whoever may not make one does not learn whether there is one
        other = hub.ask("POST", "/v2/namespaces/learner/repositories", hub.login("anna"), json={**body, "name": name})
        assert other.status_code == 403
    for number in range(3):
        assert hub.push(f"learner/app-{number}").status_code == 201
    path = "/v2/namespaces/learner/repositories"
    seen = hub.ask("GET", f"{path}?ordering=name", token).json()
    assert [item["name"] for item in seen["results"]] == ["app-0", "app-1", "app-2", "my-web-app"]
    assert [item["name"] for item in hub.ask("GET", f"{path}?ordering=-name").json()["results"]] == [
        "app-2", "app-1", "app-0",
    ]  # fmt: skip
    first = hub.ask("GET", f"{path}?page_size=2&ordering=name").json()
    assert (first["count"], first["previous"]) == (3, None)
    second = hub.ask("GET", first["next"].removeprefix(hub.base)).json()
    assert [item["name"] for item in second["results"]] == ["app-2"]
    assert second["previous"] is not None
    assert hub.ask("GET", f"{path}?page=9").status_code == 404
    assert hub.ask("GET", f"{path}?ordering=colour").status_code == 400
    assert [item["name"] for item in hub.ask("GET", f"{path}?name=-1").json()["results"]] == ["app-1"]
    assert hub.ask("HEAD", f"{path}/app-1").status_code == 200
    assert hub.ask("GET", f"{path}/my-web-app").status_code == 404
    shown = hub.ask("GET", f"{path}/my-web-app", token).json()
    assert shown["permissions"] == {"read": True, "write": True, "admin": True}


def test_tags(hub: Any) -> None:
    for tag in ("1.0", "1.1"):
        assert hub.push("learner/app", tag).status_code == 201
    path = "/v2/namespaces/learner/repositories/app/tags"
    listed = hub.ask("GET", path).json()
    assert [tag["name"] for tag in listed["results"]] == ["1.0", "1.1"]
    tag = hub.ask("GET", f"{path}/1.1").json()
    assert (tag["full_size"], tag["images"][0]["digest"]) == (40, tag["digest"])
    assert hub.ask("GET", f"{path}/none").status_code == 404
    assert (
        hub.ask("GET", "/v2/namespaces/library/repositories/busybox/tags/latest").json()["images"][0]["os"] == "linux"
    )


def test_visibility(hub: Any) -> None:
    assert hub.push("learner/app").status_code == 201
    token, path = hub.login(), "/v2/repositories/learner/app/"
    assert hub.ask("PATCH", path, json={"is_private": True}).status_code == 401
    hub.user("anna")
    assert hub.ask("PATCH", path, hub.login("anna"), json={"is_private": True}).status_code == 403
    assert hub.ask("PATCH", path, token, json={"is_private": True}).json()["is_private"] is True
    assert hub.pull("learner/app").status_code == 401
    assert hub.ask("PATCH", path, hub.login("anna"), json={"is_private": False}).status_code == 404


def test_teams_of_an_organisation(hub: Any, lab: Any) -> None:
    for user in ("mia", "otto"):
        hub.user(user)
    lab.control.hub_member("harbourbikes", "mia", "member")
    assert hub.push("harbourbikes/web").status_code == 201
    token, orgs = hub.login(), "/v2/orgs/harbourbikes"
    group = hub.ask("POST", f"{orgs}/groups", token, json={"name": "builders", "description": "of images"})
    assert group.status_code == 201
    assert hub.ask("POST", f"{orgs}/groups", token, json={"name": "builders"}).status_code == 409
    assert hub.ask("POST", f"{orgs}/groups/builders/members", token, json={"member": "mia"}).status_code == 200
    assert hub.ask("POST", f"{orgs}/groups/builders/members", token, json={"member": "otto"}).status_code == 400
    body = {"group_id": group.json()["id"], "permission": "write"}
    given = hub.ask("POST", "/v2/repositories/harbourbikes/web/groups", token, json=body)
    assert given.json() == {"group_name": "builders", "permission": "write", "group_id": group.json()["id"]}
    assert hub.push("harbourbikes/web", user="mia").status_code == 201
    members = hub.ask("GET", f"{orgs}/members", hub.login("mia")).json()
    assert [(item["username"], item["role"]) for item in members["results"]] == [
        ("learner", "Owner"),
        ("mia", "Member"),
    ]
    assert members["results"][1]["groups"] == ["builders"]
    assert hub.ask("GET", f"{orgs}/groups/builders", token).json()["member_count"] == 1
    assert hub.ask("GET", f"{orgs}/groups/builders/members", token).json()["results"][0]["username"] == "mia"
    assert hub.ask("DELETE", f"{orgs}/groups/builders/members/mia", token).status_code == 204
    assert hub.push("harbourbikes/web", user="mia").status_code == 401
    assert hub.ask("PUT", f"{orgs}/members/mia", token, json={"role": "editor"}).json()["role"] == "Editor"
    assert hub.push("harbourbikes/web", user="mia").status_code == 201
    assert hub.ask("DELETE", f"{orgs}/groups/builders", token).status_code == 204
    assert hub.ask("DELETE", f"{orgs}/members/mia", token).status_code == 204
    assert hub.push("harbourbikes/web", user="mia").status_code == 401
    assert hub.ask("DELETE", f"{orgs}/members/learner", token).status_code == 400, "the last owner stays"


def test_only_owners_change_an_organisation_and_only_members_see_it(hub: Any, lab: Any) -> None:
    hub.user("mia")
    lab.control.hub_member("harbourbikes", "mia", "member")
    hub.user("otto")
    path = "/v2/orgs/harbourbikes/groups"
    assert hub.ask("GET", path).status_code == 401
    assert hub.ask("GET", path, hub.login("otto")).status_code == 403
    assert hub.ask("GET", path, hub.login("mia")).status_code == 200
    assert hub.ask("POST", path, hub.login("mia"), json={"name": "mine"}).status_code == 403
    assert hub.ask("GET", "/v2/orgs/nothing/groups", hub.login("mia")).status_code == 404


BODIES = [b"", b"[]", b"{", b"null", b"\xff", b'{"name": 1}', b'{"name": ""}', b'{"name": "A"}', b'{"is_private": 1}',
          b'{"scopes": [[]], "token_label": "x"}', b'{"scopes": "repo:read", "token_label": "x"}', b"[" * 100_000,
          b'{"token_label": "x", "scopes": ["repo:read"], "expires_at": "soon"}', b'{"group_id": {}, "permission": []}',
          b'{"token_label": "x", "scopes": ["repo:read"], "expires_at": "2000-01-01"}', b'{"role": ["owner"]}',
          b'{"username": {}, "password": []}', b'{"identifier": "learner", "secret": 1}', b'{"member": 3}',
          b'{"name": "ok-name", "description": 5}', b'{"name": "\\ud800"}', b'{"name": "x", "namespace": "other"}',
          b'{"username": "\\ud800", "password": "\\ud800"}',
          b'{"username": "learner", "password": "\\ud800"}']  # fmt: skip


@pytest.mark.parametrize("body", BODIES)
def test_bad_bodies_are_refused_with_a_text(hub: Any, body: bytes) -> None:
    token = hub.login()
    for method, path in (
        ("POST", "/v2/users/login"),
        ("POST", "/v2/auth/token"),
        ("POST", "/v2/access-tokens"),
        ("POST", "/v2/namespaces/learner/repositories"),
        ("PATCH", "/v2/repositories/library/busybox"),
        ("POST", "/v2/repositories/harbourbikes/none/groups"),
        ("POST", "/v2/orgs/harbourbikes/groups"),
        ("PUT", "/v2/orgs/harbourbikes/members/learner"),
    ):
        answer = hub.ask(method, path, token, data=body)
        assert 400 <= answer.status_code < 500 or answer.status_code == 201, (method, path, answer.text)
        assert "a fault of the lab" not in answer.text
        assert answer.status_code == 201 or answer.json()["detail"]


@pytest.mark.parametrize(
    "path",
    ["/v2/namespaces/", "/v2/namespaces//repositories", "/v2/namespaces/%ff/repositories", "/v2/orgs/%ff/groups",
     "/v2/namespaces/learner/repositories/%ff", "/v2/namespaces/learner/repositories/..%2f/tags", "/v2/orgs/",
     "/v2/namespaces/library/repositories/busybox/tags/%ff", "/v2/access-tokens/%ff", "/v2/access-tokens/x",
     "/v2/namespaces/library/repositories/busybox/tags?page=0", "/v2/repositories/", "/v2/users/nothing",
     "/v2/namespaces/library/repositories?page=x", "/v2/namespaces/library/repositories?page_size=-1",
     "/v2/namespaces/library/repositories?ordering=--name", "/v2/namespaces/library/repositories/busybox/tags/a:b",
     "/v2/orgs/harbourbikes/members/%ff", "/v2/orgs/harbourbikes/groups/%ff"],
)  # fmt: skip
def test_bad_paths_are_refused_with_a_text(hub: Any, path: str) -> None:
    token = hub.login()
    for method in ("GET", "DELETE", "TRACE"):
        answer = hub.ask(method, path, token)
        if path == "/v2/namespaces/%ff/repositories" and method == "GET":
            assert answer.json()["count"] == 0
            continue
        assert 400 <= answer.status_code < 500
        assert "a fault of the lab" not in answer.text


def test_a_large_body_is_refused(hub: Any) -> None:
    assert hub.ask("POST", "/v2/users/login", data=os.urandom(100_000)).status_code == 413
    assert hub.ask("POST", "/v2/users/login", data=iter([b"x" * 90_000])).status_code == 413


def test_a_token_of_a_removed_user_is_none(hub: Any, lab: Any) -> None:
    hub.user("anna")
    token = hub.login("anna")
    lab.control.reset(hub=True)
    assert hub.ask("GET", "/v2/access-tokens", token).status_code == 401


def test_no_password_is_in_the_store_or_the_record(hub: Any, lab: Any) -> None:
    secrets = [hub.user("anna"), hub.secrets["learner"], hub.access_token("repo:read")["token"]]
    hub.login("anna")
    rows = json.dumps(lab.control.xray(0, limit=10_000)["rows"])
    for secret in secrets:
        assert secret not in rows
        for file in (lab.home.lab / "hub").glob("store.sqlite3*"):
            assert secret.encode() not in file.read_bytes()
