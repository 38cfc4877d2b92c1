"""05-e5: three more servers, and no pull left. What a learner reads is in e5.md."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from itertools import pairwise

from botocore.exceptions import ClientError

from ecrlab.hub.library import note
from ecrlab_course.authoring import Lab, Sentence, as_words, call, pull
from ecrlab_course.authoring.evidence import ok, tags
from ecrlab_course.authoring.image_files import files_of
from ecrlab_course.authoring.staging import digest_of, make_repository
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.toolbox.hub_client import manifest, pass_for

from .state import (
    BASE,
    LIMIT,
    SECRET,
    SERVERS,
    WINDOW,
    Act,
    clear_cache,
    copied,
    fleet,
    make_rule,
    manifests,
    name_of,
    nobody,
    shows,
)

GOALS = (call("ecr:CreatePullThroughCacheRule", by=""), pull(BASE, by="", at="hub"))
WANTED = 3
AT_ECR = ("no-copy", "copy-lacks-tag", "without-library", "turned-away")
"""Misses that come after a copy was fetched, which is a pull of its own."""
NEIGHBOUR = "192.0.2.7"


class Seen:
    """Which servers started, and what the others read."""

    def __init__(self, lab: Lab) -> None:
        rows = since_refusal(lab.rows())
        fetched = [row for row in manifests(rows, "hub", "GET") if ok(row) and name_of(row) == BASE]
        fetched = [row for row in fetched if row["client"] != "ecr"]
        neighbours = [row for row in fetched if nobody(row) and shows(row).get("docker-ratelimit-source") == NEIGHBOUR]
        self.by_account = [row for row in fetched if not nobody(row)]
        self.for_nothing = [row for row in fetched if nobody(row) and row not in neighbours]
        served = without_the_page(row for row in manifests(rows, "registry", "GET") if ok(row))
        holds = {name: _is_base(lab, name) for name in {name_of(row) for row in served}}
        self.by_ecr = [row for row in served if holds[name_of(row)]]
        self.impostor = next((name for name, true in holds.items() if not true), "")
        self.started = len(self.by_account) + len(self.by_ecr)
        self.next_door = len(neighbours)
        ahead = [_ahead(row) for row in self.for_nothing]
        self.ahead = max([float(lab.control.status()["clock"]["offset_seconds"]), *ahead])
        limits = lab.control.hub()["limits"]
        self.changed = (limits["anonymous"], limits["window"]) != (LIMIT, WINDOW) or limits["account"] != 2 * LIMIT
        rules = lab.client("ecr").describe_pull_through_cache_rules()["pullThroughCacheRules"]
        prefixes = [str(each["ecrRepositoryPrefix"]) for each in rules]
        asked = [row for row in rows if row["operation"] == "CreatePullThroughCacheRule"]
        refused_rule = asked[-1] if asked and not ok(asked[-1]) else None
        others = [row for row in manifests(rows, "hub", "GET") if ok(row) and row["client"] != "ecr"]
        self.served = next((name_of(row) for row in reversed(others) if name_of(row) != BASE), "")
        self.last = next((said for row in reversed(rows) if (said := self._said(row, rows))), "")
        # What e5.md may name:
        refused = [row for row in manifests(rows, "hub") if row["status"] == 429]
        self.number = self.next_door if self.next_door else self.started or len(refused)
        self.times = "once" if len(refused) == 1 else f"{len(refused)} times"
        self.image = name_of(refused[-1]) if refused else ""
        at_ecr = [row for row in manifests(rows, "registry") if not ok(row)]
        self.name = name_of(at_ecr[-1]) if at_ecr else ""
        self.ruled = bool(prefixes)
        self.rule_refused = refused_rule is not None
        self.error = str(shows(refused_rule).get("message") or refused_rule["error"]) if refused_rule else ""
        self.prefixes = as_words(prefixes)
        self.counted = str(refused[-1]["principal"]) if refused else ""
        self.hours = f"{self.ahead / 3600:.0f}"
        self.how = "signed in" if self.by_account else "from ECR"
        if self.by_account and self.by_ecr:
            self.how = "some signed in, some from ECR"
        self.stopped = Sentence("stopped") if self.last == "still-refused" else Sentence("none-left")
        if self.started:
            self.stopped = Sentence("served")

    def _said(self, row: Row, rows: list[Row]) -> str:
        """Return what a request says of a miss, as a verdict's name; "" for one that says nothing."""
        if row["service"] == "hub":
            return _at_the_hub(row, rows)
        if row["service"] == "registry" and "/manifests/" in row["path"]:
            return _at_ecr(row)
        # The lab has no Service Quotas: such a call reaches it as one that it does not know.
        return "asked-aws" if row["service"] == "aws" and not ok(row) else ""


