"""A Dockerfile: its instructions, and the words and variables in them."""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

from ecrlab.standin.errors import DockerError, from_daemon

_KNOWN = (
    *("FROM", "ARG", "COPY", "ADD", "WORKDIR", "RUN", "ENV", "LABEL", "EXPOSE", "VOLUME", "USER", "CMD", "ENTRYPOINT"),
    *("SHELL", "STOPSIGNAL", "MAINTAINER", "HEALTHCHECK", "ONBUILD"),
)


@dataclass(frozen=True)
class Instruction:
    """One line of a Dockerfile: its word, its `--name=value` flags, what follows, and the whole as docker shows it."""

    word: str
    flags: dict[str, str]
    rest: str
    line: int
    shown: str


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
    if word in ("COPY", "ADD") and len(json_form(rest) or rest.split()) < 2:
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


def json_form(rest: str) -> list[str] | None:
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
