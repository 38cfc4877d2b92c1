"""The repository as a whole: files that must agree with each other."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

import ecrlab

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src"


def test_the_local_cloud_works_without_the_course_s_packages() -> None:
    """Import every module of ecrlab in a Python where nothing but its own dependencies can be imported."""
    files = [path for path in sorted((SOURCE / "ecrlab").rglob("*.py")) if path.name != "__main__.py"]
    modules = [".".join(path.relative_to(SOURCE).with_suffix("").parts).removesuffix(".__init__") for path in files]
    project = toml("pyproject.toml")["project"]
    foreign = [re.split(r"[^A-Za-z0-9_-]", line)[0] for line in project["optional-dependencies"]["course"]]
    program = f"""
import importlib, sys
class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {[*foreign, "IPython", "traitlets", "nbformat", "jupyter_client", "ecrlab_course"]!r}:
            raise ImportError(f"{{name}} is not a dependency of ecrlab")
sys.meta_path.insert(0, Refuse())
for name in {modules!r}:
    importlib.import_module(name)
"""
    answer = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr


LONGEST = 500
"""Lines of a module. A longer one says in its docstring why it is one, in a sentence that begins "One file because"."""


def test_a_module_that_is_long_says_why_it_is_one_file() -> None:
    modules = {path: path.read_text(encoding="utf-8") for path in sorted(SOURCE.rglob("*.py"))}
    assert [
        f"{path.relative_to(ROOT)}: {len(lines)} lines"
        for path, written in modules.items()
        if len(lines := written.splitlines()) > LONGEST
        and not re.search(r"^One file because [\w`]", ast.get_docstring(ast.parse(written)) or "", re.M)
    ] == []


PINS = ("requirements.txt", "requirements-test.txt")


def pins(page: str, before: str = "") -> set[tuple[str, str]]:
    """Every pin of a file: the name, and the version with the machines that it is for, if not for all."""
    found = re.findall(rf"^{before}([A-Za-z0-9_.-]+)(==[^\\\n]+)", text(page), re.M)
    return {(name.lower(), version.strip()) for name, version in found}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9_-]", line)[0].lower() for line in requirements}


def extras() -> dict[str, list[str]]:
    project = toml("pyproject.toml")["project"]
    return {"": project["dependencies"], **project["optional-dependencies"]}


def test_environment_yml_has_the_pins_of_requirements_txt() -> None:
    wanted = names([*extras()[""], *extras()["course"]])
    assert pins("environment.yml", " {6}- ") == {pin for pin in pins("requirements.txt") if pin[0] in wanted}


@pytest.mark.parametrize("page", PINS)
def test_every_requirement_is_pinned_and_hashed(page: str) -> None:
    blocks = re.split(r"\n(?=[A-Za-z0-9-])", text(page).strip())
    assert len(blocks) > 50
    assert [
        block.split()[0] for block in blocks if "==" not in block.split("\n")[0] or "--hash=sha256:" not in block
    ] == []


def test_a_learner_installs_what_the_course_needs_and_the_tests_more() -> None:
    learner, tester = (pins(page) for page in PINS)
    wanted = extras()
    assert names([*wanted[""], *wanted["course"], *wanted["install"]]) <= {name for name, _ in learner}
    assert names(wanted["test"]).isdisjoint(name for name, _ in learner)
    assert names(wanted["test"]) <= {name for name, _ in tester}
    assert learner < tester
    # Who writes a notebook also validates it.
    assert {"nbval", "pytest"} <= names(wanted["course"])


def test_one_version_everywhere() -> None:
    assert toml("pyproject.toml")["project"]["version"] == ecrlab.__version__
    assert f"\n## {ecrlab.__version__}" in text("CHANGELOG.md")


def test_ci_runs_make_test_and_nothing_else() -> None:
    lines = [line for line in text(".ci/run").splitlines() if line and not line.startswith("#")]
    assert lines == ["exec make test"]


def test_scripts_are_executable_and_parse() -> None:
    scripts = [*ROOT.glob("scripts/*.sh"), ROOT / ".ci/run", ROOT / "binder/postBuild", ROOT / "binder/start"]
    scripts += ROOT.glob(".devcontainer/*.sh")
    assert len(scripts) >= 8
    for script in scripts:
        assert script.stat().st_mode & 0o111, script
        subprocess.run(["sh", "-n", str(script)], check=True)


def test_the_devcontainer_brings_an_engine() -> None:
    container = json.loads(text(".devcontainer/devcontainer.json"))
    assert any("docker-in-docker" in feature for feature in container["features"])


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/testing.md"])
def test_links_of_a_page_lead_somewhere(page: str) -> None:
    targets = re.findall(r"\]\((?!https?:)([^)#]+)", text(page)) + re.findall(
        r"`((?:docs|src|content)/[\w./-]+)`", text(page)
    )
    missing = [
        target
        for target in targets
        if not (ROOT / target).exists() and not (ROOT / page).parent.joinpath(target).exists()
    ]
    assert missing == []


def test_the_make_targets_that_the_readme_names_exist() -> None:
    targets = set(re.findall(r"^([a-z]+):", text("Makefile"), re.M))
    named = {
        target for page in ("README.md", "CONTRIBUTING.md") for target in re.findall(r"`make ([a-z]+)", text(page))
    }
    assert named - targets == set()
    assert {"start", "test", "install", "tools", "validate", "lint", "build", "bench", "soak", "clean"} <= targets


def test_make_start_takes_ports_as_arguments_only() -> None:
    """A shell's own PORT, as cloud shells and build services set it, means something else."""

    def dry(*arguments: str, **extra: str) -> str:
        environ = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
        command = ["make", "--no-print-directory", "--dry-run", "--assume-old=.venv/.installed", "start", *arguments]
        answer = subprocess.run(command, cwd=ROOT, env={**environ, **extra}, capture_output=True, text=True, check=True)
        return " ".join(shlex.split(answer.stdout.splitlines()[-1]))

    assert dry(PORT="8080") == ".venv/bin/ecrlab_course start"
    assert dry("PORT=8899", "LAB_PORT=4600") == ".venv/bin/ecrlab_course start --port 8899 --lab-port 4600"
    assert dry("LAB_PORT=4600") == ".venv/bin/ecrlab_course start --lab-port 4600"
    assert (
        "PORT=8899 LAB_PORT=4600"
        in subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    )