def without_the_page(served: Iterable[Row]) -> list[Row]:
    """Return what ECR served, without the fleet that the page itself starts through its rule."""
    rows = list(served)
    counted = Counter(name_of(row) for row in rows)
    return [row for row in rows if not (name_of(row).startswith("docker-hub/") and counted[name_of(row)] >= SERVERS)]


def since_refusal(rows: list[Row]) -> list[Row]:
    """Return the rows from the address's first 429 on; all where there was none, as when the checkpoint was built.

    What the page's own cells ask is left out: the fleet that ends in that 429, and the look next door.
    """
    refused = next((row for row in manifests(rows, "hub") if row["status"] == 429 and nobody(row)), None)
    if refused is None:
        return rows
    first = rows.index(refused)
    served = [row for row in manifests(rows[:first], "hub", "GET") if ok(row) and nobody(row) and name_of(row) == BASE]
    return without_the_look(rows[first + bool(served) :])


def without_the_look(rows: list[Row]) -> list[Row]:
    """Return the rows without a 429 that is followed at once by a fetch next door: the page's cell asks at both."""
    asked = [row for row in manifests(rows, "hub", "GET") if nobody(row) and name_of(row) == BASE]
    looks = [
        pair
        for pair in pairwise(asked)
        if pair[0]["status"] == 429
        and shows(pair[1]).get("docker-ratelimit-source") == NEIGHBOUR
        and float(pair[1]["wall"]) - float(pair[0]["wall"]) < 1
    ]
    return [row for row in rows if not any(row in pair for pair in looks)]


def _at_the_hub(row: Row, rows: list[Row]) -> str:
    if row["path"].startswith("/token") and row["status"] == 401:
        return "wrong-password"
    if row["status"] == 429 and not nobody(row):
        return "account-used-up"
    if row["status"] == 429:
        return "still-refused" if name_of(row) == BASE else "other-image"
    if row["method"] == "HEAD" and ok(row) and "/manifests/" in row["path"]:
        return "only-head"
    fetched = "/blobs/" in row["path"] and row["method"] == "GET" and ok(row)
    return "pieces" if fetched and not manifests(rows, "hub", "GET") else ""


def _at_ecr(row: Row) -> str:
    if row["status"] == 401:
        return "turned-away"
    if row["status"] == 403 and row["decision"] != "denied":
        return "without-library"
    if row["status"] == 404:
        return "no-copy" if "NAME_UNKNOWN" in str(row["error"]) else "copy-lacks-tag"
    return ""


def _ahead(row: Row) -> float:
    """Return by how many seconds the lab's clock was ahead of real time when the request came."""
    return datetime.fromisoformat(row["time"]).timestamp() - float(row["wall"])


def _is_base(lab: Lab, name: str) -> bool:
    """Tell whether ECR's image holds what the Hub's busybox holds: the program, and the note of where it was made."""
    digest = tags(lab, name).get("latest")
    paths = files_of(lab, name, digest).paths if digest else []
    return "etc/ecrlab-hub" in paths and any(path.endswith("busybox") for path in paths)


