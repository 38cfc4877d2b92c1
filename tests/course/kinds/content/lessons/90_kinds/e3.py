"""90-e3: read a denied push. What a learner reads is in e3.md."""

from __future__ import annotations

from ecrlab_course.authoring import Lab, Refused, Result

from .state import NAME, fresh, made


def cause(lab: Lab) -> Result:
    """Push as ops, who may pull."""
    made(lab)
    try:
        lab.push(NAME, "1", profile="ops")
    except Refused as error:
        return Result("docker push kinds:1", 1, str(error))
    return Result("docker push kinds:1", 0, "pushed")


reset = fresh
