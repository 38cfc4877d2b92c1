"""Lesson 07: its checkpoints, and what several of its exercises look at or try."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ecrlab_course.authoring.evidence import images, puts_manifest, repositories, tags
from ecrlab_course.authoring.requests import requests
from ecrlab_course.authoring.staging import PEOPLE, address, learner_module, log_in, log_out, make_repository
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.xray_row import Row

ACCOUNT, PARTNER = "123456789012", "444455556666"
VIRGINIA, IRELAND, LONDON = "us-east-1", "eu-west-1", "eu-west-2"
BOOKING, OLD, NIGHT, PRICES, NOTES = "shop/booking", "team-a/old-demo", "shop/night", "shop/prices", "team-a/notes"
FEWEST = 3
"""Versions of `shop/booking` at the wall, where the page's thousand were not pushed."""
TEAMS = ("team-01/booking", "team-02/booking", "team-03/booking")
MADE = (
    *(BOOKING, OLD, NIGHT, PRICES, NOTES, *TEAMS, "rate/booking", "shop/maps", "shop/price", "shop/status"),
    *("near/shop/booking", "one/booking", "copied/booking", "both/booking", "near/one/booking"),
)
"""Every repository that the lesson's steps and tries make, in whichever Region."""

thousand = learner_module(Path(__file__).parent, "thousand")


# What is in the lab


def push_versions(lab: LabView, name: str, *tags: str, region: str = VIRGINIA) -> None:
    """Push a version of the page for each tag as thousand.py does, into a repository that is made when missing."""
    make_repository(lab, name, region)
    data = lab.client("ecr", region=region).get_authorization_token()["authorizationData"][0]
    thousand.push_all(address(lab, region), data["authorizationToken"], name, list(tags))


def rule(*prefixes: str, region: str = IRELAND, account: str = ACCOUNT) -> dict[str, Any]:
    """Return a replication rule to one place, for repositories whose names begin so (none: for all)."""
    filters = [{"filter": each, "filterType": "PREFIX_MATCH"} for each in prefixes]
    return {
        "destinations": [{"region": region, "registryId": account}],
        **({"repositoryFilters": filters} if filters else {}),
    }


def replicate(lab: LabView, *rules: dict[str, Any], region: str = VIRGINIA) -> None:
    """Set the rules of a registry of ours."""
    ecr = lab.client("ecr", region=region)
    ecr.put_replication_configuration(replicationConfiguration={"rules": list(rules)})


def rules_of(lab: LabView, region: str = VIRGINIA) -> list[dict[str, Any]]:
    """Return the replication rules of a registry of ours."""
    found: list[dict[str, Any]] = lab.client("ecr", region=region).describe_registry()["replicationConfiguration"][
        "rules"
    ]
    return found


def copied(lab: LabView, name: str, tag: str, seconds: float = 4) -> list[dict[str, Any]]:
    """Wait until no copy of an image is in progress; return the statuses of its copies."""
    ecr, end = lab.client("ecr"), time.monotonic() + seconds
    while True:
        answer = ecr.describe_image_replication_status(repositoryName=name, imageId={"imageTag": tag})
        found: list[dict[str, Any]] = answer["replicationStatuses"]
        if all(each["status"] != "IN_PROGRESS" for each in found) or time.monotonic() > end:
            return found
        time.sleep(0.05)


def backfill(lab: LabView) -> None:
    """Copy to Ireland what was there before the rule, and wait for it."""
    ecr = lab.client("ecr")
    begun = ecr.start_replication_backfill(destination={"region": IRELAND, "registryId": ACCOUNT})
    end = time.monotonic() + 10
    while time.monotonic() < end:
        found = ecr.describe_replication_backfill_results(replicationBackfillId=begun["replicationBackfillId"])
        if found["status"] not in ("PREPARING", "IN_PROGRESS"):
            return
        time.sleep(0.05)


def quota_of(lab: LabView, name: str, region: str = VIRGINIA) -> int:
    """Return the value of a quota of ours."""
    return next(int(each["value"]) for each in lab.control.quotas(region=region)["quotas"] if each["name"] == name)


def quotas_set(lab: LabView, region: str = VIRGINIA) -> dict[str, int]:
    """Return the quotas of a registry of ours that were set here, without AWS's own."""
    return {each["name"]: each["value"] for each in lab.control.quotas(region=region)["quotas"] if each["set"]}


# Building the places of the lesson


