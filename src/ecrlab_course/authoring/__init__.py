"""How course text is written: documents, and here every name that their Python (eN.py, state.py) uses.

This file knows no kind, because the kinds read documents.
"""

from __future__ import annotations

from ecrlab.policy.sets import PUSH
from ecrlab_course.authoring.requests import Request, requests
from ecrlab_course.authoring.rights import ADMINISTRATOR, FULL_ACCESS, POWER_USER, PULL_ONLY, as_words, in_code
from ecrlab_course.causes.goal import Goal, call, pull, push, wait, write
from ecrlab_course.documents.lab_view import LabView as Lab
from ecrlab_course.documents.tries import Sentence, Try
from ecrlab_course.documents.verdict import Result
from ecrlab_course.failure import Refused

__all__ = [
    "ADMINISTRATOR",
    "FULL_ACCESS",
    "POWER_USER",
    "PULL_ONLY",
    "PUSH",
    "Goal",
    "Lab",
    "Refused",
    "Request",
    "Result",
    "Sentence",
    "Try",
    "as_words",
    "call",
    "in_code",
    "pull",
    "push",
    "requests",
    "wait",
    "write",
]
