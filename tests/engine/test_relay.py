"""An engine that cannot reach this machine's localhost, as in Docker Desktop's virtual machine, pushes all the same.

It is a real dockerd in a network namespace of its own, joined to this machine by one pair of interfaces.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ecrlab.client import LabClient, LabError
from ecrlab.engine import Engine, private
from ecrlab.environment import apply, environment
from ecrlab.home import Home
from ecrlab.host import doctor, launch, relay
from ecrlab.ports import port_is_taken

pytestmark = [pytest.mark.usefixtures("needs_dockerd"), pytest.mark.timeout(240)]

HERE, THERE = "10.213.77.1", "10.213.77.2"
SPACE = f"ecrlab-{os.getpid()}"
CABLE = f"ecrl{os.getpid() % 10**7}"


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@pytest.fixture(scope="module")
def far_engine() -> Iterator[Engine]:
    """A dockerd whose localhost is not ours; its default route leads to this machine."""
    if private.possible() or private.missing():
        pytest.skip("no private engine can run here")
    if subprocess.run(["ip", "netns", "add", SPACE], capture_output=True, check=False).returncode != 0:
        pytest.skip("no network namespaces on this machine")
    folder = Path(tempfile.mkdtemp(prefix="ecrlab-far-"))
    home = Home(folder / "engine").make()
    program = (
        "import sys\nfrom pathlib import Path\nfrom ecrlab.engine import start_private\nfrom ecrlab.home import Home\n"
        "print(start_private(Home(Path(sys.argv[1]))).host)\n"
    )
    try:
        ip("link", "add", CABLE, "type", "veth", "peer", "name", "eth0", "netns", SPACE)
        ip("addr", "add", f"{HERE}/30", "dev", CABLE)
        ip("link", "set", CABLE, "up")
        for command in (
            ["addr", "add", f"{THERE}/30", "dev", "eth0"],
            ["link", "set", "eth0", "up"],
            ["link", "set", "lo", "up"],
            ["route", "add", "default", "via", HERE],
        ):
            ip("-n", SPACE, *command)
        # Not `ip netns exec`, which hides the control groups.
        inside = ["nsenter", f"--net=/run/netns/{SPACE}", sys.executable, "-c", program, str(home.path)]
        host = subprocess.run(inside, check=True, capture_output=True, text=True, timeout=60).stdout.strip()
        yield Engine("found", host).contact()
    finally:
        private.stop_private(home)
        subprocess.run(["ip", "netns", "delete", SPACE], check=False)
        subprocess.run(["ip", "link", "delete", CABLE], check=False, capture_output=True)
        shutil.rmtree(folder)


def a_home(engine: Engine, folder: Path) -> Iterator[Home]:
    """A home whose lab finds this engine; it is not started yet."""
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name.startswith(("AWS_", "ECRLAB_", "DOCKER_")):
                patch.delenv(name)
        patch.setenv("DOCKER_HOST", str(engine.host))
        home = Home(folder / "home")
        # Further apart than the ports that a lab's relays cover, with those of later registries.
        home.remember_port(next(port for port in range(6100, 6190, 40) if not port_is_taken(port)))
        try:
            yield home
        finally:
            launch.stop(home)


@pytest.fixture
def lab(far_engine: Engine, tmp_path: Path) -> Iterator[Home]:
    """A home of this test alone."""
    yield from a_home(far_engine, tmp_path)


@pytest.fixture(scope="module")
def running(far_engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A lab that runs, shared by the tests that only use it."""
    for home in a_home(far_engine, tmp_path_factory.mktemp("running")):
        said: list[str] = []
        assert launch.start(home, said.append).engine.kind == "found"
        assert any(HERE in line and "not at loopback only" in line for line in said), said
        yield home


def sh(home: Home, command: str) -> str:
    answer = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        env=apply(environment(home)),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return answer.stdout


def relays(engine: Engine, home: Home) -> list[str]:
    seen = engine.api("GET", "/containers/json?all=1")
    return [each["Id"] for each in seen for name in each["Names"] if name.startswith(f"/ecrlab-{home.key}-")]


def control(host: str, port: int, home: Home, name: str) -> int:
    connection = http.client.HTTPConnection(host, port, timeout=5)
    headers = {"Host": name, "X-Ecrlab-Secret": str(home.read_control()["secret"])}
    connection.request("GET", "/_ecrlab/status", headers=headers)
    try:
        return connection.getresponse().status
    finally:
        connection.close()


def listeners(port: int) -> list[str]:
    """The addresses of this machine at which something listens at ``port``."""
    seen = subprocess.run(["ss", "-Hltn", f"sport = :{port}"], check=True, capture_output=True, text=True).stdout
    return sorted(line.split()[3].rpartition(":")[0] for line in seen.splitlines())


