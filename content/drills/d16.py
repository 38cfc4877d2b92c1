"""Drill d16: it pulls at Dara's. What a learner reads is in d16.md."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from ecrlab_course.authoring import Sentence, as_words
from ecrlab_course.authoring.evidence import manifest
from ecrlab_course.authoring.image_bytes import as_table, content_of, whole
from ecrlab_course.authoring.staging import INDEX, MANIFEST, digest_of, name_again, put_image, put_text
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Findings, attempt

NAME, TAG, FILE = "shop/tours", "2.0", "app/tours"
BOTH = ("amd64", "arm64")
INTOTO = "application/vnd.in-toto+json"


def program(architecture: str, version: str = "2.0") -> bytes:
    """Return what the image for that processor holds."""
    return f"tours {version} for {architecture}\n".encode()


def prepare(lab: DrillLab) -> None:
    """Push both images, the note and the index, with the fault of the seed."""
    lab.repository(NAME)
    put_image(lab, NAME, "1.9", {FILE: program("amd64", "1.9")})
    digests = {each: put_image(lab, NAME, "", {FILE: program(each)}, architecture=each) for each in BOTH}
    note = put_note(lab, digests["amd64"])
    only = [line(lab, digests["arm64"], "arm64")]
    if lab.seed == "missing":
        text = index_text([*only, line(lab, note, "unknown")])
        put_text(lab, NAME, TAG, text)
    else:
        text = index_text([line(lab, digests["amd64"], "amd64"), *only, line(lab, note, "unknown")])
        put_text(lab, NAME, "", text)
        name_again(lab, NAME, TAG, imageDigest=note)
    lab.write("index.json", json.dumps(json.loads(index_text(only)), indent=2) + "\n")


def put_note(lab: DrillLab, about: str) -> str:
    """Put an attestation about an image; return its digest."""
    note = json.dumps({"predicateType": "https://slsa.dev/provenance/v0.2", "subject": about}).encode()
    nobody = {"architecture": "unknown", "os": "unknown", "config": {}, "rootfs": {"type": "layers", "diff_ids": []}}
    config = json.dumps(nobody).encode()
    kind = "application/vnd.docker.container.image.v1+json"
    page = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": {"mediaType": kind, "size": len(config), "digest": digest_of(config)},
        "layers": [{"mediaType": INTOTO, "size": len(note), "digest": digest_of(note)}],
    }
    return put_text(lab, NAME, "", json.dumps(page), note, config)


def line(lab: DrillLab, digest: str, architecture: str) -> dict[str, Any]:
    """Return the line of an index for an image that is there."""
    found = lab.client("ecr").batch_get_image(repositoryName=NAME, imageIds=[{"imageDigest": digest}])["images"][0]
    platform = {"architecture": architecture, "os": "unknown" if architecture == "unknown" else "linux"}
    return {"mediaType": MANIFEST, "size": len(found["imageManifest"]), "digest": digest, "platform": platform}


def index_text(lines: list[dict[str, Any]]) -> str:
    """Return an index."""
    return json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": lines}, indent=3)


class Seen:
    """What the tag names, and whether each line leads to what it says."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        self.seed, self.finding = lab.seed, findings.get("under", "")
        digest = lab.digest(NAME, TAG) or ""
        self.page = manifest(lab, NAME, digest) if digest else {}
        lines = {
            str(as_table(each.get("platform")).get("architecture")): each for each in self.page.get("manifests", [])
        }
        self.index = "manifests" in self.page
        self.claimed = self.real = ""
        self.program = True
        served = [each for each in BOTH if each in lines] if self.index else []
        if self.index:
            self.follow(lab, {each: str(lines[each]["digest"]) for each in served})
        elif digest:
            found = str(whole(lab, NAME, digest).config.get("architecture"))
            served = [found] if found in BOTH else []
        self.served = served
        self.platforms = as_words([f"linux/{each}" for each in served]) or "no processor"
        self.under_seen = Sentence("nothing")
        if self.index:
            self.under_seen = Sentence("index-of")
        elif digest:
            self.under_seen = Sentence("image-of") if served else Sentence("note")
        self.was = "arm-only" if lab.seed == "missing" else "note"
        self.was_seen = Sentence("was-arm") if self.was == "arm-only" else Sentence("was-note")
        wanted = {
            "arm-only": served == ["arm64"] and self.index,
            "note": bool(digest) and not self.index and not served,
        }
        self.as_it_was = wanted[self.was]

    def follow(self, lab: DrillLab, lines: Mapping[str, str]) -> None:
        """Look where each line of the index leads."""
        for architecture, digest in lines.items():
            image = whole(lab, NAME, digest)
            real = str(image.config.get("architecture"))
            content = b"".join(content_of(part.tar, FILE) for part in image.layers if part.tar)
            if self.claimed or (real == architecture and content == program(architecture)):
                continue
            self.claimed, self.real = architecture, real
            if real == architecture:
                self.program, self.real = False, content.decode(errors="replace").strip()[:40] or "nothing"


