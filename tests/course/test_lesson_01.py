"""Lesson 01: what is read of a start script and how its container really ends are the same."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from ecrlab.home import Home
from ecrlab_course.authoring.content import Course

from .conftest import PATH, furnished

pytestmark = pytest.mark.lesson("01")
GOOD = "#!/bin/sh\ncd /www\nexec httpd -f -p 8080\n"
DOCKERFILE = 'FROM ecrlab/base:1\nCOPY www/ /www/\nCOPY start.sh /start.sh\nCMD ["/start.sh"]\n'
CASES = {
    "serves": (GOOD, 0o755, DOCKERFILE, {""}),
    "in the shell's hands": (GOOD.replace("exec ", ""), 0o755, DOCKERFILE.replace('["/start.sh"]', "/start.sh"), {""}),
    "may not be executed": (GOOD, 0o644, DOCKERFILE, {"not-executable"}),
    "made executable": (GOOD, 0o644, DOCKERFILE.replace("CMD", "RUN chmod 755 /start.sh\nCMD"), {""}),
    "Windows": (GOOD.replace("\n", "\r\n"), 0o755, DOCKERFILE, {"first-returns", "unknown-word"}),
    "Windows, fixed by sed": (
        GOOD.replace("\n", "\r\n"),
        0o755,
        DOCKERFILE.replace("CMD", "RUN sed -i 's/\\r//' /start.sh\nCMD"),
        {""},
    ),
    "in the background": (GOOD.replace("exec httpd -f", "httpd"), 0o755, DOCKERFILE, {"in-the-background"}),
    "kept alive": ("#!/bin/sh\nhttpd -p 8080 -h /www\nsleep 1000\n", 0o755, DOCKERFILE, {""}),
    "no such file": (GOOD, 0o755, DOCKERFILE.replace('["/start', '["/strat'), {"no-such-file"}),
    "not built": (GOOD, 0o755, DOCKERFILE.replace("COPY start.sh", "COPY begin.sh"), {"no-build"}),
    "another port": (GOOD.replace("8080", "80"), 0o755, DOCKERFILE, {"other-port", "no-server"}),
}


@pytest.fixture(scope="module")
def trying(reading: Any) -> Any:
    """The lesson's module start_tried."""
    assert reading
    return sys.modules["ecrlab_lessons_01_containers.start_tried"]


@pytest.fixture(scope="module")
def reading(the_course: Course) -> Any:
    """The lesson's module start_script."""
    assert "01" in the_course.lessons
    return sys.modules["ecrlab_lessons_01_containers.start_script"]


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", CASES)
def test_it_ends_as_it_is_read(
    name: str,
    running_with_engine: Home,
    tmp_path: Path,
    the_course: Course,
    reading: Any,
    trying: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", PATH)
    lab = furnished(running_with_engine, tmp_path, the_course)
    assert lab.folder is not None
    lab.folder = next(lab.folder.glob("01-*"))
    folder = lab.folder / "start"
    script, mode, dockerfile, faults = CASES[name]
    (folder / "start.sh").write_bytes(script.encode())
    (folder / "start.sh").chmod(mode)
    (folder / "Dockerfile").write_text(dockerfile)
    read, real = reading.read(folder), trying.tried(lab)
    assert {read.fault, real.fault} <= faults
    assert (read.fault == "") == (real.fault == "")
    assert lab.sh("docker ps -aq -f name=ecrlab-start-check")[1] == ""


@pytest.mark.timeout(180)
def test_what_the_learner_made_is_left_alone(
    running_with_engine: Home, tmp_path: Path, the_course: Course, reading: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", PATH)
    state = sys.modules[reading.__name__.replace("start_script", "state")]
    lab = furnished(running_with_engine, tmp_path, the_course)
    assert lab.folder is not None
    lab.folder = next(lab.folder.glob("01-*"))
    state.fresh(lab)
    state.made(
        lab,
        """mkdir mine; cp harbour/hello mine/; printf 'FROM scratch\\nCOPY hello /\\nLABEL by=me\\n' > mine/Dockerfile
        docker build -q -t mine:1 mine; docker create --name web1 mine:1 /hello
        docker create --name web2 my-web-app:1.0
        docker run --rm -v closing:/mine ecrlab/base:1 touch /mine/a-file""",
    )
    with pytest.raises(RuntimeError, match="docker rename web1"):
        state.fresh(lab)
    state.undo(lab)
    names = "docker ps -a --format '{{.Names}}'"
    assert lab.sh(names)[1].split() == ["web1"]
    assert lab.sh("docker volume ls -q")[1].split() == ["closing"]
    state.made(lab, "docker rm web1; docker rmi mine:1; docker volume rm closing")
    state.web1(lab)
    state.made(
        lab,
        """docker build -q -t another:1 my-web-app; docker run -d --name board -v closing:/www another:1
        docker run --rm -v harbour-notes:/www my-web-app:1.0 true; docker create --name start -v /www another:1""",
    )
    state.undo(lab)
    assert lab.sh(names + "; docker volume ls -q")[1].split() == []
    state.made(lab, "docker rmi another:1")


def test_whether_the_engine_limits_memory_is_what_a_container_reads(
    running_with_engine: Home, tmp_path: Path, the_course: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", PATH)
    lab = furnished(running_with_engine, tmp_path, the_course)
    before = list(lab.transcripts)
    assert lab.limits_memory
    assert list(lab.transcripts) == before
    for said, limits in (("limit\n9223372036854771712\n", False), ("limit\n", False), ("", True)):
        monkeypatch.setattr("ecrlab_course.toolbox.lab.shell.run", lambda *_, said=said, **__: (0, said))
        del lab.limits_memory
        assert lab.limits_memory is limits
