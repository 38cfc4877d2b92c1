"""A class of a thousand on one board: reports at their real beat, three instructors' pages; bounded, on this computer.

    .venv/bin/python bench/board.py [LEARNERS [SECONDS [SPEED...]]]

Prints how long reports and the page's state took, and what the board used. SPEED 6: six times as many reports. Linux.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import random
import re
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
from results import record

from ecrlab.ports import any_port
from ecrlab_course.documents.misconceptions import MISCONCEPTIONS
from ecrlab_course.sharing.report import Report, Shared
from ecrlab_course.sharing.reporter import BEAT

HEADING = "# The board of a thousand"
EXERCISES = [f"0{lesson}-e{number}" for lesson in (0, 4, 6) for number in range(1, 12)]
FIRST = 15.0
"""Seconds that are not counted: the board reads the documents of a lesson when it first has to name one."""
BELIEFS = list(MISCONCEPTIONS)[:12]


class Times:
    """How long requests took, in seconds, and how many failed."""

    def __init__(self) -> None:
        self.reports: list[float] = []
        self.states: list[float] = []
        self.largest = 0
        self.failed = 0
        self.join = 0.0
        self.slowest_at_first = 0.0
        self.counted_from = 0.0

    def note(self, kind: list[float], began: float) -> None:
        """Note a request that has its answer; of those of the first seconds the slowest alone."""
        took = time.perf_counter() - began
        if time.monotonic() < self.counted_from:
            self.slowest_at_first = max(self.slowest_at_first, took)
        else:
            kind.append(took)


async def joined(session: aiohttp.ClientSession, url: str, code: str) -> dict[str, str]:
    """Join the class; return the headers of a learner's reports."""
    async with session.post(f"{url}join", json={"code": code}) as answer:
        return {"Authorization": f"Bearer {(await answer.json())['token']}"}


async def learner(
    session: aiohttp.ClientSession, url: str, headers: dict[str, str], until: float, speed: float, times: Times
) -> None:
    """Report as a learner does who has a verdict at every second beat: far more than anybody."""
    kept: dict[str, Shared] = {}
    place = 0
    await asyncio.sleep(random.random() * BEAT / speed)
    while time.monotonic() < until:
        news: dict[str, Shared] = {}
        if random.random() < 0.5:
            name, now = EXERCISES[place % len(EXERCISES)], datetime.now(UTC).isoformat(timespec="seconds")
            record: Any = dict(kept.get(name, {"tries": 0}))
            record |= {"tries": record["tries"] + 1, "last": now}
            if random.random() < 0.6:
                record |= {"outcome": "passed", "passed": now}
                place += 1
            else:
                record |= {"outcome": "not yet", "misconception": random.choice(BELIEFS)}
            kept[name] = news[name] = record
        body = Report(datetime.now(UTC), "04", 1.0, random.random() < 0.01, records=news).body()
        began = time.perf_counter()
        try:
            async with session.post(f"{url}report", json=body, headers=headers) as answer:
                await answer.read()
                times.failed += answer.status != 200
        except (aiohttp.ClientError, TimeoutError):
            times.failed += 1
        times.note(times.reports, began)
        await asyncio.sleep(BEAT / speed)


