"""Lesson 05: its checkpoints, and what several of its exercises look at or try."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from ecrlab_course.authoring.evidence import at_registry, ok, user_of
from ecrlab_course.authoring.staging import log_in, made, make_repository, put_image
from ecrlab_course.causes.scene import place_of
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.toolbox.hub_client import pass_for
from ecrlab_course.toolbox.hub_client import push as hub_push

MAP = "harbour-map"
AT_HUB = f"learner/{MAP}"
OPEN = "harbour-open"
BOOKING = "harbourbikes/booking"
BASE = "library/busybox"
SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf"
EVERYBODY = (
    '{"Version": "2012-10-17", "Statement": [{"Sid": "Everybody", "Effect": "Allow", "Principal": "*",'
    ' "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}]}'
)
LIMIT, SERVERS = 100, 101
STATIONS = "stations.txt"
"""What the map's image holds."""
WINDOW = 21600
IRELAND = "eu-west-1"
Act = Callable[[LabView], object]


# What the X-ray says


def manifests(rows: Iterable[Row], service: str, *methods: str) -> list[Row]:
    """Return the requests for manifests at a service; `methods`: by default GET and HEAD."""
    wanted = methods or ("GET", "HEAD")
    return [
        row for row in rows if row["service"] == service and row["method"] in wanted and "/manifests/" in row["path"]
    ]


def name_of(row: Row) -> str:
    """Return the repository that a request is about, without ECR Public's host and alias."""
    return place_of(row).repository


def nobody(row: Row) -> bool:
    """Tell whether nobody in particular asked."""
    return not row["principal"]


def turned_away(row: Row) -> bool:
    """Tell whether the Hub was shown a pass that was not enough, or one was asked for and granted nothing."""
    asked = row["path"].startswith("/token") and row["decision"] == "denied"
    return asked or (row["status"] == 401 and row["decision"] == "denied")


def shows(row: Row) -> dict[str, Any]:
    """Return what the X-ray kept of the answer."""
    return row.get("shows") or {}


def hub_repositories(lab: LabView) -> dict[str, bool]:
    """Return the Hub's repositories, and whether each is private."""
    return {str(each["name"]): bool(each["private"]) for each in lab.control.hub()["repositories"]}


# Building the places of the lesson


def public_uri(lab: LabView, name: str = MAP) -> str:
    """Return the address of a repository at ECR Public; "" without one."""
    ecr = lab.client("ecr-public")
    found = [each for each in ecr.describe_repositories()["repositories"] if each["repositoryName"] == name]
    return str(found[0]["repositoryUri"]) if found else ""


def clear_public(lab: LabView) -> None:
    """Delete every repository of ours at ECR Public."""
    ecr = lab.client("ecr-public")
    for each in ecr.describe_repositories()["repositories"]:
        ecr.delete_repository(repositoryName=each["repositoryName"], force=True)


def clear_cache(lab: LabView, *prefixes: str) -> None:
    """Delete the cache rules (of these prefixes, else all), the templates, and what came through the rules."""
    ecr = lab.client("ecr")
    for there in (ecr, lab.client("ecr", region=IRELAND)):
        for rule in there.describe_pull_through_cache_rules()["pullThroughCacheRules"]:
            if not prefixes or rule["ecrRepositoryPrefix"] in prefixes:
                there.delete_pull_through_cache_rule(ecrRepositoryPrefix=rule["ecrRepositoryPrefix"])
    for template in ecr.describe_repository_creation_templates()["repositoryCreationTemplates"]:
        ecr.delete_repository_creation_template(prefix=template["prefix"])
    names = [each["repositoryName"] for page in _pages(ecr) for each in page["repositories"]]
    ours = prefixes or ("docker-hub", "mirror", "base", "library", "hub")
    lab.clear(*[name for name in names if name.partition("/")[0] in ours])


def _pages(ecr: Any) -> Iterable[dict[str, Any]]:
    return ecr.get_paginator("describe_repositories").paginate()  # type: ignore[no-any-return]


def forget(lab: LabView) -> None:
    """Let docker forget the lesson's logins and names."""
    for profile in ("admin", "ci", "ops"):
        lab.sh(
            'for host in "$REGISTRY" "$HUB" "$PUBLIC_REGISTRY"; do\n'
            '  grep -qs "${host%%/*}" "$DOCKER_CONFIG/config.json" || continue\n'
            '  docker logout "$host" >/dev/null 2>&1 || true\ndone',
            profile,
        )
    names = f'"$HUB/{AT_HUB}:1" "$REGISTRY/{MAP}:1" "$REGISTRY/{OPEN}:1"'
    lab.sh(f"docker rmi -f {names} >/dev/null 2>&1 || true")


