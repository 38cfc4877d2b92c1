"""04-e9: fix the nightly script. What a learner reads is in e9.md."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from ecrlab_course.authoring import Lab, Result, Sentence, push, write
from ecrlab_course.authoring.evidence import ok, puts_manifest, user_of
from ecrlab_course.authoring.staging import make_repository
from ecrlab_course.documents.xray_row import Row

from .state import APP, NIGHT, build, outcome

GOALS = (write("nightly.sh"), *(push(APP, f"night-{hour}", by="developer") for hour in NIGHT))
LIFE = 12
"""Hours that a token lives."""


def run(lab: Lab, _script: str) -> Result:
    """Run nightly.sh as Dara's night job from hour 0, with a docker that has no login; then put the clock back.

    `sleep` moves the lab's clock in place of waiting, so a script that sleeps half a day can be tried too.
    """
    make_repository(lab, APP)
    if lab.sh(f"docker image inspect -f . {APP}:1.0 >/dev/null 2>&1")[0]:
        build(lab, "1.0")
    remove_builds(lab)
    lab.clock.reset()
    mark = lab.last()
    began = lab.clock.now()
    try:
        code, output = lab.sh(
            """night=$(mktemp -d); trap 'rm -rf "$night"' EXIT; export DOCKER_CONFIG="$night/docker"
            mkdir "$night/bin" "$DOCKER_CONFIG"; export PATH="$night/bin:$PATH"
            printf '#!/bin/sh\\nexec python "%s" "${1:-0}"\\n' "$PWD/.sleep.py" > "$night/bin/sleep"
            chmod +x "$night/bin/sleep"
            bash nightly.sh 2>&1""",
            "developer",
            timeout=150,
        )
        rows = lab.rows(after=mark)
    finally:
        lab.clock.reset()
    return Result("bash nightly.sh", code, str(output).replace(lab.registry, "$REGISTRY"), night_of(rows, began))


def night_of(rows: list[Row], began: datetime) -> dict[str, Any]:
    """Return which of Dara's builds arrived and when, and the hours of all requests, of the tokens, and of refusals."""

    def hour(row: Row) -> int:
        return round((datetime.fromisoformat(row["time"]) - began).total_seconds() / 3600)

    arrived = {
        row["path"].rpartition("night-")[2]: hour(row)
        for row in rows
        if puts_manifest(row, APP) and ok(row) and "night-" in row["path"] and user_of(row) == "developer"
    }
    return {
        "arrived": arrived,
        "hours": [hour(row) for row in rows],
        "fetched": [hour(row) for row in rows if row["operation"] == "GetAuthorizationToken" and ok(row)],
        "expired": sorted({hour(row) for row in rows if outcome([row]) == "expired"}),
    }


def remove_builds(lab: Lab) -> None:
    """Remove the night's images."""
    ecr = lab.client("ecr")
    with suppress(ecr.exceptions.RepositoryNotFoundException):
        ecr.batch_delete_image(repositoryName=APP, imageIds=[{"imageTag": f"night-{hour}"} for hour in NIGHT])


def in_words(hours: Iterable[int]) -> str:
    """Return hours, each once: "0, 11 and 13"; "none" for none."""
    words = [str(hour) for hour in sorted(set(hours))]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words) or "none"


class Seen:
    """The night as the X-ray has it, and what the script says where the X-ray cannot tell."""

    def __init__(self, _lab: Lab, script: str, result: Result) -> None:
        night = result.data
        arrived = {int(name): int(at) for name, at in night.get("arrived", {}).items() if name.isdecimal()}
        self.hours, self.fetched_at = list(night.get("hours", ())), list(night.get("fetched", ()))
        self.expired = list(night.get("expired", ()))
        self.missing = [hour for hour in NIGHT if hour not in arrived]
        self.late = {hour: at for hour, at in arrived.items() if hour in NIGHT and at != hour}
        self.refused = self.expired[0] if self.expired else 0
        self.fetched = max((hour for hour in self.fetched_at if hour <= self.refused - LIFE), default=0)
        self.age = self.refused - self.fetched
        self.invented = [hour for hour in arrived if hour not in NIGHT]
        self.silent = [hour for hour in NIGHT if hour not in self.hours]
        self.silent_seen, self.missing_seen = in_words(self.silent), in_words(self.missing)
        self.code = result.code
        self.words = without_comments(script)
        self.output = result.output
        # hour.py said that the hour had come, and the push was made at an earlier one.
        waited = [hour for hour, at in self.late.items() if at < hour and f"hour {hour}\n" in result.output]
        self.back = bool(waited and "clock" in self.words) or self.hours != sorted(self.hours)
        self.arrived_seen, self.expired_seen = in_words(arrived), in_words(self.expired)
        self.logins_seen = in_words(self.fetched_at)
        self.late_seen = ", ".join(f"`night-{hour}` at hour {at}" for hour, at in sorted(self.late.items()))
        self.last_night = Sentence("last") if result.command else Sentence("not-run")


def without_comments(script: str) -> str:
    """Return the script without its comment lines."""
    return "\n".join(line for line in script.splitlines() if not line.lstrip().startswith("#"))


def judge(seen: Seen) -> str:
    """Return the verdict's name in e9.md: four builds must arrive, each at its own hour."""
    if not seen.missing and not seen.late:
        return "passed"
    if seen.back:
        return "clock-back"
    if re.search(r"duration|expir|lifetime", seen.words) and re.search(r"Unknown options|usage: aws", seen.output):
        return "longer-life"
    if re.search(r"\bsleep\b", seen.words) and (seen.expired or seen.late):
        return "waited"
    if seen.late:
        return "other-hour"
    if seen.invented:
        return "hours-changed"
    return refused_for_age(seen) if seen.expired else "nothing-sent" if seen.silent else "not-arrived"


