"""A full disk, folders of another user, a folder that cannot be written to: a sentence each, with what helps."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import urllib.error
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecrlab.client import LabClient, LabError, LabNotRunning
from ecrlab.environment import apply, environment
from ecrlab.home import Home
from ecrlab.host import launch
from ecrlab.host.doctor import examine
from ecrlab.trouble import is_about_files, sentence

SOMEBODY = 12345
# As root, but for what lets root into everybody's folders.
AS_A_USER = ("setpriv", "--bounding-set=-dac_override,-dac_read_search,-fowner,-chown")


@pytest.fixture(autouse=True)
def no_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ECRLAB_ENGINE", "none")
    monkeypatch.setenv("ECRLAB_NO_BROWSER", "1")


def ran(home: Home, *command: str, prefix: tuple[str, ...] = ()) -> str:
    """Run a command of the environment's on the home and return what it said; it must not fail by a traceback."""
    program = [*prefix, str(Path(sys.prefix) / "bin" / command[0]), *command[1:]]
    answer = subprocess.run(
        program, env={**os.environ, "ECRLAB_HOME": str(home.path)}, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert "Traceback" not in answer.stdout
    assert "[Errno" not in answer.stdout
    return answer.stdout


# A full disk ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 24 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode != 0:
        pytest.skip("no disk can be mounted here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> None:
    with contextlib.suppress(OSError), (folder / "fill").open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))


def test_starts_on_a_full_disk_say_so(small_disk: Path) -> None:
    home = Home(small_disk / ".ecrlab")
    fill(small_disk)
    for command in (("ecrlab", "start"), ("ecrlab", "serve"), ("ecrlab_course", "start")):
        said = ran(home, *command, *(("--work", str(small_disk / "work")) if command[0] == "ecrlab_course" else ()))
        assert f"There is no room left on the disk of {small_disk}" in said
        assert "Make room there, then try again" in said
    assert launch.server_process(home) is None


def test_a_lab_whose_disk_fills_up_says_so_and_goes_on(small_disk: Path) -> None:
    home = Home(small_disk / ".ecrlab")
    launch.start(home)
    try:
        fill(small_disk)
        shell = apply(environment(home))
        for command in (
            ["ecrlab", "clock", "+1h"],
            ["ecrlab", "reset", "--yes"],
            ["aws", "ecr", "create-repository", "--repository-name", "new"],
            ["docker", "login", "-u", "x", "-p", "y", shell["REGISTRY"].split("/")[0]],
        ):
            where = {**os.environ, **shell}
            answer = subprocess.run(command, env=where, capture_output=True, text=True, check=False, timeout=60)
            assert answer.returncode != 0
            if command[0] != "docker":
                assert "no room left" in answer.stderr, command
            assert "Traceback" not in answer.stderr
            assert "[Errno" not in answer.stderr
        assert LabClient(home).status()["pid"], "it runs on"
        assert next(each for each in examine(home) if each.part == "home").state == "fails"
        (small_disk / "fill").unlink()
        assert LabClient(home).advance(60)["offset_seconds"] >= 60
    finally:
        (small_disk / "fill").unlink(missing_ok=True)
        launch.stop(home)


