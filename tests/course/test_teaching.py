"""The facilitator's page: complete, added up right, and drift is noticed."""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from ecrlab_course.authoring.content import Course, course
from ecrlab_course.publish import build, rules, teaching

WRITTEN = [source.lesson.id for source in course().sources.values() if source.text.is_file()]


@cache
def books() -> dict[str, Any]:
    return {identifier: build.notebook(course().sources[identifier], "notebooks") for identifier in WRITTEN}


@cache
def page() -> str:
    return teaching.page(course(), books())


def part(identifier: str) -> str:
    """Return what the page says about one lesson or lab."""
    lesson = course().sources[identifier].lesson
    found = re.search(rf"^### {lesson.called}: .*?(?=^### |\Z)", page(), re.MULTILINE | re.DOTALL)
    assert found is not None
    return found[0]


@pytest.mark.parametrize("identifier", WRITTEN)
def test_a_lesson_s_parts_add_up_to_its_minutes(identifier: str) -> None:
    parts = teaching.sections(books()[identifier])
    for mark in rules.MARKS:
        assert sum(each.minutes[mark] for each in parts) == rules.minutes(books()[identifier].cells, mark)
    shown = [name for each in parts for name in each.exercises]
    assert sorted(shown) == sorted(set(shown))
    assert set(course().sources[identifier].exercises) <= set(shown)


@pytest.mark.parametrize("identifier", WRITTEN)
def test_every_exercise_and_checkpoint_stands_on_the_page(identifier: str) -> None:
    source = course().sources[identifier]
    text = part(identifier)
    for item in source.exercises.values():
        assert f"| {item.id} |" in text
    for name in source.lesson.checkpoints:
        line = next(line for line in text.splitlines() if f'`lab.goto("{identifier}", "{name}")`' in line)
        assert len(line.split(" | ")[1].strip(" |")) > 10, f"{name}: its function has no docstring"
    assert f"`ecrlab_course catch-up {identifier}`" in text
    assert f"`ecrlab_course catch-up {identifier}`" in page().split("## Lesson by lesson")[0]


def test_misconceptions_are_told_in_people_s_words() -> None:
    assert "| lab-01-m3 | live check, needs an engine |" in page()
    assert "moving a tag changes what already runs" in part("lab-01")
    assert "tag-moves-what-runs" not in page()


def test_links_of_the_overview_lead_to_headings() -> None:
    anchors = {
        re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
        for heading in re.findall(r"^### (.+)$", page(), re.MULTILINE)
    }
    links = re.findall(r"\]\(#([^)]+)\)", page())
    assert len(links) == len(books())
    assert set(links) <= anchors


def test_a_template_without_a_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "teaching.md").write_text("# Teaching\n\n{{overview}}\n")
    with pytest.raises(teaching.TeachingError, match=r"{{lessons}} 0 times"):
        teaching.page(Course(tmp_path, course().lessons, course().labs), books())


def test_the_page_in_docs_is_what_the_content_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(build, "_made", lambda *_: {})  # the notebooks are another test's
    assert (course().root / teaching.PAGE).read_text(encoding="utf-8") == page()
    shutil.copytree(course().root / "content", tmp_path / "content", ignore=shutil.ignore_patterns("__pycache__"))
    template = tmp_path / "content" / "teaching.md"
    template.write_text(template.read_text() + "\nOne more line.\n")
    the_course = course(tmp_path)
    drifted = build.build(the_course, check=True).drifted
    assert tmp_path / teaching.PAGE in drifted
    (tmp_path / "docs").mkdir()
    pages = {key: build.notebook(each, "notebooks") for key, each in the_course.sources.items() if each.text.is_file()}
    (tmp_path / teaching.PAGE).write_text(teaching.page(the_course, pages), encoding="utf-8")
    assert tmp_path / teaching.PAGE not in build.build(the_course, check=True).drifted
    template.write_text(template.read_text() + "\nAnd another.\n")
    assert tmp_path / teaching.PAGE in build.build(the_course, check=True).drifted
