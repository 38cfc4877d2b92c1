"""The hub in one object: its registry, its token service, its HTTP API, its page, and what the lab may change of it."""

from __future__ import annotations

import secrets
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from aiohttp import web

from ecrlab.clock import Clock
from ecrlab.hub import library, names
from ecrlab.hub.accounts import Accounts
from ecrlab.hub.api import Api
from ecrlab.hub.backend import HubBackend
from ecrlab.hub.mirror import Mirror
from ecrlab.hub.pulls import Pulls
from ecrlab.hub.record import HUB_RECORD, HubRecord
from ecrlab.hub.repositories import Repositories
from ecrlab.hub.token_service import TokenService
from ecrlab.oci import ERROR, Registry, count_received, count_sent, said
from ecrlab.store import Store
from ecrlab.xray import Entry, XRay

#: The user that is there from the beginning, and the organisation that it owns.
LEARNER, ORGANIZATION = "learner", "harbourbikes"
#: On every answer except the bytes of a layer.
SAYS_WHAT_IT_IS = {"X-Ecrlab": "ECR Lab's Docker-Hub-like registry on this machine; not Docker Hub"}

#: What the image library/busybox is made of: its layer (an uncompressed tar file) and processor (GOARCH name).
BusyBox = Callable[[], tuple[bytes, str]]

_TABLES = (
    "hub.users", "hub.organizations", "hub.access_tokens", "hub.pulls", "hub.limits", "hub.mirror", "hub.switch",
)  # fmt: skip
_PAGE = """\
ECR Lab's Docker-Hub-like registry. It stands in for Docker Hub in the lessons of ECR Lab.
It is NOT Docker Hub, not run by Docker Inc., and nothing here leaves this machine.

Registry    docker login {host}    docker pull {host}/library/busybox
Tokens      GET http://{host}/token
HTTP API    http://{host}/v2/users/login, /v2/namespaces/NAME/repositories, /v2/access-tokens, /v2/orgs/NAME/groups
"""


