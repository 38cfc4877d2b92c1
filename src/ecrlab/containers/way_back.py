"""The way from a task's containers back to the lab, where 169.254.170.2 cannot be had: in an engine that was found.

SDKs take credentials from a full address only at loopback and two addresses of AWS's, and loopback inside a container
is the container. So a small container of the lab's base image holds the network of the task, listens at its loopback,
and passes each connection on to where the lab is from inside the engine's network: tried, not assumed.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

from ecrlab.engine import Engine, EngineError
from ecrlab.engine.base_image import NAME as IMAGE
from ecrlab.engine.own_address import is_own
from ecrlab.home import Home

Listen = Callable[[str], int | None]
"""Has the lab listen for containers at an address of this machine; gives the port, None when it cannot."""
PORT = 51679
"""Where the small container listens in a task's network; a program that wants this port does not get it."""
NAME = "lab"
"""What it is called beside the containers of the recipe."""
HOSTS = ("host.docker.internal", "host.lima.internal", "host.rancher-desktop.internal", "host.containers.internal")
"""Names under which engines know the machine around them; most lead to its loopback address."""
LOOPBACK = "127.0.0.1"
_GREETING = "ECR Lab"
_GATEWAY = "(ip route | awk '$1 == \"default\" { print $3; exit }')"
_WAIT = 20.0


class WayBack:
    """Finds out once for an engine where the lab is from its containers, and leads tasks there."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._known: dict[str, str] = {}

    def find(self, engine: Engine, listen: Listen) -> str:
        """Return "HOST PORT" of the lab as containers of the engine reach it, "" where they do not. Blocks."""
        known = self._known.get(str(engine.host))
        if known is None:
            known = self._tried(engine, listen)
            self._known[str(engine.host)] = known
        return known

    def _tried(self, engine: Engine, listen: Listen) -> str:
        with contextlib.suppress(EngineError):
            gateway = self._asked(engine, f"echo gateway=${_GATEWAY}", "gateway")
            port = listen(gateway) if gateway and is_own(gateway) else None
            if port and (host := self._reached(engine, (gateway,), port)):
                return f"{host} {port}"
            port = listen(LOOPBACK)
            # A gateway may lead to this machine's loopback by itself, as that of rootless engines does.
            if port and (host := self._reached(engine, (*HOSTS, "$gateway"), port)):
                return f"{host} {port}"
        return ""

    def _reached(self, engine: Engine, hosts: tuple[str, ...], port: int) -> str:
        """Return the first of these at which a container of the engine finds the lab, else ""."""
        # All at once: an unknown name takes until the time-out. Not wget -T: that crashes Debian's.
        # Podman hands this machine's proxy to its containers.
        script = (
            f"unset http_proxy HTTP_PROXY; gateway=${_GATEWAY}; for host in {' '.join(hosts)}; do "
            f"(timeout 2 wget -q -O - http://$host:{port}/ 2>/dev/null | grep -q '{_GREETING}' && echo host=$host) & "
            "done; wait"
        )
        return self._asked(engine, script, "host")

    def _asked(self, engine: Engine, script: str, key: str) -> str:
        """Run a script in the engine's usual network; return what it prints as ``key=…``, else ""."""
        body = {"Image": IMAGE, "Cmd": ["sh", "-c", script], "HostConfig": {"NetworkMode": "default"}}
        number = _create(engine, f"ecrlab-{self._home.key}-way-back-probe", body)
        try:
            engine.api("POST", f"/containers/{number}/start", timeout=_WAIT)
            engine.api("POST", f"/containers/{number}/wait", timeout=_WAIT)
            _, output = engine.exchange("GET", f"/containers/{number}/logs?stdout=1", timeout=_WAIT)
        finally:
            engine.exchange("DELETE", f"/containers/{number}?force=1", timeout=_WAIT)
        found = re.search(rf"{key}=([\w.:-]+)", output.decode(errors="replace"))
        return found[1] if found else ""

    def lead(self, engine: Engine, name: str, labels: Mapping[str, str], way: str) -> str:
        """Start the small container that holds a task's network; return the lab's address inside it.

        ``way`` is what `find` gave. Raises EngineError.
        """
        body = {
            "Image": IMAGE,
            "Cmd": ["nc", "-ll", "-p", str(PORT), "-e", "nc", *way.split()],
            "Labels": dict(labels),
            "HostConfig": {"NetworkMode": "default", "Memory": 32 * 1024**2},
        }
        number = _create(engine, name, body)
        engine.api("POST", f"/containers/{number}/start", timeout=_WAIT)
        return f"http://{LOOPBACK}:{PORT}"


def _create(engine: Engine, name: str, body: Mapping[str, Any]) -> str:
    engine.exchange("DELETE", f"/containers/{quote(name)}?force=1", timeout=_WAIT)  # of a start that was broken off
    status, answer = engine.exchange("POST", f"/containers/create?name={quote(name)}", timeout=_WAIT, body=body)
    if status >= 400:
        raise EngineError(f"{engine.host} answers {status}: {answer[:300].decode(errors='replace').strip()}")
    return str(json.loads(answer)["Id"])
