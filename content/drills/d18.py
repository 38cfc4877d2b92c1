"""Drill d18: is our copy what the vendor shipped? What a learner reads is in d18.md."""

from __future__ import annotations

import gzip
import re

from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.evidence import manifest, short
from ecrlab_course.authoring.staging import digest_of, name_again, pack_layer
from ecrlab_course.authoring.wire import at_ecr, image_of
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Findings, attempt

NAME, TAG, APPROVED = "vendor/agent", "5", "approved"
LAYER = pack_layer({"agent": b"agent 5\n"})
PLAIN = gzip.decompress(LAYER)
PACKED = gzip.compress(PLAIN, compresslevel=0, mtime=0)
SHIPPED = image_of(LAYER, PLAIN)
CARRIED = image_of(PACKED, PLAIN)
"""The same config, and a layer that was packed again."""
PROMISED, REPACKED = digest_of(SHIPPED[1]), digest_of(CARRIED[1])
FEWEST = 12


def prepare(lab: DrillLab) -> None:
    """Put the vendor's image, or one packed again, into ECR, and the mail into the folder."""
    lab.repository(NAME)
    wire = at_ecr(lab, NAME)
    if lab.seed == "same":
        wire.put_image(TAG, LAYER, *SHIPPED)
    else:
        wire.put_image(TAG, PACKED, *CARRIED)
    wire.put_image("4", *older())
    lab.write("mail.txt", f"From: the vendor\nagent, version 5:\n{PROMISED}\n")


def older() -> tuple[bytes, bytes, bytes]:
    """Return the image before."""
    layer = pack_layer({"agent": b"agent 4\n"})
    return (layer, *image_of(layer, gzip.decompress(layer)))


class Seen:
    """What ECR has under the names, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        ours, approved = lab.digest(NAME, TAG), lab.digest(NAME, APPROVED)
        self.there, self.approves, self.same_image = ours is not None, approved is not None, approved == ours
        self.is_same = ours == PROMISED
        self.verdict = findings.get("verdict", "")
        self.typed = findings.get("sum", "").strip().strip("`").lower().removeprefix("sha256:").rstrip("…")
        held = manifest(lab, NAME, ours) if ours else {}
        pieces = [str(each["digest"]) for each in (held.get("config", {"digest": ""}), *held.get("layers", []))]
        self.is_ours, self.is_mail = begins(ours, self.typed), begins(PROMISED, self.typed)
        self.is_config, self.is_layer = begins(pieces[0], self.typed), any(begins(p, self.typed) for p in pieces[1:])
        self.long = bool(re.fullmatch(rf"[0-9a-f]{{{FEWEST},}}", self.typed))
        # What d18.md may name:
        self.ours, self.approved, self.promised = short(ours or ""), short(approved or ""), short(PROMISED)
        self.tags = ", ".join(sorted(tag for tags in lab.images(NAME).values() for tag in tags))
        self.tags_seen = Sentence("tags") if self.tags else Sentence("none")


def begins(digest: str | None, typed: str) -> bool:
    """Tell whether what was typed is the beginning of a digest."""
    return bool(digest and typed) and str(digest).removeprefix("sha256:").startswith(typed)


def judge(seen: Seen) -> str:
    """Return the verdict's name in d18.md: the sum first, then what was made of it."""
    if not seen.there:
        return "gone"
    if not seen.verdict:
        return "not-said" if seen.approves or seen.typed else "untouched"
    if not seen.typed:
        return "no-sum"
    if not seen.is_ours or not seen.long:
        return about_sum(seen)
    if (seen.verdict == "same") is not seen.is_same:
        return "said-same" if seen.verdict == "same" else "said-other"
    if not seen.is_same:
        return "approved-anyway" if seen.approves else "other"
    if not seen.approves:
        return "not-approved"
    return "passed" if seen.same_image else "approved-other"


def about_sum(seen: Seen) -> str:
    """Return what was typed in the place of our digest."""
    if not seen.long and (seen.is_ours or len(seen.typed) < FEWEST):
        return "short-sum"
    if seen.is_config:
        return "config-sum"
    if seen.is_layer:
        return "layer-sum"
    return "mail-sum" if seen.is_mail else "other-sum"


def approve(lab: DrillLab) -> None:
    """Give the image its name."""
    name_again(lab, NAME, APPROVED, imageTag=TAG)


def say(verdict: str, digest: str) -> dict[str, str]:
    """Return what is typed."""
    return {"verdict": verdict, "sum": digest}


TRIES = {
    "passed": {
        "the whole digest": attempt(say("same", PROMISED), approve),
        "its beginning": attempt(say("same", PROMISED[7:21]), approve),
    },
    "other": {"packed again": attempt(say("other", REPACKED[:30]), seed="repacked")},
    "not-said": {"approved, and nothing said": attempt({}, approve)},
    "no-sum": {"said": attempt({"verdict": "same"}, approve)},
    "short-sum": {"four characters": attempt(say("same", PROMISED[7:11]), approve)},
    "config-sum": {"the image ID": attempt(say("same", digest_of(SHIPPED[0])), seed="repacked")},
    "layer-sum": {"a layer": attempt(say("same", digest_of(LAYER)), approve)},
    "mail-sum": {"from the mail": attempt(say("same", PROMISED), approve, seed="repacked")},
    "other-sum": {"with a line end": attempt(say("other", digest_of(SHIPPED[1] + b"\n")))},
    "said-same": {"the same files": attempt(say("same", REPACKED), approve, seed="repacked")},
    "said-other": {"doubted": attempt(say("other", PROMISED))},
    "approved-anyway": {"approved all the same": attempt(say("other", REPACKED), approve, seed="repacked")},
    "not-approved": {"not named": attempt(say("same", PROMISED))},
    "approved-other": {
        "another image named": attempt(say("same", PROMISED), lambda lab: name_again(lab, NAME, APPROVED, imageTag="4"))
    },
    "gone": {
        "deleted": attempt(
            say("same", PROMISED), lambda lab: lab.client("ecr").delete_repository(repositoryName=NAME, force=True)
        )
    },
}