def local_names(lab: LabView) -> list[str]:
    """Return the names, by tag and by digest, that docker has on this computer for what this lesson pushes."""
    form = "{{.Repository}}:{{.Tag}} {{.Repository}}@{{.Digest}}"
    _, here = lab.sh(f"docker image ls --digests --format '{form}' 2>/dev/null || true")
    ours = {name for name in here.split() if "<none>" not in name}
    return sorted(name for name in ours if any(f"/{each}{sign}" in name for each in MADE for sign in ":@"))


def new_server(lab: LabView) -> None:
    """Let docker forget the images of this lesson: this computer is a server that has never seen the page."""
    names = local_names(lab)
    if names:
        lab.sh("docker rmi -f " + " ".join(names) + " >/dev/null 2>&1 || true")


def take_back_copies(lab: LabView) -> None:
    """Remove from Ireland what a rule without a filter copied there of other lessons' repositories."""
    ours, there = lab.client("ecr"), lab.client("ecr", region=IRELAND)
    for name in sorted(set(repositories(lab, IRELAND)) & set(repositories(lab)) - set(MADE)):
        digests = [{"imageDigest": str(detail["imageDigest"])} for detail in images(lab, name)]
        copies = [each for each in digests if _was_copied(ours, name, each)]
        for first in range(0, len(copies), 100):
            there.batch_delete_image(repositoryName=name, imageIds=copies[first : first + 100])
        if copies and not images(lab, name, IRELAND):
            there.delete_repository(repositoryName=name)


def _was_copied(ecr: Any, name: str, image: dict[str, str]) -> bool:
    """Whether a rule copied this image to Ireland; a copy that is on its way is waited for."""
    end = time.monotonic() + 4
    while True:
        answer = ecr.describe_image_replication_status(repositoryName=name, imageId=image)
        states = [each["status"] for each in answer["replicationStatuses"] if each["region"] == IRELAND]
        if "IN_PROGRESS" not in states or time.monotonic() > end:
            return "COMPLETE" in states
        time.sleep(0.05)


def clean(lab: LabView) -> None:
    """Return to registries with nothing of this lesson in them: Regions on, no rules, quotas as at AWS."""
    lab.regions_on()
    lab.unset(VIRGINIA, IRELAND, LONDON)
    lab.unset(VIRGINIA, account=PARTNER)
    take_back_copies(lab)
    for region in (VIRGINIA, IRELAND, LONDON):
        lab.clear(*MADE, region=region)
    lab.control.reset(repositories=list(MADE), account=PARTNER, region=VIRGINIA)
    lab.user(*PEOPLE)


def begin(lab: LabView) -> None:
    """Build what every checkpoint begins with: clean registries, Ireland's address known, admin's docker logged in."""
    clean(lab)
    address(lab, IRELAND)
    # The first rule of an account leaves a role behind, AWSServiceRoleForECRReplication: it is there from the start.
    replicate(lab, rule(OLD))
    replicate(lab)
    new_server(lab)
    log_out(lab, "admin", "ops", region=IRELAND)
    log_in(lab)


def season(lab: LabView) -> None:
    """The registry is nearly empty: one old repository without images, and AWS's own quotas."""
    begin(lab)
    make_repository(lab, OLD)


def full(lab: LabView) -> None:
    """This registry may have as many repositories as it has: five, and what other lessons left. One is empty.

    `shop/booking` has three versions, each team's copy one; docker is logged in.
    """
    season(lab)
    push_versions(lab, BOOKING, *(f"v{number:04d}" for number in range(1, FEWEST + 1)))
    for name in TEAMS:
        push_versions(lab, name, "v0001")
    no_room(lab)


def no_room(lab: LabView, more: int = 0) -> None:
    """Set the quota of repositories to what is there, or to some more."""
    with_quota(lab, "repositories per Region", len(repositories(lab)) + more)


def one_region(lab: LabView) -> None:
    """`shop/booking:2.4` is in Virginia, and nothing is in Ireland. No rule copies anything."""
    begin(lab)
    push_versions(lab, BOOKING, "2.4")
    push_versions(lab, NOTES, "1")


def two_regions(lab: LabView) -> None:
    """`shop/booking` 2.4 and 2.5 are in Virginia and, by a rule and a backfill, in Ireland."""
    one_region(lab)
    replicate(lab, rule("shop/"))
    push_versions(lab, BOOKING, "2.5")
    backfill(lab)
    copied(lab, BOOKING, "2.5")


def ends(lab: LabView) -> None:
    """What the lesson leaves: two Regions, a rule between them, three releases."""
    two_regions(lab)
    push_versions(lab, BOOKING, "2.6")
    copied(lab, BOOKING, "2.6")


