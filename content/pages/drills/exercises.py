"""The drills' page: its front matter. The drills themselves stand in content/drills."""

from __future__ import annotations

from ecrlab_course.exercises import Lesson

LESSON = Lesson(
    id="drills",
    title="Drills",
    minutes=10,
    verbs=("answer before you read", "show what you say", "come back when it is due"),
    checkpoints={"fresh": lambda lab: None},
)
