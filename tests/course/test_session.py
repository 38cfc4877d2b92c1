"""The session: what a learner types stays what it is."""

from __future__ import annotations

from ecrlab_course.authoring.exercises import Outcome
from ecrlab_course.learner.session import Session
from ecrlab_course.toolbox.lab import Lab


def test_a_field_is_one_word_of_the_command(session: Session, lab: Lab) -> None:
    session.goto("00", session.source("00-e3").lesson.start)
    code, _ = lab.sh("touch before")
    assert code == 0
    assert (lab.folder / "before").exists()
    session.answer("00-e3", {"digest": "$(touch typed)`touch typed`; touch typed"})
    assert session.check("00-e3").outcome is not Outcome.PASSED
    assert not (lab.folder / "typed").exists()