def undo(lab: LabView) -> None:
    """Put both Regions and the partner's registry back, and let docker forget what it pulled and where it logged in."""
    clean(lab)
    new_server(lab)
    log_out(lab, "admin", "ops", region=IRELAND)
    log_out(lab, "admin", "ops")


# What predictions and guesses look at


def pushed_to(lab: LabView) -> list[str]:
    """Return the repositories of Virginia that manifests were put into since the guess, the fullest first."""
    found: dict[str, int] = {}
    for row in lab.rows():
        if not 200 <= int(row["status"]) < 300 or row["region"] != VIRGINIA:
            continue
        if puts_manifest(row):
            name = str(row["path"]).split(".amazonaws.com/")[-1].partition("/manifests/")[0]
        elif row["operation"] == "PutImage":
            name = str(row["resource"]).partition(":repository/")[2]
        else:
            continue
        found[name] = found.get(name, 0) + 1
    return sorted(found, key=lambda name: -found[name])


def sums(lab: LabView, name: str) -> tuple[int, int]:
    """Return what a repository's images add up to, each by itself, and what is kept of them."""
    for shelf in lab.control.tree(images=0)["shelves"]:
        if (shelf["registry"], shelf["name"]) == (f"{ACCOUNT}/{VIRGINIA}", name):
            return int(shelf["sums"]["nominal"]), int(shelf["sums"]["stored"])
    return 0, 0


def after_four_pushes(lab: LabView) -> str | None:
    """How a docker push and an SDK fared at a rate: docker gave up, or nobody did."""
    rows = [row for row in lab.rows() if row["operation"] in ("PUT manifest", "PutImage")]
    if len(rows) < 2:
        return None
    return "b" if any(row["status"] == 429 for row in rows) else "a"


def second_pull(lab: LabView) -> str | None:
    """How much the second of two pulls moved, beside the first: as much, about half, very little, nothing."""
    pulls: list[int] = []
    for row in lab.rows():
        if row["operation"] == "GET manifest" and row["status"] == 200:
            pulls.append(0)
        if pulls and row["method"] == "GET" and row["status"] == 200 and row["service"] in ("registry", "layers"):
            pulls[-1] += int(row["bytes_out"])
    if len(pulls) < 2:
        return None
    share = pulls[1] / max(pulls[0], 1)
    return "a" if share > 0.8 else "b" if share > 0.2 else "c" if share else "d"


def in_ireland(lab: LabView, name: str = BOOKING) -> dict[str, str]:
    """Return the tags of a repository in Ireland, each with its digest."""
    return tags(lab, name, IRELAND)


def refused_new_image(lab: LabView) -> str | None:
    """Whether the last manifest that was put was refused."""
    rows: list[Row] = [row for row in lab.rows() if puts_manifest(row)]
    return None if len(rows) < 2 else "c" if rows[-1]["status"] == 403 else "a"


def created(lab: LabView) -> str | None:
    """How the repository fared that was made at the wall."""
    rows = [each for each in requests(lab, "ecr") if each.operation == "CreateRepository"]
    if not rows:
        return None
    if rows[-1].ok:
        return "a"
    return "d" if rows[-1].denied else "c"


def missing_in_virginia(tag: str) -> Callable[[LabView], str | None]:
    """Return a function that says whether a tag that was pushed in Ireland is in Virginia, once both answer."""

    def look(lab: LabView) -> str | None:
        if lab.control.status()["regions_off"] or tag not in in_ireland(lab):
            return None
        return "a" if tag in tags(lab, BOOKING) else "b"

    return look


def delete_tag(lab: LabView, name: str, tag: str, region: str = VIRGINIA) -> None:
    """Delete a tag, and the image with its last one."""
    lab.client("ecr", region=region).batch_delete_image(repositoryName=name, imageIds=[{"imageTag": tag}])


def with_quota(lab: LabView, name: str, value: int | None, region: str = VIRGINIA) -> None:
    """Set a quota of ours."""
    lab.control.quota(name, value, "ecr", region)


def quiet(lab: LabView, name: str, region: str = VIRGINIA, profile: str = "admin") -> None:
    """Create a repository, and take the refusal where there is one."""
    with suppress(Exception):
        lab.client("ecr", profile, region).create_repository(repositoryName=name)


g7_seen = missing_in_virginia("4.2")

CHECKPOINTS = {
    "season": season,
    "full": full,
    "one-region": one_region,
    "two-regions": two_regions,
    "end": ends,
}
