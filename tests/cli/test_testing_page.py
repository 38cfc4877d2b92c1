"""The local cloud for tests of one's own: docs/testing.md as it is printed, /health, and `ecrlab credentials`."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from ecrlab.engine import private
from ecrlab.environment import environment
from ecrlab.home import Home
from ecrlab.host import launch
from ecrlab.standin import install

PAGE = (Path(__file__).parent.parent.parent / "docs" / "testing.md").read_text(encoding="utf-8")
FIXTURE_LINES = 20
Ecrlab = Callable[..., "subprocess.CompletedProcess[str]"]


def blocks() -> dict[str, str]:
    """The page's files: each block by the name in its first line, the policy by the only kind it can be."""
    found = {}
    for kind, block in re.findall(r"```(\w+)\n(.*?)```", PAGE, re.S):
        first = block.split("\n", 1)[0]
        found["policy.json" if kind == "json" else first.removeprefix("# ")] = block
    return found


def run_page(folder: Path, docker: Path | None, host: str | None) -> subprocess.CompletedProcess[str]:
    """Run the page's tests as somebody would who has nothing of the lab in the environment."""
    if docker:
        (folder / ".ecrlab").mkdir()  # the stand-in keeps its images in the lab's folder that it finds
    front = [str(Path(sys.executable).parent), *([str(docker)] if docker else [])]
    environ = {
        "HOME": str(folder),
        "PATH": os.pathsep.join([*reversed(front), os.environ["PATH"]]),
        **({"DOCKER_HOST": host} if host else {}),
    }
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=200)


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    for name, text in blocks().items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def standin(tmp_path: Path) -> Path:
    """The folder of a docker command that needs no engine."""
    return install(tmp_path / "bin").parent


def test_the_page_holds_its_files_and_a_short_fixture() -> None:
    assert set(blocks()) == {"conftest.py", "test_deploy.py", "deploy.sh", "Dockerfile", "policy.json"}
    fixture = blocks()["conftest.py"].partition("@pytest.fixture")[2].strip().split("\n")
    assert len(fixture) <= FIXTURE_LINES


@pytest.mark.timeout(240)
def test_the_page_s_tests_pass_as_they_are_printed(files: Path, standin: Path) -> None:
    answer = run_page(files, standin, None)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "2 passed" in answer.stdout
    assert not (files / ".aws").exists()
    assert not (files / ".docker").exists()


@pytest.mark.timeout(240)
def test_with_a_container_engine_too(files: Path, tmp_path: Path) -> None:
    reason = private.possible() or (f"missing: {private.missing()}" if private.missing() else None)
    if reason:
        pytest.skip(reason)
    home = Home(tmp_path / "home").make()
    engine = private.start_private(home)
    try:
        answer = run_page(files, None, engine.host)
    finally:
        private.stop_private(home)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "2 passed" in answer.stdout


@pytest.mark.timeout(240)
def test_a_policy_that_is_not_enough_fails_with_the_words_of_aws(files: Path, standin: Path) -> None:
    policy = files / "policy.json"
    policy.write_text(policy.read_text().replace('        "ecr:PutImage",\n', ""))
    answer = run_page(files, standin, None)
    assert answer.returncode == 1, answer.stdout + answer.stderr
    assert "user/deployer is not authorized to perform: ecr:PutImage on resource:" in answer.stdout
    assert "1 failed, 1 passed" in answer.stdout


def test_credentials_are_a_profile_s_keys_and_the_lab_s_addresses(ecrlab: Ecrlab, home: Home) -> None:
    launch.start(home)
    answer = ecrlab("credentials", "--profile", "ci", "--format", "json")
    found = json.loads(answer.stdout)
    assert found["AWS_ENDPOINT_URL"] == f"http://localhost:{home.port}"
    assert found["REGISTRY"] == environment(home)["REGISTRY"]
    lines = ecrlab("credentials", "--profile", "ci", "--format", "env").stdout.splitlines()
    assert dict(line.split("=", 1) for line in lines) == found
    who = subprocess.run(
        [Path(sys.prefix) / "bin" / "aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"],
        env={"PATH": os.environ["PATH"], **found}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert who.stdout.strip().endswith(":user/ci")
    answer = ecrlab("credentials", "--profile", "nobody")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith("There are no keys of a profile 'nobody' in ")
    assert "admin, developer, ci" in answer.stderr
    launch.stop(home)
    answer = ecrlab("credentials")
    assert (answer.returncode, answer.stdout) == (1, "")
    assert "is not running" in answer.stderr


def test_health_needs_no_secret_and_leaves_no_trace(ecrlab: Ecrlab, home: Home) -> None:
    launch.start(home)
    address = f"http://localhost:{home.port}/health"
    with urllib.request.urlopen(address, timeout=5) as answer:
        assert (answer.status, json.load(answer)) == (200, {"status": "ready"})
    with urllib.request.urlopen(urllib.request.Request(address, method="HEAD"), timeout=5) as answer:
        assert answer.status == 200
    with pytest.raises(urllib.error.HTTPError, match="405"):
        urllib.request.urlopen(urllib.request.Request(address, data=b"{}"), timeout=5)
    assert "/health" not in ecrlab("trace").stdout