def test_a_push_and_a_pull_through_the_relay(running: Home, far_engine: Engine, tmp_path: Path) -> None:
    assert len(relays(far_engine, running)) == 1
    assert listeners(running.port) == [HERE, "127.0.0.1"]
    (tmp_path / "big").write_bytes(os.urandom(24 * 1024 * 1024))
    (tmp_path / "Dockerfile").write_text("FROM ecrlab/base:1\nCOPY big /big\n")
    sh(
        running,
        f"""
        aws ecr create-repository --repository-name far >/dev/null
        aws ecr get-login-password | docker login --username AWS --password-stdin ${{REGISTRY%%/*}} 2>/dev/null
        docker build -q -t $REGISTRY/far:1 {tmp_path} >/dev/null
        docker push -q $REGISTRY/far:1
        docker rmi -f $REGISTRY/far:1 >/dev/null
        docker pull -q $REGISTRY/far:1
        docker run --rm $REGISTRY/far:1 sha256sum /big > {tmp_path}/seen
        """,
    )
    ours = subprocess.run(["sha256sum", str(tmp_path / "big")], capture_output=True, text=True, check=True).stdout
    assert (tmp_path / "seen").read_text().split()[0] == ours.split()[0]
    rows = LabClient(running).xray(limit=200)["rows"]
    assert {row["decision"] for row in rows if row["action"] == "ecr:PutImage"} == {"allowed"}


def test_status_and_doctor_say_so(running: Home) -> None:
    ecrlab = str(Path(sys.prefix) / "bin" / "ecrlab")
    status = sh(running, f"{ecrlab} status")
    assert f"through a relay container and {HERE}; for that the lab also listens at {HERE}" in status
    seen = json.loads(sh(running, f"{ecrlab} status --json"))
    assert seen["server"]["listens_also_at"] == HERE
    findings = json.loads(sh(running, f"{ecrlab} doctor --json"))
    finding = next(each for each in findings if each["part"] == "engine to registry")
    assert finding["state"] == "ok"
    assert HERE in finding["seen"]
    assert "untested on Docker Desktop" in finding["seen"]


def test_a_second_registry_is_reached_without_another_start(running: Home, far_engine: Engine) -> None:
    port = LabClient(running).registry("123456789012", "eu-west-1")["port"]
    assert listeners(port) == [HERE, "127.0.0.1"]
    sh(
        running,
        f"aws ecr get-login-password --region eu-west-1 | "
        f"docker login --username AWS --password-stdin localhost:{port} 2>/dev/null",
    )
    assert len(relays(far_engine, running)) == 1
    # Beyond the ports kept in reserve the next start adds a relay, and leaves alone the one that runs.
    for number in range(relay.SPARE):
        port = LabClient(running).registry(f"{number:012}", "eu-west-1")["port"]
    launch.start(running)
    assert len(relays(far_engine, running)) == 2
    sh(
        running,
        f"export $(python3 -c 'import json,sys; a=json.load(sys.stdin); "
        f'print("AWS_ACCESS_KEY_ID="+a["access_key_id"], "AWS_SECRET_ACCESS_KEY="+a["secret_access_key"])\' '
        f"<<< '{json.dumps(LabClient(running).account(f'{relay.SPARE - 1:012}'))}'); unset AWS_PROFILE; "
        f"aws ecr get-login-password --region eu-west-1 | "
        f"docker login --username AWS --password-stdin localhost:{port} 2>/dev/null",
    )


