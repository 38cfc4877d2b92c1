"""02-e8: build so that nothing is left of a secret. What a learner reads is in e8.md."""

from __future__ import annotations

import base64
import hashlib
import io
import re
import tarfile
from contextlib import suppress
from pathlib import Path

from ecrlab_course.authoring import Lab, Result, Sentence
from ecrlab_course.authoring.evidence import tags
from ecrlab_course.authoring.image_bytes import Whole, as_table, content_of, holding, members, whole
from ecrlab_course.authoring.image_files import Files, entries
from ecrlab_course.authoring.staging import log_in, make_repository

from .state import LEAKY

FIXED = "fixed"
KEY = "harbour-" + hashlib.sha256(b"the key of the build that checks").hexdigest()[:17]
"""Another key, of another length: what was written down by hand does not follow it."""
TOO_OLD = re.compile(r"requires BuildKit|unknown flag: --secret|buildx component is missing")
"""What a docker says that cannot lend a file to a RUN line."""
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
"""What docker's older builder puts around an error: its colour."""
PAGE = "srv/www/index.html"
HEADING = "<h1>Harbour Bikes: booking, release 8</h1>"
"""The page of the release that the check builds: no other release has this one."""


def release() -> bytes:
    """Return release.tar with another key, for the build that checks."""
    box = io.BytesIO()
    files = {"deploy.key": KEY, "www/index.html": HEADING, "www/version.txt": "release 8"}
    with tarfile.open(fileobj=box, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text) + 1
            tar.addfile(entry, io.BytesIO(f"{text}\n".encode()))
    return box.getvalue()


def run(lab: Lab, text: str) -> Result:
    """Build the file with a release of its own, in a copy of the folder, and push leaky:fixed."""
    make_repository(lab, LEAKY)
    forget(lab)
    address = f"{lab.registry}/{LEAKY}:{FIXED}"
    _, folder = lab.sh('place=$(mktemp -d); cp -r booking/. "$place"; echo "$place"')
    place = Path(folder.strip().splitlines()[0])
    try:
        (place / "release.tar").write_bytes(release())
        (place / "deploy.key").write_text(KEY + "\n", encoding="utf-8")
        secret = f"--secret id=key,src='{place}/deploy.key' " if "type=secret" in text and lab.engine != "none" else ""
        code, output = lab.sh(
            f"docker build {secret}--build-arg KEY='{KEY}' -t '{address}' '{place}' 2>&1", timeout=120
        )
        if code == 0:
            log_in(lab)
            code, output = lab.sh(f"docker push -q '{address}' 2>&1")
    finally:
        lab.sh(f"rm -rf '{place}'; docker rmi -f '{address}' >/dev/null 2>&1 || true")
    output = COLOUR.sub("", output)
    lines = [line for line in output.strip().splitlines() if line.strip()]
    # A flag that docker does not know is named first, and then comes how to use it.
    said = next((line for line in lines if "unknown flag" in line), (lines or [""])[-1])
    said = said.replace(lab.registry, "$REGISTRY").replace(str(place), "booking")
    return Result("docker build booking", code, said + "\n", {"said": said, "output": output[-4000:]})


class Seen:
    """Whether it was built, where the key is found in what was pushed, and what the image serves."""

    def __init__(self, lab: Lab, text: str, result: Result) -> None:
        self.code, self.said = result.code, str(result.data.get("said", ""))
        output = str(result.data.get("output", ""))
        self.text = text
        self.no_engine = "RUN needs a container engine" in output
        self.mounted = Sentence("mounted") if "--mount=" in text else ""
        self.too_old = Sentence("too-old") if TOO_OLD.search(output) else ""
        self.unread = bool(
            re.search(r"(?i)parse error|unknown instruction|no build stage|file with no instructions", output)
        )
        self.line, self.base = lines_that_keep(text)
        self.place = self.path = self.form = self.shown = ""
        self.in_config = self.visible = self.page = self.starts = False
        self.layers, self.where, self.moved = 0, "", ""
        digest = tags(lab, LEAKY).get(FIXED, "") if result.command and not result.code else ""
        if digest:
            self.look(whole(lab, LEAKY, digest))
        self.place_seen = f"in layer {self.place}" if self.place.isdecimal() else self.place
        self.last_seen = Sentence("not-run")
        if result.command:
            self.last_seen = Sentence("failed") if not digest else Sentence("found" if self.form else "clean")

    def look(self, image: Whole) -> None:
        """Search config and layers for the key, and look at the files as a container would see them."""
        files = Files(entries(part.data) for part in image.layers)
        found = files.read(PAGE)
        self.page = found is not None
        self.where = min((path for path in files.paths if path.endswith("index.html")), default="")
        self.moved = Sentence("moved") if self.where else ""
        self.shown = (found or b"").decode(errors="replace").strip()[:50] or "nothing"
        said = as_table(image.config.get("config"))
        words = " ".join(str(word) for key in ("Entrypoint", "Cmd") for word in said.get(key) or ())
        self.starts = "httpd" in words and "/srv/www" in words
        if form := holding(image.raw_config, KEY):
            self.form, self.place, self.in_config = form, "the config", True
            return
        for number, part in enumerate(image.layers, 1):
            form = holding(part.tar, KEY)
            if not form:
                continue
            self.layers += 1
            if not self.form:
                self.form, self.place = form, str(number)
                self.path = next((path for path in members(part.tar) if KEY.encode() in content(part.tar, path)), "")
                self.path = f"/{self.path}"
                self.visible = KEY.encode() in (files.read(self.path) or b"")


