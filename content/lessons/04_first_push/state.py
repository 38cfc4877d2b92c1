"""Lesson 04: its checkpoints, and what several of its exercises look at or try."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ecrlab_course.authoring.evidence import at_registry, ok, own_images, puts_manifest, user_of
from ecrlab_course.authoring.staging import (
    PEOPLE,
    learner_module,
    log_in,
    log_out,
    made,
    make_repository,
)
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.toolbox.image import image, push_image

APP = "my-web-app"
PARTNER = "444455556666"
NIGHT = (0, 11, 13, 26)


desk = learner_module(Path(__file__).parent, "desk")


# What the X-ray says


def outcome(rows: list[Row]) -> str | None:
    """Return how docker's last push or pull ended; None when it made none: a login alone is not one.

    "done", "no login", "expired", "no repository", "no tag", "no right".
    """
    rows = at_registry(rows)
    # docker knocks without a name first; where that is the last word, it had nothing to show.
    if rows and rows[-1]["status"] == 401:
        return "no login"
    for row in reversed(rows):
        said = str(row.get("error") or "")
        if row["status"] == 403:
            # An expired token is refused before IAM is asked; a missing permission is IAM's own answer.
            return "no right" if row["decision"] == "denied" else "expired"
        if row["status"] == 404 and "MANIFEST_UNKNOWN" in said:
            return "no tag"
        if row["status"] == 404 and ("NAME_UNKNOWN" in said or row["method"] == "POST"):
            return "no repository"
        if ok(row) and "/manifests/" in row["path"]:
            return "done"
    return None


# Building the places of the lesson


def names_of(lab: LabView) -> list[str]:
    """Return the names that the lesson's own steps give to images in the engine."""
    tags = ("1.0", "1.1", "1.0-ci", "2.0", "hotfix", "tested", *(f"night-{hour}" for hour in NIGHT))
    team = [f"{lab.registry}/team-a/booking:{tag}" for tag in ("1.0", "stable")]
    others = [f"{APP}:1.1", f"{lab.registry}/not-made:1.0"]
    return [*others, *team, *(f"{lab.registry}/{APP}:{tag}" for tag in tags)]


def build(lab: LabView, version: str, *more: str, name: str = APP, text: str = "") -> None:
    """Build NAME:VERSION of the booking page in the engine, from a copy: the learner's files stay as they are.

    `more` are further names that the image gets with the same command; `text` is what the page calls its version.
    """
    names = " ".join(f"-t '{one}'" for one in (f"{name}:{version}", *more))
    code, output = lab.sh(
        f"""copy=$(mktemp -d); trap 'rm -rf "$copy"' EXIT
        cp -r my-web-app/. "$copy"; echo '{text or version}' > "$copy/www/version.txt"
        docker build -q {names} "$copy" """
    )
    if code:
        raise RuntimeError(f"{name}:{version} could not be built: {output.strip()}")


PARTNER_CONTENT = b"the harbour, drawn by the map company\n"
PARTNER_DIGEST = "sha256:" + hashlib.sha256(image(PARTNER_CONTENT)[2]).hexdigest()


def partner_image(lab: LabView, region: str = "eu-west-1", tag: str = "2.3", content: bytes = PARTNER_CONTENT) -> str:
    """Put the partner's web/booking:2.3 into its registry in Ireland, when it is missing; return the digest."""
    ecr = lab.client("ecr", "partner", region)
    with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
        ecr.create_repository(repositoryName="web/booking")
    address = lab.control.registry(PARTNER, region)["registry"]
    host, _, registry = address.partition("/")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    port = int(host.rpartition(":")[2])
    return push_image(port, f"{registry}/web/booking", tag, image(content), token)


def at_first(lab: LabView, *names: str) -> None:
    """Build what every checkpoint begins with; `names` are further names of my-web-app:1.0. Logins stay."""
    lab.clock.reset()
    lab.clear(APP, "receipts", "team-a/booking", "team-a", "booking", "desk-receipts", "my-webapp")
    lab.clear("team-a/booking", "desk-receipts", region="eu-west-1")
    lab.user(*PEOPLE)
    lab.sh("docker rmi -f " + " ".join(names_of(lab)) + " >/dev/null 2>&1 || true")
    build(lab, "1.0", *names)
    lab.control.reset(users=["partner"], account=PARTNER)  # lesson 06 takes rights from it
    partner_image(lab)


def fresh(lab: LabView) -> None:
    """The booking page is built as `my-web-app:1.0`, and ECR is as on your first day.

    No repository and no login; the robot may pull; the partner's image is in Ireland.
    """
    at_first(lab)
    log_out(lab, "admin", "ci")


