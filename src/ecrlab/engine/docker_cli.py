"""The docker command, told which engine to speak to; the stand-in's where there is none."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
from typing import Any

from ecrlab.engine.engine import Engine, EngineError, docker_command
from ecrlab.home import Home


class DockerCli:
    """The docker command for an engine, or the stand-in's for a home without one.

    Raises EngineError when the engine answers and there is no docker command.
    """

    def __init__(self, engine: Engine, home: Home) -> None:
        self.standin = engine.kind == "none"
        self.environment = dict(os.environ)
        if self.standin:
            self.command = [sys.executable, "-I", "-m", "ecrlab.standin"]
            self.environment["ECRLAB_HOME"] = str(home.path)
            return
        found = docker_command()
        if found is None:
            raise EngineError(f"{engine.title} answers, but there is no docker command.")
        self.command = [found]
        self.environment.pop("DOCKER_CONTEXT", None)
        if engine.host:
            self.environment["DOCKER_HOST"] = engine.host
        if engine.certificates:
            self.environment |= {"DOCKER_CERT_PATH": engine.certificates, "DOCKER_TLS_VERIFY": "1"}

    def run(self, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[bytes]:
        """Run it and return how it ended. Raises EngineError when it cannot run or does not end in `timeout` s."""
        try:
            return subprocess.run(
                [*self.command, *arguments],
                env=self.environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=timeout,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise EngineError(f"`docker {' '.join(arguments)}` did not end: {error}") from error

    def architecture(self) -> str:
        """Return the processor that images are for (GOARCH name): the engine's, or this machine's for the stand-in."""
        if self.standin:
            return architecture_here()
        answer = self.run("version", "--format", "{{.Server.Arch}}")
        if answer.returncode != 0:
            raise EngineError(
                answer.stderr.decode(errors="replace").strip() or "The engine does not report its version."
            )
        return answer.stdout.decode().strip()

    def load(self, data: bytes, name: str) -> None:
        """Load an image archive. Raises EngineError, with `name` in it, when it is refused."""
        with tempfile.NamedTemporaryFile(suffix=".tar") as file:
            file.write(data)
            file.flush()
            answer = self.run("load", "-i", file.name)
        if answer.returncode != 0:
            raise EngineError(f"`docker load` refused {name}: {answer.stderr.decode(errors='replace').strip()}")

    def saved(self, name: str) -> tuple[dict[str, Any], list[bytes]]:
        """Return the configuration and the layers of an image that is there. Raises EngineError when it is not."""
        answer = self.run("save", name)
        if answer.returncode != 0:
            raise EngineError(f"`docker save {name}`: {answer.stderr.decode(errors='replace').strip()}")
        with tarfile.open(fileobj=io.BytesIO(answer.stdout)) as tar:

            def read(path: str) -> bytes:
                file = tar.extractfile(path)
                assert file is not None
                return file.read()

            described = json.loads(read("manifest.json"))[0]
            return json.loads(read(described["Config"])), [read(layer) for layer in described["Layers"]]


def architecture_here() -> str:
    """Return this machine's processor (GOARCH name)."""
    name = os.uname().machine.lower()
    return {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386"}.get(name, name)
