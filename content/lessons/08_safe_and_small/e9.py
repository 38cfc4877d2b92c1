"""08-e9: a lifecycle policy for all seasons. What a learner reads is in e9.md."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from ecrlab_course.authoring import Lab, Result, Sentence, Try, write
from ecrlab_course.authoring.evidence import own_images

from .state import ships, wait_for

GOALS = (write("keep.json"),)
TABLES = {"today": ships.TODAY, "summer": ships.SUMMER, "week": ships.WEEK}
NEWEST = {"today": ("v1.3", "v2.0", "v2.1"), "summer": ("v1.3", "v2.0", "v2.1"), "week": ("v3.3", "v3.4", "v3.5")}
DRIFT = 5
"""Days by which the fleets may be older than they were made: so much later the answers would be others."""


def run(lab: Lab, text: str) -> Result:
    """Ask for a preview of the policy on the three fleets."""
    data: dict[str, Any] = {}
    try:
        json.loads(text)
    except ValueError as error:
        return Result("aws ecr start-lifecycle-policy-preview", 1, f"not JSON: {error}\n", {"syntax": str(error)})
    lines = []
    for table in TABLES:
        try:
            data[table] = preview(lab, f"trial/{table}", text)
        except (ClientError, ParamValidationError) as error:
            return Result("aws ecr start-lifecycle-policy-preview", 1, f"{error}\n", {"refused": reason(error)})
        lines += [f"{table}:"] + [f"  {name:<16} by rule {rule}" for name, rule in data[table].items()]
    return Result("a preview on three fleets", 0, "\n".join(lines) + "\n", {"taken": data})


def preview(lab: Lab, name: str, text: str) -> dict[str, int]:
    """Return what a policy would take: names of images, each with the rule."""
    ecr = lab.client("ecr")
    with suppress(ecr.exceptions.LifecyclePolicyPreviewInProgressException):
        ecr.start_lifecycle_policy_preview(repositoryName=name, lifecyclePolicyText=text)
    wait_for(lambda: ecr.get_lifecycle_policy_preview(repositoryName=name)["status"] != "IN_PROGRESS", "the preview")
    found = ecr.get_lifecycle_policy_preview(repositoryName=name)["previewResults"]
    return {called(one, lab): int(one["appliedRulePriority"]) for one in found}


def called(one: dict[str, Any], lab: Lab) -> str:
    """Return what an image is called: its tags, or its age in days."""
    tags = sorted(one.get("imageTags", ()), key=lambda tag: tag == "live")
    return " ".join(tags) or f"untagged, {days(one, lab):.0f} days"


def days(one: dict[str, Any], lab: Lab) -> float:
    """Return how old an image is."""
    return float((lab.clock.now() - one["imagePushedAt"]).total_seconds()) / 86400


def reason(error: Exception) -> str:
    """Return what AWS says of a policy, without what every such message begins with."""
    text = str(error)
    for begin in ("Lifecycle policy validation failure: ", "operation: "):
        if begin in text:
            return text.partition(begin)[2].rstrip("'")
    return " ".join(text.split())


def age_of(name: str, table: str) -> float:
    """Return how old an image was when the fleet was made; -1: not one of it."""
    for age, *more in TABLES[table]:
        if more[0] and set(str(more[0]).split()) == set(name.split()):
            return float(age)
    return -1


def must_go(table: str) -> set[str]:
    """Return the names of the images with a tag that have to go."""
    return {
        name
        for age, name, *_ in TABLES[table]
        if name and "live" not in name and (name not in NEWEST[table] if name.startswith("v") else age > 30)
    }


class Seen:
    """What the policy takes from each fleet, and the first thing that is not as it was wished."""

    def __init__(self, lab: Lab, text: str, result: Result) -> None:
        self.syntax, self.refusal = str(result.data.get("syntax", "")), str(result.data.get("refused", ""))
        self.said = self.syntax or self.refusal
        self.taken: dict[str, dict[str, int]] = result.data.get("taken", {})
        self.moved = any(moved(lab, table) for table in TABLES)
        self.rules = rules_of(text)
        self.table = self.image = self.miss = ""
        self.rule = 0
        for table, taken in self.taken.items():
            if not self.miss:
                self._look(table, taken)
        anded = [number for number, rule in self.rules.items() if len(patterns(rule)) > 1]
        self.anded = anded[0] if anded else 0
        named = [number for number, rule in self.rules.items() if any("live" in each for each in patterns(rule))]
        self.live = named[0] if named else 0
        self.star = "*" in patterns(self.rules.get(self.rule, {}))
        by_age = self.rules.get(self.rule, {}).get("selection", {})
        names = {tag for table in TABLES.values() for _, *more in table for tag in str(more[0]).split()} - {"live"}
        by_name = {text: number for number, rule in self.rules.items() for text in patterns(rule) if text in names}
        self.named, self.by_name = next(iter(by_name.items()), ("", 0))
        self.by_age = by_age.get("countType") == "sinceImagePushed" and bool(patterns({"selection": by_age}))
        counts = "; ".join(f"{table} {len(taken)} would go" for table, taken in self.taken.items())
        self.short_seen = counts or self.said or "nothing was asked"
        self.last_run = Sentence("last") if result.command else Sentence("not-run")

    def _look(self, table: str, taken: dict[str, int]) -> None:
        """Find the first image that goes and should stay, then the first that stays and should go."""
        for name, rule in taken.items():
            live, kept = "live" in name.split(), name in NEWEST[table]
            young = not name.startswith(("v", "untagged")) and age_of(name, table) < 30 - DRIFT
            fresh = name.startswith("untagged") and float(name.split()[1]) < 1
            if live or kept or young or fresh:
                self._note(table, f"`{name}`", "live" if live else "release" if kept else "too early", rule)
                return
        for name in sorted(must_go(table) - set(taken)):
            self._note(table, f"`{name}`", "release stays" if name.startswith("v") else "dev stays")
            return
        # Of each fleet exactly one image without a tag was pushed on its last day.
        old = [age for age, name, *more in TABLES[table] if not name and age > 1]
        if sum(1 for name in taken if name.startswith("untagged")) < len(old):
            self._note(table, "an image without a tag", "untagged stays")

    def _note(self, table: str, image: str, miss: str, rule: int = 0) -> None:
        self.table, self.image, self.miss, self.rule = f"*{table}*", image, miss, rule


def moved(lab: Lab, table: str) -> bool:
    """Tell whether a fleet is not what it was: an image is missing, or all have become older."""
    found = own_images(lab, f"trial/{table}")
    if len(found) != len(TABLES[table]):
        return True
    newest = min(days(one, lab) for one in found)
    return bool(newest > min(age for age, *_ in TABLES[table]) + DRIFT)


def rules_of(text: str) -> dict[int, dict[str, Any]]:
    """Return the rules by their priority; {} where there are none."""
    with suppress(ValueError, TypeError, KeyError, AttributeError):
        return {int(rule["rulePriority"]): rule for rule in sorted(json.loads(text)["rules"], key=number_of)}
    return {}


def number_of(rule: dict[str, Any]) -> int:
    """Return a rule's priority."""
    return int(rule["rulePriority"])


