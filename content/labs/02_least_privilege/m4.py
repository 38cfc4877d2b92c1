"""lab-02-m4: used, each in their own name. What a learner reads is in m4.md."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ecrlab.policy.sets import PULL
from ecrlab_course.authoring import Lab, Request, Sentence, in_code, pull, push, requests
from ecrlab_course.authoring.evidence import images, tags
from ecrlab_course.authoring.staging import PEOPLE, as_session, ask_registry, log_in, log_out, made, put_image
from ecrlab_course.authoring.wire import at_ecr

from . import designs
from .designs import MAPS, give
from .look import Look, inside
from .table import DARA, OMAR, PIPELINE, REPOSITORIES, allow, arn, let, role, user
from .table import MAPS as COMPANY

GOALS = (
    push("release/*", by=""),
    pull("release/*", by="ops"),
    pull("release/booking", by="partner"),
    push("dev/*", by="developer"),
)
PLACE = re.compile(r"^/v2/(?:[^/]+\.amazonaws\.com/)?(.+)/manifests/([^/]+)$")


@dataclass(frozen=True)
class Done:
    """A manifest that somebody stored or asked for: where, by which name, as which principal.

    No name: an image that was there already got one more.
    """

    who: str
    repository: str
    reference: str
    row: Request

    @property
    def named(self) -> str:
        """The image as docker would write it, a digest cut short."""
        if not self.reference:
            return self.repository
        by_digest = self.reference.startswith("sha256:")
        return f"{self.repository}@{self.reference[:19]}…" if by_digest else f"{self.repository}:{self.reference}"


class Seen(Look):
    """The doors, what is open beyond them, and who pushed and pulled since the milestone began."""

    def __init__(self, lab: Lab) -> None:
        super().__init__(lab)
        rows = requests(lab, "registry", "ecr")
        self.done, self.lost, self.image, self.omar_asked, self.other = [False] * 4, "", "", "", ""
        self.old = self.elsewhere = ""
        self.bare = False
        self.refused_who = self.refused_action = self.refused_thing = self.refused_why = ""
        self.other_text = Sentence("no")
        if not self.locked:
            self._read_rows(lab, rows)
            self.lost = next((name for name in REPOSITORIES if has_lost(lab, name)), "")
        said = (Sentence("yes") if each else Sentence("no") for each in self.done)
        self.pipeline, self.omar, self.maps, self.dara = said

    def _read_rows(self, lab: Lab, rows: list[Request]) -> None:
        pushes, pulls = list(_pushes(lab, rows)), list(_pulls(rows))
        all_ours = self._by(pushes, PIPELINE.name, "release/")
        fetched = self._by(pulls, OMAR.name, "release/")
        theirs = self._by([*pulls, *_calls(rows)], COMPANY.name, "release/booking")
        built = self._by(pushes, DARA.name, "dev/")
        held = {name: tags(lab, name) for name in {each.repository for each in (*pushes, *fetched)}}
        ours = [each for each in all_ours if each.reference and not _is_first(each, held)]
        self.old = all_ours[-1].named if all_ours and not ours else ""
        """What the pipeline gave one more name, where it pushed nothing else."""
        digests = {_digest(each, held): each for each in ours}
        same = [each for each in fetched if _after(each, digests.get(_digest(each, held)))]
        named = [each.named for each in ours if not same or each.repository == same[-1].repository]
        self.image, self.omar_asked = (named or [""])[-1], fetched[-1].named if fetched else ""
        self.done = [bool(ours), bool(same), bool(theirs), bool(built)]
        away = self._by(pushes, PIPELINE.name, "")
        self.elsewhere = away[-1].named if away and not all_ours else ""
        """What the pipeline pushed, where none of it lies under release/."""
        self._read_denied(rows)
        self._read_others([each for each in pushes if not _is_first(each, held)], pulls)

    def _by(self, found: Iterable[Done], name: str, prefix: str) -> list[Done]:
        """Return what a person did, or a role on the way, in these repositories."""
        names = self._names(name)
        return [each for each in found if each.repository.startswith(prefix) and _is(each.who, names)]

    def _names(self, name: str) -> list[str]:
        if self.locked == "iam":
            return []
        who = next(person.who for person in self.here.matrix.people if person.name == name)
        return [who, *(self.here.reached.get(name, ()) if not who.startswith("role/") else ())]

    def _read_denied(self, rows: list[Request]) -> None:
        """Read the last refusal of somebody whose part is still open."""
        names = (PIPELINE.name, OMAR.name, COMPANY.name, DARA.name)
        for name, done in zip(names, self.done, strict=True):
            mine = [row for row in rows if _is(str(row.row["principal"] or ""), self._names(name))]
            if not done and mine and mine[-1].denied:
                self.refused_who, self.refused_action = inside(name), mine[-1].action
                self.refused_thing = str(mine[-1].row["resource"] or "*").rpartition(":")[2]
                decisions = mine[-1].row["decisions"]
                said = [str(each["explanation"]) for each in decisions if each["decision"] == "denied"]
                self.refused_why = in_code(said[0]) if said else ""
        alone = [row for row in rows if _is(str(row.row["principal"] or ""), ["user/ci"])]
        if not self.refused_who and not self.done[0] and alone and alone[-1].denied:
            self.bare, self.refused_action = True, alone[-1].action

    def _read_others(self, pushes: list[Done], pulls: list[Done]) -> None:
        """Read who did somebody's part in another name."""
        parts = (
            ([each for each in pushes if each.repository.startswith("release/")], Sentence("pushed-by")),
            ([each for each in pulls if each.repository.startswith("release/")], Sentence("pulled-by")),
            ([each for each in pulls if each.repository == "release/booking"], Sentence("maps-by")),
            ([each for each in pushes if each.repository.startswith("dev/")], Sentence("dev-by")),
        )
        asked = [name for name in (PIPELINE.name, OMAR.name, COMPANY.name, DARA.name) for name in self._names(name)]
        for done, (found, sentence) in zip(self.done, parts, strict=True):
            strangers = [each for each in found if not _is(each.who, asked)]
            if not done and strangers and not self.other:
                self.other = strangers[-1].who.rpartition(":")[2]
                self.other_text = sentence


