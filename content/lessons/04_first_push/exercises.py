"""Lesson 04: its front matter, its checkpoints, its guesses and its exercises.

Facts: E003 E017 E021 E022 E026 to E034 E047 E048 E056 E066 to E068 E070 E071; err 1 3 5 7 9 28 47; iam.md 8.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from ecrlab.policy.sets import PUSH as PUSH_SET
from ecrlab_course.authoring.evidence import at_registry, ok, own_images, puts_manifest, user_of
from ecrlab_course.authoring.exercises import (
    Attempt,
    Bin,
    BuildCommand,
    Field,
    FixFile,
    FollowUp,
    FreeAnswer,
    Guess,
    Item,
    Lesson,
    LiveCheck,
    Match,
    Miss,
    Option,
    Order,
    Point,
    Predict,
    ReadError,
    Result,
    Step,
    Verdict,
    not_yet,
    passed,
    untouched,
)
from ecrlab_course.authoring.staging import (
    PEOPLE,
    learner_module,
    log_in,
    log_out,
    made,
    make_repository,
    name_again,
    password,
)
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.xray_row import Row
from ecrlab_course.toolbox.lab import image, push_image
from ecrlab_course.toolbox.refusals import refusals, with_words

APP = "my-web-app"
PARTNER = "444455556666"
NIGHT = (0, 11, 13, 26)


desk = learner_module(Path(__file__).parent, "desk")


# What the X-ray says


def outcome(rows: list[Row]) -> str | None:
    """Return how docker's last try at a registry ended; None when it did not try.

    "done", "no login", "expired", "no repository", "no tag", "no right".
    """
    rows = at_registry(rows)
    if not rows:
        return None
    for row in reversed(rows):
        said = str(row.get("error") or "")
        if puts_manifest(row) and ok(row):
            return "done"
        if row["status"] == 403:
            # An expired token is refused before IAM is asked; a missing permission is IAM's own answer.
            return "no right" if row["decision"] == "denied" else "expired"
        if row["status"] == 404 and "MANIFEST_UNKNOWN" in said:
            return "no tag"
        if row["status"] == 404 and ("NAME_UNKNOWN" in said or row["method"] == "POST"):
            return "no repository"
    return "no login" if all(row["status"] == 401 for row in rows) else "done"


# Building the places of the lesson


def names_of(lab: LabView) -> list[str]:
    """Return the names that the lesson's own steps give to images in the engine."""
    tags = ("1.0", "1.1", "1.0-ci", "2.0", "hotfix", "tested", *(f"night-{hour}" for hour in NIGHT))
    return [f"{APP}:1.1", *(f"{lab.registry}/{APP}:{tag}" for tag in tags)]


def build(lab: LabView, version: str, *more: str, name: str = APP) -> None:
    """Build NAME:VERSION of the booking page in the engine, from a copy: the learner's files stay as they are.

    `more` are further names that the image gets with the same command.
    """
    names = " ".join(f"-t '{one}'" for one in (f"{name}:{version}", *more))
    code, output = lab.sh(
        f"""copy=$(mktemp -d); trap 'rm -rf "$copy"' EXIT
        cp -r my-web-app/. "$copy"; echo {version} > "$copy/www/version.txt"
        docker build -q {names} "$copy" """
    )
    if code:
        raise RuntimeError(f"{name}:{version} could not be built: {output.strip()}")


def partner_image(lab: LabView) -> str:
    """Put the partner's web/booking:2.3 into its registry in Ireland, when it is missing; return the digest."""
    ecr = lab.client("ecr", "partner", "eu-west-1")
    with suppress(ecr.exceptions.RepositoryAlreadyExistsException):
        ecr.create_repository(repositoryName="web/booking")
    address = lab.control.registry(PARTNER, "eu-west-1")["registry"]
    host, _, registry = address.partition("/")
    token = ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    port = int(host.rpartition(":")[2])
    return push_image(port, f"{registry}/web/booking", "2.3", image(PARTNER_CONTENT), token)


PARTNER_CONTENT = b"the harbour, drawn by the map company\n"
PARTNER_DIGEST = "sha256:" + hashlib.sha256(image(PARTNER_CONTENT)[2]).hexdigest()


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
    """my-web-app:1.0 in the engine; no repository, no login; the robot may pull; the partner's image in Ireland."""
    at_first(lab)
    log_out(lab, "admin", "ci")


def logged_in(lab: LabView) -> None:
    """`fresh`, and docker has admin's login for $REGISTRY."""
    at_first(lab, f"{lab.registry}/{APP}:1.0")
    log_out(lab, "ci")
    log_in(lab)


def repository(lab: LabView) -> None:
    """`logged-in`, and the repository my-web-app, empty."""
    logged_in(lab)
    make_repository(lab, APP)


def pushed(lab: LabView) -> None:
    """`repository`, and my-web-app:1.1 in it, pushed by admin."""
    repository(lab)
    address = f"{lab.registry}/{APP}:1.1"
    build(lab, "1.1", address)
    made(lab, f"docker push -q '{address}' 2>&1")


def expired(lab: LabView) -> None:
    """`pushed`, and then 12 hours and a minute went by on the lab's clock."""
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


LESSON = Lesson(
    id="04",
    title="The first push to ECR",
    minutes=65,
    verbs=(
        "take an ECR address apart and name every part of it",
        "push and pull an image, and say what each command asks of whom",
        "read the refusals that stop a first push, and fix them",
    ),
    words={
        "account": "a closed area at AWS with its own permissions and bill, named by twelve digits",
        "Region": "the place where AWS runs a registry, such as us-east-1 or eu-west-1: each has its own",
        "repository URI": "the address of a repository: registry, slash, name; with docker it comes before the tag",
        "authorization token": "what docker shows the registry: it stands for whoever fetched it, and lives 12 hours",
        "profile": "a name for a set of AWS keys: admin is you, ci is the build robot",
    },
    needs=(
        "Nothing but this computer. Without a container engine, the lab's stand-in acts as docker; every exercise "
        "counts."
    ),
    checkpoints={
        "fresh": fresh,
        "logged-in": logged_in,
        "repository": repository,
        "pushed": pushed,
        "expired": expired,
    },
    start="fresh",
    end="pushed",
    sticking={
        "`$REGISTRY` is empty in a second terminal, and docker says `invalid reference format`": (
            'that terminal is not connected to the lab yet: `eval "$(.venv/bin/ecrlab env)"`'
        ),
        "the pull says *up to date* and the X-ray shows no layers": (
            "the image is already on this computer under that name; the cell removes the name first"
        ),
        "“I logged in, and it says no basic auth credentials”": (
            "as whom, and at which host and port? Each person and each registry needs a separate login"
        ),
    },
    repositories=(APP, "receipts", "team-a/booking", "desk-receipts"),
    users=PEOPLE,
    undo=undo,
    undoes="what it made in eu-west-1, everybody's docker logins, and the clock's lead",
)


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


GUESSES = [
    Guess(
        id="04-r1",
        prompt="**From lesson 00.** `docker` and `aws` both ran. Which of the two carried the bytes of the image?",
        options=(
            Option("a", "`docker`", "Right. `aws` arranges, `docker` carries."),
            Option(
                "b",
                "`aws`",
                "`aws` made the repository and fetched a token: a few hundred bytes. The image went with `docker`.",
                "aws-login-is-docker-login",
            ),
            Option("c", "half each", "No layer ever passed through `aws`. It arranges, `docker` carries."),
        ),
        correct="a",
        confidence=False,
    ),
    Guess(
        id="04-r2",
        prompt="**From lesson 00.** After which request could somebody else pull `hello:1`?",
        options=(
            Option(
                "a",
                "after the first layer was there",
                "By then the registry had a piece, but no name for it.",
                "half-push-visible",
            ),
            Option("b", "after the manifest was there", "Right. The name comes last."),
            Option("c", "after the login", "The login says who you are. It stores nothing.", "login-chooses-target"),
        ),
        correct="b",
        confidence=False,
    ),
    Guess(
        id="04-r3",
        prompt="**From lesson 00.** A pull ended with `manifest unknown: Requested image not found`. What was missing?",
        options=(
            Option("a", "the repository", "That would be `name unknown`.", "unknown-is-unknown"),
            Option("b", "the tag", "Right. The repository was found; nothing in it had that tag."),
            Option(
                "c",
                "permission to pull",
                "A missing permission is named openly: *not authorized*.",
                "404-is-permission",
            ),
        ),
        correct="b",
        confidence=False,
    ),
    Guess(
        id="04-g1",
        prompt="A push is a series of requests. How often is IAM asked, *may this person do that?*",
        options=(
            Option(
                "a",
                "at the login",
                "A login says who you are. Nobody knows yet what you will push.",
                "login-is-permission",
            ),
            Option(
                "b",
                "once, when the push begins",
                "Each step of a push is an action of its own. Look at the X-ray.",
                "putimage-is-push",
            ),
            Option(
                "c",
                "at nearly every request",
                "Yes. Only the first knock is about who you are; after that, IAM is asked each time.",
            ),
        ),
        observe=asked_in_push,
    ),
    Guess(
        id="04-g2",
        prompt="The next cell pulls the same image twice. What does the **second** pull ask the registry for?",
        options=(
            Option("a", "everything again", "The layers are already here; docker knows them by their digests."),
            Option(
                "b",
                "only which digest the tag has now",
                "Yes. A tag may have moved, so docker asks. That is all it needs.",
            ),
            Option("c", "nothing at all", "A tag can move. docker has to ask where it points.", "tag-is-version"),
        ),
        observe=second_pull,
    ),
    Guess(
        id="04-g3",
        prompt=(
            "The build robot `ci` may pull from ECR: somebody attached the managed pull policy. It logs in, and the "
            "login works. Now it pushes `my-web-app:1.0-ci`. What happens?"
        ),
        options=(
            Option(
                "a", "it works: it is logged in", "The login says *who*. It does not say *may*.", "login-is-permission"
            ),
            Option("b", "stopped: no login", "Its login worked a line earlier."),
            Option("c", "stopped: no repository", "You made it, and it is the same one for everybody in the account."),
            Option("d", "stopped: nobody allowed it to push", "Yes. Known, found, and not allowed."),
        ),
        observe=guessed(("done", "a"), ("no login", "b"), ("no repository", "c"), ("no right", "d")),
    ),
    Guess(
        id="04-g4",
        prompt="The authorization token is a long line of letters. Is its content protected?",
        options=(
            Option("a", "yes, it is encrypted", "It is only wrapped. Whoever has it can unwrap it.", "base64-hides"),
            Option(
                "b",
                "no, anybody can unwrap it",
                "Yes. base64 hides nothing: the password is in plain sight, and whoever has it can use it.",
            ),
        ),
        correct="b",
    ),
    Guess(
        id="04-g5",
        prompt="Docker logged in at noon. It pushes again one minute after midnight. What will be needed?",
        options=(
            Option("a", "nothing: it is logged in", "The login was good for 12 hours.", "login-is-forever"),
            Option("b", "a new login", "Yes. Same person, same rights, fresh token."),
            Option(
                "c",
                "one more permission",
                "The text begins with *denied*, and yet no permission is missing.",
                "login-is-permission",
            ),
        ),
        observe=guessed(("done", "a"), ("expired", "b"), ("no right", "c")),
    ),
    Guess(
        id="04-g6",
        prompt="A script asks ECR for an image that is not there: `batch_get_image`, tag `2.0`. What does Python do?",
        options=(
            Option(
                "a",
                "it raises an exception",
                "One call can ask for several images. The asking succeeded; each answer is in the result.",
                "no-exception-is-success",
            ),
            Option(
                "b",
                "it goes on as if nothing were wrong",
                "Yes. The bad news is in the answer, and nobody reads it for you.",
            ),
        ),
        correct="b",
    ),
    Guess(
        id="04-g7",
        prompt="Dara pushes `1.1` again, with other bytes. What does ECR hold then?",
        options=(
            Option("a", "one image: the old one is replaced", "The old image is still there. Only its name is gone."),
            Option("b", "two images, and one tag", "Yes. The tag has moved, and nothing was deleted."),
            Option(
                "c",
                "the old image: the push is refused",
                "By default a tag can move, no questions asked. Lesson 08 makes tags that cannot.",
                "tag-is-version",
            ),
        ),
        observe=after_second_push,
    ),
    Guess(
        id="04-g8",
        prompt="The robot logged in before it had permission to push. Now it gets it. Must it log in again?",
        options=(
            Option(
                "a",
                "yes: the old token knows nothing of the new permission",
                "The old token was enough. It says who is coming; what they may do is looked up at each request.",
                "login-is-permission",
            ),
            Option(
                "b", "no: the old token is enough", "Yes. The permission was looked up at the push, not at the login."
            ),
        ),
        observe=robot_with_old_token,
    ),
]


