"""Where nothing shows the cause: what is not known is said, and where to look."""

from __future__ import annotations

from ecrlab_course.causes.goal import Goal
from ecrlab_course.causes.scene import Finding, Scene


def find(scene: Scene, goal: Goal) -> Finding | None:
    """Return that the last cell failed without a trace that any family can read; None where a judge saw more."""
    run = scene.last_run
    if scene.tried or run is None or not run.code or not scene.concerns(run, goal):
        return None
    lines = [line.strip() for line in run.output.splitlines() if line.strip()]
    if not lines:
        return Finding("silent", run.after, {"code": run.code})
    return Finding("not-known", run.after, {"code": run.code, "said": lines[-1]})
