"""The way from a container engine to the lab when the engine's localhost is not this machine's.

The engine of Docker Desktop or Colima runs in a virtual machine: what docker pushes to localhost:PORT arrives there and
finds nothing. A relay, a container in the engine's own network, listens at the registries' ports there and passes each
connection on to this machine. Which name or address leads back here is tried, not assumed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from ecrlab.client import LOOKING, LabClient, LabError
from ecrlab.engine import Engine, EngineError
from ecrlab.engine.base_image import NAME as IMAGE
from ecrlab.engine.own_address import is_own
from ecrlab.home import Home, read_json, write_private

Say = Callable[[str], None]

LABEL = "ecrlab.relay"
PORTS = "ecrlab.relay.ports"
# Names under which engines in virtual machines know the machine around them; most lead to its loopback address.
NAMES = ("host.docker.internal", "host.lima.internal", "host.rancher-desktop.internal", "host.containers.internal")
# Ports relayed beyond those in use: the next registries get them, and need no further container.
SPARE = 8


# Rootless Docker keeps its network from this machine's loopback, unless its service says otherwise (fact A075).
LET_ROOTLESS_OUT = (
    "mkdir -p ~/.config/systemd/user/docker.service.d && "
    "printf '[Service]\\nEnvironment=DOCKERD_ROOTLESS_ROOTLESSKIT_DISABLE_HOST_LOOPBACK=false\\n' "
    "> ~/.config/systemd/user/docker.service.d/host-loopback.conf && "
    "systemctl --user daemon-reload && systemctl --user restart docker && ecrlab stop && ecrlab start"
)


class Unknown(Exception):  # noqa: N818 (neither yes nor no)
    """Whether the engine reaches the lab could not be tried; the text says why."""


@dataclass(frozen=True)
class Relay:
    """How the engine at ``engine`` reaches the server with process id ``server``.

    ``host`` is what the relay passes connections on to; empty when no relay is needed, or none helps: ``trouble`` then
    says what was seen, and ``fix`` is the one command that helps, empty when none is known. ``address`` is an address
    of this machine at which the server had to listen for it, beside loopback; empty when loopback does. ``unknown``: it
    could not be tried.
    """

    engine: str
    server: int
    host: str = ""
    address: str = ""
    trouble: str = ""
    fix: str = ""
    unknown: bool = False

    @classmethod
    def saved(cls, home: Home) -> Relay | None:
        """Return what the last start of this home found out, or None."""
        written = read_json(home.run / "relay.json")
        try:
            return cls(**written)
        except TypeError:
            return None

    @property
    def cut_off(self) -> bool:
        """Tell whether it is certain that the engine cannot push to the lab."""
        return bool(self.trouble) and not self.unknown

    @property
    def text(self) -> str:
        """One sentence for status and doctor; empty when there is no relay."""
        if not self.host:
            return self.trouble
        also = f"; for that the lab also listens at {self.address}, not at loopback only" if self.address else ""
        return f"The engine reaches the lab through a relay container and {self.host}{also}."


def ports(status: Mapping[str, Any]) -> list[int]:
    """Return every port at which the running lab serves a registry: the accounts', the hub, its mirror, ECR Public.

    ``status`` is what `LabClient.status` returns. The first is the lab's main port.
    """
    found = [int(registry["port"]) for registry in status["registries"]]
    public = str(status["ecr_public"]["address"]).partition("/")[0].rpartition(":")[2]
    others = [status["hub"]["port"], status["mirror"]["port"], int(public) if public.isdigit() else None]
    return list(dict.fromkeys([*found, *(int(port) for port in others if port)]))


def wanted_ports(status: Mapping[str, Any], spare: int = SPARE) -> list[int]:
    """Return `ports`, and the ``spare`` ports that the next registries will get."""
    used = ports(status)
    return sorted({*used, *range(int(status["port"]), max(used) + 1 + spare)})


def reaches(home: Home, engine: Engine, port: int | None = None) -> str | None:
    """Let the engine ask a registry of the lab for an image: None when the request arrives, else what the engine said.

    ``port`` is the registry's, by default the main one. What counts is the row in the X-ray, not the answer. Raises
    Unknown when this cannot be tried.
    """
    name = f"localhost:{port or home.port}/ecrlab-doctor"
    return _arrives(home, engine, f"/images/create?fromImage={quote(name, safe='')}&tag=none")


def pushes(home: Home, engine: Engine, port: int) -> str | None:
    """Let the engine push an image to a registry of the lab, without a login: None when the push arrives there.

    The registry refuses it, so nothing is stored. Else as `reaches`.
    """
    name = f"localhost:{port}/ecrlab-doctor"
    try:
        status, body = engine.exchange(
            "POST", f"/images/{quote(IMAGE, safe='')}/tag?repo={quote(name, safe='')}&tag=none"
        )
        if status >= 400:
            raise Unknown(f"the engine lacks {IMAGE}: {body[:200].decode(errors='replace').strip()}")
        try:
            return _arrives(home, engine, f"/images/{quote(name, safe='')}/push?tag=none")
        finally:
            engine.exchange("DELETE", f"/images/{quote(name, safe='')}:none", timeout=10)
    except EngineError as error:
        raise Unknown(str(error)) from error


def _arrives(home: Home, engine: Engine, path: str) -> str | None:
    client = LabClient(home)
    try:
        before = int(client.xray(limit=1)["last"])
        # "e30=" is {}: no login; docker asks for the header. It passes our name on, and the learner's X-ray leaves out
        # what has that name.
        _, body = engine.exchange("POST", path, timeout=20, headers={"X-Registry-Auth": "e30=", "User-Agent": LOOKING})
        arrived = client.xray(after=before, wait=0.5)["rows"]
    except (EngineError, LabError) as error:
        raise Unknown(str(error)) from error
    if any(str(row.get("path", "")).startswith("/v2") for row in arrived):
        return None
    return body.decode(errors="replace").strip()[:300] or "nothing"


def ensure(home: Home, engine: Engine, say: Say = lambda line: None) -> Relay | None:
    """Make the engine reach the running lab, with relays where it does not by itself; None when none is needed.

    Asked again while the same server and engine run, it only looks whether the relays still run and cover every port.
    Never raises for an engine that cannot be helped: the Relay says what was seen.
    """
    if engine.kind != "found" or not _is_local(engine):
        return None
    server = int(home.read_control().get("pid", 0))
    known = Relay.saved(home)
    if known is None or known.unknown or (known.engine, known.server) != (str(engine.host), server):
        known = _find_out(home, engine, server, say)
        write_private(home.run / "relay.json", json.dumps(asdict(known)) + "\n")
    elif known.host:
        try:
            _cover(home, engine, known.host)
        except (EngineError, LabError) as error:
            say(f"The relay for the container engine could not be maintained: {error}")
    return known if known.host or known.trouble else None


def remove(home: Home, engine: Engine | None) -> bool:
    """Remove the relays of this home from the engine, also those of an earlier start; tell whether there were any."""
    (home.run / "relay.json").unlink(missing_ok=True)
    if engine is None or engine.kind != "found" or not _is_local(engine):
        return False
    try:
        found = _containers(home, engine)
        for container in found:
            engine.exchange("DELETE", f"/containers/{container['Id']}?force=1&v=1", timeout=20)
    except EngineError:
        return False
    return bool(found)


def _is_local(engine: Engine) -> bool:
    """An engine behind a socket file runs on this machine or in a virtual machine on it; others may be anywhere."""
    return urlsplit(engine.host or "").scheme == "unix"


def _find_out(home: Home, engine: Engine, server: int, say: Say) -> Relay:
    plain = Relay(str(engine.host), server)
    remove(home, engine)
    try:
        seen = reaches(home, engine)
        # Podman wants TLS: it reaches the lab, and `ecrlab.host.podman` sees to the rest.
        if seen is None or wants_tls(seen):
            return plain
        say("The container engine does not reach this machine's localhost; starting a relay for it.")
        host, gateway = _way_back(home, engine)
        address = ""
        # A gateway may lead here by itself, as slirp4netns's does (fact A075). Where it is an address of this machine's
        # own, the lab has to listen there first.
        if not host and gateway and is_own(gateway):
            LabClient(home).listen(gateway)
            host, _ = _way_back(home, engine, gateway)
            address = gateway
        if host:
            _cover(home, engine, host)
            seen = _reaches_soon(home, engine)
            if seen is None or wants_tls(seen):
                relay = Relay(str(engine.host), server, host, address)
                say(relay.text)
                return relay
            remove(home, engine)
        if address:
            LabClient(home).listen(None)
    except Unknown as error:
        trouble = f"Whether the engine reaches the lab is unknown: {error}"
        return Relay(str(engine.host), server, trouble=trouble, unknown=True)
    except (EngineError, LabError) as error:
        remove(home, engine)
        seen = str(error)
    trouble = f"The engine does not reach localhost:{home.port} of this machine, and no relay helps: {seen}"
    return Relay(str(engine.host), server, trouble=trouble, fix=_fix(engine))


def _fix(engine: Engine) -> str:
    return LET_ROOTLESS_OUT if engine.rootless and not engine.is_podman else ""


def wants_tls(seen: str) -> bool:
    """Tell whether an engine's words say that it reached the lab and would not speak to it without TLS (fact A074)."""
    return "HTTP response to HTTPS" in seen


