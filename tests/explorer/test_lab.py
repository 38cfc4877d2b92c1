"""The explorer over a running lab: control interface, client, command and notebook."""

from __future__ import annotations

import json
import os
import pty
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ecrlab.client import LabClient, LabError
from ecrlab.client.explorer_model import Tree, from_json
from ecrlab.home import Home
from ecrlab_course.toolbox.lab import Lab

BIN = Path(sys.prefix) / "bin"


def free_port() -> int:
    for port in range(5820, 5890):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError("no port is free from 5820 to 5889")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A running lab with two versions of an image, pushed over HTTP, and one in another Region."""
    home = Home(tmp_path_factory.mktemp("explorer") / "home")
    command = [sys.executable, "-m", "ecrlab.server", "--home", str(home.path), "--port", str(free_port())]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        try:
            limit = time.monotonic() + 30
            while not home.read_control():
                assert process.poll() is None, process.stderr and process.stderr.read()
                assert time.monotonic() < limit
                time.sleep(0.05)
            lab = Lab(home)
            for name, region in (("my-web-app", "us-east-1"), ("my-web-app", "eu-west-1")):
                lab.client("ecr", region=region).create_repository(repositoryName=name)
            lab.push("my-web-app", "1.0", b"one")
            lab.push("my-web-app", "1.1", b"two")
            lab.push("my-web-app", "1.0", b"one", region="eu-west-1")
            yield home
        finally:
            process.terminate()
            process.wait(20)


def tree_command(home: Home, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "ECRLAB_HOME": str(home.path)}
    return subprocess.run(
        [str(BIN / "ecrlab"), "tree", *arguments], env=environ, capture_output=True, text=True, check=False, timeout=60
    )


def test_what_docker_would_push_is_seen_with_ecr_s_own_sizes(home: Home) -> None:
    tree = from_json(Tree, LabClient(home).tree())
    assert [registry for registry, _ in tree.registries] == ["123456789012/eu-west-1", "123456789012/us-east-1"]
    shelf = tree.shelves[1]
    details = Lab(home).client("ecr").describe_images(repositoryName="my-web-app")["imageDetails"]
    assert {image.digest: image.size for image in shelf.images} == {
        detail["imageDigest"]: detail["imageSizeInBytes"] for detail in details
    }
    assert [image.tags for image in shelf.images] == [("1.0",), ("1.1",)]


def test_looking_leaves_no_trace_in_the_x_ray(home: Home) -> None:
    client = LabClient(home)
    before = client.xray(after=2**53)["last"]
    client.tree()
    client.comparison("my-web-app:1.0", "my-web-app:1.1")
    assert client.xray(after=2**53)["last"] == before


def test_the_control_interface_refuses_what_makes_no_sense(home: Home) -> None:
    client = LabClient(home)
    with pytest.raises(LabError, match="has no repository nope"):
        client.tree("nope")
    with pytest.raises(LabError, match="0 to 5000"):
        client.tree(images=-1)
    with pytest.raises(LabError, match="are numbers"):
        client._call("GET", "/_ecrlab/tree?images=many")
    for left in (
        "",
        ":",
        "@",
        "my-web-app@",
        "my-web-app@sha256:00",
        "\x00",
        "a" * 5000,
        "../../etc",
        "my-web-app:'--",
    ):
        with pytest.raises(LabError) as refusal:
            client.comparison(left, "my-web-app:1.0")
        assert "500" not in str(refusal.value)
        assert "has no" in str(refusal.value)


def test_the_command_prints_plain_text_into_a_pipe(home: Home) -> None:
    done = tree_command(home, "my-web-app")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("Repository my-web-app, 2 manifests, 2 tags\n")
    assert "\x1b" not in done.stdout
    assert "  my-web-app: 2 manifests" in done.stdout


def test_the_command_compares(home: Home) -> None:
    done = tree_command(home, "--compare", "my-web-app:1.0", "my-web-app:1.1")
    assert done.returncode == 0
    assert [line.split()[:2] for line in done.stdout.splitlines() if line.startswith("only")] == [
        ["only", "left"],
        ["only", "right"],
        ["only", "left"],
        ["only", "right"],
    ]


def test_the_command_gives_json(home: Home) -> None:
    tree = from_json(Tree, json.loads(tree_command(home, "--json").stdout))
    assert tree.sums.manifests == 3


def test_the_command_says_what_is_wrong(home: Home, tmp_path: Path) -> None:
    missing = tree_command(home, "nope")
    assert (missing.returncode, missing.stdout) == (1, "")
    assert missing.stderr.startswith("Registry 123456789012 us-east-1 has no repository nope.")
    both = tree_command(home, "my-web-app", "--compare", "my-web-app:1.0", "my-web-app:1.1")
    assert both.returncode == 1
    assert "--compare takes two images" in both.stderr
    stopped = tree_command(Home(tmp_path / "none"))
    assert stopped.returncode == 1
    assert "ecrlab start" in stopped.stderr
    assert "Traceback" not in missing.stderr + both.stderr + stopped.stderr


def test_a_terminal_gets_colour_around_the_same_words(home: Home) -> None:
    ours, theirs = pty.openpty()
    environ = {**os.environ, "ECRLAB_HOME": str(home.path), "TERM": "xterm-256color", "COLUMNS": "200"}
    environ.pop("NO_COLOR", None)
    with subprocess.Popen(
        [str(BIN / "ecrlab"), "tree"], env=environ, stdout=theirs, stdin=subprocess.DEVNULL
    ) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # Linux: the other end is closed
                break
            if not piece:
                break
            seen += piece
        assert process.wait(30) == 0
    os.close(ours)
    coloured = seen.decode().replace("\r\n", "\n")
    assert "\x1b[" in coloured
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == tree_command(home).stdout
