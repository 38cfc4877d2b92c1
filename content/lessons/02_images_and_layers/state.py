"""Lesson 02: its checkpoints, and what several of its exercises look at or try."""

from __future__ import annotations

import gzip
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ecrlab_course.authoring.evidence import at_registry, ok, puts_manifest, tags
from ecrlab_course.authoring.staging import learner_module, log_in, made, make_repository, put_image
from ecrlab_course.documents.lab_view import LabView

HERE = Path(__file__).parent
TINY, HOURS, SLOW, FAST, LEAKY, MAPS = "tiny", "hours", "slow", "fast", "leaky", "maps"
PROGRAM = "hello"

pieces = learner_module(HERE, "pieces")


# Building the places of the lesson


def fresh(lab: LabView) -> None:
    """`tiny`, `slow` and `fast` are there, empty, docker has a login, and Dara's image is in ECR as `leaky:1`."""
    lab.clear(TINY, HOURS, SLOW, FAST, LEAKY, MAPS)
    names = [f"'{lab.registry}/{name}:{tag}'" for name, tag in NAMES]
    lab.sh(f"docker rmi -f {' '.join([*names, *LOCAL])} >/dev/null 2>&1 || true")
    # `slow` and `fast` too: page 2 pushes to them, and whoever comes from page 1 starts from no checkpoint there.
    for name in (TINY, LEAKY, SLOW, FAST):
        make_repository(lab, name)
    put_image(lab, LEAKY, "1", *LEAKY_LAYERS, architecture=pieces.PROCESSOR, more=LEAKY_CONFIG)
    log_in(lab)


NAMES = (
    *((TINY, tag) for tag in ("1", "2", "broken", "mine")),
    *((HOURS, tag) for tag in ("1", "other")),
    *((name, tag) for name in (SLOW, FAST) for tag in ("1", "2")),
    *((LEAKY, tag) for tag in ("1", "fixed")),
    *((MAPS, tag) for tag in ("latest", "2.0")),
)
"""Names that the lesson's steps give to images in the engine: repository and tag."""
LOCAL = ("lines", "again", "timed")


def tiny(lab: LabView) -> None:
    """`tiny:1` and `tiny:2` are in ECR: one program, its layer as a plain tar and compressed."""
    fresh(lab)
    ecr = lab.client("ecr")
    layer = pieces.layer_of({PROGRAM: pieces.HELLO})
    config, packed = pieces.config_of(pieces.digest(layer)), gzip.compress(layer, mtime=0)
    pieces.send(ecr, TINY, layer, config, packed)
    pieces.put(ecr, TINY, pieces.manifest_of(config, layer), "1")
    pieces.put(ecr, TINY, pieces.manifest_of(config, packed, "layer.v1.tar+gzip"), "2")


def platforms(lab: LabView) -> None:
    """`hours:1` is in ECR: one tag for two processors, and a note; `hours:other` has one processor."""
    tiny(lab)
    make_repository(lab, HOURS)
    ecr = lab.client("ecr")
    lines = {each: pieces.image(ecr, HOURS, each) for each in ("amd64", "arm64")}
    note = pieces.attestation(ecr, HOURS, lines[pieces.PROCESSOR]["digest"])
    pieces.index(ecr, HOURS, "1", *lines.values(), note)
    pieces.index(ecr, HOURS, "other", lines[pieces.OTHER])


def by_dockerfile(lab: LabView) -> None:
    """docker has a login, the repositories `slow` and `fast` are there, empty, and `order/` has its two megabytes."""
    fresh(lab)
    write_order(lab, FIRST_PAGE)


FIRST_PAGE = (HERE / "files" / "order" / "www" / "index.html").read_text(encoding="utf-8")
SECOND_PAGE = FIRST_PAGE.replace("eight", "nine")


def write_order(lab: LabView, page: str) -> None:
    """Write what `order/` holds: the parts that never change, and the page."""
    assert lab.folder is not None
    folder = lab.folder / "order"
    (folder / "www").mkdir(parents=True, exist_ok=True)
    # Read when it is wanted: its two megabytes take a tenth of a second, and every page reads this file.
    (folder / "parts.bin").write_bytes(learner_module(HERE, "parts").PARTS)
    (folder / "www" / "index.html").write_text(page, encoding="utf-8")


