"""The base image of the lessons, in the stand-in and in a real engine."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
from pathlib import Path

import pytest

from conftest import World
from ecrlab.engine import Engine, EngineError, base_image
from ecrlab.engine.docker_cli import architecture_here
from ecrlab.home import Home

BUSYBOX = base_image._from_machine(architecture_here())
needs_busybox = pytest.mark.skipif(BUSYBOX is None, reason="this machine has no static busybox")


def inspect(environment: dict[str, str], template: str) -> str:
    command = ["docker", "image", "inspect", "-f", template, base_image.NAME]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@needs_busybox
def test_both_hold_the_same_image(standin: World, real: World) -> None:
    said: list[str] = []
    base_image.ensure(Engine("none"), Home(Path(standin.environment["ECRLAB_HOME"])), said.append)
    engine = Engine("private", real.environment["DOCKER_HOST"])
    base_image.ensure(engine, Home(real.folder), said.append)
    assert said == []
    assert inspect(standin.environment, "{{.Id}}") == inspect(real.environment, "{{.Id}}")
    before = inspect(real.environment, "{{.Metadata.LastTagTime}}")
    base_image.ensure(engine, Home(real.folder))
    assert inspect(real.environment, "{{.Metadata.LastTagTime}}") == before


@needs_busybox
def test_it_runs(real: World) -> None:
    base_image.ensure(Engine("private", real.environment["DOCKER_HOST"]), Home(real.folder))
    script = "id -un; ls -d /tmp; env true && echo hello | wc -l"
    done = real.run(f"docker run --rm --network none {base_image.NAME} sh -c '{script}'")
    assert (done.code, done.out) == (0, ["root", "/tmp", "1"])


@needs_busybox
def test_busybox_of_an_image_that_the_engine_has(real: World, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine("private", real.environment["DOCKER_HOST"])
    base_image.ensure(engine, Home(real.folder))
    expected = inspect(real.environment, "{{.Id}}")
    real.run(f"docker tag {base_image.NAME} busybox:latest; docker rmi {base_image.NAME}")
    monkeypatch.setattr(base_image, "_from_machine", lambda architecture: None)
    base_image.ensure(engine, Home(real.folder))
    assert inspect(real.environment, "{{.Id}}") == expected
    real.run(f"docker rmi busybox:latest {base_image.NAME}")


def test_no_busybox_anywhere(real: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real.run(f"docker rmi -f {base_image.NAME}")
    monkeypatch.setattr(base_image, "_from_machine", lambda architecture: None)
    monkeypatch.setattr(base_image, "_from_package", lambda architecture, say: None)
    monkeypatch.setattr(base_image, "_from_hub", lambda docker, say: None)
    with pytest.raises(EngineError, match="apt-get install busybox-static"):
        base_image.ensure(Engine("private", real.environment["DOCKER_HOST"]), Home(tmp_path))


def test_a_placeholder_for_the_standin(standin: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base_image, "_from_machine", lambda architecture: None)
    said: list[str] = []
    base_image.ensure(Engine("none"), Home(tmp_path), said.append)
    assert ["placeholder" in line for line in said] == [True]
    assert inspect({**standin.environment, "ECRLAB_HOME": str(tmp_path)}, "{{.RepoTags}}") == "[ecrlab/base:1]"


def test_the_placeholder_weighs_what_busybox_weighs_packed() -> None:
    made = base_image.placeholder()
    assert made == base_image.placeholder()
    assert made.startswith(b"This stands for busybox")
    assert base_image.static_for(made) is None
    assert 900_000 < len(gzip.compress(made)) < 1_100_000


def test_the_layer_is_reproducible() -> None:
    first, second = (base_image.root_files(b"program", ["sh", "busybox", "ls"]) for _ in range(2))
    assert first == second
    with tarfile.open(fileobj=io.BytesIO(first)) as tar:
        names = tar.getnames()
        assert names == sorted(names)
        assert {member.mtime for member in tar.getmembers()} == {0}
        assert tar.getmember("bin/sh").linkname == "busybox"
        assert tar.getmember("tmp").mode == 0o1777


def test_what_is_static() -> None:
    assert base_image.static_for(b"#!/bin/sh\n") is None
    assert base_image.static_for(Path("/bin/sh").read_bytes()) is None  # asks for a dynamic loader
    if BUSYBOX is not None:
        assert base_image.static_for(BUSYBOX[0]) is not None
