"""The hub in the lab: its port, what survives a restart, reset, the control interface, bad input."""

from __future__ import annotations

import hashlib
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests

from ecrlab.client import LabError
from ecrlab.environment import environment
from ecrlab.host import relay


def test_its_address_is_in_status_and_environment(hub: Any, lab: Any) -> None:
    status = lab.control.status()
    assert status["hub"] == {"address": hub.address, "port": lab.home.hub_port}
    assert all(registry["port"] != lab.home.hub_port for registry in status["registries"])
    variables = environment(lab.home, base={})
    assert variables["HUB"] == hub.address
    assert variables["HUB_PASSWORD_FILE"] == str(lab.home.hub_password)
    assert stat.S_IMODE(lab.home.hub_password.stat().st_mode) == 0o600
    command = [Path(sys.prefix) / "bin" / "ecrlab", "status", "--home", str(lab.home.path)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"Hub     · {hub.address} · stands in for Docker Hub, local" in shown.splitlines()


def test_what_is_there_from_the_beginning(hub: Any, lab: Any) -> None:
    there = lab.control.hub()
    assert there["limits"] == {"anonymous": 100, "account": 200, "window": 21600}
    assert [user["name"] for user in there["users"]] == ["learner"]
    assert [(found["name"], found["members"]) for found in there["organizations"]] == [
        ("harbourbikes", {"learner": "owner"})
    ]
    assert [(found["name"], found["private"]) for found in there["repositories"]] == [
        ("library/busybox", False),
        ("ratelimitpreview/test", False),
    ]


def test_everything_survives_a_restart(make_lab: Callable[[], Any], hub: Any) -> None:
    lab = make_lab()
    hub = type(hub)(lab)
    address, password = hub.address, hub.secrets["learner"]
    hub.user("anna")
    assert hub.push("learner/app").status_code == 201
    lab.control.hub_visibility("learner/app", True)
    lab.control.hub_limits(anonymous=7)
    assert hub.pull("busybox", "latest").status_code == 200
    token = hub.token("repository:learner/app:pull", user="learner")
    api, secret = hub.login(), hub.access_token("repo:read")["token"]
    lab.stop()
    lab.start()
    assert (hub.address, hub.secrets["learner"]) == (address, password)
    assert lab.home.hub_password.read_text().strip() == password
    assert hub.ask("GET", "/v2/learner/app/manifests/1", token).status_code == 200
    assert hub.ask("GET", "/v2/access-tokens", api).json()["count"] == 1
    assert hub.pull("learner/app", user="learner", secret=secret).status_code == 200
    assert hub.pull("learner/app").status_code == 401
    assert hub.pull("busybox", "latest", user="anna").status_code == 200
    assert hub.pull("busybox", "latest", method="HEAD").headers["ratelimit-remaining"] == "6;w=21600"
    lab.stop()


def test_a_kill_loses_no_push(make_lab: Callable[[], Any], hub: Any) -> None:
    lab = make_lab()
    hub = type(hub)(lab)
    assert hub.push("learner/app").status_code == 201
    lab.process.kill()
    lab.process.wait()
    lab.process.stdout.close()
    lab.home.control.unlink()
    lab.start()
    assert hub.pull("learner/app").status_code == 200
    lab.stop()


def test_a_lost_password_file_gives_a_new_password(make_lab: Callable[[], Any], hub: Any) -> None:
    lab = make_lab()
    old = type(hub)(lab).secrets["learner"]
    lab.stop()
    lab.home.hub_password.unlink()
    lab.start()
    hub = type(hub)(lab)
    assert hub.secrets["learner"] != old
    assert hub.token_answer(user="learner").status_code == 200
    assert hub.token_answer(user="learner", secret=old).status_code == 401
    lab.stop()


def test_a_taken_port_is_said_and_the_lab_goes_on(make_lab: Callable[[], Any]) -> None:
    import socket

    lab = make_lab()
    port = lab.home.hub_port
    lab.stop()
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        other.bind(("127.0.0.1", port))
        other.listen()
        lab.start()
        assert lab.control.status()["hub"] == {"address": None, "port": None}
        output = lab.stop()
    assert f"The Docker-Hub-like registry cannot be reached: Port {port} is in use" in output
    lab.start()
    assert lab.control.status()["hub"]["port"] == port
    lab.stop()


def test_reset_clears_it_and_leaves_the_password(hub: Any, lab: Any) -> None:
    hub.user("anna")
    lab.control.hub_organization("crew", {"anna": "owner"})
    assert hub.push("learner/app").status_code == 201
    lab.control.hub_limits(anonymous=1)
    secret = hub.access_token("repo:read")["token"]
    lab.repository("mine")
    assert lab.control.reset(hub=True)["removed"] == [
        "repository learner/app of the hub",
        "user anna of the hub",
        "organisation crew of the hub",
    ]
    assert lab.client("ecr").describe_repositories()["repositories"], "ECR was not asked to be reset"
    test_what_is_there_from_the_beginning(hub, lab)
    assert hub.token_answer(user="learner", secret=secret).status_code == 401
    assert hub.pull("busybox", "latest", user="learner").status_code == 200
    assert hub.push("learner/app").status_code == 201
    assert "repository learner/app of the hub" in lab.control.reset()["removed"]
    assert lab.control.reset()["removed"] == []
    with pytest.raises(LabError, match="hub is true"):
        lab.control._call("POST", "/_ecrlab/reset", {"hub": 1})


def test_a_user_made_again_has_no_old_password(hub: Any, lab: Any) -> None:
    old = hub.user("anna")
    assert hub.token_answer(user="anna").status_code == 200
    lab.control.reset(hub=True)
    assert hub.user("anna") != old
    assert hub.token_answer(user="anna", secret=old).status_code == 401
    assert hub.token_answer(user="anna").status_code == 200


def test_ecr_is_not_at_the_hub_nor_the_hub_at_ecr(hub: Any, lab: Any) -> None:
    assert hub.push("learner/app").status_code == 201
    assert lab.client("ecr").describe_repositories()["repositories"] == []
    assert lab.control.tree()["shelves"] == []
    login = hub.token("repository:learner/app:pull", user="learner")
    answer = hub.session.get(
        f"http://localhost:{lab.port}/v2/learner/app/manifests/1",
        headers={"Authorization": f"Bearer {login}"},
        timeout=10,
    )
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Basic")
    token = lab.client("ecr").get_authorization_token()["authorizationData"][0]["authorizationToken"]
    assert hub.ask("GET", "/token", headers={"Authorization": f"Basic {token}"}).status_code == 401
    assert hub.ask("GET", "/v2/", headers={"Authorization": f"Basic {token}"}).status_code == 401


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("users", {"name": "learner"}, "is taken"),
        ("users", {"name": "harbourbikes"}, "is taken"),
        ("users", {"name": "library"}, "is taken"),
        ("users", {"name": "orgs"}, "is taken"),
        ("users", {"name": "Anna"}, "lower-case"),
        ("users", {"name": ["anna"]}, "lower-case"),
        ("users", {}, "lower-case"),
        ("users", {"name": "anna", "password": "short"}, "8 to 200"),
        ("users", {"name": "anna", "plan": "gold"}, "A plan is one of"),
        ("users", {"name": "anna", "default_private": "yes"}, "true or false"),
        ("organizations", {"name": "crew"}, "with an owner"),
        ("organizations", {"name": "crew", "members": {"learner": "member"}}, "with an owner"),
        ("organizations", {"name": "crew", "members": {"ghost": "owner"}}, "no user 'ghost'"),
        ("organizations", {"name": "crew", "members": {"learner": "owner", "ghost": []}}, "no user 'ghost'"),
        ("members", {"organization": "crew", "user": "learner", "role": "owner"}, "no organisation 'crew'"),
        ("members", {"organization": "harbourbikes", "user": "learner", "role": "king"}, "A role is one of"),
        ("members", {"organization": "harbourbikes", "user": "learner", "role": None}, "no owner any more"),
        ("members", {"organization": "harbourbikes", "user": "learner", "role": "member"}, "no owner any more"),
        ("members", {}, "There is no organisation|is not a member"),
        ("teams", {"organization": "harbourbikes", "name": "A"}, "A team's name"),
        ("teams", {"organization": "harbourbikes", "name": "aa", "members": 3}, "Expected members"),
        ("teams", {"organization": "harbourbikes", "name": "aa", "members": [{}]}, "no user"),
        (
            "teams",
            {"organization": "harbourbikes", "name": "aa", "repositories": {"web": "own"}},
            "A permission is one",
        ),
        ("teams", {"organization": "harbourbikes", "name": "aa", "repositories": {"a/b": "read"}}, "without its name"),
        ("visibility", {"repository": "learner/none", "private": True}, "no repository learner/none"),
        ("visibility", {"repository": "library/busybox", "private": "no"}, "true or false"),
        ("visibility", {"namespace": "ghost", "private": True}, "no user or organisation"),
        ("visibility", {"namespace": [], "private": True}, "no user or organisation"),
        ("visibility", {}, "Expected"),
        ("limits", {"anonymous": "x"}, "A limit is"),
        ("nothing", {}, "There is no POST"),
    ],
)
def test_bad_input_is_refused_with_a_text(lab: Any, path: str, body: dict[str, Any], message: str) -> None:
    with pytest.raises(LabError, match=message):
        lab.control._call("POST", f"/_ecrlab/hub/{path}", body)


