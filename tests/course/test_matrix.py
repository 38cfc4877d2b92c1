"""Every exercise: untouched, each wrong attempt, each right one, twice the same, nothing changed, reset."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from ecrlab_course.content import Course, course
from ecrlab_course.exercises import Attempt, Exercise, LiveCheck
from ecrlab_course.progress import Progress
from ecrlab_course.session import Session

from . import proof
from .conftest import PATH, furnished

pytestmark = pytest.mark.timeout(180)

EXERCISES = list(course().exercises.values())
ACCEPTS = [pytest.param(e, a, id=f"{e.id}-{a.name}") for e in EXERCISES for a in e.accepts]
REJECTS = [pytest.param(e, a, id=f"{e.id}-{a.name}") for e in EXERCISES for a in e.rejects]


@pytest.fixture
def session(
    request: pytest.FixtureRequest, tmp_path: Path, the_course: Course, monkeypatch: pytest.MonkeyPatch
) -> Session:
    """A session with an empty progress file, in a lab where nobody but admin has a right left.

    So no exercise counts on rights that the lesson before it happened to leave.
    """
    needs_engine = request.node.callspec.params["exercise"].engine
    home = request.getfixturevalue("running_with_engine" if needs_engine else "running")
    if needs_engine:
        monkeypatch.setenv("PATH", PATH)  # without the other lab's stand-in
    lab = furnished(home, tmp_path, the_course)
    proof.take_rights(lab)
    return Session(lab, Progress(tmp_path / "progress.json"), the_course)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_untouched(exercise: Exercise, session: Session) -> None:
    proof.untouched(session, exercise)


@pytest.mark.parametrize(("exercise", "made"), REJECTS)
def test_wrong_attempt_is_refused_by_name(exercise: Exercise, made: Attempt, session: Session) -> None:
    proof.refused(session, exercise, made)


@pytest.mark.parametrize(("exercise", "made"), ACCEPTS)
def test_right_attempt_is_accepted(exercise: Exercise, made: Attempt, session: Session) -> None:
    proof.accepted(session, exercise, made)


def test_every_judge_of_a_live_check_is_pure() -> None:
    """A judge takes the probed state alone, so that it cannot look again or act."""
    for exercise in EXERCISES:
        if isinstance(exercise, LiveCheck):
            assert len(inspect.signature(exercise.judge).parameters) == 1, exercise.id


def test_three_exercises_of_each_lesson_differ_in_kind_and_five_count_without_an_engine() -> None:
    for source in course().lessons.values():
        kinds = {type(item) for item in source.counted.values()}
        assert len(kinds) >= 3, source.folder.name
        assert sum(1 for item in source.counted.values() if not item.engine) >= 5, source.folder.name
