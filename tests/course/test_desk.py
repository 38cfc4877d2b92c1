"""The desk: what a learner types stays what it is."""

from __future__ import annotations

from ecrlab_course.desk import Desk
from ecrlab_course.exercises import Outcome
from ecrlab_course.lab import Lab


def test_a_field_is_one_word_of_the_command(desk: Desk, lab: Lab) -> None:
    desk.goto("00", desk.source("00-e3").lesson.start)
    code, _ = lab.sh("touch before")
    assert code == 0
    assert (lab.folder / "before").exists()
    desk.answer("00-e3", {"digest": "$(touch typed)`touch typed`; touch typed"})
    assert desk.check("00-e3").outcome is not Outcome.PASSED
    assert not (lab.folder / "typed").exists()
