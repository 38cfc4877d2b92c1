"""The `docker` of a machine without a container engine: it finds the command, and says how a command ends.

The file of a command in `commands/` is imported when that command is called, and no other: a docker command starts in
a few milliseconds.
"""

from __future__ import annotations

import os
import sys
from importlib import import_module

from ecrlab.standin.command import HELP, Command, Flag, UsageError, count_text, read_flags
from ecrlab.standin.errors import NEEDS_ENGINE, DockerError, needs_engine
from ecrlab.standin.images import NoSuchImageError
from ecrlab.standin.output import VERSION, WHAT, err, out

#: The commands that each file of `commands/` has.
_FILES = {
    "program": ("version", "info"),
    "session": ("login", "logout"),
    "building": ("build", "image build"),
    "transfer": ("push", "pull", "image push", "image pull"),
    "view": ("images", "image ls", "image list", "inspect", "image inspect", "history", "image history"),
    "tags": ("tag", "image tag", "rmi", "image rm", "image prune"),
    "archive": ("save", "load", "image save", "image load"),
    "container": ("commit",),
}
FILE_OF = {name: file for file, names in _FILES.items() for name in names}

GLOBAL = (
    HELP,
    Flag("version", "v"),
    Flag("config", "", True),
    Flag("context", "c", True),
    Flag("host", "H", True),
    Flag("debug", "D"),
    Flag("log-level", "l", True),
)


def command_of(name: str) -> Command:
    """Return a command of `FILE_OF`."""
    found: Command = import_module(f"ecrlab.standin.commands.{FILE_OF[name]}").COMMANDS[name]
    return found


def run(arguments: list[str]) -> int:
    """Carry out one command line and return the exit code."""
    try:
        top = read_flags(GLOBAL, arguments, stop_at_word=True)
    except UsageError as error:
        err(f"{error}\n\nUsage:  docker [OPTIONS] COMMAND\n\nRun 'docker --help' for more information")
        return NEEDS_ENGINE
    if top.on("version"):
        out(f"{WHAT}, version {VERSION}")
        return 0
    words = top.arguments
    if not words or words[0] == "help":
        out(help_text())
        return 0
    name = words[0]
    if name == "image" and len(words) > 1:
        name = f"image {words[1]}"
    if name == "image":
        out(help_text("image "))
        return 0
    if name not in FILE_OF:
        from ecrlab.standin.commands.container import ENGINE_ONLY

        if words[0] in ENGINE_ONLY or name == "image import":
            raise needs_engine(f"docker {name}")
        err(f"docker: unknown command: docker {name}\n\nRun 'docker --help' for more information")
        return 1
    command, rest = command_of(name), words[len(name.split()) :]
    usage = f"Usage:  docker {name} {command.usage}"
    more = f"Run 'docker {name} --help' for more information"
    try:
        call = read_flags(command.flags, rest)
        call.config = top.text("config", os.environ.get("DOCKER_CONFIG", ""))
        if call.on("help"):
            lines = [f"  {'-' + flag.short + ',' if flag.short else '   '} --{flag.name}" for flag in command.flags]
            out("\n".join([usage, "", f"({WHAT})", *(["", "Options:", *lines] if lines else [])]))
            return 0
        count = len(call.arguments)
        if count < command.least or (command.most is not None and count > command.most):
            err(f"docker: 'docker {name}' {count_text(command)}\n\n{usage}\n\n{more}")
            return 1
        return command.run(call) or 0
    except UsageError as error:
        known = (
            "" if "unknown" not in str(error) else " (ECR Lab's stand-in for docker knows only some of docker's flags)"
        )
        err(f"{error}{known}\n\n{usage}\n\n{more}")
        return NEEDS_ENGINE


def help_text(prefix: str = "") -> str:
    """Return what the stand-in can do, in the form of docker's help."""
    names = sorted(
        name.removeprefix(prefix) for name in FILE_OF if name.startswith(prefix) and (prefix or " " not in name)
    )
    lines = "\n".join(f"  {name}" for name in [*names, *([] if prefix else ["image"])])
    return (
        f"Usage:  docker {prefix}COMMAND\n\n{WHAT}\n\nCommands:\n{lines}\n\n"
        "Everything about containers (run, exec, ps, ...) needs an engine: 'ecrlab doctor' says how to get one."
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the stand-in and return its exit code; nothing but docker's kind of text reaches the user."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="backslashreplace")
    try:
        return run(sys.argv[1:] if arguments is None else arguments)
    except DockerError as failure:
        err(failure.text)
        return failure.code
    except NoSuchImageError as error:
        err(f"Error response from daemon: No such image: {error}")
        return 1
    except ValueError as error:
        if type(error).__name__ != "TemplateError":
            raise
        err(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read our output has gone (docker push | head -1): end as a program that got SIGPIPE.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 141
    except OSError as error:
        from ecrlab.trouble import sentence

        err(f"ECR Lab's stand-in for docker cannot go on: {sentence(error)}")
        return 1
