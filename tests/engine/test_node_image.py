"""The base image of the Node.js app: where `node` comes from, and that it was tried before it counts."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecrlab.engine import Engine, node_image, start_private
from ecrlab.engine.docker_cli import DockerCli
from ecrlab.engine.node_image import NAME, NodeImage
from ecrlab.home import Home

pytestmark = pytest.mark.usefixtures("needs_dockerd")
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="this machine has no node")


@pytest.fixture
def docker(home: Home) -> DockerCli:
    return DockerCli(start_private(home), home)


@pytest.fixture
def nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """No Node.js on this machine, and none in a registry."""
    monkeypatch.setattr(node_image, "_named", list)

    def nothing(*arguments: object) -> Iterator[node_image._Found]:
        yield from ()

    monkeypatch.setattr(node_image, "_from_registry", nothing)


def node_says(docker: DockerCli, words: str) -> str:
    return docker.run("run", "--rm", "--network=none", NAME, "node", "-p", words).stdout.decode().strip()


def ensured(docker: DockerCli, home: Home) -> NodeImage:
    engine = Engine.saved(home) or Engine("private", docker.environment["DOCKER_HOST"])
    return node_image.ensure(engine, home)


@needs_node
def test_from_this_machine_and_then_from_an_image(
    home: Home, docker: DockerCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = ensured(docker, home)
    assert (made.name, made.source) == (NAME, "machine")
    assert node_says(docker, "process.version") == made.version
    assert made.version in made.sentence
    assert made.where in made.sentence
    assert ensured(docker, home) == made
    assert docker.run("image", "inspect", f"ecrlab/node:{made.version[1:]}").returncode == 0
    assert docker.run("image", "inspect", "ecrlab/node:trial").returncode != 0
    assert docker.run("run", "--rm", "--network=none", NAME, "ps").returncode == 0

    docker.run("tag", NAME, "node:22-alpine")
    docker.run("rmi", NAME)
    again = ensured(docker, home)
    assert (again.source, again.where, again.version) == ("engine", "node:22-alpine", made.version)
    assert node_says(docker, "1 + 1") == "2"


@pytest.mark.usefixtures("nowhere")
def test_what_does_not_run_does_not_count(
    home: Home, docker: DockerCli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert ensured(docker, home).tried == ("This machine has no Node.js.",)

    other = tmp_path / "other"
    other.write_bytes(b"\x7fELF\x02\x01\x01" + bytes(9) + b"\x02\x00\x16\x00" + bytes(60))
    shell = shutil.copy(Path("/bin/sh").resolve(), tmp_path / "sh")
    monkeypatch.setattr(node_image, "_named", lambda: [str(other), str(shell)])
    seen = ensured(docker, home)
    assert not seen
    assert seen.tried[0] == f"{other} is not for the engine's processor, {docker.architecture()}."
    assert seen.tried[1].startswith(f"{shell} does not run in an image: ")
    assert len(seen.tried) == 2
    listed = docker.run("image", "ls", "--format", "{{.Repository}}").stdout.decode()
    assert "ecrlab/node" not in listed


def test_without_an_engine_there_is_none(tmp_path: Path) -> None:
    made = node_image.ensure(Engine("none"), Home(tmp_path))
    assert not made
    assert made.sentence == "There is no Node.js for an image here. A container engine is needed to run it."


def test_a_shim_is_followed(tmp_path: Path) -> None:
    shim = tmp_path / "node"
    shim.write_text(f"#!/bin/sh\necho {sys.executable}\n")
    shim.chmod(0o755)
    assert node_image._program(str(shim)) == Path(sys.executable).resolve()
    shim.write_text("#!/bin/sh\nexit 1\n")
    assert node_image._program(str(shim)) is None


def test_the_files_that_the_loader_names() -> None:
    glibc = """\tlinux-vdso.so.1 (0x00007f479afa2000)
\tlibm.so.6 => /lib/x86_64-linux-gnu/libm.so.6 (0x00007f479aeac000)
\t/lib64/ld-linux-x86-64.so.2 (0x00007f479afa4000)
\tlibgone.so.1 => not found"""
    assert node_image._libraries(glibc) == ["/lib/x86_64-linux-gnu/libm.so.6", "/lib64/ld-linux-x86-64.so.2"]
    musl = "\t/lib/ld-musl-x86_64.so.1 (0x7f1)\n\tlibc.musl-x86_64.so.1 => /lib/ld-musl-x86_64.so.1 (0x7f1)"
    assert node_image._libraries(musl) == ["/lib/ld-musl-x86_64.so.1"]
