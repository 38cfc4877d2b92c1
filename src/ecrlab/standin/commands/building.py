"""`docker build`: what its command line asks for."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from ecrlab.standin.command import PLATFORM, QUIET, TRUST, Call, Command, Flag, UsageError
from ecrlab.standin.errors import DockerError
from ecrlab.standin.lab import logins, store
from ecrlab.standin.names import NameFormatError, parse
from ecrlab.standin.output import out


def build(call: Call) -> None:
    """Build an image from a folder. Raises DockerError, UsageError."""
    from ecrlab.standin import build as building
    from ecrlab.standin import dockerfile, platforms, transfer

    where = call.arguments[0]
    if "://" in where or where.startswith("git@"):
        raise DockerError(f"{where}: ECR Lab's stand-in for docker builds only from a folder on this computer")
    tags = []
    for text in call.texts("tag"):
        try:
            tags.append(parse(text).tagged())
        except NameFormatError as error:
            raise UsageError(f'invalid argument "{text}" for "-t, --tag" flag: {error}') from error
    context = None if where == "-" else Path(where)
    if context is not None and not context.is_dir():
        raise DockerError(f'unable to prepare context: path "{where}" not found')
    file = call.text("file", "-" if context is None else "Dockerfile")
    if context is not None and "file" not in call.flags:
        text = dockerfile.read_dockerfile(context, str(context / file))
    else:
        text = dockerfile.read_dockerfile(context, file)
    images, kept = store(), logins(call.config)
    wanted = platforms.read_platform(call.text("platform")) if call.text("platform") else None

    def fetch(name: Any) -> None:
        transfer.pull(images, kept, name, platform=wanted or platforms.host_platform(), quiet=call.on("quiet"), say=out)

    order = building.Order(
        context=context,
        dockerfile=text,
        dockerfile_name=Path(file).name,
        tags=tags,
        args={
            name: value if equals else os.environ.get(name) for name, equals, value in _pairs(call.texts("build-arg"))
        },
        labels={name: value for name, _, value in _pairs(call.texts("label"))},
        platform=wanted,
        target=call.text("target").lower(),
        quiet=call.on("quiet"),
    )
    id_ = building.build(images, order, fetch, out)
    if call.on("quiet"):
        out(id_)
    if call.text("iidfile"):
        Path(call.text("iidfile")).write_text(id_, encoding="utf-8")


def _pairs(texts: list[str]) -> list[tuple[str, str, str]]:
    return [text.partition("=") for text in texts]


# Flags that change nothing here, because there is neither a cache nor a container nor an attestation.
_IGNORED = (
    *(Flag(name) for name in ("no-cache", "pull", "rm", "force-rm", "load", "compress", "squash")),
    *(Flag(name, "", True) for name in ("progress", "provenance", "sbom", "network")),
)

_BUILD = Command(
    "[OPTIONS] PATH | URL | -",
    1,
    1,
    (
        QUIET,
        Flag("tag", "t", True),
        Flag("file", "f", True),
        PLATFORM,
        Flag("build-arg", "", True),
        Flag("label", "", True),
        Flag("target", "", True),
        Flag("iidfile", "", True),
        TRUST,
        *_IGNORED,
    ),
    build,
)

COMMANDS = {"build": _BUILD, "image build": _BUILD}
