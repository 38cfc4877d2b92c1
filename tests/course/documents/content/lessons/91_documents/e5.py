"""91-e5: read a denied push. What a learner reads is in e5.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab, Refused, Result

from .state import APP, fresh, pushed


def cause(lab: Lab) -> Result:
    """Push as the robot, who may pull."""
    pushed(lab)
    try:
        lab.push(APP, "1.0-ci", profile="ci")
    except Refused as error:
        return Result(f"docker push {APP}:1.0-ci", 1, str(error))
    return Result(f"docker push {APP}:1.0-ci", 0, "pushed")


reset = fresh
