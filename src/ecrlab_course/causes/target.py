"""Causes in the target: another repository, Region, account or tag, another registry, a name that is not there."""

from __future__ import annotations

import re
from typing import Any

from ecrlab.home import NOBODY
from ecrlab_course.causes.goal import Goal
from ecrlab_course.causes.scene import Finding, Scene, asks, carries, ok, place_of
from ecrlab_course.documents.xray_row import Row


def find(scene: Scene, goal: Goal) -> Finding | None:
    """Return where the last try at the goal went instead; None when it went there, or nothing shows it."""
    if scene.reached(goal):
        return None
    if goal.verb == "call":
        return _other_region_call(scene, goal)
    if goal.verb not in ("push", "pull"):
        return None
    if goal.by == NOBODY and not scene.tried:
        return None  # Pages let strangers ask, too.
    services = ("registry", "hub") if goal.at == "registry" else (goal.at,)
    rows = [row for row in scene.since(goal, *services) if place_of(row).repository]
    for row in reversed(rows):
        if not _in_direction(row, goal):
            continue
        found = _of_row(scene, row, goal)
        if found is not None:
            return found
        if goal.takes(place_of(row).repository):
            return None
    return None


def _in_direction(row: Row, goal: Goal) -> bool:
    """Tell whether the request ends a try in the goal's direction: a manifest sent or fetched, or nothing found."""
    if goal.verb == "push" and row["method"] in ("GET", "HEAD"):
        return False  # Looking sends nothing: each push asks first which pieces are there, and a pull only asks.
    if goal.at == "hub":  # where looking by HEAD is free, and done between tries
        return row["status"] in (400, 404) or (carries(row, goal) and row["method"] != "HEAD")
    return carries(row, goal) or row["status"] in (400, 404) or row["service"] == "hub"


def _of_row(scene: Scene, row: Row, goal: Goal) -> Finding | None:
    place = place_of(row)
    near = _nearness(scene, row, goal)
    if any(_nearness(scene, row, other) > near for other in _open(scene, goal)):
        return None
    gaps: dict[str, Any] = {
        "verb": goal.verb,
        "done": "sent" if goal.verb == "push" else "fetched",
        "seen": place.repository,
        "wanted": goal.repository,
        "tag": place.reference,
        "wanted_tag": goal.tag,
        "wanted_tags": ", ".join(f"`{each}`" for each in _open_tags(scene, goal)),
        "host": scene.host(row["account"], row["region"]),
        "region": row["region"],
        "wanted_region": goal.region,
        "account": row["account"],
        "wanted_account": scene.account(goal),
    }
    if row["service"] == "hub" and goal.at != "hub":
        alike = goal.short in ("", place.repository.rpartition("/")[2])
        alike = alike and (scene.tried or not goal.tag or place.reference in ("", goal.tag))
        return Finding("on-the-hub", row["seq"], gaps) if alike else None
    same = goal.takes(place.repository)
    at_ecr = goal.at == "registry"
    if same and at_ecr and row["account"] != scene.account(goal):
        return Finding("other-account", row["seq"], gaps)
    if same and at_ecr and row["region"] != goal.region:
        return Finding("other-region", row["seq"], gaps)
    if not same:
        meant = scene.tried or (bool(goal.tag) and place.reference == goal.tag) or not ok(row)
        moved = [each for each in scene.goals if each.verb in ("push", "pull")]
        if not meant or any(each.takes(place.repository) for each in moved):
            return None
        version = re.fullmatch(rf"{re.escape(goal.repository)}[-_./]?v?[0-9][0-9._-]*", place.repository)
        return Finding("version-as-repository" if version else "other-repository", row["seq"], gaps)
    if at_ecr and "NAME_UNKNOWN" in str(row["error"]):
        return Finding("no-repository", row["seq"], gaps)
    if goal.verb == "push" and "immutable" in row["said"]:
        return Finding("tag-is-immutable", row["seq"], gaps)
    return _tag(scene, row, goal, gaps)


def _open(scene: Scene, goal: Goal) -> list[Goal]:
    """Return the goals of this one's direction that were not reached yet; this one is among them."""
    return [each for each in scene.goals if each.verb == goal.verb and not scene.reached(each)]


def _open_tags(scene: Scene, goal: Goal) -> list[str]:
    """Return the tags that are still wanted in the goal's repository, in the goals' order."""
    place = goal.repository, goal.region, scene.account(goal)
    mine = [each for each in _open(scene, goal) if (each.repository, each.region, scene.account(each)) == place]
    return list(dict.fromkeys(each.tag for each in mine if each.tag))


def _nearness(scene: Scene, row: Row, goal: Goal) -> tuple[bool, ...]:
    """Return how near the request came to the goal: the larger, the more of what comes first is the same."""
    place = place_of(row)
    same = bool(goal.tag) and place.reference == goal.tag
    letters = bool(goal.tag) and place.reference.lower() == goal.tag.lower()
    return goal.takes(place.repository), scene.is_home(row, goal), same, letters


def _tag(scene: Scene, row: Row, goal: Goal, gaps: dict[str, Any]) -> Finding | None:
    reference = place_of(row).reference
    if not reference or not goal.tag or ":" in reference or reference == goal.tag:
        missing = reference and "MANIFEST_UNKNOWN" in str(row["error"]) and goal.verb == "pull"
        missing = missing and not _came(scene, row)
        return Finding("no-such-tag", row["seq"], gaps) if missing else None
    if reference in {each.tag for each in scene.goals if each.repository == goal.repository}:
        return None
    if reference.lower() == goal.tag.lower():
        return Finding("other-letters", row["seq"], gaps)
    return Finding("other-tag", row["seq"], gaps) if scene.tried else None


def _came(scene: Scene, missed: Row) -> bool:
    """Tell whether what was not there was pushed since."""
    later = (row for row in scene.rows if row["seq"] > missed["seq"] and row["service"] == missed["service"])
    return any(row["method"] == "PUT" and ok(row) and place_of(row) == place_of(missed) for row in later)


def _other_region_call(scene: Scene, goal: Goal) -> Finding | None:
    rows = [row for row in scene.since(goal) if (asks(row, goal) and ok(row)) or _misses(row, goal)]
    if not rows or rows[-1]["region"] == goal.region:
        return None
    row = rows[-1]
    gaps = {"action": goal.action, "region": row["region"], "wanted_region": goal.region}
    return Finding("call-in-other-region", row["seq"], gaps)


def _misses(row: Row, goal: Goal) -> bool:
    """Tell whether the goal's request found no repository: then IAM may not have been asked."""
    return row["operation"] == goal.action.partition(":")[2] and "RepositoryNotFound" in str(row["error"])
