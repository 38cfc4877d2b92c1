"""Drill d15: two digests, and is it one image? What a learner reads is in d15.md."""

from __future__ import annotations

import gzip
import json
from typing import Any

from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.evidence import manifest
from ecrlab_course.authoring.staging import LAYER, MANIFEST, digest_of, pack_layer, put_text
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Findings, attempt

STAGING, PRODUCTION, TAG = "stage/orders", "prod/orders", "1.4"
SHORTEST = 6
FILES = ({"etc/os-release": b"NAME=base\n"}, {"app/orders.py": b"print('orders 1.4')\n" * 40})
OTHER = (
    {"etc/os-release": b"NAME=base\n"},
    {"app/orders.py": b"print('orders 1.4')\n" * 39 + b"print('orders 1.3')\n"},
)
NOON, EVENING = "2026-11-27T12:00:00Z", "2026-11-27T19:30:00Z"


def image(seed: str, created: str, files: tuple[dict[str, bytes], ...], level: int) -> tuple[str, bytes, list[bytes]]:
    """Return manifest, config and layers of an image; `level` is how hard its layers are packed."""
    tars = [gzip.decompress(pack_layer(each)) for each in files]
    layers = [gzip.compress(each, compresslevel=level, mtime=0) for each in tars]
    page: dict[str, Any] = {
        "architecture": "amd64",
        "os": "linux",
        "created": created,
        "config": {"Cmd": ["python", "/app/orders.py"], "Labels": {"team": seed}},
        "rootfs": {"type": "layers", "diff_ids": [digest_of(each) for each in tars]},
    }
    config = json.dumps(page).encode()
    listed = [{"mediaType": LAYER, "size": len(each), "digest": digest_of(each)} for each in layers]
    kind = "application/vnd.docker.container.image.v1+json"
    described = {"mediaType": kind, "size": len(config), "digest": digest_of(config)}
    text = json.dumps({"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": listed}, indent=3)
    return text, config, layers


def prepare(lab: DrillLab) -> None:
    """Push both."""
    there: dict[str, tuple[str, tuple[dict[str, bytes], ...], int]] = {
        "packing": (NOON, FILES, 1),
        "rebuilt": (EVENING, FILES, 9),
        "changed": (EVENING, OTHER, 9),
    }
    for name, (created, files, level) in ((STAGING, (NOON, FILES, 9)), (PRODUCTION, there[lab.seed])):
        lab.repository(name)
        text, config, layers = image(lab.seed, created, files, level)
        put_text(lab, name, TAG, text, config, *layers)


class Seen:
    """The configs of both, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        self.seed, self.cause = lab.seed, findings.get("cause", "")
        self.typed_in = {place: plain(findings.get(place, "")) for place in ("staging", "production")}
        names = {"staging": STAGING, "production": PRODUCTION}
        images = {place: lab.digest(name, TAG) or "" for place, name in names.items()}
        pages = {place: manifest(lab, names[place], digest) for place, digest in images.items()}
        self.configs = {place: plain(str(page["config"]["digest"])) for place, page in pages.items()}
        layers = [plain(str(each["digest"])) for page in pages.values() for each in page["layers"]]
        self.config = self.configs["staging"][:8]
        self.place = next((place for place in names if not self.fits(place, place)), "")
        self.typed = self.typed_in.get(self.place, "")
        self.short = len(self.typed) < SHORTEST
        self.of_image = begins(self.typed, [plain(each) for each in images.values()])
        self.of_layer = begins(self.typed, layers)
        self.swapped = self.fits("staging", "production") and self.fits("production", "staging")
        self.anything = bool(self.cause or any(self.typed_in.values()))
        self.so_far = Sentence("none")
        self.proof = Sentence("one") if self.seed == "packing" else Sentence("other")
        if self.seed == "rebuilt":
            self.proof = Sentence("twice")
        self.configs_seen = Sentence("same-config") if self.seed == "packing" else Sentence("other")

    def fits(self, typed: str, place: str) -> bool:
        """Tell whether what was typed begins that place's config's digest."""
        return begins(self.typed_in[typed], [self.configs[place]])


def plain(digest: str) -> str:
    """Return the characters of a digest, without what stands in front or around them."""
    return digest.strip(" \"'`…").lower().removeprefix("sha256:")


def begins(typed: str, digests: list[str]) -> bool:
    """Tell whether a text is long enough, and begins one of these digests."""
    return len(typed) >= SHORTEST and any(each.startswith(typed) for each in digests)


def judge(seen: Seen) -> str:
    """Return the verdict's name in d15.md: the configs first, then what follows from them."""
    if not seen.anything:
        return "untouched"
    if seen.place:
        return misread(seen)
    if not seen.cause:
        return "no-cause"
    if seen.cause == seen.seed:
        return "passed"
    if seen.cause == "packing":
        return "not-packing"
    if seen.cause == "rebuilt":
        return "not-rebuilt"
    return "not-changed" if seen.cause == "changed" else "not-tag"


