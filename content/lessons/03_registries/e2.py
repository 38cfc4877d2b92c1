"""03-e2: two lists, through two doors, without docker. What a learner reads is in e2.md."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

from ecrlab_course.authoring import Lab, Sentence
from ecrlab_course.authoring.evidence import ok, user_of
from ecrlab_course.authoring.staging import password
from ecrlab_course.authoring.wire import Wire, at_ecr, at_hub
from ecrlab_course.documents.xray_row import Row

from .state import BOOKING, HUB_BUSYBOX, HUB_MAP, LANDING, asked_for, hub_host, is_docker, path_of

API = ("ListImages", "DescribeImages", "BatchGetImage")
THEIRS, OURS = f"{HUB_MAP}/tags/list", f"{LANDING}/tags/list"


class Seen:
    """The requests at both registries since the reset, docker's apart."""

    def __init__(self, lab: Lab) -> None:
        rows = [row for row in lab.rows() if row["service"] in ("hub", "registry")]
        self.docker = [row for row in rows if is_docker(row) and ("/manifests/" in row["path"])]
        own = [row for row in rows if not is_docker(row)]
        self.hub = [row for row in own if row["service"] == "hub" and row["path"].startswith("/v2/")]
        self.ecr = [row for row in own if row["service"] == "registry"]
        self.hub_read, self.ecr_read = read(self.hub, "hub", THEIRS), read(self.ecr, "registry", OURS)
        # Only what is about a list is a try at it: the cells above ask for other things.
        self.hub_last = last(self.hub, HUB_MAP)
        self.ecr_last = last(self.ecr, LANDING)
        self.api = any(row["operation"] in API and str(row["resource"]).endswith(LANDING) for row in lab.rows())
        asked = [row for row in own if row["service"] == "hub" and row["path"].startswith("/token")]
        self.scope = " ".join(parse_qs(urlsplit(asked[-1]["path"]).query).get("scope", [])) if asked else ""
        self.no_pass = bool(asked) and asked[-1]["status"] == 401
        if self.hub_read and self.ecr_last is None:
            self.ecr_last = next_door(self.ecr, self.hub)
        wrong = self.ecr_last if self.hub_read else self.hub_last
        # What e2.md may name:
        self.scoped = ":".join(self.scope.split(":")[1:-1])
        self.asked = path_of(wrong) if wrong else ""
        self.flaw = self.ecr_last["reason"].partition(", and ")[2] if self.ecr_last else ""
        self.who = user_of(self.ecr_last) if self.ecr_last else ""
        self.said = self.ecr_last["said"] if self.ecr_last else ""
        self.hub_seen = state(self.hub_read, self.hub_last)
        self.ecr_seen = state(self.ecr_read, self.ecr_last)


def read(rows: list[Row], service: str, path: str) -> bool:
    """Tell whether a list came."""
    return any(ok(row) and row["method"] == "GET" and path_of(row) == path for row in asked_for(rows, service, path))


def last(rows: list[Row], name: str) -> Row | None:
    """Return the last request for a list of tags, or that read something of this repository and was refused.

    The page's own cells are none: one reads the list of web/booking, one tries to write at the Hub.
    """
    looks = [row for row in rows if row["method"] in ("GET", "HEAD")]
    lists = [row for row in looks if "tags/list" in row["path"] and not (ok(row) and path_of(row).startswith(BOOKING))]
    refused = [row for row in looks if path_of(row).startswith(f"{name}/") and not ok(row)]
    return max([*lists, *refused], key=lambda row: row["seq"], default=None)


def next_door(ecr: list[Row], hub: list[Row]) -> Row | None:
    """Return the last request at ECR since the Hub's list was read: with that done, whatever it was is a try."""
    since = next(row["seq"] for row in asked_for(hub, "hub", THEIRS) if ok(row))
    return next((row for row in reversed(ecr) if row["seq"] > since and path_of(row) not in ("", "v2")), None)


