"""lab-01-m1: version 1.2 is in ECR. What a learner reads is in m1.md."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

from ecrlab_course.authoring import Lab, Refused, Sentence, in_code, requests
from ecrlab_course.authoring.evidence import repositories
from ecrlab_course.authoring.staging import log_in, make_repository, name_again, put_image, put_index
from ecrlab_course.causes.client import sent_to_the_hub

from .state import (
    HOME,
    IRELAND,
    NAME,
    OTHER_NAME,
    PAGE,
    WANTED,
    Image,
    build,
    images,
    put,
    right_ones,
    ship,
)  # fmt: skip

PUSHED_TO = re.compile(r"/v2/(?:[^/]+\.amazonaws\.com/)?(.+)/(?:blobs|manifests)/")
PAGE_OF_1_2 = {PAGE: b"1.2\n"}


class Seen:
    """The images of both Regions, the names that docker has, and how the last push ended."""

    def __init__(self, lab: Lab) -> None:
        here, there = images(lab), images(lab, IRELAND)
        self.right, self.untagged = right_ones(here), [one for one in here if one.version == WANTED and not one.tags]
        self.ireland = [one for one in there if one.version == WANTED]
        # Other lessons' images are there, too: only where something was put since this began.
        new = [one for one in here if one.repository in filled(lab)]
        self.hidden = [one for one in new if one.hidden and one.tags]
        self.moved = [one for one in new if one.elsewhere and one.tags]
        self.called = [one for one in new if WANTED in one.tags]
        made = repositories(lab)
        self.number = f"{len(made)} repositor{'y' if len(made) == 1 else 'ies'}"
        self.pages = ", ".join(f"`{_name(one)}` says {one.version or 'nothing'}" for one in here[:5]) or "no image"
        self.seen = Sentence("some") if made else Sentence("no-repository")
        shown = next(iter((*self.right, *self.untagged, *self.hidden, *self.moved, *self.called)), None)
        self.repository, self.name = (shown.repository, _name(shown)) if shown else ("", "")
        self.place, self.version = (shown.elsewhere, shown.version) if shown else ("", "")
        self.page = Sentence("says") if self.version else Sentence("no-page")
        self._read_pushes(lab, made)
        _, names = lab.sh("docker images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null || true")
        mine = [name for name in names.split() if "amazonaws.com/" in name and name.endswith(f":{WANTED}")]
        self.local = mine[0].replace(lab.registry, "$REGISTRY") if mine else ""

    def _read_pushes(self, lab: Lab, made: list[str]) -> None:
        """Read how the last request to the registry of us-east-1 ended."""
        rows = [row for row in requests(lab, "registry") if row.row["region"] == HOME]
        last = rows[-1] if rows else None
        self.status, self.pusher = (last.status, last.user) if last else (0, "")
        self.reason = next((in_code(each["explanation"]) for each in last.row["decisions"]), "") if last else ""
        asked = PUSHED_TO.match(last.path) if last else None
        hub, run = sent_to_the_hub(lab.transcripts) or ("", None)
        newer = run and any(row.seq > (run.before if PUSHED_TO.match(row.path) else run.after) for row in rows)
        self.hub = "" if newer else hub
        self.absent = asked[1] if asked and asked[1] not in made and self.status == 404 else ""


def filled(lab: Lab) -> set[str]:
    """Return the repositories of us-east-1 into which an image was put, by docker or through the API."""
    rows = [row for row in requests(lab) if row.ok and row.row["region"] == HOME]
    pushed = {found[1] for row in rows if row.puts() and (found := PUSHED_TO.match(row.path))}
    return pushed | {
        str(row.row["resource"]).partition(":repository/")[2] for row in rows if row.operation == "PutImage"
    }


def _name(image: Image) -> str:
    return f"{image.repository}:{image.tags[0]}" if image.tags else image.repository


def judge(seen: Seen) -> str:
    """Return the verdict's name in m1.md: a tagged image of us-east-1 in which a container finds the page of 1.2."""
    if seen.right:
        return "passed"
    if seen.untagged:
        return "untagged"
    if seen.ireland:
        return "in-ireland"
    if seen.hidden:
        return "hidden"
    if seen.moved:
        return "elsewhere"
    return "other-page" if seen.called else not_there(seen)


def not_there(seen: Seen) -> str:
    """Return what kept a push from arriving."""
    if seen.hub:
        return "to-docker-io"
    if seen.absent:
        return "nowhere"
    if seen.status == 401:
        return "not-logged-in"
    if seen.status == 403:
        return "refused"
    return "only-named" if seen.local else "untouched"


