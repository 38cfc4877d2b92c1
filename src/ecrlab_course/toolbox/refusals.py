"""A registry's refusals, and what each container engine prints for them: refusals.toml, read, matched and shown.

The same refusal reads differently in each engine, and some print nothing of it: an answer to HEAD has no body (fact
A066), and Podman's API answers 500 without a message (A072). The X-ray has the registry's sentence in every case.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ecrlab.home import Home, read_json
from ecrlab_course.documents.lab_view import Engine
from ecrlab_course.documents.xray_row import Row

ENGINES: dict[Engine, str] = {
    "graph": "Docker with overlay2, the default up to 28",
    "containerd": "Docker with the containerd store: Docker Desktop, Engine 29",
    "podman": "Podman",
    "standin": "the lab's stand-in",
}
"""The engines that print differently, in words."""

NOTHING = "API returned a 500 (Internal Server Error) but provided no error-message"
"""What the docker command prints for whatever refusal of a push that Podman passes on."""

_WORDLESS = re.compile(rf"{re.escape(NOTHING)}|unexpected status from HEAD request to \S+: 403 Forbidden")
_GAP = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Refusal:
    """One refusal: ``what`` in a few words, the registry's sentence ``says``, and what each engine prints.

    Words in braces are gaps, filled by anything without a blank.
    """

    key: str
    what: str
    says: str
    prints: Mapping[Engine, str]

    def fits(self, engine: Engine, output: str, said: str = "") -> bool:
        """Tell whether an engine's output is this refusal.

        ``said`` is the registry's sentence in the X-ray. It decides where the engine prints the same for several
        refusals; elsewhere it is not looked at.
        """
        words = self.prints[engine]
        if not _pattern(words).search(output):
            return False
        return not _WORDLESS.search(words) or self.is_said(said)

    def is_said(self, said: str) -> bool:
        """Tell whether the registry's sentence is that of this refusal."""
        return bool(_pattern(self.says).search(said))

    @property
    def sentence(self) -> str:
        """The registry's sentence, with … in its gaps."""
        return _GAP.sub("…", self.says)

    def expected(self, engine: Engine) -> str:
        """Return what to expect: the engine's words, or the registry's sentence where the engine has none of it."""
        return self.sentence if _WORDLESS.search(self.prints[engine].replace("{url}", "…")) else self.text(engine)

    def text(self, engine: Engine, **gaps: str) -> str:
        """Return what the engine prints, with the gaps given filled and the others as …"""
        return _GAP.sub(lambda gap: gaps.get(gap[1], "…"), self.prints[engine])


@cache
def refusals() -> dict[str, Refusal]:
    """Return every refusal of the table by its key."""
    table = tomllib.loads((files("ecrlab_course.toolbox") / "refusals.toml").read_text(encoding="utf-8"))
    found = {}
    for key, row in table.items():
        prints: dict[Engine, str] = {
            "graph": row["graph"],
            "containerd": row["containerd"],
            "podman": row["podman"].replace("{nothing}", NOTHING),
            "standin": row.get("standin", row["graph"]),
        }
        found[key] = Refusal(key, row["what"], row["says"], prints)
    return found


def engine_of(home: Home) -> Engine:
    """Return which of the engines the lab of this home has settled on."""
    state = read_json(home.run / "engine.json")
    if state.get("kind", "none") == "none":
        return "standin"
    if state.get("name") == "Podman":
        return "podman"
    return "containerd" if state.get("store") == "containerd" else "graph"


def said(rows: Iterable[Row]) -> str:
    """Return the registry's sentence of the last request among these rows of the X-ray that it refused; "" for none.

    The challenge with which every conversation begins, 401 to a GET of /v2/, refuses nothing yet; containerd is
    challenged at every blob, so a 401 counts only where nothing else was refused. An upload that the client gave up was
    refused by nobody. Podman tries older forms of a manifest that was refused: what was said of the first one counts.
    """
    sentence = stranger = refused = ""
    for row in rows:
        words, path = str(row.get("said") or ""), str(row["path"])
        if not words or path in ("/v2", "/v2/") or words.endswith("the connection broke"):
            continue
        if row["status"] == 401:
            stranger = words
            continue
        again = row["method"] == "PUT" and path == refused
        refused = path if row["method"] == "PUT" else ""
        if not again:
            sentence = words
    return sentence or stranger


def wordless(output: str) -> bool:
    """Tell whether an engine's output holds a refusal without the registry's words."""
    return bool(_WORDLESS.search(output))


def with_words(output: str, sentence: str) -> str:
    """Return an engine's output, with the registry's sentence on a line of its own where the engine hid it."""
    if not sentence or not wordless(output):
        return output
    return f"{output.rstrip()}\n(what the registry answered, from the X-ray) {sentence}\n"


@cache
def _pattern(words: str) -> re.Pattern[str]:
    parts = _GAP.split(words)
    return re.compile("".join(r"\S+" if number % 2 else re.escape(part) for number, part in enumerate(parts)))
