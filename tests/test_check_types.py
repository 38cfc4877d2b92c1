"""What `make lint` shows mypy: src/, and every file of Python in content/ that is not a notebook's source."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from ecrlab_course.documents.code import package_of

ROOT = Path(__file__).parent.parent


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check_types", ROOT / "scripts" / "check_types.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_all_of_content_is_checked_but_the_sources_of_notebooks() -> None:
    places = dict(script().modules(ROOT / "content"))
    left = set((ROOT / "content").rglob("*.py")) - set(places)
    assert len(set(places.values())) == len(places)
    assert {path.name for path in left} == {"lesson.py", "lab.py"}
    assert ROOT / "content/lessons/04_first_push/e1.py" in places


def test_a_lesson_s_folder_has_the_name_that_the_course_gives_it() -> None:
    folder = ROOT / "content" / "lessons" / "00_start_here"
    assert script().package(folder.relative_to(ROOT / "content")) == package_of(folder)


def test_what_mypy_prints_names_the_file_in_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = tmp_path / "content" / "lessons" / "01_one" / "e1.py"
    one.parent.mkdir(parents=True)
    one.write_text("from .state import NAME\n")
    (one.parent / "lesson.py").write_text('"""Cells."""\n\n# %% id="01-01"\nlab.lesson("01")\n')
    module = script()
    monkeypatch.setattr(module, "ROOT", tmp_path)
    names = module.link([tmp_path / "content"], tmp_path / "links")
    assert names == {"links/ecrlab_lessons_01_one/e1.py": "content/lessons/01_one/e1.py"}
    assert (tmp_path / "links/ecrlab_lessons_01_one/e1.py").read_text() == one.read_text()
    assert (tmp_path / "links/ecrlab_lessons_01_one/__init__.py").exists()


@pytest.mark.parametrize("folder", ["src/ecrlab_course", "content"])
def test_nobody_takes_the_lab_as_anything(folder: str) -> None:
    """`lab: LabView` (of a drill: DrillLab) says what a judge may ask of it; `lab: Any` says nothing."""
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.arg) and node.arg == "lab" and node.annotation and ast.unparse(node.annotation) == "Any"
    ]
    assert found == []
