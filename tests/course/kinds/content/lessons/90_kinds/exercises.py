"""A small lesson for the tests, no part of the course: one exercise of each kind that is more than a choice."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from ecrlab_course.authoring.exercises import (
    Attempt,
    Bin,
    FixFile,
    FollowUp,
    FreeAnswer,
    Item,
    Lesson,
    Match,
    Miss,
    Option,
    Order,
    Point,
    ReadError,
    Result,
    Step,
    Verdict,
    not_yet,
    passed,
)
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.tries import acting
from ecrlab_course.failure import Refused

NAME = "kinds"
ARN = f"arn:aws:ecr:us-east-1:123456789012:repository/{NAME}"
PUSH = [
    "ecr:BatchCheckLayerAvailability",
    "ecr:InitiateLayerUpload",
    "ecr:UploadLayerPart",
    "ecr:CompleteLayerUpload",
    "ecr:PutImage",
]


def fresh(lab: LabView) -> None:
    """No repository, and ops with the rights of the seed."""
    lab.clear(NAME)
    lab.user("ops")


def made(lab: LabView) -> None:
    """An empty repository."""
    fresh(lab)
    lab.client("ecr").create_repository(repositoryName=NAME)


LESSON = Lesson(
    id="90",
    title="Kinds of exercises",
    minutes=5,
    verbs=("order", "fix", "match"),
    checkpoints={"fresh": fresh, "made": made},
    repositories=(NAME,),
    users=("ops",),
)


def create(lab: LabView) -> None:
    lab.client("ecr").create_repository(repositoryName=NAME)


def push(lab: LabView) -> None:
    lab.push(NAME, "1")


def name(lab: LabView) -> None:
    ecr = lab.client("ecr")
    found = ecr.batch_get_image(repositoryName=NAME, imageIds=[{"imageTag": "1"}])["images"]
    if not found:
        raise LookupError("no image is called 1")
    ecr.put_image(repositoryName=NAME, imageManifest=found[0]["imageManifest"], imageTag="stable")


def look(lab: LabView) -> None:
    lab.client("ecr").list_images(repositoryName=NAME)


STEPS: dict[str, Callable[[LabView], None]] = {"name": name, "push": push, "create": create, "look": look}


def run_steps(lab: LabView, keys: tuple[str, ...]) -> Result:
    """Carry out the steps until one fails, from nothing."""
    lab.clear(NAME)
    lines = []
    for key in keys:
        try:
            STEPS[key](lab)
        except (ClientError, Refused, LookupError) as error:
            lines.append(f"{key}: {error}")
            return Result(" && ".join(keys), 1, "\n".join(lines), {"failed": key})
        lines.append(f"{key}: done")
    return Result(" && ".join(keys), 0, "\n".join(lines), {})


def two_names(lab: LabView, keys: tuple[str, ...], result: Result) -> Verdict:
    failed = result.data.get("failed")
    if failed and "create" not in keys[: keys.index(failed)]:
        return not_yet(f"At `{failed}` there was no repository.", "ecr-creates-repository")
    if failed:
        return not_yet(f"At `{failed}` there was no image to name.", "tag-copies")
    tags = {row.get("imageTag") for row in lab.client("ecr").list_images(repositoryName=NAME)["imageIds"]}
    if tags == {"1", "stable"}:
        return passed("One image, two names.")
    return not_yet(f"ECR knows the names: {', '.join(sorted(tags - {None})) or 'none'}.", "left-out")


def hint_order(state: dict[str, Any]) -> str:
    result = state["result"]
    return f"It stopped at {result.data.get('failed', 'nothing')}." if result else "What has to be there first?"


e1 = Order(
    id="90-e1",
    objective="Order the steps of a push.",
    prompt="One image in `kinds`, under the names `1` and `stable`. **Order the steps.** One of them is not needed.",
    steps=(
        Step("name", "Give the image the second name", "stores one more name; no layer is sent"),
        Step("push", "Push `kinds:1`", "sends layers, config and manifest"),
        Step("create", "Create the repository", "makes the shelf that a push does not make"),
        Step("look", "List the images"),
    ),
    run=run_steps,
    judge=two_names,
    hints=(hint_order, "A push makes no repository.", "Create, push, name."),
    solution="Create, push, then name: the second name needs an image, the image a repository.",
    accepts=(
        Attempt("three steps", answer=["create", "push", "name"]),
        Attempt("with a look", answer=("create", "push", "look", "name")),
    ),
    rejects=(
        Attempt("push first", answer=["push", "create", "name"], misconception="ecr-creates-repository", says="`push`"),
        Attempt("name first", answer=["create", "name", "push"], misconception="tag-copies", says="no image to name"),
        Attempt("no name", answer=["create", "push"], misconception="left-out", says="names: 1."),
    ),
    reset=lambda lab: lab.clear(NAME),
)


def policy(actions: Any, resource: str = ARN) -> str:
    statement = {"Effect": "Allow", "Action": actions, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, indent=2)


def try_policy(lab: LabView, text: str) -> Result:
    """Give ops the policy, then push as ops."""
    command = "aws iam put-user-policy --user-name ops --policy-name kinds --policy-document file://kinds-policy.json"
    try:
        lab.client("iam").put_user_policy(UserName="ops", PolicyName="kinds", PolicyDocument=text)
    except ClientError as error:
        return Result(command, 254, str(error), {"said": "malformed"})
    try:
        lab.push(NAME, "1", profile="ops")
    except Refused as error:
        return Result(command, 1, str(error), {"said": "denied"})
    return Result(command, 0, "pushed", {"said": "pushed"})


def least(lab: LabView, text: str, result: Result) -> Verdict:
    if result.data["said"] == "malformed":
        return not_yet("IAM does not take the text as a policy.", "left-out")
    if result.data["said"] == "denied":
        return not_yet(f"The push was refused: {result.output}", "putimage-is-push")
    if json.loads(text)["Statement"][0]["Resource"] == "*":
        return not_yet("It works, and it works in every repository.", "wide-is-fixed")
    return passed("ops can push here, and nowhere else.")


e2 = FixFile(
    id="90-e2",
    at="made",
    objective="Fix a policy.",
    prompt="ops has to push to `kinds` and nowhere else. **Fix the policy.**",
    file="kinds-policy.json",
    start=policy("ecr:PushImage") + "\n",
    run=try_policy,
    judge=least,
    hints=(
        lambda state: f"The text has {len(state['text'].splitlines())} lines. Which of its words does IAM know?",
        "No action is called PushImage.",
        "The five actions of a push, on this repository.",
    ),
    solution="The five actions of a push, on the ARN of the one repository; the login is there already.",
    accepts=(
        Attempt("five actions", answer=policy(PUSH)),
        Attempt("all actions on the repository", answer=policy("ecr:*")),
    ),
    rejects=(
        Attempt("only PutImage", answer=policy("ecr:PutImage"), misconception="putimage-is-push", says="refused"),
        Attempt("everywhere", answer=policy(PUSH, "*"), misconception="wide-is-fixed", says="every repository"),
        Attempt("no JSON", answer="Allow ops to push", misconception="left-out", says="does not take"),
    ),
    reset=acting(lambda lab: lab.user("ops"), made),
)


def denied_push(lab: LabView) -> Result:
    """Push as ops, who may pull."""
    made(lab)
    try:
        lab.push(NAME, "1", profile="ops")
    except Refused as error:
        return Result("docker push kinds:1", 1, str(error), {})
    return Result("docker push kinds:1", 0, "pushed", {})


e3 = ReadError(
    id="90-e3",
    objective="Read a denied push.",
    prompt="Which cause fits this text?",
    cause=denied_push,
    options=(
        Option("a", "nobody is logged in", "Then the text would not name a person.", "login-is-permission"),
        Option("b", "the repository is missing", "The text names the repository as something known.", "403-is-missing"),
        Option("c", "ops has no right to upload", "The text names person, action and resource."),
        Option("d", "the token has expired", "An expired token is named as such.", "retry-fixes"),
    ),
    correct="c",
    parts=(
        ("denied", "known, and not allowed"),
        ("user/ops", "who asked"),
        ("ecr:InitiateLayerUpload", "what was asked"),
    ),
    hints=(
        lambda state: state["result"].output[:40] if state["result"] else "Who is named?",
        "Which action is named?",
        "A person, an action and a resource: no right.",
    ),
    solution="The text names a known person, an action and a resource: IAM was asked and found no Allow.",
    accepts=(Attempt("sure", answer="c", confidence=3), Attempt("a guess", answer="c", confidence=1)),
    rejects=(
        Attempt("no login", answer="a", confidence=3, misconception="login-is-permission", says="You were certain"),
        Attempt("missing", answer="b", misconception="403-is-missing", says="something known"),
        Attempt("expired", answer="d", misconception="retry-fixes", says="named as such"),
    ),
    reset=fresh,
)

PLACES = {"create": "api", "layers": "registry", "rename": "nobody"}
e4 = Match(
    id="90-e4",
    objective="Say who is asked.",
    prompt="Who is asked? **Match.**",
    items=(
        Item("create", "`create-repository`", "a repository is made by an API call.", "ecr-creates-repository"),
        Item("layers", "the layers of a push", "layers go to the registry, not through `aws`.", "aws-carries-images"),
        Item(
            "rename",
            "`docker tag`",
            misses=(
                Miss("registry", "nothing is sent until a push.", "tag-copies"),
                Miss("api", "docker knows no API of AWS.", "aws-login-is-docker-login"),
            ),
        ),
    ),
    bins=(Bin("api", "ECR's API"), Bin("registry", "the registry"), Bin("nobody", "nobody")),
    correct=lambda lab: PLACES,
    hints=(
        lambda state: f"{len(state['wrong'])} of those placed do not fit.",
        "What sends bytes?",
        "A name on this computer asks nobody.",
    ),
    solution="`create-repository` asks ECR's API, the layers go to the registry, `docker tag` asks nobody.",
    accepts=(
        Attempt("all", answer=PLACES),
        Attempt("all, computed", answer=lambda lab: dict(reversed(PLACES.items()))),
    ),
    rejects=(
        Attempt("tag sends", answer=PLACES | {"rename": "registry"}, misconception="tag-copies", says="until a push"),
        Attempt(
            "tag asks AWS",
            answer=PLACES | {"rename": "api"},
            confidence=3,
            misconception="aws-login-is-docker-login",
            says="2 of 3 fit. You were certain",
        ),
        Attempt(
            "two wrong",
            answer={"create": "registry", "layers": "api", "rename": "nobody"},
            misconception="ecr-creates-repository",
            says="not through `aws`",
        ),
    ),
)

WHOLE = "First I create the repository, then I fetch a token and log in, then I name the image and push it."
e5 = FreeAnswer(
    id="90-e5",
    objective="Say how an image gets to ECR.",
    question="How does an image get to ECR?",
    points=(
        Point(
            "repository",
            "the repository is made first",
            FollowUp(
                "What does docker print without it?",
                "`name unknown`.",
            ),
        ),
        Point("token", "a token comes before the push"),
        Point(
            "name",
            "the name decides where it goes",
            FollowUp(
                "What does `docker tag` send?",
                "Nothing.",
            ),
        ),
    ),
    model="I make the repository, fetch a token, name the image with the registry's host, and push.",
    weak="I push it.",
    accepts=(
        Attempt("all points", answer={"text": WHOLE, "made": ["repository", "token", "name"]}),
        Attempt("one left out", answer={"text": WHOLE, "made": ["token", "repository"]}),
    ),
    rejects=(Attempt("one line", answer="I push it.", misconception="words-not-reasons", says="has 3 words"),),
)

EXERCISES = [e1, e2, e3, e4, e5]
