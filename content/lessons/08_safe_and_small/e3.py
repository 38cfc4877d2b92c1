"""08-e3: the releases locked, latest movable. What a learner reads is in e3.md."""

from __future__ import annotations

import fnmatch
import re
from contextlib import suppress

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Lab, call, push, requests
from ecrlab_course.authoring.evidence import images, tags
from ecrlab_course.authoring.requests import Request
from ecrlab_course.authoring.staging import put_image

from .state import LANDING, landing, names_of

GOALS = (call("ecr:PutImageTagMutability", on=LANDING), push(LANDING, "latest"))
RELEASES, WANTED = ("v2", "v2.0"), ("v2", "v2.0", "v3.0", "v10.4.1-rc")


class Seen:
    """The setting, decided for each tag, and what was tried since the reset."""

    def __init__(self, lab: Lab) -> None:
        ecr = lab.client("ecr")
        self.kind, self.given = "", []
        with suppress(ecr.exceptions.RepositoryNotFoundException):
            found = ecr.describe_repositories(repositoryNames=[LANDING])["repositories"][0]
            self.kind = str(found["imageTagMutability"])
            self.given = [str(one["filter"]) for one in found.get("imageTagMutabilityExclusionFilters", [])]
        self.filters = names_of(self.given)
        self.setting = f"`{self.kind}`" + (f", except {self.filters}" if self.given else "")
        self.moves = {tag: self._moves(tag) for tag in (*WANTED, "latest")}
        self.open = names_of(tag for tag in WANTED if self.moves[tag])
        self.locked = names_of(tag for tag in WANTED if not self.moves[tag])
        there = tags(lab, LANDING)
        self.missing = names_of(tag for tag in (*RELEASES, "latest") if tag not in there)
        # All three tags named one image at first, and it came before all others.
        first = images(lab, LANDING)[0]["imageDigest"] if there else ""
        self.moved = there.get("latest", first) != first
        rows = [row for row in requests(lab, "ecr", "registry") if str(row.row["resource"]).endswith(f"/{LANDING}")]
        changes = [row.seq for row in rows if row.operation == "PutImageTagMutability" and row.ok]
        self.changed = bool(changes)
        since = [row for row in rows if row.seq > max(changes, default=0)]
        self.moved_since = self.moved and any(moves_latest(row) for row in since)
        self.refused = refused_tag(since)

    def _moves(self, tag: str) -> bool:
        excepted = any(fnmatch.fnmatchcase(tag, each) for each in self.given)
        return self.kind.startswith("MUTABLE") is not excepted


def moves_latest(row: Request) -> bool:
    """Tell whether a request may have moved `latest`: a row of the API does not say the tag."""
    return row.ok and (row.operation == "PutImage" or (row.puts(LANDING) and row.path.endswith("/latest")))


def refused_tag(rows: list[Request]) -> str:
    """Return the release whose move was refused; "a release" where the row does not say which."""
    for row in rows:
        if not row.ok and row.operation == "PutImage" and row.row["error"] == "ImageTagAlreadyExistsException":
            return "a release"
        name = re.search(r"The image tag '([^']+)' already exists", str(row.row["said"]))
        if name and name[1].startswith("v"):
            return f"`{name[1]}`"
    return ""


def judge(seen: Seen) -> str:
    """Return the verdict's name in e3.md: the setting, then what was shown."""
    if seen.missing:
        return "lost"
    if seen.kind == "MUTABLE":
        return "movable" if seen.changed or seen.moved else "untouched"
    if not seen.moves["latest"]:
        return locked_latest(seen)
    if seen.open:
        return open_releases(seen)
    return shown(seen)


def locked_latest(seen: Seen) -> str:
    """Return why `latest` is locked."""
    if seen.kind == "IMMUTABLE_WITH_EXCLUSION":
        if any("latest" in each.lower() and "latest" not in each for each in seen.given):
            return "letter-case"
        if any("*" not in each and each and "latest".startswith(each.lower()) for each in seen.given):
            return "whole-tag"
        if seen.moves["v2"]:
            return "excepted-releases"
    return "locked-latest"


def open_releases(seen: Seen) -> str:
    """Return why releases can be moved."""
    return "excepted-releases" if seen.kind == "IMMUTABLE_WITH_EXCLUSION" else "too-narrow"


def shown(seen: Seen) -> str:
    """Return what was shown of a right setting."""
    if not seen.moved_since and not seen.refused:
        return "not-tried"
    if not seen.refused:
        return "refusal-not-seen"
    if not seen.moved_since:
        return "latest-not-moved"
    return "open-otherwise" if seen.kind == "MUTABLE_WITH_EXCLUSION" else "passed"


# Tries


def setting(lab: Lab, kind: str, *filters: str) -> None:
    """Set the repository's tag mutability."""
    named = [{"filterType": "WILDCARD", "filter": each} for each in filters]
    more = {"imageTagMutabilityExclusionFilters": named} if named else {}
    with suppress(ClientError):
        lab.client("ecr").put_image_tag_mutability(repositoryName=LANDING, imageTagMutability=kind, **more)


def lock(lab: Lab) -> None:
    """Set what the solution sets."""
    setting(lab, "IMMUTABLE_WITH_EXCLUSION", "latest")


def move(lab: Lab, *moved: str) -> None:
    """Push another image under these tags, whether or not that is taken."""
    for tag in moved:
        with suppress(ClientError):
            put_image(lab, LANDING, tag, {"www/index.html": b"another"})


def with_docker(lab: Lab) -> None:
    """Push the booking page under both names."""
    for tag in ("latest", "v2.0"):
        lab.sh(f'docker tag booking:2.0 "$REGISTRY/{LANDING}:{tag}"; docker push -q "$REGISTRY/{LANDING}:{tag}" 2>&1')


def both(lab: Lab) -> None:
    """Move latest, and try to move v2.0."""
    move(lab, "latest", "v2.0")


def wildcard(*filters: str) -> list[object]:
    """Return a try of IMMUTABLE_WITH_EXCLUSION with these filters, and both pushes."""
    return [(lambda lab: setting(lab, "IMMUTABLE_WITH_EXCLUSION", *filters), both)]


def delete(lab: Lab) -> None:
    """Delete a release, and push it again."""
    lab.client("ecr").batch_delete_image(repositoryName=LANDING, imageIds=[{"imageTag": "v2.0"}])


TRIES = {
    "passed": {
        "one exception, with docker": (lock, with_docker),
        "two exceptions, through the API": (
            lambda lab: setting(lab, "IMMUTABLE_WITH_EXCLUSION", "latest", "dev-*"), both,
        ),
    },
    "open-otherwise": [(lambda lab: setting(lab, "MUTABLE_WITH_EXCLUSION", "v*"), both)],
    "movable": [both],
    "locked-latest": [(lambda lab: setting(lab, "IMMUTABLE"), both)],
    "excepted-releases": {"the releases": wildcard("v*")[0], "everything": wildcard("*")[0]},
    "too-narrow": [(lambda lab: setting(lab, "MUTABLE_WITH_EXCLUSION", "v2*"), both)],
    "whole-tag": wildcard("lat"),
    "letter-case": wildcard("Latest"),
    "lost": [(lock, delete)],
    "not-tried": {"nothing": lock, "before it was set": (both, lock)},
    "refusal-not-seen": [(lock, lambda lab: move(lab, "latest"))],
    "latest-not-moved": [(lock, lambda lab: move(lab, "v2"))],
}  # fmt: skip


def reset(lab: Lab) -> None:
    """Make `landing` again, movable, with its three tags."""
    landing(lab)
