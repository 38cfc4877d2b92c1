"""The home page: the map and its marks, where to go on, what is not written, first guesses read back."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from ecrlab.home import Home
from ecrlab.host import doctor
from ecrlab_course.authoring.content import Course, course
from ecrlab_course.authoring.course_plan import neighbours, plan
from ecrlab_course.documents.verdict import Outcome
from ecrlab_course.learner.session import Session
from ecrlab_course.messages import say
from ecrlab_course.notebook import home_page
from ecrlab_course.notebook.exercise_card import Card
from ecrlab_course.notebook.home_page import State
from ecrlab_course.publish import build

from . import proof


def passed(*exercises: str, at: str = "2026-11-25T10:00:00+00:00") -> dict[str, Any]:
    """Return a progress file's content in which these exercises are passed, tried at that time."""
    record = {"passed": at, "tries": 1, "history": [{"at": at, "outcome": "passed"}]}
    return {"exercises": {key: dict(record) for key in exercises}, "lessons": {}}


def test_the_plan_names_every_lesson_and_lab_that_is_written(the_course: Course) -> None:
    planned = {row.id: row for row in plan(the_course.root)}
    for source in the_course.lessons.values():
        assert planned[source.lesson.id].title == source.lesson.title
    for lab in the_course.labs.values():
        assert planned[lab.lesson.id].after == lab.lesson.follows
    assert {row.after for row in planned.values()} - {""} <= set(planned)


def test_states_and_minutes_left(the_course: Course) -> None:
    ids = list(the_course.lessons["00"].counted)
    stops = {stop.id: stop for stop in home_page.stops(the_course, passed(*ids[:2]))}
    assert stops["00"].state is State.BEGUN
    assert (stops["00"].done, stops["00"].total, stops["00"].left) == (2, 5, 8)
    assert stops["04"].state is State.OPEN
    assert stops["01"].state is State.UNWRITTEN or "01" in the_course.lessons
    done = {stop.id: stop for stop in home_page.stops(the_course, passed(*ids))}
    assert done["00"].state is State.DONE
    assert done["00"].left == 0


def test_the_map_is_drawn_and_links_only_to_what_is_written(the_course: Course) -> None:
    progress = passed("00-e1")
    stops = home_page.stops(the_course, progress)
    shown = home_page.drawn(stops, "00")
    assert "<svg" in shown.html
    assert '<path class="ring"' in shown.html
    links = re.findall(r'href="([^"]+)"', shown.html)
    assert links == [source.opens for source in the_course.sources.values()]
    for stop in stops:
        assert f"{stop.title}: {stop.said}" in shown.html, "what is drawn is said, too"
        assert stop.title in shown.text
    assert "◐ 00  Start here: begun, 1 of 5 exercises, about 10 minutes left   <- go on here" in shown.text
    assert 'href="../00-start-here.ipynb"' in home_page.drawn(stops, "00", "../").html
    beside = home_page.drawn(stops, "00", "../", {"Drills": "drills.ipynb"})
    assert '<a href="../drills.ipynb">Drills</a>' in beside.html
    assert beside.text.endswith("Beside the route: Drills, drills.ipynb")


def test_where_to_go_on(the_course: Course) -> None:
    def found(progress: dict[str, Any]) -> str:
        place = home_page.place(the_course, progress)
        return place.exercise.id if place else ""

    assert found(passed()) == "00-e1"
    assert found(passed("00-e1", "00-e3")) == "00-e4", "after the last one that was tried"
    assert found(passed("04-e1")) == "04-e2", "the lesson used last, not the first that is open"
    both = passed("04-e1")
    both["exercises"].update(passed("00-e1", at="2026-11-26T10:00:00+00:00")["exercises"])
    assert found(both) == "00-e2"
    assert found(passed(*the_course.lessons["00"].counted)) == "01-e1"
    assert found(passed(*the_course.exercises)) == ""


def test_without_an_engine_what_needs_one_is_neither_counted_nor_gone_on_with(the_course: Course) -> None:
    needs = {key for key, exercise in the_course.exercises.items() if exercise.engine}
    assert {"01-e5", "lab-01-m3"} <= needs
    progress = passed(*(key for key in the_course.exercises if key not in needs))
    assert home_page.place(the_course, progress, engine=False) is None
    place = home_page.place(the_course, progress)
    assert place is not None
    assert place.exercise.id == "01-e5"
    found = {
        engine: {stop.id: stop for stop in home_page.stops(the_course, progress, engine)} for engine in (True, False)
    }
    assert found[False]["lab-01"].state is State.DONE
    assert found[True]["lab-01"].state is State.BEGUN


def test_the_checkpoint_of_a_place_is_that_of_its_section(the_course: Course) -> None:
    found = {}
    for key in ("lab-01-m1", "lab-01-m2", "lab-01-m3", "04-e8"):
        source = the_course.source_of(key)
        found[key] = home_page.Place(source, source.exercises[key], source.cell_of(key)).checkpoint
    assert found == {"lab-01-m1": "fresh", "lab-01-m2": "pushed", "lab-01-m3": "pulled", "04-e8": "pushed"}
    for source in the_course.sources.values():
        for key in source.counted:
            place = home_page.Place(source, source.exercises[key], source.cell_of(key))
            assert place.checkpoint in source.lesson.checkpoints, key