# e1: build the address


HOST = re.compile(r"(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com")
E1_FIELDS = (
    Field("account", "account", width=14),
    Field("service", "service", ("api.ecr", "ecr", "dkr.ecr")),
    Field("region", "Region", ("us-east-1", "eu-west-1", "eu-central-1", "eu-west-2")),
    Field("repository", "repository", width=24),
    Field("mark", "mark", (":", "@"), default=":"),
    Field("version", "tag or digest", width=14),
)


def e1_values(values: Mapping[str, str]) -> dict[str, str]:
    """Return the fields with surrounding blanks removed."""
    return {part.name: str(values.get(part.name, part.default)).strip() for part in E1_FIELDS}


def e1_run(lab: LabView, values: Mapping[str, str]) -> Result:
    """Pull the address with docker, as the administrator of the account that it names; a login for it alone."""
    v = e1_values(values)
    host = f"{v['account']}.{v['service']}.{v['region']}.amazonaws.com"
    command = f"docker pull {host}/{v['repository']}{v['mark']}{v['version']}"
    profile = {lab.account: "admin", PARTNER: "partner"}.get(v["account"])
    if not HOST.fullmatch(host) or profile is None:
        return Result(command, 1, f"not asked: no registry of ours is called {host}\n")
    if not re.fullmatch(r"[A-Za-z0-9._/-]+[:@][A-Za-z0-9._:-]+", f"{v['repository']}{v['mark']}{v['version']}"):
        return Result(command, 1, "not asked: a name, then : and a tag, or @ and a digest\n")
    address = lab.control.registry(v["account"], v["region"])["registry"]
    reference = f"{address}/{v['repository']}{v['mark']}{v['version']}"
    begun = lab.last()
    code, output = lab.sh(
        f"""DOCKER_CONFIG=$(mktemp -d); export DOCKER_CONFIG; trap 'rm -rf "$DOCKER_CONFIG"' EXIT
        printf %s '{password(lab, profile, v["region"])}' |
          docker login --username AWS --password-stdin {address} >/dev/null 2>&1
        docker pull -q {reference} 2>&1
        docker rmi {reference} >/dev/null 2>&1 || true""",
        profile,
    )
    return Result(command, code, output.replace(address, host), {"said": lab.refused_since(begun)})


def e1_judge(lab: LabView, values: dict[str, str], result: Result) -> Verdict:
    """Take the address apart from the left: account, service, Region, repository, tag."""
    v = e1_values(values)
    said = said_by_registry(result)
    if result.code == 0:
        return passed(
            "The registry answered. That is one image of one repository in one Region of one "
            f"account:\n\n`{result.command[12:]}`"
        )
    if v["service"] != "dkr.ecr":
        return not_yet(
            f"`{v['account']}.{v['service']}.{v['region']}…` is not a registry. `aws` talks to an API host; `docker` "
            "talks to the registry host, whose name has three more letters before `ecr`.",
            "aws-login-is-docker-login",
        )
    if v["account"] == lab.account:
        return not_yet(
            f"That is your registry. It has no `{v['repository']}`: it said *{said}*. Whose image is it?",
            "registry-is-repository",
        )
    if v["account"].replace("-", "").replace(" ", "") == PARTNER != v["account"]:
        return not_yet(
            f"Those are the right digits. In an address there is nothing between them: `{PARTNER}`.", "left-out"
        )
    if v["account"] != PARTNER:
        return not_yet(
            f"`{v['account']}` is not one of the course's accounts. The map company's twelve digits are above.",
            "left-out",
        )
    if v["region"] != "eu-west-1":
        return not_yet(
            f"I asked the map company's registry in `{v['region']}`. It said *{said}*. An account has one registry "
            "in every Region, and by default they share nothing. Which one is Ireland?",
            "ecr-is-global",
        )
    if v["repository"].startswith("repository/"):
        return not_yet(
            f"The registry looked for a repository called `{v['repository']}`. The word `repository/` belongs to "
            "ARNs, the names that IAM uses. An address has none.",
            "arn-is-address",
        )
    unasked = "invalid reference format" in said or said.startswith("not asked")
    if unasked and v["repository"] != "web/booking":
        return not_yet(
            f"docker did not ask anybody: `{v['repository']}` is not a repository's name. Such names have lower-case "
            "letters and digits, and a slash only between two parts. Write it as the company does.",
            "left-out",
        )
    if v["repository"] != "web/booking":
        return not_yet(
            f"The registry looked for `{v['repository']}` and said *{said}*. The name has a slash in it, and the "
            "slash is part of the name.",
            "registry-is-repository",
        )
    if unasked:
        return not_yet(
            f"docker did not ask anybody: `{v['repository']}{v['mark']}{v['version']}` is not an image's name. After "
            "`:` comes a tag; after `@` comes a digest, `sha256:` and 64 characters.",
            "tag-is-version",
        )
    return not_yet(
        f"The repository was found. Then the registry said *{said}*. Look at the last part.", "unknown-is-unknown"
    )


def said_by_registry(result: Result) -> str:
    """Return the registry's own words from the X-ray, as not every engine prints them; else docker's last line."""
    return str(result.data.get("said") or (result.output.strip().splitlines() or ["nothing"])[-1])


def e1_hint(state: Mapping[str, Any]) -> str:
    """Say which parts of the address already fit."""
    v = e1_values(state.get("values") or {})
    right = {"account": PARTNER, "service": "dkr.ecr", "region": "eu-west-1", "repository": "web/booking"}
    fits = [part.label for part in E1_FIELDS if right.get(part.name) == v[part.name]]
    if not fits:
        return "No part is right yet. Start at the left: who owns the image?"
    return f"These parts are right: {', '.join(fits)}. Compare the others with the picture, one by one."


E1_RIGHT = {
    "account": PARTNER,
    "service": "dkr.ecr",
    "region": "eu-west-1",
    "repository": "web/booking",
    "mark": ":",
    "version": "2.3",
}

e1 = BuildCommand(
    id="04-e1",
    objective="Build an ECR address from account, Region, repository and tag.",
    prompt=(
        "The map company next door has the account **444455556666**. Omar wants its image **web/booking**, version "
        "**2.3**, and the company keeps it in **Ireland**. Build the address. The lab really pulls from it, with the "
        "map company's own login, so only the address can be wrong."
    ),
    fields=E1_FIELDS,
    template="docker pull {account}.{service}.{region}.amazonaws.com/{repository}{mark}{version}",
    run=e1_run,
    judge=e1_judge,
    hints=(
        e1_hint,
        "Ireland is a Region with a name of three parts: *eu*, a direction, a number. The table of new words names it.",
        "`444455556666` · `dkr.ecr` · `eu-west-1` · the name as the company writes it, slash included · `:` · `2.3`",
    ),
    solution=(
        "`444455556666.dkr.ecr.eu-west-1.amazonaws.com/web/booking:2.3`\n\n"
        "**Why:** account and Region together name the registry, because every account has one registry in every "
        "Region. What follows the first slash is the repository; a slash inside it is a character like any other. "
        "`dkr.ecr` is the host that docker talks to. `@sha256:…` in place of `:2.3` would name the same image by "
        "its content."
    ),
    accepts=(
        Attempt("by tag", answer=E1_RIGHT),
        Attempt("by digest", do=partner_image, answer={**E1_RIGHT, "mark": "@", "version": PARTNER_DIGEST}),
        Attempt("blanks around the words", answer={**E1_RIGHT, "account": f" {PARTNER} ", "version": "2.3 "}),
    ),
    rejects=(
        Attempt(
            "own account",
            answer={**E1_RIGHT, "account": "123456789012"},
            misconception="registry-is-repository",
            says="That is your registry",
        ),
        Attempt(
            "digits in groups",
            answer={**E1_RIGHT, "account": "4444-5555-6666"},
            misconception="left-out",
            says="nothing between them",
        ),
        Attempt(
            "another Region",
            answer={**E1_RIGHT, "region": "us-east-1"},
            misconception="ecr-is-global",
            says="by default they share nothing",
        ),
        Attempt(
            "the ARN's word",
            answer={**E1_RIGHT, "repository": "repository/web/booking"},
            misconception="arn-is-address",
            says="belongs to ARNs",
        ),
        Attempt(
            "a dash for the slash",
            answer={**E1_RIGHT, "repository": "web-booking"},
            misconception="registry-is-repository",
            says="the slash is part of the name",
        ),
        Attempt(
            "a slash at the start",
            answer={**E1_RIGHT, "repository": "/web/booking"},
            misconception="left-out",
            says="is not a repository's name",
        ),
        Attempt(
            "the API's host",
            answer={**E1_RIGHT, "service": "ecr"},
            misconception="aws-login-is-docker-login",
            says="is not a registry",
        ),
        Attempt(
            "a tag behind @",
            answer={**E1_RIGHT, "mark": "@"},
            misconception="tag-is-version",
            says="docker did not ask anybody",
        ),
        Attempt(
            "a tag that is not there",
            answer={**E1_RIGHT, "version": "2.4"},
            misconception="unknown-is-unknown",
            says="The repository was found",
        ),
    ),
    neighbour="Ask your neighbour: which two parts of the address would change if the map company moved to Frankfurt?",
)


# e2, e3: predictions


def try_push(lab: LabView) -> None:
    """Tag my-web-app:1.0 for the registry and push it, as cells 04-07 and 04-09 do."""
    push_app(lab, "1.0")


def without_login(lab: LabView) -> None:
    """Push with a docker that has no login."""
    log_out(lab, "admin")
    try_push(lab)


e2 = Predict(
    id="04-e2",
    objective="Know that your AWS keys, which `aws` uses, are not a docker login.",
    prompt=(
        "You are `admin`. A minute ago `aws` knew you at once. The next cell gives the image an ECR address and "
        "pushes it, with nothing in between. What happens?"
    ),
    options=(
        Option(
            "a",
            "it works: I am admin",
            "`aws` has your keys. docker has never heard of them. They are two programs with two purses.",
            "aws-login-is-docker-login",
        ),
        Option(
            "b",
            "it stops: docker has no login for this registry",
            "Yes. docker had nothing to show, so the question *may you?* was never asked.",
        ),
        Option(
            "c",
            "it stops: the repository does not exist",
            "True, it does not exist. But a registry does not discuss its repositories with somebody it does not know.",
            "rights-before-identity",
        ),
        Option(
            "d",
            "it stops: I am not allowed to push",
            "Before you can be allowed anything, you have to be somebody. Nobody asked IAM.",
            "rights-before-identity",
        ),
    ),
    observe=guessed(("done", "a"), ("no login", "b"), ("no repository", "c"), ("no right", "d")),
    hints=(
        "Which program sends the push? And which of the two programs has identified itself to AWS so far?",
        "How much does `docker` see of your AWS keys? Who tells it about them?",
        "Nobody has told docker anything yet. What would a registry say to a visitor without a name?",
    ),
    solution=(
        "**It stops: no login.** docker keeps its own logins, one for each registry host, in its own file. AWS "
        "keys live in other files, and docker does not read those.\n\n"
        "**Why first?** A registry asks *who are you?* before anything else. Whether the repository exists, and "
        "whether you may push, are answered only to somebody it knows."
    ),
    accepts=(
        Attempt("no login", answer="b", do=without_login),
        Attempt("no login, only a guess", answer="b", confidence=1, do=without_login),
    ),
    rejects=(
        Attempt(
            "admin may do anything",
            answer="a",
            confidence=3,
            do=without_login,
            misconception="aws-login-is-docker-login",
            says="two purses",
        ),
        Attempt(
            "repository first",
            answer="c",
            do=without_login,
            misconception="rights-before-identity",
            says="somebody it does not know",
        ),
        Attempt(
            "right first", answer="d", do=without_login, misconception="rights-before-identity", says="Nobody asked IAM"
        ),
    ),
    reset=lambda lab: log_out(lab, "admin"),
    neighbour="Ask your neighbour: who else on this computer could use your docker login?",
)


