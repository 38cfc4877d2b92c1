"""How a container of start/ really ends: built, started and removed, where an engine is."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace

from ecrlab_course.documents.lab_view import LabView

from .start_script import RUNS, Ending

BROKEN = "#!/bin/sh\nexit 1\n"
"""A script in the place of his: what serves then, is not his script."""


def ended(reading: Ending, lab: LabView) -> Ending:
    """Try it, and return how it ended: why, where the reading found that."""
    real = tried(lab)
    if not real.fault:
        return _served(reading, lab)
    if reading.fault in ("", "cannot-tell") or _stage(reading) != _stage(real):
        return real
    if reading.fault == "no-build":
        return reading
    return replace(reading, code=real.code, said=real.said or reading.said, status=real.status)


def _served(reading: Ending, lab: LabView) -> Ending:
    """Return that it serves; whose work that is, is tried where the reading did not find it."""
    if reading.fault in ("", "short-lived"):
        return reading
    assert lab.folder is not None
    copy = lab.folder / ".start-without"
    shutil.rmtree(copy, ignore_errors=True)
    try:
        shutil.copytree(lab.folder / "start", copy, ignore=shutil.ignore_patterns(copy.name))
        for script in copy.rglob("start.sh"):
            script.write_text(BROKEN)
        return Ending(own=bool(tried(lab, copy.name).fault))
    finally:
        shutil.rmtree(copy, ignore_errors=True)


def _stage(ending: Ending) -> str:
    """Return how far it came: not built, not living, running."""
    if ending.fault == "no-build":
        return "unbuilt"
    return "running" if ending.fault in RUNS else "ended"


def tried(lab: LabView, folder: str = "start") -> Ending:
    """Build what lies there, start it, fetch the page, and remove both: how it really ended."""
    name = "ecrlab-start-check"
    _, output = lab.sh(
        f"""exec 2>&1
        docker rm -f -v {name} > .start-check 2>&1 || true
        docker build -q -t {name} {folder} > .start-check 2>&1 || {{ echo "unbuilt|$(tail -1 .start-check)"; exit 0; }}
        docker run -d --name {name} {name} > .start-check 2>&1 || true
        for each in 1 2 3 4 5 6; do
          docker exec {name} wget -q -O - http://127.0.0.1:8080/ > .start-page 2>&1 && break
          sleep 0.2
        done
        docker inspect -f '{{{{.State.Status}}}}|{{{{.State.ExitCode}}}}|' {name}
        grep -q 'Harbour Bikes' .start-page && echo 'page|'
        {{ grep -v 'docker run --help\\|IPv4\\|^[0-9a-f]*$' .start-check || true; docker logs {name}; }} | tail -1
        docker rm -f -v {name} > .start-check 2>&1
        docker rmi -f {name} > .start-check 2>&1
        rm -f .start-check .start-page""",
        timeout=60,
    )
    lines = [line for line in re.sub(r"\x1b\[[\d;]*m", "", output).splitlines() if line.strip()]
    if lines and lines[0].startswith("unbuilt|"):
        return Ending("no-build", said=lines[0].partition("|")[2])
    said = lines[-1] if lines else ""
    if any(line == "page|" for line in lines):
        return Ending()
    status, _, code = (
        next((line for line in lines if re.fullmatch(r"\w+\|\d+\|", line)), "||").rstrip("|").partition("|")
    )
    number = int(code or 1)
    if status == "running":
        return Ending("no-server", number, said, status=status)
    if status == "created":
        return Ending("not-executable" if "permission denied" in said else "no-such-file", number, said)
    return Ending("in-the-background" if number == 0 else "unknown-word", number, said, status=status)
