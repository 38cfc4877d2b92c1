"""How course text is written: documents, and here every name that their Python (eN.py, state.py) uses.

This file knows no kind, because the kinds read documents.
"""

from __future__ import annotations

from ecrlab.policy.sets import PUSH
from ecrlab_course.authoring.requests import Request, requests
from ecrlab_course.authoring.rights import (
    ADMINISTRATOR,
    FULL_ACCESS,
    POWER_USER,
    PULL_ONLY,
    WIDE,
    Policies,
    as_words,
    policies_of,
)
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
    "WIDE",
    "Lab",
    "Policies",
    "Refused",
    "Request",
    "Result",
    "Sentence",
    "Try",
    "as_words",
    "policies_of",
    "requests",
]
