"""`docker push` and `docker pull`."""

from __future__ import annotations

from ecrlab.standin.command import PLATFORM, QUIET, TRUST, Call, Command, Flag
from ecrlab.standin.errors import DockerError
from ecrlab.standin.lab import logins, store
from ecrlab.standin.names import Name, NameFormatError, parse
from ecrlab.standin.output import out


def push(call: Call) -> None:
    """Push an image, or all tags of a name. Raises DockerError."""
    from ecrlab.standin import transfer

    text = call.arguments[0]
    try:
        name = parse(text)
    except NameFormatError as error:
        raise DockerError(str(error)) from error
    if call.on("all-tags"):
        if name.tag or name.digest:
            raise DockerError("tag can't be used with --all-tags/-a")
    else:
        if not name.tag and not name.digest and not call.on("quiet"):
            out("Using default tag: latest")
        name = name.tagged()
    if name.digest:
        raise DockerError("cannot push a digest reference")
    transfer.push(store(), logins(call.config), name, all_tags=call.on("all-tags"), quiet=call.on("quiet"), say=out)


def pull(call: Call) -> None:
    """Pull an image. Raises DockerError."""
    from ecrlab.standin import transfer
    from ecrlab.standin.platforms import host_platform, read_platform

    text = call.arguments[0]
    name = _name_of(text)
    if not call.on("quiet") and not parse(text).tag and not parse(text).digest:
        out("Using default tag: latest")
    platform = read_platform(call.text("platform")) if call.text("platform") else host_platform()
    transfer.pull(store(), logins(call.config), name, platform=platform, quiet=call.on("quiet"), say=out)


def _name_of(text: str) -> Name:
    try:
        return parse(text).tagged()
    except NameFormatError as error:
        raise DockerError(str(error)) from error


_PUSH = Command("[OPTIONS] NAME[:TAG]", 1, 1, (QUIET, Flag("all-tags", "a"), TRUST), push)
_PULL = Command("[OPTIONS] NAME[:TAG|@DIGEST]", 1, 1, (QUIET, PLATFORM, TRUST), pull)

COMMANDS = {"push": _PUSH, "image push": _PUSH, "pull": _PULL, "image pull": _PULL}
