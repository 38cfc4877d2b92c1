"""`pip install .`: what is built holds the local cloud alone, and that runs with its own dependencies."""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import subprocess
import sys
import sysconfig
import urllib.request
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution as pip builds it, outside the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    course = folder / "checkout"
    course.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, course)
    shutil.copytree(ROOT / "src", course / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        folder,
        course,
    ]
    subprocess.run(command, check=True)
    (made,) = folder.glob("*.whl")
    return made


def dependencies(name: str, found: set[str]) -> set[str]:
    """Every distribution that one needs without its extras, itself left out."""
    for line in importlib.metadata.requires(name) or []:
        needed = Requirement(line)
        name = canonicalize_name(needed.name)
        if name not in found and (needed.marker is None or needed.marker.evaluate({"extra": ""})):
            found.add(name)
            dependencies(name, found)
    return found


@pytest.fixture(scope="module")
def clean(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The commands of a virtual environment with the wheel and what it needs, which is taken from this environment."""
    folder = tmp_path_factory.mktemp("clean") / "venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index", wheel]
    subprocess.run(command, check=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)}))
    for name in dependencies("ecrlab", set()):
        tops = {file.parts[0] for file in importlib.metadata.files(name) or [] if file.parts[0] != ".."}
        for top in tops - {"__pycache__"}:
            (packages / top).symlink_to(Path(sysconfig.get_path("purelib")) / top)
    return folder / "bin"


def run(*command: object) -> subprocess.CompletedProcess[str]:
    environ = {"PATH": os.environ["PATH"]}
    return subprocess.run([str(part) for part in command], env=environ, capture_output=True, text=True, check=False)


def test_it_holds_the_local_cloud_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0].split("-")[0] for name in names} == {"ecrlab"}
    tracked = {str(path.relative_to(ROOT / "src")) for path in (ROOT / "src" / "ecrlab").rglob("*.*") if path.is_file()}
    assert {name for name in tracked if "__pycache__" not in name} <= set(names)


def test_the_course_is_not_there_and_no_command_of_it(clean: Path) -> None:
    assert not (clean / "ecrlab_course").exists()
    answer = run(clean / "python", "-I", "-c", "import ecrlab_course")
    assert "ModuleNotFoundError: No module named 'ecrlab_course'" in answer.stderr


def test_it_serves_without_the_course_s_packages(clean: Path, tmp_path: Path) -> None:
    assert run(clean / "python", "-I", "-c", "import IPython").returncode != 0
    assert run(clean / "ecrlab", "--version").stdout.startswith("ecrlab, version ")
    command = [clean / "ecrlab", "serve", "--home", tmp_path / "home", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"PATH": os.environ["PATH"]}) as server:
        try:
            assert server.stdout is not None
            address = server.stdout.readline().split("listens at ")[1].split(" ")[0]
            with urllib.request.urlopen(f"{address}/health", timeout=5) as answer:
                assert answer.status == 200
            found = run(clean / "ecrlab", "credentials", "--home", tmp_path / "home")
            assert f"AWS_ENDPOINT_URL={address}\n" in found.stdout
        finally:
            server.terminate()
    assert server.returncode == 0


def test_what_a_build_leaves_is_ignored() -> None:
    if run("git", "-C", ROOT, "rev-parse").returncode != 0:
        pytest.skip("not a git checkout")
    assert run("git", "-C", ROOT, "check-ignore", "build/lib/ecrlab").returncode == 0
