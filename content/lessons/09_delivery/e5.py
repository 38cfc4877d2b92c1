"""09-e5: a pipeline in which a failure gets lost. What a learner reads is in e5.md."""

from __future__ import annotations

import hashlib
import re
import time
from pathlib import Path
from typing import Any

from ecrlab_course.authoring import Lab, Result, Sentence, write
from ecrlab_course.authoring.evidence import tags

from .state import APP, FILES, PIPELINE, role_arn

GOALS = (write("hasty.sh"),)
SPOILT = f"sed 's/Book a bicycle/Lorem ipsum/' '{FILES}/{APP}/www/index.html'"
RISKY = f"sed 's/10.deb12u8/10+deb12u3/' '{FILES}/{APP}/packages'"
KEY = re.compile(r"\bAKIA[A-Z0-9]{12,}")


def run(lab: Lab, text: str) -> Result:
    """Run the pipeline for three commits as the git server does: with a letter and no key, in a folder of its own."""
    rows, names = [], ("good", "broken", "risky")
    for name in names:
        commit = hashlib.sha1(f"{name} {time.time_ns()}".encode()).hexdigest()
        before = set(tags(lab, APP))
        code, output = lab.sh(script(text, name, commit, lab.ci.token(f"refs/tags/v9.{name}")), timeout=120)
        pushed = sorted(set(tags(lab, APP)) - before)
        put_away(lab, pushed)
        row = {"code": code, "commit": commit[:12], "said": last(output), "found": gate_said(output), "pushed": pushed}
        rows.append(row)
    shown = "".join(
        f"{name:7} ended with {row['code']}: {row['said']}\n" for name, row in zip(names, rows, strict=True)
    )
    return Result("the run of three commits", max(int(str(row["code"])) for row in rows), shown, {"rows": rows})


def script(text: str, name: str, commit: str, letter: str) -> str:
    """Return what carries a run out: the folder as in the commit, the variables of a run, and no profile."""
    changed = {"good": "", "broken": f"{SPOILT} > www/index.html", "risky": f"{RISKY} > packages"}[name]
    return f"""folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; mkdir "$folder/docker"
cp -r '{FILES}/{APP}' "$folder/clone"; cd "$folder/clone"; echo '{commit}' > www/commit.txt
cat > pipeline.sh <<'END-OF-THE-PIPELINE'
{text}
END-OF-THE-PIPELINE
{changed}
echo '{letter}' > "$folder/letter"
unset AWS_PROFILE
export DOCKER_CONFIG="$folder/docker" AWS_WEB_IDENTITY_TOKEN_FILE="$folder/letter" GIT_COMMIT={commit}
export AWS_ROLE_ARN={role_arn(PIPELINE)} AWS_ROLE_SESSION_NAME=run-{name}
bash pipeline.sh 2>&1
"""


def put_away(lab: Lab, pushed: list[str]) -> None:
    """Delete what the three commits left in ECR."""
    if pushed:
        lab.client("ecr").batch_delete_image(repositoryName=APP, imageIds=[{"imageTag": tag} for tag in pushed])


def last(output: str) -> str:
    """Return the last line of a run that is not empty."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    return lines[-1][:110] if lines else "nothing"


def gate_said(output: str) -> str:
    """Return what the gate found, in its own words."""
    found = re.search(r"^gate: *(.*)$", output, re.MULTILINE)
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