def test_the_control_interface_is_refused_beyond_loopback(running: Home) -> None:
    port = running.port
    assert control("127.0.0.1", port, running, f"localhost:{port}") == 200
    assert control("127.0.0.1", port, running, f"{HERE}:{port}") == 403
    assert control(HERE, port, running, f"{HERE}:{port}") == 403
    assert control(HERE, port, running, f"localhost:{port}") == 403, "not even with the Host header of a relay"


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("8.8.8.8", "private IP address"),
        ("example", "private IP address"),
        ("10.213.77.99", "cannot listen at 10.213.77.99"),
        ("127.0.0.1", "in use by another program"),
    ],
)
def test_an_address_that_cannot_be_listened_at_is_refused(home: Home, address: str, says: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ECRLAB_ENGINE", "none")
        home.remember_port(next(port for port in range(6190, 6200) if not port_is_taken(port)))
        launch.start(home)
    try:
        with pytest.raises(LabError, match=says):
            LabClient(home).listen(address)
        assert listeners(home.port) == ["127.0.0.1"]
        assert LabClient(home).status()["listens_also_at"] is None
    finally:
        launch.stop(home)


def test_stop_and_the_next_start_remove_relays(lab: Home, far_engine: Engine) -> None:
    first = launch.start(lab)
    launch.stop(lab)
    assert relays(far_engine, lab) == []
    assert not (lab.run / "relay.json").exists()
    first = launch.start(lab)
    began = relays(far_engine, lab)
    os.kill(first.pid, 9)
    second = launch.start(lab)
    assert second.started
    assert len(relays(far_engine, lab)) == 1
    assert relays(far_engine, lab) != began, "the left-over relay must be replaced"
    assert relay.reaches(lab, far_engine) is None


def test_a_relay_that_somebody_removed_comes_back(lab: Home, far_engine: Engine) -> None:
    launch.start(lab)
    sh(lab, f"docker rm -f $(docker ps -aqf name={lab.key}) >/dev/null")
    assert relay.reaches(lab, far_engine) is not None
    began = time.monotonic()
    assert not launch.start(lab).started
    assert time.monotonic() - began < 10
    until = time.monotonic() + 5
    while relay.reaches(lab, far_engine) is not None:
        assert time.monotonic() < until


def test_an_engine_that_no_relay_helps_is_a_sentence(
    lab: Home, far_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    no: Callable[[str], bool] = lambda address: False  # noqa: E731
    monkeypatch.setattr(relay, "is_own", no)
    said: list[str] = []
    assert launch.start(lab, said.append).engine.kind == "none"
    assert any("does not reach" in line and "no relay helps" in line for line in said)
    assert relays(far_engine, lab) == []
    assert listeners(lab.port) == ["127.0.0.1"]
    assert "no relay helps" in launch.status(lab).relay
    # The stand-in pushes in its place.
    sh(lab, PUSH)


def test_rootless_docker_that_keeps_to_itself_is_told_the_one_fix(
    lab: Home, far_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "is_own", lambda address: False)
    monkeypatch.setattr(Engine, "_nature", lambda self, timeout: {"store": "graph", "rootless": True})
    said: list[str] = []
    engine = launch.start(lab, said.append).engine
    assert engine.kind == "none"
    assert "DISABLE_HOST_LOOPBACK=false" in engine.fix
    assert any(engine.fix in line and "cannot push to the lab" in line for line in said)
    finding = next(each for each in doctor.examine(lab, os.environ) if each.part == "engine")
    assert (finding.state, finding.fix) == ("note", engine.fix)


def test_a_gateway_that_leads_to_the_lab_by_itself_is_used(
    lab: Home, far_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As slirp4netns's does under rootless Docker: it is not an address of this machine, so nobody can listen there."""
    monkeypatch.setattr(relay, "is_own", lambda address: False)
    with forwarded(HERE, lab.port):
        assert launch.start(lab).engine.kind == "found"
        saved = relay.Relay.saved(lab)
        assert saved is not None
        assert (saved.host, saved.address, saved.trouble) == (HERE, "", "")
        assert LabClient(lab).status()["listens_also_at"] is None
        sh(lab, PUSH)


PUSH = """
    aws ecr create-repository --repository-name far >/dev/null
    aws ecr get-login-password | docker login --username AWS --password-stdin ${REGISTRY%%/*} 2>/dev/null
    docker tag ecrlab/base:1 $REGISTRY/far:1
    docker push -q $REGISTRY/far:1
"""


FORWARD = """
import asyncio, sys

async def pipe(source, target):
    while data := await source.read(65536):
        target.write(data)
        await target.drain()
    target.close()

async def passed_on(near, back):
    far, forth = await asyncio.open_connection("127.0.0.1", int(sys.argv[2]))
    await asyncio.gather(pipe(near, forth), pipe(far, back), return_exceptions=True)

async def main():
    server = await asyncio.start_server(passed_on, sys.argv[1], int(sys.argv[2]))
    print("ready", flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@contextlib.contextmanager
def forwarded(address: str, port: int) -> Iterator[None]:
    """Pass on to loopback what connects to an address."""
    command = [sys.executable, "-c", FORWARD, address, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as program:
        try:
            assert program.stdout is not None
            assert program.stdout.readline() == b"ready\n"
            yield
        finally:
            program.kill()


def test_an_engine_that_reaches_localhost_gets_no_relay(home: Home, tmp_path: Path) -> None:
    engine = private.start_private(Home(tmp_path / "near").make())
    lab = Home(tmp_path / "lab")
    try:
        lab.remember_port(next(port for port in range(6190, 6200) if not port_is_taken(port)))
        os.environ["DOCKER_HOST"] = str(engine.host)
        said: list[str] = []
        launch.start(lab, said.append)
        assert relays(engine, lab) == []
        assert not any("relay" in line for line in said)
        assert launch.status(lab).relay == ""
        assert listeners(lab.port) == ["127.0.0.1"]
    finally:
        del os.environ["DOCKER_HOST"]
        launch.stop(lab)
        private.stop_private(Home(tmp_path / "near"))


@pytest.mark.parametrize("address", ["8.8.8.8", "127.0.0.1", "0.0.0.0", "10.213.77.99", "host", ""])
def test_only_an_own_private_address_is_listened_at(address: str) -> None:
    assert not relay.is_own(address)


def test_labels_of_relays_keep_their_names() -> None:
    """By them a later version finds the containers that this one left in a learner's engine."""
    assert (relay.LABEL, relay.PORTS) == ("ecrlab.relay", "ecrlab.relay.ports")