def judge(seen: Seen) -> str:
    """Return the verdict's name in e5.md: what must stay as it is, then the servers, then what the last one read."""
    if seen.ahead >= 60:
        return "waited"
    if seen.changed or seen.for_nothing:
        return "settings"
    if seen.started >= WANTED:
        if len(seen.by_ecr) >= WANTED:
            return "by-ecr"
        return "by-account" if len(seen.by_account) >= WANTED else "passed"
    if seen.next_door:
        return "next-door-short"
    if seen.started and seen.last not in AT_ECR:
        return "too-few"
    if seen.impostor:
        return "not-busybox"
    if seen.last == "no-copy" and seen.rule_refused:
        return "rule-refused"
    if seen.last == "no-copy" and seen.ruled:
        return "outside-rule"
    if seen.last:
        return missed(seen)
    return "other-served" if seen.served else "untouched"


def missed(seen: Seen) -> str:
    """Return what the last request says."""
    if seen.last == "turned-away":
        return "turned-away"
    if seen.last == "still-refused":
        return "still-refused"
    if seen.last == "other-image":
        return "other-image"
    if seen.last == "only-head":
        return "only-head"
    if seen.last == "pieces":
        return "pieces"
    if seen.last == "account-used-up":
        return "account-used-up"
    if seen.last == "wrong-password":
        return "wrong-password"
    if seen.last == "without-library":
        return "without-library"
    if seen.last == "no-copy":
        return "no-copy"
    return "copy-lacks-tag" if seen.last == "copy-lacks-tag" else "asked-aws"


# Tries


def servers(count: int, way: str = "hub", name: str = BASE) -> Act:
    """Return what starts servers as the learner does."""
    return lambda lab: fleet(lab, count, way, name)


def layers_only(lab: Lab) -> None:
    """Fetch a layer by its digest, as nobody: the manifest is not asked for."""
    digest = digest_of(gzip.compress(note(), 1, mtime=0))
    token = pass_for(lab.hub, f"repository:{BASE}:pull")
    lab.sh(f'curl -s -H "Authorization: Bearer {token}" "http://$HUB/v2/{BASE}/blobs/{digest}" >/dev/null')


def through(prefix: str) -> Act:
    """Return what makes a cache rule of that prefix."""
    return lambda lab: make_rule(lab, prefix)


def with_token(lab: Lab) -> None:
    """Start three with an access token in the password's place."""
    body = {"token_label": "fleet", "scopes": ["repo:public_read"]}
    secret = lab.hub.api("POST", "/v2/access-tokens", body, user="learner")["token"]
    for _ in range(3):
        manifest(lab.hub, BASE, user="learner", secret=secret)


def paid(lab: Lab) -> None:
    """Start three as a member with a paid plan."""
    lab.hub.user("aiko", plan="pro")
    for _ in range(3):
        manifest(lab.hub, BASE, user="aiko")


def from_next_door(lab: Lab) -> None:
    """Come in by the other address."""
    for _ in range(3):
        manifest(lab.hub, BASE, address=lab.hub.next_door)


def looked_next_door(lab: Lab) -> None:
    """Do what the page's cell does: ask at our address, which has no pull left, and at the other."""
    for address in (lab.hub.address, lab.hub.next_door):
        manifest(lab.hub, BASE, address=address)


def own_image(lab: Lab) -> None:
    """Put something else into ECR under that name."""
    make_repository(lab, "base/busybox")
    lab.push("base/busybox", "latest", b"not busybox")
    fleet(lab, 3, "ecr", "base/busybox")


def account_used_up(lab: Lab) -> None:
    """Let the account have no pull left, as the next exercise does."""
    lab.control.hub_window(used=2 * LIMIT, user="learner")


def nearly_used_up(lab: Lab) -> None:
    """Leave the account three pulls."""
    lab.control.hub_window(used=2 * LIMIT - 3, user="learner")


def rule_without_login(lab: Lab) -> None:
    """Ask for a rule, and leave the login out."""
    with suppress(ClientError):
        lab.client("ecr").create_pull_through_cache_rule(
            ecrRepositoryPrefix="docker-hub", upstreamRegistryUrl="registry-1.docker.io"
        )


def rule_by_aws(more: str, profile: str = "admin") -> Act:
    """Return what asks for a rule by the aws command, as the page does."""
    return lambda lab: lab.sh(
        "aws ecr create-pull-through-cache-rule --ecr-repository-prefix docker-hub "
        f"--upstream-registry-url registry-1.docker.io {more}",
        profile,
    )


