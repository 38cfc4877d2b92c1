"""Tasks whose containers run, in an engine of the tests' own: how they end, and what is left of them."""

from __future__ import annotations

import gzip
import hashlib
import importlib.util
import io
import json
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import pytest

from ecrlab.client import LabError
from ecrlab.engine import Engine, base_image, private, start_private, stop_private
from ecrlab.engine.hello_program import hello_program
from ecrlab.home import ACCOUNT, REGION
from ecrlab_course.toolbox.image import push_image

HOST = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com"
SLEEPS = ["sh", "-c", "echo up; exec sleep 600"]


def _world() -> Any:
    name = "ecrlab_tests_ecs"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).parent / "conftest.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


@pytest.fixture(scope="module")
def engine_lab(make_lab: Any) -> Iterator[tuple[Any, Engine]]:
    """A lab with an engine of its own; skips where none can run."""
    reason = private.possible() or (f"missing: {private.missing()}" if private.missing() else None)
    if reason:
        pytest.skip(reason)
    lab = make_lab()
    engine = start_private(lab.home)
    engine.save(lab.home)
    try:
        yield lab, engine
    finally:
        if lab.process is not None:
            lab.stop()
        stop_private(lab.home)
        shutil.rmtree(lab.home.path / "engine", ignore_errors=True)


@pytest.fixture
def world(engine_lab: tuple[Any, Engine]) -> Any:
    lab, _ = engine_lab
    lab.control.reset()
    found = _world().World(lab)
    deadline = time.monotonic() + 60
    while containers(engine_lab[1]):  # of the test before: a reset has them removed
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return found


def containers(engine: Engine) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = engine.api("GET", "/containers/json?all=1")
    return found


def register(world: Any, *command: str, image: str = "busybox", **container: Any) -> None:
    one = {"name": "web", "image": image, **container} | ({"command": list(command)} if command else {})
    world.register(containerDefinitions=[one])


