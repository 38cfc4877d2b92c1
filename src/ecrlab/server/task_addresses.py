"""Where the containers of ECS's tasks find the lab: their credentials and the API, at addresses of their own."""

from __future__ import annotations

import asyncio
import socket

from aiohttp import web

from ecrlab.aws.ecs import credentials
from ecrlab.engine import Engine
from ecrlab.engine.private import give_address
from ecrlab.home import Home
from ecrlab.ports import PortTaken
from ecrlab.server.listeners import socket_of


class TaskAddresses:
    """The addresses at which containers are answered; `reach` and `listen` come from a worker's thread."""

    def __init__(self, home: Home, runner: web.ServerRunner) -> None:
        self._home = home
        self._runner = runner
        self._loop = asyncio.get_running_loop()
        # Where containers of the lab's own engine find credentials and the API (`ecrlab.aws.ecs.credentials`).
        self._inside: dict[tuple[str, int], web.SockSite] = {}

    def has(self, request: web.Request) -> bool:
        """Tell whether a request came in at one of them."""
        return bool(self._inside) and socket_of(request) in self._inside

    def reach(self) -> bool:
        """Listen where the containers of the lab's own engine look for credentials; tell whether that can be had."""
        engine = Engine.saved(self._home)
        if engine is None or engine.kind != "private" or not give_address(self._home, credentials.ADDRESS):
            return False
        return self.listen(credentials.ADDRESS, 80) is not None

    def listen(self, address: str, port: int = 0) -> int | None:
        """Answer the containers of tasks at an address, 0: at any port; return the port, None: it cannot be had."""
        for place, known in self._inside:
            if place == address and port in (0, known):
                return known
        try:
            return asyncio.run_coroutine_threadsafe(self._listen(address, port), self._loop).result(10)
        except (OSError, PortTaken, TimeoutError):  # another lab on this computer has it
            return None

    async def _listen(self, address: str, port: int) -> int:
        held = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        try:
            site = web.SockSite(self._runner, held)
            await site.start()
        except BaseException:
            held.close()
            raise
        port = int(held.getsockname()[1])
        self._inside[address, port] = site
        return port
