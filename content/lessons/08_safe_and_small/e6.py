"""08-e6: a gate on findings. What a learner reads is in e6.md."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ecrlab_course.authoring import Lab, Result, Sentence, write
from ecrlab_course.authoring.staging import make_repository, put_image

from .state import debian, names_of

GATE = "gate"
GOALS = (write("gate.py"),)
IMAGES = {
    "clean": debian(),
    "critical": debian("u9", "u3"),
    "high": debian("u2", "u8"),
    "minor": debian("u3", "u8"),
    "unreadable": {"www/index.html": b"no system in here"},
}
ORDER = ("clean", "critical", "high", "minor", "unreadable", "missing", "clean", "critical")
"""What the gate is asked about; the last two for the second time."""
OPEN = ("clean", "minor")
SCAN_SECONDS = 0.3


def run(lab: Lab, text: str) -> Result:
    """Ask the gate about five images that nobody has scanned, one that is not there, and two of them again."""
    lab.clear(GATE)
    make_repository(lab, GATE)
    names = {kind: neutral(kind, text) for kind in ORDER}
    kinds = {name: kind for kind, name in names.items()}
    for kind, files in IMAGES.items():
        put_image(lab, GATE, names[kind], files)
    try:
        lab.control.scan_time(SCAN_SECONDS)
        code, output = lab.sh(f"python .gates.py {GATE} {' '.join(names[kind] for kind in ORDER)} 2>&1", timeout=110)
    finally:
        lab.control.scan_time(0)
        lab.clear(GATE)
    rows, lines = [], []
    for line in output.splitlines():
        try:
            row = json.loads(line)
            rows.append({**row, "tag": kinds[row["tag"]]})
        except (ValueError, KeyError, TypeError):
            lines.append(line)
    shown = [
        f"gate.py {GATE} {names[one['tag']]}  {one['tag']:<10} -> {one['code']}   {last(one['said'])}" for one in rows
    ]
    return Result(f"python gate.py {GATE} TAG, eight times", code, "\n".join([*shown, *lines]) + "\n", {"rows": rows})


def neutral(kind: str, text: str) -> str:
    """Return an image's tag: one that says nothing of the image, and is another one for another gate."""
    return f"b{hashlib.sha256(f'{kind} {text}'.encode()).hexdigest()[:5]}"


def last(text: str) -> str:
    """Return the last line of what a gate printed, cut short."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:110] if lines else ""


class Seen:
    """How the gate ended for each image, the first time and again."""

    def __init__(self, _lab: Lab, text: str, result: Result) -> None:
        self.asks = "scan_findings" in text.replace("-", "_")
        rows = list(result.data.get("rows", ()))
        self.late = names_of(dict.fromkeys(one["tag"] for one in rows if one["late"]))
        self.complete = len(rows) == len(ORDER)
        self.ends = [int(one["code"]) == 0 for one in rows[:6]]
        self.by_name = dict(zip(ORDER[:6], self.ends, strict=False))
        self.again = {one["tag"]: int(one["code"]) == 0 for one in rows[6:]}
        texts = {one["tag"]: last(one["said"]) for one in rows[:6]}
        self.critical_said, self.clean_said = texts.get("critical", ""), texts.get("clean", "")
        self.again_said = next((last(one["said"]) for one in rows[6:] if one["tag"] == "clean"), "")
        self.later = [(one["tag"], last(one["said"])) for one in rows[6:]]
        lines = [line for line in result.output.splitlines() if line.strip()]
        self.broken = "Error" in self.clean_said and not any(self.ends)
        self.open = names_of(tag for tag, opened in self.by_name.items() if opened) or "none"
        self.shut = names_of(tag for tag, opened in self.by_name.items() if not opened) or "none"
        again = [tag for tag, opened in self.again.items() if opened != self.by_name.get(tag)]
        self.changed = names_of(again) or "none of them"
        self.said = self._said(lines)
        self.table = "; ".join(f"`{tag}` {'open' if opened else 'shut'}" for tag, opened in self.by_name.items())
        self.last_run = Sentence("last") if rows else Sentence("not-run")

    def _said(self, lines: list[str]) -> str:
        """What is quoted: of the first image that is judged wrongly."""
        if not self.complete:
            return lines[-1].strip()[:160] if lines else "nothing"
        if self.by_name["critical"]:
            return self.critical_said
        if self.again["critical"]:
            return next((said for tag, said in self.later if tag == "critical"), "") or "nothing"
        return (self.again_said if self.by_name["clean"] else self.clean_said) or "nothing"


def judge(seen: Seen) -> str:
    """Return the verdict's name in e6.md."""
    if seen.late:
        return "never-ends"
    if not seen.complete or seen.broken:
        return "crashed"
    if all(seen.ends):
        return "hole"
    if not any(seen.ends):
        return "wall" if seen.asks else "asks-nobody"
    if seen.by_name["missing"]:
        return "everything-opens" if seen.by_name["unreadable"] else "missing-passes"
    if seen.by_name["critical"]:
        return "asked-early"
    if seen.by_name["unreadable"]:
        return "unread-passes"
    if seen.by_name["high"]:
        return "high-passes"
    return stops_good(seen)