def fresh(lab: LabView) -> None:
    """The map is built as `harbour-map:1`; neither registry has heard of it, and docker is logged in nowhere.

    At the Hub `omar` and `dara` are members of `harbourbikes`, without a team.
    """
    lab.clock.reset()
    lab.hub.reset()
    for member in ("omar", "dara"):
        lab.hub.user(member)
        lab.control.hub_member("harbourbikes", member, "member")
    hub_push(lab.hub, BOOKING, "1", b"the booking page")
    lab.hub.private(BOOKING)
    lab.control.hub_window()
    clear_cache(lab)
    lab.clear(MAP, OPEN)
    clear_public(lab)
    lab.user("ops", "ci")
    forget(lab)
    lab.sh(f"docker build -q -t {MAP}:1 {MAP} >/dev/null")


def hub_login(lab: LabView, user: str = "learner", profile: str = "admin", secret: str | None = None) -> None:
    """Log docker in at the Hub."""
    lab.hub.login(user, secret, profile)


def logged_in(lab: LabView) -> None:
    """docker is logged in at the Hub and at ECR; `harbour-map:1` has an address at both, and nothing was pushed."""
    fresh(lab)
    hub_login(lab)
    log_in(lab)
    made(lab, f'docker tag {MAP}:1 "$HUB/{AT_HUB}:1"; docker tag {MAP}:1 "$REGISTRY/{MAP}:1"')


def pushed(lab: LabView) -> None:
    """`learner/harbour-map:1` is at the Hub, public. ECR has no repository of that name."""
    logged_in(lab)
    push_map(lab)


def push_map(lab: LabView) -> None:
    """Push an image to the Hub as learner's map: it holds the map's file."""
    hub_push(lab.hub, AT_HUB, "1", b"the map", path=STATIONS)


def public(lab: LabView) -> None:
    """ECR Public has an empty repository `harbour-map`; in private ECR `harbour-open` names everybody in its policy."""
    pushed(lab)
    make_repository(lab, OPEN)
    put_image(lab, OPEN, "1", {STATIONS: b"the map"})
    lab.client("ecr").set_repository_policy(repositoryName=OPEN, policyText=EVERYBODY)
    lab.client("ecr-public").create_repository(repositoryName=MAP)


def morning(lab: LabView) -> None:
    """Nine o'clock: nobody behind our address has pulled anything yet. docker is logged in at the Hub and at ECR."""
    pushed(lab)


def nine(lab: LabView) -> None:
    """The hundred pulls of our address are used up; docker is logged in at the Hub and at ECR."""
    pushed(lab)
    lab.control.hub_window(used=LIMIT)


def cached(lab: LabView) -> None:
    """The address is used up, and ECR has a rule `docker-hub` with the base image behind it."""
    nine(lab)
    make_rule(lab, "docker-hub")
    pull_from_ecr(lab, f"docker-hub/{BASE}")


def make_rule(lab: LabView, prefix: str, **more: str) -> None:
    """Make a cache rule for the Hub, unless there is one of that prefix."""
    ecr = lab.client("ecr")
    given = {"upstreamRegistryUrl": "registry-1.docker.io", "credentialArn": SECRET, **more}
    with suppress(ecr.exceptions.PullThroughCacheRuleAlreadyExistsException):
        ecr.create_pull_through_cache_rule(ecrRepositoryPrefix=prefix, **given)


def pull_from_ecr(lab: LabView, name: str, profile: str = "admin") -> None:
    """Start one server from ECR; whether it starts is not asked."""
    fleet(lab, 1, "ecr", name, profile=profile)


def fleet(lab: LabView, count: int, way: str = "hub", name: str = BASE, profile: str = "admin") -> str:
    """Start servers as the learner does; return what was printed."""
    return str(lab.sh(f"python fleet.py {count} {way} {name}", profile)[1])


