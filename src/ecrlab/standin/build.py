"""`docker build` without an engine: a Dockerfile whose lines only copy files and set metadata.

The printed lines and the history are those of docker's classic builder. RUN, ONBUILD and HEALTHCHECK are refused before
anything is built.
Created is 1970 (or SOURCE_DATE_EPOCH) and layers carry no times, so the same input gives the same image id.
"""

from __future__ import annotations

import os
import posixpath
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ecrlab.standin import layers
from ecrlab.standin.archive import make_manifest
from ecrlab.standin.context import adjust, entry_of, pick, read_context
from ecrlab.standin.dockerfile import Instruction, expand, json_form, parse_dockerfile, words
from ecrlab.standin.errors import DockerError, from_daemon
from ecrlab.standin.images import DOCKER_MANIFEST, Images, NoSuchImageError, sha256
from ecrlab.standin.layers import Entry, Layer
from ecrlab.standin.metadata import METADATA
from ecrlab.standin.names import Name, parse, short
from ecrlab.standin.platforms import host_platform, read_platform
from ecrlab.standin.sizes import human
from ecrlab.standin.stage import Stage

Say = Callable[[str], None]
NOTHING = "scratch"


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


def build(images: Images, order: Order, fetch: Callable[[Name], None], say: Say) -> str:
    """Carry out a Dockerfile and return the image's id. Raises DockerError.

    `fetch` pulls a base image that is not here; `say` gets the lines that docker prints.
    """
    report: Say = (lambda line: None) if order.quiet else say
    files = read_context(order.context) if order.context else {}
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
        self.stages: list[tuple[str, Stage]] = []
        self.before_from: dict[str, str] = {}
        self.used: set[str] = set()
        moment = int(os.environ.get("SOURCE_DATE_EPOCH") or 0)
        self.created = _time(moment)

    @property
    def stage(self) -> Stage:
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
            self.carry_out(step)
            id_ = sha256(self.stage.document())
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
        manifest = make_manifest(self.images, self.stage.document(), self.stage.layers)
        sizes = [layer.size for layer in self.stage.layers]
        id_ = self.images.keep(manifest, DOCKER_MANIFEST, sizes, self.order.tags)
        self.report(f"Successfully built {short(id_)}")
        for name in self.order.tags:
            self.report(f"Successfully tagged {name.text}")
        return id_

    def carry_out(self, step: Instruction) -> None:
        if step.word in METADATA:
            METADATA[step.word](self.stage, step)
        else:
            {"ARG": self.arg, "WORKDIR": self.workdir, "COPY": self.copy, "ADD": self.copy}[step.word](step)

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
            stage, id_ = Stage(self.created, platform=wanted or host_platform()), ""
        elif earlier is not None:
            stage = replace(
                earlier, config=dict(earlier.config), layers=list(earlier.layers), history=list(earlier.history)
            )
            id_ = sha256(self.stage.document())
        else:
            stage, id_ = self.base(base, wanted)
        stage.args = {}
        self.stages.append((name, stage))
        self.report(f" ---> {short(id_)}")
        return id_

    def base(self, text: str, wanted: tuple[str, str, str] | None) -> tuple[Stage, str]:
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
        return Stage(self.created, dict(has.get("config") or {}), stack, history, platform=wanted or platform), image.id

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

    def arg(self, step: Instruction) -> None:
        self.stage.args.update(self.argument(step, self.stage.env()))
        self.stage.note(f" ARG {step.rest}", empty=True)

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

    def workdir(self, step: Instruction) -> None:
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
        self.stage.note(f"WORKDIR {path}", empty=not missing)

    def copy(self, step: Instruction) -> None:
        env = self.stage.env()
        values = json_form(step.rest)
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
            picked += pick(step, source, available)
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
        chosen = {path: adjust(entry, step) for path, entry in chosen.items()}
        for path in list(chosen):
            self.folders(path, chosen)
        layer = self.put(chosen)
        digest = layer.diff_id.partition(":")[2]
        self.stage.note(f"{step.word} {kind}:{digest} in {shown_target} ", empty=False)

    def available(self, step: Instruction) -> dict[str, Entry]:
        if "from" not in step.flags:
            return {path: entry_of(file) for path, file in self.files.items()}
        wanted = step.flags["from"].lower()
        stages = dict(self.stages[:-1])
        if wanted in stages:
            stack = stages[wanted].layers
        elif wanted.isdigit() and int(wanted) < len(self.stages) - 1:
            stack = self.stages[int(wanted)][1].layers
        else:
            stack = self.base(step.flags["from"], None)[0].layers
        return layers.members((self.images.path(layer.digest) for layer in stack), content=True)


def _time(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
