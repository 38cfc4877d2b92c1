"""The session: what a learner types stays what it is."""

from __future__ import annotations

import pytest

from ecrlab_course.authoring.evidence import repositories
from ecrlab_course.authoring.staging import log_in, make_repository
from ecrlab_course.documents.verdict import Outcome
from ecrlab_course.kinds.base import Exercise
from ecrlab_course.kinds.fix_file import FixFile
from ecrlab_course.learner.session import Session, passed_on
from ecrlab_course.messages import say
from ecrlab_course.notebook.exercise_card import Card
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.toolbox.standing import differences, fingerprint, local_names, put_back

from . import proof


def test_a_field_is_one_word_of_the_command(session: Session, lab: Lab) -> None:
    session.goto("00", session.source("00-e3").lesson.start)
    code, _ = lab.sh("touch before")
    assert code == 0
    assert lab.folder is not None
    assert (lab.folder / "before").exists()
    session.answer("00-e3", {"digest": "$(touch typed)`touch typed`; touch typed"})
    assert session.check("00-e3").outcome is not Outcome.PASSED
    assert not list(lab.folder.rglob("typed"))


# Evidence is of now, and a reset says what it did -------------------------------------------------------------------


def pushes(lab: Lab, tag: str = "1.1") -> None:
    """Push a second version, as 04-e5 and the lesson's own cells do."""
    lab.push("my-web-app", tag, b"another page")


@pytest.mark.lesson("04")
def test_what_happened_before_a_checkpoint_or_a_reset_is_not_evidence(session: Session, lab: Lab) -> None:
    session.goto("04", "repository")
    pushes(lab)
    lab.sh("true")
    looking = session.entry("04-e5").looking
    assert looking.rows()
    assert [run.script for run in looking.transcripts] == ["true"]
    session.reset("04-e5")
    assert session.entry("04-e5").looking.rows() == []
    pushes(lab, "1.2")
    assert session.entry("04-e5").looking.rows()
    session.goto("04", "repository")  # later than the exercise's own reset
    looking = session.entry("04-e5").looking
    assert looking.rows() == []
    assert looking.transcripts == []


@pytest.mark.lesson("00")
def test_a_pass_whose_evidence_is_gone_stays_a_pass_and_says_when_it_was(session: Session) -> None:
    item = session.exercise("00-e4")
    assert isinstance(item, Exercise)
    proof.place(session, item)
    proof.attempt(session, item, item.accepts[0])
    assert session.record(item.id)["passed"]
    session.goto("00", item.at or "fresh")
    verdict = session.check(item.id)
    assert verdict.outcome is Outcome.UNTOUCHED
    shown = session.with_pass(item.id, verdict)
    assert shown.outcome is Outcome.PASSED
    assert shown.words == say("card.passed_then", date=passed_on(session.record(item.id)))
    assert shown.message == f"{say('card.pass_gone')}\n\n{verdict.message}"
    card = Card(session, item)
    card.told(verdict)
    card._check()
    assert Outcome.UNTOUCHED.words not in f"{card._head.value}{card._said.value}"
    card._reset()
    assert Outcome.UNTOUCHED.words not in f"{card._head.value}{card._said.value}"


@pytest.mark.lesson("04")
def test_a_reset_builds_the_checkpoint_again_where_its_own_undoing_leaves_something(session: Session, lab: Lab) -> None:
    item = session.exercise("04-e6")
    assert isinstance(item, Exercise)
    session.goto("04", item.at)
    make_repository(lab, "receipts")
    said = session.reset(item.id)
    assert said == say("card.was_rebuilt", checkpoint=item.at)
    built = session.built("04")
    assert built is not None
    assert differences(built.state, fingerprint(lab)) == []
    assert session.reset(item.id) == say("card.was_reset_in_lab")


@pytest.mark.lesson("04")
def test_a_reset_lets_docker_forget_what_was_named_for_the_registry_since(session: Session, lab: Lab) -> None:
    session.goto("04", "pushed")
    kept = local_names(lab)
    lab.sh('docker tag my-web-app:1.0 "$REGISTRY/my-web-app:mine" && docker tag my-web-app:1.0 own:1')
    assert f"{lab.registry}/my-web-app:mine" in local_names(lab)
    session.reset("04-e6")
    assert local_names(lab) == kept
    assert lab.sh("docker image inspect -f . own:1 && docker rmi own:1")[0] == 0


@pytest.mark.lesson("04")
def test_logins_and_the_clock_are_put_back_without_building_anything(session: Session, lab: Lab) -> None:
    session.goto("04", "expired")
    built = session.built("04")
    assert built is not None
    log_in(lab, region="eu-west-1")
    lab.clock.advance(hours=5)
    assert differences(built.state, put_back(lab, built.state)) == []
    assert differences(built.state, fingerprint(lab)) == []


@pytest.mark.lesson("04")
def test_a_reset_never_wipes_the_work_on_another_exercise_and_says_what_it_left(session: Session, lab: Lab) -> None:
    item = session.exercise("04-e6")
    assert isinstance(item, Exercise)
    session.goto("04", item.at)
    session.answer("04-e2", "a", 2)
    session.progress.judged("04-e2", "not yet", None, 2)
    make_repository(lab, "receipts")
    said = session.reset("04-e6")
    assert "the images of `receipts`" in said
    assert "receipts" in repositories(lab)


@pytest.mark.lesson("04")
def test_a_reset_far_from_its_checkpoint_claims_what_a_check_finds_and_no_more(session: Session) -> None:
    session.goto("04", "fresh")
    assert session.reset("04-e5") == say("card.was_undone")


@pytest.mark.lesson("04")
def test_a_file_left_as_it_was_is_not_an_attempt(session: Session) -> None:
    """It is run and shown; what kept it from the goal is what the learner is to find out."""
    session.goto("04", "pushed")
    exercise = session.exercise("04-e9")
    assert isinstance(exercise, FixFile)
    verdict = session.answer("04-e9", exercise.start)
    assert (verdict.outcome, verdict.misconception) == (Outcome.UNTOUCHED, None)
    assert "first" not in session.record("04-e9")
    assert "hour 26" in session.entry("04-e9").result.output
