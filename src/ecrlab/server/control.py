"""The lab's own interface (`/_ecrlab/`): status, clock, X-ray, explorer, questions to IAM, and more.

Quotas, Regions, the hub, the git server, reset. A secret in the home guards it.
"""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
import json
import math
import os
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

from aiohttp import web

from ecrlab import __version__
from ecrlab.aws import pullers, seed, surplus
from ecrlab.aws.cloud import Cloud, regions, registry_name
from ecrlab.aws.ecs import inside
from ecrlab.aws.ecs.removal import remove
from ecrlab.aws.quotas import PUBLIC, NoQuota
from ecrlab.aws.what_if import answers, rehearsal
from ecrlab.aws.what_if.actions import actions
from ecrlab.aws.what_if.errors import Unanswerable
from ecrlab.aws.wire.errors import ApiError
from ecrlab.ci import CiError
from ecrlab.ci.control import CiControl
from ecrlab.client.explorer_model import Comparison, ExplorerError, Tree, to_json
from ecrlab.home import ACCOUNT, REGION, Home
from ecrlab.hub import HubError
from ecrlab.hub.control import HubControl
from ecrlab.server import explorer
from ecrlab.store import StoreFull
from ecrlab.trouble import is_about_files, sentence
from ecrlab.xray import XRay

Answer = dict[str, Any]
HEADER = "X-Ecrlab-Secret"
LONGEST_SCAN = 3600
"""Seconds of lab time that a scan can be made to take."""