def one_file(program: bytes, architecture: str = "amd64") -> tuple[bytes, bytes, bytes]:
    """Layer, config and manifest of an image that is one program."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        entry = tarfile.TarInfo("program")
        entry.size, entry.mode = len(program), 0o755
        archive.addfile(entry, io.BytesIO(program))
    layer = gzip.compress(plain.getvalue(), mtime=0)

    def digest(content: bytes) -> str:
        return "sha256:" + hashlib.sha256(content).hexdigest()

    config = json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "config": {"Cmd": ["/program"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(plain.getvalue())]},
        }
    ).encode()
    kinds = ("config.v1+json", "layer.v1.tar+gzip")
    parts = [
        {"mediaType": f"application/vnd.oci.image.{kind}", "size": len(content), "digest": digest(content)}
        for kind, content in zip(kinds, (config, layer), strict=True)
    ]
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json"}
    manifest |= {"config": parts[0], "layers": parts[1:]}  # type: ignore[dict-item]
    return layer, config, json.dumps(manifest).encode()


def test_a_container_runs_with_its_limits_and_goes_with_its_task(world: Any, engine_lab: tuple[Any, Engine]) -> None:
    engine = engine_lab[1]
    register(world, *SLEEPS, environment=[{"name": "COLOUR", "value": "blue"}])
    task = world.run()
    assert task["lastStatus"] == "RUNNING", task.get("stoppedReason")
    assert "reason" not in task["containers"][0]
    about = engine.api("GET", f"/containers/{task['containers'][0]['runtimeId']}/json")
    assert about["HostConfig"]["Memory"] == 512 * 1024**2
    assert about["HostConfig"]["PortBindings"] in (None, {})
    assert "COLOUR=blue" in about["Config"]["Env"]
    # The execution role's keys never enter a container.
    assert not any(word in json.dumps(about) for word in ("ASIA", "AWS_ACCESS_KEY", "AWS_SESSION"))
    world.ecs.stop_task(cluster="shop", task=task["taskArn"])
    stopped = world.settled(task["taskArn"], "STOPPED")
    assert (stopped["stopCode"], stopped["containers"][0]["exitCode"]) == ("UserInitiated", 137)
    assert containers(engine) == []


def test_containers_of_a_task_share_a_network(world: Any, engine_lab: tuple[Any, Engine]) -> None:
    serves = ["sh", "-c", "echo shared > /tmp/page; httpd -f -p 127.0.0.1:8080 -h /tmp"]
    asks = ["sh", "-c", "until wget -qO- http://127.0.0.1:8080/page; do sleep 0.1; done; exec sleep 600"]
    first = [{"containerName": "web", "condition": "START"}]
    two = [
        {"name": "asks", "image": "busybox", "command": asks, "dependsOn": first},
        {"name": "web", "image": "busybox", "command": serves},
    ]
    world.register(containerDefinitions=two, taskRoleArn=None)
    task = world.run()
    number = next(each["runtimeId"] for each in task["containers"] if each["name"] == "asks")
    deadline = time.monotonic() + 45
    while "shared" not in (text := logs(engine_lab[1], number)):
        assert time.monotonic() < deadline, text
        time.sleep(0.1)
    control = world.lab.control
    # A page is asked for inside the task; what was printed is there after the container.
    assert control.ecs_page("web", port=8080, path="/page")["text"] == "shared\n"
    with pytest.raises(LabError, match=r"port 8081: inside the task, wget.*refused"):
        control.ecs_page("web", port=8081)
    assert control.ecs_task("web")["printed"] == {"asks": "shared\n"}
    world.ecs.stop_task(cluster="shop", task=task["taskArn"])
    world.settled(task["taskArn"], "STOPPED")
    assert control.ecs_task("web")["printed"] == {"asks": "shared\n"}
    with pytest.raises(LabError, match="The task is STOPPED"):
        control.ecs_page("web", port=8080)


@pytest.mark.parametrize("kind", ["private", "found"])
def test_the_task_role_reaches_the_container_and_the_execution_role_never(
    world: Any, engine_lab: tuple[Any, Engine], kind: Literal["private", "found"]
) -> None:
    """Facts D003 and D027. In an engine that was found a small container of the lab's leads back to it."""
    lab, engine = engine_lab
    if kind == "found":
        base_image.ensure(engine, lab.home)
    asks = (
        "wget -qO- ${AWS_CONTAINER_CREDENTIALS_FULL_URI:-http://169.254.170.2$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI}; "
        "env; exec sleep 600"
    )
    register(world, "sh", "-c", asks)
    replace(engine, kind=kind).save(lab.home)
    try:
        task = world.run()
        if kind == "private" and "reason" in task["containers"][0]:
            pytest.skip(task["containers"][0]["reason"])  # another lab of this machine has the address
        number = task["containers"][0]["runtimeId"]
        deadline = time.monotonic() + 45
        while "AWS_EXECUTION_ENV" not in (text := logs(engine, number)):
            assert time.monotonic() < deadline, text
            time.sleep(0.1)
        uri = {"private": "RELATIVE", "found": "FULL"}[kind]
        assert f"AWS_CONTAINER_CREDENTIALS_{uri}_URI" in text
        assert len(containers(engine)) == (2 if kind == "found" else 1)
        world.ecs.stop_task(cluster="shop", task=task["taskArn"])
        world.settled(task["taskArn"], "STOPPED")
        assert containers(engine) == []
    finally:
        engine.save(lab.home)
    found = json.JSONDecoder().raw_decode(text)[0]
    assert found["RoleArn"].endswith(":role/task")
    keys = (found["AccessKeyId"], found["SecretAccessKey"], found["Token"])
    who = world.lab.client_with("sts", *keys).get_caller_identity()["Arn"]
    assert who == f"arn:aws:sts::{ACCOUNT}:assumed-role/task/{task['taskArn'].rpartition('/')[2]}"
    assert "role/exec" not in text
    sessions = [row for row in world.rows() if row["operation"] == "AssumeRole"]
    assert [row["resource"].rpartition("/")[2] for row in sessions] == ["exec", "task"]


def logs(engine: Engine, number: str) -> str:
    """What a container wrote to its standard output."""
    done = subprocess.run(
        ["docker", "-H", str(engine.host), "logs", number], check=True, capture_output=True, text=True
    )
    return done.stdout


@pytest.mark.parametrize(("command", "code", "reason"), [("exit 3", 3, None), ("memory", 137, "OutOfMemoryError")])
def test_a_container_that_ends_takes_its_task_with_it(world: Any, command: str, code: int, reason: str | None) -> None:
    """Facts D013 and D134."""
    eats = "a=x; while :; do a=$a$a; done"
    register(world, "sh", "-c", eats if command == "memory" else command, memory=16)
    arn = world.run()["taskArn"]
    task = world.settled(arn, "STOPPED")
    assert (task["stopCode"], task["stoppedReason"]) == (
        "EssentialContainerExited",
        "Essential container in task exited",
    )
    assert task["containers"][0]["exitCode"] == code
    assert task["containers"][0].get("reason", "").startswith(reason or "")


