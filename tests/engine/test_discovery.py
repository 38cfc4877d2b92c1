"""Looking for an engine: the order, what counts as one, and what is said when there is none."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ecrlab.engine import Engine, EngineError, find, start_private
from ecrlab.engine.discovery import candidates
from ecrlab.home import Home

Serve = Callable[[str, object], Path]

DOCKER = {"Version": "28.2.2", "ApiVersion": "1.50", "Components": [{"Name": "Engine", "Version": "28.2.2"}]}
PODMAN = {"Version": "4.3.1", "ApiVersion": "1.41", "Components": [{"Name": "Podman Engine", "Version": "4.3.1"}]}


@pytest.fixture
def world(tmp_path: Path) -> dict[str, str]:
    """The environment of a user with an empty home and a docker command."""
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "docker").write_text("#!/bin/sh\nexit 1\n")
    (folder / "docker").chmod(0o755)
    (tmp_path / "runtime").mkdir()
    return {"HOME": str(tmp_path), "PATH": str(folder), "XDG_RUNTIME_DIR": str(tmp_path / "runtime")}


def context(world: dict[str, str], name: str, host: str) -> None:
    docker = Path(world["HOME"]) / ".docker"
    meta = docker / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    meta.mkdir(parents=True)
    (meta / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))
    (docker / "config.json").write_text(json.dumps({"currentContext": name}))


def test_docker_host_comes_first(world: dict[str, str], engine_socket: Serve) -> None:
    context(world, "mine", f"unix://{engine_socket('context', PODMAN)}")
    world["DOCKER_HOST"] = f"unix://{engine_socket('host', DOCKER)}"
    engine = find(environ=world)
    assert (engine.kind, engine.host, engine.source) == ("found", world["DOCKER_HOST"], "DOCKER_HOST")
    assert engine.title == "Docker 28.2.2"


def test_the_current_context_comes_next(world: dict[str, str], engine_socket: Serve) -> None:
    path = engine_socket("context", PODMAN)
    context(world, "mine", f"unix://{path}")
    world["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    engine = find(environ=world)
    assert (engine.host, engine.source) == (f"unix://{path}", "docker context")


def test_docker_context_names_another_context(world: dict[str, str], engine_socket: Serve) -> None:
    context(world, "one", "unix:///nowhere/one.sock")
    path = engine_socket("two", DOCKER)
    context(world, "two", f"unix://{path}")
    (Path(world["HOME"]) / ".docker/config.json").write_text('{"currentContext": "one"}')
    world["DOCKER_CONTEXT"] = "two"
    assert find(environ=world).host == f"unix://{path}"


@pytest.mark.parametrize("place", [".colima/default/docker.sock", ".rd/docker.sock", ".docker/run/docker.sock"])
def test_usual_sockets_in_the_users_home(world: dict[str, str], engine_socket: Serve, place: str) -> None:
    if Path("/var/run/docker.sock").exists():
        pytest.skip("this machine's own engine would be found first")
    path = engine_socket("engine", DOCKER)
    link = Path(world["HOME"]) / place
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(path)
    engine = find(environ=world)
    assert (engine.host, engine.source) == (f"unix://{link}", f"socket {link}")


def test_podmans_socket_is_an_engine(world: dict[str, str], engine_socket: Serve) -> None:
    if Path("/var/run/docker.sock").exists():
        pytest.skip("this machine's own engine would be found first")
    link = Path(world["XDG_RUNTIME_DIR"]) / "podman" / "podman.sock"
    link.parent.mkdir()
    link.symlink_to(engine_socket("podman", PODMAN))
    assert find(environ=world).title == "Podman 4.3.1"


# What `docker info` answers (facts A068, [LIVE28], [LIVE28c]; Podman 5.8.6).
INFO: dict[str, dict[str, object]] = {
    "graph": {"Driver": "overlay2", "DriverStatus": [["Backing Filesystem", "extfs"], ["Supports d_type", "true"]]},
    "containerd": {"Driver": "overlayfs", "DriverStatus": [["driver-type", "io.containerd.snapshotter.v1"]]},
    "rootless": {"Driver": "overlay2", "DriverStatus": [], "SecurityOptions": ["name=seccomp", "name=rootless"]},
    "silent": {},
    "odd": {"DriverStatus": None, "SecurityOptions": None},
}


@pytest.mark.parametrize(
    ("info", "store", "rootless"),
    [
        ("graph", "graph", False),
        ("containerd", "containerd", False),
        ("rootless", "graph", True),
        ("silent", "graph", False),
        ("odd", "graph", False),
    ],
)
def test_the_store_and_the_network_are_known(engine_socket: Serve, info: str, store: str, rootless: bool) -> None:
    engine = Engine("found", f"unix://{engine_socket('engine', {**DOCKER, **INFO[info]})}").contact()
    assert (engine.store, engine.rootless) == (store, rootless)


def test_where_it_looks_includes_podman_colima_and_rancher(world: dict[str, str]) -> None:
    hosts = [str(engine.host) for engine in candidates(world)]
    for piece in ("/var/run/docker.sock", "podman/podman.sock", ".colima/default", ".rd/docker.sock"):
        assert any(piece in host for host in hosts), piece


def test_a_socket_that_is_not_an_engine_is_passed_over(world: dict[str, str], engine_socket: Serve) -> None:
    world["DOCKER_HOST"] = f"unix://{engine_socket('web', b'<html>hello</html>')}"
    engine = find(environ=world)
    assert engine.kind == "none"
    assert "not as a container engine" in engine.source


def test_a_socket_that_never_answers_costs_seconds_only(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        with pytest.raises(EngineError, match="does not answer"):
            Engine("found", f"unix://{tmp_path}/s").contact(timeout=0.2)


def test_a_dead_docker_host_is_named(world: dict[str, str]) -> None:
    world["DOCKER_HOST"] = "tcp://127.0.0.1:9"
    engine = find(environ=world)
    assert engine.kind == "none"
    assert "DOCKER_HOST: tcp://127.0.0.1:9 does not answer: connection refused" in engine.source


def test_an_address_that_makes_no_sense_is_not_a_traceback(world: dict[str, str]) -> None:
    world["DOCKER_HOST"] = "nonsense"
    assert find(environ=world).kind == "none"


def test_without_a_docker_command_an_engine_is_of_no_use(world: dict[str, str], engine_socket: Serve) -> None:
    world["DOCKER_HOST"] = f"unix://{engine_socket('engine', DOCKER)}"
    world["PATH"] = world["HOME"]
    engine = find(environ=world)
    assert engine.kind == "none"
    assert "no docker command" in engine.source


def test_the_lab_s_stand_in_does_not_count_as_docker_command(world: dict[str, str], engine_socket: Serve) -> None:
    standin = Path(world["HOME"]) / "run" / "standin" / "bin"
    standin.mkdir(parents=True)
    shutil.move(Path(world["PATH"]) / "docker", standin / "docker")
    world["PATH"] = str(standin)
    world["DOCKER_HOST"] = f"unix://{engine_socket('engine', DOCKER)}"
    assert find(environ=world).kind == "none"


def test_a_real_engine_through_a_real_docker_context(home: Home, needs_dockerd: None, tmp_path: Path) -> None:
    engine = start_private(home)
    environ = {"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
    for command in (["create", "lab", "--docker", f"host={engine.host}"], ["use", "lab"]):
        subprocess.run(["docker", "context", *command], env=environ, check=True, capture_output=True)
    found = find(environ=environ)
    assert (found.kind, found.host, found.source) == ("found", engine.host, "docker context")
    assert found.version == engine.version
    # Its own engine never counts as found: it may stop at any moment.
    assert find(home, environ).kind == "none"


def test_what_is_saved_is_read_again(home: Home) -> None:
    engine = Engine("found", "tcp://engine:2376", "28", "Docker", "DOCKER_HOST", "/certs")
    engine.save(home)
    assert Engine.saved(home) == engine
    (home.run / "engine.json").write_text("{half")
    assert Engine.saved(home) is None
