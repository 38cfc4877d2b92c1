"""`%load_ext ecrlab_course` in a real IPython: magics, paragraphs in place of tracebacks, and what cells show."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from ecrlab import doctor, launch
from ecrlab.home import Home
from ecrlab_course.authoring.content import course
from ecrlab_course.notebook import extension
from ecrlab_course.publish import build
from ecrlab_course.toolbox.lab import Lab


class Kernel:
    """A shell that runs cells and keeps what they printed and showed."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell

    def run(self, cell: str) -> tuple[bool, str]:
        """Run a cell; return whether it worked, and its text: printed, then shown, then the error's paragraph."""
        with capture_output() as caught:
            result = self.shell.run_cell(cell)
        shown = "".join(f"{output.data['text/plain']}\n" for output in caught.outputs)
        return result.success, caught.stdout + shown + caught.stderr

    def works(self, cell: str) -> str:
        worked, text = self.run(cell)
        assert worked, text
        return text

    def fails(self, cell: str) -> str:
        worked, text = self.run(cell)
        assert not worked, text
        assert "Traceback" not in text
        return text


@pytest.fixture
def kernel(running: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    before = dict(os.environ)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("ECRLAB_STRICT", raising=False)
    os.environ["ECRLAB_HOME"] = str(running.path)
    for kept in running.progress.parent.glob("progress.json*"):  # its copy too: it is taken up when the file is gone
        kept.unlink()
    shell = InteractiveShell()
    made = Kernel(shell)
    made.works("%load_ext ecrlab_course")
    yield made
    for name in ("pre_run_cell", "post_run_cell"):
        for hook in list(shell.events.callbacks[name]):
            shell.events.unregister(name, hook)
    shell.history_manager.end_session()
    InteractiveShell.clear_instance()
    os.environ.clear()
    os.environ.update(before)


def test_status_line(kernel: Kernel) -> None:
    text = kernel.works("%load_ext ecrlab_course")
    line = next(line for line in text.splitlines() if line.startswith("ECR Lab ready"))
    assert " · account 123456789012 · us-east-1 · you are admin · " in line
    assert line.endswith(" · not AWS")
    kernel.works("lab.clock.advance(hours=12, minutes=1)")
    assert "clock +12 h 1 min" in kernel.works("lab.status()")
    assert "real time again" in str(kernel.shell.user_ns["lab"].clock.reset())


def test_foreign_variables_are_cleared_and_named(kernel: Kernel) -> None:
    os.environ["AWS_SESSION_TOKEN"] = "from somewhere else"
    os.environ["AWS_ENDPOINT_URL_ECR"] = "https://elsewhere.invalid"
    text = kernel.works("%load_ext ecrlab_course")
    assert "AWS_ENDPOINT_URL_ECR, AWS_SESSION_TOKEN" in text
    assert "AWS_SESSION_TOKEN" not in os.environ


def test_an_aws_that_would_reach_the_real_one_is_refused(kernel: Kernel, tmp_path: Path) -> None:
    old = tmp_path / "bin" / "aws"
    old.parent.mkdir()
    old.write_text("#!/bin/sh\necho aws-cli/1.22.34 Python/3.9\n")
    old.chmod(0o755)
    lab_path = extension.environment

    def first_in_path(*arguments: Any) -> dict[str, str | None]:
        changes = lab_path(*arguments)
        return {**changes, "PATH": f"{old.parent}:{changes['PATH']}"}

    extension.environment = first_in_path  # type: ignore[assignment]
    try:
        text = kernel.fails("%load_ext ecrlab_course")
    finally:
        extension.environment = lab_path
    assert "real AWS" in text
    assert "1.22.34" in text


def test_clients_speak_to_the_lab(kernel: Kernel) -> None:
    assert "user/admin" in kernel.works("print(sts.get_caller_identity()['Arn'])")
    text = kernel.fails("ecr.describe_images(repositoryName='nothing-here')")
    assert "RepositoryNotFoundException" in text
    assert len(text.strip().splitlines()) == 1


def test_bash(kernel: Kernel) -> None:
    assert kernel.works("%%bash\necho one\necho two >&2") == "one\ntwo\n"
    text = kernel.fails("%%bash\nfalse | cat\necho after")
    assert "exit code 1" in text
    assert "after" not in text
    assert "A variable has no value" in kernel.fails('%%bash\necho "$NOTHING_HERE"')
    assert "did not find the program" in kernel.fails("%%bash\nno-such-program-here")


def test_bash_fails_wants_a_failure_that_says_the_text(kernel: Kernel) -> None:
    assert kernel.works("%%bash --fails 'no such thing'\necho no such thing; exit 3") == "no such thing\n"
    assert "every command in it worked" in kernel.fails("%%bash --fails 'no such thing'\necho no such thing")
    assert "for another reason" in kernel.fails("%%bash --fails 'no such thing'\necho other; exit 1")


def test_bash_as_somebody(kernel: Kernel) -> None:
    text = kernel.works("%%bash --as ops\naws sts get-caller-identity --query Arn --output text; echo $DOCKER_CONFIG")
    assert "user/ops" in text
    assert text.strip().endswith("/docker/ops")
    assert "There is nobody called 'root'" in kernel.fails("%%bash --as root\ntrue")
    assert "does not know '--at'" in kernel.fails("%%bash --at ops\ntrue")
    assert "wants a word after it" in kernel.fails("%%bash --as\ntrue")


def test_every_magic_that_notebooks_use_is_registered_by_the_course(kernel: Kernel) -> None:
    used = set()
    for source in course().lessons.values():
        for kind in ("notebooks", "solutions"):
            for cell in build.notebook(source, kind).cells:
                if cell.cell_type == "code" and cell.source.startswith("%%"):
                    used.add(cell.source.split()[0][2:])
    assert used <= set(extension.MAGICS)
    for name in extension.MAGICS:
        assert kernel.shell.find_cell_magic(name).__self__ is kernel.shell.user_ns["lab"]


def test_loaded_twice_marks_cells_once(kernel: Kernel) -> None:
    kernel.works("%load_ext ecrlab_course")
    hooks = [hook for hook in kernel.shell.events.callbacks["pre_run_cell"] if "cell_begins" in str(hook)]
    assert len(hooks) == 1


def test_what_a_learner_gets_wrong_is_one_paragraph(kernel: Kernel) -> None:
    for call, says in {
        'lab.check("99-e1")': "There is no exercise '99-e1'",
        'lab.lesson("99")': "There is no lesson '99'",
        'lab.answer("00-e2", "z")': "wants one of the keys a, b, c, d",
        'lab.answer("00-e3", digits="1")': "wants values for its fields: digest",
        'lab.answer("00-e4", "a")': "looks at the lab itself",
        'lab.answer("00-e1", "a", confidence=9)': "confidence is 1",
        'lab.goto("00", "nowhere")': "has no checkpoint 'nowhere'",
        'lab.picture("00", "none.svg")': "has no picture none.svg",
        "lab.clock.advance(hours=-1)": "only moves forward",
    }.items():
        text = kernel.fails(call)
        assert says in text, call
        assert len(text.strip().splitlines()) == 1, call


def test_a_guess_is_compared_when_the_cell_has_run(kernel: Kernel) -> None:
    kernel.works('lab.lesson("00")\nlab.goto("00", "fresh")\nlab.reset("00-e1")')
    kernel.works('lab.exercise("00-e1")')
    assert "guess is kept" in kernel.works('lab.answer("00-e1", "b", confidence=3)')
    lab = kernel.shell.user_ns["lab"]
    said = lab._cards["00-e1"]._said
    assert "not yet" not in said.value
    kernel.works(
        "import os\necr.create_repository(repositoryName='hello')\n_ = lab.push('hello', '1', os.urandom(200_000))"
    )
    assert "not yet" in said.value
    assert "You were certain" in said.value
    text = kernel.works('lab.check("00-e1")')
    assert text.startswith("✗ 00-e1 · not yet")
    assert "You had guessed otherwise first" in kernel.works('lab.answer("00-e1", "a", confidence=2)')
    record = lab.session.record("00-e1")
    assert record["first"] == "not yet"
    assert record["first_answer"] == "b"


def test_strict_raises_and_ordinary_does_not(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel.works('lab.lesson("00")\nlab.reset("00-e2")')
    assert kernel.works('lab.check("00-e2")').startswith("○ 00-e2 · untouched")
    monkeypatch.setenv("ECRLAB_STRICT", "1")
    assert "asks for passed" in kernel.fails('lab.check("00-e2")')
    kernel.works('lab.answer("00-e2", "d")\nlab.check("00-e2")')
    kernel.works('lab.check("00-g1")')


def test_xray_shows_the_cell_before_when_this_one_asked_nothing(kernel: Kernel) -> None:
    kernel.works('lab.lesson("00")\nlab.goto("00", "fresh")')
    kernel.works("_ = ecr.describe_repositories()")
    text = kernel.works("lab.xray()")
    assert "DescribeRepositories" in text
    assert "GetCallerIdentity" not in text
    both = kernel.works("_ = sts.get_caller_identity()\nlab.xray(cells=3)")
    assert "DescribeRepositories" in both
    assert "GetCallerIdentity" in both


def test_checks_leave_no_trace_in_the_xray(kernel: Kernel) -> None:
    kernel.works('lab.lesson("00")\nlab.goto("00", "pushed")')
    kernel.works("_ = sts.get_caller_identity()")
    text = kernel.works('lab.check("00-e4")\nlab.hint("00-e4")\nlab.xray()')
    assert "DescribeImages" not in text


def test_reset_of_a_lesson_names_what_it_removed(kernel: Kernel) -> None:
    kernel.works('lab.lesson("00")\nlab.goto("00", "pushed")')
    text = kernel.works('lab.reset("00")')
    assert text.startswith("Removed: hello. Left in your registry: ")
    assert "Removed: nothing." in kernel.works('lab.reset("00")')


def test_reset_of_a_lesson_takes_away_roles_and_rights_in_another_account_too(kernel: Kernel) -> None:
    kernel.works('lab.lesson("06")\nlab.goto("06", "roles")')
    state = (
        'theirs = lab.client("iam", "partner")\n'
        'print([role["RoleName"] for role in iam.list_roles()["Roles"]], '
        'theirs.list_user_policies(UserName="partner")["PolicyNames"])'
    )
    assert kernel.works(state).strip() == "['deployer'] ['pull', 'runs-its-own-house']"
    kernel.works('lab.reset("06")')
    assert kernel.works(state).strip() == "[] []"


def test_files_of_a_lesson_come_beside_the_notebook_and_are_never_overwritten(kernel: Kernel, tmp_path: Path) -> None:
    kernel.works('lab.lesson("00")')
    page = tmp_path / "hello" / "index.html"
    assert page.exists()
    page.write_text("mine")
    kernel.works('lab.lesson("00")')
    assert page.read_text() == "mine"


def test_map_and_resume(kernel: Kernel) -> None:
    text = kernel.works("lab.map()")
    assert "Start here" in text
    assert "01  Containers: not written yet" in text
    assert "Go on with 00-e1" in kernel.works("lab.resume()")


def test_health_is_what_the_doctor_says(kernel: Kernel) -> None:
    text = kernel.works("lab.health()")
    assert "aws command" in text
    assert "You can start" in text


def test_a_lab_that_cannot_start_is_one_paragraph(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(*_arguments: object) -> None:
        raise launch.LaunchError("Port 4510 is used by another program.")

    monkeypatch.setattr(launch, "start", refuses)
    text = kernel.fails("%load_ext ecrlab_course")
    assert "The lab could not be started. Port 4510 is used by another program." in text


def test_an_interrupt_ends_the_cell_in_one_paragraph(kernel: Kernel) -> None:
    threading.Timer(1.0, os.kill, (os.getpid(), signal.SIGINT)).start()
    text = kernel.fails("%%bash\necho begun\nsleep 30\necho after")
    assert text.startswith("begun")
    assert "Interrupted" in text
    assert "after" not in text


def test_the_doctor_s_pushes_are_not_in_the_learner_s_xray(running_with_engine: Home, tmp_path: Path) -> None:
    """The home page looks at this computer by itself, while the first cells run."""
    lab = Lab(running_with_engine, tmp_path)
    mark = lab.last()
    tried = next(one for one in doctor.examine(running_with_engine) if one.part == doctor.REACHES)
    assert tried.state == "ok", tried
    seen = [row for row in lab.control.xray(after=mark)["rows"] if row["client"] == "docker"]
    assert seen, "the engine did not push"
    assert lab.rows(mark) == []
