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

from ecrlab.home import Home
from ecrlab.host import doctor, launch
from ecrlab_course.authoring.content import course
from ecrlab_course.documents.code import module_of, package_of
from ecrlab_course.drills.schedule import confident_misses
from ecrlab_course.messages import say
from ecrlab_course.notebook import extension
from ecrlab_course.notebook.declared import Declared
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
    assert kernel.works("%%bash --fails 'no such thing'\necho no such thing; exit 3").startswith("no such thing\n✓")
    assert "every command in it worked" in kernel.fails("%%bash --fails 'no such thing'\necho no such thing")
    assert "for another reason" in kernel.fails("%%bash --fails 'no such thing'\necho other; exit 1")


PULL = '%%bash\ndocker pull "$REGISTRY/hello:3"'
"""A cell of lesson 00 that is declared to stop, with a text that is read when it has."""


@pytest.fixture
def pushed(kernel: Kernel) -> Kernel:
    """The kernel, with the state of lesson 00 in which that cell stops as declared."""
    kernel.works('lab.lesson("00")\nlab.goto("00", "pushed")')
    return kernel


def test_a_cell_of_the_course_stops_as_declared_and_is_read_once(pushed: Kernel) -> None:
    for cell in (PULL, PULL + "\n", PULL.replace("\n", "\r\n")):
        text = pushed.works(cell)
        refusal, line, reading = (
            text.index("manifest unknown: Requested image not found"),
            text.index("✓ stopped, as this page expected"),
            text.index("Three questions to ask of any error"),
        )
        assert refusal < line < text.index("engine by engine") < reading, text
        assert text.count("Three questions to ask of any error") == 1


def test_an_edited_cell_is_an_ordinary_cell(pushed: Kernel) -> None:
    text = pushed.fails(PULL.replace("hello:3", "hello:4"))
    assert "manifest unknown" in text
    assert "exit code 1), and the cell stopped there" in text
    assert "Three questions" not in text
    assert "as this page expected" not in text


def test_a_cell_that_ends_otherwise_than_declared_says_so_and_is_not_read(pushed: Kernel) -> None:
    lab = pushed.shell.user_ns["lab"]
    lab.push("hello", "3")
    text = pushed.fails(PULL)
    assert "was expected to fail and to say “manifest" in text
    assert "Three questions" not in text
    lab.clear("hello")
    text = pushed.fails(PULL)
    assert "as it should, but for another reason" in text
    assert "Three questions" not in text


