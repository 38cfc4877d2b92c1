"""One lab: store, clock, AWS services, registries and the control interface, put together.

Here they are made; `routes.py` says which of them answers a request.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from functools import partial

from aiohttp import StreamReader, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage

from ecrlab.aws import api
from ecrlab.aws.cloud import Cloud
from ecrlab.aws.host import Host
from ecrlab.aws.seed import seed
from ecrlab.ci import Issuer
from ecrlab.ci.control import CiControl
from ecrlab.ci.runs import Runs
from ecrlab.clock import Clock
from ecrlab.containers import Containers
from ecrlab.engine import base_image
from ecrlab.home import Home, write_private
from ecrlab.hub import Hub
from ecrlab.hub.control import HubControl
from ecrlab.oci import RUNNER_OPTIONS
from ecrlab.server import jobs, upstream
from ecrlab.server.addresses import Addresses
from ecrlab.server.control import Control
from ecrlab.server.listeners import Listeners
from ecrlab.server.places import GIT_SERVER, HUB, MIRROR, NEXT_DOOR
from ecrlab.server.profiles import write_profiles
from ecrlab.server.recorder import Recorder
from ecrlab.server.registries import Registries
from ecrlab.server.routes import Routes
from ecrlab.server.task_addresses import TaskAddresses
from ecrlab.store import Store
from ecrlab.xray import XRay


class Server:
    """One running lab. It holds its main port as soon as it is made, and answers once it was started.

    ``port`` is the main port wanted (`Addresses.open_main`); ``moved`` tells whether it is not the one expected.
    Raises PortTaken.
    """

    def __init__(self, home: Home, store: Store, hub: Store, host: str, port: int | None) -> None:
        self._home = home
        self._stores = (store, hub)
        self._clock = Clock(store)
        self._xray = XRay(home.lab / "xray.jsonl")
        self._secret = secrets.token_urlsafe(32)
        # What the hub begins with is made while the rest answers already; who asks the hub waits for it.
        self._hub_ready = asyncio.Event()
        # Without web.Application: its router and its middlewares cost a tenth of a small request.
        http = web.Server(lambda request: self._routes.answer(request), request_factory=_request, **RUNNER_OPTIONS)
        self._runner = web.ServerRunner(http, shutdown_timeout=2.0)
        self._listeners = Listeners(self._runner, host)
        self._task_addresses = TaskAddresses(home, self._runner)
        self._addresses = Addresses(home, store, self._listeners, self._hub_ready)
        self.moved = self._addresses.open_main(port)
        self._recorder = Recorder(self._xray, self._clock)
        self._issuer = Issuer(store, self._clock)
        self._cloud = Cloud(store, self._clock, self._host())
        self._registries = Registries(self._cloud)
        self._hub = Hub(hub, self._clock, self._xray, base_image.here)
        self._runs = Runs(home, store, self._clock, self._issuer, lambda: self._xray.last)
        self._routes = Routes(
            self._cloud,
            self._addresses,
            self._listeners,
            self._task_addresses,
            self._recorder,
            self._registries,
            self._hub,
            self._issuer,
            self._control(),
            self._hub_ready,
        )

    @property
    def main_port(self) -> int:
        """The port of the AWS APIs, of the control interface and of the learner's own registry."""
        return self._addresses.main_port

    def _host(self) -> Host:
        return Host(
            open_port=self._addresses.open_port,
            known_port=self._addresses.known_port,
            history=self._xray.history,
            newest=lambda: self._xray.last,
            acted=self._recorder.acted,
            upstream=partial(upstream.find, self._home, self._addresses),
            issuer_keys=self._issuer.published,
            runner=Containers(self._home),
            reach_from_containers=self._task_addresses.reach,
            listen_for_containers=self._task_addresses.listen,
        )

    def _control(self) -> Control:
        addresses = self._addresses
        return Control(
            self._cloud,
            self._xray,
            self._home,
            self.main_port,
            self._secret,
            addresses.registries,
            self._listeners.listen_also,
            lambda: self._listeners.also,
            self._switch_region,
            HubControl(
                self._hub,
                lambda: addresses.address_of(HUB),
                lambda: addresses.address_of(MIRROR),
                lambda: addresses.open_port(*NEXT_DOOR),
            ),
            CiControl(self._issuer, self._runs, lambda: addresses.address_of(GIT_SERVER)),
        )

    async def _switch_region(self, region: str, on: bool) -> None:
        """Switch a Region off, so that its ports refuse connections and its requests are cut; or on again.

        Raises ApiError when another program has taken a port of it meanwhile; the rest of the Region is on then.
        """
        if self._cloud.is_off(region) is on:
            self._cloud.switch_region(region, on)
            await self._addresses.switch_region(region, on)

    async def start(self) -> None:
        """Hold all ports, write down which, and then begin to answer: the main port, and every registry opened before.

        Whoever gets an answer at the main port finds the profiles, the ports and control.json in the home.
        """
        await self._runner.setup()
        write_profiles(self._home, self.main_port, seed(self._cloud))
        self._runs.clean_up()
        self._addresses.open_known(self._cloud.open_port)
        fresh = not self._home.hub_password.exists()
        if fresh:
            write_private(self._home.hub_password, secrets.token_urlsafe(15) + "\n")
        control = f'{{"port": {self.main_port}, "secret": "{self._secret}", "pid": {os.getpid()}}}\n'
        write_private(self._home.control, control)
        await self._addresses.listen(self.main_port)
        # In a thread, because it hashes a password and packs an image: the main port answers meanwhile.
        await asyncio.to_thread(self._seed_hub, fresh)
        self._hub_ready.set()

    def _seed_hub(self, fresh: bool) -> None:
        """Make what the hub begins with; the learner's password lies in the home, for `docker login`."""
        self._hub.seed(self._home.hub_password.read_text(encoding="utf-8").strip(), fresh)

    async def run(self, stop: asyncio.Event) -> None:
        """Do what the lab does by itself until ``stop``."""
        await jobs.run(self._cloud, self._xray, self._stores, stop)

    async def close(self) -> None:
        """Stop listening, let what runs end, and save everything."""
        self._cloud.closing = True
        if self._cloud.host.runner is not None:
            await asyncio.to_thread(self._cloud.host.runner.close)
        self._home.control.unlink(missing_ok=True)
        await self._runs.close()
        await self._runner.cleanup()
        self._listeners.close()
        self._registries.close()
        self._cloud.last_used.save()
        self._hub.close()
        self._xray.flush()


def _request(
    message: RawRequestMessage,
    payload: StreamReader,
    protocol: web.RequestHandler,
    writer: AbstractStreamWriter,
    task: asyncio.Task[None],
) -> web.Request:
    loop = asyncio.get_running_loop()
    return web.Request(message, payload, protocol, writer, task, loop, client_max_size=api.MAX_BODY)
