"""Looking for a container engine that is already there."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from ecrlab.engine.engine import Engine, EngineError, docker_command
from ecrlab.home import Home, read_json


def find(home: Home | None = None, environ: Mapping[str, str] | None = None) -> Engine:
    """Return the first container engine that answers; kind "none" with the reasons in ``source`` when there is none.

    Asked in this order: ``DOCKER_HOST``; the current docker context; the usual sockets of Docker, rootless Docker,
    Docker Desktop, Colima, Rancher Desktop, OrbStack and Podman. The private engine of ``home`` does not count as
    found. An engine without the ``docker`` command is of no use to a learner, so it does not count either.
    """
    environ = os.environ if environ is None else environ
    seen: set[str] = set()
    failures: list[str] = []
    for candidate in candidates(environ):
        host = str(candidate.host)
        if host in seen or (home is not None and host.startswith(f"unix://{home.sockets}/")):
            continue
        seen.add(host)
        try:
            engine = candidate.contact()
        except EngineError as error:
            if not host.startswith("unix://") or candidate.source in ("DOCKER_HOST", "docker context"):
                failures.append(f"{candidate.source}: {error}")
            elif Path(host.removeprefix("unix://")).exists():
                failures.append(str(error))
            continue
        if docker_command(environ) is None:
            return Engine("none", source=f"{engine.title} answers at {host}, but there is no docker command.")
        return engine
    return Engine("none", source=" ".join(["No container engine answers.", *failures]))


def candidates(environ: Mapping[str, str]) -> Iterator[Engine]:
    """Yield every place where an engine may answer, in the order in which they are asked."""
    if environ.get("DOCKER_HOST"):
        certificates = None
        if environ.get("DOCKER_TLS_VERIFY") or environ.get("DOCKER_CERT_PATH"):
            certificates = environ.get("DOCKER_CERT_PATH") or str(_docker_folder(environ))
        yield Engine("found", environ["DOCKER_HOST"], source="DOCKER_HOST", certificates=certificates)
    context = _context(environ)
    if context is not None:
        yield context
    for path in _sockets(environ):
        yield Engine("found", f"unix://{path}", source=f"socket {path}")


def _home_folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("HOME") or Path.home())


def _docker_folder(environ: Mapping[str, str]) -> Path:
    return Path(environ.get("DOCKER_CONFIG") or _home_folder(environ) / ".docker")


def _context(environ: Mapping[str, str]) -> Engine | None:
    """Read the current docker context as the docker command does: contexts/meta/<sha256 of the name>/meta.json."""
    folder = _docker_folder(environ)
    name = environ.get("DOCKER_CONTEXT") or read_json(folder / "config.json").get("currentContext")
    if not isinstance(name, str) or not name or name == "default":
        return None
    key = hashlib.sha256(name.encode()).hexdigest()
    endpoints = read_json(folder / "contexts" / "meta" / key / "meta.json").get("Endpoints")
    docker = endpoints.get("docker") if isinstance(endpoints, dict) else None
    host = docker.get("Host") if isinstance(docker, dict) else None
    if not isinstance(host, str) or not host:
        return None
    certificates = folder / "contexts" / "tls" / key / "docker"
    has_certificates = (certificates / "cert.pem").exists()
    return Engine("found", host, source="docker context", certificates=str(certificates) if has_certificates else None)


def _sockets(environ: Mapping[str, str]) -> list[Path]:
    user = _home_folder(environ)
    runtime = Path(environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}")
    return [
        Path("/var/run/docker.sock"),
        runtime / "docker.sock",
        user / ".docker/run/docker.sock",
        user / ".docker/desktop/docker.sock",
        user / ".colima/default/docker.sock",
        user / ".config/colima/default/docker.sock",
        user / ".rd/docker.sock",
        user / ".orbstack/run/docker.sock",
        runtime / "podman/podman.sock",
        Path("/run/podman/podman.sock"),
        user / ".local/share/containers/podman/machine/podman.sock",
    ]
