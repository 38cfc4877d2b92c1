"""The lab's process: store, clock, AWS services, registries and the control interface, wired together.

The only module that knows all of them. `serve` runs until SIGTERM or SIGINT.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import errno
import os
import re
import secrets
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Any

from aiohttp import StreamReader, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage

from ecrlab.aws import api
from ecrlab.aws.act import Act
from ecrlab.aws.address import Address
from ecrlab.aws.backends.private import PrivateBackend
from ecrlab.aws.backends.public import PublicBackend
from ecrlab.aws.cloud import Cloud, regions
from ecrlab.aws.cloudtrail import cloudtrail
from ecrlab.aws.ecr_public.registry import PLACE as PUBLIC
from ecrlab.aws.ecs import credentials
from ecrlab.aws.ecs.agent import sweep
from ecrlab.aws.gist import gist
from ecrlab.aws.host import Host
from ecrlab.aws.identity.identities import Document
from ecrlab.aws.record import RECORD, Record
from ecrlab.aws.seed import seed
from ecrlab.aws.tokens import signed
from ecrlab.aws.wire.errors import ApiError
from ecrlab.ci import Issuer
from ecrlab.ci.control import CiControl
from ecrlab.ci.runs import Runs
from ecrlab.clock import Clock
from ecrlab.command import typed
from ecrlab.containers import Containers
from ecrlab.engine import Engine, base_image
from ecrlab.engine.private import give_address
from ecrlab.home import ACCOUNT, DEFAULT_PORT, REGION, Home, write_private
from ecrlab.hub import LEARNER, Hub
from ecrlab.hub.control import HubControl
from ecrlab.oci import BYTES_IN, BYTES_OUT, ERROR, RUNNER_OPTIONS, OciError, Registry, expect, said, send_blob
from ecrlab.ports import HIGHEST, PortTaken, any_port, listener, near, port_is_taken, stays_taken
from ecrlab.server.control import Control
from ecrlab.store import Blob, Store, StoreError
from ecrlab.trouble import sentence
from ecrlab.xray import Entry, XRay

MAIN = (ACCOUNT, REGION)
# The Docker-Hub-like registry, in the place of account and Region.
HUB = ("hub", "")
# What stands next to it as somebody else's mirror, once a lesson has said of what.
MIRROR = ("mirror", "")
# The hub once more for whoever comes from the office next door: a port of its own, opened when somebody asks for it,
# because not every system lets a program choose the address that it comes from. The address is one of those for
# documentation.
NEXT_DOOR, NEIGHBOUR = ("hub", "next-door"), "192.0.2.7"
# The git server's documents: by them STS and whoever wants to see it verify an identity token.
GIT_SERVER = ("git-server", "")
# What is not the registry of an account in one Region has a port too.
OTHERS = {
    HUB: "Docker-Hub-like registry",
    MIRROR: "mirror of the hub",
    NEXT_DOOR: "Docker-Hub-like registry, for the office next door,",
    PUBLIC: "registry of ECR Public",
    GIT_SERVER: "git server",
}
# Services that no Region's end takes along: IAM and STS answer as long as the lab runs.
GLOBAL = ("iam", "sts")
COLLECT_SECONDS = 600.0
# Seconds until what a request left to do is begun.
WORK_STEP = 0.1
# Ports tried for a registry or for the first start, above the main one.
SPAN = 400


class Server:
    """One running lab. Ports are opened by `open_port`, the main one first; each is one registry's for ever."""

    def __init__(self, home: Home, store: Store, hub: Store, host: str) -> None:
        self.home = home
        self.host = host
        self.hub_store = hub
        self.store = store
        self.clock = Clock(store)
        self.xray = XRay(home.lab / "xray.jsonl")
        self.issuer = Issuer(store, self.clock)
        host_of_cloud = Host(
            open_port=self._port_of,
            known_port=self.known_port,
            history=self.xray.history,
            newest=lambda: self.xray.last,
            acted=self._acted,
            upstream=self._upstream,
            issuer_keys=self.issuer.published,
            runner=Containers(home),
            reach_from_containers=self._reach_from_containers,
            listen_for_containers=self._listen_for_containers,
        )
        self.cloud = Cloud(store, self.clock, host_of_cloud)
        # Where containers of the lab's own engine find credentials and the API (`ecrlab.aws.ecs.credentials`).
        self._inside: dict[tuple[str, int], web.SockSite] = {}
        self.secret = secrets.token_urlsafe(32)
        self.main_port = 0
        self._ports = store.table("lab.registries")
        self._sockets: dict[int, list[socket.socket]] = {}
        # One more address to listen at, for an engine that cannot reach loopback (host.relay), and its listeners.
        self._also: str | None = None
        self._sites: dict[int, list[web.SockSite]] = {}
        # The registry of each port, also while its Region is off and nothing listens there.
        self._open: dict[int, tuple[str, str]] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        # What the hub begins with is made while the rest answers already; who asks the hub waits for it.
        self._hub_ready = asyncio.Event()
        self._control: Control | None = None
        self.door = PrivateBackend(self.cloud)
        self.registry = Registry(store, self.door)
        self.public_door = PublicBackend(self.cloud)
        self.public_registry = Registry(store, self.public_door)
        self.hub = Hub(hub, self.clock, self.xray, base_image.here)
        self.runs = Runs(home, store, self.clock, self.issuer, lambda: self.xray.last)
        # Without web.Application: its router and its middlewares cost a tenth of a small request.
        self._loop = asyncio.get_running_loop()
        http = web.Server(self._handle, request_factory=self._request, **RUNNER_OPTIONS)
        self.runner = web.ServerRunner(http, shutdown_timeout=2.0)

    # ------------------------------------------------------------------------------------------------------------ ports

    def known_port(self, account: str, region: str) -> int | None:
        """Return the port of a registry, or None when it was never given one."""
        if (account, region) == MAIN:
            return self.main_port
        found = self._ports.get(f"{account}/{region}")
        return int(found["port"]) if found else None

    def open_port(self, account: str, region: str) -> int:
        """Return the port of a registry, opened on first use."""
        return self.cloud.open_port(account, region)

    def _port_of(self, account: str, region: str, listen: bool) -> int:
        """Return the port of a registry, with ``listen`` listening on it; a new registry gets the next free one.

        Raises ApiError when another program has taken the remembered port.
        """
        port = self.known_port(account, region)
        if port in self._open:
            return port
        if port is None:
            port = self._next_port(listen)
            self._ports.put(f"{account}/{region}", {"port": port})
        else:
            try:
                self._bind(port, listen)
            except PortTaken as error:
                name = OTHERS.get((account, region), f"registry {account} in {region}")
                raise ApiError("ServerException", f"The {name} cannot be reached: {error}", 400) from None
        self._open[port] = (account, region)
        if account == ACCOUNT and region in regions():
            self.home.remember_regional_port(region, port)
        if not listen:
            return port
        task = asyncio.get_running_loop().create_task(self._listen(port))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return port

    def _next_port(self, listen: bool) -> int:
        remembered = {int(document["port"]) for _, document in self._ports.items()}
        for port in near(self.main_port, SPAN):
            if port not in remembered and port not in self._open and not port_is_taken(port):
                with contextlib.suppress(PortTaken):
                    self._bind(port, listen)
                    return port
        raise ApiError("LimitExceededException", f"None of the {SPAN} ports nearest to {self.main_port} is free.")

    def _bind(self, port: int, listen: bool = True) -> None:
        """Take a port. Without ``listen`` it refuses connections, and is still not another program's."""
        opened: list[socket.socket] = []
        try:
            for host in filter(None, (self.host, self._also)):
                opened.append(listener(host, port, listen))
        except BaseException:
            for held in opened:
                held.close()
            raise
        self._sockets[port] = opened

    async def _listen(self, port: int) -> None:
        if self._open.get(port) in (HUB, NEXT_DOOR):
            await self._hub_ready.wait()
        for held in self._sockets[port]:
            site = web.SockSite(self.runner, held)
            self._sites.setdefault(port, []).append(site)
            await site.start()

    async def listen_also(self, address: str | None) -> None:
        """Listen at ``address`` too, at every port open now and later; None: only at the first address again.

        The control interface does not answer there. Raises OSError, and then listens at the first only.
        """
        if address == self._also:
            return
        for port, listeners in self._sockets.items():
            for site in self._sites.get(port, [])[1:]:
                await site.stop()
            for held in listeners[1:]:
                held.close()
        self._sites = {port: sites[:1] for port, sites in self._sites.items()}
        self._sockets = {port: listeners[:1] for port, listeners in self._sockets.items()}
        self._also = None
        if address is None:
            return
        added: dict[int, socket.socket] = {}
        try:
            for port in self._open:
                added[port] = listener(address, port, port in self._sites)
        except (OSError, PortTaken) as error:
            for held in added.values():
                held.close()
            raise error if isinstance(error, OSError) else OSError(errno.EADDRINUSE, str(error)) from None
        self._also = address
        for port, held in added.items():
            self._sockets[port].append(held)
            if port in self._sites:
                self._sites[port].append(web.SockSite(self.runner, held))
                await self._sites[port][-1].start()

    async def switch_region(self, region: str, on: bool) -> None:
        """Switch a Region off, so that its ports refuse connections and its requests are cut; or on again.

        Raises ApiError when another program has taken a port of it meanwhile; the rest of the Region is on then.
        """
        if self.cloud.is_off(region) is not on:
            return
        self.cloud.switch_region(region, on)
        taken: list[PortTaken] = []
        for port in [port for port, registry in self._open.items() if registry[1] == region and registry != MAIN]:
            for site in self._sites.pop(port, []):
                await site.stop()
            for held in self._sockets.pop(port, []):
                held.close()
            try:
                self._bind(port, listen=on)
            except PortTaken as error:
                taken.append(error)
            else:
                if on:
                    await self._listen(port)
        if on and taken:
            raise ApiError("ServerException", str(taken[0]), 400)

    def open_main(self, port: int | None) -> bool:
        """Take the main port: the one given (0: any), else the remembered one, else the first free from 4510.

        It is held from then on, so that of several labs that begin at the same moment each gets one of its own.
        Returns True when it is not the one expected. Raises PortTaken.
        """
        if port is None:
            port = self.home.known_port
        if port:
            stays_taken(port)
            candidates: Iterable[int] = [port]
        elif port == 0:
            candidates = (any_port(self.host) for _ in range(SPAN))
        else:
            candidates = [DEFAULT_PORT, *near(DEFAULT_PORT, SPAN)]
        for candidate in candidates:
            if port_is_taken(candidate):
                continue
            with contextlib.suppress(PortTaken):
                self._bind(candidate)
                self.main_port = candidate
                self._open[candidate] = MAIN
                return port is None and candidate != DEFAULT_PORT
        raise PortTaken.of(port or DEFAULT_PORT)

    def _registry_at(self, request: web.Request) -> tuple[str, str]:
        name = request.transport.get_extra_info("sockname") if request.transport else None
        return self._open.get(name[1], MAIN) if name else MAIN

    def _local_place(self, request: web.Request) -> tuple[str, int]:
        name = request.transport.get_extra_info("sockname") if request.transport else None
        return (str(name[0]), int(name[1])) if name else ("", 0)

    def _local_address(self, request: web.Request) -> str:
        return self._local_place(request)[0]

    def _through_loopback(self, request: web.Request) -> bool:
        return self._also is None or self._local_address(request) not in ("", self._also)

    def _reach_from_containers(self) -> bool:
        """Listen where the containers of the lab's own engine look for credentials; comes from a worker's thread."""
        engine = Engine.saved(self.home)
        if engine is None or engine.kind != "private" or not give_address(self.home, credentials.ADDRESS):
            return False
        return self._listen_for_containers(credentials.ADDRESS, 80) is not None

    def _listen_for_containers(self, address: str, port: int = 0) -> int | None:
        """Answer the containers of tasks at an address, 0: at any port; return the port, None: it cannot be had.

        Comes from a worker's thread.
        """
        for place, known in self._inside:
            if place == address and port in (0, known):
                return known
        try:
            return asyncio.run_coroutine_threadsafe(self._listen_inside(address, port), self._loop).result(10)
        except (OSError, PortTaken, TimeoutError):  # another lab on this computer has it
            return None

    async def _listen_inside(self, address: str, port: int) -> int:
        held = socket.create_server((address, port), family=socket.AF_INET6 if ":" in address else socket.AF_INET)
        try:
            site = web.SockSite(self.runner, held)
            await site.start()
        except BaseException:
            held.close()
            raise
        port = int(held.getsockname()[1])
        self._inside[address, port] = site
        return port

    async def _from_inside(self, request: web.Request) -> web.StreamResponse:
        """Answer a container of a task: the credentials of its role, and the API."""
        if request.path.startswith(credentials.PATH) and request.method == "GET":
            status, body = credentials.answer(self.cloud, request.path)
            return web.json_response(body, status=status)
        if request.path == "/" and request.method == "POST":
            return await self._root(request)
        if request.path == "/":
            return web.Response(text="ECR Lab, for the containers of its tasks.\n")
        return web.Response(status=404, text=f"There is nothing at {request.path[:300]}.\n")

    # --------------------------------------------------------------------------------------------------------- requests

    def _request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: web.RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.Request:
        return web.Request(message, payload, protocol, writer, task, self._loop, client_max_size=api.MAX_BODY)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        assert isinstance(request, web.Request)
        if hdrs.EXPECT in request.headers:
            await expect(request)
        if self._inside and self._local_place(request) in self._inside:
            return await self._from_inside(request)
        place, path = self._registry_at(request), request.path
        if place == HUB:
            return await self.hub.handle(request)
        if place == MIRROR:
            return await self.hub.mirror.handle(request)
        if place == NEXT_DOOR:
            return await self.hub.handle(request, NEIGHBOUR)
        if place == GIT_SERVER:
            return await self.issuer.handle(request)
        if place == PUBLIC and not path.startswith("/_blobs/"):
            return await self._recorded(request, Record("public", region=REGION), self._public)
        if path.startswith("/v2/") or path == "/v2":
            return await self._registry(request)
        if path.startswith("/_blobs/"):
            return await self._blob(request)
        if path.startswith("/_ecrlab/"):
            return await self._lab(request)
        if path == "/":
            return await self._root(request)
        if path == "/health":
            return self._health(request)
        return web.Response(status=404, text=f"There is nothing at {path[:300]}.\n")

    def _health(self, request: web.Request) -> web.Response:
        """Tell whoever waits for the lab whether it does its work; needs no secret, and the X-ray has no row of it."""
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, text="Ask /health with GET.\n", headers={"Allow": "GET, HEAD"})
        ready = self._hub_ready.is_set()
        return web.json_response({"status": "ready" if ready else "starting"}, status=200 if ready else 503)

    async def _root(self, request: web.Request) -> web.StreamResponse:
        if request.method != "POST":
            text = "This is ECR Lab, a local Amazon ECR for learning. Not AWS. The AWS APIs answer POST here.\n"
            return web.Response(text=text, status=200 if request.method in ("GET", "HEAD") else 405)
        service, region = api.meant(request)
        if self.cloud.is_off(region) and service not in GLOBAL:
            return await self._recorded(request, Record(service, api.named(request), region=region), self._cut)
        return await self._recorded(request, Record("aws"), lambda request: api.handle(self.cloud, request))

    async def _registry(self, request: web.Request) -> web.StreamResponse:
        account, region = self._registry_at(request)
        handler = self._cut if self.cloud.is_off(region) else self._v2
        return await self._recorded(request, Record("registry", account=account, region=region), handler)

    async def _cut(self, request: web.Request) -> web.StreamResponse:
        """End the connection without an answer, as when nothing can be reached there."""
        record = request[RECORD]
        record.cut, record.reason = True, f"{record.region} is switched off"
        if request.transport is not None:
            # A reset, as the network gives it; a mere end could be taken for an empty answer.
            connection = request.transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            request.transport.abort()
        return web.Response(status=503)

    async def _v2(self, request: web.Request) -> web.StreamResponse:
        if request.method == "HEAD" and "/manifests/" in request.path:
            return _in_ecr_s_words(request, await self.door.head(request, self.registry.handle))
        return _in_ecr_s_words(request, await self.registry.handle(request))

    async def _public(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path in ("/token", "/token/") and request.method == "GET":
            request[RECORD].operation = "GET token"
            try:
                return self.public_door.token(request)
            except OciError as error:
                request[ERROR] = error.code
                return error.response()
        if path.startswith("/v2/") or path == "/v2":
            return _in_ecr_s_words(request, await self.public_registry.handle(request))
        logo = self.public_door.logo(path) if request.method == "GET" else None
        if logo is not None:
            return web.Response(body=logo, content_type="application/octet-stream")
        if path == "/":
            text = "ECR Lab's registry of Amazon ECR Public. Not AWS: nothing leaves this machine.\n"
            return web.Response(text=text)
        return web.Response(status=404, text=f"There is nothing at {path[:300]}.\n")

    async def _blob(self, request: web.Request) -> web.StreamResponse:
        # The registry is in the path: an address that the API gave out may be one of another port.
        account, region = (*request.path.split("/")[2:4], "", "")[:2]
        reason = "a signed address: its signature is the permission"
        handler = self._cut if self.cloud.is_off(region) else self._layer
        return await self._recorded(request, Record("registry", account=account, region=region, reason=reason), handler)

    async def _layer(self, request: web.Request) -> web.StreamResponse:
        """Serve a layer to whoever has its signed address. Some clients send Authorization here too: it is ignored."""
        if request.method != "GET":
            return _storage_error(request, 405, "MethodNotAllowed", "The specified method is not allowed.")
        wrong = signed(self.cloud.secret, request.path, request.query_string)
        if wrong is not None:
            return _storage_error(request, 403, "AccessDenied", wrong)
        digest = request.path.rpartition("/")[2]
        path = self.store.blob_path(digest)
        try:
            return await send_blob(request, Blob(digest, path.stat().st_size, path, None))
        except FileNotFoundError:
            return _storage_error(request, 404, "NoSuchKey", "The specified key does not exist.")
        except OciError as error:
            return error.response()
        except OSError:
            if request.writer.output_size > 0:
                raise  # an answer has begun, and only a broken connection can say that it is not whole
            traceback.print_exc(file=sys.stderr)
            return _storage_error(request, 400, "InternalError", "ECR Lab could not read this layer; see its log.")

    async def _lab(self, request: web.Request) -> web.StreamResponse:
        if not self._through_loopback(request):
            return web.json_response({"message": "The control interface answers at loopback only."}, status=403)
        if self._control is None or self._registry_at(request) != MAIN:
            return web.json_response({"message": f"The control interface is at port {self.main_port}."}, status=404)
        await self._hub_ready.wait()
        return await self._control.handle(request)

    async def _recorded(
        self, request: web.Request, record: Record, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        begun = time.perf_counter()
        request[RECORD] = record
        status = 499  # the client went away
        response: web.StreamResponse | None = None
        try:
            response = await handler(request)
            status = 0 if record.cut else response.status
            return response
        finally:
            sent = response.body if isinstance(response, web.Response) else None
            self.xray.record(
                Entry(
                    now=self.clock.time(),
                    user_agent=request.headers.get("User-Agent", ""),
                    principal=record.principal.arn if record.principal else None,
                    account=record.account,
                    region=record.region,
                    service=record.service,
                    method=request.method,
                    path=request.raw_path,
                    operation=record.operation,
                    decisions=record.decisions,
                    reason=record.reason,
                    status=status,
                    error=record.error or request.get(ERROR),
                    said=said(response),
                    bytes_in=request.get(BYTES_IN, request.content_length or 0),
                    bytes_out=request.get(BYTES_OUT, len(sent) if isinstance(sent, (bytes, bytearray)) else 0),
                    duration_ms=(time.perf_counter() - begun) * 1000,
                    trail=cloudtrail.kept(record, request, response),
                    shows=gist(record),
                )
            )

    def _acted(self, act: Act) -> None:
        """Show in the X-ray what a service did by itself; comes from a worker's thread."""
        with contextlib.suppress(RuntimeError):  # the lab is about to end
            self._loop.call_soon_threadsafe(self._record_act, act)

    def _record_act(self, act: Act) -> None:
        self.xray.record(
            Entry(
                now=self.clock.time(),
                user_agent=act.service,
                principal=act.principal.arn,
                account=act.account,
                region=act.region,
                service=act.api,
                method="POST",
                path="/",
                operation=act.operation,
                decisions=act.decisions,
                status=200 if act.code is None else 400,
                error=act.code,
                bytes_in=act.moved,
                bytes_out=0,
                duration_ms=0.0,
                trail=cloudtrail.kept_act(act),
                origin=act.origin,
                shows={"session_name": act.parameters["roleSessionName"]}
                if "roleSessionName" in act.parameters
                else None,
            )
        )

    # -------------------------------------------------------------------------------------------------------- beginning

    async def start(self) -> None:
        """Hold all ports, write down which, and then begin to answer: the main port, and every registry opened before.

        Whoever gets an answer at the main port finds the profiles, the ports and control.json in the home.
        """
        await self.runner.setup()
        self._control = Control(
            self.cloud,
            self.xray,
            self.home,
            self.main_port,
            self.secret,
            self._registries,
            self.listen_also,
            lambda: self._also,
            self.switch_region,
            HubControl(
                self.hub,
                lambda: self._address_of(HUB),
                lambda: self._address_of(MIRROR),
                lambda: self.open_port(*NEXT_DOOR),
            ),
            CiControl(self.issuer, self.runs, lambda: self._address_of(GIT_SERVER)),
        )
        write_profiles(self.home, self.main_port, seed(self.cloud))
        self.runs.clean_up()
        others = (key.split("/", 1) for key, _ in self._ports.items())
        ours = (HUB, PUBLIC, MIRROR, GIT_SERVER)
        for account, region in dict.fromkeys([*ours, *((account, region) for account, region in others)]):
            try:
                self.open_port(account, region)
            except ApiError as error:
                print(error.message, file=sys.stderr, flush=True)
        self.home.remember_port(self.main_port)
        hub_port, public_port = self.known_port(*HUB), self.known_port(*PUBLIC)
        if hub_port is not None:
            self.home.remember_hub_port(hub_port)
        if public_port is not None:
            self.home.remember_public_port(public_port)
        if (mirror_port := self.known_port(*MIRROR)) is not None:
            self.home.remember_mirror_port(mirror_port)
        if (git_port := self.known_port(*GIT_SERVER)) is not None:
            self.home.remember_git_server_port(git_port)
        fresh = not self.home.hub_password.exists()
        if fresh:
            write_private(self.home.hub_password, secrets.token_urlsafe(15) + "\n")
        control = f'{{"port": {self.main_port}, "secret": "{self.secret}", "pid": {os.getpid()}}}\n'
        write_private(self.home.control, control)
        await self._listen(self.main_port)
        # In a thread, because it hashes a password and packs an image: the main port answers meanwhile.
        await asyncio.to_thread(self._seed_hub, fresh)
        self._hub_ready.set()

    def _seed_hub(self, fresh: bool) -> None:
        """Make what the hub begins with; the learner's password lies in the home, for `docker login`."""
        self.hub.seed(self.home.hub_password.read_text(encoding="utf-8").strip(), fresh)

    def _upstream(self, host: str) -> Address | None:
        """Where the pull-through cache finds a registry: Docker Hub's and ECR Public's are the lab's own."""
        if host == "registry-1.docker.io":
            port, password = self.known_port(*HUB), self.home.hub_password
            return Address(f"127.0.0.1:{port}", LEARNER, password.read_text(encoding="utf-8").strip())
        if host == "public.ecr.aws":
            return Address(f"127.0.0.1:{self.known_port(*PUBLIC)}")
        return None

    def _address_of(self, wanted: tuple[str, str]) -> str | None:
        port = next((port for port, place in self._open.items() if place == wanted), None)
        return None if port is None else f"localhost:{port}"

    def _registries(self) -> dict[tuple[str, str], int]:
        return {registry: port for port, registry in self._open.items() if registry not in OTHERS}

    async def run(self, stop: asyncio.Event) -> None:
        """Keep the X-ray and collect garbage until ``stop``."""
        keeping = [asyncio.create_task(self.xray.keep()), asyncio.create_task(self._work())]
        try:
            while not stop.is_set():
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), COLLECT_SECONDS)
                    break
                for store in (self.store, self.hub_store):
                    await asyncio.to_thread(store.collect_garbage)
        finally:
            for task in keeping:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task

    async def _work(self) -> None:
        """What the cloud does by itself: every second, and soon after something was added."""
        work, idle = self.cloud.work, 0.0
        await asyncio.to_thread(sweep, self.cloud)
        while True:
            await asyncio.sleep(WORK_STEP)
            idle += WORK_STEP
            if work.added.is_set() or idle >= 1.0:
                idle = 0.0
                await asyncio.to_thread(work.run, self.cloud)

    async def close(self) -> None:
        """Stop listening, let what runs end, and save everything."""
        self.cloud.closing = True
        if self.cloud.host.runner is not None:
            await asyncio.to_thread(self.cloud.host.runner.close)
        self.home.control.unlink(missing_ok=True)
        await self.runs.close()
        await self.runner.cleanup()
        for listeners in self._sockets.values():
            for held in listeners:
                held.close()
        self.registry.close()
        self.public_registry.close()
        self.cloud.last_used.save()
        self.hub.close()
        self.xray.flush()


