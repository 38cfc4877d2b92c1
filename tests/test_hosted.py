"""What runs elsewhere without anybody typing: the dev container's start, and Binder's steps as an ordinary user."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NOBODY = 65534
EXECUTE = """
import nbclient, nbformat, sys
book = nbformat.read(sys.argv[1], as_version=4)
where = {"metadata": {"path": "notebooks"}}
nbclient.NotebookClient(book, timeout=60, kernel_name="python3", resources=where).execute()
print(next(output.data["text/plain"] for cell in book.cells for output in cell.get("outputs", []) if "data" in output))
"""


def command(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.mark.parametrize(
    ("make", "code", "says"),
    [
        ('echo $$ > pid; printf "    http://localhost:8888/lab\\nCtrl-C here stops it all.\\n"; sleep 60', 0, "8888"),
        ('echo "There is no python3 on this machine."; exit 1', 1, "There is no python3 on this machine."),
    ],
)  # fmt: skip
def test_a_dev_container_starts_the_course_as_readme_says(tmp_path: Path, make: str, code: int, says: str) -> None:
    container = json.loads((ROOT / ".devcontainer" / "devcontainer.json").read_text())
    assert container["postStartCommand"] == ".devcontainer/start.sh"
    (tmp_path / ".devcontainer").mkdir()
    shutil.copy(ROOT / container["postStartCommand"], tmp_path / ".devcontainer")
    command(tmp_path, "make", f'echo "$@" > asked; {make}')
    command(tmp_path, "docker", "exit 0")
    environ = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    answer = subprocess.run(
        [tmp_path / container["postStartCommand"]],
        cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    if (tmp_path / "pid").exists():
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGTERM)
    assert answer.returncode == code
    assert says in answer.stdout + answer.stderr
    assert (tmp_path / "asked").read_text().split()[-1] == "start"


@pytest.fixture
def binder() -> Iterator[Path]:
    """A checkout and an environment of an ordinary user's own, with this environment's packages in reach."""
    packages = sysconfig.get_path("purelib")
    python = shutil.which("python3", path="/usr/bin:/usr/local/bin")
    if os.geteuid() != 0 or not shutil.which("setpriv") or python is None:
        pytest.skip("becoming an ordinary user needs root, setpriv and a python3 of the system")
    version = subprocess.run([python, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True)
    folder = Path(tempfile.mkdtemp(prefix="ecrlab-binder-", dir="/tmp"))
    try:
        folder.chmod(0o755)
        os.chown(folder, NOBODY, NOBODY)
        if version.stdout.split() != [str(part) for part in sys.version_info[:2]]:
            pytest.skip(f"{python} is another Python than the one that these packages are for")
        if as_nobody(folder, f"test -r {shlex.quote(packages)}/nbclient/__init__.py").returncode != 0:
            pytest.skip("an ordinary user may not read this environment")
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
        if listed.returncode != 0:
            pytest.skip("not a git checkout")
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (folder / "checkout" / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, folder / "checkout" / name)
        subprocess.run(["chown", "-R", f"{NOBODY}:{NOBODY}", folder], check=True)
        made = as_nobody(
            folder,
            f"{python} -m venv --without-pip env && echo {shlex.quote(packages)} > "
            "$(env/bin/python -c 'import sysconfig; print(sysconfig.get_path(\"purelib\"))')/packages.pth",
        )
        assert made.returncode == 0, made.stderr
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def as_nobody(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    environ = {"HOME": str(folder), "PATH": f"{folder}/env/bin:/usr/bin:/bin", "TMPDIR": str(folder)}
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]
    return subprocess.run(
        [*user, "sh", "-ec", script], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=150
    )


@pytest.mark.timeout(240)
def test_binder_s_steps_as_an_ordinary_user(binder: Path) -> None:
    assert (ROOT / "binder" / "requirements.txt").read_text() == "-r ../requirements.txt\n"
    built = as_nobody(binder, "cd checkout && binder/postBuild")
    assert built.returncode == 0, built.stdout + built.stderr
    try:
        ran = as_nobody(
            binder,
            f"cd checkout && binder/start python -c {shlex.quote(EXECUTE)} notebooks/00-start-here.ipynb",
        )
    finally:
        as_nobody(binder, "cd checkout && ecrlab stop")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "no engine" in ran.stdout
