"""07-e4: four pushes at one a second. What a learner reads is in e4.md."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from signal import SIGTERM
from typing import Any

from ecrlab_course.authoring import Lab, Result, Sentence, push, write
from ecrlab_course.authoring.evidence import puts_manifest, repositories, tags
from ecrlab_course.authoring.requests import request_of
from ecrlab_course.authoring.staging import log_in, make_repository
from ecrlab_course.documents.xray_row import Row

from .state import NIGHT, quota_of, quotas_set, with_quota

RATE = "PutImage per second"
DAYS = [f"day-{number}" for number in (1, 2, 3, 4)]
MANY = 8
"""So many refusals for four pushes are hammering: a client that waits a second meets fewer."""
BY_ITSELF = 6
"""So often an engine with the containerd image store sends what is refused as too fast; then it gives up (A182)."""
LEAST = 0.8
"""Seconds between two tries that are a pause."""
ONCE = 12
"""So often four pushes may be tried without a pause: three tries each."""
PAUSES = 60
"""So many pauses for four pushes that are refused for ever, and no end: there is none."""
SHOWN = 12
"""Lines of the second run: each repeats the one before."""
GOALS = (write("many.sh"), *(push(NIGHT, day, by="") for day in DAYS))


def run(lab: Lab, _script: str) -> Result:
    """Run many.sh at one PutImage a second; where that looks good, once more without the repository.

    Then put the rate back. The second run does not wait for its pauses: only its end is of interest.
    """
    log_in(lab)
    with_quota(lab, RATE, 1)
    try:
        code, output, data = at_rate(lab)
        if data["arrived"] == DAYS and not code:
            said, second = without_repository(lab)
            output += said
            data |= second
    finally:
        with_quota(lab, RATE, None)
    return Result("bash many.sh", code, output.replace(lab.registry, "$REGISTRY"), data)


def at_rate(lab: Lab) -> tuple[int, str, dict[str, Any]]:
    """Run the script against an empty repository; return its exit code, what it said, and what came of it."""
    lab.clear(NIGHT)
    make_repository(lab, NIGHT)
    mark = lab.last()
    code, output = lab.sh("bash many.sh 2>&1", timeout=60)
    rate = quota_of(lab, RATE) if RATE in quotas_set(lab) else 0
    rows = lab.rows(after=mark)
    puts = [row for row in rows if puts_manifest(row, NIGHT) or row["operation"] == "PutImage"]
    refused = [row for row in puts if row["status"] == 429 or "Throttling" in str(row["error"])]
    taken = [row["wall"] for row in puts if row not in refused]
    first = refused[0]["seq"] if refused else 0
    there = tags(lab, NIGHT)
    data = {
        "arrived": sorted(set(there) & set(DAYS)),
        "sent": sorted({tag_of(row) for row in puts} & set(DAYS)),
        "again": any(count > 1 for count in Counter(tag_of(row) for row in puts if tag_of(row) in DAYS).values()),
        "others": [] if any(is_for_a_day(row) for row in puts) else sorted(set(there) - set(DAYS)),
        "unknown": unknown(output),
        "puts": len(puts),
        "refused": refusals(rows, refused),
        "logins": sum(row["operation"] == "GetAuthorizationToken" and 0 < first < row["seq"] for row in rows),
        "rate": rate,
        # One a second is what the check sets: as many as came faster came behind a wall that was moved meanwhile.
        "too_fast": bool(taken) and max(taken) - min(taken) < 0.7 * (len(taken) - 1),
    }
    return code, str(output), data


def refusals(rows: Iterable[Row], refused: Sequence[Row]) -> int:
    """Return how often the script was refused: what its engine asks again by itself, and at once, is the same try."""
    count = 0
    asked: Counter[str] = Counter()
    for row in rows:
        if row not in refused:
            if not puts_manifest(row, NIGHT):
                asked.clear()
        elif row["operation"] == "PutImage" or asked[row["path"]] in (0, BY_ITSELF):
            count += 1
            asked[row["path"]] = 1
        else:
            asked[row["path"]] += 1
    return count


def is_for_a_day(row: Row) -> bool:
    """Tell whether a request put one of the four tags; of ECR's API the tag is not known, and it counts."""
    return row["operation"] == "PutImage" or tag_of(row) in DAYS


def tag_of(row: Row) -> str:
    """Return the tag that a request to the registry puts."""
    return str(row["path"]).rpartition("/")[2]


QUICK = """tries=$(mktemp -d); trap 'rm -rf "$tries"' EXIT
cat > "$tries/sleep" <<'END'
#!/bin/sh
echo "$1" >> .pauses
test "$(wc -l < .pauses)" -le {most} || kill -TERM 0
END
chmod +x "$tries/sleep"; PATH="$tries:$PATH" bash many.sh 2>&1
"""
"""Runs the script with pauses that take no time, writes them down, and ends it when it has made too many of them."""


