"""04-e4: the steps of a push, in an order that is carried out. What a learner reads is in e4.md."""

from __future__ import annotations

import json
from collections.abc import Callable

from botocore.exceptions import ClientError

from ecrlab_course.authoring import Lab, Result, Sentence, Try
from ecrlab_course.authoring.evidence import tags
from ecrlab_course.authoring.staging import make_repository, password
from ecrlab_course.toolbox.refusals import with_words

RECEIPTS = "receipts"
CREATE, SHOW, POLICY = "create-repository", "describe-images", "set-repository-policy"
NEEDS = {"push": ("tag", "login", CREATE), "tag": ("build",), SHOW: ("push",), POLICY: (CREATE,)}
"""What a step needs before it."""


def answered(call: Callable[[], object]) -> tuple[int, str]:
    """Return exit code and text of an AWS call as the aws command prints them."""
    try:
        call()
    except ClientError as error:
        return 254, str(error)
    return 0, ""


def carry_out(lab: Lab, step: str, folder: str) -> tuple[int, str]:
    """Do what a step says, with the docker logins of that folder; return exit code and text."""
    ecr = lab.client("ecr")
    statement = {"Effect": "Allow", "Principal": "*", "Action": "ecr:PutImage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    calls: dict[str, Callable[[], object]] = {
        CREATE: lambda: ecr.create_repository(repositoryName=RECEIPTS),
        SHOW: lambda: ecr.describe_images(repositoryName=RECEIPTS, imageIds=[{"imageTag": "1"}]),
        POLICY: lambda: ecr.set_repository_policy(repositoryName=RECEIPTS, policyText=policy),
    }
    if step in calls:
        return answered(calls[step])
    commands = {
        "build": "docker build -q -t receipts:1 my-web-app/",
        "tag": 'docker tag receipts:1 "$REGISTRY/receipts:1"',
        "push": 'docker push -q "$REGISTRY/receipts:1"',
        "commit": "docker commit receipts receipts:1",
    }
    if step == "login":
        commands["login"] = f"docker login --username AWS --password-stdin \"$REGISTRY\" <<< '{password(lab)}'"
    return lab.sh(f"export DOCKER_CONFIG='{folder}'\n{commands[step]} 2>&1")


def run(lab: Lab, order: tuple[str, ...]) -> Result:
    """Carry the steps out in the order given, on a clean registry and with a docker that has no login."""
    clean(lab)
    folder = lab.sh("mktemp -d")[1].strip()
    lines, stopped, said = [], 0, ""
    try:
        for number, step in enumerate(order, 1):
            begun = lab.last()
            code, output = carry_out(lab, step, folder)
            output = with_words(output, lab.refused_since(begun))
            said = (output.strip().splitlines() or [""])[-1].replace(lab.registry, "$REGISTRY")
            lines.append(f"{number} {step}: {'ok' if code == 0 else said}")
            if code:
                stopped = number
                break
    finally:
        # The image has the same bytes as my-web-app:1.1; under this name it would spare the next cells their pull.
        lab.sh(f"rm -rf '{folder}'")
        forget_names(lab)
    return Result(" → ".join(order), 1 if stopped else 0, "\n".join(lines) + "\n", {"stopped": stopped, "said": said})


class Seen:
    """How far the order ran, what the last step said, and whether the image is in ECR."""

    def __init__(self, lab: Lab, order: tuple[str, ...], result: Result) -> None:
        self.order, self.steps = order, len(order)
        self.stopped = int(result.data.get("stopped", 0))
        self.said = result.data.get("said", "")
        self.step = order[self.stopped - 1] if self.stopped else ""
        self.lacks = [step for step in NEEDS.get(self.step, ()) if step not in order[: self.stopped]]
        self.stored = bool(result.command) and "1" in tags(lab, RECEIPTS)
        self.so_far = Sentence("not-run")
        if result.command:
            self.so_far = Sentence("stopped") if self.stopped else Sentence("ran")