def logged_in(lab: LabView) -> None:
    """The booking page is built, and docker has taken a token of `admin`."""
    at_first(lab, f"{lab.registry}/{APP}:1.0")
    log_out(lab, "ci")
    log_in(lab)


def repository(lab: LabView) -> None:
    """The repository `my-web-app` is there, empty, and docker has a login."""
    logged_in(lab)
    make_repository(lab, APP)


def pushed(lab: LabView) -> None:
    """`my-web-app:1.1` is in ECR, pushed by `admin`."""
    repository(lab)
    push_as_1_1(lab, "1.1")


def moved(lab: LabView) -> None:
    """Two images of the booking page are in ECR, and `1.1` names the second.

    The first is there without a name.
    """
    pushed(lab)
    push_as_1_1(lab, SECOND)


SECOND = "1.1, with a larger map"
"""What Dara's second page calls its version."""


def push_as_1_1(lab: LabView, text: str) -> None:
    """Build a page that calls its version so, and push it as my-web-app:1.1."""
    address = f"{lab.registry}/{APP}:1.1"
    build(lab, "1.1", address, text=text)
    made(lab, f"docker push -q '{address}' 2>&1")


def expired(lab: LabView) -> None:
    """`my-web-app:1.1` is in ECR, and on the lab's clock it is half a day later.

    12 hours and a minute: what logged in before is refused.
    """
    pushed(lab)
    lab.clock.advance(hours=12, minutes=1)


def push_app(lab: LabView, tag: str, profile: str = "admin", local: str = "1.0", name: str = APP) -> str:
    """Tag and push with docker, as that profile; return what docker printed, whether or not it worked."""
    _, output = lab.sh(
        f'docker tag {APP}:{local} "$REGISTRY/{name}:{tag}" && docker push -q "$REGISTRY/{name}:{tag}" 2>&1', profile
    )
    return str(output).strip()


def undo(lab: LabView) -> None:
    """Put the clock back, clear what lies in Ireland, and let docker forget its logins."""
    lab.clock.reset()
    lab.clear("team-a/booking", "desk-receipts", region="eu-west-1")
    log_out(lab, "admin", *PEOPLE)


# Recall questions and guesses: they do not count


def guessed(*results: tuple[str, str]) -> Callable[[LabView], str | None]:
    """Return a function that finds how docker's last try ended and returns the option that says so."""
    keys = dict(results)
    return lambda lab: keys.get(outcome(lab.rows()) or "")


def asked_in_push(lab: LabView) -> str | None:
    """How often IAM was asked in the push since the guess: once, or at most of the registry's requests."""
    rows = at_registry(lab.rows())
    if not any(puts_manifest(row) and ok(row) for row in rows):
        return None
    asked = sum(1 for row in rows if row["action"])
    return "c" if asked > 1 else "b" if asked else "a"


def second_pull(lab: LabView) -> str | None:
    """What the last of two pulls asked for: layers too, or only where the tag points; None before there were two."""
    rows = at_registry(lab.rows())
    asked = [
        n for n, row in enumerate(rows) if row["method"] in ("HEAD", "GET") and row["path"].endswith("/manifests/1.1")
    ]
    fetched = [n for n, row in enumerate(rows) if row["method"] == "GET" and "/blobs/" in row["path"] and ok(row)]
    if len(asked) < 2:
        return None
    return "a" if fetched and fetched[-1] > asked[-1] else "b"


def after_second_push(lab: LabView) -> str | None:
    """What my-web-app holds since `1.1` was pushed again: a nameless image too, or the push was refused."""
    pushes = [row for row in at_registry(lab.rows()) if puts_manifest(row, APP) and row["path"].endswith("/1.1")]
    if not pushes:
        return None
    if not ok(pushes[-1]):
        return "c"
    return "b" if any(not image.get("imageTags") for image in own_images(lab, APP)) else None


def robot_with_old_token(lab: LabView) -> str | None:
    """Whether the robot's first push that worked since the guess came after a new login."""
    fresh_token = False
    for row in lab.rows():
        if user_of(row) == "ci" and ok(row):
            if row["operation"] == "GetAuthorizationToken":
                fresh_token = True
            elif puts_manifest(row, APP):
                return None if fresh_token else "b"
    return None


g3_seen = guessed(("done", "a"), ("no login", "b"), ("no repository", "c"), ("no right", "d"))
g5_seen = guessed(("done", "a"), ("expired", "b"), ("no right", "c"))

CHECKPOINTS = {
    "fresh": fresh,
    "logged-in": logged_in,
    "repository": repository,
    "pushed": pushed,
    "moved": moved,
    "expired": expired,
}