def test_the_place_is_a_cell_of_the_notebook(the_course: Course) -> None:
    for source in the_course.sources.values():
        ids = {cell.id: cell.source for cell in build.notebook(source, "notebooks").cells}
        for key in source.counted:
            assert f'lab.exercise("{key}")' in ids[source.cell_of(key)], key


def test_the_header_links_only_to_what_is_written(the_course: Course, tmp_path: Path) -> None:
    lessons = tmp_path / "content" / "lessons"
    (lessons / "03_registries").mkdir(parents=True)
    (tmp_path / "content" / "course.toml").write_text((the_course.root / "content" / "course.toml").read_text())
    assert neighbours(tmp_path, "04") == (
        "Before: 03 Registries (not written yet) · After: 05 ECR or Docker Hub (not written yet)"
    )
    (lessons / "03_registries" / "lesson.py").write_text("")
    assert neighbours(tmp_path, "04").startswith("Before: [03 Registries](03-registries.ipynb) · ")
    assert neighbours(tmp_path, "00") == "After: 01 Containers (not written yet)"


@pytest.mark.parametrize("shelf", ["notebooks", "solutions", "labs"])
def test_no_link_of_a_page_is_dead(the_course: Course, shelf: str) -> None:
    for path in (the_course.root / shelf).glob("*.ipynb"):
        text = path.read_text(encoding="utf-8")
        for target in re.findall(r"\]\(([^)#\s]+\.(?:ipynb|svg|md))[^)]*\)", text):
            assert (path.parent / target).resolve().is_file(), f"{path.name}: {target}"


def test_a_pass_is_kept_and_a_wrong_answer_after_it_is_said(session: Session) -> None:
    session.goto("00", "pushed")
    session.answer("00-e2", "d")
    verdict = session.answer("00-e2", "a")
    assert verdict.outcome is Outcome.NOT_YET
    assert say("card.pass_kept") in session.with_pass("00-e2", verdict).message
    assert session.record("00-e2")["passed"]
    stops = {stop.id: stop for stop in home_page.stops(session.course, session.progress.read())}
    assert stops["00"].done == 1
    other = session.answer("00-e5", "a")
    assert say("card.pass_kept") not in session.with_pass("00-e5", other).message


def test_first_guesses_are_read_back_where_they_are_answered(session: Session) -> None:
    assert "Kept" in session.answer("00-g1", "true", 3).message
    assert "first" not in session.record("00-g1"), "nothing is told before the lesson that answers it"
    assert "false" not in session.solution("00-g1").lower()
    ((guess, verdict),) = session.look_back("04")
    assert guess.id == "00-g1"
    assert verdict.outcome is Outcome.COMPARED
    assert verdict.message.startswith("You said: true, certain. It is false.")
    assert session.record("00-g1")["history"][-1]["misconception"] == "login-is-permission"
    session.answer("00-g2", "false", 1)
    ((_, verdict),) = session.look_back("06")
    assert verdict.outcome is Outcome.PASSED
    ((_, verdict),) = session.look_back("02")
    assert verdict.outcome is Outcome.UNTOUCHED
    assert verdict.message.startswith("You made no guess.")


def test_every_lesson_that_answers_a_first_guess_reads_it_back() -> None:
    the_course = course()
    for source in the_course.sources.values():
        for guess in source.guesses.values():
            answering = the_course.lessons.get(guess.answered_in)
            if guess.answered_in and answering is not None and not answering.lesson.draft:
                assert f'lab.look_back("{guess.answered_in}")' in answering.text.read_text(encoding="utf-8"), guess.id
                assert guess.correct in {option.key for option in guess.options}


@pytest.mark.parametrize("identifier", ["00-g1", "00-e1"])
def test_a_guess_that_is_kept_is_not_called_untouched(identifier: str, session: Session) -> None:
    session.goto("00", "fresh")
    card = Card(session, session.exercise(identifier))
    keep = next(iter(card._buttons.values()))
    keep.click()
    assert "kept" not in card._head.value
    card._inputs._choice.value = "true" if identifier == "00-g1" else "b"
    assert card._inputs._sure.value is None
    keep.click()
    assert "Say first how sure you are" in card._said.value
    assert "answer" not in session.record(identifier)
    card._inputs._sure.value = 1
    keep.click()
    assert "kept" in card._head.value
    assert "untouched" not in card._head.value + card._said.value
    assert "kept" in card._said.value.lower()


@pytest.mark.timeout(120)
def test_a_look_at_this_computer_stands_in_no_xray(running: Home, session: Session) -> None:
    """The home page looks while the learner's first cell runs, whose first row the lesson asks for."""
    before = session.lab.last()
    findings = {finding.part: finding.state for finding in doctor.examine(running)}
    assert (findings["registry"], findings["AWS API"], findings["aws command"]) == ("ok", "ok", "ok")
    assert session.lab.last() >= before + 3
    assert session.lab.rows(after=before) == []


def test_the_proof_of_a_check_sees_a_pull_and_a_look_is_none(session: Session) -> None:
    """When an image was last pulled (E015) is part of the proof; what only looks does not change it."""
    session.goto("00", "pushed")
    before = proof.snapshot(session)
    assert proof.snapshot(session) == before
    for lab, pulled in ((session.lab.looking(), False), (session.lab, True)):
        lab.client("ecr").batch_get_image(repositoryName="hello", imageIds=[{"imageTag": "1"}])
        assert (proof.snapshot(session)["kept"] != before["kept"]) is pulled
