"""What surrounds one cloud: ports, the requests so far, an engine, registries and issuers elsewhere on this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ecrlab.aws.act import Act
from ecrlab.aws.address import Address
from ecrlab.aws.runner import Runner


@dataclass(frozen=True)
class Host:
    """Who runs a cloud, as the cloud sees them; as it stands here, nobody: no port, no past, nothing around it."""

    open_port: Callable[[str, str, bool], int] = lambda account, region, listen: 0
    """Gives the port of a registry (account, Region), opened on first use; it listens there, or holds the port only."""
    known_port: Callable[[str, str], int | None] = lambda account, region: None
    """The port of a registry; None where it was never given one."""
    history: Callable[[], Iterable[Mapping[str, Any]]] = tuple
    """The requests so far, newest first: what CloudTrail shows."""
    newest: Callable[[], int] = lambda: 0
    """The number of the newest of them, from any thread."""
    acted: Callable[[Act], None] = lambda act: None
    """Told of what a service does by itself, from any thread."""
    upstream: Callable[[str], Address | None] = lambda name: None
    """Where the registry of a host name is on this machine, for the pull-through cache; None: nowhere."""
    issuer_keys: Callable[[str], dict[str, Any] | None] = lambda issuer: None
    """The keys that the issuer of identity tokens of this name publishes; None: nobody can fetch them."""
    runner: Runner | None = None
    """What runs the containers of tasks; None: there is no engine, and no process is started."""
    reach_from_containers: Callable[[], bool] = lambda: False
    """Makes the lab's API and the task roles' credentials reachable from the containers of tasks, and tells whether
    they are; from a worker's thread."""
    listen_for_containers: Callable[[str], int | None] = lambda address: None
    """Has the lab answer them at another address of this machine, and gives the port; None: it cannot."""
