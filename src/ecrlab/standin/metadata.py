"""The instructions that only set metadata: ENV, LABEL, EXPOSE, CMD and their like."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from ecrlab.standin.dockerfile import Instruction, expand, json_form, words
from ecrlab.standin.errors import from_daemon
from ecrlab.standin.stage import Stage


def _env(stage: Stage, step: Instruction) -> None:
    pairs = _pairs(stage, step)
    current = dict(item.split("=", 1) for item in stage.config.get("Env", []))
    stage.config["Env"] = [f"{name}={value}" for name, value in {**current, **pairs}.items()]
    stage.note(" ENV " + " ".join(f"{name}={value}" for name, value in pairs.items()), empty=True)


def _label(stage: Stage, step: Instruction) -> None:
    pairs = _pairs(stage, step)
    stage.config["Labels"] = {**(stage.config.get("Labels") or {}), **pairs}
    stage.note(" LABEL " + " ".join(f"{name}={value}" for name, value in pairs.items()), empty=True)


def _expose(stage: Stage, step: Instruction) -> None:
    ports = [expand(word, stage.env()) for word in words(step.rest)]
    full: dict[str, Any] = {port if "/" in port else f"{port}/tcp": {} for port in ports}
    stage.config["ExposedPorts"] = dict(sorted({**(stage.config.get("ExposedPorts") or {}), **full}.items()))
    stage.note(f" EXPOSE {' '.join(ports)}", empty=True)


def _volume(stage: Stage, step: Instruction) -> None:
    paths = json_form(step.rest) or [expand(word, stage.env()) for word in words(step.rest)]
    stage.config["Volumes"] = {**(stage.config.get("Volumes") or {}), **{path: {} for path in paths}}
    stage.note(f" VOLUME [{' '.join(paths)}]", empty=True)


def _user(stage: Stage, step: Instruction) -> None:
    stage.config["User"] = expand(step.rest, stage.env())
    stage.note(f" USER {stage.config['User']}", empty=True)


def _stopsignal(stage: Stage, step: Instruction) -> None:
    stage.config["StopSignal"] = expand(step.rest, stage.env())
    stage.note(f" STOPSIGNAL {stage.config['StopSignal']}", empty=True)


def _maintainer(stage: Stage, step: Instruction) -> None:
    stage.note(f" MAINTAINER {step.rest}", empty=True)


def _shell(stage: Stage, step: Instruction) -> None:
    value = json_form(step.rest)
    if value is None:
        raise from_daemon(f"dockerfile parse error line {step.line}: SHELL requires the arguments to be in JSON form")
    stage.config["Shell"] = value
    stage.note(f" SHELL [{' '.join(value)}]", empty=True)


def _cmd(stage: Stage, step: Instruction) -> None:
    stage.config["Cmd"] = _command(stage, step)
    stage.command_set = True
    stage.note(f" CMD [{' '.join(map(json.dumps, stage.config['Cmd']))}]", empty=True)


def _entrypoint(stage: Stage, step: Instruction) -> None:
    stage.config["Entrypoint"] = _command(stage, step)
    if not stage.command_set:
        stage.config.pop("Cmd", None)  # a CMD of the base image was written for the base's entry point
    stage.note(f" ENTRYPOINT [{' '.join(map(json.dumps, stage.config['Entrypoint']))}]", empty=True)


def _pairs(stage: Stage, step: Instruction) -> dict[str, str]:
    parts, env = words(step.rest), stage.env()
    if parts and "=" not in parts[0] and len(parts) > 1:
        return {expand(parts[0], env): expand(step.rest.split(None, 1)[1], env)}
    return {expand(name, env): expand(value, env) for name, _, value in (part.partition("=") for part in parts)}


def _command(stage: Stage, step: Instruction) -> list[str]:
    value = json_form(step.rest)
    if value is not None:
        return value
    return [*(stage.config.get("Shell") or ["/bin/sh", "-c"]), step.rest]


#: What carries out each instruction that only sets metadata.
METADATA: dict[str, Callable[[Stage, Instruction], None]] = {
    "ENV": _env,
    "LABEL": _label,
    "EXPOSE": _expose,
    "VOLUME": _volume,
    "USER": _user,
    "STOPSIGNAL": _stopsignal,
    "MAINTAINER": _maintainer,
    "SHELL": _shell,
    "CMD": _cmd,
    "ENTRYPOINT": _entrypoint,
}
