"""What runs where: docs/engines.md and README's table, made from what `make engines` saw and what CI runs.

`docs/engines.json` is what was seen (scripts/engines/run.py writes it); MACHINES says of each row of README's table
which runs speak for it. A row that none speaks for says so.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ecrlab_course.documents.lab_view import Engine
from ecrlab_course.toolbox.refusals import ENGINES, refusals

PAGE = "docs/engines.md"
SEEN = "docs/engines.json"
BEGIN, END = "<!-- made by: ecrlab_course.publish.machines -->", "<!-- end -->"

ON_EVERY_CHANGE = "tested on every change"
UNTESTED = "untested"


@dataclass(frozen=True)
class Machine:
    """A row of README's table: ``state`` is said as it stands, ``runs`` are rows of `make engines` that are added."""

    where: str
    engine: str
    state: str = ""
    runs: tuple[str, ...] = ()


MACHINES = (
    Machine("Linux (Debian 12), root, no engine there", "the lab's own dockerd 20.10", ON_EVERY_CHANGE),
    Machine("Linux, root, no engine there", "the lab's own dockerd 28 (overlay2)", runs=("engine-28-overlay2",)),
    Machine(
        "Linux, engine found by `DOCKER_HOST` or docker context",
        "yours",
        "dockerd 20.10, docker CLI 28: on every change",
    ),
    Machine(
        "Linux, an engine with the containerd image store (the default of Engine 29 and Docker Desktop)",
        "yours",
        runs=("engine-28-containerd",),
    ),
    Machine("Linux, rootless Docker, with host loopback allowed", "yours", runs=("rootless-28",)),
    Machine(
        "Linux, rootless Docker as it comes",
        "the stand-in; the lab says the one setting that changes it",
        "tried by hand with Engine 28.5",
    ),
    Machine("Linux, Podman's Docker-compatible socket, with the docker command", "yours", runs=("podman-5",)),
    Machine(
        "Linux, without an engine (`ECRLAB_ENGINE=none`)", "none: a stand-in builds, pushes and pulls", ON_EVERY_CHANGE
    ),
    Machine("macOS with Docker Desktop, Colima, Rancher Desktop, OrbStack", "yours", UNTESTED),
    Machine(
        "An engine in a network of its own, reached through the lab's relay container",
        "yours",
        "dockerd 20.10 in a network namespace: on every change; untested on Docker Desktop itself",
    ),
    Machine("Windows with WSL 2", "as Linux", "untested; Windows without WSL does not work"),
    Machine(
        "macOS with an Intel processor",
        "yours",
        "untested; every pinned package has a wheel there (`make lock` checks)",
    ),
    Machine(
        "GitHub Codespaces, VS Code dev container",
        "docker-in-docker",
        "untested there; that JupyterLab takes requests from the forwarded address, and from no other, is tested",
    ),
    Machine("Binder", "none", "untested there; its steps after the packages are tested as an ordinary user"),
    Machine(
        "A class on Kubernetes (zero-to-jupyterhub)",
        "none",
        "never run on a cluster; every change validates the learner's pod and the board against Kubernetes' schema",
    ),
    Machine("Python 3.11", "any of these", ON_EVERY_CHANGE),
    Machine("Python 3.12", "any of these", runs=("python-3.12",)),
    Machine("Python 3.13", "any of these", runs=("python-3.13",)),
    Machine("Python 3.14", "any of these", runs=("python-3.14",)),
    Machine(
        "conda, by `environment.yml`",
        "any of these",
        "untested; the versions are held equal to `requirements.txt` by a test",
    ),
)

RUNS = {
    "engine-28-overlay2": "Debian sid, as root: the lab's own engine, with overlay2",
    "engine-28-containerd": "Debian sid, as root: an engine with the containerd image store",
    "rootless-28": "Debian sid, as a user: rootless Docker, host loopback allowed; through the lab's relay",
    "podman-5": "Debian sid, as a user: Podman's socket, docker's command; `ecrlab podman` has written its file",
    "python-3.12": "Debian bookworm, where a Python 3.12 beside Debian's own was found: no engine, the stand-in",
    "python-3.13": "Debian trixie, as a user: no engine, the stand-in",
    "python-3.14": "Debian sid, as a user: no engine, the stand-in",
}
"""The rows of `make engines`, in the order of the page."""


