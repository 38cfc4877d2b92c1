"""Whether an address is this machine's own."""

from __future__ import annotations

import ipaddress
import socket


def is_own(address: str) -> bool:
    """Tell whether ``address`` is a private address of this machine itself: the lab listens at no other."""
    try:
        ip = ipaddress.ip_address(address)
        if not ip.is_private or ip.is_loopback or ip.is_unspecified:
            return False
        with socket.socket(socket.AF_INET6 if ip.version == 6 else socket.AF_INET, socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
    except (OSError, ValueError):
        return False
    return True