def lines_that_keep(text: str) -> tuple[str, str]:
    """Return the line that puts the release into the image that is pushed, and the stage it comes from; "" for none.

    The last stage alone is pushed, and what it begins with: a stage before it, when FROM names that. The stage is ""
    where the line stands in the last one.
    """
    stages: list[tuple[str, str, str]] = []  # its name, what it begins with, the line
    for line in re.sub(r"\\\n", " ", text).splitlines():
        words = line.split()
        first = words[0].upper() if words else ""
        if first == "FROM" and (named := [word for word in words[1:] if not word.startswith("--")]):
            name = named[2].lower() if len(named) > 2 and named[1].upper() == "AS" else str(len(stages))
            stages.append((name, named[0].lower(), ""))
        elif stages and first in ("ADD", "COPY") and "--from=" not in line and RELEASE.search(line):
            stages[-1] = (*stages[-1][:2], " ".join(words))
    below = {name: (base, line) for name, base, line in stages}
    last = stages[-1] if stages else ("", "", "")
    seen, came_from = {last[0]}, ""
    _, base, found = last
    while not found and base in below and base not in seen:
        seen.add(base)
        came_from, (base, found) = base, below[base]
    return found, came_from if found else ""


RELEASE = re.compile(r"[\s\"/]release\.tar[\s\"]")


def content(tar: bytes, path: str) -> bytes:
    """Return the content of a file; b"" where there is no such file."""
    with suppress(KeyError, tarfile.TarError):
        return content_of(tar, path)
    return b""


def judge(seen: Seen) -> str:
    """Return the verdict's name in e8.md: built, no key anywhere, and still the page."""
    if seen.code:
        return not_built(seen)
    if seen.form:
        return leaks(seen)
    if not seen.page:
        return "no-page"
    if seen.shown != HEADING:
        return "stale"
    if not seen.starts:
        return "no-command"
    return "passed"


def not_built(seen: Seen) -> str:
    """Return why it was not built."""
    if seen.no_engine:
        return "would-keep" if seen.line else "no-run-here"
    return "no-dockerfile" if seen.unread else "not-built"


def leaks(seen: Seen) -> str:
    """Return how the key is still there."""
    if seen.form == "coded":
        return "coded"
    if seen.in_config:
        return "in-config"
    if seen.base:
        return "stage-below"
    if seen.layers > 1:
        return "twice"
    if not seen.visible:
        return "hidden"
    return "whole-stage" if "--from=" in seen.text else "still-there"


# Tries

BASE = "FROM ecrlab/base:1\n"
ADD = "ADD release.tar /srv/\n"
PRICES = "COPY prices.txt /srv/www/prices.txt\n"
CMD = 'CMD ["httpd", "-f", "-p", "8080", "-h", "/srv/www"]\n'
UNPACK = "FROM ecrlab/base:1 AS unpack\n" + ADD
CODED = base64.b64encode(KEY.encode() + b"\n").decode()

