"""`docker build` without an engine: a Dockerfile whose lines only copy files and set metadata.

The printed lines and the history are those of docker's classic builder. RUN is refused before anything is built.
Created is 1970 (or SOURCE_DATE_EPOCH) and layers carry no times, so the same input gives the same image id.
"""

from __future__ import annotations

import json
import os
import platform as machine
import posixpath
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from fnmatch import translate
from pathlib import Path
from typing import Any

from ecrlab.standin import layers
from ecrlab.standin.archive import make_manifest
from ecrlab.standin.errors import DockerError, from_daemon
from ecrlab.standin.images import DOCKER_MANIFEST, Images, NoSuchImageError, sha256
from ecrlab.standin.layers import Entry, Layer
from ecrlab.standin.names import Name, parse, short

Say = Callable[[str], None]
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NOTHING = "scratch"
_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "arm", "i686": "386"}
_METADATA = (
    "CMD",
    "ENTRYPOINT",
    "ENV",
    "LABEL",
    "EXPOSE",
    "USER",
    "VOLUME",
    "STOPSIGNAL",
    "MAINTAINER",
    "SHELL",
    "ARG",
)
_KNOWN = (*_METADATA, "FROM", "COPY", "ADD", "WORKDIR", "RUN", "HEALTHCHECK", "ONBUILD")


def host_platform() -> tuple[str, str, str]:
    """Return os, architecture and variant that a docker on this machine would choose."""
    return "linux", _MACHINES.get(machine.machine().lower(), machine.machine().lower()), ""


def read_platform(text: str) -> tuple[str, str, str]:
    """Return the parts of `linux/arm64/v8`. Raises DockerError."""
    parts = text.lower().split("/")
    if not 1 <= len(parts) <= 3 or not all(re.fullmatch(r"[a-z0-9_.-]+", part) for part in parts):
        raise from_daemon(f'"{text}" is an invalid component of a platform; expected os/architecture[/variant]')
    if len(parts) == 1:
        parts = ["linux", *parts]
    return parts[0], _MACHINES.get(parts[1], parts[1]), parts[2] if len(parts) > 2 else ""


@dataclass(frozen=True)
class Instruction:
    """One line of a Dockerfile: its word, its `--name=value` flags, what follows, and the whole as docker shows it."""

    word: str
    flags: dict[str, str]
    rest: str
    line: int
    shown: str


@dataclass
class _Stage:
    config: dict[str, Any] = field(default_factory=lambda: {"Env": [PATH]})
    layers: list[Layer] = field(default_factory=list)
    history: list[dict[str, Any]] = field(default_factory=list)
    args: dict[str, str] = field(default_factory=dict)
    platform: tuple[str, str, str] = ("linux", "amd64", "")
    seen: dict[str, Entry] | None = None
    command_set: bool = False

    def env(self) -> dict[str, str]:
        return {**self.args, **dict(item.split("=", 1) for item in self.config.get("Env", []))}


@dataclass(frozen=True)
class Order:
    """What `docker build` was asked for."""

    context: Path | None
    dockerfile: str
    dockerfile_name: str
    tags: list[Name]
    args: dict[str, str | None]
    labels: dict[str, str]
    platform: tuple[str, str, str] | None
    target: str
    quiet: bool


def parse_dockerfile(text: str, name: str) -> list[Instruction]:
    """Return the instructions of a Dockerfile. Raises DockerError with docker's text."""
    found: list[Instruction] = []
    pending, first = "", 0
    for number, raw in enumerate(text.splitlines(), 1):
        line = raw.strip() if not pending else raw.rstrip()
        if line.lstrip().startswith("#") or (not line.strip() and not pending):
            continue
        first = first or number
        if line.endswith("\\"):
            pending += line[:-1]
            continue
        found.append(_instruction((pending + line).strip(), first, name))
        pending, first = "", 0
    if pending.strip():
        found.append(_instruction(pending.strip(), first, name))
    if not text:
        raise from_daemon(f"the Dockerfile ({name}) cannot be empty")
    if not found:
        raise from_daemon(f"failed to parse {name}: file with no instructions")
    return found