def with_login(lab: LabView) -> None:
    """Push with a fresh login to a repository that does not exist."""
    lab.clear(APP)
    log_in(lab)
    try_push(lab)


def clear_when_empty(lab: LabView) -> None:
    """Remove the repository unless images lie in it: those belong to later cells."""
    ecr = lab.client("ecr")
    with suppress(ecr.exceptions.RepositoryNotFoundException):
        if not ecr.list_images(repositoryName=APP)["imageIds"]:
            lab.clear(APP)


e3 = Predict(
    id="04-e3",
    at="logged-in",
    objective="Know that ECR does not create the repository for you.",
    prompt="docker has a login now, and it is `admin`'s. The same push again. What happens?",
    options=(
        Option(
            "a",
            "it works: the first push creates the repository",
            "Docker Hub would have created one. ECR does so only where somebody wrote a rule for it.",
            "ecr-creates-repository",
        ),
        Option("b", "it stops: there is no such repository", "Yes. You are known, but there is nothing to push into."),
        Option(
            "c",
            "it stops: not allowed",
            "You are admin, so you may. The text says nothing about permissions: it says *does not exist*.",
            "404-is-permission",
        ),
        Option(
            "d",
            "it stops: the token is refused",
            "The token was accepted: the registry knew you and went on to look for the repository.",
            "unknown-is-unknown",
        ),
    ),
    observe=guessed(("done", "a"), ("no repository", "b"), ("no right", "c"), ("expired", "d"), ("no login", "d")),
    hints=(
        "A push needs three things: somebody known, something to push into, and permission. Which of them did you "
        "take care of?",
        "List what this lesson has created so far. Is there a repository on the list?",
        "`aws ecr describe-repositories` shows what there is.",
    ),
    solution=(
        "**It stops: no such repository.** `The repository with name 'my-web-app' does not exist in the registry "
        "with id '123456789012'`.\n\n"
        "**Why:** a repository carries settings (who may use it, may tags move, how is it encrypted), so ECR wants "
        "it created on purpose. A *creation template* can do that during a push; without a matching one the push "
        "stops, as it did here."
    ),
    accepts=(
        Attempt("no repository", answer="b", do=with_login),
        Attempt("no repository, certain", answer="b", confidence=3, do=with_login),
    ),
    rejects=(
        Attempt(
            "made by the push", answer="a", do=with_login, misconception="ecr-creates-repository", says="Docker Hub"
        ),
        Attempt(
            "not allowed",
            answer="c",
            do=with_login,
            misconception="404-is-permission",
            says="nothing about permissions",
        ),
        Attempt(
            "token refused",
            answer="d",
            do=with_login,
            misconception="unknown-is-unknown",
            says="The token was accepted",
        ),
    ),
    reset=clear_when_empty,
    neighbour="Ask your neighbour: how could a push tell *no repository* from *wrong Region*?",
)


# e4: order the steps; the order is carried out


def aws_said(call: Callable[[], object]) -> tuple[int, str]:
    """Return exit code and text of an AWS call as the aws command prints them."""
    try:
        call()
    except ClientError as error:
        return 254, str(error)
    return 0, "done"


def steps_of(lab: LabView) -> dict[str, Callable[[str], tuple[int, str]]]:
    """Return what each tile does; its argument is the docker config folder of this run."""
    ecr = lab.client("ecr")

    def docker(words: str) -> Callable[[str], tuple[int, str]]:
        return lambda folder: lab.sh(f"export DOCKER_CONFIG='{folder}'\n{words} 2>&1")

    def policy(_: str) -> tuple[int, str]:
        text = json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": "*", "Action": "ecr:PutImage"}]}
        )
        return aws_said(lambda: ecr.set_repository_policy(repositoryName="receipts", policyText=text))

    return {
        "create-repository": lambda _: aws_said(lambda: ecr.create_repository(repositoryName="receipts")),
        "build": docker("docker build -q -t receipts:1 my-web-app/"),
        "login": lambda folder: docker(
            f"printf %s '{password(lab)}' | docker login --username AWS --password-stdin \"$REGISTRY\""
        )(folder),
        "tag": docker('docker tag receipts:1 "$REGISTRY/receipts:1"'),
        "push": docker('docker push -q "$REGISTRY/receipts:1"'),
        "describe-images": lambda _: aws_said(
            lambda: ecr.describe_images(repositoryName="receipts", imageIds=[{"imageTag": "1"}])
        ),
        "commit": docker("docker commit receipts receipts:1"),
        "set-repository-policy": policy,
    }


STEPS = (
    Step("push", "docker push $REGISTRY/receipts:1", "sends layers, config and manifest to the registry"),
    Step("build", "docker build -t receipts:1 my-web-app/", "makes the image on this computer"),
    Step("describe-images", "aws ecr describe-images … imageTag=1", "asks ECR which digest the tag names"),
    Step("login", "aws ecr get-login-password | docker login …", "gives docker a token for this registry"),
    Step("commit", "docker commit receipts receipts:1", "makes an image of a container"),
    Step("tag", "docker tag receipts:1 $REGISTRY/receipts:1", "gives the image a second name, its address"),
    Step("set-repository-policy", "aws ecr set-repository-policy …", "lets others use a repository"),
    Step("create-repository", "aws ecr create-repository … receipts", "creates the place the push goes to"),
)
NEEDED = frozenset(step.key for step in STEPS) - {"commit", "set-repository-policy"}


def clear_receipts(lab: LabView) -> None:
    """Remove the repository receipts and its names in the engine."""
    lab.clear("receipts")
    lab.sh('docker rmi -f receipts:1 "$REGISTRY/receipts:1" >/dev/null 2>&1 || true')


def e4_run(lab: LabView, keys: tuple[str, ...]) -> Result:
    """Carry the steps out in the order given, on a clean registry and with a docker that has no login."""
    clear_receipts(lab)
    _, folder = lab.sh("mktemp -d")
    folder = folder.strip()
    steps = steps_of(lab)
    lines, stopped, said = [], 0, ""
    try:
        for number, name in enumerate(keys, 1):
            begun = lab.last()
            code, output = steps[name](folder)
            output = with_words(output, lab.refused_since(begun))
            said = (output.strip().splitlines() or [""])[-1].replace(lab.registry, "$REGISTRY")
            lines.append(f"{number} {name}: {'ok' if code == 0 else said}")
            if code:
                stopped = number
                break
        stored = aws_said(
            lambda: lab.client("ecr").describe_images(repositoryName="receipts", imageIds=[{"imageTag": "1"}])
        )
    finally:
        # The image has the same bytes as my-web-app:1.1; under this name it would spare the next cells their pull.
        lab.sh(f"rm -rf '{folder}'; docker rmi -f receipts:1 \"$REGISTRY/receipts:1\" >/dev/null 2>&1 || true")
    data = {"stopped": stopped, "said": said, "stored": stored[0] == 0}
    return Result(" → ".join(keys), 1 if stopped else 0, "\n".join(lines) + "\n", data)


def e4_judge(lab: LabView, keys: tuple[str, ...], result: Result) -> Verdict:
    """Accept every order that worked, left the image in ECR, and looked at it there."""
    stopped, said = int(result.data["stopped"]), result.data["said"]
    if not stopped and result.data["stored"] and NEEDED.issubset(keys):
        remark = ""
        if "set-repository-policy" in keys:
            remark = " A remark: nothing needed that repository policy, and it lets others push to `receipts`."
        return passed(
            "All six steps ran, and ECR shows `receipts:1`. Other orders work too: only three steps have to wait for "
            "another." + remark
        )
    if not stopped:
        missing = ", ".join(sorted(NEEDED - set(keys)))
        return not_yet(f"Nothing stopped, but not everything is done. Missing: {missing}.", "left-out")
    step, before = keys[stopped - 1], keys[: stopped - 1]
    seen = f"Your order ran as far as step {stopped}, *{step}*. It said:\n\n`{said}`\n\n"
    if step == "push" and "tag" not in before:
        return not_yet(
            seen + "docker looks for an image **with that name** on this computer. What gives it the name?",
            "login-chooses-target",
        )
    if step == "push" and "login" not in before:
        return not_yet(seen + "*Who are you?* comes first. What does docker have to show?", "aws-login-is-docker-login")
    if step == "push":
        return not_yet(seen + "A push needs something to push into, and does not create it.", "ecr-creates-repository")
    if step == "commit":
        return not_yet(
            seen
            + "`commit` makes an image of a *container*, and there is none called `receipts`. We have a Dockerfile.",
            "registry-stores-containers",
        )
    if step == "set-repository-policy":
        return not_yet(
            seen + "A repository policy says who else may use a repository. This push needs none.",
            "repo-policy-gives-login",
        )
    if step == "describe-images":
        return not_yet(seen + "ECR can show an image only once its push is complete.", "half-push-visible")
    if step == "tag":
        return not_yet(seen + "A tag is a second name. The image it names has to be there first.", "tag-copies")
    return not_yet(seen + f"What does step {stopped} need that nobody has made yet?", "left-out")


def e4_hint(state: Mapping[str, Any]) -> str:
    """Say how far the last order came."""
    result = state.get("result")
    if result is None:
        return "Two of the eight steps do not belong. Six do. Begin with one that needs nothing before it."
    if not result.data["stopped"]:
        return "The whole order ran. Compare what it did with what was asked for."
    return f"It got as far as step {result.data['stopped']}. Read what that step said, then ask: what does it need?"


