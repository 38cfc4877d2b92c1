"""Pull limits: what counts, on whom, and what is answered (H015 to H020, err 111 and 112)."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecrlab.client import LabError


def left(answer: Any) -> str:
    return str(answer.headers["ratelimit-remaining"])


def test_a_get_counts_and_a_head_does_not(hub: Any) -> None:
    answer = hub.pull("busybox", "latest", method="HEAD")
    assert answer.headers["ratelimit-limit"] == "100;w=21600"
    assert left(answer) == "100;w=21600"
    assert answer.headers["docker-ratelimit-source"] == "127.0.0.1"
    assert left(hub.pull("busybox", "latest")) == "99;w=21600"
    for _ in range(3):
        assert left(hub.pull("busybox", "latest", method="HEAD")) == "99;w=21600"
    # Neither a missing image nor a layer nor a list of tags is a pull.
    token = hub.token("repository:busybox:pull")
    for path, used in (("none", token), ("latest", None)):
        answer = hub.ask("GET", f"/v2/busybox/manifests/{path}", used)
        assert answer.status_code in (401, 404)
        assert "docker-ratelimit-source" in answer.headers
        assert "ratelimit-limit" not in answer.headers
    layer = hub.pull("busybox", "latest").json()["layers"][0]["digest"]
    assert hub.ask("GET", f"/v2/busybox/blobs/{layer}", token).status_code == 200
    assert hub.ask("GET", "/v2/busybox/tags/list", token).status_code == 200
    assert left(hub.pull("busybox", "latest", method="HEAD")) == "98;w=21600"


def test_the_x_ray_shows_a_repeated_head_as_it_shows_the_first(lab: Any, hub: Any) -> None:
    token = hub.token("repository:busybox:pull", user="learner")
    before = lab.control.xray()["last"]
    for _ in range(20):
        assert hub.ask("HEAD", "/v2/busybox/manifests/latest", token).status_code == 200
    rows = lab.control.xray(before)["rows"]
    assert len(rows) == 20
    varies = {"seq", "time", "wall", "duration_ms"}
    assert len({json.dumps({k: v for k, v in row.items() if k not in varies}) for row in rows}) == 1
    assert (rows[-1]["operation"], rows[-1]["principal"], len(rows[-1]["decisions"])) == ("HEAD manifest", "learner", 1)


def test_a_push_does_not_count(hub: Any) -> None:
    assert hub.push("learner/app").status_code == 201
    assert left(hub.pull("learner/app", method="HEAD", user="learner")) == "200;w=21600"


def test_of_an_image_for_several_architectures_each_one_pulled_counts(hub: Any, digest: Any) -> None:
    token = hub.token("repository:learner/multi:pull,push", user="learner")
    members = []
    for tag in ("amd64", "arm64"):
        assert hub.push("learner/multi", tag).status_code == 201
        content = hub.pull("learner/multi", tag, user="learner").content
        members.append({"mediaType": json.loads(content)["mediaType"], "digest": digest(content), "size": len(content)})
    kind = "application/vnd.oci.image.index.v1+json"
    index = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": members})
    path = "/v2/learner/multi/manifests/"
    assert hub.ask("PUT", f"{path}latest", token, data=index, headers={"Content-Type": kind}).status_code == 201
    token = hub.token("repository:learner/multi:pull")
    assert left(hub.ask("GET", f"{path}latest", token)) == "100;w=21600"
    assert left(hub.ask("GET", path + members[0]["digest"], token)) == "99;w=21600"
    assert left(hub.ask("GET", path + members[1]["digest"], token)) == "98;w=21600"


def test_each_account_and_each_address_has_its_own_count(hub: Any, lab: Any) -> None:
    lab.control.hub_limits(anonymous=1, account=2)
    hub.user("anna")
    assert hub.pull("busybox", "latest").status_code == 200
    assert hub.pull("busybox", "latest").status_code == 429
    for user in ("learner", "anna"):
        assert [hub.pull("busybox", "latest", user=user).status_code for _ in range(3)] == [200, 200, 429]
    secret = hub.access_token("repo:read")["token"]
    assert hub.pull("busybox", "latest", user="learner", secret=secret).status_code == 429


def test_what_is_answered_over_the_limit(hub: Any, lab: Any) -> None:
    lab.control.hub_limits(anonymous=0, account=0)
    answer = hub.pull("busybox", "latest")
    assert answer.status_code == 429
    assert answer.json() == {
        "errors": [
            {
                "code": "TOOMANYREQUESTS",
                "message": "You have reached your unauthenticated pull rate limit. "
                "https://www.docker.com/increase-rate-limit",
            }
        ]
    }
    assert answer.headers["ratelimit-limit"] == "0;w=21600"
    assert left(answer) == "0;w=21600"
    message = hub.pull("busybox", "latest", user="learner").json()["errors"][0]["message"]
    assert message.startswith("You have reached your pull rate limit as 'learner': ecrlab_jti_")
    assert message.endswith("You may increase the limit by upgrading. https://www.docker.com/increase-rate-limit")
    # A look costs nothing, and is never refused (H017).
    assert hub.pull("busybox", "latest", method="HEAD").status_code == 200


def test_no_limit_no_header(hub: Any, lab: Any) -> None:
    hub.user("paid", plan="team")
    answer = hub.pull("busybox", "latest", user="paid")
    assert answer.status_code == 200
    assert "ratelimit-limit" not in answer.headers
    assert "ratelimit-remaining" not in answer.headers
    lab.control.hub_limits(anonymous=None)
    assert "ratelimit-limit" not in hub.pull("busybox", "latest").headers
    # The same answer to somebody who has one.
    assert "ratelimit-limit" in hub.pull("busybox", "latest", user="learner", method="HEAD").headers
    assert "ratelimit-limit" not in hub.pull("busybox", "latest", method="HEAD").headers


def test_the_window_rolls_with_lab_time(hub: Any, lab: Any) -> None:
    lab.control.hub_limits(anonymous=2)
    assert hub.pull("busybox", "latest").status_code == 200
    lab.control.advance(3 * 3600)
    assert hub.pull("busybox", "latest").status_code == 200
    assert hub.pull("busybox", "latest").status_code == 429
    lab.control.advance(3 * 3600)  # the first pull is six hours old, the second three
    answer = hub.pull("busybox", "latest")
    assert (answer.status_code, left(answer)) == (200, "0;w=21600")
    assert hub.pull("busybox", "latest").status_code == 429
    lab.control.advance(6 * 3600)
    assert left(hub.pull("busybox", "latest", method="HEAD")) == "2;w=21600"


def test_the_clock_may_go_back(hub: Any, lab: Any) -> None:
    lab.control.advance(24 * 3600)
    lab.control.hub_limits(anonymous=1)
    assert hub.pull("busybox", "latest").status_code == 200
    assert hub.pull("busybox", "latest").status_code == 429
    lab.control.reset_clock()
    assert hub.pull("busybox", "latest").status_code == 200


def test_the_lab_changes_limits_and_begins_windows_again(hub: Any, lab: Any) -> None:
    assert lab.control.hub_limits() == {"anonymous": 100, "account": 200, "window": 21600}
    assert lab.control.hub_limits(window=60, anonymous=1) == {"anonymous": 1, "account": 200, "window": 60}
    assert hub.pull("busybox", "latest").headers["ratelimit-limit"] == "1;w=60"
    assert hub.pull("busybox", "latest").status_code == 429
    lab.control.hub_window()
    assert hub.pull("busybox", "latest").status_code == 200
    for bad in ({"anonymous": -1}, {"account": "many"}, {"window": 0}, {"window": None}, {"other": 1}, {"account": 1.5},
                {"anonymous": True}, {"anonymous": 10**9}):  # fmt: skip
        with pytest.raises(LabError, match=r"limit|window"):
            lab.control.hub_limits(**bad)
    assert lab.control.hub_limits()["anonymous"] == 1


def test_limits_are_looked_at_without_spending_a_pull(hub: Any) -> None:
    """The command of Docker's documentation (H019), with this hub's address."""
    token = hub.token("repository:ratelimitpreview/test:pull")
    answer = hub.ask("HEAD", "/v2/ratelimitpreview/test/manifests/latest", token)
    assert (answer.status_code, left(answer)) == (200, "100;w=21600")


def test_an_ipv6_address_counts_as_its_64(tmp_path: Any) -> None:
    from ecrlab.clock import Clock
    from ecrlab.hub.pulls import Pulls
    from ecrlab.store import Store

    with Store.open(tmp_path / "store") as store:
        pulls = Pulls(store, Clock(store))
        first, same = pulls.puller(None, "2001:db8:0:1::1"), pulls.puller(None, "2001:db8:0:1:ffff::2")
        assert first == same
        assert first.shown == "2001:db8:0:1::"
        assert pulls.puller(None, "2001:db8:0:2::1").key != first.key
        assert pulls.puller(None, "192.0.2.1").key != pulls.puller(None, "192.0.2.2").key