class Hub:
    """Everything behind the hub's port.

    Args:
        store: the hub's own.
        clock, xray: the lab's.
        busybox: called when the image library/busybox has to be made.
    """

    def __init__(self, store: Store, clock: Clock, xray: XRay, busybox: BusyBox) -> None:
        self._store = store
        self._clock = clock
        self._xray = xray
        self._busybox = busybox
        self._switch = store.table("hub.switch")
        self.accounts = Accounts(store, clock)
        self.pulls = Pulls(store, clock)
        self.repositories = Repositories(store, clock, self.accounts)
        secret = _kept_secret(store)
        self._tokens = TokenService(store, clock, self.accounts, self.pulls, secret)
        self._door = HubBackend(store, clock, self.accounts, self.repositories, self.pulls, secret)
        self._api = Api(store, clock, self.accounts, self.repositories, secret)
        self.registry = Registry(store, self._door)
        self.mirror = Mirror(store, clock, xray)

    @property
    def operations(self) -> list[tuple[str, str]]:
        """The operations of the HTTP API: methods and paths."""
        return self._api.operations

    @property
    def on(self) -> bool:
        """Tell whether it answers: a learner can switch it off."""
        return self._switch.get("off") is None

    def switch(self, on: bool) -> None:
        """Switch it on, or off: then requests end without an answer, as when nothing can be reached."""
        if on:
            self._switch.delete("off")
        else:
            self._switch.put("off", {})

    def close(self) -> None:
        """Wait for threads that still write; call it before the store is closed."""
        self.registry.close()

    # --------------------------------------------------------------------------------------------------------- content

    def seed(self, password: str, fresh: bool) -> None:
        """Make what is there from the beginning and is missing.

        Args:
            password: the learner's.
            fresh: whether it is a new one, which an existing user must get.
        """
        if self.accounts.users.get(LEARNER) is None:
            self.accounts.add_user(LEARNER, password)
        elif fresh:
            self.accounts.set_password(LEARNER, password)
        if self.accounts.organizations.get(ORGANIZATION) is None:
            self.accounts.add_organization(ORGANIZATION, {LEARNER: "owner"})
        for name in _SEEDED:
            if self._store.repository(names.REGISTRY, name) is None:
                layers, architecture = [library.note()], "amd64"
                if name.startswith(f"{names.LIBRARY}/"):
                    busybox, architecture = self._busybox()
                    # Above the note: containerd does not fetch a layer that it has unpacked in the same place, as the
                    # lab's own base image is, and then has nothing to push it on with (tried with Engine 28.5.2).
                    layers.append(busybox)
                repository = self.repositories.make(name, private=False, description="Made on this machine by ECR Lab.")
                now = self._clock.time()
                library.put_image(self._store, repository, "latest", layers, architecture, now)

    def reset(self) -> list[str]:
        """Put the hub back to its start; return what was removed, in words. The learner's password stays."""
        removed = []
        with self._store.transaction():
            for repository in self._store.repositories(names.REGISTRY):
                if repository.name not in _SEEDED:
                    self._store.delete_repository(names.REGISTRY, repository.name)
                    removed.append(f"repository {repository.name} of the hub")
            for word, table, kept in (
                ("user", self.accounts.users, LEARNER),
                ("organisation", self.accounts.organizations, ORGANIZATION),
            ):
                removed += [f"{word} {name} of the hub" for name, _ in table.items() if name != kept]
            learner = self.accounts.users.get(LEARNER)
            for name in _TABLES:
                table = self._store.table(name)
                for key, _ in table.items():
                    table.delete(key)
            if learner is not None:
                self.accounts.users.put(LEARNER, {**learner, "plan": "personal", "default_private": False})
                self.accounts.add_organization(ORGANIZATION, {LEARNER: "owner"})
        return removed

    def remove(self, name: str) -> bool:
        """Delete a repository with its images; tell whether it was there."""
        if not names.is_full(name) or self._store.repository(names.REGISTRY, name) is None:
            return False
        self._store.delete_repository(names.REGISTRY, name)
        return True

    def status(self) -> dict[str, Any]:
        """Return what is there: limits, users, organisations and repositories."""
        return {
            "on": self.on,
            "limits": vars(self.pulls.limits()),
            "users": [
                {key: user[key] for key in ("name", "plan", "default_private")}
                for _, user in self.accounts.users.items()
            ],
            "organizations": [
                {key: found[key] for key in ("name", "default_private", "members", "teams")}
                for _, found in self.accounts.organizations.items()
            ],
            "repositories": [
                {
                    "name": found.name,
                    "private": bool(found.attributes.get("private")),
                    "pulls": int(found.attributes.get("pulls", 0)),
                }
                for found in self._store.repositories(names.REGISTRY)
            ],
        }

    # -------------------------------------------------------------------------------------------------------- requests

    async def handle(self, request: web.Request, address: str = "") -> web.StreamResponse:
        """Answer a request that came in by a port of the hub, and record it.

        ``address`` is where it counts as coming from, by default where it does come from.
        """
        begun = time.perf_counter()
        record = request[HUB_RECORD] = HubRecord(address=address or request.remote or "127.0.0.1")
        status = 499  # the client went away
        response: web.StreamResponse | None = None
        try:
            if not self.on:
                record.reason, status = "the hub is switched off", 0
                return _cut(request)
            response = await self._answer(request)
            status = response.status
            return response
        finally:
            if request.path != "/":
                self._xray.record(
                    Entry(
                        now=self._clock.time(),
                        user_agent=request.headers.get("User-Agent", ""),
                        principal=record.user,
                        account=None,
                        region=None,
                        service="hub",
                        method=request.method,
                        path=request.raw_path,
                        operation=record.operation,
                        decisions=record.scopes,
                        reason=record.reason,
                        status=status,
                        error=record.error or request.get(ERROR),
                        said=said(response),
                        bytes_in=count_received(request),
                        bytes_out=count_sent(request, response),
                        duration_ms=(time.perf_counter() - begun) * 1000,
                        shows=record.shows,
                    )
                )

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        path = request.path
        if path == "/token":
            response: web.StreamResponse = await self._tokens.handle(request)
        elif self._api.serves(path):
            response = await self._api.handle(request)
        elif path in ("/v2", "/v2/") or path.startswith("/v2/"):
            response = await self.registry.handle(request)
            if "/manifests/" in path and request.method in ("GET", "HEAD"):
                record = request[HUB_RECORD]
                headers = self._door.rate_headers(record.user, record.address, response.status)
                record.shows.update(headers)
                response.headers.update(headers)
        elif path == "/" and request.method in ("GET", "HEAD"):
            response = web.Response(text=_PAGE.format(host=request.host))
        else:
            response = web.Response(status=404 if path != "/" else 405, text=f"There is nothing at {path[:300]}.\n")
        if not response.prepared:
            response.headers.update(SAYS_WHAT_IT_IS)
        return response


def _cut(request: web.Request) -> web.Response:
    """End the connection without an answer: a reset, as the network gives it."""
    if request.transport is not None:
        connection = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response(status=503)


_SEEDED = (f"{names.LIBRARY}/busybox", f"{names.PREVIEW}/test")


def _kept_secret(store: Store) -> bytes:
    """The key that signs tokens, drawn once."""
    table = store.table("hub.secret")
    kept = table.get("secret")
    if kept is None:
        kept = {"hex": secrets.token_hex(32)}
        table.put("secret", kept)
    return bytes.fromhex(kept["hex"])