CREATE, SHOW = "create-repository", "describe-images"
e4 = Order(
    id="04-e4",
    at="repository",
    objective="Put the steps of a push into an order that works, and know which depend on which.",
    prompt=(
        "A new image, `receipts:1`, from the same Dockerfile. Get it into ECR and have ECR confirm it. Six of the "
        "eight steps are needed. Put them in order. The lab really runs them, on a clean registry and with a "
        "docker that has no login. Any order that works is right."
    ),
    steps=STEPS,
    run=e4_run,
    judge=e4_judge,
    hints=(
        e4_hint,
        "Three steps need nothing before them. One needs an image to name. One needs a name, a login and a repository.",
        "`tag` after `build`; `push` after `tag`, `login` and `create-repository`; `describe-images` after `push`.",
    ),
    solution=(
        "For example: **create-repository, build, login, tag, push, describe-images**.\n\n"
        "**Why:** *create*, *build* and *login* are independent of each other, so they can come in any order. *tag* "
        "needs the image. *push* needs three things: the name, the login, the repository. *describe-images* needs a "
        "finished push. `docker commit` would need a container, and a repository policy lets *others* in."
    ),
    accepts=(
        Attempt("by the book", answer=[CREATE, "build", "login", "tag", "push", SHOW]),
        Attempt("login late", answer=["build", "tag", "login", CREATE, "push", SHOW]),
        Attempt(
            "a policy that nothing needed",
            answer=[CREATE, "build", "login", "tag", "push", SHOW, "set-repository-policy"],
        ),
    ),
    rejects=(
        Attempt(
            "push before login",
            answer=[CREATE, "build", "tag", "push", "login", SHOW],
            misconception="aws-login-is-docker-login",
            says="no basic auth credentials",
        ),
        Attempt(
            "push before create",
            answer=["build", "login", "tag", "push", CREATE, SHOW],
            misconception="ecr-creates-repository",
            says="name unknown",
        ),
        Attempt(
            "push before tag",
            answer=[CREATE, "build", "login", "push", "tag", SHOW],
            misconception="login-chooses-target",
            says="An image does not exist locally with the tag",
        ),
        Attempt(
            "commit in place of build",
            answer=[CREATE, "commit", "login", "tag", "push", SHOW],
            misconception="registry-stores-containers",
            says="there is none called `receipts`",
        ),
        Attempt(
            "tag before build",
            answer=["tag", "build", CREATE, "login", "push", SHOW],
            misconception="tag-copies",
            says="has to be there first",
        ),
        Attempt(
            "never looked",
            answer=["login", CREATE, "build", "tag", "push"],
            misconception="left-out",
            says="Missing: describe-images",
        ),
    ),
    reset=clear_receipts,
    neighbour="Ask your neighbour: which steps of your order could two people do at the same time?",
)


# e5: the tag has moved; give the first image a name again


def e5_probe(lab: LabView) -> dict[str, Any]:
    """Read what lies in my-web-app, oldest first, and which names docker has for it."""
    images = [
        {
            "digest": detail["imageDigest"],
            "tags": detail.get("imageTags", []),
            "at": detail["imagePushedAt"].timestamp(),
        }
        for detail in own_images(lab, APP)
    ]
    _, here = lab.sh("docker image ls --format '{{.Repository}}:{{.Tag}}' 2>/dev/null || true")
    local = [name.partition("amazonaws.com/")[2] for name in here.split()]
    return {"images": images, "local": local}


def e5_judge(state: dict[str, Any]) -> Verdict:
    """The tag `tested` must name the image that `1.1` named before: an older one, and none that has its own tag."""
    images = state["images"]
    now = next((image for image in images if "1.1" in image["tags"]), None)
    tested = next((image for image in images if "tested" in image["tags"]), None)
    if tested is None:
        if f"{APP}:tested" in state["local"]:
            return not_yet(
                "An image on this computer is called `tested`. None in ECR is: naming it on the laptop sends nothing.",
                "tag-copies",
            )
        wrong = [tag for image in images for tag in image["tags"] if tag.lower() == "tested"]
        if wrong:
            return not_yet(f"I see the tag `{wrong[0]}`. Tags are case-sensitive.", "left-out")
        if now is not None and len(images) > 1 and now is images[0]:
            return not_yet(
                "`1.1` names the first image again, and Dara's second has lost its name. What was asked for is one "
                "more name, with `1.1` left alone.",
                "tag-is-version",
            )
        return untouched(
            f"I look for a tag `tested` in `{APP}`, on the image that was `1.1` before. There is none yet."
        )
    if now is tested:
        return not_yet(
            "`tested` and `1.1` name the same image: Dara's second. Whoever asks for `1.1` gets that one *now*. Omar "
            "tested the one before.",
            "tag-is-version",
        )
    other = next((tag for tag in tested["tags"] if tag in ("1.0", "1.0-ci") or tag.startswith("night-")), None)
    if other:
        return not_yet(
            f"`tested` is on the image that is also called `{other}`. Omar tested the first one that was called `1.1`; "
            "its digest has no other name.",
            "tag-is-version",
        )
    if now is None or tested["at"] > now["at"]:
        return not_yet(
            f"`tested` is on `{tested['digest'][:15]}…`, and that image came to ECR *after* Dara's second. Built "
            "again or pushed from somewhere else, it is another image. Omar tested one that is already in ECR.",
            "id-is-digest",
        )
    return passed(
        "`tested` names the image that was `1.1` before. Its digest is what it always was: only the names have moved."
    )


def e5_hint(state: Mapping[str, Any]) -> str:
    """Say what lies in the repository."""
    seen = [f"`{image['digest'][:15]}…` ({', '.join(image['tags']) or 'no tag'})" for image in state["images"]]
    if len(seen) < 2:
        return "The tag has to move first: run the cell above the exercise."
    return f"Oldest first, I see in ECR: {'; '.join(seen)}. Which of them did Omar test?"


def second_try(lab: LabView) -> None:
    """Dara builds another page and pushes it under the same tag, 1.1."""
    log_in(lab)
    lab.sh(
        f"""copy=$(mktemp -d); trap 'rm -rf "$copy"' EXIT
        cp -r my-web-app/. "$copy"; echo '1.1 again' > "$copy/www/version.txt"
        docker build -q -t {APP}:1.1 "$copy" """
    )
    push_app(lab, "1.1", local="1.1")


def digest_without_tag(lab: LabView) -> str:
    """Return the digest of the image that lost its tag."""
    return next(str(one["imageDigest"]) for one in own_images(lab, APP) if not one.get("imageTags"))


def e5_docker(lab: LabView) -> None:
    """Pulled by its digest, named, pushed."""
    second_try(lab)
    old = digest_without_tag(lab)
    code, said = lab.sh(
        f"""docker pull -q "$REGISTRY/{APP}@{old}"
        docker tag "$REGISTRY/{APP}@{old}" "$REGISTRY/{APP}:tested"
        docker push -q "$REGISTRY/{APP}:tested" 2>&1"""
    )
    if code:
        raise RuntimeError(said)


def e5_api(lab: LabView) -> None:
    """The manifest fetched and put again under another tag: no layer moves."""
    second_try(lab)
    name_again(lab, APP, "tested", imageDigest=digest_without_tag(lab))


def e5_second(lab: LabView) -> None:
    """The name lands on what 1.1 names now."""
    second_try(lab)
    name_again(lab, APP, "tested", imageTag="1.1")


def e5_rebuilt(lab: LabView) -> None:
    """Another build, pushed as tested."""
    second_try(lab)
    lab.push(APP, "tested", b"built again")


def e5_older(lab: LabView) -> None:
    """The name lands on 1.0, which came to ECR before Dara's second image too."""
    push_app(lab, "1.0")
    second_try(lab)
    name_again(lab, APP, "tested", imageTag="1.0")


def e5_only_here(lab: LabView) -> None:
    """Named on this computer, not pushed."""
    second_try(lab)
    lab.sh(f'docker tag {APP}:1.0 "$REGISTRY/{APP}:tested"')


def e5_moved_back(lab: LabView) -> None:
    """The tag 1.1 put back on the first image."""
    second_try(lab)
    name_again(lab, APP, "1.1", imageDigest=digest_without_tag(lab))


def e5_reset(lab: LabView) -> None:
    """Take the tag `tested` away, in ECR and here (a last name takes the image with it); 1.1 to the newest image."""
    ecr = lab.client("ecr")
    with suppress(ecr.exceptions.RepositoryNotFoundException):
        ecr.batch_delete_image(repositoryName=APP, imageIds=[{"imageTag": "tested"}])
        newest = next(reversed(own_images(lab, APP)), None)
        if newest is not None and not newest.get("imageTags"):
            name_again(lab, APP, "1.1", imageDigest=newest["imageDigest"])
    lab.sh(f'docker rmi -f "$REGISTRY/{APP}:tested" >/dev/null 2>&1 || true')


e5 = LiveCheck(
    id="04-e5",
    at="pushed",
    objective="Find an image by its digest after its tag has moved on.",
    prompt=(
        "The cell above pushed again under `1.1`, and the tag has moved to Dara's second image. Omar tested the "
        "**first** one. It is still in ECR, without a name. Give it the tag **`tested`**, and leave `1.1` where it "
        "is."
    ),
    probe=e5_probe,
    judge=e5_judge,
    hints=(
        e5_hint,
        "`aws ecr describe-images --repository-name my-web-app` lists both. One has a digest and no tags. docker can "
        "pull, tag and push it by its digest.",
        "After the name comes `:` and a tag, or `@` and a digest: pull `$REGISTRY/my-web-app@sha256:…`, tag that "
        "as `$REGISTRY/my-web-app:tested`, push the new name.",
    ),
    solution=(
        "```bash\nOLD=$(aws ecr describe-images --repository-name my-web-app --filter tagStatus=UNTAGGED \\\n"
        "  --query 'imageDetails[0].imageDigest' --output text)\n"
        'docker pull -q "$REGISTRY/my-web-app@$OLD"\n'
        'docker tag "$REGISTRY/my-web-app@$OLD" "$REGISTRY/my-web-app:tested"\n'
        'docker push -q "$REGISTRY/my-web-app:tested"\n```\n\n'
        "**Why:** a push under an existing tag moves the tag; the older image stays, without a name. Its digest is "
        "computed from its bytes, so nobody can move it. Whoever deploys `@sha256:…` gets what was tested, whatever "
        "happens to tags. (Lesson 08 makes tags that cannot move.)"
    ),
    accepts=(Attempt("pull, tag, push", do=e5_docker), Attempt("batch-get-image, put-image", do=e5_api)),
    rejects=(
        Attempt("on the second image", do=e5_second, misconception="tag-is-version", says="name the same image"),
        Attempt("built again", do=e5_rebuilt, misconception="id-is-digest", says="it is another image"),
        Attempt("on 1.0", do=e5_older, misconception="tag-is-version", says="also called `1.0`"),
        Attempt("only tagged here", do=e5_only_here, misconception="tag-copies", says="on the laptop sends nothing"),
        Attempt("1.1 moved back", do=e5_moved_back, misconception="tag-is-version", says="has lost its name"),
    ),
    reset=e5_reset,
    neighbour="Ask your neighbour: what would have to happen before that digest can no longer be pulled?",
)


# e6: let the robot push


HEAD_HAS_NO_TEXT = (
    " (docker printed nothing useful: an answer to `HEAD` carries no text. The X-ray shows who refused what.)"
)
POWER = ("AmazonEC2ContainerRegistryPowerUser", "AmazonEC2ContainerRegistryFullAccess", "AdministratorAccess")


def policies_of(lab: LabView, user: str) -> dict[str, Any]:
    """Return the user's attached policy names, and the text of the inline ones."""
    iam = lab.client("iam")
    inline = {
        name: iam.get_user_policy(UserName=user, PolicyName=name)["PolicyDocument"]
        for name in iam.list_user_policies(UserName=user)["PolicyNames"]
    }
    attached = [row["PolicyName"] for row in iam.list_attached_user_policies(UserName=user)["AttachedPolicies"]]
    return {"attached": sorted(attached), "inline": inline}


def e6_probe(lab: LabView) -> dict[str, Any]:
    """Read the robot's and Dara's policies, and what was pushed to my-web-app and by whom."""
    rows = [
        {
            "seq": row["seq"],
            "user": user_of(row),
            "action": row["action"] or (f"ecr:{row['operation']}" if row["operation"] else ""),
            "ok": ok(row),
            "denied": row["decision"] == "denied",
            "stored": puts_manifest(row, APP) and ok(row),
        }
        for row in lab.rows()
        if row["service"] in ("registry", "ecr")
    ]
    return {"ci": policies_of(lab, "ci"), "developer": policies_of(lab, "developer"), "rows": rows}


