"""`make test LESSON=04`: which tests are taken, and what is refused."""

from __future__ import annotations

import os
import re
import sys
import tempfile
import traceback
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from ecrlab_course.authoring.content import course
from ecrlab_course.drills.drill import drills

# Each look is a pytest of its own.
pytestmark = pytest.mark.timeout(400)

ROOT = Path(__file__).parent.parent
PLACES = ("tests/course/test_matrix.py", "tests/course/test_catch_up.py", "tests/course/test_drills.py")


@dataclass(frozen=True)
class Answer:
    """How a pytest ended, and what it printed."""

    returncode: int
    stdout: str
    stderr: str


def collect(*arguments: str) -> Answer:
    """Be `pytest --collect-only` in a fork of this process, which has read the course's documents already."""
    course()
    drills()
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        child = os.fork()
        if child == 0:
            code = 255
            try:
                os.chdir(ROOT)
                for number, path in enumerate((out, err), 1):
                    os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), number)
                sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115
                code = int(pytest.main(["-p", "no:cacheprovider", "--capture=no", "--collect-only", "-q", *arguments]))
            except BaseException:  # whatever it is, this process must not go on as a second pytest
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        return Answer(code, out.read_text(encoding="utf-8"), err.read_text(encoding="utf-8"))


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
        "second_page",
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
