"""Drill d46: two access keys, one of them idle; the older or the younger. Words: d46.md."""

from __future__ import annotations

import json
import re
from typing import Any

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import Sentence
from ecrlab_course.drills.account import DrillLab, allow, arn
from ecrlab_course.drills.drill import Findings, attempt

NAME = "shop/orders"
REGIONS = {"older": "eu-west-1", "younger": "us-east-1"}
"""Where the key in use was last used."""


def prepare(lab: DrillLab) -> None:
    """Make ci with two keys, and use one of them."""
    lab.repository(NAME)
    lab.person("ci", allow(LOGIN), allow(list(PULL), arn(NAME)))
    older = keys_of(lab)[0]
    if lab.seed == "older":
        use(lab)
    made = lab.client("iam").create_access_key(UserName="ci")["AccessKey"]
    younger = made["AccessKeyId"]
    if lab.seed == "younger":
        lab.remember("ci", younger, made["SecretAccessKey"])
        use(lab)
    used, idle = (older, younger) if lab.seed == "older" else (younger, older)
    tags = [{"Key": "live", "Value": used}, {"Key": "old", "Value": idle}]
    lab.client("iam").tag_user(UserName="admin", Tags=tags)


def use(lab: DrillLab) -> None:
    """Use the key of the profile."""
    lab.client("ecr", "ci", REGIONS[lab.seed]).get_authorization_token()


def keys_of(lab: DrillLab) -> list[str]:
    """Return the ids of ci's keys, in the order of their making."""
    found: list[dict[str, Any]] = lab.client("iam").list_access_keys(UserName="ci")["AccessKeyMetadata"]
    return [str(each["AccessKeyId"]) for each in found]


class Seen:
    """How the two keys stand, and which Region was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        iam = lab.client("iam")
        tags = {tag["Key"]: tag["Value"] for tag in iam.list_user_tags(UserName="admin")["Tags"]}
        self.used, idle = str(tags["live"]), str(tags["old"])
        found = {
            each["AccessKeyId"]: each["Status"] for each in iam.list_access_keys(UserName="ci")["AccessKeyMetadata"]
        }
        self.states = ", ".join(f"`{key}` {state.lower()}" for key, state in found.items()) or "none"
        self.seen = Sentence("now")
        self.works, self.idle_active = found.get(self.used) == "Active", found.get(idle) == "Active"
        self.how = Sentence("inactive") if idle in found else Sentence("deleted")
        self.stopped = any(was_off(event, self.used) for event in trail(lab, "UpdateAccessKey"))
        said = set(re.findall(r"[a-z]{2}-[a-z]+-\d", findings.get("region", "").lower()))
        last = iam.get_access_key_last_used(AccessKeyId=self.used)["AccessKeyLastUsed"] if self.used in found else {}
        self.region, self.any = REGIONS[lab.seed], bool(findings.get("region", "").strip())
        # Whoever tried the key meanwhile has moved its last use.
        self.right = len(said) == 1 and said <= {self.region, last.get("Region")}


def trail(lab: DrillLab, name: str) -> list[dict[str, Any]]:
    """Return CloudTrail's events of one name."""
    named = [{"AttributeKey": "EventName", "AttributeValue": name}]
    found = lab.client("cloudtrail").lookup_events(LookupAttributes=named)["Events"]
    return [json.loads(each["CloudTrailEvent"]) for each in found]


def was_off(event: dict[str, Any], key: str) -> bool:
    """Tell whether an event took that key out of use."""
    asked = event.get("requestParameters") or {}
    return not event.get("errorCode") and asked.get("accessKeyId") == key and asked.get("status") == "Inactive"


def judge(seen: Seen) -> str:
    """Return the verdict's name in d46.md: the idle key is out of use, the other one never was, and its last use."""
    if not seen.works:
        return "build-stopped"
    if seen.idle_active:
        return "both-active" if seen.any else "untouched"
    if seen.stopped:
        return "was-off"
    if not seen.any:
        return "no-region"
    return "passed" if seen.right else "other-region"


def switch(lab: DrillLab, key: str, status: str = "Inactive") -> None:
    """Switch the key in use ("live") or the idle one ("old")."""
    tags = {tag["Key"]: tag["Value"] for tag in lab.client("iam").list_user_tags(UserName="admin")["Tags"]}
    lab.client("iam").update_access_key(UserName="ci", AccessKeyId=tags[key], Status=status)


def off(lab: DrillLab) -> None:
    """Switch the idle key off."""
    switch(lab, "old")


def off_on_off(lab: DrillLab) -> None:
    """Switch the idle key off, on again, and off."""
    for status in ("Inactive", "Active", "Inactive"):
        switch(lab, "old", status)


def remove(lab: DrillLab) -> None:
    """Switch the idle key off, and delete it."""
    off(lab)
    tags = {tag["Key"]: tag["Value"] for tag in lab.client("iam").list_user_tags(UserName="admin")["Tags"]}
    lab.client("iam").delete_access_key(UserName="ci", AccessKeyId=tags["old"])


def guess(lab: DrillLab) -> None:
    """Switch the used key off, see what happens, and change one's mind."""
    switch(lab, "live")
    switch(lab, "live", "Active")
    off(lab)


def said(seed: str) -> dict[str, str]:
    """Return the Region of a state as it is typed."""
    return {"region": REGIONS[seed]}


TRIES = {
    "passed": {
        "the younger one off": attempt(said("older"), off, seed="older"),
        "the older one off and deleted": attempt({"region": "ecr in US-EAST-1"}, remove, seed="younger"),
        "off, on and off again": attempt(said("older"), off_on_off, seed="older"),
    },
    "both-active": {"said only": attempt(said("older"), seed="older")},
    "build-stopped": {
        "the older one, surely": attempt(said("older"), lambda lab: switch(lab, "live"), seed="older"),
        "both": attempt(said("younger"), (off, lambda lab: switch(lab, "live")), seed="younger"),
    },
    "was-off": {"guessed, and guessed again": attempt(said("older"), guess, seed="older")},
    "no-region": {"in silence": attempt({}, off, seed="younger")},
    "other-region": {
        "the other state's": attempt(said("older"), off, seed="younger"),
        "both": attempt({"region": "us-east-1 or eu-west-1"}, off, seed="older"),
    },
}
