"""`make install` on machines as people have them: Windows' line ends, blanks in paths, a moved folder.

The virtual environment is a real one; what pip would fetch is this environment's, so that nothing is downloaded.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PIP = f"""import sys, sysconfig
from pathlib import Path
place = Path(sysconfig.get_path("purelib"))
if "--editable" in sys.argv:
    (place / "course.pth").write_text(str(Path.cwd() / "src"))
else:
    (place / "packages.pth").write_text({sysconfig.get_path("purelib")!r})
"""


def run(folder: Path, *command: str, **extra: str) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "MAKE"))}
    return subprocess.run(
        command, cwd=folder, env={**environ, **extra}, capture_output=True, text=True, check=False, timeout=60
    )


@pytest.fixture
def python(tmp_path: Path) -> str:
    """A command that is Python, but for virtual environments: in these, pip is one that downloads nothing."""
    real = shlex.quote(getattr(sys, "_base_executable", sys.executable))
    (tmp_path / "pip.py").write_text(PIP)
    command = tmp_path / "python-without-net"
    command.write_text(
        f"""#!/bin/sh
set -e
[ "$1 $2" = "-m venv" ] || exec {real} "$@"
{real} -m venv --without-pip "$3"
cd "$3"/lib/python3*/site-packages && cp {shlex.quote(str(tmp_path / "pip.py"))} .
"""
    )
    command.chmod(0o755)
    return str(command)


@pytest.fixture(scope="module")
def committed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with the tracked files as they are now."""
    listed = run(ROOT, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    folder = tmp_path_factory.mktemp("committed") / "repository"
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    for command in ("init -q", "add .", "-c user.name=t -c user.email=t@example.com commit -qm all"):
        assert run(folder, "git", *command.split()).returncode == 0
    return folder


@pytest.fixture
def checkout(committed: Path, tmp_path: Path) -> Path:
    """A clone of it, as Linux and macOS make one."""
    assert run(tmp_path, "git", "clone", "-q", str(committed), "checkout").returncode == 0
    return tmp_path / "checkout"


def install(folder: Path, python: str) -> str:
    answer = run(folder, "make", "install", f"PYTHON={python}")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def commands_run(folder: Path, **extra: str) -> None:
    said_by = {"aws": "aws-cli/", "ecrlab": "ecrlab, version", "ecrlab_course": "Usage: ", "pytest": "pytest "}
    for name, said in said_by.items():
        answer = run(folder, f".venv/bin/{name}", "--help" if name == "ecrlab_course" else "--version", **extra)
        assert answer.stdout.startswith(said), answer


def test_a_clone_by_git_for_windows_installs(committed: Path, tmp_path: Path, python: str) -> None:
    clone = run(tmp_path, "git", "clone", "-q", "-c", "core.autocrlf=true", str(committed), "clone")
    assert clone.returncode == 0, clone.stderr
    with_crlf = [
        line for line in run(tmp_path / "clone", "git", "ls-files", "--eol").stdout.split("\n") if "w/crlf" in line
    ]
    # Lesson 01's script came by mail from Windows; that it did is the exercise.
    assert [line for line in with_crlf if not line.endswith("/start/start.sh")] == []
    install(tmp_path / "clone", python)
    commands_run(tmp_path / "clone")


@pytest.mark.parametrize(
    "name", ['Anna\'s "first" `touch oops` R&D; #1 (100%) \\ [x] {y} ~', "Übungen, 講座, " + "long-" * 40]
)
def test_a_path_with_blanks_quotes_and_what_a_shell_reads(
    checkout: Path, tmp_path: Path, python: str, name: str
) -> None:
    folder = checkout.rename(tmp_path / name)
    install(folder, python)
    for locale in ("C.UTF-8", "C"):
        commands_run(folder, LC_ALL=locale)
        assert "Installing" not in install(folder, python)
    assert not list(folder.rglob("oops"))


@pytest.mark.parametrize("name", ["a:b", "costs $HOME"])
def test_a_path_with_which_python_or_aws_cannot_work_is_refused(
    checkout: Path, tmp_path: Path, python: str, name: str
) -> None:
    answer = run(checkout.rename(tmp_path / name), "make", "install", f"PYTHON={python}")
    assert answer.returncode != 0
    assert f"holds ':' or '$', with which Python or aws cannot work: {tmp_path / name}\n" in answer.stderr
    assert "python3-venv" not in answer.stderr


def test_a_checkout_that_was_moved_or_copied_is_made_again(checkout: Path, tmp_path: Path, python: str) -> None:
    assert "making it again" not in install(checkout, python)
    assert install(checkout, python).count("Installing") == 0, "what fits is left as it is"
    copy = tmp_path / "copy"
    shutil.copytree(checkout, copy, symlinks=True)
    moved = checkout.rename(tmp_path / "moved")
    for folder in (copy, moved):
        said = install(folder, python)
        assert ".venv was made in another folder or for a Python that is gone" in said
        assert "making it again" in said
        commands_run(folder)
        assert str(folder) in run(folder, ".venv/bin/python", "-c", "import ecrlab; print(ecrlab.__file__)").stdout


@pytest.mark.parametrize("how", ["gone", "another minor version"])
def test_a_python_that_was_upgraded_away_is_made_again(checkout: Path, python: str, how: str) -> None:
    install(checkout, python)
    if how == "gone":
        for link in (checkout / ".venv" / "bin").glob("python*"):
            link.unlink()
            link.symlink_to("/nowhere/python")
    else:
        library = next((checkout / ".venv" / "lib").glob("python3*"))
        library.rename(library.with_name("python3.1"))
    assert "making it again" in install(checkout, python)
    commands_run(checkout)


def test_pythonpath_does_not_shadow_what_the_commands_use(checkout: Path, tmp_path: Path, python: str) -> None:
    install(checkout, python)
    for name in ("click", "ecrlab", "ecrlab_course", "awscli", "botocore", "rich", "json", "docker", "_pytest"):
        (tmp_path / "mine" / name).mkdir(parents=True)
        (tmp_path / "mine" / name / "__init__.py").write_text("raise SystemExit(f'{__name__} is shadowed')\n")
    commands_run(checkout, PYTHONPATH=str(tmp_path / "mine"))


@pytest.mark.parametrize(
    ("said", "carried_out"),
    [
        ("PORT=", "start  "),
        ("PORT=8899", "start --port '8899' "),
        ("PORT=80 90", "start --port '80 90' "),
        ("PORT=it's; ls", "start --port 'it'\\''s; ls' "),
        ("LAB_PORT=x", "start  --lab-port 'x'"),
    ],
)
def test_a_port_is_one_argument_and_an_empty_one_none(said: str, carried_out: str) -> None:
    answer = run(ROOT, "make", "-n", "start", said, PORT="1234")
    assert answer.stdout.splitlines()[-1] == f".venv/bin/ecrlab_course {carried_out}"


@pytest.mark.parametrize(
    ("name", "seen"),
    [
        ("work/nope.ipynb", "There is no notebook 'work/nope.ipynb'."),
        ("", "There is no notebook ''."),
        ("docs", "There is no notebook 'docs'."),
        ('a "b" $(touch oops).ipynb', "There is no notebook"),
        ("README.md", "'README.md' is not a notebook: its name does not end in .ipynb."),
    ],
)
def test_validate_says_what_is_not_a_notebook(name: str, seen: str) -> None:
    answer = run(ROOT, "scripts/validate.sh", name)
    assert answer.returncode == 2
    assert answer.stderr.startswith(seen)
    assert answer.stderr.endswith("Say which: make validate NOTEBOOK=work/00-start-here.ipynb\n")
    made = run(ROOT, "make", "-n", "validate", f"NOTEBOOK={name.replace('$', '$$')}")
    assert made.stdout.splitlines()[-1] == f"scripts/validate.sh '{name}'"
