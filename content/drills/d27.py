"""Drill d27: the lifecycle policy that never deletes. What a learner reads is in d27.md."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from typing import Any

from ecrlab_course.authoring import as_words
from ecrlab_course.authoring.staging import put_image
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Findings, attempt

NAME = "shop/web"
TAGS = {
    "list": ("sha-01", "dev-01", "sha-02", "dev-02", "sha-03", "sha-04", "dev-03", "v1"),
    "shield": ("dev-11", "dev-12", "sha-11", "v2", "dev-13", "sha-12", "sha-13", "dev-14"),
}
OLD = {"list": ("sha-01", "dev-01", "sha-02"), "shield": ("dev-11", "dev-12", "sha-11")}


def rule(number: int, *patterns: str, keep: int = 2) -> dict[str, Any]:
    """Return a rule that keeps the newest images of these patterns."""
    selection = {
        "tagStatus": "tagged", "tagPatternList": list(patterns), "countType": "imageCountMoreThan", "countNumber": keep,
    }  # fmt: skip
    return {"rulePriority": number, "selection": selection, "action": {"type": "expire"}}


ATTACHED = {
    "list": [rule(1, "sha-*", "dev-*")],
    "shield": [rule(1, "*", keep=9999), rule(2, "sha-*"), rule(3, "dev-*")],
}


def text_of(*rules: dict[str, Any]) -> str:
    """Return a policy's text."""
    return json.dumps({"rules": list(rules)}, indent=2)


def prepare(lab: DrillLab) -> None:
    """Make the repository with its images and its policy."""
    lab.repository(NAME)
    for tag in TAGS[lab.seed]:
        put_image(lab, NAME, tag, {"build": tag.encode()})
    lab.client("ecr").put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=text_of(*ATTACHED[lab.seed]))
    lab.write("old.txt", "".join(f"{tag}\n" for tag in OLD[lab.seed]))


class Seen:
    """The attached policy, the images, the last preview, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        ecr, self.seed = lab.client("ecr"), lab.seed
        there = {tag for tags in lab.images(NAME).values() for tag in tags}
        self.deleted = bool(set(TAGS[lab.seed]) - there)
        attached: Any = None
        with suppress(ecr.exceptions.LifecyclePolicyNotFoundException, ecr.exceptions.RepositoryNotFoundException):
            attached = json.loads(ecr.get_lifecycle_policy(repositoryName=NAME)["lifecyclePolicyText"])["rules"]
        self.attached = attached != ATTACHED[lab.seed]
        taken: set[str] | None = None
        with suppress(
            ecr.exceptions.LifecyclePolicyPreviewNotFoundException, ecr.exceptions.RepositoryNotFoundException
        ):
            answer = ecr.get_lifecycle_policy_preview(repositoryName=NAME)
            if answer["status"] == "COMPLETE":
                taken = {tag for one in answer["previewResults"] for tag in one.get("imageTags", ["no tag"])}
        self.previewed, self.taken = taken is not None, taken or set()
        old = set(OLD[lab.seed])
        self.extra = as_words([f"`{tag}`" for tag in sorted(self.taken - old)])
        self.missing = as_words([f"`{tag}`" for tag in sorted(old - self.taken)])
        self.wanted = as_words([f"`{tag}`" for tag in sorted(old)])
        shown = as_words([f"`{tag}`" for tag in sorted(self.taken)]) or "nothing"
        self.preview_seen = f"takes {shown}" if self.previewed else "none was made"
        self.cause = findings.get("cause", "")
        self.right = {"list": "both", "shield": "shield"}[lab.seed]


def judge(seen: Seen) -> str:
    """Return the verdict's name in d27.md: nothing changed, the preview, the cause."""
    if seen.deleted:
        return "deleted"
    if seen.attached:
        return "attached"
    if not seen.previewed:
        return "no-preview" if seen.cause else "untouched"
    if not seen.taken:
        return "takes-nothing"
    if seen.extra:
        return "too-much"
    if seen.missing:
        return "too-little"
    return named(seen)


def named(seen: Seen) -> str:
    """Return what the cause is worth, once the preview is right."""
    if not seen.cause:
        return "no-cause"
    if seen.cause == seen.right:
        return "passed"
    if seen.cause == "both":
        return "not-both"
    if seen.cause == "shield":
        return "not-shield"
    return "not-early" if seen.cause == "early" else "not-invalid"


def preview(lab: DrillLab, *rules: dict[str, Any]) -> None:
    """Preview a text, and wait for it."""
    ecr = lab.client("ecr")
    ecr.start_lifecycle_policy_preview(repositoryName=NAME, lifecyclePolicyText=text_of(*rules))
    until = time.monotonic() + 10
    while ecr.get_lifecycle_policy_preview(repositoryName=NAME)["status"] == "IN_PROGRESS":
        if time.monotonic() > until:
            raise RuntimeError("the preview does not end")
        time.sleep(0.02)


def corrected(lab: DrillLab) -> None:
    """Preview two rules."""
    preview(lab, rule(1, "sha-*"), rule(2, "dev-*"))


def attach(lab: DrillLab) -> None:
    """Attach the corrected text."""
    text = text_of(rule(1, "sha-*"), rule(2, "dev-*"))
    lab.client("ecr").put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=text)


def delete(lab: DrillLab) -> None:
    """Delete the images by hand."""
    ids = [{"imageTag": tag} for tag in OLD[lab.seed]]
    lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=ids)


TRIES = {
    "passed": {
        "two rules": attempt({"cause": "both"}, corrected, seed="list"),
        "a shield for releases in front": attempt(
            {"cause": "shield"},
            lambda lab: preview(lab, rule(1, "v*", keep=9999), rule(2, "dev-*"), rule(3, "sha-*")),
            seed="shield",
        ),
    },
    "attached": {"attached at once": attempt({"cause": "both"}, (corrected, attach), seed="list")},
    "deleted": {"by hand": attempt({"cause": "both"}, (corrected, delete), seed="list")},
    "no-preview": {"a claim": attempt({"cause": "both"}, seed="list")},
    "takes-nothing": {"the attached text": attempt(do=lambda lab: preview(lab, *ATTACHED["shield"]), seed="shield")},
    "too-much": {
        "keep one": attempt(do=lambda lab: preview(lab, rule(1, "sha-*", keep=1), rule(2, "dev-*")), seed="list")
    },
    "too-little": {"builds only": attempt(do=lambda lab: preview(lab, rule(1, "sha-*")), seed="shield")},
    "no-cause": {"fixed in silence": attempt(do=corrected, seed="list")},
    "not-both": {"the other state's": attempt({"cause": "both"}, corrected, seed="shield")},
    "not-shield": {"the other state's": attempt({"cause": "shield"}, corrected, seed="list")},
    "not-early": {"wait": attempt({"cause": "early"}, corrected, seed="list")},
    "not-invalid": {"a typing error": attempt({"cause": "invalid"}, corrected, seed="shield")},
}