def _instruction(text: str, line: int, name: str) -> Instruction:
    word, _, rest = re.sub(r"\s", " ", text, count=1).partition(" ")
    word, rest = word.upper(), rest.strip()
    if word not in _KNOWN:
        raise from_daemon(f"dockerfile parse error line {line}: unknown instruction: {word}")
    shown = f"{word} {rest}".strip()
    flags: dict[str, str] = {}
    while word != "CMD" and (match := re.match(r"--([a-z-]+)=(\S+)\s*", rest)):
        flags[match[1]] = match[2]
        rest = rest[match.end() :]
    if word in ("COPY", "ADD") and len(_list(rest) or rest.split()) < 2:
        raise from_daemon(
            f"dockerfile parse error line {line}: {word} requires at least two arguments, but only one was provided. "
            "Destination could not be determined"
        )
    if word in ("ENV", "LABEL"):
        parts = words(rest)
        legacy = len(parts) > 1 and "=" not in parts[0]
        if not parts or (not legacy and any("=" not in part for part in parts)):
            raise from_daemon(f"failed to parse {name}: {word} must have two arguments")
    return Instruction(word, flags, rest, line, shown)


def _list(rest: str) -> list[str] | None:
    """Return the JSON form of an instruction (`["a","b"]`), or None."""
    if not rest.startswith("["):
        return None
    try:
        values = json.loads(rest)
    except ValueError:
        return None
    return values if isinstance(values, list) and all(isinstance(value, str) for value in values) else None


def expand(text: str, env: dict[str, str]) -> str:
    """Return a word of a Dockerfile with quotes removed and $NAME, ${NAME}, ${NAME:-x} and ${NAME:+x} replaced."""
    out, at, quote = [], 0, ""
    while at < len(text):
        char = text[at]
        if char == "\\" and quote != "'" and at + 1 < len(text):
            out.append(text[at + 1])
            at += 2
        elif char in "'\"" and quote in ("", char):
            quote = "" if quote else char
            at += 1
        elif char == "$" and quote != "'" and (match := _VARIABLE.match(text, at)):
            out.append(_variable(match, env))
            at = match.end()
        else:
            out.append(char)
            at += 1
    return "".join(out)


_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})")


def _variable(match: re.Match[str], env: dict[str, str]) -> str:
    value = env.get(match[1] or match[2], "")
    if match[3] == "-":
        return value or expand(match[4], env)
    if match[3] == "+":
        return expand(match[4], env) if value else ""
    return value


def words(text: str) -> list[str]:
    """Return the words of a line, quotes still on them."""
    return re.findall(r"(?:\\.|\"(?:\\.|[^\"\\])*\"|'[^']*'|[^\s\"'\\])+", text)


