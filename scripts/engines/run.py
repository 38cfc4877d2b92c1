"""`make engines`: runs the solutions of every lesson, strictly, with the engines and Pythons that people have.

Usage: run.py [--cache DIR] [--again] [ROW...], as root on Debian or Ubuntu. Makes two roots (Debian trixie and sid)
once, by mmdebstrap from the mirror that apt on this machine uses, outside the checkout; then each row of ROWS in one of
them, as if on a machine of its own (enter.sh). Writes docs/engines.json (what was seen), docs/engines.md and the table
in README.md (`ecrlab_course.publish.machines`), and what docker printed into tests/course/refusals/. With the names of
rows only these are run, and the others keep what was seen of them; with --again only the pages of a row in which a cell
had failed.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as Tree
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]
SEEN = CHECKOUT / "docs" / "engines.json"
RECORDED = CHECKOUT / "tests" / "course" / "refusals"
CACHE = "/var/cache/ecrlab-engines"
USER = "learner"

COMMON = (
    "ca-certificates", "python3", "python3-venv", "git", "make", "busybox-static", "iproute2", "procps", "curl",
)  # fmt: skip
ROOTS = {
    "trixie": COMMON,
    "sid": (
        *COMMON, "docker.io", "docker-cli", "docker-buildx", "iptables", "kmod", "rootlesskit", "slirp4netns", "uidmap",
        "podman", "crun", "fuse-overlayfs", "netavark", "aardvark-dns", "nftables", "passt",
    ),
}  # fmt: skip
SIZES = "about 4 GB: two Debian systems, and the course's packages in each"

# How each engine is started; the last lines set what the lab and the recorder find.
ENGINES = {
    "none": "export ECRLAB_ENGINE=none",
    "private": "export ECRLAB_ENGINE=private",
    "containerd": """
        ip link add course0 type bridge
        dockerd --feature containerd-snapshotter=true --host unix:///run/docker.sock \\
            --data-root /var/lib/course-docker --bridge course0 --iptables=false --ip6tables=false \\
            >/tmp/dockerd.log 2>&1 &
        wait_for /run/docker.sock
        export DOCKER_HOST=unix:///run/docker.sock
    """,
    "rootless": """
        export PATH=/usr/share/docker.io/contrib:/usr/sbin:/sbin:$PATH
        DOCKERD_ROOTLESS_ROOTLESSKIT_DISABLE_HOST_LOOPBACK=false dockerd-rootless.sh >/tmp/dockerd.log 2>&1 &
        wait_for $XDG_RUNTIME_DIR/docker.sock
        export DOCKER_HOST=unix://$XDG_RUNTIME_DIR/docker.sock
    """,
    "podman": """
        python3 /course/scripts/engines/podman_socket.py $XDG_RUNTIME_DIR/podman.sock >/tmp/podman.log 2>&1 &
        wait_for $XDG_RUNTIME_DIR/podman.sock
        export DOCKER_HOST=unix://$XDG_RUNTIME_DIR/podman.sock
        # What `ecrlab podman` writes, here for every port that a test may choose.
        mkdir -p ~/.config/containers/registries.conf.d
        python -c 'from ecrlab.host import podman; print(podman.settings(range(4500, 6000)))' \\
            > ~/.config/containers/registries.conf.d/ecrlab.conf
    """,
}

PYTEST = "-c /dev/null -p no:cacheprovider -q"
PYENV = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"

INSIDE = """
set -eu
export PATH=/venv/bin:$PATH PYTHONDONTWRITEBYTECODE=1 TMPDIR=/scratch
wait_for() {
    for _ in $(seq 120); do
        [ ! -S "$1" ] || { sleep 2; return 0; }
        sleep 0.5
    done
    echo "The engine did not start:" >&2
    tail -n 20 /tmp/*.log >&2
    exit 3
}
cd /course
ENGINE
versions() {
    python -c 'import json, platform; print(json.dumps({"python": platform.python_version()}))'
    docker version --format '{{json .}}' 2>/dev/null || true
}
versions > /out/versions
if [ "$RECORD" = 1 ]; then
    export ECRLAB_HOME=/scratch/home
    ecrlab start --port 4510 >&2
    eval "$(ecrlab env)"
    python scripts/engines/refusals.py /out/refusals.toml || echo "The refusals could not be recorded." >&2
    ecrlab doctor > /out/doctor || true
    ecrlab stop >&2
    unset ECRLAB_HOME
fi
pytest PYTEST --rootdir /course --junit-xml /out/cells.xml tests/notebooks/solved.txt
"""


@dataclass(frozen=True)
class Row:
    """One machine: which root, who runs the course, which engine; ``record``: what docker prints is written down.

    Without a root it is this machine, and the Python that the row is named after has to be here: no Debian has 3.12.
    """

    name: str
    root: str
    engine: str
    user: str = USER
    record: str = ""


ROWS = (
    Row("engine-28-overlay2", "sid", "private", "root", "graph-28"),
    Row("engine-28-containerd", "sid", "containerd", "root", "containerd-28"),
    Row("rootless-28", "sid", "rootless", USER),
    Row("podman-5", "sid", "podman", USER, "podman-5"),
    Row("python-3.12", "", "none"),
    Row("python-3.13", "trixie", "none"),
    Row("python-3.14", "sid", "none"),
)


def main() -> None:
    """Run the rows that were asked for."""
    parser = argparse.ArgumentParser(description="The solutions of every lesson with the engines that people have.")
    parser.add_argument("--cache", type=Path, default=Path(os.environ.get("ECRLAB_ENGINES") or CACHE))
    parser.add_argument("--again", action="store_true", help="only the pages in which a cell failed")
    parser.add_argument("rows", nargs="*", choices=[[], *(row.name for row in ROWS)], help="default: all")
    asked = parser.parse_args()
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        sys.exit("make engines makes Debian systems and starts engines in them: it needs root, on Debian or Ubuntu.")
    cache: Path = asked.cache.resolve()
    if cache.is_relative_to(CHECKOUT):
        sys.exit(f"{cache} lies in the checkout; choose another folder with --cache or ECRLAB_ENGINES.")
    rows = [row for row in ROWS if not asked.rows or row.name in asked.rows]
    for name in dict.fromkeys(row.root for row in rows if row.root):
        make_root(cache, name)
        install(cache / name)
    for row in rows:
        before = seen_before().get(row.name, {}) if asked.again else {}
        if asked.again and not before.get("failed"):
            continue
        pages = pages_of(before.get("failed", {}))
        before = before if pages else {}  # of a row that ended before its first cell all is run
        now = run(cache / row.root, row, pages) if row.root else run_here(cache / row.name, row, pages)
        seen = seen_before() | {row.name: together(before, now)}
        SEEN.write_text(json.dumps(seen, indent=2, ensure_ascii=False, sort_keys=True) + "\n", encoding="utf-8")
    subprocess.run([sys.executable, "-m", "ecrlab_course.publish.machines", str(CHECKOUT)], check=True)
    for row in rows:
        seen_now = seen_before()[row.name]
        if "absent" in seen_now:
            print(f"{row.name}: not run, {seen_now['absent']}")
        else:
            print(f"{row.name}: {seen_now['passed']} cells passed, {len(seen_now['failed'])} failed")


def seen_before() -> dict[str, Any]:
    """Return what was seen of each row, by its name; other rows may run in another process at the same time."""
    return dict(json.loads(SEEN.read_text(encoding="utf-8"))) if SEEN.exists() else {}


def pages_of(failed: Mapping[str, str]) -> list[str]:
    """Return the names of the solved pages in which these cells are."""
    return sorted(
        path.stem
        for path in (CHECKOUT / "solutions").glob("*.ipynb")
        if failed.keys() & {cell["id"] for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]}
    )


def together(before: dict[str, Any], now: dict[str, Any]) -> dict[str, Any]:
    """Return what was seen of a whole row whose failed pages ran again: in the others every cell had passed."""
    if not before:
        return now
    total = before["passed"] + before["skipped"] + len(before["failed"])
    seconds = before["seconds"] + now["seconds"]
    return {**now, "passed": total - now["skipped"] - len(now["failed"]), "seconds": seconds}


def make_root(cache: Path, name: str) -> None:
    """Make a root, or add what it lacks; say before what it takes."""
    root, packages = cache / name, " ".join(ROOTS[name])
    listed = root / ".packages"
    if not root.is_dir():
        if not shutil.which("mmdebstrap"):
            print("Installing the package mmdebstrap.", flush=True)
            subprocess.run(["apt-get", "install", "-y", "-q", "--no-install-recommends", "mmdebstrap"], check=True)
        print(f"Making {root} ({SIZES}), once.", flush=True)
        cache.mkdir(parents=True, exist_ok=True)
        part = cache / f"{name}.part"
        shutil.rmtree(part, ignore_errors=True)
        # The signatures are looked at; the date of a mirror that lags, or of a machine whose clock leads, is not.
        options = ['--aptopt=Acquire::Check-Valid-Until "false"', '--aptopt=Acquire::Retries "5"', "--variant=minbase"]
        command = ["mmdebstrap", *options, f"--include={','.join(ROOTS[name])}", name, str(part), mirror()]
        subprocess.run(["nice", "-n", "5", *command], check=True)
        part.rename(root)
    elif not listed.exists() or listed.read_text(encoding="utf-8") != packages:
        shutil.copy("/etc/resolv.conf", root / "etc/resolv.conf")
        inside(
            root, "host", f"apt-get update -q && apt-get install -y -q --no-install-recommends {packages}", check=True
        )
    listed.write_text(packages, encoding="utf-8")


def mirror() -> str:
    """Return the address from which apt on this machine takes Debian's packages."""
    command = ["apt-get", "indextargets", "--format", "$(SITE)", "Created-By: Packages", "Origin: Debian"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    if not found:
        sys.exit("apt on this machine knows no mirror of Debian.")
    return found[0]


def copy_checkout(course: Path) -> None:
    """Copy what git knows of the checkout, and what is new in it."""
    shutil.rmtree(course, ignore_errors=True)
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=CHECKOUT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (CHECKOUT / name).is_file():
            (course / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(CHECKOUT / name, course / name)


def install(root: Path) -> None:
    """Copy the checkout into the root and install the course's packages there, as a learner's machine would."""
    course = root / "course"
    copy_checkout(course)
    for file in ("/etc/resolv.conf", "/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf"):
        if Path(file).exists():
            shutil.copy(file, root / file.lstrip("/"))
    inside(root, "host", f"id {USER} >/dev/null 2>&1 || useradd -m -s /bin/bash {USER}")
    wanted = (course / "requirements.txt").read_text(encoding="utf-8")
    kept = root / "venv" / ".requirements"
    if kept.exists() and kept.read_text(encoding="utf-8") == wanted:
        return
    settings = " ".join(f"{name}='{value}'" for name, value in os.environ.items() if name.startswith("PIP_"))
    print(f"Installing the course's packages in {root}.", flush=True)
    inside(root, "host", f"cd /course && {settings} nice -n 5 sh scripts/venv.sh python3 /venv", check=True)
    kept.write_text(wanted, encoding="utf-8")


def run(root: Path, row: Row, pages: Sequence[str]) -> dict[str, Any]:
    """Run one row, or these pages of it; return date, versions, and what passed and failed."""
    print(f"Running {row.name}{of(pages)}.", flush=True)
    out, scratch, kept = root / "out", root / "scratch", root / "home" / USER / ".local" / "share"
    for folder in (out, scratch, root / "var/lib/course-docker", kept / "containers", kept / "docker"):
        shutil.rmtree(folder, ignore_errors=True)
    for folder in (out, scratch, root / "var/lib/course-docker"):
        folder.mkdir(parents=True)
    script = INSIDE.replace("ENGINE", ENGINES[row.engine]).replace("PYTEST", f"{PYTEST} {chosen(pages)}")
    (root / "row.sh").write_text(script, encoding="utf-8")
    begin = f"export RECORD={1 if row.record else 0}; chmod 755 /course; chmod 777 /out /scratch; "
    if row.user == "root":
        begin += "bash /row.sh"
    else:
        begin += (
            f"mkdir -p /run/user/1000 && chown {row.user} /run/user/1000 && exec setpriv --reuid {row.user} --regid "
            f"{row.user} --init-groups env HOME=/home/{row.user} XDG_RUNTIME_DIR=/run/user/1000 bash /row.sh"
        )
    began = time.monotonic()
    ended = inside(root, "own", begin)
    result = {
        "date": datetime.date.today().isoformat(),
        "seconds": round(time.monotonic() - began),
        **versions(out / "versions"),
        **cells(out / "cells.xml"),
        "exit": ended,
    }
    if row.record and (out / "refusals.toml").exists():
        RECORDED.mkdir(parents=True, exist_ok=True)
        shutil.copy(out / "refusals.toml", RECORDED / f"{row.record}.toml")
    return result


def of(pages: Sequence[str]) -> str:
    """Return what to say of a run of these pages; nothing for all of them."""
    return f", of it {', '.join(pages)}" if pages else ""


def chosen(pages: Sequence[str]) -> str:
    """Return the words with which pytest runs these pages; none for all of them."""
    return f"-k '{' or '.join(pages)}'" if pages else ""


def run_here(folder: Path, row: Row, pages: Sequence[str]) -> dict[str, Any]:
    """Run a row on this machine, with its own Python and the stand-in; return as `run` does."""
    print(f"Running {row.name}{of(pages)}.", flush=True)
    name = row.name.replace("-", "")
    found = python_here(name)
    if not found:
        return {"absent": f"there is no {name} here"}
    copy_checkout(folder / "course")
    scratch = folder / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    course, python = folder / "course", folder / "venv" / "bin" / "python"
    subprocess.run(["sh", "scripts/venv.sh", found, str(folder / "venv")], cwd=course, check=True)
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "ECRLAB_", "DOCKER_"))}
    environ |= {"ECRLAB_ENGINE": "none", "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": str(scratch)}
    command = ["nice", "-n", "5", str(python), "-m", "pytest", *PYTEST.split(), *shlex.split(chosen(pages))]
    command.append(f"--junit-xml={scratch}/cells.xml")
    began = time.monotonic()
    ended = subprocess.run(
        [*command, "--rootdir", ".", "tests/notebooks/solved.txt"], cwd=course, env=environ, check=False
    )
    version = subprocess.run([str(python), "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
    return {
        "date": datetime.date.today().isoformat(),
        "seconds": round(time.monotonic() - began),
        "python": version,
        **cells(scratch / "cells.xml"),
        "exit": ended.returncode,
    }


def python_here(name: str) -> str:
    """Return the path of this machine's python3.12 or the like, pyenv's included; "" when there is none that runs."""
    for path in (*sorted(map(str, PYENV.glob(f"{name.removeprefix('python')}.*/bin/{name}"))), shutil.which(name)):
        if path and subprocess.run([path, "-V"], capture_output=True, check=False).returncode == 0:
            return path
    return ""


def inside(root: Path, net: str, script: str, check: bool = False) -> int:
    """Run a line of sh in the root; return its exit code. Raises when that is not 0 and ``check`` is true."""
    command = ["nice", "-n", "5", str(HERE / "enter.sh"), str(root), net, "sh", "-c", script]
    return subprocess.run(command, stdin=subprocess.DEVNULL, check=check).returncode


def versions(file: Path) -> dict[str, str]:
    """Return the versions of Python, the docker command and the engine."""
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []
    found = {"python": str(lines[0]["python"])} if lines else {}
    if len(lines) > 1 and lines[1].get("Server"):
        first = (
            lines[1]["Server"].get("Components") or [{"Name": "Engine", "Version": lines[1]["Server"]["Version"]}]
        )[0]
        found |= {"docker": lines[1]["Client"]["Version"], "engine": f"{first['Name']} {first['Version']}"}
    return found


def cells(file: Path) -> dict[str, Any]:
    """Return how many cells passed, and what the others said; a cell behind a failed one is skipped."""
    if not file.exists():
        return {"passed": 0, "skipped": 0, "failed": {"(no cell ran)": "see the row's output"}}
    cases = Tree.parse(file).getroot().iter("testcase")
    failed, passed, skipped = {}, 0, 0
    for case in cases:
        trouble = case.find("failure") if case.find("failure") is not None else case.find("error")
        if trouble is not None:
            failed[str(case.get("name"))] = _plain(trouble.text or trouble.get("message") or "")
        elif case.find("skipped") is not None:
            skipped += 1
        else:
            passed += 1
    return {"passed": passed, "skipped": skipped, "failed": failed}


def _plain(text: str) -> str:
    """Return what nbval says, without colours and without the cell's source, which it repeats."""
    text = re.sub(r"#x1B\[[0-9;]*m|\x1b\[[0-9;]*m", "", text)
    return text.partition("Traceback:")[2].strip()[-1500:] or text[-1500:]


if __name__ == "__main__":
    main()
