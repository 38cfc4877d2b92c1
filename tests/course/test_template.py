"""A new lesson: a draft that is well formed, builds, and whose exercise is judged right from its first minute."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ecrlab_course.authoring.content import Course, course, read
from ecrlab_course.documents.verdict import Outcome
from ecrlab_course.learner.session import Session
from ecrlab_course.learner.work_folder import written
from ecrlab_course.progress import Progress
from ecrlab_course.publish import build, rules
from ecrlab_course.publish.template import TemplateError, new_lesson
from ecrlab_course.toolbox.lab import Lab

from . import proof

ROOT = Path(__file__).parents[2]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout that holds nothing but the template and what course text is filled from."""
    shutil.copytree(ROOT / "content" / "template", tmp_path / "content" / "template")
    shutil.copyfile(ROOT / "content" / "facts.toml", tmp_path / "content" / "facts.toml")
    plan = (ROOT / "content" / "course.toml").read_text() + '\n[[lesson]]\nid = "97"\ntitle = "Try it"\n'
    (tmp_path / "content" / "course.toml").write_text(plan)
    (tmp_path / "content" / "lessons").mkdir()
    return tmp_path


def made(checkout: Path) -> Course:
    source = read(new_lesson(checkout, "97", "try-it", "Try it"))
    return Course(checkout, {"97": source})


def test_the_template_s_caches_are_not_taken_along(checkout: Path) -> None:
    cache = checkout / "content" / "template" / "files" / "__pycache__" / "tries.cpython-311.pyc"
    cache.parent.mkdir(parents=True)
    cache.write_bytes(b"\xff\x00")
    assert not list(new_lesson(checkout, "97", "try-it", "Try it").rglob("__pycache__"))


def test_a_fresh_lesson_has_no_faults_and_says_what_is_still_to_write(checkout: Path) -> None:
    the_course = made(checkout)
    assert build.problems(the_course) == []
    lacks = build.unfinished(the_course)
    assert "97_try_it: 2 exercises; 5 to 8" in lacks
    assert not [line for line in lacks if "core cells take" in line]
    made_files = {path.relative_to(checkout).as_posix() for path in build.build(the_course, only=("97",)).written}
    assert {
        "notebooks/97-try-it.ipynb",
        "solutions/97-try-it.ipynb",
        "notebooks/97-try-it/images/one.svg",
    } <= made_files
    left = [path for path in written(checkout / "content" / "lessons") if "__" in path.read_text()]
    assert [path.name for path in left if "__NN__" in path.read_text()] == []


def test_a_finished_lesson_may_lack_nothing(checkout: Path) -> None:
    the_course = made(checkout)
    path = the_course.lessons["97"].folder / "lesson.md"
    path.write_text(path.read_text().replace("draft: yes\n", ""))
    finished = Course(checkout, {"97": read(path.parent)})
    assert "97_try_it: 2 exercises; 5 to 8" in build.problems(finished)
    assert build.unfinished(finished) == []


@pytest.mark.parametrize("identifier", ["97-e1", "97-e2", "97-i1"])
def test_its_exercises_are_judged_right(identifier: str, checkout: Path, lab: Lab, tmp_path: Path) -> None:
    session = Session(lab, Progress(tmp_path / "progress.json"), made(checkout))
    exercise = session.course.exercises[identifier]
    proof.untouched(session, exercise)
    for attempt in exercise.rejects:
        proof.place(session, exercise)
        verdict = proof.attempt(session, exercise, attempt)
        assert verdict.outcome is (Outcome.COMPARED if identifier == "97-e1" else Outcome.NOT_YET), attempt.name
        assert verdict.name == attempt.verdict
        session.reset(identifier)
    for attempt in exercise.accepts:
        proof.accepted(session, exercise, attempt)


