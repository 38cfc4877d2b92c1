"""Every exercise: untouched, each wrong attempt, each right one, twice the same, nothing changed, reset."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

from ecrlab_course.content import Course, course
from ecrlab_course.desk import Desk
from ecrlab_course.exercises import Attempt, Exercise, LiveCheck, Outcome, Predict, Verdict
from ecrlab_course.lab import Lab
from ecrlab_course.progress import Progress

from .conftest import PATH, furnished

pytestmark = pytest.mark.timeout(180)

EXERCISES = list(course().exercises.values())
ACCEPTS = [pytest.param(e, a, id=f"{e.id}-{a.name}") for e in EXERCISES for a in e.accepts]
REJECTS = [pytest.param(e, a, id=f"{e.id}-{a.name}") for e in EXERCISES for a in e.rejects]


@pytest.fixture
def desk(request: pytest.FixtureRequest, tmp_path: Path, the_course: Course, monkeypatch: pytest.MonkeyPatch) -> Desk:
    """A desk with an empty progress file, in the lab that has what the exercise needs."""
    needs_engine = request.node.callspec.params["exercise"].engine
    home = request.getfixturevalue("running_with_engine" if needs_engine else "running")
    if needs_engine:
        monkeypatch.setenv("PATH", PATH)  # without the other lab's stand-in
    return Desk(furnished(home, tmp_path, the_course), Progress(tmp_path / "progress.json"), the_course)


def place(desk: Desk, exercise: Exercise) -> None:
    """Build the exercise's starting state."""
    lesson = desk.source(exercise.id).lesson
    desk.goto(lesson.id, exercise.at or lesson.start)


def attempt(desk: Desk, exercise: Exercise, made: Attempt) -> Verdict:
    """Make the attempt as a learner would and return the first check's verdict."""

    def answer() -> None:
        if made.answer is None:
            return
        given = made.answer(desk.lab) if callable(made.answer) else made.answer
        desk.answer(exercise.id, given, made.confidence if isinstance(exercise, Predict) else None)

    if isinstance(exercise, Predict):
        answer()
        if made.do is not None:
            made.do(desk.lab)
    else:
        if made.do is not None:
            made.do(desk.lab)
        answer()
    return desk.check(exercise.id)


def snapshot(lab: Lab) -> dict[str, Any]:
    """Return what a check could change: repositories, images, users' policies, the clock."""
    view = lab.looking()
    ecr, iam = view.client("ecr"), view.client("iam")
    repositories = {}
    for item in ecr.describe_repositories()["repositories"]:
        name = item["repositoryName"]
        images = ecr.list_images(repositoryName=name)["imageIds"]
        repositories[name] = sorted((image["imageDigest"], image.get("imageTag", "")) for image in images)
    users = {}
    for name in ("admin", "developer", "ci", "ops", "auditor"):
        attached = iam.list_attached_user_policies(UserName=name)["AttachedPolicies"]
        inline = iam.list_user_policies(UserName=name)["PolicyNames"]
        users[name] = (sorted(item["PolicyArn"] for item in attached), sorted(inline))
    return {
        "repositories": repositories,
        "users": users,
        "clock": lab.control.status()["clock"]["offset_seconds"],
    }


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_untouched(exercise: Exercise, desk: Desk) -> None:
    place(desk, exercise)
    before = snapshot(desk.lab)
    verdict = desk.check(exercise.id)
    assert verdict.outcome is Outcome.UNTOUCHED, verdict
    assert desk.check(exercise.id) == verdict
    assert snapshot(desk.lab) == before
    for number in (1, 2, 3):
        tip = desk.hint(exercise.id)
        assert tip.number == number
        assert tip.text.strip()
        assert "Could not look" not in tip.text
    assert desk.hint(exercise.id).number == 3
    assert len(desk.solution(exercise.id)) > 40
    assert snapshot(desk.lab) == before


@pytest.mark.parametrize(("exercise", "made"), REJECTS)
def test_wrong_attempt_is_refused_by_name(exercise: Exercise, made: Attempt, desk: Desk) -> None:
    place(desk, exercise)
    verdict = attempt(desk, exercise, made)
    assert verdict.outcome is Outcome.NOT_YET, verdict
    assert verdict.misconception == made.misconception, verdict
    assert made.says in verdict.message
    before = snapshot(desk.lab)
    assert desk.check(exercise.id) == verdict
    assert snapshot(desk.lab) == before
    record = desk.record(exercise.id)
    assert record["first"] == "not yet"
    assert record["history"][-1]["misconception"] == made.misconception
    tip = desk.hint(exercise.id)
    assert "Could not look" not in tip.text
    desk.reset(exercise.id)
    assert desk.check(exercise.id).outcome is Outcome.UNTOUCHED
    assert desk.record(exercise.id)["first"] == "not yet"


@pytest.mark.parametrize(("exercise", "made"), ACCEPTS)
def test_right_attempt_is_accepted(exercise: Exercise, made: Attempt, desk: Desk) -> None:
    place(desk, exercise)
    verdict = attempt(desk, exercise, made)
    assert verdict.outcome is Outcome.PASSED, verdict
    before = snapshot(desk.lab)
    assert desk.check(exercise.id) == verdict
    assert snapshot(desk.lab) == before
    assert desk.record(exercise.id)["passed"]
    desk.reset(exercise.id)
    assert desk.check(exercise.id).outcome is Outcome.UNTOUCHED


def test_every_judge_of_a_live_check_is_pure() -> None:
    """A judge takes the probed state alone, so that it cannot look again or act."""
    for exercise in EXERCISES:
        if isinstance(exercise, LiveCheck):
            assert len(inspect.signature(exercise.judge).parameters) == 1, exercise.id


def test_three_exercises_of_each_lesson_differ_in_kind_and_five_count_without_an_engine() -> None:
    for source in course().lessons.values():
        kinds = {type(item) for item in source.exercises.values()}
        assert len(kinds) >= 3, source.folder.name
        assert sum(1 for item in source.exercises.values() if not item.engine) >= 5, source.folder.name
