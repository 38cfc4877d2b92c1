"""A class offline: the bundle installs where no address but this machine's own answers, and the course runs."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
pytestmark = [pytest.mark.soak, pytest.mark.timeout(1200)]

NO_NET = """
import socket
try:
    socket.create_connection(("192.0.2.1", 443), 3)
except OSError as error:
    print(error.errno)
"""


def clean() -> dict[str, str]:
    """Return the environment without this checkout's own folders and without any package index."""
    return {
        key: value
        for key, value in os.environ.items()
        if not key.startswith(("ECRLAB", "PIP_", "AWS_", "PYTHON", "VIRTUAL_ENV", "JUPYTER"))
    }


def offline(folder: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a network namespace that has nothing but loopback."""
    return subprocess.run(
        ["unshare", "--net", "sh", "-ec", f"ip link set lo up\n{script}"],
        cwd=folder, env=clean(), capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of what is committed, unpacked."""
    if os.geteuid() != 0 or not shutil.which("unshare") or not shutil.which("ip"):
        pytest.skip("a network namespace needs root, unshare and ip")
    folder = tmp_path_factory.mktemp("bundle")
    environ = {**os.environ, "ENGINE": "1" if shutil.which("apt-cache") else ""}
    subprocess.run([ROOT / "scripts" / "bundle.sh", sys.executable, str(folder)], check=True, env=environ)
    (made,) = folder.glob("ecrlab-*.tar")
    print(f"{made.name}: {made.stat().st_size / 1e6:.0f} MB")
    with tarfile.open(made) as archive:
        archive.extractall(folder, filter="data")
    made.unlink()
    return folder / made.stem


def test_it_installs_and_a_notebook_runs_offline(bundle: Path, tmp_path: Path) -> None:
    assert (
        offline(tmp_path, f"{sys.executable} -c {shlex.quote(NO_NET)}").stdout.strip() == "101"
    )  # network is unreachable
    python = getattr(sys, "_base_executable", sys.executable)
    installed = offline(tmp_path, f"PYTHON={python} {bundle}/install.sh course")
    assert installed.returncode == 0, installed.stdout + installed.stderr
    assert "Ready. Begin with: cd course && make start" in installed.stdout
    ran = offline(
        tmp_path / "course",
        ".venv/bin/python -c 'import ecrlab, ecrlab_course.notebook.extension, jupyterlab'\n"
        "ECRLAB_ENGINE=none .venv/bin/ecrlab_course build --execute 00\n"
        "make --no-print-directory --dry-run start",
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "running solutions/00-start-here.ipynb" in ran.stdout
    # `make start` has nothing to install.
    assert ran.stdout.strip().splitlines()[-1] == ".venv/bin/ecrlab_course start"


def test_a_damaged_bundle_is_refused(bundle: Path, tmp_path: Path) -> None:
    readme = bundle / "course" / "README.md"
    whole = readme.read_bytes()
    try:
        readme.write_bytes(whole[:-1])
        answer = offline(tmp_path, f"{bundle}/install.sh course")
    finally:
        readme.write_bytes(whole)
    assert answer.returncode == 1
    assert "The bundle is damaged" in answer.stderr
    assert "course/README.md" in answer.stderr
    assert not (tmp_path / "course").exists()


def test_another_python_is_refused(bundle: Path, tmp_path: Path) -> None:
    kind = bundle / "made-for"
    right = kind.read_text()
    try:
        kind.write_text("cp310-macosx-arm64\n")
        answer = offline(tmp_path, f"{bundle}/install.sh course")
    finally:
        kind.write_text(right)
    assert answer.returncode == 1
    assert "This bundle was made for cp310-macosx-arm64" in answer.stderr
    assert not (tmp_path / "course").exists()


def test_a_folder_of_something_else_is_left_alone(bundle: Path, tmp_path: Path) -> None:
    (tmp_path / "course").mkdir()
    (tmp_path / "course" / "letters.txt").write_text("mine")
    answer = offline(tmp_path, f"{bundle}/install.sh course")
    assert answer.returncode == 1
    assert "is not a checkout of the course" in answer.stderr
    assert [path.name for path in (tmp_path / "course").iterdir()] == ["letters.txt"]


def test_the_engine_s_packages_are_enough_for_a_machine_without_one(bundle: Path, tmp_path: Path) -> None:
    """apt's own plan, offline: what would be installed, from the bundle alone. Nothing is installed."""
    if not (bundle / "engine").is_dir():
        pytest.skip("the bundle has no engine: this is not Debian or Ubuntu")
    without = ("docker.io", "containerd", "runc", "tini", "busybox-static")
    blocks = Path("/var/lib/dpkg/status").read_text().split("\n\n")
    kept = [block for block in blocks if not block.startswith(tuple(f"Package: {name}\n" for name in without))]
    (tmp_path / "status").write_text("\n\n".join(kept))
    answer = offline(tmp_path, f"{bundle}/install-engine.sh --simulate -o Dir::State::status={tmp_path}/status")
    assert answer.returncode == 0, answer.stdout + answer.stderr
    planned = {line.split()[1] for line in answer.stdout.splitlines() if line.startswith("Inst ")}
    assert set(without) <= planned
    assert "libc6" not in planned