def e6_judge(state: dict[str, Any]) -> Verdict:
    """Look for the robot's own push first, then for why there is none."""
    rows, ci, dara = state["rows"], state["ci"], state["developer"]
    mine = [row for row in rows if row["user"] == "ci"]
    refused = [row for row in mine if row["denied"]]
    if any(row["stored"] for row in mine):
        wide = [name for name in ci["attached"] if name in POWER] + open_to_all(ci["inline"])
        star = next((action for action in ("*", "ecr:*") if action in inline_actions(ci["inline"])), None)
        remark = ""
        if wide:
            remark = f" A remark: `{wide[0]}` opens *every* repository. Lesson 06 makes it smaller."
        elif star:
            remark = (
                f" A remark: `{star}` also lets the robot delete images and the repository, and change its policy. A "
                "push needs six actions."
            )
        return passed("The manifest's row says `ci`, and IAM said yes to `ecr:PutImage`." + remark)
    changed = ci["attached"] != ["AmazonEC2ContainerRegistryPullOnly"] or ci["inline"]
    last = refused[-1]["seq"] if refused else 0
    if not changed and (dara["attached"] != ["AmazonEC2ContainerRegistryPowerUser"] or dara["inline"]):
        return not_yet(
            "Dara's permissions have changed, and the robot's have not. The name in the refusal was `user/ci`.",
            "left-out",
        )
    if refused and any(row["stored"] and row["user"] == "admin" and row["seq"] > last for row in rows):
        return not_yet(
            "The image is there. But the row says `admin`, not `ci`: you pushed, the robot did not.",
            "claims-without-showing",
        )
    if not changed:
        if refused and any(row["action"] == "ecr:GetAuthorizationToken" and row["seq"] > last for row in mine):
            return not_yet(
                "The robot logged in again. The token is new, but it stands for the same robot, with the same "
                "permissions.",
                "login-is-permission",
            )
        if not refused:
            return untouched(
                "I look for a push by `ci` that IAM allowed. There is none yet, and the robot's permissions are as "
                "they were."
            )
        return not_yet(
            f"Still refused: `{refused[-1]['action']}`. The robot's permissions are as they were: log in and pull.",
            "login-is-permission",
        )
    actions = inline_actions(ci["inline"])
    missing = [action for action in PUSH_SET[: PUSH_SET.index("ecr:PutImage")] if action not in actions]
    if "ecr:PutImage" in actions and "ecr:InitiateLayerUpload" not in actions and "ecr:*" not in actions:
        return not_yet(
            "`ci` has `ecr:PutImage` now. That is the last request of a push, and the robot does not get that far: "
            "it is still the first upload that is refused. Picture 2 shows what comes before the last one: "
            f"{len(missing)} of those actions are missing.",
            "putimage-is-push",
        )
    if refused and refused[-1]["seq"] == max((row["seq"] for row in mine), default=0):
        head = "" if refused[-1]["action"] != PUSH_SET[0] else HEAD_HAS_NO_TEXT
        return not_yet(
            f"The robot has a new policy. Its last request was still refused: `{refused[-1]['action']}`. Is "
            "that action in the policy, and does the resource name `my-web-app` in us-east-1? Or did the robot not "
            f"try again?{head}",
            "claims-without-showing",
        )
    return not_yet(
        "The policy is there, but no push by `ci` has been seen since. Let the robot prove it.",
        "claims-without-showing",
    )


def inline_actions(inline: Mapping[str, Any]) -> set[str]:
    """Return every action that the inline policies allow, as written."""
    actions: set[str] = set()
    for document in inline.values():
        statements = document.get("Statement", [])
        for statement in statements if isinstance(statements, list) else [statements]:
            if statement.get("Effect") == "Allow":
                words = statement.get("Action", [])
                actions.update([words] if isinstance(words, str) else words)
    return actions


def open_to_all(inline: Mapping[str, Any]) -> list[str]:
    """Return the names of the inline policies that allow a push into any repository."""
    found = []
    for name, document in inline.items():
        statements = document.get("Statement", [])
        for statement in statements if isinstance(statements, list) else [statements]:
            actions = json.dumps(statement.get("Action", []))
            resources = statement.get("Resource", [])
            names = [resources] if isinstance(resources, str) else resources
            pushes = any(word in actions for word in ("PutImage", '"ecr:*"', '"*"'))
            if statement.get("Effect") == "Allow" and pushes and any(r.rpartition("/")[2] == "*" for r in names):
                found.append(name)
    return found


def e6_hint(state: Mapping[str, Any]) -> str:
    """Say what the robot may do now and what was refused last."""
    ci = state["ci"]
    extra = sorted(inline_actions(ci["inline"]))
    refused = [row["action"] for row in state["rows"] if row["user"] == "ci" and row["denied"]]
    may = f"`ci` has: {', '.join(ci['attached']) or 'no managed policy'}"
    may += f", and of its own: {', '.join(extra)}." if extra else ", and no policy of its own."
    return may + (f" Refused last: `{refused[-1]}`." if refused else " It has not tried to push yet.")


def e6_hint_nearly(state: Mapping[str, Any]) -> str:
    """Name the actions of the push set that the robot's own policy does not have yet."""
    have = inline_actions(state["ci"]["inline"])
    missing = [action for action in PUSH_SET if action not in have]
    if not missing:
        return "The policy has every action of a push. Check its resource, put it on the user `ci`, and let `ci` push."
    words = ", ".join(f"`{action}`" for action in missing)
    return f"These belong in `Action`: {words}. Give the policy to `ci`, then push as `ci`."


def push_policy(*actions: str, name: str = APP) -> dict[str, Any]:
    """Return an inline policy that allows these actions on one repository."""
    return {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "PushMyWebApp",
                "Effect": "Allow",
                "Action": list(actions),
                "Resource": f"arn:aws:ecr:us-east-1:123456789012:repository/{name}",
            }
        ],
    }


def robot_pushes(lab: LabView) -> None:
    """Log the robot in and let it push my-web-app:1.0-ci."""
    log_in(lab, "ci")
    push_app(lab, "1.0-ci", "ci")


def give(lab: LabView, user: str, *actions: str) -> None:
    """Give the user an inline policy with these actions on my-web-app."""
    lab.client("iam").put_user_policy(
        UserName=user, PolicyName="push-my-web-app", PolicyDocument=json.dumps(push_policy(*actions))
    )


def e6_inline(lab: LabView) -> None:
    """Refused, then the push set on one repository, then pushed."""
    robot_pushes(lab)
    give(lab, "ci", *PUSH_SET)
    robot_pushes(lab)


def e6_everything(lab: LabView) -> None:
    """ecr:* on every resource, then pushed: right, with a remark."""
    robot_pushes(lab)
    document = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecr:*", "Resource": "*"}}
    lab.client("iam").put_user_policy(UserName="ci", PolicyName="all", PolicyDocument=json.dumps(document))
    robot_pushes(lab)


def e6_star(lab: LabView) -> None:
    """ecr:* on the one repository, then pushed: right, with another remark."""
    robot_pushes(lab)
    give(lab, "ci", "ecr:*")
    robot_pushes(lab)


def e6_five(lab: LabView) -> None:
    """The push set without BatchGetImage, which the robot has from its pull policy, then pushed."""
    robot_pushes(lab)
    give(lab, "ci", *PUSH_SET[:-1])
    robot_pushes(lab)


def e6_power(lab: LabView) -> None:
    """The managed PowerUser policy, then pushed."""
    robot_pushes(lab)
    lab.client("iam").attach_user_policy(UserName="ci", PolicyArn=f"arn:aws:iam::aws:policy/{POWER[0]}")
    robot_pushes(lab)


def e6_again(lab: LabView) -> None:
    """Refused, logged in again, and refused again; then one more login."""
    robot_pushes(lab)
    log_in(lab, "ci")


def e6_putimage(lab: LabView) -> None:
    """One action more, and pushed."""
    robot_pushes(lab)
    give(lab, "ci", "ecr:PutImage")
    robot_pushes(lab)


def e6_no_look(lab: LabView) -> None:
    """The uploads and PutImage, without the question whether a layer is there."""
    robot_pushes(lab)
    give(lab, "ci", *PUSH_SET[1:])
    robot_pushes(lab)


def e6_as_admin(lab: LabView) -> None:
    """The robot is refused; admin pushes in its place."""
    robot_pushes(lab)
    log_in(lab)
    push_app(lab, "1.0-ci", "admin")


def e6_dara(lab: LabView) -> None:
    """The policy lands on Dara."""
    robot_pushes(lab)
    give(lab, "developer", *PUSH_SET)


def e6_no_proof(lab: LabView) -> None:
    """The policy is right; nobody tried it."""
    robot_pushes(lab)
    give(lab, "ci", *PUSH_SET)


def e6_reset(lab: LabView) -> None:
    """Give the robot and Dara the rights they had at first."""
    lab.user("ci")
    lab.user("developer")


e6 = LiveCheck(
    id="04-e6",
    at="pushed",
    objective="Give an identity the actions that a push needs, on one repository, and prove it.",
    prompt=(
        "**Let the robot push to `my-web-app`.** The file `ci-push.json` is a first try with one action. Complete "
        "it, give it to the user `ci`, and let the *robot* push. Any way that ends in a push by `ci` is right."
    ),
    probe=e6_probe,
    judge=e6_judge,
    hints=(
        e6_hint,
        "Picture 2 is the list: every arrow from docker to ECR that IAM was asked about. The robot needs a yes "
        "for each.",
        e6_hint_nearly,
    ),
    solution=(
        "Six actions on `arn:aws:ecr:us-east-1:123456789012:repository/my-web-app`: *BatchCheckLayerAvailability, "
        "InitiateLayerUpload, UploadLayerPart, CompleteLayerUpload, PutImage* and *BatchGetImage* (newer builders "
        "read the manifest before they write it). `aws iam put-user-policy` puts them on `ci`. The robot already had "
        "`BatchGetImage` from its pull policy; it is listed here so that this policy is enough without that one.\n\n"
        "**Why no new login?** The token says who you are. What you may do is looked up at each request, so the old "
        "token can push as soon as the policy is there. The robot already had the login itself "
        "(`ecr:GetAuthorizationToken`) from its pull policy."
    ),
    accepts=(
        Attempt("the push set on one repository", do=e6_inline),
        Attempt("five actions, and BatchGetImage from the pull policy", do=e6_five),
        Attempt("everything everywhere", do=e6_everything),
        Attempt("everything on one repository", do=e6_star),
        Attempt("the managed PowerUser policy", do=e6_power),
    ),
    rejects=(
        Attempt("logged in again", do=e6_again, misconception="login-is-permission", says="The token is new"),
        Attempt(
            "PutImage alone", do=e6_putimage, misconception="putimage-is-push", says="the first upload that is refused"
        ),
        Attempt(
            "without BatchCheckLayerAvailability",
            do=e6_no_look,
            misconception="claims-without-showing",
            says="an answer to `HEAD` carries no text",
        ),
        Attempt("pushed as admin", do=e6_as_admin, misconception="claims-without-showing", says="the row says `admin`"),
        Attempt("policy on Dara", do=e6_dara, misconception="left-out", says="Dara's permissions have changed"),
        Attempt(
            "never tried",
            do=e6_no_proof,
            misconception="claims-without-showing",
            says="Or did the robot not try again?",
        ),
    ),
    reset=e6_reset,
    neighbour="Ask your neighbour: the robot's token is older than its new permission. Why did the push work?",
)


# e7: what is settled with the token, what is asked again


