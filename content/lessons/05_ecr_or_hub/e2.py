"""05-e2: shut a repository of the Hub. What a learner reads is in e2.md."""

from __future__ import annotations

from contextlib import suppress

from ecrlab_course.authoring import Lab, Sentence, pull
from ecrlab_course.authoring.evidence import ok
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.toolbox.hub import HubError
from ecrlab_course.toolbox.hub_client import manifest
from ecrlab_course.toolbox.hub_client import push as hub_push

from .state import AT_HUB, hub_login, hub_repositories, manifests, name_of, nobody, push_map, shows, turned_away

GOALS = (pull(AT_HUB, "1", by="nobody", at="hub"), pull(AT_HUB, "1", by="learner", at="hub"))
PATH = f"/v2/repositories/{AT_HUB}"


class Seen:
    """The setting, when it was changed, and who asked since."""

    def __init__(self, lab: Lab) -> None:
        rows = [row for row in lab.rows() if row["service"] == "hub"]
        there = hub_repositories(lab)
        self.there, self.private = AT_HUB in there, there.get(AT_HUB, False)
        changes = [row for row in rows if _changes(row) or shows(row).get("made") == AT_HUB]
        done = [row for row in changes if AT_HUB in (shows(row).get("repository"), shows(row).get("made"))]
        self.refused_change = changes[-1] if changes and not ok(changes[-1]) else None
        self.was_private = any(shows(row)["private"] for row in done)
        mine = [
            row for row in rows if f"/{AT_HUB}/" in row["path"] or (row["path"].startswith("/token") and _about(row))
        ]
        private_since = next((row["seq"] for row in reversed(done) if shows(row)["private"]), None)
        begin = (private_since or 0) if self.private else 0
        since = sorted((row for row in mine if row["seq"] > begin), key=lambda row: row["seq"])
        self.strangers = [row for row in since if nobody(row) and turned_away(row) and _asks_to_pull(row)]
        self.without_pass = any(nobody(row) and "no token" in row["reason"] for row in manifests(since, "hub"))
        self.served = [row for row in manifests(since, "hub") if row["principal"] == "learner" and ok(row)]
        self.others = [row for row in since if row["principal"] not in (None, "", "learner") and turned_away(row)]
        self.own_refused = [row for row in manifests(since, "hub") if row["principal"] == "learner" and not ok(row)]
        hosts = {login.host for login in lab.logins()}
        self.logged_out = not any(host.endswith(f":{lab.control.hub()['port']}") for host in hosts)
        asked = [row for row in manifests(rows, "hub") if row["seq"] > begin and nobody(row) and turned_away(row)]
        as_people = [run for run in lab.transcripts if run.profile != "nobody"]
        mine_too = [(row, run) for row in self.strangers for run in as_people if run.before < row["seq"] <= run.after]
        self.deleted = any(row["method"] == "DELETE" and ok(row) for row in mine)
        others = [name for name, private in there.items() if private and name != AT_HUB]
        named = [
            str(shows(row)["repository"]) for row in rows if shows(row).get("repository") and shows(row)["private"]
        ]
        named += [name for name in others if name.startswith("learner/")]
        self.other = next((name for name in reversed(named) if name in others), "")
        # What e2.md may name:
        self.taken = next((name for name in others if name.startswith("learner/")), "")
        self.elsewhere = next((name_of(row) for row in reversed(asked) if name_of(row) != AT_HUB), "")
        self.profile = mine_too[-1][1].profile if mine_too else ""
        refused = self.refused_change
        self.code = str(refused["status"]) if refused else ""
        self.said = refused["reason"].rstrip(".") if refused else ""
        self.request = f"{refused['method']} {refused['path']}" if refused else ""
        self.asked_by = str(refused["principal"] or "nobody") if refused else ""
        self.changed_at = _time(done[-1]) if done else ""
        self.who = str(self.others[-1]["principal"]) if self.others else ""
        self.status = str(self.own_refused[-1]["status"]) if self.own_refused else ""
        self.setting = Sentence("is-private") if self.private else Sentence("is-public")
        self.proofs = Sentence("both") if self.strangers else Sentence("owner-only")
        if not self.served:
            self.proofs = Sentence("stranger-only") if self.strangers else Sentence("neither")


