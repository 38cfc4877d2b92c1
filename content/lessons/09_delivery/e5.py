"""09-e5: a pipeline in which a failure gets lost. What a learner reads is in e5.md."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

from ecrlab_course.authoring import Lab, Result, Sentence, write
from ecrlab_course.authoring.evidence import tags
from ecrlab_course.toolbox.ci import Run

from .state import APP, CRITICAL, FILES

GOALS = (write("hasty.sh"),)
PAGE = (FILES / APP / "www/index.html").read_text(encoding="utf-8")
KEY = re.compile(r"\bAKIA[A-Z0-9]{12,}")


def run(lab: Lab, text: str) -> Result:
    """Give the pipeline three commits, each as a tag of its own so that `main` stays as it is."""
    number = time.time_ns()
    whole = {
        str(path.relative_to(FILES / APP)): path.read_text(encoding="utf-8")
        for path in (FILES / APP).rglob("*")
        if path.is_file()
    }
    runs, there = [], {}
    for name, changed in {
        "good": {"www/index.html": PAGE.replace("lighthouse", "harbour light")},
        "broken": {"www/index.html": PAGE.replace("Book a bicycle", "Lorem ipsum")},
        "risky": {"packages": CRITICAL.decode()},
    }.items():
        files = {**whole, **changed, "pipeline.sh": text, "number": f"{number}\n"}
        before = set(tags(lab, APP))
        (one,) = lab.ci.push_as("Dara", files, ref=f"refs/tags/v9.{name}-{number}", message=f"A {name} commit")
        runs.append(one)
        there[name] = sorted(set(tags(lab, APP)) - before)
    put_away(lab, [tag for pushed in there.values() for tag in pushed])
    rows = [
        {"code": one.code, "commit": one.commit[:12], "said": last(one), "found": gate_said(one), "pushed": pushed}
        for one, pushed in zip(runs, there.values(), strict=True)
    ]
    shown = "\n".join(
        f"{name:7} ended with {row['code']}: {row['said']}" for name, row in zip(there, rows, strict=True)
    )
    return Result("git push lab, three times", max(one.code or 0 for one in runs), shown + "\n", {"rows": rows})


def put_away(lab: Lab, pushed: list[str]) -> None:
    """Delete what the three commits left in ECR."""
    if pushed:
        lab.client("ecr").batch_delete_image(repositoryName=APP, imageIds=[{"imageTag": tag} for tag in pushed])


def last(one: Run) -> str:
    """Return the last line of a run that is not empty."""
    lines = [line.strip() for line in one.output.splitlines() if line.strip()]
    return lines[-1][:110] if lines else "nothing"


def gate_said(one: Run) -> str:
    """Return what the gate found, in its own words."""
    found = re.search(r"^gate: *(.*)$", one.output, re.MULTILINE)
    return found[1] if found else "nothing, because nobody asked it"


class Seen:
    """How the three runs ended, and which of the images are in ECR."""

    def __init__(self, _lab: Lab, text: str, result: Result) -> None:
        self.key = bool(KEY.search(text))
        rows: list[dict[str, Any]] = list(result.data.get("rows", ())) or [{}, {}, {}]
        good, broken, risky = rows
        self.good_code, self.broken_code, self.risky_code = (row.get("code", "") for row in rows)
        self.good_said, self.good_tag = good.get("said", ""), f"`{good.get('commit', '')}`"
        self.named = good.get("commit") in good.get("pushed", ())
        self.broken_pushed = bool(broken.get("pushed"))
        self.risky_found = f"`{risky.get('found', '')}`"
        self.last_run = Sentence("ended") if result.command else Sentence("not-run")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e5.md: the good commit first, then the two that have to stop."""
    if seen.key:
        return "key-in-it"
    if seen.good_code:
        return "good-red"
    if not seen.named:
        return "elsewhere"
    if seen.broken_pushed:
        return "red-pushed"
    if not seen.broken_code:
        return "red-green"
    return "passed" if seen.risky_code else "bad-green"


# Tries


START = (Path(__file__).parent / "files" / "hasty.sh").read_text(encoding="utf-8")
NEVER_MIND = ' || echo "the gate says no; we look at it on Monday"'
RIGHT = START.replace("set -eu\n", "set -euo pipefail\n").replace(NEVER_MIND, "")
NO_PIPE = START.replace(" | tee test.log", "").replace(NEVER_MIND, "")

TRIES = {
    "passed": {"pipefail, and no way round the gate": RIGHT, "no pipe, and no way round the gate": NO_PIPE},
    "red-pushed": {"the gate alone": START.replace(NEVER_MIND, "")},
    "bad-green": {"the test alone": START.replace(" | tee test.log", "")},
    "red-green": {
        "a red test ends it, in green": RIGHT.replace("bash test.sh | tee test.log", "bash test.sh || exit 0")
    },
    "good-red": {"nothing passes": RIGHT.replace("bash gate.sh", "exit 1; bash gate.sh")},
    "elsewhere": {"a tag that is counted": RIGHT.replace("tag=${GIT_COMMIT:0:12}", "tag=v-${GIT_COMMIT:0:8}")},
    "key-in-it": {
        "the robot's key": RIGHT.replace("set -euo", "export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE\nset -euo")
    },
}


def reset(lab: Lab) -> None:
    """Nothing of the three commits is left in ECR."""
    put_away(lab, [tag for tag in tags(lab, APP) if tag != "first"])
