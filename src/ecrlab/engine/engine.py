"""What the lab knows about its container engine, and how it speaks to one."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import IO, Any, Literal
from urllib.parse import urlsplit

from ecrlab.home import Home, read_json, write_private

Kind = Literal["found", "private", "none"]
Store = Literal["graph", "containerd"]

_CONTAINERD_STORE = "io.containerd.snapshotter.v1"  # fact A068


class EngineError(Exception):
    """The container engine could not be found, started or reached; the text says what was seen and what to do."""


@dataclass(frozen=True)
class Engine:
    """A container engine as it answered when the lab looked.

    ``host`` is what belongs into DOCKER_HOST; None when there is no engine. ``name`` and ``version`` are the engine's
    own words. ``source`` says where it was found, or why there is none. ``certificates`` is the folder with ca.pem,
    cert.pem and key.pem of an engine that asks for TLS. ``pid`` is the process of a private engine. ``store`` is where
    it keeps images: "containerd" (the default of Docker Desktop and of new engines) or "graph" (overlay2 and the like);
    the two print other words for the same refusal. ``rootless``: it runs in a network of its own. ``fix`` is the one
    command that would help where there is none; empty when none is known.
    """

    kind: Kind
    host: str | None = None
    version: str = ""
    name: str = ""
    source: str = ""
    certificates: str | None = None
    pid: int | None = None
    store: Store = "graph"
    rootless: bool = False
    fix: str = ""

    @property
    def is_podman(self) -> bool:
        """Tell whether this is Podman behind Docker's API."""
        return self.name == "Podman"

    @property
    def title(self) -> str:
        """The engine in a few words, for a status line."""
        if self.kind == "none":
            return "no engine"
        return f"{self.name or 'Docker'} {self.version}".strip() + (
            " (the lab's own)" if self.kind == "private" else ""
        )

    def save(self, home: Home) -> None:
        """Write this engine to the home's ``run/engine.json``, from which `ecrlab.environment` takes DOCKER_HOST."""
        write_private(home.run / "engine.json", json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def saved(cls, home: Home) -> Engine | None:
        """Return the engine that the last start of this home settled on, or None; it may have ended since."""
        written = read_json(home.run / "engine.json")
        if written.get("kind") not in ("found", "private", "none"):
            return None
        return cls(**{name: value for name, value in written.items() if name in cls.__dataclass_fields__})

    def contact(self, timeout: float = 3.0) -> Engine:
        """Ask the engine for its version and return it with what it answered.

        ``timeout`` is in seconds. Raises EngineError when there is no engine or it does not answer as one.
        """
        if self.host is None:
            raise EngineError(self.source or "There is no container engine.")
        if self._speaks_http:
            answer = self.api("GET", "/version", timeout=timeout)
        else:
            answer = _docker_says(self, "version", timeout)
        if not isinstance(answer, dict) or "Version" not in answer:
            raise EngineError(f"{self.host} answers, but not as a container engine does.")
        return replace(self, version=str(answer["Version"]), name=_product(answer), **self._nature(timeout))

    def _nature(self, timeout: float) -> dict[str, Any]:
        """What `docker info` tells of the store and the network; {} when it does not answer."""
        try:
            if self._speaks_http:
                info = self.api("GET", "/info", timeout=timeout)
            else:
                info = _docker_says(self, "info", timeout)
        except EngineError:
            return {}
        if not isinstance(info, dict):
            return {}
        drivers = {str(row[1]) for row in info.get("DriverStatus") or [] if isinstance(row, list) and len(row) > 1}
        options = info.get("SecurityOptions") or []
        return {
            "store": "containerd" if _CONTAINERD_STORE in drivers else "graph",
            "rootless": any("name=rootless" in str(option) for option in options),
        }

    @property
    def _speaks_http(self) -> bool:
        return urlsplit(self.host or "").scheme in ("unix", "tcp", "http", "https")

    def api(self, method: str, path: str, timeout: float = 3.0) -> Any:
        """Send one request without a body to the engine's API and return its JSON answer (None when it is empty).

        Works for hosts of the kinds ``unix://`` and ``tcp://``. ``timeout`` is in seconds. Raises EngineError when the
        engine does not answer or answers with an error.
        """
        status, body = self.exchange(method, path, timeout)
        if status >= 400:
            raise EngineError(f"{self.host} answers {status}: {body[:300].decode(errors='replace').strip()}")
        try:
            return json.loads(body) if body else None
        except ValueError as error:
            raise EngineError(f"{self.host} answers, but not as a container engine does.") from error

    def exchange(
        self,
        method: str,
        path: str,
        timeout: float = 3.0,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> tuple[int, bytes]:
        """Send one request to the engine's API and return the status and the body of its answer.

        ``timeout`` is in seconds; ``body`` is sent as JSON. Raises EngineError when nothing answers.
        """
        connection = _connection(self, timeout)
        sent = {"Host": "docker", **(headers or {})} | ({} if body is None else {"Content-Type": "application/json"})
        try:
            connection.request(method, path, None if body is None else json.dumps(body), sent)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise EngineError(f"{self.host} does not answer: {_plain(error)}.") from error
        finally:
            connection.close()

    def send(self, path: str, file: IO[bytes], content_type: str, timeout: float = 60.0) -> tuple[int, bytes]:
        """POST what a file holds to the engine's API and return the status and the body of its answer.

        ``timeout`` is in seconds. Raises EngineError when nothing answers.
        """
        connection = _connection(self, timeout)
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        headers = {"Host": "docker", "Content-Type": content_type, "Content-Length": str(size)}
        try:
            connection.request("POST", path, file, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise EngineError(f"{self.host} does not answer: {_plain(error)}.") from error
        finally:
            connection.close()


def docker_command(environ: Mapping[str, str] | None = None) -> str | None:
    """Return the path of the real ``docker`` command, or None.

    The lab's stand-in, which may stand first in the PATH of a shell that took over the lab's environment, does not
    count: it answers for an engine that is not there.
    """
    parts = (os.environ if environ is None else environ).get("PATH", os.defpath).split(os.pathsep)
    return shutil.which("docker", path=os.pathsep.join(part for part in parts if not part.endswith("run/standin/bin")))


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("localhost", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        try:
            self.sock.connect(self._path)
        except BaseException:
            self.sock.close()
            raise


def _connection(engine: Engine, timeout: float) -> http.client.HTTPConnection:
    parts = urlsplit(engine.host or "")
    if parts.scheme == "unix":
        return _UnixConnection(parts.path, timeout)
    if parts.scheme not in ("tcp", "http", "https") or not parts.hostname:
        raise EngineError(f"{engine.host} is not an address of a container engine.")
    if engine.certificates is None and parts.scheme != "https":
        return http.client.HTTPConnection(parts.hostname, parts.port or 2375, timeout=timeout)
    try:
        context = ssl.create_default_context()
        if engine.certificates is not None:
            folder = Path(engine.certificates)
            authority = folder / "ca.pem"
            context = ssl.create_default_context(cafile=str(authority) if authority.exists() else None)
            context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    except (OSError, ssl.SSLError) as error:
        raise EngineError(f"The certificates in {engine.certificates} cannot be used: {_plain(error)}.") from error
    return http.client.HTTPSConnection(parts.hostname, parts.port or 2376, timeout=timeout, context=context)


def _docker_says(engine: Engine, word: str, timeout: float) -> Any:
    """Hosts that only the docker command can reach, such as ssh://: let it ask; ``word`` is "version" or "info"."""
    docker = docker_command()
    if docker is None:
        raise EngineError(f"{engine.host} can only be reached with the docker command, which is not installed.")
    form = "{{json .Server}}" if word == "version" else "{{json .}}"
    command = [docker, "--host", str(engine.host), word, "--format", form]
    try:
        answer = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout * 3, check=False
        )
        return json.loads(answer.stdout) if answer.returncode == 0 else {}
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise EngineError(f"{engine.host} does not answer: {_plain(error)}.") from error


def _product(answer: Mapping[str, Any]) -> str:
    components = answer.get("Components") or [{}]
    first = str(components[0].get("Name", "")) if isinstance(components[0], dict) else ""
    return "Podman" if "podman" in first.lower() else "Docker"


def _plain(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return str(error) or type(error).__name__
