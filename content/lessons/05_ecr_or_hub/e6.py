"""05-e6: a fleet through the cache. What a learner reads is in e6.md."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from ecrlab.home import REGION
from ecrlab_course.authoring import Lab, Sentence, call
from ecrlab_course.authoring.evidence import ok, user_of
from ecrlab_course.authoring.staging import log_in
from ecrlab_course.documents.xray_row import Row

from .state import (
    BASE,
    IRELAND,
    LIMIT,
    SECRET,
    SERVERS,
    Act,
    clear_cache,
    copied,
    fleet,
    make_rule,
    manifests,
    name_of,
    shows,
)

GOALS = (call("ecr:CreatePullThroughCacheRule", by=""),)
PREFIX = "mirror"
NAME = f"{PREFIX}/{BASE}"


class Seen:
    """The rules, who was served through them, and how often the Hub was asked for the manifest."""

    def __init__(self, lab: Lab) -> None:
        rules = lab.client("ecr").describe_pull_through_cache_rules()["pullThroughCacheRules"]
        prefixes = [str(each["ecrRepositoryPrefix"]) for each in rules]
        self.rule = PREFIX in prefixes
        created = next((each["createdAt"] for each in rules if each["ecrRepositoryPrefix"] == PREFIX), None)
        rows = since(lab.rows(), created)
        made = [row for row in rows if row["operation"] == "CreatePullThroughCacheRule"]
        self.made = any(ok(row) for row in made)
        self.refused = made[-1] if made and not ok(made[-1]) else None
        at_ecr = manifests(rows, "registry")
        through = [row for row in at_ecr if name_of(row).startswith(f"{PREFIX}/") and name_of(row).endswith("busybox")]
        self.served = len([row for row in through if ok(row) and row["method"] == "GET"])
        self.by_hand = bool(self.served) and not any(row["operation"] == "DeletePullThroughCacheRule" for row in rows)
        asked = [row for row in manifests(rows, "hub", "GET") if name_of(row) == BASE]
        through_rule = [row for row in asked if row["client"] == "ecr" and ok(row)]
        self.asked_by_ecr = len([row for row in through_rule if _for(row, at_ecr).startswith(f"{PREFIX}/")])
        others = [row for row in at_ecr if name_of(row).startswith(f"{PREFIX}/") and row not in through and ok(row)]
        self.asked_by_servers = len([row for row in asked if row["client"] != "ecr"])
        about = [row for row in at_ecr if name_of(row) == BASE or name_of(row).startswith(f"{PREFIX}/")]
        missed = [row for row in about if not ok(row) and row["status"] != 401]
        self.missed = missed[-1] if missed else None
        self.other = name_of(others[-1]) if others else ""
        upstream = [row for row in rows if row["service"] == "hub" and row["client"] == "ecr"]
        self.stopped = any(row["status"] == 429 for row in upstream)
        # What e6.md may name:
        self.asked = self.asked_by_ecr + self.asked_by_servers
        self.times = "once" if self.asked_by_ecr == 1 else f"{self.asked_by_ecr} times"
        self.prefix = next((each for each in reversed(prefixes) if each not in (PREFIX, "docker-hub")), "")
        self.error = str(self.refused["error"]) if self.refused else ""
        self.name = name_of(self.missed) if self.missed else ""
        self.who = user_of(self.missed) if self.missed else ""
        self.rule_seen = Sentence("there") if self.rule else Sentence("missing")
        self.reason = str(shows(self.refused).get("message", "")) if self.refused else ""


def since(rows: list[Row], created: datetime | None) -> list[Row]:
    """Return the rows from the rule on; all of them where there is none."""
    if created is None:
        return rows
    made = (row for row in rows if row["operation"] == "CreatePullThroughCacheRule" and ok(row))
    second = int(created.timestamp())
    begin = next((row["seq"] for row in made if datetime.fromisoformat(row["time"]).timestamp() >= second), 0)
    return [row for row in rows if row["seq"] >= begin]


def _for(asked: Row, at_ecr: list[Row]) -> str:
    """Return the repository whose pull let ECR ask the Hub: that request ends after the one that it waited for."""
    return next((name_of(row) for row in at_ecr if row["seq"] > asked["seq"]), "")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e6.md: the rule, then the servers, then the Hub."""
    if seen.served >= SERVERS and not seen.rule:
        return "by-hand" if seen.by_hand else "rule-gone"
    if seen.served >= SERVERS:
        return "passed" if seen.asked_by_ecr <= 1 else "asked-again"
    if not seen.rule:
        return no_rule(seen)
    if seen.asked_by_servers:
        return "asked-often"
    if seen.served:
        return "not-enough"
    if seen.other:
        return "other-image"
    return refused_pull(seen) if seen.missed else "rule-only"


def no_rule(seen: Seen) -> str:
    """Return why there is no rule of that prefix."""
    said = f"{seen.error} {seen.reason}"
    if seen.refused is not None and "credentialArn is required" in said:
        return "no-credential"
    if seen.refused is not None and "UnsupportedUpstreamRegistry" in said:
        return "other-upstream"
    if seen.refused is not None and "credentialArn" in said:
        return "secret-name"
    if seen.refused is not None:
        return "rule-refused"
    if seen.prefix and seen.made:
        return "other-rule"
    return "no-rule" if seen.missed else "untouched"


