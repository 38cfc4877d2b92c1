"""Drill d25: two Regions after an outage. What a learner reads is in d25.md."""

from __future__ import annotations

import json
from collections.abc import Mapping

from ecrlab_course.authoring.evidence import short
from ecrlab_course.authoring.staging import digest_of_image, put_image
from ecrlab_course.drills.account import ACCOUNT, DrillLab
from ecrlab_course.drills.drill import Findings, attempt

NAME, VIRGINIA, IRELAND = "shop/booking", "us-east-1", "eu-west-1"
PLACES = {VIRGINIA: "Virginia", IRELAND: "Ireland"}
VERSIONS = ("2.4", "2.5", "2.6")


def page(version: str) -> dict[str, bytes]:
    """Return the files of a version's page."""
    return {"page": f"booking {version}".encode()}


RELEASED = {**{version: digest_of_image(page(version)) for version in VERSIONS}, "stable": digest_of_image(page("2.5"))}
"""What releases.json says."""


def put(lab: DrillLab, tag: str, version: str, region: str = VIRGINIA) -> str:
    """Put the page of a version under a tag; the same version has the same digest everywhere."""
    return put_image(lab, NAME, tag, page(version), region=region)


def rule(lab: DrillLab, start: str, end: str) -> None:
    """Let a Region copy to another one."""
    filters = [{"filter": "shop/", "filterType": "PREFIX_MATCH"}]
    rules = [{"destinations": [{"region": end, "registryId": ACCOUNT}], "repositoryFilters": filters}]
    ecr = lab.client("ecr", region=start)
    ecr.put_replication_configuration(replicationConfiguration={"rules": rules})


def empty(lab: DrillLab, region: str) -> None:
    """Make the repository; where a copy on its way from an earlier run was quicker, without that."""
    ecr = lab.client("ecr", region=region)
    try:
        lab.repository(NAME, region)
    except ecr.exceptions.RepositoryAlreadyExistsException:
        ecr.delete_repository(repositoryName=NAME, force=True)
        lab.repository(NAME, region)


def prepare(lab: DrillLab) -> None:
    """Make both Regions as they are after the outage, and the release notes."""
    for region in PLACES:
        empty(lab, region)
        for version in VERSIONS[:2]:
            put(lab, version, version, region)
    put(lab, "stable", "2.5")
    put(lab, "2.6", "2.6", IRELAND)
    put(lab, "stable", "2.6" if lab.seed == "moved" else "2.5", IRELAND)
    rule(lab, VIRGINIA, IRELAND)
    lab.write("releases.json", json.dumps(RELEASED, indent=2) + "\n")


class Seen:
    """Names and digests in both Regions, and the rules between them."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        self.found = {region: self._tags(lab, region) for region in PLACES}
        here, there = self.found[VIRGINIA], self.found[IRELAND]
        self.virginia, self.ireland = _words(here), _words(there)
        self.right = RELEASED
        lost = [
            (name, region) for region in PLACES for name in ("2.4", "2.5", "stable") if name not in self.found[region]
        ]
        lost += [("2.6", IRELAND)] if "2.6" not in there else []
        self.lost, self.where = (lost[0][0], PLACES[lost[0][1]]) if lost else ("", "")
        wrong = [
            (name, region)
            for region in PLACES
            for name in VERSIONS
            if self.found[region].get(name, self.right[name]) != self.right[name]
        ]
        self.name = wrong[0][0] if wrong else ""
        self.theirs = short(self.found[wrong[0][1]][self.name]) if wrong else ""
        if wrong and not lost:
            self.where = PLACES[wrong[0][1]]
        self.stable_here, self.stable_there = here.get("stable"), there.get("stable")
        if not wrong and self.stable_here:
            self.theirs = short(self.stable_here)
        self.home = "2.6" in here
        self.back = bool(lab.client("ecr", region=IRELAND).describe_registry()["replicationConfiguration"]["rules"])
        self.cause, self.seed = findings.get("cause", ""), lab.seed
        self.moved = self.stable_there != self.right["stable"]
        self.as_it_was = not self.home and not self.back and self.moved == (lab.seed == "moved")

    @staticmethod
    def _tags(lab: DrillLab, region: str) -> dict[str, str]:
        return {tag: digest for digest, tags in lab.images(NAME, region).items() for tag in tags}


def _words(tags: Mapping[str, str]) -> str:
    return ", ".join(f"`{tag}` {short(digest)}" for tag, digest in sorted(tags.items())) or "nothing"


def judge(seen: Seen) -> str:
    """Return the verdict's name in d25.md: both Regions as the notes say, and what was different."""
    if seen.lost:
        return "lost"
    if seen.name:
        return "rebuilt"
    if seen.stable_here != seen.right["stable"]:
        return "tag-moved"
    if not seen.home:
        if seen.back:
            return "rule-alone"
        return "untouched" if seen.as_it_was and not seen.cause else "not-home"
    if seen.moved:
        return "stable-wrong"
    if not seen.cause:
        return "no-cause"
    if seen.cause != seen.seed:
        return "not-so"
    return "two-way" if seen.back else "passed"


def bring_home(lab: DrillLab) -> None:
    """Put the release into Virginia, with the bytes that it has."""
    put(lab, "2.6", "2.6")


def set_stable(lab: DrillLab) -> None:
    """Put `stable` in Ireland where the notes say."""
    put(lab, "stable", "2.5", IRELAND)


def back(lab: DrillLab) -> None:
    """Set a rule that leads back."""
    rule(lab, IRELAND, VIRGINIA)


def taken_over(lab: DrillLab) -> None:
    """Let Virginia have every name that Ireland has, as a backfill from there would."""
    bring_home(lab)
    put(lab, "stable", "2.6")


def remove(lab: DrillLab) -> None:
    """Delete the release in Ireland."""
    lab.client("ecr", region=IRELAND).batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "2.4"}])


TRIES = {
    "passed": {
        "brought home": attempt({"cause": "release"}, bring_home, seed="release"),
        "and the name put right": attempt({"cause": "moved"}, (bring_home, set_stable), seed="moved"),
    },
    "two-way": {"with a rule back": attempt({"cause": "release"}, (back, bring_home), seed="release")},
    "lost": {"one deleted": attempt({"cause": "release"}, (bring_home, remove), seed="release")},
    "rebuilt": {"built again": attempt({"cause": "release"}, lambda lab: put(lab, "2.6", "2.6 again"), seed="release")},
    "tag-moved": {"everything from Ireland": attempt({"cause": "moved"}, taken_over, seed="moved")},
    "stable-wrong": {"the release alone": attempt({"cause": "moved"}, bring_home, seed="moved")},
    "not-home": {"named, and nothing done": attempt({"cause": "release"}, seed="release")},
    "rule-alone": {"a rule back": attempt({"cause": "release"}, back, seed="release")},
    "no-cause": {"in silence": attempt({}, bring_home, seed="release")},
    "not-so": {"names compared, digests not": attempt({"cause": "moved"}, bring_home, seed="release")},
}