def _in_ecr_s_words(request: web.Request, response: web.StreamResponse) -> web.StreamResponse:
    """An answer of the registry, with ECR's own text for an image that is not there (err 7)."""
    if response.status != 404 or request.get(ERROR) != "MANIFEST_UNKNOWN":
        return response
    return web.Response(
        status=404,
        body=b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"Requested image not found"}]}',
        content_type="application/json",
        headers={"Docker-Distribution-Api-Version": "registry/2.0"},
    )


def _storage_error(request: web.Request, status: int, code: str, message: str) -> web.Response:
    """An error as Amazon S3 writes it: a layer's address is one of S3's at AWS."""
    request[RECORD].error = code
    text = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return web.Response(status=status, text=text, content_type="application/xml")


def write_profiles(home: Home, port: int, keys: dict[str, Document]) -> None:
    """Write the AWS configuration and credentials files with the lab's profiles, mode 600.

    A file that exists is the learner's too: only the lab's own sections are brought up to date.
    """
    endpoint = f"http://localhost:{port}"
    # The retries that AWS CLI v2 has by default; v1's own would make a Region that is off silent for 15 seconds.
    common = {"region": REGION, "output": "json", "retry_mode": "standard", "endpoint_url": endpoint}
    config = {f"profile {name}": dict(common) for name in keys}
    config["default"] = config["profile admin"]
    credentials = {
        name: {"aws_access_key_id": key["id"], "aws_secret_access_key": key["secret"]} for name, key in keys.items()
    }
    credentials["default"] = credentials["admin"]
    for path, sections in ((home.aws_config, config), (home.aws_credentials, credentials)):
        old = path.read_text(encoding="utf-8") if path.exists() else ""
        new = _merged(old, sections)
        if new != old:
            write_private(path, new)
    for name in keys:
        home.docker_config(name).mkdir(mode=0o700, parents=True, exist_ok=True)


