"""The host view: a command run in the engine's machine, to see containers from outside.

It is a container that was started without the walls: with the machine's processes, network, host name, shared memory,
users and cgroups. Its files are its own. ``--privileged`` is not used: an engine whose machine lacks a power itself
refuses it, and with Docker Desktop it would not lead further out.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from ecrlab.engine.base_image import NAME
from ecrlab.engine.docker_cli import DockerCli

WALLS = ("--pid=host", "--uts=host", "--net=host", "--ipc=host", "--userns=host", "--cgroupns=host")


def host_command(command: Sequence[str]) -> list[str]:
    """Return what docker is told, without `docker` in front, to run a command in the engine's machine."""
    return ["run", "--rm", *WALLS, NAME, *command]


def inside(docker: DockerCli) -> str:
    """Return a sentence where the engine's machine is not this computer, as with Docker Desktop; else ""."""
    system = docker.run("info", "--format", "{{.OperatingSystem}}").stdout.decode(errors="replace").strip()
    if "Docker Desktop" in system:
        return "This is the Linux machine inside Docker Desktop: containers run there, and not beside your programs."
    if sys.platform != "linux":
        return (
            f"This is the Linux machine in which the engine runs on this computer ({system or 'its name is unknown'})."
        )
    return ""