def judge(seen: Seen) -> str:
    """Return the verdict's name in e4.md: any order passes that left the image in ECR and looked at it there."""
    if seen.step:
        return why_stopped(seen)
    if not seen.stored:
        return "incomplete"
    if SHOW not in seen.order:
        return "not-looked"
    return "with-a-policy" if POLICY in seen.order else "passed"


def why_stopped(seen: Seen) -> str:
    """Return what the step lacked at which the order stopped: of a push's three needs the one met first."""
    if seen.step == "commit":
        return "no-container"
    if seen.step == "build":
        return "not-built"
    if not seen.lacks:
        return "stopped-elsewhere"
    if seen.step == "push":
        return "no-name" if "tag" in seen.lacks else "login-later" if "login" in seen.lacks else "no-place"
    if seen.step == SHOW:
        return "asked-too-early"
    return "no-image" if seen.step == "tag" else "policy-of-nothing"


def by_hand(lab: Lab) -> None:
    """Have `receipts:1` in ECR before any order ran."""
    make_repository(lab, RECEIPTS)
    lab.push(RECEIPTS, "1")


def break_the_dockerfile(lab: Lab) -> None:
    """Leave a Dockerfile that cannot be built."""
    lab.sh("echo 'COPIED by mistake' > my-web-app/Dockerfile")


def take_admins_word(lab: Lab) -> None:
    """Forbid admin to store an image: then a push stops although nothing is missing."""
    statement = {"Effect": "Deny", "Action": "ecr:PutImage", "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    lab.client("iam").put_user_policy(UserName="admin", PolicyName="no-push", PolicyDocument=document)


BOOK = [CREATE, "build", "login", "tag", "push", SHOW]

TRIES = {
    "passed": {
        "by the book": BOOK,
        "the repository last": ["build", "tag", "login", CREATE, "push", SHOW],
        "the login first": ["login", "build", CREATE, "tag", "push", SHOW],
    },
    "with-a-policy": [[*BOOK, POLICY], [CREATE, POLICY, "build", "login", "tag", "push", SHOW]],
    "no-name": {
        "push before tag": [CREATE, "build", "login", "push", "tag", SHOW],
        "the list as it stands": ["push", "build", SHOW, "login", "tag", CREATE],
    },
    "login-later": {
        "push before login": [CREATE, "build", "tag", "push", "login", SHOW],
        "nothing but what sends": ["build", "tag", "push"],
    },
    "no-place": [["build", "login", "tag", "push", CREATE, SHOW]],
    "no-container": [[CREATE, "commit", "login", "tag", "push", SHOW], [CREATE, "build", "commit", "tag", "push"]],
    "policy-of-nothing": [[POLICY, *BOOK]],
    "asked-too-early": {
        "before the push": [CREATE, "build", "login", "tag", SHOW, "push"],
        "asked about one that was pushed by hand": Try([SHOW], do=by_hand),
    },
    "no-image": [["tag", "build", CREATE, "login", "push", SHOW]],
    "not-built": [Try(BOOK, do=break_the_dockerfile)],
    "stopped-elsewhere": [Try(BOOK, do=take_admins_word)],
    "not-looked": [["login", CREATE, "build", "tag", "push"]],
    "incomplete": {
        "no push": [CREATE, "build", "login", "tag"],
        "a push by hand, and a step that works": Try(["login"], do=by_hand),
    },
}


def forget_names(lab: Lab) -> None:
    """Remove the image's names from the engine."""
    lab.sh('docker rmi -f receipts:1 "$REGISTRY/receipts:1" >/dev/null 2>&1 || true')


def clean(lab: Lab) -> None:
    """Remove the repository receipts and its names in the engine."""
    lab.clear(RECEIPTS)
    forget_names(lab)


def reset(lab: Lab) -> None:
    """Remove what an order made, and what forbids admin something."""
    clean(lab)
    lab.user("admin")
