"""One image, five clients: what each pushes every other pulls, and all agree with the registry on its digest.

docker comes twice where two are installed: the first in PATH and the distribution's own.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SYSTEM_DOCKER = "/usr/bin/docker"
LOGIN = '"AWS:$(aws ecr get-login-password)"'
CONTENT = b"the same everywhere"

# For the Python client of ORAS, run by an interpreter that has it: push or pull, the address, the image's folder.
ORAS = """
import hashlib, json, os, pathlib, sys
import oras.client
work, address, folder = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
client = oras.client.OrasClient(insecure=True, auth_backend="basic")
client.login(username="AWS", password=os.environ["PASSWORD"], hostname=address.split("/")[0],
             config_path=str(folder / "login.json"))
container = client.get_container(address)
if work == "push":
    manifest = json.loads((folder / "manifest.json").read_text())
    for part in (manifest["config"], *manifest["layers"]):
        client.upload_blob(str(folder / part["digest"].partition(":")[2]), container, part).raise_for_status()
    answer = client.upload_manifest(manifest, container)
    answer.raise_for_status()
    print("digest", answer.headers["Docker-Content-Digest"])
else:
    kinds = ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"]
    url = client.prefix + "://" + container.manifest_url()
    answer = client.do_request(url, "GET", headers={"Accept": ", ".join(kinds)})
    answer.raise_for_status()
    for part in (answer.json()["config"], *answer.json()["layers"]):
        data = client.get_blob(container, part["digest"]).content
        assert "sha256:" + hashlib.sha256(data).hexdigest() == part["digest"]
    print("digest", "sha256:" + hashlib.sha256(answer.content).hexdigest())
"""


@dataclass(frozen=True)
class Client:
    """A client: it pushes the image to an address, pulls from one, and says each time which digest it saw."""

    push: Callable[[str], str]
    pull: Callable[[str], str]


def last_word(output: str) -> str:
    return output.split()[-1]


def docker(program: str, sh: Any, made: str) -> Client:
    """The docker command at ``program``, with the tests' engine."""

    def push(address: str) -> str:
        output = sh.good(f"{program} tag {made} {address} && {program} push {address}")
        return str(next(word for word in output.split() if word.startswith("sha256:")))

    def pull(address: str) -> str:
        sh.good(f"{program} rmi -f {address} {made}; {program} pull {address}")
        output = sh.good(f"{program} image inspect --format '{{{{json .RepoDigests}}}}' {address}")
        [digest] = {name.partition("@")[2] for name in json.loads(output)}
        sh.good(f"{program} tag {address} {made}")
        return str(digest)

    return Client(push, pull)


def skopeo(sh: Any, source: Path, folder: Path) -> Client:
    def push(address: str) -> str:
        command = f"skopeo copy --dest-creds {LOGIN} --dest-tls-verify=false --digestfile {folder}/pushed"
        sh.good(f"{command} docker-archive:{source} docker://{address}")
        return (folder / "pushed").read_text().strip()

    def pull(address: str) -> str:
        copy = folder / "copy"
        shutil.rmtree(copy, ignore_errors=True)
        sh.good(f"skopeo copy --src-creds {LOGIN} --src-tls-verify=false docker://{address} dir:{copy}")
        return "sha256:" + hashlib.sha256((copy / "manifest.json").read_bytes()).hexdigest()

    return Client(push, pull)


def podman(sh: Any, source: Path, folder: Path, made: str) -> Client:
    """podman with storages of its own; the vfs driver needs no rights that a container may lack.

    What is pulled goes to another storage: an image that is known there under one digest keeps it beside a second one.
    """

    def command(storage: str) -> str:
        return f"podman --root {folder}/{storage} --runroot {folder}/run-{storage} --storage-driver vfs"

    pushing, pulling = command("out"), command("in")
    sh.good(f"{pushing} load -q -i {source}")

    def push(address: str) -> str:
        to = f"--creds {LOGIN} --tls-verify=false --digestfile {folder}/pushed"
        sh.good(f"{pushing} push {to} {made} docker://{address}")
        return (folder / "pushed").read_text().strip()

    def pull(address: str) -> str:
        sh.good(f"{pulling} pull -q --creds {LOGIN} --tls-verify=false {address}")
        return last_word(sh.good(f"{pulling} image inspect --format '{{{{.Digest}}}}' {address}"))

    return Client(push, pull)


def oras(python: str, sh: Any, source: Path, folder: Path) -> Client:
    """ORAS pushes files, so the image is first laid out as files by skopeo."""
    (folder / "client.py").write_text(ORAS)
    sh.good(f"skopeo copy docker-archive:{source} --format oci dir:{folder}/image")

    def run(work: str, address: str) -> str:
        password = 'PASSWORD="$(aws ecr get-login-password)"'
        return last_word(sh.good(f"{password} {python} {folder}/client.py {work} {address} {folder}/image"))

    return Client(lambda address: run("push", address), lambda address: run("pull", address))


def oras_python() -> str | None:
    """An interpreter with PyPI's `oras`: ECRLAB_ORAS_PYTHON; it is not a dependency of this project."""
    python = os.environ.get("ECRLAB_ORAS_PYTHON", "")
    return python if python and subprocess.run([python, "-c", "import oras"], check=False).returncode == 0 else None


PROGRAMS: dict[str, Callable[[], str | None]] = {
    "docker": lambda: shutil.which("docker"),
    "system docker": lambda: SYSTEM_DOCKER if Path(SYSTEM_DOCKER).exists() else None,
    "skopeo": lambda: shutil.which("skopeo"),
    "podman": lambda: shutil.which("podman"),
    "oras": lambda: oras_python() if shutil.which("skopeo") else None,
}


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder whose name podman does not find too long for its runroot (50 characters)."""
    folder = Path(tempfile.mkdtemp(prefix="pod-", dir="/tmp"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def clients(sh: Any, image: Callable[..., str], tmp_path: Path, short: Path) -> dict[str, Client]:
    """Every client that is installed, each with the same image."""
    made = image(CONTENT)
    source = tmp_path / "image.tar"
    sh.good(f"docker save {made} -o {source}")
    found = {}
    for name, program in PROGRAMS.items():
        path = program()
        if path is None or (name == "system docker" and path == shutil.which("docker")):
            continue
        folder = tmp_path / name.replace(" ", "-")
        folder.mkdir()
        if "docker" in name:
            found[name] = docker(path, sh, made)
        elif name == "skopeo":
            found[name] = skopeo(sh, source, folder)
        elif name == "podman":
            found[name] = podman(sh, source, short, made)
        else:
            found[name] = oras(path, sh, source, folder)
    return found


@pytest.mark.parametrize("pusher", PROGRAMS)
def test_what_one_client_pushes_every_client_pulls(pusher: str, clients: dict[str, Client], sh: Any, lab: Any) -> None:
    if pusher not in clients:
        pytest.skip(f"{pusher} is not installed")
    lab.repository("my-web-app")
    sh.login()
    address = f"localhost:{lab.port}/123456789012.dkr.ecr.us-east-1.amazonaws.com/my-web-app:one"
    pushed = clients[pusher].push(address)
    [detail] = lab.client("ecr").describe_images(repositoryName="my-web-app")["imageDetails"]
    assert (pushed, detail["imageTags"]) == (detail["imageDigest"], ["one"])
    pulled = {name: client.pull(address) for name, client in clients.items()}
    assert pulled == dict.fromkeys(clients, pushed)
