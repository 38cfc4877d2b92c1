"""10-e5: four things to show. What a learner reads is in e5.md."""

from __future__ import annotations

import json
from collections.abc import Callable

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import POWER_USER, Lab, Sentence, in_code, requests
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.evidence import tags
from ecrlab_course.authoring.requests import Request
from ecrlab_course.authoring.staging import ask_registry, digest_of_image, log_in, put_image

from .state import FIRST, PAGE, SECOND, arn, give, pulls, sprint

Step = Callable[[Lab], object]
ONE, TWO = digest_of_image(FIRST), digest_of_image(FIRST, SECOND)
WANTED = Wanted("ops", (Grant(LOGIN), Grant(PULL, arn(PAGE))))


class Seen:
    """What ops may and did, what the tags name, and whether a login was seen to expire."""

    def __init__(self, lab: Lab) -> None:
        found = beyond(lab, WANTED)
        self.wider, self.surplus, self.unsure = found.wider and not found.missing, found.text, found.why
        self.unclear = found.verdict == "cannot tell"
        lacking = [each for each in found.missing if each["action"] != LOGIN]
        self.may = not found.missing
        self.half = len(lacking) == 1
        self.action = lacking[0]["action"] if lacking else ""
        self.why = in_code(str(lacking[0].get("reason", ""))) if lacking else ""
        rows = requests(lab, "registry", "layers")
        got = [row for row in rows if row.ok and _fetches(row) and f"/{PAGE}/manifests/" in row.path]
        self.pulled = any(row.user == "ops" for row in got)
        self.puller = next((row.user for row in reversed(got) if row.user != "ops"), "")
        denied = [row for row in requests(lab) if row.user == "ops" and row.denied]
        self.reason = in_code(str(denied[-1].row["reason"])) if denied else ""
        named = tags(lab, PAGE)
        self.prod, self.one_there = named.get("prod", ""), named.get("1.1") == TWO
        logins = [
            row.seq for row in requests(lab, "ecr") if row.user == "ops" and row.operation == "GetAuthorizationToken"
        ]
        old = [row for row in rows if row.status == 403 and "has expired" in str(row.row["said"])]
        self.expired = bool(old)
        self.his = any(row.user == "ops" or (not row.user and any(seq < row.seq for seq in logins)) for row in old)
        ahead = float(lab.control.status()["clock"]["offset_seconds"])
        self.ahead = ahead > 60
        self.hours = f"{ahead / 3600:.0f}"
        self.changed = bool(self.pulled or self.puller or self.reason or old or self.prod != TWO or not self.one_there)
        self.changed = self.changed or self.may or self.half or self.unclear or self.ahead
        self.a = self.may and not self.wider and not self.unclear and self.pulled
        reached = {
            "A": self.a,
            "B": self.prod == ONE,
            "C": self.one_there and self.prod != TWO,
            "D": self.his and not self.ahead,
        }
        self.done: str = ", ".join(name for name, yes in reached.items() if yes) or Sentence("none")
        self.open: str = ", ".join(name for name, yes in reached.items() if not yes) or Sentence("none")


def _fetches(row: Request) -> bool:
    """Tell whether it is a pull's: docker asks for a manifest's head alone when it has the image already."""
    return row.method == "GET" or (row.method == "HEAD" and "docker/" in (row.row["user_agent"] or ""))


def judge(seen: Seen) -> str:
    """Return the verdict's name in e5.md."""
    if not seen.changed:
        return "untouched"
    if not seen.one_there:
        return "image-gone"
    if not seen.a:
        return about_rights(seen)
    if seen.prod != ONE:
        return about_tags(seen)
    return about_login(seen)


def about_rights(seen: Seen) -> str:
    """Return what is said of A."""
    if seen.unclear:
        return "cannot-tell"
    if seen.wider:
        return "wider"
    if not seen.may:
        if seen.half:
            return "refused-action"
        if seen.puller:
            return "as-admin"
        return "still-refused" if seen.reason else "not-allowed"
    return "not-pulled"


def about_tags(seen: Seen) -> str:
    """Return what is said of B."""
    if not seen.prod:
        return "prod-gone"
    return "prod-stays" if seen.prod == TWO else "other-image"


