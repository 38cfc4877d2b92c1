"""07-e7: two releases in Ireland, and whatever comes. What a learner reads is in e7.md."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Lab, Sentence, call, requests
from ecrlab_course.authoring.evidence import images, repositories, short, tags
from ecrlab_course.authoring.requests import Request
from ecrlab_course.authoring.staging import name_again, put_image

from .state import (
    ACCOUNT,
    BOOKING,
    IRELAND,
    LONDON,
    PARTNER,
    VIRGINIA,
    backfill,
    clean,
    copied,
    delete_tag,
    in_ireland,
    one_region,
    push_versions,
    replicate,
    rule,
    rules_of,
)

WANTED = ("2.4", "2.5")
GOALS = (call("ecr:PutReplicationConfiguration"),)
SET_RULE = "aws ecr put-replication-configuration --replication-configuration"


def listed(found: dict[str, str]) -> str:
    """Return tags in words."""
    return ", ".join(f"`{tag}`" for tag in sorted(found)) or "nothing"


class Seen:
    """The releases in both Regions, the rules, and what was asked for."""

    def __init__(self, lab: Lab) -> None:
        self.off = any(name in (VIRGINIA, IRELAND) for name in lab.control.status()["regions_off"])
        self.look = Sentence("gone")
        self.ireland: str = Sentence("gone")
        if self.off:
            return
        home, rules = tags(lab, BOOKING), rules_of(lab)
        for tag in WANTED:
            if tag in home:
                copied(lab, BOOKING, tag, seconds=2)
        there = in_ireland(lab)
        self.home, self.there = home, there
        places = [(each["region"], each["registryId"]) for one in rules for each in one["destinations"]]
        right = [
            one for one in rules if (IRELAND, ACCOUNT) in [(d["region"], d["registryId"]) for d in one["destinations"]]
        ]
        prefixes = [[each["filter"] for each in one.get("repositoryFilters", ())] for one in right]
        self.fits = any(not each or any(BOOKING.startswith(prefix) for prefix in each) for each in prefixes)
        self.everything = any(not each for each in prefixes)
        flat = [prefix for each in prefixes for prefix in each]
        fitting = [prefix for prefix in flat if BOOKING.startswith(prefix)]
        self.prefix = (fitting or flat or [""])[0]
        self.wide = bool(fitting) and not any("/" in prefix for prefix in fitting)
        self.has_right, self.has_rules = bool(right), bool(rules)
        self.account = next((account for _, account in places if account != ACCOUNT), "")
        self.region = next((region for region, _ in places if region not in (IRELAND, VIRGINIA)), "")
        self.rule_abroad = bool(rules_of(lab, IRELAND))
        different = [tag for tag in WANTED if tag in there and tag in home and home[tag] != there[tag]]
        self.tag = different[0] if different else ""
        self.theirs, self.ours = (short(found[self.tag]) if self.tag else "" for found in (there, home))
        self.same = [tag for tag in WANTED if tag in there and there[tag] == home.get(tag)]
        self._cached(lab)
        rows = requests(lab)
        ruled = [row.seq for row in rows if row.ok and row.operation == "PutReplicationConfiguration"]
        # Only the learner's release counts: a later cell of the page brings both Regions into this state, too.
        self.released = any(row.puts(BOOKING) and row.path.endswith("/2.5") for row in rows) or any(
            row.ok and row.operation == "PutImage" and str(row.row["resource"]).endswith(BOOKING) for row in rows
        )
        self.again = any(
            row.puts(BOOKING) and row.path.endswith("/2.4") and ruled and row.seq > ruled[0] for row in rows
        )
        others = [tag for tag, digest in there.items() if tag not in WANTED and digest == home.get("2.4")]
        self.other = others[0] if others else ""
        asked = [row for row in rows if row.operation == "PutReplicationConfiguration"]
        self.refused = bool(asked) and not asked[-1].ok
        self.who = asked[-1].user if self.refused and asked[-1].denied else ""
        self.stopped = stopped_at(lab) if self.refused else ""
        fills = [row for row in rows if row.operation == "StartReplicationBackfill"]
        self.filled = bool(fills) and not fills[-1].ok
        self.set_again = len(ruled) > 1
        self.said = "" if asked else unread(lab)
        self._ireland(lab, rows)
        self.ireland, self.virginia = listed(there), listed(home)
        self.rules = ", ".join(f"to {region}" for region, _ in places) or "none"
        self.look = Sentence("seen")

    def _cached(self, lab: Lab) -> None:
        """Note the cache rule of Ireland that brings the releases, under their own name or below a prefix."""
        ecr = lab.client("ecr", region=IRELAND)
        rules = ecr.describe_pull_through_cache_rules()["pullThroughCacheRules"]
        below = any(name.endswith("/" + BOOKING) for name in repositories(lab, IRELAND))
        self.cache_of_all = any(each["ecrRepositoryPrefix"] == "ROOT" for each in rules)
        self.cached = below or self.cache_of_all

    def _ireland(self, lab: Lab, rows: list[Request]) -> None:
        """Note what happened in Ireland alone: deleted, pushed there first, a copy whose name was taken."""
        here = [row for row in rows if row.ok and row.row["region"] == IRELAND]
        deleted = ("BatchDeleteImage", "DeleteRepository")
        gone = [row for row in here if row.operation in deleted and str(row.row["resource"]).endswith(BOOKING)]
        lost = [tag for tag in WANTED if tag in self.home and tag not in self.there]
        self.gone = lost[0] if gone and lost else ""
        self.sent_there = any(row.lacks_repository and row.row["region"] == IRELAND for row in rows)
        self.only_there = any(row.puts(BOOKING) and row.path.endswith("/2.5") for row in here)
        self.nameless = bool(self.tag) and self.home[self.tag] in {
            str(each["imageDigest"]) for each in images(lab, BOOKING, IRELAND)
        }


def stopped_at(lab: Lab) -> str:
    """Return which part of a rule ECR did not take, as the last cell that asked shows it; "" where none does."""
    shown = [run.output for run in lab.transcripts if "the PutReplicationConfiguration operation" in run.output]
    found = re.search(r"Invalid parameter at '\S*?\.(filter|region)'", shown[-1]) if shown else None
    return found[1] if found else ""


def unread(lab: Lab) -> str:
    """Return what aws said where it could not read the last command that should have set a rule; "" where it could."""
    runs = [run for run in lab.transcripts if "put-replication-configuration" in run.script]
    lines = runs[-1].output.splitlines() if runs else []
    return next((line.strip() for line in lines if line.startswith(("Error parsing", "aws: error", "Unknown"))), "")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e7.md: both releases in Ireland, and a rule for the next one."""
    if seen.off:
        return "untouched"
    if seen.tag:
        return "taken" if seen.nameless else "rebuilt"
    if seen.same == list(WANTED):
        return settled(seen)
    if seen.fits:
        return incomplete(seen)
    if seen.has_right:
        return "replaced" if seen.set_again else "no-fit"
    if seen.account:
        return "to-another-account"
    if seen.region:
        return "to-another-region"
    return without_rule(seen)


