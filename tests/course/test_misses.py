"""What `lab.misses()` reads of the progress: by lesson, with each lab counted for the lesson that it follows."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from ecrlab_course.authoring.content import Course, course
from ecrlab_course.learner.session import Session
from ecrlab_course.progress import Progress


def test_misses_are_counted_by_lesson(tmp_path: Path) -> None:
    progress = Progress(tmp_path / "progress.json")
    lab = SimpleNamespace(rows=list)
    Session(cast(Any, lab), progress, cast(Course, course()), tmp_path)

    def edit(data: dict[str, Any]) -> None:
        wrong = {"history": [{"outcome": "not yet", "misconception": "wide-is-fixed"}, {"outcome": "passed"}]}
        data["exercises"] = {
            "06-e1": wrong,
            "06-e2": {"history": [{"outcome": "compared", "misconception": "trust-opens"}]},
            "06-e3": {"history": [{"outcome": "passed"}]},
            "lab-02-m1": wrong,
            "04-e1": wrong,
            "gone-e1": wrong,
        }

    assert lab.missed() == {}
    progress.change(edit)
    assert lab.missed() == {"06": 3, "04": 1}