SETTLED, AGAIN, NEITHER = "settled", "again", "neither"
e7 = Match(
    id="04-e7",
    at="pushed",
    objective="Tell what a token settles from what is asked again at every request.",
    prompt=(
        "You have seen the robot's old token work with its new permission. So what is decided when? **Sort**: "
        "settled when the token is fetched · asked again with each request · neither."
    ),
    items=(
        Item(
            "who",
            "who you are",
            "The token stands for whoever fetched it, and nothing later changes that.",
            None,
        ),
        Item(
            "may",
            "whether you may push to `my-web-app`",
            "The robot's token was fetched before its permission existed, and its push worked. So the permission was "
            "looked up later than that.",
            "login-is-permission",
        ),
        Item(
            "end",
            "how long the login is good for",
            "Nothing you do later makes a token live longer; a new one has to be fetched.",
            "login-is-forever",
        ),
        Item(
            "region",
            "which Region's registries it opens",
            "A token fetched in Ireland does not open the registry in us-east-1. That cannot be changed afterwards.",
            "token-works-everywhere",
        ),
        Item(
            "tag",
            "whether the tag `1.1` exists",
            "Images come and go; the registry looks whenever somebody asks for one.",
            "half-push-visible",
        ),
        Item(
            "key",
            "your AWS secret key",
            "",
            "token-is-password",
            misses=(
                Miss(
                    SETTLED,
                    "The key signed the request that fetched the token. It is not in the token, and docker never gets "
                    "it.",
                    "token-is-password",
                ),
                Miss(
                    AGAIN,
                    "docker shows the token at each request, never the key. The key stays with `aws`.",
                    "token-is-password",
                ),
            ),
        ),
    ),
    bins=(
        Bin(SETTLED, "settled when the token is fetched"),
        Bin(AGAIN, "asked again with each request"),
        Bin(NEITHER, "neither"),
    ),
    correct={"who": SETTLED, "may": AGAIN, "end": SETTLED, "region": SETTLED, "tag": AGAIN, "key": NEITHER},
    hints=(
        "Two things you saw today: the robot's old token pushed with a new permission, and `get-login-password` "
        "takes a Region.",
        "Ask of each: could it change while the token stays the same?",
        "Three are settled, two are asked again, and one docker never gets to see.",
    ),
    solution=(
        "**Settled:** who you are, for how long, for which Region. **Asked again:** may you push, is the tag there. "
        "**Neither:** the secret key; it signs what `aws` sends and goes nowhere.\n\n"
        "**Why it matters:** take a permission away, and it is gone as soon as IAM knows, with no logout. Give one, "
        "and no new login is needed. But a copied token works for whoever has it until it expires."
    ),
    accepts=(
        Attempt(
            "all six",
            answer={"who": SETTLED, "may": AGAIN, "end": SETTLED, "region": SETTLED, "tag": AGAIN, "key": NEITHER},
        ),
        Attempt(
            "the same in another order",
            answer={"key": NEITHER, "tag": AGAIN, "may": AGAIN, "region": SETTLED, "end": SETTLED, "who": SETTLED},
        ),
    ),
    rejects=(
        Attempt(
            "rights are in the token",
            answer={"who": SETTLED, "may": SETTLED, "end": SETTLED, "region": SETTLED, "tag": AGAIN, "key": NEITHER},
            misconception="login-is-permission",
            says="looked up later than that",
        ),
        Attempt(
            "the end can move",
            answer={"who": SETTLED, "may": AGAIN, "end": AGAIN, "region": SETTLED, "tag": AGAIN, "key": NEITHER},
            misconception="login-is-forever",
            says="a new one has to be fetched",
        ),
        Attempt(
            "any Region",
            answer={"who": SETTLED, "may": AGAIN, "end": SETTLED, "region": NEITHER, "tag": AGAIN, "key": NEITHER},
            misconception="token-works-everywhere",
            says="does not open the registry in us-east-1",
        ),
        Attempt(
            "the key is in it",
            answer={"who": SETTLED, "may": AGAIN, "end": SETTLED, "region": SETTLED, "tag": AGAIN, "key": SETTLED},
            misconception="token-is-password",
            says="It is not in the token",
        ),
    ),
    neighbour="Ask your neighbour: somebody leaves the company at noon. What of the above still works at one?",
)


# e8: read a refusal that begins with docker's own guess


def e8_cause(lab: LabView) -> Result:
    """Let Omar's server pull with a login that is twelve hours and a minute old; then put the clock where it was."""
    make_repository(lab, APP)
    if not any(one.get("imageTag") == "1.1" for one in lab.client("ecr").list_images(repositoryName=APP)["imageIds"]):
        lab.push(APP, "1.1")
    ahead = float(lab.control.status()["clock"]["offset_seconds"])
    _, folder = lab.sh("mktemp -d")
    folder = folder.strip()
    command = f'docker pull "$REGISTRY/{APP}:1.1"'
    try:
        lab.sh(
            f"export DOCKER_CONFIG='{folder}'\nprintf %s '{password(lab, 'ops')}' | "
            'docker login --username AWS --password-stdin "$REGISTRY" 2>&1',
            "ops",
        )
        lab.clock.advance(hours=12, minutes=1)
        code, output = lab.sh(f"export DOCKER_CONFIG='{folder}'\n{command} 2>&1 | tail -1", "ops")
    finally:
        lab.clock.reset()
        lab.clock.advance(seconds=max(ahead, 0))
        lab.sh(f"rm -rf '{folder}'")
    seen = output.strip().replace(lab.registry, "$REGISTRY")
    if lab.prints != "graph":
        # The words that this exercise is about are those of engines with overlay2: they are shown beside one's own.
        older = refusals()["pull-with-old-token"].text("graph", name=f"$REGISTRY/{APP}")
        seen = f"{seen}\n\nand with an engine that has overlay2:\nError response from daemon: {older}"
    return Result(command, code, f"{seen}\n")


e8 = ReadError(
    id="04-e8",
    at="pushed",
    objective="Find the registry's own words after docker's guess.",
    prompt=(
        "It is three at night, and Omar's server has to start the booking page again. Its last login was at two in "
        "the afternoon. The pull really ran, and this is what it said. **What is the cause?**"
    ),
    cause=e8_cause,
    options=(
        Option(
            "a",
            "the repository does not exist",
            "Those words are there, but they are docker's: it prints the same guess whenever the manifest is denied, "
            "for whatever reason. ECR words a missing repository differently: `The repository … does not exist`.",
            "403-is-missing",
        ),
        Option(
            "b",
            "Omar has no permission to pull",
            "A missing permission names a person, an action and a resource. None of them follows `denied:`.",
            "login-is-permission",
        ),
        Option(
            "c",
            "the tag 1.1 is not there",
            "Then ECR's words would be `Requested image not found`. Nobody looked for a tag: the refusal came before.",
            "unknown-is-unknown",
        ),
        Option(
            "d", "the login is too old", "The cause comes last, in ECR's own words. A new login, and the page starts."
        ),
        Option(
            "e",
            "the registry was not reached",
            "It answered: what follows `denied:` comes from it. Without an answer there would be no such words.",
            "timeout-is-denial",
        ),
    ),
    correct="d",
    parts=(
        ("Error response from daemon", "the engine speaks, not yet the registry"),
        (
            "pull access denied for …, repository does not exist or may require 'docker login'",
            "docker's guess; it prints this when the *manifest* is denied, for whatever reason",
        ),
        ("denied", "from here on it is the registry: refused"),
        ("Your authorization token has expired. Reauthenticate and try again.", "the cause, and what to do"),
    ),
    hints=(
        "Who printed it? There are two speakers in this line. Where does the second one begin?",
        "Cut away everything up to the last `denied:`.",
        "When was the login, and when was the pull?",
    ),
    solution=(
        "**The login is too old.** docker puts its own guess first when the manifest is denied; what the registry "
        "said comes after the last `denied:`.\n\n"
        "**Why it matters:** whoever reads from the left creates a repository that already exists, or asks for a "
        "permission they already have. Read from the right. Some clients print no more than `403 Forbidden`: then "
        "ask first how old the login is."
    ),
    accepts=(Attempt("too old", answer="d"), Attempt("too old, certain", answer="d", confidence=3)),
    rejects=(
        Attempt("no repository", answer="a", misconception="403-is-missing", says="but they are docker's"),
        Attempt("no right", answer="b", misconception="login-is-permission", says="permission names a person"),
        Attempt("no tag", answer="c", misconception="unknown-is-unknown", says="`Requested image not found`"),
        Attempt("not reached", answer="e", misconception="timeout-is-denial", says="It answered"),
    ),
    neighbour="Ask your neighbour: which words would a refused *push* leave out?",
)


# e9: fix the nightly script


def e9_run(lab: LabView, script: str) -> Result:
    """Run nightly.sh as Dara's night job from hour 0, with a docker that has no login; then put the clock back.

    `sleep` moves the lab's clock in place of waiting, so a script that sleeps half a day can be tried too.
    """
    make_repository(lab, APP)
    if lab.sh(f"docker image inspect -f . {APP}:1.0 >/dev/null 2>&1")[0]:
        build(lab, "1.0")
    lab.client("ecr").batch_delete_image(repositoryName=APP, imageIds=[{"imageTag": f"night-{hour}"} for hour in NIGHT])
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
    data = {"code": code, **night_of(rows, began)}
    return Result("bash nightly.sh", code, str(output).replace(lab.registry, "$REGISTRY"), data)


def night_of(rows: list[Row], began: datetime) -> dict[str, Any]:
    """Return which builds arrived and when, the hours of the logins, and those at which a token was refused."""

    def hour(row: Row) -> int:
        return round((datetime.fromisoformat(row["time"]) - began).total_seconds() / 3600)

    arrived = {
        int(row["path"].rpartition("night-")[2]): hour(row)
        for row in rows
        if puts_manifest(row) and ok(row) and "night-" in row["path"]
    }
    logins = [hour(row) for row in rows if row["operation"] == "GetAuthorizationToken" and ok(row)]
    late = sorted({hour(row) for row in rows if outcome([row]) == "expired"})
    return {"arrived": arrived, "logins": logins, "expired": late}


def hours(numbers: Any) -> str:
    """Return hours in words, each once: "0, 11 and 13". Stored results have them as text."""
    words = [str(number) for number in sorted({int(number) for number in numbers})]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words) or "none"


def e9_judge(lab: LabView, script: str, result: Result) -> Verdict:
    """Four builds must arrive, each at its own hour."""
    night = result.data
    arrived = night["arrived"]
    on_time = {hour for hour in NIGHT if arrived.get(hour) == hour}
    if on_time == set(NIGHT):
        return passed(f"Four builds, each at its hour. Logins at: {hours(set(night['logins']))}.")
    seen = (
        f"Arrived: {hours(arrived)}. Refused as expired at: {hours(night['expired'])}. "
        f"Logins at: {hours(night['logins'])}.\n\n"
    )
    words = without_comments(script)
    if re.search(r"reset_clock|clock.{0,3}reset", words):
        return not_yet(
            seen + "The script moves the clock back. On a server there is no button for that.", "login-is-forever"
        )
    if "duration" in words:
        return not_yet(
            seen
            + "The script asks for a longer lifetime. `get-login-password` has no such parameter: the 12 hours are "
            "fixed.",
            "login-is-forever",
        )
    if re.search(r"\bsleep\b", words):
        return not_yet(
            seen + "The script waits. Then the builds come too late, and waiting makes no token younger.", "retry-fixes"
        )
    late = {hour: at for hour, at in arrived.items() if at != hour}
    if late:
        return not_yet(
            seen + "Not every build arrived at its own hour. The hours are the builders', not ours to move.",
            "login-is-forever",
        )
    if "|| true" in words or "||:" in words.replace(" ", ""):
        missing = min(set(NIGHT) - set(arrived))
        return not_yet(
            seen + f"The script ended with {night['code']}, as if all was well. ECR has no image from hour {missing}.",
            "no-exception-is-success",
        )
    if re.search(r"get-login-password[^|]*>", words) or re.search(r"=\s*\"?\$\(\s*aws ecr get-login-password", words):
        return not_yet(
            seen
            + "The script keeps the token and shows the same one again. A new login with an old token is an old login.",
            "token-is-password",
        )
    if not night["logins"]:
        return not_yet(seen + "No login was seen at all.", "aws-login-is-docker-login")
    if night["expired"] and any(0 < hour < max(night["expired"]) for hour in night["logins"]):
        return not_yet(
            seen + "The script logs in more than once, and a token was still too old. How long does it wait between a "
            "login and the push?",
            "login-is-forever",
        )
    return not_yet(
        seen + "A login is good for 12 hours. Two of the builds come later than that. When should the script log in?",
        "login-is-forever",
    )


