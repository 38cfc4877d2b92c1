"""Which registry has which port: each its own for ever, the main one first."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterable
from typing import Any

from aiohttp import web

from ecrlab.aws.cloud import regions
from ecrlab.aws.ecr_public.registry import PLACE as PUBLIC
from ecrlab.aws.wire.errors import ApiError
from ecrlab.home import ACCOUNT, DEFAULT_PORT, Home
from ecrlab.ports import PortTaken, any_port, near, port_is_taken, stays_taken
from ecrlab.server.listeners import Listeners
from ecrlab.server.places import GIT_SERVER, HUB, MAIN, MIRROR, NEXT_DOOR, OTHERS, Place
from ecrlab.store import Store

# Ports tried for a registry or for the first start, above the main one, or below it where none is left.
SPAN = 400


class Addresses:
    """The ports of a lab's registries, kept in its store. Who asks the hub waits for ``hub_ready``."""

    def __init__(self, home: Home, store: Store, listeners: Listeners, hub_ready: asyncio.Event) -> None:
        self.main_port = 0
        self._home = home
        self._listeners = listeners
        self._hub_ready = hub_ready
        self._ports = store.table("lab.registries")
        # The registry of each port, also while its Region is off and nothing listens there.
        self._open: dict[int, Place] = {}
        self._tasks: set[asyncio.Task[Any]] = set()

    def known_port(self, account: str, region: str) -> int | None:
        """Return the port of a registry, or None when it was never given one."""
        if (account, region) == MAIN:
            return self.main_port
        found = self._ports.get(f"{account}/{region}")
        return int(found["port"]) if found else None

    def open_port(self, account: str, region: str, listen: bool = True) -> int:
        """Return the port of a registry, listening on it from now on; a new registry gets the next free one.

        Without ``listen`` its Region is off: the port is held, and refuses connections. Raises ApiError when another
        program has taken the remembered port.
        """
        port = self.known_port(account, region)
        if port in self._open:
            return port
        if port is None:
            port = self._next_port(listen)
            self._ports.put(f"{account}/{region}", {"port": port})
        else:
            try:
                self._listeners.bind(port, listen)
            except PortTaken as error:
                name = OTHERS.get((account, region), f"registry {account} in {region}")
                raise ApiError("ServerException", f"The {name} cannot be reached: {error}", 400) from None
        self._open[port] = (account, region)
        if account == ACCOUNT and region in regions():
            self._home.remember_regional_port(region, port)
        if listen:
            self._listen_soon(port)
        return port

    def _listen_soon(self, port: int) -> None:
        task = asyncio.get_running_loop().create_task(self.listen(port))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _next_port(self, listen: bool) -> int:
        remembered = {int(document["port"]) for _, document in self._ports.items()}
        for port in near(self.main_port, SPAN):
            if port not in remembered and port not in self._open and not port_is_taken(port):
                with contextlib.suppress(PortTaken):
                    self._listeners.bind(port, listen)
                    return port
        raise ApiError("LimitExceededException", f"None of the {SPAN} ports nearest to {self.main_port} is free.")

    async def listen(self, port: int) -> None:
        """Begin to answer at a port; at the hub's, when the hub is ready."""
        if self._open.get(port) in (HUB, NEXT_DOOR):
            await self._hub_ready.wait()
        await self._listeners.listen(port)

    async def switch_region(self, region: str, on: bool) -> None:
        """Let the ports of a Region refuse connections, or answer again.

        Raises ApiError when another program has taken one of them meanwhile; the rest of the Region is on then.
        """
        taken: list[PortTaken] = []
        for port in [port for port, registry in self._open.items() if registry[1] == region and registry != MAIN]:
            await self._listeners.release(port)
            try:
                self._listeners.bind(port, listen=on)
            except PortTaken as error:
                taken.append(error)
            else:
                if on:
                    await self.listen(port)
        if on and taken:
            raise ApiError("ServerException", str(taken[0]), 400)

    def open_main(self, port: int | None) -> bool:
        """Take the main port: the one given (0: any), else the remembered one, else the first free from 4510.

        It is held from then on, so that of several labs that begin at the same moment each gets one of its own.
        Returns True when it is not the one expected. Raises PortTaken.
        """
        if port is None:
            port = self._home.known_port
        if port:
            stays_taken(port)
            candidates: Iterable[int] = [port]
        elif port == 0:
            candidates = (any_port(self._listeners.host) for _ in range(SPAN))
        else:
            candidates = [DEFAULT_PORT, *near(DEFAULT_PORT, SPAN)]
        for candidate in candidates:
            if port_is_taken(candidate):
                continue
            with contextlib.suppress(PortTaken):
                self._listeners.bind(candidate)
                self.main_port = candidate
                self._open[candidate] = MAIN
                return port is None and candidate != DEFAULT_PORT
        raise PortTaken.of(port or DEFAULT_PORT)

    def open_known(self, open_port: Callable[[str, str], int]) -> None:
        """Open what belongs to no account, and every registry opened before; write down in the home which.

        ``open_port`` is the cloud's, which knows the Regions that are off. A port that cannot be had is told at the
        standard error.
        """
        others = (key.split("/", 1) for key, _ in self._ports.items())
        ours = (HUB, PUBLIC, MIRROR, GIT_SERVER)
        for account, region in dict.fromkeys([*ours, *((account, region) for account, region in others)]):
            try:
                open_port(account, region)
            except ApiError as error:
                print(error.message, file=sys.stderr, flush=True)
        self._write_down()

    def _write_down(self) -> None:
        home = self._home
        home.remember_port(self.main_port)
        for place, remember in (
            (HUB, home.remember_hub_port),
            (PUBLIC, home.remember_public_port),
            (MIRROR, home.remember_mirror_port),
            (GIT_SERVER, home.remember_git_server_port),
        ):
            port = self.known_port(*place)
            if port is not None:
                remember(port)

    def place_of(self, request: web.Request) -> Place:
        """Return the registry at whose port a request came in; the main one's when its connection is gone."""
        name = request.transport.get_extra_info("sockname") if request.transport else None
        return self._open.get(name[1], MAIN) if name else MAIN

    def address_of(self, wanted: Place) -> str | None:
        """Return ``localhost:PORT`` of what stands there, None when it has no open port."""
        port = next((port for port, place in self._open.items() if place == wanted), None)
        return None if port is None else f"localhost:{port}"

    def registries(self) -> dict[Place, int]:
        """Return the open registries of accounts, and their ports."""
        return {registry: port for port, registry in self._open.items() if registry not in OTHERS}