def _changes(row: Row) -> bool:
    """Tell whether a request to the Hub's API is about a repository and does more than look."""
    about = row["path"].startswith("/v2/repositories") or "/repositories" in row["path"].partition("/v2/namespaces")[2]
    return about and row["method"] not in ("GET", "HEAD")


def _asks_to_pull(row: Row) -> bool:
    """Tell whether a pull was asked for, alone or with a push: a push alone is refused whatever the setting."""
    return any("pull" in each["action"] for each in row["decisions"])


def _about(row: Row) -> bool:
    return any(each["resource"] == f"repository:{AT_HUB}" for each in row["decisions"])


def _time(row: Row) -> str:
    return row["time"][11:16]


def judge(seen: Seen) -> str:
    """Return the verdict's name in e2.md: the setting first, then the two proofs."""
    if not seen.there or seen.deleted:
        return "tag-gone"
    if not seen.private:
        return not_private(seen)
    if seen.strangers and seen.served:
        return "passed"
    if seen.own_refused and not seen.served:
        return "nobody-gets-it"
    if seen.served:
        return without_stranger(seen)
    if seen.strangers and seen.who:
        return "wrong-user"
    if seen.profile:
        return "no-login-shown"
    return "owner-missing" if seen.strangers else "not-asked"


def without_stranger(seen: Seen) -> str:
    """Return what is wrong with the stranger's half, where learner was served."""
    if seen.elsewhere:
        return "stranger-elsewhere"
    return "without-pass" if seen.without_pass else "stranger-missing"


def not_private(seen: Seen) -> str:
    """Return why the repository is public."""
    refused = seen.refused_change
    if refused is not None and refused["status"] == 401:
        return "no-user"
    if refused is not None and refused["status"] in (404, 405):
        return "not-found"
    if refused is not None and refused["status"] == 403:
        return "one-place" if "plan" in refused["reason"] else "not-owner"
    if refused is not None and "Expected" in refused["reason"]:
        return "other-field"
    if refused is not None:
        return "not-true"
    if seen.other:
        return "other-made-private"
    if seen.was_private:
        return "open-again"
    return "logged-out" if seen.logged_out else "untouched"


# Tries


def patch(lab: Lab, private: object = True, path: str = PATH, user: str | None = "learner") -> None:
    """Change the setting through the API; what it refuses stays as it is."""
    with suppress(HubError):
        lab.hub.api("PATCH", path, {"is_private": private}, user=user)


def other_field(lab: Lab) -> None:
    """Send a field that the API does not know."""
    with suppress(HubError):
        lab.hub.api("PATCH", PATH, {"private": True}, user="learner")


def delete_it(lab: Lab) -> None:
    """Ask the API to delete it, which is a method that it does not have there."""
    with suppress(HubError):
        lab.hub.api("DELETE", PATH, user="learner")


def stranger(lab: Lab) -> None:
    """Ask as nobody."""
    manifest(lab.hub, AT_HUB, "1")


def stranger_at_docker_io(lab: Lab) -> None:
    """Leave the Hub's address out of the stranger's pull."""
    lab.sh(f"docker pull -q {AT_HUB}:1", "nobody")


def without_a_pass(lab: Lab) -> None:
    """Ask for the manifest as a stranger who has fetched no pass."""
    lab.sh(f'curl -s "http://$HUB/v2/{AT_HUB}/manifests/1" >/dev/null', "nobody")


def stranger_elsewhere(lab: Lab) -> None:
    """Mistype the name as a stranger."""
    manifest(lab.hub, f"{AT_HUB}s", "1")


def logged_out(lab: Lab) -> None:
    """Forget docker's login, and pull."""
    lab.hub.logout()
    lab.sh(f'docker pull -q "$HUB/{AT_HUB}:1" || true')


def as_ops(lab: Lab) -> None:
    """Pull as Omar, whose docker has no login at the Hub."""
    lab.hub.logout("ops")
    lab.sh(f'docker pull -q "$HUB/{AT_HUB}:1" || true', "ops")


def with_access_token(lab: Lab) -> None:
    """Pull as the build robot, with an access token of learner's."""
    body = {"token_label": "robot", "scopes": ["repo:read"]}
    secret = lab.hub.api("POST", "/v2/access-tokens", body, user="learner")["token"]
    manifest(lab.hub, AT_HUB, "1", user="learner", secret=secret)


