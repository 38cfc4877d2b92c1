"""Prices, limits and dates have one source, and lessons name only facts that it holds."""

from __future__ import annotations

import datetime
from pathlib import Path

import pytest

from ecrlab_course.authoring.content import course, course_root
from ecrlab_course.authoring.document import documents, read
from ecrlab_course.authoring.facts import FactError, facts, fill
from ecrlab_course.documents.sections import DocumentError


def test_every_fact_has_words_a_source_and_a_date() -> None:
    table = facts(course_root())
    assert table
    for name, fact in table.items():
        assert isinstance(fact["date"], datetime.date), name
        assert ("value" in fact) == ("unit" in fact), name


def test_lessons_name_facts_that_exist() -> None:
    for source in course().sources.values():
        text = fill(source.text.read_text(encoding="utf-8"), course_root())
        # Other words in braces: templates of docker's own, and what the build writes into a header.
        for other in ("{{index", "{{len", "{{.", "{{neighbours}}"):
            text = text.replace(other, "")
        assert "{{" not in text, source.folder.name


def test_exercises_say_facts_in_words() -> None:
    for source in course().sources.values():
        for path in documents(source.folder):
            found = read(path)
            parts = [part for section in found.parts for part in (section, *section.parts)]
            texts = [found.intro, *(part.text for part in parts)]
            assert not [text for text in texts if "{{fact" in text or "{{dated" in text], path


def test_an_exercise_that_names_no_fact_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "content" / "lessons" / "90_facts"
    folder.mkdir(parents=True)
    (tmp_path / "content" / "facts.toml").write_text("", encoding="utf-8")
    (folder / "e1.md").write_text("---\nkind: choice\n---\n\n{{fact:weight}}\n", encoding="utf-8")
    with pytest.raises(DocumentError, match="no fact called 'weight'"):
        read(folder / "e1.md")


def test_a_dated_fact_says_when_and_how_sure(tmp_path: Path) -> None:
    folder = tmp_path / "content"
    folder.mkdir()
    (folder / "facts.toml").write_text(
        '[price]\ntext = "a penny"\nsource = "a page"\ndate = 2026-03-15\nfacts = ["E1"]\nsure = "second-hand"\n',
        encoding="utf-8",
    )
    assert fill("costs {{fact:price}}", tmp_path) == "costs a penny"
    assert fill("costs {{dated:price}}.", tmp_path) == "costs a penny (March 2026, quoted by others)."
    with pytest.raises(FactError, match="no fact called 'weight'"):
        fill("{{fact:weight}}", tmp_path)


def test_an_incomplete_fact_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "content"
    folder.mkdir()
    (folder / "facts.toml").write_text('[price]\ntext = "a penny"\ndate = 2026-03-15\n', encoding="utf-8")
    with pytest.raises(FactError, match=r"\[price\]: wants source, facts, sure"):
        fill("{{fact:price}}", tmp_path)


def test_a_cache_looks_upstream_as_often_as_aws_says() -> None:
    """A178: at least once every 24 hours; "at most once" was an older guide's."""
    assert facts(course_root())["cache-check-rate"]["text"] == "at least once every 24 hours"
    for path in (course_root() / "content").rglob("*.md"):
        assert "at most once in 24" not in path.read_text(encoding="utf-8"), path
