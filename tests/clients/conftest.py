"""Real clients: a docker engine of the tests' own, and a lab beside it."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from ecrlab.engine import Engine, private, start_private, stop_private
from ecrlab.home import Home


def _lab_fixtures() -> Any:
    """The lab of tests/aws, loaded by its path: in pytest's importlib mode one conftest cannot import another."""
    name = "ecrlab_tests_aws"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent.parent / "aws" / "conftest.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


_fixtures = _lab_fixtures()
make_lab, running_lab, lab = _fixtures.make_lab, _fixtures.running_lab, _fixtures.lab
account, partner = _fixtures.account, _fixtures.partner


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """A private dockerd, stopped and removed at the end; skips where none can run."""
    reason = private.possible() or (f"missing: {private.missing()}" if private.missing() else None)
    if reason:
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="ecrlab-clients-"))
    home = Home(folder).make()
    try:
        yield start_private(home)
    finally:
        stop_private(home)
        shutil.rmtree(folder, ignore_errors=True)


@dataclass(frozen=True)
class Shell:
    """Runs commands as a profile of the lab, with the tests' engine."""

    lab: Any
    engine: Engine | None

    def __call__(self, command: str, profile: str = "admin", **environ: str) -> tuple[int, str]:
        """Return exit status and output (both streams, in order) of a bash command."""
        variables = {**self.lab.environ(profile), **environ}
        if self.engine is not None:
            variables["DOCKER_HOST"] = str(self.engine.host)
        script = ["bash", "--noprofile", "--norc", "-o", "pipefail", "-c", command]
        done = subprocess.run(
            script,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=100,
        )
        return done.returncode, done.stdout

    def good(self, command: str, profile: str = "admin") -> str:
        """Run a command that must succeed and return its output."""
        status, output = self(command, profile)
        assert status == 0, output
        return output

    def login(self, profile: str = "admin", registry: str | None = None, region: str = "us-east-1") -> str:
        """Log docker in as AWS documents it."""
        host = (registry or "$REGISTRY").split("/")[0] if registry else "${REGISTRY%%/*}"
        return self.good(
            f"aws ecr get-login-password --region {region} | docker login --username AWS --password-stdin {host}",
            profile,
        )


@pytest.fixture
def sh(lab: Any, engine: Engine) -> Shell:
    return Shell(lab, engine)


def layer(content: bytes, name: str = "hello.txt") -> bytes:
    """Return a tar archive with one file; the same for the same content."""
    buffer = BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo(name)
        entry.size = len(content)
        archive.addfile(entry, BytesIO(content))
    return buffer.getvalue()


@pytest.fixture
def image(engine: Engine, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[..., str]:
    """Return a function that makes a small image with one layer and returns its name."""

    def make(content: bytes, name: str = "made:1") -> str:
        archive = tmp_path / "layer.tar"
        archive.write_bytes(layer(content))
        subprocess.run(
            ["docker", "-H", str(engine.host), "import", str(archive), name], check=True, capture_output=True
        )
        return name

    return make
