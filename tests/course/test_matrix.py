"""Every exercise: untouched, each wrong attempt, each right one, twice the same, nothing changed, reset."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ecrlab_course.authoring.content import Course, course
from ecrlab_course.authoring.document import documents
from ecrlab_course.documents.attempts import Attempt
from ecrlab_course.kinds.base import Exercise
from ecrlab_course.kinds.live_check import LiveCheck
from ecrlab_course.learner.session import Session
from ecrlab_course.progress import Progress

from . import proof
from .conftest import PATH, furnished

pytestmark = pytest.mark.timeout(180)

EXERCISES = list(course().exercises.values())


def tries(exercise: Exercise, attempts: Iterable[Attempt]) -> Iterator[Any]:
    """Yield the attempts; the second of one verdict and misconception is `further`."""
    seen = set()
    for made in attempts:
        said = (made.verdict, made.misconception)
        mark = [pytest.mark.further] if said in seen else []
        seen.add(said)
        yield pytest.param(exercise, made, id=f"{exercise.id}-{made.name}", marks=mark)


REJECTS = [made for exercise in EXERCISES for made in tries(exercise, proof.alone(exercise.rejects))]
ACCEPTS = [made for exercise in EXERCISES for made in tries(exercise, exercise.accepts)]
LEAVES = [pytest.param(e, a, id=f"{e.id}-{a.name}") for e in EXERCISES for a in e.leaves]
ANSWERS = [e for e in EXERCISES if proof.together(e.rejects)]


@pytest.fixture
def session(
    request: pytest.FixtureRequest, tmp_path: Path, the_course: Course, monkeypatch: pytest.MonkeyPatch
) -> Session:
    """A session with an empty progress file."""
    exercise = request.node.callspec.params["exercise"]
    needs_engine = exercise.engine
    home = request.getfixturevalue("running_with_engine" if needs_engine else "running")
    if needs_engine:
        monkeypatch.setenv("PATH", PATH)  # without the other lab's stand-in
    lab = furnished(home, tmp_path, the_course, [the_course.source_of(exercise.id)])
    return Session(lab, Progress(tmp_path / "progress.json"), the_course, lab.folder)


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_untouched(exercise: Exercise, session: Session) -> None:
    proof.untouched(session, exercise)


@pytest.mark.parametrize(("exercise", "made"), REJECTS)
def test_wrong_attempt_is_refused_by_name(exercise: Exercise, made: Attempt, session: Session) -> None:
    proof.refused(session, exercise, made)


@pytest.mark.parametrize(("exercise", "made"), ACCEPTS)
def test_right_attempt_is_accepted(exercise: Exercise, made: Attempt, session: Session) -> None:
    proof.accepted(session, exercise, made)


@pytest.mark.parametrize(("exercise", "made"), LEAVES)
def test_an_attempt_that_changes_nothing_is_told_so(exercise: Exercise, made: Attempt, session: Session) -> None:
    proof.left(session, exercise, made)


@pytest.mark.parametrize("exercise", ANSWERS, ids=lambda e: e.id)
def test_wrong_answers_are_refused_one_after_the_other(exercise: Exercise, session: Session) -> None:
    proof.all_refused(session, exercise)


@pytest.mark.soak
@pytest.mark.parametrize(("exercise", "made"), [*REJECTS, *ACCEPTS, *LEAVES])
def test_a_reset_after_any_attempt_brings_the_start_back(exercise: Exercise, made: Attempt, session: Session) -> None:
    """The tests above reset each exercise after the first attempt of each outcome; this one after all of them."""
    proof.reset_after(session, exercise, made)


@pytest.mark.lesson
def test_no_gap_is_filled_with_a_whole_sentence(the_course: Course) -> None:
    """What a learner reads stands in the document; code puts words and names together."""
    for source in the_course.sources.values():
        for path in documents(source.folder):
            code = path.with_suffix(".py")
            said = docstrings(code) if code.is_file() else set()
            texts = [
                node.value
                for node in ast.walk(ast.parse(code.read_text() if code.is_file() else ""))
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value not in said
            ]
            assert [text for text in texts if re.search(r"[a-z]{2}[.!?]$", text) and " " in text] == [], code


def docstrings(path: Path) -> set[str]:
    """Return the docstrings of a file as they are written, those of attributes included."""
    tree = ast.parse(path.read_text())
    alone = (node.value for node in ast.walk(tree) if isinstance(node, ast.Expr))
    return {node.value for node in alone if isinstance(node, ast.Constant) and isinstance(node.value, str)}


@pytest.mark.lesson
def test_every_judge_of_a_live_check_is_pure() -> None:
    """A judge takes the probed state alone, so that it cannot look again or act."""
    for exercise in EXERCISES:
        if isinstance(exercise, LiveCheck):
            assert len(inspect.signature(exercise.judge).parameters) == 1, exercise.id


@pytest.mark.lesson
def test_three_exercises_of_each_lesson_differ_in_kind_and_five_count_without_an_engine() -> None:
    for source in course().lessons.values():
        kinds = {type(item) for item in source.counted.values()}
        assert len(kinds) >= 3, source.folder.name
        assert sum(1 for item in source.counted.values() if not item.engine) >= 5, source.folder.name
