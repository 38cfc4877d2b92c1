"""Drill d20: toomanyrequests, read from the headers; the address or the account. What a learner reads is in d20.md."""

from __future__ import annotations

from pathlib import Path

from ecrlab_course.authoring import Sentence
from ecrlab_course.authoring.evidence import ok
from ecrlab_course.authoring.typed import numbers
from ecrlab_course.causes.scene import place_of
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.drills.account import DrillLab
from ecrlab_course.drills.drill import Findings, attempt
from ecrlab_course.toolbox.hub_client import manifest

BASE, CREW = "library/busybox", "crew"
LIMITS = {"anonymous": 100, "account": 200, "window": 21600}
SECRET = "arn:aws:secretsmanager:us-east-1:777788889999:secret:ecr-pullthroughcache/hub-AbCdEf"
FLEET = Path(__file__).parent.parent / "lessons" / "05_ecr_or_hub" / "files" / "fleet.py"
TEN = 10


def prepare(lab: DrillLab) -> None:
    """Use the address up, or the account of the nodes; put fleet.py into the folder."""
    lab.clock.reset()
    lab.hub.limits(**LIMITS)
    lab.write("crew-password", lab.hub.user(CREW) + "\n")
    text = FLEET.read_text(encoding="utf-8")
    text = text.replace('"learner"', '"crew"').replace('os.environ["HUB_PASSWORD_FILE"]', '"crew-password"')
    lab.write("fleet.py", text.replace('way == "me"', 'way in ("me", "crew")').replace("learner", "crew"))
    used = {"address": 100, "account": 200}[lab.seed]
    lab.control.hub_window(used=used, user=CREW if lab.seed == "account" else None)


class Seen:
    """Who was served and who was stopped, what was looked at, and what was typed."""

    def __init__(self, lab: DrillLab, findings: Findings) -> None:
        rows = [row for row in lab.rows() if "/manifests/" in row["path"] or row["service"] == "hub"]
        at_hub = [row for row in rows if row["service"] == "hub" and "/manifests/" in row["path"]]
        stopped_one = CREW if lab.seed == "account" else None
        asked = [row for row in at_hub if row["client"] != "ecr" and (row["principal"] or None) == stopped_one]
        self.looked = any("ratelimit-remaining" in (row.get("shows") or {}) for row in asked)
        served = [row for row in at_hub if row["method"] == "GET" and ok(row) and row["client"] != "ecr"]
        at_ecr = [row for row in rows if row["service"] == "registry"]
        cached = [row for row in at_ecr if row["method"] == "GET" and ok(row) and _is_base(row)]
        self.by_ecr = len(cached)
        self.started = len([row for row in served if _is_base(row)]) + self.by_ecr
        stopped = [row for row in at_hub if row["status"] == 429]
        self.refused = len(stopped)
        self.crew_stopped = any(row["principal"] == CREW for row in stopped)
        self.touched = bool(rows)
        now = lab.control.hub()["limits"]
        free = lab.seed == "address" and any(not row["principal"] for row in served)
        self.changed = now != LIMITS or free or lab.control.status()["clock"]["offset_seconds"] >= 60
        missed = [row for row in at_ecr if row["status"] in (403, 404)]
        self.name = place_of(missed[-1]).repository if missed else ""
        self.how = "from ECR" if self.by_ecr else "signed in" if lab.seed == "address" else "as strangers"
        self.stopped = Sentence("nobody-yet")
        if stopped:
            self.stopped = Sentence("crew-too") if self.crew_stopped else Sentence("strangers")
        self.seed, self.whose = lab.seed, findings.get("whose", "")
        self.left = numbers(findings.get("left", ""))
        self.typed = bool(self.whose or self.left)


def _is_base(row: Row) -> bool:
    return place_of(row).repository.endswith("busybox")


def judge(seen: Seen) -> str:
    """Return the verdict's name in d20.md: ten servers, then whose limit, then the numbers."""
    if not seen.touched and not seen.typed:
        return "untouched"
    if seen.changed:
        return "waited"
    if seen.started < TEN:
        return short(seen)
    if not seen.looked:
        return "not-looked"
    if seen.whose in ("ecr", "quota"):
        return "whose-ecr"
    if seen.whose != seen.seed:
        return "whose-wrong"
    wanted = {0, LIMITS["anonymous" if seen.seed == "address" else "account"]}
    return "passed" if set(seen.left) == wanted else "left-wrong"


def short(seen: Seen) -> str:
    """Return why fewer than ten started."""
    if seen.started:
        return "too-few"
    if seen.crew_stopped:
        return "account-too"
    if seen.refused:
        return "still-stopped"
    if seen.name:
        return "no-busybox"
    return "too-few" if seen.touched else "not-looked"


def fleet(lab: DrillLab, way: str, count: int = TEN) -> None:
    """Start servers as the learner does."""
    lab.sh(f"python fleet.py {count} {way}")


def look(lab: DrillLab) -> None:
    """Look at both numbers by HEAD."""
    for user in ("", CREW):
        manifest(lab.hub, BASE, user=user, method="HEAD")


def cache(lab: DrillLab) -> None:
    """Make a rule, and start from it."""
    lab.client("ecr").create_pull_through_cache_rule(
        ecrRepositoryPrefix="hub", upstreamRegistryUrl="registry-1.docker.io", credentialArn=SECRET
    )
    fleet(lab, f"ecr hub/{BASE}")


def signed_in(lab: DrillLab) -> None:
    """Look, and start signed in."""
    look(lab)
    fleet(lab, "crew")


def by_cache(lab: DrillLab) -> None:
    """Look, and start from a rule."""
    look(lab)
    cache(lab)


def as_strangers(lab: DrillLab) -> None:
    """Look, and start as strangers."""
    look(lab)
    fleet(lab, "hub")


TRIES = {
    "passed": {
        "signed in": attempt({"whose": "address", "left": "0 of 100"}, signed_in, seed="address"),
        "a cache for the address": attempt({"whose": "address", "left": "100, 0"}, by_cache, seed="address"),
        "a cache for the account": attempt({"whose": "account", "left": "none of 200"}, by_cache, seed="account"),
        "the account is stopped, the address is not": attempt(
            {"whose": "account", "left": "0 of 200"}, as_strangers, seed="account"
        ),
    },
    "not-looked": {"only the cache": attempt({"whose": "address", "left": "0 of 100"}, cache, seed="address")},
    "still-stopped": {"again and again": attempt(do=as_strangers, seed="address")},
    "account-too": {"signing in does not help": attempt({"whose": "address"}, signed_in, seed="account")},
    "too-few": {"three": attempt(do=lambda lab: fleet(lab, "crew", 3), seed="address")},
    "waited": {"seven hours": attempt({"whose": "address"}, lambda lab: lab.clock.advance(hours=7), seed="address")},
    "no-busybox": {"no such copy": attempt(do=lambda lab: fleet(lab, "ecr base/busybox"), seed="address")},
    "whose-ecr": {"called ECR's": attempt({"whose": "ecr", "left": "0 of 100"}, signed_in, seed="address")},
    "whose-wrong": {"the other one": attempt({"whose": "address", "left": "0 of 100"}, by_cache, seed="account")},
    "left-wrong": {"ten an hour": attempt({"whose": "address", "left": "10"}, signed_in, seed="address")},
}