def seen(root: Path) -> dict[str, dict[str, Any]]:
    """Return what `make engines` saw, by row; {} when it never ran."""
    path = root / SEEN
    found: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return found


def result(run: dict[str, Any] | None) -> str:
    """Return how a run ended, in a few words."""
    if run is None or "absent" in run:
        return f"{UNTESTED}: {run['absent']}" if run else UNTESTED
    if run["failed"]:
        return (
            f"{len(run['failed'])} of {run['passed'] + len(run['failed'])} cells fail, see [engines](docs/engines.md)"
        )
    return f"every lesson's solution passes, {run['passed']} cells"


def table(root: Path) -> str:
    """Return README's table."""
    runs = seen(root)
    lines = ["| where | engine | state |", "|---|---|---|"]
    for machine in MACHINES:
        said = [machine.state] if machine.state else []
        for run in map(runs.get, machine.runs):
            dated = f" ({_with(run)}, {run['date']})" if run is not None and "date" in run else ""
            said.append(result(run) + dated)
        lines.append(f"| {machine.where} | {machine.engine} | {'; '.join(said)} |")
    return "\n".join(lines)


def page(root: Path) -> str:
    """Return docs/engines.md."""
    runs = seen(root)
    lines = [
        "# Engines and Pythons that the course was run with",
        "",
        "`make engines` makes Debian systems, starts an engine in each as its users have it, without any way to the "
        "internet, and runs the solution of every lesson and lab strictly: each cell must do what it did here, but for "
        "outputs that differ by nature. This page is made from what it saw last; do not edit it.",
        "",
        "| run | date | with | result | seconds |",
        "|---|---|---|---|---|",
    ]
    for name, words in RUNS.items():
        run = runs.get(name)
        if run is None or "absent" in run:
            lines.append(f"| {words} | | | {result(run)} | |")
            continue
        ended = result(run).replace(", see [engines](docs/engines.md)", "")
        lines.append(f"| {words} | {run['date']} | {_with(run)} | {ended} | {run['seconds']} |")
    failing = {name: run["failed"] for name, run in runs.items() if run.get("failed")}
    if failing:
        lines += ["", "## What failed", ""]
        for name, cells in failing.items():
            lines += [f"- **{name}**, cell `{cell}`: {_line(text)}" for cell, text in cells.items()]
    lines += [
        "",
        "## What each engine prints when a registry refuses",
        "",
        "The same refusal reads differently from engine to engine; … stands for names, addresses and digests. This is "
        "`src/ecrlab_course/toolbox/refusals.toml`, held against what was recorded from each engine "
        "(`tests/course/refusals/`).",
        "",
    ]
    shown: tuple[Engine, ...] = ("graph", "containerd", "podman")
    for refusal in refusals().values():
        lines += [f"**{refusal.what[0].upper()}{refusal.what[1:]}**", ""]
        lines += [f"- {ENGINES[engine]}: `{refusal.text(engine)}`" for engine in shown]
        lines += ["", f"In the X-ray: `{refusal.sentence}`", ""]
    return "\n".join(lines).rstrip() + "\n"


def readme(root: Path) -> str:
    """Return README.md with the table brought up to date. Raises ValueError when its marks are gone."""
    text = (root / "README.md").read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"README.md lacks the lines {BEGIN} and {END}, between which its table of machines stands.")
    return f"{before}{BEGIN}\n{table(root)}\n{END}{after}"


def _with(run: dict[str, Any]) -> str:
    docker = f"{run['engine']}, docker {run['docker']}, " if "engine" in run else ""
    return f"{docker}Python {run.get('python', '?')}"


def _line(text: str) -> str:
    return " ".join(text.split())[:300]


def write(root: Path) -> None:
    """Write docs/engines.md and README's table."""
    (root / PAGE).write_text(page(root), encoding="utf-8")
    (root / "README.md").write_text(readme(root), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1] if len(sys.argv) > 1 else "."))
