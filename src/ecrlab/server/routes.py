"""Which handler answers a request: by the port at which it came in, then by its path."""

from __future__ import annotations

import asyncio
import socket
import struct
from dataclasses import dataclass

from aiohttp import hdrs, web

from ecrlab.aws import api
from ecrlab.aws.cloud import Cloud
from ecrlab.aws.ecr_public.registry import PLACE as PUBLIC
from ecrlab.aws.ecs import credentials
from ecrlab.aws.record import RECORD, Record
from ecrlab.ci import Issuer
from ecrlab.home import REGION
from ecrlab.hub import Hub
from ecrlab.oci import expect
from ecrlab.server import layers
from ecrlab.server.addresses import Addresses
from ecrlab.server.control import Control
from ecrlab.server.listeners import Listeners
from ecrlab.server.places import GIT_SERVER, HUB, MAIN, MIRROR, NEIGHBOUR, NEXT_DOOR
from ecrlab.server.recorder import Recorder
from ecrlab.server.registries import Registries
from ecrlab.server.task_addresses import TaskAddresses

# Services that answer although a Region is off: IAM and STS.
GLOBAL = ("iam", "sts")


@dataclass(frozen=True)
class Routes:
    """The handlers of one lab. ``hub_ready``: what the hub begins with is made, and the lab does all its work."""

    cloud: Cloud
    addresses: Addresses
    listeners: Listeners
    task_addresses: TaskAddresses
    recorder: Recorder
    registries: Registries
    hub: Hub
    issuer: Issuer
    control: Control
    hub_ready: asyncio.Event

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request that came in at any port of the lab."""
        assert isinstance(request, web.Request)
        if hdrs.EXPECT in request.headers:
            await expect(request)
        if self.task_addresses.has(request):
            return await self._from_inside(request)
        place, path = self.addresses.place_of(request), request.path
        if place == HUB:
            return await self.hub.handle(request)
        if place == MIRROR:
            return await self.hub.mirror.handle(request)
        if place == NEXT_DOOR:
            return await self.hub.handle(request, NEIGHBOUR)
        if place == GIT_SERVER:
            return await self.issuer.handle(request)
        if place == PUBLIC and not path.startswith("/_blobs/"):
            record = Record("public", region=REGION)
            return await self.recorder.answer(request, record, self.registries.answer_in_public)
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

    def _health(self, request: web.Request) -> web.Response:
        """Tell whoever waits for the lab whether it does its work; needs no secret, and the X-ray has no row of it."""
        if request.method not in ("GET", "HEAD"):
            return web.Response(status=405, text="Ask /health with GET.\n", headers={"Allow": "GET, HEAD"})
        ready = self.hub_ready.is_set()
        return web.json_response({"status": "ready" if ready else "starting"}, status=200 if ready else 503)

    async def _root(self, request: web.Request) -> web.StreamResponse:
        if request.method != "POST":
            text = "This is ECR Lab, a local Amazon ECR for learning. Not AWS. The AWS APIs answer POST here.\n"
            return web.Response(text=text, status=200 if request.method in ("GET", "HEAD") else 405)
        service, region = api.meant(request)
        if self.cloud.is_off(region) and service not in GLOBAL:
            return await self.recorder.answer(request, Record(service, api.named(request), region=region), _cut)
        return await self.recorder.answer(request, Record("aws"), lambda request: api.handle(self.cloud, request))

    async def _registry(self, request: web.Request) -> web.StreamResponse:
        account, region = self.addresses.place_of(request)
        handler = _cut if self.cloud.is_off(region) else self.registries.answer
        return await self.recorder.answer(request, Record("registry", account=account, region=region), handler)

    async def _blob(self, request: web.Request) -> web.StreamResponse:
        # The registry is in the path: an address that the API gave out may be one of another port.
        account, region = (*request.path.split("/")[2:4], "", "")[:2]
        reason = "a signed address: its signature is the permission"
        record = Record("registry", account=account, region=region, reason=reason)
        handler = _cut if self.cloud.is_off(region) else self._layer
        return await self.recorder.answer(request, record, handler)

    async def _layer(self, request: web.Request) -> web.StreamResponse:
        return await layers.serve(self.cloud, request)

    async def _lab(self, request: web.Request) -> web.StreamResponse:
        if not self.listeners.hears_at_loopback(request):
            return web.json_response({"message": "The control interface answers at loopback only."}, status=403)
        if self.addresses.place_of(request) != MAIN:
            where = f"The control interface is at port {self.addresses.main_port}."
            return web.json_response({"message": where}, status=404)
        await self.hub_ready.wait()
        return await self.control.handle(request)


async def _cut(request: web.Request) -> web.StreamResponse:
    """End the connection without an answer, as when nothing can be reached there."""
    record = request[RECORD]
    record.cut, record.reason = True, f"{record.region} is switched off"
    if request.transport is not None:
        # A reset, as the network gives it; a mere end could be taken for an empty answer.
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response(status=503)
