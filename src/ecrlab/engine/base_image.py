"""The base image of the lessons, ``ecrlab/base:1``: a static busybox with its commands, made on this machine.

The image is a tar file made in Python, the same bytes for the same busybox, and loaded with `docker load`: into the
engine, or, where there is none, into the stand-in.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

from ecrlab.engine.docker_cli import DockerCli, architecture_here
from ecrlab.engine.engine import Engine, EngineError
from ecrlab.home import Home

NAME = "ecrlab/base:1"
Say = Callable[[str], None]

_MACHINES = {0x3E: "amd64", 0xB7: "arm64", 0x28: "arm", 0x03: "386", 0xF3: "riscv64", 0x15: "ppc64le", 0x16: "s390x"}
_FOLDERS = {"dev": 0o755, "etc": 0o755, "home": 0o755, "proc": 0o755, "root": 0o700, "sys": 0o755, "tmp": 0o1777}
_FILES = {
    "etc/passwd": b"root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n",
    "etc/group": b"root:x:0:\nnogroup:x:65534:\n",
}
_PLACEHOLDER_NOTE = b"This stands for busybox: the machine that made this image had none, and no engine to run it.\n"
_PLACEHOLDER_SIZE = 1_000_000
# Enough for what the lessons show of an image that is never started.
_PLACEHOLDER_COMMANDS = ["cat", "echo", "httpd", "ls", "sh", "wget"]
_CONFIG = {
    "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
    "Cmd": ["sh"],
}


def ensure(engine: Engine, home: Home | None = None, say: Say = lambda line: None) -> None:
    """Make ``ecrlab/base:1`` in the engine, or in the stand-in of ``home`` when there is no engine, unless it is there.

    Busybox comes from this machine when it has a static one for the engine's processor, else from an image busybox that
    the engine has, else from Debian's package busybox-static, else from a registry; the last two are said first.
    Raises EngineError when none of these can be had.
    """
    docker = DockerCli(engine, home or Home.find())
    if docker.run("image", "inspect", NAME).returncode == 0:
        return
    architecture = docker.architecture()
    found = _from_machine(architecture) or _from_image(docker)
    if found is None and engine.kind == "none":
        say("This machine has no static busybox: the base image holds a placeholder. Without an engine nothing runs.")
        found = placeholder(), _PLACEHOLDER_COMMANDS
    if found is None:
        found = _from_package(architecture, say) or _from_hub(docker, say)
    if found is None:
        raise EngineError(
            f"No static busybox for {architecture} was found on this machine, in the engine or in a registry. "
            "Install one (Debian, Ubuntu: `apt-get install busybox-static`) or run `docker pull busybox`, then "
            "`ecrlab start` again."
        )
    docker.load(archive(*found, architecture), NAME)


def here() -> tuple[bytes, str]:
    """Return what the base image is made of, without any engine: its layer (a tar file) and processor (GOARCH name).

    Where this machine has no static busybox of its own, the layer holds a placeholder that does not run.
    """
    architecture = architecture_here()
    return root_files(*(_from_machine(architecture) or (placeholder(), _PLACEHOLDER_COMMANDS))), architecture


def placeholder() -> bytes:
    """Return what stands for busybox: a sentence that says so, and bytes that nothing compresses, always the same.

    It is as large as busybox is when packed: lessons let learners compare how many bytes docker and aws carry, and an
    image of a few bytes would give another answer than every real one.
    """
    return _PLACEHOLDER_NOTE + hashlib.shake_256(_PLACEHOLDER_NOTE).digest(_PLACEHOLDER_SIZE)


def root_files(busybox: bytes, commands: list[str]) -> bytes:
    """Return the layer: a tar file with busybox, a link for each of its commands, and the usual folders."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        entries: dict[str, tuple[bytes, int, bytes | str]] = {
            "bin": (tarfile.DIRTYPE, 0o755, b""),
            "bin/busybox": (tarfile.REGTYPE, 0o755, busybox),
            "usr": (tarfile.DIRTYPE, 0o755, b""),
            "usr/bin": (tarfile.DIRTYPE, 0o755, b""),
            "usr/bin/env": (tarfile.SYMTYPE, 0o777, "../../bin/busybox"),
            **{name: (tarfile.DIRTYPE, mode, b"") for name, mode in _FOLDERS.items()},
            **{name: (tarfile.REGTYPE, 0o644, data) for name, data in _FILES.items()},
            **{f"bin/{name}": (tarfile.SYMTYPE, 0o777, "busybox") for name in commands if name != "busybox"},
        }
        for name in sorted(entries):
            kind, mode, content = entries[name]
            info = tarfile.TarInfo(name)
            info.type, info.mode = kind, mode
            if isinstance(content, str):
                info.linkname = content
            else:
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return target.getvalue()