def test_make_says_what_python_it_needs(tmp_path: Path) -> None:
    old = tmp_path / "python-old"
    old.write_text('#!/bin/sh\ncase "$2" in *version_info*) exit 1;; *) echo 3.9.2;; esac\n')
    old.chmod(0o755)
    for python, message in (
        (str(old), "is Python 3.9.2; ECR Lab needs 3.11 or newer"),
        ("no-such-python", "There is no"),
    ):
        command = ["scripts/venv.sh", python, str(tmp_path / "venv")]
        answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert answer.returncode == 1
        assert message in answer.stderr
        assert not (tmp_path / "venv").exists()


@pytest.mark.parametrize(("known", "browser"), [("exit 0", "chromium-headless-shell"), ("exit 100", "chromium")])
def test_what_the_tests_need_is_installed_only_after_saying_so(known: str, browser: str, tmp_path: Path) -> None:
    said = tmp_path / "said"
    for name, line in {
        "apt-get": f'grep -q "^Installing what.* chromium.* .*skopeo" {said} || exit 9; echo "$@" >> {tmp_path}/ran',
        "apt-cache": known,
        "id": "echo 0",
        "sort": 'exec /usr/bin/sort "$@"',
        "tr": 'exec /usr/bin/tr "$@"',
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{line}\n")
        (tmp_path / name).chmod(0o755)
    with said.open("w") as output:
        command = ["/bin/sh", str(ROOT / "scripts/test-setup.sh")]
        subprocess.run(command, env={"PATH": str(tmp_path)}, stdout=output, check=True)
    ran = (tmp_path / "ran").read_text()
    assert ran.splitlines()[0].startswith("update")
    assert browser in ran.splitlines()[1].split()


def test_no_path_of_one_machine_is_in_the_repository() -> None:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    home = re.compile(r"/(?:home/[a-z]+|Users/[A-Za-z]+|root|work)/[A-Za-z]")
    offenders = []
    for name in filter(None, listed.stdout.split("\0")):
        path = ROOT / name
        if path.suffix in (".py", ".md", ".toml", ".yml", ".sh", ".ipynb", ".svg") and path.exists():
            offenders += [f"{name}: {hit}" for hit in home.findall(path.read_text(encoding="utf-8", errors="replace"))]
    assert offenders == []


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def toml(name: str) -> dict[str, Any]:
    return tomllib.loads(text(name))


def syllabus() -> str:
    """The README's table: content/course.toml, each lab behind its lesson, with a link to what is written."""
    plan = toml("content/course.toml")
    rows = ["| number | title | state |", "|---|---|---|"]
    for lesson in plan["lesson"]:
        rows.append(_of_the_syllabus(f"notebooks/{lesson['id']}-*.ipynb", lesson["id"], lesson["title"]))
        for lab in plan["lab"]:
            if lab["after"] == lesson["id"]:
                number = lab["id"].removeprefix("lab-")
                rows.append(_of_the_syllabus(f"labs/{number}-*.ipynb", f"lab {number}", lab["title"]))
    return "\n".join(rows) + "\n"


def _of_the_syllabus(pattern: str, name: str, title: str) -> str:
    first, *more = sorted(path.relative_to(ROOT) for path in ROOT.glob(pattern)) or [None]
    pages = "".join(f", [page {number}]({path})" for number, path in enumerate(more, 2))
    return f"| {name} | [{title}]({first}){pages} | ready |" if first else f"| {name} | {title} | coming |"


def test_the_readme_s_syllabus_is_the_course_s() -> None:
    assert syllabus() in text("README.md"), f"README.md wants this table:\n{syllabus()}"
