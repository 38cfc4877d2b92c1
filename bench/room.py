"""What one learner needs: memory and disk, measured after the solved lessons ran beside a JupyterLab.

Starts a course of its own (home and folder in a temporary folder), runs every solved notebook in its lab, and prints
resident memory (RSS: what is shared counts in each process) and the size of what was written. Linux only; minutes.
Usage: .venv/bin/python bench/room.py [LAB_PORT]
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbclient
import nbformat

from ecrlab_course.authoring.content import course
from ecrlab_course.start import free_port


def memory(pid: int) -> float:
    """Return the resident memory of a process in MB; 0 when it is gone."""
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"^VmRSS:\s+(\d+) kB", text, re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def processes(word: str, within: str) -> list[int]:
    """Return the ids of processes whose command line holds both words."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if word in line and within in line:
            found.append(int(folder.name))
    return found


def size(folder: Path) -> float:
    """Return what a folder takes on the disk, in MB."""
    answer = subprocess.run(["du", "-sxk", str(folder)], capture_output=True, text=True, check=False)
    return int(answer.stdout.split()[0]) / 1024 if answer.stdout else 0.0


def kernel(path: Path, folder: Path) -> float:
    """Run a solved notebook; return its kernel's memory at the end, in MB."""
    book = nbformat.read(path, as_version=4)
    client = nbclient.NotebookClient(
        book, timeout=300, allow_errors=True, resources={"metadata": {"path": str(folder)}}
    )
    with client.setup_kernel():
        for index, cell in enumerate(book.cells):
            client.execute_cell(cell, index)
        return memory(client.km.provisioner.pid)


def main() -> None:
    """Measure, and print a table."""
    lab_port = sys.argv[1] if len(sys.argv) > 1 else str(free_port(5330))
    root = course().root
    scratch = Path(tempfile.mkdtemp(prefix="ecrlab-room-"))
    home, work = scratch / "home", scratch / "work"
    os.environ.update(ECRLAB_HOME=str(home), ECRLAB_NO_BROWSER="1")
    log = scratch / "start.log"
    command = [str(Path(sys.executable).with_name("ecrlab_course")), "start", "--lab-port", lab_port]
    with log.open("wb") as output:
        room = subprocess.Popen(
            [*command, "--port", str(free_port(5340)), "--work", str(work)],
            stdout=output, stderr=output, start_new_session=True,
        )  # fmt: skip
    try:
        until = time.monotonic() + 120
        while "token=" not in log.read_text():
            if time.monotonic() > until or room.poll() is not None:
                sys.exit(log.read_text())
            time.sleep(0.2)
        rows = []
        fresh = sum(memory(pid) for pid in processes("ecrlab.server", str(home)))
        rows.append(("lab process, just started", fresh))
        for source in course().sources.values():
            for page in source.pages:
                used = kernel(root / "solutions" / f"{page.solved}.ipynb", (work / page.opens).parent)
                rows.append((f"kernel after {page.solved}", used))
        rows.append(
            ("lab process, after all of them", sum(memory(pid) for pid in processes("ecrlab.server", str(home))))
        )
        rows.append(("JupyterLab", sum(memory(pid) for pid in processes("ecrlab_course.start", str(work)))))
        engine = {*processes("dockerd", str(home)), *processes("containerd", str(home))}
        rows.append(("the lab's own engine (dockerd, containerd)", sum(memory(pid) for pid in engine)))
        for name, value in rows:
            print(f"{name:<48}{value:7.0f} MB")
    finally:
        room.send_signal(signal.SIGINT)
        room.wait(60)
    for name, folder in ((".venv", root / ".venv"), (".ecrlab after them", home), ("work", work)):
        print(f"disk: {name:<42}{size(folder):7.0f} MB")
    shutil.rmtree(scratch)


if __name__ == "__main__":
    main()