def _reaches_soon(home: Home, engine: Engine) -> str | None:
    """A relay that was just started may not listen yet."""
    seen: str | None = ""
    for _ in range(5):
        seen = reaches(home, engine)
        if seen is None:
            break
    return seen


def _way_back(home: Home, engine: Engine, *addresses: str) -> tuple[str, str]:
    """Return the first name or address at which a container in the engine's network finds the lab, and its gateway."""
    # All at once: an unknown name takes until the time-out. Not nc: it closes its side when its input ends, and the lab
    # then answers no more. Not wget -T: that crashes Debian's.
    script = (
        "gateway=$(ip route | awk '$1 == \"default\" { print $3; exit }'); echo gateway=$gateway; "
        f"for host in {' '.join(addresses or (*NAMES, '$gateway'))}; do "
        f"(timeout 2 wget -q -O - http://$host:{home.port}/ 2>/dev/null | grep -q 'ECR Lab' && echo host=$host) & "
        "done; wait"
    )
    container = _create(home, engine, script, "")
    try:
        engine.api("POST", f"/containers/{container}/start", timeout=20)
        engine.api("POST", f"/containers/{container}/wait", timeout=30)
        _, output = engine.exchange("GET", f"/containers/{container}/logs?stdout=1", timeout=10)
    finally:
        engine.exchange("DELETE", f"/containers/{container}?force=1", timeout=20)
    text = output.decode(errors="replace")
    found = {key: re.search(rf"{key}=([\w.:-]+)", text) for key in ("host", "gateway")}
    return tuple(match[1] if match else "" for match in found.values())  # type: ignore[return-value]