def test_it_needs_the_secret(hub: Any, lab: Any) -> None:
    answer = hub.session.post(f"http://localhost:{lab.port}/_ecrlab/hub/window", json={}, timeout=10)
    assert answer.status_code == 403


def test_a_mirror_hands_out_what_it_was_told(make_lab: Callable[[], Any], hub: Any) -> None:
    lab = make_lab()
    hub = type(hub)(lab)
    old, new = (hub.push("harbourbikes/map", tag) for tag in ("2.2", "2.3"))
    assert {old.status_code, new.status_code} == {201}
    digests = [each.headers["Docker-Content-Digest"] for each in (old, new)]

    def ask(path: str, method: str = "GET") -> requests.Response:
        return requests.request(method, f"http://localhost:{lab.home.mirror_port}/v2/{path}", timeout=9)

    before = lab.control.xray(limit=1)["last"]
    assert ask("harbourbikes/map/manifests/2.3").status_code == 404
    address = lab.control.hub_mirror("harbourbikes/map", "2.2")["address"]
    assert environment(lab.home, base={})["MIRROR"] == address == f"localhost:{lab.home.mirror_port}"
    assert lab.home.mirror_port in relay.ports(lab.control.status())
    assert ask("").status_code == 200
    for asked in ("2.3", "2.2", digests[1]):
        answer = ask(f"harbourbikes/map/manifests/{asked}")
        assert "sha256:" + hashlib.sha256(answer.content).hexdigest() == digests[0]
        assert answer.headers["Docker-Content-Digest"] == digests[0]
        assert ask(f"harbourbikes/map/manifests/{asked}", "HEAD").headers["Content-Length"] == str(len(answer.content))
    layer = answer.json()["layers"][0]
    assert len(ask(f"harbourbikes/map/blobs/{layer['digest']}").content) == layer["size"]
    assert ask("library/busybox/manifests/latest").status_code == 404
    assert ask("harbourbikes/map/manifests/2.3", "PUT").status_code == 405
    assert {row["service"] for row in lab.control.xray(after=before)["rows"]} == {"mirror"}

    lab.control.hub_mirror("harbourbikes/map", "2.2", claims="2.3")
    answer = ask("harbourbikes/map/manifests/2.3")
    assert answer.headers["Docker-Content-Digest"] == digests[1]
    assert "sha256:" + hashlib.sha256(answer.content).hexdigest() == digests[0]

    lab.control.hub_mirror("harbourbikes/map", "2.3", respaced=True)
    answer = ask("harbourbikes/map/manifests/2.3")
    assert answer.json()["layers"] == requests.get(answer.url, timeout=9).json()["layers"]
    assert "sha256:" + hashlib.sha256(answer.content).hexdigest() not in digests

    with pytest.raises(LabError, match="no tag '9'"):
        lab.control.hub_mirror("harbourbikes/map", "9")
    lab.control.reset(hub=True)
    assert ask("harbourbikes/map/manifests/2.3").status_code == 404


