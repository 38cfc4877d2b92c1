"""Podman has to be told that the lab's registries have no TLS: asked first, all ports at once, in a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from ecrlab.cli import engine, main
from ecrlab.client import LabClient
from ecrlab.engine import Engine
from ecrlab.home import Home
from ecrlab.host import doctor, launch, podman, relay
from ecrlab.ports import port_is_taken

TLS = 'pinging container registry localhost:4510: Get "https://…": http: server gave HTTP response to HTTPS client'
ENGINE = Engine("found", "unix:///run/user/1000/podman/podman.sock", "5.8.6", "Podman", "socket", rootless=True)


@pytest.fixture
def lab(home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A running lab without an engine, and a home folder of the learner's own."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("ECRLAB_ENGINE", "none")
    home.remember_port(next(port for port in range(6200, 6300, 20) if not port_is_taken(port)))
    launch.start(home)
    monkeypatch.setattr(podman, "IDLE_SECONDS", 0)
    yield home
    launch.stop(home)


@pytest.fixture
def wants_tls(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Let Podman refuse each port that its settings file does not name; with False, also those that it names."""

    def behave(reads: bool = True) -> None:
        def reaches(home: Home, engine: Engine, port: int | None = None) -> str | None:
            named = podman.named(podman.settings_file(engine)) if reads else set()
            return None if (port or home.port) in named else TLS

        monkeypatch.setattr(relay, "reaches", reaches)
        monkeypatch.setattr(relay, "pushes", reaches)

    return behave


def test_every_port_of_the_lab_and_the_next_ones_are_named(lab: Home, wants_tls: Callable[..., None]) -> None:
    wants_tls()
    asked: list[str] = []
    said: list[str] = []

    def yes(question: str) -> bool:
        asked.append(question)
        return True

    assert podman.ensure(lab, ENGINE, said.append, yes) == ("", "")
    path = podman.settings_file(ENGINE)
    assert path == Path.home() / ".config/containers/registries.conf.d/ecrlab.conf"
    assert len(asked) == 1
    assert str(path) in asked[0]
    assert said == [f"Wrote {path}. Delete it when you no longer need the lab."]
    status = LabClient(lab).status()
    ports = relay.ports(status)
    assert len(ports) == len(set(ports)) >= 3
    assert {int(registry["port"]) for registry in status["registries"]} < set(ports)
    assert {lab.hub_port, lab.public_port} < set(ports)
    assert set(ports) < podman.named(path)
    # The next registry needs no second question.
    later = LabClient(lab).registry("123456789012", "eu-west-1")["port"]
    assert later in podman.named(path)
    assert podman.ensure(lab, ENGINE, said.append) == ("", "")
    # Another lab of this machine keeps its ports.
    path.write_text(podman.settings([7777]), encoding="utf-8")
    podman.write(lab, ENGINE)
    assert {7777, lab.port} < podman.named(path)


@pytest.mark.parametrize("answer", [None, False])
def test_nothing_is_written_without_a_yes(lab: Home, wants_tls: Callable[..., None], answer: bool | None) -> None:
    wants_tls()
    ask = None if answer is None else (lambda question: bool(answer))
    trouble, fix = podman.ensure(lab, ENGINE, lambda line: None, ask)
    assert "wants TLS from localhost" in trouble
    assert fix == "ecrlab podman"
    assert not podman.settings_file(ENGINE).exists()


def test_a_service_that_read_its_settings_before_is_to_be_started_again(
    lab: Home, wants_tls: Callable[..., None]
) -> None:
    wants_tls(False)
    podman.write(lab, ENGINE)
    trouble, fix = podman.ensure(lab, ENGINE, lambda line: None)
    assert "read its settings before that" in trouble
    assert "podman.socket" in fix


def test_settings_of_the_learners_own_are_left_alone(lab: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has named the ports elsewhere is not asked: what counts is what Podman does."""
    monkeypatch.setattr(relay, "reaches", lambda home, engine, port=None: None)
    assert podman.ensure(lab, ENGINE, lambda line: None) == ("", "")
    assert not podman.settings_file(ENGINE).exists()


def test_root_s_podman_has_the_machine_s_settings() -> None:
    engine = Engine("found", "unix:///run/podman/podman.sock", name="Podman")
    assert podman.settings_file(engine) == Path("/etc/containers/registries.conf.d/ecrlab.conf")


def test_the_lab_goes_on_with_the_stand_in(
    lab: Home, wants_tls: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    wants_tls()
    monkeypatch.setattr(launch, "find", lambda home: ENGINE)
    monkeypatch.setattr(launch, "_ensure_base_image", lambda engine, home, say: None)
    monkeypatch.delenv("ECRLAB_ENGINE")
    monkeypatch.setattr(launch.own, "running_private", lambda home: None)
    said: list[str] = []
    engine = launch.start(lab, said.append).engine
    assert (engine.kind, engine.fix) == ("none", "ecrlab podman")
    assert any(
        "Podman 5.8.6 cannot push to the lab" in line and "To change that: ecrlab podman" in line for line in said
    )
    assert launch.start(lab, said.append, ask=lambda question: True).engine == ENGINE


@pytest.mark.parametrize(("answer", "written"), [("y\n", True), ("n\n", False)])
def test_the_command_asks(lab: Home, monkeypatch: pytest.MonkeyPatch, answer: str, written: bool) -> None:
    monkeypatch.setattr(engine, "find", lambda home: ENGINE)
    result = CliRunner().invoke(main, ["podman", "--home", str(lab.path)], input=answer)
    assert (result.exit_code == 0) == written
    assert podman.settings_file(ENGINE).exists() == written


def test_the_command_without_podman_is_a_sentence(lab: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "find", lambda home: Engine("none", source="No container engine answers."))
    result = CliRunner().invoke(main, ["podman", "--home", str(lab.path), "--yes"])
    assert result.exit_code == 1
    assert "There is no Podman to set up: No container engine answers." in result.output


def test_doctor_says_ready_only_when_a_push_to_each_registry_arrives(
    lab: Home, wants_tls: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def finding() -> Any:
        return doctor._engine_reaches_lab(lab, ENGINE)

    wants_tls()
    assert (finding().state, finding().fix) == ("fails", "ecrlab podman")
    # One port alone, as the old advice had it, is not enough.
    path = podman.settings_file(ENGINE)
    path.parent.mkdir(parents=True)
    path.write_text(podman.settings([lab.port]), encoding="utf-8")
    assert finding().state == "fails"
    assert f"localhost:{lab.hub_port}" in finding().seen
    podman.write(lab, ENGINE)
    assert finding().state == "ok"
    assert "requests arrive at each of the lab's" in finding().seen
    assert doctor.summary(lab, [finding()]).startswith("ready")

    def cannot(home: Home, engine: Engine, port: int) -> str | None:
        raise relay.Unknown("the engine lacks ecrlab/base:1")

    monkeypatch.setattr(relay, "pushes", cannot)
    assert finding().state == "not tried"
    assert "ready" not in doctor.summary(lab, [finding()])