def without_repository(lab: Lab) -> tuple[str, dict[str, Any]]:
    """Run the script where there is no repository; return what it said, and how it ended."""
    lab.clear(NIGHT)
    mark = lab.last()
    kept = (lab.folder or Path.cwd()) / ".pauses"
    kept.unlink(missing_ok=True)
    code, output = lab.sh(QUICK.format(most=PAUSES), timeout=30)
    pauses = seconds(kept.read_text(encoding="utf-8").split() if kept.is_file() else ())
    kept.unlink(missing_ok=True)
    lacking = [row for row in lab.rows(after=mark) if request_of(row).lacks_repository]
    tries = tries_in(lacking)
    pauses += sum(gap for before, row in pairwise(lacking) if (gap := row["wall"] - before["wall"]) > LEAST)
    lines = output.splitlines()
    said = "\n".join(lines if len(lines) <= SHOWN else [*lines[:SHOWN], "..."])
    second = {
        "second": code,
        "endless": code in (124, -SIGTERM, 128 + SIGTERM),
        "tries": tries,
        # A push that takes a second by itself meets no refusal at that rate; the pauses tell what would help elsewhere.
        "impatient": tries > 1 and code not in (0, 124, -SIGTERM, 128 + SIGTERM) and pauses < LEAST,
        "hasty": tries > ONCE and pauses < LEAST * (tries - ONCE),
        "made": NIGHT in repositories(lab),
        "unknown": unknown(output),
    }
    return f"--- shop/night is not there\n{said}\n", second


def tries_in(lacking: Iterable[Row]) -> int:
    """Return how often the image was tried: a try asks for each layer once; some clients begin an upload as well."""
    asked = Counter((row["method"], row["path"]) for row in lacking)
    looks = [count for (method, _), count in asked.items() if method == "HEAD"]
    return max(looks or asked.values(), default=0)


def seconds(words: Iterable[str]) -> float:
    """Return how long these pauses would have been."""
    return sum(float(word) for word in words if re.fullmatch(r"\d*\.?\d+", word))


def unknown(output: str) -> str:
    """Return the command that bash did not find; "" for none."""
    found = re.search(r"line \d+: (\S+): command not found", output)
    return found[1] if found else ""


class Seen:
    """What the run pushed, and how it was answered; how it ended where nothing could be pushed."""

    def __init__(self, _lab: Lab, script: str, result: Result) -> None:
        data = result.data
        self.arrived, self.refused = list(data.get("arrived", ())), int(data.get("refused", 0))
        self.puts, self.logins = int(data.get("puts", 0)), int(data.get("logins", 0))
        self.arrived_number = len(self.arrived)
        self.moved = data.get("rate", 1) != 1 or bool(data.get("too_fast"))
        self.code = result.code
        self.pauses = "sleep" in script
        self.missing = len(DAYS) - len(self.arrived)
        self.endless, self.tries = bool(data.get("endless")), int(data.get("tries", 0))
        self.deaf = data.get("second") == 0 and not data.get("made")
        self.hasty = bool(data.get("hasty"))
        self.impatient = bool(data.get("impatient"))
        self.again = bool(data.get("again"))
        self.all_sent = data.get("sent") == DAYS
        self.settings = bool(re.search(r"AWS_(MAX_ATTEMPTS|RETRY_MODE)", script)) and "docker push" in script
        self.piped = bool(re.search(r"\|\s*(while|for)\b", script)) and "exit" in script
        self.others = ", ".join(f"`{tag}`" for tag in data.get("others", ()))
        self.command = data.get("unknown", "")
        self.refusals = Sentence("one") if self.refused == 1 else Sentence("several")
        self.last_run = Sentence("last") if result.command else Sentence("not-run")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e4.md: four tags, few refusals, an exit code that is true."""
    if seen.moved:
        return "wall-moved"
    if seen.command:
        return "no-command"
    if seen.missing:
        return missing(seen)
    if seen.code:
        return "ends-badly"
    if seen.logins and not seen.pauses:
        return "by-login"
    if seen.refused > MANY:
        return "hammer"
    return told(seen)


def told(seen: Seen) -> str:
    """Return how the script fared without the repository."""
    if seen.hasty:
        return "hasty"
    if seen.endless:
        return "endless"
    if seen.deaf:
        return "lost" if seen.piped else "deaf"
    if seen.impatient:
        return "impatient"
    return "passed" if seen.refused else "steady"


def missing(seen: Seen) -> str:
    """Return why tags are missing."""
    if not seen.puts:
        return "nothing-sent"
    if seen.others:
        return "other-tags"
    if not seen.refused:
        return "fewer"
    if seen.again or seen.refused > seen.missing:
        return "at-once"
    if seen.settings:
        return "aws-alone"
    if seen.code:
        return "last-alone" if seen.all_sent else "stopped"
    return "unheard"


STARTER = (Path(__file__).parent / "files" / "many.sh").read_text(encoding="utf-8")
PUSH = 'docker push -q "$REGISTRY/shop/night:day-$day"'
LOGIN = 'aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"'


def with_push(line: str, before: str = "") -> str:
    """Return the script with another line in place of its push."""
    return before + STARTER.replace(PUSH, line)


def in_python(*lines: str) -> str:
    """Return a script that asks in one process, as fast as it can: these lines for each day."""
    body = "\n".join(f"    {line}" for line in lines)
    return f"""docker tag ecrlab/base:1 "$REGISTRY/shop/night:base"
