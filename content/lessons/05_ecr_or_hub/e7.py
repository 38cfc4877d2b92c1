"""05-e7: a 429 with a name in it. What a learner reads is in e7.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab, Result

from .state import LIMIT, fleet


def cause(lab: Lab) -> Result:
    """Let the account have no pull left, and start one more server."""
    lab.control.hub_window(used=2 * LIMIT, user="learner")
    return Result("python fleet.py 1 me", 1, fleet(lab, 1, "me"), {})


def reset(lab: Lab) -> None:
    """Use the address up again, and the account no more."""
    lab.control.hub_window(used=LIMIT)