def test_a_check_on_a_full_disk_is_not_about_a_silent_lab(small_disk: Path) -> None:
    failure = pytest.importorskip("ecrlab_course.failure")
    for error in (
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded", str(small_disk / "work" / "x")),
    ):
        assert failure.reason(error).startswith("There is no room left on the disk of ")
        assert "does not answer" not in failure.reason(error)
    refused = urllib.error.URLError(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"))
    assert "The lab does not answer" in failure.reason(refused)
    assert "[Errno" not in failure.reason(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"))


# Folders of somebody else ---------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home in which the lab ran once."""
    home = Home(tmp_path_factory.mktemp("used") / ".ecrlab")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECRLAB_ENGINE", "none")
        launch.start(home)
        launch.stop(home)
    return home.path


@pytest.fixture
def another_s(used: Path, tmp_path: Path) -> Home:
    """A home that somebody else made, closed to others, as after one `sudo make start`."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        pytest.skip("needs root, to give a folder away, and setpriv")
    home = Home(shutil.copytree(used, tmp_path / ".ecrlab", symlinks=True))
    give(home.path)
    return home


def give(path: Path, to: int = SOMEBODY) -> None:
    for each in (path, *path.rglob("*")):
        os.chown(each, to, to, follow_symlinks=False)


@pytest.mark.parametrize(
    "command",
    ["start", "stop", "serve", "status", "env", "reset --yes", "clock", "tree", "trace", "whoami",
     "can ci ecr:PutImage x", "quota list", "region us-east-1 off"],
)  # fmt: skip
def test_every_command_names_whose_the_folders_are_and_what_helps(another_s: Home, command: str) -> None:
    said = ran(another_s, "ecrlab", *command.split(), prefix=AS_A_USER)
    assert f"belongs to another user (number {SOMEBODY})" in said
    assert f'sudo chown -R "$USER" {another_s.path}\n' in said
    assert "not running" not in said


def test_so_do_the_course_s_and_its_checks(another_s: Home, tmp_path: Path) -> None:
    pytest.importorskip("ecrlab_course")
    for command in (f"start --work {tmp_path / 'work'}", "reset 04", "catch-up 04", "drill --list"):
        said = ran(another_s, "ecrlab_course", *command.split(), prefix=AS_A_USER)
        assert f'sudo chown -R "$USER" {another_s.path}' in said, command
    program = """
import pathlib
from ecrlab.home import Home
from ecrlab_course.authoring.content import course
from ecrlab_course.learner.session import Session
from ecrlab_course.toolbox.lab import Lab
from ecrlab_course.progress import Progress
home = Home.find()
print(Session(Lab(home, pathlib.Path(".")), Progress(home.progress), course()).check("00-e1").message)
"""
    said = ran(another_s, "python", "-c", program, prefix=AS_A_USER)
    assert "cannot be used: it belongs to another user" in said
    assert "does not answer" not in said
    assert "not running" not in said


def test_doctor_says_it_of_the_home_and_does_not_call_the_lab_stopped(another_s: Home) -> None:
    said = ran(another_s, "ecrlab", "doctor", prefix=AS_A_USER)
    assert re.search(rf'fails  home .* belongs to .*\n.*fix: sudo chown -R "\$USER" {another_s.path}\n', said)
    assert re.search(r"not tried  server ", said)


@pytest.mark.parametrize(
    "one", ["lab", "run", "run/lock", "lab/store.sqlite3", "lab/blobs", "lab/uploads", "lab/aws/config"]
)
def test_one_thing_of_somebody_else_in_the_home_is_found_at_the_start(another_s: Home, one: str) -> None:
    """As when an ordinary user's home was used once with sudo: what that start made is root's."""
    give(another_s.path, os.geteuid())
    os.chown(another_s.path / one, SOMEBODY, SOMEBODY)
    (another_s.path / one).chmod(0o700 if (another_s.path / one).is_dir() else 0o600)
    said = ran(another_s, "ecrlab", "start", prefix=AS_A_USER)
    assert said.startswith(f"The lab could not be started: {another_s.path / one} cannot be used: it belongs to")
    assert f'sudo chown -R "$USER" {another_s.path}\n' in said
    assert launch.server_process(another_s) is None


def test_a_folder_work_that_cannot_be_written_to(another_s: Home, tmp_path: Path) -> None:
    pytest.importorskip("ecrlab_course")
    give(another_s.path, os.geteuid())
    work = tmp_path / "work"
    (work / "00-start-here").mkdir(parents=True)
    for wrong in (work, work / "00-start-here"):
        give(work, os.geteuid())
        give(wrong)
        said = ran(another_s, "ecrlab_course", "start", "--work", str(work), prefix=AS_A_USER)
        assert said.startswith(str(wrong))
        assert " cannot be used: it belongs to another user" in said.splitlines()[0]
        assert f'To change that: sudo chown -R "$USER" {work}\n' in said
    give(work, os.geteuid())
    work.chmod(0o500)
    said = ran(another_s, "ecrlab_course", "start", "--work", str(work), prefix=AS_A_USER)
    assert f"{work} cannot be used: its mode does not allow it. To change that: chmod -R u+rwX {work}\n" in said


# The words ------------------------------------------------------------------------------------------------------------


def test_the_words() -> None:
    readonly = OSError(errno.EROFS, "Read-only file system", "/x")
    assert sentence(readonly).startswith("/x is on a disk that can only be read. ")
    assert sentence(OSError(errno.EFBIG, "File too large", "/x")) == "File too large: /x."
    assert not is_about_files(ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"))
    assert not is_about_files(TimeoutError())
    assert is_about_files(FileNotFoundError(errno.ENOENT, "No such file", "bash"))


def test_a_lab_that_does_not_run_is_said_without_a_number(tmp_path: Path) -> None:
    home = Home(tmp_path).make()
    with pytest.raises(LabNotRunning, match="no control file"):
        LabClient(home).status()
    home.control.write_text('{"port": 1, "secret": "x", "pid": 1}')
    with pytest.raises(LabError) as caught:
        LabClient(home).status()
    assert "[Errno" not in str(caught.value)
    assert "port 1: Connection refused" in str(caught.value)


def test_a_lab_that_takes_long_is_not_said_to_be_stopped(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.control.parent.mkdir(parents=True)
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        home.control.write_text(json.dumps({"port": deaf.getsockname()[1], "secret": "s"}), encoding="utf-8")
        client = LabClient(home)
        with pytest.raises(LabError, match=r"not answered GET /_ecrlab/tree for 0\.2 seconds.*ecrlab status") as slow:
            client._call("GET", "/_ecrlab/tree?x=1", timeout=0.2)
        assert not isinstance(slow.value, LabNotRunning)
        with pytest.raises(LabNotRunning, match="timed out"):
            client.status(timeout=0.2)