def _cover(home: Home, engine: Engine, host: str) -> None:
    """Start one more relay when some wanted port has none; those that run are left alone, with what they carry."""
    status = LabClient(home).status()
    covered: set[int] = set()
    for container in _containers(home, engine):
        if container.get("State") == "running":
            covered.update(int(port) for port in container["Labels"][PORTS].split(","))
        else:
            engine.exchange("DELETE", f"/containers/{container['Id']}?force=1", timeout=20)
    if set(ports(status)) <= covered:
        return
    wanted = [port for port in wanted_ports(status) if port not in covered]
    script = " & ".join(f"nc -ll -p {port} -e nc {host} {port}" for port in wanted) + " & wait"
    started = _create(home, engine, script, ",".join(map(str, wanted)))
    engine.api("POST", f"/containers/{started}/start", timeout=20)


def _create(home: Home, engine: Engine, script: str, ports: str) -> str:
    settings: dict[str, Any] = {
        "Image": IMAGE,
        "Cmd": ["sh", "-c", script],
        "Labels": {LABEL: home.key, PORTS: ports},
        # Raw output of the probe; for the relay it makes no difference.
        "Tty": not ports,
        "HostConfig": {"NetworkMode": "host", "RestartPolicy": {"Name": "no"}},
    }
    name = f"ecrlab-{home.key}-relay{'-' + ports.partition(',')[0] if ports else '-probe'}"
    status, body = engine.exchange("POST", f"/containers/create?name={name}", timeout=20, body=settings)
    if status >= 400:
        raise EngineError(f"{engine.host} answers {status}: {body[:300].decode(errors='replace').strip()}")
    return str(json.loads(body)["Id"])


def _containers(home: Home, engine: Engine) -> list[dict[str, Any]]:
    wanted = quote(json.dumps({"label": [f"{LABEL}={home.key}"]}), safe="")
    found: list[dict[str, Any]] = engine.api("GET", f"/containers/json?all=1&filters={wanted}", timeout=10) or []
    return found