def test_health_checks_decide_what_a_service_keeps(world: Any, engine_lab: tuple[Any, Engine]) -> None:
    """Facts D146 to D148."""
    check = {"command": ["CMD-SHELL", "test -f /tmp/well"], "interval": 5, "retries": 1}
    register(world, "sh", "-c", "touch /tmp/well; exec sleep 600", healthCheck=check)
    network = {"launchType": "FARGATE", "networkConfiguration": _world().NETWORK, "cluster": "shop"}
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=1, **network)
    # A task of its own is looked at as well, and goes on when it is ill.
    alone = world.run()["taskArn"]
    until = _world().until
    assert until(lambda: world.task(alone), lambda task: task["healthStatus"] == "HEALTHY")
    until(lambda: said(world), lambda text: "steady state" in text)
    first = world.ecs.list_tasks(cluster="shop", serviceName="web")["taskArns"][0]
    for arn in (first, alone):
        number = world.task(arn)["containers"][0]["runtimeId"]
        rm = ["docker", "-H", str(engine_lab[1].host), "exec", number, "rm", "/tmp/well"]
        subprocess.run(rm, check=True, capture_output=True)
    ill = world.settled(first, "STOPPED")
    told = (ill["stopCode"], ill["stoppedReason"], ill["healthStatus"])
    assert told == ("ServiceSchedulerInitiated", "Task failed container health checks", "UNHEALTHY")
    assert f"(service web) (task {first.rpartition('/')[2]}) failed container health checks." in said(world)
    goes_on = until(lambda: world.task(alone), lambda task: task["healthStatus"] == "UNHEALTHY")
    assert goes_on["lastStatus"] == goes_on["desiredStatus"] == "RUNNING"
    until(lambda: world.ecs.list_tasks(cluster="shop", serviceName="web")["taskArns"], lambda arns: len(arns) == 1)


def said(world: Any) -> str:
    """The events of the service "web"."""
    events = world.ecs.describe_services(cluster="shop", services=["web"])["services"][0]["events"]
    return "\n".join(event["message"] for event in events)


def test_a_program_for_another_processor(world: Any) -> None:
    """Its config lies about the platform, so it is pulled; the kernel does not start it."""
    token = world.ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"]
    push_image(world.lab.port, f"{HOST}/web", "arm", one_file(hello_program("arm64")), token)
    register(world, image=f"{HOST}/web:arm")
    task = world.settled(world.run()["taskArn"], "STOPPED")
    said = (task["stopCode"], task["containers"][0].get("exitCode"), task["stoppedReason"])
    assert said[0] == "EssentialContainerExited" or "exec format error" in said[2], said


def test_a_service_replaces_what_was_killed_and_a_stop_removes_all(world: Any, engine_lab: tuple[Any, Engine]) -> None:
    lab, engine = engine_lab
    register(world, *SLEEPS)
    network = {"launchType": "FARGATE", "networkConfiguration": _world().NETWORK, "cluster": "shop"}
    world.ecs.create_service(serviceName="web", taskDefinition="web", desiredCount=2, **network)
    wait = world.ecs.get_waiter("services_stable")
    wait.wait(cluster="shop", services=["web"])
    before = {each["Id"] for each in containers(engine)}
    assert len(before) == 2
    subprocess.run(["docker", "-H", str(engine.host), "rm", "-f", min(before)], check=True, capture_output=True)
    deadline = time.monotonic() + 45
    while len(before | {each["Id"] for each in containers(engine)}) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    wait.wait(cluster="shop", services=["web"])
    world.kill()  # kill -9: the containers go on, and are found again
    wait.wait(cluster="shop", services=["web"])
    there = {each["Id"] for each in containers(engine)}
    assert len(there) == 2
    lab.stop()
    assert containers(engine) == []
    lab.start()  # recipes and services stayed: the tasks come back, as new ones
    wait.wait(cluster="shop", services=["web"])
    deadline = time.monotonic() + 60
    while len(new := {each["Id"] for each in containers(engine)}) != 2 or new & there:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    removed = lab.control.reset(clusters=["shop"], families=["web"])["removed"]
    assert "service web of the cluster shop" in removed
    assert containers(engine) == []
    assert [image for image in engine.api("GET", "/images/json") if "ecrlab-task" in str(image["RepoTags"])] == []