def stops_good(seen: Seen) -> str:
    """Return what is said of a gate that lets nothing bad through the first time."""
    if seen.again["critical"]:
        return "second-opens"
    if seen.by_name["clean"] and not seen.again["clean"]:
        return "second-day"
    if seen.by_name["clean"] and not seen.by_name["minor"]:
        return "minor-stopped"
    return "passed" if all(seen.by_name[tag] for tag in OPEN) and seen.again["clean"] else "otherwise"


# Tries


START = (Path(__file__).parent / "files" / "gate.py").read_text(encoding="utf-8")
HEAD = START.partition("ecr.start_image_scan")[0].replace("import sys\n", "import sys\nimport time\n")
TRY = "try:\n    ecr.start_image_scan(**which)\nexcept ecr.exceptions.LimitExceededException:\n    pass\n"
LOOP = """status = "IN_PROGRESS"
while status == "IN_PROGRESS":
    time.sleep(0.05)
    found = ecr.describe_image_scan_findings(**which)
    status = found["imageScanStatus"]["status"]
counts = found.get("imageScanFindings", {}).get("findingSeverityCounts", {})
"""
BAD = 'bad = counts.get("CRITICAL", 0) + counts.get("HIGH", 0)\n'
END = 'sys.exit(0 if status == "COMPLETE" and not bad else 1)\n'
WAITER = """ecr.start_image_scan(**which)
ecr.get_waiter("image_scan_complete").wait(**which, WaiterConfig={"Delay": 1, "MaxAttempts": 3})
found = ecr.describe_image_scan_findings(**which)
counts = found["imageScanFindings"]["findingSeverityCounts"]
"""
SWALLOW = """counts = {}
try:
    ecr.start_image_scan(**which)
    time.sleep(0.5)
    counts = ecr.describe_image_scan_findings(**which)["imageScanFindings"]["findingSeverityCounts"]
except Exception:
    pass
"""

TRIES = {
    "passed": {
        "wait, and demand COMPLETE": HEAD + TRY + LOOP + BAD + END,
        "findings first, a scan only where there is none": HEAD
        + """try:
    ecr.describe_image_scan_findings(**which)
except ecr.exceptions.ScanNotFoundException:
    ecr.start_image_scan(**which)
"""
        + LOOP
        + 'print(status, counts)\nassert status == "COMPLETE" and not {"CRITICAL", "HIGH"} & set(counts)\n',
    },
    "asked-early": {"both kinds, and at once": START.replace('if counts.get("CRITICAL")', "if counts")},
    "second-day": {"with a waiter": HEAD + WAITER + BAD + "sys.exit(1 if bad else 0)\n"},
    "unread-passes": {"no look at the status": HEAD + TRY + LOOP + BAD + "sys.exit(1 if bad else 0)\n"},
    "everything-opens": {"whatever goes wrong is passed over": HEAD + SWALLOW + BAD + "sys.exit(1 if bad else 0)\n"},
    "hole": {"always 0": HEAD + "sys.exit(0)\n"},
    "wall": {"always 1": HEAD + TRY + LOOP + "print(status, counts)\nsys.exit(1)\n"},
    "asks-nobody": {"the tag decides": HEAD + 'sys.exit(0 if tag in ("clean", "minor") else 1)\n'},
    "never-ends": {
        "it waits for COMPLETE alone": HEAD
        + TRY
        + LOOP.replace('status == "IN_PROGRESS"', 'status != "COMPLETE"')
        + BAD
        + END
    },
    "crashed": {"a name mistyped": HEAD + "ecr.start_image_scann(**which)\n"},
    "minor-stopped": {"any finding": HEAD + TRY + LOOP + "bad = sum(counts.values())\n" + END},
    "high-passes": {"CRITICAL only": HEAD + TRY + LOOP + 'bad = counts.get("CRITICAL", 0)\n' + END},
    "missing-passes": {
        "a missing one counts as clean": HEAD
        + "try:\n    "
        + TRY.replace("\n", "\n    ").strip()
        + "\nexcept ecr.exceptions.ImageNotFoundException:\n    sys.exit(0)\n"
        + LOOP
        + BAD
        + END,
    },
    "second-opens": {
        "a second scan is a pass": HEAD + TRY.replace("pass", "sys.exit(0)") + LOOP + BAD + END,
    },
    "otherwise": {
        "only what has findings": HEAD
        + TRY
        + LOOP
        + BAD
        + 'sys.exit(0 if status == "COMPLETE" and not bad and counts else 1)\n',
    },
}


def reset(lab: Lab) -> None:
    """Let scans take no longer than they need, and remove the judge's images."""
    lab.control.scan_time(0)
    lab.clear(GATE)
