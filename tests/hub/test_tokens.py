"""The Bearer-token flow as on the wire at Docker Hub (H027, H028)."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found


def challenge(answer: Any) -> dict[str, str]:
    scheme, _, rest = answer.headers["WWW-Authenticate"].partition(" ")
    assert scheme == "Bearer"
    return dict(re.findall(r'(\w+)="([^"]*)"', rest))


def test_a_request_without_a_token_is_told_where_to_get_one(hub: Any) -> None:
    answer = hub.ask("GET", "/v2/")
    assert answer.status_code == 401
    assert answer.json() == {"errors": [{"code": "UNAUTHORIZED", "message": "authentication required"}]}
    assert challenge(answer) == {"realm": f"{hub.base}/token", "service": "hub.ecrlab.local"}
    for path, scope in (
        ("/v2/learner/app/manifests/1", "repository:learner/app:pull"),
        ("/v2/busybox/manifests/1", "repository:library/busybox:pull"),
        ("/v2/_catalog", "registry:catalog:*"),
    ):
        answer = hub.ask("GET", path)
        assert answer.status_code == 401
        assert challenge(answer)["scope"] == scope
        assert "error" not in challenge(answer)
    answer = hub.ask("POST", "/v2/learner/app/blobs/uploads/")
    assert challenge(answer)["scope"] == "repository:learner/app:pull,push"
    assert answer.json()["errors"][0]["detail"] == [
        {"Type": "repository", "Class": "", "Name": "learner/app", "Action": "pull"},
        {"Type": "repository", "Class": "", "Name": "learner/app", "Action": "push"},
    ]


def test_a_token_says_what_was_granted(hub: Any) -> None:
    answer = hub.token_answer("repository:learner/app:pull,push", "repository:busybox:pull,push", user="learner")
    body = answer.json()
    assert set(body) == {"token", "access_token", "expires_in", "issued_at"}
    assert body["token"] == body["access_token"]
    assert body["expires_in"] == 300
    found = claims(body["token"])
    assert [(entry["name"], entry["actions"]) for entry in found["access"]] == [
        ("learner/app", ["pull", "push"]),
        ("library/busybox", ["pull"]),
    ]
    assert found["access"][0]["parameters"] == {"pull_limit": "200", "pull_limit_interval": "21600"}
    assert (found["sub"], found["aud"], found["exp"] - found["iat"]) == ("learner", "hub.ecrlab.local", 300)
    assert "docker" not in found["iss"]


def test_several_scopes_may_stand_in_one_parameter(hub: Any) -> None:
    token = hub.token("repository:busybox:pull repository:learner/app:push", user="learner")
    assert [entry["name"] for entry in claims(token)["access"]] == ["library/busybox", "learner/app"]


def test_scopes_of_one_repository_are_taken_together(hub: Any) -> None:
    token = hub.token("repository:learner/app:pull", "repository:learner/app:pull,push", user="learner")
    assert [(entry["name"], entry["actions"]) for entry in claims(token)["access"]] == [
        ("learner/app", ["pull", "push"])
    ]


def test_less_than_asked_is_granted_and_the_request_then_refused(hub: Any) -> None:
    token = hub.token("repository:library/busybox:pull,push", user="learner")
    assert hub.ask("GET", "/v2/library/busybox/manifests/latest", token).status_code == 200
    answer = hub.ask("POST", "/v2/library/busybox/blobs/uploads/", token)
    assert answer.status_code == 401
    assert challenge(answer)["error"] == "insufficient_scope"
    assert challenge(answer)["scope"] == "repository:library/busybox:pull,push"


def test_a_token_of_one_repository_does_not_open_another(hub: Any) -> None:
    assert hub.push("learner/one").status_code == 201
    assert hub.push("learner/two").status_code == 201
    token = hub.token("repository:learner/one:pull")
    assert hub.ask("GET", "/v2/learner/one/manifests/1", token).status_code == 200
    assert hub.ask("GET", "/v2/learner/two/manifests/1", token).status_code == 401


def test_a_token_ends_after_300_seconds_of_lab_time(hub: Any, lab: Any) -> None:
    token = hub.token("repository:busybox:pull")
    lab.control.advance(290)
    assert hub.ask("GET", "/v2/busybox/manifests/latest", token).status_code == 200
    lab.control.advance(20)
    answer = hub.ask("GET", "/v2/busybox/manifests/latest", token)
    assert answer.status_code == 401
    assert challenge(answer)["error"] == "invalid_token"


def test_a_changed_token_is_refused(hub: Any) -> None:
    token = hub.token("repository:busybox:pull")
    head, payload, signature = token.split(".")
    forged = claims(token)
    forged["access"][0]["actions"] = ["pull", "push"]
    changed = base64.urlsafe_b64encode(json.dumps(forged).encode()).rstrip(b"=").decode()
    for bad in (f"{head}.{changed}.{signature}", token[:-2], "x", "a.b.c", f"{head}.{payload}.", "é.é.é".encode()):
        answer = hub.ask("GET", "/v2/busybox/manifests/latest", headers={"Authorization": b"Bearer " + _bytes(bad)})
        assert answer.status_code == 401
        assert challenge(answer)["error"] == "invalid_token"


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def test_a_token_of_the_api_is_none_of_the_registry(hub: Any) -> None:
    assert hub.ask("GET", "/v2/", hub.login()).status_code == 401
    registry = hub.token(user="learner")
    assert hub.ask("GET", "/v2/", registry).status_code == 200
    assert hub.ask("GET", "/v2/access-tokens", registry).status_code == 401


def test_a_wrong_password_is_refused_in_docker_hub_s_words(hub: Any) -> None:
    for user, secret in (("learner", "wrong"), ("nobody", "wrong"), ("library", ""), ("ü", "ü"), ("", "")):
        answer = hub.token_answer("repository:busybox:pull", user=user, secret=secret)
        assert (answer.status_code, answer.json()) == (401, {"details": "incorrect username or password"})
    for header in ("Basic !!!", "Basic bGVhcm5lcg==", "Digest x", "Bearer x", "Basic"):
        answer = hub.ask("GET", "/token", headers={"Authorization": header})
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "scope",
    ["", "x", "repository", "repository:", "repository::pull", "repository:A/B:pull", "repository:a/../b:pull",
     "registry:catalog:*", "repository:learner/app:", "repository:learner/app:fly", "repository:%ff/x:pull",
     "repository(plugin):learner/app:pull", "repository:" + "a/" * 400 + "a:pull", "\udcff:\udcff:\udcff"],
)  # fmt: skip
def test_a_strange_scope_grants_nothing(hub: Any, scope: str) -> None:
    answer = hub.session.get(f"{hub.base}/token?scope=" + _quoted(scope), auth=("learner", hub.secrets["learner"]))
    assert answer.status_code == 200
    assert all(entry["actions"] == [] for entry in claims(answer.json()["token"])["access"])


def _quoted(text: str) -> str:
    from urllib.parse import quote

    return quote(text.encode("utf-8", "surrogateescape"), safe="%")


def test_only_get_gives_tokens(hub: Any) -> None:
    answer = hub.ask("POST", "/token", data={"grant_type": "password", "username": "learner"})
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET")
    scopes = [f"repository:learner/a{number}:pull" for number in range(30)]
    assert hub.token_answer(*scopes, user="learner").status_code == 400


def test_the_realm_follows_the_host_that_was_asked_unless_it_is_strange(hub: Any) -> None:
    for host, shown in (
        ("127.0.0.1:1", "127.0.0.1:1"),
        ("host.docker.internal:9", "host.docker.internal:9"),
        ('a"b', hub.address),
        ("é", hub.address),
    ):
        answer = hub.ask("GET", "/v2/", headers={"Host": host.encode()})
        assert answer.status_code == 401
        assert challenge(answer)["realm"] == f"http://{shown}/token"


def test_the_x_ray_has_scopes_asked_and_granted(hub: Any, lab: Any) -> None:
    before = lab.control.xray()["last"]
    token = hub.token("repository:busybox:pull,push", user="learner")
    hub.ask("HEAD", "/v2/busybox/manifests/latest", token)
    asked, used = lab.control.xray(before)["rows"]
    assert (asked["service"], asked["operation"], asked["principal"]) == ("hub", "GET token", "learner")
    assert (asked["action"], asked["resource"]) == ("pull,push", "repository:library/busybox")
    assert (asked["decision"], asked["decisions"][0]["granted"]) == ("denied", ["pull"])
    assert asked["reason"] == "granted pull: library/busybox is public; learner has no role in library"
    assert (used["operation"], used["action"], used["decision"]) == ("HEAD manifest", "pull", "allowed")
    assert hub.secrets["learner"] not in json.dumps([asked, used])


def test_the_hub_says_what_it_is(hub: Any) -> None:
    page = hub.ask("GET", "/")
    assert page.status_code == 200
    assert "NOT Docker Hub" in page.text
    for path in ("/v2/", "/token", "/v2/users/login", "/nothing", "/v2/busybox/manifests/latest"):
        assert "not Docker Hub" in hub.ask("GET", path).headers["X-Ecrlab"]
    assert hub.ask("POST", "/").status_code == 405
    assert hub.ask("GET", "/nothing").status_code == 404
    assert hub.ask("GET", "/_ecrlab/status").status_code == 404