def _is(principal: str, names: Iterable[str]) -> bool:
    """Tell whether a row's principal is one of these: "user/ops", "role/pipeline", "444455556666:user/partner"."""
    for name in names:
        account, _, rest = name.rpartition(":")
        if rest.startswith("role/") and f":assumed-role/{rest[5:]}/" in principal:
            return True
        if principal == f"arn:aws:iam::{account or '123456789012'}:{rest}":
            return True
    return False


def _pushes(lab: Lab, rows: list[Request]) -> Iterable[Done]:
    """What was stored: over HTTP by its path; by the API in the repository, the image that came in that moment."""
    for row in rows:
        match = PLACE.match(row.path)
        if match and row.method == "PUT" and row.ok:
            yield Done(str(row.row["principal"]), match[1], match[2], row)
        elif row.operation == "PutImage" and row.ok:
            repository = str(row.row["resource"]).rpartition("repository/")[2]
            yield Done(str(row.row["principal"]), repository, _came(images(lab, repository), row), row)


def _came(held: list[dict[str, Any]], row: Request) -> str:
    """Return the digest of the image that came with a request; "" when none did: an image that was there got a name."""
    moment = datetime.fromisoformat(row.row["time"])
    taken = timedelta(milliseconds=float(row.row["duration_ms"]) + 500)
    near = [(abs(each["imagePushedAt"] - moment), str(each["imageDigest"])) for each in held]
    return min(((apart, digest) for apart, digest in near if apart <= taken), default=(taken, ""))[1]


def _pulls(rows: list[Request]) -> Iterable[Done]:
    for row in rows:
        match = PLACE.match(row.path)
        if match and row.method in ("GET", "HEAD") and row.ok:
            yield Done(str(row.row["principal"]), match[1], match[2], row)


def _calls(rows: list[Request]) -> Iterable[Done]:
    """What was asked of the API, as the SDK does it."""
    for row in rows:
        if row.operation in ("BatchGetImage", "GetDownloadUrlForLayer") and row.ok:
            yield Done(str(row.row["principal"]), str(row.row["resource"]).rpartition("repository/")[2], "", row)