def about_login(seen: Seen) -> str:
    """Return what is said of D."""
    if not seen.expired:
        return "not-expired"
    if not seen.his:
        return "not-his-login"
    return "clock-ahead" if seen.ahead else "passed"


# What the tests try


def login(lab: Lab) -> None:
    """Give docker of ops a fresh login."""
    log_in(lab, "ops")


def rights(*resources: str) -> Step:
    """Return what gives ops the pull from these repositories, in place of the policy that was there."""
    return lambda lab: give(lab, "ops", *pulls(*resources))


def pull(who: str = "ops", tag: str = "1") -> Step:
    """Return a pull from web/page by somebody."""
    return lambda lab: ask_registry(lab, PAGE, tag, who)


def back(lab: Lab) -> None:
    """Let prod name the image of 1."""
    put_image(lab, PAGE, "prod", FIRST)


def old_pull(who: str) -> Step:
    """Return a pull with a login that is thirteen hours old; the clock stays ahead."""

    def act(lab: Lab) -> None:
        data = lab.client("ecr", who).get_authorization_token()["authorizationData"][0]
        lab.clock.advance(hours=13)
        host, _, path = lab.registry.partition("/")
        lab.sh(
            f'curl -s -H "Authorization: Basic {data["authorizationToken"]}" http://{host}/v2/{path}/{PAGE}/manifests/1'
        )

    return act


def clock_back(lab: Lab) -> None:
    """Put the clock back."""
    lab.clock.reset()


def power_user(lab: Lab) -> None:
    """Attach what everybody attaches first."""
    lab.client("iam").attach_user_policy(UserName="ops", PolicyArn=f"arn:aws:iam::aws:policy/{POWER_USER}")


def delete(**which: str) -> Step:
    """Return what deletes an image of web/page by tag or digest."""
    return lambda lab: lab.client("ecr").batch_delete_image(repositoryName=PAGE, imageIds=[which])


def one_action(lab: Lab) -> None:
    """Allow the manifest, and not the layers."""
    give(lab, "ops", *pulls(arn(PAGE), actions=PULL[:1]))


def somebody(lab: Lab) -> None:
    """Let whoever has an id pull from web/page, by the repository's own policy."""
    one = {"Effect": "Allow", "Principal": "*", "Condition": {"StringLike": {"aws:userid": "AIDAEXAMPLE"}}}
    text = json.dumps({"Version": "2012-10-17", "Statement": [{**one, "Action": list(PULL)}]})
    lab.client("ecr").set_repository_policy(repositoryName=PAGE, policyText=text)


A, D = (rights(arn(PAGE)), pull()), (old_pull("ops"), clock_back)
TRIES = {
    "passed": {
        "one after the other": (*A, back, *D),
        "the login first": (*D, back, *A),
        "the policy deleted first": (
            lambda lab: lab.client("iam").delete_user_policy(UserName="ops", PolicyName="pages"),
            *A,
            back,
            *D,
        ),
    },
    "as-admin": [(pull("admin"), back)],
    "not-allowed": [back, D],
    "still-refused": [pull()],
    "refused-action": [(one_action, pull())],
    "wider": {
        "PowerUser": (power_user, pull()),
        "a star behind the name": (rights(arn("web/page*")), pull()),
        "all actions": (lambda lab: give(lab, "ops", *pulls(arn(PAGE), actions=["ecr:*"])), pull()),
    },
    "cannot-tell": [(*A, somebody)],
    "image-gone": [(*A, delete(imageDigest=TWO)), delete(imageTag="1.1")],
    "prod-gone": [(*A, delete(imageTag="prod"))],
    "prod-stays": [A],
    "other-image": [(*A, lambda lab: put_image(lab, PAGE, "prod", SECOND))],
    "not-pulled": [(A[0], back)],
    "not-expired": [(*A, back)],
    "not-his-login": [(*A, back, old_pull("admin"), clock_back)],
    "clock-ahead": [(*A, back, old_pull("ops"))],
}


def reset(lab: Lab) -> None:
    """Put the policy, the tags and the clock back."""
    lab.clock.reset()
    sprint(lab)