class Refused(Exception):  # noqa: N818 (an answer, not a failure)
    """A control request that is not carried out; the text says what was expected."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Control:
    """Answers everything below ``/_ecrlab/`` on the main port.

    ``ports`` gives the open registries as {(account, Region): port}; ``listen`` adds an address to listen at, or with
    None takes it away, and raises OSError; ``also`` gives that address. ``switch`` turns a Region on or off.
    """

    def __init__(
        self,
        cloud: Cloud,
        xray: XRay,
        home: Home,
        port: int,
        secret: str,
        ports: Callable[[], dict[tuple[str, str], int]],
        listen: Callable[[str | None], Awaitable[None]],
        also: Callable[[], str | None],
        switch: Callable[[str, bool], Awaitable[None]],
        hub: HubControl,
        ci: CiControl,
    ) -> None:
        self._cloud = cloud
        self._xray = xray
        self._home = home
        self._port = port
        self._secret = secret
        self._ports = ports
        self._listening = listen
        self._also = also
        self._switch = switch
        self._hub = hub
        self._ci = ci
        self._handlers: dict[tuple[str, str], Callable[[web.Request], Awaitable[Answer]]] = {
            ("GET", "status"): self._status,
            ("POST", "clock"): self._clock,
            ("GET", "xray"): self._rows,
            ("GET", "actions"): self._actions,
            ("POST", "decide"): self._decide,
            ("POST", "allowed"): self._allowed,
            ("POST", "beyond"): self._beyond,
            ("POST", "rehearse"): self._rehearse,
            ("POST", "who"): self._who,
            ("GET", "tree"): self._tree,
            ("GET", "tags"): self._tags,
            ("GET", "comparison"): self._comparison,
            ("POST", "registries"): self._registries,
            ("POST", "accounts"): self._accounts,
            ("POST", "listen"): self._listen,
            ("POST", "region"): self._region,
            ("POST", "scans"): self._scans,
            ("GET", "quotas"): self._quotas,
            ("POST", "quotas"): self._quota,
            ("POST", "pull-as"): self._pull_as,
            ("GET", "ecs"): self._ecs,
            ("GET", "ecs/tasks"): self._ecs_tasks,
            ("POST", "ecs/task"): self._ecs_task,
            ("POST", "ecs/page"): self._ecs_page,
            ("POST", "reset"): self._reset,
            ("GET", "hub"): self._of_hub(hub.status),
            ("POST", "hub/users"): self._of_hub(hub.users),
            ("POST", "hub/organizations"): self._of_hub(hub.organizations),
            ("POST", "hub/members"): self._of_hub(hub.members),
            ("POST", "hub/teams"): self._of_hub(hub.teams),
            ("POST", "hub/switch"): self._of_hub(hub.switch),
            ("POST", "hub/limits"): self._of_hub(hub.limits),
            ("POST", "hub/window"): self._of_hub(hub.window),
            ("POST", "hub/remove"): self._of_hub(hub.remove),
            ("POST", "hub/next-door"): self._of_hub(hub.next_door),
            ("POST", "hub/visibility"): self._of_hub(hub.visibility),
            ("POST", "hub/mirror"): self._of_hub(hub.mirror),
            ("GET", "ci"): self._of_ci(ci.status),
            ("POST", "ci/token"): self._of_ci(ci.token),
            ("POST", "ci/issuer"): self._of_ci(ci.issuer),
            ("POST", "ci/repositories"): self._of_ci(ci.repository),
            ("POST", "ci/pushed"): self._of_ci(ci.pushed),
            ("POST", "ci/begin"): self._of_ci(ci.begin),
            ("GET", "ci/runs"): self._of_ci(ci.runs),
            ("POST", "ci/output"): self._of_ci(ci.output),
        }

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one control request; refusals are 4xx with ``{"message": text}``."""
        try:
            self._guard(request)
            handler = self._handlers.get((request.method, request.path.removeprefix("/_ecrlab/")))
            if handler is None:
                raise Refused(404, f"There is no {request.method} {request.path} here.")
            return web.json_response(await handler(request))
        except Refused as refusal:
            return web.json_response({"message": str(refusal)}, status=refusal.status)
        except StoreFull as error:
            return web.json_response({"message": str(error)}, status=413)
        except OSError as error:
            if not is_about_files(error):
                raise
            return web.json_response({"message": sentence(error, self._home.path)}, status=409)

    def _guard(self, request: web.Request) -> None:
        """A page in a browser must not reach this: neither by another origin nor by a name that resolves to us."""
        if request.host not in (f"localhost:{self._port}", f"127.0.0.1:{self._port}", f"[::1]:{self._port}"):
            raise Refused(
                403, f"The control interface answers at localhost:{self._port} only, not at {request.host[:100]!r}."
            )
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"http://{request.host}":
            raise Refused(403, "The control interface is not for pages of other origins.")
        if not hmac.compare_digest(request.headers.get(HEADER, "").encode("utf-8", "replace"), self._secret.encode()):
            raise Refused(
                403, f"The control interface needs the secret of {self._home.control} in the header {HEADER}."
            )

    async def _body(self, request: web.Request) -> dict[str, Any]:
        try:
            body = json.loads(await request.read() or b"{}")
        except (ValueError, RecursionError):
            body = None
        if not isinstance(body, dict):
            raise Refused(400, "The request body is not a JSON object.")
        return body

    async def _status(self, request: web.Request) -> Answer:
        return {
            "version": __version__,
            "port": self._port,
            "home": str(self._home.path),
            "pid": os.getpid(),
            "account": ACCOUNT,
            "region": REGION,
            "clock": self._time(),
            "registries": [
                {"account": a, "region": r, "port": port}
                for (a, r), port in sorted(self._ports().items(), key=lambda item: item[1])
            ],
            "hub": self._hub.where(),
            "mirror": {"port": self._home.mirror_port},
            "ecr_public": {"address": f"localhost:{self._home.public_port}/public.ecr.aws"},
            "listens_also_at": self._also(),
            "regions_off": self._cloud.regions_off,
        }

    def _time(self) -> Answer:
        clock = self._cloud.clock
        return {"now": clock.now().isoformat(timespec="milliseconds"), "offset_seconds": clock.offset.total_seconds()}

    async def _clock(self, request: web.Request) -> Answer:
        body = await self._body(request)
        seconds = body.get("advance_seconds")
        if body.get("reset") is True:
            self._cloud.clock.reset()
        elif isinstance(seconds, (int, float)) and not isinstance(seconds, bool) and math.isfinite(seconds):
            try:
                self._cloud.clock.advance(timedelta(seconds=seconds))
            except OverflowError:
                raise Refused(400, "The lab clock cannot be more than 100 years ahead of real time.") from None
            except ValueError as error:
                raise Refused(400, str(error)) from None
        else:
            raise Refused(400, 'Expected {"advance_seconds": number} or {"reset": true}.')
        # What is due by now has happened when the learner is told.
        await asyncio.to_thread(self._cloud.work.run, self._cloud)
        return self._time()

    async def _rows(self, request: web.Request) -> Answer:
        try:
            after = int(request.query.get("after", "0"))
            wait = min(float(request.query.get("wait", "0")), 300.0)
            limit = min(int(request.query.get("limit", "1000")), 10_000)
        except ValueError:
            raise Refused(400, "after, wait and limit are numbers.") from None
        await self._xray.wait(after, wait)
        opened = request.query.get("opened") == "1"
        return {"last": self._xray.last, "rows": self._xray.rows(after, limit, opened)}

    async def _actions(self, request: web.Request) -> Answer:
        return dict(actions())

    async def _decide(self, request: web.Request) -> Answer:
        return await self._asked(answers.decide, request)

    async def _allowed(self, request: web.Request) -> Answer:
        return await self._asked(answers.allowed, request)

    async def _beyond(self, request: web.Request) -> Answer:
        return await self._asked(surplus.beyond, request)

    async def _rehearse(self, request: web.Request) -> Answer:
        return await self._asked(rehearsal.rehearse, request)

    async def _who(self, request: web.Request) -> Answer:
        return await self._asked(answers.who, request)

    async def _asked(self, answer: Callable[[Cloud, dict[str, Any]], Answer], request: web.Request) -> Answer:
        body = await self._body(request)
        try:  # in a thread: what else a statement opens takes some thousand decisions
            return await asyncio.to_thread(answer, self._cloud, body)
        except Unanswerable as error:
            raise Refused(404 if error.missing else 400, str(error)) from None

    async def _tree(self, request: web.Request) -> Answer:
        query = request.query
        try:
            repositories, images = (int(query[key]) if key in query else None for key in ("repositories", "images"))
        except ValueError:
            raise Refused(400, "repositories and images are numbers.") from None
        return await self._explored(explorer.read, query.get("repository"), repositories, images)

    async def _tags(self, request: web.Request) -> Answer:
        account = self._account(dict(request.query))
        return {"regions": await asyncio.to_thread(explorer.tags, self._cloud.store, account)}

    async def _comparison(self, request: web.Request) -> Answer:
        query = request.query
        return await self._explored(explorer.compare, query.get("left", ""), query.get("right", ""))

    async def _explored(self, look: Callable[..., Tree | Comparison], *names: Any) -> Answer:
        try:  # in a thread: a large lab takes a second to add up
            return to_json(await asyncio.to_thread(look, self._cloud.store, *names))
        except ExplorerError as error:
            raise Refused(404, str(error)) from None

    async def _registries(self, request: web.Request) -> Answer:
        body = await self._body(request)
        account, region = self._account(body), body.get("region", REGION)
        if region not in regions():
            raise Refused(400, f"{region!r} is not an AWS Region.")
        port = self._cloud.open_port(account, region)
        return {"port": port, "registry": f"localhost:{port}/{registry_name(account, region)}"}

    async def _accounts(self, request: web.Request) -> Answer:
        key = seed.administrator(self._cloud, self._account(await self._body(request)))
        return {"access_key_id": key["id"], "secret_access_key": key["secret"]}

    def _of_hub(self, answer: Callable[[Answer], Awaitable[Answer]]) -> Callable[[web.Request], Awaitable[Answer]]:
        async def asked(request: web.Request) -> Answer:
            try:
                return await answer(await self._body(request))
            except HubError as error:
                raise Refused(error.status, error.message) from None

        return asked

    def _of_ci(self, answer: Callable[[Answer], Awaitable[Answer]]) -> Callable[[web.Request], Awaitable[Answer]]:
        async def asked(request: web.Request) -> Answer:
            try:
                return await answer(await self._body(request))
            except CiError as error:
                raise Refused(error.status, error.message) from None

        return asked

    async def _listen(self, request: web.Request) -> Answer:
        address = (await self._body(request)).get("address")
        try:
            if address is not None and not ipaddress.ip_address(address).is_private:
                raise ValueError
            await self._listening(address)
        except ValueError:
            raise Refused(400, f"Expected a private IP address of this machine or null, not {address!r}.") from None
        except OSError as error:
            raise Refused(409, f"The lab cannot listen at {address}: {error.strerror or error}.") from None
        return {"listens_also_at": self._also()}

    async def _region(self, request: web.Request) -> Answer:
        body = await self._body(request)
        region, on = body.get("region"), body.get("on")
        if not isinstance(region, str) or region not in regions() or not isinstance(on, bool):
            raise Refused(400, f'Expected {{"region": an AWS Region, "on": true or false}}, not {region!r}, {on!r}.')
        await self._switched(region, on)
        return {"regions_off": self._cloud.regions_off}

    async def _switched(self, region: str, on: bool) -> None:
        try:
            await self._switch(region, on)
        except ApiError as error:
            raise Refused(409, f"{region} is on again, but {error.message}") from None
        if on:
            # What waited for the Region has happened when the learner is told.
            await asyncio.to_thread(self._cloud.work.run, self._cloud)

    async def _scans(self, request: web.Request) -> Answer:
        seconds = (await self._body(request)).get("seconds")
        if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 0 <= seconds <= LONGEST_SCAN:
            raise Refused(400, f'Expected {{"seconds": from 0 to {LONGEST_SCAN}}}, not {seconds!r:.50}.')
        self._cloud.scan_seconds = float(seconds)
        return {"seconds": self._cloud.scan_seconds}

    async def _quotas(self, request: web.Request) -> Answer:
        registry = self._registry_meant(dict(request.query))
        return {"registry": registry, "quotas": self._cloud.quotas.shown(registry)}

    async def _quota(self, request: web.Request) -> Answer:
        body = await self._body(request)
        if body.get("reset") is True:
            return {"removed": self._cloud.quotas.reset()}
        registry = self._registry_meant(body)
        if "value" not in body:
            raise Refused(400, 'Expected {"name": a quota, "value": a number or null} or {"reset": true}.')
        try:
            name = self._cloud.quotas.set(registry, body.get("name"), body["value"])
        except NoQuota as error:
            raise Refused(400, str(error)) from None
        return next(quota for quota in self._cloud.quotas.shown(registry) if quota["name"] == name)

    def _registry_meant(self, body: dict[str, Any]) -> str:
        service, region = body.get("service", "ecr"), body.get("region", REGION)
        if service not in ("ecr", "ecr-public"):
            raise Refused(400, f"The services with quotas are ecr and ecr-public, not {service!r:.50}.")
        if not isinstance(region, str) or region not in regions():
            raise Refused(400, f"{region!r:.50} is not an AWS Region.")
        return f"{self._account(body)}/{PUBLIC if service == 'ecr-public' else region}"

    def _account(self, body: dict[str, Any]) -> str:
        account = body.get("account", ACCOUNT)
        if not isinstance(account, str) or not re.fullmatch(r"[0-9]{12}", account):
            raise Refused(400, f"An account is a string of 12 digits, not {account!r}.")
        return account

    async def _pull_as(self, request: web.Request) -> Answer:
        body = await self._body(request)
        account, region = self._account(body), body.get("region", REGION)
        who, repository, tag, role = (body.get(name) for name in ("who", "repository", "tag", "role"))
        if not isinstance(repository, str) or not isinstance(tag, str | None):
            raise Refused(400, "repository is a name, tag a name or left out.")
        if who == "lambda":
            try:
                return await asyncio.to_thread(pullers.as_lambda, self._cloud, account, region, repository, tag)
            except LookupError as error:
                raise Refused(404, str(error.args[0])) from None
        if who != "eks-node":
            raise Refused(400, f"Expected who to be lambda or eks-node, not {who!r}.")
        bare = not re.search(r"[.:].*/", repository)
        address = f"{registry_name(account, region)}/{repository}" if bare else repository
        image = f"{address}:{tag}" if tag else address
        given = role if isinstance(role, str) else "node"
        return await asyncio.to_thread(pullers.as_eks_node, self._cloud, account, image, given, region)

    async def _ecs(self, request: web.Request) -> Answer:
        return inside.meant(self._cloud, self._account(dict(request.query)))

    async def _ecs_tasks(self, request: web.Request) -> Answer:
        return {"tasks": inside.all_tasks(self._cloud)}

    async def _ecs_task(self, request: web.Request) -> Answer:
        body = await self._body(request)
        lines = body.get("lines", 200)
        if not isinstance(lines, int) or isinstance(lines, bool) or not 0 < lines <= 10_000:
            raise Refused(400, f"lines is a number from 1 to 10000, not {lines!r:.50}.")
        return await asyncio.to_thread(inside.shown, self._cloud, self._task_meant(body), lines)

    async def _ecs_page(self, request: web.Request) -> Answer:
        body = await self._body(request)
        port, path = body.get("port"), body.get("path", "/")
        if port is not None and (not isinstance(port, int) or isinstance(port, bool) or not 0 < port < 65536):
            raise Refused(400, f"port is a number from 1 to 65535, or left out, not {port!r:.50}.")
        if not isinstance(path, str) or not re.fullmatch(r"/[!-~]{0,1000}", path):
            raise Refused(400, "path begins with / and has neither blanks nor other characters that a URL has not.")
        try:
            return await asyncio.to_thread(inside.page, self._cloud, self._task_meant(body), port, path)
        except inside.NotThere as error:
            raise Refused(409, str(error)) from None

    def _task_meant(self, body: dict[str, Any]) -> dict[str, Any]:
        names = {name: body.get(name, "") for name in ("task", "cluster", "account", "region")}
        if not all(isinstance(value, str) for value in names.values()):
            raise Refused(400, "task, cluster, account and region are texts, or left out.")
        text = names.pop("task")
        try:
            return inside.find(self._cloud, text, **names)
        except inside.NotThere as error:
            raise Refused(404, str(error)) from None

    async def _reset(self, request: web.Request) -> Answer:
        body = await self._body(request)
        account, region = self._account(body), body.get("region", REGION)
        registry = f"{account}/{PUBLIC if body.get('public') is True else region}"
        removed: list[str] = []
        parts = False
        for key in ("policies", "repositories", "users"):
            names = body.get(key)
            if names is None:
                continue
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise Refused(400, f"{key} is a list of names.")
            parts = True
            if key == "policies":
                removed += seed.reset_policies(self._cloud, registry, names)
            elif key == "repositories":
                removed += seed.reset_repositories(self._cloud, registry, names)
            else:
                for name in names:
                    removed += seed.reset_user(self._cloud, account, name)
        if "settings" in body:
            if body["settings"] is not True:
                raise Refused(400, "settings is true, or left out.")
            parts = True
            removed += seed.reset_settings(self._cloud, registry)
        if "delivery" in body:
            if body["delivery"] is not True:
                raise Refused(400, "delivery is true, or left out.")
            parts = True
            removed += await asyncio.to_thread(seed.reset_delivery, self._cloud, account)
        if "all" in body:
            if body["all"] is not True or "account" not in body:
                raise Refused(400, "all is true, or left out, and goes with an account.")
            parts = True
            removed += await asyncio.to_thread(seed.empty_account, self._cloud, account)
        if "hub" in body:
            if body["hub"] is not True:
                raise Refused(400, "hub is true, or left out.")
            parts = True
            removed += self._hub.reset()
        if "ci" in body:
            if body["ci"] is not True:
                raise Refused(400, "ci is true, or left out.")
            parts = True
            removed += await self._ci.reset()
        named = {key: body[key] for key in ("clusters", "families") if body.get(key) is not None}
        if not all(
            isinstance(found, list) and all(isinstance(name, str) for name in found) for found in named.values()
        ):
            raise Refused(400, "clusters and families are lists of names.")
        if named:
            parts = True
            given = (named.get("clusters", []), named.get("families", []))
            removed += await asyncio.to_thread(remove, self._cloud, f"{account}/{region}", *given)
        if parts:
            return {"removed": removed}
        removed = [*seed.reset_all(self._cloud), *self._hub.reset(), *await self._ci.reset()]
        if self._cloud.host.runner is not None:
            await asyncio.to_thread(self._cloud.host.runner.close)
        self._cloud.scan_seconds = 0.0
        for off in self._cloud.regions_off:
            await self._switched(off, True)
            removed.append(f"the switch that kept {off} off")
        return {"removed": removed}
