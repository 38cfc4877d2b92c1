"""Who may pull, push and delete: visibility, organisations, teams, access tokens (H006, H007, H024, H030)."""

from __future__ import annotations

from typing import Any

import pytest

from ecrlab.client import LabError


def actions(hub: Any, name: str, user: str | None = None, secret: str | None = None) -> str:
    """The actions that a token for everything is granted on a repository."""
    import base64
    import json

    payload = hub.token(f"repository:{name}:pull,push,delete", user=user, secret=secret).split(".")[1]
    [entry] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["access"]
    return ",".join(entry["actions"])


def test_a_push_makes_a_public_repository(hub: Any) -> None:
    assert hub.push("learner/my-web-app").status_code == 201
    assert hub.pull("learner/my-web-app").status_code == 200
    info = hub.ask("GET", "/v2/namespaces/learner/repositories/my-web-app").json()
    assert info["is_private"] is False
    assert info["pull_count"] == 1


def test_a_namespace_may_make_private_ones_instead(hub: Any, lab: Any) -> None:
    hub.user("anna")
    lab.control.hub_default("learner", True)
    assert hub.push("learner/secret").status_code == 201
    assert hub.pull("learner/secret", user="learner").status_code == 200
    for user in (None, "anna"):
        private, missing = hub.pull("learner/secret", user=user), hub.pull("learner/missing", user=user)
        # Nobody learns whether there is one (err 108).
        for answer in (private, missing):
            assert answer.status_code == 401
            assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
        assert private.json()["errors"][0]["message"] == missing.json()["errors"][0]["message"]


def test_a_personal_account_has_one_private_repository(hub: Any, lab: Any) -> None:
    lab.control.hub_default("learner", True)
    assert hub.push("learner/first").status_code == 201
    answer = hub.push("learner/second")
    assert answer.status_code == 403
    assert answer.json()["errors"][0]["code"] == "DENIED"
    assert "requested access to the resource is denied" in answer.json()["errors"][0]["message"]
    lab.control.hub_default("learner", False)
    assert hub.push("learner/third").status_code == 201
    with pytest.raises(LabError, match="includes 1 private repository"):
        lab.control.hub_visibility("learner/third", True)
    hub.user("paid", plan="pro", default_private=True)
    assert hub.push("paid/one", user="paid").status_code == 201
    assert hub.push("paid/two", user="paid").status_code == 201


def test_visibility_changes_at_any_time(hub: Any, lab: Any) -> None:
    assert hub.push("learner/app").status_code == 201
    lab.control.hub_visibility("learner/app", True)
    assert hub.pull("learner/app").status_code == 401
    lab.control.hub_visibility("learner/app", False)
    assert hub.pull("learner/app").status_code == 200


def test_nobody_pushes_to_library_or_to_the_namespace_of_another(hub: Any) -> None:
    hub.user("anna")
    for name in ("busybox", "library/busybox", "library/mine", "mine", "anna/app", "ratelimitpreview/test", "nobody/x"):
        answer = hub.push(name)
        assert answer.status_code == 401, name
        assert 'error="insufficient_scope"' in answer.headers["WWW-Authenticate"]
    assert actions(hub, "learner/app") == ""
    assert (
        hub.ask("POST", "/v2/learner/app/blobs/uploads/", hub.token("repository:learner/app:push")).status_code == 401
    )


def test_a_bare_name_is_in_library(hub: Any) -> None:
    bare, full = hub.pull("busybox", "latest"), hub.pull("library/busybox", "latest")
    assert bare.status_code == 200
    assert bare.content == full.content


def test_names_that_hub_does_not_have(hub: Any) -> None:
    for name in ("learner/a.b", "learner/a/b", "learner/x"):
        answer = hub.push(name)
        assert answer.status_code == 400, name
        assert answer.json()["errors"][0]["code"] == "NAME_INVALID"


def test_roles_of_an_organisation(hub: Any, lab: Any) -> None:
    for user in ("owen", "edda", "mia", "otto"):
        hub.user(user)
    lab.control.hub_organization("crew", {"owen": "owner", "edda": "editor", "mia": "member"}, True)
    assert actions(hub, "crew/web", "mia") == ""
    assert hub.push("crew/web", user="edda").status_code == 201
    assert actions(hub, "crew/web", "owen") == actions(hub, "crew/web", "edda") == "pull,push,delete"
    assert actions(hub, "crew/web", "mia") == actions(hub, "crew/web", "otto") == actions(hub, "crew/web") == ""
    for permission, expected in (("read", "pull"), ("write", "pull,push"), ("admin", "pull,push,delete")):
        lab.control.hub_team("crew", "builders", ["mia"], {"web": permission, "later": "admin"})
        assert actions(hub, "crew/web", "mia") == expected
        assert actions(hub, "crew/later", "mia") == "", "only owners and editors make repositories"
        assert actions(hub, "crew/other", "mia") == ""
    lab.control.hub_member("crew", "mia", None)
    assert actions(hub, "crew/web", "mia") == ""