def _merged(text: str, sections: dict[str, dict[str, str]]) -> str:
    """Return an INI text in which ``sections`` have these values; whatever else it holds stays as it is."""
    parts = re.split(r"(?m)^(?=\[)", text)
    for name, values in sections.items():
        header = f"[{name}]"
        index = next((i for i, part in enumerate(parts) if part.split("\n", 1)[0].strip() == header), None)
        lines = [] if index is None else parts[index].rstrip("\n").split("\n")[1:]
        # What leads to the lab is not the learner's to change; the rest is.
        for key, value in values.items():
            at = next((i for i, line in enumerate(lines) if line.partition("=")[0].strip() == key), None)
            if at is None:
                lines.append(f"{key} = {value}")
            elif key not in ("output", "region", "retry_mode"):
                lines[at] = f"{key} = {value}"
        part = "\n".join([header, *lines]) + "\n\n"
        if index is None:
            parts.append(part)
        else:
            parts[index] = part
    return "".join(parts)


async def serve(home: Home, port: int | None = None, host: str = "127.0.0.1") -> None:
    """Run the lab of ``home`` until SIGTERM or SIGINT.

    ``port``: the main port; 0 for any; None for the remembered one, at the first start 4510 or the next free one.
    Writes ``home.control`` once it listens, and removes it when it stops. Raises StoreInUse when another process serves
    this home, StoreDamaged, StoreTooNew, and PortTaken.
    """
    home.make()
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # The hub keeps to itself: what is pulled from it must not make ECR work its decisions out again.
    with Store.open(home.lab) as store, Store.open(home.lab / "hub") as hub:
        server = Server(home, store, hub, host)
        moved = server.open_main(port)
        if moved:
            print(
                f"Port {DEFAULT_PORT} is in use by another program; this lab uses port {server.main_port} from now on.",
                flush=True,
            )
        try:
            await server.start()
            print(f"ECR Lab listens at http://localhost:{server.main_port} (not AWS). Home: {home.path}", flush=True)
            await server.run(stop)
        finally:
            await server.close()


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > HIGHEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: a number from 0 to {HIGHEST}")
    return int(text)


def main(arguments: list[str] | None = None) -> int:
    """Run ``python -m ecrlab.server``; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m ecrlab.server", description="Run the local cloud of ECR Lab.")
    parser.add_argument("--home", type=Path, help="the home folder (default: ECRLAB_HOME, or the nearest .ecrlab)")
    parser.add_argument("--port", type=_port, help="the main port; 0: any (default: the remembered one, else 4510)")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: loopback only)")
    options = parser.parse_args(arguments)
    try:
        asyncio.run(serve(Home(options.home) if options.home else Home.find(), options.port, options.host))
    except OSError as error:
        print(sentence(error, options.home), file=sys.stderr)
        return 1
    except (StoreError, PortTaken) as error:
        print(typed(error), file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