TRIES = {
    "passed": {
        "two stages": UNPACK + BASE + "COPY --from=unpack /srv/www /srv/www\n" + PRICES + CMD,
        "the stage by its number": BASE + ADD + BASE + "COPY --from=0 /srv/www/ /srv/www/\n" + CMD,
        "unpacked into an empty stage": "FROM scratch AS unpack\nADD release.tar /\n"
        + BASE + "COPY --from=unpack /www /srv/www\n" + CMD.replace("CMD", "ENTRYPOINT"),
        "the page alone": UNPACK + BASE + "WORKDIR /srv/www\nCOPY --from=unpack /srv/www/index.html ./\n" + CMD,
        "in lower case": UNPACK.lower() + BASE.lower() + "copy --from=unpack /srv/www /srv/www\n"
        + "cmd httpd -f -p 8080 -h /srv/www\n",
        "an argument in the first stage": UNPACK.replace(ADD, "ARG KEY\n" + ADD)
        + BASE + "COPY --from=unpack /srv/www /srv/www\n" + CMD,
    },
    "hidden": {
        "another file in its place": BASE + ADD + "COPY prices.txt /srv/deploy.key\n" + PRICES + CMD,
    },
    "twice": {"added twice": BASE + ADD + "ADD release.tar /opt/\n" + CMD},
    "still-there": {
        "the last line removed": BASE + ADD + PRICES + CMD,
        "copied as it is": BASE + "COPY release.tar /srv/\n" + CMD,
    },
    "whole-stage": {"all of it": UNPACK + BASE + "COPY --from=unpack /srv /srv\n" + CMD},
    "stage-below": {
        "a stage from the stage": UNPACK + "FROM unpack\nCOPY prices.txt /srv/deploy.key\n" + CMD,
        "by its number, as it is": BASE + ADD + "FROM 0\n" + CMD,
    },
    "in-config": {
        "an argument in the last stage": UNPACK + BASE + "ARG KEY\nENV KEY=$KEY\nENV KEY=\n"
        + "COPY --from=unpack /srv/www /srv/www\n" + CMD,
        "a label": UNPACK + BASE + f'LABEL key="{KEY}"\nCOPY --from=unpack /srv/www /srv/www\n' + CMD,
    },
    "coded": {"in base64": UNPACK + BASE + f"ENV KEY={CODED}\nCOPY --from=unpack /srv/www /srv/www\n" + CMD},
    "no-page": {
        "nothing left, and nothing done": BASE + PRICES + CMD,
        "a folder's files, one folder too high": UNPACK + BASE + "COPY --from=unpack /srv/www /srv/\n" + CMD,
    },
    "stale": {
        "an old page, by hand": BASE + PRICES.replace("prices.txt\n", "index.html\n")
        + PRICES.replace("prices.txt\n", "version.txt\n") + CMD
    },
    "no-command": {"without its last line": UNPACK + "FROM scratch\nCOPY --from=unpack /srv/www /srv/www\n"},
    "no-run-here": {
        "a secret, mounted": BASE + PRICES + "RUN --mount=type=secret,id=key wc -c /run/secrets/key\n" + CMD,
        "removed in a stage": UNPACK + "RUN rm /srv/deploy.key\n" + BASE + "COPY --from=unpack /srv /srv\n" + CMD,
    },
    "would-keep": {
        "removed in the next line": BASE + ADD + PRICES + "RUN rm /srv/deploy.key && true\n" + CMD,
        "packed, unpacked and removed": BASE + "COPY release.tar /tmp/\n"
        + "RUN tar -xf /tmp/release.tar -C /srv www && rm /tmp/release.tar\n" + CMD,
        "removed in a stage that begins there": UNPACK + "FROM unpack\nRUN rm /srv/deploy.key\n" + CMD,
    },
    "not-built": {"a folder that is not there": UNPACK + BASE + "COPY --from=unpack /release/www /srv/www\n" + CMD},
    "no-dockerfile": {"a word too many": "FORM ecrlab/base:1\n" + ADD + CMD},
}  # fmt: skip


def forget(lab: Lab) -> None:
    """Remove leaky:fixed from ECR."""
    ecr = lab.client("ecr")
    with suppress(ecr.exceptions.RepositoryNotFoundException):
        ecr.batch_delete_image(repositoryName=LEAKY, imageIds=[{"imageTag": FIXED}])


def reset(lab: Lab) -> None:
    """Remove leaky:fixed from ECR and from the engine."""
    forget(lab)
    lab.sh(f"docker rmi -f '{lab.registry}/{LEAKY}:{FIXED}' >/dev/null 2>&1 || true")
