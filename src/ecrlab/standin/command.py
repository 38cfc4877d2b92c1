"""A command of the stand-in: how it is called, and how its command line is read.

Flags are read here and not by argparse: docker's own texts for a wrong flag or a wrong number of arguments are
part of what the course shows, flags may stand before and after arguments, and a command starts in a few milliseconds.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Flag:
    """A flag of a command: `name` long, `short` one letter or empty; `value` whether a value follows."""

    name: str
    short: str = ""
    value: bool = False


@dataclass
class Call:
    """One call of a command: its flags' values (repeated flags in order), its arguments, docker's config folder."""

    flags: dict[str, list[str]] = field(default_factory=dict)
    arguments: list[str] = field(default_factory=list)
    config: str = ""

    def on(self, name: str) -> bool:
        """Return whether a flag without a value was given (and not as `=false`)."""
        return name in self.flags and self.flags[name][-1] != "false"

    def text(self, name: str, default: str = "") -> str:
        """Return the last value of a flag."""
        return self.flags.get(name, [default])[-1]

    def texts(self, name: str) -> list[str]:
        """Return all values of a flag."""
        return self.flags.get(name, [])


@dataclass(frozen=True)
class Command:
    """A command: how it is called, how many arguments it takes, and what it does."""

    usage: str
    least: int
    most: int | None
    flags: tuple[Flag, ...]
    run: Callable[[Call], int | None]


class UsageError(Exception):
    """A flag that is wrong: the usage line follows, and the exit code is 125."""


HELP = Flag("help", "h")
QUIET = Flag("quiet", "q")
FORMAT = Flag("format", "f", True)
NO_TRUNC = Flag("no-trunc")
TRUST = Flag("disable-content-trust")
PLATFORM = Flag("platform", "", True)


def read_flags(flags: tuple[Flag, ...], arguments: list[str], *, stop_at_word: bool = False) -> Call:
    """Return flags and arguments of a command line. Raises UsageError with docker's text."""
    by_name = {flag.name: flag for flag in (*flags, HELP)}
    by_letter = {flag.short: flag for flag in (*flags, HELP) if flag.short}
    call, rest = Call(), list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            call.arguments += rest
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if name not in by_name:
                raise UsageError(f"unknown flag: --{name}")
            if by_name[name].value and not equals:
                if not rest:
                    raise UsageError(f"flag needs an argument: --{name}")
                value = rest.pop(0)
            call.flags.setdefault(name, []).append(value if by_name[name].value or equals else "true")
        elif word.startswith("-") and len(word) > 1:
            letters = word[1:]
            while letters:
                letter, letters = letters[0], letters[1:]
                if letter not in by_letter:
                    raise UsageError(f"unknown shorthand flag: '{letter}' in {word}")
                flag = by_letter[letter]
                if not flag.value:
                    call.flags.setdefault(flag.name, []).append("true")
                    continue
                value = letters.removeprefix("=")
                letters = ""
                if not value:
                    if not rest:
                        raise UsageError(f"flag needs an argument: '{letter}' in {word}")
                    value = rest.pop(0)
                call.flags.setdefault(flag.name, []).append(value)
        elif stop_at_word:
            call.arguments = [word, *rest]
            break
        else:
            call.arguments.append(word)
    return call


def count_text(command: Command) -> str:
    """Return how many arguments a command takes, in docker's words."""
    least, most = command.least, command.most
    if least == most:
        return f"requires {least} argument{'s' * (least != 1)}" if least else "accepts no arguments"
    if most is None:
        return f"requires at least {least} argument{'s' * (least != 1)}"
    return f"requires at most {most} argument{'s' * (most != 1)}"
