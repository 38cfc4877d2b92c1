"""Each kind of exercise, shown with a lesson made for it: the matrix, the forms of an answer, what is kept."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from ecrlab.home import Home
from ecrlab_course.authoring.content import course
from ecrlab_course.documents.attempts import Attempt
from ecrlab_course.documents.option import Option
from ecrlab_course.documents.verdict import Outcome, not_yet, passed
from ecrlab_course.kinds.base import Exercise
from ecrlab_course.kinds.entry import AnswerError
from ecrlab_course.kinds.match import Match
from ecrlab_course.kinds.order import Order, Step
from ecrlab_course.kinds.read_error import ReadError
from ecrlab_course.learner.session import Session
from ecrlab_course.notebook.exercise_card import Card, form, static
from ecrlab_course.progress import Progress
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.views.display import label

from . import proof

pytestmark = pytest.mark.timeout(60)

COURSE = course(Path(__file__).parent / "kinds")
EXERCISES = list(COURSE.exercises.values())
ACCEPTS = [pytest.param(e, a, id=f"{e.id}-{a.name}") for e in EXERCISES for a in e.accepts]
REJECTS = [pytest.param(e, a, id=f"{e.id}-{a.name}") for e in EXERCISES for a in e.rejects]
ORDER, FILE, ERROR, MATCH, WORDS = (exercise.id for exercise in EXERCISES)
SENTENCE = "First I make the repository, then I log in, and then I name the image and push it."


@pytest.fixture
def session(running: Home, tmp_path: Path) -> Session:
    """A session of the small course, its starting state built."""
    folder = tmp_path / "work"
    folder.mkdir()
    made = Session(Lab(running, folder), Progress(tmp_path / "progress.json"), COURSE)
    made.goto("90", "made")
    return made


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_untouched(exercise: Exercise, session: Session) -> None:
    proof.untouched(session, exercise)


@pytest.mark.parametrize(("exercise", "made"), REJECTS)
def test_wrong_attempt_is_refused_by_name(exercise: Exercise, made: Attempt, session: Session) -> None:
    proof.refused(session, exercise, made)


@pytest.mark.parametrize(("exercise", "made"), ACCEPTS)
def test_right_attempt_is_accepted(exercise: Exercise, made: Attempt, session: Session) -> None:
    proof.accepted(session, exercise, made)


@pytest.mark.parametrize(
    ("identifier", "answer", "says"),
    [
        (ORDER, "create push", "wants a list of steps"),
        (ORDER, ["create", "fly"], "name, push, create, look"),
        (ORDER, ["push", "push"], "once"),
        (FILE, {"text": "x"}, "wants the whole text of kinds-policy.json"),
        (FILE, " \n", "wants the whole text"),
        (FILE, "x" * 30_000, "20000 characters"),
        (ERROR, "z", "one of the keys a, b, c, d"),
        (MATCH, "api", "wants a place for each item"),
        (MATCH, {"create": "moon"}, "the places api, registry, nobody"),
        (MATCH, {"moon": "api"}, "the items are create, layers, rename"),
        (WORDS, None, "wants your answer as a text"),
        (WORDS, {"made": []}, "Write your own answer first"),
        (WORDS, {"text": SENTENCE, "made": ["moon"]}, "of: repository, token, name"),
        (WORDS, {"text": SENTENCE, "made": "token"}, "is a list"),
    ],
)
def test_an_answer_of_another_form_says_what_is_wanted(
    session: Session, identifier: str, answer: Any, says: str
) -> None:
    with pytest.raises(AnswerError, match=says):
        session.answer(identifier, answer)
    assert "answer" not in session.record(identifier)


def test_a_file_that_is_gone_is_named(session: Session) -> None:
    session.exercise(FILE).path(session.entry(FILE)).unlink()
    with pytest.raises(AnswerError, match=r"no file kinds-policy\.json"):
        session.answer(FILE, None)


def test_confidence_is_one_to_three(session: Session) -> None:
    for identifier, answer in ((ERROR, "a"), (MATCH, {"create": "api"})):
        with pytest.raises(AnswerError, match="confidence is 1"):
            session.answer(identifier, answer, 4)


def test_an_empty_order_is_not_run(session: Session) -> None:
    assert session.answer(ORDER, []).outcome is Outcome.UNTOUCHED
    assert "result" not in session.record(ORDER)


def test_the_steps_are_explained_after_a_right_order_and_not_before(session: Session) -> None:
    assert "no layer is sent" not in session.answer(ORDER, ["create", "push"]).message
    said = session.answer(ORDER, ["create", "push", "name"]).message
    assert said.index("makes the shelf") < said.index("sends layers") < said.index("no layer is sent")


def test_the_file_is_written_run_and_put_back(session: Session) -> None:
    item = session.exercise(FILE)
    path = item.path(session.entry(FILE))
    first = session.answer(FILE, item.start)
    assert first.outcome is Outcome.UNTOUCHED
    assert "not authorized" in session.record(FILE)["result"]["output"]
    assert "first" not in session.record(FILE)
    # Edited with any editor, then answered without a text.
    path.write_text(item.accepts[0].answer)
    assert session.answer(FILE, None).outcome is Outcome.PASSED
    session.reset(FILE)
    assert path.read_text() == item.start
    assert item.text(session.entry(FILE)) == item.start


def test_a_failure_is_made_once_and_again_after_a_reset(session: Session) -> None:
    first = session.exercise(ERROR).failure(session.entry(ERROR))
    assert "ecr:InitiateLayerUpload" in first.output
    last = session.lab.last()
    assert session.exercise(ERROR).failure(session.entry(ERROR)) == first
    assert session.lab.last() == last
    session.reset(ERROR)
    session.exercise(ERROR).failure(session.entry(ERROR))
    assert session.lab.last() > last


def test_the_parts_of_an_error_are_read_out_after_the_right_answer(session: Session) -> None:
    assert "who asked" not in session.answer(ERROR, "b", 2).message
    assert "* `user/ops`: who asked" in session.answer(ERROR, "c", 2).message
    assert session.record(ERROR)["first_answer"] == "b"


def test_items_without_a_place_are_named(session: Session) -> None:
    verdict = session.answer(MATCH, {"create": "registry"}, 3)
    assert verdict.outcome is Outcome.UNTOUCHED
    assert "the layers of a push, `docker tag`" in verdict.message
    assert "first" not in session.record(MATCH)
    assert session.hint(MATCH).text == "What sends bytes, and where to?"


def test_a_free_answer_is_kept_and_its_missed_points_too(session: Session) -> None:
    kept = session.answer(WORDS, SENTENCE)
    assert kept.outcome is Outcome.UNTOUCHED
    assert "`token`: a token comes before the push" in kept.message
    assert "A good answer" not in kept.message
    done = session.answer(WORDS, {"made": ["token"]})
    assert done.outcome is Outcome.PASSED
    assert "your answer makes 1 of 3 points. Nobody but you" in done.message
    assert "Left out: the repository is made first. Then they ask: *What does docker print" in done.message
    assert "I push it." in done.message
    assert session.record(WORDS)["missed"] == ["repository", "name"]
    assert session.answer(WORDS, {"text": SENTENCE + " Then I check it.", "made": []}).outcome is Outcome.PASSED
    # Another text wants its points marked again; the same text keeps them.
    assert session.answer(WORDS, SENTENCE).outcome is Outcome.UNTOUCHED
    session.reset(WORDS)
    assert session.exercise(WORDS).text(session.entry(WORDS)) == SENTENCE
    assert session.check(WORDS).outcome is Outcome.UNTOUCHED


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("a " * 20, "is one word"),
        ("a b " * 9, "has 2 different words"),
        ("1 2 3 4 5 6 7 8 9 10", "has 0 different"),
    ],
)
def test_words_that_are_said_again_or_are_none_make_no_answer(session: Session, text: str, seen: str) -> None:
    """What is counted are different words; points that are ticked do not change that."""
    verdict = session.answer(WORDS, text)
    assert verdict.outcome is Outcome.NOT_YET
    assert seen in verdict.message
    with pytest.raises(AnswerError, match="different words"):
        session.answer(WORDS, {"made": ["repository", "token", "name"]})


def test_a_draft_outlives_the_card(session: Session) -> None:
    for identifier in (FILE, WORDS):
        card = Card(session, session.exercise(identifier))
        card._inputs._area.value = "half a sen"
        assert Card(session, session.exercise(identifier))._inputs.read() == "half a sen"
        assert session.check(identifier).outcome is Outcome.UNTOUCHED
    session.answer(WORDS, SENTENCE)
    assert session.exercise(WORDS).text(session.entry(WORDS)) == SENTENCE


def test_what_does_not_count_is_left_out_of_the_count() -> None:
    assert list(COURSE.lessons["90"].counted) == [ORDER, FILE, ERROR, MATCH]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.id)
def test_card_answers_by_its_button(exercise: Exercise, session: Session) -> None:
    card = Card(session, exercise)
    first = next(iter(card._buttons.values()))
    first.click()  # nothing is filled in
    assert card._said.value
    assert "untouched" in card._head.value
    given = exercise.accepts[0].answer
    fill = {
        ORDER: lambda: [setattr(card._inputs._places[key], "value", n) for n, key in enumerate(given, 1)],
        FILE: lambda: setattr(card._inputs._area, "value", given),
        ERROR: lambda: setattr(card._inputs._choice, "value", given),
        MATCH: lambda: [setattr(card._inputs._bins[key], "value", place) for key, place in given.items()],
        WORDS: lambda: setattr(card._inputs._area, "value", given["text"]),
    }
    fill[exercise.id]()
    first.click()
    if exercise.id in (ERROR, MATCH):
        assert "Say first how sure you are" in card._said.value
        card._inputs._sure.value = 2
        first.click()
    if exercise.id == WORDS:
        assert card._inputs.points.layout.display is None
        card._inputs.points.children[-1].children[0].click()
    assert "passed" in card._head.value, card._said.value
    again = Card(session, exercise)  # the card comes back as it was left
    kept = again._inputs.read()
    assert (kept.strip() if isinstance(kept, str) else kept) == (given["text"] if exercise.id == WORDS else given)
    card._buttons["Reset"].click()
    assert "answer" not in session.record(exercise.id)
    assert "passed" in card._head.value, "a pass is kept"
    card._buttons["Solution"].click()
    assert "Solution" in card._solved.value


def test_a_pass_takes_the_hint_away_and_leaves_the_solution(session: Session) -> None:
    exercise = COURSE.exercises[MATCH]
    card = Card(session, exercise)
    card._buttons["Hint"].click()
    assert "Hint 1 of 3" in card._hinted.value
    card.told(not_yet("Not all fit."))
    assert "Hint 1 of 3" in card._hinted.value
    card.told(passed("All fit."))
    assert card._hinted.value == ""
    card._buttons["Solution"].click()
    card.told(passed("All fit."))
    assert "Solution" in card._solved.value


def test_two_steps_of_one_number_are_refused(session: Session) -> None:
    card = Card(session, session.exercise(ORDER))
    for key in ("create", "push"):
        card._inputs._places[key].value = 1
    card._buttons["Run this order"].click()
    assert "Two steps have the number 1" in card._said.value


def test_text_forms_name_what_to_answer(session: Session) -> None:
    session.exercise(ERROR).failure(session.entry(ERROR))
    wanted = {
        ORDER: ["  create  Create the repository", 'Answer: lab.answer("90-e1", [STEP, STEP, …])'],
        FILE: ["  kinds-policy.json:", '      "Version": "2012-10-17"', 'lab.answer("90-e2")'],
        ERROR: ["$ docker push kinds:1", "  c  ops has no permission to upload", "confidence=2"],
        MATCH: ["  rename  docker tag", "  nobody  nobody", "{ITEM: PLACE, …}, confidence=2"],
        WORDS: ["**How does an image get to ECR?**", '"Your own answer"'],
    }
    for identifier, lines in wanted.items():
        text = form(session, session.exercise(identifier))
        for line in lines:
            assert line in text, text
        assert "who asked" not in text + static(session, session.exercise(identifier)), (
            "the parts come after the answer"
        )


def test_a_form_is_filled_in_and_answered() -> None:
    """03-e4 asks what was found: nothing is built there and nothing runs."""
    found, command = course().exercises["03-e4"], course().exercises["02-e7"]
    assert (found.kind_words, found.button) == ("fill in", "Answer")
    assert (command.kind_words, command.button) == ("build the command", "Run it")


def test_labels_without_markdown_keep_a_star_that_is_code() -> None:
    assert label("calls it the *image ID*, **not** `ecr:*` or `*`") == "calls it the image ID, not ecr:* or *"


def test_a_declaration_that_cannot_be_answered_is_refused() -> None:
    order, error, match = (COURSE.exercises[key] for key in (ORDER, ERROR, MATCH))
    assert isinstance(order, Order)
    assert isinstance(error, ReadError)
    assert isinstance(match, Match)
    for item, changes, says in (
        (order, {"steps": order.steps[:2]}, "fewer than three steps"),
        (order, {"steps": (*order.steps, Step("push", "again"))}, "two steps of the same key"),
        (error, {"options": error.options[1:]}, "3 causes"),
        (error, {"correct": "e"}, "no option 'e'"),
        (error, {"options": (*error.options, Option("a", "again"))}, "two options of the same key"),
        (match, {"correct": {"create": "api"}}, "for each item"),
        (match, {"correct": dict.fromkeys(("create", "layers", "rename"), "moon")}, "not declared"),
        (match, {"bins": match.bins[:1], "correct": {}}, "two bins or more"),
        (match, {"bins": match.bins[1:], "correct": {}}, "bins that are not declared: api"),
        (COURSE.exercises[FILE], {"file": "../x.json"}, "not a place beside the notebook"),
        (COURSE.exercises[WORDS], {"rejects": ()}, "0 rejected attempts; 1"),
        (COURSE.exercises[WORDS], {"points": ()}, "fewer than two points"),
    ):
        with pytest.raises(ValueError, match=says):
            dataclasses.replace(item, **changes)