def refused_for_age(seen: Seen) -> str:
    """Return what is said of a token that was too old."""
    kept = r"get-login-password[^|\n]*>|=\s*\"?\$\(\s*aws ecr get-login-password|=\s*\"?`\s*aws ecr get-login-password"
    if re.search(kept, seen.words) and len(set(seen.fetched_at)) < 2:
        return "token-kept"
    hidden = r"\|\|\s*(true|:|echo|exit 0)|set \+e"
    return "swallowed" if seen.code == 0 and re.search(hidden, seen.words) else "too-old"


# Tries


LOGIN = 'aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"'
WAIT = 'python hour.py "$hour"'
TAG = 'docker tag my-web-app:1.0 "$REGISTRY/my-web-app:night-$hour"'
PUSH = 'docker push -q "$REGISTRY/my-web-app:night-$hour"'
CLOCK_BACK = "python -c 'from ecrlab import client, home; client.LabClient(home.Home.find()).reset_clock()'"
SAVED_LOGIN = 'docker login --username AWS --password-stdin "$REGISTRY" < token.txt'
STARTER = (Path(__file__).parent / "files" / "nightly.sh").read_text(encoding="utf-8")
TOKEN = "get_authorization_token()['authorizationData'][0]['authorizationToken']"
FETCH = f"import boto3; print(boto3.client('ecr').{TOKEN})"
BY_BOTO3 = LOGIN.replace("aws ecr get-login-password", f'python -c "{FETCH}" | base64 -d | cut -d: -f2')


def script(*lines: str, before: str = "", hours: Sequence[int] = NIGHT, after: str = "") -> str:
    """Return a nightly script with these lines in its loop, and what stands before and after the loop."""
    body = "\n".join(f"  {line}" for line in lines)
    return f"{before}\nfor hour in {' '.join(map(str, hours))}; do\n{body}\ndone\n{after}\n"


def unrolled() -> str:
    """Return a script without a loop: a login at each hour at which the last one is too old."""
    lines = []
    for hour in NIGHT:
        login = [LOGIN] if hour in (0, 13, 26) else []
        lines += [f"hour={hour}", WAIT, *login, TAG, PUSH]
    return "\n".join(lines) + "\n"


TRIES = {
    "passed": {
        "login in the loop": script(WAIT, LOGIN, TAG, PUSH),
        "login when refused": script(WAIT, TAG, f"{PUSH} || {{ {LOGIN}; {PUSH}; }}", before=LOGIN),
        "without a loop, three logins": unrolled(),
        "the token by boto3, when refused": script(WAIT, TAG, f"{PUSH} || {{ {BY_BOTO3}; {PUSH}; }}", before=LOGIN),
    },
    "clock-back": [script(WAIT, CLOCK_BACK, TAG, PUSH, before=LOGIN)],
    "longer-life": [script(WAIT, TAG, PUSH, before=LOGIN.replace("password |", "password --duration-seconds 86400 |"))],
    "waited": {"sleep half a day": script(WAIT, TAG, f"{PUSH} || {{ sleep 43200; {PUSH}; }}", before=LOGIN)},
    "other-hour": {
        "all at hour 0": script(TAG, PUSH, before=LOGIN),
    },
    "hours-changed": {
        "all within one token's life": script(WAIT, TAG, PUSH, before=LOGIN, hours=(0, 3, 6, 9)),
        "the last one earlier, and logins in the loop": script(WAIT, LOGIN, TAG, PUSH, hours=(0, 11, 13, 20)),
    },
    "token-kept": {
        "in a file": script(WAIT, SAVED_LOGIN, TAG, PUSH, before="aws ecr get-login-password > token.txt"),
        "in a variable": script(
            WAIT,
            'docker login --username AWS --password-stdin "$REGISTRY" <<< "$token"',
            TAG,
            PUSH,
            before="token=$(aws ecr get-login-password)",
        ),
    },
    "swallowed": {"errors swallowed": script(WAIT, TAG, f"{PUSH} || true", before=LOGIN)},
    "too-old": {
        "a login after the loop too": STARTER + LOGIN + "\n",
        "a login before each wait": script(LOGIN, WAIT, TAG, PUSH),
        "a login at hour 11": script(WAIT, f"[ $hour -ne 11 ] || {LOGIN}", TAG, PUSH, before=LOGIN),
    },
    "nothing-sent": {"two hours removed": script(WAIT, TAG, PUSH, before=LOGIN, hours=(0, 11))},
    "not-arrived": {
        "only said to be pushed": script(WAIT, LOGIN, TAG, 'echo "pushed night-$hour"'),
    },
    "no-login": {"no login at all": script(WAIT, TAG, PUSH)},
    "other-region-login": {
        "a login for Ireland": script(WAIT, LOGIN.replace("password |", "password --region eu-west-1 |"), TAG, PUSH)
    },
    "other-person-login": {
        "with admin's keys": script(WAIT, LOGIN.replace("password |", "password --profile admin |"), TAG, PUSH)
    },
    "open-loop": {"without its done": script(WAIT, LOGIN, TAG, PUSH).replace("done\n", "")},
    "other-tag": {
        "another name": script(WAIT, LOGIN, TAG.replace("night-", "build-"), PUSH.replace("night-", "build-"))
    },
}


def reset(lab: Lab) -> None:
    """Remove the night's images, and put the clock back."""
    remove_builds(lab)
    lab.clock.reset()
