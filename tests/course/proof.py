"""What is shown of every exercise, whichever course it belongs to."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from ecrlab_course.authoring.exercises import Attempt, Exercise, Match, Outcome, Predict, ReadError, Verdict
from ecrlab_course.learner.session import Session
from ecrlab_course.notebook.exercise_card import Card, form, static
from ecrlab_course.toolbox.lab import Lab


def place(session: Session, exercise: Exercise) -> None:
    """Build the exercise's starting state."""
    lesson = session.source(exercise.id).lesson
    session.goto(lesson.id, exercise.at or lesson.start)


def attempt(session: Session, exercise: Exercise, made: Attempt) -> Verdict:
    """Make the attempt as a learner would and return the first check's verdict."""

    def answer() -> None:
        if made.answer is None:
            return
        if made.first is not None:
            session.answer(exercise.id, made.first)
        given = made.answer(session.lab) if callable(made.answer) else made.answer
        sure = made.confidence if isinstance(exercise, Predict | ReadError | Match) else None
        session.answer(exercise.id, given, sure)

    if isinstance(exercise, Predict):
        answer()
        if made.do is not None:
            made.do(session.lab)
    else:
        if made.do is not None:
            made.do(session.lab)
        answer()
    return session.check(exercise.id)


REGISTRIES = (("admin", "us-east-1"), ("admin", "eu-west-1"), ("partner", "us-east-1"), ("partner", "eu-west-1"))
"""The registries that the course works in: who may look at everything there, and the Region."""


