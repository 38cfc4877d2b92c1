"""Drill d42: conditions on several values; one that is true of nothing, one that overlooks the rest. Words: d42.md."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError

from ecrlab.policy.sets import LOGIN
from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.requests import requests
from ecrlab_course.drills.account import ACCOUNT, DrillLab, allow, arn
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.drills.permissions import put

KEY, KEYS, DARA = "cost-center", "aws:TagKeys", f"{ACCOUNT}:user/dara"
MAKING = ["ecr:CreateRepository", "ecr:TagResource"]
BUILT = {"every": "ForAllValues:StringEquals", "some": "ForAnyValue:StringEquals"}
WANTED = Wanted(DARA, (Grant(MAKING, arn("dev/*")), Grant(LOGIN)), doors=())
"""Which tags a request may carry is asked one by one, below."""


def prepare(lab: DrillLab) -> None:
    """Make Dara, with a condition that says less than its comment."""
    lab.person("dara")
    condition(lab, {BUILT[lab.seed]: {KEYS: [KEY]}})
    lab.write("comment.txt", "dara: creates below dev/, if it carries the tag cost-center and no other\n")


def condition(lab: DrillLab, *conditions: dict[str, Any]) -> None:
    """Write Dara's policy with these conditions, one statement each."""
    statements = [{**allow(MAKING, arn("dev/*")), "Condition": each} for each in conditions]
    put(lab, "dara", allow(LOGIN), *statements)


class Seen:
    """What Dara may make with which tags, what she made, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        def may(*tags: str) -> list[str]:
            """Return the actions that are refused with these tags: creating, and with tags the tagging."""
            values = {f"aws:RequestTag/{tag}": "x" for tag in tags}
            context = {KEYS: list(tags) if tags else None, **values}
            asked = MAKING if tags else MAKING[:1]
            questions = [
                {"principal": DARA, "action": action, "resource": arn("dev/new"), "context": context}
                for action in asked
            ]
            answers = lab.control.decide_all(questions)
            return [action for action, each in zip(asked, answers, strict=True) if not each["allowed"]]

        none, one, more, other = may(), may(KEY), may(KEY, "team"), may("team")
        self.untagged, self.extra, self.other = not none, not more, not other
        self.refused = one[0] if one else ""
        words = {True: "refused", False: "allowed"}
        self.none, self.one, self.more = (words[bool(each)] for each in (none, one, more))
        self.seen = Sentence("now")
        found = requests(lab, "iam", "ecr")
        self.changed = any(each.ok and each.service == "iam" and not each.operation.startswith(READS) for each in found)
        self.typed = findings.get("hole", "").strip().strip("`'\"").rpartition("repository/")[2]
        made = {
            str(each.row["resource"]).rpartition("repository/")[2]: each.user
            for each in found
            if each.ok and each.operation == "CreateRepository"
        }
        self.acted = bool(made)
        self.there = self.typed if self.typed.startswith("dev/") and self.typed in lab.repositories() else ""
        self.hole, self.by_dara = self.there, made.get(self.there) == "dara"
        self.tags = tags_of(lab, self.there) if self.there else set()
        surplus = beyond(lab, WANTED)
        self.wider, self.surplus = surplus.wider, surplus.text


READS = ("Get", "List", "Simulate")


def tags_of(lab: DrillLab, name: str) -> set[str]:
    """Return the keys of a repository's tags."""
    try:
        found = lab.client("ecr").list_tags_for_resource(resourceArn=arn(name))["tags"]
    except ClientError:
        return set()
    return {str(each["Key"]) for each in found}


def judge(seen: Seen) -> str:
    """Return the verdict's name in d42.md: the hole is shown by Dara, and closed; the way that was meant is open."""
    if not seen.typed and not seen.changed and not seen.acted:
        return "untouched"
    if not seen.there:
        return "not-shown"
    if not seen.by_dara:
        return "not-dara"
    if seen.tags == {KEY}:
        return "no-hole"
    if not seen.changed:
        return "not-closed"
    if seen.untagged:
        return "untagged-open"
    if seen.extra:
        return "extra-open"
    if seen.other:
        return "other-tag-open"
    if seen.refused:
        return "one-refused"
    return "wider" if seen.wider else "passed"


def hole(lab: DrillLab) -> None:
    """Make what should not be possible, as Dara."""
    make(lab, "dara", *(() if lab.seed == "every" else (KEY, "team")))