def test_its_sources_are_in_the_style_of_the_others(checkout: Path) -> None:
    folder = made(checkout).lessons["97"].folder
    ruff = [str(Path(sys.executable).with_name("ruff"))]
    for command in (["format", "--check"], ["check"]):
        answer = subprocess.run(
            [*ruff, *command, "--config", str(ROOT / "pyproject.toml"), *map(str, folder.glob("[es]*.py"))],
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.returncode == 0, answer.stdout + answer.stderr


@pytest.mark.parametrize(
    ("number", "slug", "title", "says"),
    [
        ("7", "x", "T", "two digits"),
        ("97", "Big", "T", "lower-case letters"),
        ("97", "../x", "T", "lower-case letters"),
        ("97", "x", 'a "b"', "quotation marks"),
        ("97", "x", " ", "one line"),
        ("98", "x", "T", "The plan of the course has no lesson 98"),
    ],
)
def test_what_does_not_fit_is_refused(checkout: Path, number: str, slug: str, title: str, says: str) -> None:
    with pytest.raises(TemplateError, match=says):
        new_lesson(checkout, number, slug, title)
    assert list((checkout / "content" / "lessons").iterdir()) == []


def test_a_number_is_given_once(checkout: Path) -> None:
    made(checkout)
    with pytest.raises(TemplateError, match="is there already: content/lessons/97_try_it"):
        new_lesson(checkout, "97", "other", "Other")


def test_the_form_is_held_cell_by_cell(checkout: Path) -> None:
    """Each rule goes off when it is broken."""
    the_course = made(checkout)
    source = the_course.lessons["97"]
    good = source.text.read_text()
    long = "# a line of a paragraph\n" * 6
    for old, new, says in (
        ("# A claim. The command under it shows it.\n", long, "a paragraph of 6 lines (a line of a paragraph"),
        (
            "![Picture 1, in words: every box and every arrow of it, for those who cannot see it.]",
            "![x]",
            "has no text that",
        ),
        ("images/one.svg", "images/two.svg", "there is no picture two.svg"),
        ('id="97-05" tags=["core", "run"]', 'id="97-05" tags=["run"]', "cell 97-05 has no mark"),
        ('tags=["core", "run"] minutes=1', 'tags=["core", "demo", "run"] minutes=1', "has core and demo"),
        ('tags=["core", "run"] minutes=1', 'tags=["core", "run"] minutes=0', "is not a whole number"),
    ):
        assert old in good, old
        source.text.write_text(good.replace(old, new, 1))
        assert any(says in line for line in build.problems(the_course)), says
    for old, new, says in (
        (' fails="RepositoryNotFoundException"', "", "0 failures met live"),
        ('"core", "reading"', '"core", "text"', "cell 97-06-card explains 97-06-run before it has run"),
        ("# A claim. The command", "# ## Denied\n#\n# A claim. The command", "the heading “Denied”"),
        ("**People say:**", "**They say:**", "no box “People say”"),
        ("**On real AWS**", "**On AWS**", "no box “On real AWS”"),
        ('"interview"', '"text"', "no cell is tagged interview"),
        ("minutes=2", "minutes=9", "front matter says 15"),
        (
            "# aws sts get-caller-identity",
            "# aws sts a; " * 20 + "aws sts get-caller-identity",
            "23 aws commands in part 1",
        ),
    ):
        assert old in good, old
        source.text.write_text(good.replace(old, new))
        assert any(says in line for line in build.unfinished(the_course)), (says, build.unfinished(the_course))


def test_paragraphs_are_counted_as_a_reader_sees_them() -> None:
    text = "one\ntwo\n\n- a\n- b\n  b\n\n| t |\n| u |\n\n> q\n> r\n\n```\nx\ny\n```\n![alt\ntext](a.svg)\n# head"
    assert [lines for _, lines in rules.paragraphs(text)] == [2, 1, 2, 2]


def test_no_draft_is_delivered() -> None:
    assert [source.folder.name for source in course().sources.values() if source.lesson.draft] == []
