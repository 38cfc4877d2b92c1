"""Platforms: `linux/arm64/v8`."""

from __future__ import annotations

import platform as machine
import re

from ecrlab.standin.errors import from_daemon

_MACHINES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "arm", "i686": "386"}


def host_platform() -> tuple[str, str, str]:
    """Return os, architecture and variant that a docker on this machine would choose."""
    return "linux", _MACHINES.get(machine.machine().lower(), machine.machine().lower()), ""


def read_platform(text: str) -> tuple[str, str, str]:
    """Return the parts of `linux/arm64/v8`. Raises DockerError."""
    parts = text.lower().split("/")
    if not 1 <= len(parts) <= 3 or not all(re.fullmatch(r"[a-z0-9_.-]+", part) for part in parts):
        raise from_daemon(f'"{text}" is an invalid component of a platform; expected os/architecture[/variant]')
    if len(parts) == 1:
        parts = ["linux", *parts]
    return parts[0], _MACHINES.get(parts[1], parts[1]), parts[2] if len(parts) > 2 else ""