def archive(busybox: bytes, commands: list[str], architecture: str) -> bytes:
    """Return the image as the tar file that `docker load` reads; times are 1970, so equal input gives equal bytes."""
    layer = root_files(busybox, commands)
    moment = "1970-01-01T00:00:00Z"
    config = json.dumps(
        {
            "architecture": architecture,
            "config": _CONFIG,
            "created": moment,
            "history": [{"created": moment, "created_by": "ecrlab: static busybox and links to it"}],
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(layer).hexdigest()]},
        },
        separators=(",", ":"),
    ).encode()
    return packed(NAME, config, [layer])


def packed(name: str, config: bytes, layers: list[bytes]) -> bytes:
    """Return an image as the tar file that `docker load` reads, from its configuration and layers, lowest first."""
    config_name = hashlib.sha256(config).hexdigest() + ".json"
    # An engine takes the name of a layer from the archive; the first is called as it was in the lab's first images.
    paths = ["layer/layer.tar", *(f"layer{number}/layer.tar" for number in range(2, len(layers) + 1))]
    listing = json.dumps([{"Config": config_name, "RepoTags": [name], "Layers": paths}]).encode()
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as tar:
        files = [(config_name, config), *zip(paths, layers, strict=True), ("manifest.json", listing)]
        for path, data in files:
            info = tarfile.TarInfo(path)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return target.getvalue()


def processor(program: bytes) -> str | None:
    """Return the processor that a Linux program was made for (GOARCH name), or None when it is not a program."""
    if program[:4] != b"\x7fELF" or len(program) < 64:
        return None
    return _MACHINES.get(int.from_bytes(program[18:20], "little" if program[5] == 1 else "big"))


def static_for(program: bytes) -> str | None:
    """Return the processor of a Linux program that needs no other file (GOARCH name), or None when it is not one."""
    if program[:4] != b"\x7fELF" or len(program) < 64:
        return None

    def number(at: int, size: int) -> int:
        return int.from_bytes(program[at : at + size], "little" if program[5] == 1 else "big")

    wide = program[4] == 2
    table, entry, count = (
        (number(32, 8), number(54, 2), number(56, 2)) if wide else (number(28, 4), number(42, 2), number(44, 2))
    )
    interpreter = 3  # PT_INTERP: the program asks for a dynamic loader
    if any(number(table + index * entry, 4) == interpreter for index in range(count)):
        return None
    return processor(program)


def _from_machine(architecture: str) -> tuple[bytes, list[str]] | None:
    for path in dict.fromkeys(filter(None, (shutil.which("busybox"), "/bin/busybox", "/usr/bin/busybox"))):
        try:
            program = Path(path).read_bytes()
            if static_for(program) != architecture:
                continue
            listed = subprocess.run([path, "--list"], capture_output=True, text=True, timeout=10, check=True)
        except (OSError, subprocess.SubprocessError):
            continue
        return program, listed.stdout.split()
    return None


def _from_package(architecture: str, say: Say) -> tuple[bytes, list[str]] | None:
    """Install Debian's or Ubuntu's package busybox-static, as root only, saying so first."""
    if os.name != "posix" or os.geteuid() != 0 or not shutil.which("apt-get"):
        return None
    say("Installing the package busybox-static with apt-get (about 1 MB), for the base image of the lessons.")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update", "-q"],
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", "busybox-static"],
    ):
        try:
            subprocess.run(
                command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=600, check=True
            )
        except (OSError, subprocess.SubprocessError) as error:
            say(f"That did not work: {error}")
            return None
    return _from_machine(architecture)


def _from_image(docker: DockerCli, image: str = "busybox") -> tuple[bytes, list[str]] | None:
    """Return busybox and its commands from an image that the engine has, or None."""
    if docker.standin or docker.run("image", "inspect", image).returncode != 0:
        return None
    made = docker.run("create", image, "sh")
    container = made.stdout.decode().strip()
    if made.returncode != 0 or not container:
        return None
    try:
        copied = docker.run("cp", f"{container}:/bin", "-")
    finally:
        docker.run("rm", container)
    if copied.returncode != 0:
        return None
    with tarfile.open(fileobj=io.BytesIO(copied.stdout)) as tar:
        members = [member for member in tar.getmembers() if not member.isdir()]
        # All of an image's commands are one file under many names; the archive holds its bytes once.
        file = next((tar.extractfile(member) for member in members if member.isreg() and member.size > 100_000), None)
        program = file.read() if file else b""
    if static_for(program) != docker.architecture():
        return None
    return program, sorted({Path(member.name).name for member in members})


def _from_hub(docker: DockerCli, say: Say) -> tuple[bytes, list[str]] | None:
    """Pull the image busybox from Docker Hub, saying so first, and take busybox from it."""
    say("Pulling the image busybox (about 2 MB) for the base image of the lessons.")
    return _from_image(docker) if docker.run("pull", "-q", "busybox", timeout=90).returncode == 0 else None
