"""Ports of this machine: taken or free, held from the moment they are chosen."""

from __future__ import annotations

import contextlib
import errno
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

import click

HIGHEST = 65535
# How far from a port that cannot be had another one is looked for.
SPAN = 100


class Port(click.ParamType):  # type: ignore[type-arg]  # click 8.2 has no argument there
    """An option's value that is a port's number; ``lowest`` 0 also takes 0, for any that is free."""

    name = "port"

    def __init__(self, lowest: int = 1) -> None:
        self.lowest = lowest

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; arguments and errors are click's."""
        text = str(value).strip()
        if text.isascii() and text.isdigit() and self.lowest <= int(text) <= HIGHEST:
            return int(text)
        any_free = ", or 0 for any that is free" if self.lowest == 0 else ""
        self.fail(f"{text!r} is not a port. A port is a whole number from 1 to {HIGHEST}{any_free}.", param, ctx)


class PortTaken(Exception):  # noqa: N818 (part of the agreed interface)
    """A port that this lab remembers, or was told to use, belongs to another program, or is kept from this user."""

    @classmethod
    def of(cls, port: int) -> PortTaken:
        """Return the error for one port, with what to do."""
        if is_reserved(port):
            return cls(f"{_reserved(port)} Choose another.")
        return cls(f"Port {port} is in use by another program. Stop that program and try again.")


def is_reserved(port: int) -> bool:
    """Tell whether the system keeps a port from this user, as most do with those below 1024 from all but root."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno == errno.EACCES
    return False


def _reserved(port: int) -> str:
    return f"Only root may open port {port}, as those below 1024."


def port_is_taken(port: int) -> bool:
    """Tell whether something listens on ``port`` of localhost, in IPv4 or IPv6 (where ``localhost`` may lead first)."""
    for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.settimeout(0.5)
            if probe.connect_ex((address, port)) == 0:
                return True
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # So that connections which ended within the last minute do not count.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            return error.errno in (errno.EADDRINUSE, errno.EACCES)
    return False


def stays_taken(port: int) -> bool:
    """Tell whether the port is another's for a second: of a server just ended, the last thread gives it back."""
    until = time.monotonic() + 1.0
    while port_is_taken(port):
        if time.monotonic() > until or is_reserved(port):
            return True
        time.sleep(0.05)
    return False


def listener(host: str, port: int, listen: bool = True) -> socket.socket:
    """Return a socket that holds ``port`` of ``host``: of several programs that ask at the same moment, one gets it.

    Without ``listen`` it refuses connections. A connection that ended within the last minute keeps nobody out.
    Raises PortTaken, and OSError for what else keeps it from listening.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    held = socket.socket(family, socket.SOCK_STREAM)
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        held.bind((host, port))
        if listen:
            held.listen(128)
    except OSError as error:
        held.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            raise PortTaken.of(port) from None
        raise
    held.setblocking(False)
    return held


def any_port(host: str = "127.0.0.1") -> int:
    """Return a port that was free a moment ago, chosen by the system."""
    with listener(host, 0, listen=False) as held:
        return int(held.getsockname()[1])


def near(port: int, span: int) -> Iterator[int]:
    """Return the ports after ``port``, ``span`` at most, and then, where there are no more, those before it."""
    after = range(port + 1, min(port + span, HIGHEST) + 1)
    yield from after
    yield from range(port - 1, max(port - 1 - (span - len(after)), 1023), -1)


def who_listens(port: int) -> str:
    """Return the command that shows which program listens on a port of this kind of system."""
    return f"ss -ltnp 'sport = :{port}'" if sys.platform == "linux" else f"lsof -nP -iTCP:{port} -sTCP:LISTEN"


def another(port: int) -> int:
    """Return the free port nearest to ``port`` that any user may open."""
    return next((each for each in near(max(port, 1024), SPAN) if not port_is_taken(each)), 0)


def taken(port: int, command: str) -> str:
    """Return what to say of a main port that the lab cannot have; ``command`` takes ``--port`` and moves the lab."""
    if is_reserved(port):
        return f"{_reserved(port)} Choose another: {command} --port {another(port)}"
    return (
        f"Port {port} of this machine, which the lab's addresses carry, is used by another program. "
        f"End that program (to find it: {who_listens(port)}), or move the lab: {command} --port {another(port)}"
    )