def patterns(rule: dict[str, Any]) -> list[str]:
    """Return the patterns or prefixes that a rule selects by."""
    chosen = rule.get("selection", {})
    return [str(each) for each in chosen.get("tagPatternList") or chosen.get("tagPrefixList") or ()]


def judge(seen: Seen) -> str:
    """Return the verdict's name in e9.md."""
    if seen.syntax:
        return "not-json"
    if seen.refusal:
        return "any-not-last" if "lowest priority" in seen.refusal else "refused"
    if seen.moved:
        return "fleet-moved"
    if seen.miss:
        return amiss(seen)
    return "by-name" if seen.named else "passed"


def amiss(seen: Seen) -> str:
    """Return what is said of the first image that is not treated as wished."""
    if seen.miss == "live":
        if seen.star:
            return "star"
        if not seen.live:
            return "no-live"
        return "one-list" if seen.anded == seen.live else "live-behind" if seen.live > seen.rule else "live-taken"
    if seen.miss == "release":
        if seen.anded:
            return "one-list"
        return "star" if seen.star else "by-age" if seen.by_age else "release-taken"
    if seen.miss == "too early":
        return "star" if seen.star else "stays"
    if seen.miss == "untagged stays":
        return "untagged-stays"
    return "dev-stays" if seen.miss == "dev stays" else "release-stays"


# Tries


