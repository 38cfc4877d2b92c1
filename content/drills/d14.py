"""Drill d14: three fixes of a leaked key; which one holds? What a learner reads is in d14.md."""

from __future__ import annotations

import base64
from typing import Any

from ecrlab_course.authoring import Sentence, as_words
from ecrlab_course.authoring.image_bytes import places_of, whole
from ecrlab_course.authoring.image_files import files_of
from ecrlab_course.authoring.staging import name_again, put_image
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Findings, attempt

NAME, RELEASE, PAGE = "shop/map", "release", "www/map.html"
TAGS = ("a", "b", "c")
STATES = {
    "late": {"a": "layer", "b": "config", "c": "clean"},
    "early": {"a": "clean", "b": "coded", "c": "layer"},
    "nobody": {"a": "config", "b": "layer", "c": "coded"},
}
MAP = {PAGE: b"<h1>The harbour</h1>\n"}


def key(lab: DrillLab) -> str:
    """Return the key of the seed."""
    return f"HB-map-{lab.seed}-90210"


def prepare(lab: DrillLab) -> None:
    """Push the three fixes."""
    lab.repository(NAME)
    lab.write("old.key", key(lab) + "\n")
    for tag, state in STATES[lab.seed].items():
        push(lab, tag, state)


def push(lab: DrillLab, tag: str, state: str) -> None:
    """Push an image that leaks the key in one way, or does not."""
    secret = key(lab).encode()
    lines = ["FROM ecrlab/base:1 (shortened)", "COPY www /www"]
    layers: list[dict[str, bytes]] = [{"etc/os-release": f"NAME=base of {tag}\n".encode()}, MAP]
    more: dict[str, Any] = {"config": {"Cmd": ["httpd", "-f", "-h", "/www"]}}
    if state == "layer":
        layers += [{"map.key": secret}, {".wh.map.key": b""}]
        lines += ["COPY map.key /map.key", "RUN /fetch-tiles && rm /map.key"]
    if state == "config":
        lines += [f"ENV MAP_KEY={secret.decode()}", "ENV MAP_KEY="]
        more["config"]["Env"] = ["MAP_KEY="]
    if state == "coded":
        layers.append({"www/tiles.cfg": b"source=" + base64.b64encode(secret) + b"\n"})
        lines.append("COPY tiles.cfg /www/tiles.cfg")
    more["history"] = [
        {"created_by": line, **({"empty_layer": True} if line.startswith("ENV") else {})} for line in lines
    ]
    put_image(lab, NAME, tag, *layers, more=more)


class Seen:
    """What was said of each, and what `release` names."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        self.right = STATES[lab.seed]
        self.said = {tag: findings.get(tag, "") for tag in TAGS}
        self.missing = next((tag for tag in TAGS if not self.said[tag]), "")
        self.name = next((tag for tag in TAGS if self.said[tag] and self.said[tag] != self.right[tag]), "")
        self.wrong = self.right.get(self.name, "")
        self.anything = any(self.said.values())
        fits = [f"`{tag}`" for tag in TAGS if self.said[tag] == self.right[tag]]
        self.right_seen = as_words(fits)
        self.so_far = Sentence("some") if fits else Sentence("none")
        digest = lab.digest(NAME, RELEASE)
        self.released = Sentence("to-none")
        self.tagged, self.wanted, self.place, self.page, self.owner = (
            bool(digest),
            "clean" in self.right.values(),
            "",
            True,
            "",
        )
        if digest:
            self.owner = next((tag for tag, each in self.tags(lab).items() if each == digest), "")
            self.released = Sentence("to-one") if self.owner else Sentence("to-own")
            found = places_of(whole(lab, NAME, digest), key(lab))
            self.place = next((place if place == "config" else f"layer {place}" for place, _ in found), "")
            self.page = PAGE in files_of(lab, NAME, digest).paths

    def tags(self, lab: DrillLab) -> dict[str, str | None]:
        """Return the digests of the three."""
        return {tag: lab.digest(NAME, tag) for tag in TAGS}


def judge(seen: Seen) -> str:
    """Return the verdict's name in d14.md: what was said of each, then where `release` is."""
    if seen.wrong:
        return misjudged(seen)
    if seen.missing:
        return "not-all-named" if seen.anything or seen.tagged else "untouched"
    if seen.place:
        return "leaky-release"
    if seen.wanted and not seen.tagged:
        return "not-released"
    return "passed" if seen.page else "empty-release"


def misjudged(seen: Seen) -> str:
    """Return what is true of the first one that was judged wrongly."""
    if seen.wrong == "layer":
        return "layer"
    if seen.wrong == "config":
        return "config"
    return "coded" if seen.wrong == "coded" else "clean"


def release(lab: DrillLab, tag: str) -> None:
    """Give the tag to one of the three."""
    name_again(lab, NAME, RELEASE, imageTag=tag)


def own(lab: DrillLab) -> None:
    """Push a clean one of one's own."""
    put_image(lab, NAME, RELEASE, {"etc/os-release": b"NAME=mine\n"}, MAP)


TRIES = {
    "passed": {
        "c is clean": attempt(STATES["late"], lambda lab: release(lab, "c"), seed="late"),
        "a is clean": attempt(STATES["early"], lambda lab: release(lab, "a"), seed="early"),
        "none is": attempt(STATES["nobody"], seed="nobody"),
        "none is, and one of one's own": attempt(STATES["nobody"], own, seed="nobody"),
    },
    "not-all-named": {"released without a word": attempt({}, lambda lab: release(lab, "c"), seed="late")},
    "layer": {"looked with ls": attempt({"a": "clean", "b": "clean", "c": "clean"}, seed="late")},
    "config": {"searched the files alone": attempt({"a": "layer", "b": "clean", "c": "clean"}, seed="late")},
    "coded": {"searched for the plain key": attempt({"a": "clean", "b": "clean", "c": "layer"}, seed="early")},
    "clean": {"distrusts all": attempt({"a": "layer", "b": "config", "c": "layer"}, seed="late")},
    "leaky-release": {
        "the newest is released": attempt(STATES["nobody"], lambda lab: release(lab, "c"), seed="nobody")
    },
    "not-released": {"judged, and nothing done": attempt(STATES["early"], seed="early")},
    "empty-release": {
        "an empty one": attempt(
            STATES["nobody"], lambda lab: put_image(lab, NAME, RELEASE, {"a": b"nothing"}), seed="nobody"
        )
    },
}
