"""`make test LESSON=04`: which tests are taken, and what is refused."""

from __future__ import annotations

import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from ecrlab_course.authoring.content import course
from ecrlab_course.drills.drill import drills

# Each look is a pytest of its own, which reads every document of the course.
pytestmark = pytest.mark.timeout(400)

ROOT = Path(__file__).parent.parent
PLACES = ("tests/course/test_matrix.py", "tests/course/test_catch_up.py", "tests/course/test_drills.py")


def collect(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--collect-only", "-q", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@cache
def found(*arguments: str) -> list[str]:
    return [line for line in collect(*arguments).stdout.splitlines() if "::" in line]


@pytest.mark.parametrize("lesson", ["lab-01", "d04"])
def test_a_lesson_has_its_own_tests_and_no_other_s(lesson: str) -> None:
    """By what a test is parametrised with: its name is looked at here alone."""
    taken = set(found(*PLACES, "--lesson", lesson))
    own = {name for name in found(*PLACES) if f"[{lesson}-" in name or f"[{lesson}]" in name}
    assert own
    assert own <= taken
    others = {key for key in (*course().sources, *drills()) if key != lesson}
    assert [name for name in taken - own if any(f"[{key}-" in name or f"[{key}]" in name for key in others)] == []


def test_its_notebooks_and_sections_are_among_them() -> None:
    taken = found("tests/notebooks", "--lesson", "04")
    for part in (
        "04-first-push-1.ipynb::",
        "04-first-push-2.ipynb::",
        "a_section_runs",
        "unsolved_notebook",
        "each_checkpoint",
        "no_problems",
    ):
        assert any(part in name for name in taken), part
    assert not [name for name in taken if "06-iam" in name or "lab-01" in name]


def test_parts_are_all_of_it_share_nothing_and_leave_a_checkpoint_and_a_file_whole() -> None:
    everything = found(*PLACES, "--lesson", "04")
    parts = [found(*PLACES, "--lesson", "04", "--part", f"{number}/2") for number in (1, 2)]
    assert sorted(parts[0] + parts[1]) == sorted(everything)
    assert not set(parts[0]) & set(parts[1])
    assert min(map(len, parts)) > len(everything) / 3
    for name in ("04-e5", "test_catch_up"):
        assert [any(name in each for each in part) for part in parts].count(True) == 1, name


def test_tests_of_one_checkpoint_follow_each_other() -> None:
    """So it is built once, and not for each of the ways to prove an exercise."""
    own = re.findall(r"\[(04-e\d+)", "\n".join(found(PLACES[0], "--lesson", "04")))
    assert own.count("04-e5") > 20
    first = own.index("04-e5")
    at = course().exercises["04-e5"].at
    names = {key for key, exercise in course().exercises.items() if key[:3] == "04-" and exercise.at == at}
    block = [each for each in own[first:] if each in names]
    assert own[first : first + len(block)] == block


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--lesson", "77"), "There is no lesson '77'. Those with tests are: 00, "),
        (("--lesson", "d99"), "d01"),
        (("--part", "3/2"), "Expected --part N/M"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(arguments: tuple[str, str], says: str) -> None:
    answer = collect(PLACES[1], *arguments)
    assert answer.returncode == 4
    assert says in answer.stderr
    assert "Traceback" not in answer.stderr