def misread(seen: Seen) -> str:
    """Return what was typed in place of a config's digest."""
    if seen.swapped:
        return "swapped"
    if seen.short:
        return "no-proof"
    if seen.of_image:
        return "digests-of-images"
    return "digest-of-layer" if seen.of_layer else "other-digest"


def typed(cause: str, staging: str = "", production: str = "") -> Any:
    """Return what types the cause, and the configs as they are where nothing else is given."""

    def findings(lab: DrillLab) -> dict[str, str]:
        pages = {
            name: manifest(lab, name, lab.digest(name, TAG) or "")["config"]["digest"] for name in (STAGING, PRODUCTION)
        }
        return {
            "cause": cause,
            "staging": staging or pages[STAGING][:15],
            "production": production or f"`{pages[PRODUCTION][7:15]}`",
        }

    return findings


def of_manifests(lab: DrillLab) -> dict[str, str]:
    """Type the images' digests."""
    return {
        "cause": "rebuilt",
        "staging": str(lab.digest(STAGING, TAG)),
        "production": str(lab.digest(PRODUCTION, TAG)),
    }


def of_layers(lab: DrillLab) -> dict[str, str]:
    """Type a layer's digest."""
    page = manifest(lab, STAGING, lab.digest(STAGING, TAG) or "")
    return {"cause": "packing", "staging": page["layers"][0]["digest"], "production": page["config"]["digest"]}


def the_other_way(lab: DrillLab) -> dict[str, str]:
    """Type both, each in the other's place."""
    right = typed("rebuilt")(lab)
    return {"cause": "rebuilt", "staging": right["production"], "production": right["staging"]}


TRIES = {
    "passed": {
        "packed in another way": attempt(typed("packing"), seed="packing"),
        "built twice": attempt(typed("rebuilt"), seed="rebuilt"),
        "other files": attempt(typed("changed"), seed="changed"),
    },
    "no-cause": {"numbers alone": attempt(typed(""), seed="rebuilt")},
    "digests-of-images": {"the images' digests": attempt(of_manifests, seed="rebuilt")},
    "digest-of-layer": {"a layer's": attempt(of_layers, seed="packing")},
    "no-proof": {"two characters": attempt(typed("packing", staging="ab"), seed="packing")},
    "other-digest": {
        "of another day": attempt(typed("changed", production="0123456789"), seed="changed"),
    },
    "swapped": {"each in the other's place": attempt(the_other_way, seed="rebuilt")},
    "not-packing": {"packing, of a second build": attempt(typed("packing"), seed="rebuilt")},
    "not-rebuilt": {
        "a second build, of one": attempt(typed("rebuilt"), seed="packing"),
        "a second build, of other files": attempt(typed("rebuilt"), seed="changed"),
    },
    "not-changed": {"tampered with": attempt(typed("changed"), seed="rebuilt")},
    "not-tag": {"the tag is in it": attempt(typed("tag"), seed="packing")},
}
