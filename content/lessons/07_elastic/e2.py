"""07-e2: a repository more than the quota allows. What a learner reads is in e2.md."""

from __future__ import annotations

import re
from contextlib import suppress

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Lab, Sentence, call, requests
from ecrlab_course.authoring.evidence import repositories, tags
from ecrlab_course.authoring.requests import Request
from ecrlab_course.authoring.staging import name_again

from .state import (
    ACCOUNT,
    BOOKING,
    FEWEST,
    IRELAND,
    LONDON,
    OLD,
    PRICES,
    TEAMS,
    VIRGINIA,
    clean,
    delete_tag,
    full,
    no_room,
    push_versions,
    quiet,
    quota_of,
    quotas_set,
    with_quota,
)

QUOTA = "repositories per Region"
HELD = (BOOKING, *TEAMS)
GOALS = (call("ecr:CreateRepository", on=PRICES),)
PAGE = "shop/maps"
"""What the page's own cell asks for at the wall: that request is not the learner's try."""
TRIED = ("CreateRepository", "DeleteRepository")


def about(request: Request) -> str:
    """Return the repository that a request of the API was about."""
    return str(request.row["resource"] or "").partition(":repository/")[2]


def gaps(lab: Lab, name: str) -> bool:
    """Tell whether one of the versions that thousand.py pushed into a repository is missing there."""
    there = {int(tag[1:]) for tag in tags(lab, name) if re.fullmatch(r"v\d{4}", tag)}
    least = FEWEST if name == BOOKING else 1
    return there != set(range(1, max(there, default=0) + 1)) or len(there) < least


class Seen:
    """The repositories of both Regions, the quotas, and how requests for more fared."""

    def __init__(self, lab: Lab) -> None:
        self.names_list = repositories(lab)
        self.there = PRICES in self.names_list
        self.number, self.wall = len(self.names_list), quota_of(lab, QUOTA)
        self.room = self.number < self.wall
        self.is_set = QUOTA in quotas_set(lab)
        self.names = ", ".join(f"`{name}`" for name in self.names_list)
        asked = [row for row in requests(lab, "ecr") if about(row) != PAGE or row.ok]
        done = [row for row in asked if row.ok]
        self.lost = self._lost(lab, done)
        self.lost_name = self.lost[0] if self.lost else ""
        asked_for = [row for row in asked if row.operation == "CreateRepository"]
        made = {about(row) for row in asked_for if row.ok or "AlreadyExists" in str(row.row["error"])}
        self.others = [name for name in self.names_list if name in made and name not in (*HELD, OLD, PRICES)]
        self.other = self.others[0] if self.others else ""
        self.removed = PRICES in {about(row) for row in done if row.operation == "DeleteRepository"}
        self._elsewhere(lab, [row for row in done if row.operation == "CreateRepository" and about(row) == PRICES])
        self.walls = [name for name in quotas_set(lab) if name != QUOTA]
        self.moved = self.walls[0] if self.walls else ""
        self.irelands = bool(quotas_set(lab, IRELAND))
        self.tags = [f"{name}:{tag}" for name in HELD for tag in tags(lab, name) if "price" in tag]
        self.tagged = self.tags[0] if self.tags else ""
        self._refusals(lab, [row for row in asked if row.operation in TRIED and not row.ok])
        self.look = Sentence("full")

    @staticmethod
    def _lost(lab: Lab, done: list[Request]) -> list[str]:
        """Return the repositories that images were deleted from, or with, and that lack one now."""
        there = repositories(lab)
        deleted = {about(row) for row in done if row.operation in ("DeleteRepository", "BatchDeleteImage")}
        return [name for name in HELD if name in deleted and (name not in there or gaps(lab, name))]

    def _elsewhere(self, lab: Lab, made: list[Request]) -> None:
        """Note where else the repository was made: in another Region of ours, in another account."""
        places = [(str(row.row["region"]), str(row.row["account"])) for row in made]
        abroad = {region for region, account in places if account == ACCOUNT and region != VIRGINIA}
        self.region = next((region for region in sorted(abroad) if PRICES in repositories(lab, region)), "")
        self.account = next((account for _, account in places if account != ACCOUNT), "")

    def _refusals(self, lab: Lab, refused: list[Request]) -> None:
        """Note what was refused: of the API the last request, and whether a push came after it."""
        refused = [row for row in refused if "AlreadyExists" not in str(row.row["error"])]
        last = refused[-1] if refused else None
        self.who = last.user if last and last.denied else ""
        self.deed = "create" if last and last.operation == "CreateRepository" else "delete"
        self.bad_name = last is not None and not self.who and str(last.row["error"]) == "InvalidParameterException"
        deletes = [row for row in refused if row.operation == "DeleteRepository" and not row.denied]
        self.kept, self.unknown = (
            next((about(row) for row in reversed(deletes) if str(row.row["error"]) == error), "")
            for error in ("RepositoryNotEmptyException", "RepositoryNotFoundException")
        )
        limited = [row for row in refused if str(row.row["error"]) == "LimitExceededException"]
        self.refused, self.asked = len(limited), about(limited[-1]) if limited else ""
        pushes = [row.seq for row in requests(lab, "registry") if row.lacks_repository and f"/{PRICES}/" in row.path]
        self.last_is_push = bool(pushes) and (last is None or pushes[-1] > last.seq)