def images_of(view: Any, profile: str, region: str) -> dict[str, list[tuple[Any, ...]]]:
    """Return every image of the registry by repository: digest, tags, when it was pushed, when it was last pulled.

    Empty where the profile may not look: lesson 06 takes rights from the partner.
    """
    ecr = view.client("ecr", profile, region)
    found: dict[str, list[tuple[Any, ...]]] = {}
    try:
        repositories = ecr.describe_repositories()["repositories"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDeniedException" or profile == "admin":
            raise
        return found
    for item in repositories:
        details = ecr.describe_images(repositoryName=item["repositoryName"])["imageDetails"]
        found[item["repositoryName"]] = sorted(
            (
                detail["imageDigest"],
                sorted(detail.get("imageTags", [])),
                str(detail["imagePushedAt"]),
                str(detail.get("lastRecordedPullTime", "never")),
            )
            for detail in details
        )
    return found


def rights(view: Any) -> dict[str, tuple[list[str], dict[str, Any]]]:
    """Return what each user of the account holds: its attached policies' ARNs, and its inline policies by name."""
    answer = view.client("iam").get_account_authorization_details(Filter=["User"])
    assert not answer["IsTruncated"]
    held = {}
    for user in answer["UserDetailList"]:
        attached = sorted(item["PolicyArn"] for item in user["AttachedManagedPolicies"])
        inline = {item["PolicyName"]: item["PolicyDocument"] for item in user.get("UserPolicyList", ())}
        held[user["UserName"]] = (attached, inline)
    return held


def take_rights(lab: Lab) -> None:
    """Take every policy from everybody but admin, as a lesson about rights may leave it."""
    iam = lab.looking().client("iam")
    for name, (attached, inline) in rights(lab.looking()).items():
        if name == "admin":
            continue
        for arn in attached:
            iam.detach_user_policy(UserName=name, PolicyArn=arn)
        for policy in inline:
            iam.delete_user_policy(UserName=name, PolicyName=policy)


def last_request(session: Session) -> int:
    """Return the number of the last request that the learner's X-ray shows."""
    rows = session.lab.rows(after=max(session.lab.last() - 500, 0))
    return int(rows[-1]["seq"]) if rows else 0


def snapshot(session: Session) -> dict[str, Any]:
    """Return what a check could change: images and when they were pulled, rights, the clock, files, logins, the X-ray.

    Both accounts and both Regions of the course. An image's last pull is part of it (E015), so that no check fetches
    what it looks at.
    """
    lab = session.lab
    view = lab.looking()
    logins = {
        str(path.relative_to(lab.home.path)): path.read_bytes()
        for path in sorted((lab.home.path / "lab" / "docker").rglob("config.json"))
    }
    assert lab.folder is not None
    files = {
        str(path.relative_to(lab.folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in lab.folder.rglob("*")
        if path.is_file()
    }
    return {
        "images": {where: images_of(view, *where) for where in REGISTRIES},
        "users": rights(view),
        "logins": logins,
        "last request": last_request(session),
        "clock": lab.control.status()["clock"]["offset_seconds"],
        "files": files,
    }


def untouched(session: Session, exercise: Exercise) -> None:
    """Nothing was done: the check says so twice, hints and solution are there, and nothing changed by looking."""
    place(session, exercise)
    before = snapshot(session)
    verdict = session.check(exercise.id)
    assert verdict.outcome is Outcome.UNTOUCHED, verdict
    assert session.check(exercise.id) == verdict
    assert snapshot(session) == before
    for number in (1, 2, 3):
        tip = session.hint(exercise.id)
        assert tip.number == number
        assert tip.text.strip()
        assert "Could not look" not in tip.text
    assert session.hint(exercise.id).number == 3
    assert len(session.solution(exercise.id)) > 40
    assert snapshot(session) == before
    assert exercise.id in form(session, exercise)
    assert exercise.id in static(session, exercise)
    # A failure is made when the card is shown; every other card leaves the lab as it is.
    Card(session, exercise)
    assert isinstance(exercise, ReadError) or snapshot(session) == before


def refused(session: Session, exercise: Exercise, made: Attempt) -> None:
    """A wrong attempt gets the message and the misconception that it declares, twice the same, until the reset."""
    place(session, exercise)
    verdict = attempt(session, exercise, made)
    assert verdict.outcome is Outcome.NOT_YET, verdict
    assert verdict.misconception == made.misconception, verdict
    assert made.says in verdict.message
    assert verdict.name == made.verdict
    before = snapshot(session)
    assert session.check(exercise.id) == verdict
    assert snapshot(session) == before
    record = session.record(exercise.id)
    assert record["first"] == "not yet"
    assert record["history"][-1].get("misconception") == made.misconception
    if made.answer is not None and isinstance(exercise, ReadError | Match):
        assert record["history"][-1]["confidence"] == made.confidence
        assert record["first_confidence"] == made.confidence
    tip = session.hint(exercise.id)
    assert "Could not look" not in tip.text
    session.reset(exercise.id)
    assert session.check(exercise.id).outcome is Outcome.UNTOUCHED
    assert session.record(exercise.id)["first"] == "not yet"


def accepted(session: Session, exercise: Exercise, made: Attempt) -> None:
    """A right attempt passes, twice the same; the check changes nothing, and the reset returns to untouched."""
    place(session, exercise)
    verdict = attempt(session, exercise, made)
    assert verdict.outcome is Outcome.PASSED, verdict
    assert verdict.name == made.verdict
    before = snapshot(session)
    assert session.check(exercise.id) == verdict
    assert snapshot(session) == before
    assert session.record(exercise.id)["passed"]
    session.reset(exercise.id)
    assert session.check(exercise.id).outcome is Outcome.UNTOUCHED


def left(session: Session, exercise: Exercise, made: Attempt) -> None:
    """An attempt that is neither right nor wrong leaves it untouched, with words of its own."""
    place(session, exercise)
    verdict = attempt(session, exercise, made)
    assert verdict.outcome is Outcome.UNTOUCHED, verdict
    assert verdict.name == made.verdict
    assert session.check(exercise.id) == verdict
    session.reset(exercise.id)
    assert session.check(exercise.id).outcome is Outcome.UNTOUCHED


def together(attempts: Iterable[Attempt]) -> list[Attempt]:
    """Return the attempts that do nothing in the lab: an answer that was made from the document, and no more.

    One that is certain is not among them: it is told so only when it is the learner's first.
    """
    return [each for each in attempts if each.said and not each.verdict and each.do is None and each.confidence < 3]


def alone(attempts: Iterable[Attempt]) -> list[Attempt]:
    """Return the attempts that want a lab in the exercise's starting state."""
    attempts = list(attempts)
    return [each for each in attempts if each not in together(attempts)]


def all_refused(session: Session, exercise: Exercise) -> None:
    """As `refused`, for all wrong answers that do nothing in the lab: the state is built and looked at once."""
    place(session, exercise)
    before = snapshot(session)
    for made in together(exercise.rejects):
        verdict = attempt(session, exercise, made)
        assert verdict.outcome is Outcome.NOT_YET, (made.name, verdict)
        assert verdict.misconception == made.misconception, made.name
        assert made.says in verdict.message, made.name
        assert session.check(exercise.id) == verdict
        session.reset(exercise.id)
        assert session.check(exercise.id).outcome is Outcome.UNTOUCHED
    if exercise.reset is None:
        assert snapshot(session) == before