def make(lab: DrillLab, who: str = "dara", *tags: str) -> None:
    """Make dev/hole with these tags."""
    more = {"tags": [{"Key": tag, "Value": "7"} for tag in tags]} if tags else {}
    lab.client("ecr", who).create_repository(repositoryName="dev/hole", **more)


def both(lab: DrillLab) -> None:
    """Ask that each is in the list, and that the key is there."""
    condition(lab, {BUILT["every"]: {KEYS: [KEY]}, "Null": {KEYS: "false"}})


def one_tag(lab: DrillLab) -> None:
    """Ask that each is in the list, and that this tag is there."""
    condition(lab, {BUILT["every"]: {KEYS: [KEY]}, "Null": {f"aws:RequestTag/{KEY}": "false"}})


def by_deny(lab: DrillLab) -> None:
    """Keep the Allow, and deny what has no such tag, and what has another."""
    plain = allow(MAKING, arn("dev/*"))
    absent = {**plain, "Effect": "Deny", "Condition": {"Null": {f"aws:RequestTag/{KEY}": "true"}}}
    beside = {**plain, "Effect": "Deny", "Condition": {"ForAnyValue:StringNotEquals": {KEYS: [KEY]}}}
    put(lab, "dara", allow(LOGIN), plain, absent, beside)


TYPED = {"hole": "dev/hole"}
TRIES = {
    "passed": {
        "no tag, then Null on the keys": attempt(TYPED, (hole, both), seed="every"),
        "one tag more, then Null on the tag": attempt(TYPED, (hole, one_tag), seed="some"),
        "by two Denies, named by its ARN": attempt({"hole": arn("dev/hole")}, (hole, by_deny), seed="some"),
    },
    "not-shown": {
        "closed only": attempt({}, both, seed="every"),
        "named only": attempt(TYPED, seed="every"),
    },
    "not-dara": {"made by admin": attempt(TYPED, (lambda lab: make(lab, "admin"), both), seed="every")},
    "no-hole": {"what she may": attempt(TYPED, (lambda lab: make(lab, "dara", KEY), both), seed="every")},
    "not-closed": {"shown only": attempt(TYPED, hole, seed="some")},
    "untagged-open": {
        "another spelling of the same": attempt(
            TYPED, (hole, lambda lab: condition(lab, {"ForAllValues:StringLike": {KEYS: [KEY]}})), seed="every"
        ),
        "the other operator": attempt(
            TYPED, (hole, lambda lab: condition(lab, {BUILT["every"]: {KEYS: [KEY]}})), seed="some"
        ),
    },
    "extra-open": {
        "ForAnyValue instead": attempt(
            TYPED, (hole, lambda lab: condition(lab, {BUILT["some"]: {KEYS: [KEY]}})), seed="every"
        ),
        "that it is there": attempt(
            TYPED, (hole, lambda lab: condition(lab, {"Null": {f"aws:RequestTag/{KEY}": "false"}})), seed="some"
        ),
    },
    "other-tag-open": {
        "each one alone": attempt(
            TYPED,
            (
                hole,
                lambda lab: condition(
                    lab, {BUILT["every"]: {KEYS: [KEY]}, "Null": {KEYS: "false"}},
                    {BUILT["every"]: {KEYS: ["team"]}, "Null": {KEYS: "false"}},
                ),
            ),
            seed="every",
        )
    },
    "one-refused": {
        "another key": attempt(
            TYPED,
            (hole, lambda lab: condition(lab, {BUILT["every"]: {KEYS: ["costs"]}, "Null": {KEYS: "false"}})),
            seed="every",
        ),
        "no TagResource": attempt(
            TYPED,
            (hole, lambda lab: put(lab, "dara", allow(LOGIN), {**allow(MAKING[0], arn("dev/*")), "Condition": {
                BUILT["every"]: {KEYS: [KEY]}, "Null": {KEYS: "false"}}})),
            seed="some",
        ),
    },
    "wider": {
        "in every folder": attempt(
            TYPED,
            (hole, lambda lab: put(lab, "dara", allow(LOGIN), {**allow(MAKING), "Condition": {
                BUILT["every"]: {KEYS: [KEY]}, "Null": {KEYS: "false"}}})),
            seed="every",
        )
    },
}  # fmt: skip
