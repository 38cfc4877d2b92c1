"""The older form of a lesson, dataclasses in exercises.py; goes when 04, 06, lab 01 and the drills are documents.

`LESSON`, `GUESSES` and `EXERCISES` stand in `content/lessons/NN_name/exercises.py`; this module gives them every name
that they use. A new lesson is written as documents (`ecrlab_course.authoring.document`).
"""

from __future__ import annotations

from ecrlab_course.authoring.lesson import Lesson
from ecrlab_course.documents.attempts import Attempt, Hint
from ecrlab_course.documents.lab_view import LabView
from ecrlab_course.documents.option import Option
from ecrlab_course.documents.verdict import Outcome, Result, Verdict, not_yet, passed, untouched
from ecrlab_course.kinds.base import Exercise
from ecrlab_course.kinds.build_command import BuildCommand, Field
from ecrlab_course.kinds.choice import Choice
from ecrlab_course.kinds.fix_file import FixFile
from ecrlab_course.kinds.free_answer import FollowUp, FreeAnswer, Point
from ecrlab_course.kinds.guess import Guess
from ecrlab_course.kinds.live_check import LiveCheck
from ecrlab_course.kinds.match import Bin, Item, Match, Miss
from ecrlab_course.kinds.order import Order, Step
from ecrlab_course.kinds.predict import Predict
from ecrlab_course.kinds.read_error import ReadError

__all__ = [
    "Attempt",
    "Bin",
    "BuildCommand",
    "Choice",
    "Exercise",
    "Field",
    "FixFile",
    "FollowUp",
    "FreeAnswer",
    "Guess",
    "Hint",
    "Item",
    "LabView",
    "Lesson",
    "LiveCheck",
    "Match",
    "Miss",
    "Option",
    "Order",
    "Outcome",
    "Point",
    "Predict",
    "ReadError",
    "Result",
    "Step",
    "Verdict",
    "not_yet",
    "passed",
    "untouched",
]