def _digest(done: Done, held: dict[str, dict[str, str]]) -> str:
    """Return the digest that a name leads to now; the name itself when it leads nowhere."""
    name = held.get(done.repository, {}).get(done.reference, done.reference)
    return f"{done.repository}@{name}"


def _is_first(done: Done, held: dict[str, dict[str, str]]) -> bool:
    """Tell whether it is the image that the repository had on Monday."""
    there = done.repository in REPOSITORIES
    return there and _digest(done, held) == f"{done.repository}@{designs.first_digest(done.repository)}"


def _after(later: Done, earlier: Done | None) -> bool:
    return earlier is not None and later.row.seq > earlier.row.seq


def has_lost(lab: Lab, name: str) -> bool:
    """Tell whether a repository has lost Monday's image 1.0."""
    return designs.first_digest(name) != tags(lab, name).get("1.0")


def judge(seen: Seen) -> str:
    """Return the verdict's name in m4.md."""
    if seen.locked:
        return "locked-out"
    if seen.kind:
        return "door-shut"
    if seen.wider:
        return "wider"
    if seen.unsure:
        return "cannot-tell"
    if seen.lost:
        return "image-lost"
    if all(seen.done):
        return "passed"
    if seen.refused_who:
        return "refused"
    if seen.bare:
        return "bare-robot"
    if seen.elsewhere:
        return "elsewhere"
    if seen.old:
        return "old-image"
    if seen.done[0] and seen.omar_asked and not seen.done[1]:
        return "other-image"
    if seen.other:
        return "by-other"
    return "some" if any(seen.done) else "untouched"


def forget(lab: Lab) -> None:
    """Make the repositories and their images as they were, with the policies that they have; forget docker's logins."""
    designs.unlock(lab)
    log_out(lab, "admin", *PEOPLE, "partner")
    designs.images_of_monday(lab)


# Tries


def session(lab: Lab) -> Lab:
    """Return the lab as the pipeline."""
    return as_session(lab, role("pipeline"), "ci")


def pushed(lab: Lab, name: str = "release/booking", tag: str = "1.5") -> None:
    """Push as the pipeline, by the API."""
    put_image(session(lab), name, tag, {"page": tag.encode()})


def pulled(who: str, name: str = "release/booking", tag: str = "1.5", method: str = "GET") -> Callable[[Lab], None]:
    """Return what asks for an image as somebody."""
    return lambda lab: (ask_registry(lab, name, tag, who, method), None)[1]


def built(lab: Lab) -> None:
    """Push to the workshop as Dara."""
    lab.push("dev/prices", "7", b"dara", profile="developer")


def with_docker(lab: Lab) -> None:
    """Do all of it with docker, as a learner does."""
    made(
        lab,
        """keys=$(aws sts assume-role --role-arn arn:aws:iam::123456789012:role/pipeline --role-session-name build-42 \
          --query 'Credentials.[AccessKeyId,SecretAccessKey,SessionToken]' --output text)
        read -r AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN <<< "$keys"
        export AWS_ACCESS_KEY_ID AWS_SECRET_ACCESS_KEY AWS_SESSION_TOKEN; unset AWS_PROFILE
        aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY"
        folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT; echo 1.5 > "$folder/page"
        printf 'FROM scratch\\nCOPY page /page\\n' > "$folder/Dockerfile"
        docker build -q -t "$REGISTRY/release/booking:1.5" "$folder" 2>&1
        docker push -q "$REGISTRY/release/booking:1.5" """,
        "ci",
    )
    for who in ("ops", "partner"):
        log_in(lab, who)
        made(lab, 'docker pull -q "$REGISTRY/release/booking:1.5"', who)
    built(lab)


def as_admin(lab: Lab) -> None:
    """Push the release as admin."""
    lab.push("release/booking", "1.5", b"page")


def by_sdk(lab: Lab) -> None:
    """Pull as the map company by the API."""
    found = lab.client("ecr", "partner").batch_get_image(
        registryId="123456789012", repositoryName="release/booking", imageIds=[{"imageTag": "1.0"}]
    )
    assert found["images"]