def owner(lab: Lab, method: str = "GET") -> None:
    """Ask as learner."""
    manifest(lab.hub, AT_HUB, "1", user="learner", method=method)


def with_docker(lab: Lab) -> None:
    """Change it by curl, and pull with docker, as a stranger and as learner."""
    patch(lab)
    lab.sh(f'docker pull -q "$HUB/{AT_HUB}:1" || true', "nobody")
    lab.sh(f'docker pull -q "$HUB/{AT_HUB}:1"')


def private_from_the_start(lab: Lab) -> None:
    """Remove it, make it private through the API, and push then."""
    lab.control.hub_remove(AT_HUB)
    lab.hub.api(
        "POST", "/v2/namespaces/learner/repositories", {"name": "harbour-map", "is_private": True}, user="learner"
    )
    patch(lab)
    hub_push(lab.hub, AT_HUB, "1")


def delete_tag(lab: Lab) -> None:
    """Delete the repository."""
    lab.control.hub_remove(AT_HUB)


def take_the_place(lab: Lab) -> None:
    """Use the plan's one private place for another repository."""
    hub_push(lab.hub, "learner/other", "1")
    patch(lab, path="/v2/repositories/learner/other")


def make_another(lab: Lab) -> None:
    """Make a private repository of another name."""
    body = {"name": "map", "is_private": True}
    lab.hub.api("POST", "/v2/namespaces/learner/repositories", body, user="learner")


def as_omar(lab: Lab) -> None:
    """Ask as somebody who has no business there."""
    manifest(lab.hub, AT_HUB, "1", user="omar")


TRIES = {
    "passed": {
        "patched, a stranger, learner": (patch, stranger, owner),
        "learner by HEAD": (patch, lambda lab: owner(lab, "HEAD"), stranger),
        "with docker": with_docker,
        "private before the push": (private_from_the_start, stranger, owner),
        "logged out, and in again": (patch, logged_out, hub_login, owner),
        "learner's access token": (patch, stranger, with_access_token),
    },
    "logged-out": {"docker logout alone": lambda lab: lab.hub.logout()},
    "no-user": [lambda lab: patch(lab, user=None)],
    "not-true": [lambda lab: patch(lab, "true")],
    "other-field": [(other_field, stranger, owner)],
    "not-owner": [lambda lab: patch(lab, user="omar")],
    "not-found": {
        "another name": lambda lab: patch(lab, path="/v2/repositories/learner/harbourmap"),
        "another namespace": lambda lab: patch(lab, path="/v2/repositories/harbourbikes/harbour-map"),
        "another method": (delete_it, stranger, owner),
    },
    "one-place": [(take_the_place, patch)],
    "other-made-private": {"by PATCH": take_the_place, "by making it so": make_another},
    "not-asked": {"only the setting": patch, "a refusal from before": (stranger, patch)},
    "stranger-missing": {
        "nobody else asked": (patch, owner),
        "the stranger came before": (stranger, patch, owner),
    },
    "hub-name": [(patch, stranger_at_docker_io, owner)],
    "without-pass": [(patch, without_a_pass, owner)],
    "stranger-elsewhere": [(patch, stranger_elsewhere, owner)],
    "owner-missing": {"only a stranger": (patch, stranger), "learner came before": (owner, patch, stranger)},
    "no-login-shown": {"logged out": (patch, stranger, logged_out), "as Omar": (patch, stranger, as_ops)},
    "wrong-user": [(patch, stranger, as_omar)],
    "nobody-gets-it": [(patch, stranger, lambda lab: manifest(lab.hub, AT_HUB, "2", user="learner"))],
    "tag-gone": [(patch, delete_tag)],
    "open-again": [(patch, stranger, owner, lambda lab: patch(lab, False))],
}


def reset(lab: Lab) -> None:
    """Make it public again, with its image, and free the plan's private place."""
    for name in list(hub_repositories(lab)):
        if name.startswith("learner/") and name != AT_HUB:
            lab.control.hub_remove(name)
    if AT_HUB in hub_repositories(lab):
        lab.hub.private(AT_HUB, private=False)
    push_map(lab)
    if not lab.logins():
        hub_login(lab)