def without_comments(script: str) -> str:
    """Return the script without its comment lines."""
    return "\n".join(line for line in script.splitlines() if not line.lstrip().startswith("#"))


def e9_hint(state: Mapping[str, Any]) -> str:
    """Say what the last night looked like."""
    result = state.get("result")
    if result is None:
        return "Let the night run once with the file as it is, and see which hours arrive."
    night = result.data
    return (
        f"Pushed at {hours(night['arrived'])}. Refused at {hours(night['expired'])}. "
        f"Logins seen at {hours(night['logins'])}."
    )


LOGIN_LINE = 'aws ecr get-login-password | docker login --username AWS --password-stdin "$REGISTRY" 2>/dev/null'
STARTER = (Path(__file__).parent / "files" / "nightly.sh").read_text(encoding="utf-8")


def script(*lines: str, before: str = "") -> str:
    """Return a nightly script with these lines in its loop; `before` stands before the loop."""
    body = "\n".join(f"  {line}" for line in lines)
    return f"{before}\nfor hour in {' '.join(map(str, NIGHT))}; do\n{body}\ndone\n"


WAIT = 'python hour.py "$hour"'
TAG = 'docker tag my-web-app:1.0 "$REGISTRY/my-web-app:night-$hour"'
PUSH = 'docker push -q "$REGISTRY/my-web-app:night-$hour"'
CLOCK_BACK = "python -c 'from ecrlab import client, home; client.LabClient(home.Home.find()).reset_clock()'"
SAVED_LOGIN = '  docker login --username AWS --password-stdin "$REGISTRY" < token.txt 2>/dev/null'

e9 = FixFile(
    id="04-e9",
    at="pushed",
    objective="Keep a long-running job logged in.",
    prompt=(
        "`nightly.sh` pushes at hours 0, 11, 13 and 26 and logs in once. Fix the file until **all four images "
        "arrive**, each at its own hour. Running it moves the lab's clock through the whole night, as Dara, and then "
        "puts it back."
    ),
    file="nightly.sh",
    start=STARTER,
    run=e9_run,
    judge=e9_judge,
    hints=(
        e9_hint,
        "How old is the token at each push? Write its age next to each of the four hours.",
        "The login line is before the loop. What if it were next to the push?",
    ),
    solution=(
        "Move the login **into the loop**, before the push:\n\n```bash\n"
        + script(WAIT, LOGIN_LINE, TAG, PUSH).strip()
        + "\n```\n\n"
        "**Why:** a token lives 12 hours from the moment it is fetched, and nothing makes it live longer. A login "
        "costs half a second, so a job that pushes logs in each time. On a server the helper program "
        "`docker-credential-ecr-login` does the same automatically. `|| true` and a saved token only hide the problem."
    ),
    accepts=(
        Attempt("login in the loop", answer=script(WAIT, LOGIN_LINE, TAG, PUSH)),
        Attempt(
            "login when refused",
            answer=script(WAIT, TAG, f"{PUSH} || {{ {LOGIN_LINE}; {PUSH}; }}", before=LOGIN_LINE),
        ),
    ),
    rejects=(
        Attempt(
            "a login after the loop too",
            answer=STARTER + LOGIN_LINE + "\n",
            misconception="login-is-forever",
            says="A login is good for 12 hours",
        ),
        Attempt(
            "a login before each wait",
            answer=script(LOGIN_LINE, WAIT, TAG, PUSH),
            misconception="login-is-forever",
            says="How long does it wait between a login and the push?",
        ),
        Attempt(
            "the clock put back",
            answer=script(WAIT, CLOCK_BACK, TAG, PUSH, before=LOGIN_LINE),
            misconception="login-is-forever",
            says="there is no button for that",
        ),
        Attempt(
            "a longer life",
            answer=script(
                WAIT, TAG, PUSH, before=LOGIN_LINE.replace("password |", "password --duration-seconds 86400 |")
            ),
            misconception="login-is-forever",
            says="no such parameter",
        ),
        Attempt(
            "sleep half a day",
            answer=script(WAIT, TAG, f"{PUSH} || {{ sleep 43200; {PUSH}; }}", before=LOGIN_LINE),
            misconception="retry-fixes",
            says="waiting makes no token younger",
        ),
        Attempt(
            "the token saved",
            answer=script(WAIT, SAVED_LOGIN.strip(), TAG, PUSH, before="aws ecr get-login-password > token.txt"),
            misconception="token-is-password",
            says="shows the same one again",
        ),
        Attempt(
            "errors swallowed",
            answer=script(WAIT, TAG, f"{PUSH} || true", before=LOGIN_LINE),
            misconception="no-exception-is-success",
            says="ECR has no image from hour 13",
        ),
    ),
    reset=lambda lab: lab.clock.reset(),
    neighbour="Ask your neighbour: would a new login help somebody whose permissions were taken away?",
)


# e10: which cause fits which failure


CHOOSE = "(choose)"
"""What stands in a list at first: no answer."""
FAILURES = ("one", "two", "three", "four")


def e10_run(lab: LabView, values: Mapping[str, str]) -> Result:
    """Read which four failures the learner has on the desk. Nothing is carried out again."""
    code, text = lab.sh(f"cat {desk.RECORD} 2>/dev/null")
    if code:
        return Result("the desk", 1, "no failures on the desk yet\n", {"truth": []})
    number = int(json.loads(text)["number"])
    cases = desk.chosen(number)
    return Result(f"python desk.py {number}", 0, "", {"truth": [desk.CASES[name].cause for name in cases]})


def e10_judge(lab: LabView, values: dict[str, str], result: Result) -> Verdict:
    """Compare the causes one by one; speak about the first that does not fit."""
    truth = result.data["truth"]
    if not truth:
        return untouched("Run the cell above first: it makes four failures.")
    given = [str(values.get(name, CHOOSE)).strip() for name in FAILURES]
    if CHOOSE in given:
        return untouched("Give each of the four a cause first.")
    wrong = [n for n in range(4) if given[n] != truth[n]]
    if not wrong:
        return passed("All four. Two of them print the same words, and only a look at another Region tells them apart.")
    right = 4 - len(wrong)
    pick = wrong[0]
    score = f"{right} of 4 fit. Look at number {pick + 1} again: "
    is_, said = truth[pick], given[pick]
    causes = {name: case.cause for name, case in desk.CASES.items()}
    if is_ == causes["other-region"]:
        return not_yet(
            score
            + "the text says that **this** registry has no such repository. Another Region may have it: look there.",
            "ecr-is-global",
        )
    if is_ == causes["never-made"]:
        return not_yet(
            score
            + "does another Region have that repository? Or did nobody ever create it? Read its name letter by letter.",
            "ecr-is-global" if said == causes["other-region"] else "unknown-is-unknown",
        )
    if is_ == causes["no-tag"]:
        return not_yet(
            score + "a pull found nothing. The repository is there; what was looked for **in** it?",
            "unknown-is-unknown",
        )
    if is_ == causes["expired"]:
        return not_yet(
            score + "it is refused (*denied*, *403*), yet ECR names no action and no resource. Read the last part.",
            "login-is-permission",
        )
    if is_ == causes["no-login"]:
        return not_yet(
            score + "docker itself says it had nothing to show **to this registry**. A login for another Region is a "
            "different "
            "entry.",
            "token-works-everywhere",
        )
    return not_yet(score + "it names a person, an action and a resource. All three are known to AWS.", "403-is-missing")


def e10_hint(state: Mapping[str, Any]) -> str:
    """Say how many fit."""
    result = state.get("result")
    values = state.get("values") or {}
    if result is None or not result.data["truth"]:
        return "Read each text from the end. Which ones name a person? Which ones say that something does not exist?"
    fits = sum(values.get(name) == cause for name, cause in zip(FAILURES, result.data["truth"], strict=True))
    return f"{fits} of 4 fit. Sort first: not known · not found · not allowed."


def case_answers(number: int, **changed: str) -> dict[str, str]:
    """Return the right causes of a desk number; `changed` maps a case's name (with _ for -) to another case's name."""
    names = desk.chosen(number)
    swapped = {key.replace("_", "-"): value for key, value in changed.items()}
    return {place: desk.CASES[swapped.get(name, name)].cause for place, name in zip(FAILURES, names, strict=True)}


def failing(number: int) -> Callable[[LabView], object]:
    """Return what makes the four failures of that number."""
    return lambda lab: lab.sh(f"python {desk.__name__.rpartition('_')[2]}.py {number}")


def e10_looked(lab: LabView) -> None:
    """Four failures, then a look at what both Regions hold."""
    failing(8)(lab)
    for region in ("us-east-1", "eu-west-1"):
        lab.client("ecr", region=region).describe_repositories()


def e10_reset(lab: LabView) -> None:
    """Clear the desk: its repositories, its logins, its record; put the clock back."""
    lab.sh(f"rm -f {desk.RECORD}")
    for region in ("us-east-1", "eu-west-1"):
        lab.clear("desk-receipts", "my-webapp", region=region)
    log_out(lab, *PEOPLE)
    lab.clock.reset()


e10 = BuildCommand(
    id="04-e10",
    at="pushed",
    objective="Tell from the text, and one look, what caused a refusal.",
    prompt=(
        "The cell above made four failures. Give each number its cause. The texts alone are enough for two of them; "
        "for the other two you have to look: `aws ecr describe-repositories --region …` (the Regions are `us-east-1` "
        "and `eu-west-1`)."
    ),
    fields=tuple(Field(name, f"failure {number}", (CHOOSE, *desk.CAUSES)) for number, name in enumerate(FAILURES, 1)),
    template="1: {one} · 2: {two} · 3: {three} · 4: {four}",
    run=e10_run,
    judge=e10_judge,
    hints=(
        e10_hint,
        "Two of the four say that *the repository does not exist*. Ask both Regions which repositories they have, and "
        "compare the names letter by letter.",
        "*no basic auth*: not known · *repository … does not exist*: repository · *image not found*: tag · "
        "*expired*: token · *not authorized*: permission.",
    ),
    solution=(
        "`no basic auth credentials`: no login **for this registry** (one for Ireland does not count). `The "
        "repository … does not exist`: not **in this Region**; `describe-repositories` in the other Region tells a "
        "typing error from a repository created elsewhere. `Requested image not found`: the tag. `authorization "
        "token has expired`: log in again; no permission is missing. `not authorized to perform`: a permission.\n\n"
        "**Why sort them:** *who are you*, *what is there* and *may you* are three questions, and the answer to one "
        "does nothing for another."
    ),
    accepts=(
        Attempt("read", do=failing(3), answer=case_answers(3)),
        Attempt("read, and looked in both Regions", do=e10_looked, answer=case_answers(8)),
        Attempt("other causes", do=failing(2), answer=case_answers(2)),
    ),
    rejects=(
        Attempt(
            "both called a typing error",
            do=failing(3),
            answer=case_answers(3, other_region="never-made"),
            misconception="ecr-is-global",
            says="Another Region may have it",
        ),
        Attempt(
            "unknown is unknown",
            do=failing(3),
            answer=case_answers(3, no_tag="never-made"),
            misconception="unknown-is-unknown",
            says="what was looked for **in** it",
        ),
        Attempt(
            "expired called a missing permission",
            do=failing(3),
            answer=case_answers(3, expired="no-right"),
            misconception="login-is-permission",
            says="names no action",
        ),
        Attempt(
            "a login for Ireland is a login",
            do=failing(2),
            answer=case_answers(2, no_login="no-right"),
            misconception="token-works-everywhere",
            says="nothing to show",
        ),
        Attempt(
            "a missing permission called a missing repository",
            do=failing(2),
            answer=case_answers(2, no_right="never-made"),
            misconception="403-is-missing",
            says="an action and a resource",
        ),
    ),
    reset=e10_reset,
    neighbour="Ask your neighbour: which of the six causes would a second try fix?",
)


