"""Where the pull-through cache finds a registry of the outside: Docker Hub's and ECR Public's are the lab's own."""

from __future__ import annotations

from ecrlab.aws.address import Address
from ecrlab.aws.ecr_public.registry import PLACE as PUBLIC
from ecrlab.home import Home
from ecrlab.hub import LEARNER
from ecrlab.server.addresses import Addresses
from ecrlab.server.places import HUB


def find(home: Home, addresses: Addresses, host: str) -> Address | None:
    """Return where the registry of a host name is on this machine, None: nowhere."""
    if host == "registry-1.docker.io":
        port, password = addresses.known_port(*HUB), home.hub_password
        return Address(f"127.0.0.1:{port}", LEARNER, password.read_text(encoding="utf-8").strip())
    if host == "public.ecr.aws":
        return Address(f"127.0.0.1:{addresses.known_port(*PUBLIC)}")
    return None
