"""Drill d11: exit code 137, by memory or by a stop. What a learner reads is in d11.md."""

from __future__ import annotations

import re

from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.run_line import run_line
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Findings, attempt

IMAGE, COMMAND = "shop/page:1", ("page", "--port", "8080")
NEEDS = {"memory": 20, "stop": 9}
MOST = 128
"""Megabytes above which a limit of this program is none."""
RUN = "docker run -d --name page -m 16m --memory-swap 16m shop/page:1 page --port 8080\n"
DIED = {
    "memory": """\
02:11:40  page  start  limit 16 MB
02:14:03  page  reads tonight's bookings, needs 20 MB for them
02:14:03  page  die

Status: exited   ExitCode: 137   OOMKilled: true
""",
    "stop": """\
02:11:40  page  start  limit 16 MB
02:14:03  page  uses 9 MB
02:14:20  page  stop requested by the night job: signal 15
02:14:30  page  signal 9
02:14:30  page  die

Status: exited   ExitCode: 137   OOMKilled: false
""",
}
TELLING = {"memory": r"oomkilled\W+true", "stop": r"oomkilled\W+false|signal 15|stop requested"}
BOTH = r"oomkilled\W+true.*oomkilled\W+false"


def prepare(lab: DrillLab) -> None:
    """Write down how it ended, and what starts it."""
    lab.write("died.txt", DIED[lab.seed])
    lab.write("run.sh", RUN)


class Seen:
    """What run.sh starts now, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        assert lab.folder is not None
        path = lab.folder / "run.sh"
        script = path.read_text(errors="replace") if path.is_file() else ""
        self.seed, self.changed = lab.seed, script.split() != RUN.split()
        found = run_line(script)
        self.found = found if found is not None and found.image == IMAGE else None
        bytes_ = self.found.memory if self.found else None
        swap = self.found.value("--memory-swap") if self.found else ""
        self.limited, self.limit = bool(bytes_), round((bytes_ or 0) / (1 << 20))
        self.unlimited_swap = swap == "-1"
        self.needs, self.most, self.used, self.had = NEEDS[lab.seed], MOST, NEEDS["stop"], 16
        self.same = self.found is not None and (self.found.command, self.found.value("--name")) == (COMMAND, "page")
        self.listens = self.found is not None and self.found.has("--init")
        self.patience = (self.found.value("--stop-timeout") if self.found else "") or "10"
        self.cause, self.proof = findings.get("cause", ""), findings.get("proof", "").strip()
        words = self.proof.lower()
        self.shown = bool(re.search(TELLING[lab.seed], words)) and not re.search(BOTH, words, re.DOTALL)
        self.field_seen = Sentence("true") if lab.seed == "memory" else Sentence("false")


def judge(seen: Seen) -> str:
    """Return the verdict's name in d11.md: what run.sh starts, then what was typed."""
    if not seen.changed:
        return "unchanged" if seen.cause or seen.proof else "untouched"
    if seen.found is None:
        return "broken"
    if not seen.same:
        return "other-command"
    if not seen.limited or seen.unlimited_swap:
        return "no-limit"
    return (by_memory(seen) if seen.seed == "memory" else by_stop(seen)) or named(seen)


def by_memory(seen: Seen) -> str:
    """Return what is wrong with the limit; "" when it is enough and still one."""
    if seen.limit < seen.needs:
        return "tight"
    return "wide" if seen.limit > seen.most else ""


def by_stop(seen: Seen) -> str:
    """Return why number 1 would be killed again; "" when it listens."""
    if seen.listens:
        return "wide" if seen.limit > seen.most else ""
    if seen.limit > seen.had:
        return "more-memory"
    return "longer" if seen.patience != "10" else "still-deaf"


def named(seen: Seen) -> str:
    """Return what cause and proof are worth once run.sh is right."""
    if not seen.cause:
        return "no-cause"
    if seen.cause != seen.seed:
        if seen.cause == "memory":
            return "not-memory"
        return "not-stop" if seen.cause == "stop" else "not-crash"
    if not seen.proof:
        return "no-proof"
    return "passed" if seen.shown else "wrong-proof"


def start(lab: DrillLab, options: str, command: str = "page --port 8080") -> None:
    """Write run.sh with other options."""
    lab.write("run.sh", f"docker run -d --name page {options} shop/page:1 {command}\n")


MEMORY = {"cause": "memory", "proof": "ExitCode: 137   OOMKilled: true"}
STOP = {"cause": "stop", "proof": "OOMKilled: false"}
TRIES = {
    "passed": [
        attempt(MEMORY, lambda lab: start(lab, "-m 32m --memory-swap 32m")),
        attempt(STOP, lambda lab: start(lab, "-m 16m --init"), seed="stop"),
    ],
    "unchanged": [attempt(MEMORY)],
    "broken": [attempt(MEMORY, lambda lab: lab.write("run.sh", "docker start page\n"))],
    "other-command": [attempt(MEMORY, lambda lab: start(lab, "-m 32m", "page --port 8080 --small"))],
    "no-limit": [attempt(MEMORY, lambda lab: start(lab, ""))],
    "wide": [attempt(MEMORY, lambda lab: start(lab, "--memory=2g"))],
    "tight": [attempt(MEMORY, lambda lab: start(lab, "-m 18m"))],
    "more-memory": [attempt(STOP, lambda lab: start(lab, "-m 64m"), seed="stop")],
    "still-deaf": [attempt(STOP, lambda lab: start(lab, "-m 16m --restart always"), seed="stop")],
    "longer": [attempt(STOP, lambda lab: start(lab, "-m 16m --stop-timeout 60"), seed="stop")],
    "no-cause": [attempt({}, lambda lab: start(lab, "-m 32m"))],
    "not-memory": [attempt(MEMORY, lambda lab: start(lab, "-m 16m --init"), seed="stop")],
    "not-stop": [attempt(STOP, lambda lab: start(lab, "-m 32m"))],
    "not-crash": [attempt({"cause": "crash"}, lambda lab: start(lab, "-m 32m"))],
    "no-proof": [attempt({"cause": "memory"}, lambda lab: start(lab, "-m 32m"))],
    "wrong-proof": [attempt({**MEMORY, "proof": "ExitCode: 137"}, lambda lab: start(lab, "-m 32m"))],
}
