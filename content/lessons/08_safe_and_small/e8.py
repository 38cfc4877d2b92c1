"""08-e8: two rules in the other order. What a learner reads is in e8.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab

from .state import FILES, e8_seen, wait_for

__all__ = ["e8_seen"]


def preview(lab: Lab, file: str) -> None:
    """Preview a policy of the lesson's files on `pair`."""
    ecr = lab.client("ecr")
    ecr.start_lifecycle_policy_preview(
        repositoryName="pair", lifecyclePolicyText=(FILES / "rules" / file).read_text(encoding="utf-8")
    )
    wait_for(lambda: ecr.get_lifecycle_policy_preview(repositoryName="pair")["status"] == "COMPLETE", "the preview")


def exchanged(lab: Lab) -> None:
    """Preview the rules in the other order, as the next cell does."""
    preview(lab, "beta-first.json")


def as_before(lab: Lab) -> None:
    """Preview the rules as they were."""
    preview(lab, "prod-first.json")


def what_takes_nothing(lab: Lab) -> None:
    """Preview rules about tags that `pair` does not have."""
    preview(lab, "leavings.json")


TRIES = {"a": [what_takes_nothing], "b": [as_before], "c": [(as_before, exchanged)]}


def reset(lab: Lab) -> None:
    """A preview leaves nothing behind."""