async def instructor(url: str, key: str, until: float, times: Times) -> None:
    """Look at the board every two seconds, as the page does."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        async with session.get(url, params={"key": key}) as answer:
            assert answer.status == 200
        while time.monotonic() < until:
            began = time.perf_counter()
            async with session.get(f"{url}state", params={"rows": "1"}) as answer:
                text = await answer.read()
                times.failed += answer.status != 200
            times.note(times.states, began)
            times.largest = max(times.largest, len(text))
            await asyncio.sleep(2)


async def drive(url: str, key: str, code: str, learners: int, seconds: float, speed: float) -> Times:
    """Let all join at the same moment, then drive the board; return what was measured, FIRST aside."""
    times = Times()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=200)) as session:
        began = time.monotonic()
        them = await asyncio.gather(*(joined(session, url, code) for _ in range(learners)))
        times.join = time.monotonic() - began
        times.counted_from = time.monotonic() + FIRST
        until = times.counted_from + seconds
        everybody = [learner(session, url, headers, until, speed, times) for headers in them]
        await asyncio.gather(*everybody, *(instructor(url, key, until, times) for _ in range(3)))
    return times


def at(values: list[float], share: float) -> float:
    """Return the value, in ms, below which that share of all lies."""
    return sorted(values)[min(len(values) - 1, int(len(values) * share))] * 1000


def spent(pid: int) -> float:
    """Return the processor seconds that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def most_memory(pid: int) -> float:
    """Return the most memory that a process had, in MB."""
    found = re.search(r"^VmHWM:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) / 1024 if found else 0.0


def measure(learners: int, seconds: float, speed: float) -> tuple[str, ...]:
    """Start a board, drive it, end it; return the cells of the table's row."""
    with tempfile.TemporaryDirectory() as folder:
        log, port = Path(folder) / "log", any_port()
        words = [sys.executable, "-u", "-m", "ecrlab_course", "board", "--port", str(port), "--folder", folder]
        with log.open("wb") as output:
            board = subprocess.Popen(words, stdout=output, stderr=subprocess.STDOUT)
        try:
            while not (found := re.search(r'key=(\w+)[\s\S]+lab\.join\("\S+", "(\S+)"\)', log.read_text())):
                assert board.poll() is None, log.read_text()
                time.sleep(0.1)
            url, before = f"http://127.0.0.1:{port}/", spent(board.pid)
            times = asyncio.run(drive(url, found[1], found[2], learners, seconds, speed))
            used, most = spent(board.pid) - before, most_memory(board.pid)
        finally:
            board.terminate()
            board.wait(20)
    return (
        f"{learners:,} learners, {seconds:g} s, {speed:g} x the beat",
        f"{times.join:.1f} s",
        f"{len(times.reports) / seconds:.0f}",
        f"{times.failed}",
        f"{at(times.reports, 0.5):.1f} / {at(times.reports, 0.99):.0f} ms",
        f"{at(times.states, 0.5):.0f} / {at(times.states, 0.99):.0f} ms",
        f"{times.largest / 1024:.0f} kB",
        f"{times.slowest_at_first:.1f} s",
        f"{used:.1f} in {FIRST + seconds:g} s",
        f"{most:.0f} MB",
    )


def main() -> None:
    """Measure at each speed, print, and with --write record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("learners", type=int, nargs="?", default=1000)
    parser.add_argument("seconds", type=float, nargs="?", default=40)
    parser.add_argument("speeds", type=float, nargs="*", default=[1.0, 6.0])
    parser.add_argument("--write", action="store_true", help="write a part of bench/RESULTS.md")
    options = parser.parse_args()
    before = os.getloadavg()[0]
    rows = [measure(options.learners, options.seconds, speed) for speed in options.speeds]
    text = "\n".join(
        [
            HEADING,
            "",
            f"Written by `python bench/board.py --write`. Every learner reports each {BEAT:g} s, and has a verdict at "
            "every second beat: far more than anybody has. Three instructors' pages ask every 2 s. Reporters and board "
            "share this computer; times are p50 / p99; CPU seconds (without its start) and memory are the board's. At "
            f"first: in the {FIRST:g} s before, while the board reads the lessons that it has to name.",
            f"{time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, Python {platform.python_version()}, load average "
            f"before and after {before:.1f} and {os.getloadavg()[0]:.1f} (above the number of cores, others work on it "
            "too).",
            "",
            "| measure | all join | reports/s | failed | a report | the page's state | its size | slowest at first "
            "| CPU s | memory |",
            "|---|---|---|---|---|---|---|---|---|---|",
            *(f"| {' | '.join(row)} |" for row in rows),
        ]
    )
    print(text)
    if options.write:
        record(text)


if __name__ == "__main__":
    main()