def refused_pull(seen: Seen) -> str:
    """Return why nobody was served through the rule."""
    assert seen.missed is not None
    if seen.stopped:
        return "used-up"
    if not seen.name.startswith(f"{PREFIX}/"):
        return "no-prefix"
    if seen.who != "admin":
        return "as-ops"
    if seen.name.count("/") == 1:
        return "without-library"
    return "no-such-image"


# Tries


def rule(
    prefix: str = PREFIX,
    upstream: str = "registry-1.docker.io",
    secret: str = SECRET,
    upstream_prefix: str = "",
    profile: str = "admin",
    region: str = REGION,
) -> Act:
    """Return what asks for a rule; what is refused stays refused."""

    def ask(lab: Lab) -> None:
        given = {"credentialArn": secret, "upstreamRepositoryPrefix": upstream_prefix}
        given = {name: value for name, value in given.items() if value}
        with suppress(ClientError, BotoCoreError):
            lab.client("ecr", profile, region).create_pull_through_cache_rule(
                ecrRepositoryPrefix=prefix, upstreamRegistryUrl=upstream, **given
            )

    return ask


def servers(count: int = SERVERS, name: str = NAME, way: str = "ecr", profile: str = "admin") -> Act:
    """Return what starts servers as the learner does."""
    return lambda lab: fleet(lab, count, way, name, profile)


def by_docker_first(lab: Lab) -> None:
    """Let docker make the first pull."""
    log_in(lab)
    lab.sh(f'docker pull -q "$REGISTRY/{NAME}:latest"')


def delete_rule(lab: Lab) -> None:
    """Take the rule away again."""
    lab.client("ecr").delete_pull_through_cache_rule(ecrRepositoryPrefix=PREFIX)


def use_account_up(lab: Lab) -> None:
    """Let the account that the rule signs in with have no pull left."""
    lab.control.hub_window(used=2 * LIMIT, user="learner")


TRIES = {
    "passed": {
        "the rule, the fleet": (rule(), servers()),
        "first pull by docker": (rule(), by_docker_first, servers()),
        "beside the rule of the text": (lambda lab: make_rule(lab, "docker-hub"), rule(), servers()),
        "after the servers of the text, and a miss": (
            lambda lab: make_rule(lab, "docker-hub"),
            servers(1, f"docker-hub/{BASE}"),
            servers(1),
            rule(),
            servers(),
        ),
        "before the servers of the text": (
            rule(),
            servers(),
            lambda lab: make_rule(lab, "docker-hub"),
            servers(1, f"docker-hub/{BASE}"),
        ),
        "in two parts": (rule(), servers(60), servers(41)),
        "without library in the name": (rule(upstream_prefix="library"), servers(name=f"{PREFIX}/busybox")),
        "a rule, and servers at the Hub as well": (rule(), servers(2, BASE, "me"), servers()),
    },
    "rule-only": {
        "nobody pulled": rule(),
        "the servers came before": (servers(1), rule()),
        "a copy by hand, served before": (lambda lab: copied(lab, NAME), servers(), rule()),
    },
    "not-enough": {"one of 101": (rule(), servers(1))},
    "asked-again": [(rule(), servers(50), lambda lab: lab.clock.advance(hours=25), servers(51))],
    "other-image": [(rule(), servers(2, f"{PREFIX}/ratelimitpreview/test"))],
    "by-hand": [(lambda lab: copied(lab, NAME), servers())],
    "asked-often": {"signed in": (rule(), servers(3, BASE, "me"))},
    "no-credential": [rule(secret="")],
    "secret-name": [rule(secret=SECRET.replace("ecr-pullthroughcache/", ""))],
    "other-upstream": [rule(upstream="docker.io")],
    "other-rule": [rule("hub")],
    "rule-refused": [rule("no good prefix")],
    "no-rule": [servers(1)],
    "without-library": [(rule(), servers(name=f"{PREFIX}/busybox"))],
    "no-prefix": [(rule(), servers(name=BASE))],
    "no-such-image": {
        "a name mistyped": (rule(), servers(name=f"{PREFIX}/library/busy-box")),
        "the map, which has no latest": (rule(), servers(name=f"{PREFIX}/learner/harbour-map")),
    },
    "used-up": [(use_account_up, rule(), servers())],
    "as-ops": [(rule(), servers(profile="ops"))],
    "rule-gone": [(rule(), servers(), delete_rule)],
    "call-in-other-region": [(rule(region=IRELAND), servers(1))],
    "action-not-named": [rule(profile="ops")],
    "unset-variable": [
        lambda lab: lab.sh(
            f"aws ecr create-pull-through-cache-rule --ecr-repository-prefix {PREFIX} "
            '--upstream-registry-url registry-1.docker.io --credential-arn "$SECRET"'
        )
    ],
}


def reset(lab: Lab) -> None:
    """Take the rule and what came through it away; the address stays used up, the clock is real."""
    lab.clock.reset()
    clear_cache(lab)
    lab.control.hub_window(used=LIMIT)