def test_the_registries_addresses_for_http_are_in_the_environment(lab: Any) -> None:
    variables = environment(lab.home, base={})
    host, _, account = str(variables["REGISTRY"]).partition("/")
    assert variables["REGISTRY_API"] == f"http://{host}/v2/{account}"
    assert variables["HUB_API"] == f"http://{variables['HUB']}/v2"


def test_it_can_be_switched_off(hub: Any, lab: Any) -> None:
    with pytest.raises(LabError, match="true or false"):
        lab.control._call("POST", "/_ecrlab/hub/switch", {"on": "no"})
    assert lab.control.hub()["on"]
    assert lab.control.hub_switch(on=False) == {"on": False}
    last = lab.control.xray(limit=1)["last"]
    with pytest.raises(requests.ConnectionError):
        hub.session.get(f"{hub.base}/v2/", timeout=20)
    # The row is written when the connection has been closed, which the client may see first.
    rows = lab.control.xray(after=last, wait=5, limit=1000)["rows"]
    assert [row["status"] for row in rows] == [0]
    assert lab.control.status()["hub"]["address"] == hub.address
    assert not lab.control.hub()["on"]
    lab.control.hub_switch(on=True)
    assert hub.pull("busybox", "latest").status_code == 200
    lab.control.hub_switch(on=False)
    lab.control.reset(hub=True)
    assert hub.pull("busybox", "latest").status_code == 200