def settled(seen: Seen) -> str:
    """Return the verdict where both are there."""
    if not seen.fits:
        if seen.cache_of_all:
            return "cache"
        return "taken-back" if seen.set_again and not seen.has_rules else "by-hand"
    if not seen.released:
        return "untouched"
    if seen.everything:
        return "everything"
    return "wide-prefix" if seen.wide else "passed"


def incomplete(seen: Seen) -> str:
    """Return what is missing behind a rule that fits."""
    if seen.gone:
        return "deleted"
    if "2.5" not in seen.home and (seen.only_there or seen.sent_there):
        return "released-there" if seen.only_there else "refused-there"
    if seen.filled and "2.4" not in seen.same:
        return "backfill-refused"
    if seen.same == ["2.5"]:
        if seen.again:
            return "pushed-again"
        return "under-another-name" if seen.other else "past"
    if seen.same == ["2.4"] and "2.5" not in seen.home:
        return "not-released"
    return "too-late" if not seen.same and "2.5" in seen.home else "incomplete"


def without_rule(seen: Seen) -> str:
    """Return what was tried where no rule of Virginia's copies to Ireland."""
    if seen.rule_abroad:
        return "points-home"
    if seen.who:
        return "not-allowed"
    if seen.refused:
        return refused(seen)
    if seen.said:
        return "unread"
    if seen.filled:
        return "backfill-alone"
    if seen.cached:
        return "cache"
    return "no-rule" if seen.there or "2.5" in seen.home else "untouched"


def refused(seen: Seen) -> str:
    """Return which part of the rule ECR did not take, where that is known."""
    if seen.stopped == "filter":
        return "filter-refused"
    return "region-refused" if seen.stopped == "region" else "rule-refused"


def release(lab: Lab) -> None:
    """Release 2.5, as dara.py does, and wait for its copies."""
    push_versions(lab, BOOKING, "2.5")
    copied(lab, BOOKING, "2.5", seconds=2)


def copy_by_hand(lab: Lab, *wanted: str) -> None:
    """Push the same images to Ireland."""
    push_versions(lab, BOOKING, *wanted, region=IRELAND)


def set_rule(lab: Lab, *prefixes: str, **place: str) -> None:
    """Set a rule in Virginia."""
    replicate(lab, rule(*prefixes, **place))


def refused_rule(lab: Lab) -> None:
    """Set a rule with a star, which ECR does not take."""
    with suppress(ClientError):
        set_rule(lab, "shop/*")


def typed_rule(lab: Lab, one: dict[str, Any], profile: str = "admin") -> None:
    """Set a rule on the command line."""
    text = json.dumps({"rules": [one]})
    lab.sh(f"{SET_RULE} '{text}' 2>&1", profile)


def typed(lab: Lab, command: str) -> None:
    """Run a command as in a cell, and take the refusal where there is one."""
    lab.sh(f"{command} 2>&1")