def state(done: bool, row: Row | None) -> Sentence:
    """Return how far a registry's half is, for the first hint."""
    return Sentence("open") if done else Sentence("refused") if row else Sentence("silent")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e2.md: the Hub's door first, then ECR's."""
    if seen.hub_read and seen.ecr_read:
        return "passed"
    if not seen.hub_read and seen.no_pass:
        return "hub-password"
    if not seen.hub_read and seen.hub_last is not None:
        return at_the_hub(seen, seen.hub_last)
    if not seen.ecr_read and seen.ecr_last is not None:
        return at_ecr_door(seen, seen.ecr_last)
    if seen.hub_read:
        return "ecr-api" if seen.api else "ecr-next"
    if seen.ecr_read:
        return "hub-next"
    return "docker-went" if seen.docker else "untouched"


def at_the_hub(seen: Seen, row: Row) -> str:
    """Return what kept the last request at the Hub from bringing the list."""
    if not path_of(row).startswith(f"{HUB_MAP}/"):
        return "hub-name"
    if row["method"] == "HEAD":
        return "head"
    if row["status"] != 401:
        return "hub-name"
    if "no token" in row["reason"]:
        return "hub-nothing"
    if "expired" in row["reason"]:
        return "hub-old"
    if "not one of this hub" in row["reason"]:
        return "hub-unknown"
    if not seen.scope:
        return "hub-no-scope"
    if not re.fullmatch(r"repository:[^:]+:[a-z,*]+", seen.scope):
        return "hub-words"
    return "hub-other" if seen.scoped != HUB_MAP else "hub-refused"


def at_ecr_door(seen: Seen, row: Row) -> str:
    """Return what kept the last request at ECR from bringing the list."""
    if row["status"] == 403:
        return "ecr-old" if "expired" in row["said"] else "ecr-denied"
    if row["status"] == 401:
        if not row["reason"]:
            return "ecr-nothing"
        return "ecr-region" if "is for" in row["reason"] else "ecr-flaw"
    return "head" if row["method"] == "HEAD" and path_of(row) == OURS else "ecr-name"


# Tries


def hub(
    scope: str | None = None, user: str = "", path: str = "tags/list", method: str = "GET"
) -> Callable[[Lab], object]:
    """Return a request for the list at the Hub, with a pass of that scope."""
    return lambda lab: at_hub(lab, HUB_MAP, user, scope, "pull").ask(method, path)


def ecr(path: str = "tags/list", name: str = LANDING, profile: str = "admin") -> Callable[[Lab], object]:
    """Return a request for the list at ECR."""
    return lambda lab: at_ecr(lab, name, profile).get(path)


def ecr_with(header: Callable[[Lab, str], str]) -> Callable[[Lab], object]:
    """Return a request for the list at ECR, with the Authorization made of the unwrapped password."""
    return lambda lab: at_ecr(lab, LANDING, "").ask("GET", "tags/list", Authorization=header(lab, password(lab)))


def wrapped(text: str) -> str:
    """Return text in base64."""
    return base64.b64encode(text.encode()).decode()


def hub_with(header: str) -> Callable[[Lab], object]:
    """Return a request for the list at the Hub with this Authorization."""
    return lambda lab: at_hub(lab, HUB_MAP).ask("GET", "tags/list", Authorization=header)


def bare_hub(lab: Lab) -> None:
    """Ask the Hub without anything."""
    Wire(at_hub(lab, HUB_MAP).base).get("tags/list")


def wrong_password(lab: Lab) -> None:
    """Ask for a pass with a password that is wrong."""
    at_hub(lab, HUB_MAP).ask("GET", f"http://{hub_host(lab)}/token", Authorization="Basic " + wrapped("learner:secret"))


def old_pass(lab: Lab) -> None:
    """Fetch a pass, wait six minutes, use it."""
    wire = at_hub(lab, HUB_MAP)
    lab.clock.advance(minutes=6)
    wire.get("tags/list")


def old_token(lab: Lab) -> None:
    """Fetch a token, wait half a day, use it."""
    wire = at_ecr(lab, LANDING)
    lab.clock.advance(hours=12, minutes=1)
    wire.get("tags/list")


def by_curl(lab: Lab) -> None:
    """Do both with curl, the token unwrapped by aws."""
    code, said = lab.sh(
        f"""TOKEN=$(curl -s "http://$HUB/token?scope=repository:{HUB_MAP}:pull" |
          python -c 'import json, sys; print(json.load(sys.stdin)["token"])')
        curl -sf -H "Authorization: Bearer $TOKEN" "$HUB_API/{THEIRS}"
        curl -sf -u "AWS:$(aws ecr get-login-password)" "$REGISTRY_API/{OURS}" """
    )
    if code:
        raise RuntimeError(said)


def docker_pulls(lab: Lab) -> None:
    """Let docker fetch an image from the Hub."""
    lab.sh(f'docker pull -q "$HUB/{HUB_BUSYBOX}:latest" 2>&1 || true')


TRIES = {
    "passed": {
        "curl": by_curl,
        "a program; a pass of learner's": (ecr(), hub(user="learner")),
    },
    "docker-went": [docker_pulls],
    "head": [(ecr(), hub(method="HEAD"))],
    "hub-next": [ecr()],
    "ecr-next": [hub()],
    "hub-nothing": {
        "nothing shown": (ecr(), bare_hub),
        "name and password": hub_with("Basic " + wrapped("learner:secret")),
    },
    "hub-no-scope": [hub("")],
    "hub-words": [hub("harbourbikes/map:pull")],
    "hub-other": [hub("repository:library/busybox:pull")],
    "hub-refused": [hub("repository:harbourbikes/map:delete")],
    "hub-password": [wrong_password],
    "hub-old": [old_pass],
    "hub-unknown": [hub_with("Bearer secret")],
    "hub-name": [lambda lab: at_hub(lab, "harbourbikes/maps").get("tags/list")],
    "ecr-api": [(hub(), lambda lab: lab.client("ecr").list_images(repositoryName=LANDING))],
    "ecr-nothing": [(hub(), ecr(profile=""))],
    "ecr-flaw": {
        "the token as Bearer": (hub(), ecr_with(lambda lab, secret: "Bearer " + wrapped(f"AWS:{secret}"))),
        "not wrapped": (hub(), ecr_with(lambda lab, secret: f"Basic {secret[:40]}")),
        "wrapped twice": (hub(), ecr_with(lambda lab, secret: "Basic " + wrapped("AWS:" + wrapped(f"AWS:{secret}")))),
        "the access key": (hub(), ecr_with(lambda lab, secret: "Basic " + wrapped("AKIA:secret"))),
    },
    "ecr-region": [
        (hub(), ecr_with(lambda lab, secret: "Basic " + wrapped("AWS:" + password(lab, region="eu-west-1"))))
    ],
    "ecr-old": [(hub(), old_token)],
    "ecr-denied": [(hub(), ecr(profile="partner"))],
    "ecr-name": {
        "without the folder": (hub(), ecr(name="landing")),
        "another repository's list": (hub(), ecr(name=BOOKING)),
    },
}


def reset(lab: Lab) -> None:
    """Put the clock back; the lists stay, and what was read is forgotten."""
    lab.clock.reset()
    lab.sh(f'docker rmi -f "$HUB/{HUB_BUSYBOX}:latest" >/dev/null 2>&1 || true')
