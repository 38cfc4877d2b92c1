"""What an answer of a mock interview counts for: by what was heard of it, or by what a partner ticked."""

from __future__ import annotations

from ecrlab_course.listening.listener import Heard
from ecrlab_course.listening.marking import Marking, marking
from ecrlab_course.mock.book import PartRecord
from ecrlab_course.questions.question import Question


def marked(question: Question, part: PartRecord) -> Marking:
    """Return what an answer counts for, by what its record holds; a partner's ticks replace what was heard and said."""
    keys = [point.key for point in question.points]
    if "ticked" in part:
        ticks = part["ticked"]
        return marking({key: Heard(key in ticks) for key in keys})
    heard = part.get("heard", {})
    found = {key: Heard(key in heard, heard.get(key, "")) for key in keys}
    return marking(found, part.get("said", {}), part.get("unmeant", ()))