def judge(seen: Seen) -> str:
    """Return the verdict's name in e2.md: the repository, and whether anybody lost an image."""
    if seen.lost:
        return "lost"
    if seen.there:
        if OLD not in seen.names_list:
            return "passed"
        return "granted" if seen.is_set else "as-at-aws"
    if seen.region:
        return "abroad"
    if seen.account:
        return "other-registry"
    if seen.others:
        return "other-name"
    return without(seen)


def without(seen: Seen) -> str:
    """Return what was refused for another reason than the wall, else what is known of the wall."""
    if seen.last_is_push:
        return "pushed"
    if seen.who:
        return "not-allowed"
    if seen.bad_name:
        return "bad-name"
    if seen.room:
        return "made-and-gone" if seen.removed else "room-only"
    if seen.unknown:
        return "no-such"
    return "not-empty" if seen.kept else at_the_wall(seen)


def at_the_wall(seen: Seen) -> str:
    """Return what was tried at the wall that is still in the way."""
    if seen.walls:
        return "other-wall"
    if seen.irelands:
        return "irelands-wall"
    if seen.tagged:
        return "a-tag"
    if seen.refused:
        return "asked-again" if seen.asked == PRICES else "other-name-refused"
    return "untouched"


def create(lab: Lab, name: str = PRICES, region: str = VIRGINIA, profile: str = "admin") -> None:
    """Ask for the repository, and take the refusal where there is one."""
    quiet(lab, name, region, profile)


def delete(lab: Lab, name: str, force: bool = False, profile: str = "admin") -> None:
    """Delete a repository; ECR refuses where it holds images, unless it is forced."""
    with suppress(ClientError):
        lab.client("ecr", profile).delete_repository(repositoryName=name, force=force)


def push_there(lab: Lab) -> None:
    """Push to the repository that is not there."""
    with suppress(Exception):
        lab.push(PRICES, "1")


TRIES = {
    "passed": {
        "the empty one deleted": (lambda lab: delete(lab, OLD), create),
        "refused first": (create, lambda lab: delete(lab, OLD), create),
        "forced, and empty all the same": (lambda lab: delete(lab, OLD, force=True), create),
        "deleted and pushed again": (
            lambda lab: delete_tag(lab, TEAMS[0], "v0001"),
            lambda lab: push_versions(lab, TEAMS[0], "v0001"),
            lambda lab: delete(lab, OLD),
            create,
        ),
    },
    "granted": {
        "one more": (lambda lab: no_room(lab, 1), create),
    },
    "as-at-aws": {"the quota reset": (lambda lab: with_quota(lab, QUOTA, None), create)},
    "lost": {
        "forced": (lambda lab: delete(lab, TEAMS[0], force=True), create),
        "images deleted first": (
            lambda lab: lab.client("ecr").batch_delete_image(repositoryName=TEAMS[2], imageIds=[{"imageTag": "v0001"}]),
            lambda lab: delete(lab, TEAMS[2]),
        ),
        "one version of three": (lambda lab: delete_tag(lab, BOOKING, "v0002"), lambda lab: no_room(lab, 1), create),
    },
    "abroad": {
        "Ireland": [lambda lab: create(lab, region=IRELAND)],
        "London": [lambda lab: create(lab, region=LONDON)],
    },
    "other-registry": [(create, lambda lab: create(lab, profile="partner"))],
    "made-and-gone": [(lambda lab: delete(lab, OLD), create, lambda lab: delete(lab, PRICES))],
    "room-only": {
        "the wall moved": lambda lab: no_room(lab, 4),
        "room and no more": lambda lab: delete(lab, OLD),
    },
    "other-name": {
        "made": (lambda lab: delete(lab, OLD), lambda lab: create(lab, "shop/price")),
        "asked for twice": (
            lambda lab: delete(lab, OLD),
            lambda lab: create(lab, "shop/price"),
            lambda lab: create(lab, "shop/price"),
        ),
    },
    "other-wall": [(lambda lab: with_quota(lab, "images per repository", 7), create)],
    "irelands-wall": [(lambda lab: with_quota(lab, QUOTA, 9, IRELAND), create)],
    "a-tag": [(create, lambda lab: name_again(lab, BOOKING, "prices-1", imageTag="v0001"))],
    "not-allowed": {
        "to create": lambda lab: create(lab, profile="ci"),
        "to create, with room": (lambda lab: no_room(lab, 4), lambda lab: create(lab, profile="ops")),
        "to delete": (create, lambda lab: delete(lab, OLD, profile="ops")),
    },
    "bad-name": [(lambda lab: delete(lab, OLD), lambda lab: create(lab, "shop/Prices"))],
    "no-such": [(create, lambda lab: delete(lab, "old-demo"), create)],
    "not-empty": [(create, lambda lab: delete(lab, TEAMS[1]), create)],
    "pushed": {
        "at once": push_there,
        "behind the page's own cell": (lambda lab: create(lab, PAGE), push_there),
        "with room": (lambda lab: no_room(lab, 4), push_there),
    },
    "untouched": {"the page's own cell": lambda lab: create(lab, PAGE)},
    "other-name-refused": [(create, lambda lab: create(lab, "shop/prices-2"))],
    "asked-again": [(create, create)],
}


def reset(lab: Lab) -> None:
    """Put the repositories back, and the wall."""
    clean(lab)
    full(lab)