# e11: one image, two names


def e11_probe(lab: LabView) -> dict[str, Any]:
    """Read both Regions' repositories, the tags of Dara's, the names docker has, and whether a push was refused."""
    ecr = lab.client("ecr")
    names = [row["repositoryName"] for row in ecr.describe_repositories()["repositories"]]
    tags: dict[str, str] = {}
    if TEAM in names:
        for detail in ecr.describe_images(repositoryName=TEAM)["imageDetails"]:
            tags.update(dict.fromkeys(detail.get("imageTags", []), detail["imageDigest"]))
    ireland = [
        row["repositoryName"] for row in lab.client("ecr", region="eu-west-1").describe_repositories()["repositories"]
    ]
    _, here = lab.sh("docker image ls --format '{{.Repository}}:{{.Tag}}' 2>/dev/null || true")
    local = [name.partition("amazonaws.com/")[2] for name in here.split() if TEAM in name and "<none>" not in name]
    refused = any(row["status"] == 404 and f"/{TEAM}/blobs/" in row["path"] for row in at_registry(lab.rows()))
    return {"repositories": names, "ireland": ireland, "tags": tags, "local": local, "refused": refused}


TEAM = "team-a/booking"


def e11_judge(state: dict[str, Any]) -> Verdict:
    """The repository, then the tags, then one digest behind both."""
    tags, local = state["tags"], state["local"]
    if TEAM not in state["repositories"]:
        if TEAM in state["ireland"]:
            return not_yet(
                f"I see `{TEAM}`, in Ireland. Dara's team works in us-east-1, and the two registries share nothing.",
                "ecr-is-global",
            )
        if "team-a" in state["repositories"]:
            return not_yet(
                f"I see a repository `team-a`. A slash makes no folder: the whole name, `{TEAM}`, is one repository.",
                "registry-is-repository",
            )
        if "booking" in state["repositories"]:
            return not_yet(
                "I see a repository `booking`. The team's name is part of the repository's name, slash included.",
                "registry-is-repository",
            )
        if state["refused"]:
            return not_yet(
                f"A push to `{TEAM}` was sent, and ECR refused it: there is no such repository, and a push does not "
                "create it.",
                "ecr-creates-repository",
            )
        if local:
            return not_yet(
                f"On this computer I see the name `{local[0]}`. In ECR I see no repository `{TEAM}`. Naming it on the "
                "laptop sends nothing.",
                "tag-copies",
            )
        return untouched(
            f"I look for the repository `{TEAM}` in us-east-1 and for two tags in it. There is no such repository yet."
        )
    missing = [tag for tag in ("1.0", "stable") if tag not in tags]
    if missing:
        if "Stable" in tags:
            return not_yet("I see the tag `Stable`. Tags are case-sensitive: `stable` is another one.", "left-out")
        if any(name.rpartition(":")[2] in missing for name in local):
            return not_yet(
                f"On this computer the image has the name `{missing[0]}`. ECR does not know it: naming it on the "
                "laptop sends nothing.",
                "tag-copies",
            )
        return not_yet(
            f"`{TEAM}` has the tags: {', '.join(sorted(tags)) or 'none'}. Missing: {', '.join(missing)}.", "left-out"
        )
    if tags["1.0"] != tags["stable"]:
        short = {tag: tags[tag][7:11] for tag in ("1.0", "stable")}
        return not_yet(
            f"Two tags, two images: `1.0` is {short['1.0']}…, `stable` is {short['stable']}…. They were built or "
            "pushed from different bytes. The goal was *one* image with two names.",
            "tag-is-version",
        )
    return passed("One image, two names: the digest behind both is the same.")


def e11_hint(state: Mapping[str, Any]) -> str:
    """Say what is there."""
    seen = ", ".join(sorted(state["tags"])) or "no tags"
    if TEAM in state["repositories"]:
        return f"`{TEAM}` is there, with {seen}. Different images behind the tags: {len(set(state['tags'].values()))}."
    return f"In us-east-1 I see: {', '.join(state['repositories']) or 'no repository'}."


def e11_docker(lab: LabView) -> None:
    """Repository, and one image pushed under two names."""
    make_repository(lab, TEAM)
    log_in(lab)
    for tag in ("1.0", "stable"):
        push_app(lab, tag, name=TEAM)


def e11_put_image(lab: LabView) -> None:
    """One push; the second name by PutImage with the same manifest."""
    make_repository(lab, TEAM)
    lab.push(TEAM, "1.0")
    name_again(lab, TEAM, "stable", imageTag="1.0")


def e11_two_builds(lab: LabView) -> None:
    """Two different images under the two names."""
    make_repository(lab, TEAM)
    lab.push(TEAM, "1.0", b"one")
    lab.push(TEAM, "stable", b"two")


def e11_without_team(lab: LabView) -> None:
    """The repository has only the second half of its name."""
    make_repository(lab, "booking")
    lab.push("booking", "1.0")
    lab.push("booking", "stable")


def e11_folder(lab: LabView) -> None:
    """A repository `team-a`, taken for a folder, and a push below it, which is refused."""
    make_repository(lab, "team-a")
    log_in(lab)
    push_app(lab, "1.0", name=TEAM)
    assert outcome(lab.rows()) == "no repository", lab.rows()


def e11_never_made(lab: LabView) -> None:
    """Tagged and pushed; nobody made the repository."""
    log_in(lab)
    push_app(lab, "1.0", name=TEAM)
    assert outcome(lab.rows()) == "no repository", lab.rows()


def e11_named(lab: LabView) -> None:
    """Named on the laptop, and nothing else."""
    lab.sh(f'docker tag {APP}:1.0 "$REGISTRY/{TEAM}:1.0"')


def e11_ireland(lab: LabView) -> None:
    """Everything right, in the other Region."""
    lab.client("ecr", region="eu-west-1").create_repository(repositoryName=TEAM)
    lab.push(TEAM, "1.0", region="eu-west-1")
    lab.push(TEAM, "stable", region="eu-west-1")


def e11_only_here(lab: LabView) -> None:
    """Pushed once; the second name exists on the laptop alone."""
    make_repository(lab, TEAM)
    log_in(lab)
    push_app(lab, "1.0", name=TEAM)
    lab.sh(f'docker tag {APP}:1.0 "$REGISTRY/{TEAM}:stable"')


def e11_large_letter(lab: LabView) -> None:
    """A tag with a large letter."""
    make_repository(lab, TEAM)
    lab.push(TEAM, "1.0")
    lab.push(TEAM, "Stable")


def e11_reset(lab: LabView) -> None:
    """Remove what the attempts made."""
    lab.clear(TEAM, "team-a", "booking")
    lab.clear(TEAM, region="eu-west-1")
    lab.sh(f'docker rmi -f "$REGISTRY/{TEAM}:1.0" "$REGISTRY/{TEAM}:stable" >/dev/null 2>&1 || true')


e11 = LiveCheck(
    id="04-e11",
    at="pushed",
    objective="Get one image into a new repository under two names, without being told the steps.",
    prompt=(
        "Dara's team wants the repository **`team-a/booking`** in us-east-1, holding **one** image with **two** "
        "names: `1.0` and `stable`. Which image is up to you. No steps today, and any client will do."
    ),
    probe=e11_probe,
    judge=e11_judge,
    hints=(
        e11_hint,
        "You need a repository, a login that is still good, and two names for the same image. Which step sends, and "
        "which only names?",
        "Create the repository. Tag the *same* image twice with its address. Push both names: the second push sends "
        "only a name.",
    ),
    solution=(
        "```bash\naws ecr create-repository --repository-name team-a/booking\n"
        'for tag in 1.0 stable; do\n  docker tag my-web-app:1.0 "$REGISTRY/team-a/booking:$tag"\n'
        '  docker push -q "$REGISTRY/team-a/booking:$tag"\ndone\n```\n\n'
        "**Why one digest:** both names were given to the same image. The second push finds every layer already "
        "there and stores one more name. Building twice can give two images, because two builds may differ in a "
        "timestamp. Without docker: `batch-get-image` the manifest, `put-image` it under the second tag."
    ),
    accepts=(Attempt("docker, two tags", do=e11_docker), Attempt("one push, then put-image", do=e11_put_image)),
    rejects=(
        Attempt("two builds", do=e11_two_builds, misconception="tag-is-version", says="Two tags, two images"),
        Attempt("without the team", do=e11_without_team, misconception="registry-is-repository", says="slash included"),
        Attempt("a folder", do=e11_folder, misconception="registry-is-repository", says="A slash makes no folder"),
        Attempt("never made", do=e11_never_made, misconception="ecr-creates-repository", says="a push does not create"),
        Attempt("only named", do=e11_named, misconception="tag-copies", says="In ECR I see no repository"),
        Attempt("in Ireland", do=e11_ireland, misconception="ecr-is-global", says="in Ireland"),
        Attempt(
            "only tagged here",
            do=e11_only_here,
            misconception="tag-copies",
            says="naming it on the laptop sends nothing",
        ),
        Attempt("large letter", do=e11_large_letter, misconception="left-out", says="case-sensitive"),
    ),
    reset=e11_reset,
    neighbour="Ask your neighbour: you push `stable` again next week with a new image. What does `1.0` point at then?",
)

# i1: say it in an interview

SAID = (
    "I make the repository once, because a push will not. With IAM credentials I get a token and log docker in. I tag "
    "the image with the registry's host, push it, and compare the digest."
)
i1 = FreeAnswer(
    id="04-i1",
    at="pushed",
    objective="Tell an interviewer how an image gets to ECR, step by step and with reasons.",
    question="Walk me through pushing an image to ECR.",
    points=(
        Point(
            "repository",
            "the **repository** is created once, in the right account and Region, because a push does not create it",
            FollowUp(
                "What does docker print without it?",
                "`name unknown`, with the name and the account but not the Region.",
            ),
        ),
        Point(
            "token",
            "a **token** is fetched with IAM credentials; it is good for 12 hours, for the registries of that Region",
            FollowUp(
                "What exactly is in it?",
                "The word `AWS` and a password that stands for whoever fetched it. No permissions.",
            ),
        ),
        Point(
            "name",
            "the image gets a **name** that begins with the registry's host: the name decides where it goes",
            FollowUp(
                "I am logged in to two registries; where does the push go?",
                "To the host in the image's name.",
            ),
        ),
        Point(
            "digest",
            "after the push, layers first and the manifest last, the **digest** is compared with the one ECR reports",
            FollowUp(
                "How do you know that what is running is what you pushed?",
                "The same digest here, in ECR and where it runs.",
            ),
        ),
    ),
    model=(
        '"Once, I create the repository, in the account and Region that will run the app. I get a token with my IAM '
        "credentials and pipe it into `docker login`; it lasts twelve hours and says who I am, not what I may do. I "
        "tag the image with the registry's host and push: the layers go first, the manifest last. Then I compare "
        'digests." Each step has a reason, and each could be shown.'
    ),
    weak=(
        '"I log in to my repository with my access keys and run `docker push my-web-app`." You log in to a registry, '
        "with a token, not with keys; and a name without a host goes to Docker Hub."
    ),
    accepts=(
        Attempt("every point", answer={"text": SAID, "made": ["repository", "token", "name", "digest"]}),
        Attempt("two left out, and marked so", answer={"text": SAID, "made": ["repository", "token"]}),
    ),
    rejects=(
        Attempt(
            "a few words",
            answer="`docker push`, then it is there.",
            misconception="words-not-reasons",
            says="has 6 words",
        ),
    ),
)

EXERCISES = [e1, e2, e3, e4, e5, e6, e7, e8, e9, e10, e11, i1]
