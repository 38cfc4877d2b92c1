"""`docker save` and `docker load`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ecrlab.standin.command import PLATFORM, QUIET, Call, Command, Flag
from ecrlab.standin.errors import DockerError, from_daemon
from ecrlab.standin.images import NoSuchImageError
from ecrlab.standin.lab import store
from ecrlab.standin.output import out


def save(call: Call) -> None:
    """Write images to a tar file or to standard output. Raises DockerError."""
    from ecrlab.standin import archive

    images = store()
    for text in call.arguments:
        try:
            images.find(text)
        except NoSuchImageError as error:
            raise from_daemon(f"No such image: {text}") from error
    target = call.text("output")
    if target:
        temporary = Path(f"{target}.{os.getpid()}.part")
        try:
            with open(temporary, "wb") as file:
                archive.save(images, call.arguments, file)
            os.replace(temporary, target)
        except OSError as error:
            raise DockerError(f"invalid output path {target}: {error.strerror or error}") from error
        finally:
            temporary.unlink(missing_ok=True)
    elif sys.stdout.isatty():
        raise DockerError("cowardly refusing to save to a terminal. Use the -o flag or redirect")
    else:
        archive.save(images, call.arguments, sys.stdout.buffer)


def load(call: Call) -> None:
    """Take images from a tar file or from standard input. Raises DockerError."""
    from ecrlab.standin import archive

    name = call.text("input")
    if not name:
        if sys.stdin.isatty():
            raise DockerError("requested load from stdin, but stdin is empty")
        lines = archive.load(store(), sys.stdin.buffer)
    else:
        try:
            with open(name, "rb") as file:
                lines = archive.load(store(), file)
        except FileNotFoundError as error:
            raise DockerError(f"open {name}: no such file or directory") from error
    for line in lines:
        out(line)


_SAVE = Command("[OPTIONS] IMAGE [IMAGE...]", 1, None, (Flag("output", "o", True), PLATFORM), save)
_LOAD = Command("[OPTIONS]", 0, 0, (Flag("input", "i", True), QUIET, PLATFORM), load)

COMMANDS = {"save": _SAVE, "image save": _SAVE, "load": _LOAD, "image load": _LOAD}
