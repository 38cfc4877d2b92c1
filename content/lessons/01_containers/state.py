"""Lesson 01: its checkpoints, and what several of its exercises look at or try.

Most of it happens in the engine, of which the X-ray knows nothing: what a cell printed is what a guess is compared
with, live or from the recording.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Callable
from pathlib import Path

from ecrlab.engine.hello_program import hello_program
from ecrlab_course.authoring.staging import made
from ecrlab_course.documents.lab_view import LabView

APP = "my-web-app"
NOTICE = "Closed on Sunday"
CONTAINERS = ("web1", "web2", "web-node", "greedy", "board", "board-rehearsal")
DEAD = ("one", "two", "three", "four", "five", "six")
VOLUMES = ("harbour-notes", "closing")
FILES = Path(__file__).parent / "files"
OURS = re.compile(r"(localhost:\d+/)?(my-web-app|harbour|ecrlab)\b.*")
"""The names of the images that the lesson's containers are made from."""


# Building the places of the lesson


def has_engine(lab: LabView) -> bool:
    """Tell whether containers can be started here."""
    return lab.engine != "none"


def remove(lab: LabView, *names: str) -> list[str]:
    """Remove these containers with the volumes that have no name, where the lesson made them; return whose it did not.

    The engine may be the learner's own, where a container of the same name may be theirs. The lesson's are made from
    its images, or from an image that somebody built on the course's base.
    """
    if not has_engine(lab):
        return []
    form = "{{.Name}} {{.Image}} {{.Config.Image}}"
    _, said = lab.sh(f"docker container inspect -f '{form}' {' '.join(names)}")
    found = [line.removeprefix("/").split() for line in said.splitlines() if line.startswith("/")]
    base = _layers(lab, "ecrlab/base:1") if found else []
    ours, others = list[str](), list[str]()
    for name, image, called in found:
        made_here = OURS.fullmatch(called) or (base and _layers(lab, image)[: len(base)] == base)
        (ours if made_here else others).append(name)
    if ours:
        lab.sh(f"docker rm -f -v {' '.join(ours)} > /dev/null 2>&1 || true")
    return others


def _layers(lab: LabView, image: str) -> list[str]:
    """Return the layers of an image, lowest first; nothing where it is gone."""
    _, said = lab.sh(f"docker image inspect -f '{{{{json .RootFS.Layers}}}}' {image}")
    found = [line for line in said.splitlines() if line.startswith('["')]
    return [str(layer) for layer in json.loads(found[0])] if found else []


def remove_volumes(lab: LabView) -> None:
    """Remove the lesson's volumes: those of its names that are empty or hold its page."""
    if not has_engine(lab):
        return
    for name in VOLUMES:
        # The container only starts where the volume is there: else it would make it.
        lab.sh(
            f"""docker volume inspect {name} > /dev/null 2>&1 || exit 0
            docker run --rm --network none -v {name}:/seen:ro ecrlab/base:1 sh -c \
              'test -z "$(ls -A /seen)" || grep -q -e "Harbour Bikes" -e "{NOTICE}" /seen/index.html' \
              > /dev/null 2>&1 && docker volume rm -f {name} > /dev/null 2>&1 || true"""
        )


def build(lab: LabView, version: str) -> None:
    """Build the page as my-web-app:VERSION, from a copy: the learner's files stay as they are."""
    made(
        lab,
        f"""copy=$(mktemp -d); trap 'rm -rf "$copy"' EXIT
        cp -r my-web-app/. "$copy"; echo '{version}' > "$copy/www/version.txt"
        docker build -q -t '{APP}:{version}' "$copy" 2>&1""",
    )


def fresh(lab: LabView) -> None:
    """The page is built, in two versions, and no container of this lesson runs."""
    others = remove(lab, *CONTAINERS, *DEAD)
    if others:
        names = ", ".join(others)
        raise RuntimeError(
            f"This engine has a container that this lesson did not make, and the lesson needs its name: {names}. "
            f"It was left alone. Give it another name, then try again: docker rename {others[0]} my-{others[0]}"
        )
    assert lab.folder is not None
    processor = "arm64" if architecture(lab) == "arm64" else "amd64"
    program = lab.folder / "harbour" / "hello"
    program.parent.mkdir(exist_ok=True)
    program.write_bytes(hello_program("arm64" if processor == "arm64" else "amd64"))
    program.chmod(0o755)
    (lab.folder / "box").mkdir(exist_ok=True)
    for version in ("1.0", "2.0"):
        build(lab, version)
    made(lab, "docker build -q -t harbour:1 harbour 2>&1")


def architecture(lab: LabView) -> str:
    """Return the processor of the base image, by docker's word for it."""
    _, said = lab.sh("docker image inspect -f '{{.Architecture}}' ecrlab/base:1")
    return str(said).strip()


