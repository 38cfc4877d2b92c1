"""Drill d23: two numbers of a repository, and what they mean. What a learner reads is in d23.md."""

from __future__ import annotations

import json
import random
import re
from typing import Any

from ecrlab_course.authoring.staging import put_image
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Findings, attempt

NAME, COUNT, NEAR = "shop/archive", 8, 0.05
BASE = 60_000


def prepare(lab: DrillLab) -> None:
    """Make eight images: on one base, or each on its own; every other one loses its tag."""
    lab.repository(NAME)
    ecr = lab.client("ecr")
    for number in range(COUNT):
        base = random.Random(7 if lab.seed == "shared" else number).randbytes(BASE)
        put_image(lab, NAME, f"v{number:02d}", {"base": base}, {"version": f"{number}\n".encode()})
    for number in range(1, COUNT, 2):
        move_tag(ecr, f"v{number:02d}")


def move_tag(ecr: Any, tag: str) -> None:
    """Let the image lose its tag: another one takes it, and with the tag that one goes."""
    other = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "v00"}])["images"][0]
    kind, manifest = other["imageManifestMediaType"], other["imageManifest"]
    ecr.put_image(repositoryName=NAME, imageManifest=manifest, imageManifestMediaType=kind, imageTag=tag)
    ecr.batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": tag}])


def weigh(manifests: list[dict[str, Any]]) -> int:
    """Return the bytes of all layers and configs, each digest once."""
    found = {each["digest"]: int(each["size"]) for one in manifests for each in (one["config"], *one["layers"])}
    return sum(found.values())


def number(typed: str) -> int | None:
    """Return bytes as people write them; None for other words."""
    plain = re.sub(r"[\s,._']|bytes?|B$", "", typed.strip(), flags=re.I)
    return int(plain) if plain.isdecimal() else None


def near(typed: int, value: int) -> bool:
    """Tell whether a typed number is right, a few percent off or not."""
    return abs(typed - value) <= NEAR * value


class Seen:
    """Both numbers as they are, and as they were typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        ecr = lab.client("ecr")
        details = ecr.describe_images(repositoryName=NAME)["imageDetails"] if NAME in lab.repositories() else []
        ids = [{"imageDigest": each["imageDigest"]} for each in details]
        answers = ecr.batch_get_image(repositoryName=NAME, imageIds=ids)["images"] if ids else []
        manifests = {each["imageId"]["imageDigest"]: json.loads(each["imageManifest"]) for each in answers}
        named = [each["imageDigest"] for each in details if each.get("imageTags")]
        self.sum_seen = sum(int(each["imageSizeInBytes"]) for each in details)
        self.kept_seen = weigh(list(manifests.values()))
        self.tagged = weigh([manifests[digest] for digest in named if digest in manifests])
        self.count, self.begun, self.untagged = len(details), COUNT, len(details) - len(named)
        self.sum_typed, self.kept_typed = findings.get("sum", "").strip(), findings.get("kept", "").strip()
        self.sum, self.kept = number(self.sum_typed), number(self.kept_typed)
        self.cause, self.seed = findings.get("cause", ""), lab.seed


def judge(seen: Seen) -> str:
    """Return the verdict's name in d23.md: nothing deleted, both numbers, and what they mean."""
    if seen.count < seen.begun:
        return "deleted"
    if not seen.sum_typed and not seen.kept_typed and not seen.cause:
        return "untouched"
    if seen.sum is None or seen.kept is None:
        return "no-number"
    if seen.kept > seen.sum * (1 + NEAR):
        return "swapped"
    if not near(seen.sum, seen.sum_seen):
        return "sum-wrong"
    if not near(seen.kept, seen.kept_seen):
        return kept(seen, seen.kept)
    if not seen.cause:
        return "no-reason"
    if seen.cause == "untagged":
        return "tags-do-not-matter"
    return "passed" if seen.cause == seen.seed else "wrong-reason"


def kept(seen: Seen, typed: int) -> str:
    """Return what a wrong number of bytes kept is."""
    if near(typed, seen.sum_seen):
        return "same"
    return "tagged-only" if near(typed, seen.tagged) else "kept-wrong"


def looked(lab: DrillLab, cause: str, kept: str = "", total: str = "") -> dict[str, str]:
    """Return both numbers as a look at the repository gives them, or others."""
    seen = Seen(lab, {})
    return {"sum": total or str(seen.sum_seen), "kept": kept or str(seen.kept_seen), "cause": cause}


TRIES = {
    "passed": {
        "they share a base": attempt(lambda lab: looked(lab, "shared"), seed="shared"),
        "they share nothing": attempt(lambda lab: looked(lab, "alone"), seed="alone"),
        "with commas and a unit": attempt(
            lambda lab: looked(lab, "shared", kept=f"{Seen(lab, {}).kept_seen:,} bytes"), seed="shared"
        ),
    },
    "deleted": {
        "what has no tag": attempt(
            lambda lab: looked(lab, "shared"),
            lambda lab: lab.client("ecr").batch_delete_image(repositoryName=NAME, imageIds=[{"imageTag": "v00"}]),
            seed="shared",
        )
    },
    "no-number": {"words": attempt({"sum": "a lot", "kept": "little", "cause": "shared"}, seed="shared")},
    "swapped": {"the wrong way round": attempt(lambda lab: swapped(lab), seed="shared")},
    "same": {
        "the sum twice": attempt(lambda lab: looked(lab, "alone", kept=str(Seen(lab, {}).sum_seen)), seed="shared")
    },
    "tagged-only": {
        "with tags only": attempt(lambda lab: looked(lab, "untagged", kept=str(Seen(lab, {}).tagged)), seed="alone")
    },
    "sum-wrong": {"a guess": attempt(lambda lab: looked(lab, "shared", total="780000000"), seed="shared")},
    "kept-wrong": {"a half": attempt(lambda lab: looked(lab, "shared", kept="30000"), seed="shared")},
    "wrong-reason": {"the numbers say otherwise": attempt(lambda lab: looked(lab, "shared"), seed="alone")},
    "tags-do-not-matter": {"no tag, no price": attempt(lambda lab: looked(lab, "untagged"), seed="shared")},
    "no-reason": {"numbers alone": attempt(lambda lab: looked(lab, ""), seed="alone")},
}


def swapped(lab: DrillLab) -> dict[str, str]:
    """Return both numbers in each other's fields."""
    found = looked(lab, "shared")
    return {**found, "sum": found["kept"], "kept": found["sum"]}