def build(images: Images, order: Order, fetch: Callable[[Name], None], say: Say) -> str:
    """Carry out a Dockerfile and return the image's id. Raises DockerError.

    `fetch` pulls a base image that is not here; `say` gets the lines that docker prints.
    """
    report: Say = (lambda line: None) if order.quiet else say
    files = _context(order.context) if order.context else {}
    size = sum(512 + (path.stat().st_size + 511) // 512 * 512 * path.is_file() for path in files.values()) + 1024
    report(f"Sending build context to Docker daemon  {human(size, 4)}\n")
    steps = parse_dockerfile(order.dockerfile, order.dockerfile_name)
    for step in steps:
        if step.word in ("RUN", "ONBUILD", "HEALTHCHECK"):
            raise DockerError(
                f"{order.dockerfile_name}, line {step.line}: {step.shown}\n"
                f"{step.word} needs a container engine: it stands for a command in a container, and this computer runs "
                "ECR Lab's stand-in for docker, which has no engine. The stand-in builds FROM scratch or an image that "
                "is here, with COPY, ADD, ENV, LABEL, EXPOSE, WORKDIR, USER, ARG, CMD and ENTRYPOINT. "
                "'ecrlab doctor' says how to get an engine."
            )
    with images.using_blobs():
        return _Builder(images, order, files, fetch, report).run(steps)


class _Builder:
    def __init__(
        self, images: Images, order: Order, files: dict[str, Path], fetch: Callable[[Name], None], report: Say
    ) -> None:
        self.images, self.order, self.files, self.fetch, self.report = images, order, files, fetch, report
        self.stages: list[tuple[str, _Stage]] = []
        self.before_from: dict[str, str] = {}
        self.used: set[str] = set()
        moment = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)
        self.created = _time(moment)

    @property
    def stage(self) -> _Stage:
        return self.stages[-1][1]

    def run(self, steps: list[Instruction]) -> str:
        id_ = ""
        for number, step in enumerate(steps, 1):
            if not self.stages and step.word not in ("FROM", "ARG"):
                raise from_daemon("no build stage in current context")
            if step.word == "FROM" and self.stages and self.order.target == self.stages[-1][0]:
                break
            self.report(f"Step {number}/{len(steps)} : {step.shown}")
            if step.word == "FROM":
                id_ = self.start(step)
                continue
            if not self.stages:
                self.before_from.update(self.argument(step, self.before_from))
                continue
            getattr(self, f"do_{step.word.lower()}")(step)
            id_ = sha256(self.config())
            self.report(f" ---> {short(id_)}")
        if self.order.target and self.order.target not in [name for name, _ in self.stages]:
            raise from_daemon(f"failed to reach build target {self.order.target} in Dockerfile")
        if self.order.labels:
            self.stage.config["Labels"] = {**self.stage.config.get("Labels", {}), **self.order.labels}
        unused = sorted(set(self.order.args) - self.used)
        if unused:
            self.report(f"[Warning] One or more build-args [{' '.join(unused)}] were not consumed")
        if not self.stage.history and not self.stage.layers:
            raise DockerError("No image was generated. Is your Dockerfile empty?")
        manifest = make_manifest(self.images, self.config(), self.stage.layers)
        sizes = [layer.size for layer in self.stage.layers]
        id_ = self.images.keep(manifest, DOCKER_MANIFEST, sizes, self.order.tags)
        self.report(f"Successfully built {short(id_)}")
        for name in self.order.tags:
            self.report(f"Successfully tagged {name.text}")
        return id_

    def config(self) -> bytes:
        stage = self.stage
        os_, architecture, variant = stage.platform
        document: dict[str, Any] = {"architecture": architecture}
        if variant:
            document["variant"] = variant
        document["config"] = stage.config
        document["created"] = self.created
        document["history"] = stage.history
        document["os"] = os_
        document["rootfs"] = {"type": "layers", "diff_ids": [layer.diff_id for layer in stage.layers]}
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()

    def note(self, text: str, *, empty: bool) -> None:
        shell = " ".join(self.stage.config.get("Shell") or ["/bin/sh", "-c"])
        entry: dict[str, Any] = {"created": self.created, "created_by": f"{shell} #(nop) {text}"}
        if empty:
            entry["empty_layer"] = True
        self.stage.history.append(entry)

    # stages

    def start(self, step: Instruction) -> str:
        match = re.fullmatch(r"(\S+)(?:\s+[Aa][Ss]\s+(\S+))?", step.rest)
        if match is None:
            raise from_daemon(f"dockerfile parse error line {step.line}: FROM requires either one or three arguments")
        base = expand(match[1], self.before_from)
        name = (match[2] or str(len(self.stages))).lower()
        wanted = self.order.platform
        if "platform" in step.flags:
            wanted = read_platform(expand(step.flags["platform"], self.before_from))
        earlier = dict(self.stages).get(base.lower())
        if base == NOTHING:
            stage, id_ = _Stage(platform=wanted or host_platform()), ""
        elif earlier is not None:
            stage = replace(
                earlier, config=dict(earlier.config), layers=list(earlier.layers), history=list(earlier.history)
            )
            id_ = sha256(self.config())
        else:
            stage, id_ = self.base(base, wanted)
        stage.args = {}
        self.stages.append((name, stage))
        self.report(f" ---> {short(id_)}")
        return id_

    def base(self, text: str, wanted: tuple[str, str, str] | None) -> tuple[_Stage, str]:
        try:
            image = self.images.find(text)
        except NoSuchImageError:
            try:
                name = parse(text).tagged()
            except ValueError as error:
                raise DockerError(str(error)) from error
            self.fetch(name)
            image = self.images.find(text)
        stack = [
            Layer(layer["digest"], layer["size"], diff_id, size)
            for layer, diff_id, size in zip(image.manifest["layers"], image.diff_ids, image.layer_sizes, strict=True)
        ]
        has = image.config
        platform = (has.get("os", "linux"), has.get("architecture", ""), has.get("variant", ""))
        history = list(has.get("history") or [])
        return _Stage(dict(has.get("config") or {}), stack, history, platform=wanted or platform), image.id

    def argument(self, step: Instruction, env: dict[str, str]) -> dict[str, str]:
        values: dict[str, str] = {}
        for word in words(step.rest):
            name, equals, default = word.partition("=")
            given = self.order.args.get(name)
            if name in self.order.args:
                self.used.add(name)
            if given is not None:
                values[name] = given
            elif equals:
                values[name] = expand(default, {**env, **values})
            elif name in self.before_from and env is not self.before_from:
                values[name] = self.before_from[name]
        return values

    # metadata

    def do_arg(self, step: Instruction) -> None:
        self.stage.args.update(self.argument(step, self.stage.env()))
        self.note(f" ARG {step.rest}", empty=True)

    def do_env(self, step: Instruction) -> None:
        pairs = self.pairs(step)
        current = dict(item.split("=", 1) for item in self.stage.config.get("Env", []))
        self.stage.config["Env"] = [f"{name}={value}" for name, value in {**current, **pairs}.items()]
        self.note(" ENV " + " ".join(f"{name}={value}" for name, value in pairs.items()), empty=True)

    def do_label(self, step: Instruction) -> None:
        pairs = self.pairs(step)
        self.stage.config["Labels"] = {**(self.stage.config.get("Labels") or {}), **pairs}
        self.note(" LABEL " + " ".join(f"{name}={value}" for name, value in pairs.items()), empty=True)

    def pairs(self, step: Instruction) -> dict[str, str]:
        parts, env = words(step.rest), self.stage.env()
        if parts and "=" not in parts[0] and len(parts) > 1:
            return {expand(parts[0], env): expand(step.rest.split(None, 1)[1], env)}
        return {expand(name, env): expand(value, env) for name, _, value in (part.partition("=") for part in parts)}

    def do_expose(self, step: Instruction) -> None:
        ports = [expand(word, self.stage.env()) for word in words(step.rest)]
        full: dict[str, Any] = {port if "/" in port else f"{port}/tcp": {} for port in ports}
        self.stage.config["ExposedPorts"] = dict(
            sorted({**(self.stage.config.get("ExposedPorts") or {}), **full}.items())
        )
        self.note(f" EXPOSE {' '.join(ports)}", empty=True)

    def do_volume(self, step: Instruction) -> None:
        paths = _list(step.rest) or [expand(word, self.stage.env()) for word in words(step.rest)]
        self.stage.config["Volumes"] = {**(self.stage.config.get("Volumes") or {}), **{path: {} for path in paths}}
        self.note(f" VOLUME [{' '.join(paths)}]", empty=True)

    def do_user(self, step: Instruction) -> None:
        self.stage.config["User"] = expand(step.rest, self.stage.env())
        self.note(f" USER {self.stage.config['User']}", empty=True)

    def do_stopsignal(self, step: Instruction) -> None:
        self.stage.config["StopSignal"] = expand(step.rest, self.stage.env())
        self.note(f" STOPSIGNAL {self.stage.config['StopSignal']}", empty=True)

    def do_maintainer(self, step: Instruction) -> None:
        self.note(f" MAINTAINER {step.rest}", empty=True)

    def do_shell(self, step: Instruction) -> None:
        value = _list(step.rest)
        if value is None:
            raise from_daemon(
                f"dockerfile parse error line {step.line}: SHELL requires the arguments to be in JSON form"
            )
        self.stage.config["Shell"] = value
        self.note(f" SHELL [{' '.join(value)}]", empty=True)

    def command(self, step: Instruction) -> list[str]:
        value = _list(step.rest)
        if value is not None:
            return value
        return [*(self.stage.config.get("Shell") or ["/bin/sh", "-c"]), step.rest]

    def do_cmd(self, step: Instruction) -> None:
        self.stage.config["Cmd"] = self.command(step)
        self.stage.command_set = True
        self.note(f" CMD [{' '.join(map(json.dumps, self.stage.config['Cmd']))}]", empty=True)

    def do_entrypoint(self, step: Instruction) -> None:
        self.stage.config["Entrypoint"] = self.command(step)
        if not self.stage.command_set:
            self.stage.config.pop("Cmd", None)  # a CMD of the base image was written for the base's entry point
        self.note(f" ENTRYPOINT [{' '.join(map(json.dumps, self.stage.config['Entrypoint']))}]", empty=True)

    # files

    def lower(self) -> dict[str, Entry]:
        """What the stage's layers show so far."""
        if self.stage.seen is None:
            self.stage.seen = layers.members(self.images.path(layer.digest) for layer in self.stage.layers)
        return self.stage.seen

    def folders(self, path: str, entries: dict[str, Entry]) -> None:
        """Add the folders above a path, with the rights they already have."""
        parent = posixpath.dirname(path)
        while parent and parent not in entries:
            entries[parent] = self.lower().get(parent, Entry("folder", 0o755))
            parent = posixpath.dirname(parent)

    def put(self, entries: dict[str, Entry]) -> Layer:
        layer = layers.pack(self.images, entries)
        self.lower().update(entries)
        self.stage.layers.append(layer)
        return layer

    def do_workdir(self, step: Instruction) -> None:
        path = posixpath.normpath(
            posixpath.join(self.stage.config.get("WorkingDir") or "/", expand(step.rest, self.stage.env()))
        )
        path = "/" + path.lstrip("/")
        self.stage.config["WorkingDir"] = path
        inside = path.strip("/")
        missing = bool(inside) and inside not in self.lower()
        if missing:
            entries: dict[str, Entry] = {}
            self.folders(f"{inside}/x", entries)
            self.put(entries)
        self.note(f"WORKDIR {path}", empty=not missing)

    def do_copy(self, step: Instruction) -> None:
        self.copy(step)

    def do_add(self, step: Instruction) -> None:
        self.copy(step)

    def copy(self, step: Instruction) -> None:
        env = self.stage.env()
        values = _list(step.rest)
        parts = values if values is not None else [expand(word, env) for word in words(step.rest)]
        sources, shown_target = parts[:-1], parts[-1]
        strange = set(step.flags) - {"from", "chown", "chmod"}
        if strange:
            raise DockerError(
                f"{step.word} --{min(strange)}: ECR Lab's stand-in for docker knows only --from, --chown and --chmod"
            )
        available = self.available(step)
        target = posixpath.join(self.stage.config.get("WorkingDir") or "/", shown_target)
        is_folder = shown_target.endswith(("/", "/.")) or shown_target in (".", "..")
        target = posixpath.normpath(target).strip("/")
        is_folder = is_folder or not target or getattr(self.lower().get(target), "kind", "") == "folder"
        chosen: dict[str, Entry] = {}
        picked: list[tuple[str, dict[str, Entry]]] = []
        for source in sources:
            picked += self.pick(step, source, available)
        if len(picked) > 1 and not is_folder:
            raise DockerError(
                f"When using {step.word} with more than one source file, "
                "the destination must be a directory and end with a /"
            )
        kind = "multi" if len(picked) > 1 else "file"
        for name, found in picked:
            if "" in found:  # one file
                path = posixpath.join(target, posixpath.basename(name)) if is_folder else target
                chosen[path] = found[""]
            else:
                kind = kind if len(picked) > 1 else "dir"
                for inner, entry in found.items():
                    chosen[posixpath.join(target, inner)] = entry
                if target:
                    chosen.setdefault(target, self.lower().get(target, Entry("folder", 0o755)))
        chosen = {path: _adjust(entry, step) for path, entry in chosen.items()}
        for path in list(chosen):
            self.folders(path, chosen)
        layer = self.put(chosen)
        digest = layer.diff_id.partition(":")[2]
        self.note(f"{step.word} {kind}:{digest} in {shown_target} ", empty=False)

    def available(self, step: Instruction) -> dict[str, Entry]:
        if "from" not in step.flags:
            return {path: _entry(file) for path, file in self.files.items()}
        wanted = step.flags["from"].lower()
        stages = dict(self.stages[:-1])
        if wanted in stages:
            stack = stages[wanted].layers
        elif wanted.isdigit() and int(wanted) < len(self.stages) - 1:
            stack = self.stages[int(wanted)][1].layers
        else:
            stack = self.base(step.flags["from"], None)[0].layers
        return layers.members((self.images.path(layer.digest) for layer in stack), content=True)

    def pick(self, step: Instruction, source: str, available: dict[str, Entry]) -> list[tuple[str, dict[str, Entry]]]:
        """Return what one source names: (name, {"": entry}) for a file, (name, {inner path: entry}) for a folder."""
        if re.match(r"(https?|git|ssh)://|git@", source):
            raise DockerError(
                f"ADD {source}: ECR Lab's stand-in for docker fetches nothing from the internet; "
                "copy the file into the folder"
            )
        clean = posixpath.normpath(source.lstrip("/"))
        if clean == ".." or clean.startswith("../"):
            raise DockerError(f"{step.word} failed: forbidden path outside the build context: {source} ()")
        if clean == ".":
            return [(source, dict(available))]
        names = [clean]
        if re.search(r"[*?\[]", clean):
            pattern = re.compile(re.escape(clean).replace(r"\*", "[^/]*").replace(r"\?", "[^/]"))
            names = sorted(path for path in available if pattern.fullmatch(path))
        if not names or any(name not in available for name in names):
            if "from" in step.flags:
                raise DockerError(f"{step.word} failed: stat {source}: file does not exist")
            raise DockerError(
                f"{step.word} failed: file not found in build context or excluded by .dockerignore: "
                f"stat {clean}: file does not exist"
            )
        picked = []
        for name in names:
            entry = available[name]
            if entry.kind == "folder":
                inner = {
                    path[len(name) + 1 :]: value for path, value in available.items() if path.startswith(f"{name}/")
                }
                picked.append((name, inner))
            elif step.word == "ADD" and isinstance(entry.data, Path) and _is_tar(entry.data):
                picked.append((name, layers.read_tar(entry.data)))
            else:
                picked.append((name, {"": entry}))
        return picked