def web1(lab: LabView) -> None:
    """The page is served by the container `web1`; with an engine, that is."""
    fresh(lab)
    run(lab, "web1", "--hostname web1")


def two(lab: LabView) -> None:
    """Two containers of one image: `web1` has Aiko's notice on its page, `web2` has not."""
    web1(lab)
    run(lab, "web2")
    if has_engine(lab):
        made(lab, f"docker exec web1 sh -c 'echo \"<p>{NOTICE}</p>\" >> /www/index.html'")


def end(lab: LabView) -> None:
    """What the lesson leaves: images, and no container."""
    fresh(lab)


def run(lab: LabView, name: str, options: str = "", image: str = f"{APP}:1.0", command: str = "") -> None:
    """Start a container in the background, where there is an engine."""
    if has_engine(lab):
        made(lab, f"docker run -d --name {name} {options} {image} {command} 2>&1")


CHECKPOINTS = {"fresh": fresh, "web1": web1, "two": two, "end": end}


def undo(lab: LabView) -> None:
    """Remove the lesson's containers and its volumes."""
    remove(lab, *CONTAINERS, *DEAD, "start")
    remove_volumes(lab)


# What a cell printed


def printed(lab: LabView, part: str) -> str | None:
    """Return what the last cell printed that holds these words, live or recorded; None before one ran."""
    found = [run.output for run in lab.transcripts if part in run.script]
    return found[-1] if found else None


def seen_in(part: str, *words: tuple[str, str]) -> Callable[[LabView], str | None]:
    """Return a function that looks into what the cell with `part` printed: the key of the first pattern that fits."""

    def observe(lab: LabView) -> str | None:
        output = printed(lab, part)
        if output is None:
            return None
        return next((key for pattern, key in words if re.search(pattern, output)), None)

    return observe


g4_seen = seen_in("ecrlab host ps", (r"^ *1 .*httpd", "a"), (r"\d+ .*httpd", "b"), (r"\A\s*\Z", "c"))
g5_seen = seen_in("Dockerfile.short", ("libstdc", "c"), (r"v\d+\.", "a"))
g6_seen = seen_in("unshare", ("by-hand", "c"))
g7_seen = seen_in("mount -t tmpfs", ("permission denied", "c"), (r"\A\s*0\s*\Z", "a"))
g9_seen = seen_in("harbour-notes:/www my-web-app:2.0", (r"2\.0\s+1\.0", "b"), (r"2\.0\s+2\.0", "a"))
g12_seen = seen_in("conv=notrunc", ("(?i)format error", "c"), ("Harbour Bikes", "d"))


def g8_seen(lab: LabView) -> str | None:
    """Return where the notice was: after stop and start, and after the container was made again."""
    output = printed(lab, "docker stop -t 1 web1")
    if output is None or output.count("\n") < 2:
        return None
    stopped, removed = (NOTICE in line for line in output.strip().splitlines()[-2:])
    return {(True, True): "a", (True, False): "b", (False, True): "c", (False, False): "d"}[stopped, removed]


def g10_seen(lab: LabView) -> str | None:
    """Return whether `free` named the ration or the machine's memory."""
    output = printed(lab, "free | head")
    found = re.search(r"Mem: +(\d+)", output or "")
    if found is None:
        return None
    return "c" if int(found[1]) > 100_000 else "a"


def g11_seen(lab: LabView) -> str | None:
    """Return how long the stop took, and its code."""
    output = printed(lab, "docker stop -t 2 web2")
    found = re.search(r"(\d+)[.,]\d+ seconds[\s\S]*?(\d+) (?:true|false)", output or "")
    if found is None:
        return None
    late, killed = int(found[1]) >= 2, found[2] == "137"
    return {(False, False): "a", (False, True): "b", (True, False): "c", (True, True): "d"}[late, killed]


# What is in an image


def saved(lab: LabView, image: str = f"{APP}:1.0") -> bytes:
    """Return an image as `docker save` writes it; raises RuntimeError."""
    made(lab, f"docker save {image} -o .saved.tar")
    assert lab.folder is not None
    path = lab.folder / ".saved.tar"
    try:
        return path.read_bytes()
    finally:
        path.unlink()


def members(archive: bytes) -> list[list[tarfile.TarInfo]]:
    """Return what is in each layer of a saved image, lowest first."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as outer:

        def read(name: str) -> bytes:
            file = outer.extractfile(name)
            assert file is not None
            return file.read()

        found = []
        for name in json.loads(read("manifest.json"))[0]["Layers"]:
            with tarfile.open(fileobj=io.BytesIO(read(name))) as layer:
                found.append(layer.getmembers())
        return found