def tagged(number: int, names: Iterable[str], count: int, age: bool = False) -> dict[str, Any]:
    """Return a rule for images whose tags match all these patterns."""
    kind: dict[str, Any] = {"countType": "imageCountMoreThan"}
    if age:
        kind = {"countType": "sinceImagePushed", "countUnit": "days"}
    selection = {"tagStatus": "tagged", "tagPatternList": list(names), **kind, "countNumber": count}
    return {"rulePriority": number, "selection": selection, "action": {"type": "expire"}}


def others(number: int, status: str, count: int) -> dict[str, Any]:
    """Return a rule by age for untagged or any images."""
    selection = {"tagStatus": status, "countType": "sinceImagePushed", "countUnit": "days", "countNumber": count}
    return {"rulePriority": number, "selection": selection, "action": {"type": "expire"}}


def policy(*rules: dict[str, Any]) -> str:
    """Return a lifecycle policy."""
    return json.dumps({"rules": list(rules)}, indent=2)


def prefixes(text: str) -> str:
    """Return a policy with prefixes in place of patterns."""
    return text.replace("tagPatternList", "tagPrefixList").replace('*"', '"')


LIVE, RELEASES = tagged(1, ["live*"], 99), tagged(2, ["v*"], 3)
SWEEP = (others(8, "untagged", 1), others(9, "any", 30))
RIGHT = policy(LIVE, RELEASES, *SWEEP)

TRIES = {
    "passed": {
        "live, releases, untagged, any": RIGHT,
        "prefixes, and untagged first": prefixes(policy(others(1, "untagged", 1), *(
            {**rule, "rulePriority": rule["rulePriority"] + 1} for rule in (LIVE, RELEASES)
        ), SWEEP[1])),
    },
    "not-json": {"a comma too many": RIGHT.replace('"any",', '"any",,')},
    "refused": {"keep none": policy(LIVE, tagged(2, ["v*"], 0), *SWEEP)},
    "any-not-last": {"any first": policy(others(1, "any", 30), tagged(2, ["live*"], 99), tagged(3, ["v*"], 3))},
    "no-live": {"the releases alone": policy(RELEASES, *SWEEP)},
    "live-taken": {"live by its age": policy(tagged(1, ["live"], 30, age=True), RELEASES, *SWEEP)},
    "live-behind": {"live behind the releases": policy(RELEASES, tagged(3, ["live*"], 99), *SWEEP)},
    "one-list": {"both in one list": policy(tagged(1, ["v*", "live"], 3), *SWEEP)},
    "by-age": {"releases by their age": policy(LIVE, tagged(2, ["v*"], 30, age=True), *SWEEP)},
    "star": {"a star for the rest": policy(tagged(1, ["*"], 30, age=True), RELEASES, SWEEP[0])},
    "release-taken": {"one release": policy(LIVE, tagged(2, ["v*"], 1), *SWEEP)},
    "stays": {"everything after a week": policy(LIVE, RELEASES, SWEEP[0], others(9, "any", 7))},
    "untagged-stays": {"one untagged stays": policy(
        LIVE, RELEASES,
        {"rulePriority": 8, "selection": {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 3},
         "action": {"type": "expire"}},
        tagged(9, ["sha-*"], 30, age=True), tagged(10, ["dev-*"], 30, age=True),
    )},
    "dev-stays": {"only what is called sha": policy(LIVE, RELEASES, SWEEP[0], tagged(9, ["sha-*"], 30, age=True))},
    "fleet-moved": {"two weeks later": Try(answer=RIGHT, do=lambda lab: lab.clock.advance(days=14))},
    "by-name": {"each old release by its name": policy(LIVE, *(
        tagged(number, [name], days, age=True)
        for number, (name, days) in enumerate((("v1.0", 30), ("v1.2", 30), ("v3.1", 4), ("v3.2", 3)), 2)
    ), tagged(7, ["v*"], 99), *SWEEP)},
    "release-stays": {"four releases": policy(LIVE, tagged(2, ["v*"], 4), *SWEEP)},
}  # fmt: skip


def reset(lab: Lab) -> None:
    """Make the fleets again where they are not as they were."""
    if any(moved(lab, table) for table in TABLES):
        lab.clear(*ships.FLEETS)
        lab.clock.reset()
        lab.fleet(ships.FLEETS)
