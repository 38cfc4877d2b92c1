"""The `docker run` of a script, read: its options, its image and the command behind it."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass, field

_ALONE = {
    "--detach",
    "--init",
    "--interactive",
    "--oom-kill-disable",
    "--privileged",
    "--publish-all",
    "--read-only",
} | {
    "--rm",
    "--tty",
    "--no-healthcheck",
}
_LONG = {
    **{"-d": "--detach", "-e": "--env", "-h": "--hostname", "-i": "--interactive", "-m": "--memory", "-p": "--publish"},
    **{"-t": "--tty", "-u": "--user", "-v": "--volume", "-w": "--workdir", "-P": "--publish-all", "-c": "--cpu-shares"},
}
_UNITS = {"": 1, "b": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30}


@dataclass(frozen=True)
class RunLine:
    """One `docker run`: each option by its long name with the values given, the image, and the words behind it."""

    image: str
    command: tuple[str, ...] = ()
    options: dict[str, list[str]] = field(default_factory=dict)

    def value(self, option: str) -> str:
        """Return the last value of an option; "" when it is not given."""
        return (self.options.get(option) or [""])[-1]

    def has(self, option: str) -> bool:
        """Tell whether an option that takes no value is given, and not as `=false`."""
        return self.value(option) == "true"

    @property
    def memory(self) -> int | None:
        """The memory limit in bytes; None where there is none that docker understands."""
        return size(self.value("--memory"))


def size(text: str) -> int | None:
    """Return docker's size (16m, 1g, 1.5g) in bytes, or None."""
    found = re.fullmatch(r"(?i)(\d+(?:\.\d+)?)([bkmg]?)b?", text.strip())
    return int(float(found[1]) * _UNITS[found[2].lower()]) if found else None


def run_line(script: str) -> RunLine | None:
    """Return the last `docker run` of a script; None where there is none, or its quotes do not end."""
    found = None
    for line in re.sub(r"\\\r?\n", " ", script).splitlines():
        try:
            words = shlex.split(line, comments=True)
        except ValueError:
            continue
        for at in range(len(words) - 1):
            if words[at : at + 2] == ["docker", "run"] or words[at : at + 3] == ["docker", "container", "run"]:
                found = _read(words[at + (2 if words[at + 1] == "run" else 3) :]) or found
                break
    return found


def _read(words: list[str]) -> RunLine | None:
    options: dict[str, list[str]] = {}
    while words and words[0].startswith("-"):
        word = words.pop(0)
        if word.startswith("--"):
            name, given, value = word.partition("=")
            if not given:
                value = "true" if name in _ALONE else words.pop(0) if words else ""
            options.setdefault(name, []).append(value)
            continue
        for at, letter in enumerate(word[1:], 1):
            name = _LONG.get(f"-{letter}", f"-{letter}")
            if name in _ALONE:
                options.setdefault(name, []).append("true")
                continue
            value = word[at + 1 :].removeprefix("=") or (words.pop(0) if words else "")
            options.setdefault(name, []).append(value)
            break
    return RunLine(words[0], tuple(words[1:]), options) if words else None
