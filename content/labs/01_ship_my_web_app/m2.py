"""lab-01-m2: the server has fetched it, as itself. What a learner reads is in m2.md."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ecrlab.policy.sets import LOGIN, PULL
from ecrlab_course.authoring import FULL_ACCESS, POWER_USER, Lab, Sentence, as_words, in_code, requests
from ecrlab_course.authoring.beyond import Grant, Wanted, beyond
from ecrlab_course.authoring.evidence import manifest
from ecrlab_course.authoring.requests import Request
from ecrlab_course.authoring.staging import log_in, made, make_repository, put_image

from .state import (
    HOME,
    IRELAND,
    NAME,
    OTHER_NAME,
    PAGE,
    WANTED,
    Image,
    ask,
    images,
    put,
    right_ones,
    server_pulls,
    ship,
)  # fmt: skip

READING = (
    "ecr:Describe*", "ecr:List*", "ecr:Get*", "ecr:BatchGet*", "ecr:BatchCheckLayerAvailability",
    "ecr:BatchImportUpstreamImage",
)  # fmt: skip
VARIABLE = "arn:aws:ecr:us-east-1:123456789012:repository/${aws:ResourceTag/team}"
MANIFEST = re.compile(r"^/v2/(?:[^/]+\.amazonaws\.com/)?(.+)/manifests/([^/]+)$")

BLOB = re.compile(r"^/v2/(?:[^/]+\.amazonaws\.com/)?(.+)/blobs/([^/]+)$")
PULLS = re.compile(r"\b(docker|podman)\b.*\bpull\b")
LOOKS = re.compile(r"\b(docker|podman)\b.*\b(images|inspect|history|ls|run|create)\b")
BUILDS = re.compile(r"\b(docker|podman)\b.*\bbuild\b")


@dataclass(frozen=True)
class Pull:
    """A request for a manifest: who asked for what, when and where."""

    who: str
    repository: str
    reference: str
    sent: bool
    """False: only asked whether it is there."""
    region: str
    time: float
    row: Request

    @property
    def named(self) -> str:
        """The image as docker would write it, a digest cut short."""
        by_digest = self.reference.startswith("sha256:")
        return f"{self.repository}@{self.reference[:19]}…" if by_digest else f"{self.repository}:{self.reference}"

    def fetched(self, image: Image) -> bool:
        """Tell whether it asked for this image: by its digest, or by its tag after it was pushed."""
        if (self.region, self.repository) != (HOME, image.repository):
            return False
        by_tag = self.reference in image.tags and self.time >= image.pushed - 0.001
        return by_tag or self.reference == image.digest


class Seen:
    """Who fetched which manifest, and what ops may do beyond reading."""

    def __init__(self, lab: Lab) -> None:
        here = images(lab)
        self.right = right_ones(here)
        rows = [row for row in requests(lab, "registry") if row.method in ("GET", "HEAD")]
        asked = [pull for pull in map(pull_of, rows) if pull]
        pulls = [pull for pull in asked if pull.row.status == 200]
        mine = [pull for pull in asked if pull.who == "ops"]
        self.people = as_words(sorted({pull.who for pull in pulls})) or "nobody"
        self.good = [pull for pull in mine if pull.row.ok and any(map(pull.fetched, self.right))]
        self.config = any(row.ok and row.user == "ops" and holds(self.right, lab, row) for row in rows)
        before = {(one.repository, one.digest) for one in here if one.version == WANTED and not one.tags}
        self.older = any(
            pull.row.ok and pull.region == HOME and (pull.repository, pull.reference) in before for pull in mine
        )
        self.silent = any(
            run.profile == "ops" and run.code == 0 and PULLS.search(run.script) for run in lab.transcripts
        )
        self.last = mine[-1] if mine else None
        self.asked = self.last.named if self.last else ""
        decisions: list[Any] = list(self.last.row.row["decisions"]) if self.last else []
        self.reason = next((in_code(each["explanation"]) for each in decisions if each["decision"] == "denied"), "")
        self.stranger = bool(rows) and rows[-1].status == 401 and rows[-1].path != "/v2/"
        # A push looks for the manifest, too; only a pull counts as somebody else's.
        others = [pull for pull in pulls if pull.who != "ops" and any(map(pull.fetched, self.right))]
        others = [pull for pull in others if pull.time > self.right[0].pushed + 0.5]
        self.other = others[-1].who if others else ""
        self.shown = shown(lab, others[-1]) if others else ""
        self.local, self.from_where = on_this_computer(lab, self.right)
        where = [f"arn:aws:ecr:{HOME}:{lab.account}:repository/{image.repository}" for image in self.right[:1]]
        may = [Grant(LOGIN), *(Grant(PULL, arn) for arn in where)]
        found = beyond(lab, Wanted("ops", may, passes=Grant(READING), doors=()))
        self.wider, self.known = found.wider, found.verdict != "cannot tell"
        self.surplus, self.why = found.text, found.why


def pull_of(row: Request) -> Pull | None:
    """Return a request for a manifest as a Pull; None for any other."""
    match = MANIFEST.match(row.path)
    time = datetime.fromisoformat(row.row["time"]).timestamp()
    region = str(row.row["region"])
    return Pull(row.user, match[1], match[2], row.method == "GET", region, time, row) if match else None


def shown(lab: Lab, pull: Pull) -> Sentence | str:
    """Return what shows that docker of ops sent the login of whoever pulled; "" when nothing does."""
    seq = pull.row.seq
    run = next((each for each in lab.transcripts if each.before < seq <= each.after), None)
    if run is not None:
        return Sentence("in-the-cell") if run.profile == "ops" else ""
    here = f"localhost:{lab.registry.partition('/')[0].rpartition(':')[2]}"
    kept = any(login.user == pull.who and login.host == here for login in lab.logins("ops"))
    return Sentence("in-the-config") if kept else ""


def on_this_computer(lab: Lab, found: list[Image]) -> tuple[str, Sentence | str]:
    """Return the name of an image of these that ops looked at on this computer, and where it comes from; "" twice."""
    looked = any(run.profile == "ops" and run.code == 0 and LOOKS.search(run.script) for run in lab.transcripts)
    _, names = lab.sh("docker images --format '{{.Repository}}:{{.Tag}}' 2>/dev/null || true") if looked else (0, "")
    for image in found:
        for tag in image.tags:
            name = f"{lab.registry}/{image.repository}:{tag}"
            if name in names.split():
                built = any(run.code == 0 and BUILDS.search(run.script) for run in lab.transcripts)
                return f"$REGISTRY/{image.repository}:{tag}", Sentence("built" if built else "from-before")
    return "", ""


def holds(found: list[Image], lab: Lab, row: Request) -> bool:
    """Tell whether the request was for the config of one of these images: docker may have the manifest already.

    A layer may be another image's as well; the config is not.
    """
    match = BLOB.match(row.path)
    if not match or row.row["region"] != HOME:
        return False
    held = [manifest(lab, one.repository, one.digest) for one in found if one.repository == match[1]]
    return any(match[2] == one.get("config", {}).get("digest") for one in held)


def judge(seen: Seen) -> str:
    """Return the verdict's name in m2.md: ops asked for the image that is right now, and may only read."""
    if seen.wider:
        return "wide"
    if not seen.known:
        return "cannot-tell"
    if seen.good:
        return "passed" if any(pull.sent for pull in seen.good) else "nothing-sent"
    if seen.config:
        return "passed"
    if seen.last and seen.reason:
        return "may-not"
    if seen.older:
        return "older"
    if seen.last and seen.right:
        return "in-ireland" if seen.last.region == IRELAND else "another-image"
    if seen.other:
        return "borrowed-login" if seen.shown else "by-another"
    if seen.stranger:
        return "not-logged-in"
    if seen.silent:
        return "silent"
    return "only-here" if seen.local else "untouched"


