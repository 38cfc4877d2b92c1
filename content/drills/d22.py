"""Drill d22: move to ECR, one image of sixty. What a learner reads is in d22.md."""

from __future__ import annotations

import hashlib
from contextlib import suppress

from botocore.exceptions import ClientError

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import Refused, Sentence
from ecrlab_course.authoring.evidence import ok, short, user_of
from ecrlab_course.causes.scene import place_of
from ecrlab_course.drills.account import DrillLab, allow, arn
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.toolbox.hub_client import push
from ecrlab_course.toolbox.image import image

CREW, APP, AT_HUB = "crew", "app", "crew/app"
CONTENT = b"the app, one of sixty"
DIGEST = "sha256:" + hashlib.sha256(image(CONTENT)[2]).hexdigest()
WAYS = ("cache", "pull-through", "pull through", "stay", "hub")


def prepare(lab: DrillLab) -> None:
    """Put the image to the Hub, public or private with a key that reads; make ops."""
    lab.write("crew-password", lab.hub.user(CREW) + "\n")
    for name in [each["name"] for each in lab.control.hub()["repositories"] if each["name"].startswith(f"{CREW}/")]:
        lab.control.hub_remove(name)
    lab.control.hub_window()
    push(lab.hub, AT_HUB, "1", CONTENT, CREW)
    if lab.seed == "private":
        lab.hub.private(AT_HUB)
        body = {"token_label": "move", "scopes": ["repo:read"]}
        key = lab.hub.api("POST", "/v2/access-tokens", body, user=CREW)["token"]
        lab.write("hub-key", f"{key}\n")
    lab.person("ops", allow(LOGIN), allow(list(PULL), arn("*")))


class Seen:
    """What ECR holds, who pulled it, what became of the Hub's, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        self.exists = APP in lab.repositories()
        self.digest = lab.digest(APP, "1") or ""
        there = {str(each["name"]): bool(each["private"]) for each in lab.control.hub()["repositories"]}
        self.at_the_hub, self.opened = AT_HUB in there, lab.seed == "private" and not there.get(AT_HUB, True)
        rows = [row for row in lab.rows() if row["service"] == "registry" and place_of(row).repository == APP]
        pulls = [row for row in rows if row["method"] in ("GET", "HEAD") and place_of(row).reference and ok(row)]
        api = [row for row in lab.rows() if row["operation"] == "BatchGetImage" and ok(row)]
        self.pulled = any(user_of(row) == "ops" for row in [*pulls, *api])
        others = [user_of(row) for row in pulls if user_of(row) != "ops"]
        self.who = others[-1] if others else ""
        self.last, self.why = findings.get("last", ""), findings.get("why", "").lower()
        self.here, self.at_hub = short(self.digest), short(DIGEST)
        self.there = Sentence("something") if self.digest else Sentence("nothing")
        self.digest_seen = Sentence("same") if self.digest == DIGEST else Sentence("other")


def judge(seen: Seen) -> str:
    """Return the verdict's name in d22.md: the Hub's, then ECR's, then who pulled, then what was typed."""
    if not seen.at_the_hub:
        return "hub-gone"
    if seen.opened:
        return "hub-opened"
    if not seen.exists:
        return "untouched"
    if not seen.digest:
        return "empty"
    if seen.digest != DIGEST:
        return "rebuilt"
    if not seen.pulled:
        return "by-admin" if seen.who else "not-pulled"
    if seen.last != "cellar":
        return "last-wrong"
    return "passed" if any(way in seen.why for way in WAYS) else "why-missing"


def make(lab: DrillLab) -> None:
    """Make the repository."""
    with suppress(ClientError):
        lab.repository(APP)


def copy(lab: DrillLab) -> None:
    """Copy byte by byte: the same blobs, the same manifest."""
    make(lab)
    lab.push(APP, "1", CONTENT)


def pull(lab: DrillLab, profile: str = "ops") -> None:
    """Pull with curl, as somebody."""
    lab.sh(
        'T=$(aws ecr get-authorization-token --query "authorizationData[0].authorizationToken" --output text)\n'
        'curl -s -H "Authorization: Basic $T" "http://${REGISTRY%%/*}/v2/${REGISTRY#*/}/'
        + APP
        + '/manifests/1" >/dev/null',
        profile,
    )


def moved(lab: DrillLab) -> None:
    """Copy it, and let ops pull it."""
    copy(lab)
    pull(lab)


def built_again(lab: DrillLab) -> None:
    """Push something that means the same."""
    make(lab)
    lab.push(APP, "1", CONTENT + b"\n")
    pull(lab)


def by_api(lab: DrillLab) -> None:
    """Let ops fetch the manifest by the API."""
    copy(lab)
    lab.client("ecr", "ops").batch_get_image(repositoryName=APP, imageIds=[{"imageTag": "1"}])


def without_repository(lab: DrillLab) -> None:
    """Push before anything was made."""
    with suppress(Refused):
        lab.push(APP, "1", CONTENT)


def open_it(lab: DrillLab) -> None:
    """Make the Hub's public to copy it."""
    lab.hub.api("PATCH", f"/v2/repositories/{AT_HUB}", {"is_private": False}, user=CREW)
    moved(lab)


def move_away(lab: DrillLab) -> None:
    """Copy it, and delete the Hub's."""
    moved(lab)
    lab.control.hub_remove(AT_HUB)


def admin_pulls(lab: DrillLab) -> None:
    """Copy it, and pull it as admin."""
    copy(lab)
    pull(lab, "admin")


SAID = {"last": "cellar", "why": "base images: through a cache"}
TRIES = {
    "passed": {
        "copied, pulled by ops": attempt(SAID, moved, seed="public"),
        "ops by the API": attempt(SAID, by_api, seed="public"),
        "with the key": attempt({**SAID, "why": "public ones stay at the Hub"}, moved, seed="private"),
    },
    "untouched": {"pushed without a repository": attempt(SAID, without_repository, seed="public")},
    "empty": {"only the repository": attempt(SAID, make, seed="public")},
    "rebuilt": {"built again": attempt(SAID, built_again, seed="public")},
    "not-pulled": {"nobody pulled": attempt(SAID, copy, seed="private")},
    "by-admin": {"admin pulled": attempt(SAID, admin_pulls, seed="public")},
    "hub-gone": {"moved away": attempt(SAID, move_away, seed="public")},
    "hub-opened": {"opened to copy": attempt(SAID, open_it, seed="private")},
    "last-wrong": {"AWS last": attempt({**SAID, "last": "aws"}, moved, seed="public")},
    "why-missing": {"nothing said": attempt({"last": "cellar"}, moved, seed="private")},
}