def judge(seen: Seen) -> str:
    """Return the verdict's name in d16.md."""
    if seen.as_it_was:
        return "untouched"
    if not seen.served:
        return "a-note"
    if seen.claimed:
        return "claimed" if seen.program else "other-program"
    if "amd64" not in seen.served:
        return "omar-still-out"
    if "arm64" not in seen.served:
        return "dara-cut-off"
    if not seen.finding:
        return "no-finding"
    return "passed" if seen.finding == seen.was else "wrong-finding"


def images(lab: DrillLab) -> dict[str, str]:
    """Return the images of 2.0 by processor, as they can be found: by the config of what has no tag."""
    found = {}
    for digest, tags in lab.images(NAME).items():
        config = whole(lab, NAME, digest).config
        if not tags and config.get("architecture") in BOTH:
            found[str(config["architecture"])] = digest
    return found


def put(*wanted: str, swap: bool = False, old: bool = False) -> Callable[[DrillLab], None]:
    """Return what puts an index of these processors under the tag."""

    def act(lab: DrillLab) -> None:
        found = images(lab)
        if old:
            found["amd64"] = lab.digest(NAME, "1.9") or ""
        said = dict(zip(BOTH, reversed(BOTH), strict=True)) if swap else {each: each for each in BOTH}
        put_text(lab, NAME, TAG, index_text([line(lab, found[each], said[each]) for each in wanted]))

    return act


def retag_index(lab: DrillLab) -> None:
    """Give the tag back to the index that lies there without one."""
    for digest, tags in lab.images(NAME).items():
        if not tags and "manifests" in manifest(lab, NAME, digest):
            name_again(lab, NAME, TAG, imageDigest=digest)
            return


def retag(architecture: str) -> Callable[[DrillLab], None]:
    """Return what puts the tag on one image."""
    return lambda lab: name_again(lab, NAME, TAG, imageDigest=images(lab)[architecture])


def built_again(lab: DrillLab) -> None:
    """Push an image for amd64 alone, built again."""
    put_image(lab, NAME, TAG, {FILE: program("amd64")}, {"built": b"again"})


ARM, NOTE = {"under": "arm-only"}, {"under": "note"}
TRIES = {
    "passed": {
        "the missing line": attempt(ARM, put(*BOTH), seed="missing"),
        "the index again": attempt(NOTE, retag_index, seed="note"),
        "an index of one's own": attempt(NOTE, put("arm64", "amd64"), seed="note"),
    },
    "dara-cut-off": {
        "the image for amd64 alone": attempt(ARM, retag("amd64"), seed="missing"),
        "built again for the server": attempt(NOTE, built_again, seed="note"),
    },
    "omar-still-out": {"the file as it lies there": attempt(NOTE, put("arm64"), seed="note")},
    "a-note": {"the note of the index": attempt(ARM, lambda lab: name_again(lab, NAME, TAG, imageDigest=note_of(lab)))},
    "claimed": {"the two exchanged": attempt(ARM, put(*BOTH, swap=True), seed="missing")},
    "other-program": {"amd64 of 1.9": attempt(ARM, put(*BOTH, old=True), seed="missing")},
    "no-finding": {"fixed in silence": attempt({}, retag_index, seed="note")},
    "wrong-finding": {"the other cause": attempt(ARM, retag_index, seed="note")},
}


def note_of(lab: DrillLab) -> str:
    """Return the digest of the note."""
    return next(
        digest for digest in lab.images(NAME) if whole(lab, NAME, digest).config.get("architecture") == "unknown"
    )