def asked(
    lab: Lab,
    reference: str,
    profile: str = "ops",
    name: str = NAME,
    region: str = HOME,
    method: str = "GET",
    what: str = "manifests",
) -> None:
    """Ask for a manifest or a blob over HTTP, as skopeo does; an empty profile sends no login."""
    login = ""
    if profile:
        data = lab.client("ecr", profile, region).get_authorization_token()["authorizationData"][0]
        login = f"Basic {data['authorizationToken']}"
    ask(lab, reference, login, name, region, method, what)


def with_docker(lab: Lab) -> None:
    """Push as admin, pull as ops."""
    server_pulls(lab, ship(lab))


def by_digest(lab: Lab) -> None:
    """Pull by digest from a repository of another name."""
    asked(lab, put(lab, tag="prod", name=OTHER_NAME), name=OTHER_NAME)


def config_alone(lab: Lab) -> None:
    """Ask for the config: a docker that has pulled the digest before need not ask for the manifest."""
    held = manifest(lab, NAME, put(lab))
    asked(lab, held["config"]["digest"], what="blobs")


def layer_of_both(lab: Lab) -> None:
    """Pull 1.1, and a layer that 1.2 has as well."""
    base = {"etc/base": b"base"}
    make_repository(lab, NAME)
    put_image(lab, NAME, "1.1", base, {PAGE: b"1.1\n"})
    held = manifest(lab, NAME, put_image(lab, NAME, WANTED, base, {PAGE: b"1.2\n"}))
    asked(lab, "1.1")
    asked(lab, held["layers"][0]["digest"], what="blobs")


def already_here(lab: Lab) -> None:
    """Pull by digest what docker has: it sends a greeting, and asks for nothing."""
    reference = ship(lab)
    log_in(lab, "ops")
    digest = next(image.digest for image in images(lab) if image.repository == NAME)
    made(lab, f"docker pull -q {reference.rpartition(':')[0]}@{digest}", "ops")