def there_and_back(lab: Lab) -> None:
    """Move the clock, start the servers, and put it back."""
    lab.clock.advance(hours=7)
    fleet(lab, 3)
    lab.clock.reset()


def ask_quotas(lab: Lab) -> None:
    """Ask AWS for its quotas."""
    with suppress(ClientError, ValueError):
        lab.client("service-quotas").list_service_quotas(ServiceCode="ecr")


TRIES = {
    "passed": {"two ways": (through("docker-hub"), servers(2, "ecr", f"docker-hub/{BASE}"), servers(1, "me"))},
    "by-account": {
        "signed in": servers(3, "me"),
        "with an access token": with_token,
        "a paid plan": paid,
        "refused first": (servers(3), servers(3, "me")),
        "until the account has none left": (nearly_used_up, servers(4, "me")),
    },
    "by-ecr": {
        "a copy in ECR": (copied, servers(3, "ecr", "base/busybox")),
        "a cache rule": (through("docker-hub"), servers(3, "ecr", f"docker-hub/{BASE}")),
    },
    "untouched": {
        "the page's own fleet": (through("docker-hub"), servers(SERVERS, "ecr", f"docker-hub/{BASE}")),
        "the page's own look next door": looked_next_door,
    },
    "still-refused": {"twice": (servers(3), servers(3)), "after the page's look": (looked_next_door, servers(3))},
    "other-image": [servers(3, "hub", "ratelimitpreview/test")],
    "other-served": [servers(3, "me", "ratelimitpreview/test")],
    "other-repository": [servers(3, "me", "learner/harbour-map")],
    "local-name": [lambda lab: lab.sh("docker pull -q busybox")],
    "only-head": [lambda lab: manifest(lab.hub, BASE, method="HEAD")],
    "pieces": [layers_only],
    "too-few": [servers(2, "me")],
    "wrong-password": [lambda lab: pass_for(lab.hub, f"repository:{BASE}:pull", "learner", "wrong")],
    "without-library": [(through("docker-hub"), servers(3, "ecr", "docker-hub/busybox"))],
    "account-used-up": [(account_used_up, servers(3, "me"))],
    "no-copy": [servers(3, "ecr", "base/busybox")],
    "outside-rule": [(through("docker-hub"), servers(3, "ecr", BASE))],
    "rule-refused": [(rule_without_login, servers(3, "ecr", f"docker-hub/{BASE}"))],
    "action-not-named": [rule_by_aws(f"--credential-arn {SECRET}", "ops")],
    "call-in-other-region": [
        (rule_by_aws(f"--credential-arn {SECRET} --region eu-west-1"), servers(3, "ecr", f"docker-hub/{BASE}"))
    ],
    "unset-variable": [rule_by_aws('--credential-arn "$SECRET"')],
    "copy-lacks-tag": [(lambda lab: copied(lab, tag="1"), servers(3, "ecr", "base/busybox"))],
    "not-busybox": [own_image],
    "turned-away": [
        lambda lab: lab.sh(f'curl -s "http://${{REGISTRY%%/*}}/v2/${{REGISTRY#*/}}/{BASE}/manifests/latest"')
    ],
    "next-door-short": [from_next_door],
    "waited": {
        "seven hours": (lambda lab: lab.clock.advance(hours=7), servers(3)),
        "and put the clock back": there_and_back,
    },
    "settings": {
        "the limit": (lambda lab: lab.hub.limits(anonymous=None), servers(3)),
        "the window": (lambda lab: lab.control.hub_window(), servers(3)),
    },
    "asked-aws": [ask_quotas],
}


def reset(lab: Lab) -> None:
    """Use the address up again, and take away what stood in for the Hub."""
    lab.clock.reset()
    lab.hub.limits(anonymous=LIMIT, account=2 * LIMIT, window=WINDOW)
    lab.control.hub_window(used=LIMIT)
    clear_cache(lab)
