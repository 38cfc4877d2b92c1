"""02-e7: the key that a later line deleted. What a learner reads is in e7.md."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ecrlab_course.authoring import Lab, Result, Sentence

from .state import KEY, KEY_LAYER, LATER_KEY


def run(_lab: Lab, values: Mapping[str, str]) -> Result:
    """Try the key at the gate."""
    command = f"gate --open --key {values['key']} --layer {values['layer']}"
    opens = values["key"] == KEY
    return Result(command, 0 if opens else 1, "open\n" if opens else "shut\n")


class Seen:
    """What was typed."""

    def __init__(self, _lab: Lab, values: Mapping[str, str], result: Result) -> None:
        self.key, self.layer = values["key"], values["layer"]
        self.so_far = Sentence("not-tried")
        if result.command:
            self.so_far = Sentence("open") if self.key == KEY else Sentence("shut")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e7.md: the key first, then where it lies."""
    if seen.key != KEY:
        return shut(seen)
    if seen.layer == str(KEY_LAYER):
        return "passed"
    if seen.layer == "4":
        return "marker"
    return "in-none" if seen.layer == "none" else "other-layer"


def shut(seen: Seen) -> str:
    """Return why the gate stays shut."""
    if not seen.key:
        return "untouched"
    if KEY in seen.key:
        return "with-more"
    if seen.key == LATER_KEY:
        return "new-key"
    if ".wh." in seen.key:
        return "empty"
    if re.fullmatch(r"(sha256:)?[0-9a-f]{8,64}", seen.key):
        return "a-hash"
    if "deploy.key" in seen.key or seen.key.startswith("RUN "):
        return "a-name"
    return "other-key" if re.fullmatch(r"harbour-[0-9a-f]{4,}.*", seen.key) else "no-key"


def typed(key: str, layer: str = "2") -> dict[str, str]:
    """Return key and layer as they are typed."""
    return {"key": key, "layer": layer}


TRIES = {
    "passed": {"the key, layer 2": typed(KEY), "with quotes and a blank": typed(f' "{KEY}" ')},
    "marker": [typed(KEY, "4")],
    "other-layer": {"the base": typed(KEY, "1"), "the prices": typed(KEY, "3")},
    "in-none": [typed(KEY, "none")],
    "new-key": [typed(LATER_KEY)],
    "with-more": {"as Python prints it": typed(f"b'{KEY}\\n'"), "with its line break": typed(KEY + "\\n")},
    "empty": [typed(".wh.deploy.key", "4")],
    "a-hash": [typed("sha256:" + "0" * 64)],
    "a-name": [typed("RUN rm /srv/deploy.key", "4")],
    "no-key": [typed("gone")],
    "other-key": [typed("harbour-0123456789")],
}