def fill(lab: Lab) -> None:
    """Start a backfill, and take the refusal where there is one."""
    with suppress(ClientError):
        backfill(lab)


def other_build(lab: Lab) -> None:
    """Push another image as 2.4 to Ireland."""
    lab.client("ecr", region=IRELAND).create_repository(repositoryName=BOOKING)
    put_image(lab, BOOKING, "2.4", {"page": b"built again"}, region=IRELAND)


def cached(lab: Lab, prefix: str = "near") -> None:
    """Set a cache rule in Ireland, and make what a pull through it makes."""
    ecr = lab.client("ecr", region=IRELAND)
    ecr.create_pull_through_cache_rule(
        ecrRepositoryPrefix=prefix, upstreamRegistryUrl=f"{ACCOUNT}.dkr.ecr.{VIRGINIA}.amazonaws.com"
    )
    if prefix == "ROOT":
        copy_by_hand(lab, *WANTED)
    else:
        ecr.create_repository(repositoryName=f"{prefix}/{BOOKING}")


def taken(lab: Lab) -> None:
    """Give Ireland another image as 2.4, under a tag that may not move."""
    other_build(lab)
    lab.client("ecr", region=IRELAND).put_image_tag_mutability(repositoryName=BOOKING, imageTagMutability="IMMUTABLE")


def release_there(lab: Lab) -> None:
    """Release 2.5 to Ireland, as dara.py does where it is told to."""
    push_versions(lab, BOOKING, "2.5", region=IRELAND)


def fill_elsewhere(lab: Lab) -> None:
    """Ask for a backfill to a Region that no rule names."""
    with suppress(ClientError):
        lab.client("ecr").start_replication_backfill(destination={"region": LONDON, "registryId": ACCOUNT})


def again(lab: Lab) -> None:
    """Push 2.4 again, as it is."""
    push_versions(lab, BOOKING, "2.4")


def shop_rule(lab: Lab) -> None:
    """Set the rule of rule.json."""
    set_rule(lab, "shop/")


TRIES = {
    "passed": {
        "rule, backfill, release": (shop_rule, fill, release),
        "release, rule, backfill": (release, shop_rule, fill),
        "2.4 by hand, then the rule": (lambda lab: copy_by_hand(lab, "2.4"), shop_rule, release),
    },
    "wide-prefix": [(lambda lab: set_rule(lab, "shop"), fill, release)],
    "everything": [(lambda lab: set_rule(lab), fill, release)],
    "past": [(shop_rule, release)],
    "pushed-again": [(shop_rule, again, release)],
    "under-another-name": [(shop_rule, lambda lab: name_again(lab, BOOKING, "again", imageTag="2.4"), release)],
    "too-late": [(release, shop_rule)],
    "not-released": [(shop_rule, fill)],
    "rebuilt": [(shop_rule, other_build, release)],
    "taken": [(taken, shop_rule, fill, release)],
    "by-hand": [(release, lambda lab: copy_by_hand(lab, "2.4", "2.5"))],
    "taken-back": [(shop_rule, fill, release, replicate)],
    "deleted": [(shop_rule, fill, release, lambda lab: delete_tag(lab, BOOKING, "2.4", IRELAND))],
    "released-there": [(shop_rule, fill, release_there)],
    "backfill-refused": [(shop_rule, release, fill_elsewhere)],
    "replaced": [(shop_rule, lambda lab: set_rule(lab, "team-a/"), fill, release)],
    "refused-there": [(shop_rule, lambda lab: typed(lab, "python dara.py 2.5 eu-west-1"), fill)],
    "unread": {
        "no such file": (
            lambda lab: typed(lab, f"{SET_RULE} file://rules.json"),
            release,
            fill,
        ),
        "not JSON": lambda lab: typed(lab, f"{SET_RULE} '{{rules: []'"),
    },
    "no-fit": [(lambda lab: set_rule(lab, "booking"), fill, release)],
    "rule-refused": [refused_rule],
    "filter-refused": {
        "a star": lambda lab: typed_rule(lab, rule("shop/*")),
        "a slash in front": lambda lab: typed_rule(lab, rule("/shop/")),
    },
    "region-refused": [lambda lab: typed_rule(lab, rule("shop/", region="Ireland"))],
    "not-allowed": [lambda lab: typed_rule(lab, rule("shop/"), "ops")],
    "points-home": [(lambda lab: replicate(lab, rule("shop/", region=VIRGINIA), region=IRELAND), release)],
    "to-another-region": [(lambda lab: set_rule(lab, "shop/", region=LONDON), release)],
    "to-another-account": [(lambda lab: set_rule(lab, "shop/", account=PARTNER), release)],
    "backfill-alone": [fill],
    "cache": {"below a prefix": cached, "of everything": (release, lambda lab: cached(lab, "ROOT"))},
    "no-rule": [release],
    "incomplete": [shop_rule],
}


def reset(lab: Lab) -> None:
    """Return to one Region, without a rule."""
    clean(lab)
    one_region(lab)
