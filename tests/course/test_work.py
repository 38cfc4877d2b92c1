"""work/ belongs to the learner: what was edited is never overwritten, whatever happens to the lab."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from ecrlab.home import Home
from ecrlab.host import launch
from ecrlab_course.authoring.content import course
from ecrlab_course.learner import work_folder
from ecrlab_course.publish import build
from ecrlab_course.start import free_port


def digests(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_new_comes_in_unedited_follows_edited_stays(tmp_path: Path) -> None:
    source, target, home = tmp_path / "notebooks", tmp_path / "work", Home(tmp_path / "home").make()
    (source / "hello").mkdir(parents=True)
    (source / "00.ipynb").write_text("one")
    (source / "04.ipynb").write_text("four")
    (source / "hello" / "index.html").write_text("hello")
    assert work_folder.copy(source, target, home).new == ("00.ipynb", "04.ipynb", "hello/index.html")
    (target / "04.ipynb").write_text("mine")
    (target / "own.txt").write_text("own")
    (source / "00.ipynb").write_text("one, better")
    (source / "04.ipynb").write_text("four, better")
    (source / "own.txt").write_text("theirs")
    copied = work_folder.copy(source, target, home)
    assert copied.updated == ("00.ipynb",)
    assert copied.kept == ("04.ipynb", "own.txt")
    assert (target / "00.ipynb").read_text() == "one, better"
    assert (target / "04.ipynb").read_text() == "mine"
    assert (target / "own.txt").read_text() == "own"
    assert work_folder.copy(source, target, home).updated == ()


def test_without_its_memory_nothing_is_overwritten(tmp_path: Path) -> None:
    source, target, home = tmp_path / "notebooks", tmp_path / "work", Home(tmp_path / "home").make()
    source.mkdir()
    (source / "00.ipynb").write_text("one")
    work_folder.copy(source, target, home)
    (home.path / "copied.json").unlink()
    (source / "00.ipynb").write_text("one, better")
    assert work_folder.copy(source, target, home).kept == ("00.ipynb",)
    assert (target / "00.ipynb").read_text() == "one"


def test_kill_9_while_copying_leaves_whole_files(tmp_path: Path) -> None:
    source, target, home = tmp_path / "notebooks", tmp_path / "work", Home(tmp_path / "home").make()
    source.mkdir()
    for number in range(60):
        (source / f"{number:02}.ipynb").write_bytes(os.urandom(200_000))
    target.mkdir()
    (target / "mine.ipynb").write_text("mine")
    script = (
        "import sys\nfrom pathlib import Path\nfrom ecrlab.home import Home\n"
        "from ecrlab_course.learner import work_folder\n"
        "work_folder.copy(Path(sys.argv[1]), Path(sys.argv[2]), Home(Path(sys.argv[3])))"
    )
    child = subprocess.Popen([sys.executable, "-c", script, str(source), str(target), str(home.path)])
    until = time.monotonic() + 20
    while not (target / "02.ipynb").exists() and time.monotonic() < until:
        time.sleep(0.001)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    for path in target.glob("[0-9]*.ipynb"):
        assert path.read_bytes() == (source / path.name).read_bytes()
    work_folder.copy(source, target, home)
    assert {name for name in digests(target) if not name.startswith(".")} == {*digests(source), "mine.ipynb"}
    assert (target / "mine.ipynb").read_text() == "mine"


def test_no_byte_changes_by_build_reset_kill_9_and_restart(tmp_path: Path) -> None:
    the_course, home, target = course(), Home(tmp_path / "home"), tmp_path / "work"
    os.environ.setdefault("ECRLAB_ENGINE", "none")
    try:
        launch.start(home, port=free_port(5680))
        work_folder.copy(the_course.root / "notebooks", target, home)
        edited = target / "00-start-here.ipynb"
        edited.write_text(edited.read_text().replace("Start here", "My notes: start here"))
        (target / "00-start-here" / "hello" / "index.html").write_text("mine")
        (target / "own").mkdir()
        (target / "own" / "notes.md").write_text("my notes")
        before = digests(target)
        build.build(the_course, check=True)
        work_folder.copy(the_course.root / "notebooks", target, home)
        environ = {**os.environ, "ECRLAB_HOME": str(home.path)}
        subprocess.run(
            [sys.executable, "-m", "ecrlab_course.cli", "reset", "00"], check=True, cwd=target, env=environ,
            capture_output=True,
        )  # fmt: skip
        server = launch.server_process(home)
        assert server is not None
        os.kill(server.pid, signal.SIGKILL)
        launch.start(home)
        work_folder.copy(the_course.root / "notebooks", target, home)
        assert digests(target) == before
    finally:
        launch.stop(home)


def test_what_machines_leave_beside_the_sources_is_nobody_s_file(tmp_path: Path) -> None:
    """Where Python writes bytecode, a lesson's folder holds its caches; a Mac adds .DS_Store."""
    lesson = course().sources["04"]
    rubbish = ("__pycache__/desk.cpython-311.pyc", ".ipynb_checkpoints/desk-checkpoint.py", ".DS_Store", "desk.pyc")
    shutil.copytree(course().root / "content", tmp_path / "content", ignore=shutil.ignore_patterns("__pycache__"))
    theirs = course(tmp_path).sources["04"]
    source = theirs.folder
    for folder in (source / "files", source / "files" / "my-web-app", source / "images"):
        for name in rubbish:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(b"\xff\x00made by a machine")
    made = build._made(course(tmp_path), theirs, False, print, None)
    before = build._made(course(), lesson, False, print, None)
    assert {path.relative_to(tmp_path) for path in made} == {path.relative_to(course().root) for path in before}
    for copied in (
        work_folder.copy(source / "files", tmp_path / "work", Home(tmp_path / "home").make()).new,
        [path.name for path in work_folder.copy_missing(source / "files", tmp_path / "missing")],
    ):
        assert "desk.py" in copied
        assert not [name for name in copied if "pyc" in name or "checkpoint" in name or "DS_Store" in name]


def test_a_checkout_that_was_moved_still_knows_what_nobody_edited(tmp_path: Path) -> None:
    source, before, after = tmp_path / "notebooks", tmp_path / "before", tmp_path / "after"
    source.mkdir()
    (source / "00.ipynb").write_text("one")
    work_folder.copy(source, before / "work", Home(before / ".ecrlab").make())
    before.rename(after)
    (source / "00.ipynb").write_text("one, better")
    assert work_folder.copy(source, after / "work", Home(after / ".ecrlab")).updated == ("00.ipynb",)