def _is_tar(path: Path) -> bool:
    import tarfile

    return path.stat().st_size > 0 and tarfile.is_tarfile(path)


def _adjust(entry: Entry, step: Instruction) -> Entry:
    owner = entry.owner if "from" in step.flags and "chown" not in step.flags else (0, 0)
    if "chown" in step.flags:
        user, _, group = step.flags["chown"].partition(":")
        if not user.isdigit() or not (group or user).isdigit():
            raise DockerError(
                f"--chown={step.flags['chown']}: ECR Lab's stand-in for docker knows only numbers here, as 1000:1000"
            )
        owner = (int(user), int(group or user))
    mode = int(step.flags["chmod"], 8) if re.fullmatch(r"[0-7]{3,4}", step.flags.get("chmod", "")) else entry.mode
    return replace(entry, owner=owner, mode=mode)


def _entry(path: Path) -> Entry:
    status = path.lstat()
    mode = status.st_mode & 0o7777
    if path.is_symlink():
        return Entry("link", 0o777, target=os.readlink(path))
    return Entry("folder", mode) if path.is_dir() else Entry("file", mode, path)


def _context(root: Path) -> dict[str, Path]:
    """Return the files of a build context that .dockerignore lets through, by path."""
    rules: list[tuple[bool, re.Pattern[str]]] = []
    ignore = root / ".dockerignore"
    if ignore.is_file():
        for line in ignore.read_text(encoding="utf-8", errors="replace").splitlines():
            line = line.strip()
            if line and not line.startswith("#"):
                rules.append((line.startswith("!"), _ignore_pattern(line.removeprefix("!"))))
    found: dict[str, Path] = {}
    for folder, subfolders, names in os.walk(root):
        subfolders.sort()
        for name in sorted(names + subfolders):
            path = Path(folder, name)
            relative = path.relative_to(root).as_posix()
            ignored = False
            for keep, pattern in rules:
                if pattern.fullmatch(relative) or any(pattern.fullmatch(p.as_posix()) for p in Path(relative).parents):
                    ignored = not keep
            if not ignored and (path.is_symlink() or path.is_file() or path.is_dir()):
                found[relative] = path
    return found


