"""How long a first start takes, alone and with a whole class at the same moment on one machine.

A start is the command `ecrlab start` in a new home without an engine, from nothing to a lab that answers; `serve` is
ready when the control interface answers. Usage: .venv/bin/python bench/starts.py [--class 12] [--rounds 7] [--write]
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from results import record

from ecrlab.client import LabClient, LabError
from ecrlab.home import Home
from ecrlab.host import launch

HEADING = "# Starts"
ECRLAB = str(Path(sys.executable).with_name("ecrlab"))


def start(home: Home) -> float:
    """Return the seconds that `ecrlab start` takes."""
    began = time.perf_counter()
    subprocess.run([ECRLAB, "start", "--home", str(home.path)], check=True, capture_output=True)
    took = time.perf_counter() - began
    assert LabClient(home).status()["home"] == str(home.path)
    return took


def serve(home: Home) -> float:
    """Return the seconds from the command `ecrlab serve` to its first answer; the server is ended then."""
    began = time.perf_counter()
    command = [ECRLAB, "serve", "--home", str(home.path), "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        while time.perf_counter() - began < 120:
            try:
                LabClient(home).status()
                return time.perf_counter() - began
            except LabError:
                time.sleep(0.005)
    finally:
        server.terminate()
        server.wait(30)
    raise SystemExit("ecrlab serve does not answer")


def together(homes: list[Home]) -> tuple[float, list[float]]:
    """Start labs at the same moment; return the seconds until the last one runs, and those of each."""
    began = time.perf_counter()
    with ThreadPoolExecutor(len(homes)) as room:
        each = list(room.map(start, homes))
    return time.perf_counter() - began, each


def row(name: str, seconds: list[float]) -> str:
    """Return a line of the table: median and range."""
    return f"| {name} | {statistics.median(seconds):.1f} s | {min(seconds):.1f} to {max(seconds):.1f} s |"


def main() -> None:
    """Measure, print, and with --write record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--class", dest="size", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="write a part of bench/RESULTS.md")
    options = parser.parse_args()
    os.environ["ECRLAB_ENGINE"] = "none"
    before = os.getloadavg()[0]
    scratch = Path(tempfile.mkdtemp(prefix="ecrlab-starts-"))
    homes = [Home(scratch / f"learner-{number}") for number in range(options.size)]
    alone = [Home(scratch / f"alone-{number}") for number in range(options.rounds)]
    try:
        lines = [
            row("`ecrlab serve`, a new home, until it answers", [serve(home) for home in alone]),
            row("`ecrlab serve`, a home that ran before", [serve(home) for home in alone]),
        ]
        fresh = [Home(scratch / f"fresh-{number}") for number in range(options.rounds)]
        took = []
        for home in fresh:
            took.append(start(home))
            launch.stop(home)
        lines.append(row("`ecrlab start`, a new home", took))
        for name in ("first starts", "starts again after a stop"):
            last, each = together(homes)
            lines.append(row(f"{options.size} {name} at the same moment, each", each))
            lines.append(f"| {options.size} {name} at the same moment, until all run | {last:.1f} s | |")
            for home in homes:
                launch.stop(home)
    finally:
        for home in homes:
            launch.stop(home)
        shutil.rmtree(scratch)
    text = "\n".join(
        [
            HEADING,
            "",
            "Written by `python bench/starts.py --write`. Medians and ranges; alone: of "
            f"{options.rounds} homes. Labs without an engine, all on one machine.",
            f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, Python {platform.python_version()}, load average "
            f"before and after {before:.1f} and {os.getloadavg()[0]:.1f} (above the number of cores, others work on it "
            "too).",
            "",
            "| measure | median | range |",
            "|---|---|---|",
            *lines,
        ]
    )
    print(text)
    if options.write:
        record(text)


if __name__ == "__main__":
    main()