def on_the_side(lab: Lab) -> None:
    """Push the base as the pipeline, which is refused."""
    designs.refused(lambda: put_image(session(lab), "base/httpd", "9", {"page": b"9"}))


def by_admin_later(lab: Lab) -> None:
    """Push another image to the same repository, as admin."""
    lab.push("release/booking", "1.6", b"later")


def bare(lab: Lab) -> None:
    """Ask for a login as the robot, without the role."""
    designs.refused(lambda: lab.client("ecr", "ci").get_authorization_token())


def once_more(lab: Lab) -> None:
    """Push Monday's image under another name as the pipeline, over HTTP, as docker does."""
    wire = at_ecr(session(lab), "release/booking")
    found = wire.get("manifests/1.0")
    wire.put_manifest(found.content, "1.5", found.headers["Content-Type"]).raise_for_status()


def one_more_name(lab: Lab) -> None:
    """Give Monday's image another name by the API, as the pipeline."""
    ecr = session(lab).client("ecr")
    found = ecr.batch_get_image(repositoryName="release/booking", imageIds=[{"imageTag": "1.0"}])["images"][0]
    ecr.put_image(repositoryName="release/booking", imageManifest=found["imageManifest"], imageTag="1.5")


def deleted(lab: Lab) -> None:
    """Delete the prices' image."""
    lab.client("ecr").batch_delete_image(repositoryName="release/prices", imageIds=[{"imageTag": "1.0"}])


def as_on_monday(lab: Lab) -> None:
    """Push the prices' image of Monday again, as admin."""
    lab.push("release/prices", "1.0", b"release/prices")


def helper(lab: Lab) -> None:
    """Make a user that nobody asked for."""
    lab.client("iam").create_user(UserName="temp")
    give(lab, "temp", allow(PULL, "release/*"))


ALL = (pushed, pulled("ops"), pulled("partner"), built)

TRIES = {
    "untouched": {"Monday's image, deleted and pushed again by the page": (deleted, as_on_monday)},
    "passed": {
        "docker": with_docker,
        "other clients": ALL,
        "prices, and only asked for": (
            lambda lab: pushed(lab, "release/prices"),
            pulled("ops", "release/prices", method="HEAD"),
            by_sdk,
            built,
        ),
        "somebody else pushes later, and a refusal on the side": (
            pushed,
            by_admin_later,
            pulled("ops"),
            pulled("partner"),
            built,
            on_the_side,
        ),
    },
    "locked-out": {
        "a Deny for all but the pipeline": (
            lambda lab: designs.lock(
                lab,
                "release/prices",
                {"Effect": "Deny", "NotPrincipal": {"AWS": [role("pipeline")]}, "Action": "ecr:*"},
            ),
        )
    },
    "door-shut": {"Omar stripped": (*ALL, lambda lab: designs.strip(lab, "ops"))},
    "wider": {
        "somebody new": (*ALL, helper),
        "the robot's own": (
            *ALL,
            lambda lab: designs.share(lab, "release/booking", MAPS, let({"AWS": user("ci")}, PULL)),
        ),
    },
    "cannot-tell": {
        "a name from a tag": (
            *ALL,
            lambda lab: give(lab, "ops", allow(PULL, arn("${aws:ResourceTag/team}")), policy="more"),
        )
    },
    "image-lost": {"1.0 of the prices": (*ALL, deleted)},
    "refused": {
        "Omar at the workshop": (pushed, pulled("ops", "dev/booking", "1.0")),
    },
    "bare-robot": {"the session's keys are not used": (bare, pulled("partner"), built)},
    "elsewhere": {"to the workshop": (lambda lab: pushed(lab, "dev/booking"), pulled("partner"), built)},
    "old-image": {
        "Monday's, as docker pushes it": (once_more,),
        "Monday's, by the API": (one_more_name, pulled("ops"), pulled("partner"), built),
    },
    "by-other": {
        "admin pushed": (as_admin,),
    },
    "other-image": {
        "1.0 of Monday": (pushed, pulled("ops", tag="1.0")),
        "before the push": (pulled("ops", tag="1.0"), lambda lab: pushed(lab, tag="1.0-2")),
    },
    "some": {"the pipeline alone": (pushed,)},
}