def test_the_highest_of_several_teams_counts(hub: Any, lab: Any) -> None:
    hub.user("mia")
    lab.control.hub_organization("crew", {"learner": "owner", "mia": "member"})
    assert hub.push("crew/web").status_code == 201
    lab.control.hub_team("crew", "a-readers", ["mia"], {"web": "read"})
    lab.control.hub_team("crew", "b-writers", ["mia"], {"web": "write"})
    assert actions(hub, "crew/web", "mia") == "pull,push"


@pytest.mark.parametrize(
    ("scope", "public", "private"),
    [
        ("repo:public_read", "pull", ""),
        ("repo:read", "pull", "pull"),
        ("repo:write", "pull,push", "pull,push"),
        ("repo:admin", "pull,push,delete", "pull,push,delete"),
    ],
)
def test_an_access_token_allows_its_scope_at_most(hub: Any, lab: Any, scope: str, public: str, private: str) -> None:
    assert hub.push("learner/public").status_code == 201
    assert hub.push("learner/private").status_code == 201
    lab.control.hub_visibility("learner/private", True)
    secret = hub.access_token(scope)["token"]
    assert secret.startswith("ecrlab_pat_")
    assert actions(hub, "learner/public", "learner", secret) == public
    assert actions(hub, "learner/private", "learner", secret) == private
    # It opens what its user may open, and is nobody else's.
    assert "push" not in actions(hub, "library/busybox", "learner", secret)
    hub.user("anna")
    assert hub.token_answer("repository:busybox:pull", user="anna", secret=secret).status_code == 401


def test_delete_needs_the_right_to(hub: Any) -> None:
    assert hub.push("learner/app").status_code == 201
    for scope, expected in (("repo:write", 401), ("repo:admin", 202)):
        token = hub.token(
            "repository:learner/app:pull,push,delete", user="learner", secret=hub.access_token(scope)["token"]
        )
        assert hub.ask("DELETE", "/v2/learner/app/manifests/1", token).status_code == expected
    blob = f"/v2/learner/app/blobs/sha256:{'0' * 64}"
    assert hub.ask("DELETE", blob, token).status_code == 405


def test_a_mount_needs_the_right_to_pull_from_the_source(hub: Any, lab: Any, digest: Any) -> None:
    hub.user("anna")
    assert hub.push("anna/app", user="anna").status_code == 201
    layer = hub.pull("anna/app").json()["layers"][0]["digest"]
    path = f"/v2/learner/copy/blobs/uploads/?mount={layer}&from=anna/app"
    only_own = hub.token("repository:learner/copy:pull,push", user="learner")
    assert hub.ask("POST", path, only_own).status_code == 202
    both = hub.token("repository:learner/copy:pull,push", "repository:anna/app:pull", user="learner")
    assert hub.ask("POST", path, both).status_code == 201
    lab.control.hub_visibility("anna/app", True)
    both = hub.token("repository:learner/other:pull,push", "repository:anna/app:pull", user="learner")
    assert hub.ask("POST", path.replace("copy", "other"), both).status_code == 202


def test_rights_stay_in_a_token_until_it_ends(hub: Any, lab: Any) -> None:
    """Unlike ECR, where IAM is asked at every request (H029)."""
    assert hub.push("learner/app").status_code == 201
    token = hub.token("repository:learner/app:pull")
    lab.control.hub_visibility("learner/app", True)
    assert hub.ask("GET", "/v2/learner/app/manifests/1", token).status_code == 200
    assert hub.pull("learner/app").status_code == 401


def test_nothing_refers_to_what_nobody_pushed_yet(hub: Any) -> None:
    """200 and an empty index, not 404, which would say that there is no referrers API (OCI distribution 1.1)."""
    path = f"/v2/learner/new/referrers/sha256:{'0' * 64}"
    answer = hub.ask("GET", path, hub.token("repository:learner/new:pull", user="learner"))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "application/vnd.oci.image.index.v1+json"
    assert answer.json()["manifests"] == []
    filtered = hub.ask("GET", f"{path}?artifactType=a/b", hub.token("repository:learner/new:pull", user="learner"))
    assert (filtered.json()["manifests"], filtered.headers["OCI-Filters-Applied"]) == ([], "artifactType")
    # Who may not read it is not told whether it is there.
    assert hub.ask("GET", path, hub.token("repository:learner/new:pull")).status_code == 401
