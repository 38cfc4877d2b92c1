"""Causes in the lab's clock: it was not moved, or was put back."""

from __future__ import annotations

from datetime import datetime

from ecrlab_course.causes.goal import Goal
from ecrlab_course.causes.scene import Finding, Scene
from ecrlab_course.documents.xray_row import Row


def find(scene: Scene, goal: Goal) -> Finding | None:
    """Return that the hours which the goal wants did not go by since the mark, on the lab's clock."""
    if goal.verb != "wait" or not scene.rows:
        return None
    ahead = float(scene.lab.control.status()["clock"]["offset_seconds"])
    seen = [_ahead(row) for row in scene.rows]
    at, moved = int(scene.rows[-1]["seq"]), max([*seen, ahead]) - min(seen)
    if moved < goal.hours * 3600 - 60:
        return Finding("clock-not-moved", at, {"wanted": f"{goal.hours:g}", "moved": f"{moved / 3600:.0f}"})
    back = max(seen) - ahead
    return Finding("clock-moved-back", at, {"hours": round(back / 3600)}) if back >= 60 else None


def _ahead(row: Row) -> float:
    """Return by how many seconds lab time was ahead of real time when the request came."""
    return datetime.fromisoformat(row["time"]).timestamp() - float(row["wall"])