def ordered(lab: LabView) -> None:
    """`slow:1` and `fast:1` are built and pushed: the same files, in two orders."""
    by_dockerfile(lab)
    build_both(lab, "1")


def build_both(lab: LabView, tag: str) -> None:
    """Build the application in both orders, and push both; at the same time, as docker mostly waits."""
    started = []
    for name in (SLOW, FAST):
        address = f"{lab.registry}/{name}:{tag}"
        build = f"docker build -q -t '{address}' -f order/{name}.Dockerfile order"
        started.append(f"{{ {build} && docker push -q '{address}'; }} & {name}=$!")
    made(lab, "\n".join([*started, f"wait ${SLOW} && wait ${FAST}"]))


def leaky(lab: LabView) -> None:
    """`leaky:1` is in ECR: the booking page as Dara published it, with the key deleted in a later line."""
    fresh(lab)


KEY = "harbour-" + hashlib.sha256(b"the key that the stranger found").hexdigest()[:10]
"""What stands in deploy.key of `leaky:1`."""
LATER_KEY = "harbour-" + hashlib.sha256(b"the key that came after it").hexdigest()[:10]
"""What stands in deploy.key of the release.tar in files/booking: Dara has changed the key."""
LEAKY_LAYERS: tuple[Mapping[str, bytes], ...] = (
    {"etc/os-release": b"NAME=the base, shortened\n"},
    {
        "srv/deploy.key": f"{KEY}\n".encode(),
        "srv/www/index.html": b"<h1>Harbour Bikes: booking</h1>\n",
        "srv/www/version.txt": b"release 6\n",
    },
    {"srv/www/prices.txt": b"city bike 2 EUR an hour\n"},
    {"srv/.wh.deploy.key": b""},
)
KEY_LAYER = 2
LEAKY_CONFIG: Mapping[str, Any] = {
    "config": {"Cmd": ["httpd", "-f", "-p", "8080", "-h", "/srv/www"]},
    "history": [
        {"created_by": "FROM ecrlab/base:1 (shortened)"},
        {"created_by": "ADD release.tar /srv/"},
        {"created_by": "COPY prices.txt /srv/www/prices.txt"},
        {"created_by": "RUN rm /srv/deploy.key"},
        {"created_by": 'CMD ["httpd", "-f", "-p", "8080", "-h", "/srv/www"]', "empty_layer": True},
    ],
}

CHECKPOINTS = {
    "fresh": fresh,
    "tiny": tiny,
    "platforms": platforms,
    "by-dockerfile": by_dockerfile,
    "ordered": ordered,
    "leaky": leaky,
}


def undo(lab: LabView) -> None:
    """Write the page of `order/` as it was."""
    if lab.folder is not None and (lab.folder / "order").is_dir():
        write_order(lab, FIRST_PAGE)


# Predictions


def sent_by_both(lab: LabView) -> str | None:
    """How much the second push sent, as e5's options say it; None before both were pushed."""
    rows = at_registry(lab.rows())
    if not all(any(ok(row) and puts_manifest(row, name) for row in rows) for name in (SLOW, FAST)):
        return None
    sent = {name: sum(row["bytes_in"] for row in rows if f"/{name}/blobs/" in row["path"]) for name in (SLOW, FAST)}
    much = {name: number > 1_000_000 for name, number in sent.items()}
    return {(True, False): "a", (True, True): "b", (False, False): "c", (False, True): "d"}[much[SLOW], much[FAST]]


def latest_pulled(lab: LabView) -> str | None:
    """Which image a pull without a tag brought, as e9's options say it; None before somebody asked for it."""
    rows = [row for row in at_registry(lab.rows()) if row["method"] in ("GET", "HEAD")]
    asked = [row for row in rows if row["path"].endswith(f"/{MAPS}/manifests/latest")]
    if not asked:
        return None
    found = tags(lab, MAPS)
    if not ok(asked[-1]) or "latest" not in found:
        return "c"
    return "b" if found["latest"] == found.get("2.0") else "a"