until docker push -q "$REGISTRY/shop/night:base"; do sleep 1; done
python - <<'END'
import boto3
from botocore.config import Config

ecr = boto3.client("ecr", config=Config(retries={{"total_max_attempts": 1}}))
image = ecr.batch_get_image(repositoryName="shop/night", imageIds=[{{"imageTag": "base"}}])["images"][0]
kind, manifest = image["imageManifestMediaType"], image["imageManifest"]


def put(day):
    try:
        ecr.put_image(
            repositoryName="shop/night", imageManifest=manifest, imageManifestMediaType=kind, imageTag=f"day-{{day}}"
        )
    except ecr.exceptions.ClientError:
        return False
    return True


for day in range(1, 5):
{body}
END
"""


DOUBLING = f"""pause=1
  until {PUSH}; do test $pause -le 8 || exit 1; sleep $pause; pause=$((pause * 2)); done"""
FIVE_TIMES = f"""push() {{
  for pause in 1 2 4 8; do {PUSH} && return; sleep $pause; done
  {PUSH}
}}
failed=0
"""
TRIES = {
    "passed": {
        "a pause that doubles": with_push(DOUBLING),
        "all are tried, then it says so": with_push("push || failed=1", FIVE_TIMES) + "exit $failed\n",
    },
    "steady": {
        "a pause after each": with_push(f"{PUSH}\n  sleep 1.1", "set -e\n"),
        "it makes what is missing": with_push(
            f"{PUSH} || failed=1\n  sleep 1.1", "aws ecr create-repository --repository-name shop/night\nfailed=0\n"
        ),
    },
    "wall-moved": {
        "left open": with_push(PUSH, 'ecrlab quota reset "PutImage per second"\n'),
        "and put back": with_push(PUSH, 'ecrlab quota set "PutImage per second" 99\n')
        + 'ecrlab quota set "PutImage per second" 1\n',
    },
    "unheard": {
        "refusals hidden": with_push(f"{PUSH} || true"),
    },
    "stopped": [with_push(PUSH, "set -e\n")],
    "last-alone": [with_push(f"{PUSH} &") + "wait\nfalse\n"],
    "aws-alone": [with_push(f"{PUSH} &", "export AWS_MAX_ATTEMPTS=10 AWS_RETRY_MODE=standard\n") + "wait\n"],
    "at-once": [in_python("for _ in range(3):", "    put(day)")],
    "fewer": [STARTER.replace("1 2 3 4", "1")],
    "hammer": [in_python("while not put(day):", "    pass")],
    "by-login": [with_push(f"for _ in 1 2 3 4 5 6 7 8; do {PUSH} && break; {LOGIN}; {LOGIN}; {LOGIN}; done")],
    "ends-badly": [with_push(f"until {PUSH}; do sleep 1; done") + "false\n"],
    "hasty": [
        with_push(f"sleep 1.1\n  for _ in 1 2 3 4 5 6 7 8; do {PUSH} && continue 2; done; failed=1", "failed=0\n")
        + "exit $failed\n"
    ],
    "impatient": [with_push(f"command -p sleep 1.1\n  {PUSH} || {{ sleep 0.1; {PUSH}; }} || exit 1")],
    "no-command": [with_push(f"until {PUSH}; do slep 1; done")],
    "other-tags": [with_push(DOUBLING).replace("day-$day", "night-$day")],
    "endless": [with_push(f"until {PUSH}; do sleep 1; done")],
    "deaf": {
        "the pause speaks last": with_push(f"{PUSH}\n  sleep 1.1"),
        "some tries, and the pause speaks last": with_push(f"for _ in 1 2 3; do {PUSH} && break; sleep 1; done"),
        "lost in a pipe": with_push(f"{PUSH} 2>&1 | cat\n  sleep 1.1", "set -e\n"),
    },
    "lost": [
        with_push(f"{PUSH} || failed=1\n  sleep 1.1").replace("for day in 1 2 3 4;", "seq 4 | while read day;")
        + "exit ${failed:-0}\n"
    ],
    "nothing-sent": [STARTER.replace(PUSH, "echo")],
    "open-loop": [STARTER.replace("done", "")],
}


def reset(lab: Lab) -> None:
    """Remove what was pushed, and the rate."""
    with_quota(lab, RATE, None)
    lab.clear(NIGHT)
