"""07-e6: what a rule copies. What a learner reads is in e6.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab, requests

from .state import BOOKING, NOTES, backfill, clean, copied, in_ireland, one_region, push_versions, replicate, rule


def e6_seen(lab: Lab) -> str | None:
    """Tell what is in Ireland since 2.5 was pushed behind a rule."""
    rows = requests(lab)
    ruled = [row.seq for row in rows if row.ok and row.operation == "PutReplicationConfiguration"]
    pushed = [row.seq for row in rows if row.puts(BOOKING) and row.path.endswith("/2.5")]
    if not ruled or not pushed or pushed[-1] < ruled[0]:
        return None
    if any(each["status"] == "IN_PROGRESS" for each in copied(lab, BOOKING, "2.5")):
        return None
    there = in_ireland(lab)
    if in_ireland(lab, NOTES):
        return "d"
    return "a" if {"2.4", "2.5"} <= set(there) else "b" if "2.5" in there else "c"


def rule_then_release(lab: Lab) -> None:
    """Set the rule, and push 2.5, as the next cell does."""
    replicate(lab, rule("shop/"))
    push_versions(lab, BOOKING, "2.5")
    copied(lab, BOOKING, "2.5")


def and_a_backfill(lab: Lab) -> None:
    """Read ahead: start a backfill, too."""
    rule_then_release(lab)
    backfill(lab)


def of_everything(lab: Lab) -> None:
    """Take everything of this lesson along, and start a backfill."""
    replicate(lab, rule("shop/", "team-a/"))
    push_versions(lab, BOOKING, "2.5")
    backfill(lab)


def for_another_name(lab: Lab) -> None:
    """Set a rule that fits nothing."""
    replicate(lab, rule("booking"))
    push_versions(lab, BOOKING, "2.5")


TRIES = {"a": [and_a_backfill], "c": [for_another_name], "d": [of_everything]}


def reset(lab: Lab) -> None:
    """Return to one Region, without a rule."""
    clean(lab)
    one_region(lab)