def test_a_strict_run_has_no_reader(pushed: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECRLAB_STRICT", "1")
    text = pushed.works(PULL)
    assert "as this page expected" in text
    assert "Three questions" not in text


def test_what_a_cell_says_itself_comes_before_what_is_declared_of_it(kernel: Kernel) -> None:
    assert "expected to fail and to say “x”" in kernel.fails("%%bash --as ops --fails x\ntrue")
    text = kernel.works("%%bash --fails 'no such' --as ops\naws sts get-caller-identity; echo no such; exit 3")
    assert "user/ops" in text
    assert text.endswith("✓ stopped, as this page expected\n")


def declare(kernel: Kernel, monkeypatch: pytest.MonkeyPatch, cell: str, **what: str) -> str:
    """Let the course declare that of the cell."""
    lab = kernel.shell.user_ns["lab"]
    found = Declared(**what)
    monkeypatch.setattr(lab._declarations, "of", lambda text, page: found if text == cell else Declared())
    return cell


def test_what_the_hub_refuses_is_its_sentence_and_no_traceback(kernel: Kernel) -> None:
    text = kernel.fails('lab.hub.api("PATCH", "/v2/repositories/learner/none", {"is_private": True}, user="learner")')
    assert text.startswith("HubError: 404: "), text


def test_what_was_pushed_before_the_card_was_shown_is_not_a_try_at_it(kernel: Kernel) -> None:
    kernel.works('lab.lesson("08")\nlab.goto("08", "stored")')
    kernel.works('ecr.create_repository(repositoryName="elsewhere")\n_ = lab.push("elsewhere", "latest", b"x")')
    kernel.works('lab.exercise("08-e3")')
    assert kernel.works('lab.check("08-e3")').startswith("○ 08-e3 · untouched")
    kernel.works('_ = lab.push("elsewhere", "latest", b"y")')
    assert "`elsewhere`" in kernel.works('lab.check("08-e3")')
    kernel.works('ecr.delete_repository(repositoryName="elsewhere", force=True)')


def test_a_python_cell_stops_as_declared(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    words = "RepositoryNotFoundException"
    cell = 'print("before")\necr.describe_images(repositoryName="none")\nprint("after")'
    text = kernel.works(declare(kernel, monkeypatch, cell, fails=words, reading="Read *me*."))
    assert text.startswith("before\nRepositoryNotFoundException: An error occurred (RepositoryNotFoundException)")
    assert text.endswith("✓ stopped, as this page expected\nRead *me*.\n")
    assert "after" not in text
    kernel.works("1 + 1")
    text = kernel.fails(declare(kernel, monkeypatch, "1 / 0", fails=words))
    assert "ZeroDivisionError: division by zero" in text
    assert "for another reason: it was expected to say “RepositoryNotFoundException”" in text
    text = kernel.fails(declare(kernel, monkeypatch, "found = 1 + 1", fails=words))
    assert "but every statement in it worked" in text
    assert kernel.shell.user_ns["found"] == 2
    assert "division by zero" in kernel.run("1 / 0 ")[1]


def test_a_cell_that_works_is_read_too(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = declare(kernel, monkeypatch, "%%bash\necho one", reading="**How to read it**")
    assert kernel.works(cell) == "one\n**How to read it**\n"
    assert "How to read it" not in kernel.fails(declare(kernel, monkeypatch, "%%bash\nfalse", reading="How to read it"))


def test_where_a_computer_lacks_what_a_cell_needs_its_recording_is_shown(
    kernel: Kernel, monkeypatch: pytest.MonkeyPatch
) -> None:
    what = {"needs": "engine", "recorded": "one line\n", "where": "Docker 1.2, today"}
    cell = declare(kernel, monkeypatch, "%%bash\ntouch it-ran; docker run --rm image", reading="**Read it.**", **what)
    text = kernel.works(cell)
    assert "one line\n" in text
    assert say("recording.title") in text
    assert "(Docker 1.2, today)" in text
    assert "Read it." in text
    assert not Path("it-ran").exists()
    assert extension._loaded["lab"].transcripts[-1].output == "one line\n"
    assert "one line" not in kernel.run(f"{cell}  # edited")[1]

    python = declare(kernel, monkeypatch, "ran = True\n1 / 0", fails="division", **what)
    text = kernel.works(python)
    assert "one line\n" in text
    assert say("cell.stopped") in text
    assert kernel.shell.user_ns.get("ran") is None
    assert extension._loaded["lab"].transcripts[-1].expected


def test_loaded_twice_a_cell_is_read_once(pushed: Kernel) -> None:
    pushed.works("%load_ext ecrlab_course")
    pushed.works('lab.lesson("00")')
    assert pushed.works(PULL).count("Three questions") == 1
    assert len(pushed.shell.ast_transformers) == 1


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
    assert 'lab.answer("00-e1", "b", confidence=2) adds it' in kernel.works('lab.answer("00-e1", "b")')
    kept = kernel.works('lab.answer("00-e1", "b", confidence=3)')
    assert "guess is kept" in kept
    assert "adds it" not in kept
    lab = kernel.shell.user_ns["lab"]
    said = lab._cards["00-e1"]._said
    assert "not yet" not in said.value
    kernel.works(
        "import os\necr.create_repository(repositoryName='hello')\n_ = lab.push('hello', '1', os.urandom(200_000))"
    )
    assert "compared" in said.value
    assert "ecr-told" in said.value
    assert "You were certain" in said.value
    text = kernel.works('lab.check("00-e1")')
    assert text.startswith("≠ 00-e1 · compared\nYou expected: aws. What happened: docker. Noted for your drills.")
    assert "so your first one stays" in kernel.works('lab.answer("00-e1", "a", confidence=2)')
    assert "so your first one stays" not in kernel.works('lab.answer("00-e1", "b", confidence=2)')
    assert "≠ 00-e1 · compared" in kernel.works('lab.check("00-e1")')
    record = lab.session.record("00-e1")
    assert record["first"] == "compared"
    assert (record["answer"], record["first_answer"], record["first_confidence"]) == ("b", "b", 3)
    assert [(miss.exercise, miss.misconception) for miss in confident_misses({"00-e1": record})] == [
        ("00-e1", "aws-carries-images")
    ]


def test_a_card_that_is_settled_shows_the_guess_that_stands(kernel: Kernel) -> None:
    kernel.works('lab.lesson("00")\nlab.goto("00", "fresh")\nlab.reset("00-e1")\nlab.exercise("00-e1")')
    kernel.works('lab.answer("00-e1", "b", confidence=1)')
    lab = kernel.shell.user_ns["lab"]
    state_of("00").run_the_cell(lab)
    kernel.works("None")
    card = lab._cards["00-e1"]
    assert "compared" in card._head.value
    card._inputs._choice.value, card._inputs._sure.value = "a", 3
    next(iter(card._buttons.values())).click()
    assert "so your first one stays" in card._said.value
    assert (card._inputs._choice.value, card._inputs._sure.value) == ("b", 1)
    assert "Noted in your progress" in card._said.value
    kernel.works('lab.reset("00-e1")')
    assert (card._head.value.count("compared"), card._head.value.count("untouched")) == (1, 0)
    kernel.works('lab.answer("00-e1", "a", confidence=2)')
    state_of("00").run_the_cell(lab)
    text = kernel.works('lab.check("00-e1")')
    assert text.startswith("✓ 00-e1 · passed")
    assert "You had guessed otherwise first" in text


def test_a_prediction_made_after_its_run_does_not_count(kernel: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel.works('lab.lesson("00")\nlab.goto("00", "fresh")\nlab.reset("00-e1")\nlab.exercise("00-e1")')
    lab = kernel.shell.user_ns["lab"]
    decides = "import os\necr.create_repository(repositoryName='hello')\n_ = lab.push('hello', '1', os.urandom(9000))"
    kernel.works(decides)
    assert "late" not in lab.session.record("00-e1"), "another cell decides nothing"
    monkeypatch.setattr(lab._declarations, "decided_by", lambda text: {"00-e1"} if text == decides else set())
    kernel.works("lab.clear('hello')")
    kernel.works(decides)
    assert "ran before you had made a guess" in lab._cards["00-e1"]._said.value
    text = kernel.works('lab.answer("00-e1", "a", confidence=3)')
    assert text.startswith("○ 00-e1 · untouched")
    assert 'lab.reset("00-e1")' in text
    assert "answer" not in lab.session.record("00-e1")
    monkeypatch.setenv("ECRLAB_STRICT", "1")
    assert "asks for passed" in kernel.fails('lab.check("00-e1")')
    kernel.works('lab.reset("00-e1")\nlab.clear("hello")')
    kernel.works('lab.answer("00-e1", "b", confidence=1)')
    kernel.works(decides)
    assert "compared" in kernel.works('lab.check("00-e1")'), "made before its run, it counts, whatever was guessed"


def state_of(lesson: str) -> Any:
    """Return the lesson's state.py."""
    source = course().lessons[lesson]
    return module_of(package_of(source.folder), source.folder / "state.py")


def test_a_kept_guess_is_not_called_untouched(kernel: Kernel) -> None:
    kernel.works('lab.lesson("00")\nlab.goto("00", "fresh")\nlab.reset("00-e1")')
    said = kernel.works('lab.answer("00-e1", "a", confidence=2)')
    assert said.startswith(f"00-e1 · {say('card.kept')}")
    assert "untouched" not in said + kernel.works('lab.check("00-e1")')


def test_a_cell_that_failed_as_the_page_expected_counts_for_nothing(kernel: Kernel) -> None:
    kernel.works('lab.lesson("00")')
    kernel.works("%%bash --fails 'No such file'\nls nowhere")
    lab = kernel.shell.user_ns["lab"]
    assert lab.transcripts[-1].expected
    kernel.fails("%%bash\nls nowhere")
    assert not lab.transcripts[-1].expected


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
        'print([role["RoleName"] for role in iam.list_roles()["Roles"] if role["RoleName"] == "deployer"], '
        'theirs.list_user_policies(UserName="partner")["PolicyNames"])'
    )
    assert kernel.works(state).strip() == "['deployer'] ['pull', 'runs-its-own-house']"
    kernel.works('lab.reset("06")')
    assert kernel.works(state).strip() == "[] []"


def test_files_of_a_lesson_come_into_its_folder_and_are_never_overwritten(kernel: Kernel, tmp_path: Path) -> None:
    kernel.works('lab.lesson("00")')
    page = tmp_path / "00-start-here" / "hello" / "index.html"
    assert page.exists()
    page.write_text("mine")
    kernel.works('%load_ext ecrlab_course\nlab.lesson("00")')
    assert page.read_text() == "mine"
    assert "index.html" in kernel.works("%%bash\nls hello"), "cells run there"
    assert "mine" in kernel.works('from pathlib import Path\nprint(Path("hello/index.html").read_text())'), (
        "Python's, too"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["00-start-here"], "nothing else lies beside the notebooks"
    kernel.works('%load_ext ecrlab_course\nlab.lesson("lab-01")')
    assert (tmp_path / "labs" / "01-ship-my-web-app" / "my-web-app-1.2" / "Dockerfile").is_file()


def test_map_and_resume(kernel: Kernel) -> None:
    text = kernel.works("lab.map()")
    assert "Start here" in text
    assert "10  Interview: not begun" in text
    assert "Go on with Lesson 00, Start here: 00-start-here.ipynb." in kernel.works("lab.resume()")


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