def tag_only(lab: Lab) -> None:
    """Build, give the image an ECR address, and never push."""
    build(lab, name=f"{lab.registry}/{NAME}:{WANTED}")
    make_repository(lab, NAME)


def no_repository(lab: Lab) -> None:
    """Build, name, log in and push; nobody made the repository."""
    reference = f"{lab.registry}/{NAME}:{WANTED}"
    build(lab, name=reference)
    log_in(lab)
    lab.sh(f"docker push -q {reference}")


def no_login(lab: Lab) -> None:
    """Push without a login of docker's own."""
    tag_only(lab)
    lab.sh(f"docker push -q {lab.registry}/{NAME}:{WANTED}")


def to_docker_io(lab: Lab) -> None:
    """Log in, build under a name without a registry, and push that."""
    make_repository(lab, NAME)
    log_in(lab)
    lab.sh("docker build -q -t my-web-app:1.2 my-web-app-1.2/; docker push my-web-app:1.2")


def closed_repository(lab: Lab) -> None:
    """Push into a repository whose own policy lets nobody push."""
    make_repository(lab, NAME)
    deny = {"Effect": "Deny", "Principal": "*", "Action": "ecr:InitiateLayerUpload"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [deny]})
    lab.client("ecr").set_repository_policy(repositoryName=NAME, policyText=text)
    with suppress(Refused):
        lab.push(NAME, WANTED, b"1.2")


def by_the_api(lab: Lab) -> None:
    """Give the image a second tag through the API; remove the first."""
    put(lab, tag="candidate", name=OTHER_NAME)
    name_again(lab, OTHER_NAME, "release", imageTag="candidate")
    lab.client("ecr").batch_delete_image(repositoryName=OTHER_NAME, imageIds=[{"imageTag": "candidate"}])


def for_two_platforms(lab: Lab) -> None:
    """Put an index of two images."""
    make_repository(lab, NAME)
    children: list[Any] = [
        (kind, put_image(lab, NAME, "", PAGE_OF_1_2, architecture=kind)) for kind in ("amd64", "arm64")
    ]
    put_index(lab, NAME, "stable", *children)


def layered(lab: Lab, *layers: dict[str, bytes], tag: str = WANTED) -> None:
    """Put an image of these layers."""
    make_repository(lab, NAME)
    put_image(lab, NAME, tag, *layers)


TRIES = {
    "passed": {
        "docker": ship,
        "another repository, another tag": lambda lab: put(lab, tag="prod", name=OTHER_NAME),
        "the tag given through the API": by_the_api,
        "for two platforms": for_two_platforms,
        "the page replaced by a later layer": lambda lab: layered(lab, {PAGE: b"1.1"}, PAGE_OF_1_2, tag="new"),
        "deleted and copied again": lambda lab: layered(lab, PAGE_OF_1_2, {"www/.wh.version.txt": b""}, PAGE_OF_1_2),
    },
    "untagged": {
        "its tag was taken": [lambda lab: put(lab, tag="prod"), lambda lab: put(lab, "1.1", "prod")],
        "never had one": lambda lab: layered(lab, PAGE_OF_1_2, tag=""),
    },
    "in-ireland": {"in Ireland": lambda lab: put(lab, region=IRELAND)},
    "hidden": {
        "deleted by a whiteout": lambda lab: layered(lab, PAGE_OF_1_2, {"www/.wh.version.txt": b""}),
        "its folder deleted": lambda lab: layered(lab, PAGE_OF_1_2, {".wh.www": b""}, tag="new"),
    },
    "elsewhere": {"in another folder": lambda lab: layered(lab, {"app/www/version.txt": b"1.2\n"})},
    "other-page": {
        "old page, new tag": lambda lab: put(lab, "1.1", WANTED),
        "no page at all": [lambda lab: make_repository(lab, NAME), lambda lab: lab.push(NAME, WANTED, b"1.2")],
    },
    "not-logged-in": {"docker without a login": no_login},
    "refused": {"a repository that lets nobody push": closed_repository},
    "nowhere": {"no repository": no_repository},
    "to-docker-io": {
        "a name without a registry": to_docker_io,
        "refused before for want of a repository": (no_repository, to_docker_io),
        "a name with a folder": lambda lab: lab.sh(
            "docker build -q -t harbour/booking:1.2 my-web-app-1.2/; docker push -q harbour/booking:1.2"
        ),
    },
    "only-named": {"only named": tag_only, "after a push to docker.io": (to_docker_io, tag_only)},
}
