"""docs/exercises.md is made from the declarations, and a build notices when it is not up to date."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat

from ecrlab_course.authoring.content import course, course_root
from ecrlab_course.documents.misconceptions import MISCONCEPTIONS
from ecrlab_course.drills.drill import drills
from ecrlab_course.publish import build, catalogue

KINDS = Path(__file__).parent / "kinds"


def test_each_exercise_with_every_wrong_answer_and_its_misconception() -> None:
    for the_course in (course(KINDS), course()):
        text = catalogue.page(the_course, lambda _source: [])
        for item in the_course.exercises.values():
            part = text.partition(f"### {item.id} · {item.objective}\n")[2].partition("\n#")[0]
            for attempt in item.rejects:
                names = [line.split(" | ")[0].removeprefix("| ") for line in part.splitlines()]
                row = next(
                    line
                    for line, name in zip(part.splitlines(), names, strict=True)
                    if f"; {attempt.name}; " in f"; {name}; "
                    and (attempt.misconception is None or f"| `{attempt.misconception}`: " in line)
                )
                if attempt.misconception:  # a guess that is right in the page's world, made in another, shows none
                    assert f"`{attempt.misconception}`: {MISCONCEPTIONS[attempt.misconception].belief}" in row
                assert attempt.says.split("|")[0] in row or "You were certain" in attempt.says


def test_each_drill_with_every_wrong_try() -> None:
    text = catalogue.page(course(), lambda _source: [])
    assert "## Drills" not in catalogue.page(course(KINDS), lambda _source: [])
    for drill in drills().values():
        part = text.partition(f"### {drill.id} · {drill.kind}\n")[2].partition("\n#")[0]
        for attempt in drill.rejects:
            shown = f"| `{attempt.misconception}`: "
            assert [line for line in part.splitlines() if attempt.name in line.partition(" | ")[0] and shown in line]


def test_options_and_places_that_no_attempt_tries_are_listed_too() -> None:
    text = catalogue.page(course(KINDS), lambda _source: [])
    assert "| `docker tag` → ECR's API | `tag-copies`: " in text
    assert "| “the repository is missing” | `403-is-missing`: " in text
    assert "| The text names the repository as something known. |" in text
    assert "| 90 · Kinds of exercises | 5 | 4 | 5 |" in text
    assert "in your own words · starts from `fresh` · no engine needed · does not count" in text


def test_minutes_stand_where_a_cell_says_them() -> None:
    cells = [
        nbformat.v4.new_code_cell('lab.exercise("90-e1")', metadata={"minutes": 3}),
        nbformat.v4.new_code_cell('lab.exercise("90-e2")'),
    ]
    assert catalogue.minutes(cells) == {"90-e1": 3}


def test_a_build_writes_the_page_and_notices_a_change(tmp_path: Path) -> None:
    shutil.copytree(KINDS / "content", tmp_path / "content")
    shutil.copy(course_root() / "content" / "teaching.md", tmp_path / "content")
    the_course = course(tmp_path)
    page = tmp_path / catalogue.PAGE
    assert page in build.build(the_course, check=True).drifted
    assert page in build.build(the_course).written
    assert build.build(the_course, check=True).drifted == ()
    page.write_text(page.read_text().replace("retry-fixes", "retry-helps"))
    assert build.build(the_course, check=True).drifted == (page,)