def _ignore_pattern(text: str) -> re.Pattern[str]:
    parts = []
    for part in posixpath.normpath(text.strip("/")).split("/"):
        if part == "**":
            parts.append("(?:[^/]+/)*")
        else:
            one = translate(part).removeprefix("(?s:").removesuffix(r")\Z").replace(".*", "[^/]*")
            parts.append(f"{one}/")
    return re.compile("".join(parts).removesuffix("/"))


def human(size: float, digits: int = 3) -> str:
    """Return a number of bytes as docker shows it: 1.98MB (decimal units, `digits` significant digits)."""
    units = ["B", "kB", "MB", "GB", "TB"]
    position = 0
    while size >= 1000 and position < len(units) - 1:
        size, position = size / 1000, position + 1
    return f"{size:.{digits}g}{units[position]}"


def _time(seconds: int) -> str:
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def read_dockerfile(context: Path | None, name: str) -> str:
    """Return the text of a Dockerfile; `-` is standard input. Raises DockerError with docker's text."""
    if name == "-":
        return sys.stdin.read()
    path = Path(name)
    if context is not None and not path.is_absolute() and not path.exists():
        path = context / name
    try:
        return path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError):
        shown = Path(name).absolute() if context is None or name != "Dockerfile" else context.absolute() / name
        raise DockerError(
            f"unable to prepare context: unable to evaluate symlinks in Dockerfile path: "
            f"lstat {shown}: no such file or directory"
        ) from None
