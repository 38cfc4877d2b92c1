"""A page in a real IPython: its place, its summary, its buttons, and what its first cell notices when it is back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ecrlab.home import Home
from ecrlab_course.authoring.content import course
from ecrlab_course.learner.session import Session
from ecrlab_course.progress import Progress
from ecrlab_course.toolbox.lab import Lab

from .test_notebook import Kernel, kernel

__all__ = ["kernel"]
FIRST = '%load_ext ecrlab_course\nlab.lesson("{lesson}", page={page})'


def first(kernel: Kernel, lesson: str, page: int = 1) -> str:
    return kernel.works(FIRST.format(lesson=lesson, page=page))


def repositories(kernel: Kernel) -> list[str]:
    answer = kernel.shell.user_ns["ecr"].describe_repositories()
    return sorted(item["repositoryName"] for item in answer["repositories"])


def button(kernel: Kernel, call: str) -> None:
    """Press the button of the card that a call shows, as a click does where no event loop runs."""
    made = []
    lab = kernel.shell.user_ns["lab"]
    module = sys.modules["ecrlab_course.notebook.lab"]
    offer = module.OfferCard
    try:
        module.OfferCard = lambda *words: made.append(offer(*words)) or made[-1]  # type: ignore[func-returns-value]
        kernel.works(call)
    finally:
        module.OfferCard = offer
    assert lab is kernel.shell.user_ns["lab"]
    said: list[str] = []
    made[0]._said.observe(lambda change: said.append(change["new"]), "value")
    made[0]._button.click()
    assert "Running…" in said[0], "a click is answered before anything is built"


def test_a_second_page_begins_with_its_half_s_checkpoint(kernel: Kernel) -> None:
    kernel.works('lab.reset("04")')
    assert "its starting state is ready" in first(kernel, "04", 2)
    assert "my-web-app" in repositories(kernel)
    assert "begun before" in first(kernel, "04", 1)
    assert Path.cwd().name == "04-first-push"
    assert "Lesson 04 has 2 pages; there is no page 3." in kernel.fails('lab.lesson("04", page=3)')


def test_nothing_is_built_or_removed_by_running_a_button_s_cell(kernel: Kernel) -> None:
    first(kernel, "04")
    kernel.works('lab.goto("04", "fresh")')
    text = kernel.works('lab.start_here("04", "repository")')
    assert 'To start from here: lab.goto("04", "repository")' in text
    assert "my-web-app" not in repositories(kernel)
    button(kernel, 'lab.start_here("04", "repository")')
    assert "my-web-app" in repositories(kernel)
    assert 'To do it: lab.reset("04")' in kernel.works('lab.offer_reset("04")')
    assert "my-web-app" in repositories(kernel)
    button(kernel, 'lab.offer_reset("04")')
    assert "my-web-app" not in repositories(kernel)
    assert "Its checkpoints are: fresh," in kernel.fails('lab.start_here("04", "nowhere")')


def test_the_first_cell_names_what_another_page_changed(kernel: Kernel, running: Home, tmp_path: Path) -> None:
    first(kernel, "04", 2)
    kernel.works('lab.goto("04", "pushed")')
    assert "left as you left it" in first(kernel, "04", 2)
    other = Session(Lab(running), Progress(running.progress), course(), tmp_path)
    other.goto("06", "roles")
    other.lab.clear("my-web-app")
    other.lab.clock.advance(hours=3)
    other.lab.sh('docker logout "$REGISTRY"')
    iam = other.lab.client("iam")
    statement = '{"Effect": "Allow", "Action": "ecr:ListImages", "Resource": "*"}'
    document = f'{{"Version": "2012-10-17", "Statement": [{statement}]}}'
    iam.put_user_policy(UserName="ci", PolicyName="new", PolicyDocument=document)
    text = first(kernel, "04", 2)
    for words in (
        "Lesson 06 was used",
        "without my-web-app",
        "other permissions of",
        "docker is logged out",
        "3 h ahead",
    ):
        assert words in text, text
    assert 'lab.goto("04", "pushed")' in text, "the button stands under it"
    assert "the lab has changed" in first(kernel, "04", 2), "said until it is built again"
    kernel.works('lab.goto("04", "pushed")')
    assert "left as you left it" in first(kernel, "04", 2)
    kernel.shell.user_ns["lab"].clock.reset()


def test_what_the_page_itself_does_changes_nothing_and_a_reset_is_one(kernel: Kernel) -> None:
    first(kernel, "04")
    kernel.works('lab.goto("04", "repository")')
    kernel.works("%%bash\naws ecr create-repository --repository-name mine --query repository.repositoryName")
    assert "left as you left it" in first(kernel, "04")
    kernel.works('lab.reset("04")')
    assert "without my-web-app" in first(kernel, "04")
    kernel.shell.user_ns["ecr"].delete_repository(repositoryName="mine")


def test_a_page_s_summary_says_what_is_open_and_fails_when_strict(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "Run the first code cell of the page" in kernel.fails("lab.check()")
    first(kernel, "00")
    kernel.works('lab.goto("00", "pushed")')
    kernel.works('lab.answer("00-e2", "d")')
    text = kernel.works("lab.check()")
    assert "1 of 5 exercises of this page are passed." in text
    assert "✓ 00-e2 · Read an X-ray: when does an image get its name?: passed" in text
    assert "○ 00-e5 · choose: open" in text, "what it is about would give it away"
    assert "Go on with 01-containers-1.ipynb." in text
    monkeypatch.setenv("ECRLAB_STRICT", "1")
    assert "4 of 5 not passed: 00-e1, 00-e3, 00-e4, 00-e5" in kernel.fails("lab.check()")


def test_verify_in_a_terminal_says_what_the_card_says(kernel: Kernel, tmp_path: Path) -> None:
    first(kernel, "00")
    kernel.works('lab.goto("00", "pushed")')
    kernel.works('lab.answer("00-e2", "d")')

    def verify(what: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "ecrlab_course.cli", "verify", what]
        folder = tmp_path / "00-start-here"
        return subprocess.run(command, cwd=folder, env=dict(os.environ), capture_output=True, text=True, check=False)

    passed, untouched, lesson, nothing = (verify(what) for what in ("00-e2", "00-e4", "00", "00-e99"))
    assert (passed.returncode, untouched.returncode, lesson.returncode, nothing.returncode) == (0, 1, 1, 1)
    assert passed.stdout == kernel.works('lab.check("00-e2")')
    assert untouched.stdout == kernel.works('lab.check("00-e4")')
    assert "1 of 5 exercises of Lesson 00 are passed." in lesson.stdout
    assert "There is no exercise '00-e99'." in nothing.stderr
    Progress(Path(os.environ["ECRLAB_HOME"]) / "progress.json").update("00-e4", passed="2026-11-01T12:00:00+00:00")
    kept = verify("00-e4")
    assert (kept.returncode, "passed" in kept.stdout) == (0, True), kept.stdout