def copied(lab: LabView, name: str = "base/busybox", tag: str = "latest") -> None:
    """Bring one copy into ECR, signed in: every blob and the manifest, as skopeo does."""
    make_repository(lab, name)
    ecr = lab.client("ecr")
    document = _read(lab.hub, "manifests", "latest")
    for piece in (document["config"], *document["layers"]):
        blob = _blob_of(lab.hub, piece["digest"])
        upload = ecr.initiate_layer_upload(repositoryName=name)["uploadId"]
        ecr.upload_layer_part(
            repositoryName=name, uploadId=upload, partFirstByte=0, partLastByte=len(blob) - 1, layerPartBlob=blob
        )
        ecr.complete_layer_upload(repositoryName=name, uploadId=upload, layerDigests=[piece["digest"]])
    ecr.put_image(
        repositoryName=name,
        imageManifest=json.dumps(document, separators=(",", ":")),
        imageManifestMediaType=document["mediaType"],
        imageTag=tag,
    )


def _blob_of(hub: Any, digest: str) -> bytes:
    """Fetch a layer or config of the base image, as learner."""
    token = pass_for(hub, f"repository:{BASE}:pull", "learner")
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "ecrlab-hub"}
    connection = http.client.HTTPConnection(hub.address, timeout=30)
    connection.request("GET", f"/v2/{BASE}/blobs/{digest}", headers=headers)
    content = connection.getresponse().read()
    connection.close()
    return content


def _read(hub: Any, kind: str, reference: str) -> dict[str, Any]:
    """Fetch a document of the base image, as learner."""
    token = pass_for(hub, f"repository:{BASE}:pull", "learner")
    connection = http.client.HTTPConnection(hub.address, timeout=30)
    headers = {"Authorization": f"Bearer {token}", "User-Agent": "ecrlab-hub"}
    connection.request("GET", f"/v2/{BASE}/{kind}/{reference}", headers=headers)
    found: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return found


def undo(lab: LabView) -> None:
    """Put the Hub, the cache rules, ECR Public, docker's logins and the clock back."""
    lab.clock.reset()
    lab.hub.reset()
    clear_cache(lab)
    clear_public(lab)
    forget(lab)


# Recall questions and guesses: they do not count


def e1_seen(lab: LabView) -> str | None:
    """What the two pushes of the map ended in, once there was one at each registry."""
    hub = [row for row in lab.rows() if row["service"] == "hub" and "/blobs/uploads" in row["path"]]
    hub += manifests(lab.rows(), "hub", "PUT")
    ecr = [row for row in at_registry(lab.rows()) if row["principal"] and row["method"] in ("POST", "PUT")]
    if not hub or not ecr:
        return None
    there = any(ok(row) for row in hub)
    here = any(ok(row) and "/manifests/" in row["path"] for row in ecr)
    if not here and not any("NAME_UNKNOWN" in str(row["error"]) for row in ecr):
        return None
    return {(True, True): "a", (True, False): "b", (False, False): "c"}.get((there, here))


def g1_seen(lab: LabView) -> str | None:
    """Who has pulled the map from the Hub since: a stranger, or nobody but its owner."""
    rows = [row for row in manifests(lab.rows(), "hub") if nobody(row) and "/learner/" in row["path"]]
    if any(ok(row) for row in rows):
        return "c"
    return "a" if any(turned_away(row) for row in rows) else None


def g2_seen(lab: LabView) -> str | None:
    """How a stranger's pull from private ECR ended."""
    rows = at_registry(lab.rows())
    if any(ok(row) and nobody(row) and "/manifests/" in row["path"] for row in rows):
        return "a"
    return "c" if rows and rows[-1]["status"] == 401 and nobody(rows[-1]) else None


def g3_seen(lab: LabView) -> str | None:
    """How a pull from ECR Public with an old login ended."""
    rows = [row for row in lab.rows() if row["service"] == "public"]
    if any(row["status"] == 403 and "expired" in row["said"] for row in rows):
        return "b"
    return "a" if any(ok(row) and user_of(row) and "/manifests/" in row["path"] for row in rows) else None


def g4_seen(lab: LabView) -> str | None:
    """How often the Hub was asked for the manifest while a fleet pulled through the cache."""
    rows = lab.rows()
    if len([row for row in manifests(rows, "registry", "GET") if ok(row)]) < SERVERS:
        return None
    # Asked without a pass first, the Hub answers 401, and nothing is fetched.
    fetched = [row for row in manifests(rows, "hub", "GET") if row["client"] == "ecr" and ok(row)]
    return "c" if len(fetched) <= 1 else "a"


CHECKPOINTS = {
    "fresh": fresh,
    "logged-in": logged_in,
    "pushed": pushed,
    "public": public,
    "morning": morning,
    "nine": nine,
    "cached": cached,
}