def pushed_again(lab: Lab) -> None:
    """Pull by digest; then push another image that says 1.2 under the tag."""
    asked(lab, put(lab))
    put_image(lab, NAME, WANTED, {PAGE: b"1.2\n", "www/label.txt": b"again"})


def later_by_admin(lab: Lab) -> None:
    """Pull as admin, some time after the push."""
    lab.clock.advance(minutes=5)
    asked(lab, "1.2", "admin")


def with_the_token_of_admin(lab: Lab) -> None:
    """Pull in a cell of ops, with a token that admin's keys fetched."""
    reference = ship(lab)
    lab.clock.advance(minutes=5)
    made(
        lab,
        f"""aws --profile admin ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY" 2>&1
        docker rmi -f {reference} >/dev/null 2>&1 || true
        docker pull -q {reference}""",
        "ops",
    )


def unseen_with_that_token(lab: Lab) -> None:
    """Give docker of ops a token of admin; the pull that follows leaves no cell, as one in a terminal does."""
    made(
        lab,
        'aws --profile admin ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY" 2>&1',
        "ops",
    )
    later_by_admin(lab)


def looked_at(lab: Lab) -> None:
    """Build it under the name that it has in ECR, and look at it in a cell of ops."""
    reference = ship(lab)
    made(lab, f"docker build -q -t {reference} my-web-app-1.2/")
    made(lab, f"docker image inspect {reference} >/dev/null && echo there", "ops")


def from_the_start(lab: Lab) -> None:
    """List the images in a cell of ops: it is there since the checkpoint."""
    made(lab, "docker images", "ops")


def too_early(lab: Lab) -> None:
    """Pull while the tag still means 1.1; then move it to 1.2."""
    put(lab, "1.1", "prod")
    asked(lab, "prod")
    lab.clock.advance(minutes=5)
    lab.clear(NAME)
    put(lab, tag="prod")


def in_ireland(lab: Lab) -> None:
    """Put it into eu-west-1 as well, and pull there."""
    put(lab, region=IRELAND)
    asked(lab, "1.2", region=IRELAND)


def managed(lab: Lab, name: str) -> None:
    """Attach one of AWS's policies."""
    lab.client("iam").attach_user_policy(UserName="ops", PolicyArn=f"arn:aws:iam::aws:policy/{name}")


def inline(lab: Lab, actions: list[str], resource: str = "*") -> None:
    """Give ops an inline policy."""
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    lab.client("iam").put_user_policy(UserName="ops", PolicyName="mine", PolicyDocument=json.dumps(document))


def without_policy(lab: Lab) -> None:
    """Leave ops the login alone, as lesson 06 may."""
    iam = lab.client("iam")
    for one in iam.list_attached_user_policies(UserName="ops")["AttachedPolicies"]:
        iam.detach_user_policy(UserName="ops", PolicyArn=one["PolicyArn"])
    inline(lab, [LOGIN])


def one_repository(lab: Lab) -> None:
    """Let ops pull this one repository, by a policy of its own."""
    without_policy(lab)
    inline(lab, [LOGIN, *PULL])


TRIES = {
    "passed": {
        "docker": with_docker,
        "with another client": lambda lab: asked(lab, "1.2"),
        "by digest, other names": by_digest,
        "the config, with a manifest kept from before": config_alone,
        "with a policy of its own": [one_repository, lambda lab: asked(lab, "1.2")],
    },
    "nothing-sent": {"only asked for": lambda lab: asked(lab, "1.2", method="HEAD")},
    "wide": {
        "PowerUser": [lambda lab: managed(lab, POWER_USER), lambda lab: asked(lab, "1.2")],
        "full access, and no pull": lambda lab: managed(lab, FULL_ACCESS),
        "another service's star": [lambda lab: inline(lab, ["iam:*"]), lambda lab: asked(lab, "1.2")],
    },
    "cannot-tell": {"a name that a tag decides": lambda lab: inline(lab, ["ecr:PutImage"], VARIABLE)},
    "may-not": {"after lesson 06": [without_policy, lambda lab: asked(lab, "1.2")]},
    "not-logged-in": {"without a login": lambda lab: asked(lab, "1.2", "")},
    "in-ireland": {"from Ireland": in_ireland},
    "another-image": {
        "too early": too_early,
        "a layer that both have": layer_of_both,
        "the old one": [lambda lab: put(lab, "1.1"), lambda lab: asked(lab, "1.1")],
    },
    "older": {"pulled, then pushed again": pushed_again},
    "silent": {"docker has it already": already_here},
    "only-here": {"built here": looked_at, "there from the start": from_the_start},
    "borrowed-login": {"in a cell": with_the_token_of_admin, "in a terminal": unseen_with_that_token},
    "by-another": {"as admin": later_by_admin},
}
