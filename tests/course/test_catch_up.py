"""The state after a lesson, in seconds, for whoever comes late; and labs beside the lessons in work/."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ecrlab.home import Home
from ecrlab_course.authoring.content import course
from ecrlab_course.learner import work_folder
from ecrlab_course.learner.session import Session
from ecrlab_course.toolbox.lab import Lab

WRITTEN = [source.lesson.id for source in course().sources.values() if source.text.is_file()]


def command(*words: str, name: str = "catch-up") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "ecrlab_course.cli", name, *words], capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("identifier", WRITTEN)
def test_a_late_comer_has_the_state_after_a_lesson(identifier: str, session: Session) -> None:
    began = time.monotonic()
    name = session.catch_up(identifier)
    assert time.monotonic() - began < 20  # under five on a machine that does nothing else
    assert name == session.course.lesson(identifier).lesson.final
    assert session.progress.lesson(identifier)["begun"]
    assert [key for key, record in session.progress.read()["exercises"].items() if record.get("passed")] == []
    assert session.begin(identifier) is False, "the lesson would start again"
    session.catch_up(identifier)


@pytest.mark.lesson("04")
def test_after_lesson_04_the_image_is_in_ecr(running: Home, tmp_path: Path, lab: Lab) -> None:
    """From the command line, in an empty folder."""
    answer = command("04", "--home", str(running.path), "--work", str(tmp_path / "mine"))
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("Lesson 04: the state after it is ready (“pushed”, ")
    assert "Open 04-first-push-1.ipynb" in answer.stdout
    assert "Traceback" not in answer.stderr
    assert (tmp_path / "mine" / "04-first-push" / "my-web-app" / "Dockerfile").is_file()
    assert lab.client("ecr").list_images(repositoryName="my-web-app")["imageIds"][0]["imageTag"] == "1.1"


def test_reset_takes_away_what_else_a_lesson_made(running: Home, session: Session) -> None:
    iam = session.lab.client("iam")
    session.catch_up("06")
    assert "deployer" in {role["RoleName"] for role in iam.list_roles()["Roles"]}
    answer = command("06", "--home", str(running.path), name="reset")
    assert (answer.returncode, answer.stdout) == (0, "Lesson 06: what it made in the lab is removed.\n"), answer.stderr
    assert "deployer" not in {role["RoleName"] for role in iam.list_roles()["Roles"]}
    answer = command("99", "--home", str(running.path), name="reset")
    assert answer.returncode == 1
    assert "There is no lesson '99'" in answer.stderr


def test_a_lab_s_files_go_where_its_notebook_is(running: Home, tmp_path: Path) -> None:
    answer = command("lab-01", "--home", str(running.path), "--work", str(tmp_path / "mine"))
    assert answer.returncode == 0, answer.stderr
    assert "Open labs/01-ship-my-web-app.ipynb" in answer.stdout
    assert (tmp_path / "mine" / "labs" / "01-ship-my-web-app" / "my-web-app-1.2" / "Dockerfile").is_file()


def test_what_cannot_be_done_is_one_sentence(running: Home, tmp_path: Path) -> None:
    folder = ["--work", str(tmp_path / "mine")]
    for words, says in (
        (["99", "--home", str(running.path)], "There is no lesson '99'. The lessons are: 00, "),
        (["04", "--home", str(tmp_path / "nothing"), *folder], "is not running"),
    ):
        answer = command(*words)
        assert answer.returncode == 1
        assert says in answer.stderr
        assert len(answer.stderr.strip().splitlines()) == 1, answer.stderr


def test_labs_lie_below_the_learner_s_folder_and_follow_like_lessons(tmp_path: Path) -> None:
    root, target, home = tmp_path / "checkout", tmp_path / "work", Home(tmp_path / "home").make()
    for name in ("notebooks/00.ipynb", "labs/01.ipynb", "labs/app/Dockerfile"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("one")
    assert work_folder.copy_course(root, target, home).new == ("00.ipynb", "labs/01.ipynb", "labs/app/Dockerfile")
    (target / "labs" / "app" / "Dockerfile").write_text("mine")
    (root / "labs" / "app" / "Dockerfile").write_text("two")
    (root / "labs" / "01.ipynb").write_text("two")
    copied = work_folder.copy_course(root, target, home)
    assert copied == work_folder.Copied((), ("labs/01.ipynb",), ("labs/app/Dockerfile",))
    assert (target / "labs" / "app" / "Dockerfile").read_text() == "mine"


def test_strict_asks_for_nothing_that_this_machine_cannot_do(running: Home, tmp_path: Path) -> None:
    """Without an engine milestone 3 of lab 01 cannot be passed; milestone 1 can."""
    if os.environ.get("ECRLAB_ENGINE") != "none":
        pytest.skip("this lab has an engine")
    for identifier, code in (("lab-01-m3", 0), ("lab-01-m1", 1)):
        script = (
            "from IPython.core.interactiveshell import InteractiveShell\n"
            "shell = InteractiveShell()\n"
            "cells = ['%load_ext ecrlab_course', 'lab.goto(\"lab-01\", \"fresh\")', "
            f"'lab.check(\"{identifier}\")']\n"
            "results = [shell.run_cell(cell) for cell in cells]\n"
            "raise SystemExit(0 if results[-1].success else 1)"
        )
        environ = {**os.environ, "ECRLAB_HOME": str(running.path), "ECRLAB_STRICT": "1", "IPYTHONDIR": str(tmp_path)}
        answer = subprocess.run(
            [sys.executable, "-c", script], env=environ, cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert answer.returncode == code, answer.stdout + answer.stderr
        assert f"{identifier} · untouched" in answer.stdout
