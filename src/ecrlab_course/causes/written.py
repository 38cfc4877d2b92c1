"""Causes in what was written: a file or a cell that cannot be read, with line and column."""

from __future__ import annotations

import json
import re
from pathlib import Path

from ecrlab_course.causes.goal import Goal
from ecrlab_course.causes.scene import Finding, Scene
from ecrlab_course.documents.client_record import Transcript

_SHELL = re.compile(r"line (\d+): (.*(?:syntax error|unexpected EOF|unexpected end of file).*)")
_UNSET = re.compile(r"line (\d+): (\w+): unbound variable")
_UNKNOWN = re.compile(r"line (\d+): (\S+): command not found")
_NO_FILE = re.compile(r"Unable to load paramfile (?:file|fileb)://(\S+?)[:,]")
_DOCKER = re.compile(
    r"^(?:docker: )?(.*(?:unknown (?:shorthand )?(?:command|flag)|requires .*argument).*)", re.MULTILINE
)
_CURLY = "\u201c\u201d\u201e\u201f\u2018\u2019\u00ab\u00bb"
_PREFIX = 1
"""Lines that the lab puts before a cell's script (`toolbox.shell.STRICT`)."""


def find(scene: Scene, goal: Goal) -> Finding | None:
    """Return what is wrong with the goal's file, or with the last cell; None when both can be read."""
    return _file(scene, goal) or _cell(scene, goal)


# Files


def _file(scene: Scene, goal: Goal) -> Finding | None:
    if not goal.file or not _handled(scene, goal):
        return None
    at = scene.rows[-1]["seq"] if scene.rows else 0
    path = (scene.lab.folder or Path.cwd()) / goal.file
    if not path.is_file():
        return Finding("no-file", at, {"file": goal.file})
    data = path.read_bytes()
    text = data.decode("utf-8", "replace")
    if path.suffix == ".json":
        return _json(goal.file, text, at)
    if path.suffix == ".py":
        return _python(goal.file, text, at)
    if path.suffix == ".sh":
        return _bash(scene, goal.file, text, at)
    return None


def _handled(scene: Scene, goal: Goal) -> bool:
    """Tell whether the learner has used the file: an attempt, or a cell that names it."""
    return scene.tried or any(Path(goal.file).name in run.script for run in scene.transcripts)


def _json(file: str, text: str, at: int) -> Finding | None:
    if text.startswith("\ufeff"):
        return Finding("byte-order-mark", at, {"file": file})
    try:
        json.loads(text)
    except RecursionError:
        return None
    except json.JSONDecodeError as error:
        gaps = {"file": file, "line": error.lineno, "column": error.colno}
        before, after = text[: error.pos].rstrip(), text[error.pos :].lstrip()
        if before.endswith(",") and after[:1] in ("}", "]"):
            return Finding("trailing-comma", at, {**gaps, "line": before.count("\n") + 1, "sign": after[0]})
        if text.startswith(",", error.pos) and text[error.pos + 1 :].lstrip()[:1] in ("}", "]"):
            return Finding("trailing-comma", at, {**gaps, "sign": text[error.pos + 1 :].lstrip()[0]})
        curly = next((sign for sign in _CURLY if sign in text), "")
        if curly:
            line = text[: text.index(curly)].count("\n") + 1
            return Finding("curly-quotes", at, {**gaps, "line": line, "sign": curly})
        if not after:
            return Finding("json-unfinished", at, gaps)
        return Finding("json-syntax", at, gaps)
    return None


def _python(file: str, text: str, at: int) -> Finding | None:
    try:
        compile(text, file, "exec")
    except (SyntaxError, ValueError) as error:
        return Finding("python-syntax", at, {"file": file, "line": getattr(error, "lineno", 1), "said": error.args[0]})
    return None


def _bash(scene: Scene, file: str, text: str, at: int) -> Finding | None:
    if "\r\n" in text:
        return Finding("windows-line-ends", at, {"file": file})
    code, output = scene.lab.sh(f"bash -n '{file}'")
    found = _SHELL.search(output) if code else None
    if found is None:
        return None
    return _shell(text, file, int(found[1]), found[2], at)


def _shell(script: str, where: str, line: int, said: str, at: int) -> Finding:
    words = re.findall(r"\b(?:do|done)\b", re.sub(r"#.*", "", script))
    loop = words.count("do") > words.count("done")
    ended = "unexpected end of file" in said or "unexpected EOF" in said
    name = "open-loop" if loop and ended else "shell-syntax"
    return Finding(name, at, {"file": where, "line": line, "said": said.strip()})


# Cells


def _cell(scene: Scene, goal: Goal) -> Finding | None:
    run = scene.last_run
    if run is None or not run.code or not scene.concerns(run, goal):
        return None
    return _read(run) or _used(run)


def _read(run: Transcript) -> Finding | None:
    found = _SHELL.search(run.output)
    if found is not None and run.code == 2:
        line = min(int(found[1]) - _PREFIX, len(run.script.rstrip().splitlines()))
        return _shell(run.script, "", line, found[2], run.after)
    unset = _UNSET.search(run.output)
    if unset is not None:
        return Finding("unset-variable", run.after, {"line": int(unset[1]) - _PREFIX, "name": unset[2]})
    unknown = _UNKNOWN.search(run.output)
    if unknown is not None and run.code == 127:
        return Finding("unknown-command", run.after, {"line": int(unknown[1]) - _PREFIX, "name": unknown[2]})
    return None


def _used(run: Transcript) -> Finding | None:
    """Return that a program stopped before it asked anybody: it could not read its own command line."""
    missing = _NO_FILE.search(run.output)
    if missing is not None:
        return Finding("no-file", run.after, {"file": missing[1]})
    if run.code in (2, 252, 255) and any(
        words in run.output for words in ("Parameter validation failed", "usage: aws")
    ):
        return Finding("aws-usage", run.after, {"said": _said_by_aws(run.output)})
    docker = _DOCKER.search(run.output)
    if docker is not None:
        return Finding("docker-usage", run.after, {"said": docker[1].strip()})
    return None


def _said_by_aws(output: str) -> str:
    """Return the line in which aws says what is wrong with its command line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    named = [line for line in lines if line.startswith("aws: ")]
    return (named[0] if named else lines[-1]).removesuffix(", valid choices are:")
